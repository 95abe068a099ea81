"""Random numbers by counter: number i of stream (seed, step) is a function of the three alone.

So a mask can be made again instead of being kept, an epoch's order does not depend on what ran
before, and any split over workers gives the same numbers. The mixer is SplitMix64's finaliser
(Steele, Lea and Flood 2014).
"""

from __future__ import annotations

import numpy as np

from minidl.kernels.jit import kernel, scalar

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


@kernel
def keys(seed, step, out):
    """Fill ``out`` (uint64) with the stream's first numbers."""
    stream = _stream(seed, step)
    for i in range(out.size):
        out[i] = mix(stream ^ mix(np.uint64(i)))


@kernel
def dropout(x, y, rate, seed, step):
    """Zero a share ``rate`` of the numbers and scale the others up by 1 / (1 − rate).

    Its own gradient too: with the same seed and step the same numbers survive.
    """
    stream = _stream(seed, step)
    for i in range(x.size):
        # The top 53 bits as a number in [0, 1).
        uniform = (
            np.float64(mix(stream ^ mix(np.uint64(i))) >> np.uint64(11)) * 1.1102230246251565e-16
        )
        y[i] = x[i] / (1.0 - rate) if uniform >= rate else 0.0


def permutation(length: int, seed: int, step: int = 0) -> np.ndarray:
    """A shuffled ``range(length)``, decided by seed and step.

    Examples
    --------
    >>> sorted(permutation(5, seed=0).tolist())
    [0, 1, 2, 3, 4]
    """
    random_keys = np.empty(length, np.uint64)
    keys(np.uint64(seed % 2**64), np.uint64(step % 2**64), random_keys)
    return np.argsort(random_keys, kind="stable")
