"""Where weights start: spread so that signals keep their size from layer to layer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl.core import ArgumentError, Registry, seeds, whole_number


@dataclass
class Initializer:
    """Random weights of a given variance.

    Parameters
    ----------
    name : str
        ``he_normal``, ``glorot_uniform`` …
    variance : callable
        The variance from (inputs, outputs) of the layer.
    uniform : bool
        Uniform on ±√(3 · variance) instead of normal.
    source : str
        Where it comes from.
    """

    name: str
    variance: Callable[[int, int], float]
    uniform: bool
    source: str
    aliases: tuple[str, ...] = ()

    def __call__(self, shape: tuple[int, int], seed: int, stream: int = 0) -> np.ndarray:
        """Weights of ``shape`` (inputs, outputs), float64, decided by seed and stream."""
        seed = whole_number("seed", seed, low=0, example=0)
        # A seed and a place of 64 bits each are the two halves of Philox's key: a stream of their
        # own, and the weights that the seed has always had. Larger ones are hashed.
        key: Any = seeds.stream("weights", seed, stream, bits=128)
        if max(seed, stream) < 2**64:
            key = np.array([seed, stream], np.uint64)
        random = np.random.Generator(np.random.Philox(key=key))
        deviation = float(np.sqrt(self.variance(*shape)))
        if self.uniform:
            return random.uniform(-1.0, 1.0, shape) * (np.sqrt(3.0) * deviation)
        return random.standard_normal(shape) * deviation


initializers: Registry[Initializer] = Registry("initializer")
for _name, _variance, _source in (
    ("he", lambda inputs, outputs: 2.0 / inputs, "He, Zhang, Ren and Sun, ICCV 2015"),
    ("glorot", lambda inputs, outputs: 2.0 / (inputs + outputs), "Glorot and Bengio, 2010"),
    ("lecun", lambda inputs, outputs: 1.0 / inputs, "LeCun, Bottou, Orr and Müller, 1998"),
):
    for _shape in ("normal", "uniform"):
        _entry = Initializer(f"{_name}_{_shape}", _variance, _shape == "uniform", _source)
        initializers.register(_entry)
initializers.protect_entries()


def get_initializer(init: str, auto: str = "glorot_uniform") -> Initializer:
    """An initializer by name; ``"auto"`` is the one that suits the activation."""
    if not isinstance(init, str):
        raise ArgumentError(
            "init", "the name of an initializer", repr(init), "Write init='he_normal' or 'auto'."
        )
    return initializers[auto if init == "auto" else init]
