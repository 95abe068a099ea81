"""Networks trained for a comparison: fairly tuned, paired by seed, on as many cores as there are.

A side's learning rate is the best of a grid on validation data, with seeds of its own; the scores
that a claim is judged by come from test data under fresh seeds. A seed decides split, weights and
shuffling alike for all sides, so that scores are paired.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, product

import numpy as np

from minidl.data import Dataset, Split
from minidl.model import mlp
from minidl.nn import losses
from minidl.pairing import Head
from minidl.pairing.statistics import rate_sensitivity, sign_flip_test
from minidl.training import decide, fit

TUNING = range(1000, 1003)
"""Seeds by which learning rates are chosen."""

FRESH = range(10)
"""Seeds that scores come from."""

ADAM_RATES = tuple(float(rate) for rate in 10 ** np.linspace(-4, -1, 7))
SGD_RATES = tuple(float(rate) for rate in 10 ** np.linspace(-3, 0.5, 8))
"""Half decades; plain gradient descent wants larger steps."""

Parts = Callable[[int], Split]
"""The standardised split of a seed."""

Score = Callable[[Head, np.ndarray, np.ndarray], float]
"""How good outputs are for targets under a head; larger is better."""


@dataclass(frozen=True)
class Side:
    """One kind of network, and how it is trained; the head as ``"softmax+cce"``."""

    head: str
    hidden: str = "relu"
    widths: tuple[int, ...] = (32, 32)
    init: str = "auto"
    optimizer: str = "adam"
    epochs: int = 50


@dataclass(frozen=True)
class TrainedScores:
    """Scores of a trained network on validation and test rows, and its loss in each epoch."""

    validation: float
    test: float
    losses: list[float]


@dataclass(frozen=True)
class Tuned:
    """A side at its own best learning rate.

    ``at_edge`` says that the rate is the grid's first or last: a better one may lie outside.
    """

    rate: float
    at_edge: bool
    outcomes: list[TrainedScores]

    @property
    def scores(self) -> np.ndarray:
        """Test scores, one a fresh seed."""
        return np.array([outcome.test for outcome in self.outcomes])


def deal(data: Dataset, seed: int) -> Split:
    """Half of the rows to learn from, a quarter to choose by, a quarter to judge by."""
    split = data.split(test_size=0.25, validation_size=0.25, seed=seed)
    return split.standardised(target=data.task == "regression")


def accuracy(head: Head, y: np.ndarray, outputs: np.ndarray) -> float:
    """Share of right classes."""
    return float((decide(outputs, losses[head.loss]) == y).mean())


def train(side: Side, parts: Split, score: Score, rate: float, seed: int) -> TrainedScores:
    """Train one network. One that diverged counts as one that always says 0."""
    head = Head.parse(side.head)
    numbers = parts.y_train.dtype.kind == "f"
    task = "regression" if numbers else "classification"
    classes = 0 if numbers else int(parts.y_train.max()) + 1
    widths = [parts.X_train.shape[1], *side.widths, head.outputs(task, classes)]
    net = mlp(widths, hidden=side.hidden, output=head.activation, init=side.init, seed=seed)
    history = fit(
        net,
        parts.X_train,
        head.encode(parts.y_train, task, classes),
        loss=head.loss,
        optimizer=side.optimizer,
        learning_rate=rate,
        epochs=side.epochs,
        seed=seed,
        verbose=False,
    )
    outputs = net.predict(np.concatenate([parts.X_validation, parts.X_test]))
    if not np.isfinite(outputs).all():
        outputs = np.zeros_like(outputs)
    validated, tested = np.split(outputs, [len(parts.X_validation)])
    return TrainedScores(
        score(head, parts.y_validation, validated),
        score(head, parts.y_test, tested),
        history["loss"],
    )


def train_all(
    jobs: Iterable[tuple[Side, Split, float, int]], score: Score, workers: int
) -> list[TrainedScores]:
    """Train a network for each side, split, rate and seed, in this order whoever is first."""
    from joblib import Parallel, delayed

    run = Parallel(n_jobs=workers, backend="threading")  # fit releases the GIL
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "training diverged", RuntimeWarning)  # is an outcome
        outcomes: list[TrainedScores] = run(
            delayed(train)(side, parts, score, rate, seed) for side, parts, rate, seed in jobs
        )
    return outcomes


def tune(
    sides: Mapping[str, Side],
    parts: Parts,
    *,
    rates: Sequence[float] = ADAM_RATES,
    score: Score = accuracy,
    workers: int = 1,
    fresh: Sequence[int] = FRESH,
    worth: Callable[[TrainedScores], float] = lambda outcome: outcome.validation,
) -> dict[str, Tuned]:
    """Train each side at its own best rate, under fresh seeds.

    Parameters
    ----------
    sides : mapping of str to Side
    parts : callable
        The split of a seed; it and the grid of ``rates`` are the same for all sides.
    workers : int
        Threads; results do not depend on them.
    fresh : sequence of int
        Seeds other than those of tuning.
    worth : callable
        What makes a rate the best: the largest mean of this.
    """
    dealt = {seed: parts(seed) for seed in (*TUNING, *fresh)}
    grid = product(sides.values(), rates, TUNING)
    jobs = [(side, dealt[seed], rate, seed) for side, rate, seed in grid]
    tried = [worth(outcome) for outcome in train_all(jobs, score, workers)]
    means = np.reshape(tried, (len(sides), len(rates), len(TUNING))).mean(axis=2)
    chosen = {name: rate_sensitivity(rates, row) for name, row in zip(sides, means, strict=True)}
    jobs = [(sides[n], dealt[seed], chosen[n].best, seed) for n, seed in product(sides, fresh)]
    outcomes = iter(train_all(jobs, score, workers))
    return {
        name: Tuned(choice.best, choice.at_edge, list(islice(outcomes, len(fresh))))
        for name, choice in chosen.items()
    }


def edges(tuned: Iterable[Mapping[str, Tuned]]) -> dict[str, float]:
    """The figure that says in how many places the grid was perhaps too narrow."""
    at_edge = [side.at_edge for comparison in tuned for side in comparison.values()]
    return {f"best rates at an edge of the grid, of {len(at_edge)}": sum(at_edge)}


def ahead(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether paired scores are higher on the first side, and not by chance (p < 0.05)."""
    differences = first - second
    return bool(differences.mean() > 0 and sign_flip_test(differences) < 0.05)


def wins(tuned: Iterable[Mapping[str, Tuned]], first: str, second: str) -> int:
    """In how many comparisons one side is ahead of the other."""
    return sum(ahead(sides[first].scores, sides[second].scores) for sides in tuned)


def gap(sides: Mapping[str, Tuned], first: str, second: str) -> float:
    """How much higher the mean score of one side is than the other's."""
    return float((sides[first].scores - sides[second].scores).mean())
