"""How good is it? The loss of a clean pass, and any scikit-learn metric by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl.autograd import no_grad
from minidl.criterion import Loss
from minidl.errors import ArgumentError, ShapeError, UnknownNameError
from minidl.intervals import SIGNS
from minidl.losses import get_loss
from minidl.model import Sequential
from minidl.registry import did_you_mean


def aligned(y: Any, loss: Loss, out_features: int | None, dtype: np.dtype) -> np.ndarray:
    """Targets as the loss wants them: labels of shape (n,) meet a one-unit output without ado."""
    y = np.asarray(y)
    if y.dtype.kind not in "fiub":
        raise ArgumentError(
            "y", "numbers", f"{y.dtype}", "Number the classes: sklearn's LabelEncoder does."
        )
    if y.ndim == 1 and not loss.rowwise and out_features == 1:
        y = y.reshape(-1, 1)
    return np.ascontiguousarray(y, dtype)


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
    metrics: Sequence[str] = (),
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
    metrics : sequence of str
        scikit-learn scorers: ``"accuracy"``, ``"r2"``, ``"roc_auc"``, ``"f1_macro"`` …
    from_logits : bool
        As in the loss.

    Returns
    -------
    dict
        ``loss`` and one number for each metric.

    Examples
    --------
    >>> from minidl.model import mlp
    >>> net = mlp([1, 1], seed=0)
    >>> sorted(evaluate(net, [[0.0], [1.0]], [0.0, 1.0], loss="mse", metrics=["r2"]))
    ['loss', 'r2']
    """
    loss = get_loss(loss)
    X = np.asarray(X, net.dtype)
    targets = aligned(y, loss, net.out_features, net.dtype)
    if len(X) != len(targets):
        raise ShapeError("y", f"{len(X)} rows, as X has", f"{len(targets)}", "Check the split.")
    measured = {"loss": clean_loss(net, X, targets, loss, from_logits)}
    if metrics:
        outputs = net.predict(X)
        for name in metrics:
            measured[name] = score(name, np.asarray(y), outputs, loss, from_logits)
    return measured


def score(name: str, y: np.ndarray, outputs: np.ndarray, loss: Loss, from_logits: bool) -> float:
    """One scikit-learn scorer on a network's outputs."""
    from sklearn.metrics import get_scorer, get_scorer_names

    if name not in get_scorer_names():
        otherwise = "See sklearn.metrics.get_scorer_names()."
        remedy = did_you_mean(name, get_scorer_names(), otherwise)
        raise UnknownNameError("metrics", "a scikit-learn scorer", repr(name), remedy)
    classifies = loss.rowwise or loss.target == SIGNS or loss.link == "sigmoid"
    labels_only = np.issubdtype(y.dtype, np.integer) and not classifies and y.ndim == 1
    if (classifies or labels_only) and not name.startswith(("r2", "neg_mean", "neg_root", "max")):
        estimator, y = _classifier(y, outputs, loss, from_logits)
    else:
        estimator = _regressor(outputs.reshape(np.shape(y)))
    return float(get_scorer(name)(estimator, np.zeros((len(outputs), 1)), y))


def score_predictions(name: str, y: np.ndarray, predicted: np.ndarray) -> float:
    """One scikit-learn scorer on predictions that are final: labels, or numbers."""
    from sklearn.metrics import get_scorer

    return float(get_scorer(name)(_regressor(predicted), np.zeros((len(y), 1)), y))


def decide(outputs: np.ndarray, loss: Loss, from_logits: bool = False) -> np.ndarray:
    """Class numbers (0, 1, …) from outputs: the largest column, or above the middle."""
    if outputs.ndim == 2 and outputs.shape[1] > 1 and not _several_labels(loss):
        return outputs.argmax(axis=1)
    middle = 0.0 if from_logits or loss.target == SIGNS else 0.5
    decided = (outputs > middle).astype(np.int64)
    return decided.reshape(-1) if decided.shape[1:] == (1,) else decided


def _several_labels(loss: Loss) -> bool:
    return not loss.rowwise and (loss.link == "sigmoid" or loss.target == SIGNS)


def _classifier(y: np.ndarray, outputs: np.ndarray, loss: Loss, from_logits: bool) -> Any:
    from sklearn.base import BaseEstimator, ClassifierMixin

    if y.ndim == 2 and y.shape[1] == 1:
        y = y.reshape(-1)
    if y.ndim == 2 and not _several_labels(loss):
        y = y.argmax(axis=1)
    if loss.target == SIGNS:
        y = (y > 0).astype(np.int64)
    y = y.astype(np.int64)
    decided = decide(outputs, loss, from_logits)
    wide = outputs.ndim == 2 and outputs.shape[1] > 1
    scores = outputs if wide else outputs.reshape(-1)

    class Predicted(ClassifierMixin, BaseEstimator):
        classes_ = np.arange(outputs.shape[1] if wide else 2)

        def predict(self, X: Any) -> np.ndarray:
            return decided

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
