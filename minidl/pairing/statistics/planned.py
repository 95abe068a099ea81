"""Comparisons decided on before looking, and Holm's correction for how many they are."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from minidl.pairing.statistics.scores import Scores

ALPHA = 0.05
"""How often a study of identical pairings may claim any difference at all."""


def planned_pairs(scores: Scores, reference: str | None) -> list[tuple[int, int]]:
    """The pairings to compare, as rows of ``scores``.

    Parameters
    ----------
    scores : Scores
    reference : str or None
        Each other pairing against this one; None is all against all, which are many more and so
        need many more dataset families.

    Examples
    --------
    >>> scores = Scores(np.zeros((3, 1, 1)), ("a", "b", "c"), ("xor",), ("plane",))
    >>> planned_pairs(scores, "b")
    [(0, 1), (2, 1)]
    >>> planned_pairs(scores, None)
    [(0, 1), (0, 2), (1, 2)]
    """
    every = range(len(scores.pairings))
    if reference is None:
        return list(combinations(every, 2))
    row = scores.index(reference)
    return [(other, row) for other in every if other != row]


def holm(p_values: np.ndarray) -> np.ndarray:
    """p-values corrected by Holm's step-down: reject where the result is at most α.

    The smallest of m is multiplied by m, the next by m − 1, and so on; none may be below the one
    before it. The chance of any false rejection among the m is at most α, however the tests
    depend on each other.

    Parameters
    ----------
    p_values : array of shape (m,)

    References
    ----------
    S. Holm, A simple sequentially rejective multiple test procedure, Scand. J. Statist. 6, 1979.

    Examples
    --------
    >>> holm(np.array([0.01, 0.04, 0.03]))
    array([0.03, 0.06, 0.06])
    """
    order = np.argsort(p_values, kind="stable")
    steps = len(p_values) - np.arange(len(p_values))
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(np.maximum.accumulate(steps * p_values[order]), 1)
    return adjusted
