"""Every activation and loss that PyTorch has too: minidl, PyTorch, and the exact result.

Values and gradients in float32 and float64 at ordinary, tiny, huge, subnormal and special inputs.
Each side is held to minidl's accuracy contract against mpmath at 60 digits, or against what is
pinned (kinks, signs of zero, infinities). One table lists what is beyond the contract, a line for
each function, dtype and kind of input, with the worst example:

- ``minidl``, ``PyTorch``, ``neither``: who is right.
- ``convention``: PyTorch decides otherwise where minidl has pinned its own answer.
- ``unpinned``: no answer is pinned: slopes at NaN that differ; infinite inputs, or rows whose
  spread overflows, where both stop short of the limit in the same way.

Exit code 1 if minidl is beyond the contract anywhere, else 0.

    python benchmarks/parity.py
"""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np
from mpmath import mpf

import minidl as ml

try:
    import torch
    import torch.nn.functional as F  # noqa: N812
except ImportError:
    print("PyTorch is not installed, nothing can be compared: pip install 'minidl[bench]'")
    sys.exit(1)

DTYPES = (np.float32, np.float64)
SELU_SCALE = mpf("1.0507009873554804934193349852946")
SELU_ALPHA = mpf("1.6732632423543772848170429916717")
mpmath.mp.dps = 60
BEYOND = mpf(10) ** 400  # stands for an infinite input: a limit, beyond every float

# ── exact values and slopes ───────────────────────────────────────────────────────────────────


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


def bce(t: Any, p: Any) -> Any:
    miss = max(mpf(-100), mpmath.log1p(-p)) if p < 1 else mpf(-100)
    value = -t * bounded_log(p) - (1 - t) * miss
    return value, (p - t) / max(p * (1 - p), mpf(10) ** -12)


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


# ── what is compared ──────────────────────────────────────────────────────────────────────────


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
    unit: bool = False
    terms: Callable[..., Any] | None = None


ALPHA = 0.01


def activations() -> list[Case]:
    """Activations of single numbers."""
    return [
        Case("relu", ml.relu, F.relu, lambda x: (x, 1) if x > 0 else (0, 0), 0, (0,)),
        Case(
            "leaky_relu", ml.leaky_relu, F.leaky_relu,
            lambda x: (x, 1) if x > 0 else (mpf(ALPHA) * x, mpf(ALPHA)), 0.5 + 2**-28, (0,),
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
            (), unit, True,
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
            "poisson (logits)",
            lambda t, z, **how: ml.losses["poisson"](t, z, from_logits=True, **how),
            lambda t, z: F.poisson_nll_loss(z, t, log_input=True, **none),
            lambda t, z: (mpmath.exp(z) - t * z, mpmath.exp(z) - t), 4, targets=counts,
            terms=lambda t, z: mpmath.exp(z) + abs(t * z) + t,
        ),
    ]  # fmt: skip


def numbers(dtype: Any, kinks: tuple[float, ...], unit: bool) -> np.ndarray:
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
    if unit:
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


# ── how far off ───────────────────────────────────────────────────────────────────────────────


def off(y: float, exact: Any, dtype: Any) -> Any:
    """The distance to the exact result in ULP; overflow counts as the next power of two."""
    if math.isnan(y) or mpmath.isnan(exact):
        return mpf(0) if math.isnan(y) and mpmath.isnan(exact) else mpmath.inf
    info = np.finfo(dtype)
    top = mpmath.ldexp(1, int(info.maxexp))
    exact = max(-top, min(top, mpf(exact)))
    number = math.copysign(1, y) * top if math.isinf(y) else mpf(y)
    exponent = int(mpmath.frexp(exact)[1]) - 1 if exact else int(info.minexp)
    exponent = min(max(exponent, int(info.minexp)), int(info.maxexp) - 1)
    return abs(number - exact) / mpmath.ldexp(1, exponent - int(info.nmant))


@dataclass
class Finding:
    """One number where a side is beyond the contract."""

    case: str
    dtype: str
    kind: str
    point: str
    ours: float
    theirs: float
    exact: Any
    verdict: str
    size: Any


class Comparison:
    """Collects what is beyond the contract."""

    def __init__(self) -> None:
        self.compared, self.findings = 0, list[Finding]()

    def judge(
        self, case: str, dtype: Any, sort: str, point: str, ours: float, theirs: float, exact: Any,
        bound: float, near: Any = 0, negative: bool | None = None,
    ) -> None:  # fmt: skip
        """Hold both to ``bound`` ULP or ``near``; ``negative`` is the sign a zero must have."""
        self.compared += 1
        distances = [off(y, exact, dtype) for y in (ours, theirs)]
        right = []
        for y, distance in zip((ours, theirs), distances, strict=True):
            close = math.isfinite(y) and mpmath.isfinite(exact) and abs(mpf(y) - exact) <= near
            right.append(distance <= bound or bool(close))
        if negative is not None and all(right):
            zero = [y != 0 or (math.copysign(1, y) < 0) == negative for y in (ours, theirs)]
            if not all(zero):
                right, sort = zero, f"{sort}, sign of 0"
        if all(right):
            return
        who = {(True, False): "minidl", (False, True): "PyTorch"}.get(tuple(right), "neither")
        special = sort.startswith(("±inf", "kink")) or "sign of 0" in sort
        same = ours == theirs or (math.isnan(ours) and math.isnan(theirs))
        if who == "minidl" and special:
            who = "convention"
        if who == "neither" and same and sort in ("±inf", "overflow"):
            who = "unpinned"  # what is pinned nowhere follows PyTorch, here to no exact result
        name = np.dtype(dtype).name
        self.findings.append(
            Finding(case, name, sort, point, ours, theirs, exact, who, max(distances))
        )

    def unpinned(self, case: str, dtype: Any, point: str, ours: float, theirs: float) -> None:
        """A slope at NaN: note where the two differ."""
        self.compared += 1
        if not (ours == theirs or (math.isnan(ours) and math.isnan(theirs))):
            name = np.dtype(dtype).name
            self.findings.append(
                Finding(case, name, "NaN", point, ours, theirs, mpmath.nan, "unpinned", mpf(0))
            )


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


def number(x: float) -> Any:
    """A float as mpmath has it; infinities as a number beyond every float."""
    return math.copysign(1, x) * BEYOND if math.isinf(x) else mpf(float(x))


def negative_zero(name: str, x: float) -> bool:
    """Which zero is pinned: odd functions keep −0; silu, gelu and mish approach it."""
    if x == 0:
        return math.copysign(1, x) < 0 and name != "relu"
    return x < 0 and name not in ("relu", "sigmoid", "softplus")


def compare_elements(case: Case, dtype: Any, found: Comparison) -> None:
    """One activation or loss of single numbers."""
    near = 4 * float(np.finfo(dtype).eps)
    x = numbers(dtype, case.kinks, case.unit)
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
            sign = negative_zero(case.name, point) if target is None else None
            found.judge(
                case.name, dtype, sort, where, y, their_y, value, case.ulps, near * terms, sign
            )
            at_kink = "kink" if target is None and point in case.kinks else sort
            found.judge(
                f"{case.name}′", dtype, at_kink, where, dy, their_dy, slope, 8,
                near * max(1, terms),
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
    x = numbers(dtype, (0.0,), False)
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


def compare_row_losses(dtype: Any, found: Comparison) -> None:
    """Cross-entropy and divergence from logits."""
    z, eps = rows(dtype), float(np.finfo(dtype).eps)
    rng = np.random.default_rng(4)
    classes = rng.integers(0, 4, len(z))
    soft = rng.dirichlet(np.ones(4), len(z)).astype(dtype)
    one_hot = np.eye(4, dtype=dtype)[classes]
    for name, ours, theirs, wanted in row_losses():
        t = {"classes": classes, "soft": soft, "one-hot": one_hot}[wanted]
        mine = ml.Tensor(z, requires_grad=True)
        y = ours(t, mine)
        y.backward(np.ones(len(z)))
        other = torch.tensor(z, requires_grad=True)
        value = theirs(torch.tensor(t), other)
        value.backward(torch.ones_like(value))
        columns = (y.numpy(), value.detach().numpy(), mine.grad, other.grad.numpy())
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


def compare_margin(dtype: Any, found: Comparison) -> None:
    """Categorical hinge of two classes: twice PyTorch's multi_margin_loss."""
    p = rows(dtype)[:60, :2]
    p = np.concatenate([p, np.array([[1, 0], [0, 1], [0, 0], [2, 1], [1.5, 0]], dtype)])
    t = np.arange(len(p)) % 2
    mine = ml.Tensor(p, requires_grad=True)
    y = ml.losses["categorical_hinge"](t, mine, reduction="none")
    y.backward(np.ones(len(p)))
    other = torch.tensor(p, requires_grad=True)
    value = 2 * F.multi_margin_loss(other, torch.tensor(t), reduction="none")
    value.backward(torch.ones_like(value))
    columns = (y.numpy(), value.detach().numpy(), mine.grad, other.grad.numpy())
    for row, right, a, b, da, db in zip(p, t, *columns, strict=True):
        gap = 1 + number(row[1 - right]) - number(row[right])
        sort, where = "kink" if gap == 0 else row_kind(row), f"t={right}, p={row}"
        name, active = "categorical_hinge", int(gap > 0)
        near = 4 * float(np.finfo(dtype).eps) * max(1, float(np.abs(row).max()))
        found.judge(name, dtype, sort, where, float(a), float(b), max(mpf(0), gap), 4, near)
        for j in range(2):
            slope = mpf(active * (-1 if j == right else 1))
            found.judge(f"{name}′", dtype, sort, where, float(da[j]), float(db[j]), slope, 8)


# ── the report ────────────────────────────────────────────────────────────────────────────────


def report(found: Comparison) -> int:
    """Print one table and a last line; the exit code."""
    groups: dict[tuple[str, ...], list[Finding]] = {}
    for one in found.findings:
        groups.setdefault((one.case, one.dtype, one.kind, one.verdict), []).append(one)
    head = ("function", "dtype", "input kind", "right", "count", "minidl", "PyTorch", "exact")
    form = "{:<18} {:<8} {:<16} {:<11}{:>6}  {:<17} {:<17} {:<17} {}"
    print(form.format(*head, "worst input"))
    for (case, dtype, sort, verdict), members in groups.items():
        worst = max(members, key=lambda one: one.size)
        exact = mpmath.nstr(worst.exact, 10)
        if sort == "NaN" and verdict == "unpinned":
            exact = "–"
        elif worst.exact and abs(worst.exact) < mpf(10) ** -330:
            exact = "0"
        elif mpmath.isfinite(worst.exact) and abs(worst.exact) >= BEYOND / 10**9:
            exact = "inf" if worst.exact > 0 else "-inf"
        shown = f"{worst.ours:.10g}", f"{worst.theirs:.10g}"
        print(form.format(case, dtype, sort, verdict, len(members), *shown, exact, worst.point))
    count = {
        who: sum(one.verdict == who for one in found.findings)
        for who in ("minidl", "PyTorch", "neither", "convention", "unpinned")
    }
    wrong = count["PyTorch"] + count["neither"]
    print(
        f"\n{found.compared} numbers compared: minidl beyond its contract at {wrong}, PyTorch alone"
        f" at {count['minidl']}; {count['convention']} conventions, {count['unpinned']} unpinned."
    )
    return int(wrong > 0)


def main() -> int:
    """Compare everything."""
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    found = Comparison()
    for dtype in DTYPES:
        for case in (*activations(), *losses()):
            compare_elements(case, dtype, found)
        compare_prelu(dtype, found)
        compare_row_activations(dtype, found)
        compare_row_losses(dtype, found)
        compare_margin(dtype, found)
    return report(found)


if __name__ == "__main__":
    sys.exit(main())
