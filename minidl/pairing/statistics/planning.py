"""What a design can show before anything is trained: how few families, how small a difference."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count

import numpy as np

from minidl.core import ArgumentError
from minidl.pairing.statistics.planned import ALPHA
from minidl.pairing.statistics.scores import Scores
from minidl.pairing.statistics.signedrank import rejections

SIMULATED = 4_000
"""Experiments that a power is estimated from: to half a point or so."""


def fewest_observations(comparisons: int, alpha: float = ALPHA) -> int:
    """The smallest number of families (or repetitions) at which any claim is possible.

    n differences that all have one sign give the smallest p-value of the signed-rank test and of
    the sign-flip test, 2/2ⁿ. Holm's first step asks for α/m.

    Examples
    --------
    >>> fewest_observations(1)
    6
    >>> fewest_observations(24 * 23 // 2)    # 24 pairings, all against all
    14
    """
    if comparisons < 1:
        raise ArgumentError("comparisons", "at least 1", str(comparisons), "Add a second pairing.")
    return next(n for n in count(1) if 2 * 0.5**n <= alpha / comparisons)


def detectable_difference(
    n: int,
    spread: float,
    comparisons: int = 1,
    alpha: float = ALPHA,
    power: float = 0.8,
    seed: int = 0,
) -> float:
    """The smallest true difference that is found with a probability of ``power``.

    The signed-rank test is run on simulated normal differences, at the level α/m that Holm's
    first step asks for. So it is right for small n, where formulas based on Student's t promise
    too much; the sign-flip test of a mean finds the same within a few percent.

    Parameters
    ----------
    n : int
        Paired differences: one a dataset family, or one a repetition.
    spread : float
        Their standard deviation, in units of the score. (Two scores of deviation s and
        correlation r differ by a deviation of s·√(2 − 2r).)
    comparisons : int
        How many are planned.
    alpha, power : float
    seed : int
        Of the simulation.

    Returns
    -------
    difference : float
        In units of the score; ∞ if no claim is possible.

    Examples
    --------
    >>> round(detectable_difference(10, spread=1.0), 1)
    1.0
    >>> detectable_difference(5, spread=1.0)
    inf
    """
    rejected = rejections(n, alpha / comparisons)
    if rejected == 0:
        return np.inf
    noise = np.random.default_rng(seed).standard_normal((SIMULATED, n))
    low, high = 0.0, 20.0
    while high - low > 1e-4:
        middle = (low + high) / 2
        shown = (_sums_of_minus(noise + middle) < rejected).mean()
        low, high = (low, middle) if shown >= power else (middle, high)
    return float(high * spread)


def _sums_of_minus(differences: np.ndarray) -> np.ndarray:
    """Each experiment's sum of the ranks of negative differences."""
    ranks = np.abs(differences).argsort(axis=1).argsort(axis=1) + 1
    return (ranks * (differences < 0)).sum(axis=1)


@dataclass(frozen=True)
class Design:
    """What a study of this size can and cannot show.

    Parameters
    ----------
    pairings, datasets, families, repetitions : int
        How many of each.
    all_pairs : bool
        Whether all pairings are compared with each other; otherwise each with one reference.
    spread : float, optional
        Of the differences that claims rest on, as in ``detectable_difference``: from a pilot, or
        a guess.
    alpha : float

    Examples
    --------
    >>> design = Design(pairings=24, datasets=16, families=12, repetitions=10)
    >>> design.comparisons, design.fewest_families, design.scope
    (23, 10, 'families')
    >>> Design(24, 16, 12, 10, all_pairs=True).scope
    'nothing'
    >>> Design(24, 1, 1, 10).scope
    'datasets'
    """

    pairings: int
    datasets: int
    families: int
    repetitions: int
    all_pairs: bool = False
    spread: float | None = None
    alpha: float = ALPHA

    @classmethod
    def of(cls, scores: Scores, reference: str | None, alpha: float = ALPHA) -> Design:
        """That of scores which are there; without a reference all pairs are compared."""
        return cls(
            len(scores.pairings),
            len(scores.datasets),
            len(set(scores.families)),
            scores.repetitions,
            all_pairs=reference is None,
            alpha=alpha,
        )

    @property
    def comparisons(self) -> int:
        """How many pairs of pairings are compared."""
        k = self.pairings
        return k * (k - 1) // 2 if self.all_pairs else k - 1

    @property
    def fewest_families(self) -> int:
        """Families at which a claim over datasets is possible."""
        return fewest_observations(self.comparisons, self.alpha)

    @property
    def fewest_repetitions(self) -> int:
        """Repetitions at which a claim on a single dataset is possible."""
        return fewest_observations(self.comparisons * self.datasets, self.alpha)

    @property
    def scope(self) -> str:
        """What claims are about: ``"families"``, ``"datasets"`` one by one, or ``"nothing"``.

        It follows from the design, never from the scores: a study that looked at both and took
        what came out would claim too often.
        """
        if self.families >= self.fewest_families:
            return "families"
        return "datasets" if self.repetitions >= self.fewest_repetitions else "nothing"

    @property
    def detectable(self) -> float:
        """The difference found in 80 of 100 such studies; NaN without a spread."""
        if self.spread is None:
            return np.nan
        if self.scope == "datasets":
            tests = self.comparisons * self.datasets
            return detectable_difference(self.repetitions, self.spread, tests, self.alpha)
        return detectable_difference(self.families, self.spread, self.comparisons, self.alpha)
