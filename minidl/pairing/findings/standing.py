"""How pairings stand on each dataset, natural heads beside the best: descriptions, no claims."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from minidl.core import REALS
from minidl.nn import losses
from minidl.pairing.statistics import DIGITS, failures_counted
from minidl.pairing.study import Head, Pairing


def half_interval(scores: Sequence[float] | np.ndarray) -> float | None:
    """Half of the 95 % interval of a mean (Student's t); None for a single score.

    Of few repetitions, from which no bootstrap could learn a spread.

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


def natural(head: Head, task: str) -> bool:
    """Whether textbooks recommend a head for a task: linear + mse for numbers, not for classes.

    Examples
    --------
    >>> natural(Head("linear", "mse"), "classification")
    False
    """
    for_numbers = losses[head.loss].target == REALS
    return head.natural and for_numbers == (task == "regression")


@dataclass(frozen=True)
class Row:
    """A pairing on one dataset: mean score, half of its 95 % interval, rank, failed repetitions."""

    pairing: Pairing
    mean: float
    half: float | None
    rank: int
    failures: int


def rows(scores: Mapping[Pairing, np.ndarray]) -> list[Row]:
    """The pairings of one dataset, best mean first; a failure counts as the worst score.

    Examples
    --------
    >>> found = rows({Pairing.parse("relu/linear+mse"): np.array([0.5, 0.7])})
    >>> found[0].mean, found[0].rank
    (0.6, 1)
    """
    if not scores:
        return []
    counted = failures_counted(np.array(list(scores.values())))
    means = np.round(counted.mean(axis=1), DIGITS)
    order = np.argsort(-means, kind="stable")
    names = list(scores)
    return [
        Row(
            names[i],
            float(means[i]),
            half_interval(counted[i]),
            1 + int((means > means[i]).sum()),
            int(np.isnan(scores[names[i]]).sum()),
        )
        for i in order
    ]


@dataclass(frozen=True)
class NaturalHead:
    """A natural head beside the head with the best mean of a dataset.

    Parameters
    ----------
    dataset : str
    head, best : Head
    behind : float
        Mean difference over repetitions, each a mean over the hidden activations that both have.
    half : float or None
        Half of its 95 % interval. The best head was picked by these very scores, so the
        difference flatters it: it describes, and no claim rests on it.
    """

    dataset: str
    head: Head
    best: Head
    behind: float
    half: float | None


def natural_heads(
    dataset: str, task: str, scores: Mapping[Pairing, np.ndarray]
) -> list[NaturalHead]:
    """Each head that is natural for the task against the best, paired by hidden and repetition."""
    if not scores:
        return []
    counted = failures_counted(np.array(list(scores.values())))
    heads: dict[Head, dict[str, np.ndarray]] = {}
    for pairing, values in zip(scores, counted, strict=True):
        heads.setdefault(pairing.head, {})[pairing.hidden] = values
    best = max(heads, key=lambda head: float(np.mean(list(heads[head].values()))))
    beside = []
    for head, mine in heads.items():
        common = [hidden for hidden in mine if hidden in heads[best]]
        if natural(head, task) and common:
            gaps = np.mean([heads[best][hidden] - mine[hidden] for hidden in common], axis=0)
            beside.append(NaturalHead(dataset, head, best, float(gaps.mean()), half_interval(gaps)))
    return beside
