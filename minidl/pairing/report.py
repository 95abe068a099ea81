"""What came out: a table in the terminal, and for every dataset how the natural heads stand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl.data import Dataset
from minidl.pairing.grid import Head
from minidl.pairing.runner import Plan
from minidl.pairing.trial import Result, Trial, train

TWO_POINTS = 0.02
RATES = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1)


@dataclass(frozen=True)
class Row:
    """A pairing on one dataset: mean score, half of its 95 % interval, rank, failures."""

    hidden: str
    head: Head
    mean: float
    half: float
    rank: int
    failures: int


def half_interval(scores: Sequence[float]) -> float:
    """Half of the 95 % interval of a mean (Student's t); infinite for a single score."""
    from scipy.stats import t

    if len(scores) < 2:
        return float("inf")
    deviation = np.std(scores, ddof=1) / np.sqrt(len(scores))
    return float(t.ppf(0.975, len(scores) - 1) * deviation)


def rows(results: Sequence[Result], dataset: str) -> list[Row]:
    """The pairings of a dataset, best first."""
    groups: dict[tuple[str, Head], list[Result]] = defaultdict(list)
    for result in results:
        if result.trial.dataset == dataset:
            groups[result.trial.hidden, result.trial.head].append(result)
    means = {key: float(np.mean([r.score for r in group])) for key, group in groups.items()}
    ordered = sorted(groups, key=lambda key: -means[key])
    return [
        Row(
            hidden,
            head,
            means[hidden, head],
            half_interval([r.score for r in groups[hidden, head]]),
            1 + sum(mean > means[hidden, head] for mean in means.values()),
            sum(r.status != "ok" for r in groups[hidden, head]),
        )
        for hidden, head in ordered
    ]


@dataclass(frozen=True)
class Standing:
    """A natural head beside the best one of a dataset, over all hidden activations."""

    dataset: str
    head: Head
    best: Head
    behind: float
    half: float
    retuned: float | None

    def __str__(self) -> str:
        text = f"{self.dataset}: {self.head.name} is {100 * self.behind:.1f} points behind"
        text += f" {self.best.name} ± {100 * self.half:.1f} (95 %, paired)"
        if self.retuned is not None:
            text += f"; over five learning rates {100 * self.retuned:.1f}"
        return text


def standings(results: Sequence[Result], plan: Plan) -> list[Standing]:
    """Each natural head against the best of its dataset, paired by repetition and activation.

    One that is more than two points behind is trained again, and so is the best, over five
    learning rates; each then counts with its best rate.
    """
    found = []
    for data in plan.data:
        scores = _scores(results, data.name)
        if not scores:
            continue
        best = max(scores, key=lambda head: float(np.mean(list(scores[head].values()))))
        ahead = None
        for head in (h for h in scores if h.natural):
            gaps = _gaps_by_seed(scores[best], scores[head])
            behind = float(np.mean(gaps))
            retuned = None
            if behind > TWO_POINTS:
                ahead = ahead if ahead is not None else _reached(plan, data, best)
                retuned = ahead - _reached(plan, data, head)
            found.append(Standing(data.name, head, best, behind, half_interval(gaps), retuned))
    return found


def _scores(results: Sequence[Result], dataset: str) -> dict[Head, dict[tuple[str, int], float]]:
    scores: dict[Head, dict[tuple[str, int], float]] = defaultdict(dict)
    for result in results:
        trial = result.trial
        if trial.dataset == dataset:
            scores[trial.head][trial.hidden, trial.seed] = result.score
    return scores


def _gaps_by_seed(best: dict[tuple[str, int], float], head: dict[tuple[str, int], float]) -> Any:
    """How far a head is behind in each repetition, averaged over hidden activations."""
    gaps = defaultdict(list)
    for key in best.keys() & head.keys():
        gaps[key[1]].append(best[key] - head[key])
    return [float(np.mean(gaps[seed])) for seed in sorted(gaps)]


def _reached(plan: Plan, data: Dataset, head: Head) -> float:
    """What a head reaches with the best of five learning rates."""
    settings = {k: v for k, v in plan.settings.items() if k != "learning_rate"}
    means = []
    for rate in RATES:
        trials = [
            Trial(data.name, hidden, head, seed, learning_rate=rate, **settings)
            for hidden in plan.hidden
            for seed in range(plan.seeds)
        ]
        means.append(np.mean([train(trial, data).score for trial in trials]))
    return float(max(means))


def show(results: Sequence[Result], plan: Plan) -> None:
    """Print tables, unsound heads and standings."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    for data in plan.data:
        found = rows(results, data.name)
        table = Table(title=f"{data.name}: {data.metric}, mean ± 95 % over {plan.seeds} seeds")
        for column in ("rank", "hidden", "head", "score", "failed"):
            table.add_column(column, justify="right" if column in ("rank", "score") else "left")
        shown = found if len(found) <= 14 else [*found[:10], *found[-3:]]
        for row in shown:
            score = f"{row.mean:.3f} ± {row.half:.3f}"
            natural = " ★" if row.head.natural else ""
            failed = str(row.failures or "")
            table.add_row(str(row.rank), row.hidden, row.head.name + natural, score, failed)
        console.print(table)
        if len(shown) < len(found):
            console.print(f"The 10 best and 3 worst of {len(found)}; all are in results.csv.")
    console.print("\n★ natural pairings, beside the best head of their dataset:")
    for standing in standings(results, plan):
        console.print(f"  {standing}")
    failures = sum(result.status != "ok" for result in results)
    console.print(
        f"\n{len(results)} networks trained, {failures} failed (counted as a score of 0)."
    )
    reasons = {h: why for data in plan.data for h, why in plan.left_out(data).items()}
    console.print(f"\n{len(reasons)} unsound heads were left out (`--unsound` trains them):")
    for head, reason in reasons.items():
        console.print(f"  {head.name}: {reason}", highlight=False, style="dim")
