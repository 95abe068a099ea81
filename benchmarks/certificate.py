"""Whether a study claims what is not there, and finds what is: simulated studies.

A/A: all pairings are the same under different names. How many studies claim any difference, in
any sentence or by any mark? At most 5 %, and two standard errors for how few are simulated.
Planted: one pairing is worse by a stated size. How many find it? At least 80 %.

Scores are what accuracies are like: rounded to a test set's rows, so that they tie; datasets of
different difficulty and noise, some of them variants of one family; splits and starts that move
all pairings together; a few trials that failed.

    python benchmarks/certificate.py               # 200 studies of each kind
    python benchmarks/certificate.py --studies 40
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from minidl.pairing import statistics

LEVEL, FOUND = statistics.ALPHA, 0.80


@dataclass(frozen=True)
class Study:
    """What is simulated: sizes, and by how much accuracy the last pairing is worse."""

    name: str
    pairings: int = 12
    datasets: int = 16
    families: int = 12
    repetitions: int = 10
    reference: str | None = "pairing 0"
    worse: float = 0.0
    test_rows: int = 125

    def scores(self, seed: int) -> statistics.Scores:
        """One study's scores."""
        rng = np.random.default_rng(seed)
        shape = (self.pairings, self.datasets, self.repetitions)
        level = rng.uniform(0.6, 0.95, (1, self.datasets, 1))
        noise = rng.uniform(0.005, 0.03, (1, self.datasets, 1))
        start = rng.normal(size=(1, *shape[1:]))
        values = level + noise * (start + rng.normal(size=shape))
        # by how much varies between families, and is the same for the variants of one
        family = np.arange(self.datasets) % self.families
        values[-1] -= self.worse * rng.uniform(0.5, 1.5, self.families)[family][:, None]
        values = np.round(np.clip(values, 0, 1) * self.test_rows) / self.test_rows
        values[rng.random(shape) < 0.002] = np.nan
        return statistics.Scores(
            values,
            tuple(f"pairing {i}" for i in range(self.pairings)),
            tuple(f"dataset {i}" for i in range(self.datasets)),
            tuple(f"family {i}" for i in family),
        )


OVER_FAMILIES = Study("12 pairings against a reference, 12 families")
ALL_PAIRS = Study("6 pairings, all against all, 12 families", pairings=6, reference=None)
ON_DATASETS = Study(
    "4 pairings against a reference on 2 single datasets",
    pairings=4,
    datasets=2,
    families=2,
    repetitions=12,
)
STUDIES = (OVER_FAMILIES, ALL_PAIRS, ON_DATASETS)
PLANTED = {OVER_FAMILIES: 0.025, ALL_PAIRS: 0.025, ON_DATASETS: 0.04}
"""By how much accuracy one pairing is worse where it is to be found."""


def everything_said(study: Study, scores: statistics.Scores) -> tuple[list[str], int]:
    """All sentences of a study, and how many marks of a difference its figures would bear."""
    found = statistics.compare(scores, study.reference)
    ranks = statistics.rank_summary(scores)
    design = statistics.Design(
        study.pairings,
        study.datasets,
        study.families,
        study.repetitions,
        all_pairs=study.reference is None,
    )
    shown = statistics.shown_pairs(scores, found)
    matrix = statistics.pairwise_matrix(scores, found)
    joined = np.eye(study.pairings, dtype=bool)
    for bar in statistics.bars(ranks.mean_ranks, shown):
        joined[np.ix_(bar, bar)] = True
    parts = {name: (name, "loss") for name in scores.pairings}
    findings = [
        *found,
        ranks,
        *statistics.interquartile_means(scores, resamples=200),
        *statistics.corrected_ranking(scores, resamples=200),
        *statistics.decompose(statistics.crossed(scores, parts)),
    ]
    sentences = [statistics.sentence(finding) for finding in findings]
    sentences += statistics.headlines(found, design)
    return sentences, int(matrix.shown.sum() + (~joined).sum())


def claims(study: Study, seed: int) -> bool:
    """Whether any difference is claimed in a simulated study."""
    sentences, marks = everything_said(study, study.scores(seed))
    return marks > 0 or any(statistics.CLAIM in text for text in sentences)


def finds(study: Study, seed: int) -> bool:
    """Whether a simulated study says that the last pairing is worse than the first."""
    sentences, _ = everything_said(study, study.scores(seed))
    claim = f"pairing 0 {statistics.CLAIM} pairing {study.pairings - 1} "
    return any(text.startswith(claim) for text in sentences)


def share(question: Callable[[Study, int], bool], study: Study, studies: int) -> float:
    """In which part of simulated studies the answer is yes."""
    return sum(question(study, seed) for seed in range(studies)) / studies


def allowed(studies: int) -> float:
    """The largest share of false claims that so few studies can tell from 5 %."""
    return LEVEL + 2 * float(np.sqrt(LEVEL * (1 - LEVEL) / studies))


def main() -> int:
    """Print both shares of each kind of study; 1 if any of them is not as it must be."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--studies", type=int, default=200)
    studies = parser.parse_args().studies
    most = f"{allowed(studies):.1%}"
    print(f"{studies} simulated studies of each kind; false claims allowed in {most}\n")
    print(f"{'study':<56}{'any claim':>12}{'planted':>14}{'found':>9}")
    failed = False
    for study in STUDIES:
        false = share(claims, study, studies)
        worse = PLANTED[study]
        found = share(finds, replace(study, worse=worse), studies)
        failed |= false > allowed(studies) or found < FOUND
        print(f"{study.name:<56}{false:>12.1%}{f'{100 * worse:g} points':>14}{found:>9.1%}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
