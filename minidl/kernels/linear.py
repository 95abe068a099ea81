"""Matrix products and a dense layer, forwards and backwards, on BLAS."""

from __future__ import annotations

import numpy as np

from minidl.kernels.intrinsics import widest_vectors
from minidl.kernels.jit import kernel
from minidl.kernels.reductions import sum_columns


def _meets(x, w, y):
    return x.shape[0] == y.shape[0] and x.shape[1] == w.shape[0] and w.shape[1] == y.shape[1]


def _stacks_meet(a, b, y):
    return len(a) == len(b) == len(y) and _meets(a[0], b[0], y[0])


@kernel("y", lambda x, w, b, y: _meets(x, w, y) and b.size == y.shape[1])
def dense(x, w, b, y):
    """``y = x w + b``: (rows, in) (in, out) (out) → (rows, out)."""
    widest_vectors()
    np.dot(x, w, y)
    for i in range(y.shape[0]):
        row = y[i]
        for j in range(b.size):
            row[j] += b[j]


@kernel("dx", lambda w, dy, dx: _meets(dx, w, dy))
def dense_dx(w, dy, dx):
    np.dot(dy, w.T, dx)


@kernel("dw", lambda x, dy, dw: _meets(x, dw, dy))
def dense_dw(x, dy, dw):
    np.dot(x.T, dy, dw)


@kernel("db", lambda dy, db: dy.shape[1] == db.size)
def dense_db(dy, db):
    """Column sums, added up in float64."""
    widest_vectors()
    sum_columns(dy.reshape(-1), db)


@kernel("y", _stacks_meet)
def matmul(a, b, y):
    """A stack of products: (n, rows, inner) (n, inner, columns) → (n, rows, columns)."""
    for i in range(a.shape[0]):
        np.dot(a[i], b[i], y[i])


@kernel("da", lambda b, dy, da: _stacks_meet(da, b, dy))
def matmul_da(b, dy, da):
    for i in range(dy.shape[0]):
        np.dot(dy[i], b[i].T, da[i])


@kernel("db", lambda a, dy, db: _stacks_meet(a, db, dy))
def matmul_db(a, dy, db):
    for i in range(dy.shape[0]):
        np.dot(a[i].T, dy[i], db[i])
