"""Moving numbers without changing them, and adding up what was moved to one place.

Most movements are views: element i of an array is seen at ``offset`` plus steps of ``strides``,
counted over ``lengths``. Transposing, slicing and broadcasting read through a view, and a sum
over axes writes through one, so each kernel here is the gradient of another. Indexing by lists
and masks has an ``index`` instead: output i is input ``index[i]``.
"""

from __future__ import annotations

import numpy as np

from minidl.kernels.elementwise import alike
from minidl.kernels.jit import Refused, kernel, scalar
from minidl.kernels.reductions import total_of


@scalar
def _shows(offset, lengths, strides, seen, whole):
    """Whether a view has a place in the whole for each element that is seen."""
    if lengths.size == 0 or lengths.size != strides.size:
        return False
    count, low, high = 1, offset, offset
    for axis in range(lengths.size):
        reach = (lengths[axis] - 1) * strides[axis]
        low, high = low + min(reach, 0), high + max(reach, 0)
        count *= lengths[axis]
    return count == seen.size and (count == 0 or (low >= 0 and high < whole.size))


@scalar
def _next_row(counter, lengths, strides, place):
    """Where the next row of a view begins: its axes but the last count like an odometer."""
    for axis in range(lengths.size - 2, -1, -1):
        place += strides[axis]
        counter[axis] += 1
        if counter[axis] < lengths[axis]:
            break
        place -= lengths[axis] * strides[axis]
        counter[axis] = 0
    return place


@kernel("y")
def gather_view(x, offset, lengths, strides, y, divisor):
    """``y = view of x / divisor``."""
    if not _shows(offset, lengths, strides, y, x):
        raise Refused
    counter = np.zeros(lengths.size, np.int64)
    columns, step, place = max(lengths[-1], 1), strides[-1], offset
    for row in range(0, y.size, columns):
        for j in range(columns):
            y[row + j] = x[place + j * step] / divisor
        place = _next_row(counter, lengths, strides, place)


@kernel("y", partial=True)
def put_view(x, offset, lengths, strides, y):
    """``view of y = x``; what the view does not show stays as it is."""
    if not _shows(offset, lengths, strides, x, y):
        raise Refused
    counter = np.zeros(lengths.size, np.int64)
    columns, step, place = max(lengths[-1], 1), strides[-1], offset
    for row in range(0, x.size, columns):
        for j in range(columns):
            y[place + j * step] = x[row + j]
        place = _next_row(counter, lengths, strides, place)


@kernel("x")
def add_view(y, offset, lengths, strides, x, divisor):
    """``x = Σ y / divisor`` over all that the view of x shows at one place, in float64."""
    if not _shows(offset, lengths, strides, y, x):
        raise Refused
    total = np.zeros(x.size, np.float64)
    counter = np.zeros(lengths.size, np.int64)
    columns, step, place = max(lengths[-1], 1), strides[-1], offset
    for row in range(0, y.size, columns):
        for j in range(columns):
            total[place + j * step] += y[row + j]
        place = _next_row(counter, lengths, strides, place)
    for k in range(x.size):
        x[k] = total[k] / divisor


@kernel("y")
def gather(x, index, y):
    """``y[i] = x[index[i]]``."""
    if not alike(index, y):
        raise Refused
    for i in range(y.size):
        if not 0 <= index[i] < x.size:
            raise Refused
        y[i] = x[index[i]]


@kernel("x")
def scatter_add(y, index, x):
    """``x[k] = Σ y[i]`` over every i with ``index[i] == k``, added up in float64."""
    if not alike(index, y):
        raise Refused
    total = np.zeros(x.size, np.float64)
    for i in range(y.size):
        if not 0 <= index[i] < x.size:
            raise Refused
        total[index[i]] += y[i]
    for k in range(x.size):
        x[k] = total[k]


@kernel("y")
def total(x, y, divisor):
    """``y[0] = Σ x / divisor``."""
    if y.size != 1:
        raise Refused
    y[0] = total_of(x) / divisor


@kernel("dx")
def fill(dy, dx, divisor):
    """``dx[i] = dy[0] / divisor``: the gradient of a total."""
    if dy.size != 1:
        raise Refused
    share = dx.dtype.type(dy[0] / divisor)
    for i in range(dx.size):
        dx[i] = share


@scalar
def _weighs(w, v, one):
    """Whether there is a weight for every row, and one number for all of them."""
    return one.size == 1 and w.size > 0 and v.size % w.size == 0


@kernel("y")
def weighted_mean(v, w, y):
    """``y[0] = Σ wᵣ vᵣⱼ / (columns · Σ wᵣ)``, 0 where the weights add up to 0."""
    if not _weighs(w, v, y):
        raise Refused
    columns = v.size // w.size
    top, bottom = 0.0, total_of(w)
    if columns == 1 and bottom != 0.0:
        for row in range(w.size):
            top += np.float64(w[row]) * v[row] if w[row] != 0 else 0.0
    else:
        for row in range(w.size):
            if w[row] != 0:
                top += w[row] * total_of(v[row * columns : (row + 1) * columns])
    y[0] = top / (bottom * columns) if bottom != 0.0 else 0.0


@kernel("dv")
def weighted_mean_backward(w, dy, dv):
    if not _weighs(w, dv, dy):
        raise Refused
    columns = dv.size // w.size
    bottom = total_of(w)
    for row in range(w.size):
        share = np.float64(dy[0]) * w[row] / (bottom * columns) if bottom != 0.0 else 0.0
        for j in range(row * columns, (row + 1) * columns):
            dv[j] = share


@kernel("y")
def extreme(x, offset, lengths, strides, y, sign):
    """The largest x (``sign`` 1) or smallest (−1) of those at one place of y; NaN wins."""
    if not _shows(offset, lengths, strides, x, y):
        raise Refused
    for k in range(y.size):
        y[k] = -sign * np.inf
    counter = np.zeros(lengths.size, np.int64)
    columns, step, place = max(lengths[-1], 1), strides[-1], offset
    for row in range(0, x.size, columns):
        for j in range(columns):
            k = place + j * step
            if sign * x[row + j] > sign * y[k] or x[row + j] != x[row + j]:
                y[k] = x[row + j]
        place = _next_row(counter, lengths, strides, place)


@scalar
def _same(a, b):
    return a == b or (a != a and b != b)


@kernel("dx")
def extreme_backward(x, y, offset, lengths, strides, dy, dx):
    """The gradient goes to the extreme element, a NaN if there is one; ties share it evenly."""
    if not alike(x, dx) or not alike(y, dy) or not _shows(offset, lengths, strides, x, y):
        raise Refused
    ties = np.zeros(y.size, np.int64)
    counter = np.zeros(lengths.size, np.int64)
    columns, step, place = max(lengths[-1], 1), strides[-1], offset
    for row in range(0, x.size, columns):
        for j in range(columns):
            ties[place + j * step] += int(_same(x[row + j], y[place + j * step]))
        place = _next_row(counter, lengths, strides, place)
    counter[:] = 0
    place = offset
    for row in range(0, x.size, columns):
        for j in range(columns):
            k = place + j * step
            dx[row + j] = dy[k] / ties[k] if _same(x[row + j], y[k]) else 0.0
        place = _next_row(counter, lengths, strides, place)
