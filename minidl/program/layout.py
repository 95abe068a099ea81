"""Which memory a program works in: what it shares, what it copies, and one arena for the rest.

Arrays of a tape are told apart by what two recordings of one step have in common. Memory that is
the same in both (parameters, gradients, optimizer state, counters) is used where it lies. What a
kernel writes before any reads it is workspace. What is read and was never written is a constant,
and must hold the same numbers in both recordings.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl.errors import RecordError
from minidl.program.tape import Call, Tape, address, root

ALIGNMENT = 64
"""Bytes: a cache line, and the widest vector register."""


def compare(first: Tape, second: Tape) -> dict[int, np.ndarray]:
    """The second recording's memory for each of the first's; an error where the two differ."""
    _compare_kernels(first, second)
    twins = _compare_arguments(first, second)
    slots = {id(array) for array in first.inputs}
    for key, life in lifetimes(first.calls).items():
        twin = twins[key]
        constant = not life.made and key not in slots and twin is not life.owner
        if constant and not np.array_equal(life.owner, twin, equal_nan=True):
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
        if a.offsets != b.offsets:
            _differ(a, "one part of an array", "another")
        for x, y, mine, other in zip(a.arguments, b.arguments, a.owners, b.owners, strict=True):
            if mine is None or other is None:
                if x != y and not (x != x and y != y):
                    _differ(a, f"the number {x}", f"{y}")
                continue
            if x.shape != y.shape or x.dtype != y.dtype:
                _differ(a, f"shape {x.shape} of {x.dtype}", f"{y.shape} of {y.dtype}")
            if twins.setdefault(id(mine), other) is not other:
                _differ(a, "one array", "another")
    return twins


def _differ(call: Call, first: str, second: str) -> None:
    raise RecordError(
        f"the step, at {call.title or call.kernel.name} ({call.phase})",
        "the same for every batch",
        f"{first} for one batch, {second} for the next",
        "A step that changes from call to call cannot be recorded: write fit(record=False), "
        "or hand what changes to the step as an input.",
    )


@dataclass(slots=True)
class Life:
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
        for j, owner in enumerate(call.owners):
            if owner is None:
                continue
            life = found.get(id(owner))
            if life is None:
                found[id(owner)] = Life(owner, i, i, j in call.kernel.writes)
            else:
                life.end = i
    return found


def needed(tape: Tape, twins: Mapping[int, np.ndarray], loss: np.ndarray) -> list[Call]:
    """The calls without those whose results nobody reads, such as a softmax before its loss."""
    owners = {id(owner): owner for call in tape.calls for owner in call.owners}
    wanted = {key for key, twin in twins.items() if twin is owners[key]} | {id(root(loss))}
    kept = []
    for call in reversed(tape.calls):
        if not wanted.isdisjoint(map(id, call.written())):
            kept.append(call)
            wanted.update(map(id, call.owners))
    return kept[::-1]


def arena(blocks: Sequence[tuple[int, int, int]], keep: bool) -> tuple[list[int], int]:
    """Places for blocks of (bytes, first, last call), so that no two in use at once overlap."""
    offsets, total = [0] * len(blocks), 0
    placed: list[tuple[int, int, int]] = []  # from, to, last call; by where they lie
    for i in sorted(range(len(blocks)), key=lambda i: blocks[i][1]):
        size, begin, end = blocks[i]
        if not keep:
            placed = [other for other in placed if other[2] >= begin]
        offset = 0
        for low, high, _ in placed:
            if low >= offset + size:
                break
            offset = max(offset, -(-high // ALIGNMENT) * ALIGNMENT)
        insort(placed, (offset, offset + size, end))
        offsets[i] = offset
        total = max(total, offset + size)
    return offsets, total


def _aligned(size: int) -> np.ndarray:
    memory = np.empty(size + ALIGNMENT, np.uint8)
    shift = -address(memory) % ALIGNMENT
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
            (life.owner.nbytes, life.begin, len(calls) if life.owner is root(loss) else life.end)
            for life in workspace
        ]
        offsets, self.size = arena(blocks, keep)
        if memory is None or len(memory) < self.size:
            memory = _aligned(self.size)
        self.memory = memory
        self._places = {
            id(life.owner): memory[start : start + life.owner.nbytes]
            for life, start in zip(workspace, offsets, strict=True)
        }

    def __call__(self, array: Any, owner: np.ndarray | None, offset: int) -> Any:
        """An argument of the tape in the program's memory."""
        home = self._places.get(id(owner))
        if home is None:
            return array
        return home[offset : offset + array.nbytes].view(array.dtype).reshape(array.shape)
