"""Losses of numbers: formula, value and slope side by side, and the facts about each.

A loss is called ``loss(y_true, y_pred)``. ``formula`` is read by the tests (t the target, p the
prediction) and must be what a book would print.
"""

from __future__ import annotations

from minidl.core import NON_NEGATIVE
from minidl.kernels.vecmath import (
    log_cosh,
    tanh,
)
from minidl.nn.criterion import Loss
from minidl.nn.registries import loss, losses


@loss
class MeanSquaredError(Loss):
    """Square each error: large ones weigh most."""

    name = "mse"
    aliases = ("mean_squared_error", "squared_error", "l2")
    formula = "(p - t)**2"
    latex = r"(p - t)^2"
    slope_formula = "2*(p - t)"
    properties = (
        "never negative",
        "smooth",
        "convex in p",
        "outliers dominate",
        "its minimiser is the mean",
    )
    good_for = (
        "regression with few or meaningful outliers",
        "signals: the mean square of an error is its power",
    )
    source = "Gauss, 1809"

    @staticmethod
    def value(t: float, p: float) -> float:
        return (p - t) * (p - t)

    @staticmethod
    def slope(t: float, p: float) -> float:
        return 2.0 * (p - t)


@loss
class MeanAbsoluteError(Loss):
    """Take each error as it is: no outlier counts for more than its size."""

    name = "mae"
    aliases = ("mean_absolute_error", "absolute_error", "l1")
    formula = "Abs(p - t)"
    latex = r"|p - t|"
    derivative = "sign(p − t), 0 at p = t"
    slope_formula = "sign(p - t)"
    kinks = ("p = t",)
    properties = ("robust to outliers", "constant slope", "its minimiser is the median")
    good_for = ("regression with outliers",)
    source = "Boscovich, 1757; Laplace, 1799"

    @staticmethod
    def value(t: float, p: float) -> float:
        return abs(p - t)

    @staticmethod
    def slope(t: float, p: float) -> float:
        return 1.0 if p > t else (-1.0 if p < t else 0.0)


@loss
class Huber(Loss):
    """Square small errors, take large ones as they are."""

    name = "huber"
    aliases = ("huber_loss",)
    hyper = {"delta": 1.0}
    limits = {"delta": NON_NEGATIVE}
    formula = (
        "Piecewise(((p - t)**2/2, Abs(p - t) <= delta), (delta*Abs(p - t) - delta**2/2, True))"
    )
    latex = (
        r"\begin{cases} \frac{1}{2}(p-t)^2 & |p-t| \le \delta \\ "
        r"\delta|p-t| - \frac{1}{2}\delta^2 & \text{otherwise} \end{cases}"
    )
    derivative = "p − t within ±δ, δ sign(p − t) beyond"
    properties = ("smooth at ±δ", "robust to outliers", "δ sets where robustness begins")
    good_for = (
        "regression with outliers, robust optimisation",
        "reinforcement learning",
        "time series with spikes",
    )
    source = "Huber, Annals of Mathematical Statistics 1964"

    @staticmethod
    def value(t: float, p: float, delta: float) -> float:
        d = abs(p - t)
        return delta * (d - 0.5 * delta) if d > delta else 0.5 * d * d

    @staticmethod
    def slope(t: float, p: float, delta: float) -> float:
        d = p - t
        return delta if d > delta else (-delta if d < -delta else d)


@loss
class LogCosh(Loss):
    """Nearly half the square near 0, nearly the absolute value far away."""

    name = "log_cosh"
    compute_in_float64 = True
    aliases = ("logcosh",)
    formula = "log((exp(p - t) + exp(t - p))/2)"
    latex = r"\log \cosh(p - t)"
    slope_formula = "tanh(p - t)"
    properties = ("smooth everywhere", "robust to outliers")
    good_for = ("regression with outliers, where a smooth slope is wanted",)
    source = "Green, IEEE Transactions on Medical Imaging 1990"

    @staticmethod
    def value(t: float, p: float) -> float:
        return log_cosh(p - t)

    @staticmethod
    def slope(t: float, p: float) -> float:
        return tanh(p - t)


losses.protect_entries()
