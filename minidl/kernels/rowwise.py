"""Softmax and its logarithm: functions of a whole row.

Arrays arrive flat; ``columns`` says how long a row is. Rows are worked on in blocks, so that
exponentials, most of the work, are taken of one long stretch, however short a row is. Sums run in
float64. The largest number of a row is left out of its sum of exponentials and counts as 1 beside
it: what is small beside 1 keeps its digits.
"""

from __future__ import annotations

import numpy as np

from minidl.kernels.intrinsics import larger, local_array, widest_vectors
from minidl.kernels.jit import Refused, kernel, scalar
from minidl.kernels.reductions import dot_of, peak_of, total_of
from minidl.kernels.vecmath import exp, exp_difference, log1p

BLOCK = 2048
"""Numbers in a block of rows: they stay in the nearest cache."""
ROWS = 32
"""Rows in a block, at most."""
NARROW = 15
"""Columns, at most, of a block that is turned on its side: they fill no vector."""
LONG = 512
"""Columns, at least, of a row that is worked on by itself."""
TILE = ROWS * NARROW


@scalar
def _rows(x, y, columns):
    """Whether two arrays are made of as many whole rows."""
    return x.size == y.size and columns > 0 and x.size % columns == 0


@scalar
def block_of(columns):
    """How many numbers a block of whole rows has."""
    return (ROWS if columns <= NARROW else min(max(BLOCK // columns, 1), ROWS)) * columns


@scalar
def row_of(x, row, columns):
    return x[row * columns : (row + 1) * columns]


@scalar
def _shares_of_narrow(x, y, columns, peaks, rests, whole):
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
        factors[row] = whole / (1.0 + rests[row])
    for row in range(rows):
        into = row_of(y, row, columns)
        for j in range(columns):
            into[j] = tile[j * ROWS + row] * factors[row]


@scalar
def _exponentials_of_wide(x, e, columns, peaks, rests):
    """The block as it lies; 0 in the place of peaks."""
    widest_vectors()
    for row in range(x.size // columns):
        into = row_of(e, row, columns)
        peak, ties = peak_of(row_of(x, row, columns))
        for j in range(columns):
            into[j] = peak
        peaks[row], rests[row] = peak, ties - 1
    for i in range(x.size):
        e[i] = 0.0 if x[i] == e[i] else exp_difference(x[i], e[i])
    for row in range(x.size // columns):
        rests[row] += total_of(row_of(e, row, columns)) + (peaks[row] - peaks[row])


@scalar
def _exponentials_of_long(x, e, columns, peaks, rests):
    """Row by row: each fills enough vectors by itself."""
    widest_vectors()
    for row in range(x.size // columns):
        one, into = row_of(x, row, columns), row_of(e, row, columns)
        peak, ties = peak_of(one)
        for j in range(columns):
            into[j] = 0.0 if one[j] == peak else exp_difference(one[j], peak)
        peaks[row], rests[row] = peak, ties - 1 + total_of(into) + (peak - peak)


@scalar
def totals(x, y, columns, peaks, rests):
    """Of each row of a block, the largest number and the sum of e^(xⱼ − max) but for its own 1.

    The sum is NaN where the largest number is infinite. ``y`` gets the exponentials: of wide rows
    as they are, but 0 for peaks; of narrow ones their shares.
    """
    if columns <= NARROW:
        _shares_of_narrow(x, y, columns, peaks, rests, 1.0)
    elif columns < LONG:
        _exponentials_of_wide(x, y, columns, peaks, rests)
    else:
        _exponentials_of_long(x, y, columns, peaks, rests)


@scalar
def shares(x, y, columns, peaks, rests, whole):
    """Fill ``y`` with ``whole`` times the softmax of each row of a block; ``totals`` besides."""
    if columns <= NARROW:
        _shares_of_narrow(x, y, columns, peaks, rests, whole)
        return
    totals(x, y, columns, peaks, rests)
    for row in range(x.size // columns):
        one, into, peak = row_of(x, row, columns), row_of(y, row, columns), peaks[row]
        factor = x.dtype.type(whole / (1.0 + rests[row]))
        for j in range(columns):
            into[j] = factor if one[j] == peak else into[j] * factor


@kernel("y")
def softmax(x, y, columns):
    if not _rows(x, y, columns):
        raise Refused
    peaks, rests = local_array(ROWS, x.dtype), local_array(ROWS, np.float64)
    stride = block_of(columns)
    for start in range(0, x.size, stride):
        xs, ys = x[start : start + stride], y[start : start + stride]
        shares(xs, ys, columns, peaks, rests, 1.0)


@kernel("dx")
def softmax_backward(y, dy, dx, columns):
    if not _rows(y, dx, columns) or y.size != dy.size:
        raise Refused
    widest_vectors()
    for row in range(y.size // columns):
        ys, dys, dxs = row_of(y, row, columns), row_of(dy, row, columns), row_of(dx, row, columns)
        share = dx.dtype.type(dot_of(ys, dys))
        for j in range(columns):
            dxs[j] = ys[j] * (dys[j] - share)


@kernel("y")
def log_softmax(x, y, columns):
    if not _rows(x, y, columns):
        raise Refused
    widest_vectors()
    peaks, rests = local_array(ROWS, x.dtype), local_array(ROWS, np.float64)
    stride = block_of(columns)
    for start in range(0, x.size, stride):
        xs, ys = x[start : start + stride], y[start : start + stride]
        totals(xs, ys, columns, peaks, rests)
        for row in range(ROWS):
            rests[row] = log1p(rests[row])
        for row in range(xs.size // columns):
            one, into = row_of(xs, row, columns), row_of(ys, row, columns)
            peak, log_total = peaks[row], x.dtype.type(rests[row])
            for j in range(columns):
                into[j] = (one[j] - peak) - log_total


@kernel("dx")
def log_softmax_backward(y, dy, dx, columns):
    if not _rows(y, dx, columns) or y.size != dy.size:
        raise Refused
    widest_vectors()
    for i in range(y.size):
        dx[i] = exp(y[i])
    for row in range(y.size // columns):
        dys, dxs = row_of(dy, row, columns), row_of(dx, row, columns)
        share = dx.dtype.type(total_of(dys))
        for j in range(columns):
            dxs[j] = dys[j] - dxs[j] * share
