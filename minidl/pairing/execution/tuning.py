"""Which learning rate a cell is reported with: the best of the grid on validation data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from minidl.data import Dataset
from minidl.pairing.execution.ledger import Ledger
from minidl.pairing.statistics import failures_counted, rate_sensitivity
from minidl.pairing.study import Cell, Result, Study, Trial


def rate_scores(study: Study, cell: Cell, results: Mapping[Trial, Result]) -> np.ndarray:
    """The mean validation score of a cell under each learning rate, failures counted.

    A failed trial counts as the worst of its own cell, so that the choice rests on nothing but
    the cell: a study that is extended later chooses the same.
    """
    scores = np.array([results[trial].score for trial in study.tuning(cell)])
    table = failures_counted(scores.reshape(len(study.learning_rates), -1))
    means: np.ndarray = table.mean(axis=1)
    return means


def chosen_rate(study: Study, cell: Cell, results: Mapping[Trial, Result]) -> float | None:
    """The learning rate of a cell's reported trials; None while its tuning is not complete."""
    if study.fixed_rate:
        return study.learning_rates[0]
    if not all(trial in results for trial in study.tuning(cell)):
        return None
    return rate_sensitivity(study.learning_rates, rate_scores(study, cell, results)).best


@dataclass(frozen=True, eq=False)
class Trained:
    """What a ledger has of a cell.

    Parameters
    ----------
    tuning : dict of Trial to Result
    rate : float or None
        What these choose; None while some are missing.
    final : dict of Trial to Result
        The reported trials, at that rate.
    """

    tuning: dict[Trial, Result]
    rate: float | None
    final: dict[Trial, Result]

    @property
    def results(self) -> dict[Trial, Result]:
        """All of them, in the order of the plan."""
        return self.tuning | self.final


def trained(study: Study, cell: Cell, data: Dataset, ledger: Ledger) -> Trained:
    """Read a cell: its tuning trials, then those of the rate that they choose."""
    tuning = ledger.results_of(study.tuning(cell), data)
    rate = chosen_rate(study, cell, tuning)
    return Trained(
        tuning, rate, {} if rate is None else ledger.results_of(study.final(cell, rate), data)
    )
