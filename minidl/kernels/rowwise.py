"""Softmax and its logarithm: functions of a whole row.

Arrays arrive flat; ``columns`` says how long a row is. Rows are worked on in blocks, so that
exponentials, most of the work, are taken of one long stretch, whatever the length of a row. Sums
run in float64. The largest number of a row is left out of its sum of exponentials and counts as
1 beside it: what is small beside 1 keeps its digits.
"""

from __future__ import annotations

import numpy as np

from minidl.kernels.intrinsics import larger, local_array, widest_vectors
from minidl.kernels.jit import kernel, scalar
from minidl.kernels.reductions import dot_of, peak_of, total_of
from minidl.kernels.vecmath import exp, exp_difference, log1p

BLOCK = 2048
"""Numbers in a block of rows: they stay in the nearest cache."""
ROWS = 32
"""Rows in a block, at most."""
NARROW = 15
"""Columns, at most, of a block that is turned on its side: they fill no vector."""
TILE = ROWS * NARROW


def _rows(*arguments):
    *arrays, columns = arguments
    return len({array.size for array in arrays}) == 1 and arrays[0].size % columns == 0


@scalar
def block_of(columns):
    """How many numbers a block of whole rows has."""
    return (ROWS if columns <= NARROW else min(max(BLOCK // columns, 1), ROWS)) * columns


@scalar
def row_of(x, row, columns):
    return x[row * columns : (row + 1) * columns]


@scalar
def shares(x, y, columns, peaks, rests):
    """Fill ``y`` with the softmax of every row of a block.

    ``peaks`` gets each row's largest number, ``rests`` its sum of e^(xⱼ − max) without the peak's
    own 1, which is NaN where the largest is infinite.
    """
    if columns <= NARROW:
        _shares_of_narrow(x, y, columns, peaks, rests)
    else:
        _shares_of_wide(x, y, columns, peaks, rests)


@scalar
def _shares_of_narrow(x, y, columns, peaks, rests):
    """The block on its side: all rows in step, as loops as short as these rows are not vectorised.

    Of fewer than 32 rows the last comes again.
    """
    widest_vectors()
    tile, rows = local_array(TILE, x.dtype), x.size // columns
    ties, factors = local_array(ROWS, np.float64), local_array(ROWS, x.dtype)
    for row in range(ROWS):
        peaks[row], rests[row], ties[row] = -np.inf, 0.0, -1.0
    for j in range(columns):
        column = tile[j * ROWS : (j + 1) * ROWS]
        for row in range(ROWS):
            column[row] = x[min(row, rows - 1) * columns + j]
            peaks[row] = larger(peaks[row], column[row])
    for j in range(columns):
        column = tile[j * ROWS : (j + 1) * ROWS]
        for row in range(ROWS):
            power = exp_difference(column[row], peaks[row])
            is_peak = column[row] == peaks[row]
            rests[row] += 0.0 if is_peak else power
            ties[row] += 1.0 if is_peak else 0.0
            column[row] = power
    for row in range(ROWS):
        rests[row] += ties[row] + (peaks[row] - peaks[row])
        factors[row] = 1.0 / (1.0 + rests[row])
    for row in range(rows):
        into = row_of(y, row, columns)
        for j in range(columns):
            into[j] = tile[j * ROWS + row] * factors[row]


@scalar
def _shares_of_wide(x, y, columns, peaks, rests):
    widest_vectors()
    for row in range(x.size // columns):
        one, into = row_of(x, row, columns), row_of(y, row, columns)
        peak, ties = peak_of(one)
        for j in range(columns):
            into[j] = peak
        peaks[row], rests[row] = peak, ties - 1
    for i in range(x.size):
        y[i] = 0.0 if x[i] == y[i] else exp_difference(x[i], y[i])
    for row in range(x.size // columns):
        one, into, peak = row_of(x, row, columns), row_of(y, row, columns), peaks[row]
        rests[row] += total_of(into) + (peak - peak)
        factor = x.dtype.type(1.0 / (1.0 + rests[row]))
        for j in range(columns):
            into[j] = factor if one[j] == peak else into[j] * factor


@kernel("y", _rows)
def softmax(x, y, columns):
    peaks, rests = local_array(ROWS, x.dtype), local_array(ROWS, np.float64)
    stride = block_of(columns)
    for start in range(0, x.size, stride):
        shares(x[start : start + stride], y[start : start + stride], columns, peaks, rests)


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
    peaks, rests = local_array(ROWS, x.dtype), local_array(ROWS, np.float64)
    stride = block_of(columns)
    for start in range(0, x.size, stride):
        xs, ys = x[start : start + stride], y[start : start + stride]
        shares(xs, ys, columns, peaks, rests)
        for row in range(ROWS):
            rests[row] = log1p(rests[row])
        for row in range(xs.size // columns):
            one, into = row_of(xs, row, columns), row_of(ys, row, columns)
            peak, log_total = peaks[row], x.dtype.type(rests[row])
            for j in range(columns):
                into[j] = (one[j] - peak) - log_total


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
