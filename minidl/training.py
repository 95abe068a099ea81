"""fit: epoch, batch, step."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np

from minidl.callbacks import Callback, EarlyStopping, checked_callbacks
from minidl.criterion import Loss
from minidl.data.checks import check_resolution
from minidl.errors import AnomalyError, ArgumentError, DataError, RecordError
from minidl.evaluation import check_data, clean_loss, find_scorer, score
from minidl.history import History
from minidl.kernels.jit import watcher
from minidl.kernels.random import permutation
from minidl.layer import Layer
from minidl.losses import get_loss
from minidl.model import Sequential
from minidl.optimizers import Optimizer, get_optimizer
from minidl.program import Program
from minidl.program import record as write_down
from minidl.progress import progress
from minidl.schedules import Rate
from minidl.seeds import generator
from minidl.settings import SHARE, number, whole_number
from minidl.tensor import Tensor
from minidl.weighting import ClassWeight, row_weights


def fit(
    net: Sequential,
    X: Any,
    y: Any,
    *,
    loss: Any,
    optimizer: Any = "adam",
    learning_rate: Rate | None = None,
    epochs: int = 100,
    batch_size: int = 32,
    validation_data: tuple[Any, Any] | None = None,
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
    validation_data : (X, y), optional
        Measured after each epoch, as ``val_loss`` and ``val_<metric>``.
    validation_split : float, optional
        Share of the rows, chosen by seed, that is kept for validation instead; None is 0.
    early_stopping : int or EarlyStopping, optional
        Patience in epochs; the best weights come back. What is watched is ``val_loss``, or, where
        there are no validation data, ``loss``.
    callbacks : sequence of Callback
    metrics : sequence of str, or str
        scikit-learn scorers, measured on the validation data.
    sample_weight : array of shape (rows,), optional
    class_weight : mapping of class number to weight, or "balanced", optional
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
        Before any training, where data, network and loss do not fit each other.

    Warns
    -----
    RuntimeWarning
        Where training diverged: it ends with the epoch whose loss is not finite.

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
    given = X, y
    X, y = check_data(net, X, y, loss, from_logits, copy=True)  # others may write into theirs
    check_resolution("X", given[0], X)
    check_resolution("y", given[1], y)
    weights = row_weights(y, sample_weight, class_weight, "fit")
    X, y, weights, validation = _set_aside(
        net, X, y, weights, loss, from_logits, validation_data, validation_split, seed
    )
    _check_weights(weights)
    metrics = _checked_metrics(metrics, loss, validation)
    net.optimizer = get_optimizer(optimizer, net.parameters(), learning_rate)
    watchers = checked_callbacks(callbacks, early_stopping)
    data = (X, y) if weights is None else (X, y, weights.copy())
    curves = ["loss"] + ["val_loss", *(f"val_{name}" for name in metrics)] * bool(validation)
    history = History(curves)

    def validate() -> dict[str, float]:
        return _validate(net, validation, loss, from_logits, metrics)

    with _progress(epochs, verbose) as advance:  # recording compiles: the bar says so
        trainer = _Trainer(net, data, loss, from_logits, batch_size, watchers, record)
        trainer.prepare()
        for watcher in watchers:
            watcher.training_began(net, curves)
        try:
            for epoch in range(epochs):
                trainer.prepare()
                steps = net.optimizer.steps
                order = permutation(len(X), seed, steps) if shuffle else np.arange(len(X))
                history.stopped = _epoch(trainer, epoch, order, validate, history, advance)
                if history.stopped != "finished":
                    break
        except KeyboardInterrupt:
            history.stopped = "interrupted"
    for watcher in watchers:
        watcher.training_ended(net, history)
    if history.stopped == "diverged":
        _warn_of_divergence(history, net.optimizer)
    return history


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


def _check_weights(weights: np.ndarray | None) -> None:
    if weights is not None and not weights.any():
        got, remedy = "0 for every row that is trained on", "Give one of them a weight."
        raise ArgumentError("fit", "a weight above 0", got, remedy)


def _checked_metrics(metrics: Sequence[str] | str, loss: Loss, validation: Any) -> list[str]:
    """The metrics' names; refused, before any training, where they could not be measured."""
    names = [metrics] if isinstance(metrics, str) else list(metrics)
    if names and validation is None:
        raise ArgumentError(
            "fit(metrics=…)",
            "validation data, which metrics are measured on",
            "none",
            "Write validation_split=0.2, or call ml.evaluate afterwards.",
        )
    for name in names:
        find_scorer(name, loss)
    return names


def _epoch(
    trainer: _Trainer,
    epoch: int,
    order: np.ndarray,
    validate: Callable[[], dict[str, float]],
    history: History,
    advance: Callable[[Mapping[str, float]], None],
) -> str:
    """Train on every row once, measure, tell the callbacks; says why training should end."""
    try:
        measured = {"loss": trainer.epoch(order)}
        diverged = not np.isfinite(measured["loss"])
        if not diverged:  # a network of NaN has nothing to measure
            measured |= validate()
    except AnomalyError as error:
        error.epoch = epoch
        raise
    history.add(measured)
    advance(measured)
    if diverged:
        return "diverged"
    stops = [watcher.epoch_ended(trainer.net, epoch, measured) for watcher in trainer.watchers]
    return "stopped by a callback" if any(stops) else "finished"


def step(
    net: Sequential,
    x: Any,
    t: Any,
    loss: Loss,
    optimizer: Optimizer,
    from_logits: bool = False,
    weights: Any = None,
) -> Tensor:
    """One update from one batch; returns the batch's loss before it."""
    value: Tensor = loss(t, net(x, training=True), from_logits=from_logits, sample_weight=weights)
    for parameter in net.parameters():  # also those that the optimizer leaves alone
        parameter.grad = None
    value.backward()
    optimizer.step()
    return value


def _is_foreign(part: Any) -> bool:
    """Whether it is, or holds, something of the user's own, which may change what a step does."""
    inner = [held for _, held in part.parts()] if isinstance(part, Layer) else []
    return not type(part).__module__.startswith("minidl.") or any(map(_is_foreign, inner))


class _Trainer:
    """Runs epochs: by a recorded program if it can, else eagerly; to the same bits."""

    def __init__(
        self,
        net: Sequential,
        data: Sequence[np.ndarray],
        loss: Loss,
        from_logits: bool,
        batch_size: int,
        watchers: Sequence[Callback],
        record: str | bool,
    ) -> None:
        if record not in ("auto", True, False):
            expected, remedy = "'auto', True or False", "Leave it out."
            raise ArgumentError("fit(record=…)", expected, repr(record), remedy)
        optimizer = net.optimizer
        assert optimizer is not None
        self.net, self.data, self.watchers, self.record = net, data, watchers, record
        self.rows = min(batch_size, len(data[0]))
        self.step = lambda x, t, w=None: step(net, x, t, loss, optimizer, from_logits, w)
        self.foreign = any(map(_is_foreign, (net, loss, optimizer)))
        self.watched = any(map(_is_foreign, watchers))
        self.batch_by_batch = [
            w for w in watchers if type(w).batch_ended is not Callback.batch_ended
        ]
        self.program: Program | None = None
        # Whoever looks for anomalies looks at eager steps, which know layers and rows.
        self.recorded = record is not False and not self.batch_by_batch and watcher() is None

    def prepare(self) -> None:
        """Before an epoch: write the step down; if that fails, go on eagerly and say so."""
        if not self.recorded:
            return
        try:
            if self.program is None:
                self._record()
            elif self.foreign or self.watched:
                self._confirm(self.program)
        except RecordError as error:
            if self.record is True:
                raise
            self.recorded, self.program = False, None
            warnings.warn(f"training eagerly, which is slower: {error}", stacklevel=3)

    def _record(self) -> None:
        batch = [part[: self.rows] for part in self.data]
        self.program = write_down(self.step, *batch, dtype=self.net.dtype)

    def _confirm(self, program: Program) -> None:
        """An error if the step changes by itself; a callback changes it for good."""
        try:
            program.confirm()
        except RecordError:
            if self.foreign:
                raise
            self._record()

    def epoch(self, order: np.ndarray) -> float:
        """Every batch once, in this order; the running mean of their losses, weighed by rows."""
        batches = [order[i : i + self.rows] for i in range(0, len(order), self.rows)]
        if self.program is not None:
            losses = self.program.run(*self.data, order=order, confirm=False).tolist()
        else:
            losses = [self._batch(number, rows) for number, rows in enumerate(batches)]
        total = 0.0
        for rows, value in zip(batches, losses, strict=True):
            total += value * len(rows)
        return total / len(order)

    def _batch(self, number: int, rows: np.ndarray) -> float:
        try:
            value = float(self.step(*(part[rows] for part in self.data)).item())
        except AnomalyError as error:
            error.batch = number
            ahead = error.phase in ("forward", "loss") and not error.foreign
            if ahead and error.shape[:1] == rows.shape:
                error.row = int(rows[error.index[0]])
            raise
        for callback in self.batch_by_batch:
            callback.batch_ended(self.net, value)
        return value


def _set_aside(
    net: Sequential,
    X: np.ndarray,
    y: np.ndarray,
    weights: np.ndarray | None,
    loss: Loss,
    from_logits: bool,
    validation_data: Any,
    share: float | None,
    seed: int,
) -> Any:
    """What is trained on, and what is kept for validation."""
    share = number("validation_split", 0 if share is None else share, SHARE, "validation_split=0.2")
    if validation_data is not None:
        X_valid, y_valid = _pair(validation_data, share)
        valid = check_data(net, X_valid, y_valid, loss, from_logits, "validation ", copy=True)
        return X, y, weights, valid
    if not share:
        return X, y, weights, None
    order = generator("validation", seed).permutation(len(X))
    kept = max(1, round(len(X) * share))
    aside, rest = order[:kept], order[kept:]
    if not len(rest):
        raise DataError("X", "rows to train on", f"{len(X)} in all", "Lower validation_split.")
    return X[rest], y[rest], None if weights is None else weights[rest], (X[aside], y[aside])


def _pair(validation_data: Any, share: float) -> Any:
    """Validation data as they were given, if they are two arrays and no share is set aside."""
    if share:
        raise ArgumentError(
            "validation_split", "0 beside validation_data", str(share), "Give one of the two."
        )
    try:
        X, y = validation_data
    except (TypeError, ValueError) as error:
        got = f"a {type(validation_data).__name__}"
        with suppress(TypeError):  # a number has no length
            got = f"{got} of {len(validation_data)}"
        raise ArgumentError(
            "fit(validation_data=…)",
            "the two arrays (X, y)",
            got,
            "Write validation_data=(X_validation, y_validation), or validation_split=0.2.",
        ) from error
    return X, y


def _validate(
    net: Sequential, validation: Any, loss: Loss, from_logits: bool, metrics: Sequence[str]
) -> dict[str, float]:
    if validation is None:
        return {}
    X, y = validation
    measured = {"val_loss": clean_loss(net, X, y, loss, from_logits)}
    if metrics:
        outputs = net.predict(X)
        for name in metrics:
            measured[f"val_{name}"] = score(name, y, outputs, loss, from_logits)
    return measured


@contextmanager
def _progress(epochs: int, verbose: bool | None) -> Iterator[Callable[[Mapping[str, float]], None]]:
    """A bar that shows what the last epoch measured."""
    with progress("epoch", epochs, verbose=verbose) as advance:
        yield lambda measured: advance(
            "  ".join(f"{name} {value:.4g}" for name, value in measured.items())
        )
