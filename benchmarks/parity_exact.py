"""Values and slopes at 60 digits, in forms that lose none of them."""

from __future__ import annotations

import math
from typing import Any

import mpmath
from mpmath import mpf

mpmath.mp.dps = 60
BEYOND = mpf(10) ** 400  # stands for an infinite input: a limit, beyond every float


def number(x: float) -> Any:
    """A float as mpmath has it; infinities as a number beyond every float."""
    return math.copysign(1, x) * BEYOND if math.isinf(x) else mpf(float(x))


def sigmoid(x: Any) -> Any:
    return 1 / (1 + mpmath.exp(-x))


def softplus(x: Any) -> Any:
    return x + mpmath.log1p(mpmath.exp(-x)) if x > 0 else mpmath.log1p(mpmath.exp(x))


def gelu(x: Any) -> Any:
    if abs(x) > 10**4:
        return (x, mpf(1)) if x > 0 else (mpf(0), mpf(0))
    below = mpmath.erfc(-x / mpmath.sqrt(2)) / 2
    return x * below, below + x * mpmath.exp(-x * x / 2) / mpmath.sqrt(2 * mpmath.pi)


def silu(x: Any) -> Any:
    return x * sigmoid(x), sigmoid(x) * (1 + x * sigmoid(-x))


def mish(x: Any) -> Any:
    s = softplus(x)
    return x * mpmath.tanh(s), mpmath.tanh(s) + x * mpmath.sech(s) ** 2 * sigmoid(x)


def bounded_log(x: Any) -> Any:
    return max(mpf(-100), mpmath.log(x)) if x else mpf(-100)


def floored(x: Any) -> Any:
    return max(x, mpf(10) ** -12)


def bce(t: Any, p: Any) -> Any:
    miss = max(mpf(-100), mpmath.log1p(-p)) if p < 1 else mpf(-100)
    value = -t * bounded_log(p) - (1 - t) * miss
    return value, (p - t) / floored(p * (1 - p))


def bce_logits(t: Any, z: Any) -> Any:
    return t * softplus(-z) + (1 - t) * softplus(z), sigmoid(z) - t


def huber(t: Any, p: Any) -> Any:
    d = p - t
    return (d * d / 2, d) if abs(d) <= 1 else (abs(d) - mpf(1) / 2, mpmath.sign(d))


def hinge(t: Any, p: Any) -> Any:
    gap = 1 - t * p
    return (gap, -t) if gap > 0 else (mpf(0), mpf(0))


def squared_hinge(t: Any, p: Any) -> Any:
    gap = max(mpf(0), 1 - t * p)
    return gap * gap, -2 * t * gap


def softmax(x: list[Any]) -> list[Any]:
    powers = [mpmath.exp(value - max(x)) for value in x]
    return [power / sum(powers) for power in powers]


def log_softmax(x: list[Any]) -> list[Any]:
    best = max(range(len(x)), key=lambda j: x[j])
    rest = sum(mpmath.exp(x[j] - x[best]) for j in range(len(x)) if j != best)
    return [value - x[best] - mpmath.log1p(rest) for value in x]
