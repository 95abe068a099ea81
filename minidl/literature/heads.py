"""Claims about which loss belongs to an output."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from minidl.autodiff import Tensor
from minidl.data import Dataset, load
from minidl.literature.statements import Bound, Figures, Source, claim
from minidl.literature.trials import FRESH, Side, accuracy, deal, edges, gap, train_all, tune, wins
from minidl.nn import activations, losses
from minidl.pairing import Head


@claim(
    source=Source("M. A. Nielsen", "Neural networks and deep learning, ch. 3",
                  "Determination Press", 2015),
    rule=(
        Bound("ratio × σ′(z), distance from 1, worst", most=1e-9),
        Bound("smallest ratio", least=4 - 1e-9, most=4 + 1e-9),
    ),
    exact=True,
)  # fmt: skip
def bce_gradient(steep: str = "binary_crossentropy", flat: str = "mse") -> Figures:
    """Behind a sigmoid, cross-entropy's gradient is that of half the squared error over σ′(z).

    The sigmoid's slope, which vanishes where it is wrong and sure, cancels. At z = 0 the ratio is
    4, and it only grows from there.
    """
    from scipy.special import expit

    z = np.linspace(-12, 12, 49)
    slope = expit(z) * expit(-z)
    ratios = np.array([_slope(steep, z, t) / (_slope(flat, z, t) / 2) for t in (0.0, 1.0)])
    return {
        "ratio × σ′(z), distance from 1, worst": np.abs(ratios * slope - 1).max(),
        "smallest ratio": ratios.min(),
        "ratio at z = ±12": ratios[:, [0, -1]].mean(),
    }


def _slope(loss: str, z: np.ndarray, t: float) -> np.ndarray:
    logits = Tensor(z, requires_grad=True)
    losses[loss](np.full_like(z, t), activations["sigmoid"](logits), reduction="sum").backward()
    return np.array(logits.grad)


@claim(
    source=Source("L. Hui, M. Belkin", "Evaluation of neural architectures trained with square "
                  "loss vs cross-entropy in classification tasks", "ICLR", 2021,
                  arxiv="2006.07322"),
    rule=(
        Bound("datasets of 6 where square loss is ahead or within 1 point", least=4),
        Bound("accuracy, square loss minus cross-entropy, mean", least=0.0),
        Bound("deviation over initial weights, square loss minus cross-entropy, mean", most=0.0),
    ),
)  # fmt: skip
def square_loss(
    square: str = "linear+mse",
    entropy: str = "softmax+cce",
    workers: int = 1,
) -> Figures:
    """Square loss on a linear output classifies at least as well as cross-entropy, and varies less.

    One dataset a family; the deviation is over initial weights and shuffling on one split.
    """
    sides = {"square": Side(square), "entropy": Side(entropy)}
    gaps, deviations, tuned = {}, [], []
    for name in ("breast_cancer", "wine", "digits", "iris", "spirals", "blobs"):
        parts = partial(deal, load(name))
        sides_tuned = tune(sides, parts, workers=workers, fresh=range(20))
        tuned.append(sides_tuned)
        gaps[name] = gap(sides_tuned, "square", "entropy")
        split = parts(min(FRESH))
        jobs = [(sides[k], split, sides_tuned[k].rate, seed) for k in sides for seed in FRESH]
        again = [outcome.test for outcome in train_all(jobs, accuracy, workers)]
        first, second = np.reshape(again, (2, -1)).std(axis=1, ddof=1)
        deviations.append(first - second)
    close = sum(apart >= -0.01 for apart in gaps.values())
    mean, deviation = np.mean(list(gaps.values())), np.mean(deviations)
    return {
        "datasets of 6 where square loss is ahead or within 1 point": close,
        "accuracy, square loss minus cross-entropy, mean": mean,
        "deviation over initial weights, square loss minus cross-entropy, mean": deviation,
        **{f"{name}: accuracy, square loss minus the other": gaps[name] for name in gaps},
        **edges(tuned),
    }


@claim(
    source=Source("T.-Y. Lin, P. Goyal, R. Girshick, K. He, P. Dollár",
                  "Focal loss for dense object detection", "ICCV", 2017, arxiv="1708.02002"),
    rule=(
        Bound("tasks of 3 where focal loss ranks better (p < 0.05)", least=2),
        Bound("tasks of 3 where cross-entropy ranks better (p < 0.05)", most=0),
    ),
)  # fmt: skip
def focal_imbalance(
    focal: str = "sigmoid+focal",
    plain: str = "sigmoid+bce",
    workers: int = 1,
) -> Figures:
    """Where positives are rare, focal loss finds them better than cross-entropy.

    Judged by average precision, as in the paper, which no threshold and no class weight moves.
    """
    sides = {"focal": Side(focal), "plain": Side(plain)}
    by_task = {
        name: tune(sides, partial(deal, data), score=_average_precision, workers=workers)
        for name, data in _rare().items()
    }
    tuned = by_task.values()
    return {
        "tasks of 3 where focal loss ranks better (p < 0.05)": wins(tuned, "focal", "plain"),
        "tasks of 3 where cross-entropy ranks better (p < 0.05)": wins(tuned, "plain", "focal"),
        **{
            f"{name}: average precision, focal loss minus the other": gap(one, "focal", "plain")
            for name, one in by_task.items()
        },
        **edges(tuned),
    }


def _average_precision(head: Head, y: np.ndarray, outputs: np.ndarray) -> float:
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(y, outputs[:, 0]))


def _rare() -> dict[str, Dataset]:
    """Tasks with few positives: 1 to 50, an eight among digits, 40 malignant tumours to 357."""
    digits, tumours = load("digits"), load("breast_cancer")
    malignant = (tumours.y == 0).astype(np.int64)
    kept = (malignant == 0) | (np.cumsum(malignant) <= 40)
    return {
        "imbalanced": load("imbalanced"),
        "eights": replace(digits, y=(digits.y == 8).astype(np.int64), classes=("other", "eight")),
        "tumours": replace(
            tumours, X=tumours.X[kept], y=malignant[kept], classes=("benign", "malignant")
        ),
    }
