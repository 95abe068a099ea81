"""How good is it? The loss of a clean pass, and any scikit-learn metric by name."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from minidl.activations import activations
from minidl.arithmetic import exp
from minidl.autograd import no_grad
from minidl.criterion import Loss
from minidl.data.checks import check_finite
from minidl.domains import unfit
from minidl.errors import (
    ArgumentError,
    DataError,
    DomainError,
    MinidlError,
    ShapeError,
    UnknownNameError,
)
from minidl.foreign import as_written_for, reshaping
from minidl.intervals import SIGNS, UNIT
from minidl.losses import get_loss
from minidl.model import Sequential
from minidl.op import as_numbers, narrowed
from minidl.registry import did_you_mean


def aligned(
    y: Any,
    loss: Loss,
    out_features: int | None,
    dtype: np.dtype,
    culprit: str = "y",
    copy: bool | None = None,
) -> np.ndarray:
    """Targets as the loss wants them: labels of shape (n,) meet a one-unit output without ado."""
    y = as_numbers(culprit, y)
    if y.ndim == 1 and not loss.rowwise and out_features == 1:
        y = y.reshape(-1, 1)
    return narrowed(culprit, y, dtype, copy)


def check_data(
    net: Sequential,
    X: Any,
    y: Any,
    loss: Loss,
    from_logits: bool,
    prefix: str = "",
    copy: bool | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """X and y as the network and the loss want them, or an error that says what to change.

    They lie where they lay if they can, unless ``copy`` is True.
    """
    _check_network(net)
    _check_output(net, loss, from_logits)
    given, targets = X, y
    X = narrowed(f"{prefix}X", as_numbers(f"{prefix}X", X), net.dtype, copy)
    _check_rows(net, X, given, f"{prefix}X")
    y = aligned(y, loss, net.out_features, net.dtype, f"{prefix}y", copy)
    if y.ndim == 0 or len(y) != len(X):
        raise ShapeError(
            f"{prefix}y", f"{len(X)} rows, as X has", f"shape {y.shape}", "Check the split."
        )
    check_finite(f"{prefix}X", X)
    check_finite(f"{prefix}y", y)
    _check_features(net, X, f"{prefix}X")
    outputs = (len(X), net.out_features) if net.out_features else y.shape
    try:
        loss.check_shapes(y.shape, outputs)
        loss.check_domains(y, np.zeros(outputs, net.dtype), from_logits=True)
    except MinidlError as error:  # whoever calls fit(validation_data=…) wrote no y_true
        culprit = error.culprit.replace(f"{loss.name}(y_true=…)", f"{prefix}y under {loss.name}")
        remedy = as_written_for(error.remedy.replace("y_true.", "y."), "y", targets)
        raise type(error)(culprit, error.expected, error.got, remedy) from None
    return X, y


def _check_rows(net: Sequential, X: np.ndarray, given: Any, culprit: str) -> None:
    """An error where there are no rows; ``given`` is what came as ``X``."""
    if X.ndim and not len(X):
        raise DataError(culprit, "at least one row", "none", "Check how it was loaded.")
    if X.ndim < 2:
        features = net.in_features or 1
        rows = reshaping("X", given, f"-1, {features}")
        if features == 1 and hasattr(given, "to_frame"):
            rows = f"X.to_frame() or {rows}"
        remedy = f"Write {rows} for rows of {features}."
        raise ShapeError(culprit, f"shape (rows, {features})", f"shape {X.shape}", remedy)


def _check_features(net: Sequential, X: np.ndarray, culprit: str) -> None:
    if net.in_features in (None, X.shape[-1]):
        return
    features, remedy = prod(X.shape[1:]), ""
    if X.ndim > 2:  # images, most often
        remedy = f"Write {reshaping('X', X, 'len(X), -1')} for rows of {features} features. "
    if features != net.in_features:
        remedy += f"Build the network for {features} features: ml.mlp([{features}, …])."
    expected = f"{net.in_features} features, as {net[0].name} has {net.in_features} inputs"
    raise ShapeError(culprit, expected, f"shape {X.shape}", remedy.strip())


def _check_network(net: Any) -> None:
    if not isinstance(net, Sequential):
        got, remedy = f"a {type(net).__name__}", "Write ml.mlp([…]), or ml.Sequential(layer, …)."
        raise ArgumentError("net", "a network", got, remedy)


def _check_output(net: Sequential, loss: Loss, from_logits: bool) -> None:
    """An error where the last layer gives what the loss cannot take."""
    activation = net.output_activation
    if from_logits and activation is not None and activation.link:
        raise loss.not_logits(activation.link)
    if activation is None or from_logits or not unfit(activation, loss):
        return
    expected = f"predictions in {loss.prediction}"
    got = f"{activation.name}, which gives {activation.range}"
    if activation.range.within(loss.prediction):
        expected, got = "rows that sum to 1", f"{activation.name}, whose rows do not"
    remedy = "Choose another output activation or loss."
    if loss.link:
        # No activation is called exp: softplus has its range.
        ending = "softplus" if loss.link == "exp" else loss.link
        remedy = f"Write output={ending!r}, or from_logits=True for a linear output."
    culprit = f"{net.layers[-1].name} under {loss.name}"
    raise DomainError(culprit, expected, got, remedy)


def clean_loss(
    net: Sequential,
    X: np.ndarray,
    y: np.ndarray,
    loss: Loss,
    from_logits: bool = False,
    batch_size: int = 4096,
) -> float:
    """The mean loss of a pass without training; batches weigh by their rows."""
    total = 0.0
    with no_grad():
        for i in range(0, len(X), batch_size):
            part = slice(i, i + batch_size)
            value = loss(y[part], net(X[part]), from_logits=from_logits)
            total += value.item() * len(X[part])
    return total / len(X)


def evaluate(
    net: Sequential,
    X: Any,
    y: Any,
    *,
    loss: Any,
    metrics: Sequence[str] | str = (),
    from_logits: bool = False,
) -> dict[str, float]:
    """Loss and metrics of a network on data.

    Parameters
    ----------
    net : Sequential
    X : array of shape (rows, features)
    y : array
        Targets, as in ``fit``.
    loss : str or loss
    metrics : sequence of str, or str
        scikit-learn scorers: ``"accuracy"``, ``"roc_auc"``, ``"f1_macro"`` … for a loss that
        compares classes, ``"r2"``, ``"neg_mean_absolute_error"`` … for any other. Larger is
        better, always.
    from_logits : bool
        As in the loss; metrics see what its link makes of the outputs.

    Returns
    -------
    dict
        ``loss`` and one number for each metric.

    Raises
    ------
    MinidlError
        Where data, network and loss do not fit each other, or a metric does not suit the loss.

    Examples
    --------
    >>> from minidl.model import mlp
    >>> net = mlp([1, 1], seed=0)
    >>> sorted(evaluate(net, [[0.0], [1.0]], [0.0, 1.0], loss="mse", metrics=["r2"]))
    ['loss', 'r2']
    """
    loss = get_loss(loss)
    X, targets = check_data(net, X, y, loss, from_logits)
    measured = {"loss": clean_loss(net, X, targets, loss, from_logits)}
    if metrics:
        outputs = net.predict(X)
        for name in [metrics] if isinstance(metrics, str) else metrics:
            measured[name] = score(name, np.asarray(y), outputs, loss, from_logits)
    return measured


def score(name: str, y: np.ndarray, outputs: np.ndarray, loss: Loss, from_logits: bool) -> float:
    """One scikit-learn scorer on a network's outputs; the loss decides whether it classifies."""
    scorer, classifies = find_scorer(name, loss), _classifies(loss)
    if from_logits:
        outputs = _linked(outputs, loss)
    if classifies:
        estimator, y = _classifier(y, outputs, loss)
    else:
        estimator = _regressor(outputs.reshape(np.shape(y)).astype(np.float64))
    try:
        return float(scorer(estimator, np.zeros((len(outputs), 1)), y))
    except (AttributeError, ValueError) as error:
        raise ArgumentError(
            f"metrics=[{name!r}]",
            f"a metric that suits {loss.name} and these targets",
            f"one of which scikit-learn says: {str(error).rstrip('.')}",
            "See its page in scikit-learn, or choose another metric.",
        ) from error


SCORERS = {
    "acc": "accuracy",
    "auc": "roc_auc",
    "mse": "neg_mean_squared_error",
    "rmse": "neg_root_mean_squared_error",
    "mae": "neg_mean_absolute_error",
}
"""What is short for a scorer elsewhere; scikit-learn's names say that less error is better."""


def find_scorer(name: str, loss: Loss) -> Any:
    """scikit-learn's scorer of this name, if it measures what the loss trains for."""
    from sklearn.metrics import get_scorer, get_scorer_names

    if name not in get_scorer_names():
        remedy = did_you_mean(
            SCORERS.get(name, name), get_scorer_names(), "See sklearn.metrics.get_scorer_names()."
        )
        raise UnknownNameError("metrics", "a scikit-learn scorer", repr(name), remedy)
    scorer = get_scorer(name)
    classifies = _classifies(loss)
    # scikit-learn keeps the measures of regression in a module of their own.
    if classifies == scorer._score_func.__module__.endswith("_regression"):
        kind, example = ("class", "accuracy") if classifies else ("number", "r2")
        raise ArgumentError(
            f"metrics=[{name!r}]",
            f"a metric of {kind} predictions, as {loss.name} is trained for them",
            f"one of {'number' if classifies else 'class'} predictions",
            f"Write {example!r}, or choose another loss.",
        )
    return scorer


def _classifies(loss: Loss) -> bool:
    """Whether the loss compares classes: rows, signs, or the probability of one."""
    return loss.rowwise or loss.target == SIGNS or loss.link == "sigmoid"


def _linked(outputs: np.ndarray, loss: Loss) -> np.ndarray:
    """What the loss's link makes of logits."""
    made: np.ndarray = exp(outputs) if loss.link == "exp" else activations[str(loss.link)](outputs)
    return made


def _r2(y: np.ndarray, predicted: np.ndarray) -> np.floating[Any]:
    return 1 - np.sum((y - predicted) ** 2) / np.sum((y - y.mean()) ** 2)


# What scikit-learn's checks of its arguments take is a third of the training of a small network.
_PLAIN = {"accuracy": lambda y, predicted: np.mean(y == predicted), "r2": _r2}


def score_predictions(name: str, y: np.ndarray, predicted: np.ndarray) -> float:
    """One scikit-learn scorer on predictions that are final: labels, or numbers."""
    if name in _PLAIN:
        return float(_PLAIN[name](y, predicted))
    from sklearn.metrics import get_scorer

    return float(get_scorer(name)(_regressor(predicted), np.zeros((len(y), 1)), y))


def decide(outputs: np.ndarray, loss: Loss) -> np.ndarray:
    """Class numbers (0, 1, …) from outputs: the largest column, or above the middle."""
    if outputs.ndim == 2 and outputs.shape[1] > 1 and not _several_labels(loss):
        return outputs.argmax(axis=1)
    decided = (outputs > _middle(loss)).astype(np.int64)
    return decided.reshape(-1) if decided.shape[1:] == (1,) else decided


def _middle(loss: Loss) -> float:
    """Between the two classes of a column."""
    return 0.0 if loss.target == SIGNS else 0.5


def _several_labels(loss: Loss) -> bool:
    return not loss.rowwise and (loss.link == "sigmoid" or loss.target == SIGNS)


def _classifier(y: np.ndarray, outputs: np.ndarray, loss: Loss) -> Any:
    from sklearn.base import BaseEstimator, ClassifierMixin

    if y.ndim == 2 and y.shape[1] == 1:
        y = y.reshape(-1)
    if y.ndim == 2 and not _several_labels(loss):
        y = y.argmax(axis=1)
    if not loss.rowwise:
        y = y > _middle(loss)
    y = y.astype(np.int64)
    decided = decide(outputs, loss)
    wide = outputs.ndim == 2 and outputs.shape[1] > 1
    scores = outputs if wide else outputs.reshape(-1)

    class Predicted(ClassifierMixin, BaseEstimator):
        classes_ = np.arange(outputs.shape[1] if wide else 2)

        def predict(self, X: Any) -> np.ndarray:
            return decided

        if loss.prediction == UNIT:  # a margin is no probability

            def predict_proba(self, X: Any) -> np.ndarray:
                p = scores.astype(np.float64)
                if not wide:
                    return np.stack([1 - p, p], axis=1)
                return p / p.sum(axis=1, keepdims=True) if not _several_labels(loss) else p

        if not wide:

            def decision_function(self, X: Any) -> np.ndarray:
                return scores

        def __sklearn_is_fitted__(self) -> bool:
            return True

    return Predicted(), y


def _regressor(outputs: np.ndarray) -> Any:
    from sklearn.base import BaseEstimator, RegressorMixin

    class Predicted(RegressorMixin, BaseEstimator):
        def predict(self, X: Any) -> np.ndarray:
            return outputs

        def __sklearn_is_fitted__(self) -> bool:
            return True

    return Predicted()
