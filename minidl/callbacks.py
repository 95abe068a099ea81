"""What can watch training, and stop it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from minidl.errors import UnknownNameError
from minidl.history import History
from minidl.registry import did_you_mean
from minidl.settings import number, whole_number


class Callback:
    """Subclass and override what you need; return True from ``epoch_ended`` to stop.

    ``batch_ended`` runs after every update, which is slow: leave it alone if you can.

    Examples
    --------
    >>> class Enough(Callback):
    ...     def epoch_ended(self, net, epoch, measured):
    ...         return measured["loss"] < 0.1
    >>> from minidl.model import mlp
    >>> from minidl.training import fit
    >>> X = np.linspace(-1, 1, 64).reshape(-1, 1)
    >>> net, watcher = mlp([1, 1], seed=0), Enough()
    >>> fit(net, X, X, loss="mse", learning_rate=0.1, callbacks=[watcher]).stopped
    'stopped by a callback'
    """

    def training_began(self, net: Any, curves: Sequence[str] = ()) -> None:
        """Before the first epoch; ``curves`` are the names that will be measured."""

    def batch_ended(self, net: Any, loss: float) -> None:
        """After an update."""

    def epoch_ended(self, net: Any, epoch: int, measured: Mapping[str, float]) -> bool | None:
        """After an epoch (from 0) and its measurements; True stops training."""
        return None

    def training_ended(self, net: Any, history: History) -> None:
        """After the last epoch, also when training was interrupted."""


class EarlyStopping(Callback):
    """Stop when a curve no longer improves, and go back to the best weights.

    Parameters
    ----------
    patience : int
        Epochs without improvement that are waited for, at least 1.
    monitor : str
        The curve, ``"val_loss"`` unless told otherwise. The loss should fall; metrics, which are
        scikit-learn's scorers, should rise (``"val_neg_log_loss"`` too).
    min_delta : float
        What counts as an improvement, at least 0.
    restore_best : bool
        Whether the best epoch's weights come back at the end.

    Raises
    ------
    ArgumentError
        For a patience that is no whole number.
    UnknownNameError
        Before training, for a curve that will not be measured.

    References
    ----------
    Prechelt, "Early Stopping — But When?", 1998.

    Examples
    --------
    >>> from minidl.model import mlp
    >>> from minidl.training import fit
    >>> X = np.linspace(-1, 1, 64).reshape(-1, 1)
    >>> history = fit(mlp([1, 8, 1], "tanh", seed=0), X, X, loss="mse", learning_rate=0.1,
    ...               validation_split=0.5, epochs=500, early_stopping=EarlyStopping(patience=3))
    >>> history.stopped, len(history["loss"]) - 1 - history.best_epoch
    ('early stopping', 3)
    """

    def __init__(
        self,
        patience: int = 10,
        monitor: str = "val_loss",
        min_delta: float = 0.0,
        restore_best: bool = True,
    ) -> None:
        self.patience = whole_number("EarlyStopping(patience=…)", patience, example=10)
        self.min_delta = number("EarlyStopping(min_delta=…)", min_delta, example=1e-4)
        self.monitor, self.restore_best = monitor, restore_best
        self.sign = 1.0 if monitor in ("loss", "val_loss") else -1.0

    def training_began(self, net: Any, curves: Sequence[str] = ()) -> None:
        """Forget what another training left; refuse a curve that will not be measured."""
        if curves:
            self._check_monitor(curves)
        self.best, self.stopped = np.inf, False
        self.best_epoch: int | None = None
        self.weights: list[np.ndarray] = []

    def _check_monitor(self, curves: Collection[str]) -> None:
        if self.monitor not in curves:
            absent = self.monitor.startswith("val_") and "val_loss" not in curves
            raise UnknownNameError(
                "EarlyStopping(monitor=…)",
                f"one of {', '.join(curves)}",
                repr(self.monitor),
                "Give fit validation_data=(X, y), or monitor='loss'."
                if absent
                else did_you_mean(self.monitor, curves, "Name it in fit(metrics=[…])."),
            )

    def epoch_ended(self, net: Any, epoch: int, measured: Mapping[str, float]) -> bool | None:
        """Keep the weights of a new best epoch; True once patience is over."""
        self._check_monitor(measured)
        value = self.sign * measured[self.monitor]
        if value < self.best - self.min_delta:
            self.best, self.best_epoch = value, epoch
            self.weights = [parameter.numpy().copy() for parameter in net.parameters()]
        self.stopped = epoch - (self.best_epoch or 0) >= self.patience
        return self.stopped

    def training_ended(self, net: Any, history: History) -> None:
        """Bring the best weights back."""
        if self.stopped:
            history.stopped = "early stopping"
        if self.restore_best and self.best_epoch is not None:
            for parameter, weights in zip(net.parameters(), self.weights, strict=True):
                parameter.data = weights  # a write that backward knows of
            history.best_epoch = self.best_epoch
