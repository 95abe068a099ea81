"""What decides a trial's result, and what came of it: plain data."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from minidl.pairing.study.grid import Pairing

TUNING = 1_000_000
"""Seeds from here on choose learning rates; those below report."""


@dataclass(frozen=True)
class Setting:
    """What a network is besides its pairing: hidden widths, initializer, optimizer.

    Examples
    --------
    >>> Setting().name
    '16-16, auto, adam'
    """

    widths: tuple[int, ...] = (16, 16)
    init: str = "auto"
    optimizer: str = "adam"

    @property
    def name(self) -> str:
        """Widths, initializer and optimizer in one line."""
        return f"{'-'.join(map(str, self.widths))}, {self.init}, {self.optimizer}"


@dataclass(frozen=True)
class Cell:
    """One place of a study's grid: a pairing in a setting on a dataset.

    Examples
    --------
    >>> cell = Cell("xor", Pairing.parse("relu/sigmoid+bce"))
    >>> cell.pairing.hidden, cell.setting.optimizer
    ('relu', 'adam')
    """

    dataset: str
    pairing: Pairing
    setting: Setting = Setting()


@dataclass(frozen=True)
class Trial:
    """One network, trained once: all that its result depends on, besides the dataset.

    Parameters
    ----------
    cell : Cell
    learning_rate : float
    repetition : int
        Split, initial weights and shuffling follow from it and the dataset, never from the
        pairing: two pairings under one repetition differ in nothing but the pairing.
    tuning : bool
        Whether it serves to choose the learning rate: judged on validation rows, under seeds
        that no reported trial has. Otherwise it is judged on the test part.
    epochs, batch_size : int

    Examples
    --------
    >>> cell = Cell("xor", Pairing.parse("relu/sigmoid+bce"))
    >>> Trial(cell, 0.01, repetition=2).seed, Trial(cell, 0.01, repetition=2, tuning=True).seed
    (2, 1000002)
    """

    cell: Cell
    learning_rate: float
    repetition: int
    tuning: bool = False
    epochs: int = 50
    batch_size: int = 32

    @property
    def seed(self) -> int:
        """Of the split, the weights and the order of rows."""
        return self.repetition + TUNING * self.tuning

    @cached_property
    def facts(self) -> dict[str, str | int | float]:
        """Everything, flat and by name, in the order of a table's columns."""
        cell = self.cell
        return {
            "dataset": cell.dataset,
            "hidden": cell.pairing.hidden,
            "output": cell.pairing.head.activation,
            "loss": cell.pairing.head.loss,
            "widths": "-".join(map(str, cell.setting.widths)),
            "init": cell.setting.init,
            "optimizer": cell.setting.optimizer,
            "phase": "tuning" if self.tuning else "final",
            "learning_rate": self.learning_rate,
            "repetition": self.repetition,
            "epochs": self.epochs,
            "batch_size": self.batch_size,
        }


@dataclass(frozen=True, eq=False)
class Result:
    """What came of a trial.

    Parameters
    ----------
    status : {"ok", "diverged", "failed"}
        ``"diverged"`` is a loss or an output that is not finite, ``"failed"`` an error.
    reason : str
        Why there is no score.
    score : float
        The dataset's metric on the rows it is judged by; NaN without a trained network.
    losses : ndarray
        The mean training loss of each epoch, up to the one that diverged.
    scores : ndarray
        The metric after each of ``trainer.checkpoints(epochs)``; none of a tuning trial.
    outputs : ndarray
        What the network gave for the rows it is judged by, in the split's order: another metric
        needs no other run. None if it diverged.
    health : dict
        Diagnostics of the trained network: ``dead`` and ``saturated`` units as a share of each
        layer that can have some, ``gradient_ratio`` (first layer to last, one number) and
        ``update_ratio`` of each layer with parameters (to them); none of a tuning trial.
    seconds : float
    host : str

    Examples
    --------
    >>> Result("diverged", "the loss was nan in epoch 1").score
    nan
    """

    status: str = "ok"
    reason: str = ""
    score: float = math.nan
    losses: np.ndarray = field(default_factory=lambda: np.empty(0))
    scores: np.ndarray = field(default_factory=lambda: np.empty(0))
    outputs: np.ndarray | None = None
    health: dict[str, list[float]] = field(default_factory=dict)
    seconds: float = 0.0
    host: str = ""
