"""Everything a report says, as plain data: read from a study, its datasets and its ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from minidl.data import Dataset
from minidl.pairing.execution import Environment, Ledger
from minidl.pairing.findings.diagnosis import CellDiagnosis, diagnoses
from minidl.pairing.findings.outcomes import Outcome, outcomes, scores_by_dataset
from minidl.pairing.findings.plans import Unsound, unsound
from minidl.pairing.findings.standing import NaturalHead, Row, natural_heads, rows
from minidl.pairing.findings.tables import ComparedTable, PlannedTable, planned_tables
from minidl.pairing.statistics import Scores
from minidl.pairing.study import Pairing, Study


@dataclass(frozen=True)
class Failures:
    """The failed trials of a cell: reported ones, those of its tuning, and the commonest reason."""

    outcome: Outcome
    final: int
    tuning: int
    reason: str


@dataclass(frozen=True, eq=False)
class Findings:
    """What a study has found so far. Only complete cells are compared.

    Parameters
    ----------
    study : Study
    data : mapping of str to Dataset
    environment : Environment
    outcomes : sequence of Outcome
        One a cell, complete or not.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from minidl.pairing import run
    >>> heads = ["sigmoid+bce", "linear+mse"]
    >>> study = Study(datasets=["xor"], hidden=["relu"], heads=heads, learning_rates=[0.01],
    ...               repetitions=2, epochs=2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "study.sqlite")
    ...     _ = run(study, path, workers=1)
    ...     with Ledger(path, write=False) as ledger:
    ...         findings = Findings.of(study, study.load(), ledger)
    >>> findings.done, findings.wanted, [len(found) for found in findings.standings.values()]
    (4, 4, [2])
    """

    study: Study
    data: Mapping[str, Dataset]
    environment: Environment
    outcomes: Sequence[Outcome]

    @classmethod
    def of(cls, study: Study, data: Mapping[str, Dataset], ledger: Ledger) -> Findings:
        """What a ledger says about a study.

        Raises
        ------
        ArgumentError
            If no head is sound.
        """
        return cls(study, data, ledger.environment, outcomes(study, data, ledger))

    # ------------------------------------------------------------------------ what is compared

    @cached_property
    def planned(self) -> list[PlannedTable]:
        """One table a task; an error if a reference is not among the pairings."""
        return planned_tables(self.study, self.data)

    @cached_property
    def tables(self) -> list[ComparedTable]:
        """Of the planned ones those with two complete pairings on a dataset."""
        compared = (_table(plan, self._scores) for plan in self.planned)
        return [table for table in compared if table is not None]

    @cached_property
    def _scores(self) -> dict[str, dict[Pairing, np.ndarray]]:
        return scores_by_dataset(self.outcomes)

    @cached_property
    def standings(self) -> dict[str, list[Row]]:
        """The complete pairings of each dataset, best mean first."""
        return {dataset: rows(scores) for dataset, scores in self._scores.items()}

    @cached_property
    def natural(self) -> list[NaturalHead]:
        """The heads that textbooks recommend, beside the best of each dataset."""
        return [
            head
            for name, scores in self._scores.items()
            for head in natural_heads(name, self.data[name].task, scores)
        ]

    @cached_property
    def unsound(self) -> list[Unsound]:
        """The heads that were left out."""
        return list(unsound(self.study, self.data))

    # ---------------------------------------------------------------------------- progress

    @property
    def wanted(self) -> int:
        """Trials that are planned."""
        return len(self.outcomes) * self.study.trials_per_cell

    @property
    def done(self) -> int:
        """Trials that are there."""
        return sum(outcome.tuned + len(outcome.results) for outcome in self.outcomes)

    @property
    def failed(self) -> int:
        """Trials that diverged or failed."""
        return sum(len(o.failures) + len(o.tuning_failures) for o in self.outcomes)

    @property
    def seconds(self) -> float:
        """Time spent on all trials, one after the other."""
        return sum(outcome.seconds for outcome in self.outcomes)

    @property
    def missing(self) -> dict[str, int]:
        """How many cells of each dataset are not complete, where there are any."""
        return dict(Counter(o.cell.dataset for o in self.outcomes if not o.complete))

    @property
    def failures(self) -> list[Failures]:
        """Cells with failed trials, most failures first."""
        cells = []
        for outcome in self.outcomes:
            reasons = Counter([*outcome.failures, *outcome.tuning_failures])
            if reasons:
                counts = len(outcome.failures), len(outcome.tuning_failures)
                cells.append(Failures(outcome, *counts, reasons.most_common(1)[0][0]))
        return sorted(cells, key=lambda failure: (-failure.final, -failure.tuning))

    @property
    def at_edge(self) -> list[Outcome]:
        """Cells whose best learning rate is the grid's lowest or highest."""
        return [o for o in self.outcomes if o.sensitivity is not None and o.sensitivity.at_edge]

    @property
    def tuned(self) -> list[Outcome]:
        """Cells whose learning rate was chosen from several."""
        return [outcome for outcome in self.outcomes if outcome.sensitivity is not None]

    def table(self, task: str) -> ComparedTable | None:
        """What is compared of a task; None if nothing is yet."""
        return next((table for table in self.tables if table.task == task), None)

    def diagnoses(self, dataset: str) -> list[CellDiagnosis]:
        """The complete cells of a dataset, best first, and what was measured in their networks."""
        return diagnoses([o for o in self.outcomes if o.cell.dataset == dataset])


def _table(
    plan: PlannedTable, scores: Mapping[str, Mapping[Pairing, np.ndarray]]
) -> ComparedTable | None:
    """A planned table on the datasets that are complete; None if nothing can be compared."""
    whole = [
        (dataset, family)
        for dataset, family in zip(plan.datasets, plan.families, strict=True)
        if all(pairing in scores[dataset] for pairing in plan.pairings)
    ]
    if len(plan.pairings) < 2 or not whole:
        return None
    values = [[scores[dataset][pairing] for dataset, _ in whole] for pairing in plan.pairings]
    names = tuple(pairing.name for pairing in plan.pairings)
    datasets, families = zip(*whole, strict=True)
    reference = None if plan.reference is None else plan.reference.name
    table = Scores(np.array(values), names, datasets, families)
    return ComparedTable(table, reference, plan.alpha, plan.task)
