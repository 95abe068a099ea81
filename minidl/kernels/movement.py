"""Moving numbers without changing them, and adding up what was moved to one place.

Broadcasting, transposing and indexing are the same thing: output i is input ``index[i]``. Sums
over axes are that thing backwards, so each kernel here is the gradient of another.
"""

from __future__ import annotations

import numpy as np

from minidl.kernels.jit import kernel

LANES = 64


def _leads(index, many, few):
    """Whether there is an index for each of many, and each points to one of the few."""
    return index.size == many.size and (
        index.size == 0 or 0 <= index.min() <= index.max() < few.size
    )


@kernel("y", lambda x, index, y, divisor: _leads(index, y, x))
def gather(x, index, y, divisor):
    """``y[i] = x[index[i]] / divisor``."""
    for i in range(y.size):
        y[i] = x[index[i]] / divisor


@kernel("y", lambda x, index, y: _leads(index, x, y))
def put(x, index, y):
    """``y[index[i]] = x[i]``; what no index points to stays as it is."""
    for i in range(x.size):
        y[index[i]] = x[i]


@kernel("x", lambda y, index, x, divisor: _leads(index, y, x))
def scatter_add(y, index, x, divisor):
    """``x[k] = Σ y[i] / divisor`` over every i with ``index[i] == k``, added up in float64."""
    total = np.zeros(x.size, np.float64)
    for i in range(y.size):
        total[index[i]] += y[i]
    for k in range(x.size):
        x[k] = total[k] / divisor


@kernel("y", lambda x, y, divisor: y.size == 1)
def total(x, y, divisor):
    """``y[0] = Σ x / divisor`` in 64 fixed lanes of float64: the same bits on every CPU."""
    lanes = np.zeros(LANES, np.float64)
    whole = x.size // LANES * LANES
    for start in range(0, whole, LANES):
        for lane in range(LANES):
            lanes[lane] += x[start + lane]
    for i in range(whole, x.size):
        lanes[i - whole] += x[i]
    width = LANES // 2
    while width > 0:
        for lane in range(width):
            lanes[lane] += lanes[lane + width]
        width //= 2
    y[0] = lanes[0] / divisor


@kernel("dx", lambda dy, dx, divisor: dy.size == 1)
def fill(dy, dx, divisor):
    """``dx[i] = dy[0] / divisor``: the gradient of a total."""
    for i in range(dx.size):
        dx[i] = dy[0] / divisor


@kernel("y", lambda v, w, y: y.size == 1 and v.size % w.size == 0)
def weighted_mean(v, w, y):
    """``y[0] = Σ wᵣ vᵣⱼ / (columns · Σ wᵣ)``, 0 where the weights add up to 0."""
    columns = v.size // w.size
    top, bottom = 0.0, 0.0
    for row in range(w.size):
        bottom += w[row]
        if w[row] != 0:
            for j in range(row * columns, (row + 1) * columns):
                top += np.float64(w[row]) * v[j]
    y[0] = top / (bottom * columns) if bottom != 0.0 else 0.0


@kernel("dv", lambda w, dy, dv: dy.size == 1 and dv.size % w.size == 0)
def weighted_mean_backward(w, dy, dv):
    columns = dv.size // w.size
    bottom = 0.0
    for row in range(w.size):
        bottom += w[row]
    for row in range(w.size):
        share = np.float64(dy[0]) * w[row] / (bottom * columns) if bottom != 0.0 else 0.0
        for j in range(row * columns, (row + 1) * columns):
            dv[j] = share


@kernel("y", lambda x, index, y, sign: _leads(index, x, y))
def extreme(x, index, y, sign):
    """``y[k]``: the largest x (``sign`` 1) or smallest (−1) of those moved there; NaN wins."""
    for k in range(y.size):
        y[k] = -sign * np.inf
    for i in range(x.size):
        if sign * x[i] > sign * y[index[i]] or x[i] != x[i]:
            y[index[i]] = x[i]


@kernel("dx", lambda x, y, index, dy, dx: x.size == dx.size and _leads(index, x, y))
def extreme_backward(x, y, index, dy, dx):
    """The gradient goes to the extreme element; ties share it evenly."""
    ties = np.zeros(y.size, np.int64)
    for i in range(x.size):
        ties[index[i]] += int(x[i] == y[index[i]])
    for i in range(x.size):
        k = index[i]
        dx[i] = dy[k] / ties[k] if x[i] == y[k] else 0.0
