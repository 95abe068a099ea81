"""At which numbers accuracy is measured, and what would be exact there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import mpmath
import numpy as np
from accuracy_cases import Case
from accuracy_references import REFERENCES, TERMS, widened
from parity_exact import number
from ulps import places

from minidl.kernels import vecmath

Array = np.ndarray[Any, Any]
CHUNK = 2**16
"""Numbers at a time: they stay in the cache."""
CHECKED = 300
"""Numbers at which a reference is held against mpmath."""
SLACK = 2.0**-7
"""How far off a reference may be, in units of the smaller type's last place."""
LONG = np.finfo(np.longdouble).nmant >= 63


def singles(stride: int) -> Iterator[Array]:
    """All float32 bit patterns, one in ``stride``."""
    for start in range(0, 2**32, stride * CHUNK):
        bits = np.arange(start, min(start + stride * CHUNK, 2**32), stride, dtype=np.uint64)
        yield bits.astype(np.uint32).view(np.float32)


def doubles(count: int) -> Iterator[Array]:
    """Float64 of every kind, many of them where a piece of some function begins or ends."""
    rng, info, f = np.random.default_rng(0), np.finfo(np.float64), vecmath.DOUBLE
    half = np.log(2) / 2
    edges = np.abs(np.array([
        0.5, np.sqrt(0.5), 0.75, 1.0, 1.28, np.sqrt(2), 2.0, *half * np.arange(1, 20, 2),
        f.exp_lowest, f.exp_highest, f.expm1_lowest, f.expm1_lowest / 2, f.tail_end, f.smallest,
        2 / f.smallest / f.magic, 2.0**-27, 36.7, 37.43, 708.4, 709.78, 745.13,
    ]))  # fmt: skip
    steps = np.arange(-4, 5)[:, None] * np.spacing(edges) + edges
    near = rng.choice(edges, count // 5) * (1 + 2.0 ** -rng.uniform(3, 53, count // 5))
    sizes = [
        2.0 ** rng.uniform(info.minexp - info.nmant, info.maxexp - 0.01, count // 5),
        rng.normal(size=count // 5) * 3,
        rng.uniform(0, 760, count // 20),
        rng.random(count // 20),
        1 - 2.0 ** -rng.uniform(1, 53, count // 20),
        near,
    ]
    signed = np.concatenate(sizes)
    x = np.concatenate([
        rng.integers(0, 2**64, count // 4, dtype=np.uint64).view(np.float64),
        signed * rng.choice([-1.0, 1.0], signed.size),
        *steps, *-steps,
        [0.0, -0.0, np.inf, -np.inf, np.nan, info.max, -info.max, info.smallest_subnormal],
    ])  # fmt: skip
    x = x if LONG else x[np.isfinite(x)]  # mpmath has no limits at infinity
    yield from np.array_split(x, max(1, x.size // CHUNK))


def inside(x: Array, domain: str) -> Array:
    """Those that the function takes."""
    if domain == "unit":
        return x[(x >= 0) & (x <= 1)]
    return x[(x >= 0) & np.isfinite(x)] if domain == "rates" else x


def digits(case: Case, operands: list[Array]) -> list[list[Any]]:
    """Values and slopes by mpmath, no larger than numbers of the type are."""
    top = mpmath.mpf(float(np.finfo(operands[-1].dtype).max))
    points = zip(*(operand.tolist() for operand in operands), strict=True)
    columns = zip(*(case.exact(*map(number, point)) for point in points), strict=True)
    return [[_within(y, top) for y in column] for column in columns]


def _within(y: Any, top: Any) -> Any:
    if isinstance(y, mpmath.mpc):  # the logarithm of a negative number
        return mpmath.nan
    return top if y > top else (-top if y < -top else mpmath.mpf(y))


def rest(column: list[Any], nearest: Array, unit: Array) -> Array:
    """What is missing from the nearest float64 to the exact result, in units."""
    pairs = zip(column, nearest.tolist(), unit.astype(float).tolist(), strict=True)
    return np.array([float((y - mpmath.mpf(near)) / mpmath.mpf(one)) for y, near, one in pairs])


def units(case: Case, dtype: Any, wanted: Array, operands: list[Array], of_slope: bool) -> Array:
    """What an error is counted in: 4 eps of ½, or of terms that cancel, for small results."""
    terms = TERMS[case.name](*operands) if case.name in TERMS else wanted.dtype.type(0)
    if of_slope:
        terms = np.maximum(terms if case.domain == "reals" else 0, wanted.dtype.type(1)) / 2
    info = np.finfo(dtype)
    return places(wanted, dtype, np.minimum(terms, wanted.dtype.type(info.max)) * info.eps)


def exact(case: Case, operands: list[Array]) -> Iterator[tuple[Array, Array, Any]]:
    """Of the value, then of the slope: the nearest there is, the unit, and how many are missing."""
    dtype, wide = operands[-1].dtype, [widened(operand) for operand in operands]
    if dtype == np.float32 or LONG:
        results = REFERENCES[case.name](*wide)
        for i in range(1 + case.has_slope):
            yield results[i], units(case, dtype, results[i], wide, i == 1), 0.0
    else:
        for i, column in enumerate(digits(case, operands)[: 1 + case.has_slope]):
            nearest = np.array([float(y) for y in column])
            unit = units(case, dtype, nearest, operands, i == 1)
            yield nearest, unit, rest(column, nearest, unit)


def trusted(case: Case, x: Array, target: float | None) -> None:
    """An error where a reference is off by what could be taken for a kernel's."""
    x = np.random.default_rng(1).choice(x[np.isfinite(x)], CHECKED)
    operands = [x] if target is None else [np.full_like(x, target), x]
    kept = np.isfinite(REFERENCES[case.name](*map(widened, operands))[0])
    operands = [operand[kept] for operand in operands]
    top = np.finfo(x.dtype).max
    pairs = zip(exact(case, operands), digits(case, operands), strict=False)
    for (got, unit, missing), column in pairs:
        nearest = np.array([float(y) for y in column])
        off = (np.clip(got, -top, top) - nearest) / unit + missing - rest(column, nearest, unit)
        off = np.abs(off)
        assert off.max() < SLACK, f"{case.name}: reference off at {operands[-1][off.argmax()]!r}"
