"""Random numbers by counter: number i of stream (seed, step) is a function of the three alone.

So a mask can be made again instead of being kept, an epoch's order does not depend on what ran
before, and any split over workers gives the same numbers. The mixer is SplitMix64's finaliser
(Steele, Lea and Flood 2014).
"""

from __future__ import annotations

import numpy as np

from minidl.core import stream
from minidl.kernels.jit import Refused, kernel, question, scalar

_ONE = np.uint64(0x9E3779B97F4A7C15)
_TWO = np.uint64(0xBF58476D1CE4E5B9)
_THREE = np.uint64(0x94D049BB133111EB)


@scalar
def mix(state):
    state = state + _ONE
    state = (state ^ (state >> np.uint64(30))) * _TWO
    state = (state ^ (state >> np.uint64(27))) * _THREE
    return state ^ (state >> np.uint64(31))


@scalar
def _stream(seed, step):
    return mix(mix(np.uint64(seed)) ^ np.uint64(step))


@question
def shuffle(order, stream):
    """Fisher and Yates: from the end, swap each with one that is not behind it."""
    stream = mix(stream)
    for i in range(order.size - 1, 0, -1):
        j = np.int64(mix(stream ^ mix(np.uint64(i))) % np.uint64(i + 1))
        order[i], order[j] = order[j], order[i]


@kernel("counter stream")
def draw(counter, stream):
    """Take the next stream of a counter: (seed, streams drawn so far)."""
    if counter.size != 2 or stream.size != 2:
        raise Refused
    counter[1] += 1
    stream[0], stream[1] = counter[0], counter[1]


@kernel("y", aligned=True)
def dropout(x, y, stream, rate):
    """Zero a share ``rate`` of the numbers and scale the others up by 1 / (1 − rate).

    Its own gradient too: with the same stream the same numbers survive.
    """
    if x.size != y.size or stream.size != 2:
        raise Refused
    state = _stream(np.uint64(stream[0]), np.uint64(stream[1]))
    for i in range(x.size):
        # The top 53 bits as a number in [0, 1).
        uniform = (
            np.float64(mix(state ^ mix(np.uint64(i))) >> np.uint64(11)) * 1.1102230246251565e-16
        )
        y[i] = x[i] / (1.0 - rate) if uniform >= rate else 0.0


def permutation(length: int, seed: int, step: int = 0) -> np.ndarray:
    """A shuffled ``range(length)``: the order of rows in an epoch, decided by seed and step.

    Examples
    --------
    >>> sorted(permutation(5, seed=0).tolist())
    [0, 1, 2, 3, 4]
    """
    order = np.arange(length)
    shuffle(order, np.uint64(stream("order", seed, step)))
    return order
