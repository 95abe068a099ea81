"""A table with what is known about it, and the parts it is split into."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from minidl.core import (
    ArgumentError,
    DataError,
    ShapeError,
    as_numbers,
    printable,
    random_state,
    whole_number,
)
from minidl.data.checks import check_finite
from minidl.data.tables import TASKS
from minidl.document import Block, Definitions, Page, Paragraph, Section, to_text


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """A table to learn from, with what is known about it.

    Parameters
    ----------
    name : str
        The name of its card, or of its file without ``.csv``.
    X : numpy.ndarray
        Features, float64, shape (rows, features).
    y : numpy.ndarray
        Shape (rows,): class numbers 0 … k−1 (int64), or quantities (float64).
    task : {"classification", "regression"}
        What ``y`` is.
    family : str
        Datasets of one family are variants of one problem: evidence from them is not independent.
    feature_names, classes : tuple of str
        What the columns of ``X`` and the class numbers mean; no classes in regression.
    metric : str
        The scikit-learn scorer that says how good a prediction is.
    teaches, source : str
        What it shows about activations and losses, and where it comes from.

    Examples
    --------
    >>> from minidl.data import load
    >>> load("iris")
    Dataset('iris': 150 rows, 4 features, 3 classes)
    """

    name: str
    X: np.ndarray
    y: np.ndarray
    task: str
    family: str
    feature_names: tuple[str, ...]
    classes: tuple[str, ...]
    metric: str
    teaches: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        if self.task not in TASKS:
            remedy = "Write one of the two."
            raise ArgumentError("task", " or ".join(map(repr, TASKS)), repr(self.task), remedy)
        for name in ("X", "y"):  # a frozen dataclass is written to like this
            object.__setattr__(self, name, as_numbers(name, getattr(self, name)))
        if self.X.ndim != 2:
            remedy = "Write X.reshape(len(X), -1)."
            raise ShapeError("X", "the shape (rows, features)", str(self.X.shape), remedy)
        if self.y.shape != (len(self.X),):
            remedy = "Give one target for each row of X, as y.ravel() if y is one column."
            raise ShapeError("y", f"the shape ({len(self.X)},)", str(self.y.shape), remedy)
        check_finite("X", self.X)
        check_finite("y", self.y)

    @property
    def n_classes(self) -> int:
        """How many classes there are; 0 in regression."""
        return len(self.classes)

    def split(self, test_size: float = 0.25, validation_size: float = 0.0, seed: int = 0) -> Split:
        """Deal the rows out for training, validation and test.

        In classification every part has the classes in the proportions of the whole.

        Parameters
        ----------
        test_size, validation_size : float
            Shares of all rows; 0 leaves a part empty.
        seed : int
            Decides who goes where.

        Returns
        -------
        Split
            The three parts, not scaled yet.

        Examples
        --------
        >>> from minidl.data import load
        >>> load("iris").split(test_size=0.2, validation_size=0.2)
        Split(train: 90 rows, validation: 30, test: 30)
        """
        for name, share in (("test_size", test_size), ("validation_size", validation_size)):
            if not 0 <= share < 1:
                remedy = f"Write {name}=0.25 for a quarter of the rows."
                raise ArgumentError(name, "a share in [0, 1)", repr(share), remedy)
        if test_size + validation_size >= 1:
            got, remedy = f"{test_size:g} + {validation_size:g}", "Leave rows to train on."
            raise ArgumentError("test_size + validation_size", "less than 1", got, remedy)
        seed = whole_number("seed", seed, low=0, example=0)
        rows = np.arange(len(self.X))
        rows, test = self._deal(rows, test_size, "test", seed)
        train, validation = self._deal(rows, validation_size, "validation", seed)
        parts = [(self.X[part], self.y[part]) for part in (train, validation, test)]
        return Split(*parts[0], *parts[1], *parts[2])

    def _deal(
        self, rows: np.ndarray, share: float, part: str, seed: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Take ``share`` of all the rows of the table out of ``rows``."""
        if share == 0:
            return rows, rows[:0]
        size = max(1, round(share * len(self.X)))
        left = len(rows) - size
        least = max(1, self.n_classes)
        if min(size, left) < least:
            expected = "at least 1 row in each part"
            if least > 1:
                expected = f"at least {least} rows in each part, one a class"
            got = f"{size} for {part} and {left} left"
            raise DataError(f"dataset {self.name!r}", expected, got, "Give a larger table.")
        if self.classes:
            counts = np.bincount(self.y[rows], minlength=self.n_classes)
            if counts.min() < 2:
                rarest = self.classes[counts.argmin()]
                raise DataError(
                    f"dataset {self.name!r}",
                    f"at least 2 rows of each class to deal out for {part}",
                    f"{counts.min()} of class {rarest!r}",
                    "Add rows of it, merge it with another class, or leave it out.",
                )
        from sklearn.model_selection import train_test_split  # here: it takes 0.7 s

        strata = self.y[rows] if self.classes else None
        random = random_state(f"split {part}", seed)
        kept, dealt = train_test_split(rows, test_size=size, random_state=random, stratify=strata)
        return kept, dealt

    def __repr__(self) -> str:
        return f"Dataset({self.name!r}: {self._size})"

    @property
    def _size(self) -> str:
        kind = f"{self.n_classes} classes" if self.classes else "regression"
        columns = self.X.shape[1]
        return f"{len(self.X)} rows, {columns} feature{'s' * (columns != 1)}, {kind}"

    @property
    def page(self) -> Page:
        """What is known of it, to be shown."""
        names = ", ".join(self.feature_names[:6]) + " …" * (len(self.feature_names) > 6)
        if self.classes:
            rows = zip(self.classes, np.bincount(self.y, minlength=self.n_classes), strict=True)
            target = "classes", ", ".join(f"{name} ({count} rows)" for name, count in rows)
        else:
            y = self.y
            target = "target", f"from {y.min():g} to {y.max():g}, mean {y.mean():g}"
        facts = [("features", names), target, ("metric", self.metric), ("family", self.family)]
        blocks: list[Block] = [
            Definitions(facts),
            Paragraph(self.teaches),
            Paragraph(self.source, "note"),
        ]
        return Page(f"{self.name}: {self._size}", [Section("", blocks)])

    def __str__(self) -> str:
        return printable(to_text(self.page))


@dataclass(frozen=True, eq=False, repr=False)
class Split:
    """The parts of a dataset: to learn from, to choose by, to judge by.

    Parameters
    ----------
    X_train, y_train, X_validation, y_validation, X_test, y_test : numpy.ndarray
        Features (rows, features) and targets (rows,) of each part; a part may have 0 rows.
    y_mean, y_scale : float
        What standardising took away from the targets, and what it divided them by.

    Examples
    --------
    >>> from minidl.data import load
    >>> parts = load("wine").split().standardised()
    >>> abs(parts.X_train.mean(axis=0)).max() < 1e-9
    np.True_
    """

    X_train: np.ndarray
    y_train: np.ndarray
    X_validation: np.ndarray
    y_validation: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray
    y_mean: float = 0.0
    y_scale: float = 1.0

    def standardised(self, target: bool = False) -> Split:
        """Scale features to mean 0 and variance 1, as measured on the training part alone.

        Validation and test rows must not be looked at before training is over: they are scaled
        with the mean and scale of the training rows. A constant feature becomes 0 there.

        Parameters
        ----------
        target : bool
            In regression, scale the targets too; ``unscaled_target`` turns them back.

        Returns
        -------
        Split
            A new split; this one stays as it is.

        Examples
        --------
        >>> from minidl.data import load
        >>> parts = load("diabetes").split()
        >>> scaled = parts.standardised(target=True)
        >>> np.allclose(scaled.unscaled_target(scaled.y_test), parts.y_test)
        True
        """
        X = _standardised(self.X_train, self.X_validation, self.X_test)[0]
        names = ("train", "validation", "test")
        changes: dict[str, Any] = {f"X_{name}": x for name, x in zip(names, X, strict=True)}
        if target:
            if self.y_train.dtype.kind != "f":
                got, remedy = "class numbers", "Leave target=True out in classification."
                raise ArgumentError("target", "quantities to standardise", got, remedy)
            columns = [y[:, None] for y in (self.y_train, self.y_validation, self.y_test)]
            Y, mean, scale = _standardised(*columns)
            changes |= {f"y_{name}": y[:, 0] for name, y in zip(names, Y, strict=True)}
            # Composed, so that a split standardised twice is still turned back by one call.
            changes["y_mean"] = self.y_mean + self.y_scale * float(mean[0])
            changes["y_scale"] = self.y_scale * float(scale[0])
        return replace(self, **changes)

    def unscaled_target(self, y: np.ndarray) -> np.ndarray:
        """Turn targets or predictions back into the dataset's own units.

        Examples
        --------
        >>> empty = np.empty((0, 1))
        >>> parts = Split(empty, empty, empty, empty, empty, empty, y_mean=100.0, y_scale=5.0)
        >>> parts.unscaled_target(np.array([0.0, 1.0]))
        array([100., 105.])
        """
        return y * self.y_scale + self.y_mean

    def __repr__(self) -> str:
        rows = (len(self.X_train), len(self.X_validation), len(self.X_test))
        return "Split(train: {} rows, validation: {}, test: {})".format(*rows)


def _standardised(
    train: np.ndarray, *others: np.ndarray
) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(train)
    # By hand what scaler.transform does, which refuses a part of 0 rows.
    parts = [(part - scaler.mean_) / scaler.scale_ for part in (train, *others)]
    return parts, scaler.mean_, scaler.scale_
