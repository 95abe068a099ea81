"""A network from the file that it was saved in: rebuilt from data, and nothing in it is run."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from minidl import storage
from minidl.errors import FileError, MinidlError, UnknownNameError
from minidl.layer import Layer
from minidl.layers import build_layer
from minidl.model import Sequential
from minidl.optimizers import build_optimizer


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
        If the file is missing, damaged, foreign, or names an activation that nobody registered.

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
    except (LookupError, TypeError, ValueError, AttributeError, MinidlError) as error:
        raise FileError(
            str(path), "a whole network", f"{error!r}", "The file is damaged: save it again."
        ) from error


def _rebuild(arrays: dict[str, np.ndarray], header: dict[str, Any]) -> Sequential:
    # No memory is taken for numbers that are not there: a header may claim any width. What has
    # a width and no numbers of its own, such as ReLU, is small.
    room = 2**16 + sum(array.size for array in arrays.values())
    layers: list[Layer] = []
    for described in header["layers"]:
        config = dict(described)
        kind = config.pop("kind")
        if prod(config.get(key) or 1 for key in ("in_features", "out_features", "units")) > room:
            raise ValueError(f"a width in {config} that is too large for the numbers in the file")
        if "tied" in config:
            config["weight"] = layers[config.pop("tied")].stored
        again = kind == "again"
        layer = layers[config["place"]] if again else build_layer(kind, config, header["dtype"])
        layers.append(layer)
    net = Sequential(*layers)
    for parameter in net.parameters():
        _restore(parameter.data, arrays[f"parameter/{parameter.name}"])
    by_name = {parameter.name: parameter for parameter in net.parameters()}
    for name in header.get("frozen", []):
        by_name[name].requires_grad = False
    if "optimizer" in header:
        parameters = [by_name[name] for name in header["optimizer"]["parameters"]]
        net.optimizer = build_optimizer(header["optimizer"], parameters)
        for name, state in net.optimizer.state.items():
            _restore(state, arrays[f"state/{name}"])
    return net


def _restore(place: np.ndarray, saved: np.ndarray) -> None:
    if place.shape != saved.shape or place.dtype != saved.dtype:
        raise ValueError(f"{saved.dtype}{saved.shape} where {place.dtype}{place.shape} belongs")
    place[...] = saved
