"""A scalar value and slope, made into loops over arrays.

Arrays arrive flat, contiguous and of one dtype, in which the scalar calculates; one that is
``wide`` gets float64 whatever the dtype, and its result is rounded once when it is stored.
Hyper-parameters come in ``reals`` and are handed to the scalar by position. Where ``dy`` is 0,
``dx`` is 0 whatever the slope, were it NaN: a row of weight 0 leaves nothing behind.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.kernels.intrinsics import widest_vectors
from minidl.kernels.jit import kernel, scalar


@scalar
def _as_it_is(x):
    return x


@scalar
def _widened(x):
    return np.float64(x)


@scalar
def _none(reals, x):
    return ()


@functools.cache
def _spread(count: int, wide: bool) -> Any:
    """A scalar that makes a tuple of the first hyper-parameters, in the type of the arithmetic."""
    if count == 0:
        return _none
    others, last = _spread(count - 1, wide), count - 1
    if wide:
        return scalar(lambda reals, x: (*others(reals, x), reals[last]))
    return scalar(lambda reals, x: (*others(reals, x), x.dtype.type(reals[last])))


def forward_unary(name: str, value: Callable[..., Any], count: int, wide: bool) -> Any:
    """``y = value(x)``."""
    hyper_of, given = _spread(count, wide), _widened if wide else _as_it_is

    def forward(x, y, reals):
        widest_vectors()
        hyper = hyper_of(reals, x)
        for i in range(x.size):
            y[i] = value(given(x[i]), *hyper)

    return kernel("y", lambda x, y, reals: x.size == y.size, f"{name}_forward", aligned=True)(
        forward
    )


def backward_unary(name: str, slope: Callable[..., Any], count: int, wide: bool) -> Any:
    """``dx = dy · slope(s)``, where s is the input or the output, whichever the slope takes."""
    hyper_of, given = _spread(count, wide), _widened if wide else _as_it_is

    def backward(s, dy, dx, reals):
        widest_vectors()
        hyper = hyper_of(reals, s)
        for i in range(s.size):
            pull = dy[i] * slope(given(s[i]), *hyper)
            dx[i] = pull if dy[i] != 0.0 else 0.0

    def fits(s, dy, dx, reals):
        return s.size == dy.size == dx.size

    return kernel("dx", fits, f"{name}_backward", aligned=True)(backward)


def forward_binary(name: str, value: Callable[..., Any], count: int, wide: bool) -> Any:
    """``y = value(a, b)``; an operand of one element goes with every element of the other."""
    hyper_of, given = _spread(count, wide), _widened if wide else _as_it_is

    def forward(a, b, y, reals):
        widest_vectors()
        hyper = hyper_of(reals, y)
        if a.size == b.size:
            for i in range(y.size):
                y[i] = value(given(a[i]), given(b[i]), *hyper)
        elif a.size == 1:
            one = given(a[0])
            for i in range(y.size):
                y[i] = value(one, given(b[i]), *hyper)
        else:
            one = given(b[0])
            for i in range(y.size):
                y[i] = value(given(a[i]), one, *hyper)

    def fits(a, b, y, reals):
        return {a.size, b.size} <= {1, y.size}

    return kernel("y", fits, f"{name}_forward", aligned=True)(forward)


def backward_binary(name: str, slope: Callable[..., Any], count: int, wide: bool) -> Any:
    """``dx = dy · slope(a, b)``, the gradient of one of the two operands."""
    hyper_of, given = _spread(count, wide), _widened if wide else _as_it_is

    def backward(a, b, dy, dx, reals):
        widest_vectors()
        hyper = hyper_of(reals, dy)
        if a.size == b.size:
            for i in range(dy.size):
                pull = dy[i] * slope(given(a[i]), given(b[i]), *hyper)
                dx[i] = pull if dy[i] != 0.0 else 0.0
        elif a.size == 1:
            one = given(a[0])
            for i in range(dy.size):
                pull = dy[i] * slope(one, given(b[i]), *hyper)
                dx[i] = pull if dy[i] != 0.0 else 0.0
        else:
            one = given(b[0])
            for i in range(dy.size):
                pull = dy[i] * slope(given(a[i]), one, *hyper)
                dx[i] = pull if dy[i] != 0.0 else 0.0

    def fits(a, b, dy, dx, reals):
        return {a.size, b.size} <= {1, dy.size} and dx.size == dy.size

    return kernel("dx", fits, f"{name}_backward", aligned=True)(backward)


def comparison(
    name: str, value: Callable[..., Any], slope: Callable[..., Any], count: int, wide: bool
) -> Any:
    """``each = value(t, p)`` and ``slopes = share · slope(t, p)``, in one pass."""
    hyper_of, given = _spread(count, wide), _widened if wide else _as_it_is

    def compare(t, p, each, slopes, reals, share):
        widest_vectors()
        hyper, factor = hyper_of(reals, p), p.dtype.type(share)
        for i in range(p.size):
            target, prediction = given(t[i]), given(p[i])
            each[i] = value(target, prediction, *hyper)
            slopes[i] = factor * slope(target, prediction, *hyper)

    def fits(t, p, each, slopes, reals, share):
        return t.size == p.size == each.size == slopes.size

    return kernel("each slopes", fits, name, aligned=True)(compare)


@kernel("dx", lambda slopes, dy, dx: _shared(slopes, dy) and slopes.size == dx.size, aligned=True)
def pull_back(slopes, dy, dx):
    """``dx = dy · slopes``, one dy for all of them, for each, or for each row."""
    widest_vectors()
    if dy.size == slopes.size:
        for i in range(dx.size):
            dx[i] = dy[i] * slopes[i] if dy[i] != 0.0 else 0.0
    else:
        columns = slopes.size // dy.size
        for row in range(dy.size):
            part = slopes[row * columns : (row + 1) * columns]
            into = dx[row * columns : (row + 1) * columns]
            share = dy[row]
            for j in range(columns):
                into[j] = share * part[j] if share != 0.0 else 0.0


def _shared(slopes, dy):
    return dy.size > 0 and slopes.size % dy.size == 0


def _alike(*arrays):
    return len({array.size for array in arrays}) == 1


@kernel("y", _alike, aligned=True)
def where(condition, a, b, y):
    """``y = a`` where the condition is not 0, ``b`` elsewhere."""
    for i in range(y.size):
        y[i] = a[i] if condition[i] != 0 else b[i]


@kernel("da db", _alike, aligned=True)
def where_backward(condition, dy, da, db):
    for i in range(dy.size):
        chosen = condition[i] != 0
        da[i] = dy[i] if chosen else 0.0
        db[i] = 0.0 if chosen else dy[i]


@kernel("total", _alike, aligned=True)
def accumulate(total, part):
    """``total += part``."""
    for i in range(total.size):
        total[i] += part[i]


@kernel("y", _alike, aligned=True)
def copy(x, y):
    """``y = x``."""
    for i in range(y.size):
        y[i] = x[i]
