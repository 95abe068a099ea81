"""What entries say of themselves: every property that users read is measured here.

A claim that nobody measures fails, and so does a measurement of what is no longer claimed.
"""

import numpy as np
import pytest

import minidl as ml
from minidl.nn import activations, losses
from minidl.nn.activation_functions import SELU_SCALE_ALPHA

X = np.linspace(-12, 12, 4801)
NORMAL = np.random.default_rng(0).normal(size=100_000)


def slope(entry, x):
    x = ml.Tensor(np.asarray(x, np.float64), requires_grad=True)
    entry(x).sum().backward()
    return x.grad


def gradient(loss, t, p, **options):
    p = ml.Tensor(np.asarray(p, np.float64), requires_grad=True)
    loss(np.asarray(t, np.float64), p, reduction="sum", **options).backward()
    return p.grad


def smooth(slopes):
    """Whether neighbouring slopes lie close together: no jump, on a grid of steps of 0.005."""
    return np.abs(np.diff(slopes)).max() < 0.02


def dips_to(value, x):
    def measure(entry):
        low = entry(X)
        return round(low.min(), 2) == value and abs(X[low.argmin()] - x) < 0.01

    return measure


def after_layers(entry, layers, x):
    """Mean and variance of a signal after layers of 256 units."""
    with ml.no_grad():
        for layer in ml.mlp([256] * (layers + 1), hidden=entry, output=entry, seed=0):
            x = layer(x)
    return float(x.numpy().mean()), float(x.numpy().var())


def signal(mean=0.0, variance=1.0):
    return NORMAL[: 256 * 200].reshape(200, 256) * variance**0.5 + mean


def selu_keeps(entry):
    mean, variance = after_layers(entry, 100, signal())
    return abs(mean) < 0.1 and abs(variance - 1) < 0.2


def selu_pulls_back(entry):
    mean, variance = after_layers(entry, 20, signal(0.3, 1.4))
    return abs(mean) < 0.1 and abs(variance - 1) < 0.1


def half_active(entry):
    hidden = ml.mlp([16, 512], output=entry, seed=0).predict(NORMAL[:3200].reshape(200, 16))
    return 0.45 < (hidden > 0).mean() < 0.55


def minimised_by(statistic):
    """Whether the best constant prediction for skewed numbers is their mean, their median."""

    def measure(loss):
        t = NORMAL[:999] ** 2
        below, at, above = (
            gradient(loss, t, np.full(999, statistic(t) + d)).sum() for d in (-0.1, 0, 0.1)
        )
        return below < -0.5 and abs(at) < 1e-6 and above > 0.5

    return measure


def outlier_is_bounded(loss):
    return np.abs(gradient(loss, [0.0, 0.0], [10.0, 1000.0])).max() < 1.001


def outlier_dominates(loss):
    one, far = np.abs(gradient(loss, [-1.0, -1.0], [1.0, 1000.0]))
    return far > 100 * one


def one_sided(loss):
    """Whether what is right by a margin has no gradient, and what is wrong has one."""
    if loss.rowwise:
        right, wrong = gradient(loss, [[1, 0, 0], [1, 0, 0]], [[3.0, 1, 0], [1.0, 3, 0]])
        return not right.any() and np.count_nonzero(wrong) == 2
    right, wrong = gradient(loss, [1.0, 1.0], [1.5, -1.5])
    return right == 0 and wrong != 0


def any_real(loss):
    return loss.link is None and loss.prediction.low == -np.inf


def logits_cancel(loss):
    z = np.array([[-3.0, 0.5, 2.0]])
    t = np.array([[0.0, 1.0, 0.0]])
    p = ml.softmax(z) if loss.rowwise else ml.sigmoid(z)
    return np.allclose(gradient(loss, t, z, from_logits=True), p - t, rtol=1e-12)


def easy(loss, **settings):
    """How the loss of an easy example compares with that of a hard one."""
    hard_and_easy = [[0.1], [0.9]]
    if loss.rowwise:
        hard_and_easy = [[0.1, 0.9], [0.9, 0.1]]
    t = np.zeros(2) if loss.rowwise else np.ones((2, 1))
    hard, easy = loss(t, np.array(hard_and_easy), reduction="none", **settings).reshape(-1)
    return easy / hard


def bce_far_above_mse(loss):
    z = ml.Tensor([[8.0]], requires_grad=True, dtype="float64")
    ml.mse([[0.0]], ml.sigmoid(z)).backward()
    return gradient(loss, [[0.0]], [[8.0]], from_logits=True).item() > 1000 * z.grad.item()


def unbounded(loss):
    p, t = (ml.softmax([[0.0, 80.0]]), [0]) if loss.rowwise else ([[1e-30]], [[1.0]])
    right, sure = (ml.softmax([[80.0, 0.0]]), [0]) if loss.rowwise else ([[1.0]], [[1.0]])
    return loss(t, p) > 60 and loss(sure, right) < 1e-30


def kl_is_zero_only_where_both_agree(loss):
    p, q = np.array([[0.2, 0.3, 0.5]]), np.array([[0.2, 0.31, 0.49]])
    return abs(loss(p, p)) < 1e-16 and loss(p, q) > 1e-5


def crossentropy_minus_entropy(loss):
    t, p = np.array([[0.2, 0.3, 0.5]]), np.array([[0.6, 0.3, 0.1]])
    cce = losses["categorical_crossentropy"]
    return np.isclose(loss(t, p), cce(t, p) - cce(t, t), rtol=1e-12)


def poisson_is_the_likelihood_of_counts(loss):
    """exp(−loss) is, but for a factor of t alone, the density whose variance is its mean."""
    t = np.arange(60.0)
    factorials = np.cumsum(np.log(np.maximum(t, 1)))
    for rate in (0.5, 4.0):
        density = np.exp(-loss(t, np.full(60, rate), reduction="none") - factorials)
        mean = (t * density).sum()
        if not np.allclose(
            [density.sum(), mean, ((t - mean) ** 2 * density).sum()], [1, rate, rate]
        ):
            return False
    return True


CLAIMS = {
    "relu": {
        "does not saturate for positive x": lambda f: slope(f, [1e-30, 1.0, 1e30]).min() == 1,
        "half of the units are active when pre-activations are symmetric about 0": half_active,
        "a unit that is never positive gets no gradient: it is dead":
            lambda f: not slope(f, [-1e-30, -1.0, -1e30]).any(),
    },
    "leaky_relu": {
        "no dead units": lambda f: slope(f, X).min() > 0,
        "a gradient on the negative side, too": lambda f: (slope(f, X[X < 0]) == 0.01).all(),
        "α can be learned: prelu": lambda f: activations["prelu"].learned,
    },
    "prelu": {
        "the slope of the negative side is a parameter, 0.25 at first": lambda f: any(
            p.name.endswith("alpha") and (p.numpy() == 0.25).all()
            for p in ml.mlp([2, 3, 1], f).parameters()),
    },
    "sigmoid": {
        "saturates on both sides: gradients vanish": lambda f: slope(f, [-20.0, 20.0]).max() < 1e-8,
        "not centred: its mean is above 0": lambda f: f(NORMAL).mean() > 0.4,
    },
    "tanh": {
        "centred on zero": lambda f: abs(f(NORMAL).mean()) < 0.01,
        "a steeper slope at 0 than the sigmoid's":
            lambda f: slope(f, [0.0]) == 4 * slope(activations["sigmoid"], [0.0]),
        "saturates": lambda f: slope(f, [-20.0, 20.0]).max() < 1e-8,
    },
    "softmax": {
        "each row sums to 1": lambda f: np.allclose(f(NORMAL.reshape(-1, 10)).sum(1), 1),
        "keeps the order": lambda f: (np.argsort(f(NORMAL.reshape(-1, 10))) == np.argsort(
            NORMAL.reshape(-1, 10))).all(),
        "adding a constant changes nothing": lambda f: np.allclose(
            f(NORMAL.reshape(-1, 10) + 50), f(NORMAL.reshape(-1, 10)), rtol=1e-12),
        "the largest stands out: a lead of d makes a factor of e^d": lambda f: np.allclose(
            f([[1.0, 4.0]])[0, 1] / f([[1.0, 4.0]])[0, 0], np.exp(3)),
    },
    "log_softmax": {
        "keeps its digits where the softmax has rounded to 0": lambda f: (
            activations["softmax"]([[0.0, 800.0]])[0, 0] == 0 and f([[0.0, 800.0]])[0, 0] == -800),
    },
    "elu": {
        "smooth at 0 for α = 1": lambda f: smooth(slope(f, X)),
        "mean activation nearer to 0 than ReLU's":
            lambda f: abs(f(NORMAL).mean()) < activations["relu"](NORMAL).mean() / 2,
    },
    "selu": {
        "self-normalising with LeCun-normal weights": selu_keeps,
        "pulls a mean and a variance that drifted back to 0 and 1": selu_pulls_back,
        "levels off at −λα = −1.758": lambda f: f([-50.0])[0] == -SELU_SCALE_ALPHA,
    },
    "linear": {
        "layers of it collapse into one": lambda f: (lambda net: np.allclose(
            net.predict(X[:9].reshape(3, 3)) - net.predict([[0.0] * 3]),
            X[:9].reshape(3, 3) @ net[0].weight.numpy() @ net[1].weight.numpy(), rtol=1e-4))(
                ml.mlp([3, 5, 2], hidden=f)),
    },
    "softplus": {
        "smooth everywhere": lambda f: smooth(slope(f, X)),
        "never zero": lambda f: f([-700.0])[0] > 0,
    },
    "softsign": {
        "saturates polynomially, where tanh does exponentially": lambda f: np.allclose(
            slope(f, [9.0, 99.0]), [1e-2, 1e-4]) and slope(activations["tanh"], [99.0])[0] < 1e-80,
    },
    "gelu": {
        "smooth": lambda f: smooth(slope(f, X)),
        "dips below 0, to −0.17 at x = −0.75": dips_to(-0.17, -0.75),
    },
    "silu": {
        "smooth": lambda f: smooth(slope(f, X)),
        "dips below 0, to −0.28 at x = −1.28": dips_to(-0.28, -1.28),
    },
    "mish": {
        "smooth": lambda f: smooth(slope(f, X)),
        "dips below 0, to −0.31 at x = −1.19": dips_to(-0.31, -1.19),
    },
    "mse": {
        "never negative": lambda f: f(0 * X, X, reduction="none").min() == 0,
        "smooth": lambda f: smooth(gradient(f, 0 * X, X)),
        "convex in p": lambda f: (np.diff(f(0 * X, X, reduction="none"), 2) > 0).all(),
        "outliers dominate": outlier_dominates,
        "its minimiser is the mean": minimised_by(np.mean),
    },
    "mae": {
        "robust to outliers": outlier_is_bounded,
        "constant slope": lambda f: set(gradient(f, 0 * X, X)) == {-1.0, 0.0, 1.0},
        "its minimiser is the median": minimised_by(np.median),
    },
    "huber": {
        "smooth at ±δ": lambda f: smooth(gradient(f, 0 * X, X)),
        "robust to outliers": outlier_is_bounded,
        "δ sets where robustness begins": lambda f: all(
            gradient(f(delta=d), [0.0], [100.0]) == d for d in (0.5, 2.0, 50.0)),
    },
    "log_cosh": {
        "smooth everywhere": lambda f: smooth(gradient(f, 0 * X, X)),
        "robust to outliers": outlier_is_bounded,
    },
    "binary_crossentropy": {
        "in [0, ∞)": unbounded,
        "the sigmoid cancels: the gradient at the logits is σ(z) − t": logits_cancel,
        "where a sigmoid is surely wrong, its gradient is far above squared error's":
            bce_far_above_mse,
    },
    "categorical_crossentropy": {
        "in [0, ∞)": unbounded,
        "the softmax cancels: the gradient at the logits is p − t": logits_cancel,
    },
    "focal": {
        "easy examples weigh little": lambda f: easy(f) < easy(losses["bce"]) / 50,
        "the larger γ, the less they weigh":
            lambda f: easy(f, gamma=3) < easy(f) < easy(f, gamma=1),
        "γ = 0 and alpha=None is cross-entropy": lambda f: (
            f([[1.0]], [[0.3]], gamma=0, alpha=None) == losses["bce"]([[1.0]], [[0.3]])),
    },
    "categorical_focal": {
        "easy examples weigh little": lambda f: easy(f) < easy(losses["cce"]) / 50,
        "γ = 0 and α = 1 is cross-entropy": lambda f: (
            f([0], [[0.3, 0.7]], gamma=0, alpha=1) == losses["cce"]([0], [[0.3, 0.7]])),
    },
    "hinge": {"sparse gradients": one_sided, "a margin, no probability": any_real},
    "squared_hinge": {
        "a continuous slope": lambda f: np.abs(np.diff(gradient(f, 1 + 0 * X, X))).max() < 0.011,
        "sensitive to outliers": outlier_dominates,
    },
    "categorical_hinge": {"sparse gradients": one_sided, "a margin, no probability": any_real},
    "poisson": {
        "for counts: variance grows with the mean": poisson_is_the_likelihood_of_counts,
    },
    "kl_divergence": {
        "0 only where both agree": kl_is_zero_only_where_both_agree,
        "cross-entropy minus the target's entropy": crossentropy_minus_entropy,
    },
}  # fmt: skip


@pytest.mark.parametrize("entry", [*activations, *losses], ids=lambda entry: entry.name)
def test_what_an_entry_says_of_itself_is_measured(entry):
    assert list(CLAIMS[entry.name]) == list(entry.properties)
    for claim, measure in CLAIMS[entry.name].items():
        assert measure(entry), f"{entry.name}: {claim}"
