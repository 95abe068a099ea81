"""Losses of classes: formula, value and slope side by side, and the facts about each.

A loss is called ``loss(y_true, y_pred)``. ``formula`` is read by the tests (t the target, p the
prediction) and must be what a book would print.

A loss with a ``link`` can also be computed from the logits behind the prediction: a prediction
that comes straight from a sigmoid or softmax is, unasked, which keeps every digit of the gradient.
"""

from __future__ import annotations

from math import inf
from typing import Any, ClassVar

import numpy as np

from minidl.core import NON_NEGATIVE, SIGNS, UNIT, Choices, Interval
from minidl.kernels import rowlosses
from minidl.kernels.jit import scalar
from minidl.kernels.powers import (
    complement_power,
    log_of_complement,
    log_of_share,
    power,
    sigmoid_power,
    surprise,
    weighted_sum,
)
from minidl.kernels.vecmath import (
    bounded_log,
    bounded_log1m,
    floored,
    sigmoid,
    softplus,
)
from minidl.nn.criterion import Loss, Rowwise
from minidl.nn.domains import check_one_hot
from minidl.nn.registries import loss, losses


class _Binary(Loss):
    """A loss of a 0 or 1, or of anything between, from its probability."""

    target = UNIT
    prediction = UNIT
    link = "sigmoid"


@loss
class BinaryCrossentropy(_Binary):
    """Surprise at the truth, when the prediction is the probability of a 1."""

    name = "binary_crossentropy"
    aliases = ("bce", "log_loss")
    formula = "-t*log(p) - (1 - t)*log(1 - p)"
    latex = r"-t \log p - (1 - t) \log (1 - p)"
    derivative = "(p − t) / (p (1 − p)); at the logits σ(z) − t"
    slope_formula = "(p - t)/(p*(1 - p))"
    slope_at_logits = "sigmoid(z) - t"
    properties = (
        "in [0, ∞)",
        "the sigmoid cancels: the gradient at the logits is σ(z) − t",
        "where a sigmoid is surely wrong, its gradient is far above squared error's",
    )
    good_for = (
        "binary and multi-label classification",
        "the discriminator of a generative adversarial network",
        "anomaly detection with labelled anomalies",
    )
    source = "Good, Journal of the Royal Statistical Society B 1952"

    @staticmethod
    def value(t: float, p: float) -> float:
        hit = 0.0 if t == 0.0 else -t * bounded_log(p)
        miss = 0.0 if t == 1.0 else -(1.0 - t) * bounded_log1m(p)
        return hit + miss if p == p else p

    @staticmethod
    def slope(t: float, p: float) -> float:
        return (p - t) / floored(p * (1.0 - p))

    @staticmethod
    def logit_value(t: float, z: float) -> float:
        hit = 0.0 if t == 0.0 else t * softplus(-z)
        miss = 0.0 if t == 1.0 else (1.0 - t) * softplus(z)
        return hit + miss if z == z else z

    @staticmethod
    def logit_slope(t: float, z: float) -> float:
        return (1.0 - t) * sigmoid(z) - t * sigmoid(-z)  # σ(−z) is 1 − σ(z), with every digit


@loss
class CategoricalCrossentropy(Rowwise):
    """Surprise at the true class, when a row of the prediction holds the classes' probabilities."""

    name = "categorical_crossentropy"
    aliases: tuple[str, ...] = (
        "cce",
        "cross_entropy",
        "crossentropy",
        "sparse_categorical_crossentropy",
        "nll",
    )
    hyper = {"label_smoothing": 0.0}
    limits: ClassVar[dict[str, Interval]] = {"label_smoothing": UNIT}
    formula = "-t*log(p)"
    latex = r"-\sum_j t_j \log p_j"
    derivative = "−tⱼ / pⱼ; at the logits softmax(z)ⱼ − tⱼ"
    slope_formula = "-t/p"
    slope_at_logits = "p - t"
    prediction = UNIT
    link = "softmax"
    rows_sum_to_one = True
    properties = ("in [0, ∞)", "the softmax cancels: the gradient at the logits is p − t")
    good_for = ("classification with several classes",)
    source = "Bridle, 1990"
    kernels = (rowlosses.crossentropy_of_shares, rowlosses.crossentropy)

    def constants(self) -> list[float]:
        return rowlosses.constants(smoothing=self.settings["label_smoothing"])


class _WeightedCrossentropy(_Binary):
    """A focal loss without focus: cross-entropy, bit for bit, but for the weights of its sides."""

    name = "weighted_crossentropy"
    hyper: ClassVar[dict[str, Any]] = {"gamma": 0.0, "positive": 1.0, "negative": 1.0}

    @staticmethod
    def value(t: float, p: float, gamma: float, positive: float, negative: float) -> float:
        hit = 0.0 if t == 0.0 else -(t * positive) * bounded_log(p)
        miss = 0.0 if t == 1.0 else -((1.0 - t) * negative) * bounded_log1m(p)
        return hit + miss if p == p else p

    @staticmethod
    def slope(t: float, p: float, gamma: float, positive: float, negative: float) -> float:
        hit, miss = t * positive * (1.0 - p), (1.0 - t) * negative * p
        difference = positive * (p - t) if positive == negative else miss - hit
        return difference / floored(p * (1.0 - p))

    @staticmethod
    def logit_value(t: float, z: float, gamma: float, positive: float, negative: float) -> float:
        hit = 0.0 if t == 0.0 else t * positive * softplus(-z)
        miss = 0.0 if t == 1.0 else (1.0 - t) * negative * softplus(z)
        return hit + miss if z == z else z

    @staticmethod
    def logit_slope(t: float, z: float, gamma: float, positive: float, negative: float) -> float:
        return (1.0 - t) * negative * sigmoid(z) - t * positive * sigmoid(-z)


_weighted_crossentropy = _WeightedCrossentropy()


@scalar
def _both_sides(t: float, hit: float, miss: float, positive: float, negative: float) -> float:
    """The two sides of a focal loss; 0 · ∞ is 0."""
    hit, miss = (0.0 if t == 0.0 else hit), (0.0 if t == 1.0 else miss)
    return weighted_sum(t * positive, hit, (1.0 - t) * negative, miss)


@loss
class Focal(_Binary):
    """Cross-entropy that turns down what is easy already."""

    name = "focal"
    aliases = ("focal_loss", "binary_focal", "binary_focal_crossentropy")
    hyper = {"gamma": 2.0, "alpha": 0.25}
    limits = {"gamma": NON_NEGATIVE, "alpha": UNIT}
    optional = ("alpha",)
    formula = "-t*alpha*(1 - p)**gamma*log(p) - (1 - t)*(1 - alpha)*p**gamma*log(1 - p)"
    latex = r"-\alpha_t (1 - p_t)^{\gamma} \log p_t"
    derivative = "at the logits, for t = 1: α (1 − p)^γ (γ p log p − (1 − p))"
    properties = (
        "easy examples weigh little",
        "the larger γ, the less they weigh",
        "γ = 0 and alpha=None is cross-entropy",
    )
    good_for = (
        "imbalanced binary classification",
        "object detection and other dense prediction",
        "segmentation of medical images, where most pixels are background",
    )
    source = "Lin, Goyal, Girshick, He and Dollár, ICCV 2017"

    def constants(self) -> list[float]:
        alpha = self.settings["alpha"]
        weights = [1.0, 1.0] if alpha is None else [float(alpha), 1.0 - float(alpha)]
        return [float(self.settings["gamma"]), *weights]

    def kernel(self, from_logits: bool) -> Any:
        loss: Any = super() if self.settings["gamma"] else _weighted_crossentropy
        return loss.kernel(from_logits)

    @staticmethod
    def value(t: float, p: float, gamma: float, positive: float, negative: float) -> float:
        hit = -log_of_share(p) * complement_power(p, gamma)
        miss = -log_of_complement(p) * power(p, gamma)
        loss = _both_sides(t, hit, miss, positive, negative)
        return loss if p == p else p

    @staticmethod
    def slope(t: float, p: float, gamma: float, positive: float, negative: float) -> float:
        hit = complement_power(p, gamma) * (gamma * p * log_of_share(p) - (1.0 - p))
        miss = power(p, gamma) * (p - gamma * (1.0 - p) * log_of_complement(p))
        return (t * positive * hit + (1.0 - t) * negative * miss) / floored(p * (1.0 - p))

    @staticmethod
    def logit_value(t: float, z: float, gamma: float, positive: float, negative: float) -> float:
        hit, miss = surprise(z) * sigmoid_power(-z, gamma), surprise(-z) * sigmoid_power(z, gamma)
        hit, miss = (0.0 if z == inf else hit), (0.0 if z == -inf else miss)
        loss = _both_sides(t, hit, miss, positive, negative)
        return loss if z == z else z

    @staticmethod
    def logit_slope(t: float, z: float, gamma: float, positive: float, negative: float) -> float:
        p, u = sigmoid(z), sigmoid(-z)  # 1 − p, with every digit
        shrink_hit, shrink_miss = sigmoid_power(-z, gamma), sigmoid_power(z, gamma)
        hit = -shrink_hit * (gamma * p * surprise(z) + u) if p > 0.0 else -shrink_hit
        miss = shrink_miss * (p + gamma * u * surprise(-z)) if u > 0.0 else shrink_miss
        return t * positive * hit + (1.0 - t) * negative * miss


@loss
class CategoricalFocal(CategoricalCrossentropy):
    """Cross-entropy over classes that turns down what is easy already."""

    name = "categorical_focal"
    aliases = ("categorical_focal_crossentropy",)
    hyper = {"gamma": 2.0, "alpha": 0.25, "label_smoothing": 0.0}
    limits = {"gamma": NON_NEGATIVE, "alpha": UNIT, "label_smoothing": UNIT}
    optional = ("alpha",)
    formula = "-alpha*t*(1 - p)**gamma*log(p)"
    latex = r"-\alpha \sum_j t_j (1 - p_j)^{\gamma} \log p_j"
    derivative = "−α tⱼ (1 − pⱼ)^γ (1 / pⱼ − γ log pⱼ / (1 − pⱼ))"
    slope_formula = slope_at_logits = ""  # not those of cross-entropy
    properties = ("easy examples weigh little", "γ = 0 and α = 1 is cross-entropy")
    good_for = ("imbalanced classification with several classes",)
    source = "Lin, Goyal, Girshick, He and Dollár, ICCV 2017"

    def constants(self) -> list[float]:
        alpha, smoothing = self.settings["alpha"], self.settings["label_smoothing"]
        return rowlosses.constants(
            gamma=self.settings["gamma"],
            alpha=1.0 if alpha is None else alpha,
            smoothing=smoothing,
        )

    def kernel(self, from_logits: bool) -> Any:
        focused = rowlosses.focal_of_shares, rowlosses.focal
        return focused[from_logits] if self.settings["gamma"] else super().kernel(from_logits)


class _Margin(Loss):
    target = SIGNS

    def minimiser(self, target: float) -> Interval:
        return Interval(1, inf, True, True) if target > 0 else Interval(-inf, -1, True, True)


@loss
class Hinge(_Margin):
    """Ask for a margin: no loss once t·p is at least 1."""

    name = "hinge"
    aliases = ("hinge_loss",)
    formula = "Max(0, 1 - t*p)"
    latex = r"\max(0, 1 - t p)"
    derivative = "−t where t p < 1, else 0"
    kinks = ("t p = 1",)
    properties = ("sparse gradients", "a margin, no probability")
    good_for = (
        "maximum-margin classifiers with labels −1 and 1: support vector machines",
        "structured prediction",
        "online learning: a row beyond the margin changes nothing",
    )
    source = "Cortes and Vapnik, Machine Learning 1995"

    @staticmethod
    def value(t: float, p: float) -> float:
        gap = 1.0 - t * p
        return 0.0 if gap <= 0.0 else gap

    @staticmethod
    def slope(t: float, p: float) -> float:
        gap = 1.0 - t * p
        return 0.0 if gap <= 0.0 else (-t if gap == gap else gap)


@loss
class SquaredHinge(_Margin):
    """Hinge, squared: smooth at the margin, harsher on the wrong side."""

    name = "squared_hinge"
    formula = "Max(0, 1 - t*p)**2"
    latex = r"\max(0, 1 - t p)^2"
    derivative = "−2 t (1 − t p) where t p < 1, else 0"
    properties = ("a continuous slope", "sensitive to outliers")
    good_for = ("maximum-margin classifiers with labels −1 and 1",)
    source = "Tang, Deep Learning using Linear Support Vector Machines, 2013"

    @staticmethod
    def value(t: float, p: float) -> float:
        gap = 1.0 - t * p
        return 0.0 if gap <= 0.0 else gap * gap

    @staticmethod
    def slope(t: float, p: float) -> float:
        gap = 1.0 - t * p
        return 0.0 if gap <= 0.0 else -2.0 * t * gap


@loss
class CategoricalHinge(Rowwise):
    """Ask the right class to beat the best wrong one by a margin of 1 (Crammer and Singer)."""

    name = "categorical_hinge"
    aliases = ("crammer_singer",)
    target = Choices((0, 1))
    formula = "Max(0, 1 + Max(wrong) - right)"
    latex = r"\max(0, 1 + \max_{j \ne t} p_j - p_t)"
    derivative = "−1 at the right class, 1 at the best wrong one, while the margin is below 1"
    kinks = ("margin = 1", "two best wrong classes")
    properties = ("sparse gradients", "a margin, no probability")
    good_for = ("maximum-margin classifiers with several classes",)
    source = "Crammer and Singer, JMLR 2001"
    kernels = (rowlosses.margin,)

    def check_domains(self, t: np.ndarray, p: np.ndarray, from_logits: bool) -> None:
        super().check_domains(t, p, from_logits)
        if t.shape == p.shape:
            check_one_hot(f"{self.name}(y_true=…)", t)

    def minimiser(self, target: float) -> Interval:
        # Only differences count: any score can be right if the others are a margin away.
        return Interval(1, inf, True, True) if target > 0 else Interval(-inf, 0, True, True)


losses.protect_entries()
