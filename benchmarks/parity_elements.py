"""Activations and losses of single numbers in both libraries."""

from __future__ import annotations

import math
from typing import Any

import mpmath
import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from mpmath import mpf
from parity_cases import Case, kind, numbers
from parity_exact import number
from parity_findings import Comparison

import minidl as ml


def run_both(case: Case, *operands: np.ndarray) -> tuple[np.ndarray, ...]:
    """Values and gradients of the last operand: ours, ours, theirs, theirs."""
    *targets, x = operands
    mine = ml.Tensor(x, requires_grad=True)
    y = case.ours(*targets, mine, reduction="none") if targets else case.ours(mine)
    y.backward(np.ones_like(x))
    theirs = torch.tensor(x, requires_grad=True)
    value = case.theirs(*map(torch.tensor, targets), theirs)
    value.backward(torch.ones_like(value))
    return y.numpy(), mine.grad, value.detach().numpy(), theirs.grad.numpy()


def negative_zero(name: str, x: float) -> bool:
    """Which zero is pinned: odd functions keep −0; silu, gelu and mish approach it."""
    if x == 0:
        return math.copysign(1, x) < 0 and name != "relu"
    return x < 0 and name not in ("relu", "sigmoid", "softplus")


def compare_elements(case: Case, dtype: Any, found: Comparison) -> None:
    """One activation or loss of single numbers."""
    near = 4 * float(np.finfo(dtype).eps)
    x = numbers(dtype, case.kinks, case.domain)
    for target in case.targets or (None,):
        operands = [x] if target is None else [np.full_like(x, target), x]
        t = () if target is None else (mpf(float(operands[0][0])),)
        for point, *results in zip(x.tolist(), *run_both(case, *operands), strict=True):
            y, dy, their_y, their_dy = map(float, results)
            where = f"x={point:.9g}" if target is None else f"t={target:g}, p={point:.9g}"
            if math.isnan(point):
                found.judge(case.name, dtype, "NaN", where, y, their_y, mpmath.nan, 0)
                found.unpinned(f"{case.name}′", dtype, where, dy, their_dy)
                continue
            value, slope = map(mpf, case.exact(*t, number(point)))
            terms = case.terms(*t, number(point)) if case.terms else 0
            sort = kind(point, () if target is None else kinks_for(case, target), dtype)
            if case.domain == "rates" and point < 1e-12:
                sort = "bounded"  # logs by −100, denominators by 1e-12: pinned
            sign = negative_zero(case.name, point) if target is None else None
            found.judge(
                case.name, dtype, sort, where, y, their_y, value, case.ulps, near * terms, sign
            )
            at_kink = "kink" if target is None and point in case.kinks else sort
            found.judge(
                f"{case.name}′", dtype, at_kink, where, dy, their_dy, slope, 8,
                near * (max(1, terms) if case.domain == "reals" else 1),
            )  # fmt: skip


def kinks_for(case: Case, target: float) -> tuple[float, ...]:
    """The predictions at which a loss has its kink for this target."""
    if case.name == "huber":
        return (target - 1, target + 1)
    if case.name == "mae":
        return (target,)
    return (target,) if "hinge" in case.name else ()


def compare_prelu(dtype: Any, found: Comparison) -> None:
    """PReLU: the gradient of the learned slope as well."""
    x = numbers(dtype, (0.0,), "reals")
    a = np.random.default_rng(1).normal(size=x.size).astype(dtype)
    ours = [ml.Tensor(part, requires_grad=True) for part in (x, a)]
    y = ml.prelu(*ours)
    y.backward(np.ones_like(x))
    theirs = [torch.tensor(part, requires_grad=True) for part in (x, a)]
    value = F.prelu(theirs[0].reshape(1, -1), theirs[1])
    value.backward(torch.ones_like(value))
    near = 4 * float(np.finfo(dtype).eps)
    columns = [y.numpy(), value.detach().numpy().reshape(-1)]
    for mine, other in zip(ours, theirs, strict=True):
        columns += [mine.grad, other.grad.numpy()]
    for point, alpha, *results in zip(x.tolist(), a.tolist(), *columns, strict=True):
        got = list(map(float, results))
        where = f"x={point:.9g}, a={alpha:.3g}"
        if math.isnan(point):
            found.judge("prelu", dtype, "NaN", where, got[0], got[1], mpmath.nan, 0)
            found.unpinned("prelu′ x", dtype, where, got[2], got[3])
            found.unpinned("prelu′ a", dtype, where, got[4], got[5])
            continue
        z, slope = number(point), mpf(alpha)
        exact = (z, 1, 0) if z > 0 else (slope * z, slope, z)
        sort = kind(point, (), dtype)
        bounds = (0.5 + 2**-28, 0), (8, near), (8, near)
        for i, label in enumerate(("prelu", "prelu′ x", "prelu′ a")):
            sorted_as = "kink" if i and point == 0 else sort
            found.judge(
                label, dtype, sorted_as, where, got[2 * i], got[2 * i + 1], mpf(exact[i]),
                *bounds[i],
            )  # fmt: skip
