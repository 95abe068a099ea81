"""A program: instructions over one arena of memory, run at the machine's speed or one by one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl.autodiff import Node
from minidl.core import (
    ArgumentError,
    Exclusive,
    RecordError,
    ShapeError,
    Together,
    as_array,
    as_numbers,
    cast_checked,
    distinct,
    printable,
    whole_number,
)
from minidl.kernels import checks
from minidl.optim import AHEAD, Optimizer
from minidl.program.code import MachineCode
from minidl.program.epochs import Epochs
from minidl.program.instruction import Instruction
from minidl.program.places import offset, root
from minidl.program.printing import listing
from minidl.program.tape import ParameterOutcome

SLICE = 0.2
"""Seconds that one compiled call may take: so often Ctrl-C and progress bars are answered."""


@dataclass(frozen=True)
class RunInstruction:
    """What one instruction read and wrote, by name; arrays are copies.

    ``before`` is what the written memory held until then: where updates in place start from.
    Beside a part that was written (``kernel.partial``) lies whatever memory held.
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
        Records the same step anew on other rows.
    confirm : callable
        Runs the Python of the step once more; an error if it has changed.

    Attributes
    ----------
    code : Code
        The instructions as the machine reads them.
    """

    def __init__(
        self,
        instructions: Sequence[Instruction],
        *,
        inputs: Sequence[np.ndarray],
        loss: np.ndarray,
        optimizers: Mapping[Optimizer, int] | None = None,
        outcomes: Sequence[ParameterOutcome] = (),
        checks: Sequence[Sequence[Callable[[np.ndarray], None]]] = (),
        workspace: int = 0,
        again: Callable[[list[np.ndarray]], Program] | None = None,
        confirm: Callable[[], object] = lambda: None,
    ) -> None:
        self.instructions, self.inputs, self.loss = list(instructions), tuple(inputs), loss
        self.optimizers, self.outcomes = dict(optimizers or {}), list(outcomes)
        self.checks, self.workspace = checks or [[] for _ in inputs], workspace
        self._confirm, self._again, self._others = confirm, again, dict[int, Program]()
        self._position, self._pace = 0, float("inf")  # the first call is one step
        self._most = AHEAD // max(self.optimizers.values(), default=1)
        if self._most and not all(optimizer._looks_ahead() for optimizer in self.optimizers):
            self._most = 1
        self._epochs: Epochs | None = None
        self._borrowed: list[tuple[int, int, int, slice, Any]] | None = None
        self._running = Exclusive("a program", "Record one for each thread.")
        if not self._most:
            expected, remedy = f"at most {AHEAD} updates by one optimizer", "Split the step."
            raise RecordError("the step", expected, "more", remedy)
        for instruction in self.instructions:
            instruction.check()
        self.code = MachineCode(self.instructions)
        self._own()

    def _own(self) -> None:
        """Take note of what this works on, so that it is seen when somebody replaces it."""
        self._states = [(x, x.nbytes) for x in self._optimizer_states()]
        nodes: list[Node] = [p for o in self.optimizers for p in o.parameters]
        nodes += [outcome.node for outcome in self.outcomes]
        counts = {id(node._changes): node._changes for node in nodes if node._changes is not None}
        self._changes = [(count, count[0]) for count in counts.values()]
        turns = [node._training for node in nodes] + [o._turn for o in self.optimizers]
        self._turns = distinct([self._running, *turns])

    def _optimizer_states(self) -> list[np.ndarray]:
        return [array for optimizer in self.optimizers for array in optimizer.state.values()]

    @property
    def rows(self) -> int:
        """How many rows a batch has."""
        return len(self.inputs[0])

    def __call__(self, *batch: Any, confirm: bool = True) -> float:
        """Run the step once on a batch; returns its loss before the update."""
        with self._alone(confirm):
            self._load(batch)
            return self._once()

    def repeat(self, batch: Sequence[np.ndarray]) -> float:
        """The step once on a batch that is known to be right, for recording to compare with."""
        for slot, part in zip(self.inputs, batch, strict=True):
            slot[...] = part
        self._prepare(1)
        stopped = self.code.run()
        if stopped is not None:
            raise stopped.error()
        return float(self.loss.reshape(-1)[0])

    def _once(self) -> float:
        self._prepare(1)
        if (stopped := self.code.run()) is not None:
            error = stopped.error()
            raise error
        self._finish()
        return float(self.loss.reshape(-1)[0])

    @contextmanager
    def _alone(self, confirm: bool) -> Iterator[None]:
        """While this runs nobody else trains what it trains; first see that it still fits."""
        with Together(self._turns):
            self.check_memory()
            if confirm:
                self.confirm()
            yield

    def check_memory(self) -> None:
        """An error if what it was recorded with was frozen, thawed, moved or replaced since."""
        got = None
        if any(count[0] != before for count, before in self._changes):
            got = "parameters that were frozen, thawed or moved since"
        states = self._optimizer_states()
        if len(states) != len(self._states) or any(
            now is not array or now.nbytes != size
            for now, (array, size) in zip(states, self._states, strict=True)
        ):
            got = "an optimizer's state that was replaced since"
        if got:
            expected, remedy = "what it was recorded with", "Record the step again."
            raise RecordError("program", expected, got, remedy)

    def step(self, *batch: Any) -> RunInstruction:
        """Run the next instruction; the first one wants a batch, as does starting again."""
        if not batch and self._position == 0:
            wanted, remedy = "a batch to start on", "Write program.step(x, y)."
            raise ArgumentError("program.step()", wanted, "none", remedy)
        with self._alone(confirm=bool(batch)):
            if batch:
                self._load(batch)
                self._prepare(1)
                self._position = 0
            return self._step(self._position)

    def _step(self, i: int) -> RunInstruction:
        instruction = self.instructions[i]
        named = list(zip(instruction.names, instruction.shown, strict=True))
        writes = instruction.kernel.writes
        read = {name: np.copy(x) for j, (name, x) in enumerate(named) if j not in writes}
        written = dict(named[j] for j in writes)
        before = {name: np.copy(x) for name, x in written.items()}
        if (stopped := self.code.run([(i, i + 1, 1)])) is not None:
            self._position = 0
            raise stopped.error()
        wrote = {name: np.copy(x) for name, x in written.items()}
        self._position = (i + 1) % len(self.instructions)
        if self._position == 0:
            self._finish()
        return RunInstruction(instruction, read, before, wrote)

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
        ShapeError, DomainError, DataError
            If the data are not what the step takes.
        RecordError
            If the step is no longer what was recorded.
        """
        with self._alone(confirm):
            tables = self._tables(data)
            order = _order(order, len(tables[0]))
            if self._epochs is None or not self._epochs.read(tables, order):
                self._epochs = Epochs(self, tables, order)
            try:
                return self._epochs.run(order, self._paced)
            finally:  # also when Ctrl-C comes between two calls
                if self._epochs.began:
                    self._finish()

    def of_rows(self, rows: int) -> Program:
        """The same step for batches of another size, in the same workspace."""
        rows = whole_number("program.of_rows(rows)", rows, example=32, high=2**24)
        if rows == self.rows:
            return self
        if rows not in self._others:
            assert self._again is not None
            which = np.arange(rows) % self.rows
            self._others[rows] = self._again([slot[which] for slot in self.inputs])
        return self._others[rows]

    def rebind(self, optimizer: Optimizer) -> None:
        """Update by another optimizer of the same kind, on the same parameters, from now on."""
        (before,) = self.optimizers or (optimizer,)
        if before is not optimizer:
            for program in (self, *self._others.values()):
                program._exchange(before, optimizer)

    def _exchange(self, before: Optimizer, after: Optimizer) -> None:
        if self._borrowed is None:
            self._borrowed = self._parts_of(before)
        memory = after._work()
        for i, j, which, part, shape in self._borrowed:
            self.code.replace(i, j, memory[which][part].reshape(shape))
        self.optimizers = {after: self.optimizers[before]}
        self._own()

    def _parts_of(self, optimizer: Optimizer) -> list[tuple[int, int, int, slice, Any]]:
        """Operands in an optimizer's memory: instruction, operand, which array, part, shape."""
        arrays = {id(array): which for which, array in enumerate(optimizer._work())}
        parts = []
        for i, line in enumerate(self.instructions):
            for j, operand in enumerate(line.operands):
                if isinstance(operand, np.ndarray) and id(root(operand)) in arrays:
                    start = offset(operand, root(operand)) // operand.itemsize
                    part = slice(start, start + operand.size)
                    parts.append((i, j, arrays[id(root(operand))], part, operand.shape))
        return parts

    def forget(self) -> None:
        """Let go of all data."""
        if self._epochs is not None:
            self._epochs.forget()
        for program in (self, *self._others.values()):
            program._again = program._confirm = _forgotten
            for slot in program.inputs:
                slot[...] = 0

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
            optimizer._prepare(times * updates)

    def _tables(self, data: Sequence[Any]) -> list[np.ndarray]:
        """The data as the program reads them, checked once."""
        if len(data) != len(self.inputs):
            got = f"{len(data)}"
            raise ShapeError("program", f"{len(self.inputs)} arrays", got, "Give one an input.")
        dtype = self.loss.dtype
        tables = [cast_checked("program", as_numbers("program", x), dtype) for x in data]
        for table, slot, entry in zip(tables, self.inputs, self.checks, strict=True):
            if table.shape[1:] != slot.shape[1:] or not table.ndim:
                wanted = f"shape {('rows', *slot.shape[1:])}".replace("'", "")
                remedy = "Give rows like those that it was recorded with, reshaped if need be."
                raise ShapeError("program", wanted, f"shape {table.shape}", remedy)
            if len(table) != len(tables[0]):
                wanted, remedy = f"{len(tables[0])} rows, as in the first array", "Check the split."
                raise ShapeError("program", wanted, f"{len(table)}", remedy)
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
            parameter._count_write(writes)

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise RecordError(
            "a program",
            "to stay in its process: it is machine code on the memory of one network",
            "a copy or a pickle of it",
            "Copy or save the network, and record its step again.",
        )

    def __len__(self) -> int:
        return len(self.instructions)

    def __str__(self) -> str:
        return printable(listing(self.instructions))

    def __repr__(self) -> str:
        shapes = ", ".join(str(slot.shape) for slot in self.inputs)
        return f"Program({len(self)} instructions, inputs {shapes}, {self.workspace} bytes)"


def _forgotten(*_: Any) -> Any:
    """What a program that is kept for the next training does no more."""
    expected, got = "a program of a step at hand", "one that was kept without its data"
    raise RecordError("program", expected, got, "Record the step again.")


def _order(order: Any, length: int) -> np.ndarray:
    """Which rows in which order, each of them there."""
    if order is None:
        return np.arange(length)
    rows = as_array("order", order)
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


@dataclass(frozen=True)
class Kept:
    """A program that stays with its network, and all that its instructions depend on."""

    key: list[Any]
    program: Program
