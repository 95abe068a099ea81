"""A ranking that does not flatter its winner.

Measured on 50 pairings with 10 repetitions of standard deviation 1: for pairings all alike the
leader's mean is 0.71 too high, the corrected score 0.01; where true scores spread by 0.3 as well,
0.52 too high and 0.09 too low, since half the data choose less well. Leaving out one repetition at
a time is less biased there but nearly twice as noisy; shrinking towards the common mean is better
still for normal scores, but stops correcting as soon as a few pairings fail badly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from minidl.core import ArgumentError
from minidl.pairing.statistics.scores import DIGITS, Scores

SPLITS = 250
"""Into halves: there are 252 of 10 repetitions."""


@dataclass(frozen=True)
class Ranked:
    """A pairing's place, and what it is worth without the luck that brought it there.

    Parameters
    ----------
    pairing : str
    place : int
        By mean score over families.
    score : float
        That mean: flattered at the top, since the luckiest come first.
    corrected : float
        What the pairing in this place scores on repetitions that did not put it there.
    first : float
        Share of resampled studies in which the pairing comes first.
    best_place, worst_place : int
        Between these lies its place in 95 of 100 resampled studies.
    """

    pairing: str
    place: int
    score: float
    corrected: float
    first: float
    best_place: int
    worst_place: int


def corrected_ranking(scores: Scores, resamples: int = 2_000, seed: int = 0) -> list[Ranked]:
    """Pairings by mean score over dataset families, with the winner's curse taken off.

    The repetitions are split in halves, again and again; pairings are ranked by one half, and the
    one in each place is scored on the other. The mean over splits is the corrected score of the
    place. Places are resampled by drawing repetitions anew, the same for all pairings.

    Halves, because leaving out one repetition at a time is less biased but far noisier, and
    shrinking towards the common mean stops correcting as soon as a few pairings fail badly.

    Both speak of other repetitions on the same datasets, not of other datasets.

    Raises
    ------
    ArgumentError
        If there is one repetition only: nothing is left to rank by.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> names = tuple(f"pairing {i}" for i in range(50))      # all of them worth exactly 0
    >>> scores = Scores(rng.normal(size=(50, 1, 10)), names, ("xor",), ("plane",), floor=-9.0)
    >>> best = corrected_ranking(scores)[0]
    >>> best.score > 0.5 > best.corrected
    True
    """
    if scores.repetitions < 2:
        raise ArgumentError("repetitions", "at least 2", "1", "Repeat the study: --seeds 10.")
    by_repetition = scores.by_family().counted.mean(axis=1)
    means = by_repetition.mean(axis=1)
    order = np.argsort(-means, kind="stable")
    rng = np.random.default_rng(seed)
    held_out = _held_out(by_repetition, rng)
    places = _resampled_places(by_repetition, resamples, rng)
    low, high = np.quantile(places, [0.025, 0.975], axis=1, method="inverted_cdf").astype(int)
    leads = places == 1
    first = (leads / leads.sum(axis=0)).mean(axis=1)  # those who tie share the lead
    table = zip(means[order], held_out, first[order], low[order], high[order], strict=True)
    return [
        Ranked(scores.pairings[row], place, *(number.item() for number in numbers))
        for place, (row, numbers) in enumerate(zip(order, table, strict=True), 1)
    ]


def _held_out(by_repetition: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """For each place, the mean score on repetitions that did not decide who takes it."""
    pairings, repetitions = by_repetition.shape
    total = np.zeros(pairings)
    for _ in range(SPLITS):
        shuffled = by_repetition[:, rng.permutation(repetitions)]
        choosing, scoring = np.split(shuffled, [repetitions // 2], axis=1)
        order = np.argsort(-choosing.mean(axis=1), kind="stable")
        total += scoring.mean(axis=1)[order]
    return total / SPLITS


def _resampled_places(
    by_repetition: np.ndarray, resamples: int, rng: np.random.Generator
) -> np.ndarray:
    """Places of pairings in resampled studies, of shape (pairings, resamples)."""
    from scipy.stats import rankdata

    repetitions = by_repetition.shape[1]
    shares = [1 / repetitions] * repetitions
    counts = rng.multinomial(repetitions, shares, size=resamples)
    sums = np.round(by_repetition @ counts.T, DIGITS)
    places: np.ndarray = rankdata(-sums, method="min", axis=0)
    return places
