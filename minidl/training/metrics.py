"""Any scikit-learn metric by name, on a network's outputs; the loss says whether it classifies."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterable
from inspect import signature
from typing import Any

import numpy as np

from minidl.autodiff import exp
from minidl.core import SIGNS, UNIT, ArgumentError, UnknownNameError, did_you_mean
from minidl.nn import Loss, activations

SCORERS = {
    "acc": "accuracy",
    "auc": "roc_auc",
    "mse": "neg_mean_squared_error",
    "rmse": "neg_root_mean_squared_error",
    "mae": "neg_mean_absolute_error",
}
"""What is short for a scorer elsewhere; scikit-learn's names say that less error is better."""

_FILTERS = threading.Lock()
"""Threads share the filters of warnings."""


def metric_names(metrics: Any) -> list[str]:
    """The names of metrics, of which one alone needs no list.

    Examples
    --------
    >>> metric_names("r2")
    ['r2']
    """
    if metrics is None or isinstance(metrics, str):
        return [metrics] if metrics else []
    if not isinstance(metrics, Iterable):
        remedy = "Write metrics=['accuracy'], say, or leave it out."
        raise ArgumentError("metrics", "names of scikit-learn scorers", repr(metrics), remedy)
    return list(dict.fromkeys(map(str, metrics)))


def find_scorer(name: str, loss: Loss, weighted: bool = False) -> Any:
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
    if weighted and "sample_weight" not in signature(scorer._score_func).parameters:
        raise ArgumentError(
            f"metrics=[{name!r}]",
            "a metric that takes weights of rows, as these have them",
            "one that takes none",
            "Measure it by itself, without weights: ml.evaluate(net, X, y, metrics=[…]).",
        )
    return scorer


def check_metric(
    name: str, y: np.ndarray, outputs: np.ndarray, loss: Loss, weights: np.ndarray | None = None
) -> None:
    """Refuse a metric that a network like this cannot have, however well it predicts."""
    find_scorer(name, loss, weights is not None)
    if _classifies(loss):
        right = _one_of_each_class(outputs, loss)
        attempts = [(right, right, None if weights is None else np.ones(len(right)))]
    else:  # scikit-learn may refuse what is predicted now, or predictions that are right: 0, say
        attempts = [(y, outputs, weights), (y, y.reshape(outputs.shape), weights)]
    errors: list[Exception] = []
    for attempt in attempts:
        try:
            _score(name, *attempt, loss)
        except Exception as error:
            errors.append(error)
    if len(errors) == len(attempts):
        raise ArgumentError(
            f"metrics=[{name!r}]",
            f"a metric that suits {loss.name} and these targets",
            f"one of which scikit-learn says: {str(errors[0]).rstrip('.')}",
            "See its page in scikit-learn, or choose another metric.",
        ) from errors[0]


def _one_of_each_class(outputs: np.ndarray, loss: Loss) -> np.ndarray:
    """Targets, and the predictions that are right about them."""
    wide = outputs.ndim == 2 and outputs.shape[1] > 1
    classes = np.eye(outputs.shape[1]) if wide else np.array([[0.0], [1.0]])
    return 2 * classes - 1 if loss.target == SIGNS else classes


def score(
    name: str, y: np.ndarray, outputs: np.ndarray, loss: Loss, weights: np.ndarray | None = None
) -> tuple[float, str]:
    """One scikit-learn scorer on predictions, after ``check_metric``.

    Parameters
    ----------
    name : str
    y : array
        Targets, as the loss has them.
    outputs : array
        What the network predicts, ``linked`` if it gives logits.
    loss : Loss
    weights : array of shape (rows,), optional

    Returns
    -------
    value : float
        NaN where the metric is not defined for these rows.
    doubt : str
        What scikit-learn has to say about it; mostly nothing.
    """
    try:
        return _score(name, y, outputs, weights, loss)
    except Exception as error:  # whatever scikit-learn raises: nothing that was learned is lost
        return np.nan, str(error)


def _score(
    name: str, y: np.ndarray, outputs: np.ndarray, weights: np.ndarray | None, loss: Loss
) -> tuple[float, str]:
    """The number and what scikit-learn warns of; or its error."""
    scorer = find_scorer(name, loss)
    options = {} if weights is None else {"sample_weight": weights.astype(np.float64)}
    if _classifies(loss):
        scorer, estimator, y = _classifier(scorer, y, outputs, loss)
    else:
        y = y.astype(np.float64)
        estimator = _regressor(outputs.reshape(y.shape).astype(np.float64))
    with _FILTERS, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for harmless in ("y_pred contains classes not in y_true", "A single label was found in"):
            warnings.filterwarnings("ignore", harmless, UserWarning)
        value = float(scorer(estimator, np.zeros((len(outputs), 1)), y, **options))
    said = [str(warning.message) for warning in caught if issubclass(warning.category, UserWarning)]
    return value, said[0] if said else "" if np.isfinite(value) else f"it is {value:g}"


def linked(outputs: np.ndarray, loss: Loss) -> np.ndarray:
    """What the loss's link makes of logits."""
    predictions: np.ndarray = (
        exp(outputs) if loss.link == "exp" else activations[str(loss.link)](outputs)
    )
    return predictions


def _classifies(loss: Loss) -> bool:
    """Whether the loss compares classes: rows, signs, or the probability of one."""
    return loss.rowwise or loss.target == SIGNS or loss.link == "sigmoid"


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


def _classifier(
    scorer: Any, y: np.ndarray, outputs: np.ndarray, loss: Loss
) -> tuple[Any, Any, np.ndarray]:
    """The scorer, told of all classes; the network as scikit-learn sees it; the classes of rows."""
    from sklearn.metrics import make_scorer

    if y.ndim == 2 and y.shape[1] == 1:
        y = y.reshape(-1)
    if y.ndim == 2 and not _several_labels(loss):
        y = y.argmax(axis=1)
    if not loss.rowwise:
        y = y > _middle(loss)
    y = y.astype(np.int64)
    classes = outputs.shape[1] if outputs.ndim == 2 and outputs.shape[1] > 1 else 2
    options: dict[str, Any] = {}
    parameters = signature(scorer._score_func).parameters
    if "zero_division" in parameters:
        options["zero_division"] = 0.0  # as scikit-learn does, but without its warning
    elif y.ndim == 1 and "labels" in parameters:  # these rows may lack a class
        options["labels"] = np.arange(classes)
    elif y.ndim == 1 and scorer._response_method != "predict" and classes > 2:
        y = np.eye(classes, dtype=np.int64)[y]  # one column a class says the same
    if options:
        scorer = make_scorer(
            scorer._score_func,
            response_method=scorer._response_method,
            greater_is_better=scorer._sign > 0,
            **scorer._kwargs,
            **options,
        )
    return scorer, _predicted(outputs, loss, classes), y


def _predicted(outputs: np.ndarray, loss: Loss, classes: int) -> Any:
    from sklearn.base import BaseEstimator, ClassifierMixin

    decided = decide(outputs, loss)
    wide = outputs.ndim == 2 and outputs.shape[1] > 1
    scores = outputs if wide else outputs.reshape(-1)
    several = wide and _several_labels(loss)

    class Classifier(ClassifierMixin, BaseEstimator):
        # One row a label tells scikit-learn that a row may have several of them.
        classes_ = np.eye(classes, dtype=np.int64) if several else np.arange(classes)

        def predict(self, X: Any) -> np.ndarray:
            return decided

        if loss.prediction == UNIT:  # a margin is no probability

            def predict_proba(self, X: Any) -> np.ndarray:
                p = scores.astype(np.float64)
                if not wide:
                    return np.stack([1 - p, p], axis=1)
                return p if several else p / p.sum(axis=1, keepdims=True)

        if not wide:

            def decision_function(self, X: Any) -> np.ndarray:
                return scores

        def __sklearn_is_fitted__(self) -> bool:
            return True

    return Classifier()


def _regressor(outputs: np.ndarray) -> Any:
    from sklearn.base import BaseEstimator, RegressorMixin

    class Regressor(RegressorMixin, BaseEstimator):
        def predict(self, X: Any) -> np.ndarray:
            return outputs

        def __sklearn_is_fitted__(self) -> bool:
            return True

    return Regressor()
