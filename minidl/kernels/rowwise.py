"""Softmax and its logarithm: functions of a whole row.

Arrays arrive flat; ``columns`` says how long a row is. Rows are worked on in blocks, so that
exponentials, most of the work, are taken of one long stretch, whatever the length of a row. Sums
run in float64. The largest number of a row is left out of its sum of exponentials and counts as
1 beside it: what is small beside 1 keeps its digits.
"""

from __future__ import annotations

from minidl.kernels.intrinsics import local_array, widest_vectors
from minidl.kernels.jit import kernel, scalar
from minidl.kernels.reductions import dot_of, peak_of, total_of
from minidl.kernels.vecmath import exp, exp_difference, log1p

BLOCK = 2048
"""Numbers in a block of rows: they stay in the nearest cache."""
ROWS = 256
"""Rows in a block, at most."""


def _rows(*arguments):
    *arrays, columns = arguments
    return len({array.size for array in arrays}) == 1 and arrays[0].size % columns == 0


@scalar
def block_of(columns):
    """How many numbers a block of whole rows has."""
    return min(max(BLOCK // columns, 1), ROWS) * columns


@scalar
def row_of(x, row, columns):
    return x[row * columns : (row + 1) * columns]


@scalar
def powers(x, e, columns, peaks, rests):
    """Fill ``e`` with e^(xⱼ − max), 0 where xⱼ is the largest, for every row of a block.

    ``peaks`` gets the largest, ``rests`` the sums without the peak's own 1, which are NaN where
    the largest is infinite.
    """
    widest_vectors()
    for row in range(x.size // columns):
        one, into = row_of(x, row, columns), row_of(e, row, columns)
        peak, ties = peak_of(one)
        for j in range(columns):
            into[j] = peak
        peaks[row], rests[row] = peak, ties - 1
    for i in range(x.size):
        e[i] = 0.0 if x[i] == e[i] else exp_difference(x[i], e[i])
    for row in range(x.size // columns):
        rests[row] += total_of(row_of(e, row, columns)) + (peaks[row] - peaks[row])


@kernel("y", _rows)
def softmax(x, y, columns):
    widest_vectors()
    peaks, rests, stride = local_array(ROWS), local_array(ROWS), block_of(columns)
    for start in range(0, x.size, stride):
        xs, ys = x[start : start + stride], y[start : start + stride]
        powers(xs, ys, columns, peaks, rests)
        for row in range(xs.size // columns):
            one, into = row_of(xs, row, columns), row_of(ys, row, columns)
            share, peak = x.dtype.type(1.0 / (1.0 + rests[row])), x.dtype.type(peaks[row])
            for j in range(columns):
                into[j] = share if one[j] == peak else into[j] * share


@kernel("dx", _rows)
def softmax_backward(y, dy, dx, columns):
    widest_vectors()
    for row in range(y.size // columns):
        ys, dys, dxs = row_of(y, row, columns), row_of(dy, row, columns), row_of(dx, row, columns)
        share = dx.dtype.type(dot_of(ys, dys))
        for j in range(columns):
            dxs[j] = ys[j] * (dys[j] - share)


@kernel("y", _rows)
def log_softmax(x, y, columns):
    widest_vectors()
    peaks, rests, stride = local_array(ROWS), local_array(ROWS), block_of(columns)
    for start in range(0, x.size, stride):
        xs, ys = x[start : start + stride], y[start : start + stride]
        powers(xs, ys, columns, peaks, rests)
        count = xs.size // columns
        for row in range(count):
            rests[row] = log1p(rests[row])
        for row in range(count):
            one, into = row_of(xs, row, columns), row_of(ys, row, columns)
            for j in range(columns):
                into[j] = (one[j] - peaks[row]) - rests[row]


@kernel("dx", _rows)
def log_softmax_backward(y, dy, dx, columns):
    widest_vectors()
    for i in range(y.size):
        dx[i] = exp(y[i])
    for row in range(y.size // columns):
        dys, dxs = row_of(dy, row, columns), row_of(dx, row, columns)
        share = dx.dtype.type(total_of(dys))
        for j in range(columns):
            dxs[j] = dys[j] - dxs[j] * share
