"""How files hold minidl's own layers: what they say of one, and how it is built from that."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.autodiff import Tensor
from minidl.core import ArgumentError, whole_number
from minidl.nn.layer_base import Layer
from minidl.nn.layer_registry import LayerEntry, layer_kinds
from minidl.nn.layers import Activation, Dense, Dropout
from minidl.nn.registries import activations, get_activation


class ActivationEntry(LayerEntry):
    """An activation by its name and settings."""

    def describe(self, layer: Layer) -> dict[str, Any]:
        return layer.config()

    def build(self, described: dict[str, Any], dtype: str) -> Layer:
        return Activation(**described, dtype=dtype)

    def parameter_shapes(self, described: dict[str, Any]) -> dict[str, tuple[int, ...]]:
        units = described["units"]
        size = 1 if units is None else whole_number("units", units)
        return {"alpha": (size,)} if activations[described["activation"]].learned else {}


class DenseEntry(LayerEntry):
    """Widths and an activation; one that is tied says to which layer."""

    def describe(self, layer: Layer) -> dict[str, Any]:
        return layer.config()

    def build(self, described: dict[str, Any], dtype: str) -> Layer:
        config = dict(described)
        inner = dict(config.pop("activation"))
        name, _ = inner.pop("activation"), inner.pop("units")
        activation = get_activation(name).with_settings(**inner)
        weight = config.pop("weight", None)
        if config.pop("turned", False):
            shape = config["out_features"], config["in_features"]
            weight = (Tensor(np.zeros(shape, dtype), True) if weight is None else weight).T
        if unknown := config.keys() - {"in_features", "out_features", "init"}:
            expected, remedy = "what describes a Dense layer", "Update minidl."
            raise ArgumentError("layer", expected, ", ".join(sorted(unknown)), remedy)
        return Dense(**config, activation=activation, seed=0, dtype=dtype, weight=weight)

    def parameter_shapes(self, described: dict[str, Any]) -> dict[str, tuple[int, ...]]:
        inputs = whole_number("in_features", described["in_features"])
        outputs = whole_number("out_features", described["out_features"])
        inner = {**described["activation"], "units": outputs}
        weight = (outputs, inputs) if described.get("turned") else (inputs, outputs)
        return {
            **({} if "tied" in described else {"weight": weight}),
            "bias": (outputs,),
            **layer_kinds["activation"].parameter_shapes(inner),
        }


class DropoutEntry(LayerEntry):
    """The rate, and where its masks come from."""

    def describe(self, layer: Layer) -> dict[str, Any]:
        return layer.config()

    def build(self, described: dict[str, Any], dtype: str) -> Layer:
        built = Dropout(described["rate"], seed=0)
        # Files of every version count like this: the number of a stream, and the masks drawn.
        for place, key in enumerate(("seed", "drawn")):
            number = whole_number(key, described[key], low=0, example=0, high=2**63 - 1)
            built.counter[place] = number
        return built

    def parameter_shapes(self, described: dict[str, Any]) -> dict[str, tuple[int, ...]]:
        return {}


layer_kinds.register(ActivationEntry(Activation, Activation.kind))
layer_kinds.register(DenseEntry(Dense, Dense.kind))
layer_kinds.register(DropoutEntry(Dropout, Dropout.kind))
layer_kinds.protect_entries()
