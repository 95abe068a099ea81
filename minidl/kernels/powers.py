"""Powers of probabilities, as focal losses take them.

A power multiplies the error of its logarithm. So float64 logarithms come as the sum of two float64
here, good to some 60 bits, and what rounding takes on the way is put back. For float32 numbers
plain float64 has digits to spare.
"""

from __future__ import annotations

from math import inf

import numpy as np

from minidl.kernels.intrinsics import exponent, fmuladd, mantissa, scaled
from minidl.kernels.jit import by_type, scalar
from minidl.kernels.vecmath import (
    DOUBLE,
    LOG2E,
    NAN,
    at_least,
    bounded_log,
    bounded_log1m,
    exp,
    log,
    log1p,
    log1p_of_share,
    two_sum,
)

LOWEST, HIGHEST, MAGIC = DOUBLE.exp_lowest, DOUBLE.exp_highest, DOUBLE.magic
LN2_HIGH, LN2_LOW, SPLIT = DOUBLE.ln2_high, DOUBLE.ln2_low, DOUBLE.split
SMALLEST, LIFT, LIFTED = DOUBLE.smallest, DOUBLE.lift, DOUBLE.lifted
_exp_fit, _log_fit = DOUBLE.polynomial("EXP"), DOUBLE.polynomial("LOG")


@scalar
def _fast_two_sum(a, b):
    """a + b, and what rounding took from it, for |a| ≥ |b|; nothing where a is infinite."""
    total = a + b
    lost = b - (total - a)
    return total, lost if lost == lost else 0.0


@scalar
def _product_error(x, y, product):
    """What rounding took from x·y: x·y − product, exactly (Dekker)."""
    t, u = SPLIT * x, SPLIT * y
    x_high, y_high = t - (t - x), u - (u - y)
    x_low, y_low = x - x_high, y - y_high
    return ((x_high * y_high - product) + x_high * y_low + x_low * y_high) + x_low * y_low


@scalar
def _exp_in_two(x, less):
    """e^(x − less), and what it lost; ``less`` is small."""
    bounded = LOWEST if x < LOWEST else (HIGHEST if x > HIGHEST else x)
    shifted = fmuladd(bounded, LOG2E, MAGIC)
    n = shifted - MAGIC
    whole = fmuladd(n, -LN2_HIGH, bounded)
    r = fmuladd(n, -LN2_LOW, whole)
    r_low = fmuladd(n, -LN2_LOW, whole - r) - less
    rest, rest_low = _fast_two_sum(r, r * r * _exp_fit(r))
    y, y_low = _fast_two_sum(1.0, rest)
    return scaled(y, shifted), scaled(y_low + (rest_low + r_low * y), shifted)


@scalar
def _log_in_two(x, lost):
    """log(x + lost) for x > 0."""
    tiny = x < SMALLEST
    normal = x * LIFT if tiny else x
    k = exponent(normal) - (LIFTED if tiny else 0.0)
    m = mantissa(normal) - 1.0
    d = 2.0 + m
    s = m / d
    product = s * d
    s_low = ((m - product) - _product_error(s, d, product) - s * (m - (d - 2.0))) / d
    high, low = two_sum(k * LN2_HIGH, 2.0 * s)
    square = s * s
    low += k * LN2_LOW + 2.0 * s_low + square * s * _log_fit(square) + lost / x
    return _fast_two_sum(high, low)


@scalar
def _softplus_in_two(x):
    """log(1 + eˣ) = max(x, 0) + log(1 + w) with w = e^−|x|."""
    w, w_low = _exp_in_two(-abs(x), 0.0)
    whole, lost = _fast_two_sum(1.0, w)
    high, low = _log_in_two(whole, lost + w_low)
    if x <= 0.0:
        return high, low
    total, short = _fast_two_sum(x, high) if x > high else _fast_two_sum(high, x)
    return _fast_two_sum(total, short + low)


@scalar
def _exp_of_product(factor, high, low):
    """e^(factor · (high + low))."""
    product = factor * high
    y, y_low = _exp_in_two(product, -(_product_error(factor, high, product) + factor * low))
    total = y + y_low
    return total if total == total else y  # an infinite product has lost NaN


@scalar
def _power(x, lost, exponent):
    """(x + lost) to a power, for x ≥ 0."""
    high, low = _log_in_two(x, lost)
    y = _exp_of_product(exponent, high, low)
    y = y if x > 0.0 else (0.0 if exponent > 0.0 else inf)
    y = y if x < inf else (x if exponent > 0.0 else 0.0)
    return (y if x >= 0.0 else NAN) if exponent != 0.0 else 1.0


@scalar
def _complement_power(p, exponent):
    whole, lost = _fast_two_sum(1.0, -p)
    return _power(whole, lost, exponent)


@scalar
def _sigmoid_power(x, exponent):
    high, low = _softplus_in_two(-x)
    return _exp_of_product(-exponent, high, low)


@scalar
def _surprise(x):
    high, _ = _softplus_in_two(-x)
    return high


@scalar
def _log_of_complement(p):
    whole, lost = _fast_two_sum(1.0, -p)
    high, _ = _log_in_two(whole, lost)
    return at_least(high if whole > 0.0 else (-inf if whole == 0.0 else NAN), -100.0)


@scalar
def _log_of_share(p):
    high, _ = _log_in_two(p, 0.0)
    return at_least(high if p > 0.0 else (-inf if p == 0.0 else NAN), -100.0)


@scalar
def _weighted_sum(a, x, b, y):
    first, second = a * x, b * y
    total, lost = two_sum(first, second)
    exact = total + (lost + _product_error(a, x, first) + _product_error(b, y, second))
    return exact if exact == exact else total  # what is infinite has lost NaN


@scalar
def _wide_softplus(x):
    """log(1 + eˣ) in float64 of a float32 number; shares its exponential with that of −x."""
    return np.float64(0.0 if x < 0.0 else x) + log1p_of_share(exp(np.float64(-abs(x))))


@by_type(
    lambda x, exponent: np.float32(exp(np.float64(exponent) * log(np.float64(x)))),
    scalar(lambda x, exponent: _power(x, 0.0, exponent)),
)
def power(x, exponent):
    """x to a power, for x ≥ 0 and an exponent that is not 0."""
    return np.power(x, exponent)


@by_type(
    lambda p, exponent: np.float32(exp(np.float64(exponent) * log1p(-np.float64(p)))),
    _complement_power,
)
def complement_power(p, exponent):
    """(1 − p) to a power; what 1 − p loses is put back."""
    return np.power(1.0 - p, exponent)


@by_type(
    lambda x, exponent: np.float32(exp(-np.float64(exponent) * _wide_softplus(-x))),
    _sigmoid_power,
)
def sigmoid_power(x, exponent):
    """σ(x) to a power, e^(−γ softplus(−x)): the deep tail keeps its digits."""
    return np.exp(-exponent * np.logaddexp(0.0, -x))


@by_type(lambda x: np.float32(_wide_softplus(-x)), _surprise)
def surprise(x):
    """−log σ(x), rounded once."""
    return np.logaddexp(0.0, -x)


@by_type(lambda p: np.float32(bounded_log(np.float64(p))), _log_of_share)
def log_of_share(p):
    """log p, rounded once; −100 where p has rounded to 0."""
    return at_least(np.log(p), -100.0)


@by_type(lambda p: np.float32(bounded_log1m(np.float64(p))), _log_of_complement)
def log_of_complement(p):
    """log(1 − p), rounded once; −100 where p has rounded to 1."""
    return at_least(np.log1p(-p), -100.0)


@by_type(
    lambda a, x, b, y: np.float32(np.float64(a) * np.float64(x) + np.float64(b) * np.float64(y)),
    _weighted_sum,
)
def weighted_sum(a, x, b, y):
    """The sum a x + b y, rounded once."""
    return a * x + b * y
