"""The words and signs that all sections of a report share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minidl.document import number
from minidl.nn import losses

HIGHER, LOWER = "▲", "▼"
"""The marks of a difference that is shown; on nothing else."""
STAR, CROSS = "★", "✗"
"""A head that textbooks recommend; a failure."""
LOW_EDGE, HIGH_EDGE = "◂", "▸"
"""A best learning rate at the lower or upper end of the grid."""
SHOWN_ROWS = 40
"""Rows that a long table or diagram has room for; its data has all."""


def mark(verdict: int) -> str:
    """The sign of a difference that is shown, 1 or −1; nothing for 0."""
    return {1: HIGHER, 0: "", -1: LOWER}[verdict]


def short(name: str) -> str:
    """A pairing's or head's name with the usual abbreviations of its loss.

    Examples
    --------
    >>> short("relu/sigmoid+binary_crossentropy")
    'relu/sigmoid+bce'
    """
    rest, plus, loss = name.rpartition("+")
    if not plus or loss not in losses or len(loss) <= 12:
        return name
    return f"{rest}+{min((loss, *losses[loss].aliases), key=len)}"


def colour_range(means: Sequence[float]) -> tuple[float, float]:
    """The scores with the weakest and the strongest colour: a few hopeless ones level nothing."""
    best = max(means)
    return max(float(np.quantile(means, 0.05)), best - 0.5), best


def score(mean: float, digits: int) -> str:
    """A score, or that it is far below all that can be told apart."""
    return number(mean, digits) if mean > -10 else "< −10"


def metric_name(metric: str) -> str:
    """A scorer's name as a person would write it.

    Examples
    --------
    >>> metric_name("balanced_accuracy"), metric_name("r2")
    ('balanced accuracy', 'R²')
    """
    text = metric.removesuffix("_score").replace("_", " ")
    return text.replace("r2", "R²").replace("d2", "D²")
