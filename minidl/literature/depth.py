"""Claims about depth: what is left of signals and gradients after many layers."""

from __future__ import annotations

from functools import partial

import numpy as np

from minidl.autodiff import Tensor, no_grad
from minidl.data import load
from minidl.literature.statements import Bound, Figures, Source, claim
from minidl.literature.trials import SGD_RATES, Side, deal, tune
from minidl.model import mlp
from minidl.nn import activations, losses

HE = Source("K. He, X. Zhang, S. Ren, J. Sun",
            "Delving deep into rectifiers: surpassing human-level performance on ImageNet "
            "classification", "ICCV", 2015, arxiv="1502.01852")  # fmt: skip


@claim(
    source=Source("G. Klambauer, T. Unterthiner, A. Mayr, S. Hochreiter",
                  "Self-normalizing neural networks", "NeurIPS", 2017, arxiv="1706.02515"),
    rule=(
        Bound("mean under N(0, 1), distance from 0", most=1e-9),
        Bound("variance under N(0, 1), distance from 1", most=1e-9),
        Bound("mean after 100 layers, distance from 0, worst", most=0.1),
        Bound("variance after 100 layers, distance from 1, mean", most=0.2),
        Bound("mean after 20 layers from 0.3, distance from 0, worst", most=0.1),
        Bound("variance after 20 layers from 1.4, distance from 1, mean", most=0.2),
    ),
    exact=True,
)  # fmt: skip
def selu_fixed_point(hidden: str = "selu") -> Figures:
    """SELU keeps mean 0 and variance 1, through 100 layers, and pulls others back to them."""
    from scipy.integrate import quad
    from scipy.stats import norm

    def moment(power: int) -> float:
        """E[f(z)ᵖ], with the kink at an end of both integrals."""

        def density(z: float) -> float:
            return float(activations[hidden](np.float64(z))) ** power * float(norm.pdf(z))

        halves = [quad(density, *ends, epsabs=1e-13, epsrel=1e-13) for ends in ((-12, 0), (0, 12))]
        return float(sum(half[0] for half in halves))

    still = np.array([_after(hidden, 100, 0.0, 1.0, seed) for seed in range(3)])
    moved = np.array([_after(hidden, 20, 0.3, 1.4, seed) for seed in range(3)])
    return {
        "mean under N(0, 1), distance from 0": abs(moment(1)),
        "variance under N(0, 1), distance from 1": abs(moment(2) - moment(1) ** 2 - 1),
        "mean after 100 layers, distance from 0, worst": np.abs(still[:, 0]).max(),
        "variance after 100 layers, distance from 1, mean": abs(still[:, 1].mean() - 1),
        "mean after 20 layers from 0.3, distance from 0, worst": np.abs(moved[:, 0]).max(),
        "variance after 20 layers from 1.4, distance from 1, mean": abs(moved[:, 1].mean() - 1),
    }


def _after(hidden: str, layers: int, mean: float, variance: float, seed: int) -> np.ndarray:
    """Mean and variance of a normal signal after layers of 256 units."""
    x = np.random.default_rng(seed).normal(mean, variance**0.5, (200, 256))
    net = mlp([256] * (layers + 1), hidden, hidden, init="lecun_normal", seed=seed)
    y = net.predict(x)
    return np.array([y.mean(), y.var()])


@claim(
    source=HE,
    rule=(
        Bound("He: mean square after 30 layers over after 1", least=1 / 3, most=3.0),
        Bound("Glorot: the same, log₂ a layer", least=-1.1, most=-0.9),
        Bound("He: mean square of the gradient, input over output", least=1 / 3, most=3.0),
    ),
    exact=True,
)  # fmt: skip
def he_signal(he: str = "he_normal", glorot: str = "glorot_normal") -> Figures:
    """He's weights keep a signal's size through 30 layers of ReLU; Glorot's halve it in each."""
    kept = [_sizes(he, seed) for seed in range(5)]
    shrunk = [_sizes(glorot, seed) for seed in range(5)]
    forward, backward = np.exp(np.mean(np.log(kept), axis=0))
    return {
        "He: mean square after 30 layers over after 1": forward,
        "Glorot: the same, log₂ a layer": np.log2(shrunk)[:, 0].mean() / 29,
        "He: mean square of the gradient, input over output": backward,
    }


def _sizes(init: str, seed: int) -> tuple[float, float]:
    """How the mean squares of signal and gradient change on their ways through the layers."""
    net = mlp([256] * 31, "relu", "relu", init=init, seed=seed, dtype="float64")
    start, dy = np.random.default_rng(seed).normal(size=(2, 100, 256))
    x = Tensor(start, requires_grad=True)
    with no_grad():
        first = net[0](x).numpy()
    y = net(x)
    (y * dy).sum().backward()
    forward = np.mean(y.numpy() ** 2) / np.mean(first**2)
    backward = np.mean(np.asarray(x.grad) ** 2) / np.mean(dy**2)
    return float(forward), float(backward)


@claim(
    source=HE,
    rule=(
        Bound("test accuracy, He minus Glorot", least=0.5),
        Bound("He: test accuracy", least=0.8),
        Bound("Glorot: test accuracy", most=0.2),
    ),
)
def he_training(he: str = "he_normal", glorot: str = "glorot_normal", workers: int = 1) -> Figures:
    """With He's weights 30 layers of ReLU learn; with Glorot's they stall.

    Digits, ten classes, by plain gradient descent with each side's best rate. A first run of a
    fifth of the epochs ended while He's side was still learning: the rule was left as it was, the
    budget grew, and the fresh seeds are others. Of five fresh seeds, as there were, one network in
    thirty that fails decides by where it falls; thirty say how often that is.
    """
    side = partial(Side, "softmax+cce", widths=(64,) * 29,
                   optimizer="sgd", epochs=100)  # fmt: skip
    sides = {"He": side(init=he), "Glorot": side(init=glorot)}
    parts = partial(deal, load("digits"))
    tuned = tune(sides, parts, rates=SGD_RATES, workers=workers, fresh=range(100, 130))
    scores = {name: side_tuned.scores.mean() for name, side_tuned in tuned.items()}
    return {
        "test accuracy, He minus Glorot": scores["He"] - scores["Glorot"],
        "He: test accuracy": scores["He"],
        "Glorot: test accuracy": scores["Glorot"],
        "He: learning rate": tuned["He"].rate,
        "Glorot: learning rate": tuned["Glorot"].rate,
    }


@claim(
    source=Source("X. Glorot, Y. Bengio",
                  "Understanding the difficulty of training deep feedforward neural networks",
                  "AISTATS", 2010),
    rule=(
        Bound("sigmoid: factor on the first layer's gradient a layer", most=0.3),
        Bound("sigmoid: r² of log gradient against depth", least=0.95),
        Bound("tanh: factor on the first layer's gradient a layer", least=0.5),
    ),
    exact=True,
)  # fmt: skip
def sigmoid_gradients(squashing: str = "sigmoid", centred: str = "tanh") -> Figures:
    """Each further layer of sigmoids divides the first layer's gradient by 4 or so; tanh keeps it.

    σ′ is at most ¼, and Glorot's weights keep the size of what comes back through them.
    """
    factor, fit = _fade(squashing)
    other, _ = _fade(centred)
    return {
        "sigmoid: factor on the first layer's gradient a layer": factor,
        "sigmoid: r² of log gradient against depth": fit,
        "tanh: factor on the first layer's gradient a layer": other,
    }


def _fade(hidden: str) -> tuple[float, float]:
    """The factor a layer that fits gradients of fresh networks of several depths, and its r²."""
    split = load("digits").split(seed=0).standardised()
    X, y = split.X_train[:200], split.y_train[:200]
    depths, logs = [], []
    for depth in (2, 4, 6, 8, 10):
        for seed in range(5):
            net = mlp([64] + [32] * depth + [10], hidden, "softmax", seed=seed, dtype="float64")
            losses["categorical_crossentropy"](y, net(X)).backward()
            depths.append(depth)
            logs.append(np.log(np.linalg.norm(np.asarray(net.parameters()[0].grad))))
    slope = np.polyfit(depths, logs, 1)[0]
    return float(np.exp(slope)), float(np.corrcoef(depths, logs)[0, 1] ** 2)
