"""A program: instructions over one arena of memory, run at the machine's speed or one by one."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minidl.errors import AnomalyError, ArgumentError, RecordError, ShapeError
from minidl.kernels import checks, rows
from minidl.kernels.jit import JIT, Kernel, watcher
from minidl.optimizers import AHEAD, Optimizer
from minidl.program.listing import listing
from minidl.program.tape import Outcome, place
from minidl.settings import whole_number

SLICE = 0.2
"""Seconds that one compiled call may take: so often Ctrl-C and progress bars are answered."""


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


@dataclass(frozen=True)
class Step:
    """What one instruction read and wrote, by name; arrays are copies.

    ``before`` is what the written memory held until then: where updates in place start from.
    """

    instruction: Instruction
    read: dict[str, Any]
    before: dict[str, np.ndarray]
    wrote: dict[str, np.ndarray]


class Program:
    """A recorded step; ``minidl.record`` makes it.

    Parameters
    ----------
    instructions : list of Instruction
    inputs : list of ndarray
        Where a batch is put, one array an input of the step.
    loss : ndarray
        Where the loss is found.
    optimizers : mapping of Optimizer to int
        Who updates, and how often in a step.
    outcomes : list of Outcome
        What the step leaves of each parameter.
    checks : list of lists of callables
        What the numbers of each input must satisfy.
    workspace : int
        Bytes of the arena.
    again : callable
        Records the same step for another number of rows.
    confirm : callable
        Runs the Python of the step once more; an error if it has changed.
    """

    def __init__(
        self,
        instructions: Sequence[Instruction],
        *,
        inputs: Sequence[np.ndarray],
        loss: np.ndarray,
        optimizers: Mapping[Optimizer, int] | None = None,
        outcomes: Sequence[Outcome] = (),
        checks: Sequence[Sequence[Callable[[np.ndarray], None]]] = (),
        workspace: int = 0,
        again: Callable[[int], Program] | None = None,
        confirm: Callable[[], object] = lambda: None,
    ) -> None:
        self.instructions, self.inputs, self.loss = list(instructions), list(inputs), loss
        self.optimizers, self.outcomes = dict(optimizers or {}), list(outcomes)
        self.checks, self.workspace = checks or [[] for _ in inputs], workspace
        self._confirm, self._again, self._others = confirm, again, dict[int, Program]()
        self._position, self._pace = 0, float("inf")  # the first call is one step
        self._most = AHEAD // max(self.optimizers.values(), default=1)
        self._epochs: _Epochs | None = None
        if not self._most:
            expected, remedy = f"at most {AHEAD} updates by one optimizer", "Split the step."
            raise RecordError("the step", expected, "more", remedy)
        for instruction in self.instructions:
            instruction.check()
        self._code = _Code(self.instructions)

    @property
    def rows(self) -> int:
        """How many rows a batch has."""
        return len(self.inputs[0])

    def __call__(self, *batch: Any, confirm: bool = True) -> float:
        """Run the step once on a batch; returns its loss before the update."""
        if confirm:
            self.confirm()
        self._load(batch)
        self._prepare(1)
        self._code.run()
        self._finish()
        return float(self.loss.reshape(-1)[0])

    def step(self, *batch: Any) -> Step:
        """Run the next instruction; the first one wants a batch, as does starting again."""
        if batch:
            self.confirm()
            self._load(batch)
            self._prepare(1)
            self._position = 0
        elif self._position == 0:
            wanted, remedy = "a batch to start on", "Write program.step(x, y)."
            raise ArgumentError("program.step()", wanted, "none", remedy)
        i = self._position
        instruction = self.instructions[i]
        named = list(zip(instruction.names, instruction.shown, strict=True))
        writes = instruction.kernel.writes
        read = {name: np.copy(x) for j, (name, x) in enumerate(named) if j not in writes}
        written = dict(named[j] for j in writes)
        before = {name: np.copy(x) for name, x in written.items()}
        self._code.run([(i, i + 1, 1)])
        wrote = {name: np.copy(x) for name, x in written.items()}
        self._position = (i + 1) % len(self.instructions)
        if self._position == 0:
            self._finish()
        return Step(instruction, read, before, wrote)

    def confirm(self) -> None:
        """Run the step's Python once more; a ``RecordError`` if it is not what was recorded."""
        self._confirm()
        for other in self._others.values():  # a step may look at the number of rows
            other.confirm()

    def run(self, *data: Any, order: Any = None, confirm: bool = True) -> np.ndarray:
        """Run once through a dataset, batch by batch, in one compiled call after the other.

        Parameters
        ----------
        *data : arrays
            One for each input, of any number of rows; read where they lie if they are of the
            program's dtype.
        order : array of int, optional
            Which rows, in which order; all of them as they stand if left out. One such list a
            row runs several epochs, each with its own order, without Python between them.
        confirm : bool
            Whether to ask first if the step still is what was recorded, which takes some 0.3 ms.

        Returns
        -------
        ndarray
            The loss of each batch before its update; the last batch of an epoch may have fewer
            rows. Of shape (batches,), or (epochs, batches) as ``order`` is.

        Raises
        ------
        ShapeError, DomainError
            If the data are not what the step takes.
        RecordError
            If the step is no longer what was recorded.
        """
        if confirm:
            self.confirm()
        tables = self._tables(data)
        order = _order(order, len(tables[0]))
        if self._epochs is None or not self._epochs.read(tables, order):
            self._epochs = _Epochs(self, tables, order)
        try:
            return self._epochs.run(order)
        finally:  # also when Ctrl-C comes between two calls
            self._finish()

    def of_rows(self, rows: int) -> Program:
        """The same step for batches of another size, in the same workspace."""
        rows = whole_number("program.of_rows(rows)", rows, example=32)
        if rows == self.rows:
            return self
        if rows not in self._others:
            assert self._again is not None
            self._others[rows] = self._again(rows)
        return self._others[rows]

    def _paced(self, times: int, run: Callable[[int, int], None]) -> None:
        """Run so many steps, in calls of about ``SLICE`` seconds: ``run(done, now)``."""
        done = 0
        while done < times:
            now = max(1, min(times - done, self._most, int(SLICE / self._pace)))
            self._prepare(now)
            began = time.perf_counter()
            run(done, now)
            self._pace = (time.perf_counter() - began) / now
            done += now

    def _prepare(self, times: int) -> None:
        for optimizer, updates in self.optimizers.items():
            optimizer.prepare(times * updates)

    def _tables(self, data: Sequence[Any]) -> list[np.ndarray]:
        """The data as the program reads them, checked once."""
        if len(data) != len(self.inputs):
            got = f"{len(data)}"
            raise ShapeError("program", f"{len(self.inputs)} arrays", got, "Give one an input.")
        tables = [np.ascontiguousarray(x, self.loss.dtype) for x in data]
        for table, slot, entry in zip(tables, self.inputs, self.checks, strict=True):
            if table.shape[1:] != slot.shape[1:] or len(table) != len(tables[0]):
                wanted = f"shape ({len(tables[0])}, …) with rows of {slot.shape[1:]}"
                raise ShapeError("program", wanted, f"shape {table.shape}", "Reshape it.")
            for check in entry:
                check(table)
        return tables

    def _load(self, batch: Sequence[Any]) -> None:
        for slot, part in zip(self.inputs, self._tables(batch), strict=True):
            if part.shape != slot.shape:
                remedy = f"Write program.of_rows({len(part)})(…), or program.run for a dataset."
                raise ShapeError("program", f"shape {slot.shape}", f"shape {part.shape}", remedy)
            slot[...] = part

    def _finish(self) -> None:
        """Let eager code see what the program did: gradients are there, weights were written."""
        self._position = 0
        for parameter, graded, writes in self.outcomes:
            parameter._grad = parameter._home if graded else None
            parameter.written(writes)

    def __len__(self) -> int:
        return len(self.instructions)

    def __str__(self) -> str:
        return listing(self.instructions)

    def __repr__(self) -> str:
        shapes = ", ".join(str(slot.shape) for slot in self.inputs)
        return f"Program({len(self)} instructions, inputs {shapes}, {self.workspace} bytes)"


def _order(order: Any, length: int) -> np.ndarray:
    """Which rows in which order, each of them there."""
    if order is None:
        return np.arange(length)
    rows = np.asarray(order)
    if rows.ndim not in (1, 2) or (rows.size and rows.dtype.kind not in "iu"):
        got, remedy = (
            f"shape {rows.shape} of {rows.dtype}",
            "Write np.flatnonzero(mask) for a mask.",
        )
        raise ShapeError("order", "row numbers in one list, or one an epoch", got, remedy)
    rows = np.ascontiguousarray(rows, np.int64)
    if (wrong := checks.outside_rows(rows.reshape(-1), length)) >= 0:
        got = f"{rows.flat[wrong]} at {wrong}"
        raise ShapeError("order", f"rows from 0 to {length - 1}", got, "Check the order.")
    return rows


class _Epochs:
    """A program, and its twin for the last rows, between two more instructions.

    One takes the next rows from the dataset where it lies, the other keeps their loss.
    """

    def __init__(self, program: Program, tables: Sequence[np.ndarray], order: np.ndarray) -> None:
        self._tables, self._program = list(tables), program
        self._rows = order.shape[-1]
        self._full, rest = divmod(self._rows, program.rows)
        self._batches = self._full + bool(rest)
        epochs = math.prod(order.shape[:-1])
        room = epochs if order.ndim == 1 else 8 * epochs  # the next ones may be more
        self._order, self._cursor = np.zeros(room * self._rows, np.int64), np.zeros(2, np.int64)
        self._losses = np.zeros(room * self._batches)
        full = self._around(program) if self._full else _Code([])
        self._ends = len(full.instructions)
        self._code = full + self._around(program.of_rows(rest)) if rest else full

    def read(self, tables: Sequence[np.ndarray], order: np.ndarray) -> bool:
        """Whether they were made for this memory, for as many rows, and for as many epochs."""
        same = all(place(a) == place(b) for a, b in zip(tables, self._tables, strict=True))
        return same and order.shape[-1] == self._rows and order.size <= self._order.size

    def run(self, order: np.ndarray) -> np.ndarray:
        """Every batch once; returns their losses."""
        self._order[: order.size], self._cursor[:] = order.reshape(-1), 0
        epochs = order.shape[:-1]
        steps = math.prod(epochs) * self._batches
        try:
            self._program._paced(steps, lambda *which: self._code.run(self._parts(*which)))
        except AnomalyError as error:
            error.batch = int(self._cursor[1]) % self._batches
            raise
        return self._losses[:steps].reshape(*epochs, self._batches).copy()

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

    def _around(self, program: Program) -> _Code:
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
        return _Code(takes) + program._code + _Code([kept])


class _Code:
    """Instructions as the machine reads them; ``+`` puts one list behind another."""

    def __init__(self, instructions: Sequence[Instruction]) -> None:
        self.instructions = list(instructions)
        self._table, self._words = np.empty((0, 3), np.int64), list[np.ndarray]()
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

    def __add__(self, other: _Code) -> _Code:
        both = _Code([])
        both.instructions = self.instructions + other.instructions
        both._table = np.concatenate([self._table, other._table])
        both._words = self._words + other._words
        return both

    def run(self, parts: Sequence[tuple[int, int, int]] = ()) -> None:
        """Instructions ``first`` to ``last``, so many times, for each part; all once if none."""
        parts = parts or [(0, len(self.instructions), 1)]
        watching = watcher()
        if JIT and watching is None:
            from minidl.kernels import machine

            machine.run(self._table, np.array(parts, np.int64))
            return
        for first, last, times in parts:
            for _ in range(times):
                for line in self.instructions[first:last]:
                    if watching is None:
                        line.kernel.run(*line.operands)
                    else:
                        watching.step(line)
                        line.kernel(*line.operands)
