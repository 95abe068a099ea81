"""Which memory a program works in: what it shares, what it copies, and one arena for the rest.

Arrays of a tape are told apart by what two recordings of one step have in common. Memory that is
the same in both (parameters, gradients, optimizer state, counters) is used where it lies. What a
kernel writes before any reads it is workspace. What is read and was never written is a constant,
and must hold the same numbers in both recordings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from minidl.errors import RecordError
from minidl.program.tape import Call, Tape, place

ALIGNMENT = 64
"""Bytes: a cache line, and the widest vector register."""


def root(array: np.ndarray) -> np.ndarray:
    """The array that owns the memory of a view."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def _blame(call: Call) -> str:
    return f"the step, at {call.title or call.kernel.name} ({call.phase})"


def compare(first: Tape, second: Tape) -> dict[int, np.ndarray]:
    """The second recording's memory for each of the first's; an error where the two differ."""
    _compare_kernels(first, second)
    twins = _compare_arguments(first, second)
    slots = {id(array) for array in first.inputs}
    for key, life in lifetimes(first.calls).items():
        constant = not life.made and key not in slots and twins[key] is not life.owner
        if constant and not np.array_equal(life.owner, twins[key]):
            _differ(first.calls[life.begin], "some numbers", "others")
    return twins


def _compare_kernels(first: Tape, second: Tape) -> None:
    for a, b in zip(first.calls, second.calls, strict=False):
        if a.kernel is not b.kernel:
            _differ(a, a.kernel.name, b.kernel.name)
    if len(first.calls) != len(second.calls):
        longer = max(first.calls, second.calls, key=len)
        call = longer[min(len(first.calls), len(second.calls))]
        _differ(call, f"{len(first.calls)} instructions", f"{len(second.calls)}")


def _compare_arguments(first: Tape, second: Tape) -> dict[int, np.ndarray]:
    twins: dict[int, np.ndarray] = {}
    for a, b in zip(first.calls, second.calls, strict=True):
        for x, y in zip(a.arguments, b.arguments, strict=True):
            if not isinstance(x, np.ndarray):
                if x != y and not (x != x and y != y):
                    _differ(a, f"the number {x}", f"{y}")
                continue
            if x.shape != y.shape or x.dtype != y.dtype:
                _differ(a, f"shape {x.shape} of {x.dtype}", f"{y.shape} of {y.dtype}")
            if twins.setdefault(id(root(x)), root(y)) is not root(y):
                _differ(a, "one array", "another")
    return twins


def _differ(call: Call, first: str, second: str) -> None:
    raise RecordError(
        _blame(call),
        "the same for every batch",
        f"{first} for one batch, {second} for the next",
        "A step that changes from call to call cannot be recorded: write fit(record=False), "
        "or hand what changes to the step as an input.",
    )


class Life(NamedTuple):
    """Memory of a tape: its owner, the first and the last call that uses it.

    ``made`` tells whether a kernel writes into it before any reads it.
    """

    owner: np.ndarray
    begin: int
    end: int
    made: bool


def lifetimes(calls: Sequence[Call]) -> dict[int, Life]:
    """The life of each piece of memory, by its owner's id."""
    found: dict[int, Life] = {}
    for i, call in enumerate(calls):
        for j, argument in enumerate(call.arguments):
            if isinstance(argument, np.ndarray):
                owner = root(argument)
                life = found.get(id(owner)) or Life(owner, i, i, j in call.kernel.writes)
                found[id(owner)] = life._replace(end=i)
    return found


def needed(tape: Tape, twins: Mapping[int, np.ndarray], loss: np.ndarray) -> list[Call]:
    """The calls without those whose results nobody reads, such as a softmax before its loss."""
    lives = lifetimes(tape.calls)
    wanted = {key for key, life in lives.items() if twins[key] is life.owner} | {id(root(loss))}
    kept = []
    for call in reversed(tape.calls):
        if any(id(root(call.arguments[i])) in wanted for i in call.kernel.writes):
            kept.append(call)
            wanted |= {id(root(x)) for x in call.arguments if isinstance(x, np.ndarray)}
    return kept[::-1]


def arena(blocks: Sequence[tuple[int, int, int]], keep: bool) -> tuple[list[int], int]:
    """Places for blocks of (bytes, first, last call), so that no two in use at once overlap."""
    offsets: list[int] = []
    total = 0
    placed: list[tuple[int, int, int, int]] = []
    for size, begin, end in blocks:
        offset = 0
        for low, high, start, stop in sorted(placed):
            alive = keep or (start <= end and begin <= stop)
            if alive and low < offset + size and offset < high:
                offset = -(-high // ALIGNMENT) * ALIGNMENT
        placed.append((offset, offset + size, begin, end))
        offsets.append(offset)
        total = max(total, offset + size)
    return offsets, total


def _aligned(size: int) -> np.ndarray:
    memory = np.empty(size + ALIGNMENT, np.uint8)
    shift = -place(memory)[0] % ALIGNMENT
    return memory[shift : shift + size]


class Layout:
    """New memory for the arrays of a tape: ``layout(array)`` is where one lies in the program.

    ``memory`` is another layout's, used again if it is large enough.
    """

    def __init__(
        self,
        calls: Sequence[Call],
        inputs: Sequence[np.ndarray],
        twins: Mapping[int, np.ndarray],
        loss: np.ndarray,
        keep: bool,
        memory: np.ndarray | None = None,
    ) -> None:
        lives, slots = lifetimes(calls), {id(array) for array in inputs}
        shared = {key for key, life in lives.items() if twins[key] is life.owner}
        made = {key: life for key, life in lives.items() if life.made and key not in shared | slots}
        self.writable = shared | set(made)
        # Counters and the like are few and of another dtype: they stay where they are.
        workspace = [life for life in made.values() if life.owner.dtype == loss.dtype]
        blocks = [
            (owner.nbytes, begin, len(calls) if owner is root(loss) else end)
            for owner, begin, end, _ in workspace
        ]
        offsets, self.size = arena(blocks, keep)
        if memory is None or len(memory) < self.size:
            memory = _aligned(self.size)
        self.memory = memory
        self._places = {
            id(life.owner): memory[offset : offset + life.owner.nbytes]
            for life, offset in zip(workspace, offsets, strict=True)
        }

    def __call__(self, array: Any) -> Any:
        """An argument of the tape in the program's memory."""
        home = self._places.get(id(root(array))) if isinstance(array, np.ndarray) else None
        if home is None:
            return array
        start = place(array)[0] - place(root(array))[0]
        return home[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
