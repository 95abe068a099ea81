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
from math import prod

import numpy as np

from minidl.core import RecordError
from minidl.program.places import address
from minidl.program.tape import ArrayPart, Call, Memory, Tape

ALIGNMENT = 64
"""Bytes: a cache line, and the widest vector register."""


def compare(first: Tape, second: Tape) -> dict[Memory, Memory]:
    """The second recording's memory for each of the first's; an error where the two differ.

    The first is one that was traced without numbers, and so holds all its arrays.
    """
    _compare_kernels(first, second)
    twins = _compare_arguments(first, second)
    reported: set[Memory] = set()
    for call in first.calls:
        for memory in call.memories():
            if memory.written_first or memory in first.slots or memory in reported:
                continue
            reported.add(memory)
            mine, other = memory.array, twins[memory].array
            if mine is not other and not _same_numbers(mine, other):
                _differ(call, "some numbers", "others")
    return twins


def _same_numbers(a: np.ndarray | None, b: np.ndarray | None) -> bool:
    return a is not None and b is not None and np.array_equal(a, b, equal_nan=True)


def _compare_kernels(first: Tape, second: Tape) -> None:
    for a, b in zip(first.calls, second.calls, strict=False):
        if a.kernel is not b.kernel:
            _differ(a, a.kernel.name, b.kernel.name)
    if len(first.calls) != len(second.calls):
        longer = max(first.calls, second.calls, key=len)
        call = longer[min(len(first.calls), len(second.calls))]
        _differ(call, f"{len(first.calls)} instructions", f"{len(second.calls)}")


def _compare_arguments(first: Tape, second: Tape) -> dict[Memory, Memory]:
    twins: dict[Memory, Memory] = dict(zip(first.slots, second.slots, strict=True))
    for a, b in zip(first.calls, second.calls, strict=True):
        for x, y in zip(a.arguments, b.arguments, strict=True):
            if not (isinstance(x, ArrayPart) and isinstance(y, ArrayPart)):
                if x != y and not (x != x and y != y):
                    _differ(a, f"the number {x}", f"{y}")
                continue
            if x.shape != y.shape or x.dtype != y.dtype:
                _differ(a, f"shape {x.shape} of {x.dtype}", f"{y.shape} of {y.dtype}")
            if x.offset != y.offset:
                _differ(a, "one part of an array", "another")
            if twins.setdefault(x.memory, y.memory) is not y.memory:
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
    """The first and the last call that uses a piece of memory.

    ``written_first`` tells whether a kernel writes into it before any reads it.
    """

    begin: int
    end: int
    written_first: bool


def lifetimes(calls: Sequence[Call]) -> dict[Memory, Life]:
    """The life of each piece of memory."""
    lives: dict[Memory, Life] = {}
    for i, call in enumerate(calls):
        for j, part in enumerate(call.arguments):
            if not isinstance(part, ArrayPart):
                continue
            life = lives.get(part.memory)
            if life is None:
                lives[part.memory] = Life(i, i, j in call.kernel.writes)
            else:
                life.end = i
    return lives


def is_shared(memory: Memory, twins: Mapping[Memory, Memory]) -> bool:
    """Whether it is the same memory in both recordings: it lasts beyond the step."""
    return memory.array is twins[memory].array


def needed(tape: Tape, twins: Mapping[Memory, Memory], loss: Memory) -> list[Call]:
    """The calls without those whose results nobody reads, such as a softmax before its loss."""
    wanted = {memory for memory in twins if is_shared(memory, twins)} | {loss}
    kept = []
    for call in reversed(tape.calls):
        if call.refusal is not None or not wanted.isdisjoint(call.written()):
            kept.append(call)
            wanted.update(call.memories())
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
    """New memory for the arrays of a tape: ``layout(part)`` is where one lies in the program.

    ``memory`` is another layout's, used again if it is large enough.
    """

    def __init__(
        self,
        calls: Sequence[Call],
        slots: Sequence[Memory],
        twins: Mapping[Memory, Memory],
        loss: Memory,
        keep: bool,
        memory: np.ndarray | None = None,
    ) -> None:
        lives = lifetimes(calls)
        shared = {piece for piece in lives if is_shared(piece, twins)}
        results = [
            m
            for m, life in lives.items()
            if life.written_first and m not in shared and m not in slots
        ]
        self.writable = {*shared, *results}
        # Counters and the like are few and of another dtype: they stay where they are.
        workspace = [piece for piece in results if piece.dtype == loss.dtype]
        blocks = [
            (m.nbytes, lives[m].begin, len(calls) if m is loss else lives[m].end) for m in workspace
        ]
        offsets, self.size = arena(blocks, keep)
        if memory is None or len(memory) < self.size:
            memory = _aligned(self.size)
        self.memory = memory
        self._places = {
            piece: memory[start : start + piece.nbytes]
            for piece, start in zip(workspace, offsets, strict=True)
        }

    def __call__(self, part: ArrayPart) -> np.ndarray:
        """An array of the tape in the program's memory."""
        home = self._places.get(part.memory)
        if home is None:
            assert part.array is not None
            return part.array
        size = prod(part.shape) * part.dtype.itemsize
        return home[part.offset : part.offset + size].view(part.dtype).reshape(part.shape)
