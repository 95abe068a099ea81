"""Matrix products and a dense layer, forwards and backwards, on BLAS."""

from __future__ import annotations

import numpy as np

from minidl.kernels.jit import kernel


@kernel
def dense(x, w, b, y):
    """``y = x w + b``: (rows, in) (in, out) (out) → (rows, out)."""
    np.dot(x, w, y)
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            y[i, j] += b[j]


@kernel
def dense_dx(w, dy, dx):
    np.dot(dy, w.T, dx)


@kernel
def dense_dw(x, dy, dw):
    np.dot(x.T, dy, dw)


@kernel
def dense_db(dy, db):
    """Column sums, added up in float64."""
    total = np.zeros(db.size, np.float64)
    for i in range(dy.shape[0]):
        for j in range(dy.shape[1]):
            total[j] += dy[i, j]
    for j in range(db.size):
        db[j] = total[j]


@kernel
def matmul(a, b, y):
    """A stack of products: (n, rows, inner) (n, inner, columns) → (n, rows, columns)."""
    for i in range(a.shape[0]):
        np.dot(a[i], b[i], y[i])


@kernel
def matmul_da(b, dy, da):
    for i in range(dy.shape[0]):
        np.dot(dy[i], b[i].T, da[i])


@kernel
def matmul_db(a, dy, db):
    for i in range(dy.shape[0]):
        np.dot(a[i].T, dy[i], db[i])
