"""Instructions as the machine reads them; one by one where somebody watches, or without JIT."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import numpy as np

from minidl.autodiff import watcher
from minidl.core import ShapeError
from minidl.kernels.jit import JIT, Refused
from minidl.program.instruction import Instruction


class MachineCode:
    """Instructions as the machine reads them; ``+`` puts one list behind another."""

    def __init__(self, instructions: Sequence[Instruction]) -> None:
        self.instructions = list(instructions)
        self._table, self._words = np.empty((0, 3), np.int64), list[np.ndarray]()
        # Held here as well: machine code goes on with their addresses, whoever lets go of them.
        self._held = [[*line.operands] for line in self.instructions]
        self._first = [*accumulate(map(len, self._held), initial=0)]
        if JIT:
            self._assemble()

    def _assemble(self) -> None:
        from minidl.kernels import machine

        words = np.array(
            [
                word
                for line in self.instructions
                for x in line.operands
                for word in machine.words(x)
            ],
            np.int64,
        )
        place, rows = words.__array_interface__["data"][0], []
        for line in self.instructions:
            rows.append((*machine.addresses(line.kernel, line.operands), place))
            place += 8 * machine.WORDS * len(line.operands)
        self._table, self._words = np.array(rows, np.int64).reshape(-1, 3), [words]

    def replace(self, i: int, j: int, operand: np.ndarray) -> None:
        """Have instruction i read or write another array as its operand j."""
        line = self.instructions[i]
        line.operands[j] = line.shown[j] = self._held[i][j] = operand
        if JIT:
            from minidl.kernels import machine

            (words,) = self._words
            first = machine.WORDS * (self._first[i] + j)
            words[first : first + machine.WORDS] = machine.words(operand)

    def __add__(self, other: MachineCode) -> MachineCode:
        both = MachineCode([])
        both.instructions = self.instructions + other.instructions
        both._table = np.concatenate([self._table, other._table])
        both._words = self._words + other._words
        both._held = self._held + other._held
        return both

    def run(self, parts: Sequence[tuple[int, int, int]] = ()) -> Instruction | None:
        """Instructions ``first`` to ``last``, so many times, for each part; all once if none.

        Returns the one that refused its operands, at which it stopped.
        """
        parts = parts or [(0, len(self.instructions), 1)]
        watching = watcher()
        if JIT and watching is None:
            from minidl.kernels import machine

            stop = machine.run(self._table, np.array(parts, np.int64))
            return None if stop < 0 else self.instructions[stop]
        for first, last, times in parts:
            for _ in range(times):
                for line in self.instructions[first:last]:
                    if watching is not None:
                        watching.step(line)
                    try:
                        line.kernel(*line.operands)
                    except (Refused, ShapeError):
                        return line
        return None
