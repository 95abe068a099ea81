"""The order of rows in an epoch, its batches, and how much a short last one counts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl.core import ArgumentError, DataError, ShapeError, as_numbers, whole_number
from minidl.data.checks import check_finite
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


def batches(
    X: np.ndarray,
    y: np.ndarray,
    batch_size: int = 32,
    seed: int = 0,
    shuffle: bool = True,
    drop_last: bool = False,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Walk once through the rows, a few at a time.

    Parameters
    ----------
    X, y : numpy.ndarray
        Features and targets, one row each.
    batch_size : int
        Rows a batch; the last has what is left.
    seed : int
        Decides the order; give each epoch another.
    shuffle : bool
        Whether to change the order of the rows at all.
    drop_last : bool
        Whether to leave out a last batch that is not full.

    Yields
    ------
    x, t : numpy.ndarray
        Contiguous copies: writing into them leaves ``X`` and ``y`` alone.

    Raises
    ------
    ShapeError
        ``X`` and ``y`` differ in length.
    DataError
        There are no rows, or a number is NaN or infinite.
    ArgumentError
        A batch size, or a seed, that makes no sense.

    Examples
    --------
    >>> X, y = np.arange(10.0).reshape(5, 2), np.arange(5)
    >>> [t.tolist() for x, t in batches(X, y, batch_size=2, shuffle=False)]
    [[0, 1], [2, 3], [4]]
    """
    X, y = _checked(X, y)
    batch_size = whole_number("batch_size", batch_size, 1, example=32)
    if drop_last and batch_size > len(X):
        remedy = "Take smaller batches, or leave drop_last out."
        expected = f"at most the {len(X)} rows of X where drop_last=True"
        raise ArgumentError("batch_size", expected, str(batch_size), remedy)
    parts = Batches(len(X), batch_size)
    order = parts.order(whole_number("seed", seed, low=0, example=0), 0, shuffle)
    full = (part for part in parts if part.stop - part.start == batch_size or not drop_last)
    # Checked here and walked later: a generator would complain only when first advanced.
    return (
        (np.ascontiguousarray(X[order[part]]), np.ascontiguousarray(y[order[part]]))
        for part in full
    )


def _checked(X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As many rows as targets, all of them finite."""
    X, y = as_numbers("X", X), as_numbers("y", y)
    for name, array in (("X", X), ("y", y)):
        if array.ndim == 0:
            got, remedy = f"the number {array}", f"Write {name}=[{array}] for a single row."
            raise ShapeError(name, "one row or more", got, remedy)
    if len(X) != len(y):
        got, remedy = f"{len(X)} and {len(y)}", "Give one target for each row of X."
        raise ShapeError("X and y", "the same number of rows", got, remedy)
    if len(X) == 0:
        remedy = "Look at what was selected or split before: nothing was left."
        raise DataError("X", "at least 1 row", f"the shape {X.shape}", remedy)
    check_finite("X", X)
    check_finite("y", y)
    return X, y
