"""What layers of the user's own go by beside their parameters: running means, counts."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np

from minidl.autodiff import Tensor
from minidl.core import defined_by_minidl
from minidl.nn.layer_base import Layer


def _numbers(holder: Any, *path: Any) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """A layer's arrays, also in containers, and plain numbers, and where they are; none learned."""
    for key, value in list(holder.items() if isinstance(holder, dict) else enumerate(holder)):
        if isinstance(value, dict | list | tuple):
            yield from _numbers(value, *path, key)
        elif isinstance(value, np.ndarray) or (
            isinstance(value, Tensor) and not value.requires_grad
        ):
            yield (*path, key), value
        elif isinstance(value, int | float | np.number) and not path:
            yield (key,), value


def layer_state(net: Layer) -> list[tuple[Layer, dict[Any, Any]]]:
    """What layers of the user's own go by beside their parameters: a running mean, a count."""
    return [
        (layer, {place: copy.copy(_plain(value)) for place, value in _numbers(vars(layer))})
        for layer in net._all_layers()
        if not defined_by_minidl(layer)  # what those hold is learned, or no part of a prediction
    ]


def _plain(value: Any) -> Any:
    return value.numpy() if isinstance(value, Tensor) else value


def restore_layers(state: list[tuple[Layer, dict[Any, Any]]]) -> None:
    """Give layers back the numbers that they had then."""
    for layer, numbers in state:
        for place, value in _numbers(vars(layer)):
            before, now = numbers.get(place), _plain(value)
            if before is None or np.array_equal(before, now):
                continue
            if isinstance(value, Tensor) and value.shape == np.shape(before):
                value.data = before
            elif len(place) == 1:
                setattr(layer, place[0], Tensor(before) if isinstance(value, Tensor) else before)
            elif isinstance(value, np.ndarray) and value.shape == np.shape(before):
                value[...] = before
