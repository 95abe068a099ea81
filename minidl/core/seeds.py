"""Random streams: one for each purpose, seed and place.

Weights, masks, orders and splits of one seed must not share random numbers, and neither must
seeds that lie next to each other. So nobody calculates with a seed (``seed + 1`` is the next
user's seed): each consumer hashes what its numbers are for, the seed, and its place among those
of the same kind, and begins there. A hash takes seeds of any size, and lets none be another's.
"""

from __future__ import annotations

from hashlib import blake2b

import numpy as np

from minidl.core.settings import whole_number


def stream(purpose: str, seed: int, *place: int, bits: int = 63) -> int:
    """The number that a stream begins with.

    Parameters
    ----------
    purpose : str
        What the random numbers are for: ``"weights"``, ``"mask"``, ``"order"`` …
    seed : int
        Any whole number from 0.
    *place : int
        Which of the consumers that have purpose and seed in common: a layer, an epoch.
    bits : int
        The size of the number, 128 at most; 63 fit in an int64.

    Raises
    ------
    ArgumentError
        For a seed or a place that is no whole number from 0.

    Examples
    --------
    >>> stream("weights", 0, 1) == stream("weights", 0, 1)
    True
    >>> len({stream("weights", 0), stream("weights", 1), stream("mask", 0), stream("mask", 2**64)})
    4
    """
    digest = blake2b(digest_size=16)
    numbers = [whole_number("seed", seed, low=0, example=0)]
    numbers += [whole_number("stream", number, low=0, example=0) for number in place]
    for part in (purpose.encode(), *map(_bytes, numbers)):
        digest.update(len(part).to_bytes(8, "little") + part)  # so that no two lists look alike
    return int.from_bytes(digest.digest(), "little") >> (128 - bits)


def _bytes(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "little")


def generator(purpose: str, seed: int, *place: int) -> np.random.Generator:
    """NumPy's generator on the stream of this purpose, seed and place.

    Examples
    --------
    >>> generator("weights", 0, 1).normal() == generator("weights", 0, 1).normal()
    True
    """
    return np.random.Generator(np.random.Philox(key=stream(purpose, seed, *place, bits=128)))


def random_state(purpose: str, seed: int, *place: int) -> np.random.RandomState:
    """The same for scikit-learn, which knows NumPy's older generator alone.

    Examples
    --------
    >>> random_state("split", 2**64).randint(10) == random_state("split", 2**64).randint(10)
    True
    """
    start = np.random.SeedSequence(stream(purpose, seed, *place, bits=128))
    return np.random.RandomState(np.random.MT19937(start))
