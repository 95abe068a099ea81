"""Rows in the order a seed decides, a few at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from minidl.core import ArgumentError, DataError, ShapeError, as_numbers, whole_number
from minidl.data.checks import check_finite
from minidl.kernels.random import permutation


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
    batch_size = whole_number("batch_size", batch_size, 1, example=32)
    if drop_last and batch_size > len(X):
        remedy = "Take smaller batches, or leave drop_last out."
        expected = f"at most the {len(X)} rows of X where drop_last=True"
        raise ArgumentError("batch_size", expected, str(batch_size), remedy)
    seed = whole_number("seed", seed, low=0, example=0)
    order = permutation(len(X), seed) if shuffle else np.arange(len(X))
    # Checked here and walked there: a generator would complain only when first advanced.
    return _walk(X, y, order, batch_size, drop_last)


def _walk(
    X: np.ndarray, y: np.ndarray, order: np.ndarray, batch_size: int, drop_last: bool
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    end = len(order) - len(order) % batch_size if drop_last else len(order)
    for start in range(0, end, batch_size):
        rows = order[start : start + batch_size]
        yield np.ascontiguousarray(X[rows]), np.ascontiguousarray(y[rows])
