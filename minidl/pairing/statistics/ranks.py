"""Ranks of all pairings over dataset families: Friedman's test and the critical difference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from minidl.core import ArgumentError
from minidl.pairing.statistics.planned import ALPHA
from minidl.pairing.statistics.scores import DIGITS, Scores


@dataclass(frozen=True, eq=False)
class RankSummary:
    """How pairings rank over dataset families: what a critical-difference diagram is drawn from.

    Parameters
    ----------
    pairings : tuple of str
    mean_ranks : array of shape (pairings,)
        1 is best; those who tie share the mean of their ranks.
    families : int
    statistic, p_value : float
        Friedman's χ² with pairings − 1 degrees of freedom, corrected for ties, of "all rank
        alike"; NaN for fewer than three pairings. χ² is an approximation, and a cautious one for
        few families.
    critical_difference : float
        Two mean ranks as far apart as this differ by Nemenyi's test.
    """

    pairings: tuple[str, ...]
    mean_ranks: np.ndarray
    families: int
    statistic: float
    p_value: float
    critical_difference: float


def rank_summary(scores: Scores, alpha: float = ALPHA) -> RankSummary:
    """Mean ranks, Friedman's test and Nemenyi's critical difference.

    References
    ----------
    J. Demšar, Statistical comparisons of classifiers over multiple data sets, JMLR 7, 2006.

    Examples
    --------
    >>> values = np.array([[3.0, 3.0, 3.0], [2.0, 2.0, 1.0], [1.0, 1.0, 2.0]])[..., None]
    >>> scores = Scores(values, ("a", "b", "c"), ("x", "y", "z"), ("x", "y", "z"))
    >>> summary = rank_summary(scores)
    >>> summary.mean_ranks
    array([1.        , 2.33333333, 2.66666667])
    >>> round(summary.p_value, 3), round(summary.critical_difference, 3)
    (0.097, 1.914)
    """
    from scipy.stats import rankdata

    means = np.round(scores.by_family().means, DIGITS)
    pairings, families = means.shape
    mean_ranks = rankdata(-means, axis=0).mean(axis=1)
    apart = critical_difference(pairings, families, alpha)
    return RankSummary(scores.pairings, mean_ranks, families, *_friedman(means), apart)


def critical_difference(pairings: int, families: int, alpha: float = ALPHA) -> float:
    """How far apart two mean ranks must be to differ by Nemenyi's test.

    The quantile is that of the range of normals, to ten digits; autorank's differs in the fourth,
    since it comes from a fitted formula.

    Examples
    --------
    >>> round(critical_difference(4, 14), 3)
    1.254
    """
    from scipy.stats import studentized_range

    if pairings < 2:
        raise ArgumentError("pairings", "at least 2", str(pairings), "Add a second pairing.")
    quantile = studentized_range.ppf(1 - alpha, pairings, np.inf) / np.sqrt(2)
    return float(quantile * np.sqrt(pairings * (pairings + 1) / (6 * families)))


def bars(mean_ranks: np.ndarray, shown: np.ndarray) -> list[tuple[int, ...]]:
    """The bars of a critical-difference diagram: each joins pairings not shown to differ.

    Every pair that is not shown to differ lies under a common bar, so only what is shown is drawn
    apart. (A pair that is shown to differ may lie under one, too, if a pair around it is not.)

    Parameters
    ----------
    mean_ranks : array of shape (k,)
    shown : bool array of shape (k, k)
        ``PairwiseMatrix.shown`` of the study's comparisons. ``apart > critical_difference``
        instead gives Demšar's diagram.

    Returns
    -------
    bars : list of tuple of int
        Rows in the order of their ranks, of two pairings or more; no bar within another.

    Examples
    --------
    >>> shown = np.zeros((3, 3), dtype=bool)
    >>> shown[0, 2] = shown[2, 0] = True
    >>> bars(np.array([1.0, 2.0, 3.0]), shown)
    [(0, 1), (1, 2)]
    """
    order = np.argsort(mean_ranks, kind="stable")
    joined = ~shown[np.ix_(order, order)]
    joining, reached = [], 0
    for start in range(len(order)):
        end = int(np.flatnonzero(joined[start])[-1])  # itself at least
        if end > max(start, reached):
            joining.append(tuple(order[start : end + 1].tolist()))
            reached = end
    return joining


def _friedman(means: np.ndarray) -> tuple[float, float]:
    from scipy.stats import friedmanchisquare

    if len(means) < 3:  # two pairings: that is Wilcoxon's test
        return np.nan, np.nan
    if np.ptp(means, axis=0).max() == 0:  # all the same everywhere: SciPy divides by 0
        return 0.0, 1.0
    result = friedmanchisquare(*means)
    return float(result.statistic), float(result.pvalue)
