"""Every loss: formula, value and slope side by side, what it accepts, and the facts about it.

This is the one place to add one. A loss is called ``loss(y_true, y_pred)``. ``formula`` is read
by the tests (t the target, p the prediction) and must be what a book would print.

A loss with a ``link`` can also be computed from the logits behind the prediction: a prediction
that comes straight from a sigmoid or softmax is, unasked, which keeps every digit of the gradient.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from math import inf
from typing import Any, ClassVar

import numpy as np

from minidl.arithmetic import Mean, Sum, multiply, reduction, weighted_mean
from minidl.errors import ArgumentError, DomainError, DtypeError, GradientError, ShapeError
from minidl.intervals import (
    NON_NEGATIVE,
    REALS,
    SIGNS,
    UNIT,
    Choices,
    Domain,
    Interval,
    point,
)
from minidl.kernels import checks, elementwise, rowwise, vecmath
from minidl.kernels.jit import scalar
from minidl.kernels.vecmath import exp, log, log1p, power, sigmoid, softplus, tanh
from minidl.op import Arrays, Op, Shape, as_float
from minidl.registry import Registry

losses: Registry[Loss] = Registry("loss")
REDUCTIONS = ("mean", "sum", "none")


def loss(cls: type[Loss]) -> type[Loss]:
    """Register a loss class under its ``name``."""
    losses.register(cls())
    return cls


class Loss:
    """How far a prediction is from the truth: one number an element, or a row.

    Attributes
    ----------
    target, prediction : Domain, Interval
        What ``y_true`` and ``y_pred`` may hold.
    link : str or None
        The activation behind the prediction: with ``from_logits=True`` the loss applies it.
    rowwise : bool
        Whether a row is one comparison (classes) or each element is (everything else).
    """

    name: str = ""
    aliases: tuple[str, ...] = ()
    hyper: ClassVar[dict[str, Any]] = {}
    formula: str = ""
    latex: str = ""
    derivative: str = ""
    target: Domain = REALS
    prediction: Interval = REALS
    link: str | None = None
    rowwise: bool = False
    rows_sum_to_one: bool = False
    needs_distributions: bool = False
    kernels: ClassVar[tuple[Any, ...]] = ()
    kinks: tuple[str, ...] = ()
    properties: tuple[str, ...] = ()
    good_for: tuple[str, ...] = ()
    source: str = ""

    def __init__(self, **hyper: Any) -> None:
        for key in hyper:
            if key not in self.hyper:
                raise ArgumentError(
                    f"{self.name}({key}=…)",
                    f"one of {', '.join(self.hyper) or 'no hyper-parameters at all'}",
                    repr(key),
                    f"See `minidl show {self.name}`.",
                )
        self.settings: dict[str, Any] = {**self.hyper, **hyper}
        self.reals = np.array(self.constants(), np.float64)

    def constants(self) -> list[float]:
        """The numbers a kernel gets in ``reals``."""
        return [float(value) for value in self.settings.values()]

    def minimiser(self, target: float) -> Interval:
        """The predictions at which the loss is least for this target."""
        return point(target)

    def op(self, from_logits: bool) -> Op:
        """The operation that computes the loss of each element or row."""
        return ElementLoss(self, from_logits)

    @classmethod
    def loops(cls, from_logits: bool) -> tuple[Any, Any]:
        """The compiled loops over elements, made once a class: forward and backward."""
        key = f"_loops_{from_logits}"
        if key not in cls.__dict__:
            prefix = "logit_" if from_logits else ""
            value, slope = getattr(cls, f"{prefix}value"), getattr(cls, f"{prefix}slope")
            count = len(inspect.signature(value).parameters) - 2
            name = f"{cls.name}_{prefix}loss"
            forward = elementwise.forward_binary(name, scalar(value), count)
            setattr(cls, key, (forward, elementwise.backward_binary(name, scalar(slope), count)))
        made: tuple[Any, Any] = getattr(cls, key)
        return made

    def extras(self, from_logits: bool) -> tuple[Any, ...]:
        """What kernels of rows get after the number of columns."""
        return (self.reals,)

    def __call__(
        self,
        y_true: Any,
        y_pred: Any,
        *,
        from_logits: bool = False,
        reduction: str = "mean",
        sample_weight: Any = None,
        class_weight: Mapping[int, float] | None = None,
        **hyper: Any,
    ) -> Any:
        """The loss of predictions.

        Parameters
        ----------
        y_true : array or Tensor
            Targets, of the prediction's shape; class numbers of shape (rows,) where the loss
            compares rows.
        y_pred : array or Tensor
            Predictions; what comes back is of the same kind.
        from_logits : bool
            The prediction is what stands before the link (sigmoid, softmax, exp).
        reduction : {"mean", "sum", "none"}
            The mean is over elements (rows where the loss compares rows).
        sample_weight : array of shape (rows,), optional
            One weight a row; the mean divides by their sum.
        class_weight : mapping of class number to weight, optional
            Multiplies into ``sample_weight`` by each row's class.
        **hyper
            Hyper-parameters of the loss, ``delta=2.0`` for Huber.

        Returns
        -------
        Tensor or array
            One number, or one an element or row with ``reduction="none"``.

        Raises
        ------
        ShapeError, DomainError, ArgumentError, GradientError
            Where targets and predictions do not fit each other or the loss.
        """
        if hyper:
            return type(self)(**{**self.settings, **hyper})(
                y_true,
                y_pred,
                from_logits=from_logits,
                reduction=reduction,
                sample_weight=sample_weight,
                class_weight=class_weight,
            )
        self._check_arguments(y_true, y_pred, from_logits, reduction)
        y_pred, from_logits = self._logits(y_pred, from_logits)
        p = as_float(_values(y_pred))
        t = as_float(np.asarray(_values(y_true)).astype(p.dtype, copy=False))
        self.check_shapes(t.shape, p.shape)
        self.check_domains(t, p, from_logits)
        weights = row_weights(t, sample_weight, class_weight, self.name)
        target = (
            y_true if getattr(y_true, "dtype", None) == p.dtype and hasattr(y_true, "apply") else t
        )
        each = self.op(from_logits)(target, y_pred)
        return _reduce(each, reduction, weights, p.dtype)

    def _check_arguments(self, y_true: Any, y_pred: Any, from_logits: bool, reduction: str) -> None:
        if getattr(y_true, "requires_grad", False):
            swapped = not getattr(y_pred, "requires_grad", False)
            raise GradientError(
                f"{self.name}(y_true=…)",
                "targets, which need no gradient",
                "a Tensor that requires one",
                f"The order is {self.name}(y_true, y_pred): swap the two."
                if swapped
                else "Write y_true.detach().",
            )
        if reduction not in REDUCTIONS:
            raise ArgumentError(
                f"{self.name}(reduction=…)", "'mean', 'sum' or 'none'", repr(reduction),
                "Write reduction='mean'.",
            )  # fmt: skip
        if from_logits and self.link is None:
            raise ArgumentError(
                f"{self.name}(from_logits=…)",
                "False, as this loss has no link",
                "True",
                "Leave from_logits out.",
            )

    def _logits(self, y_pred: Any, from_logits: bool) -> tuple[Any, bool]:
        """What stands behind a sigmoid or softmax output, if that is where it comes from."""
        behind = y_pred.behind() if hasattr(y_pred, "behind") else None
        if behind is None:
            return y_pred, from_logits
        link, logits = behind
        if from_logits:
            raise ArgumentError(
                f"{self.name}(from_logits=True)",
                "logits, the numbers before the activation",
                f"the output of {link}",
                "Leave from_logits out, or make the last activation linear.",
            )
        return (logits, True) if link == self.link else (y_pred, False)

    def check_shapes(self, t: Shape, p: Shape) -> None:
        """An error where targets and predictions of these shapes cannot be compared."""
        if t == p and not self.rowwise:
            return
        if not self.rowwise:
            raise ShapeError(
                f"{self.name}(y_true=…)",
                f"the prediction's shape {p}",
                f"shape {t}",
                _shape_remedy(t, p),
            )
        if not p or p[-1] < 2:
            raise ShapeError(
                f"{self.name}(y_pred=…)",
                "one column a class, at least two",
                f"shape {p}",
                "For two classes in one column use binary_crossentropy.",
            )
        classes_allowed = not self.needs_distributions
        if t == p or (classes_allowed and t == p[:-1]):
            return
        wanted = f"{p[:-1]} class numbers or {p} rows" if classes_allowed else f"shape {p}"
        raise ShapeError(
            f"{self.name}(y_true=…)",
            wanted,
            f"shape {t}",
            f"The prediction has {p[-1]} columns: give each class one column, or class numbers.",
        )

    def check_domains(self, t: np.ndarray, p: np.ndarray, from_logits: bool) -> None:
        """An error where a target or a prediction is outside its domain."""
        if self.rowwise and t.shape != p.shape:
            place = checks.not_a_class(t.reshape(-1), p.shape[-1])
            if place >= 0:
                raise DomainError(
                    f"{self.name}(y_true=…)",
                    f"class numbers from 0 to {p.shape[-1] - 1}",
                    f"{t.reshape(-1)[place]:g} in row {place}",
                    "Number the classes from 0: sklearn.preprocessing.LabelEncoder does.",
                )
        else:
            check_domain(f"{self.name}(y_true=…)", t, self.target, _target_remedy(self))
        if not from_logits:
            remedy = f"End the network in {self.link!r}, or write from_logits=True."
            check_domain(f"{self.name}(y_pred=…)", p, self.prediction, remedy)

    def __repr__(self) -> str:
        settings = ", ".join(f"{key}={value!r}" for key, value in self.settings.items())
        return f"{self.name}({settings})" if settings else self.name


def _values(operand: Any) -> Any:
    return operand.numpy() if hasattr(operand, "apply") else operand


def _shape_remedy(t: Shape, p: Shape) -> str:
    if len(p) == len(t) + 1 and p[-1] == 1:
        return "Write y_true.reshape(-1, 1), or y_pred.reshape(-1)."
    if len(t) == len(p) + 1 and t[-1] == 1:
        return "Write y_true.reshape(-1)."
    return "Nothing is broadcast between the two: reshape one of them."


def _target_remedy(loss: Loss) -> str:
    if loss.target == SIGNS:
        return "For labels 0 and 1 write 2 * y - 1."
    if loss.target == UNIT:
        return "For labels −1 and 1 write (y + 1) / 2; divide 0..255 by 255."
    return "Look at the data, or choose another loss."


def check_domain(culprit: str, x: np.ndarray, domain: Domain, remedy: str) -> None:
    """An error that shows the first number of ``x`` outside ``domain``."""
    flat = x.reshape(-1)
    if isinstance(domain, Choices):
        place = checks.outside_choices(flat, *(float(value) for value in domain.values))
    elif domain == REALS:
        return
    else:
        ends = float(domain.low), float(domain.high), domain.includes_low, domain.includes_high
        place = checks.outside_interval(flat, *ends)
    if place >= 0:
        where = tuple(int(i) for i in np.unravel_index(place, x.shape))
        raise DomainError(culprit, f"numbers in {domain}", f"{flat[place]:g} at {where}", remedy)


def row_weights(
    t: np.ndarray, sample_weight: Any, class_weight: Mapping[int, float] | None, culprit: str
) -> np.ndarray | None:
    """One weight a row from both kinds; None if neither is given."""
    weights = None
    rows = len(t) if t.ndim else 1
    if sample_weight is not None:
        weights = np.asarray(_values(sample_weight), t.dtype)
        if weights.shape != (rows,):
            raise ShapeError(
                f"{culprit}(sample_weight=…)",
                f"one weight a row, shape ({rows},)",
                f"shape {weights.shape}",
                "Give one number for each row.",
            )
        check_domain(f"{culprit}(sample_weight=…)", weights, NON_NEGATIVE, "Weights are ≥ 0.")
        if not np.isfinite(weights).all():
            raise DomainError(
                f"{culprit}(sample_weight=…)", "finite numbers", "NaN or infinity", "Use 0 instead."
            )
    if class_weight is not None:
        wide = t.ndim == 2 and t.shape[1] > 1
        if t.size != rows and not (wide and (np.count_nonzero(t > 0, axis=1) == 1).all()):
            raise ArgumentError(
                f"{culprit}(class_weight=…)",
                "targets with one class a row",
                f"shape {t.shape}",
                "Give sample_weight instead.",
            )
        labels = t.argmax(axis=-1) if wide else t.reshape(rows)
        missing = sorted(set(labels.tolist()) - {float(key) for key in class_weight})
        if missing:
            raise ArgumentError(
                f"{culprit}(class_weight=…)",
                "a weight for every class in the data",
                f"none for class {missing[0]:g}",
                f"Add {missing[0]:g}: 1.0.",
            )
        of_class = {float(key): value for key, value in class_weight.items()}
        by_class = np.array([of_class[label] for label in labels.tolist()], t.dtype)
        weights = by_class if weights is None else weights * by_class
    return weights


def _reduce(each: Any, how: str, weights: np.ndarray | None, dtype: Any) -> Any:
    if weights is None:
        return each if how == "none" else reduction(Mean if how == "mean" else Sum)(each)
    if how == "mean":
        return weighted_mean(each, weights)
    columns = np.ones((1,) * (len(each.shape) - 1), dtype)
    spread = np.broadcast_to(weights.reshape(-1, *columns.shape), each.shape)
    weighted = multiply(each, np.ascontiguousarray(spread))
    return weighted if how == "none" else reduction(Sum)(weighted)


class ElementLoss(Op):
    """The loss of each element: made of a loss's ``value`` and ``slope`` in (t, p)."""

    saves = (0, 1)

    def __init__(self, loss: Loss, from_logits: bool) -> None:
        self.loss, self.from_logits = loss, from_logits
        self.name = loss.name
        super().__init__()

    def shape(self, *shapes: Shape) -> Shape:
        return shapes[1]

    def forward(self, y: np.ndarray, *xs: np.ndarray) -> None:
        kernel = self.loss.loops(self.from_logits)[0]
        kernel(xs[0].reshape(-1), xs[1].reshape(-1), y.reshape(-1), self.loss.reals)

    def backward(self, dy: np.ndarray, y: np.ndarray, xs: Arrays, dxs: Sequence[Any]) -> None:
        t, p = (x.reshape(-1) for x in xs)
        kernel = self.loss.loops(self.from_logits)[1]
        kernel(t, p, dy.reshape(-1), dxs[1].reshape(-1), self.loss.reals)


class RowLoss(ElementLoss):
    """The loss of each row: the loss names its four kernels in ``kernels``."""

    def shape(self, *shapes: Shape) -> Shape:
        return shapes[1][:-1]

    def forward(self, y: np.ndarray, *xs: np.ndarray) -> None:
        t, p = (x.reshape(-1) for x in xs)
        kernel = self.loss.kernels[2 if self.from_logits else 0]
        kernel(t, p, y.reshape(-1), xs[1].shape[-1], *self.loss.extras(self.from_logits))

    def backward(self, dy: np.ndarray, y: np.ndarray, xs: Arrays, dxs: Sequence[Any]) -> None:
        t, p = (x.reshape(-1) for x in xs)
        kernel = self.loss.kernels[3 if self.from_logits else 1]
        extras = self.loss.extras(self.from_logits)
        kernel(t, p, dy.reshape(-1), dxs[1].reshape(-1), xs[1].shape[-1], *extras)


class Rowwise(Loss):
    """A loss that compares rows."""

    rowwise = True
    target: Domain = UNIT

    def op(self, from_logits: bool) -> Op:
        return RowLoss(self, from_logits)


@loss
class MeanSquaredError(Loss):
    """Square each error: large ones weigh most."""

    name = "mse"
    aliases = ("mean_squared_error", "squared_error", "l2")
    formula = "(p - t)**2"
    latex = r"(p - t)^2"
    derivative = "2 (p − t)"
    properties = ("smooth", "convex in p", "outliers dominate", "its minimiser is the mean")
    good_for = ("regression with few or meaningful outliers",)
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
    kinks = ("p = t",)
    properties = ("robust to outliers", "constant slope", "its minimiser is the median")
    good_for = ("regression with outliers",)
    source = "Boscovich, 1757; Laplace, 1799"

    @staticmethod
    def value(t: float, p: float) -> float:
        return abs(p - t)

    @staticmethod
    def slope(t: float, p: float) -> float:
        return 1.0 if p > t else (-1.0 if p < t else 0.0 * (p - t))


@loss
class Huber(Loss):
    """Square small errors, take large ones as they are."""

    name = "huber"
    aliases = ("huber_loss",)
    hyper = {"delta": 1.0}
    formula = (
        "Piecewise(((p - t)**2/2, Abs(p - t) <= delta), (delta*Abs(p - t) - delta**2/2, True))"
    )
    latex = (
        r"\begin{cases} \frac{1}{2}(p-t)^2 & |p-t| \le \delta \\ "
        r"\delta|p-t| - \frac{1}{2}\delta^2 & \text{otherwise} \end{cases}"
    )
    derivative = "p − t within ±δ, δ sign(p − t) beyond"
    properties = ("smooth at ±δ", "robust to outliers", "δ sets where robustness begins")
    good_for = ("regression with outliers", "reinforcement learning")
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
    aliases = ("logcosh",)
    formula = "log((exp(p - t) + exp(t - p))/2)"
    latex = r"\log \cosh(p - t)"
    derivative = "tanh(p − t)"
    properties = ("smooth everywhere", "robust to outliers")
    good_for = ("regression with outliers, where a smooth slope is wanted",)
    source = "Green, IEEE Transactions on Medical Imaging 1990"

    @staticmethod
    def value(t: float, p: float) -> float:
        d = abs(p - t)
        if d < 1.0:
            s = np.sinh(0.5 * d)
            return log1p(2.0 * s * s)  # cosh d − 1 = 2 sinh²(d/2): keeps small errors
        return d - vecmath.LN2 + log1p(exp(-2.0 * d))

    @staticmethod
    def slope(t: float, p: float) -> float:
        return tanh(p - t)


@scalar
def _bounded_log(x: float) -> float:
    value = log(x)
    return -100.0 if value < -100.0 else value


@scalar
def _bounded_log1m(x: float) -> float:
    value = log1p(-x)  # log(1 − x) without rounding 1 − x
    return -100.0 if value < -100.0 else value


@scalar
def _floored(x: float) -> float:
    return 1e-12 if x < 1e-12 else x


@scalar
def _sigmoid_power(z: float, gamma: float) -> float:
    """σ(z)^γ: e^(γ log σ) near 1, where it is sharper, and where σ itself underflows."""
    small = gamma * softplus(-z)
    return exp(-small) if small < 1.0 or z < -700.0 else power(sigmoid(z), gamma)


class _Binary(Loss):
    """The two-sided cross-entropy family; BCE is focal with γ = 0 and both weights 1."""

    target = UNIT
    prediction = UNIT
    link = "sigmoid"

    @staticmethod
    def value(t: float, p: float, gamma: float, positive: float, negative: float) -> float:
        hit = 0.0 if t == 0.0 else -t * positive * _bounded_log(p)
        miss = 0.0 if t == 1.0 else -(1.0 - t) * negative * _bounded_log1m(p)
        if gamma != 0.0:
            hit *= power(1.0 - p, gamma)
            miss *= power(p, gamma)
        return hit + miss if p == p else p

    @staticmethod
    def slope(t: float, p: float, gamma: float, positive: float, negative: float) -> float:
        if gamma == 0.0 and positive == negative:
            return positive * (p - t) / _floored(p * (1.0 - p))
        hit, miss = -(1.0 - p), p
        if gamma != 0.0:
            hit = power(1.0 - p, gamma) * (gamma * p * _bounded_log(p) - (1.0 - p))
            miss = power(p, gamma) * (p - gamma * (1.0 - p) * _bounded_log1m(p))
        return (t * positive * hit + (1.0 - t) * negative * miss) / _floored(p * (1.0 - p))

    @staticmethod
    def logit_value(t: float, z: float, gamma: float, positive: float, negative: float) -> float:
        hit = 0.0 if t == 0.0 else t * positive * softplus(-z)
        miss = 0.0 if t == 1.0 else (1.0 - t) * negative * softplus(z)
        if gamma != 0.0:
            hit *= _sigmoid_power(-z, gamma)
            miss *= _sigmoid_power(z, gamma)
            hit, miss = (0.0 if z == inf else hit), (0.0 if z == -inf else miss)
        return hit + miss if z == z else z

    @staticmethod
    def logit_slope(t: float, z: float, gamma: float, positive: float, negative: float) -> float:
        p, u = sigmoid(z), sigmoid(-z)  # 1 − p, with every digit
        hit, miss = -u, p
        if gamma != 0.0:
            shrink_hit, shrink_miss = _sigmoid_power(-z, gamma), _sigmoid_power(z, gamma)
            log_p, log_u = -softplus(-z), -softplus(z)
            hit = shrink_hit * (gamma * p * log_p - u) if p > 0.0 else -shrink_hit
            miss = shrink_miss * (p - gamma * u * log_u) if u > 0.0 else shrink_miss
        return t * positive * hit + (1.0 - t) * negative * miss


@loss
class BinaryCrossentropy(_Binary):
    """Surprise at the truth, when the prediction is the probability of a 1."""

    name = "binary_crossentropy"
    aliases = ("bce", "log_loss")
    formula = "-t*log(p) - (1 - t)*log(1 - p)"
    latex = r"-t \log p - (1 - t) \log (1 - p)"
    derivative = "(p − t) / (p (1 − p)); at the logits σ(z) − t"
    properties = ("in [0, ∞)", "the sigmoid cancels: the gradient at the logits is σ(z) − t")
    good_for = ("binary and multi-label classification",)
    source = "Good, Journal of the Royal Statistical Society B 1952"

    def constants(self) -> list[float]:
        return [0.0, 1.0, 1.0]


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
    formula = "-t*log(p)"
    latex = r"-\sum_j t_j \log p_j"
    derivative = "−tⱼ / pⱼ; at the logits softmax(z)ⱼ − tⱼ"
    prediction = UNIT
    link = "softmax"
    rows_sum_to_one = True
    properties = ("in [0, ∞)", "the softmax cancels: the gradient at the logits is p − t")
    good_for = ("classification with several classes",)
    source = "Bridle, 1990"
    kernels = (
        rowwise.focal_probabilities,
        rowwise.focal_probabilities_backward,
        rowwise.focal_logits,
        rowwise.focal_logits_backward,
    )

    def constants(self) -> list[float]:
        return [0.0, 1.0, float(self.settings["label_smoothing"])]


@loss
class Focal(_Binary):
    """Cross-entropy that turns down what is easy already."""

    name = "focal"
    aliases = ("focal_loss", "binary_focal", "binary_focal_crossentropy")
    hyper = {"gamma": 2.0, "alpha": 0.25}
    formula = "-t*alpha*(1 - p)**gamma*log(p) - (1 - t)*(1 - alpha)*p**gamma*log(1 - p)"
    latex = r"-\alpha_t (1 - p_t)^{\gamma} \log p_t"
    derivative = "at the logits, for t = 1: α (1 − p)^γ (γ p log p − (1 − p))"
    properties = ("easy examples weigh little", "γ = 0 is cross-entropy")
    good_for = ("imbalanced binary classification", "object detection")
    source = "Lin, Goyal, Girshick, He and Dollár, ICCV 2017"

    def constants(self) -> list[float]:
        alpha = self.settings["alpha"]
        weights = [1.0, 1.0] if alpha is None else [float(alpha), 1.0 - float(alpha)]
        return [float(self.settings["gamma"]), *weights]


@loss
class CategoricalFocal(CategoricalCrossentropy):
    """Cross-entropy over classes that turns down what is easy already."""

    name = "categorical_focal"
    aliases = ("categorical_focal_crossentropy",)
    hyper = {"gamma": 2.0, "alpha": 0.25, "label_smoothing": 0.0}
    formula = "-alpha*t*(1 - p)**gamma*log(p)"
    latex = r"-\alpha \sum_j t_j (1 - p_j)^{\gamma} \log p_j"
    derivative = "−α tⱼ (1 − pⱼ)^γ (1 / pⱼ − γ log pⱼ / (1 − pⱼ))"
    properties = ("easy examples weigh little", "γ = 0 and α = 1 is cross-entropy")
    good_for = ("imbalanced classification with several classes",)
    source = "Lin, Goyal, Girshick, He and Dollár, ICCV 2017"

    def constants(self) -> list[float]:
        alpha = self.settings["alpha"]
        smoothing = float(self.settings["label_smoothing"])
        return [float(self.settings["gamma"]), 1.0 if alpha is None else float(alpha), smoothing]


class _Margin(Loss):
    target = SIGNS
    kinks = ("t p = 1",)

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
    properties = ("sparse gradients", "a margin, no probability")
    good_for = ("maximum-margin classifiers with labels −1 and 1",)
    source = "Cortes and Vapnik, Machine Learning 1995"

    @staticmethod
    def value(t: float, p: float) -> float:
        gap = 1.0 - t * p
        return 0.0 if gap <= 0.0 else gap

    @staticmethod
    def slope(t: float, p: float) -> float:
        return 0.0 if 1.0 - t * p <= 0.0 else -t


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
    kernels = (rowwise.margin, rowwise.margin_backward)

    def extras(self, from_logits: bool) -> tuple[Any, ...]:
        return ()

    def minimiser(self, target: float) -> Interval:
        # Only differences count: any score can be right if the others are a margin away.
        return Interval(1, inf, True, True) if target > 0 else Interval(-inf, 0, True, True)


@loss
class Poisson(Loss):
    """Surprise at a count, when the prediction is its expected value."""

    name = "poisson"
    formula = "p - t*log(p)"
    latex = r"p - t \log p"
    derivative = "1 − t / p; from logits e^z − t"
    target = NON_NEGATIVE
    prediction = NON_NEGATIVE
    link = "exp"
    properties = ("for counts: variance grows with the mean",)
    good_for = ("regression on counts and rates",)
    source = "Nelder and Wedderburn, 1972"

    @staticmethod
    def value(t: float, p: float) -> float:
        return p if t == 0.0 else p - t * _bounded_log(p)

    @staticmethod
    def slope(t: float, p: float) -> float:
        return 1.0 - t / _floored(p)

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
    prediction = UNIT
    link = "softmax"
    rows_sum_to_one = True
    needs_distributions = True
    properties = ("0 only where both agree", "cross-entropy minus the target's entropy")
    good_for = ("soft targets: distillation, label distributions",)
    source = "Kullback and Leibler, 1951"
    kernels = (
        rowwise.divergence_probabilities,
        rowwise.focal_probabilities_backward,  # the target's entropy has no slope
        rowwise.divergence_logits,
        rowwise.focal_logits_backward,
    )

    def constants(self) -> list[float]:
        return [0.0, 1.0, 0.0]


def get_loss(loss: Any) -> Loss:
    """A loss from its name, its class, or itself."""
    if isinstance(loss, str):
        return losses[loss]
    if isinstance(loss, type) and issubclass(loss, Loss):
        return loss()
    if isinstance(loss, Loss):
        return loss
    raise DtypeError("loss", "the name of a loss, or a loss", repr(loss), "Write loss='mse'.")


def unfit(activation: Any, loss: Loss) -> str | None:
    """Why an output activation cannot feed a loss at all; None if it can."""
    if not activation.range.within(loss.prediction):
        return (
            f"{activation.name} gives {activation.range}, "
            f"{loss.name} wants predictions in {loss.prediction}"
        )
    if loss.rows_sum_to_one and not activation.rows_sum_to_one:
        return f"{loss.name} wants rows that sum to 1, {activation.name}'s do not"
    return None


def unsound(activation: Any, loss: Loss, targets: Domain | None = None) -> str | None:
    """Why an output activation and a loss make no sound head for these targets; None if they do.

    Sound means: the range lies in the prediction's domain, rows sum to one where they must, and
    the range comes as close as you like to the prediction at which the loss is least.

    Examples
    --------
    >>> from minidl.activations import activations
    >>> unsound(activations["sigmoid"], losses["hinge"])
    'sigmoid gives (0, 1), hinge is least for −1 in [−∞, −1]'
    >>> unsound(activations["sigmoid"], losses["binary_crossentropy"]) is None
    True
    """
    reason = unfit(activation, loss)
    if reason:
        return reason
    for target in (targets or loss.target).corners():
        goal = loss.minimiser(target)
        if not activation.range.closure().meets(goal):
            shown = f"{target:g}".replace("-", "−").replace("inf", "∞")
            given = f"{activation.name} gives {activation.range}"
            return f"{given}, {loss.name} is least for {shown} in {goal}"
    return None
