"""A scalar value and slope, made into loops over arrays.

Arrays arrive flat, contiguous and of one dtype, in which the scalar calculates; one that is
computed ``in_float64`` gets float64 whatever the dtype, and its result is rounded once when it is
stored. Hyper-parameters come in ``hyper_values`` and are handed to the scalar by position. Where
``dy`` is 0, ``dx`` is 0 whatever the slope, were it NaN: a row of weight 0 leaves nothing behind.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.kernels.intrinsics import widest_vectors
from minidl.kernels.jit import Refused, kernel, scalar


@scalar
def alike(a, b):
    """Whether two arrays have as many numbers as each other."""
    return a.size == b.size


@scalar
def _pairs(a, b, y):
    """Whether there are two operands for every y; one of a single number goes with all."""
    return (a.size == y.size or a.size == 1) and (b.size == y.size or b.size == 1)


@scalar
def _as_it_is(x):
    return x


@scalar
def _widened(x):
    return np.float64(x)


@scalar
def _none(hyper_values, x):
    return ()


@functools.cache
def _spread(count: int, in_float64: bool) -> Any:
    """A scalar that makes a tuple of the first hyper-parameters, in the type of the arithmetic."""
    if count == 0:
        return _none
    others, last = _spread(count - 1, in_float64), count - 1
    if in_float64:
        return scalar(lambda hyper_values, x: (*others(hyper_values, x), hyper_values[last]))
    return scalar(
        lambda hyper_values, x: (*others(hyper_values, x), x.dtype.type(hyper_values[last]))
    )


def _readers(count: int, in_float64: bool) -> tuple[Any, Any]:
    """What reads the hyper-parameters, and what reads a number."""
    return _spread(count, in_float64), _widened if in_float64 else _as_it_is


def forward_unary(
    name: str,
    value: Callable[..., Any],
    count: int,
    in_float64: bool,
    allocates: bool = True,
) -> Any:
    """``y = value(x)``."""
    hyper_of, given = _readers(count, in_float64)

    def forward(x, y, hyper_values):
        if x.size != y.size or hyper_values.size < count:
            raise Refused
        widest_vectors()
        hyper = hyper_of(hyper_values, x)
        for i in range(x.size):
            y[i] = value(given(x[i]), *hyper)

    return kernel("y", f"{name}_forward", aligned=True, allocates=allocates)(forward)


def backward_unary(
    name: str,
    slope: Callable[..., Any],
    count: int,
    in_float64: bool,
    allocates: bool = True,
) -> Any:
    """``dx = dy · slope(s)``, where s is the input or the output, whichever the slope takes."""
    hyper_of, given = _readers(count, in_float64)

    def backward(s, dy, dx, hyper_values):
        if not alike(s, dy) or not alike(s, dx) or hyper_values.size < count:
            raise Refused
        widest_vectors()
        hyper = hyper_of(hyper_values, s)
        for i in range(s.size):
            pull = dy[i] * slope(given(s[i]), *hyper)
            dx[i] = pull if dy[i] != 0.0 else 0.0

    return kernel("dx", f"{name}_backward", aligned=True, allocates=allocates)(backward)


def forward_binary(
    name: str,
    value: Callable[..., Any],
    count: int,
    in_float64: bool,
    allocates: bool = True,
) -> Any:
    """``y = value(a, b)``; an operand of one element goes with every element of the other."""
    hyper_of, given = _readers(count, in_float64)

    def forward(a, b, y, hyper_values):
        if not _pairs(a, b, y) or hyper_values.size < count:
            raise Refused
        widest_vectors()
        hyper = hyper_of(hyper_values, y)
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

    return kernel("y", f"{name}_forward", aligned=True, allocates=allocates)(forward)


def backward_binary(
    name: str,
    slope: Callable[..., Any],
    count: int,
    in_float64: bool,
    allocates: bool = True,
) -> Any:
    """``dx = dy · slope(a, b)``, the gradient of one of the two operands."""
    hyper_of, given = _readers(count, in_float64)

    def backward(a, b, dy, dx, hyper_values):
        if not _pairs(a, b, dy) or not alike(dx, dy) or hyper_values.size < count:
            raise Refused
        widest_vectors()
        hyper = hyper_of(hyper_values, dy)
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

    return kernel("dx", f"{name}_backward", aligned=True, allocates=allocates)(backward)


def comparison(
    name: str,
    value: Callable[..., Any],
    slope: Callable[..., Any],
    count: int,
    in_float64: bool,
    allocates: bool = True,
) -> Any:
    """``each = value(t, p)`` and ``slopes = share · slope(t, p)``, in one pass."""
    hyper_of, given = _readers(count, in_float64)

    def compare(t, p, each, slopes, hyper_values, share):
        if (
            not alike(t, p)
            or not alike(each, p)
            or not alike(slopes, p)
            or hyper_values.size < count
        ):
            raise Refused
        widest_vectors()
        hyper, factor = hyper_of(hyper_values, p), p.dtype.type(share)
        for i in range(p.size):
            target, prediction = given(t[i]), given(p[i])
            each[i] = value(target, prediction, *hyper)
            slopes[i] = factor * slope(target, prediction, *hyper)

    return kernel("each slopes", name, aligned=True, allocates=allocates)(compare)


@kernel("dx", aligned=True)
def pull_back(slopes, dy, dx):
    """``dx = dy · slopes``, one dy for all of them, for each, or for each row."""
    if dy.size == 0 or slopes.size % dy.size != 0 or not alike(slopes, dx):
        raise Refused
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


@kernel("y", aligned=True, allocates=False)
def where(condition, a, b, y):
    """``y = a`` where the condition is not 0, ``b`` elsewhere."""
    if not alike(condition, y) or not alike(a, y) or not alike(b, y):
        raise Refused
    for i in range(y.size):
        y[i] = a[i] if condition[i] != 0 else b[i]


@kernel("da db", aligned=True, allocates=False)
def where_backward(condition, dy, da, db):
    if not alike(condition, dy) or not alike(da, dy) or not alike(db, dy):
        raise Refused
    for i in range(dy.size):
        chosen = condition[i] != 0
        da[i] = dy[i] if chosen else 0.0
        db[i] = 0.0 if chosen else dy[i]


@kernel("total", aligned=True, allocates=False)
def accumulate(total, part):
    """``total += part``."""
    if not alike(total, part):
        raise Refused
    for i in range(total.size):
        total[i] += part[i]


@kernel("y", aligned=True, allocates=False)
def copy(x, y):
    """``y = x``."""
    if not alike(x, y):
        raise Refused
    for i in range(y.size):
        y[i] = x[i]
