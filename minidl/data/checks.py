"""What every array must satisfy before it is used."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.core import DataError, as_array, as_numbers

COARSE_COLUMN = 0.01
"""A column is too coarse if rounding moves a number by more than this share of its span."""

ROUNDING_NOISE = 2.0**-45
"""A column that varies by less than this share of its size varies by rounding errors alone."""


def check_finite(culprit: str, array: np.ndarray) -> None:
    """Refuse an array that holds NaN, infinity, or no numbers at all.

    Parameters
    ----------
    culprit : str
        What the user calls the array.
    array : numpy.ndarray
        Of any shape; the first axis counts rows, the second columns.

    Raises
    ------
    DataError
        Names row and column of the first such number, as they are indexed.

    Examples
    --------
    >>> check_finite("X", np.array([[1.0, 2.0], [3.0, np.nan]]))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    minidl.core.errors.DataError: X: expected finite numbers, got nan in row 1, ...
    """
    array = as_array(culprit, array)
    if array.dtype.kind not in "biuf":
        remedy = "Encode text as numbers first, and write X.astype('float64')."
        raise DataError(culprit, "finite numbers", f"the dtype {array.dtype}", remedy)
    finite = np.isfinite(array)
    if finite.all():
        return
    first = tuple(np.argwhere(~finite)[0])
    words = [f"{word} {i}" for word, i in zip(("row", "column"), first, strict=False)]
    got = f"{array[first]} in {', '.join(words)} (counted from 0)"
    if (others := finite.size - int(finite.sum()) - 1) > 0:
        got += f" and {others} more"
    remedy = (
        "Leave such rows out, or fill the gaps in, for example with sklearn.impute.SimpleImputer."
    )
    raise DataError(culprit, "finite numbers", got, remedy)


def check_resolution(culprit: str, given: Any, narrowed: np.ndarray) -> None:
    """Refuse columns whose different numbers have become the same, as times in seconds do.

    Parameters
    ----------
    culprit : str
        What the user calls the array.
    given : array-like
        What came.
    narrowed : numpy.ndarray
        The same numbers in the network's dtype.

    Raises
    ------
    DataError
        Names the first such column.

    Examples
    --------
    >>> times = 1.7e9 + np.arange(100.0).reshape(-1, 1)
    >>> check_resolution("X", times, times.astype(np.float32))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    minidl.core.errors.DataError: X: expected numbers that float32 can tell apart, got ...
    """
    numbers = as_numbers(culprit, given)
    wide = numbers.dtype.kind in "iu" and numbers.dtype.itemsize == 8  # wider than float64, too
    if np.can_cast(numbers.dtype, narrowed.dtype) and not wide:
        return
    before, after = (array.reshape(len(narrowed), -1) for array in (numbers, narrowed))
    for column in _suspicious(after):
        _check_column(culprit, given, column, before[:, column], after[:, column])


def _suspicious(array: np.ndarray) -> np.ndarray:
    """Columns in which some rows lie so close that rounding may have moved them; no others can.

    A number elsewhere that is much larger than those of these rows makes the span larger, too.
    """
    rows = array[:: max(1, len(array) // 64)].astype(np.float64)
    low, high = rows.min(axis=0), rows.max(axis=0)
    size = np.maximum(np.abs(low), np.abs(high))
    return np.flatnonzero(size * float(np.finfo(array.dtype).eps) > COARSE_COLUMN * (high - low))


def _check_column(
    culprit: str, given: Any, column: int, before: np.ndarray, after: np.ndarray
) -> None:
    exact = before.astype(np.longdouble)  # holds an int64, too
    span, moved = np.ptp(exact), np.abs(exact - after).max()
    noise = before.dtype.kind == "f" and span <= ROUNDING_NOISE * np.abs(exact).max()
    if noise or moved <= COARSE_COLUMN * span:
        return
    names = getattr(given, "columns", range(column + 1))
    left = len(np.unique(after))
    got = (
        f"{left} number{'s' * (left > 1)} made of {len(np.unique(before))} in column "
        f"{names[column]!r}, {before.min():.12g} to {before.max():.12g}"
    )
    remedy = "Subtract the first of them, standardise, or build the network with dtype='float64'."
    raise DataError(culprit, f"numbers that {after.dtype} can tell apart", got, remedy)
