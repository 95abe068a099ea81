"""One step of an optimizer, in place, over a stretch of parameters that lie side by side.

What is the same for all parameters, 1 − β and the corrections above all, is worked out in float64
and rounded once; the rest is arithmetic in the parameters' type. ``step_numbers`` starts with the
learning rate and the number of this update (1, 2 …), which ``begin`` puts there. The decay that is
added to the gradient (L2) is one setting, the share taken from the parameter (AdamW) another.
"""

from __future__ import annotations

import numpy as np

from minidl.kernels.intrinsics import widest_vectors
from minidl.kernels.jit import Refused, by_type, kernel, scalar
from minidl.kernels.reductions import dot_of


@kernel("count step_numbers")
def begin(rates, ahead, count, step_numbers):
    """Count an update, and look up its learning rate: ``rates[0]`` is that of update ahead[0]."""
    if ahead.size != 1 or count.size != 1 or step_numbers.size < 2:
        raise Refused
    if not 0 <= count[0] - ahead[0] < rates.size:
        raise Refused
    step_numbers[0] = rates[count[0] - ahead[0]]
    count[0] += 1
    step_numbers[1] = count[0]


SINGLE_LEAST, DOUBLE_LEAST = 2.0**-120, 2.0**-1000


@by_type(
    lambda kept: 0.0 if abs(kept) < SINGLE_LEAST else kept,
    lambda kept: 0.0 if abs(kept) < DOUBLE_LEAST else kept,
)
def _faded(kept):
    """What is left of a moment; 0 shortly before it would become subnormal.

    A unit that is dead feeds its moments no more. They would shrink until they are subnormal and
    stay so, and a CPU takes a hundred times as long over such numbers.
    """
    least = SINGLE_LEAST if kept.dtype == np.float32 else DOUBLE_LEAST
    return kept * 0 if abs(kept) < least else kept


@kernel("p velocity", aligned=True, allocates=False)
def sgd(p, g, velocity, step_numbers):
    if not p.size == g.size == velocity.size or step_numbers.size < 5:
        raise Refused
    widest_vectors()
    kind = p.dtype.type
    rate, momentum, decay = kind(step_numbers[0]), kind(step_numbers[2]), kind(step_numbers[4])
    if momentum == 0.0:
        for i in range(p.size):
            p[i] = p[i] - rate * (g[i] + decay * p[i])
    else:
        nesterov = step_numbers[3] != 0.0
        share, gathered = kind(nesterov), momentum if nesterov else kind(1.0)
        for i in range(p.size):
            gradient = g[i] + decay * p[i]
            speed = _faded(momentum * velocity[i]) + gradient
            velocity[i] = speed
            p[i] = p[i] - rate * (share * gradient + gathered * speed)


@scalar
def _to_the(x, times):
    """x multiplied with itself so often; squaring is faster than a logarithm."""
    left, y = int(times), 1.0
    while left > 0:
        if left % 2 == 1:
            y *= x
        x *= x
        left //= 2
    return y


@kernel("p m v", aligned=True, allocates=False)
def adam(p, g, m, v, step_numbers):
    if not p.size == g.size == m.size == v.size or step_numbers.size < 7:
        raise Refused
    widest_vectors()
    kind = p.dtype.type
    beta1, rest1 = kind(step_numbers[2]), kind(1.0 - step_numbers[2])
    beta2, rest2 = kind(step_numbers[3]), kind(1.0 - step_numbers[3])
    epsilon, decay, kept = (
        kind(step_numbers[4]),
        kind(step_numbers[5]),
        kind(1.0 - step_numbers[0] * step_numbers[6]),
    )
    # m̂ / (√v̂ + ε) with the corrections 1 − βᵗ taken out of the loop
    stride = kind(step_numbers[0] / (1.0 - _to_the(step_numbers[2], step_numbers[1])))
    root = kind(1.0 / np.sqrt(1.0 - _to_the(step_numbers[3], step_numbers[1])))
    for i in range(p.size):
        gradient = g[i] + decay * p[i]
        first = _faded(beta1 * m[i]) + rest1 * gradient
        second = _faded(beta2 * v[i]) + rest2 * gradient * gradient
        m[i], v[i] = first, second
        p[i] = p[i] * kept - stride * first / (np.sqrt(second) * root + epsilon)


@kernel("p v", aligned=True, allocates=False)
def rmsprop(p, g, v, step_numbers):
    if not p.size == g.size == v.size or step_numbers.size < 5:
        raise Refused
    widest_vectors()
    kind = p.dtype.type
    rate, rho, rest = kind(step_numbers[0]), kind(step_numbers[2]), kind(1.0 - step_numbers[2])
    epsilon, decay = kind(step_numbers[3]), kind(step_numbers[4])
    for i in range(p.size):
        gradient = g[i] + decay * p[i]
        second = _faded(rho * v[i]) + rest * gradient * gradient
        v[i] = second
        p[i] = p[i] - rate * gradient / (np.sqrt(second) + epsilon)


@kernel("squares")
def square_sum(g, squares):
    """Σ g²."""
    if squares.size != 1:
        raise Refused
    squares[0] = dot_of(g, g)


@kernel("g", aligned=True)
def shrink_to(g, squares, bound):
    """Scale down where the norm of all gradients together, √Σ squares, is above the bound."""
    total = 0.0
    for i in range(squares.size):
        total += squares[i]
    norm = np.sqrt(total)
    if norm > bound:
        share = g.dtype.type(bound / norm)
        for i in range(g.size):
            g[i] = g[i] * share


@kernel("g", aligned=True)
def limit(g, bound):
    """Clip every number to [−bound, bound]; NaN stays NaN."""
    widest_vectors()
    high = g.dtype.type(bound)
    for i in range(g.size):
        below = high if g[i] > high else g[i]
        g[i] = -high if below < -high else below
