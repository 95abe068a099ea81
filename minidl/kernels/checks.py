"""Find the first number that is out of place; −1 if all are well. Kernels cannot raise."""

from __future__ import annotations

from minidl.kernels.jit import question


@question
def outside_interval(x, low, high, includes_low, includes_high):
    """NaN passes: a diverged prediction shows in the loss, not as a domain error."""
    for i in range(x.size):
        if x[i] < low or x[i] > high:
            return i
        if (x[i] == low and not includes_low) or (x[i] == high and not includes_high):
            return i
    return -1


@question
def outside_choices(x, first, second):
    for i in range(x.size):
        if x[i] != first and x[i] != second:
            return i
    return -1


@question
def not_a_class(x, classes):
    for i in range(x.size):
        if not (0 <= x[i] < classes) or x[i] != int(x[i]):
            return i
    return -1


@question
def not_one_hot(x, columns):
    """The first row of zeros and ones that has not exactly one 1."""
    for row in range(x.size // columns):
        ones = 0
        for j in range(row * columns, (row + 1) * columns):
            ones += int(x[j] == 1)
        if ones != 1:
            return row
    return -1


@question
def not_finite(x):
    for i in range(x.size):
        if x[i] - x[i] != 0:
            return i
    return -1


@question
def outside_rows(order, rows):
    for i in range(order.size):
        if not 0 <= order[i] < rows:
            return i
    return -1
