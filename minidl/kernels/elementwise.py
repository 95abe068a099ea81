"""A scalar value and slope, made into loops over arrays.

Arrays arrive flat, contiguous and of one dtype. Every number is widened to float64, worked on,
and rounded once when it is stored. Hyper-parameters come in ``reals`` and are handed to the
scalar by position.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.kernels.jit import kernel, scalar


@scalar
def _none(reals):
    return ()


@scalar
def _one(reals):
    return (reals[0],)


@scalar
def _two(reals):
    return (reals[0], reals[1])


@scalar
def _three(reals):
    return (reals[0], reals[1], reals[2])


SPREAD = (_none, _one, _two, _three)


def forward_unary(name: str, value: Callable[..., Any], count: int) -> Any:
    """``y = value(x)``."""
    spread = SPREAD[count]

    def forward(x, y, reals):
        hyper = spread(reals)
        for i in range(x.size):
            y[i] = value(np.float64(x[i]), *hyper)

    return kernel("y", lambda x, y, reals: x.size == y.size, f"{name}_forward")(forward)


def backward_unary(name: str, slope: Callable[..., Any], count: int) -> Any:
    """``dx = dy · slope(s)``, where s is the input or the output, whichever the slope takes."""
    spread = SPREAD[count]

    def backward(s, dy, dx, reals):
        hyper = spread(reals)
        for i in range(s.size):
            dx[i] = dy[i] * slope(np.float64(s[i]), *hyper)

    def fits(s, dy, dx, reals):
        return s.size == dy.size == dx.size

    return kernel("dx", fits, f"{name}_backward")(backward)


def forward_binary(name: str, value: Callable[..., Any], count: int) -> Any:
    """``y = value(a, b)``; an operand of one element goes with every element of the other."""
    spread = SPREAD[count]

    def forward(a, b, y, reals):
        hyper = spread(reals)
        step_a, step_b = int(a.size == y.size), int(b.size == y.size)
        for i in range(y.size):
            y[i] = value(np.float64(a[i * step_a]), np.float64(b[i * step_b]), *hyper)

    def fits(a, b, y, reals):
        return {a.size, b.size} <= {1, y.size}

    return kernel("y", fits, f"{name}_forward")(forward)


def backward_binary(name: str, slope: Callable[..., Any], count: int) -> Any:
    """``dx = dy · slope(a, b)``, the gradient of one of the two operands."""
    spread = SPREAD[count]

    def backward(a, b, dy, dx, reals):
        hyper = spread(reals)
        step_a, step_b = int(a.size == dy.size), int(b.size == dy.size)
        for i in range(dy.size):
            dx[i] = dy[i] * slope(np.float64(a[i * step_a]), np.float64(b[i * step_b]), *hyper)

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
