"""Which learning rate a cell is reported with: the best of the grid on validation data."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from minidl.data import Dataset
from minidl.pairing.ledger import Ledger
from minidl.pairing.statistics import RateSensitivity, failures_counted, rate_sensitivity
from minidl.pairing.study import Study
from minidl.pairing.trial import Cell, Result, Trial


def sensitivity(study: Study, cell: Cell, results: Mapping[Trial, Result]) -> RateSensitivity:
    """How a cell's validation score depends on its learning rate, and which one is best.

    A failed trial counts as the worst of its own cell, so that the choice rests on nothing but
    the cell: a study that is extended later chooses the same.

    Parameters
    ----------
    study : Study
    cell : Cell
    results : mapping of Trial to Result
        All tuning trials of the cell among them.
    """
    means = rate_scores(study, cell, results)
    return rate_sensitivity(study.learning_rates, means)


def rate_scores(study: Study, cell: Cell, results: Mapping[Trial, Result]) -> np.ndarray:
    """The mean validation score of a cell under each learning rate, failures counted."""
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
    return sensitivity(study, cell, results).best


def results_of(study: Study, cell: Cell, data: Dataset, ledger: Ledger) -> dict[Trial, Result]:
    """What a ledger has of a cell: tuning trials, then those of the rate they choose."""
    found = ledger.found(study.tuning(cell), data)
    rate = chosen_rate(study, cell, found)
    return found if rate is None else found | ledger.found(study.final(cell, rate), data)
