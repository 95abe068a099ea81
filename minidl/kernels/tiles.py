"""Pieces of a matrix product in vector registers: what numba has no words for.

All work on addresses and strides, counted in numbers. A tile holds a few rows by a few vectors of
the result in registers, and goes along k once. Vectors are as wide as the CPU's, and which lane a
number lies in changes nothing about its bits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from minidl.kernels.cpu import AVX, AVX512

VECTOR_BYTES = 64 if AVX512 else 32 if AVX else 16
ROWS = 8 if AVX512 or not AVX else 4
"""Of the largest tile, which is three vectors wide: what fits into a CPU's registers."""

FROM_ZERO, FROM_BIAS, ADDED = 0, 1, 2
"""Where a chain of multiply-adds begins, and whether its end is added to what is there."""

_I32 = ir.IntType(32)


class _Lanes:
    """Vectors of one dtype, in one function that is being built."""

    def __init__(self, context: Any, builder: Any, dtype: Any, width: int = VECTOR_BYTES) -> None:
        self.context, self.builder, self.dtype = context, builder, dtype
        self.size = context.get_abi_sizeof(context.get_data_type(dtype))
        self.count = width // self.size
        self.type = ir.VectorType(context.get_data_type(dtype), self.count)
        self.name = f"v{self.count}f{8 * self.size}"
        self.zero = ir.Constant(self.type, [0.0] * self.count)

    def constant(self, number: int) -> Any:
        return ir.Constant(ir.IntType(64), number)

    def _at(self, base: Any, offset: Any) -> Any:
        return self.builder.bitcast(self.builder.gep(base, [offset]), self.type.as_pointer())

    def load(self, base: Any, offset: Any, mask: Any = None) -> Any:
        """A vector; with a mask zeros stand where it is not set, and nothing is read there."""
        place = self._at(base, offset)
        if mask is None:
            return self.builder.load(place, align=self.size)
        kinds = [place.type, _I32, mask.type, self.type]
        return self._call("masked.load", ".p0", self.type, kinds, [place, None, mask, self.zero])

    def store(self, value: Any, base: Any, offset: Any, mask: Any = None) -> None:
        place = self._at(base, offset)
        if mask is None:
            self.builder.store(value, place, align=self.size)
            return
        kinds = [self.type, place.type, _I32, mask.type]
        self._call("masked.store", ".p0", ir.VoidType(), kinds, [value, place, None, mask])

    def _call(self, name: str, suffix: str, result: Any, kinds: Any, arguments: Any) -> Any:
        function = cgutils.get_or_insert_function(
            self.builder.module, ir.FunctionType(result, kinds), f"llvm.{name}.{self.name}{suffix}"
        )
        given = [ir.Constant(_I32, self.size) if x is None else x for x in arguments]
        return self.builder.call(function, given)

    def fmuladd(self, a: Any, b: Any, c: Any) -> Any:
        """a · b + c, rounded once where the CPU can, and in two steps elsewhere."""
        return self._call("fmuladd", "", self.type, [self.type] * 3, [a, b, c])

    def repeated(self, x: Any) -> Any:
        undefined = ir.Constant(self.type, ir.Undefined)
        one = self.builder.insert_element(undefined, x, _I32(0))
        return self.shuffled(one, undefined, [0] * self.count)

    def shuffled(self, a: Any, b: Any, order: Sequence[int]) -> Any:
        mask = ir.Constant(ir.VectorType(_I32, self.count), list(order))
        return self.builder.shuffle_vector(a, b, mask)

    def first(self, count: Any) -> Any:
        """A mask of the first lanes."""
        kind = ir.VectorType(_I32, self.count)
        lane = ir.Constant(kind, list(range(self.count)))
        undefined = ir.Constant(kind, ir.Undefined)
        one = self.builder.insert_element(undefined, self.builder.trunc(count, _I32), _I32(0))
        limit = self.builder.shuffle_vector(one, undefined, ir.Constant(kind, [0] * self.count))
        return self.builder.icmp_signed("<", lane, limit)

    def columns(self, base: Any, row: Any, rows: Any = None, columns: Any = None) -> list[Any]:
        """The columns of a square block of memory, each a vector; zeros for what is not there.

        Quarters of 128 bits are loaded to where they belong, as a load costs less than a shuffle
        across them, and turned round in there.
        """
        quarter = _Lanes(self.context, self.builder, self.dtype, 16)
        turned = []
        for first in range(0, self.count, quarter.count):
            mask = None
            vectors = []
            for i in range(quarter.count):
                parts = []
                for place in range(i, self.count, quarter.count):
                    if rows is not None:
                        left = self.builder.sub(columns, self.constant(first))
                        there = self.builder.icmp_signed("<", self.constant(place), rows)
                        mask = quarter.first(self.builder.select(there, left, self.constant(0)))
                    offset = self.builder.mul(row, self.constant(place))
                    offset = self.builder.add(offset, self.constant(first))
                    parts.append(quarter.load(base, offset, mask))
                while len(parts) > 1:
                    parts = [*map(self._joined, parts[::2], parts[1::2])]
                vectors += parts
            if quarter.count == 4:
                pairs = [*zip(vectors[::2], vectors[1::2], strict=True)]
                vectors = [self._interleaved(*pair, 1, half) for half in (0, 1) for pair in pairs]
            pairs = [*zip(vectors[::2], vectors[1::2], strict=True)]
            unit = quarter.count // 2
            vectors = [self._interleaved(*pair, unit, half) for pair in pairs for half in (0, 1)]
            turned += vectors
        return turned

    def _joined(self, a: Any, b: Any) -> Any:
        """Two vectors as one of twice their length."""
        order = ir.Constant(ir.VectorType(_I32, 2 * a.type.count), list(range(2 * a.type.count)))
        return self.builder.shuffle_vector(a, b, order)

    def _interleaved(self, a: Any, b: Any, unit: int, half: int) -> Any:
        """Units of a and b in turn, from the lower or the upper half of each quarter."""
        quarter = 16 // self.size
        order: list[int] = []
        for begin in range(half * quarter // 2, self.count, quarter):
            for place in range(begin, begin + quarter // 2, unit):
                order += [*range(place, place + unit)]
                order += [*range(self.count + place, self.count + place + unit)]
        return self.shuffled(a, b, order)


@intrinsic
def address(typing, array):
    """Where an array's numbers begin."""

    def generate(context, builder, signature, arguments):
        return context.make_array(array)(context, builder, arguments[0]).data

    return types.CPointer(array.dtype)(array), generate


@intrinsic
def ahead(typing, pointer, count):
    """The address so many numbers further on."""

    def generate(context, builder, signature, arguments):
        return builder.gep(arguments[0], [arguments[1]])

    return pointer(pointer, types.intp), generate


@intrinsic
def number_at(typing, pointer):
    """The number at an address."""

    def generate(context, builder, signature, arguments):
        return builder.load(arguments[0])

    return pointer.dtype(pointer), generate


@intrinsic
def lanes(typing, pointer):
    """How many numbers a vector holds."""
    count = VECTOR_BYTES * 8 // pointer.dtype.bitwidth

    def generate(context, builder, signature, arguments):
        return context.get_constant(types.intp, count)

    return types.intp(pointer), generate


@intrinsic(prefer_literal=True)
def scratch(typing, pointer, vectors):
    """Memory for so many vectors on the stack of the function that calls this; it is not filled."""
    length = vectors.literal_value * VECTOR_BYTES * 8 // pointer.dtype.bitwidth

    def generate(context, builder, signature, arguments):
        element = context.get_data_type(pointer.dtype)
        with builder.goto_entry_block():  # cgutils.alloca_once would fill it, number by number
            memory = builder.alloca(ir.ArrayType(element, length))
            memory.align = VECTOR_BYTES
        return builder.bitcast(memory, element.as_pointer())

    return pointer(pointer, vectors), generate


@intrinsic
def outlined(typing):
    """Have the function that calls this stay one of its own, with the widest vectors."""

    def generate(context, builder, signature, arguments):
        builder.function.attributes.add("noinline")
        if AVX512:
            set.add(builder.function.attributes, '"prefer-vector-width"="512"')
        return context.get_dummy_value()

    return types.void(), generate


class _Sums:
    """The numbers of a tile while they are added up: rows of vectors in registers."""

    def __init__(self, lanes: _Lanes, rows: int, vectors: int) -> None:
        self.lanes, self.builder = lanes, lanes.builder
        self.rows = [
            [cgutils.alloca_once_value(lanes.builder, lanes.zero) for _ in range(vectors)]
            for _ in range(rows)
        ]

    def add(self, row: int, vector: int, factor: Any, numbers: Any, used: Any = None) -> None:
        """Go on with one vector's chains; a term that is not ``used`` is left out."""
        place = self.rows[row][vector]
        before = self.builder.load(place)
        after = self.lanes.fmuladd(factor, numbers, before)
        if used is not None:
            after = self.builder.select(used, after, before)
        self.builder.store(after, place)

    def _each(self, act: Callable[[Any, Any, Any], None], base: Any, row: Any, last: Any) -> None:
        """Act on every vector: its place in registers and in memory."""
        offsets = [self.lanes.constant(v * self.lanes.count) for v in range(len(self.rows[0]) - 1)]
        for r, places in enumerate(self.rows):
            start = self.builder.gep(base, [self.builder.mul(row, self.lanes.constant(r))])
            for place, offset in zip(places, [*offsets, last], strict=True):
                act(place, start, offset)

    def begin(self, bias: Any, last: Any, begin: Any, mask: Any = None) -> None:
        """Start the chains from the bias, if they do."""

        def read(place: Any, base: Any, offset: Any) -> None:
            self.builder.store(self.lanes.load(base, offset, mask), place)

        from_bias = self.builder.icmp_signed("==", begin, self.lanes.constant(FROM_BIAS))
        with self.builder.if_then(from_bias):
            self._each(read, bias, self.lanes.constant(0), last)

    def end(self, c: Any, row: Any, last: Any, begin: Any, mask: Any = None) -> None:
        """Write the chains' ends, or add them to what is there."""

        def add(place: Any, base: Any, offset: Any) -> None:
            before = self.lanes.load(base, offset, mask)
            self.builder.store(self.builder.fadd(before, self.builder.load(place)), place)

        def write(place: Any, base: Any, offset: Any) -> None:
            self.lanes.store(self.builder.load(place), base, offset, mask)

        added = self.builder.icmp_signed("==", begin, self.lanes.constant(ADDED))
        with self.builder.if_then(added):
            self._each(add, c, row, last)
        self._each(write, c, row, last)


@intrinsic(prefer_literal=True)
def tile(typing, left, right, result, chain, rows, vectors, columns):
    """result[r, j] = Σₖ left[r, k] right[k, j], as one chain of fused multiply-adds.

    Parameters
    ----------
    left : (address, row stride, k stride)
    right, result : (address, row stride, offset of the last vector)
        The last may overlap the one before it: a number that is computed twice is the same.
    chain : (length, bias, begin)
        Which begins at 0 (``FROM_ZERO``), at bias[j] (``FROM_BIAS``), or at 0 with its end added
        to what ``result`` holds (``ADDED``).
    rows, vectors : literal int
    columns : int
        0, or how many of a single vector's are there.
    """

    def generate(context, builder, signature, arguments):
        a, a_row, a_step = cgutils.unpack_tuple(builder, arguments[0])
        b, b_row, b_last = cgutils.unpack_tuple(builder, arguments[1])
        c, c_row, c_last = cgutils.unpack_tuple(builder, arguments[2])
        depth, bias, begin = cgutils.unpack_tuple(builder, arguments[3])
        lanes = _Lanes(context, builder, signature.args[0][0].dtype)
        mask = None if _is_zero(signature.args[-1]) else lanes.first(arguments[-1])
        sums = _Sums(lanes, rows.literal_value, vectors.literal_value)
        sums.begin(bias, c_last, begin, mask)
        offsets = [lanes.constant(v * lanes.count) for v in range(vectors.literal_value - 1)]
        with cgutils.for_range(builder, depth) as loop:
            a_k = builder.gep(a, [builder.mul(loop.index, a_step)])
            b_k = builder.gep(b, [builder.mul(loop.index, b_row)])
            numbers = [lanes.load(b_k, offset) for offset in [*offsets, b_last]]
            for r in range(rows.literal_value):
                place = builder.gep(a_k, [builder.mul(a_row, lanes.constant(r))])
                factor = lanes.repeated(builder.load(place))
                for v, vector in enumerate(numbers):
                    sums.add(r, v, factor, vector)
        sums.end(c, c_row, c_last, begin, mask)
        return context.get_dummy_value()

    return types.void(left, right, result, chain, rows, vectors, columns), generate


def _is_zero(kind: Any) -> bool:
    return isinstance(kind, types.IntegerLiteral) and kind.literal_value == 0


@intrinsic(prefer_literal=True)
def transposed_tile(typing, left, right, result, chain, rows, vectors):
    """result[r, j] = Σₖ left[r, k] right[j, k], as ``tile``; blocks are turned round in registers.

    For few rows, as what is turned round is used once for each. A chain is at least as long as a
    vector.
    """

    def generate(context, builder, signature, arguments):
        a, a_row, a_step = cgutils.unpack_tuple(builder, arguments[0])
        b, b_row, _ = cgutils.unpack_tuple(builder, arguments[1])
        c, c_row, c_last = cgutils.unpack_tuple(builder, arguments[2])
        depth, bias, begin = cgutils.unpack_tuple(builder, arguments[3])
        lanes = _Lanes(context, builder, signature.args[0][0].dtype)
        count = lanes.constant(lanes.count)
        sums = _Sums(lanes, rows.literal_value, vectors.literal_value)
        sums.begin(bias, c_last, begin)

        def go_on(k: Any, first: Any) -> None:
            """The chains over a block of k; from its ``first`` term, if not all are new."""
            for v in range(vectors.literal_value):
                row = builder.mul(b_row, lanes.constant(v * lanes.count))
                block = lanes.columns(builder.gep(b, [builder.add(row, k)]), b_row)
                for j, column in enumerate(block):
                    used = None
                    if first is not None:
                        used = builder.icmp_signed(">=", lanes.constant(j), first)
                    step = builder.mul(a_step, builder.add(k, lanes.constant(j)))
                    for r in range(rows.literal_value):
                        place = builder.add(builder.mul(a_row, lanes.constant(r)), step)
                        factor = lanes.repeated(builder.load(builder.gep(a, [place])))
                        sums.add(r, v, factor, column, used)

        with cgutils.for_range(builder, builder.sdiv(depth, count)) as loop:
            go_on(builder.mul(loop.index, count), None)
        left_over = builder.srem(depth, count)
        with builder.if_then(builder.icmp_signed(">", left_over, lanes.constant(0))):
            go_on(builder.sub(depth, count), builder.sub(count, left_over))
        sums.end(c, c_row, c_last, begin)
        return context.get_dummy_value()

    return types.void(left, right, result, chain, rows, vectors), generate


@intrinsic(prefer_literal=True)
def sweep(typing, start, left, right, total, vectors, terms):
    """total[j] = start[j] + Σₖ left[k] right[k, j] over a few k, for so many vectors of j."""

    def generate(context, builder, signature, arguments):
        start, (a, a_step), (b, b_row) = (
            arguments[0], *(cgutils.unpack_tuple(builder, each) for each in arguments[1:3])
        )  # fmt: skip
        lanes = _Lanes(context, builder, signature.args[0].dtype)
        factors, rows = [], []
        for k in range(terms.literal_value):
            place = builder.gep(a, [builder.mul(a_step, lanes.constant(k))])
            factors.append(lanes.repeated(builder.load(place)))
            rows.append(builder.gep(b, [builder.mul(b_row, lanes.constant(k))]))
        with cgutils.for_range(builder, arguments[4]) as loop:
            offset = builder.mul(loop.index, lanes.constant(lanes.count))
            value = lanes.load(start, offset)
            for factor, row in zip(factors, rows, strict=True):
                value = lanes.fmuladd(factor, lanes.load(row, offset), value)
            lanes.store(value, arguments[3], offset)
        return context.get_dummy_value()

    return types.void(start, left, right, total, vectors, terms), generate


@intrinsic
def add(typing, source, target, vectors):
    """Add some vectors to others."""

    def generate(context, builder, signature, arguments):
        source, target, vectors = arguments
        lanes = _Lanes(context, builder, signature.args[0].dtype)
        with cgutils.for_range(builder, vectors) as loop:
            offset = builder.mul(loop.index, lanes.constant(lanes.count))
            both = builder.fadd(lanes.load(target, offset), lanes.load(source, offset))
            lanes.store(both, target, offset)
        return context.get_dummy_value()

    return types.void(source, target, vectors), generate


@intrinsic
def fill(typing, target, number, vectors):
    """One number in every place of some vectors."""

    def generate(context, builder, signature, arguments):
        target, number, vectors = arguments
        lanes = _Lanes(context, builder, signature.args[0].dtype)
        repeated = lanes.repeated(number)
        with cgutils.for_range(builder, vectors) as loop:
            offset = builder.mul(loop.index, lanes.constant(lanes.count))
            lanes.store(repeated, target, offset)
        return context.get_dummy_value()

    return types.void(target, target.dtype, vectors), generate


@intrinsic(prefer_literal=True)
def copy_vectors(typing, source, last, target, vectors, columns):
    """Vectors from here to there, the last from where it lies; or ``columns`` numbers and zeros."""

    def generate(context, builder, signature, arguments):
        source, last, target, *_ = arguments
        lanes = _Lanes(context, builder, signature.args[0].dtype)
        mask = None if _is_zero(signature.args[-1]) else lanes.first(arguments[-1])
        offsets = [lanes.constant(v * lanes.count) for v in range(vectors.literal_value)]
        for there, here in zip(offsets, [*offsets[:-1], last], strict=True):
            lanes.store(lanes.load(source, here, mask), target, there)
        return context.get_dummy_value()

    return types.void(source, last, target, vectors, columns), generate


@intrinsic
def transpose_block(typing, source, row, target, target_row, rows, columns):
    """target[j, i] = source[i, j], of a square block; zeros for rows and columns not there."""

    def generate(context, builder, signature, arguments):
        source, row, target, target_row, rows, columns = arguments
        lanes = _Lanes(context, builder, signature.args[0].dtype)
        full = lanes.constant(lanes.count)
        enough = [builder.icmp_signed(">=", there, full) for there in (rows, columns)]

        def move(*there: Any) -> None:
            for j, column in enumerate(lanes.columns(source, row, *there)):
                lanes.store(column, target, builder.mul(target_row, lanes.constant(j)))

        with builder.if_else(builder.and_(*enough)) as (whole, partial):
            with whole:
                move()
            with partial:
                move(rows, columns)
        return context.get_dummy_value()

    return types.void(source, row, target, target_row, rows, columns), generate
