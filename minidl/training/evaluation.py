"""How good is it? The loss of a clean pass, and metrics; what data must be to be measured on."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from contextlib import suppress
from math import prod
from typing import Any

import numpy as np

from minidl.autodiff import no_grad
from minidl.core import (
    ArgumentError,
    DataError,
    DomainError,
    MinidlError,
    ShapeError,
    as_numbers,
    as_written_for,
    cast_checked,
    reshaping,
)
from minidl.data import Batches, check_finite
from minidl.nn import ClassWeight, Loss, Network, get_loss, row_weights, unfit
from minidl.training.metrics import check_metric, linked, metric_names, score


def check_data(
    net: Network,
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
    X = _checked_inputs(net, X, f"{prefix}X", copy)
    y, targets = as_numbers(f"{prefix}y", y), y
    outputs = _outputs(net, X) or y.shape
    if y.ndim == 1 and not loss.rowwise and outputs[1:] == (1,):
        y = y.reshape(-1, 1)  # labels of shape (n,) meet a one-unit output without ado
    y = cast_checked(f"{prefix}y", y, net.dtype, copy)
    if y.ndim == 0 or len(y) != len(X):
        raise ShapeError(
            f"{prefix}y", f"{len(X)} rows, as X has", f"shape {y.shape}", "Check the split."
        )
    check_finite(f"{prefix}y", y)
    try:
        loss.check_shapes(y.shape, outputs)
        loss.check_domains(y, np.zeros(outputs, net.dtype), from_logits=True)
    except MinidlError as error:  # whoever calls fit(validation_data=…) wrote no y_true
        culprit = error.culprit.replace(f"{loss.name}(y_true=…)", f"{prefix}y under {loss.name}")
        remedy = as_written_for(error.remedy.replace("y_true.", "y."), "y", targets)
        raise type(error)(culprit, error.expected, error.got, remedy) from None
    return X, y


def _checked_inputs(net: Network, given: Any, culprit: str, copy: bool | None = None) -> np.ndarray:
    X = cast_checked(culprit, as_numbers(culprit, given), net.dtype, copy)
    _check_rows(net, X, given, culprit)
    check_finite(culprit, X)
    _check_features(net, X, culprit)
    return X


def _outputs(net: Network, X: np.ndarray) -> tuple[int, ...]:
    """The shape of what the network makes of X; empty where that cannot be told."""
    if net.out_features:
        return len(X), net.out_features
    shape: tuple[int, ...] = ()
    # The last layer declares no width: one row shows it. What it raises a batch will raise too.
    with suppress(Exception), no_grad():
        shape = net(X[:1]).shape
    return (len(X), *shape[1:]) if shape[:1] == (1,) else ()


def _check_rows(net: Network, X: np.ndarray, given: Any, culprit: str) -> None:
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


def _check_features(net: Network, X: np.ndarray, culprit: str) -> None:
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
    if not isinstance(net, Network):
        got, remedy = f"a {type(net).__name__}", "Write ml.mlp([…]), or ml.Sequential(layer, …)."
        raise ArgumentError("net", "a network", got, remedy)


def _check_output(net: Network, loss: Loss, from_logits: bool) -> None:
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
    net: Network,
    X: np.ndarray,
    y: np.ndarray,
    weights: np.ndarray | None = None,
    *,
    loss: Loss,
    from_logits: bool = False,
    batch_size: int = 4096,
) -> float:
    """The mean loss of a pass without training; batches weigh what their rows weigh."""
    losses, batches = [], Batches(len(X), batch_size)
    with no_grad():
        for part in batches:
            of_rows = None if weights is None else weights[part]
            value = loss(y[part], net(X[part]), from_logits=from_logits, sample_weight=of_rows)
            losses.append(float(value.item()))
    return float(batches.mean(losses, weights))


def evaluate(
    net: Network,
    X: Any,
    y: Any,
    *,
    loss: Any,
    metrics: Sequence[str] | str = (),
    sample_weight: Any = None,
    class_weight: ClassWeight | None = None,
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
        better, always. Those of probabilities know every class that the network has a column
        for; a quotient 0/0, such as the precision of a class that is never predicted, is 0.
    sample_weight : array of shape (rows,), optional
        Weights of rows, in the loss and in every metric. Where they add up to 0 the loss is 0.
    class_weight : mapping of class number to weight, or "balanced", optional
        Multiplies into ``sample_weight`` by each row's class.
    from_logits : bool
        As in the loss; metrics see what its link makes of the outputs.

    Returns
    -------
    dict
        ``loss`` and one number for each metric; NaN for one that is not defined for these rows.

    Raises
    ------
    MinidlError
        Where data, network and loss do not fit each other, or a metric does not suit the loss,
        or takes no weights.

    Warns
    -----
    RuntimeWarning
        Where scikit-learn warns, as for ``"roc_auc"`` of rows of one class.

    Examples
    --------
    >>> from minidl.model import mlp
    >>> net = mlp([1, 1], seed=0)
    >>> sorted(evaluate(net, [[0.0], [1.0]], [0.0, 1.0], loss="mse", metrics=["r2"]))
    ['loss', 'r2']
    """
    loss = get_loss(loss)
    X, y = check_data(net, X, y, loss, from_logits)
    weights = row_weights(y, sample_weight, class_weight, "evaluate")
    measured = {"loss": clean_loss(net, X, y, weights, loss=loss, from_logits=from_logits)}
    names = metric_names(metrics)
    if names:
        check_weights("evaluate(metrics=…)", weights)
        outputs = predictions(net, X, loss, from_logits)
    for name in names:
        check_metric(name, y, outputs, loss, weights)
        measured[name], doubt = score(name, y, outputs, loss, weights)
        if doubt:
            warnings.warn(f"metrics=[{name!r}]: {doubt}", RuntimeWarning, stacklevel=2)
    return measured


def predictions(net: Network, X: np.ndarray, loss: Loss, from_logits: bool) -> np.ndarray:
    """What the network says of each row, as metrics see it."""
    outputs = net.predict(X)
    return linked(outputs, loss) if from_logits else outputs


def check_weights(culprit: str, weights: np.ndarray | None, rows: str = "") -> None:
    """An error where no row has any weight."""
    if weights is not None and not weights.any():
        got, remedy = f"0 for every row{rows}", "Give one of them a weight."
        raise ArgumentError(culprit, "a weight above 0", got, remedy)
