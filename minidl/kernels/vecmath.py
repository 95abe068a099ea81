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
def square_error(x, square):
    """What rounding took from x·x: x² − square, exactly."""
    t = SPLIT * x
    high = t - (t - x)
    low = x - high
    return ((high * high - square) + 2.0 * high * low) + low * low


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
    return density * (1.0 - 0.5 * square_error(a, square))


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
    p = SPLIT * a
    high = p - (p - a)
    low = a - high
    q = SPLIT * SQRT_HALF
    c_high = q - (q - SQRT_HALF)
    c_low = SQRT_HALF - c_high
    rest = -(((high * c_high + t) + high * c_low + low * c_high) + low * c_low)
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
    factor = x * mills(-x) * INVERSE_SQRT_TAU * (1.0 - 0.5 * square_error(x, square))
    return times_exp(factor, -0.5 * square)
