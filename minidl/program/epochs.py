"""A program run through a dataset, epoch after epoch, without Python between its batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any, Protocol

import numpy as np

from minidl.core import MinidlError
from minidl.kernels import rows
from minidl.program.code import MachineCode
from minidl.program.instruction import Instruction
from minidl.program.places import address, place


class Steps(Protocol):
    """What is run over and over: a program."""

    inputs: tuple[np.ndarray, ...]
    loss: np.ndarray
    code: MachineCode

    @property
    def rows(self) -> int:
        """How many a batch has."""

    def of_rows(self, rows: int) -> Any:
        """The same step for batches of another size."""


class Epochs:
    """A program, and its twin for the last rows, between two more instructions.

    One takes the next rows from the dataset where it lies, the other keeps their loss.
    """

    def __init__(self, program: Steps, tables: Sequence[np.ndarray], order: np.ndarray) -> None:
        self._size, self._takes = program.rows, list[MachineCode]()
        self._places: list[tuple[int, int, int, int]] = []
        self._rows = order.shape[-1]
        self._full, rest = divmod(self._rows, program.rows)
        self._batches = self._full + bool(rest)
        epochs = prod(order.shape[:-1])
        room = epochs if order.ndim == 1 else 8 * epochs  # the next ones may be more
        self._order, self._cursor = np.zeros(room * self._rows, np.int64), np.zeros(2, np.int64)
        self._losses = np.zeros(room * self._batches)
        full = self._around(program, tables) if self._full else MachineCode([])
        self._ends = len(full.instructions)
        self._code = full + self._around(program.of_rows(rest), tables) if rest else full
        self.read(tables, order)

    def read(self, tables: Sequence[np.ndarray], order: np.ndarray) -> bool:
        """Take rows from these tables from now on; False if made for other or fewer rows."""
        if order.shape[-1] != self._rows or order.size > self._order.size:
            return False
        places = [(*place(table), address(table)) for table in tables]
        if places != self._places:
            for takes in self._takes:
                for i, table in enumerate(tables):
                    takes.replace(i, 0, _flat(table))
            self._places, self._tables = places, list(tables)
        return True

    def forget(self) -> None:
        """Let go of the tables."""
        self.read([table[:0].copy() for table in self._tables], self._order[: self._rows])

    def run(
        self, order: np.ndarray, paced: Callable[[int, Callable[[int, int], None]], None]
    ) -> np.ndarray:
        """Every batch once, by ``paced(steps, run)``, which cuts them up; returns their losses."""
        self._order[: order.size], self._cursor[:] = order.reshape(-1), 0
        epochs = order.shape[:-1]
        steps = prod(epochs) * self._batches

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

    def _around(self, program: Steps, tables: Sequence[np.ndarray]) -> MachineCode:
        takes = [
            Instruction(
                rows.take,
                [_flat(table), self._order, self._cursor, _flat(slot)],
                ["data", "order", "cursor", "batch"],
            )
            for table, slot in zip(tables, program.inputs, strict=True)
        ]
        kept = Instruction(
            rows.keep,
            [program.loss.reshape(-1), self._losses, self._cursor, program.rows],
            ["loss", "losses", "cursor", "rows"],
        )
        for instruction in (*takes, kept):
            instruction.check()
        self._takes.append(MachineCode(takes))
        return self._takes[-1] + program.code + MachineCode([kept])


def _flat(table: np.ndarray) -> np.ndarray:
    """As rows of numbers."""
    return table.reshape(len(table), prod(table.shape[1:]))
