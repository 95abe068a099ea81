"""Activations and losses of whole rows in both libraries."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import mpmath
import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from mpmath import mpf
from parity_exact import BEYOND, bounded_log, floored, log_softmax, number, softmax
from parity_findings import Comparison

import minidl as ml


def rows(dtype: Any) -> np.ndarray:
    """Rows of four: ordinary, far apart, shifted far away, tiny, equal, with infinities and NaN."""
    rng, inf, huge = np.random.default_rng(2), np.inf, float(np.finfo(dtype).max)
    x = rng.normal(size=(60, 4)) * np.repeat([1, 3, 30, 300], 15)[:, None]
    special = [
        [0, 0, 0, 0], [-inf, 1, 2, 3], [-inf, -inf, -inf, 0], [-inf] * 4, [inf, 1, 2, 3],
        [inf, inf, 0, -inf], [np.nan, 0, 1, 2], [huge, huge, 0, -huge], [1e30, 1e30, -1e30, 0],
    ]  # fmt: skip
    parts = [x, x[:10] + 1e8, x[:10] * 1e-30, x[:10] * float(np.finfo(dtype).tiny), special]
    return np.concatenate(parts).astype(dtype)


def row_kind(row: np.ndarray) -> str:
    """What sort of row this is."""
    if np.isnan(row).any():
        return "NaN"
    if np.isinf(row).any():
        return "±inf"
    if not np.isfinite(row.max() - row.min()):
        return "overflow"
    size = np.abs(row).max()
    return "huge" if size > 1e4 else "tail" if size > 20 else "ordinary" if size > 1e-3 else "tiny"


def lost(row: np.ndarray) -> bool:
    """Whether the row has no softmax: a NaN, +inf, or nothing but −inf."""
    return bool(np.isnan(row).any() or (row == np.inf).any() or np.isneginf(row).all())


def apart(row: np.ndarray, j: int | None = None) -> float:
    """What rounding x − max once, in float64, costs an exponential: in eps of float64."""
    if row.dtype != np.float64:
        return 0.0
    finite = row[np.isfinite(row)]
    spread = finite.max() - (finite.min() if j is None else row[j]) if finite.size else 0.0
    return min(float(spread), 1500.0) / 2  # beyond, the exponential is 0


def compare_row_activations(dtype: Any, found: Comparison) -> None:
    """Softmax and log-softmax, with a gradient from above."""
    x, eps = rows(dtype), float(np.finfo(dtype).eps)
    above = np.random.default_rng(3).normal(size=x.shape).astype(dtype)
    for name, ours, theirs in (
        ("softmax", ml.softmax, torch.softmax),
        ("log_softmax", ml.log_softmax, torch.log_softmax),
    ):
        mine = ml.Tensor(x, requires_grad=True)
        y = ours(mine)
        y.backward(above)
        other = torch.tensor(x, requires_grad=True)
        value = theirs(other, -1)
        value.backward(torch.tensor(above))
        columns = (y.numpy(), value.detach().numpy(), mine.grad, other.grad.numpy())
        for row, g, *got in zip(x, above, *columns, strict=True):
            sort, where = row_kind(row), f"x={np.array2string(row, precision=4)}"
            if lost(row):
                exact, slopes = [mpmath.nan] * 4, [mpmath.nan] * 4
            else:
                z, up = [number(v) for v in row], [number(v) for v in g]
                p = softmax(z)
                if name == "softmax":
                    inner = sum(a * b for a, b in zip(p, up, strict=True))
                    exact = p
                    slopes = [a * (b - inner) for a, b in zip(p, up, strict=True)]
                else:
                    exact = log_softmax(z)
                    slopes = [b - a * sum(up) for a, b in zip(p, up, strict=True)]
            size = 4 * eps * float(np.abs(g).sum())
            for j in range(4):
                if name == "softmax" or mpmath.isnan(exact[j]):
                    near = (4.5 + apart(row, j)) * eps * abs(exact[j])
                else:
                    near = (4 + apart(row)) * eps * max(abs(exact[j]), eps * abs(z[j] - max(z)))
                entries = [float(part[j]) for part in got]
                if math.isinf(float(row[j])) and not lost(row) and name != "softmax":
                    near = 0
                found.judge(name, dtype, sort, where, *entries[:2], exact[j], 1, near)
                if not mpmath.isnan(exact[j]) or not math.isnan(entries[2] + entries[3]):
                    found.judge(
                        f"{name}′", dtype, sort, where, *entries[2:], slopes[j], 8, size
                    )  # fmt: skip


def row_losses() -> Iterator[tuple[str, Any, Any, str]]:
    """Losses of rows: a name, ours, theirs, and the targets they take."""
    cce, kl = ml.losses["cce"], ml.losses["kl_divergence"]
    how: dict[str, Any] = {"from_logits": True, "reduction": "none"}

    def their_kl(t: Any, z: Any) -> Any:
        return F.kl_div(F.log_softmax(z, -1), t, reduction="none").sum(-1)

    def their_cce(t: Any, z: Any) -> Any:
        return F.cross_entropy(z, t, reduction="none")

    def their_smooth(t: Any, z: Any) -> Any:
        return F.cross_entropy(z, t, reduction="none", label_smoothing=0.1)

    yield "cce (classes)", lambda t, z: cce(t, z, **how), their_cce, "classes"
    yield "cce (soft)", lambda t, z: cce(t, z, **how), their_cce, "soft"
    yield "cce (one-hot)", lambda t, z: cce(t, z, **how), their_cce, "one-hot"
    smooth = lambda t, z: cce(t, z, label_smoothing=0.1, **how)  # noqa: E731
    yield "cce (smoothed)", smooth, their_smooth, "classes"
    yield "kl (logits)", lambda t, z: kl(t, z, **how), their_kl, "soft"


def row_targets(size: int, dtype: Any) -> dict[str, np.ndarray]:
    """Class numbers, the same one-hot, and soft targets."""
    rng = np.random.default_rng(4)
    classes = rng.integers(0, 4, size)
    soft = rng.dirichlet(np.ones(4), size).astype(dtype)
    return {"classes": classes, "soft": soft, "one-hot": np.eye(4, dtype=dtype)[classes]}


def run_rows(ours: Any, theirs: Any, t: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, ...]:
    """Losses and gradients of rows: our losses, theirs, our gradients, theirs."""
    mine = ml.Tensor(x, requires_grad=True)
    y = ours(t, mine)
    y.backward(np.ones(len(x)))
    other = torch.tensor(x, requires_grad=True)
    value = theirs(torch.tensor(t), other)
    value.backward(torch.ones_like(value))
    return y.numpy(), value.detach().numpy(), mine.grad, other.grad.numpy()


def compare_row_losses(dtype: Any, found: Comparison) -> None:
    """Cross-entropy and divergence from logits."""
    z, eps = rows(dtype), float(np.finfo(dtype).eps)
    targets = row_targets(len(z), dtype)
    soft, one_hot = targets["soft"], targets["one-hot"]
    for name, ours, theirs, wanted in row_losses():
        t = targets[wanted]
        columns = run_rows(ours, theirs, t, z)
        for i, (row, a, b, da, db) in enumerate(zip(z, *columns, strict=True)):
            weights = [mpf(float(v)) for v in (soft if wanted == "soft" else one_hot)[i]]
            if name == "cce (smoothed)":
                weights = [(1 - mpf(0.1)) * w + mpf(0.1) / 4 for w in weights]
            where = f"t={np.array2string(t[i], precision=3)}, z={np.array2string(row, precision=4)}"
            sort = row_kind(row)
            if lost(row):
                found.judge(name, dtype, sort, where, float(a), float(b), mpmath.nan, 0)
                continue
            exact = [number(v) for v in row]
            logs, p = log_softmax(exact), softmax(exact)
            parts = [-w * log for w, log in zip(weights, logs, strict=True)]
            size = eps * max(abs(v - max(exact)) for v in exact if abs(v) < BEYOND)
            entropies = [w * mpmath.log(w) if name.startswith("kl") and w else 0 for w in weights]
            whole = sum(parts) + sum(entropies)
            terms = sum(parts) + sum(map(abs, entropies))
            near = 4 * eps * max(terms, size)
            found.judge(name, dtype, sort, where, float(a), float(b), whole, 4, near)
            total = sum(weights)
            for j in range(4):
                slope = p[j] * total - weights[j]
                found.judge(
                    f"{name}′", dtype, sort, where, float(da[j]), float(db[j]), slope, 8, 4 * eps
                )


def probability_losses() -> Iterator[tuple[str, Any, Any, str]]:
    """Losses of rows of probabilities: a name, ours, theirs, and the targets they take."""
    how: dict[str, Any] = {"reduction": "none"}

    def their_classes(t: Any, p: Any) -> Any:
        return F.nll_loss(p.log(), t, **how)

    def their_soft(t: Any, p: Any) -> Any:
        return -(t * p.log()).sum(-1)

    def their_kl(t: Any, p: Any) -> Any:
        return F.kl_div(p.log(), t, **how).sum(-1)

    cce, kl = ml.losses["cce"], ml.losses["kl_divergence"]
    yield "cce p (classes)", cce, their_classes, "classes"
    yield "cce p (soft)", cce, their_soft, "soft"
    yield "kl p", kl, their_kl, "soft"
    yield "kl p (one-hot)", kl, their_kl, "one-hot"


def probabilities(dtype: Any) -> np.ndarray:
    """Rows of four that sum to one: ordinary, nearly certain, certain, subnormal."""
    info = np.finfo(dtype)
    least, tiny = float(info.smallest_subnormal), float(info.tiny)
    special = [
        [1, 0, 0, 0], [0, 0.5, 0.5, 0], [0.25] * 4, [1 - info.epsneg, info.epsneg, 0, 0],
        [1, least, tiny, 1e-20], [1, 1e-11, 1e-12, 1e-13],
    ]  # fmt: skip
    return np.concatenate([ml.softmax(rows(dtype)[:60]), np.array(special, dtype)])


def compare_row_probabilities(dtype: Any, found: Comparison) -> None:
    """Cross-entropy and divergence from probabilities that are mere numbers."""
    p, eps = probabilities(dtype), float(np.finfo(dtype).eps)
    targets = row_targets(len(p), dtype)
    for name, ours, theirs, wanted in probability_losses():
        t = targets[wanted]
        results = run_rows(lambda t, p, f=ours: f(t, p, reduction="none"), theirs, t, p)
        weights = targets["soft" if wanted == "soft" else "one-hot"]
        for row, w, right, a, b, da, db in zip(p, weights, t, *results, strict=True):
            where = (
                f"t={np.array2string(right, precision=3)}, p={np.array2string(row, precision=4)}"
            )
            logs = [bounded_log(number(v)) for v in row]
            entropies = [number(v) * mpmath.log(number(v)) if v else mpf(0) for v in w]
            parts = [-number(v) * log for v, log in zip(w, logs, strict=True)]
            spent = entropies if name.startswith("kl") else [mpf(0)]
            near = 4 * eps * (sum(parts) + sum(map(abs, spent))) if name.startswith("kl") else 0
            sort = "bounded" if row.min() < 1e-12 else row_kind(row)
            found.judge(
                name, dtype, sort, where, float(a), float(b), sum(parts) + sum(spent), 4, near
            )
            for j in range(4):
                slope = -number(w[j]) / floored(number(row[j]))
                here = "bounded" if row[j] < 1e-12 else row_kind(row)
                found.judge(
                    f"{name}′", dtype, here, where, float(da[j]), float(db[j]), slope, 8, 4 * eps
                )


def compare_margin(dtype: Any, found: Comparison) -> None:
    """Categorical hinge of two classes: twice PyTorch's multi_margin_loss."""
    p = rows(dtype)[:60, :2]
    p = np.concatenate([p, np.array([[1, 0], [0, 1], [0, 0], [2, 1], [1.5, 0]], dtype)])
    t = np.arange(len(p)) % 2
    results = run_rows(
        lambda t, p: ml.losses["categorical_hinge"](t, p, reduction="none"),
        lambda t, p: 2 * F.multi_margin_loss(p, t, reduction="none"),
        t,
        p,
    )
    for row, right, a, b, da, db in zip(p, t, *results, strict=True):
        gap = 1 + number(row[1 - right]) - number(row[right])
        sort, where = "kink" if gap == 0 else row_kind(row), f"t={right}, p={row}"
        name, active = "categorical_hinge", int(gap > 0)
        near = 4 * float(np.finfo(dtype).eps) * max(1, float(np.abs(row).max()))
        found.judge(name, dtype, sort, where, float(a), float(b), max(mpf(0), gap), 4, near)
        for j in range(2):
            slope = mpf(active * (-1 if j == right else 1))
            found.judge(f"{name}′", dtype, sort, where, float(da[j]), float(db[j]), slope, 8)
