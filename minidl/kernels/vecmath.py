"""The elementary functions that activations and losses are written in.

Each takes and returns one float64. Stable forms live here once: nothing above this file
subtracts two numbers that are nearly equal, or overflows on the way to a finite result.
"""

from __future__ import annotations

import math

import numpy as np

from minidl.kernels.jit import scalar

LN2 = 0.6931471805599453
SQRT_HALF = 0.7071067811865476
SQRT_HALF_LOW = -4.833646656726457e-17  # √½ minus the double above
INVERSE_SQRT_TAU = 0.3989422804014327  # 1/√(2π)
SPLIT = 134217729.0  # 2²⁷ + 1: Dekker's constant, cuts a double into two halves of 26 bits


@scalar
def exp(x):
    return np.exp(x)


@scalar
def expm1(x):
    return np.expm1(x)


@scalar
def log(x):
    return np.log(x)


@scalar
def log1p(x):
    return np.log1p(x)


@scalar
def tanh(x):
    return np.tanh(x)


@scalar
def power(x, exponent):
    return np.power(x, exponent)


@scalar
def sigmoid(x):
    """1 / (1 + e⁻ˣ); eˣ / (1 + eˣ) on the left, where e⁻ˣ would overflow."""
    z = exp(-abs(x))
    return (z if x < 0 else 1.0) / (1.0 + z)


@scalar
def softplus(x):
    """log(1 + eˣ) without a threshold: max(x, 0) + log1p(e^−|x|)."""
    return (0.0 if x < 0 else x) + log1p(exp(-abs(x)))


@scalar
def times_exp(factor, x):
    """factor · eˣ; the last of two halves underflows, not the first."""
    half = exp(0.5 * x)
    return factor * half * half


@scalar
def product_error(x, y, product):
    """What rounding took from x·y: x·y − product, exactly (Dekker)."""
    t, u = SPLIT * x, SPLIT * y
    x_high, y_high = t - (t - x), u - (u - y)
    x_low, y_low = x - x_high, y - y_high
    return ((x_high * y_high - product) + x_high * y_low + x_low * y_high) + x_low * y_low


@scalar
def exp_difference(a, b):
    """e^(a − b); the rounding of a − b is put back, it would be amplified by |a − b|."""
    d = a - b
    z = d - a
    lost = (a - (d - z)) - (b + z)  # Knuth's two-sum: exact; NaN where a − b is infinite
    y = exp(d)
    return y + y * lost if lost == lost else y


@scalar
def mills(a):
    """(1 − Φ(a)) / φ(a) for a ≥ 6, by Laplace's continued fraction."""
    f = a
    for k in range(40, 0, -1):
        f = a + k / f
    return 1.0 / f


@scalar
def normal_density(x):
    """φ(x); the error of x² is put back, it would be amplified by x²/2."""
    a = 40.0 if abs(x) > 40.0 else x
    square = a * a
    density = INVERSE_SQRT_TAU * exp(-0.5 * square)
    return density * (1.0 - 0.5 * product_error(a, a, square))


@scalar
def normal_cdf(x):
    """Φ(x) = ½ erfc(−x/√2), with the rounding of x/√2 put back to first order."""
    if x > 9.0:
        return 1.0
    a = -40.0 if x < -40.0 else x
    if a < -6.0:
        return normal_density(a) * mills(-a)
    t = -a * SQRT_HALF
    # The exact argument is t + rest; d erfc(t) = −(2/√π) e^(−t²) dt.
    rest = -product_error(a, SQRT_HALF, -t)
    rest -= a * SQRT_HALF_LOW
    return 0.5 * math.erfc(t) - 0.5641895835477563 * exp(-t * t) * rest


@scalar
def times_normal_cdf(x):
    """x · Φ(x): the product underflows last, so the deep tail keeps its digits."""
    if x >= -6.0:
        return x * normal_cdf(x)
    if x < -40.0:
        return -0.0
    square = x * x
    factor = x * mills(-x) * INVERSE_SQRT_TAU * (1.0 - 0.5 * product_error(x, x, square))
    return times_exp(factor, -0.5 * square)


@scalar
def bounded_log(x):
    """A loss's logarithm of a probability: −100 where that has rounded to 0."""
    value = log(x)
    return -100.0 if value < -100.0 else value


@scalar
def bounded_log1m(x):
    value = log1p(-x)  # log(1 − x) without rounding 1 − x
    return -100.0 if value < -100.0 else value


@scalar
def floored(x):
    """A loss's denominator, as PyTorch bounds it."""
    return 1e-12 if x < 1e-12 else x


@scalar
def sigmoid_power(x, exponent):
    """σ(x)^γ = (1 + w)^−γ · (e^γx for x < 0), w = e^−|x|; what 1 + w and γx lose is put back."""
    w = exp(-abs(x))
    whole = 1.0 + w
    lost = (1.0 - whole) + w
    y = power(whole, -exponent) * (1.0 - exponent * lost / whole)
    if x < 0.0:
        product = exponent * x
        if product < -800.0:
            return 0.0
        y *= exp(product) * (1.0 + product_error(exponent, x, product))
    return y
