"""Claims about targets that lie far off."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from minidl.data import Split, load
from minidl.literature.statements import Bound, Figures, Source, claim
from minidl.literature.trials import Parts, Side, Tuned, ahead, deal, edges, tune
from minidl.pairing import Head


@claim(
    source=Source("P. J. Huber", "Robust estimation of a location parameter",
                  "Annals of Mathematical Statistics 35", 1964),
    rule=(
        Bound("outliers: datasets of 3 where Huber's error is lower (p < 0.05)", least=3),
        Bound("no outliers: Huber's error over that of squared error, worst of 2", most=1.05),
    ),
)  # fmt: skip
def huber_outliers(robust: str = "huber", plain: str = "mse", workers: int = 1) -> Figures:
    """Huber's loss withstands outliers, and costs little where there are none.

    A tenth of the targets to learn from and to choose by lies 3 to 6 standard deviations too
    high; the error is the mean absolute one, on test rows as they are.
    """
    sides = {loss: Side(f"linear+{loss}") for loss in (robust, plain)}
    tasks: dict[str, Parts] = {"outliers": partial(deal, load("outliers"))}
    clean: dict[str, Parts] = {n: partial(deal, load(n)) for n in ("friedman1", "diabetes")}
    tasks |= {name: partial(_pushed, parts) for name, parts in clean.items()}

    tuned: list[dict[str, Tuned]] = []

    def errors(parts: Parts) -> tuple[np.ndarray, np.ndarray]:
        sides_tuned = tune(sides, parts, score=_minus_error, workers=workers)
        tuned.append(sides_tuned)
        return -sides_tuned[robust].scores, -sides_tuned[plain].scores

    spoilt = {name: errors(parts) for name, parts in tasks.items()}
    won = sum(ahead(-huber, -squared) for huber, squared in spoilt.values())
    costs = [huber.mean() / squared.mean() for huber, squared in map(errors, clean.values())]
    figures = {
        "outliers: datasets of 3 where Huber's error is lower (p < 0.05)": won,
        "no outliers: Huber's error over that of squared error, worst of 2": max(costs),
    }
    for name, (huber, squared) in spoilt.items():
        figures[f"outliers, {name}: Huber's error over the other"] = huber.mean() / squared.mean()
    return figures | edges(tuned)


def _minus_error(head: Head, y: np.ndarray, outputs: np.ndarray) -> float:
    return -float(np.abs(outputs[:, 0] - y).mean())


def _pushed(parts: Parts, seed: int) -> Split:
    """Push a tenth of the targets up, those of the test rows excepted."""
    split, generator = parts(seed), np.random.default_rng(seed)

    def push(y: np.ndarray) -> np.ndarray:
        return y + (generator.random(len(y)) < 0.1) * generator.uniform(3.0, 6.0, len(y))

    return replace(split, y_train=push(split.y_train), y_validation=push(split.y_validation))
