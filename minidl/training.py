"""fit: epoch, batch, step."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from minidl.callbacks import Callback, EarlyStopping
from minidl.criterion import Loss
from minidl.data.checks import check_finite
from minidl.domains import unfit
from minidl.errors import ArgumentError, DataError, DomainError, RecordError, ShapeError
from minidl.evaluation import aligned, clean_loss, score
from minidl.history import History
from minidl.kernels.random import permutation
from minidl.losses import get_loss
from minidl.model import Sequential
from minidl.optimizers import Optimizer, get_optimizer
from minidl.program import Program
from minidl.program import record as write_down
from minidl.progress import progress
from minidl.schedules import Schedule
from minidl.tensor import Tensor
from minidl.weighting import ClassWeight, row_weights


def fit(
    net: Sequential,
    X: Any,
    y: Any,
    *,
    loss: Any,
    optimizer: Any = "adam",
    learning_rate: float | Schedule | None = None,
    epochs: int = 100,
    batch_size: int = 32,
    validation_data: tuple[Any, Any] | None = None,
    validation_split: float = 0.0,
    early_stopping: int | EarlyStopping | None = None,
    callbacks: Sequence[Callback] = (),
    metrics: Sequence[str] = (),
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
    X : array of shape (rows, features)
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
    validation_split : float
        Share of the rows, chosen by seed, that is kept for validation instead.
    early_stopping : int or EarlyStopping, optional
        Patience in epochs; the best weights come back.
    callbacks : sequence of Callback
    metrics : sequence of str
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
        trains eagerly, and says so, where a layer of your own cannot be recorded.
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
    for name, value in (("epochs", epochs), ("batch_size", batch_size)):
        if int(value) != value or value < 1:
            raise ArgumentError(
                f"fit({name}=…)", "a whole number of at least 1", str(value), f"Write {name}=32."
            )
    X, y = check_data(net, X, y, loss, from_logits, "")
    weights = row_weights(y, sample_weight, class_weight, "fit")
    X, y, weights, validation = _set_aside(
        net, X, y, weights, loss, from_logits, validation_data, validation_split, seed
    )
    made = get_optimizer(optimizer, net.parameters(), learning_rate)
    net.optimizer = made
    watchers = list(callbacks)
    if early_stopping is not None:
        stopping = early_stopping if not isinstance(early_stopping, int) else None
        monitor = "val_loss" if validation else "loss"
        watchers.append(stopping or EarlyStopping(int(early_stopping), monitor))  # type: ignore[arg-type]
    history = History()
    data = (X, y) if weights is None else (X, y, weights)
    trainer = _Trainer(net, data, loss, from_logits, made, batch_size, watchers, record)
    for watcher in watchers:
        watcher.training_began(net)
    try:
        with _progress(epochs, verbose) as advance:
            for epoch in range(epochs):
                order = permutation(len(X), seed, made.steps) if shuffle else np.arange(len(X))
                losses = trainer.epoch(order)
                mean = _mean(losses, len(order), batch_size)
                measured = {"loss": mean, **_validate(net, validation, loss, from_logits, metrics)}
                history.add(measured)
                advance(measured)
                if not np.isfinite(mean):
                    history.stopped = "diverged"
                    break
                stops = [watcher.epoch_ended(net, epoch, measured) for watcher in watchers]
                if any(stops):
                    history.stopped = "stopped by a callback"
                    break
    except KeyboardInterrupt:
        history.stopped = "interrupted"
    for watcher in watchers:
        watcher.training_ended(net, history)
    return history


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
    optimizer.zero_grad()
    value.backward()
    optimizer.step()
    return value


class _Trainer:
    """Runs epochs: by a recorded program if it can, else eagerly; to the same bits."""

    def __init__(
        self,
        net: Sequential,
        data: Sequence[np.ndarray],
        loss: Loss,
        from_logits: bool,
        optimizer: Optimizer,
        batch_size: int,
        watchers: Sequence[Callback],
        record: str | bool,
    ) -> None:
        if record not in ("auto", True, False):
            raise ArgumentError("fit(record=…)", "'auto', True or False", repr(record), "Leave it.")
        self.net, self.data, self.batch_size, self.record = net, data, batch_size, record
        self.watchers = [w for w in watchers if type(w).batch_ended is not Callback.batch_ended]
        # minidl's own layers do the same for every batch; others are asked before each epoch.
        self.foreign = any(not type(layer).__module__.startswith("minidl.") for layer in net)
        self.step = lambda x, t, w=None: step(net, x, t, loss, optimizer, from_logits, w)
        self.program: Program | None = None
        if record:
            self._try(self._record)

    def _record(self) -> None:
        rows = min(self.batch_size, len(self.data[0]))
        batch = [part[:rows] for part in self.data]
        self.program = write_down(self.step, *batch, dtype=self.net.dtype)

    def _try(self, action: Callable[[], object]) -> None:
        """Go on eagerly, and say so, where a step cannot be recorded."""
        try:
            action()
        except RecordError as error:
            if self.record is True:
                raise
            self.program = None
            warnings.warn(f"training eagerly, which is slower: {error}", stacklevel=5)

    def epoch(self, order: np.ndarray) -> list[float]:
        """Every batch once, in this order; the loss of each."""
        if self.program is not None and self.foreign:
            self._try(self.program.confirm)
        if self.program is not None and not self.watchers:
            return self.program.run(*self.data, order=order, confirm=False).tolist()
        losses = []
        for start in range(0, len(order), self.batch_size):
            rows = order[start : start + self.batch_size]
            if self.program is not None:
                value = float(self.program.run(*self.data, order=rows, confirm=False)[0])
            else:
                value = float(self.step(*(part[rows] for part in self.data)).item())
            losses.append(value)
            for watcher in self.watchers:
                watcher.batch_ended(self.net, value)
        return losses


def _mean(losses: Sequence[float], rows: int, batch_size: int) -> float:
    """The running mean of an epoch: batches weighed by their rows."""
    total = 0.0
    for i, value in enumerate(losses):
        total += value * min(batch_size, rows - i * batch_size)
    return total / rows


def check_data(
    net: Sequential, X: Any, y: Any, loss: Loss, from_logits: bool, prefix: str
) -> tuple[np.ndarray, np.ndarray]:
    """X and y as the network and the loss want them, or an error that says what to change."""
    activation = net.output_activation
    reason = unfit(activation, loss) if activation is not None and not from_logits else None
    if reason:
        raise DomainError(
            f"{net.layers[-1].name} under {loss.name}",
            f"predictions in {loss.prediction}",
            reason,
            f"Write output={loss.link!r}, or from_logits=True for a linear output."
            if loss.link
            else "Choose another output activation or loss.",
        )
    raw = np.asarray(X)
    if raw.dtype.kind not in "fiub":
        raise DataError(f"{prefix}X", "numbers", str(raw.dtype), "Turn text into numbers first.")
    X = np.ascontiguousarray(raw, net.dtype)
    if X.ndim < 2:
        raise ShapeError(
            f"{prefix}X", "shape (rows, features)", f"shape {X.shape}", "Write X.reshape(-1, 1)."
        )
    y = aligned(y, loss, net.out_features, net.dtype)
    if not len(X):
        raise DataError(f"{prefix}X", "at least one row", "none", "Check how it was loaded.")
    if y.ndim == 0 or len(y) != len(X):
        raise ShapeError(
            f"{prefix}y", f"{len(X)} rows, as X has", f"shape {y.shape}", "Check the split."
        )
    check_finite(f"{prefix}X", X)
    check_finite(f"{prefix}y", y)
    features = next((n for n in (layer.in_features for layer in net) if n), None)
    if features is not None and X.shape[-1] != features:
        raise ShapeError(
            f"{prefix}X",
            f"{features} features, as {net[0].name} has {features} inputs",
            f"shape {X.shape}",
            f"Build the network for {X.shape[-1]} features: ml.mlp([{X.shape[-1]}, …]).",
        )
    outputs = (len(X), net.out_features) if net.out_features else y.shape
    loss.check_shapes(y.shape, outputs)
    loss.check_domains(y, np.zeros(outputs, net.dtype), from_logits=True)
    return X, y


def _set_aside(
    net: Sequential,
    X: np.ndarray,
    y: np.ndarray,
    weights: np.ndarray | None,
    loss: Loss,
    from_logits: bool,
    validation_data: tuple[Any, Any] | None,
    share: float,
    seed: int,
) -> Any:
    """What is trained on, and what is kept for validation."""
    if validation_data is not None:
        if share:
            raise ArgumentError(
                "validation_split", "0 beside validation_data", str(share), "Give one of the two."
            )
        valid = check_data(net, *validation_data, loss, from_logits, "validation ")
        return X, y, weights, valid
    if not share:
        return X, y, weights, None
    if not 0 < share < 1:
        raise ArgumentError(
            "validation_split", "a share in (0, 1)", str(share), "Write validation_split=0.2."
        )
    order = permutation(len(X), seed, -1)
    kept = max(1, round(len(X) * share))
    aside, rest = order[:kept], order[kept:]
    if not len(rest):
        raise DataError("X", "rows to train on", f"{len(X)} in all", "Lower validation_split.")
    return X[rest], y[rest], None if weights is None else weights[rest], (X[aside], y[aside])


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
