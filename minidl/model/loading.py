"""A network from the file that it was saved in: rebuilt from data, and nothing in it is run."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from minidl.core import FLOATS, FileError, UnknownNameError, storage, whole_number
from minidl.model.sequential import Sequential
from minidl.nn import AGAIN, Layer, build_layer, parameter_shapes
from minidl.optim import build_optimizer, optimizers


def load(path: Any) -> Sequential:
    """A network from a file that ``net.save`` wrote, with its optimizer in ``net.optimizer``.

    Training goes on from here as if it had never stopped:
    ``ml.fit(net, …, optimizer=net.optimizer)``.

    Parameters
    ----------
    path : str or path

    Raises
    ------
    FileError
        If the file is missing, damaged, foreign, or names an activation, a layer or an
        optimizer that nobody registered.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from minidl.model import mlp
    >>> path = Path(tempfile.mkdtemp()) / "net.safetensors"
    >>> mlp([2, 3, 1], seed=0).save(path)
    >>> load(path).predict([[1.0, 2.0]]).shape
    (1, 1)
    """
    arrays, header = storage.read(path)
    try:
        return _rebuild(arrays, header)
    except UnknownNameError as error:
        raise FileError(
            str(path),
            f"a network of what is registered here ({error.culprit}: {error.expected})",
            error.got,
            "Import the module that registers it, then load again; or update minidl.",
        ) from error
    except Exception as error:  # whatever numbers, lists and names in wrong places lead to
        remedy = "The file is damaged: save it again."
        raise FileError(str(path), "a whole network", f"{error!r:.500}", remedy) from error


def _rebuild(arrays: dict[str, np.ndarray], header: dict[str, Any]) -> Sequential:
    _check_numbers(arrays, header)
    layers: list[Layer] = []
    for described in header["layers"]:
        config = dict(described)
        kind = config.pop("kind")
        if "tied" in config:
            config["weight"] = layers[config.pop("tied")]._stored
        again = kind == AGAIN
        layer = layers[config["place"]] if again else build_layer(kind, config, header["dtype"])
        layers.append(layer)
    net = Sequential(*layers)
    _check_parameters(net, header)
    for parameter in net.parameters():
        parameter.data[...] = arrays[f"parameter/{parameter.name}"]
    by_name = {parameter.name: parameter for parameter in net.parameters()}
    for name in header.get("frozen", []):
        by_name[name].requires_grad = False
    if "optimizer" in header:
        parameters = [by_name[name] for name in header["optimizer"]["parameters"]]
        net.optimizer = build_optimizer(header["optimizer"], parameters)
        for name, state in net.optimizer.state.items():
            state[...] = arrays[f"state/{name}"]
    return net


def _check_numbers(arrays: dict[str, np.ndarray], header: dict[str, Any]) -> None:
    """Raise unless the file holds the very numbers that its header describes.

    Before anything is built: no memory is taken for numbers that are not there.
    """
    shapes = _parameters(header["layers"])
    if "optimizer" in header:
        shapes |= _state(header["optimizer"], shapes)
    dtype = header["dtype"]
    if dtype not in [str(each) for each in FLOATS]:
        raise ValueError(f"numbers of kind {dtype!r}")
    room = sum(array.size for array in arrays.values())
    for name, shape in shapes.items():
        if prod(shape) > room:
            raise ValueError(f"{name} of {shape}, which is too large for the numbers in the file")
    for name in {**shapes, **arrays}:
        if name not in shapes:
            raise ValueError(f"{name}, which no layer has")
        if name not in arrays:
            raise ValueError(f"no {name} of shape {shapes[name]}")
        array = arrays[name]
        if (array.shape, str(array.dtype)) != (shapes[name], dtype):
            described = f"{dtype}{shapes[name]}"
            raise ValueError(f"{array.dtype}{array.shape} where {described} belongs: {name}")


def _check_parameters(net: Sequential, header: dict[str, Any]) -> None:
    """Raise unless the layers have the parameters that the file holds: a class may have changed."""
    named = {f"parameter/{parameter.name}": parameter.shape for parameter in net.parameters()}
    if named != _parameters(header["layers"]) or str(net.dtype) != header["dtype"]:
        raise ValueError(f"layers that have other parameters now: {', '.join(named)}")


def _parameters(layers: list[dict[str, Any]]) -> dict[str, tuple[int, ...]]:
    """Shapes of the parameters by their names in a file; layers are numbered as in a network."""
    shapes: dict[str, tuple[int, ...]] = {}
    counts: dict[str, int] = {}
    for place, described in enumerate(layers):
        kind = described["kind"]
        if kind == AGAIN:
            whole_number("place", described["place"], low=0, high=place - 1)
            continue
        if "tied" in described:
            whole_number("tied", described["tied"], low=0, high=place - 1)
        counts[kind] = counts.get(kind, 0) + 1
        for part, shape in parameter_shapes(kind, described).items():
            shapes[f"parameter/{kind}{counts[kind]}.{part}"] = shape
    return shapes


def _state(
    optimizer: dict[str, Any], parameters: dict[str, tuple[int, ...]]
) -> dict[str, tuple[int, ...]]:
    """Shapes of an optimizer's state by their names in a file."""
    names = optimizer["parameters"]
    if not isinstance(names, list) or len({*names}) < len(names):
        raise ValueError(f"parameters {names!r:.200} of the optimizer")
    whole_number("steps", optimizer["steps"], low=0, high=2**62)
    size = sum(prod(parameters[f"parameter/{name}"]) for name in names)
    return {f"state/{name}": (size,) for name in optimizers[optimizer["name"]].cls.states}
