"""A program as text that a learner can read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minidl.document import aligned
from minidl.program.instruction import Instruction


def listing(instructions: Sequence[Instruction]) -> str:
    """One line an instruction: number, phase, operation, operands with shapes, what it mirrors."""
    forward = {
        line.node: i
        for i, line in reversed(list(enumerate(instructions)))
        if line.phase in ("forward", "loss")
    }
    rows = []
    for i, line in enumerate(instructions):
        mirrored = forward.get(line.node) if line.phase == "backward" else None
        mirror = "" if mirrored is None else f"   of {mirrored}"
        rows.append((str(i), line.phase, _operation(line), _operands(line) + mirror))
    return "\n".join(map(str.rstrip, aligned(rows, left=(1, 2, 3))))


def _operation(line: Instruction) -> str:
    """The kernel, and the operation it belongs to where its name does not say so."""
    name = line.kernel.name
    return name if name.startswith(line.title) else f"{line.title}: {name}"


def _operands(line: Instruction) -> str:
    named = []
    for i, (name, operand) in enumerate(zip(line.names, line.shown, strict=True)):
        if isinstance(operand, np.ndarray) and operand.size:
            shape = "×".join(map(str, operand.shape))
            named.append((i in line.kernel.writes, f"{name}[{shape}]" if shape else name))
    read = ", ".join(text for written, text in named if not written)
    wrote = ", ".join(text for written, text in named if written)
    return f"{wrote} ← {read}" if read else wrote
