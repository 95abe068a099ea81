"""What came of each cell of a study, read from its ledger: rates, results, how many are missing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from minidl.data import Dataset
from minidl.pairing.execution import Ledger, rate_scores, trained
from minidl.pairing.statistics import RateSensitivity, failures_counted, rate_sensitivity
from minidl.pairing.study import Cell, Pairing, Result, Study


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of one cell.

    Parameters
    ----------
    cell : Cell
    rate : float or None
        The learning rate that it is reported with; None while its tuning is not complete.
    rate_scores : array
        The mean validation score of each learning rate; empty if nothing was tuned.
    sensitivity : RateSensitivity or None
    results : tuple of Result
        Of its reported trials, in order; without outputs. Fewer than ``planned`` if some are still
        to run.
    planned, tuned : int
        Reported trials that are planned; tuning trials that are done.
    tuning_failures : tuple of str
        Why tuning trials failed.
    seconds : float
        Spent on all its trials.
    """

    cell: Cell
    rate: float | None
    rate_scores: np.ndarray
    sensitivity: RateSensitivity | None
    results: tuple[Result, ...]
    planned: int
    tuned: int
    tuning_failures: tuple[str, ...]
    seconds: float

    @property
    def complete(self) -> bool:
        """Whether all its trials are there."""
        return len(self.results) == self.planned

    @property
    def scores(self) -> np.ndarray:
        """Test scores, one a repetition; NaN where it failed."""
        return np.array([result.score for result in self.results])

    @property
    def failures(self) -> tuple[str, ...]:
        """Why reported trials failed."""
        return tuple(result.reason for result in self.results if result.status != "ok")


def outcomes(study: Study, data: Mapping[str, Dataset], ledger: Ledger) -> list[Outcome]:
    """What a ledger has of each cell of a study, dataset by dataset."""
    return [_outcome(study, cell, data[cell.dataset], ledger) for cell in study.cells(data)]


def _outcome(study: Study, cell: Cell, data: Dataset, ledger: Ledger) -> Outcome:
    known = trained(study, cell, data, ledger)
    tuned = known.rate is not None and not study.fixed_rate
    scores = rate_scores(study, cell, known.tuning) if tuned else np.empty(0)
    return Outcome(
        cell,
        known.rate,
        scores,
        rate_sensitivity(study.learning_rates, scores) if tuned else None,
        tuple(replace(result, outputs=None) for result in known.final.values()),
        study.repetitions,
        len(known.tuning),
        tuple(result.reason for result in known.tuning.values() if result.status != "ok"),
        sum(result.seconds for result in known.results.values()),
    )


def scores_by_dataset(outcomes: Iterable[Outcome]) -> dict[str, dict[Pairing, np.ndarray]]:
    """Scores by dataset and pairing, one a repetition: means over settings where there are several.

    A pairing is there if all its settings are complete. NaN is a failure; where only some settings
    failed, they count in the mean as the worst of the dataset.

    Returns
    -------
    dict of str to dict of Pairing to array of shape (repetitions,)
    """
    groups: dict[str, dict[Pairing, list[Outcome]]] = defaultdict(lambda: defaultdict(list))
    for outcome in outcomes:
        groups[outcome.cell.dataset][outcome.cell.pairing].append(outcome)
    return {dataset: _means(pairings) for dataset, pairings in groups.items()}


def _means(pairings: Mapping[Pairing, Sequence[Outcome]]) -> dict[Pairing, np.ndarray]:
    whole = [pairing for pairing, group in pairings.items() if all(o.complete for o in group)]
    if not whole:
        return {}
    table = np.array([[outcome.scores for outcome in pairings[pairing]] for pairing in whole])
    means = failures_counted(table).mean(axis=1)
    means[np.isnan(table).all(axis=1)] = np.nan
    return dict(zip(whole, means, strict=True))
