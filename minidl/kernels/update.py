"""One step of an optimizer, in place, over a stretch of parameters that lie side by side.

Everything is worked out in float64 and rounded once when it is stored. ``reals`` starts with the
learning rate and the number of this update (1, 2 …), which ``begin`` puts there. ``decay`` is
added to the gradient (L2); ``shrink`` is taken from the parameter itself (decoupled, AdamW).
"""

from __future__ import annotations

import numpy as np

from minidl.kernels.jit import kernel
from minidl.kernels.reductions import dot_of
from minidl.kernels.vecmath import power


def _alike(*arguments):
    *arrays, _reals = arguments
    return len({array.size for array in arrays}) == 1


@kernel("count reals", lambda rates, count, reals: rates.size > 0 and count.size == 2)
def begin(rates, count, reals):
    """Count an update, and look up its learning rate: ``rates[0]`` is that of update count[1]."""
    reals[0] = rates[count[0] - count[1]]
    count[0] += 1
    reals[1] = count[0]


@kernel("p velocity", _alike)
def sgd(p, g, velocity, reals):
    rate, momentum, nesterov, decay = reals[0], reals[2], reals[3], reals[4]
    for i in range(p.size):
        step = np.float64(g[i]) + decay * p[i]
        if momentum != 0.0:
            velocity[i] = momentum * velocity[i] + step
            step = step + momentum * velocity[i] if nesterov != 0.0 else np.float64(velocity[i])
        p[i] = p[i] - rate * step


@kernel("p m v", _alike)
def adam(p, g, m, v, reals):
    rate, step, beta1, beta2, epsilon = reals[0], reals[1], reals[2], reals[3], reals[4]
    decay, shrink = reals[5], reals[6]
    # m̂ / (√v̂ + ε) with the corrections 1 − βᵗ taken out of the loop
    stride, root = rate / (1.0 - power(beta1, step)), 1.0 / np.sqrt(1.0 - power(beta2, step))
    for i in range(p.size):
        gradient = np.float64(g[i]) + decay * p[i]
        first = beta1 * m[i] + (1.0 - beta1) * gradient
        second = beta2 * v[i] + (1.0 - beta2) * gradient * gradient
        m[i], v[i] = first, second
        change = stride * first / (np.sqrt(second) * root + epsilon)
        p[i] = p[i] * (1.0 - rate * shrink) - change


@kernel("p v", _alike)
def rmsprop(p, g, v, reals):
    rate, rho, epsilon, decay = reals[0], reals[2], reals[3], reals[4]
    for i in range(p.size):
        gradient = np.float64(g[i]) + decay * p[i]
        second = rho * v[i] + (1.0 - rho) * gradient * gradient
        v[i] = second
        p[i] = p[i] - rate * gradient / (np.sqrt(second) + epsilon)


@kernel("squares", lambda g, squares: squares.size == 1)
def square_sum(g, squares):
    """Σ g²."""
    squares[0] = dot_of(g, g)


@kernel("g", lambda g, squares, bound: True)
def shrink_to(g, squares, bound):
    """Scale down where the norm of all gradients together, √Σ squares, is above the bound."""
    total = 0.0
    for i in range(squares.size):
        total += squares[i]
    norm = np.sqrt(total)
    if norm > bound:
        for i in range(g.size):
            g[i] = g[i] * (bound / norm)


@kernel("g", lambda g, bound: True)
def limit(g, bound):
    """Clip every number to [−bound, bound]; NaN stays NaN."""
    for i in range(g.size):
        if g[i] > bound:
            g[i] = bound
        elif g[i] < -bound:
            g[i] = -bound
