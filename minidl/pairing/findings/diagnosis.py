"""Why a cell's networks score low: what was measured in them, and what stands out, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from minidl.diagnostics import EXPLODED, FAST, MANY_SATURATED, SLOW, VANISHED
from minidl.pairing.findings.outcomes import Outcome
from minidl.pairing.statistics import failures_counted

MEASURES = {
    "dead": "share of dead hidden units",
    "saturated": "share of saturated hidden units",
    "gradient_ratio": "gradient norm, first layer / last",
    "update_ratio": "update / weights of a layer, in norm",
    "loss_left": "training loss left of the first epoch's",
    "peak": "score lost since its peak",
    "rise": "score gained since the checkpoint before the last",
}
"""What is measured, as a table's heading says it."""

MUCH_LEFT, TIMES_THE_BEST = 0.3, 2
"""A training loss that stands out: so much of the first epoch's, so many times the best cell's."""
LARGE_DIFFERENCE = 0.02
"""A difference of scores that stands out."""
USUAL_RATIOS = {"gradient_ratio": 1.0, "update_ratio": 1e-3}
"""Where a ratio is healthy: of several layers the one farthest from it is told."""


@dataclass(frozen=True, eq=False)
class CellDiagnosis:
    """A cell's score, what was measured in its networks, and what stands out.

    Parameters
    ----------
    outcome : Outcome
    score : float
        Mean over repetitions, failures counted.
    behind : float
        The best mean of the dataset minus it.
    measures : dict
        Of ``MEASURES``, those that were taken: the worst layer's mean over repetitions.
    symptoms : dict of str to str
        What stands out: a short name, and the same in words.
    """

    outcome: Outcome
    score: float
    behind: float
    measures: dict[str, float]
    symptoms: dict[str, str]


def diagnoses(outcomes: Sequence[Outcome]) -> list[CellDiagnosis]:
    """The complete cells of one dataset, best mean first, each with what was measured."""
    whole = [outcome for outcome in outcomes if outcome.complete]
    if not whole:
        return []
    means = failures_counted(np.array([outcome.scores for outcome in whole])).mean(axis=1)
    order = np.argsort(-means, kind="stable")
    measured_in = [measures(whole[i]) for i in order]
    least = measured_in[0].get("loss_left", 0.0)
    return [
        CellDiagnosis(
            whole[i],
            float(means[i]),
            float(means.max() - means[i]),
            measured,
            symptoms(whole[i], measured, least),
        )
        for i, measured in zip(order, measured_in, strict=True)
    ]


def measures(outcome: Outcome) -> dict[str, float]:
    """What was measured in a cell's networks, over repetitions.

    Shares are means, ratios geometric means; of several layers the one that stands out most.
    """
    trained = [result for result in outcome.results if result.status == "ok"]
    measured: dict[str, float] = {}
    for name in ("dead", "saturated"):
        if layers := [result.health[name] for result in trained if result.health.get(name)]:
            measured[name] = float(np.mean(layers, axis=0).max())
    for name in USUAL_RATIOS:
        if layers := [result.health[name] for result in trained if result.health.get(name)]:
            with np.errstate(divide="ignore"):  # a gradient of 0 makes a ratio of 0
                logarithms = np.log(np.asarray(layers, dtype=np.float64)).mean(axis=0)
            farthest = np.abs(logarithms - np.log(USUAL_RATIOS[name])).argmax()
            measured[name] = float(np.exp(logarithms[farthest]))
    if left := [r.losses[-1] / r.losses[0] for r in trained if len(r.losses) > 1 and r.losses[0]]:
        measured["loss_left"] = float(np.mean(left))
    if curves := [result.scores for result in trained if len(result.scores)]:
        mean = np.mean(curves, axis=0)
        measured["peak"] = float(mean.max() - mean[-1])
        if len(mean) > 1:
            measured["rise"] = float(mean[-1] - mean[-2])
    return measured


def symptoms(outcome: Outcome, measured: Mapping[str, float], least: float = 0.0) -> dict[str, str]:
    """What stands out, by its short name in words; empty if nothing does.

    ``least`` is the share of the training loss that the best cell of the dataset has left.
    """
    dead, saturated = (measured.get(name, 0.0) for name in ("dead", "saturated"))
    gradient = measured.get("gradient_ratio", 1.0)
    update = measured.get("update_ratio", USUAL_RATIOS["update_ratio"])
    left, lost = measured.get("loss_left", 0.0), measured.get("peak", 0.0)
    rise = measured.get("rise", 0.0)
    failed = outcome.failures
    edge = outcome.sensitivity is not None and outcome.sensitivity.at_edge
    of_gradient = f"the first layer's gradient is {gradient:.1g} times the last's"
    of_update = f"an update moves a layer's weights by {update:.1g} of their size"
    every = {
        "failed": failed and f"{len(failed)} of {outcome.planned} failed: {failed[0]}",
        "dead units": dead >= MANY_SATURATED and f"{dead:.0%} of a layer's units are dead",
        "saturated units": saturated >= MANY_SATURATED
        and f"{saturated:.0%} of a layer's units are saturated",
        "vanishing gradients": gradient < VANISHED and of_gradient,
        "exploding gradients": gradient > EXPLODED and of_gradient,
        "tiny updates": update < SLOW and of_update,
        "huge updates": update > FAST and of_update,
        "much loss left": left > max(MUCH_LEFT, TIMES_THE_BEST * least)
        and f"{left:.0%} of the first epoch's training loss is left, of the best's {least:.0%}",
        "still learning": rise > LARGE_DIFFERENCE
        and f"the test score still rose, by {100 * rise:.1f} points since the last checkpoint",
        "past its peak": lost > LARGE_DIFFERENCE
        and f"the test score was {100 * lost:.1f} points higher at its peak",
        "rate at the edge": edge
        and f"its learning rate, {outcome.rate:g}, is at the edge of the grid",
    }
    return {name: said for name, said in every.items() if said}
