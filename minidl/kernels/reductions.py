"""Many numbers made one, in fixed lanes: the same bits on every CPU.

Adding in another order gives other digits, so LLVM leaves a sum as it is written: one number after
the other, each waiting for the last. Here the order is that of 64 sums side by side, written as
vectors, which every CPU cuts into the pieces that it has. Sums run in float64.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from minidl.kernels.intrinsics import local_array
from minidl.kernels.jit import by_type

LANES = 64
WIDTH = 8
"""Numbers in a vector; as many vectors side by side as there are lanes."""
STRETCH = 4 * WIDTH
"""Columns that are added up at a time, while there are so many."""
_VECTORS = LANES // WIDTH
_DOUBLE = ir.DoubleType()
_DOUBLES = ir.VectorType(_DOUBLE, WIDTH)
Join = Callable[[Sequence[Any], Sequence[Any]], Sequence[Any]]


class _Vectors:
    """The numbers of an array, as an intrinsic sees them: eight at a time."""

    def __init__(self, context: Any, builder: Any, kind: Any, array: Any) -> None:
        struct = context.make_array(kind)(context, builder, array)
        self.size = builder.extract_value(struct.shape, 0)
        self.builder, self.data = builder, struct.data
        self.type = ir.VectorType(context.get_data_type(kind.dtype), WIDTH)
        self.align = 4 if self.type.element == ir.FloatType() else 8

    def _pointer(self, place: Any) -> Any:
        return self.builder.bitcast(self.builder.gep(self.data, [place]), self.type.as_pointer())

    def load(self, place: Any) -> Any:
        return self.builder.load(self._pointer(place), align=self.align)

    def load_rest(self, place: Any, end: Any, filler: float) -> Any:
        """The numbers before ``end``, fewer than eight; ``filler`` stands for the others."""
        builder, whole = self.builder, ir.IntType(32)
        truth = ir.VectorType(ir.IntType(1), WIDTH)
        left = builder.trunc(builder.sub(end, place), whole)
        lanes = ir.VectorType(whole, WIDTH)(list(range(WIDTH)))
        mask = builder.icmp_signed("<", lanes, _repeated(builder, left))
        pointer = self._pointer(place)
        kinds = [pointer.type, whole, truth, self.type]
        masked = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(self.type, kinds),
            f"llvm.masked.load.v{WIDTH}f{8 * self.align}.p0",
        )
        fillers = self.type([filler] * WIDTH)
        return builder.call(masked, [pointer, whole(self.align), mask, fillers])


def _repeated(builder: Any, number: Any) -> Any:
    """A vector of one number."""
    kind = ir.VectorType(number.type, WIDTH)
    first = builder.insert_element(ir.Constant(kind, ir.Undefined), number, ir.IntType(32)(0))
    places = ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), [0] * WIDTH)
    return builder.shuffle_vector(first, ir.Constant(kind, ir.Undefined), places)


def _reduced(
    arrays: Sequence[_Vectors], start: Sequence[Any], meet: Join, join: Join, filler: float
) -> Sequence[Any]:
    """Emit loops that bring the numbers of the arrays together; returns what comes of it.

    Each lane holds numbers, ``start`` at first; ``meet`` adds the next of each array, ``join``
    makes one of two lanes. Eight vectors go side by side while they are full, then one vector at a
    time, the last filled up with ``filler``.
    """
    builder, size = arrays[0].builder, arrays[0].size
    cells = [[cgutils.alloca_once(builder, part.type) for part in start] for _ in range(_VECTORS)]

    def put(cell: Sequence[Any], parts: Sequence[Any]) -> None:
        for part, place in zip(parts, cell, strict=True):
            builder.store(part, place)

    def parts_of(cell: Sequence[Any]) -> Sequence[Any]:
        return tuple(map(builder.load, cell))

    def loop(first: Any, last: Any, side_by_side: int) -> None:
        step = ir.Constant(size.type, side_by_side * WIDTH)
        with cgutils.for_range_slice(builder, first, last, step, size.type) as (begin, _):
            for i in range(side_by_side):
                place = builder.add(begin, ir.Constant(size.type, i * WIDTH))
                put(cells[i], meet(parts_of(cells[i]), [array.load(place) for array in arrays]))

    full, whole = (builder.and_(size, ir.Constant(size.type, -n)) for n in (LANES, WIDTH))
    put(cells[0], start)
    with builder.if_then(builder.icmp_signed(">=", size, ir.Constant(size.type, LANES))):
        for cell in cells[1:]:
            put(cell, start)
        loop(ir.Constant(size.type, 0), full, _VECTORS)
        put(cells[0], _joined([*map(parts_of, cells)], join))
    loop(full, whole, 1)
    with builder.if_then(builder.icmp_signed("<", whole, size)):
        rest = [array.load_rest(whole, size, filler) for array in arrays]
        put(cells[0], meet(parts_of(cells[0]), rest))
    return _folded(builder, parts_of(cells[0]), join)


def _joined(parts: Sequence[Any], join: Join) -> Sequence[Any]:
    """Vectors joined, the first half with the second, until there is one."""
    while len(parts) > 1:
        half = len(parts) // 2
        parts = [join(a, b) for a, b in zip(parts[:half], parts[half:], strict=True)]
    joined: Sequence[Any] = parts[0]
    return joined


def _folded(builder: Any, parts: Sequence[Any], join: Join) -> Sequence[Any]:
    """The lanes of vectors joined, the first half with the second, until there is one."""
    width = WIDTH
    while width > 1:
        width //= 2
        kind = ir.VectorType(ir.IntType(32), width)
        halves = []
        for first in (0, width):
            places = ir.Constant(kind, list(range(first, first + width)))
            halves.append(
                [builder.shuffle_vector(part, part.type(ir.Undefined), places) for part in parts]
            )
        parts = join(*halves)
    return [builder.extract_element(part, ir.IntType(32)(0)) for part in parts]


def _added_up(context: Any, builder: Any, signature: Any, given: Any) -> Any:
    """Σ x of one array, Σ x y of two."""
    kinds = signature.args
    arrays = [_Vectors(context, builder, *pair) for pair in zip(kinds, given, strict=True)]

    def meet(total: Sequence[Any], numbers: Sequence[Any]) -> Sequence[Any]:
        wide = [x if x.type == _DOUBLES else builder.fpext(x, _DOUBLES) for x in numbers]
        part = wide[0] if len(wide) == 1 else builder.fmul(*wide)
        return (builder.fadd(total[0], part),)

    def join(a: Sequence[Any], b: Sequence[Any]) -> Sequence[Any]:
        return (builder.fadd(a[0], b[0]),)

    [total] = _reduced(arrays, (_DOUBLES([0.0] * WIDTH),), meet, join, filler=0.0)
    return total


@intrinsic
def _lane_sum(typing, x):
    return types.float64(x), _added_up


@intrinsic
def _lane_dot(typing, x, y):
    return types.float64(x, y), _added_up


@intrinsic(prefer_literal=True)
def _columns_added(typing, x, columns, first, vectors, totals):
    """The sums of some columns into ``totals``: eight each for ``vectors``, the last filled up."""
    count = vectors.literal_value

    def generate(context, builder, signature, arguments):
        data, step, place, _, into = arguments
        array = _Vectors(context, builder, x, data)
        cells = [cgutils.alloca_once(builder, _DOUBLES) for _ in range(count)]
        for cell in cells:
            builder.store(_DOUBLES([0.0] * WIDTH), cell)
        with cgutils.for_range_slice(builder, place, array.size, step, step.type) as (begin, row):
            end = builder.mul(builder.add(row, row.type(1)), step)
            for i, cell in enumerate(cells):
                start = builder.add(begin, begin.type(i * WIDTH))
                part = array.load(start) if count > 1 else array.load_rest(start, end, 0.0)
                part = part if part.type == _DOUBLES else builder.fpext(part, _DOUBLES)
                builder.store(builder.fadd(builder.load(cell), part), cell)
        memory = context.make_array(totals)(context, builder, into).data
        for i, cell in enumerate(cells):
            place = builder.gep(memory, [ir.IntType(64)(i * WIDTH)])
            pointer = builder.bitcast(place, _DOUBLES.as_pointer())
            builder.store(builder.load(cell), pointer, align=8)
        return context.get_dummy_value()

    return types.void(x, types.intp, types.intp, vectors, totals), generate


def _sum_columns(x, into):
    totals = local_array(STRETCH, np.float64)
    stretches = into.size // STRETCH * STRETCH
    for first in range(0, stretches, STRETCH):
        _columns_added(x, into.size, first, 4, totals)
        part = into[first : first + STRETCH]
        for j in range(part.size):
            part[j] = totals[j]
    for first in range(stretches, into.size, WIDTH):
        _columns_added(x, into.size, first, 1, totals)
        part = into[first : first + WIDTH]
        for j in range(part.size):
            part[j] = totals[j]


@by_type(_sum_columns, _sum_columns)
def sum_columns(x, into):
    """The sums down the columns of a table that lies flat, row after row."""
    into[:] = np.sum(x.reshape(-1, into.size), axis=0, dtype=np.float64)


@intrinsic
def _lane_peak(typing, x):
    bits = 32 if x.dtype is types.float32 else 64

    def generate(context, builder, signature, arguments):
        array = _Vectors(context, builder, x, arguments[0])
        counters = ir.VectorType(ir.IntType(bits), WIDTH)
        ones = counters([1] * WIDTH)

        def join(a: Sequence[Any], b: Sequence[Any]) -> Sequence[Any]:
            """The larger of two (number, how often), or both if they are alike."""
            above = builder.fcmp_ordered(">", a[0], b[0])
            alike = builder.fcmp_ordered("==", a[0], b[0])
            both = builder.select(alike, builder.add(a[1], b[1]), b[1])
            return builder.select(above, a[0], b[0]), builder.select(above, a[1], both)

        def meet(best: Sequence[Any], numbers: Sequence[Any]) -> Sequence[Any]:
            return join((*numbers, ones), best)

        start = array.type([-float("inf")] * WIDTH), counters([0] * WIDTH)
        peak, ties = _reduced([array], start, meet, join, filler=float("nan"))
        ties = builder.zext(ties, ir.IntType(64)) if bits == 32 else ties
        return context.make_tuple(builder, signature.return_type, [peak, ties])

    return types.Tuple((x.dtype, types.int64))(x), generate


@by_type(lambda x: _lane_sum(x), lambda x: _lane_sum(x))
def total_of(x):
    """Σ x."""
    return np.sum(x, dtype=np.float64)


@by_type(lambda x, y: _lane_dot(x, y), lambda x, y: _lane_dot(x, y))
def dot_of(x, y):
    """Σ x y."""
    return np.sum(np.multiply(x, y, dtype=np.float64))


@by_type(lambda x: _lane_peak(x), lambda x: _lane_peak(x))
def peak_of(x):
    """The largest number, and how many are as large; NaN is passed over."""
    peak = np.fmax.reduce(x)
    return peak, np.sum(x == peak)
