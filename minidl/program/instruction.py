"""One instruction of a program: a kernel with its operands and their names."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minidl.errors import RecordError
from minidl.kernels.jit import Kernel


@dataclass
class Instruction:
    """A kernel with its operands.

    Attributes
    ----------
    kernel : Kernel
    operands : list
        Arrays in the program's memory, and numbers.
    names : list of str
        What the operands are called: ``dense1.weight``, ``∂dense1``.
    phase, title, node
        See ``tape.Call``.
    shown : list
        The operands again, in the shapes that their names have: kernels see most of them flat.
    """

    kernel: Kernel
    operands: list[Any]
    names: list[str]
    phase: str = "forward"
    title: str = ""
    node: int = -1
    shown: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.shown = self.shown or self.operands

    def check(self) -> None:
        """Refuse operands that the machine code would run over the edge of."""
        arrays = [x for x in self.operands if isinstance(x, np.ndarray)]
        sound = all(x.flags.c_contiguous and x.flags.aligned for x in arrays)
        sound &= all(self.operands[i].flags.writeable for i in self.kernel.writes)
        if not sound or not self.kernel.fits(*self.operands):
            shown = ", ".join(
                f"{name} {x.shape}" if isinstance(x, np.ndarray) else f"{name} {x}"
                for name, x in zip(self.names, self.operands, strict=True)
            )
            raise RecordError(
                f"instruction {self.kernel.name}",
                "operands whose sizes and indices fit each other",
                shown,
                "This is a mistake in the operation that made it.",
            )
