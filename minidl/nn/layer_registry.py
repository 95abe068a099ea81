"""Layers by kind, so that files can name them: what one is described by, and built from again."""

from __future__ import annotations

import json
from typing import Any, TypeVar

import numpy as np

from minidl.core import ArgumentError, ClassEntry, Registry, whole_number
from minidl.nn.layer_base import Layer
from minidl.nn.layer_numbers import layer_state

L = TypeVar("L", bound=type[Layer])

AGAIN = "again"
"""The kind that a file gives to a layer that came before."""


class LayerEntry(ClassEntry):
    """A registered layer class, and how a file holds its layers: this is how it does a user's."""

    def describe(self, layer: Layer) -> dict[str, Any]:
        """What a layer is built from, as plain data; an error if it would come back another."""
        names = [parameter.name or "" for parameter in layer.parameters()]
        parts = [name.removeprefix(f"{layer.name}.") for name in names]
        shapes = [[*parameter.shape] for parameter in layer.parameters()]
        described = {
            "config": _plain_config(layer),
            "parameters": dict(zip(parts, shapes, strict=True)),
        }
        _check_twin(layer, self, described)
        return described

    def build(self, described: dict[str, Any], dtype: str) -> Layer:
        """The layer again, with parameters of its own."""
        built: Layer = self.cls(**described["config"])
        return built

    def parameter_shapes(self, described: dict[str, Any]) -> dict[str, tuple[int, ...]]:
        """The parameters that ``build`` leads to, without building anything."""
        return {
            name: tuple(whole_number(name, length, low=0) for length in shape)
            for name, shape in described["parameters"].items()
        }


layer_kinds: Registry[LayerEntry] = Registry("layer")


def layer(cls: L) -> L:
    """Register a layer class under its ``kind``, so that networks with it can be saved.

    A file holds the kind, what ``config()`` says (the arguments of ``__init__``) and the
    parameters; ``ml.load`` builds the class that is registered by then. Numbers that are not
    learned, such as running means, belong into ``config()`` too.

    Examples
    --------
    >>> from minidl.autodiff import Tensor
    >>> @layer
    ... class Scale(Layer):
    ...     keeps_width = True
    ...     def __init__(self, width, start=1.0):
    ...         self.width, self.start = width, start
    ...         self.factors = Tensor([start] * width, requires_grad=True)
    ...     def config(self):
    ...         return {"width": self.width, "start": self.start}
    ...     def forward(self, x, training):
    ...         return x * self.factors
    >>> import tempfile
    >>> from pathlib import Path
    >>> import minidl as ml
    >>> path = Path(tempfile.mkdtemp()) / "net.safetensors"
    >>> ml.Sequential(ml.Dense(2, 3), Scale(3, start=0.5)).save(path)
    >>> ml.load(path)[1].factors.numpy()
    array([0.5, 0.5, 0.5], dtype=float32)
    >>> layer_kinds.unregister("scale")
    """

    def entry(cls: Any) -> LayerEntry:
        return LayerEntry(cls, cls.kind)

    if getattr(cls, "kind", "") == AGAIN:  # which a file says of a layer that is used again
        culprit, remedy = f"layer {cls.__name__}", "Write kind = 'my_again' in the class."
        raise ArgumentError(culprit, "a kind of its own", repr(AGAIN), remedy)
    layer_kinds.register_class(cls, Layer, "ml.Layer", entry, "config and forward")
    return cls


def describe_layer(layer: Layer) -> dict[str, Any]:
    """A layer's kind, and what it is built from, as plain data; an error where it is code."""
    if layer.kind not in layer_kinds or layer_kinds[layer.kind].cls is not type(layer):
        raise unsaved(layer)
    return {"kind": layer.kind, **layer_kinds[layer.kind].describe(layer)}


def unsaved(layer: Layer) -> ArgumentError:
    """Why a file cannot hold this layer."""
    return ArgumentError(
        f"save: {layer.name or type(layer).__name__}",
        "layers of minidl's own and registered ones, as files hold no code",
        f"a {type(layer).__name__}",
        "Write @ml.layer above the class; or save the numbers: "
        "np.savez(path, *(p.numpy() for p in net.parameters())).",
    )


def build_layer(kind: str, described: dict[str, Any], dtype: str = "float32") -> Layer:
    """A layer from what ``describe_layer`` said of it; for saved networks.

    ``weight`` beside it is the parameter of the layer that a Dense is tied to.
    """
    return layer_kinds[kind].build(described, dtype)


def parameter_shapes(kind: str, described: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    """The parameters of the layer that ``build_layer`` would build, which takes no memory here.

    Examples
    --------
    >>> from minidl.nn import Dense
    >>> parameter_shapes("dense", describe_layer(Dense(3, 2, "prelu")))
    {'weight': (3, 2), 'bias': (2,), 'alpha': (2,)}
    """
    return layer_kinds[kind].parameter_shapes(described)


def _plain_config(layer: Layer) -> Any:
    """What ``config()`` says, as a file will give it back."""
    config: Any = layer.config()
    try:
        if not isinstance(config, dict):
            raise TypeError(f"{config!r:.60} is no dict")
        return json.loads(json.dumps(config, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise ArgumentError(
            f"save: {layer.name}",
            f"a config() of {type(layer).__name__} of numbers, text, lists and dicts",
            str(error),
            "Write int(x), float(x), x.tolist() for what NumPy keeps.",
        ) from error


def _check_twin(layer: Layer, entry: LayerEntry, described: dict[str, Any]) -> None:
    """An error unless the class, built from this, gives this layer but for what is learned."""
    culprit, called = f"save: {layer.name}", type(layer).__name__
    try:
        twin = entry.build(described, "")
    except Exception as error:  # whatever a class of the user's own raises
        expected, remedy = f"a config() that {called} can be built from", "Return what it takes."
        raise ArgumentError(culprit, expected, f"{error!r:.200}", remedy) from error
    twin._rename(layer.name)
    ours, theirs = (
        {p.name: f"{p.name} {p.shape} {p.dtype}" for p in each.parameters()}
        for each in (layer, twin)
    )
    if ours != theirs:
        remedy = f"Have config() say what decides them; a file holds no sharing with a {called}."
        got = f"{', '.join(ours.values())}, where {', '.join(theirs.values()) or 'none'} come back"
        raise ArgumentError(culprit, "parameters that come back", got, remedy)
    for (part, numbers), (_, back) in zip(layer_state(layer), layer_state(twin), strict=True):
        for place, value in numbers.items():
            if place not in back or not _equal(value, back[place]):
                name = ".".join(map(str, place))
                raise ArgumentError(
                    f"save: {part.name}.{name}",
                    "numbers that are learned, or that config() gives back",
                    "another that is kept",
                    f"Give it in config(), and take it in {type(part).__name__}.__init__.",
                )


def _equal(a: Any, b: Any) -> bool:
    """Whether two arrays hold the same, NaN included."""
    floats = all(np.asarray(x).dtype.kind in "fc" for x in (a, b))
    return np.array_equal(a, b, equal_nan=floats)
