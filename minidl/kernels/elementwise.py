"""A scalar value and slope, made into loops over arrays.

Arrays arrive flat, contiguous and of one dtype. Every number is widened to float64, worked on,
and rounded once when it is stored. Hyper-parameters come in ``reals`` and are handed to the
scalar by position. Where ``dy`` is 0, ``dx`` is 0 whatever the slope, were it NaN: a row of
weight 0 leaves nothing behind.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.kernels.jit import kernel, scalar


@scalar
def _none(reals):
    return ()


@functools.cache
def spread(count: int) -> Any:
    """A scalar that makes a tuple of the first hyper-parameters in ``reals``."""
    if count == 0:
        return _none
    others, last = spread(count - 1), count - 1
    return scalar(lambda reals: (*others(reals), reals[last]))


def forward_unary(name: str, value: Callable[..., Any], count: int) -> Any:
    """``y = value(x)``."""
    hyper_of = spread(count)

    def forward(x, y, reals):
        hyper = hyper_of(reals)
        for i in range(x.size):
            y[i] = value(np.float64(x[i]), *hyper)

    return kernel("y", lambda x, y, reals: x.size == y.size, f"{name}_forward")(forward)


def backward_unary(name: str, slope: Callable[..., Any], count: int) -> Any:
    """``dx = dy · slope(s)``, where s is the input or the output, whichever the slope takes."""
    hyper_of = spread(count)

    def backward(s, dy, dx, reals):
        hyper = hyper_of(reals)
        for i in range(s.size):
            pull = dy[i] * slope(np.float64(s[i]), *hyper)
            dx[i] = pull if dy[i] != 0.0 else 0.0

    def fits(s, dy, dx, reals):
        return s.size == dy.size == dx.size

    return kernel("dx", fits, f"{name}_backward")(backward)


def forward_binary(name: str, value: Callable[..., Any], count: int) -> Any:
    """``y = value(a, b)``; an operand of one element goes with every element of the other."""
    hyper_of = spread(count)

    def forward(a, b, y, reals):
        hyper = hyper_of(reals)
        step_a, step_b = int(a.size == y.size), int(b.size == y.size)
        for i in range(y.size):
            y[i] = value(np.float64(a[i * step_a]), np.float64(b[i * step_b]), *hyper)

    def fits(a, b, y, reals):
        return {a.size, b.size} <= {1, y.size}

    return kernel("y", fits, f"{name}_forward")(forward)


def backward_binary(name: str, slope: Callable[..., Any], count: int) -> Any:
    """``dx = dy · slope(a, b)``, the gradient of one of the two operands."""
    hyper_of = spread(count)

    def backward(a, b, dy, dx, reals):
        hyper = hyper_of(reals)
        step_a, step_b = int(a.size == dy.size), int(b.size == dy.size)
        for i in range(dy.size):
            pull = dy[i] * slope(np.float64(a[i * step_a]), np.float64(b[i * step_b]), *hyper)
            dx[i] = pull if dy[i] != 0.0 else 0.0

    def fits(a, b, dy, dx, reals):
        return {a.size, b.size} <= {1, dy.size} and dx.size == dy.size

    return kernel("dx", fits, f"{name}_backward")(backward)


def _alike(*arrays):
    return len({array.size for array in arrays}) == 1


@kernel("y", _alike)
def where(condition, a, b, y):
    """``y = a`` where the condition is not 0, ``b`` elsewhere."""
    for i in range(y.size):
        y[i] = a[i] if condition[i] != 0 else b[i]


@kernel("da db", _alike)
def where_backward(condition, dy, da, db):
    for i in range(dy.size):
        chosen = condition[i] != 0
        da[i] = dy[i] if chosen else 0.0
        db[i] = 0.0 if chosen else dy[i]


@kernel("total", _alike)
def accumulate(total, part):
    """``total += part``."""
    for i in range(total.size):
        total[i] += part[i]


@kernel("y", _alike)
def copy(x, y):
    """``y = x``."""
    for i in range(y.size):
        y[i] = x[i]
