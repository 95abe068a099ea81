"""Scores of a study as a full table: pairing × dataset × repetition, and how a failure counts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from minidl.core import ArgumentError, ShapeError, UnknownNameError, did_you_mean

DIGITS = 12
"""Decimals of a difference that count: what differs by less was only added in another order."""


def failures_counted(scores: np.ndarray, floor: float = 0.0) -> np.ndarray:
    """The scores of one dataset with each failure as the worst of them, or ``floor`` if lower.

    So it is never better to fail than to be trained, as R² below 0 would have it.

    Parameters
    ----------
    scores : array
        Of any shape; NaN or ±∞ is a failure. Larger is better.
    floor : float
        What a failure counts if no trained score is below it.

    Examples
    --------
    >>> failures_counted(np.array([0.9, np.nan, -3.0]))
    array([ 0.9, -3. , -3. ])
    >>> failures_counted(np.array([0.9, np.nan]))
    array([0.9, 0. ])
    """
    trained = np.isfinite(scores)
    worst = min(floor, scores[trained].min(initial=floor))
    return np.where(trained, scores, worst)


def differences_between(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """``first − second``, where rounding errors of the order of adding are ties."""
    return np.round(first - second, DIGITS)


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores of every pairing on every dataset in every repetition; larger is better.

    The table is full. What was never trained (an unsound head, a cell still to run) has no place
    in it: select the pairings and datasets that have all of each other. What was trained and
    failed is NaN, and counts as the worst of its dataset (``failures_counted``) in every
    statistic: a mean takes it in at that score, a rank puts it last, an interquartile mean trims
    it with the rest of the lowest quarter. It is never dropped.

    Parameters
    ----------
    values : array of shape (pairings, datasets, repetitions)
        NaN is a failed trial. Repetition r of a dataset is the same split and the same random
        numbers for every pairing: differences between pairings are paired.
    pairings, datasets : tuple of str
        Names, each once.
    families : tuple of str
        The family of each dataset: variants of one problem are not independent evidence.
    floor : float
        What a failure counts where no trained score is lower: 0 is chance for R², and at or below
        it for accuracies.

    Raises
    ------
    ShapeError
        If values and names do not fit.
    ArgumentError
        If a name is there twice.

    Examples
    --------
    >>> first = [[0.9, 0.8], [0.7, 0.9], [0.5, 0.5]]
    >>> second = [[0.6, np.nan], [0.7, 0.9], [0.4, 0.5]]
    >>> scores = Scores(
    ...     np.array([first, second]),
    ...     pairings=("relu+bce", "relu+mse"),
    ...     datasets=("moons", "circles", "wine"),
    ...     families=("plane", "plane", "wine"),
    ... )
    >>> scores.by_family().means
    array([[0.825, 0.5  ],
           [0.55 , 0.45 ]])
    """

    values: np.ndarray
    pairings: tuple[str, ...]
    datasets: tuple[str, ...]
    families: tuple[str, ...]
    floor: float = 0.0

    def __post_init__(self) -> None:
        values = np.array(self.values, dtype=np.float64)
        values.setflags(write=False)  # what is computed from it is kept
        object.__setattr__(self, "values", values)
        shape = (len(self.pairings), len(self.datasets))
        if self.values.ndim != 3 or self.values.shape[:2] != shape or not self.values.size:
            expected = f"shape ({shape[0]}, {shape[1]}, repetitions)"
            remedy = "Give one row a pairing, one column a dataset, and at least 1 repetition."
            raise ShapeError("values", expected, str(self.values.shape), remedy)
        if len(self.families) != len(self.datasets):
            got = f"{len(self.families)} for {len(self.datasets)} datasets"
            raise ShapeError("families", "one a dataset", got, "Name the family of each dataset.")
        for what, names in (("pairings", self.pairings), ("datasets", self.datasets)):
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ArgumentError(what, "each name once", twice[0], "Rename one of them.")

    @cached_property
    def counted(self) -> np.ndarray:
        """The values with failures counted, of the same shape."""
        per_dataset = np.moveaxis(self.values, 1, 0)
        return np.stack([failures_counted(v, self.floor) for v in per_dataset], axis=1)

    @property
    def means(self) -> np.ndarray:
        """Means over repetitions, failures counted, of shape (pairings, datasets)."""
        return self.counted.mean(axis=2)

    @property
    def repetitions(self) -> int:
        """How many times each cell was trained."""
        return int(self.values.shape[2])

    def by_family(self) -> Scores:
        """The mean of each family's datasets, in each repetition: families are the datasets then.

        Evidence over datasets is counted in families. The average comes before any test, so that
        a family with five variants weighs as much as one with a single dataset.
        """
        names = tuple(dict.fromkeys(self.families))
        members = [[f == name for f in self.families] for name in names]
        means = [self.counted[:, mine].mean(axis=1) for mine in members]
        return Scores(np.stack(means, axis=1), self.pairings, names, names, self.floor)

    def index(self, pairing: str) -> int:
        """The row of a pairing."""
        if pairing not in self.pairings:
            remedy = did_you_mean(pairing, self.pairings, f"Write {self.pairings[0]!r}, say.")
            raise UnknownNameError("pairing", "one of the study", repr(pairing), remedy)
        return self.pairings.index(pairing)
