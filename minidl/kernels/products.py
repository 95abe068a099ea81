"""Matrix products, to the same bits on any CPU with fused multiply-adds.

Every number of a product is a sum over k in one order, the canonical one: blocks of 256 along k,
each a chain of fused multiply-adds from 0 (the first from the bias, if there is one), and the
blocks added in order. How wide a CPU's vectors are, how a product is cut into tiles, and who
computes which part of it change nothing about that.

The loops are compiled once for each dtype, and called by every kernel as an external symbol:
compiled into each kernel they would take a second there.
"""

from __future__ import annotations

from typing import Any

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.core.ccallback import CFunc
from numba.extending import intrinsic

from minidl.kernels import cache
from minidl.kernels.digests import digest
from minidl.kernels.forking import build_lock
from minidl.kernels.jit import by_type
from minidl.kernels.tiles import (
    ADDED,
    FROM_BIAS,
    FROM_ZERO,
    ROWS,
    add,
    address,
    ahead,
    copy_vectors,
    fill,
    lanes,
    number_at,
    outlined,
    scratch,
    sweep,
    tile,
    transpose_block,
    transposed_tile,
)

BLOCK = 256
"""How many terms are one chain."""

IN_PLACE, PACKED, TRANSPOSED = 0, 1, 2
"""How the right factor is read: as it lies, a panel side by side first, or turned round."""

FEW = 3
"""Rows of a product for which nothing is packed: each number on the right is used so often."""
MANY = 32
"""Rows for which it pays to pack what could be read as it lies."""
HALF = ROWS // 2
WIDTH = 3
"""Vectors of a panel."""
PACKED_VECTORS = WIDTH * (BLOCK + 16)  # a transposed block may reach beyond the last row
REPEATED = WIDTH + 1  # a last vector may begin before its panel

_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True}


def _rows_at_once(rows: int) -> Any:
    """A tile of so many rows: one to three vectors wide, or of fewer columns than a vector has."""

    @njit(**_OPTIONS)
    def tiles(left, right, result, chain, vectors, columns):
        if columns > 0:
            tile(left, right, result, chain, rows, 1, columns)
        elif vectors == 3:
            tile(left, right, result, chain, rows, 3, 0)
        elif vectors == 2:
            tile(left, right, result, chain, rows, 2, 0)
        else:
            tile(left, right, result, chain, rows, 1, 0)

    return tiles


_most, _half, _single = _rows_at_once(ROWS), _rows_at_once(HALF), _rows_at_once(1)


@njit(**_OPTIONS)
def _below(factor, rows):
    """The same matrix without its first rows."""
    place, row, other = factor
    return ahead(place, rows * row), row, other


@njit(**_OPTIONS)
def _panel(left, right, result, chain, rows, vectors, columns):
    """All rows of a panel of one to three vectors."""
    outlined()
    while rows >= ROWS:
        _most(left, right, result, chain, vectors, columns)
        left, result, rows = _below(left, ROWS), _below(result, ROWS), rows - ROWS
    while rows >= HALF:
        _half(left, right, result, chain, vectors, columns)
        left, result, rows = _below(left, HALF), _below(result, HALF), rows - HALF
    while rows > 0:
        _single(left, right, result, chain, vectors, columns)
        left, result, rows = _below(left, 1), _below(result, 1), rows - 1


@njit(**_OPTIONS)
def _wide_panel(left, right, result, chain, rows):
    """Two rows of a panel of six vectors, or three of four: the right is read as it lies."""
    outlined()
    if rows == 2:
        tile(left, right, result, chain, 2, 6, 0)
    else:
        tile(left, right, result, chain, 3, 4, 0)


@njit(**_OPTIONS)
def _transposed_panel(left, right, result, chain, rows):
    """One to three rows of a panel of two vectors."""
    outlined()
    if rows == 1:
        transposed_tile(left, right, result, chain, 1, 2)
    elif rows == 2:
        transposed_tile(left, right, result, chain, 2, 2)
    else:
        transposed_tile(left, right, result, chain, 3, 2)


@njit(**_OPTIONS)
def _single_row(left, right, result, chain, vectors, sums):
    """One row of many vectors: the right is read row by row, in the order in which it lies."""
    outlined()
    (a, _, a_step), (b, b_row, _), (c, _, _), (depth, bias, begin) = left, right, result, chain
    start, total = bias, c
    if begin != FROM_BIAS:
        fill(sums, 0.0, vectors)
        start = sums
    if begin == ADDED:
        total = sums
    k = depth % 8
    sweep(start, (a, a_step), (b, b_row), total, vectors, 0)
    for i in range(k):
        sweep(
            total, (ahead(a, i * a_step), a_step), (ahead(b, i * b_row), b_row), total, vectors, 1
        )
    while k < depth:
        sweep(
            total, (ahead(a, k * a_step), a_step), (ahead(b, k * b_row), b_row), total, vectors, 8
        )
        k += 8
    if begin == ADDED:
        add(sums, c, vectors)


@njit(**_OPTIONS)
def _pack(right, depth, target, vectors, columns):
    """Rows of a panel side by side."""
    outlined()
    b, b_row, last = right
    width = vectors * lanes(b)
    for k in range(depth):
        source, there = ahead(b, k * b_row), ahead(target, k * width)
        if columns > 0:
            copy_vectors(source, 0, there, 1, columns)
        elif vectors == 3:
            copy_vectors(source, last, there, 3, 0)
        elif vectors == 2:
            copy_vectors(source, last, there, 2, 0)
        else:
            copy_vectors(source, last, there, 1, 0)


@njit(**_OPTIONS)
def _pack_transposed(right, depth, target, vectors, columns):
    """target[k, j] = right[j, k], for the columns j of a panel."""
    outlined()
    b, b_row, last = right
    count = lanes(b)
    rows = columns if columns > 0 else count
    for k in range(0, depth, count):
        for v in range(vectors):
            first = last if v == vectors - 1 else v * count
            source, there = ahead(b, first * b_row + k), ahead(target, (k * vectors + v) * count)
            transpose_block(source, b_row, there, vectors * count, rows, depth - k)


@njit(**_OPTIONS)
def _widest(form, rows, columns, depth, count):
    """How many vectors a panel has where few rows are a form of their own; else 0."""
    if form == IN_PLACE and rows == 1:
        widest = min(columns // count, PACKED_VECTORS)
        return widest if widest >= 12 else 0
    if form == IN_PLACE and 1 < rows <= FEW:
        return 12 // rows
    return 2 if form == TRANSPOSED and 0 < rows <= FEW and depth >= count else 0


@njit(**_OPTIONS)
def _product(left, right, form, result, shape, bias, bias_step, begin):
    """result (rows, columns) = left (rows, depth) right (depth, columns), panel by panel."""
    outlined()
    (a, a_row, a_step), (b, b_row), (c, c_row), (rows, columns, depth) = left, right, result, shape
    count, packed, repeated = lanes(a), scratch(a, PACKED_VECTORS), scratch(a, REPEATED)
    if bias_step == 0:  # one number for all columns
        fill(repeated, number_at(bias), REPEATED)
        bias = ahead(repeated, count)
    widest = _widest(form, rows, columns, depth, count)
    some = columns if columns < count else 0
    j = 0
    while j < columns:
        few = 0 < widest * count <= columns - j
        width = widest * count if few else min(columns - j, WIDTH * count)
        vectors = (width + count - 1) // count
        last = 0 if some > 0 else width - count
        target = (ahead(c, j), c_row, last)
        k = 0
        while k == 0 or k < depth:
            length = min(BLOCK, depth - k)
            chain = (length, ahead(bias, j * bias_step), begin if k == 0 else ADDED)
            source = (ahead(a, k * a_step), a_row, a_step)
            if form == TRANSPOSED:
                panel = (ahead(b, j * b_row + k), b_row, last)
            else:
                panel = (ahead(b, k * b_row + j), b_row, last)
            if few and form == IN_PLACE and rows == 1:
                _single_row(source, panel, target, chain, vectors, packed)
            elif few and form == IN_PLACE:
                _wide_panel(source, panel, target, chain, rows)
            elif few and length >= count:
                _transposed_panel(source, panel, target, chain, rows)
            else:
                side_by_side = (packed, vectors * count, (vectors - 1) * count)
                if form == TRANSPOSED:
                    _pack_transposed(panel, length, packed, vectors, some)
                    panel = side_by_side
                elif form == PACKED or some > 0 or rows >= MANY:
                    _pack(panel, length, packed, vectors, some)
                    panel = side_by_side
                _panel(source, panel, target, chain, rows, vectors, some)
            k += BLOCK
        j += width


def _symbol(dtype: Any) -> str:
    """What kernels call the product of a dtype; new loops have a new name."""
    return f"minidl_product_{dtype}_{digest(_product)}"


def _parameters(number: Any, integer: Any) -> list[Any]:
    """Types of what is called by its symbol, in its order."""
    a, b, shape = [number, integer, integer], [number, integer, integer], [integer] * 3
    return [*a, *b, number, integer, *shape, number, integer, integer]


_loaded: dict[Any, Any] = {}


def load(dtype: Any) -> None:
    """Compile the product of a dtype, or read it from disk, so that kernels can call it."""

    def product(
        a, a_row, a_step, b, b_row, form, c, c_row, rows, columns, depth, bias, bias_step, begin
    ):
        left, right, result = (a, a_row, a_step), (b, b_row), (c, c_row)
        _product(left, right, form, result, (rows, columns, depth), bias, bias_step, begin)

    with build_lock:
        if dtype in _loaded:
            return
        product.__name__ = product.__qualname__ = _symbol(dtype)
        parameters = _parameters(types.CPointer(dtype), types.intp)
        compiled = cache.keep(CFunc(product, (tuple(parameters), types.void), {}, {}), product)
        compiled.compile()
        llvm.add_symbol(_symbol(dtype), compiled.address)
        _loaded[dtype] = compiled  # its machine code is let go with it


@intrinsic
def _call(
    typing, a, a_row, a_step, b, b_row, form, c, c_row, rows, columns, depth, bias, bias_step, begin
):
    """Call the product that was loaded for the operands' dtype."""
    name = _symbol(a.dtype)

    def generate(context, builder, signature, arguments):
        kinds = [argument.type for argument in arguments]
        kind = ir.FunctionType(ir.VoidType(), kinds)
        builder.call(cgutils.get_or_insert_function(builder.module, kind, name), arguments)
        return context.get_dummy_value()

    return types.void(*_parameters(types.CPointer(a.dtype), types.intp)), generate


# One column is one row of the transposed product, which fills vectors.


def _sum(a, b, bias, c):
    (n, m), k, x, w, y = c.shape, b.shape[0], address(a), address(b), address(c)
    if m == 1:
        _call(w, k, 1, x, k, TRANSPOSED, y, n, 1, n, k, address(bias), 0, FROM_BIAS)
    else:
        _call(x, k, 1, w, m, IN_PLACE, y, m, n, m, k, address(bias), 1, FROM_BIAS)


def _plain(a, b, c):
    (n, m), k, x, w, y = c.shape, b.shape[0], address(a), address(b), address(c)
    if m == 1:
        _call(w, k, 1, x, k, TRANSPOSED, y, n, 1, n, k, y, 1, FROM_ZERO)
    else:
        _call(x, k, 1, w, m, IN_PLACE, y, m, n, m, k, y, 1, FROM_ZERO)


def _right(a, b, c):
    (n, m), k, x, w, y = c.shape, b.shape[1], address(a), address(b), address(c)
    if m == 1:
        _call(w, k, 1, x, k, TRANSPOSED, y, n, 1, n, k, y, 1, FROM_ZERO)
    else:
        _call(x, k, 1, w, k, TRANSPOSED, y, m, n, m, k, y, 1, FROM_ZERO)


def _left(a, b, c):
    (n, m), k, x, w, y = c.shape, b.shape[0], address(a), address(b), address(c)
    if m == 1:
        _call(w, k, 1, x, n, IN_PLACE, y, n, 1, n, k, y, 1, FROM_ZERO)
    else:
        _call(x, 1, n, w, m, PACKED, y, m, n, m, k, y, 1, FROM_ZERO)


def _in_blocks(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> None:
    for k in range(0, b.shape[0], BLOCK):
        c += a[:, k : k + BLOCK] @ b[k : k + BLOCK]


@by_type(_sum, _sum)
def multiply_add(a, b, bias, c):
    """``c = bias + a b``: (n, k) (k, m) (m) → (n, m)."""
    c[...] = bias
    _in_blocks(a, b, c)


@by_type(_plain, _plain)
def multiply(a, b, c):
    """``c = a b``: (n, k) (k, m) → (n, m)."""
    c[...] = 0
    _in_blocks(a, b, c)


@by_type(_right, _right)
def multiply_right_transposed(a, b, c):
    """``c = a bᵀ``: (n, k) (m, k) → (n, m)."""
    c[...] = 0
    _in_blocks(a, b.T, c)


@by_type(_left, _left)
def multiply_left_transposed(a, b, c):
    """``c = aᵀ b``: (k, n) (k, m) → (n, m)."""
    c[...] = 0
    _in_blocks(a.T, b, c)
