"""Losses of counts and distributions: formula, value and slope side by side, facts about each.

A loss is called ``loss(y_true, y_pred)``. ``formula`` is read by the tests (t the target, p the
prediction) and must be what a book would print.
"""

from __future__ import annotations

from math import inf

from minidl.core import NON_NEGATIVE, UNIT
from minidl.kernels import rowlosses
from minidl.kernels.vecmath import (
    bounded_log,
    exp,
    floored,
)
from minidl.nn.criterion import Loss, Rowwise
from minidl.nn.registries import loss, losses


@loss
class Poisson(Loss):
    """Surprise at a count, when the prediction is its expected value."""

    name = "poisson"
    formula = "p - t*log(p)"
    latex = r"p - t \log p"
    derivative = "1 − t / p; from logits e^z − t"
    slope_formula = "1 - t/p"
    slope_at_logits = "exp(z) - t"
    target = NON_NEGATIVE
    prediction = NON_NEGATIVE
    link = "exp"
    properties = ("for counts: variance grows with the mean",)
    good_for = ("regression on counts and rates",)
    source = "Nelder and Wedderburn, 1972"

    @staticmethod
    def value(t: float, p: float) -> float:
        return p if t == 0.0 else p - t * bounded_log(p)

    @staticmethod
    def slope(t: float, p: float) -> float:
        return 1.0 - t / floored(p)

    @staticmethod
    def logit_value(t: float, z: float) -> float:
        rate = exp(z)
        return rate if t == 0.0 or rate == inf else rate - t * z  # not ∞ − ∞

    @staticmethod
    def logit_slope(t: float, z: float) -> float:
        return exp(z) - t


@loss
class KLDivergence(Rowwise):
    """How much is lost by taking one distribution for another."""

    name = "kl_divergence"
    aliases = ("kld", "kullback_leibler_divergence")
    formula = "t*log(t/p)"
    latex = r"\sum_j t_j \log \frac{t_j}{p_j}"
    derivative = "−tⱼ / pⱼ; at the logits softmax(z)ⱼ − tⱼ"
    slope_formula = "-t/p"
    slope_at_logits = "p - t"
    prediction = UNIT
    link = "softmax"
    rows_sum_to_one = True
    needs_distributions = True
    properties = ("0 only where both agree", "cross-entropy minus the target's entropy")
    good_for = ("soft targets: distillation, label distributions",)
    source = "Kullback and Leibler, 1951"
    kernels = (rowlosses.crossentropy_of_shares, rowlosses.crossentropy)

    def constants(self) -> list[float]:
        return rowlosses.constants(entropy=True)


losses.protect_entries()
