"""The comparisons a study makes claims from: planned, tested, corrected together.

All claims of one study come from ONE family of tests: ``compare`` returns it. Sentences, marks
in a matrix and bars in a diagram are made of these results, so that a study of identical pairings
claims any difference, anywhere, in at most 5 % of cases. What is shown besides (Friedman's test,
intervals, shares of variance, rankings) describes, and no claim rests on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from minidl.pairing.statistics.paired import RESAMPLES, bca_interval, sign_flip_test
from minidl.pairing.statistics.planned import ALPHA, holm, planned_pairs
from minidl.pairing.statistics.planning import Design, fewest_observations
from minidl.pairing.statistics.scores import Scores, differences_between
from minidl.pairing.statistics.signedrank import (
    signed_rank_test,
    typical_difference,
    typical_interval,
)


@dataclass(frozen=True)
class Comparison:
    """Two pairings, compared over dataset families or over the repetitions on one dataset.

    Parameters
    ----------
    first, second : str
    dataset : str or None
        None: over families.
    difference : float
        ``first − second`` in units of the score: the Hodges–Lehmann estimate over families, the
        mean on one dataset.
    low, high : float
        Over families, where the signed-rank test does not reject at α/m: the intervals of all m
        comparisons hold together. On one dataset, a 95 % BCa interval by itself. Infinite or NaN
        if there are too few families or repetitions.
    wins, ties, losses : int
        Families (or repetitions) in which ``first`` scores higher, the same, lower.
    p_value, adjusted : float
        Two-sided, before and after Holm's correction for all ``comparisons``.
    comparisons : int
        m: how many tests were planned together.
    alpha : float
    """

    first: str
    second: str
    dataset: str | None
    difference: float
    low: float
    high: float
    wins: int
    ties: int
    losses: int
    p_value: float
    adjusted: float
    comparisons: int
    alpha: float = ALPHA

    @property
    def shown(self) -> bool:
        """Whether the study shows a difference: the only ground for a claim."""
        return self.adjusted <= self.alpha

    @property
    def direction(self) -> int:
        """1 if ``first`` is the higher one, −1 if ``second`` is.

        Where most families tie, the typical difference is 0, whatever the others say: then wins
        and losses tell. 0 if they are as many.
        """
        return int(np.sign(self.difference) or np.sign(self.wins - self.losses))

    @property
    def observations(self) -> int:
        """How many families or repetitions it rests on."""
        return self.wins + self.ties + self.losses

    @property
    def possible(self) -> bool:
        """Whether so few observations could have shown anything at all."""
        return self.observations >= fewest_observations(self.comparisons, self.alpha)


def compare(
    scores: Scores, reference: str | None, alpha: float = ALPHA, seed: int = 0
) -> list[Comparison]:
    """Everything a study claims differences from, and nothing else.

    Over dataset families where the design allows a claim; otherwise on the datasets one by one,
    if the repetitions allow that (``Design.scope``).

    Parameters
    ----------
    scores : Scores
        Two pairings at least.
    reference : str or None
        Each other pairing against this one, named before looking; None is all against all.
    alpha : float
        The chance of any false claim in the study.
    seed : int
        Of resampling on single datasets.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> values = rng.normal(size=(2, 8, 3)) + np.array([3, 0])[:, None, None]
    >>> names = tuple("abcdefgh")
    >>> scores = Scores(values, ("relu", "sigmoid"), names, names)
    >>> [found] = compare(scores, reference="sigmoid")
    >>> found.shown, found.wins, found.adjusted
    (True, 8, 0.0078125)
    """
    if Design.of(scores, reference, alpha).scope == "datasets":
        return compare_on_datasets(scores, reference, alpha, seed)
    return compare_over_families(scores, reference, alpha)


def compare_over_families(
    scores: Scores, reference: str | None, alpha: float = ALPHA
) -> list[Comparison]:
    """Wilcoxon's signed-rank test of each planned pair over dataset families, Holm-corrected.

    Scores are averaged over repetitions and over the datasets of a family first. Where families
    have different metrics, a large difference in one metric ranks with one as large in another.
    """
    pairs = planned_pairs(scores, reference)
    means = scores.by_family().means
    differences = [differences_between(means[i], means[j]) for i, j in pairs]
    p_values = np.array([signed_rank_test(row) for row in differences])
    tested = zip(pairs, differences, p_values, holm(p_values), strict=True)
    return [
        Comparison(
            scores.pairings[i],
            scores.pairings[j],
            None,
            typical_difference(row),
            *typical_interval(row, 1 - alpha / len(pairs)),
            *wins_ties_losses(row),
            float(p),
            float(adjusted),
            len(pairs),
            alpha,
        )
        for (i, j), row, p, adjusted in tested
    ]


def compare_on_datasets(
    scores: Scores, reference: str | None, alpha: float = ALPHA, seed: int = 0
) -> list[Comparison]:
    """The sign-flip test of each planned pair on each dataset, Holm-corrected over all of them.

    A claim is about this one table: what other splits and starts of it would give.
    """
    pairs = planned_pairs(scores, reference)
    first, second = np.array(pairs, dtype=int).reshape(-1, 2).T
    differences = differences_between(scores.counted[first], scores.counted[second])
    tests = differences[..., 0].size
    resamples = max(RESAMPLES, int(np.ceil(2 * tests / alpha)))  # else no p could be below α/m
    p_values = sign_flip_test(differences, resamples, seed)
    low, high = bca_interval(differences, seed=seed)
    adjusted = holm(p_values.ravel()).reshape(p_values.shape)
    return [
        Comparison(
            scores.pairings[i],
            scores.pairings[j],
            dataset,
            float(differences[pair, d].mean()),
            float(low[pair, d]),
            float(high[pair, d]),
            *wins_ties_losses(differences[pair, d]),
            float(p_values[pair, d]),
            float(adjusted[pair, d]),
            tests,
            alpha,
        )
        for d, dataset in enumerate(scores.datasets)
        for pair, (i, j) in enumerate(pairs)
    ]


def wins_ties_losses(differences: np.ndarray) -> tuple[int, int, int]:
    """How many differences are above, at and below 0."""
    return int((differences > 0).sum()), int((differences == 0).sum()), int((differences < 0).sum())


@dataclass(frozen=True, eq=False)
class PairwiseMatrix:
    """Every pairing against every other over dataset families.

    Parameters
    ----------
    pairings : tuple of str
    wins, ties, losses : int arrays of shape (pairings, pairings)
        Families in which the row's pairing scores higher than the column's, the same, lower.
    shown : bool array of shape (pairings, pairings)
        Where a difference is shown: the only cells to mark.
    verdicts : int array of shape (pairings, pairings)
        1 or −1 where the row's pairing is shown to score higher or lower; else 0.
    """

    pairings: tuple[str, ...]
    wins: np.ndarray
    ties: np.ndarray
    losses: np.ndarray
    shown: np.ndarray
    verdicts: np.ndarray


def pairwise_matrix(scores: Scores, comparisons: Sequence[Comparison]) -> PairwiseMatrix:
    """Wins, ties and losses of all pairs, with marks where a planned test shows a difference.

    Parameters
    ----------
    scores : Scores
    comparisons : sequence of Comparison
        The study's, from ``compare``. Testing all pairs besides would make more claims than α
        allows for.
    """
    means = scores.by_family().means
    differences = differences_between(means[:, None], means[None])
    shown = np.zeros(differences.shape[:2], dtype=bool)
    verdicts = np.zeros(shown.shape, dtype=int)
    for comparison in comparisons:
        if comparison.dataset is None:
            i, j = scores.index(comparison.first), scores.index(comparison.second)
            shown[i, j] = shown[j, i] = comparison.shown
            verdicts[i, j] = comparison.direction * comparison.shown
            verdicts[j, i] = -verdicts[i, j]
    return PairwiseMatrix(
        scores.pairings,
        (differences > 0).sum(axis=2),
        (differences == 0).sum(axis=2),
        (differences < 0).sum(axis=2),
        shown,
        verdicts,
    )
