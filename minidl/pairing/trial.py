"""One network, trained once.

Split, initial weights and shuffling depend on dataset and repetition alone, so two pairings
under one repetition differ in nothing but the pairing.
"""

from __future__ import annotations

import math
import time
import warnings
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
    validation_size : float
        Share of all rows that is kept back from training, to choose by; 0 if nothing is chosen.
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
    validation_size: float = 0.0


@dataclass(frozen=True)
class Result:
    """What came of a trial: scores, or why there are none.

    Parameters
    ----------
    trial : Trial
    score, validation_score : float
        On test and validation data; NaN without a trained network or without such data.
    loss : float
        Of the last epoch; NaN if there was none.
    status : {"ok", "diverged", "failed"}
        ``"diverged"`` is a loss or an output that is not finite, ``"failed"`` an error.
    reason : str
        Why there is no score.
    seconds : float
    """

    trial: Trial
    score: float = math.nan
    validation_score: float = math.nan
    loss: float = math.nan
    status: str = "ok"
    reason: str = ""
    seconds: float = 0.0


def network(trial: Trial, data: Dataset) -> Sequential:
    """The untrained network of a trial; its random numbers do not depend on the pairing."""
    classes = len(data.classes)
    outputs = trial.head.outputs(data.task, classes)
    widths = [data.X.shape[1], *trial.widths, outputs]
    return mlp(widths, hidden=trial.hidden, output=trial.head.activation, seed=trial.seed)


def parts(data: Dataset, seed: int, validation_size: float = 0.0) -> Split:
    """The standardised split of a repetition; validation rows are taken from the training part."""
    split = data.split(validation_size=validation_size, seed=seed)
    return split.standardised(target=data.task == "regression")


def train(trial: Trial, data: Dataset) -> Result:
    """Train one network and score it on the test part, and on the validation part if any."""
    began = time.perf_counter()
    split = parts(data, trial.seed, trial.validation_size)
    try:
        net = network(trial, data)
        history = fit(
            net,
            split.X_train,
            trial.head.encode(split.y_train, data.task, len(data.classes)),
            loss=trial.head.loss,
            optimizer=trial.optimizer,
            learning_rate=trial.learning_rate,
            epochs=trial.epochs,
            batch_size=trial.batch_size,
            seed=trial.seed,
            verbose=False,
        )
    except MinidlError as error:
        seconds = time.perf_counter() - began
        return Result(trial, status="failed", reason=str(error), seconds=seconds)
    if history.stopped == "interrupted":  # fit keeps half a training; half a trial is no result
        raise KeyboardInterrupt
    final = history["loss"][-1]
    outputs = net.predict(np.concatenate([split.X_test, split.X_validation]))
    seconds = time.perf_counter() - began
    if history.stopped == "diverged" or not np.isfinite(outputs).all():
        reason = f"the loss was {final:g} in epoch {len(history['loss'])}"
        return Result(trial, loss=final, status="diverged", reason=reason, seconds=seconds)
    tests = len(split.y_test)
    score = _score(trial, data, split.y_test, outputs[:tests])
    validation_score = _score(trial, data, split.y_validation, outputs[tests:])
    return Result(trial, score, validation_score, final, seconds=seconds)


def _score(trial: Trial, data: Dataset, y: np.ndarray, outputs: np.ndarray) -> float:
    if not len(y):
        return math.nan
    predicted = outputs[:, 0] if data.task == "regression" else _classes(outputs, trial.head)
    with warnings.catch_warnings():  # a rare class may be missing from a small test part
        warnings.filterwarnings("ignore", "y_pred contains classes not in y_true", UserWarning)
        return score_predictions(data.metric, y, predicted)


def _classes(outputs: np.ndarray, head: Head) -> np.ndarray:
    """Class numbers from outputs; several columns are one score a class."""
    return outputs.argmax(axis=1) if outputs.shape[1] > 1 else decide(outputs, losses[head.loss])
