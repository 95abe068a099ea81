"""NumPy's own functions on tensors: done where no gradient is wanted, refused where one is lost."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.autodiff import arithmetic as ops
from minidl.autodiff.node import Node, no_grad, remembers
from minidl.core import FLOATS, GradientError, ShapeError, as_numbers

ARITHMETIC = {
    getattr(np, op.name): op for op in (ops.add, ops.subtract, ops.multiply, ops.divide, ops.power)
}
COMPARISONS = {
    getattr(np, op.name): op
    for op in (
        ops.less, ops.less_equal, ops.greater, ops.greater_equal, ops.equal, ops.not_equal
    )
}  # fmt: skip
SHAPES = ("shape", "ndim", "size")
LOOKS = ("zeros_like", "ones_like", "empty_like", "full_like", "array_equal", "allclose")
"""What NumPy may do to a tensor that requires a gradient: the result would have none anyway."""
FUNCTIONS = ("absolute", "clip", "concatenate", "exp", "log", "matmul", "maximum", "minimum",
             "sqrt", "stack", "tanh", "where")  # fmt: skip
"""What is called in minidl as in NumPy."""


def call_ufunc(ufunc: Any, method: str, operands: tuple[Any, ...], options: Any) -> Any:
    """``array + tensor`` comes here; what no gradient could come back through is refused."""
    if method == "__call__" and not options:
        if ufunc in ARITHMETIC:
            return ARITHMETIC[ufunc](*operands)
        if ufunc in COMPARISONS:
            return _compare(ufunc, operands)
    _refuse_gradients(ufunc, (operands, options))
    return getattr(ufunc, method)(*_arrays(operands), **_arrays(options))


def call_function(function: Any, operands: Any, options: Any) -> Any:
    """NumPy's other functions, of the numbers; refused like the above."""
    if function.__name__ in SHAPES:
        return function._implementation(*operands, **options)  # a shape needs no numbers
    if function.__name__ not in LOOKS:
        _refuse_gradients(function, (operands, options))
    return function(*_arrays(operands), **_arrays(options))


def _compare(ufunc: Any, operands: tuple[Any, ...]) -> Any:
    """Truth values, by an op where floats are compared; they count as 1 and 0."""
    numbers = any(isinstance(x, Node) and x._array.dtype in FLOATS for x in operands)
    if numbers and not any(x is None or isinstance(x, str) for x in operands):
        with no_grad():
            return COMPARISONS[ufunc](*operands)
    return np.asarray(_compared(ufunc, operands))


def _compared(ufunc: Any, operands: tuple[Any, ...]) -> Any:
    """What NumPy compares; where one is to be less than the other, of numbers alone."""
    name = ufunc.__name__
    if name not in ("equal", "not_equal"):  # anything may be asked whether it is the same
        operands = tuple(
            x if isinstance(x, Node | float | int) else as_numbers(name, x) for x in operands
        )
    try:
        return ufunc(*_arrays(operands))
    except ValueError as error:
        got = " and ".join(str(np.shape(x)) for x in operands)
        wanted, remedy = "two shapes that broadcast", "Reshape one of them."
        raise ShapeError(name, wanted, got, remedy) from error


def _refuse_gradients(function: Any, operands: Any) -> None:
    wanting = _wants_gradient(operands) if remembers() else None
    if wanting is None:
        return
    name, remedy = function.__name__, "Write x.detach() if no gradient is wanted."
    if name in FUNCTIONS:
        remedy = f"Write ml.{name}."
    elif hasattr(type(wanting), name):
        remedy = f"Write x.{name}(…)."
    expected, got = "arrays, as no gradient comes back through it", "a tensor that requires one"
    raise GradientError(f"np.{name}", expected, got, remedy)


def _wants_gradient(operand: Any) -> Node | None:
    """The first tensor that requires one, in what a function of NumPy's was given."""
    if isinstance(operand, dict):
        operand = tuple(operand.values())
    if isinstance(operand, tuple | list):
        return next((x for x in map(_wants_gradient, operand) if x is not None), None)
    return operand if isinstance(operand, Node) and operand.requires_grad else None


def _arrays(operand: Any) -> Any:
    """The same with arrays for tensors."""
    if isinstance(operand, dict):
        return {key: _arrays(value) for key, value in operand.items()}
    if isinstance(operand, tuple | list):
        return type(operand)(map(_arrays, operand))
    return operand.numpy() if isinstance(operand, Node) else operand
