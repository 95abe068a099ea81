"""Rows that nothing is learned from: chosen before training, measured after each epoch."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np

from minidl.core import SHARE, ArgumentError, DataError, generator, number
from minidl.nn import ClassWeight, Loss, Network, row_weights
from minidl.training.evaluation import check_data, check_weights, clean_loss, predictions
from minidl.training.metrics import check_metric, score


class Rows(NamedTuple):
    """Inputs and targets, and what each row weighs if they do not all weigh the same."""

    X: np.ndarray
    y: np.ndarray
    weights: np.ndarray | None = None

    def take(self, order: np.ndarray) -> Rows:
        """These rows, in this order."""
        return Rows(*(part[order] for part in self.arrays()))

    def arrays(self) -> list[np.ndarray]:
        """What a training step takes."""
        return [part for part in self if part is not None]


def set_aside(
    net: Network,
    rows: Rows,
    loss: Loss,
    from_logits: bool,
    validation_data: Any,
    share: float | None,
    class_weight: ClassWeight | None,
    seed: int,
) -> tuple[Rows, Rows | None]:
    """What is trained on, and what is kept for validation, each with its weights."""
    share = number("validation_split", 0 if share is None else share, SHARE, "validation_split=0.2")
    if validation_data is not None:
        X, y, sample_weight = _parts(validation_data, share)
        X, y = check_data(net, X, y, loss, from_logits, "validation ", copy=True)
        weights = row_weights(y, sample_weight, class_weight, "validation_data")
        return rows, Rows(X, y, weights)
    if not share:
        return rows, None
    number_of_rows = len(rows.X)
    order = generator("validation", seed).permutation(number_of_rows)
    kept = max(1, round(number_of_rows * share))
    if kept == number_of_rows:
        got = f"{number_of_rows} in all"
        raise DataError("X", "rows to train on", got, "Lower validation_split.")
    return rows.take(order[kept:]), rows.take(order[:kept])


def _parts(validation_data: Any, share: float) -> tuple[Any, Any, Any]:
    """X, y and weights, which are None if two arrays were given and no third."""
    if share:
        raise ArgumentError(
            "validation_split", "0 beside validation_data", str(share), "Give one of the two."
        )
    try:
        X, y, *rest = validation_data
        (sample_weight,) = rest or (None,)
    except (TypeError, ValueError) as error:
        got = f"a {type(validation_data).__name__}"
        with suppress(TypeError):  # a number has no length
            got = f"{got} of {len(validation_data)}"
        raise ArgumentError(
            "fit(validation_data=…)",
            "three arrays (X, y, sample_weight), or the two arrays (X, y)",
            got,
            "Write validation_data=(X_validation, y_validation), or validation_split=0.2.",
        ) from error
    return X, y, sample_weight


class Validation:
    """What is measured after an epoch, on rows that nothing is learned from.

    Parameters
    ----------
    net : Sequential
    rows : Rows, optional
        Their weights count in the loss and in every metric. Without rows nothing is measured.
    loss : Loss
    from_logits : bool
    metrics : sequence of str
        scikit-learn scorers.

    Attributes
    ----------
    training : Rows or None
        Rows that are learned from, where early stopping watches their loss: it is measured too.

    Raises
    ------
    MinidlError
        Before any training, for a metric that could not be measured after it.
    """

    def __init__(
        self,
        net: Network,
        rows: Rows | None,
        loss: Loss,
        from_logits: bool,
        metrics: Sequence[str],
    ) -> None:
        self.net, self.rows, self.loss, self.from_logits = net, rows, loss, from_logits
        self.metrics, self.epochs = metrics, 0
        self.training: Rows | None = None
        self._doubts: dict[str, list[tuple[int, str]]] = {}
        if metrics:
            self._check_metrics()

    @property
    def curves(self) -> list[str]:
        """The names of what is measured."""
        return ["val_loss", *(f"val_{name}" for name in self.metrics)] if self.rows else []

    def check_weights(self, culprit: str) -> None:
        """An error where no row has any weight: fine for a loss, but nothing to go by."""
        if self.rows:
            check_weights(culprit, self.rows.weights, " of the validation data")

    def _check_metrics(self) -> None:
        """Refuse, before any training, metrics that could not be measured after it."""
        if self.rows is None:
            raise ArgumentError(
                "fit(metrics=…)",
                "validation data, which metrics are measured on",
                "none",
                "Write validation_split=0.2, or call ml.evaluate afterwards.",
            )
        X, y, weights = self.rows
        self.check_weights("fit(metrics=…)")
        outputs = predictions(self.net, X, self.loss, self.from_logits)
        for name in self.metrics:
            check_metric(name, y, outputs, self.loss, weights)

    def measure(self) -> dict[str, float]:
        """Loss and metrics as the network is now."""
        settings: Any = {"loss": self.loss, "from_logits": self.from_logits}
        measured = {}
        if self.training:
            measured["loss"] = clean_loss(self.net, *self.training, **settings)
        if self.rows is None:
            return measured
        measured["val_loss"] = clean_loss(self.net, *self.rows, **settings)
        if self.metrics:
            outputs = predictions(self.net, self.rows.X, **settings)
            for name in self.metrics:
                value, doubt = score(name, self.rows.y, outputs, self.loss, self.rows.weights)
                measured[f"val_{name}"] = value
                if doubt:
                    self._doubts.setdefault(name, []).append((self.epochs, doubt))
        self.epochs += 1
        return measured

    def warn(self, stacklevel: int) -> None:
        """Say once of each metric in which epochs scikit-learn had doubts, and why."""
        for name, doubts in self._doubts.items():
            epoch, doubt = doubts[0]
            warnings.warn(
                f"metrics=[{name!r}]: in {len(doubts)} of {self.epochs} epochs, first in epoch "
                f"{epoch}, counted from 0: {doubt}",
                RuntimeWarning,
                stacklevel=stacklevel + 1,
            )
