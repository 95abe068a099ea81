"""What can watch training, and stop it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from inspect import signature
from typing import Any

import numpy as np

from minidl.autodiff import Tensor
from minidl.core import ArgumentError, UnknownNameError, did_you_mean, number, whole_number
from minidl.nn import layer_state, restore_layers
from minidl.training.history import History


class Callback:
    """Subclass and override what you need; return True from ``on_epoch_end`` to stop.

    ``on_batch_end`` runs after every update, which is slow: leave it alone if you can. Early
    stopping comes first, then the others as they are listed, so that ``on_training_end`` sees the
    network and the history that ``fit`` returns. An error in a callback ends ``fit`` as it
    stands: nothing is called after it, and nothing restored.

    ``measured["loss"]`` is the mean over batches while the weights changed, so that it belongs
    to no weights in particular, unless early stopping watches it; ``val_loss`` and metrics are
    those of the weights that ``on_epoch_end`` sees. To keep weights by their training loss, ask
    ``minidl.evaluate`` for it.

    Examples
    --------
    >>> class Enough(Callback):
    ...     def on_epoch_end(self, net, epoch, measured):
    ...         return measured["loss"] < 0.1
    >>> from minidl.model import mlp
    >>> from minidl.training import fit
    >>> X = np.linspace(-1, 1, 64).reshape(-1, 1)
    >>> net, watcher = mlp([1, 1], seed=0), Enough()
    >>> fit(net, X, X, loss="mse", learning_rate=0.1, callbacks=[watcher]).stopped
    'stopped by a callback'
    """

    def on_training_begin(self, net: Any, curves: Sequence[str] = ()) -> None:
        """Before the first epoch; ``curves`` are the names that will be measured."""

    def on_batch_end(self, net: Any, loss: float) -> None:
        """After an update."""

    def on_epoch_end(self, net: Any, epoch: int, measured: Mapping[str, float]) -> bool | None:
        """After an epoch (from 0) and its measurements; True stops training."""
        return None

    def on_training_end(self, net: Any, history: History) -> None:
        """After the last epoch, also when training was interrupted."""


class EarlyStopping(Callback):
    """Stop when a curve no longer improves, and go back to the best weights.

    They are those at which the best number was measured, in a pass after an epoch. Where ``loss``
    is watched, ``fit`` takes such a pass over all training rows, and ``history["loss"]`` is what
    it measures; validation data save that time. NaN is never best. Numbers and arrays that layers
    of your own keep, such as running means, come back with the weights.

    Parameters
    ----------
    patience : int
        Epochs without improvement that are waited for, at least 1.
    monitor : str, optional
        The curve; if left out, ``"val_loss"``, or ``"loss"`` where nothing is set aside for
        validation. The loss should fall; metrics, which are scikit-learn's scorers, should rise
        (``"val_neg_log_loss"`` too).
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
        monitor: str | None = None,
        min_delta: float = 0.0,
        restore_best: bool = True,
    ) -> None:
        self.patience = whole_number("EarlyStopping(patience=…)", patience, example=10)
        self.min_delta = number("EarlyStopping(min_delta=…)", min_delta, example=1e-4)
        self.monitor, self.restore_best = monitor, restore_best

    def on_training_begin(self, net: Any, curves: Sequence[str] = ()) -> None:
        """Forget what another training left; refuse a curve that will not be measured."""
        if curves:
            self.watched(curves)
        self.best, self.stopped = np.inf, False
        self.best_epoch: int | None = None
        self.weights: list[tuple[Tensor, np.ndarray]] = []

    def watched(self, curves: Collection[str]) -> str:
        """The curve that is watched, if it is among those measured."""
        monitor = self.monitor or ("val_loss" if "val_loss" in curves else "loss")
        if monitor not in curves:
            absent = monitor.startswith("val_") and "val_loss" not in curves
            raise UnknownNameError(
                "EarlyStopping(monitor=…)",
                f"one of {', '.join(curves)}",
                repr(monitor),
                "Give fit validation_data=(X, y), or monitor='loss'."
                if absent
                else did_you_mean(monitor, curves, "Name it in fit(metrics=[…])."),
            )
        return monitor

    def on_epoch_end(self, net: Any, epoch: int, measured: Mapping[str, float]) -> bool | None:
        """Keep the weights of a new best epoch; True once patience is over."""
        monitor = self.watched(measured)
        falls = monitor in ("loss", "val_loss")
        value = measured[monitor] if falls else -measured[monitor]
        if value < self.best - self.min_delta:  # NaN is no improvement
            self.best, self.best_epoch = value, epoch
            self.weights = [(p, p.numpy().copy()) for p in net.parameters()]
            self.state = layer_state(net)
        self.stopped = epoch - (self.best_epoch or 0) >= self.patience
        return self.stopped

    def on_training_end(self, net: Any, history: History) -> None:
        """Bring the best weights back."""
        if self.stopped:
            history.stopped = "early stopping"
        if self.restore_best and self.best_epoch is not None:
            for parameter, weights in self.weights:
                parameter.data = weights  # a write that backward knows of
            restore_layers(self.state)
            history.best_epoch = self.best_epoch


HOOKS = {name: signature(x) for name, x in vars(Callback).items() if not name.startswith("_")}
"""What fit calls, and with what."""

OTHER_NAMES: Mapping[str, Sequence[str]] = {
    "on_training_begin": (
        "training_began", "on_train_begin", "on_train_start", "on_fit_start", "train_begin",
        "training_begin", "training_begins", "training_started",
    ),
    "on_batch_end": (
        "batch_ended", "on_train_batch_end", "batch_end", "batch_ends", "step_end", "step_ended",
    ),
    "on_epoch_end": (
        "epoch_ended", "on_train_epoch_end", "on_validation_epoch_end", "epoch_end", "epoch_ends",
    ),
    "on_training_end": (
        "training_ended", "on_train_end", "on_fit_end", "train_end", "training_end",
        "training_ends",
    ),
}  # fmt: skip
"""What Keras, Lightning and a slip of the hand call each of them."""


def checked_callbacks(
    callbacks: Any, early_stopping: int | EarlyStopping | None = None
) -> list[Callback]:
    """Callbacks that fit can call, early stopping before all others."""
    remedy = "Write callbacks=[watcher], each made from a class of ml.Callback's."
    if isinstance(callbacks, Callback) or not isinstance(callbacks, Iterable):
        raise ArgumentError("fit(callbacks=…)", "a list of Callbacks", repr(callbacks), remedy)
    watchers = list(callbacks)
    for callback in watchers:
        if not isinstance(callback, Callback):
            if isinstance(callback, type) and issubclass(callback, Callback):
                remedy = f"Make one: callbacks=[{callback.__name__}()]."
            raise ArgumentError("fit(callbacks=…)", "a list of Callbacks", repr(callback), remedy)
        _check_hooks(type(callback))
    if early_stopping is not None:
        if not isinstance(early_stopping, EarlyStopping):
            early_stopping = EarlyStopping(early_stopping)
        watchers.append(early_stopping)
    # Early stopping keeps and restores weights before another callback changes, or sees, them.
    return sorted(watchers, key=lambda watcher: not isinstance(watcher, EarlyStopping))


def _check_hooks(cls: type[Callback]) -> None:
    """An error for a method that other trainers call, or call with something else."""
    for hook, called in HOOKS.items():
        try:
            signature(getattr(cls, hook)).bind(*called.parameters)
        except TypeError as error:
            got = f"{hook}{signature(getattr(cls, hook))}"
            remedy = f"Write def {hook}({', '.join(called.parameters)}):."
            expected = f"a method that takes {', '.join([*called.parameters][1:])}"
            raise ArgumentError(f"{cls.__name__}.{hook}", expected, got, remedy) from error
    others = [base for base in cls.__mro__ if not issubclass(base, Callback)]
    for hook, names in OTHER_NAMES.items():
        for name in names:
            own = callable(vars(cls).get(name)) and not any(hasattr(base, name) for base in others)
            if own:
                raise ArgumentError(
                    f"{cls.__name__}.{name}",
                    f"a method that fit calls: {', '.join(HOOKS)}",
                    "one that it never does",
                    f"Rename it {hook}, or _{name} if you call it yourself.",
                )
