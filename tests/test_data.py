"""Datasets: cards, tables from CSV files, splits, scaling, batches, and every way they refuse."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import sklearn.datasets
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.metrics import get_scorer_names
from sklearn.model_selection import train_test_split

from minidl import data
from minidl.data.cards import GENERATORS, cards_folder, read_card
from minidl.errors import (
    ArgumentError,
    DataError,
    FileError,
    MinidlError,
    ShapeError,
    UnknownNameError,
)
from minidl.kernels.random import permutation

CHECKOUT = Path(__file__).parents[1]


@contextmanager
def refused(kind: type[MinidlError], culprit: str, expected: str, got: str, remedy: str):
    """Expect an error whose four parts each hold the given words."""
    with pytest.raises(kind) as caught:
        yield
    error = caught.value
    assert type(error) is kind
    for part, words in (
        (error.culprit, culprit),
        (error.expected, expected),
        (error.got, got),
        (error.remedy, remedy),
    ):
        assert words, "an empty string is in every string"
        assert words in part
        assert part in str(error)


# ----------------------------------------------------------------------------------- the cards

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


def test_an_unknown_dataset():
    with refused(UnknownNameError, "dataset", "iris", "'mons'", "Did you mean 'moons'?"):
        data.load("mons")


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, None])
def test_a_seed_that_makes_no_sense(seed):
    with refused(ArgumentError, "seed", "0 to 4294967295", repr(seed), "seed=0"):
        data.load("moons", seed=seed)
    with refused(ArgumentError, "seed", "0 to 4294967295", repr(seed), "seed=0"):
        data.load("iris").split(seed=seed)


# ------------------------------------------------------------------------------ the generators


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


# ------------------------------------------------------------------------------- damaged cards

CARD = """
name = "mine"
title = "Mine"
task = "classification"
family = "mine"
source = "me"
loader = "minidl:xor"
metric = "accuracy"
teaches = "nothing"

[parameters]
rows = 8
noise = 0.0
"""


def write_card(folder: Path, old: str = "", new: str = "") -> Path:
    assert old in CARD
    path = folder / "mine.toml"
    path.write_text(CARD.replace(old, new), encoding="utf-8")
    return path


def test_a_sound_card(tmp_path):
    card = read_card(write_card(tmp_path, 'family = "mine"', 'family = "f"\naliases = ["my"]'))
    assert (card.name, card.family, card.aliases) == ("mine", "f", ("my",))
    assert card.parameters == {"rows": 8, "noise": 0.0}
    assert card.table(seed=0).X.shape == (8, 2)


@pytest.mark.parametrize(
    ("old", "new", "expected", "got", "remedy"),
    [
        ('title = "Mine"', "title = ", "TOML", "line 3", "Correct the file"),
        ('teaches = "nothing"', "", "teaches", "no 'teaches'", 'Add teaches = "…"'),
        ("[parameters]\nrows = 8\nnoise = 0.0", "", "fields", "'parameters'", "[parameters]"),
        ('source = "me"', 'source = "me"\nalias = []', "fields", "'alias'", "mean 'aliases'"),
        ('source = "me"', 'source = "me"\nzzz = 1', "fields", "'zzz' besides", "Remove it"),
        ('title = "Mine"', "title = 3", "title to be text", "3", 'title = "…"'),
        ('title = "Mine"', 'title = ""\naliases = "a"', "a list", "'a'", 'aliases = ["…"]'),
        ('task = "classification"', 'task = "ranking"', "classification or", "ranking", "two"),
        ('name = "mine"', 'name = "yours"', "name of its file", "'yours'", "name = 'mine'"),
    ],
)
def test_a_damaged_card(tmp_path, old, new, expected, got, remedy):
    path = write_card(tmp_path, old, new)
    with refused(FileError, str(path), expected, got, remedy):
        read_card(path)


def test_a_card_that_is_not_text(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with refused(FileError, str(path), "a card in TOML", "0xff", "restore"):
        read_card(path)


@pytest.mark.parametrize(
    "loader",
    [
        "os.system",
        "sklearn.datasets.load_moons",
        "minidl:moons",
        "sklearn.datasets.clear_data_home",
        "xor",
    ],
)
def test_a_card_calls_nothing_but_loaders(tmp_path, loader):
    card = read_card(write_card(tmp_path, "minidl:xor", loader))
    with refused(FileError, "mine.toml", "a loader that exists", repr(loader), "minidl:xor"):
        card.table(seed=0)


@pytest.mark.parametrize(
    ("old", "new", "got"),
    [
        ("noise = 0.0", "loudness = 0.0", "'loudness'"),
        ("noise = 0.0", "noise = -1.0", "scale < 0"),
    ],
)
def test_a_card_with_wrong_parameters(tmp_path, old, new, got):
    card = read_card(write_card(tmp_path, old, new))
    with refused(FileError, "mine.toml", "parameters of minidl:xor", got, "parameters"):
        card.table(seed=0)


# ------------------------------------------------------------------- where the cards are found


def test_in_a_checkout_the_cards_lie_beside_the_package(tmp_path):
    (tmp_path / "datasets").mkdir()
    write_card(tmp_path / "datasets")
    assert cards_folder(tmp_path / "minidl") == tmp_path / "datasets"


def test_the_cards_inside_the_package_come_first(tmp_path):
    for folder in (tmp_path / "datasets", tmp_path / "minidl" / "datasets"):
        folder.mkdir(parents=True)
        write_card(folder)
    assert cards_folder(tmp_path / "minidl") == tmp_path / "minidl" / "datasets"


def test_no_cards_at_all(tmp_path):
    (tmp_path / "datasets").mkdir()  # somebody else's: it holds no cards
    with refused(
        FileError, str(tmp_path), "*.toml", "none", "pip install --force-reinstall minidl"
    ):
        cards_folder(tmp_path / "minidl")


def run(code: str, folder: Path) -> str:
    """Run code in a new process, in which ``minidl`` is the one in ``folder``."""
    program = f"import sys; sys.path.insert(0, {str(folder)!r})\n{code}"
    done = subprocess.run(
        [sys.executable, "-I", "-c", program],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_wheel_holds_the_cards_where_they_are_looked_for(tmp_path):
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    for package in wheel["packages"]:
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(CHECKOUT / package, tmp_path / package, ignore=ignore)
    for source, place in wheel["force-include"].items():
        shutil.copytree(CHECKOUT / source, tmp_path / place)
    code = "from minidl import data; print(data.datasets['xor'].path); print(data.load('xor'))"
    path, _, description = run(code, tmp_path).partition("\n")
    assert Path(path) == tmp_path / "minidl" / "datasets" / "xor.toml"
    assert description.startswith("Dataset('xor': 500 rows, 2 features, 2 classes)")


def test_importing_brings_no_heavy_package():
    # scipy itself takes 9 ms: numba looks at its version. Its parts are what takes long.
    heavy = ["sklearn", "pandas", "matplotlib", "rich", "typer", "scipy.linalg", "scipy.sparse"]
    code = "import {}; print([name for name in {} if name in sys.modules])"
    assert run(code.format("minidl.data", heavy), CHECKOUT) == "[]"
    # So that the line above can fail: the same question where the answer is known.
    found = run(code.format("sklearn.datasets", heavy), CHECKOUT)
    assert "'sklearn'" in found
    assert "'scipy.sparse'" in found


def test_the_public_door():
    assert {name for name in data.__all__ if hasattr(data, name)} == set(data.__all__)
    with pytest.raises(AttributeError, match=r"'minidl\.data' has no attribute 'dataset_names'"):
        data.dataset_names  # noqa: B018


# ------------------------------------------------------------------------- Dataset by hand, shown


def make(X, y, task="regression", classes=()):
    return data.Dataset("mine", X, y, task, "mine", ("a",), classes, "r2")


def test_a_dataset_shows_what_it_is():
    iris, outliers = data.load("iris"), data.load("outliers")
    assert repr(iris) == "Dataset('iris': 150 rows, 4 features, 3 classes)"
    assert repr(outliers) == "Dataset('outliers': 400 rows, 1 feature, regression)"
    assert "setosa 50, versicolor 50, virginica 50" in str(iris)
    assert iris.teaches in str(iris)
    assert f"target from {outliers.y.min():g} to {outliers.y.max():g}" in str(outliers)
    assert "pixel_0_5 …" in str(data.load("digits"))


def test_a_dataset_that_does_not_fit_together():
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


# -------------------------------------------------------------------------------------- splits


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
    train, test = train_test_split(wine.X, test_size=89, random_state=7, stratify=wine.y)
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
def test_a_share_outside_0_to_1(name, share):
    with refused(ArgumentError, name, "[0, 1)", repr(share), f"{name}=0.25"):
        numbered().split(**{name: share})


def test_shares_that_leave_nothing_to_train_on():
    with refused(ArgumentError, "test_size + validation_size", "less than 1", "0.5 + 0.5", "train"):
        numbered().split(test_size=0.5, validation_size=0.5)


def test_too_few_rows_to_split():
    with refused(DataError, "test_size of 'mine'", "1 row in", "1 taken and 0 left", "larger"):
        numbered(1).split()
    few = numbered(8, classes=("a", "b", "c"))
    with refused(DataError, "test_size of 'mine'", "one a class", "2 taken and 6 left", "larger"):
        few.split()
    with refused(DataError, "validation_size", "one a class", "2 taken and 3 left", "larger"):
        few.split(test_size=0.4, validation_size=0.25)


def test_a_class_with_one_row_cannot_be_dealt_out():
    y = np.array([0] * 10 + [1] * 9 + [2])
    lonely = make(np.ones((20, 1)), y, "classification", ("a", "b", "rare"))
    with refused(DataError, "test_size", "2 rows of each class", "1 of class 'rare'", "merge it"):
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


def test_class_numbers_are_not_standardised():
    with refused(ArgumentError, "target", "quantities", "class numbers", "target=True out"):
        data.load("iris").split().standardised(target=True)


# ------------------------------------------------------------------------------------- batches


@given(
    rows=st.integers(1, 70),
    batch_size=st.integers(1, 80),
    seed=st.integers(0, 2**64 - 1),
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


def test_drop_last_leaves_out_what_is_not_full():
    X = np.arange(10.0)[:, None]
    lengths = [len(x) for x, _ in data.batches(X, X, batch_size=4, drop_last=True)]
    assert lengths == [4, 4]
    assert [len(x) for x, _ in data.batches(X, X, batch_size=5, drop_last=True)] == [5, 5]
    assert [len(x) for x, _ in data.batches(X, X, batch_size=10, drop_last=True)] == [10]
    with refused(ArgumentError, "batch_size", "at most the 10 rows", "11", "leave drop_last out"):
        data.batches(X, X, batch_size=11, drop_last=True)


def test_batches_refuse_before_the_first_is_asked_for():
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
    with refused(ArgumentError, "seed", "0 to 18446744073709551615", "-1", "seed=0"):
        data.batches(X, y, seed=-1)


def test_batches_name_the_first_gap():
    X = np.ones((4, 3))
    X[2, 1] = X[3, 0] = np.nan
    X[3, 2] = np.inf
    with refused(DataError, "X", "finite", "nan in row 2, column 1 (counted from 0)", "Imputer"):
        data.batches(X, np.zeros(4))
    with refused(DataError, "features", "finite", "and 2 more", "Leave such rows out"):
        data.check_finite("features", X)


def test_check_finite_wants_numbers():
    with refused(DataError, "X", "finite numbers", "<U1", "Encode text"):
        data.check_finite("X", np.array([["a"]]))
    with refused(DataError, "X", "finite numbers", "object", "X.astype('float64')"):
        data.check_finite("X", np.array([[None]]))
    for sound in (np.ones(3, np.float32), np.arange(3), np.array([True]), np.empty((0, 2))):
        assert data.check_finite("X", sound) is None


# ------------------------------------------------------------------------------------ CSV files


@pytest.fixture
def csv_file(tmp_path):
    """A function that writes a file and says where."""

    def write(content: str | bytes, name: str = "table.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_text_labels_become_class_numbers(csv_file):
    path = csv_file("width,kind,weight\n7.1, orange ,150\n9,apple,1e2\n\n8,apple,-3\n", "fruit.csv")
    fruit = data.load_csv(path, target="kind")
    np.testing.assert_array_equal(fruit.X, [[7.1, 150], [9, 100], [8, -3]])
    assert fruit.X.dtype == np.float64
    assert fruit.y.tolist() == [1, 0, 0]
    assert fruit.y.dtype == np.int64
    assert fruit.classes == ("apple", "orange")
    assert fruit.feature_names == ("width", "weight")
    assert (fruit.name, fruit.family, fruit.task) == ("fruit", "fruit", "classification")
    assert (fruit.metric, fruit.source) == ("accuracy", str(path))


@given(
    table=st.lists(
        st.tuples(
            st.floats(allow_nan=False, allow_infinity=False),
            st.floats(allow_nan=False, allow_infinity=False),
        ),
        min_size=2,
        max_size=20,
        unique_by=lambda row: row[1],
    )
)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_number_arrives_to_the_last_bit(csv_file, table):
    path = csv_file("a,b\n" + "".join(f"{a!r},{b!r}\n" for a, b in table))
    loaded = data.load_csv(path, "b", task="regression")
    assert loaded.X[:, 0].tolist() == [a for a, _ in table]
    assert loaded.y.tolist() == [b for _, b in table]
    assert (loaded.y.dtype, loaded.task, loaded.metric) == (np.float64, "regression", "r2")
    assert loaded.classes == ()


def target_of(csv_file, values, **options):
    return data.load_csv(csv_file("x,t\n" + "".join(f"0,{v}\n" for v in values)), "t", **options)


@pytest.mark.parametrize(
    ("values", "classes"),
    [
        ([1, 2, 1, 2, 2], ("1", "2")),
        ([-1, 1, 1, 1, -1], ("-1", "1")),
        ([10, 9, 10, 9, 10], ("9", "10")),  # in the order of numbers, not of text
        (["1.0", "2", "1", "2.0", "1e0"], ("1", "2")),
        ([1234567, 7654321] * 3, ("1234567", "7654321")),
        ([*range(20)] * 3, tuple(map(str, range(20)))),
        ([*range(21)] * 3, ()),  # 21 whole numbers: too many
        ([0, 1, 0, 1], ()),  # as many as half of the rows
        ([0.5, 1.5] * 5, ()),  # not whole
    ],
)
def test_the_task_is_inferred(csv_file, values, classes):
    loaded = target_of(csv_file, values)
    assert loaded.classes == classes
    assert loaded.task == ("classification" if classes else "regression")
    if classes:
        labels = [float(loaded.classes[number]) for number in loaded.y]
        assert labels == [float(value) for value in values]
    else:
        assert loaded.y.tolist() == values


def test_the_task_can_be_told(csv_file):
    assert target_of(csv_file, [1, 2] * 5, task="regression").y.tolist() == [1.0, 2.0] * 5
    assert target_of(csv_file, [0.5, 1.5], task="classification").classes == ("0.5", "1.5")
    mixed = target_of(csv_file, ["1", "one", "1"], task="classification")
    assert (mixed.classes, mixed.y.tolist()) == (("1", "one"), [0, 1, 0])


def test_a_rare_class_asks_for_balanced_accuracy(csv_file):
    assert target_of(csv_file, ["a"] * 9 + ["b"]).metric == "accuracy"
    assert target_of(csv_file, ["a"] * 10 + ["b"]).metric == "balanced_accuracy"


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfx,t\r\n1,2\r\n3,4.5\r\n",  # Excel: byte order mark, \r\n
        b"x,t\r1,2\r3,4.5",  # an old Mac
        b'"x"," t"\n"1",2\n\n3,"4.5"\n\n',
    ],
)
def test_files_of_other_systems(csv_file, content):
    loaded = data.load_csv(str(csv_file(content)), "t")
    assert loaded.X.tolist() == [[1.0], [3.0]]
    assert loaded.y.tolist() == [2.0, 4.5]
    assert loaded.feature_names == ("x",)


HEAD = "age,height,t\n1,2,3\n"


@pytest.mark.parametrize(
    ("content", "culprit", "expected", "got", "remedy"),
    [
        (
            HEAD + "1,,4\n",
            "line 3, column 'height'",
            "a value",
            "a gap ('')",
            "leave the whole row",
        ),
        (HEAD + "NaN,2,4\n", "line 3, column 'age'", "a value", "a gap ('NaN')", "Fill it in"),
        (HEAD + "\n1,2,?\n", "line 4, column 't'", "a value", "a gap ('?')", "Fill it in"),
        (HEAD + "1,tall,4\n", "line 3, column 'height'", "a number", "'tall'", "0 and 1"),
        (HEAD + '1,"2,5",4\n', "line 3, column 'height'", "a number", "'2,5'", "point: 2.5"),
        (HEAD + "1,-inf,4\n", "line 3, column 'height'", "a finite", "-inf", "leave the row"),
        (HEAD + "1,1e999,4\n", "line 3, column 'height'", "a finite", "1e999", "leave the row"),
        (HEAD + "1,2,inf\n", "line 3, column 't'", "a finite number", "inf", "leave the row"),
        ("t,a,b\n1,2,3\n1,x,3\n", "line 3, column 'a'", "a number", "'x'", "0 and 1"),
        (HEAD + "1,2,4\n1,2,x\n", "line 4, column 't'", "a number", "'x'", "task='classif"),
        (HEAD + "1,2\n", "table.csv, line 3", "3 cells, as in the header", "2", "Complete the row"),
        (HEAD + "1,2,3,4\n", "table.csv, line 3", "3 cells, as in the header", "4", "quotes"),
        (HEAD + '1,"2\n3",4\n', "line 3, column 'height'", "a number", "'2\\n3'", "0 and 1"),
        ('a,t\n1,"x\ny"\n1\n', "table.csv, line 4", "2 cells", "1", "Complete the row"),
        (HEAD + '1,"2,3\n4,5,6\n', "table.csv, line 3", "commas", "unexpected end", "Close every"),
        (HEAD + "4,5,3\n", "column 't'", "two different values", "'3' in every row", "another"),
        ("a,t\n1,x\n2,x\n", "column 't'", "two different values", "'x' in every row", "target"),
        ("", "table.csv", "a header and rows", "an empty file", "Write a header"),
        (" \n,\n", "table.csv", "a header and rows", "an empty file", "Write a header"),
        ("a,t\n", "table.csv", "rows below the header", "none", "Add rows"),
        ("t\n1\n2\n", "table.csv", "at least one feature", "'t' alone", "Add the columns"),
        ("1,2,3\n4,5,6\n", "line 1", "a header", "numbers (1, 2, 3 …)", "Put a first line"),
        (",a,t\n0,1,2\n", "line 1", "a header", "no name for column 1", "index=False"),
        ("a,t,a\n0,1,2\n", "line 1", "once", "two columns called 'a'", "Rename"),
        ("a;t\n1;2\n", "line 1", "separated by commas", "';'", "Save the table again with commas"),
        ("\na\tt\n1\t2\n", "line 2", "separated by commas", "'\\t'", "Save the table again"),
    ],
)
def test_a_table_that_cannot_be_learned_from(csv_file, content, culprit, expected, got, remedy):
    with refused(DataError, culprit, expected, got, remedy):
        data.load_csv(csv_file(content), "t")


def test_text_in_a_target_told_to_be_a_quantity(csv_file):
    path = csv_file("a,t\n1,low\n2,high\n")
    with refused(DataError, f"{path}, line 2, column 't'", "a number", "'low'", "0 and 1"):
        data.load_csv(path, "t", task="regression")


def test_a_target_that_is_no_column(csv_file):
    path = csv_file("petal length,species\n1,a\n2,b\n")
    with refused(UnknownNameError, str(path), "petal length", "'Species'", "mean 'species'?"):
        data.load_csv(path, "Species")
    with refused(UnknownNameError, "target column", "species", "'y'", "target='species'"):
        data.load_csv(path, "y")


def test_a_task_that_is_none(csv_file):
    path = csv_file("a,t\n1,2\n")
    with refused(ArgumentError, "task", "'regression'", "'regresion'", "task='regression'"):
        data.load_csv(path, "t", task="regresion")
    with refused(ArgumentError, "task", "'classification'", "'x'", "inferred"):
        data.load_csv(path, "t", task="x")


def test_a_file_that_is_not_there(csv_file, tmp_path):
    path = csv_file("a,t\n1,2\n", "measurements.csv")
    with refused(FileError, "measurement.csv", "a CSV file", "no such file", repr(str(path))):
        data.load_csv(tmp_path / "measurement.csv", "t")
    with refused(FileError, "nowhere", "a CSV file", "no such file", str(Path.cwd())):
        data.load_csv("nowhere/z.csv", "t")


def test_a_folder_instead_of_a_file(tmp_path):
    with refused(FileError, str(tmp_path), "a CSV file", "directory", "may read"):
        data.load_csv(tmp_path, "t")


def test_bytes_that_are_not_text(csv_file):
    latin = csv_file("a,t\n1,x\n2,größe\n".encode("latin-1"))
    with refused(FileError, f"{latin}, line 3", "UTF-8", "the byte 0xf6", "CSV UTF-8"):
        data.load_csv(latin, "t")
    with refused(FileError, "line 1", "UTF-8", "the byte 0xff", "CSV UTF-8"):
        data.load_csv(csv_file("a,t\n1,x\n".encode("utf-16")), "t")
