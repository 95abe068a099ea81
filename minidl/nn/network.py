"""Layers in a row over one block of memory: what training needs to know of a network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count
from typing import Any

import numpy as np

from minidl.autodiff import Block, Tensor, no_grad
from minidl.core import (
    ArgumentError,
    DtypeError,
    ShapeError,
    as_numbers,
    cast_checked,
    reshaping,
    whole_number,
)
from minidl.nn.layer_base import Layer, Layers
from minidl.nn.layers import as_layer, enter


class Network(Layer):
    """Layers applied one after the other, with their names, widths, dtype and memory.

    ``minidl.Sequential`` is one that can be trained, saved and summed up by itself; parameters,
    attributes and errors are told there.
    """

    _fixed = ("layers", "in_features", "out_features")

    def __init__(self, *layers: Any, seed: int = 0) -> None:
        self.layers = Layers(_flat(layers))
        if not self.layers:
            raise ArgumentError("Sequential", "at least one layer", "none", "Give it a Dense.")
        self.optimizer: Any = None
        self._last_program: Any = None  # of fit, for the next; holds no data, stays out of copies
        self._rename("")
        self._check_widths()
        self.dtype = self._common_dtype()
        self._begin(whole_number("Sequential(seed=…)", seed, low=0, example=0), count())
        self.block = Block(self.parameters())

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_last_program": None}

    def _rename(self, name: str) -> None:
        """Number the layers of each kind: ``dense1``, ``dense2`` …, below ``name`` if any."""
        self.parameters()  # refuses a layer that is inside of itself
        self.name = name
        counts: dict[str, int] = {}
        names: list[tuple[Layer, str]] = []
        for layer in self._once():
            counts[layer.kind] = counts.get(layer.kind, 0) + 1
            names.append((layer, f"{name}.{layer.kind}{counts[layer.kind]}".lstrip(".")))
        for layer, called in reversed(names):  # what two layers share keeps its first name
            layer._rename(called)

    def _renumber(self) -> None:
        """Number the layers again where another network that shares some has made two alike."""
        names = [layer.name for layer in self._once()]
        if len(set(names)) < len(names):
            self._rename(self.name)

    def _once(self) -> list[Layer]:
        """The layers, without those that come again."""
        return list({id(layer): layer for layer in self.layers}.values())

    def _check_widths(self) -> None:
        """Find the width after each layer, None where it is open; refuse two that do not meet."""
        self._widths: list[int | None] = []
        width, before = None, self.layers[0]
        for layer in self.layers:
            if layer.in_features is not None and width not in (None, layer.in_features):
                raise ShapeError(
                    layer.name,
                    f"{width} inputs, as {before.name} has {width} outputs",
                    f"in_features={layer.in_features}",
                    f"Write Dense({width}, {layer.out_features}).",
                )
            if layer.out_features is not None or not layer.keeps_width:
                width, before = layer.out_features, layer
            self._widths.append(width)
        self.keeps_width = all(layer.keeps_width for layer in self.layers)
        self.out_features = width
        known = (layer for layer in self.layers if layer.in_features or not layer.keeps_width)
        self.in_features = next(known, self.layers[0]).in_features

    def _common_dtype(self) -> np.dtype:
        named = [(layer, parameter) for layer in self.layers for parameter in layer.parameters()]
        if not named:
            return np.dtype(np.float32)
        _, first = named[0]
        for layer, parameter in named:
            if parameter.dtype != first.dtype:
                raise DtypeError(
                    layer.name,
                    f"{first.dtype}, as {first.name} is",
                    str(parameter.dtype),
                    f"Write dtype='{first.dtype}' for every layer.",
                )
        return first.dtype

    def __call__(self, x: Any, training: bool = False) -> Tensor:
        """The network's output for a batch of shape (rows, features)."""
        return self.forward(enter(x, self.dtype), training)

    def forward(self, x: Any, training: bool) -> Tensor:
        """Apply one layer after the other."""
        for layer in self.layers:
            x = layer(x, training)
        return x

    def __getitem__(self, i: int) -> Layer:
        return self.layers[i]

    def _refuse(self, *_: Any) -> None:
        self.layers._refuse()

    __setitem__ = __delitem__ = _refuse

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[Layer]:
        return iter(self.layers)

    @property
    def function(self) -> Any:
        """The activation whose output is the network's; None where Dropout comes last."""
        return self.layers[-1].function

    output_activation = function

    def predict(self, X: Any, batch_size: int = 4096) -> np.ndarray:
        """The output for each row of ``X``, as an array; Dropout rests.

        Parameters
        ----------
        X : array of shape (rows, features)
        batch_size : int
            How many rows go through at once.

        Raises
        ------
        DataError
            For text, and rows of several lengths.
        ShapeError
            For no rows, or rows of a width that the network does not take.
        """
        given, X = X, cast_checked("predict(X)", as_numbers("predict(X)", X), self.dtype)
        if X.ndim < 2 or not len(X):
            column = reshaping("X", given, "-1, 1")
            remedy = f"For one row write predict([x]), for one feature {column}."
            expected = "shape (rows, features), with at least one row"
            raise ShapeError("predict(X)", expected, f"shape {X.shape}", remedy)
        size = whole_number("predict(batch_size=…)", batch_size, example=4096)
        with no_grad():
            return np.concatenate([self(X[i : i + size]).numpy() for i in range(0, len(X), size)])


def _flat(layers: Iterable[Any]) -> Iterator[Layer]:
    for given in layers:
        if isinstance(given, list | tuple | Network):
            yield from _flat(given)
        else:
            yield as_layer(given)
