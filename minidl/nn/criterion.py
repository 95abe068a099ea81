"""What every loss has in common: how it is called, and what it checks before it computes."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, ClassVar

import numpy as np

from minidl.autodiff import Arrays, Op, Shape
from minidl.core import (
    FLOATS,
    REALS,
    SIGNS,
    UNIT,
    ArgumentError,
    Configurable,
    Domain,
    DtypeError,
    GradientError,
    Interval,
    ShapeError,
    Tracked,
    as_float,
    as_written_for,
    defined_by_minidl,
    point,
)
from minidl.kernels import elementwise, movement
from minidl.kernels.forking import build_lock
from minidl.kernels.jit import scalar
from minidl.nn.domains import check_classes, check_domain
from minidl.nn.weighting import REDUCTIONS, ClassWeight, row_weights, weighed


class Loss(Configurable):
    """How far a prediction is from the truth: one number an element, or a row.

    A loss of your own is a class with ``value`` and ``slope``, static methods on single numbers
    (the target, the prediction, then every hyper-parameter), under ``@ml.loss``. Machine code does
    not look at indices: a formula that reads a table of yours beyond its ends reads other memory,
    or ends the process.

    Attributes
    ----------
    target, prediction : Domain, Interval
        What ``y_true`` and ``y_pred`` may hold.
    link : str or None
        The activation behind the prediction: with ``from_logits=True`` the loss applies it.
    formula, slope_formula, slope_at_logits : str
        Value, slope, and slope behind the link, as a book prints them, on t, p and (behind it) z,
        in Python's syntax; of a row, each is one column's, and p is the prediction.
    derivative : str
        The slope in words, where these say more than ``slope_formula``.
    rowwise : bool
        Whether a row is one comparison (classes) or each element is (everything else).
    compute_in_float64 : bool
        Whether float32 numbers are worked on in float64: where the formula would lose too much.

    Examples
    --------
    >>> class Quartic(Loss):
    ...     name = "quartic"
    ...     value = staticmethod(lambda t, p: (p - t) ** 4)
    ...     slope = staticmethod(lambda t, p: 4.0 * (p - t) ** 3)
    >>> float(Quartic()([0.0, 0.0], [1.0, 2.0]))
    8.5
    """

    formula: str = ""
    latex: str = ""
    derivative: str = ""
    slope_formula: str = ""
    slope_at_logits: str = ""
    target: Domain = REALS
    prediction: Interval = REALS
    link: str | None = None
    rowwise: bool = False
    compute_in_float64: bool = False
    rows_sum_to_one: bool = False
    needs_distributions: bool = False
    kinks: tuple[str, ...] = ()
    properties: tuple[str, ...] = ()
    good_for: tuple[str, ...] = ()
    source: str = ""

    def __init__(self, **hyper: Any) -> None:
        super().__init__(**hyper)
        if not self.rowwise and self.name:
            self.check_parameters(2, "value", "slope")

    def minimiser(self, target: float) -> Interval:
        """The predictions at which the loss is least for this target."""
        return point(target)

    def kernel(self, from_logits: bool) -> Any:
        """The compiled loop: the loss of each element or row, and its slopes, in one pass."""
        key = f"_kernel_{from_logits}_{self.compute_in_float64}"
        if key not in type(self).__dict__:
            with build_lock:
                if key not in type(self).__dict__:
                    setattr(type(self), key, self._made(from_logits))
        return type(self).__dict__[key]

    def _made(self, from_logits: bool) -> Any:
        prefix = "logit_" if from_logits else ""
        value, slope = (getattr(self, f"{prefix}{part}") for part in ("value", "slope"))
        count = value.__code__.co_argcount - 2
        name = f"{self.name}_{prefix}loss"
        allocates = not defined_by_minidl(self)  # a user's formula may
        formulas = scalar(value), scalar(slope)
        return elementwise.comparison(name, *formulas, count, self.compute_in_float64, allocates)

    def __call__(
        self,
        y_true: Any = None,
        y_pred: Any = None,
        *,
        from_logits: bool = False,
        reduction: str = "mean",
        sample_weight: Any = None,
        class_weight: ClassWeight | None = None,
        **hyper: Any,
    ) -> Any:
        """The loss of predictions; hyper-parameters alone give the loss that has them.

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
            One weight a row; the mean divides by their sum. A weight of 0 leaves nothing of its
            row in loss or gradient, not even a target that is NaN (a class number must be one).
        class_weight : mapping of class number to weight, or "balanced", optional
            Multiplies into ``sample_weight`` by each row's class.
        **hyper
            Hyper-parameters of the loss, ``delta=2.0`` for Huber. Without targets and predictions
            they make a loss of their own: ``fit(…, loss=ml.huber(delta=2.0))``.

        Returns
        -------
        Tensor or array
            One number, or one an element or row with ``reduction="none"``.

        Raises
        ------
        ShapeError, DomainError, ArgumentError, DtypeError, GradientError
            Where targets and predictions do not fit each other or the loss.

        Examples
        --------
        >>> from minidl.nn import losses
        >>> huber = losses["huber"]
        >>> float(huber([0.0, 0.0], [0.5, 3.0])), float(huber([0.0, 0.0], [0.5, 3.0], delta=2.0))
        (1.3125, 2.0625)
        >>> huber(delta=2.0)
        huber(delta=2.0)
        """
        if hyper:
            configured = self.with_settings(**hyper)
            if y_true is None and y_pred is None:
                return configured
            options = {"reduction": reduction, "sample_weight": sample_weight}
            options |= {"from_logits": from_logits, "class_weight": class_weight}
            return configured(y_true, y_pred, **options)
        self._check_operands(y_true, y_pred)
        self._check_arguments(from_logits, reduction)
        y_pred, from_logits = self._logits(y_pred, from_logits)
        p = as_float(_values(y_pred), culprit=f"{self.name}(y_pred=…)")
        y_true, sample_weight = _counted(y_true, p.dtype), _counted(sample_weight, p.dtype)
        t = self._targets(y_true, p)
        self.check_domains(t, p, from_logits)
        weights = None
        if sample_weight is not None or class_weight is not None:
            self._check_rows(p.shape)
            weights = row_weights(t, _values(sample_weight), class_weight, self.name)
        target = y_true if isinstance(y_true, Tracked) and y_true._array.dtype == p.dtype else t
        if weights is None and reduction != "none":
            return ReducedLoss(self, from_logits, reduction)(target, y_pred)
        return weighed(LossOp(self, from_logits)(target, y_pred), reduction, weights)

    def _targets(self, y_true: Any, p: np.ndarray) -> np.ndarray:
        """Targets as an array that can be compared with the predictions."""
        t = as_float(_values(y_true), p.dtype, f"{self.name}(y_true=…)")
        try:
            self.check_shapes(t.shape, p.shape)
        except ShapeError as e:  # not everything has the method reshape
            remedy = as_written_for(e.remedy, "y_true", y_true)
            raise ShapeError(e.culprit, e.expected, e.got, remedy) from None
        return t

    def _check_operands(self, y_true: Any, y_pred: Any) -> None:
        if y_true is None or y_pred is None:
            missing = "y_true" if y_true is None else "y_pred"
            raise ArgumentError(
                self.name,
                "y_true and y_pred",
                f"no {missing}",
                f"Write {self.name}(y_true, y_pred).",
            )
        trained = getattr(y_true, "requires_grad", False)
        swapped = _made(y_true) and not _made(y_pred)
        if trained or swapped:
            raise GradientError(
                f"{self.name}(y_true=…)",
                "targets, which need no gradient",
                "a Tensor that requires one" if trained else f"what {y_true._op.name} gave",
                f"{_order(self)}, or write y_true.detach()."
                if swapped
                else "Write y_true.detach().",
            )
        if _two_dtypes(y_true, y_pred):
            raise DtypeError(
                f"{self.name}(y_true=…)",
                f"the prediction's dtype {y_pred.dtype}",
                str(y_true.dtype),
                f"Write Tensor(y_true, dtype='{y_pred.dtype}').",
            )

    def _check_arguments(self, from_logits: bool, reduction: str) -> None:
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

    def _check_rows(self, p: Shape) -> None:
        if len(p) < (2 if self.rowwise else 1):
            raise ShapeError(
                f"{self.name}(sample_weight=…)",
                "a prediction with rows to weigh",
                f"shape {p}",
                "Write y_pred.reshape(1, -1), and y_true alike.",
            )

    def _logits(self, y_pred: Any, from_logits: bool) -> tuple[Any, bool]:
        """What stands behind a sigmoid or softmax output, if that is where it comes from."""
        behind = y_pred._logits_behind() if hasattr(y_pred, "_logits_behind") else None
        if behind is None:
            return y_pred, from_logits
        link, logits = behind
        if from_logits:
            raise self.not_logits(link)
        return (logits, True) if link == self.link else (y_pred, False)

    def not_logits(self, link: str) -> ArgumentError:
        """The error where a loss is told of logits and gets what a link has made of them."""
        return ArgumentError(
            f"{self.name}(from_logits=True)",
            "logits, the numbers before the activation",
            f"the output of {link}",
            "Leave from_logits out, or make the last activation linear.",
        )

    def check_shapes(self, t: Shape, p: Shape) -> None:
        """An error where targets and predictions of these shapes cannot be compared."""
        if self.rowwise and (not p or p[-1] < 2) and not self._fit(p, t):
            raise ShapeError(
                f"{self.name}(y_pred=…)",
                "one column a class, at least two",
                f"shape {p}",
                "For two classes in one column use binary_crossentropy.",
            )
        if not self._fit(t, p):
            wanted = f"the prediction's shape {p}"
            if self.rowwise and not self.needs_distributions:
                wanted = f"{p[:-1]} class numbers or {p} rows"
            raise ShapeError(
                f"{self.name}(y_true=…)", wanted, f"shape {t}", self._shape_remedy(t, p)
            )
        if 0 in p:
            culprit = f"{self.name}(y_pred=…)"
            raise ShapeError(culprit, "at least one row", f"shape {p}", "Leave it out.")

    def _fit(self, t: Shape, p: Shape) -> bool:
        if not self.rowwise:
            return t == p
        classes = not self.needs_distributions and t == p[:-1]
        return p[-1:] > (1,) and (t == p or classes)

    def _shape_remedy(self, t: Shape, p: Shape) -> str:
        if self._fit(p, t):
            return f"{_order(self)}."
        if self.rowwise and t == (*p[:-1], 1) and not self.needs_distributions:
            return "Write y_true.reshape(-1) for class numbers."
        if self.rowwise:
            classes = "" if self.needs_distributions else ", or class numbers"
            return f"The prediction has {p[-1]} columns: give each class one column{classes}."
        if t == p[:-1] and p[-1] > 1:
            return f"Give y_true a column for each of {p[-1]}{self._of_classes(p[-1])}."
        if p == (*t, 1):
            return "Write y_true.reshape(-1, 1), or y_pred.reshape(-1)."
        if t == (*p, 1) and len(p) == 1:
            return "Write y_true.reshape(-1)."
        if prod(t) == prod(p):
            return f"Write y_true.reshape{p}."
        return "Nothing is broadcast between the two: reshape one of them."

    def _of_classes(self, count: int) -> str:
        """How class numbers are made targets of this loss, if it may be about classes."""
        columns, other = f"np.eye({count})[y_true]", "categorical_crossentropy"
        if self.target == SIGNS:
            columns, other = f"2 * {columns} - 1", "categorical_hinge"
        elif self.target not in (UNIT, REALS):
            return ""
        return f": {columns} for classes, or use {other}, which takes their numbers"

    def check_domains(self, t: np.ndarray, p: np.ndarray, from_logits: bool) -> None:
        """An error where a target or a prediction is outside its domain."""
        if self.rowwise and t.shape != p.shape:
            check_classes(f"{self.name}(y_true=…)", t, p.shape[-1])
        else:
            check_domain(f"{self.name}(y_true=…)", t, self.target, _target_remedy(self))
        if not from_logits:
            # No activation is called exp: softplus has its range.
            ending = "softplus" if self.link == "exp" else self.link
            remedy = f"End the network in {ending!r}, or write from_logits=True for a linear one."
            check_domain(f"{self.name}(y_pred=…)", p, self.prediction, remedy)


def _counted(operand: Any, dtype: np.dtype) -> Any:
    """A tensor of truth values as one of numbers."""
    truth = isinstance(operand, Tracked) and operand._array.dtype == bool
    return operand._counted(dtype) if truth else operand


def _values(operand: Any) -> Any:
    return operand._array if isinstance(operand, Tracked) else operand


def _made(operand: Any) -> bool:
    """Whether a network may have made it: it requires a gradient, or remembers an op."""
    return getattr(operand, "requires_grad", False) or getattr(operand, "_op", None) is not None


def _two_dtypes(y_true: Any, y_pred: Any) -> bool:
    if not (isinstance(y_true, Tracked) and isinstance(y_pred, Tracked)):
        return False
    true, pred = y_true._array.dtype, y_pred._array.dtype
    return true in FLOATS and true != pred


def _order(loss: Loss) -> str:
    return f"The order is {loss.name}(y_true, y_pred): swap the two"


def _target_remedy(loss: Loss) -> str:
    if loss.target == SIGNS:
        return "For labels 0 and 1 write 2 * y - 1."
    if loss.target == UNIT:
        return (
            "For labels −1 and 1 write (y + 1) / 2; for classes 0, 1, 2 … use "
            "categorical_crossentropy on a softmax output; divide 0..255 by 255."
        )
    return "Look at the data, or choose another loss."


class LossOp(Op):
    """The loss of each element or row.

    Made anew for every call: it keeps the slopes, found going forward, for the way back.
    """

    operand_names = ("y_true", "y_pred")
    is_loss = True

    def __init__(self, loss: Loss, from_logits: bool) -> None:
        self.loss, self.from_logits = loss, from_logits
        self.name = loss.name
        super().__init__()

    def shape(self, *shapes: Shape) -> Shape:
        return shapes[1][:-1] if self.loss.rowwise else shapes[1]

    def forward(self, y: np.ndarray, *xs: np.ndarray) -> None:
        self._compare(y, xs, 1.0)

    def _compare(self, each: np.ndarray, xs: Arrays, share: float) -> None:
        """The losses, and their slopes times a share."""
        t, p = xs
        self.slopes = np.empty(p.shape, p.dtype)
        flat = (x.reshape(-1) for x in (t, p, each, self.slopes))
        rows = (p.shape[-1],) if self.loss.rowwise else ()
        self.loss.kernel(self.from_logits)(*flat, *rows, self.loss.hyper_values, share)

    def backward(self, dy: np.ndarray, y: np.ndarray, xs: Arrays, dxs: Sequence[Any]) -> None:
        elementwise.pull_back(self.slopes.reshape(-1), dy.reshape(-1), dxs[1].reshape(-1))


class ReducedLoss(LossOp):
    """The mean or the sum of the losses, all of one weight."""

    def __init__(self, loss: Loss, from_logits: bool, reduction: str) -> None:
        super().__init__(loss, from_logits)
        self.reduction = reduction

    def shape(self, *shapes: Shape) -> Shape:
        return ()

    def forward(self, y: np.ndarray, *xs: np.ndarray) -> None:
        each = np.empty(super().shape(*(x.shape for x in xs)), y.dtype)
        divisor = float(each.size) if self.reduction == "mean" else 1.0
        self._compare(each, xs, 1.0 / divisor)
        movement.total(each.reshape(-1), y.reshape(-1), divisor)

    def precomputed_gradients(self) -> Sequence[np.ndarray | None]:
        return None, self.slopes  # of y_true and y_pred


class Rowwise(Loss):
    """A loss that compares rows: ``kernels`` are from probabilities, and from logits."""

    rowwise = True
    target: Domain = UNIT
    kernels: ClassVar[tuple[Any, ...]]

    def kernel(self, from_logits: bool) -> Any:
        return self.kernels[from_logits]
