"""Claims about comparisons: of speed, at one learning rate, by one seed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import combinations, product

import numpy as np

from minidl.data import load
from minidl.literature.statements import Bound, Figures, Source, claim
from minidl.literature.trials import (
    SGD_RATES,
    TUNING,
    Side,
    TrainedScores,
    accuracy,
    ahead,
    deal,
    edges,
    train_all,
    tune,
    wins,
)
from minidl.pairing.statistics import sign_flip_test

HIDDEN = ("relu", "tanh", "sigmoid", "elu")
HEADS = ("sigmoid+bce", "sigmoid+mse", "tanh+hinge", "linear+hinge", "linear+mse")
RATES = tuple(float(rate) for rate in 10 ** np.linspace(-4, -1, 5))
DATA = ("moons", "spirals", "breast_cancer")


@claim(
    source=Source("D.-A. Clevert, T. Unterthiner, S. Hochreiter", "Fast and accurate deep network "
                  "learning by exponential linear units (ELUs)", "ICLR", 2016,
                  arxiv="1511.07289"),
    rule=(
        Bound("datasets of 5 where ELU's training loss falls faster (p < 0.05)", least=3),
        Bound("datasets of 5 where ReLU's falls faster (p < 0.05)", most=0),
        Bound("datasets of 5 where ELU is more accurate (p < 0.05)", least=3),
    ),
)  # fmt: skip
def elu_speed(fast: str = "elu", slow: str = "relu", workers: int = 1) -> Figures:
    """Deep networks learn faster with ELU than with ReLU, and generalise better.

    Six hidden layers, He's weights, plain gradient descent; speed is the training loss over 20
    epochs, which also chooses each side's rate from a grid of three and a half decades.
    """
    side = partial(Side, "softmax+cce", widths=(32,) * 6,
                   init="he_normal", optimizer="sgd", epochs=20)  # fmt: skip
    sides = {"fast": side(hidden=fast), "slow": side(hidden=slow)}
    faster, slower, figures, tuned = 0, 0, {}, []
    for name in ("digits", "breast_cancer", "wine", "spirals", "blobs"):
        sides_tuned = tune(sides, partial(deal, load(name)), rates=SGD_RATES, workers=workers,
                     worth=_speed)  # fmt: skip
        tuned.append(sides_tuned)
        first, second = (np.array([_speed(o) for o in sides_tuned[k].outcomes]) for k in sides)
        faster, slower = faster + ahead(first, second), slower + ahead(second, first)
        ratio = np.median(first) / np.median(second)
        figures[f"{name}: loss over 20 epochs, ELU over ReLU, medians"] = ratio
    return {
        "datasets of 5 where ELU's training loss falls faster (p < 0.05)": faster,
        "datasets of 5 where ReLU's falls faster (p < 0.05)": slower,
        "datasets of 5 where ELU is more accurate (p < 0.05)": wins(tuned, "fast", "slow"),
        **figures,
        **edges(tuned),
    }


def _speed(outcome: TrainedScores) -> float:
    """Minus the mean loss of all epochs; divergence is worse than any loss of a network at work."""
    return -float(np.mean(outcome.losses)) if np.isfinite(outcome.losses).all() else -10.0


@claim(
    source=Source("D. Choi, C. J. Shallue, Z. Nado, J. Lee, C. J. Maddison, G. E. Dahl",
                  "On empirical comparisons of optimizers for deep learning", "preprint", 2019,
                  arxiv="1910.05446"),
    rule=(
        Bound("pairs re-ordered by one rate for all, over those by repeating", least=1.5),
        Bound("pairs re-ordered by the best one rate, over those by repeating", least=1.0),
    ),
)  # fmt: skip
def tuned_rate(rates: Sequence[float] = RATES, workers: int = 1) -> Figures:
    """Who wins depends on tuning: one learning rate for all orders pairings otherwise.

    The paper says it of optimizers, here it is looked at for hidden activations × heads. Their
    order at one rate is compared with that at each one's best rate, same seeds; the yardstick is
    a repetition, in which tuning and scores have other seeds.
    """
    size = len(TUNING)
    seeds = range(2 * size + 10)
    tuning, fresh = np.split(np.arange(2 * size), 2), np.split(np.arange(2 * size, len(seeds)), 2)
    fixed, repeated = [], []
    for name in DATA:
        validated, tested = _grid(name, rates, seeds, workers)
        orders = []
        for chosen, judged in zip(tuning, fresh, strict=True):
            best = validated[:, :, chosen].mean(axis=2).argmax(axis=1)
            means = tested[:, :, judged].mean(axis=2)
            orders.append(np.take_along_axis(means, best[:, None], axis=1)[:, 0])
        repeated.append(_reordered(*orders))
        means = tested[:, :, fresh[0]].mean(axis=2)
        fixed.append([_reordered(orders[0], means[:, i]) for i in range(len(rates))])
    shares, repetition = np.mean(fixed, axis=0), float(np.mean(repeated))
    mean, least = shares.mean() / repetition, shares.min() / repetition
    figures = {
        "pairs re-ordered by one rate for all, over those by repeating": mean,
        "pairs re-ordered by the best one rate, over those by repeating": least,
        "pairs re-ordered by repeating": repetition,
    }
    return figures | {
        f"pairs re-ordered at {rate:.2g}": share for rate, share in zip(rates, shares, strict=True)
    }


def _grid(
    name: str, rates: Sequence[float], seeds: Sequence[int], workers: int
) -> tuple[np.ndarray, np.ndarray]:
    """Validation and test accuracy of every pairing, (pairings, rates, seeds)."""
    data = load(name)
    dealt = {seed: deal(data, seed) for seed in seeds}
    pairings = [Side(head, hidden, widths=(16, 16), epochs=25)
                for hidden, head in product(HIDDEN, HEADS)]  # fmt: skip
    jobs = [(s, dealt[seed], rate, seed) for s, rate, seed in product(pairings, rates, seeds)]
    scores = [(outcome.validation, outcome.test) for outcome in train_all(jobs, accuracy, workers)]
    shape = (len(pairings), len(rates), len(seeds), 2)
    validated, tested = np.moveaxis(np.reshape(scores, shape), -1, 0)
    return validated, tested


def _reordered(first: np.ndarray, second: np.ndarray) -> float:
    """Share of all pairs that two lists of scores order otherwise; a tie in one is half a one."""
    i, j = np.triu_indices(len(first), 1)
    return float(np.abs(np.sign(first[i] - first[j]) - np.sign(second[i] - second[j])).mean() / 2)


@claim(
    source=Source("N. Reimers, I. Gurevych", "Reporting score distributions makes a difference: "
                  "performance study of LSTM-networks for sequence tagging", "EMNLP", 2017,
                  arxiv="1707.09861"),
    rule=(
        Bound("one seed orders a pair wrongly that 20 tell apart (p < 0.01)", least=0.1),
        Bound("ten seeds do, over one", most=0.5),
    ),
)  # fmt: skip
def one_seed(rate: float = 1e-2, workers: int = 1) -> Figures:
    """One seed is not enough: it often puts the worse of two pairings first.

    Pairs of pairings whose order 20 seeds settle are ordered by each of 10 other seeds, then by
    these ten together. A tie is half a wrong order.
    """
    single: list[float] = []
    together: list[float] = []
    every: list[float] = []
    for name in DATA:
        _, tested = _grid(name, (rate,), range(30), workers)
        scores = tested[:, 0]
        for i, j in combinations(range(len(scores)), 2):
            difference = scores[i] - scores[j]
            order = np.sign(difference[:20].mean())
            every.append(np.abs(np.sign(difference[20:]) - order).mean() / 2)
            if sign_flip_test(difference[:20]) < 0.01:
                single.append(every[-1])
                together.append(np.abs(np.sign(difference[20:].mean()) - order) / 2)
    one, ten = (float(np.mean(wrong)) if wrong else np.nan for wrong in (single, together))
    return {
        "one seed orders a pair wrongly that 20 tell apart (p < 0.01)": one,
        "ten seeds do, over one": ten / one if one else np.nan,
        "one seed orders any pair wrongly": float(np.mean(every)),
        "pairs told apart, of all": len(single) / len(every),
    }
