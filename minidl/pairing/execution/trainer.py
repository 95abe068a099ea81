"""Train one network again and again, each time from new weights, and judge it.

A cell's trials differ in seed and learning rate only, so its network is built and its step
recorded once; every trial starts the same memory anew. A trial gives the bits of ``fit``.
"""

from __future__ import annotations

import platform
import threading
import time
import warnings
from functools import lru_cache
from typing import Any

import numpy as np

from minidl.autodiff import Tensor
from minidl.core import MinidlError
from minidl.data import Batches, Dataset, Split
from minidl.diagnostics import diagnose
from minidl.model import Sequential, mlp
from minidl.nn import get_loss, losses
from minidl.optim import get_optimizer
from minidl.pairing.study import Cell, Result, Trial
from minidl.program import Program, record
from minidl.training import check_data, decide, score_predictions, step

VALIDATION = 0.2
"""Share of a dataset that learning rates are chosen by."""

LOOKED_AT = 256
"""Training rows that a trained network is diagnosed on."""

_FILTERS = threading.Lock()


def checkpoints(epochs: int) -> list[int]:
    """After which epochs a trial is scored: an eighth of them, a quarter, half, and all.

    Examples
    --------
    >>> checkpoints(50)
    [6, 12, 25, 50]
    """
    return sorted({max(1, epochs // part) for part in (8, 4, 2, 1)})


def network(cell: Cell, data: Dataset, seed: int) -> Sequential:
    """The untrained network of a cell; its random numbers do not depend on the pairing."""
    head = cell.pairing.head
    widths = [data.X.shape[1], *cell.setting.widths, head.outputs(data.task, len(data.classes))]
    return mlp(
        widths,
        hidden=cell.pairing.hidden,
        output=head.activation,
        init=cell.setting.init,
        seed=seed,
    )


@lru_cache(maxsize=64)
def parts(data: Dataset, seed: int, tuning: bool) -> tuple[Split, np.ndarray, np.ndarray]:
    """The standardised split of a repetition, and the rows and targets it is judged by."""
    split = data.split(validation_size=VALIDATION * tuning, seed=seed)
    split = split.standardised(target=data.task == "regression")
    if tuning:
        return split, split.X_validation, split.y_validation
    return split, split.X_test, split.y_test


class Trainer:
    """A cell's network with its recorded step.

    Parameters
    ----------
    cell : Cell
    data : Dataset

    Examples
    --------
    >>> from minidl.data import load
    >>> from minidl.pairing import Pairing
    >>> cell = Cell("iris", Pairing.parse("tanh/softmax+cce"))
    >>> trainer = Trainer(cell, load("iris"))
    >>> trainer.train(Trial(cell, 1e-2, repetition=0)).score > 0.8
    True
    """

    def __init__(self, cell: Cell, data: Dataset) -> None:
        self.cell, self.data = cell, data
        self.loss = get_loss(cell.pairing.head.loss)
        self.net = network(cell, data, seed=0)
        self.optimizer = get_optimizer(cell.setting.optimizer, self.net.parameters())
        self.net.optimizer = self.optimizer
        self._program: Program | None = None
        self._tables: list[np.ndarray] = []
        self._starts: dict[int, np.ndarray] = {}

    def train(self, trial: Trial) -> Result:
        """Train and judge one network.

        Returns
        -------
        Result
            Also where training diverged or was refused, with the reason.
        """
        began = time.perf_counter()
        try:
            facts = self._train(trial)
        except MinidlError as error:
            facts = {"status": "failed", "reason": error.args[0]}  # whatever the terminal shows
        return Result(**facts, seconds=time.perf_counter() - began, host=platform.node())

    def _train(self, trial: Trial) -> dict[str, Any]:
        split, X_judged, y_judged = parts(self.data, trial.seed, trial.tuning)
        y = self.cell.pairing.head.encode(split.y_train, self.data.task, self.data.n_classes)
        table = check_data(self.net, split.X_train, y, self.loss, from_logits=False)
        X, y = self._in_place(*table)
        batches = Batches(len(X), min(trial.batch_size, len(X)))
        program = self._start(trial, X[: batches.size], y[: batches.size])
        losses: list[np.ndarray] = []
        scores: list[float] = []
        outputs = np.empty(0)
        stops = [trial.epochs] if trial.tuning else checkpoints(trial.epochs)
        for first, last in zip([0, *stops], stops, strict=False):
            orders = _orders(batches, trial.seed, first, last)
            losses.append(batches.mean(program.run(X, y, order=orders, confirm=False)))
            diverged = not np.isfinite(losses[-1]).all()
            outputs = np.empty(0) if diverged else self.net.predict(X_judged)
            if diverged or not np.isfinite(outputs).all():
                return _diverged(np.concatenate(losses))
            scores.append(self._score(y_judged, outputs))
        return {
            "score": scores[-1],
            "losses": np.concatenate(losses),
            "scores": np.array(scores[:0] if trial.tuning else scores),
            "outputs": outputs,
            "health": {} if trial.tuning else self._health(X, y),
        }

    def _health(self, X: np.ndarray, y: np.ndarray) -> dict[str, list[float]]:
        """What stands out of the trained network on some training rows, layer by layer."""
        health = diagnose(self.net, X[:LOOKED_AT], y[:LOOKED_AT], loss=self.loss)
        counts = {
            name: [getattr(one, name) / one.units for one in health.layers if one.dead is not None]
            for name in ("dead", "saturated")
        }
        ratios = {
            "gradient_ratio": [health.gradient_ratio],
            "update_ratio": [one.update_ratio for one in health.layers],
        }
        return counts | {name: [x for x in each if x is not None] for name, each in ratios.items()}

    def _in_place(self, *tables: np.ndarray) -> list[np.ndarray]:
        """The same numbers where the program has read those of the trial before."""
        if [table.shape for table in tables] != [kept.shape for kept in self._tables]:
            self._tables = [np.empty_like(table) for table in tables]
        for kept, table in zip(self._tables, tables, strict=True):
            kept[...] = table
        return self._tables

    def _start(self, trial: Trial, *batch: np.ndarray) -> Program:
        """Put the network and its optimizer back to where a new one would be; the step of both."""
        if trial.seed not in self._starts:
            fresh = network(self.cell, self.data, trial.seed)
            self._starts[trial.seed] = fresh.block.values
        self.net.block.values[...] = self._starts[trial.seed]
        self.optimizer.reset()
        self.optimizer.learning_rate = trial.learning_rate
        if self._program is None or self._program.rows != len(batch[0]):

            def one_step(x: Tensor, t: Tensor) -> Tensor:
                return step(self.net, x, t, self.loss, self.optimizer)

            self._program = record(one_step, *batch, dtype=self.net.dtype)
        return self._program

    def decide(self, outputs: np.ndarray) -> np.ndarray:
        """What outputs of the network mean: class numbers (rows,), or the numbers predicted.

        Several columns are one score a class. ``net`` is the network as trained last.
        """
        if self.data.task == "regression":
            return outputs[:, 0]
        if outputs.shape[1] > 1:
            return outputs.argmax(axis=1)
        return decide(outputs, losses[self.cell.pairing.head.loss])

    def _score(self, y: np.ndarray, outputs: np.ndarray) -> float:
        """The dataset's metric."""
        # A rare class may be missing from a small test part. Threads share their filters.
        with _FILTERS, warnings.catch_warnings():
            warnings.filterwarnings("ignore", "y_pred contains classes not in y_true", UserWarning)
            return score_predictions(self.data.metric, y, self.decide(outputs))


@lru_cache(maxsize=256)
def _orders(batches: Batches, seed: int, first: int, last: int) -> np.ndarray:
    """The order of rows in each epoch, as ``fit`` has it: decided by seed and updates so far."""
    return np.stack([batches.order(seed, epoch * batches.count) for epoch in range(first, last)])


def _diverged(losses: np.ndarray) -> dict[str, Any]:
    wrong = np.flatnonzero(~np.isfinite(losses))
    epochs = int(wrong[0]) + 1 if wrong.size else len(losses)
    last = losses[epochs - 1]
    reason = f"the loss was {last:g} in epoch {epochs}"
    return {"status": "diverged", "reason": reason, "losses": losses[:epochs]}
