"""Every dataset: sizes, sources and what its generator promises."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import sklearn.datasets
from sklearn.metrics import get_scorer_names

from minidl import data
from minidl.data.cards import GENERATORS
from minidl.errors import (
    ArgumentError,
    UnknownNameError,
)

CHECKOUT = Path(__file__).parents[1]

# name: rows, features, rows of each class (None: regression), metric
SIZES = {
    "moons": (500, 2, [250, 250], "accuracy"),
    "circles": (500, 2, [250, 250], "accuracy"),
    "blobs": (600, 2, [200, 200, 200], "accuracy"),
    "xor": (500, 2, None, "accuracy"),  # the classes are as chance has it: see test_xor
    "spirals": (600, 2, [300, 300], "accuracy"),
    "iris": (150, 4, [50, 50, 50], "accuracy"),
    "wine": (178, 13, [59, 71, 48], "accuracy"),
    "breast_cancer": (569, 30, [212, 357], "accuracy"),
    "digits": (1797, 64, [178, 182, 177, 183, 181, 182, 181, 179, 174, 180], "accuracy"),
    "imbalanced": (2550, 2, [2500, 50], "balanced_accuracy"),
    "diabetes": (442, 10, None, "r2"),
    "friedman1": (600, 10, None, "r2"),
    "outliers": (400, 1, None, "d2_absolute_error_score"),
}
REGRESSION = {"diabetes", "friedman1", "outliers"}
FIXED = {"iris", "wine", "breast_cancer", "digits", "diabetes"}


def test_every_card_is_in_the_table_of_sizes():
    assert {card.name for card in data.datasets} == set(SIZES)


@pytest.mark.parametrize("name", SIZES)
def test_load(name):
    rows, features, per_class, metric = SIZES[name]
    loaded = data.load(name)
    assert loaded.name == name
    assert loaded.X.shape == (rows, features)
    assert loaded.X.dtype == np.float64
    assert loaded.X.flags.c_contiguous
    assert loaded.y.shape == (rows,)
    assert loaded.y.dtype == (np.float64 if name in REGRESSION else np.int64)
    assert loaded.task == ("regression" if name in REGRESSION else "classification")
    assert len(set(loaded.feature_names)) == features
    assert all(type(text) is str for text in (*loaded.feature_names, *loaded.classes))
    if name in REGRESSION:
        assert loaded.classes == ()
        assert loaded.n_classes == 0
    else:
        assert set(loaded.y) == set(range(loaded.n_classes))
    if per_class is not None:
        assert np.bincount(loaded.y).tolist() == per_class
    assert loaded.metric == metric
    assert metric in get_scorer_names()
    assert len(loaded.teaches) > 40
    assert len(loaded.source) > 20
    assert "\n" not in loaded.teaches + loaded.source + data.datasets[name].title


@pytest.mark.parametrize("name", sorted(FIXED))
def test_fixed_tables_are_those_of_scikit_learn(name):
    theirs = getattr(sklearn.datasets, f"load_{name}")()
    ours = data.load(name, seed=3)
    np.testing.assert_array_equal(ours.X, theirs.data)
    np.testing.assert_array_equal(ours.y, theirs.target)
    assert list(ours.feature_names) == list(theirs.feature_names)
    if name not in REGRESSION:
        assert list(ours.classes) == [str(label) for label in theirs.target_names]


@pytest.mark.parametrize("name", sorted(set(SIZES) - FIXED))
def test_the_seed_decides_a_generated_set(name):
    first, again, other = data.load(name, seed=1), data.load(name, seed=1), data.load(name, seed=2)
    np.testing.assert_array_equal(first.X, again.X)
    np.testing.assert_array_equal(first.y, again.y)
    assert not np.isclose(first.X, other.X).all(axis=1).any()


def test_variants_of_one_problem_share_a_family():
    families: dict[str, set[str]] = {}
    for card in data.datasets:
        families.setdefault(card.family, set()).add(card.name)
    shared = {frozenset(names) for names in families.values() if len(names) > 1}
    assert shared == {
        frozenset({"moons", "circles", "xor", "spirals"}),
        frozenset({"blobs", "imbalanced"}),
    }
    assert data.load("xor").family == data.datasets["xor"].family


def test_an_unknown_dataset(refused):
    with refused(UnknownNameError, "dataset", "iris", "'mons'", "Did you mean 'moons'?"):
        data.load("mons")


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, None])
def test_a_seed_that_makes_no_sense(seed, refused):
    with refused(ArgumentError, "seed", "0 to 4294967295", repr(seed), "seed=0"):
        data.load("moons", seed=seed)
    with refused(ArgumentError, "seed", "0 to 4294967295", repr(seed), "seed=0"):
        data.load("iris").split(seed=seed)


def test_xor():
    X, y = GENERATORS["xor"](np.random.default_rng(5), rows=2000, noise=0.0)
    right, upper = X[:, 0] > 0, X[:, 1] > 0
    np.testing.assert_array_equal(y, right ^ upper)
    # Four equal quadrants: 500 ± 5 standard deviations of a binomial.
    quadrants = np.bincount(2 * right + upper, minlength=4)
    assert abs(quadrants - 500).max() < 5 * np.sqrt(2000 * 0.25 * 0.75)
    moved, same = GENERATORS["xor"](np.random.default_rng(5), rows=2000, noise=0.1)
    np.testing.assert_array_equal(same, y)
    assert (moved - X).std() == pytest.approx(0.1, rel=0.05)


def test_spirals_wind_as_often_as_told():
    X, y = GENERATORS["spirals"](np.random.default_rng(5), rows=1000, turns=1.25, noise=0.0)
    # As complex numbers: turning each point back by its radius leaves +1 or −1, the arm.
    points = X[:, 0] + 1j * X[:, 1]
    arms = points / abs(points) * np.exp(-2j * np.pi * 1.25 * abs(points))
    np.testing.assert_allclose(arms, 1 - 2 * y, atol=1e-12)
    assert np.bincount(y).tolist() == [500, 500]
    assert 0.1 <= abs(points).min() < 0.2
    assert 0.9 < abs(points).max() <= 1


def test_outliers_push_a_tenth_up_and_leave_the_rest():
    loaded = data.load("outliers")
    above = loaded.y - np.sin(loaded.X[:, 0])
    assert (above > 2).sum() == 40
    assert abs(above[above <= 2]).max() < 0.5
    assert above[above <= 2].std() == pytest.approx(0.1, rel=0.2)
    assert abs(loaded.X).max() <= np.pi


def test_imbalanced_positives_are_a_dense_cloud_in_the_rim():
    loaded = data.load("imbalanced")
    rare, common = loaded.X[loaded.y == 1], loaded.X[loaded.y == 0]
    assert np.hypot(*rare.mean(axis=0)) == pytest.approx(2.5, abs=0.3)
    assert rare.std() == pytest.approx(0.5, rel=0.25)
    assert np.hypot(*common.mean(axis=0)) < 0.1
    assert common.std() == pytest.approx(1.0, rel=0.05)


@pytest.mark.parametrize("name", ["spirals", "imbalanced", "moons"])
def test_classes_do_not_come_one_after_the_other(name):
    assert (np.diff(data.load(name).y) != 0).sum() > 20
