"""Look for the first number that is out of place.

Each is there twice: as a ``question``, which answers where it is (−1 if all are well), and as a
kernel that refuses such numbers, so that a check stands in a program before what it protects.
"""

from __future__ import annotations

from minidl.kernels.jit import Refused, kernel, question, scalar


@scalar
def _outside_interval(x, low, high, includes_low, includes_high):
    for i in range(x.size):
        if x[i] < low or x[i] > high:
            return i
        if (x[i] == low and not includes_low) or (x[i] == high and not includes_high):
            return i
    return -1


@question
def outside_interval(x, low, high, includes_low, includes_high):
    """NaN passes: a diverged prediction shows in the loss, not as a domain error."""
    return _outside_interval(x, low, high, includes_low, includes_high)


@kernel("")
def inside_interval(x, low, high, includes_low, includes_high):
    if _outside_interval(x, low, high, includes_low, includes_high) >= 0:
        raise Refused


@scalar
def _outside_choices(x, first, second):
    for i in range(x.size):
        if x[i] != first and x[i] != second:
            return i
    return -1


@question
def outside_choices(x, first, second):
    return _outside_choices(x, first, second)


@kernel("")
def among_choices(x, first, second):
    if _outside_choices(x, first, second) >= 0:
        raise Refused


@scalar
def _not_a_class(x, classes):
    for i in range(x.size):
        if not (0 <= x[i] < classes) or x[i] != int(x[i]):
            return i
    return -1


@question
def not_a_class(x, classes):
    return _not_a_class(x, classes)


@kernel("")
def all_classes(x, classes):
    if _not_a_class(x, classes) >= 0:
        raise Refused


@scalar
def _not_one_hot(x, columns):
    for row in range(x.size // columns):
        ones = 0
        for j in range(row * columns, (row + 1) * columns):
            ones += int(x[j] == 1)
        if ones != 1:
            return row
    return -1


@question
def not_one_hot(x, columns):
    """The first row of zeros and ones that has not exactly one 1."""
    return _not_one_hot(x, columns)


@kernel("")
def all_one_hot(x, columns):
    if _not_one_hot(x, columns) >= 0:
        raise Refused


@scalar
def _not_finite(x):
    for i in range(x.size):
        if x[i] - x[i] != 0:
            return i
    return -1


@question
def not_finite(x):
    return _not_finite(x)


@kernel("")
def all_finite(x):
    if _not_finite(x) >= 0:
        raise Refused


@question
def outside_rows(order, rows):
    for i in range(order.size):
        if not 0 <= order[i] < rows:
            return i
    return -1
