"""fit: epoch, batch, step."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from minidl.core import MinidlError, Together, distinct, progress, whole_number
from minidl.data import check_resolution
from minidl.nn import ClassWeight, Loss, Network, class_weights, get_loss, row_weights
from minidl.optim import Optimizer, Rate, get_optimizer
from minidl.training.callbacks import Callback, EarlyStopping, checked_callbacks
from minidl.training.evaluation import check_data, check_weights
from minidl.training.history import History
from minidl.training.metrics import metric_names
from minidl.training.runner import Runner
from minidl.training.validation import Rows, Validation, set_aside


def fit(
    net: Network,
    X: Any,
    y: Any,
    *,
    loss: Any,
    optimizer: Any = "adam",
    learning_rate: Rate | None = None,
    epochs: int = 100,
    batch_size: int = 32,
    validation_data: Sequence[Any] | None = None,
    validation_split: float | None = 0.0,
    early_stopping: int | EarlyStopping | None = None,
    callbacks: Sequence[Callback] = (),
    metrics: Sequence[str] | str = (),
    sample_weight: Any = None,
    class_weight: ClassWeight | None = None,
    from_logits: bool = False,
    shuffle: bool = True,
    seed: int = 0,
    record: str | bool = "auto",
    verbose: bool | None = None,
) -> History:
    """Train a network on a table.

    Parameters
    ----------
    net : Sequential
    X : array of shape (rows, features), which is copied, as y is
    y : array
        Targets as the loss wants them; shape (rows,) is fine for a one-unit output.
    loss : str or loss
    optimizer : str, class or Optimizer
        One already made on ``net.parameters()`` continues its state.
    learning_rate : float or Schedule, optional
        The optimizer's own default if left out.
    epochs, batch_size : int
        How often every row is used, and how many rows make an update.
    validation_data : (X, y) or (X, y, sample_weight), optional
        Measured after each epoch, as ``val_loss`` and ``val_<metric>``: what ``evaluate`` gives.
    validation_split : float, optional
        Share of the rows, chosen by seed, that is kept for validation instead, with their
        weights; None is 0.
    early_stopping : int or EarlyStopping, optional
        Patience in epochs; the best weights come back. What is watched is ``val_loss``, or, where
        there are no validation data, ``loss``, which then is that of a pass over all rows after
        each epoch: the number that the weights have which come back.
    callbacks : sequence of Callback
    metrics : sequence of str, or str
        scikit-learn scorers, measured on the validation data, see ``evaluate``. NaN where one has
        no number.
    sample_weight : array of shape (rows,), optional
        Counts in ``loss``, and, for rows that are kept for validation, in ``val_loss`` and
        ``val_<metric>``. A batch's mean divides by the weights of its rows.
    class_weight : mapping of class number to weight, or "balanced", optional
        Multiplies into ``sample_weight``, and into that of all validation data. "balanced" is
        rows / (classes · rows of the class), counted in ``y``.
    from_logits : bool
        As in the loss.
    shuffle : bool
        A new order for every epoch, decided by ``seed`` and the optimizer's steps so far.
    seed : int
    record : "auto" or bool
        Train by a recorded program, at the machine's speed and to the same bits. ``"auto"``
        trains eagerly, and says so, where a layer of your own cannot be recorded. A callback
        that runs after every batch may change anything: then each batch is an eager step, as it
        is inside ``detect_anomaly``.
    verbose : bool, optional
        A progress bar; by default on a terminal only.

    Returns
    -------
    History
        ``history["loss"]`` … Ctrl-C ends training and returns what was learned.

    Raises
    ------
    MinidlError
        Before any training, where data, network and loss do not fit each other, or a metric
        could not be measured.

    Warns
    -----
    RuntimeWarning
        Where training diverged: it ends with the epoch whose loss is not finite. Where weights
        cancel, as most batches hold rows of one weight only. After training, for a metric that
        was not defined in some epoch.

    Examples
    --------
    >>> from minidl.model import mlp
    >>> net = mlp([1, 8, 1], hidden="tanh", seed=0)
    >>> X = np.linspace(-1, 1, 64).reshape(-1, 1)
    >>> history = fit(net, X, X[:, 0] ** 2, loss="mse", learning_rate=1e-2, epochs=200)
    >>> history["loss"][-1] < 0.01
    True
    """
    loss = get_loss(loss)
    epochs = whole_number("epochs", epochs, 1, example=100)
    batch_size = whole_number("batch_size", batch_size, 1, example=32)
    seed = whole_number("seed", seed, 0, example=0)
    rows, by_class = _training_rows(net, X, y, loss, from_logits, sample_weight, class_weight)
    rows, aside = set_aside(
        net, rows, loss, from_logits, validation_data, validation_split, by_class, seed
    )
    check_weights("fit", rows.weights, " that is trained on")
    validation = Validation(net, aside, loss, from_logits, metric_names(metrics))
    watchers = checked_callbacks(callbacks, early_stopping)
    history = History(["loss", *validation.curves])
    _prepare_stopping(watchers, history, validation, rows)
    parameters = net.parameters()
    with Together(distinct(p._training for p in parameters)):  # no other thread trains them
        net._renumber()
        net.optimizer = get_optimizer(optimizer, parameters, learning_rate)
        net.optimizer._check_trainable("fit")
        runner = Runner(net, rows.arrays(), loss, from_logits, batch_size, watchers, record)
        order = partial(_next_order, runner, seed, shuffle)
        if rows.weights is not None:
            weighing = "sample_weight" if class_weight is None else "class_weight"
            _warn_of_cancelled(rows.weights[order()], batch_size, f"fit({weighing}=…)")
        _run_epochs(runner, epochs, order, validation, history, verbose)
    for watcher in watchers:  # early stopping first: the others see what fit returns
        watcher.on_training_end(net, history)
    validation.warn(stacklevel=2)
    if history.stopped == "diverged":
        _warn_of_divergence(history, net.optimizer)
    return history


def _training_rows(
    net: Network,
    X: Any,
    y: Any,
    loss: Loss,
    from_logits: bool,
    sample_weight: Any,
    class_weight: ClassWeight | None,
) -> tuple[Rows, ClassWeight | None]:
    """The rows with their weights, copied, and each class's weight, which validation takes too."""
    given = X, y
    X, y = check_data(net, X, y, loss, from_logits, copy=True)  # others may write into theirs
    check_resolution("X", given[0], X)
    check_resolution("y", given[1], y)
    by_class = None  # "balanced" is counted here
    if class_weight is not None:
        by_class = class_weights(y, class_weight, "fit(class_weight=…)")
    weights = row_weights(y, sample_weight, by_class, "fit")
    return Rows(X, y, None if weights is None else weights.copy()), by_class


def _next_order(runner: Runner, seed: int, shuffle: bool) -> np.ndarray:
    """The rows' order in the next epoch."""
    return runner.batches.order(seed, runner.optimizer.steps, shuffle)


def _run_epochs(
    runner: Runner,
    epochs: int,
    order: Callable[[], np.ndarray],
    validation: Validation,
    history: History,
    verbose: bool | None,
) -> None:
    """Epoch after epoch, until they are done or something ends training."""
    # Recording compiles: the bar says so.
    with runner.optimizer._alone(), _progress(epochs, verbose) as advance:
        for watcher in runner.watchers:
            watcher.on_training_begin(runner.net, list(history))
        try:
            for epoch in range(epochs):
                rows = order()
                runner.prepare(rows)
                history.stopped = _epoch(runner, epoch, rows, validation, history, advance)
                if history.stopped != "finished":
                    break
        except KeyboardInterrupt:
            history.stopped = "interrupted"
        finally:
            runner.keep()


def _warn_of_divergence(history: History, optimizer: Optimizer) -> None:
    losses = history["loss"]
    back = "" if history.best_epoch is None else f"; the weights are epoch {history.best_epoch}'s"
    warnings.warn(
        f"training diverged: the loss was {losses[-1]:g} in epoch {len(losses) - 1}, counted from "
        f"0{back}. Lower learning_rate={optimizer.learning_rate:g}, or standardise X and y; inside "
        "ml.detect_anomaly() fit stops at the operation that made the first such number.",
        RuntimeWarning,
        stacklevel=3,
    )


def _prepare_stopping(
    watchers: Sequence[Callback], history: History, validation: Validation, rows: Rows
) -> None:
    """See to it that what early stopping watches is measured, and on something."""
    for stopping in watchers:
        if isinstance(stopping, EarlyStopping):
            if stopping.watched(list(history)) == "loss":
                validation.training = rows
            else:
                validation.check_weights("fit(early_stopping=…)")


def _warn_of_cancelled(weights: np.ndarray, size: int, culprit: str) -> None:
    """Warn where batches hold rows of one weight only: their means divide by what they weigh."""
    batch = np.arange(len(weights)) // size
    starts = np.arange(0, len(weights), size)
    # A weight of 0 leaves its row out, whatever the others are.
    least = np.minimum.reduceat(np.where(weights > 0, weights, np.inf), starts)
    alike = (least >= np.maximum.reduceat(weights, starts))[batch]
    kinds, kind = np.unique(weights, return_inverse=True)
    share = np.bincount(kind, alike) / np.bincount(kind)  # of the rows of each weight
    if np.count_nonzero(kinds) > 1 and (share[kinds > 0] > 0.5).all():
        warnings.warn(
            f"{culprit} cancels: in most batches of {size} all rows weigh the same, and a batch's "
            "mean divides by its weights, so that they change next to nothing. Raise batch_size, "
            "and leave shuffle=True, so that batches hold rows of several weights.",
            RuntimeWarning,
            stacklevel=3,
        )


def _epoch(
    runner: Runner,
    epoch: int,
    order: np.ndarray,
    validation: Validation,
    history: History,
    advance: Callable[[Mapping[str, float]], None],
) -> str:
    """Train on every row once, measure, tell the callbacks; says why training should end."""
    try:
        measured = {"loss": runner.epoch(order)}
        if np.isfinite(measured["loss"]):  # a network of NaN has nothing to measure
            measured |= validation.measure()
    except MinidlError as error:
        error.epoch = epoch
        raise
    history.add(measured)
    advance(measured)
    if not np.isfinite(measured["loss"]):
        return "diverged"
    stops = [watcher.on_epoch_end(runner.net, epoch, measured) for watcher in runner.watchers]
    return "stopped by a callback" if any(stops) else "finished"


@contextmanager
def _progress(epochs: int, verbose: bool | None) -> Iterator[Callable[[Mapping[str, float]], None]]:
    """A bar that shows what the last epoch measured."""
    with progress("epoch", epochs, verbose=verbose) as advance:
        yield lambda measured: advance(
            "  ".join(f"{name} {value:.4g}" for name, value in measured.items())
        )
