"""What is done to tensors by name: ``ml.exp(x)``, ``ml.where(x > 0, a, b)``, ``ml.stack([…])``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl import arithmetic as ops
from minidl import axes
from minidl.errors import ArgumentError, ShapeError
from minidl.operators import paired
from minidl.tensor import Tensor, as_tensors


def exp(x: Any) -> Any:
    """eˣ of a tensor or an array."""
    return ops.exp(x)


def log(x: Any) -> Any:
    """The natural logarithm of a tensor or an array."""
    return ops.log(x)


def sqrt(x: Any) -> Any:
    """The square root of a tensor or an array."""
    return ops.sqrt(x)


def absolute(x: Any) -> Any:
    """The size of each number of a tensor or an array."""
    return ops.absolute(x)


def clip(x: Any, low: float = -np.inf, high: float = np.inf) -> Any:
    """A tensor or array limited to [low, high]."""
    return ops.Clip(low=low, high=high)(x)


def matmul(a: Any, b: Any) -> Tensor:
    """The matrix product of tensors or arrays, with stacks of matrices broadcast."""
    a, b = as_tensors(a, b)
    return a @ b


def maximum(a: Any, b: Any) -> Tensor:
    """The larger of two at each place; a tie shares the gradient evenly."""
    return paired(ops.maximum, *as_tensors(a, b))


def minimum(a: Any, b: Any) -> Tensor:
    """The smaller of two at each place; a tie shares the gradient evenly."""
    return paired(ops.minimum, *as_tensors(a, b))


def where(condition: Any, a: Any, b: Any) -> Tensor:
    """``a`` where the condition holds, ``b`` elsewhere; the gradient goes to the one chosen."""
    condition = np.asarray(condition) != 0
    a, b = as_tensors(a, b)
    shape = np.broadcast_shapes(condition.shape, a.shape, b.shape)
    a, b = (x if x.shape == shape else x.broadcast_to(shape) for x in (a, b))
    return Tensor.apply(ops.where, np.broadcast_to(condition, shape), a, b)


def concatenate(tensors: Sequence[Any], axis: int = 0) -> Tensor:
    """Tensors one after the other along an axis they have."""
    if not len(tensors):
        raise ArgumentError("concatenate", "at least one tensor", "none", "Give it a list.")
    return Tensor.apply(axes.Concatenate(axis=axis), *as_tensors(*tensors))


def stack(tensors: Sequence[Any], axis: int = 0) -> Tensor:
    """Tensors of one shape side by side along a new axis."""
    if not len(tensors):
        raise ArgumentError("stack", "at least one tensor", "none", "Give it a list.")
    tensors = as_tensors(*tensors)
    shape = tensors[0].shape
    for tensor in tensors:
        if tensor.shape != shape:
            raise ShapeError(
                "stack", f"tensors of one shape {shape}", f"shape {tensor.shape}", "Reshape it."
            )
    axis = axis % (len(shape) + 1)
    grown = (*shape[:axis], 1, *shape[axis:])
    return concatenate([tensor.reshape(grown) for tensor in tensors], axis)
