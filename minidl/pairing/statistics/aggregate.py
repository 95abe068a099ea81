"""Estimates that describe: a pairing's interquartile mean, its difference on each dataset."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from minidl.pairing.statistics.paired import bca_interval
from minidl.pairing.statistics.planned import planned_pairs
from minidl.pairing.statistics.scores import Scores, differences_between


@dataclass(frozen=True)
class Estimate:
    """A pairing's score over all datasets with its interval."""

    pairing: str
    value: float
    low: float
    high: float


def interquartile_mean(values: np.ndarray) -> np.ndarray:
    """The mean of the middle half along the last axis: 25 % are cut off at each end.

    Less moved by single outliers than the mean, less noisy than the median. Cut off are ⌊n/4⌋
    values at each end, as in ``scipy.stats.trim_mean`` and rliable.

    Examples
    --------
    >>> interquartile_mean(np.array([-1000.0, 1.0, 2.0, 3.0]))
    array(1.5)
    """
    cut = values.shape[-1] // 4
    middle = np.sort(values, axis=-1)[..., cut : values.shape[-1] - cut]
    return np.asarray(middle.mean(axis=-1))


RESAMPLES = 2_000
"""Of repetitions, for an interval."""


def interquartile_means(scores: Scores, seed: int = 0) -> list[Estimate]:
    """Each pairing's interquartile mean over families and repetitions, best first.

    The 95 % interval is a stratified bootstrap's (percentiles): repetitions are drawn anew within
    each family, the same ones for every pairing. It says what other repetitions on the same
    datasets would give, not what other datasets would.

    References
    ----------
    R. Agarwal et al., Deep reinforcement learning at the edge of the statistical precipice,
    NeurIPS 2021 (rliable).

    Examples
    --------
    >>> scores = Scores(np.array([[[0.5, 0.7]], [[0.8, 0.9]]]), ("a", "b"), ("xor",), ("plane",))
    >>> [(found.pairing, round(found.value, 3)) for found in interquartile_means(scores)]
    [('b', 0.85), ('a', 0.6)]
    """
    by_family = scores.by_family().counted
    families, repetitions = by_family.shape[1:]
    drawn = np.random.default_rng(seed).integers(0, repetitions, (RESAMPLES, families, repetitions))
    stratum = np.arange(families)[:, None]
    estimates = []
    for pairing, values in zip(scores.pairings, by_family, strict=True):
        resampled = interquartile_mean(values[stratum, drawn].reshape(RESAMPLES, -1))
        low, high = np.quantile(resampled, [(1 - 0.95) / 2, (1 + 0.95) / 2])
        value = float(interquartile_mean(values.ravel()))
        estimates.append(Estimate(pairing, value, float(low), float(high)))
    return sorted(estimates, key=lambda estimate: estimate.value, reverse=True)


@dataclass(frozen=True)
class Difference:
    """How much a pairing scores above the reference on one dataset: a mean with its BCa interval.

    Each interval is a 95 % one by itself. Of hundreds, many leave out 0 by chance: no claim.
    """

    pairing: str
    dataset: str
    mean: float
    low: float
    high: float


def differences_on_datasets(scores: Scores, reference: str) -> list[Difference]:
    """Each pairing's difference from the reference on each dataset, paired by repetition.

    Examples
    --------
    >>> scores = Scores(np.array([[[0.5, 0.7]], [[0.9, 0.9]]]), ("a", "b"), ("xor",), ("plane",))
    >>> [found] = differences_on_datasets(scores, "a")
    >>> found.pairing, round(found.mean, 3), round(found.low, 3), round(found.high, 3)
    ('b', 0.3, 0.2, 0.4)
    """
    first, second = np.array(planned_pairs(scores, reference), dtype=int).reshape(-1, 2).T
    differences = differences_between(scores.counted[first], scores.counted[second])
    low, high = bca_interval(differences)
    table = np.stack([differences.mean(axis=2), low, high], axis=-1).tolist()
    return [
        Difference(scores.pairings[i], dataset, *numbers)
        for i, row in zip(first, table, strict=True)
        for dataset, numbers in zip(scores.datasets, row, strict=True)
    ]
