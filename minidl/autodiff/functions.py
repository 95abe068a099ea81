"""What is done to tensors by name: ``ml.exp(x)``, ``ml.where(x > 0, a, b)``, ``ml.stack([…])``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl.autodiff import arithmetic as ops
from minidl.autodiff import shapes as axes
from minidl.autodiff.op import FLOATS, as_numbers
from minidl.autodiff.tensor import Tensor, as_tensors
from minidl.core import ArgumentError, ShapeError


def exp(x: Any) -> Any:
    """eˣ of a tensor or an array.

    Examples
    --------
    >>> exp([0.0, 1.0])
    array([1. , 2.71828])
    """
    return ops.exp(x)


def log(x: Any) -> Any:
    """The natural logarithm of a tensor or an array.

    Examples
    --------
    >>> log(Tensor([1.0, 2.0]))
    Tensor([0. , 0.6931], shape=(2,), dtype=float32)
    """
    return ops.log(x)


def sqrt(x: Any) -> Any:
    """The square root of a tensor or an array.

    Examples
    --------
    >>> sqrt([4.0, 9.0])
    array([2., 3.])
    """
    return ops.sqrt(x)


def absolute(x: Any) -> Any:
    """The size of each number of a tensor or an array; its slope at 0 is 0.

    Examples
    --------
    >>> absolute([-2.0, 3.0])
    array([2., 3.])
    """
    return ops.absolute(x)


def clip(x: Any, low: float = -np.inf, high: float = np.inf) -> Any:
    """A tensor or array limited to [low, high]; no gradient passes outside.

    Where ``low`` is above ``high``, all becomes ``high``, as in NumPy and PyTorch.

    Examples
    --------
    >>> clip([-2.0, 0.5, 3.0], -1, 1)
    array([-1. ,  0.5,  1. ])
    """
    return ops.Clip(low=low, high=high)(x)


def matmul(a: Any, b: Any) -> Tensor:
    """The matrix product of tensors or arrays, with stacks of matrices broadcast.

    Examples
    --------
    >>> matmul([[1.0, 2.0]], [[3.0], [4.0]])
    Tensor([[11.]], shape=(1, 1), dtype=float32)
    """
    a, b = as_tensors(a, b)
    return a @ b


def maximum(a: Any, b: Any) -> Tensor:
    """The larger of two at each place; a tie shares the gradient evenly.

    Examples
    --------
    >>> maximum([1.0, -1.0], 0.0)
    Tensor([1., 0.], shape=(2,), dtype=float32)
    """
    return ops.maximum(*as_tensors(a, b))


def minimum(a: Any, b: Any) -> Tensor:
    """The smaller of two at each place; a tie shares the gradient evenly.

    Examples
    --------
    >>> minimum([1.0, -1.0], 0.0)
    Tensor([ 0., -1.], shape=(2,), dtype=float32)
    """
    return ops.minimum(*as_tensors(a, b))


def where(condition: Any, a: Any, b: Any) -> Tensor:
    """``a`` where the condition holds, ``b`` elsewhere; the gradient goes to the one chosen.

    Examples
    --------
    >>> x = Tensor([-1.0, 4.0])
    >>> where(x > 0, x, 0.0)
    Tensor([0., 4.], shape=(2,), dtype=float32)
    """
    if isinstance(condition, Tensor) and (condition.dtype in FLOATS or condition.dtype == bool):
        condition = condition.detach()  # not 0: it holds
    else:
        condition = as_numbers("where(condition=…)", condition) != 0
    a, b = as_tensors(a, b)
    shapes = condition.shape, a.shape, b.shape
    try:
        shape = np.broadcast_shapes(*shapes)
    except ValueError as error:
        got = ", ".join(map(str, shapes))
        wanted, remedy = "three shapes that broadcast", "Reshape one of them."
        raise ShapeError("where", wanted, got, remedy) from error
    tensors = isinstance(condition, Tensor), True, True
    condition, a, b = (
        x if x.shape == shape else x.broadcast_to(shape) if tensor else np.broadcast_to(x, shape)
        for x, tensor in zip((condition, a, b), tensors, strict=True)
    )
    return Tensor.apply(ops.where, condition, a, b)


def concatenate(tensors: Sequence[Any], axis: int = 0) -> Tensor:
    """Tensors one after the other along an axis they have.

    Examples
    --------
    >>> concatenate([[1.0, 2.0], [3.0]])
    Tensor([1., 2., 3.], shape=(3,), dtype=float32)
    """
    if not len(tensors):
        raise ArgumentError("concatenate", "at least one tensor", "none", "Give it a list.")
    return Tensor.apply(axes.Concatenate(axis=axis), *as_tensors(*tensors))


def stack(tensors: Sequence[Any], axis: int = 0) -> Tensor:
    """Tensors of one shape side by side along a new axis.

    Examples
    --------
    >>> stack([[1.0, 2.0], [3.0, 4.0]], axis=1)
    Tensor([[1., 3.],
            [2., 4.]], shape=(2, 2), dtype=float32)
    """
    if not len(tensors):
        raise ArgumentError("stack", "at least one tensor", "none", "Give it a list.")
    tensors = as_tensors(*tensors)
    shape = tensors[0].shape
    for tensor in tensors:
        if tensor.shape != shape:
            raise ShapeError(
                "stack", f"tensors of one shape {shape}", f"shape {tensor.shape}", "Reshape it."
            )
    axis = axes.one_axis(axis, len(shape) + 1, "stack")
    grown = (*shape[:axis], 1, *shape[axis:])
    return concatenate([tensor.reshape(grown) for tensor in tensors], axis)
