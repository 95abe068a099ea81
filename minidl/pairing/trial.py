"""One network, trained once.

Split, initial weights and shuffling depend on dataset and repetition alone, so two pairings
under one repetition differ in nothing but the pairing.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from minidl.data import Dataset, Split
from minidl.errors import MinidlError
from minidl.evaluation import decide, score_predictions
from minidl.losses import losses
from minidl.model import Sequential, mlp
from minidl.pairing.grid import Head
from minidl.training import fit


@dataclass(frozen=True)
class Trial:
    """What decides a trial's result.

    Parameters
    ----------
    dataset : str
        The dataset's name.
    hidden : str
        Activation of the hidden layers.
    head : Head
    seed : int
        The repetition.
    epochs, batch_size, widths, optimizer, learning_rate
        As in ``fit`` and ``mlp``.
    """

    dataset: str
    hidden: str
    head: Head
    seed: int
    epochs: int = 40
    batch_size: int = 64
    widths: tuple[int, ...] = (16, 16)
    optimizer: str = "adam"
    learning_rate: float = 1e-2


@dataclass(frozen=True)
class Result:
    """What came of a trial: a score on test data, or why there is none.

    ``status`` is ``"ok"``, ``"diverged"`` or ``"failed"``; the last two count as a score of 0.
    """

    trial: Trial
    score: float
    loss: float
    status: str
    reason: str
    seconds: float


def network(trial: Trial, data: Dataset) -> Sequential:
    """The untrained network of a trial; its random numbers do not depend on the pairing."""
    classes = len(data.classes)
    outputs = trial.head.outputs(data.task, classes)
    widths = [data.X.shape[1], *trial.widths, outputs]
    return mlp(widths, hidden=trial.hidden, output=trial.head.activation, seed=trial.seed)


def parts(data: Dataset, seed: int) -> Split:
    """The standardised split of a repetition."""
    return data.split(seed=seed).standardised(target=data.task == "regression")


def train(trial: Trial, data: Dataset) -> Result:
    """Train one network and score it on the test part."""
    began = time.perf_counter()
    split = parts(data, trial.seed)
    classes, loss = len(data.classes), losses[trial.head.loss]
    try:
        net = network(trial, data)
        history = fit(
            net,
            split.X_train,
            trial.head.encode(split.y_train, data.task, classes),
            loss=loss,
            optimizer=trial.optimizer,
            learning_rate=trial.learning_rate,
            epochs=trial.epochs,
            batch_size=trial.batch_size,
            seed=trial.seed,
            verbose=False,
        )
        outputs = net.predict(split.X_test)
    except MinidlError as error:
        return Result(trial, 0.0, np.nan, "failed", str(error), time.perf_counter() - began)
    if history.stopped == "interrupted":  # fit keeps half a training; half a trial is no result
        raise KeyboardInterrupt
    final = history["loss"][-1]
    seconds = time.perf_counter() - began
    if history.stopped == "diverged" or not np.isfinite(outputs).all():
        reason = f"the loss was {final:g} in epoch {len(history['loss'])}"
        return Result(trial, 0.0, final, "diverged", reason, seconds)
    predicted = outputs[:, 0] if data.task == "regression" else _classes(outputs, trial.head)
    score = score_predictions(data.metric, split.y_test, predicted)
    return Result(trial, score, final, "ok", "", seconds)


def _classes(outputs: np.ndarray, head: Head) -> np.ndarray:
    """Class numbers from outputs; several columns are one score a class."""
    return outputs.argmax(axis=1) if outputs.shape[1] > 1 else decide(outputs, losses[head.loss])
