"""Numbers as they were before a step was computed, so that they can be put back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

import numpy as np

from minidl.core import Exclusive
from minidl.program.places import root

SMALL = 2**16
"""Bytes up to which memory is saved whoever it belongs to: counters and the like."""


class Saved:
    """Copies of arrays, taken before anything writes into them.

    At the end of a ``with`` they are put back, and whatever was to be had alone is let go.

    Examples
    --------
    >>> array = np.zeros(2)
    >>> with Saved() as saved:
    ...     saved.save(array, "array")
    ...     array += 1.0
    >>> array
    array([0., 0.])
    """

    def __init__(self) -> None:
        self._alone: dict[int, Exclusive] = {}
        self._arrays: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self.names: dict[int, str] = {}
        """What lasts beyond the step, by its memory's id."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        self.restore()
        while self._alone:
            self._alone.popitem()[1].__exit__()

    def hold(self, turn: Exclusive | None) -> None:
        """Have nobody else train what is about to change, until the end."""
        if turn is not None and id(turn) not in self._alone:
            turn.__enter__()
            self._alone[id(turn)] = turn

    def save(self, array: np.ndarray, name: str) -> None:
        """Keep the numbers of memory that lasts; of several names for it the first stays."""
        self._keep(root(array))
        self.names.setdefault(id(root(array)), name)

    def save_all(self, named: Iterable[tuple[str, np.ndarray]]) -> None:
        """The same of several, each with its name."""
        for name, array in named:
            self.save(array, name)

    def before_write(self, array: np.ndarray) -> None:
        """Keep the numbers of memory that a kernel is about to write into.

        Large memory that nobody has saved by name is a result of the step.
        """
        owner = root(array)
        if owner.nbytes <= SMALL:
            self._keep(owner)

    def _keep(self, owner: np.ndarray) -> None:
        if id(owner) not in self._arrays:
            self._arrays[id(owner)] = owner, owner.copy()

    def numbers(self) -> dict[int, bytes]:
        """What all of it holds now."""
        return {key: owner.tobytes() for key, (owner, _) in self._arrays.items()}

    def restore(self) -> None:
        """Put everything back."""
        for owner, before in self._arrays.values():
            if owner.flags.writeable:
                owner[...] = before
