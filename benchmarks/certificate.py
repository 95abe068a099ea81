"""Whether a study claims what is not there, and finds what is: simulated studies.

A/A: all pairings are the same under different names. How many studies claim any difference, in
any sentence or by any mark of its whole report? At most 5 %, and two standard errors for how few
are simulated.
Planted: one pairing is worse by a stated size. How many find it? At least 80 %.

Scores are what accuracies are like: rounded to a test set's rows, so that they tie; datasets of
different difficulty and noise, some of them variants of one family; splits and starts that move
all pairings together; a few trials that failed.

    python benchmarks/certificate.py               # 200 studies of each kind
    python benchmarks/certificate.py --studies 40
"""

from __future__ import annotations

import argparse
import functools
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from minidl import pairing
from minidl.data import Dataset
from minidl.document import Listing, Page, Shade, to_markdown
from minidl.pairing import statistics
from minidl.pairing.execution.environment import Environment
from minidl.pairing.findings.findings import Findings
from minidl.pairing.findings.outcomes import Outcome
from minidl.pairing.report import sections
from minidl.pairing.report.wording import HIGHER, LOWER

LEVEL, FOUND = statistics.ALPHA, 0.80
HIDDEN = ("relu", "tanh", "sigmoid", "elu")
HEADS = ("sigmoid+binary_crossentropy", "linear+hinge", "tanh+hinge")


@dataclass(frozen=True)
class Study:
    """What is simulated: sizes, and by how much accuracy the last pairing is worse."""

    name: str
    hidden: int = 4
    heads: int = 3
    datasets: int = 16
    families: int = 12
    repetitions: int = 10
    all_pairs: bool = False
    worse: float = 0.0
    test_rows: int = 125

    @property
    def names(self) -> list[str]:
        """The pairings, in the order of scores; the first one is the reference."""
        return [f"{hidden}/{h}" for h in HEADS[: self.heads] for hidden in HIDDEN[: self.hidden]]

    def scores(self, seed: int) -> statistics.Scores:
        """One study's scores."""
        rng = np.random.default_rng(seed)
        shape = (len(self.names), self.datasets, self.repetitions)
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
            tuple(self.names),
            tuple(f"dataset {i}" for i in range(self.datasets)),
            tuple(f"family {i}" for i in family),
        )

    def findings(self, seed: int) -> Findings:
        """What a real study of these scores would have found."""
        scores, rng = self.scores(seed), np.random.default_rng((seed, 1))
        study, data, cells = _grid(self)
        found = []
        for cell in cells:
            row, column = scores.index(cell.pairing.name), scores.datasets.index(cell.dataset)
            values = scores.values[row, column]
            found.append(_outcome(study, cell, values, rng))
        return Findings(study, data, Environment("", "", ""), found)


@functools.cache
def _grid(simulated: Study) -> tuple[pairing.Study, dict[str, Dataset], list[pairing.Cell]]:
    """The same for all seeds: a study, its datasets, its cells."""
    scores = simulated.scores(seed=0)
    study = pairing.Study(
        name=simulated.name,
        datasets=["moons"],  # in its place come the simulated ones
        hidden=HIDDEN[: simulated.hidden],
        heads=HEADS[: simulated.heads],
        repetitions=simulated.repetitions,
        epochs=2,
        reference=["all"] if simulated.all_pairs else simulated.names[:1],
    )
    X, y = np.zeros((8, 3)), np.arange(8) % 2
    facts = (("a", "b", "c"), ("0", "1"), "accuracy")
    data = {
        name: Dataset(name, X, y, "classification", family, *facts)
        for name, family in zip(scores.datasets, scores.families, strict=True)
    }
    return study, data, study.cells(data)


def _outcome(
    study: pairing.Study, cell: pairing.Cell, scores: np.ndarray, rng: np.random.Generator
) -> Outcome:
    """A cell with these scores, and all else that is reported of one at random."""
    rates = rng.uniform(0.5, 0.9, len(study.learning_rates))
    sensitivity = statistics.rate_sensitivity(study.learning_rates, rates)
    results = tuple(
        pairing.Result(
            score=score,
            losses=rng.uniform(0.1, 1, 2),
            scores=np.array([rng.uniform(0.5, 1), score]),
            health={"dead": rng.uniform(0, 0.6, 2).tolist(), "gradient_ratio": [rng.uniform()]},
        )
        if np.isfinite(score)
        else pairing.Result("diverged", "the loss was nan in epoch 1")
        for score in scores
    )
    tuned = len(study.tuning(cell))
    return Outcome(cell, sensitivity.best, rates, sensitivity, results, len(scores), tuned, (), 0.0)


OVER_FAMILIES = Study("12 pairings against a reference, 12 families")
ALL_PAIRS = Study("6 pairings, all against all, 12 families", heads=2, hidden=3, all_pairs=True)
ON_DATASETS = Study(
    "4 pairings against a reference on 2 single datasets",
    hidden=2,
    heads=2,
    datasets=2,
    families=2,
    repetitions=12,
)
STUDIES = (OVER_FAMILIES, ALL_PAIRS, ON_DATASETS)
PLANTED = {OVER_FAMILIES: 0.025, ALL_PAIRS: 0.025, ON_DATASETS: 0.04}
"""By how much accuracy one pairing is worse where it is to be found."""


def everything_said(findings: Findings) -> tuple[str, int]:
    """The whole report in words, and how many marks of a difference its tables and figures bear."""
    told = sections(findings)
    cells = [
        value
        for section in told
        for block in section.blocks
        if isinstance(block, Listing)
        for row in block.rows
        for value in row
    ]
    signs = "".join(cell.sign for cell in cells if isinstance(cell, Shade))
    marks = signs.count(HIGHER) + signs.count(LOWER)  # that of a failure may stand beside them
    [table] = findings.tables
    joined = np.eye(len(table.scores.pairings), dtype=bool)
    for bar in table.bars:
        joined[np.ix_(bar, bar)] = True
    return to_markdown(Page("", told)), marks + int((~joined).sum())


def claims(study: Study, seed: int) -> bool:
    """Whether any difference is claimed in a simulated study."""
    text, marks = everything_said(study.findings(seed))
    return marks > 0 or statistics.CLAIM in text


def finds(study: Study, seed: int) -> bool:
    """Whether a simulated study says that the last pairing is worse than the first."""
    text, _ = everything_said(study.findings(seed))
    return f"{study.names[0]} {statistics.CLAIM} {study.names[-1]} " in text


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
