"""Two pairings on one dataset: how far apart over repetitions, and whether by chance.

Both functions take many comparisons at once, one a row, and use the same resamples for all rows:
a study has thousands of them, and one product of matrices does for all.
"""

from __future__ import annotations

import numpy as np

EXACT_UP_TO = 24
"""Repetitions up to which all 2ⁿ signs are counted: half a millisecond a comparison."""

RESAMPLES = 9_999
"""Of a Monte Carlo or bootstrap: the observed one is the 10,000th."""

CHUNK = 5_000
"""Signs drawn at a time: so many rows of sums fit into memory for thousands of comparisons."""


def sign_flip_test(
    differences: np.ndarray, resamples: int = RESAMPLES, seed: int = 0
) -> np.ndarray:
    """The two-sided p-value of the mean difference, by turning signs of differences.

    If two pairings are alike, each repetition's difference is as likely as its negative. The
    p-value is the share of all 2ⁿ ways to set the signs whose mean is at least as far from 0 as
    the observed one: exact up to ``EXACT_UP_TO`` repetitions. Beyond, signs are drawn, and the
    observed ones count as one draw (``(b + 1)/(B + 1)``), or the test would reject too often.

    Parameters
    ----------
    differences : array of shape (..., n)
        Over n repetitions, which are paired.
    resamples, seed : int
        Beyond ``EXACT_UP_TO``: no p-value is below 1/(resamples + 1).

    Returns
    -------
    p : array of shape (...)

    References
    ----------
    B. Phipson, G. K. Smyth, Permutation p-values should never be zero, Stat. Appl. Genet. Mol.
    Biol. 9, 2010.

    Examples
    --------
    >>> sign_flip_test(np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]))
    array(0.03125)
    """
    rows = differences.reshape(-1, differences.shape[-1])
    slack = 1e-12 * np.abs(rows).sum(axis=1)  # the same sum in another order is the same sum
    bounds = np.abs(rows.sum(axis=1)) - slack
    if rows.shape[1] <= EXACT_UP_TO:
        p_values = np.array([_exact(*pair) for pair in zip(rows, bounds, strict=True)])
    else:
        p_values = _drawn(rows, bounds, resamples, np.random.default_rng(seed))
    return p_values.reshape(differences.shape[:-1])


def _exact(row: np.ndarray, bound: float) -> float:
    """Share of all signed sums at least ``bound`` from 0.

    Every sum is one of the first half of the row plus one of the second. With the latter sorted,
    a binary search for each of the former counts all 2ⁿ in the time of 2^(n/2).
    """
    if bound <= 0:
        return 1.0
    first, second = (_signed_sums(half) for half in np.array_split(row, 2))
    second.sort()
    below = np.searchsorted(second, bound - first).sum()
    return float(2 * (1 - below / (len(first) * len(second))))  # both sides are alike


def _signed_sums(part: np.ndarray) -> np.ndarray:
    """±p₀ ± p₁ …: all of them."""
    sums = np.zeros(1)
    for number in part:
        sums = np.concatenate([sums + number, sums - number])
    return sums


def _drawn(
    rows: np.ndarray, bounds: np.ndarray, resamples: int, rng: np.random.Generator
) -> np.ndarray:
    """The same share of drawn signs, the observed ones among them."""
    as_far = np.ones(len(rows))
    for start in range(0, resamples, CHUNK):
        size = (min(CHUNK, resamples - start), rows.shape[1])
        sums = np.abs(rows @ rng.choice((1.0, -1.0), size=size).T)
        as_far += (sums >= bounds[:, None]).sum(axis=1)
    shares: np.ndarray = as_far / (resamples + 1)
    return shares


def bca_interval(
    differences: np.ndarray, confidence: float = 0.95, resamples: int = RESAMPLES, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """A bootstrap interval of the mean, corrected for bias and acceleration.

    Equal to ``scipy.stats.bootstrap(method="BCa")`` on the same resamples, except where all
    differences are the same: there SciPy gives NaN, this the only value in sight. Of ten normal
    repetitions a 95 % interval covers the mean 90 times in 100, of twenty 93 times: it is an
    estimate, no test.

    Parameters
    ----------
    differences : array of shape (..., n)
    confidence : float

    Returns
    -------
    low, high : arrays of shape (...)
        NaN for a single repetition.

    References
    ----------
    B. Efron, Better bootstrap confidence intervals, JASA 82, 1987.

    Examples
    --------
    >>> low, high = bca_interval(np.array([1.0, 2.0, 3.0, 4.0, 9.0]))
    >>> bool(1.0 < low < 3.8 < high < 9.0)
    True
    """
    *shape, n = differences.shape
    if n < 2:
        return np.full(shape, np.nan), np.full(shape, np.nan)
    drawn = np.random.default_rng(seed).integers(0, n, (resamples, n))
    counts = np.zeros((resamples, n))
    np.add.at(counts, (np.arange(resamples)[:, None], drawn), 1)
    rows = differences.reshape(-1, n)
    bounds = np.array([_bca(row, counts @ row / n, confidence) for row in rows])
    low, high = np.moveaxis(bounds.reshape(*shape, 2), -1, 0)
    return low, high


def _bca(sample: np.ndarray, means: np.ndarray, confidence: float) -> np.ndarray:
    """Two quantiles of bootstrapped means, moved for bias (z₀) and acceleration (a)."""
    from scipy.special import ndtr, ndtri

    if np.ptp(sample) == 0:
        return np.full(2, sample[0])
    mean, tail = sample.mean(), (1 - confidence) / 2
    z0 = ndtri(((means < mean).mean() + (means <= mean).mean()) / 2)
    left = sample - mean  # the jackknife's deviations of a mean are these, times a constant
    a = (left**3).sum() / (6 * (left**2).sum() ** 1.5)
    z = z0 + ndtri([tail, 1 - tail])
    quantiles: np.ndarray = np.quantile(means, ndtr(z0 + z / (1 - a * z)))
    return quantiles
