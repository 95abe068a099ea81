"""The order of rows in an epoch, its batches, and how much a short last one counts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl.kernels.random import permutation


@dataclass(frozen=True)
class Batches:
    """So many rows, taken so many at a time; the last batch may have fewer.

    Parameters
    ----------
    rows, size : int

    Examples
    --------
    >>> batches = Batches(rows=5, size=2)
    >>> batches.count, list(batches)
    (3, [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)])
    """

    rows: int
    size: int

    @property
    def count(self) -> int:
        """How many batches an epoch has."""
        return -(-self.rows // self.size)

    @property
    def rest(self) -> int:
        """How many rows the last batch has, if they are fewer; else 0."""
        return self.rows % self.size

    def __iter__(self) -> Iterator[slice]:
        starts = range(0, self.rows, self.size)
        return (slice(start, min(start + self.size, self.rows)) for start in starts)

    def order(self, seed: int, updates: int, shuffle: bool = True) -> np.ndarray:
        """Of the rows in the epoch that follows so many updates."""
        return permutation(self.rows, seed, updates) if shuffle else np.arange(self.rows)

    def mean(self, losses: Any, weights: np.ndarray | None = None) -> Any:
        """The mean over rows from the mean losses of their batches, which weigh what rows weigh.

        Parameters
        ----------
        losses : array of shape (…, batches)
        weights : array of shape (rows,), optional
            In the order of the batches; where they add up to 0, so is the mean.

        Examples
        --------
        >>> float(Batches(3, 2).mean([1.0, 4.0]))
        2.0
        >>> float(Batches(3, 2).mean([1.0, 4.0], np.array([0, 0, 1])))
        4.0
        """
        if weights is None:
            shares = np.array([part.stop - part.start for part in self], np.float64)
        else:
            starts = [part.start for part in self]
            shares = np.add.reduceat(weights, starts, dtype=np.float64)
        counted = shares != 0  # what weighs nothing may be infinite
        shares, losses = shares[counted], np.asarray(losses, np.float64)[..., counted]
        if not shares.size:
            return np.zeros(losses.shape[:-1])[()]
        # One after the other, not pairwise as sum() adds: the same bits for any number of epochs.
        return (np.cumsum(losses * shares, axis=-1)[..., -1] / np.cumsum(shares)[-1])[()]
