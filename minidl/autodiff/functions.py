"""What is done to tensors by name: ``ml.exp(x)``, ``ml.where(x > 0, a, b)``, ``ml.stack([…])``.

What comes back is of the kind that was given: a tensor if one was, else an array.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl.autodiff import arithmetic as ops
from minidl.autodiff import shapes as axes
from minidl.autodiff.tensor import Tensor
from minidl.core import FLOATS, ArgumentError, ShapeError, as_numbers, common_dtype


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


def matmul(a: Any, b: Any) -> Any:
    """The matrix product of tensors or arrays, with stacks of matrices broadcast.

    Examples
    --------
    >>> matmul([[1.0, 2.0]], [[3.0], [4.0]])
    array([[11.]])
    """
    first, second = _as_tensors(a, b)
    return _like((a, b), first @ second)


def maximum(a: Any, b: Any) -> Any:
    """The larger of two at each place; a tie shares the gradient evenly.

    Examples
    --------
    >>> maximum([1.0, -1.0], 0.0)
    array([1., 0.])
    """
    return ops.maximum(a, b)


def minimum(a: Any, b: Any) -> Any:
    """The smaller of two at each place; a tie shares the gradient evenly.

    Examples
    --------
    >>> minimum([1.0, -1.0], 0.0)
    array([ 0., -1.])
    """
    return ops.minimum(a, b)


def where(condition: Any, a: Any, b: Any) -> Any:
    """``a`` where the condition holds, ``b`` elsewhere; the gradient goes to the one chosen.

    Examples
    --------
    >>> x = Tensor([-1.0, 4.0])
    >>> where(x > 0, x, 0.0)
    Tensor([0., 4.], shape=(2,), dtype=float32)
    """
    given = condition, a, b
    if isinstance(condition, Tensor) and (condition.dtype in FLOATS or condition.dtype == bool):
        condition = condition.detach()  # not 0: it holds
    else:
        condition = as_numbers("where(condition=…)", condition) != 0
    a, b = _as_tensors(a, b)
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
    return _like(given, Tensor.apply(ops.where, condition, a, b))


def concatenate(tensors: Sequence[Any], axis: int = 0) -> Any:
    """Tensors or arrays one after the other along an axis they have.

    Examples
    --------
    >>> concatenate([[1.0, 2.0], [3.0]])
    array([1., 2., 3.])
    """
    if not len(tensors):
        raise ArgumentError("concatenate", "at least one tensor", "none", "Give it a list.")
    return axes.Concatenate(axis=axis)(*tensors)


def stack(tensors: Sequence[Any], axis: int = 0) -> Any:
    """Tensors or arrays of one shape side by side along a new axis.

    Examples
    --------
    >>> stack([[1.0, 2.0], [3.0, 4.0]], axis=1)
    array([[1., 3.],
           [2., 4.]])
    """
    if not len(tensors):
        raise ArgumentError("stack", "at least one tensor", "none", "Give it a list.")
    given, tensors = tensors, _as_tensors(*tensors)
    shape = tensors[0].shape
    for tensor in tensors:
        if tensor.shape != shape:
            raise ShapeError(
                "stack", f"tensors of one shape {shape}", f"shape {tensor.shape}", "Reshape it."
            )
    axis = axes.one_axis(axis, len(shape) + 1, "stack")
    grown = (*shape[:axis], 1, *shape[axis:])
    return _like(given, concatenate([tensor.reshape(grown) for tensor in tensors], axis))


def _as_tensors(*operands: Any) -> list[Tensor]:
    """Operands as tensors; what is none takes the dtype of the tensors, or else of the arrays."""
    dtype = next((x.dtype for x in operands if isinstance(x, Tensor)), None)
    dtype = dtype or common_dtype(operands, np.float64)
    return [x if isinstance(x, Tensor) else Tensor(x, dtype=dtype) for x in operands]


def _like(operands: Sequence[Any], result: Tensor) -> Any:
    """A tensor if one of the operands is; among arrays and numbers an array."""
    return result if any(isinstance(x, Tensor) for x in operands) else result.numpy()[()]
