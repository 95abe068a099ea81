"""One instruction of a program: a kernel with its operands and their names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minidl.core import MinidlError, RecordError
from minidl.kernels.jit import Kernel

SETTINGS = ("step_numbers", "hyper_values")
"""Parameters of kernels that are no results of a step, but hyper-parameters and the like."""


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
    refusal : callable or None
        For a check: the error for numbers that it has refused.
    """

    kernel: Kernel
    operands: list[Any]
    names: list[str]
    phase: str = "forward"
    title: str = ""
    node: int = -1
    shown: list[Any] = field(default_factory=list)
    refusal: Callable[[np.ndarray], MinidlError] | None = None

    def __post_init__(self) -> None:
        self.shown = self.shown or self.operands

    def check(self) -> None:
        """Refuse operands that machine code cannot work on as they lie; kernels see to sizes."""
        arrays = [x for x in self.operands if isinstance(x, np.ndarray)]
        sound = all(x.flags.c_contiguous and x.flags.aligned for x in arrays)
        sound &= all(self.operands[i].flags.writeable for i in self.kernel.writes)
        if not sound:
            shown = ", ".join(
                f"{name} {x.shape}" if isinstance(x, np.ndarray) else f"{name} {x}"
                for name, x in zip(self.names, self.operands, strict=True)
            )
            raise RecordError(
                f"instruction {self.kernel.name}",
                "operands that lie in one piece, and can be written to where it writes",
                shown,
                "This is a mistake in the operation that made it.",
            )

    def error(self) -> MinidlError:
        """Why it has refused its operands."""
        if self.refusal is None:
            return self.kernel.misfit(self.operands)
        return self.refusal(self.shown[0])
