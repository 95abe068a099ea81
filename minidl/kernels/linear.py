"""Matrix products and a dense layer, forwards and backwards."""

from __future__ import annotations

from minidl.kernels.intrinsics import widest_vectors
from minidl.kernels.jit import Refused, kernel, scalar
from minidl.kernels.products import (
    load,
    multiply,
    multiply_add,
    multiply_left_transposed,
    multiply_right_transposed,
)
from minidl.kernels.reductions import sum_columns


@scalar
def _meets(x, w, y):
    """Whether x w is a matrix of y's shape; takes shapes, as arrays would be counted."""
    return x[0] == y[0] and x[1] == w[0] and w[1] == y[1]


@scalar
def _stacks_meet(a, b, y):
    """The same of stacks of matrices, as many in each."""
    stacks = a.shape[0] == y.shape[0] and b.shape[0] == y.shape[0]
    rows, columns = a.shape[1] == y.shape[1], b.shape[2] == y.shape[2]
    return stacks and rows and columns and a.shape[2] == b.shape[1]


@kernel("y", calls=load)
def dense(x, w, b, y):
    """``y = x w + b``: (rows, in) (in, out) (out) → (rows, out)."""
    if not _meets(x.shape, w.shape, y.shape) or b.size != y.shape[1]:
        raise Refused
    multiply_add(x, w, b, y)


@kernel("dx", calls=load)
def dense_dx(w, dy, dx):
    if not _meets(dx.shape, w.shape, dy.shape):
        raise Refused
    multiply_right_transposed(dy, w, dx)


@kernel("dw", calls=load)
def dense_dw(x, dy, dw):
    if not _meets(x.shape, dw.shape, dy.shape):
        raise Refused
    multiply_left_transposed(x, dy, dw)


@kernel("db")
def dense_db(dy, db):
    """Column sums, added up in float64."""
    if dy.shape[1] != db.size:
        raise Refused
    widest_vectors()
    sum_columns(dy.reshape(-1), db)


@kernel("y", calls=load)
def matmul(a, b, y):
    """A stack of products: (n, rows, inner) (n, inner, columns) → (n, rows, columns)."""
    if not _stacks_meet(a, b, y):
        raise Refused
    for i in range(a.shape[0]):
        multiply(a[i], b[i], y[i])


@kernel("da", calls=load)
def matmul_da(b, dy, da):
    if not _stacks_meet(da, b, dy):
        raise Refused
    for i in range(dy.shape[0]):
        multiply_right_transposed(dy[i], b[i], da[i])


@kernel("db", calls=load)
def matmul_db(a, dy, db):
    if not _stacks_meet(a, db, dy):
        raise Refused
    for i in range(dy.shape[0]):
        multiply_left_transposed(a[i], dy[i], db[i])
