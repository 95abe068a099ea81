"""Batches: every row once, in an order the seed decides, and what they refuse."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minidl import data
from minidl.core.errors import ArgumentError, DataError, ShapeError
from minidl.kernels.random import permutation

CHECKOUT = Path(__file__).parents[1]


@given(
    rows=st.integers(1, 70),
    batch_size=st.integers(1, 80),
    seed=st.integers(0, 2**80),
    shuffle=st.booleans(),
)
@settings(deadline=None, max_examples=60)
def test_batches_hold_every_row_once(rows, batch_size, seed, shuffle):
    X = np.arange(2.0 * rows).reshape(rows, 2)
    seen = list(data.batches(X, X[:, 0], batch_size, seed, shuffle))
    assert [len(x) for x, _ in seen[:-1]] == [batch_size] * (len(seen) - 1)
    assert 1 <= len(seen[-1][0]) <= batch_size
    x, t = (np.concatenate(parts) for parts in zip(*seen, strict=True))
    np.testing.assert_array_equal(x[:, 0], t)
    np.testing.assert_array_equal(x[np.argsort(t)], X)
    assert shuffle or (x == X).all()


def test_the_order_is_a_function_of_the_seed():
    X = np.arange(100.0)[:, None]

    def order(seed, batch_size):
        return np.concatenate([t for _, t in data.batches(X, X[:, 0], batch_size, seed)]).tolist()

    assert order(3, 10) == order(3, 10) == order(3, 7) == X[permutation(100, 3), 0].tolist()
    assert len({tuple(order(seed, 10)) for seed in range(20)}) == 20
    assert order(0, 10) != sorted(order(0, 10))


def test_every_order_is_as_likely_as_any_other():
    orders = [tuple(permutation(3, seed)) for seed in range(1200)]
    counts = [orders.count(order) for order in set(orders)]
    assert len(counts) == 6
    # χ² with 5 degrees of freedom stays below 20.5 in 999 of 1000 such experiments.
    assert sum((count - 200) ** 2 / 200 for count in counts) < 20.5


@pytest.mark.parametrize("shuffle", [True, False])
def test_batches_are_contiguous_copies(shuffle):
    wide = np.arange(48.0).reshape(4, 12)
    for X in (wide.T, np.asfortranarray(wide.T.copy()), wide.T[:, ::2]):
        before = X.copy()
        for x, t in data.batches(X, X[:, 0], batch_size=5, shuffle=shuffle):
            assert x.flags.c_contiguous
            assert t.flags.c_contiguous
            x[:] = t[:] = -1.0
        np.testing.assert_array_equal(X, before)


def test_drop_last_leaves_out_what_is_not_full(refused):
    X = np.arange(10.0)[:, None]
    lengths = [len(x) for x, _ in data.batches(X, X, batch_size=4, drop_last=True)]
    assert lengths == [4, 4]
    assert [len(x) for x, _ in data.batches(X, X, batch_size=5, drop_last=True)] == [5, 5]
    assert [len(x) for x, _ in data.batches(X, X, batch_size=10, drop_last=True)] == [10]
    with refused(ArgumentError, "batch_size", "at most the 10 rows", "11", "leave drop_last out"):
        data.batches(X, X, batch_size=11, drop_last=True)


def test_batches_refuse_before_the_first_is_asked_for(refused):
    X, y = np.ones((4, 2)), np.zeros(4)
    with refused(ShapeError, "X and y", "same number of rows", "4 and 3", "one target for each"):
        data.batches(X, y[:3])
    with refused(ShapeError, "y", "one row or more", "the number 1.0", "y=[1.0]"):
        data.batches(X, np.float64(1.0))
    with refused(DataError, "X", "at least 1 row", "(0, 2)", "nothing was left"):
        data.batches(X[:0], y[:0])
    with refused(DataError, "y", "finite", "-inf in row 2 (counted from 0)", "Leave such rows"):
        data.batches(X, np.array([0, 0, -np.inf, 0]))
    for batch_size in (0, -1, 2.0, "32"):
        with refused(ArgumentError, "batch_size", "at least 1", repr(batch_size), "batch_size=32"):
            data.batches(X, y, batch_size=batch_size)
    for seed in (-1, 1.0, True, "0", None):
        with refused(ArgumentError, "seed", "at least 0", repr(seed), "seed=0"):
            data.batches(X, y, seed=seed)


def test_batches_name_the_first_gap(refused):
    X = np.ones((4, 3))
    X[2, 1] = X[3, 0] = np.nan
    X[3, 2] = np.inf
    with refused(DataError, "X", "finite", "nan in row 2, column 1 (counted from 0)", "Imputer"):
        data.batches(X, np.zeros(4))
    with refused(DataError, "features", "finite", "and 2 more", "Leave such rows out"):
        data.check_finite("features", X)


def test_check_finite_wants_numbers(refused):
    with refused(DataError, "X", "finite numbers", "<U1", "Encode text"):
        data.check_finite("X", np.array([["a"]]))
    with refused(DataError, "X", "finite numbers", "object", "X.astype('float64')"):
        data.check_finite("X", np.array([[None]]))
    for sound in (np.ones(3, np.float32), np.arange(3), np.array([True]), np.empty((0, 2))):
        assert data.check_finite("X", sound) is None
