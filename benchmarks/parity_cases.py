"""What minidl and PyTorch are compared in, and at which numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import mpmath
import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from mpmath import mpf
from parity_exact import (
    bce,
    bce_logits,
    bounded_log,
    floored,
    gelu,
    hinge,
    huber,
    mish,
    sigmoid,
    silu,
    softplus,
    squared_hinge,
)

import minidl as ml

SELU_SCALE = mpf("1.0507009873554804934193349852946")
SELU_ALPHA = mpf("1.6732632423543772848170429916717")


@dataclass
class Case:
    """One function in both libraries, its exact (value, slope), and its bound in ULP."""

    name: str
    ours: Callable[..., Any]
    theirs: Callable[..., Any]
    exact: Callable[..., Any]
    ulps: float
    kinks: tuple[float, ...] = ()
    # Losses: targets, predictions, and the size of terms that may cancel.
    targets: tuple[float, ...] = ()
    domain: str = "reals"  # or "unit", "rates": minidl refuses what lies outside
    terms: Callable[..., Any] | None = None


ALPHA = 2.0**-7
"""A leak that both types hold exactly: each library rounds any other to the type in its own way."""


def activations() -> list[Case]:
    """Activations of single numbers."""
    return [
        Case("relu", ml.relu, F.relu, lambda x: (x, 1) if x > 0 else (0, 0), 0, (0,)),
        Case(
            "leaky_relu", ml.leaky_relu(alpha=ALPHA), partial(F.leaky_relu, negative_slope=ALPHA),
            lambda x: (x, 1) if x > 0 else (mpf(ALPHA) * x, mpf(ALPHA)), 0.5, (0,),
        ),
        Case(
            "sigmoid", ml.sigmoid, torch.sigmoid,
            lambda x: (sigmoid(x), sigmoid(x) * sigmoid(-x)), 3,
        ),
        Case("tanh", ml.tanh, torch.tanh, lambda x: (mpmath.tanh(x), mpmath.sech(x) ** 2), 3),
        Case(
            "elu", ml.elu, F.elu,
            lambda x: (x, 1) if x > 0 else (mpmath.expm1(x), mpmath.exp(x)), 1.5, (0,),
        ),
        Case(
            "selu", ml.selu, F.selu,
            lambda x: (SELU_SCALE * x, SELU_SCALE) if x > 0 else tuple(
                SELU_SCALE * SELU_ALPHA * part for part in (mpmath.expm1(x), mpmath.exp(x))
            ), 3, (0,),
        ),
        Case("linear", ml.linear, torch.nn.Identity(), lambda x: (x, 1), 0),
        Case("softplus", ml.softplus, F.softplus, lambda x: (softplus(x), sigmoid(x)), 2.5),
        Case(
            "softsign", ml.activations["softsign"], F.softsign,
            lambda x: (x / (1 + abs(x)), 1 / (1 + abs(x)) ** 2), 4,
        ),
        Case("gelu", ml.gelu, F.gelu, gelu, 8),
        Case("silu", ml.silu, F.silu, silu, 4),
        Case("mish", ml.mish, F.mish, mish, 5),
    ]  # fmt: skip


def losses() -> list[Case]:
    """Losses of single numbers, without reduction."""
    reals, signs, unit, counts = (0.0, 1.0, -2.5), (-1.0, 1.0), (0.0, 1.0, 0.3), (0.0, 1.0, 7.0)
    none: dict[str, Any] = {"reduction": "none"}

    def margin(t: Any, p: Any) -> Any:
        return F.margin_ranking_loss(p, torch.zeros_like(p), t, margin=1, **none)

    return [
        Case(
            "mse", ml.losses["mse"], lambda t, p: F.mse_loss(p, t, **none),
            lambda t, p: ((p - t) ** 2, 2 * (p - t)), 4, targets=reals,
        ),
        Case(
            "mae", ml.losses["mae"], lambda t, p: F.l1_loss(p, t, **none),
            lambda t, p: (abs(p - t), mpmath.sign(p - t)), 4, reals, reals,
        ),
        Case(
            "huber", ml.losses["huber"], lambda t, p: F.huber_loss(p, t, **none), huber, 4,
            (-1.0, 1.0, 0.0, 2.0, -3.5, -1.5), reals,
        ),
        Case(
            "bce", ml.losses["bce"], lambda t, p: F.binary_cross_entropy(p, t, **none), bce, 4,
            (), unit, "unit",
        ),
        Case(
            "bce (logits)", lambda t, z, **how: ml.losses["bce"](t, z, from_logits=True, **how),
            lambda t, z: F.binary_cross_entropy_with_logits(z, t, **none), bce_logits, 4,
            targets=unit,
        ),
        Case("hinge", ml.losses["hinge"], margin, hinge, 4, signs, signs),
        Case(
            "squared_hinge", ml.losses["squared_hinge"], lambda t, p: margin(t, p) ** 2,
            squared_hinge, 4, signs, signs,
        ),
        Case(
            "poisson", ml.losses["poisson"],
            lambda t, p: F.poisson_nll_loss(p, t, log_input=False, eps=0, **none),
            lambda t, p: (p - t * bounded_log(p), 1 - t / floored(p)), 4, (), counts, "rates",
            lambda t, p: p + abs(t * bounded_log(p)),
        ),
        Case(
            "poisson (logits)",
            lambda t, z, **how: ml.losses["poisson"](t, z, from_logits=True, **how),
            lambda t, z: F.poisson_nll_loss(z, t, log_input=True, **none),
            lambda t, z: (mpmath.exp(z) - t * z, mpmath.exp(z) - t), 4, targets=counts,
            terms=lambda t, z: mpmath.exp(z) + abs(t * z) + t,
        ),
    ]  # fmt: skip


def numbers(dtype: Any, kinks: tuple[float, ...], domain: str) -> np.ndarray:
    """Ordinary, tail, tiny, huge, subnormal and special inputs, and kinks with neighbours."""
    rng, info = np.random.default_rng(0), np.finfo(dtype)
    edge = 110.0 if dtype is np.float32 else 760.0
    sign = rng.choice([-1.0, 1.0], 40)
    parts: list[Any] = [
        rng.normal(size=60) * 3,
        rng.uniform(-edge, edge, 60),
        sign * 2.0 ** rng.uniform(info.minexp, -10, 40),
        sign * 2.0 ** rng.uniform(10, info.maxexp - 0.01, 40),
        sign * rng.integers(1, 2**info.nmant, 40) * float(info.smallest_subnormal),
        [info.max, -info.max, info.tiny, -info.tiny, 0.0, -0.0, np.inf, -np.inf, np.nan],
    ]
    for kink in kinks:
        for direction in (-np.inf, np.inf):
            near = dtype(kink)
            for _ in range(3):
                parts.append([near])
                near = np.nextafter(near, dtype(direction))
    x = np.concatenate(parts).astype(dtype)
    if domain == "rates":
        x = np.abs(x[np.isfinite(x)])
    if domain == "unit":
        x = np.abs(x[np.abs(x) <= 1])
        ends = [np.nextafter(dtype(1), dtype(0)), dtype(1)]  # PyTorch refuses NaN here
        x = np.concatenate([x, 1 - x, rng.random(60), ends]).astype(dtype)
    return x


def kind(x: float, kinks: tuple[float, ...], dtype: Any) -> str:
    """What sort of input this is."""
    info, size = np.finfo(dtype), abs(x)
    if math.isnan(x):
        return "NaN"
    if math.isinf(x):
        return "±inf"
    if x in kinks:
        return "kink"
    if x == 0:
        return "±0"
    if size < info.tiny:
        return "subnormal"
    if size < 1e-3:
        return "tiny"
    if size < 20:
        return "ordinary"
    return "tail" if size < 1e3 else "huge"
