"""What can watch training, and stop it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from minidl.errors import ArgumentError
from minidl.history import History


class Callback:
    """Subclass and override what you need; return True from ``epoch_ended`` to stop.

    ``batch_ended`` runs after every update, which is slow: leave it alone if you can.
    """

    def training_began(self, net: Any) -> None:
        """Before the first epoch."""

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
        Epochs without improvement that are waited for.
    monitor : str
        The curve, ``"val_loss"`` unless told otherwise; losses fall, everything else rises.
    min_delta : float
        What counts as an improvement.
    restore_best : bool
        Whether the best epoch's weights come back at the end.
    """

    def __init__(
        self,
        patience: int = 10,
        monitor: str = "val_loss",
        min_delta: float = 0.0,
        restore_best: bool = True,
    ) -> None:
        if patience < 1:
            raise ArgumentError(
                "EarlyStopping(patience=…)", "at least 1 epoch", str(patience), "Write patience=10."
            )
        self.patience, self.monitor, self.min_delta = patience, monitor, min_delta
        self.restore_best = restore_best
        self.sign = 1.0 if monitor.endswith("loss") else -1.0

    def training_began(self, net: Any) -> None:
        """Forget what another training left."""
        self.best, self.weights = np.inf, net.block.values.copy()
        self.best_epoch: int | None = None
        self.stopped = False

    def epoch_ended(self, net: Any, epoch: int, measured: Mapping[str, float]) -> bool | None:
        """Keep the weights of a new best epoch; True once patience is over."""
        if self.monitor not in measured:
            raise ArgumentError(
                "EarlyStopping(monitor=…)",
                f"one of {', '.join(measured)}",
                repr(self.monitor),
                "Give fit validation_data=(X, y), or monitor='loss'.",
            )
        value = self.sign * measured[self.monitor]
        if value < self.best - self.min_delta:
            self.best, self.best_epoch = value, epoch
            self.weights[:] = net.block.values
        self.stopped = epoch - (self.best_epoch or 0) >= self.patience
        return self.stopped

    def training_ended(self, net: Any, history: History) -> None:
        """Bring the best weights back."""
        if self.stopped:
            history.stopped = "early stopping"
        if self.restore_best and self.best_epoch is not None:
            net.block.values[:] = self.weights
            history.best_epoch = self.best_epoch
