"""Numbers as people give them: taken if they make sense, else refused with a remedy."""

from __future__ import annotations

import numpy as np

from minidl.errors import ArgumentError
from minidl.intervals import NON_NEGATIVE, Interval

POSITIVE = Interval(0, NON_NEGATIVE.high)
SHARE = Interval(0, 1, includes_low=True)
"""A part of the whole, but never all of it."""


def number(
    culprit: str, value: object, domain: Interval = NON_NEGATIVE, example: float = 0.01
) -> float:
    """A setting as a Python float, which can be saved; NumPy's numbers are welcome.

    Examples
    --------
    >>> number("rate", 5, SHARE, example=0.9)
    Traceback (most recent call last):
    minidl.errors.ArgumentError: rate: expected a number in [0, 1), got 5. Write 0.9, say.
    """
    if isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool):
        found = float(value)
        if found in domain:
            return found
    raise ArgumentError(culprit, f"a number in {domain}", repr(value), f"Write {example}, say.")


def whole_number(
    culprit: str, value: object, low: int = 1, example: int = 16, high: int | None = None
) -> int:
    """A setting that counts something, as a Python int.

    Examples
    --------
    >>> whole_number("batch_size", 0, example=32)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    minidl.errors.ArgumentError: batch_size: expected a whole number of at least 1, got 0. ...
    """
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if whole and value >= low and (high is None or value <= high):  # type: ignore[operator]
        return int(value)  # type: ignore[call-overload]
    limits = f"of at least {low}" if high is None else f"from {low} to {high}"
    remedy = f"Write {culprit}={example}." if culprit.isidentifier() else f"Write {example}, say."
    raise ArgumentError(culprit, f"a whole number {limits}", repr(value), remedy)
