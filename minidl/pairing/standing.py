"""What results say: how each counts, which pairing comes first, how natural heads stand.

Nothing is trained here and nothing printed. The first round is every pairing under one learning
rate; the second trains the natural heads that were behind, and the heads ahead of them, over
``RATES``, each with a part of its training data kept back to choose the rate by.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter

import numpy as np

from minidl.pairing.grid import Head
from minidl.pairing.statistics import failures_counted
from minidl.pairing.trial import Result, Trial

TWO_POINTS = 0.02
"""How far a natural head may be behind the best one before its learning rate is questioned."""

RATES = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
"""The learning rates of the second round."""

Start = tuple[str, int]
"""What two heads have in common where they are compared: hidden activation and seed."""


def first_round(results: Iterable[Result]) -> list[Result]:
    """The results in which nothing was chosen."""
    return [result for result in results if not result.trial.validation_size]


def second_round(results: Iterable[Result]) -> list[Result]:
    """The results that a learning rate is chosen from."""
    return [result for result in results if result.trial.validation_size]


def counted(results: Sequence[Result], kind: str = "score") -> dict[Trial, float]:
    """Each trial's score (or ``validation_score``) as it counts, also if it failed.

    A failure counts as the worst of its dataset (``failures_counted``).

    Parameters
    ----------
    results : sequence of Result
        Of one round.
    kind : {"score", "validation_score"}
    """
    score = attrgetter(kind)
    by_dataset: dict[str, list[Result]] = defaultdict(list)
    for result in results:
        by_dataset[result.trial.dataset].append(result)
    counts: dict[Trial, float] = {}
    for group in by_dataset.values():
        scores = np.array([score(r) if r.status == "ok" else np.nan for r in group])
        trials = [result.trial for result in group]
        counts |= dict(zip(trials, failures_counted(scores).tolist(), strict=True))
    return counts


def half_interval(scores: Sequence[float]) -> float | None:
    """Half of the 95 % interval of a mean (Student's t); None for a single score.

    For the two or three seeds of a first look, from which no bootstrap could learn a spread
    (``statistics.bca_interval`` is for studies).

    Examples
    --------
    >>> half_interval([0.5, 0.7])
    1.27
    """
    from scipy.stats import t

    if len(scores) < 2:
        return None
    deviation = np.std(scores, ddof=1) / np.sqrt(len(scores))
    return float(t.ppf(0.975, len(scores) - 1) * deviation)


@dataclass(frozen=True)
class Row:
    """A pairing on one dataset: mean score, half of its 95 % interval, rank, failures."""

    hidden: str
    head: Head
    mean: float
    half: float | None
    rank: int
    failures: int


def rows(results: Sequence[Result], dataset: str) -> list[Row]:
    """The pairings of a dataset in the first round, best first."""
    here = [result for result in first_round(results) if result.trial.dataset == dataset]
    scores: dict[tuple[str, Head], list[float]] = defaultdict(list)
    failures: dict[tuple[str, Head], int] = defaultdict(int)
    for trial, score in counted(here).items():
        scores[trial.hidden, trial.head].append(score)
    for result in here:
        failures[result.trial.hidden, result.trial.head] += result.status != "ok"
    means = {pairing: float(np.mean(group)) for pairing, group in scores.items()}
    return [
        Row(
            *pairing,
            mean=means[pairing],
            half=half_interval(scores[pairing]),
            rank=1 + sum(mean > means[pairing] for mean in means.values()),
            failures=failures[pairing],
        )
        for pairing in sorted(means, key=means.__getitem__, reverse=True)
    ]


@dataclass(frozen=True)
class Gap:
    """How far one head is behind another, and half of the 95 % interval of that."""

    mean: float
    half: float | None

    def __str__(self) -> str:
        """In points: hundredths of a score."""
        interval = "" if self.half is None else f" ± {100 * self.half:.1f}"
        side = "ahead of" if round(100 * self.mean, 1) < 0 else "behind"
        return f"{abs(100 * self.mean):.1f}{interval} points {side}"


@dataclass(frozen=True)
class Standing:
    """A natural head beside the best one of a dataset, over all hidden activations.

    Parameters
    ----------
    dataset : str
    head, best : Head
    gap : Gap
        In the first round.
    tuned : Gap, optional
        In the second round, each head with the learning rate it did best with on validation data.
    rates : tuple of float
        These learning rates: the head's and the best one's.
    """

    dataset: str
    head: Head
    best: Head
    gap: Gap
    tuned: Gap | None = None
    rates: tuple[float, float] | None = None

    @property
    def behind(self) -> bool:
        """Whether the gap is more than two points."""
        return self.gap.mean > TWO_POINTS

    def __str__(self) -> str:
        if self.head == self.best:
            return f"{self.dataset}: {self.head.name} is the best"
        text = f"{self.dataset}: {self.head.name} is {self.gap} {self.best.name}"
        if self.tuned is None or self.rates is None:
            return text
        mine, its = (f"{rate:g}" for rate in self.rates)
        return f"{text}; with tuned learning rates ({mine} and {its}) {self.tuned} it"


def standings(results: Sequence[Result]) -> list[Standing]:
    """Each natural head against the best of its dataset, paired by hidden activation and seed."""
    found = []
    first, tuned = _by_head(counted(first_round(results))), _tuned(second_round(results))
    for dataset, heads in first.items():
        best = max(heads, key=lambda head: float(np.mean(list(heads[head].values()))))
        for head in (head for head in heads if head.natural):
            gap = _gap(heads[best], heads[head])
            if gap is None:  # nothing in common: interrupted
                continue
            standing = Standing(dataset, head, best, gap)
            if standing.behind and {(dataset, head), (dataset, best)} <= tuned.keys():
                (mine, rate), (its, best_rate) = tuned[dataset, head], tuned[dataset, best]
                again, rates = _gap(its, mine), (rate, best_rate)
                standing = Standing(dataset, head, best, gap, again, rates)
            found.append(standing)
    return found


def _by_head(scores: dict[Trial, float]) -> dict[str, dict[Head, dict[Start, float]]]:
    """Scores by dataset, then head, then what is common to all heads."""
    found: dict[str, dict[Head, dict[Start, float]]] = defaultdict(lambda: defaultdict(dict))
    for trial, score in scores.items():
        found[trial.dataset][trial.head][trial.hidden, trial.seed] = score
    return found


def _tuned(results: Sequence[Result]) -> dict[tuple[str, Head], tuple[dict[Start, float], float]]:
    """Test scores of each head under the rate that was best on validation data, and that rate.

    A start counts once it was trained under every rate: an interrupted round favours none.
    """
    tests, choices = counted(results), counted(results, "validation_score")
    trials: dict[tuple[str, Head], dict[Start, dict[float, Trial]]] = defaultdict(
        lambda: defaultdict(dict)
    )
    for trial in tests:
        start = trial.hidden, trial.seed
        trials[trial.dataset, trial.head][start][trial.learning_rate] = trial
    found = {}
    for key, starts in trials.items():
        whole = {start: rates for start, rates in starts.items() if len(rates) == len(RATES)}
        if whole:
            means = {r: np.mean([choices[rates[r]] for rates in whole.values()]) for r in RATES}
            rate = max(means, key=means.__getitem__)
            found[key] = {start: tests[rates[rate]] for start, rates in whole.items()}, rate
    return found


def _gap(best: dict[Start, float], head: dict[Start, float]) -> Gap | None:
    """The mean over seeds, which are independent, of the mean over hidden activations."""
    by_seed = defaultdict(list)
    for start in (start for start in best if start in head):
        by_seed[start[1]].append(best[start] - head[start])
    gaps = [float(np.mean(by_seed[seed])) for seed in sorted(by_seed)]
    return Gap(float(np.mean(gaps)), half_interval(gaps)) if gaps else None
