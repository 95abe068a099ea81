"""What is compared with what, and what that shows: one table a task.

Which pairings and datasets meet in a table, and which pairing is the reference, follows from the
study alone, before anything is trained. ``statistics`` does the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from minidl.core import ArgumentError
from minidl.data import Dataset
from minidl.pairing.findings.standing import natural
from minidl.pairing.statistics import (
    ALPHA,
    Comparison,
    Design,
    Difference,
    Estimate,
    PairwiseMatrix,
    Ranked,
    RankSummary,
    Scores,
    Share,
    bars,
    compare,
    corrected_ranking,
    crossed,
    decompose,
    differences_on_datasets,
    headlines,
    interquartile_means,
    pairwise_matrix,
    planned_pairs,
    rank_summary,
    ranks_within,
)
from minidl.pairing.study import ALL_PAIRINGS, Head, Pairing, Study


@dataclass(frozen=True)
class PlannedTable:
    """The pairings and datasets of one task that all have each other.

    Parameters
    ----------
    task : {"classification", "regression"}
    datasets, families : tuple of str
        The datasets, and the family of each.
    pairings : tuple of Pairing
        Sound on each of them.
    apart : tuple of Pairing
        Sound on some of them only: trained, described, compared with nothing.
    reference : Pairing or None
        What each other pairing is compared with; None is all against all.
    repetitions : int
    alpha : float
        The chance of any false claim in this table: the tables of a study share 5 %.
    """

    task: str
    datasets: tuple[str, ...]
    families: tuple[str, ...]
    pairings: tuple[Pairing, ...]
    apart: tuple[Pairing, ...]
    reference: Pairing | None
    repetitions: int
    alpha: float

    @property
    def design(self) -> Design:
        """What it can show; of two pairings or more."""
        return Design(
            len(self.pairings),
            len(self.datasets),
            len(set(self.families)),
            self.repetitions,
            all_pairs=self.reference is None,
            alpha=self.alpha,
        )


def planned_tables(study: Study, data: Mapping[str, Dataset]) -> list[PlannedTable]:
    """One table for each task of a study that has a sound head.

    Raises
    ------
    ArgumentError
        If a reference that the study names is on none of the tables.

    Examples
    --------
    >>> study = Study(datasets=["xor", "iris"], hidden=["relu", "tanh"], heads=["sigmoid+bce"])
    >>> [table] = planned_tables(study, study.load())
    >>> table.reference.name, table.design.comparisons
    ('relu/sigmoid+binary_crossentropy', 1)
    """
    heads = {name: study.heads_for(dataset) for name, dataset in data.items()}
    usable = [dataset for name, dataset in data.items() if heads[name]]
    tasks = list(dict.fromkeys(dataset.task for dataset in usable))
    tables = [
        _planned(study, [(d, heads[d.name]) for d in usable if d.task == task], ALPHA / len(tasks))
        for task in tasks
    ]
    on_tables = [pairing.name for table in tables for pairing in table.pairings]
    for name in study.reference:
        if name not in (ALL_PAIRINGS, *on_tables):
            raise ArgumentError(
                f"reference: {name}",
                "a pairing that is trained on every dataset of its task",
                "one that is not",
                f"Take another, as {on_tables[0]}." if on_tables else "Add a head for every one.",
            )
    return tables


def _planned(
    study: Study, datasets: Sequence[tuple[Dataset, list[Head]]], alpha: float
) -> PlannedTable:
    every = list(dict.fromkeys(head for _, heads in datasets for head in heads))
    common = [head for head in every if all(head in heads for _, heads in datasets)]
    task = datasets[0][0].task
    pairings = [Pairing(hidden, head) for head in common for hidden in study.hidden]
    apart = [Pairing(hidden, h) for h in every if h not in common for hidden in study.hidden]
    return PlannedTable(
        task,
        tuple(dataset.name for dataset, _ in datasets),
        tuple(dataset.family for dataset, _ in datasets),
        tuple(pairings),
        tuple(apart),
        _reference(study, task, pairings),
        study.repetitions,
        alpha,
    )


def _reference(study: Study, task: str, pairings: Sequence[Pairing]) -> Pairing | None:
    """The pairing that the study names, or its first hidden activation with a textbook's head."""
    if ALL_PAIRINGS in study.reference:
        return None
    named = [pairing for pairing in pairings if pairing.name in study.reference]
    usual = [p for p in pairings if p.hidden == study.hidden[0] and natural(p.head, task)]
    return next(iter([*named, *usual, *pairings]), None)


@dataclass(frozen=True, eq=False)
class ComparedTable:
    """What the scores of one task show, each worked out once. Claims come from ``comparisons``.

    Parameters
    ----------
    scores : Scores
        Two pairings at least, named ``hidden/head``: every activation with every head.
    reference : str or None
        None is all against all.
    alpha : float
        The chance of any false claim.
    task : str

    Examples
    --------
    >>> values = np.random.default_rng(0).normal(size=(2, 8, 3)) + [[[3.0]], [[0.0]]]
    >>> names = tuple("abcdefgh")
    >>> table = ComparedTable(Scores(values, ("relu", "sigmoid"), names, names), "sigmoid")
    >>> table.higher, table.lower
    (1, 0)
    """

    scores: Scores
    reference: str | None
    alpha: float = ALPHA
    task: str = ""

    @cached_property
    def design(self) -> Design:
        """The design, with how much differences between pairings spread."""
        design = Design.of(self.scores, self.reference, self.alpha)
        if design.scope == "nothing":
            return design
        first, second = np.array(planned_pairs(self.scores, self.reference), dtype=int).T
        over_families = design.scope == "families"
        table = self.scores.by_family().means if over_families else self.scores.counted
        spreads = np.std(table[first] - table[second], axis=-1, ddof=1)
        return replace(design, spread=float(np.median(spreads)))

    @cached_property
    def comparisons(self) -> list[Comparison]:
        """The planned ones."""
        return compare(self.scores, self.reference, self.alpha)

    @cached_property
    def differences(self) -> list[Difference]:
        """From the reference on each dataset, unless ``comparisons`` have them."""
        if self.reference is None or any(c.dataset for c in self.comparisons):
            return []
        return differences_on_datasets(self.scores, self.reference)

    @cached_property
    def matrix(self) -> PairwiseMatrix:
        """Every pairing against every other."""
        return pairwise_matrix(self.scores, self.comparisons)

    @cached_property
    def ranks(self) -> RankSummary:
        """Mean ranks over families."""
        return rank_summary(self.scores, self.alpha)

    @property
    def bars(self) -> list[tuple[int, ...]]:
        """Each joins pairings that are not shown to differ, as rows of ``scores``."""
        return bars(self.ranks.mean_ranks, self.matrix.shown)

    @cached_property
    def means(self) -> list[Estimate]:
        """Interquartile means, best first."""
        return interquartile_means(self.scores)

    @cached_property
    def ranking(self) -> list[Ranked]:
        """Without the luck of having been chosen; empty for a single repetition."""
        return corrected_ranking(self.scores) if self.scores.repetitions > 1 else []

    @cached_property
    def _crossed(self) -> np.ndarray:
        halves = [name.partition("/")[::2] for name in self.scores.pairings]
        return crossed(self.scores, dict(zip(self.scores.pairings, halves, strict=True)))

    @cached_property
    def shares(self) -> list[Share]:
        """What scores vary with."""
        return decompose(self._crossed)

    @cached_property
    def rank_shares(self) -> list[Share]:
        """What ranks within a dataset and repetition vary with: no single disaster dominates."""
        return decompose(ranks_within(self._crossed))

    @property
    def headlines(self) -> list[str]:
        """What is shown, largest differences first; or in one sentence that nothing is."""
        return headlines(self.comparisons, self.design)

    @property
    def higher(self) -> int:
        """In how many comparisons the first is shown to score higher: against a reference, it."""
        return sum(c.shown and c.direction > 0 for c in self.comparisons)

    @property
    def lower(self) -> int:
        """In how many comparisons the first is shown to score lower."""
        return sum(c.shown and c.direction < 0 for c in self.comparisons)

    def verdict(self, pairing: str, dataset: str | None = None) -> int:
        """1 or −1 where a pairing is shown to score higher or lower than the reference; else 0."""
        for c in self.comparisons:
            if (c.first, c.second, c.dataset) == (pairing, self.reference, dataset):
                return c.direction if c.shown else 0
        return 0
