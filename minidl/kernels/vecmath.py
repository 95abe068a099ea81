"""The elementary functions that activations and losses are written in.

Each works on single numbers, in float32 or float64, and is arithmetic without a branch, a table or
a call: LLVM vectorises the loop around it. Both types share an algorithm; a ``Format`` has the
constants. Errors are a few units in the last place over the whole line, results go to 0 through
the subnormal numbers, and NaN stays NaN. Without the JIT, NumPy's functions stand in.

Stable forms live here once: nothing above this file subtracts two numbers that are nearly equal,
or overflows on the way to a finite result. What rounding took from an argument is handed to
``times_exp`` as ``less``, which is small, and taken off where it costs nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np

from minidl.kernels import coefficients as fitted
from minidl.kernels.cpu import FUSES
from minidl.kernels.intrinsics import (
    copysign,
    exponent,
    fmuladd,
    mantissa,
    polynomial,
    power_of_two,
    scaled,
)
from minidl.kernels.jit import by_type, scalar

LN2 = 0.6931471805599453
LOG2E = 1.4426950408889634
INVERSE_SQRT_TAU = 0.3989422804014327  # 1/√(2π)
NAN = float("nan")


@dataclass(frozen=True)
class Format:
    """The constants of a floating-point format.

    Attributes
    ----------
    magic : float
        1.5 · 2^fraction: adding it rounds to a whole number, which its low bits then hold.
    ln2_high, ln2_low : float
        ln 2 in two parts; n · ln2_high is exact for the n that occur.
    split : float
        Dekker's constant, cuts a number into two halves.
    exp_lowest, exp_highest : float
        Where the exponential has long been 0, or infinite.
    expm1_lowest, tail_end : float
        Where eˣ − 1 has become −1, and x Φ(−x) has become 0.
    smallest, lift, lifted : float
        The least normal number, and a power of two, with its exponent, above which subnormal
        numbers are lifted before their logarithm is taken.
    pole : float
        K of the fit of the normal distribution's tail.
    """

    name: str
    magic: float
    ln2_high: float
    ln2_low: float
    split: float
    exp_lowest: float
    exp_highest: float
    expm1_lowest: float
    tail_end: float
    smallest: float
    lift: float
    lifted: float
    pole: float

    def polynomial(self, name: str) -> Any:
        """The fitted polynomial of a name, in this format."""
        return polynomial(getattr(fitted, f"{self.name}_{name}"))


SINGLE = Format(
    "SINGLE", magic=1.5 * 2**23, ln2_high=0.693359375, ln2_low=-2.12194440e-4, split=4097.0,
    exp_lowest=-174.0, exp_highest=89.0, expm1_lowest=-20.0, tail_end=14.6,
    smallest=2.0**-126, lift=2.0**25, lifted=25.0, pole=4.0,
)  # fmt: skip
DOUBLE = Format(
    "DOUBLE", magic=1.5 * 2**52, ln2_high=6.93147180369123816490e-01,
    ln2_low=1.90821492927058770002e-10, split=134217729.0,
    exp_lowest=-1416.0, exp_highest=710.0, expm1_lowest=-40.0, tail_end=39.0,
    smallest=2.0**-1022, lift=2.0**54, lifted=54.0, pole=5.0,
)  # fmt: skip


def _remainder_in(f: Format) -> Any:
    magic, high, low = f.magic, f.ln2_high, f.ln2_low

    @scalar
    def remainder(x):
        """r and n of x = n ln 2 + r with |r| ≤ ½ ln 2; n is in the low bits of a float."""
        shifted = fmuladd(x, LOG2E, magic)
        n = shifted - magic
        return fmuladd(n, -low, fmuladd(n, -high, x)), shifted

    return remainder


def _times_exp_in(f: Format) -> Any:
    remainder, fit = _remainder_in(f), f.polynomial("EXP")
    lowest, highest = f.exp_lowest, f.exp_highest

    def times_exp(factor, x, less):
        none = x < lowest
        rounded, shifted = remainder(0.0 if none else (highest if x > highest else x))
        r = rounded - less
        y = fmuladd(r * r, fit(r), r) + 1.0
        y = scaled(y * factor, shifted)
        return copysign(0.0, factor) if none else y

    return times_exp


@by_type(_times_exp_in(SINGLE), _times_exp_in(DOUBLE))
def times_exp(factor, x, less):
    """factor · e^(x − less); the factor is in before the result may underflow."""
    half = np.exp(0.5 * x)
    if half == 0.0:
        return np.copysign(0.0, factor)
    return factor * half * half * (1.0 - less)


@scalar
def exp(x):
    return times_exp(1.0, x, 0.0)


def _expm1_in(f: Format) -> Any:
    remainder, fit = _remainder_in(f), f.polynomial("EXP")
    lowest, highest = f.expm1_lowest, f.exp_highest

    def expm1(x):
        r, shifted = remainder(lowest if x < lowest else (highest if x > highest else x))
        half = power_of_two(shifted - 1.0)  # of 2ⁿ, which may overflow
        y = 2.0 * fmuladd(half, fmuladd(r * r, fit(r), r), half - 0.5)
        return copysign(y, x)

    return expm1


@by_type(_expm1_in(SINGLE), _expm1_in(DOUBLE))
def expm1(x):
    """eˣ − 1."""
    return np.expm1(x)


def _tanh_in(f: Format) -> Any:
    remainder, fit, lowest = _remainder_in(f), f.polynomial("EXP"), f.expm1_lowest

    def tanh(x):
        a = -2.0 * abs(x)
        r, shifted = remainder(lowest if a < lowest else a)
        unit = power_of_two(shifted)
        t = fmuladd(unit, fmuladd(r * r, fit(r), r), unit - 1.0)  # e^(−2|x|) − 1
        return copysign(t / (2.0 + t), x)

    return tanh


@by_type(_tanh_in(SINGLE), _tanh_in(DOUBLE))
def tanh(x):
    """(1 − e^−2x) / (1 + e^−2x)."""
    return np.tanh(x)


def _log_of_parts_in(f: Format) -> Any:
    fit, high, low = f.polynomial("LOG"), f.ln2_high, f.ln2_low

    @scalar
    def log_of_parts(m, k):
        """log((1 + m) 2ᵏ) for 1 + m in [√½, √2)."""
        s = m / (2.0 + m)
        square, half = s * s, 0.5 * m * m
        return k * high + (m - (half - fmuladd(s, fmuladd(square, fit(square), half), k * low)))

    return log_of_parts


def _log_in(f: Format) -> Any:
    log_of_parts, smallest, lift, lifted = _log_of_parts_in(f), f.smallest, f.lift, f.lifted

    def log(x):
        tiny = x < smallest
        normal = x * lift if tiny else x
        y = log_of_parts(mantissa(normal) - 1.0, exponent(normal) - (lifted if tiny else 0.0))
        y = y if x < inf else x
        return (-inf if x == 0.0 else y) if x >= 0.0 else NAN

    return log


@by_type(_log_in(SINGLE), _log_in(DOUBLE))
def log(x):
    """log x; −∞ at 0, NaN below."""
    return np.log(x)


def _log1p_in(f: Format) -> Any:
    log_of_parts, magic = _log_of_parts_in(f), f.magic
    huge = 2.0 / f.smallest / f.magic  # far from overflow, and 1 + x has long been x

    def log1p(x):
        whole = 1.0 + x
        k = exponent(whole)
        unit = power_of_two(magic - k)
        # 1 + x without rounding: (1 + x) 2⁻ᵏ − 1
        m = mantissa(whole) - 1.0 if x > huge else fmuladd(x, unit, unit - 1.0)
        y = log_of_parts(m, k)
        y = copysign(y, x) if x < inf else x  # −0 keeps its sign
        return y if x > -1.0 else (-inf if x == -1.0 else NAN)

    return log1p


@by_type(_log1p_in(SINGLE), _log1p_in(DOUBLE))
def log1p(x):
    """log(1 + x); −∞ at −1, NaN below."""
    return np.log1p(x)


def _log1p_of_share_in(f: Format) -> Any:
    fit = f.polynomial("LOG1P")

    def log1p(z):
        above = z > 0.5
        m = 0.5 * (z - 1.0) if above else z  # 1 + z is 2 (1 + m), or 1 + m
        return fmuladd(m * m, fit(m), m) + (LN2 if above else 0.0)

    return log1p


@by_type(_log1p_of_share_in(SINGLE), _log1p_of_share_in(DOUBLE))
def log1p_of_share(z):
    """log(1 + z) for z in [0, 1], which takes no division."""
    return np.log1p(z)


@scalar
def softplus(x):
    """log(1 + eˣ) without a threshold: max(x, 0) + log1p(e^−|x|)."""
    return (0.0 if x < 0.0 else x) + log1p_of_share(exp(-abs(x)))


@scalar
def times_sigmoid(factor, x):
    """factor · σ(x); on the left as factor · eˣ / (1 + eˣ), where e⁻ˣ would overflow."""
    top = times_exp(factor, -abs(x), 0.0) if x < 0.0 else factor
    return top / (1.0 + exp(-abs(x)))


@scalar
def sigmoid(x):
    return times_sigmoid(1.0, x)


@scalar
def two_sum(a, b):
    """a + b, and what rounding took from it (Knuth): exact; NaN where the sum is infinite."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


@scalar
def exp_difference(a, b):
    """e^(a − b); the rounding of a − b is put back, it would be amplified by |a − b|."""
    d, lost = two_sum(a, -b)
    return times_exp(1.0, d, -lost)


_log_cosh_fit = polynomial(fitted.DOUBLE_LOG_COSH)


def _fitted_log_cosh(x):
    square = x * x
    return fmuladd(square * square, _log_cosh_fit(square), 0.5 * square)


@by_type(_fitted_log_cosh, _fitted_log_cosh)
def _log_cosh_near_0(x):
    """log cosh x for |x| ≤ 1."""
    return np.log1p(2.0 * np.sinh(0.5 * x) ** 2)


@scalar
def log_cosh(x):
    """log cosh x: ½ x² − … near 0, |x| − log 2 + log(1 + e^−2|x|) far away."""
    a = abs(x)
    far = (a - LN2) + log1p_of_share(exp(-2.0 * a))
    return _log_cosh_near_0(a) if a < 1.0 else far


def _half_square_in(f: Format) -> Any:
    split = f.split

    def fused(a):
        high = 0.5 * a * a
        return high, fmuladd(0.5 * a, a, -high)

    def cut(a):
        t = split * a
        upper = t - (t - a)  # its square is exact
        return 0.5 * upper * upper, 0.5 * (a - upper) * (a + upper)

    return scalar(fused if FUSES else cut)


def _normal_tail_in(f: Format) -> Any:
    fit, half_square = f.polynomial("NORMAL_TAIL"), _half_square_in(f)
    pole, end = f.pole, f.tail_end

    @scalar
    def tail(x):
        """G, and a²/2 in two parts: Φ(−a) = G e^(−a²/2) for a = |x|."""
        a = end if abs(x) > end else abs(x)
        inverse = 1.0 / (a + pole)
        density = fit((a - pole) * inverse) * inverse
        high, low = half_square(a)
        return a, density, high, low

    return tail


def _times_normal_cdf_in(f: Format) -> Any:
    tail = _normal_tail_in(f)

    def times_normal_cdf(x):
        a, density, high, low = tail(x)
        rest = times_exp(a * density, -high, low)
        return -rest if x < 0.0 else x - rest

    return times_normal_cdf


def _normal_slope_in(f: Format) -> Any:
    tail = _normal_tail_in(f)

    def normal_slope(x):
        a, density, high, low = tail(x)
        rest = times_exp(density - a * INVERSE_SQRT_TAU, -high, low)
        return rest if x < 0.0 else 1.0 - rest

    return normal_slope


@by_type(_times_normal_cdf_in(SINGLE), _times_normal_cdf_in(DOUBLE))
def times_normal_cdf(x):
    """x · Φ(x), Φ the normal distribution; |x| Φ(−|x|) keeps its digits in the deep tail."""
    share = 0.5 * math.erfc(-x / math.sqrt(2.0))
    return x * share if share != 0.0 else -0.0


@by_type(_normal_slope_in(SINGLE), _normal_slope_in(DOUBLE))
def times_normal_cdf_slope(x):
    """Φ(x) + x φ(x)."""
    density = INVERSE_SQRT_TAU * math.exp(-0.5 * min(x * x, 1e4))
    return 0.5 * math.erfc(-x / math.sqrt(2.0)) + max(min(x, 99.0), -99.0) * density


@scalar
def at_least(x, bound):
    """The larger of the two; NaN stays NaN."""
    return bound if x < bound else x


@scalar
def bounded_log(x):
    """A loss's logarithm of a probability: −100 where that has rounded to 0."""
    return at_least(log(x), -100.0)


@scalar
def bounded_log1m(x):
    return at_least(log1p(-x), -100.0)  # log(1 − x) without rounding 1 − x


@scalar
def floored(x):
    """A loss's denominator, as PyTorch bounds it."""
    return at_least(x, 1e-12)
