"""Claims about networks that have not been trained yet."""

from __future__ import annotations

import numpy as np

from minidl.autodiff import Tensor, no_grad
from minidl.data import load
from minidl.literature.statements import Bound, Figures, Source, claim
from minidl.model import mlp
from minidl.training import evaluate


@claim(
    source=Source("A. Karpathy", "A recipe for training neural networks",
                  "karpathy.github.io/2019/04/25/recipe", 2019),
    rule=(
        Bound("distance from log k over log k, last layer × 0.01, worst", most=0.01),
        Bound("distance from log k over log k, as initialised, worst dataset's mean", most=0.1),
    ),
    exact=True,
)  # fmt: skip
def chance_level(small: float = 0.01) -> Figures:
    """A fresh network with a well-made last layer has a cross-entropy of log k over k classes.

    Standard initialisations make logits of about the size of the hidden units; whether that is
    small enough is the second bound.
    """
    shrunk: list[list[float]] = []
    usual: list[list[float]] = []
    for name in ("breast_cancer", "iris", "wine", "digits"):
        split = load(name).split(seed=0).standardised()
        X, y = split.X_train, split.y_train
        k = int(y.max()) + 1
        for scale, distances in ((small, shrunk), (1.0, usual)):
            from_log_k = [_first_loss(X, y, k, scale, seed) / np.log(k) - 1 for seed in range(10)]
            distances.append(from_log_k)
    means = np.mean(usual, axis=1)
    return {
        "distance from log k over log k, last layer × 0.01, worst": np.abs(shrunk).max(),
        "distance from log k over log k, as initialised, worst dataset's mean": abs(means).max(),
    }


def _first_loss(X: np.ndarray, y: np.ndarray, classes: int, scale: float, seed: int) -> float:
    net = mlp([X.shape[1], 64, classes], output="softmax", seed=seed, dtype="float64")
    net[-1].parameters()[0].data *= scale  # the weights; biases are 0
    return evaluate(net, X, y, loss="categorical_crossentropy")["loss"]


NARROW = "born dead: width 2, 30 layers"
BOUND = "born dead above 1 − (1 − 2⁻ⁿ)ᴸ, in standard errors, worst of widths and depths"
ONE = "one input lost, from 1 − (1 − 2⁻ⁿ)ᴸ, in standard errors, worst of widths and depths"
WIDE = "born dead: width 16, 30 layers"


@claim(
    source=Source("L. Lu, Y. Shin, Y. Su, G. E. Karniadakis",
                  "Dying ReLU and initialization: theory and numerical examples",
                  "Communications in Computational Physics 28", 2020, arxiv="1903.06733"),
    rule=(
        Bound(NARROW, least=0.9),
        Bound(BOUND, most=3.0),
        Bound(ONE, most=4.0),
        Bound(WIDE, most=0.02),
    ),
    exact=True,
)  # fmt: skip
def born_dead(hidden: str = "relu", networks: int = 150) -> Figures:
    """Deep, narrow ReLU networks are born dead: the deeper, the surer; width saves them.

    With symmetric weights and no biases all n units of a layer are silent for a given input with
    probability 2⁻ⁿ, whatever came before. A network is dead when that has happened to every
    input. From one number a layer without biases sees two directions only, +1 and −1.
    """
    depths = (5, 10, 20, 30)
    figures = {BOUND: -np.inf, ONE: 0.0}
    for width in (2, 4, 16):
        lost = np.array([_lost(hidden, width, max(depths), seed) for seed in range(networks)])
        for depth in depths:
            expected = 1 - (1 - 2.0**-width) ** depth
            error = np.sqrt(expected * (1 - expected) / networks)
            gone = lost[:, depth - 1]  # (networks, inputs)
            dead, one = gone.all(axis=1).mean(), gone[:, 0].mean()
            figures[BOUND] = max(figures[BOUND], (dead - expected) / error)
            figures[ONE] = max(figures[ONE], abs(one - expected) / error)
            figures[f"born dead: width {width}, {depth} layers"] = dead
    return figures


def _lost(hidden: str, width: int, depth: int, seed: int) -> np.ndarray:
    """Whether nothing is left of each of the inputs +1 and −1 after each layer."""
    net = mlp([1] + [width] * depth, hidden, hidden, init="he_normal", seed=seed, dtype="float64")
    lost, x = [], Tensor(np.array([[1.0], [-1.0]]))
    with no_grad():
        for layer in net:
            x = layer(x)
            lost.append(~x.numpy().any(axis=1))
    return np.array(lost)
