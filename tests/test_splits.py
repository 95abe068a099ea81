"""A dataset made by hand, its split into parts, and scaling by what the training part shows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.model_selection import train_test_split

from minidl import data
from minidl.core.errors import ArgumentError, DataError, ShapeError
from minidl.core.seeds import random_state

CHECKOUT = Path(__file__).parents[1]


def make(X, y, task="regression", classes=()):
    return data.Dataset("mine", X, y, task, "mine", ("a",), classes, "r2")


def test_a_dataset_shows_what_it_is():
    iris, outliers = data.load("iris"), data.load("outliers")
    assert repr(iris) == "Dataset('iris': 150 rows, 4 features, 3 classes)"
    assert repr(outliers) == "Dataset('outliers': 400 rows, 1 feature, regression)"
    assert "setosa (50 rows), versicolor (50 rows), virginica (50 rows)" in str(iris)
    assert iris.teaches in " ".join(str(iris).split())
    assert f"from {outliers.y.min():g} to {outliers.y.max():g}" in str(outliers)
    assert "pixel_0_5 …" in str(data.load("digits"))


def test_a_dataset_that_does_not_fit_together(refused):
    X, y = np.ones((3, 1)), np.arange(3.0)
    with refused(ArgumentError, "task", "'regression'", "'ranking'", "one of the two"):
        make(X, y, task="ranking")
    with refused(ShapeError, "X", "(rows, features)", "(3,)", "X.reshape(len(X), -1)"):
        make(X[:, 0], y)
    with refused(ShapeError, "y", "(3,)", "(3, 1)", "y.ravel()"):
        make(X, X)
    with refused(DataError, "X", "finite", "nan in row 0, column 0", "Leave such rows out"):
        make(X * np.nan, y)
    with refused(DataError, "y", "finite", "inf in row 1", "Leave such rows out"):
        make(X, np.array([0.0, np.inf, 1.0]))


def numbered(rows=40, classes=()):
    """A dataset whose rows are recognised by their feature."""
    X = np.arange(float(rows))[:, None]
    if not classes:
        return make(X, X[:, 0] * 10.0)
    return make(X, np.arange(rows) % len(classes), "classification", classes)


def test_split_deals_every_row_to_one_part():
    parts = numbered(40).split(test_size=0.25, validation_size=0.1, seed=4)
    X = [parts.X_train, parts.X_validation, parts.X_test]
    y = [parts.y_train, parts.y_validation, parts.y_test]
    assert [len(part) for part in X] == [26, 4, 10]
    assert sorted(np.concatenate(X)[:, 0]) == list(range(40))
    np.testing.assert_array_equal(np.concatenate(X)[:, 0] * 10, np.concatenate(y))
    assert repr(parts) == "Split(train: 26 rows, validation: 4, test: 10)"


def test_split_is_that_of_scikit_learn():
    wine = data.load("wine")
    parts = wine.split(test_size=0.5, seed=7)
    random = random_state("split test", 7)
    train, test = train_test_split(wine.X, test_size=89, random_state=random, stratify=wine.y)
    np.testing.assert_array_equal(parts.X_train, train)
    np.testing.assert_array_equal(parts.X_test, test)


def test_split_keeps_the_proportions_of_the_classes():
    parts = data.load("imbalanced").split(test_size=0.2, validation_size=0.2)
    for y, rare in ((parts.y_train, 30), (parts.y_validation, 10), (parts.y_test, 10)):
        assert np.bincount(y).tolist() == [50 * rare, rare]


def test_split_depends_on_the_seed_alone():
    first, again, other = (numbered().split(seed=seed).X_test.tolist() for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_parts_may_be_empty():
    parts = numbered(8).split(test_size=0.0).standardised(target=True)
    for X in (parts.X_validation, parts.X_test):
        assert X.shape == (0, 1)
    for y in (parts.y_validation, parts.y_test):
        assert y.shape == (0,)
    assert len(parts.X_train) == 8


@pytest.mark.parametrize("name", ["test_size", "validation_size"])
@pytest.mark.parametrize("share", [-0.1, 1.0, 30, float("nan")])
def test_a_share_outside_0_to_1(name, share, refused):
    with refused(ArgumentError, name, "[0, 1)", repr(share), f"{name}=0.25"):
        numbered().split(**{name: share})


def test_shares_that_leave_nothing_to_train_on(refused):
    with refused(ArgumentError, "test_size + validation_size", "less than 1", "0.5 + 0.5", "train"):
        numbered().split(test_size=0.5, validation_size=0.5)


def test_too_few_rows_to_split(refused):
    with refused(DataError, "dataset 'mine'", "1 row in", "1 for test and 0 left", "larger"):
        numbered(1).split()
    few = numbered(8, classes=("a", "b", "c"))
    with refused(DataError, "dataset 'mine'", "one a class", "2 for test and 6 left", "larger"):
        few.split()
    with refused(DataError, "dataset", "one a class", "2 for validation and 3 left", "larger"):
        few.split(test_size=0.4, validation_size=0.25)


def test_a_class_with_one_row_cannot_be_dealt_out(refused):
    y = np.array([0] * 10 + [1] * 9 + [2])
    lonely = make(np.ones((20, 1)), y, "classification", ("a", "b", "rare"))
    with refused(
        DataError,
        "dataset",
        "2 rows of each class to deal out for test",
        "1 of class 'rare'",
        "merge it",
    ):
        lonely.split()


def test_standardised_by_what_the_training_part_shows():
    parts = data.load("wine").split(validation_size=0.25)
    scaled = parts.standardised()
    mean, scale = np.mean(parts.X_train, axis=0), np.std(parts.X_train, axis=0)
    for name in ("X_train", "X_validation", "X_test"):
        expected = (getattr(parts, name) - mean) / scale
        np.testing.assert_allclose(getattr(scaled, name), expected, rtol=1e-9, atol=1e-9)
    assert abs(scaled.X_test.mean(axis=0)).max() > 0.01  # its own mean was not used
    np.testing.assert_array_equal(scaled.y_train, parts.y_train)
    assert (scaled.y_mean, scaled.y_scale) == (0.0, 1.0)
    assert parts.X_train.max() > 1000  # the old split is as it was


def test_a_constant_feature_becomes_zero():
    X = np.column_stack([np.full(8, 3.0), np.arange(8.0)])
    scaled = make(X, np.arange(8.0)).split().standardised()
    assert (scaled.X_train[:, 0] == 0).all()
    assert (scaled.X_test[:, 0] == 0).all()


def test_a_standardised_target_turns_back():
    parts = data.load("diabetes").split(validation_size=0.2)
    scaled = parts.standardised(target=True)
    assert scaled.y_mean == pytest.approx(np.mean(parts.y_train))
    assert scaled.y_scale == pytest.approx(np.std(parts.y_train))
    assert scaled.y_train.mean() == pytest.approx(0.0, abs=1e-12)
    assert scaled.y_train.std() == pytest.approx(1.0)
    twice = scaled.standardised(target=True).standardised(target=True)
    for split in (scaled, twice):
        for name in ("y_train", "y_validation", "y_test"):
            back = split.unscaled_target(getattr(split, name))
            np.testing.assert_allclose(back, getattr(parts, name), rtol=1e-12)


def test_a_target_standardised_twice_on_other_units_turns_back():
    parts = numbered(40).split()
    half = data.Split(*list(vars(parts).values())[:6], y_mean=5.0, y_scale=2.0)
    scaled = half.standardised(target=True)
    np.testing.assert_allclose(scaled.unscaled_target(scaled.y_test), parts.y_test * 2 + 5)


def test_class_numbers_are_not_standardised(refused):
    with refused(ArgumentError, "target", "quantities", "class numbers", "target=True out"):
        data.load("iris").split().standardised(target=True)
