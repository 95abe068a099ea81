"""One step of an optimizer, in place, over a stretch of parameters that lie side by side.

Everything is worked out in float64 and rounded once when it is stored. ``decay`` is added to the
gradient (L2); ``shrink`` is taken from the parameter itself (decoupled, AdamW).
"""

from __future__ import annotations

import numpy as np

from minidl.kernels.jit import kernel
from minidl.kernels.vecmath import power


@kernel
def sgd(p, g, velocity, reals):
    rate, momentum, nesterov, decay = reals[0], reals[1], reals[2], reals[3]
    for i in range(p.size):
        step = np.float64(g[i]) + decay * p[i]
        if momentum != 0.0:
            velocity[i] = momentum * velocity[i] + step
            step = step + momentum * velocity[i] if nesterov != 0.0 else np.float64(velocity[i])
        p[i] = p[i] - rate * step


@kernel
def adam(p, g, m, v, reals):
    rate, beta1, beta2, epsilon = reals[0], reals[1], reals[2], reals[3]
    decay, shrink, step = reals[4], reals[5], reals[6]
    correction1, correction2 = 1.0 - power(beta1, step), 1.0 - power(beta2, step)
    for i in range(p.size):
        gradient = np.float64(g[i]) + decay * p[i]
        first = beta1 * m[i] + (1.0 - beta1) * gradient
        second = beta2 * v[i] + (1.0 - beta2) * gradient * gradient
        m[i], v[i] = first, second
        direction = (first / correction1) / (np.sqrt(second / correction2) + epsilon)
        p[i] = p[i] * (1.0 - rate * shrink) - rate * direction


@kernel
def rmsprop(p, g, v, reals):
    rate, rho, epsilon, decay = reals[0], reals[1], reals[2], reals[3]
    for i in range(p.size):
        gradient = np.float64(g[i]) + decay * p[i]
        second = rho * v[i] + (1.0 - rho) * gradient * gradient
        v[i] = second
        p[i] = p[i] - rate * gradient / (np.sqrt(second) + epsilon)


@kernel
def square_sum(g):
    """Σ g² in 64 fixed lanes of float64."""
    lanes = np.zeros(64, np.float64)
    for i in range(g.size):
        lanes[i % 64] += np.float64(g[i]) * g[i]
    result = 0.0
    for lane in range(64):
        result += lanes[lane]
    return result


@kernel
def scale(g, factor):
    for i in range(g.size):
        g[i] = g[i] * factor


@kernel
def limit(g, bound):
    """Clip every number to [−bound, bound]; NaN stays NaN."""
    for i in range(g.size):
        if g[i] > bound:
            g[i] = bound
        elif g[i] < -bound:
            g[i] = -bound
