"""Matrix products: one order of additions, whatever the shape, the form and the CPU."""

from fractions import Fraction

import numpy as np
import pytest

import minidl as ml
from minidl.kernels import linear

SHAPES = [
    (1, 1, 1), (3, 5, 7), (37, 30, 50), (37, 50, 3), (32, 16, 1), (1, 16, 32), (128, 64, 10),
    (64, 200, 97), (13, 17, 33), (300, 700, 40), (1, 700, 130), (2, 260, 100), (3, 515, 33),
    (1, 7, 100), (43, 300, 1), (40, 1, 9), (1, 1, 300), (5, 257, 8), (33, 256, 24), (2, 3, 4),
]  # fmt: skip
EMPTY = [(0, 3, 4), (4, 0, 5), (3, 4, 0), (0, 0, 0), (4, 0, 1), (1, 0, 40)]


def rounded(exact, dtype):
    """An exact number, rounded once: to the nearest, ties to even."""
    if dtype == np.float64:
        return np.float64(exact.numerator / exact.denominator)  # Python rounds a quotient once
    near = np.float32(exact.numerator / exact.denominator)
    around = [near, np.nextafter(near, np.float32(np.inf)), np.nextafter(near, -np.float32(np.inf))]
    distances = [abs(Fraction(float(x)) - exact) for x in around]
    best = [x for x, d in zip(around, distances, strict=True) if d == min(distances)]
    return min(best, key=lambda x: int(np.float32(x).view(np.int32)) & 1)


def canonical(a, b, bias):
    """c = bias + a b by its definition: chains of 256 from 0, the first from the bias, added up."""
    (rows, depth), columns, dtype = a.shape, b.shape[1], a.dtype
    c = np.zeros((rows, columns), dtype)
    for i, j in np.ndindex(c.shape):
        total = None
        for first in range(0, max(depth, 1), 256):
            chain = Fraction(float(bias[j])) if first == 0 else Fraction(0)
            for k in range(first, min(first + 256, depth)):
                term = Fraction(float(a[i, k])) * Fraction(float(b[k, j]))
                chain = Fraction(float(rounded(chain + term, dtype)))
            end = dtype.type(float(chain))
            total = end if total is None else dtype.type(total + end)
        c[i, j] = total
    return c


def operands(n, k, m, dtype, seed=0):
    rng = np.random.default_rng(seed)
    draw = lambda *shape: rng.normal(size=shape).astype(dtype)  # noqa: E731
    return draw(n, k), draw(k, m), draw(m), draw(n, m)


def filled(shape, dtype):
    return np.full(shape, np.nan, dtype)


def all_three(x, w, b, dy):
    y, dx, dw = (filled(shape, x.dtype) for shape in (dy.shape, x.shape, w.shape))
    linear.dense(x, w, b, y)
    linear.dense_dx(w, dy, dx)
    linear.dense_dw(x, dy, dw)
    return y, dx, dw


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [s for s in SHAPES if np.prod(s) < 60_000 and max(s) < 520])
def test_every_number_is_the_canonical_chain(shape, dtype):
    x, w, b, dy = operands(*shape, np.dtype(dtype))
    some = np.random.default_rng(1)
    rows, columns = (np.unique(some.integers(0, n, 4)) for n in (shape[0], shape[2]))
    inner = np.unique(some.integers(0, shape[1], 4))
    zero = np.zeros(max(shape), dtype)
    y, dx, dw = all_three(x, w, b, dy)
    grid = np.ix_
    expected = canonical(x[rows], w[:, columns], b[columns])
    np.testing.assert_array_equal(y[grid(rows, columns)], expected)
    np.testing.assert_array_equal(dx[grid(rows, inner)], canonical(dy[rows], w[inner].T, zero))
    expected = canonical(x[:, inner].T, dy[:, columns], zero)
    np.testing.assert_array_equal(dw[grid(inner, columns)], expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES + EMPTY)
def test_products_are_those_of_numpy(shape, dtype):
    x, w, b, dy = operands(*shape, dtype)
    wide = [each.astype(np.longdouble) for each in (x, w, b, dy)]
    exact = wide[0] @ wide[1] + wide[2], wide[3] @ wide[1].T, wide[0].T @ wide[3]
    for made, wanted in zip(all_three(x, w, b, dy), exact, strict=True):
        assert np.isfinite(made).all()
        error = np.abs(made - wanted).max(initial=0)
        assert error <= 40 * np.finfo(dtype).eps * max(1, np.abs(wanted).max(initial=0))


def test_a_row_is_the_same_alone_and_among_others():
    x, w, b, _ = operands(70, 300, 45, np.float32)
    y = filled((70, 45), np.float32)
    linear.dense(x, w, b, y)
    for rows in ([0], [3, 4], [10, 11, 12], range(20, 27), range(70)):
        part = filled((len(rows), 45), np.float32)
        linear.dense(np.ascontiguousarray(x[rows]), w, b, part)
        np.testing.assert_array_equal(part, y[rows])


def test_a_column_is_the_same_alone_and_among_others():
    x, w, b, _ = operands(70, 300, 45, np.float32)
    y = filled((70, 45), np.float32)
    linear.dense(x, w, b, y)
    for columns in ([0], [44], range(3, 8), range(8, 33)):
        part = filled((70, len(columns)), np.float32)
        linear.dense(x, np.ascontiguousarray(w[:, columns]), b[columns], part)
        np.testing.assert_array_equal(part, y[:, columns])


def test_products_of_tensors_are_the_layers():
    x, w, b, dy = operands(20, 30, 10, np.float32)
    y, dx, dw = all_three(x, w, np.zeros_like(b), dy)
    a, c = ml.Tensor(x, requires_grad=True), ml.Tensor(w, requires_grad=True)
    product = a @ c
    product.backward(dy)
    for made, wanted in ((product.numpy(), y), (a.grad, dx), (c.grad, dw)):
        np.testing.assert_array_equal(made, wanted)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nothing_beside_the_operands_is_touched(dtype):
    """Each lies between numbers of its own, at every offset from a vector's border."""
    for (n, k, m), offset in ((shape, i) for i in range(4) for shape in SHAPES if max(shape) < 100):
        x, w, b, dy = operands(n, k, m, dtype)
        around = {}

        def placed(array, name, offset=offset, around=around):
            around[name] = room = np.full(array.size + 200, 7.5, array.dtype)
            inner = room[100 + offset : 100 + offset + array.size].reshape(array.shape)
            inner[...] = array
            return inner

        placed_operands = [placed(a, i) for i, a in enumerate((x, w, b, dy))]
        y, dx, dw = (
            placed(np.zeros(s, dtype), s_)
            for s_, s in zip("ydw", (dy.shape, x.shape, w.shape), strict=True)
        )
        px, pw, pb, pdy = placed_operands
        linear.dense(px, pw, pb, y)
        linear.dense_dx(pw, pdy, dx)
        linear.dense_dw(px, pdy, dw)
        for made, wanted in zip((y, dx, dw), all_three(x, w, b, dy), strict=True):
            np.testing.assert_array_equal(made, wanted)
        for room in around.values():
            assert (room[: 100 + offset] == 7.5).all()
            assert (room[-(100 - offset) :] == 7.5).all()
