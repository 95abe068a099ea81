"""Values and slopes on whole arrays, for numbers of the next smaller float type.

Each takes float64 that were float32, or long doubles that were float64, and calculates in the type
it is given: its own error is some thousandth of the smaller type's last place. They are written in
forms that keep their digits, and held against mpmath, which is far too slow for all of float32, by
``accuracy.py`` and by the tests. None looks at a kernel.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

Array = np.ndarray[Any, Any]

BEYOND = {
    np.dtype(np.longdouble): np.longdouble("1e1000"),
    np.dtype(np.float64): np.float64(1e60),
}
"""Stands for infinity: beyond the smaller type, and its square is still finite."""


def widened(x: Array) -> Array:
    """The same numbers in the type that references calculate in; infinities as huge numbers."""
    wide = x.astype(np.float64 if x.dtype == np.float32 else np.longdouble)
    return np.where(np.isinf(wide), np.copysign(BEYOND[wide.dtype], wide), wide)


def constant(x: Array, digits: str) -> Any:
    """A constant in the type of x."""
    return x.dtype.type(digits)


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def softplus(x: Array) -> Array:
    return np.maximum(x, 0) + np.log1p(np.exp(-abs(x)))


def logarithm(function: Any, x: Array) -> Array:
    """The one function that makes ordinary numbers of huge ones."""
    return np.where(x == BEYOND[x.dtype], np.inf, function(x))


def density(x: Array) -> Array:
    """Of the normal distribution; x² is not rounded before it meets the exponential."""
    x = np.clip(x, -200, 200)
    high = x.astype(np.float32).astype(x.dtype)  # its square is exact
    split = np.exp(-high * high / 2) * np.exp(-(x - high) * (x + high) / 2)
    return split * constant(x, "0.39894228040143267793994605993438187")


def normal_cdf(x: Array) -> Array:
    """Φ(x), with every digit of a small one."""
    if x.dtype == np.float64:
        return special.ndtr(x)
    a = abs(x)
    near = np.minimum(a, 1.25)
    term, total = near, near
    for n in range(1, 30):  # Φ(a) = ½ + φ(a) Σ a^(2n+1)/(2n+1)!!
        term = term * near * near / (2 * n + 1)
        total = total + term
    inside = total * density(near)
    far = np.maximum(a, 1.25)
    fraction = far
    for k in range(400, 0, -1):  # Φ(−a) = φ(a) / (a + 1/(a + 2/(a + …)))
        fraction = far + k / fraction
    below = np.where(a < 1.25, constant(x, "0.5") - inside, density(far) / fraction)
    return np.where(x < 0, below, 1 - below)


def gelu(x: Array) -> tuple[Array, Array]:
    share = normal_cdf(x)
    return x * share, share + np.clip(x, -200, 200) * density(x)


def silu(x: Array) -> tuple[Array, Array]:
    share = sigmoid(x)
    return x * share, share * (1 + x * sigmoid(-x))


def mish(x: Array) -> tuple[Array, Array]:
    share = np.tanh(softplus(x))
    return x * share, share + x * (1 - share * share) * sigmoid(x)


def leaky_relu(x: Array, alpha: float) -> tuple[Array, Array]:
    return np.where(x > 0, x, alpha * x), np.where(x > 0, 1, x.dtype.type(alpha))


def elu(x: Array) -> tuple[Array, Array]:
    left = np.minimum(x, 0)
    return np.where(x > 0, x, np.expm1(left)), np.exp(left)


def selu(x: Array) -> tuple[Array, Array]:
    scale = constant(x, "1.0507009873554804934193349852946")
    both = constant(x, "1.7580993408473768599402175208123")
    value, slope = elu(x)
    factor = np.where(x > 0, scale, both)
    return factor * value, factor * slope


def softsign(x: Array) -> tuple[Array, Array]:
    whole = 1 + abs(x)
    return x / whole, 1 / whole**2


def tanh(x: Array) -> tuple[Array, Array]:
    y = np.exp(-abs(x))
    return np.tanh(x), (2 * y / (1 + y * y)) ** 2


def mse(t: Array, p: Array) -> tuple[Array, Array]:
    return (p - t) ** 2, 2 * (p - t)


def mae(t: Array, p: Array) -> tuple[Array, Array]:
    return abs(p - t), np.sign(p - t)


def huber(t: Array, p: Array) -> tuple[Array, Array]:
    d = p - t
    return np.where(abs(d) <= 1, d * d / 2, abs(d) - 0.5), np.clip(d, -1, 1)


def log_cosh(t: Array, p: Array) -> tuple[Array, Array]:
    d = abs(p - t)
    near = np.log1p(2 * np.sinh(np.minimum(d, 1) / 2) ** 2)
    far = d - constant(d, "0.69314718055994530941723212145818") + np.log1p(np.exp(-2 * d))
    return np.where(d > 1, far, near), np.tanh(p - t)


def hinge(t: Array, p: Array) -> tuple[Array, Array]:
    gap = 1 - t * p
    return np.maximum(gap, 0), np.where(gap > 0, -t, 0)


def squared_hinge(t: Array, p: Array) -> tuple[Array, Array]:
    gap = np.maximum(1 - t * p, 0)
    return gap * gap, -2 * t * gap


def bounded_log(p: Array) -> Array:
    return np.maximum(np.log(p), -100)


def bounded_log1m(p: Array) -> Array:
    return np.maximum(np.log1p(-p), -100)


def floored(p: Array) -> Array:
    return np.maximum(p, constant(p, "1e-12"))


def bce(t: Array, p: Array) -> tuple[Array, Array]:
    value = -t * bounded_log(p) - (1 - t) * bounded_log1m(p)
    return value, (p - t) / floored(p * (1 - p))


def bce_logits(t: Array, z: Array) -> tuple[Array, Array]:
    value = t * softplus(-z) + (1 - t) * softplus(z)
    return value, (1 - t) * sigmoid(z) - t * sigmoid(-z)


def focal(t: Array, p: Array) -> tuple[Array, Array]:
    """With the default γ = 2 and α = ¼."""
    u, log_p, log_u = 1 - p, bounded_log(p), bounded_log1m(p)
    hit, miss = -u * u * log_p / 4, -p * p * log_u * 3 / 4
    d_hit, d_miss = u * u * (2 * p * log_p - u) / 4, p * p * (p - 2 * u * log_u) * 3 / 4
    return t * hit + (1 - t) * miss, (t * d_hit + (1 - t) * d_miss) / floored(p * u)


def focal_logits(t: Array, z: Array) -> tuple[Array, Array]:
    """With the default γ = 2 and α = ¼."""
    p, u, log_p, log_u = sigmoid(z), sigmoid(-z), -softplus(-z), -softplus(z)
    hit, miss = -u * u * log_p / 4, -p * p * log_u * 3 / 4
    d_hit, d_miss = u * u * (2 * p * log_p - u) / 4, p * p * (p - 2 * u * log_u) * 3 / 4
    return t * hit + (1 - t) * miss, t * d_hit + (1 - t) * d_miss


def poisson(t: Array, p: Array) -> tuple[Array, Array]:
    return p - t * bounded_log(p), 1 - t / floored(p)


def poisson_logits(t: Array, z: Array) -> tuple[Array, Array]:
    rate = np.exp(z)
    return np.where(np.isinf(rate), rate, rate - t * z), rate - t


REFERENCES: dict[str, Callable[..., tuple[Array, Array | None]]] = {
    "exp": lambda x: (np.exp(x), None),
    "expm1": lambda x: (np.expm1(x), None),
    "log": lambda x: (logarithm(np.log, x), None),
    "log1p": lambda x: (logarithm(np.log1p, x), None),
    "tanh": tanh,
    "sigmoid": lambda x: (sigmoid(x), sigmoid(x) * sigmoid(-x)),
    "softplus": lambda x: (softplus(x), sigmoid(x)),
    "relu": lambda x: (np.maximum(x, 0), np.where(x <= 0, 0.0, 1.0)),
    "leaky_relu": lambda x: leaky_relu(x, 2.0**-7),
    "prelu": lambda x: leaky_relu(x, 0.25),
    "linear": lambda x: (x, np.ones_like(x)),
    "elu": elu,
    "selu": selu,
    "softsign": softsign,
    "gelu": gelu,
    "silu": silu,
    "mish": mish,
    "mse": mse,
    "mae": mae,
    "huber": huber,
    "log_cosh": log_cosh,
    "hinge": hinge,
    "squared_hinge": squared_hinge,
    "bce": bce,
    "bce (logits)": bce_logits,
    "focal": focal,
    "focal (logits)": focal_logits,
    "poisson": poisson,
    "poisson (logits)": poisson_logits,
}
"""Value and slope, by the name in ``accuracy_cases.py``; a loss takes the target first."""

TERMS: dict[str, Callable[..., Array]] = {
    "poisson": lambda t, p: p + abs(t * bounded_log(p)),
    "poisson (logits)": lambda t, z: np.exp(z) + abs(t * z) + t,
}
"""Where a result is a difference that may cancel: the sum of its terms' sizes."""

CONTRACT: dict[str, tuple[float, float]] = {
    "exp": (1.05, 1.05),
    "log": (1, 1),
    "expm1": (2, 2.5),
    "log1p": (1.5, 1.5),
    "relu": (0, 0),
    "linear": (0, 0),
    "leaky_relu": (0.5, 0.5),
    "prelu": (0.5, 0.5),
    "elu": (1.5, 1.5),
    "selu": (3, 3),
    "sigmoid": (3, 3),
    "tanh": (3, 3),
    "softplus": (2, 2.5),
    "silu": (4, 4),
    "mish": (5, 5),
    "gelu": (8, 8),
}
"""Bounds of values in ULP of float32 and float64; 4 for what is not named here.

Slopes, and losses': 8 ULP, or 4 eps.
"""
