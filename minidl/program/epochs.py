"""A program run through a dataset, epoch after epoch, without Python between its batches."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from minidl.errors import MinidlError
from minidl.kernels import rows
from minidl.program.code import Code
from minidl.program.instruction import Instruction
from minidl.program.places import address, place

if TYPE_CHECKING:
    from minidl.program.program import Program


class Epochs:
    """A program, and its twin for the last rows, between two more instructions.

    One takes the next rows from the dataset where it lies, the other keeps their loss.
    """

    def __init__(self, program: Program, tables: Sequence[np.ndarray], order: np.ndarray) -> None:
        self._tables, self._size = list(tables), program.rows
        self._places = [(*place(table), address(table)) for table in tables]
        self._rows = order.shape[-1]
        self._full, rest = divmod(self._rows, program.rows)
        self._batches = self._full + bool(rest)
        epochs = math.prod(order.shape[:-1])
        room = epochs if order.ndim == 1 else 8 * epochs  # the next ones may be more
        self._order, self._cursor = np.zeros(room * self._rows, np.int64), np.zeros(2, np.int64)
        self._losses = np.zeros(room * self._batches)
        full = self._around(program) if self._full else Code([])
        self._ends = len(full.instructions)
        self._code = full + self._around(program.of_rows(rest)) if rest else full

    def read(self, tables: Sequence[np.ndarray], order: np.ndarray) -> bool:
        """Whether they were made for this memory, for as many rows, and for as many epochs."""
        same = [(*place(table), address(table)) for table in tables] == self._places
        return bool(same) and order.shape[-1] == self._rows and order.size <= self._order.size

    def run(
        self, order: np.ndarray, paced: Callable[[int, Callable[[int, int], None]], None]
    ) -> np.ndarray:
        """Every batch once, by ``paced(steps, run)``, which cuts them up; returns their losses."""
        self._order[: order.size], self._cursor[:] = order.reshape(-1), 0
        epochs = order.shape[:-1]
        steps = math.prod(epochs) * self._batches

        def run(done: int, now: int) -> None:
            stopped = self._code.run(self._parts(done, now))
            if stopped is not None:
                raise stopped.error()

        try:
            paced(steps, run)
        except MinidlError as error:
            if order.ndim > 1:
                error.epoch = int(self._cursor[1]) // self._batches
            self._tell_place(error)
            raise
        return self._losses[:steps].reshape(*epochs, self._batches).copy()

    def _tell_place(self, error: MinidlError) -> None:
        """Name the batch that was worked on, and its row if one number is to blame."""
        begin, batch = int(self._cursor[0]), int(self._cursor[1]) % self._batches
        size = self._size if batch < self._full else self._rows - self._full * self._size
        error.found_in(batch, self._order[begin : begin + size])

    @property
    def began(self) -> bool:
        """Whether a batch was finished since the last start."""
        return bool(self._cursor[1])

    def _parts(self, done: int, now: int) -> list[tuple[int, int, int]]:
        """Which instructions, how often, for the next steps: full batches, and the rest."""
        parts, end = [], done + now
        while done < end:
            ahead = self._full - done % self._batches  # full batches left in this epoch
            times = min(ahead, end - done) or 1
            first, last = (0, self._ends) if ahead else (self._ends, len(self._code.instructions))
            parts.append((first, last, times))
            done += times
        return parts

    def _around(self, program: Program) -> Code:
        takes = [
            Instruction(
                rows.take,
                [table.reshape(len(table), -1), self._order, self._cursor, slot],
                ["data", "order", "cursor", "batch"],
            )
            for table, slot in zip(
                self._tables, (x.reshape(program.rows, -1) for x in program.inputs), strict=True
            )
        ]
        kept = Instruction(
            rows.keep,
            [program.loss.reshape(-1), self._losses, self._cursor, program.rows],
            ["loss", "losses", "cursor", "rows"],
        )
        for instruction in (*takes, kept):
            instruction.check()
        return Code(takes) + program.code + Code([kept])
