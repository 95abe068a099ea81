"""Where weights start: spread so that signals keep their size from layer to layer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from minidl.errors import ArgumentError
from minidl.registry import Registry


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
        random = np.random.Generator(np.random.Philox(key=[seed, stream]))
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
initializers.settle()


def get_initializer(init: str, auto: str = "glorot_uniform") -> Initializer:
    """An initializer by name; ``"auto"`` is the one that suits the activation."""
    if not isinstance(init, str):
        raise ArgumentError(
            "init", "the name of an initializer", repr(init), "Write init='he_normal' or 'auto'."
        )
    return initializers[auto if init == "auto" else init]
