"""Claims about labels that were swapped, and what it costs to withstand them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from minidl.autodiff import Tensor
from minidl.data import Split, load
from minidl.literature.statements import Bound, Figures, Source, claim
from minidl.literature.trials import Parts, Side, deal, edges, gap, tune, wins
from minidl.nn import activations, losses
from minidl.pairing import encode_labels

GHOSH = Source("A. Ghosh, H. Kumar, P. S. Sastry",
               "Robust loss functions under label noise for deep neural networks",
               "AAAI", 2017, arxiv="1712.09482")  # fmt: skip

CLASSES = ("digits", "wine", "iris", "blobs")


@claim(
    source=GHOSH,
    rule=(
        Bound("MAE: distance of the noisy gradient from a multiple of the clean", most=1e-10),
        Bound("MAE: spread of the sum over all labels", most=1e-10),
        Bound("cross-entropy: distance of the noisy gradient from that multiple", least=0.1),
    ),
    exact=True,
)
def mae_symmetric(symmetric: str = "mae", other: str = "categorical_crossentropy") -> Figures:
    """Symmetric label noise only scales the expected gradient of MAE on softmax.

    The loss summed over all k labels is the same for every prediction, so that labels swapped
    with probability η leave 1 − ηk/(k − 1) of the gradient: its direction stays, and with it
    every minimum. Cross-entropy has no such sum.
    """
    away, spread = np.transpose([_noisy(symmetric, classes) for classes in (2, 3, 10)])
    others, _ = np.transpose([_noisy(other, classes) for classes in (2, 3, 10)])
    return {
        "MAE: distance of the noisy gradient from a multiple of the clean": away.max(),
        "MAE: spread of the sum over all labels": spread.max(),
        "cross-entropy: distance of the noisy gradient from that multiple": others.min(),
    }


def _noisy(loss: str, classes: int, share: float = 0.4) -> tuple[float, float]:
    """How far the expected gradient is from its theory, and the spread of the sum; relative."""
    z = np.random.default_rng(classes).normal(0.0, 2.0, (500, classes))
    values, gradients = zip(*(_under(loss, z, label) for label in range(classes)), strict=True)
    total, clean = np.sum(values, axis=0), gradients[0]
    noisy = (1 - share) * clean + share / (classes - 1) * np.sum(gradients[1:], axis=0)
    expected = (1 - share * classes / (classes - 1)) * clean
    away = np.linalg.norm(noisy - expected) / np.linalg.norm(expected)
    return float(away), float(np.ptp(total) / total.mean())


def _under(loss: str, z: np.ndarray, label: int) -> tuple[np.ndarray, np.ndarray]:
    """Each row's loss under one label, and the gradient that it gives the logits."""
    logits = Tensor(z, requires_grad=True)
    entry = losses[loss]
    t = encode_labels(np.full(len(z), label), entry, z.shape[1])
    value = entry(t, activations["softmax"](logits), reduction="none")
    value.sum().backward()
    return value.numpy().reshape(len(z), -1).sum(axis=1), np.array(logits.grad)


@claim(
    source=GHOSH,
    rule=(
        Bound("40 % noise: datasets of 4 where MAE is more accurate (p < 0.05)", least=3),
        Bound("accuracy lost to noise, MAE over cross-entropy", most=0.5),
    ),
)
def mae_label_noise(
    robust: str = "softmax+mae", plain: str = "softmax+cce", workers: int = 1
) -> Figures:
    """MAE on softmax withstands swapped labels that cross-entropy learns by heart.

    Two fifths of the labels to learn from and to choose by are another class, any with the same
    probability. Networks are wide and trained long enough to fit noise.
    """
    sides = {name: Side(head, widths=(64, 64), epochs=100)
             for name, head in (("MAE", robust), ("cross-entropy", plain))}  # fmt: skip
    clean, noisy = {}, {}
    for name in CLASSES:
        parts = partial(deal, load(name))
        clean[name] = tune(sides, parts, workers=workers)
        noisy[name] = tune(sides, partial(_swapped, parts), workers=workers)
    mae, entropy = (
        sum((clean[n][side].scores - noisy[n][side].scores).mean() / len(CLASSES) for n in CLASSES)
        for side in sides
    )
    return {
        "40 % noise: datasets of 4 where MAE is more accurate (p < 0.05)":
            wins(noisy.values(), "MAE", "cross-entropy"),
        "accuracy lost to noise, MAE over cross-entropy": mae / entropy,
        **{f"40 % noise, {name}: accuracy, {side}": noisy[name][side].scores.mean()
           for name in CLASSES for side in sides},
        **edges([*clean.values(), *noisy.values()]),
    }  # fmt: skip


def _swapped(parts: Parts, seed: int, share: float = 0.4) -> Split:
    """Replace a share of the labels by another class, those of the test rows excepted."""
    split, generator = parts(seed), np.random.default_rng(seed)
    classes = int(split.y_train.max()) + 1

    def swap(y: np.ndarray) -> np.ndarray:
        away = generator.integers(1, classes, len(y)) * (generator.random(len(y)) < share)
        return (y + away) % classes

    return replace(split, y_train=swap(split.y_train), y_validation=swap(split.y_validation))


@claim(
    source=Source("Z. Zhang, M. R. Sabuncu", "Generalized cross entropy loss for training deep "
                  "neural networks with noisy labels", "NeurIPS", 2018, arxiv="1805.07836"),
    rule=(
        Bound("datasets of 4 where cross-entropy is more accurate (p < 0.05)", least=2),
        Bound("datasets of 4 where MAE is more accurate (p < 0.05)", most=0),
    ),
)  # fmt: skip
def mae_slow(robust: str = "softmax+mae", plain: str = "softmax+cce", workers: int = 1) -> Figures:
    """Without noise MAE on softmax learns more slowly than cross-entropy.

    Five epochs, each side at its best rate.
    """
    sides = {"MAE": Side(robust, epochs=5), "cross-entropy": Side(plain, epochs=5)}
    tuned_on = {name: tune(sides, partial(deal, load(name)), workers=workers) for name in CLASSES}
    tuned, mae, entropy = tuned_on.values(), "MAE", "cross-entropy"
    return {
        "datasets of 4 where cross-entropy is more accurate (p < 0.05)": wins(tuned, entropy, mae),
        "datasets of 4 where MAE is more accurate (p < 0.05)": wins(tuned, mae, entropy),
        **{
            f"{n}: accuracy, MAE minus cross-entropy": gap(tuned_on[n], mae, entropy)
            for n in tuned_on
        },
        **edges(tuned),
    }
