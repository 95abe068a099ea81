"""What every array must satisfy before it is used."""

from __future__ import annotations

import numpy as np

from minidl.errors import DataError


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
    minidl.errors.DataError: X: expected finite numbers, got nan in row 1, ...
    """
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
