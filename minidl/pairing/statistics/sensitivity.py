"""How much a pairing's score depends on its learning rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from minidl.core import ArgumentError, ShapeError
from minidl.pairing.statistics.scores import DIGITS

ONE_POINT = 0.01
"""A hundredth of a score: how much worse than the best a learning rate may be to count as good."""


@dataclass(frozen=True)
class RateSensitivity:
    """How much a pairing's score depends on its learning rate.

    Parameters
    ----------
    best : float
        The learning rate with the highest score.
    at_edge : bool
        Whether that is the grid's lowest or highest: a better one may lie beyond.
    spread : float
        Highest minus lowest score over the grid.
    width : float
        Decades between the lowest and highest rate around the best one with scores within a
        point of it; 0 if only the best one is.
    """

    best: float
    at_edge: bool
    spread: float
    width: float


def rate_sensitivity(rates: Sequence[float], scores: np.ndarray) -> RateSensitivity:
    """How wide the region of good learning rates is, and what a bad one costs.

    Parameters
    ----------
    rates : sequence of float
        In increasing order.
    scores : array of shape (rates,)
        Means over repetitions, failures counted; those that learning rates are chosen by.

    Examples
    --------
    >>> rate_sensitivity([1e-3, 1e-2, 1e-1, 1], np.array([0.90, 0.95, 0.945, 0.5]))
    RateSensitivity(best=0.01, at_edge=False, spread=0.45, width=1.0)
    """
    grid = np.asarray(rates, dtype=np.float64)
    if scores.shape != grid.shape or grid.size < 2:
        expected, got = f"shape {grid.shape}, 2 rates or more", str(scores.shape)
        raise ShapeError("scores", expected, got, "Give one mean score a learning rate.")
    if (np.diff(grid) <= 0).any() or grid[0] <= 0 or not np.isfinite(scores).all():
        raise ArgumentError(
            "rates",
            "increasing and above 0, with finite scores",
            f"{list(rates)} with {scores.tolist()}",
            "Sort by rate, and count failures first (failures_counted).",
        )
    best = int(scores.argmax())
    good = np.round(scores[best] - scores - ONE_POINT, DIGITS) <= 0
    low = best - int(np.append(~good[:best][::-1], True).argmax())
    high = best + int(np.append(~good[best + 1 :], True).argmax())
    return RateSensitivity(
        float(grid[best]),
        best in (0, grid.size - 1),
        float(np.ptp(scores)),
        float(np.log10(grid[high] / grid[low])),
    )
