"""What a tensor can do, as operators and methods: each is one op that is applied."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any, Self

import numpy as np

from minidl.autodiff import arithmetic as ops
from minidl.autodiff import shapes as axes
from minidl.autodiff.backward import Node, no_grad, remembers
from minidl.autodiff.op import Op
from minidl.core import (
    FLOATS,
    ArgumentError,
    DomainError,
    DtypeError,
    GradientError,
    MinidlError,
    ShapeError,
    as_float,
    as_numbers,
    check_unmasked,
    short,
)

Axis = int | tuple[int, ...] | list[int] | None


def _in_place(name: str) -> Any:
    """``w -= …``: written into a parameter, if no gradient is wanted; else another tensor.

    With gradients it would give the name another tensor, and leave the parameter as it was.
    """

    def change(self: Any, other: Any) -> Any:
        if not self.is_parameter:
            return NotImplemented  # Python then writes x = x − …
        if remembers():
            culprit = f"{self.name or 'a parameter'}, changed in place"
            remedy = "Write it inside ml.no_grad(), or p.data -= …."
            raise ArgumentError(culprit, "no gradient to be wanted", "a step to remember", remedy)
        self[...] = getattr(self, f"__{name}__")(other)
        return self

    return change


class Operators(Node):
    """``+ − × ÷ ** @``, comparison, sums, other shapes; ``apply`` does the work.

    NumPy's own functions work where no gradient is wanted, and are refused where it would be lost.
    """

    @classmethod
    def _of(cls, array: np.ndarray) -> Self:
        raise NotImplementedError

    @staticmethod
    def apply(op: Op, *operands: Any) -> Any:
        """Run an op on tensors, arrays and numbers, and remember it on the result."""
        raise NotImplementedError

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        raise NotImplementedError

    @property
    def shape(self) -> tuple[int, ...]:
        """Its length along each axis."""
        return self._array.shape

    @property
    def ndim(self) -> int:
        """How many axes it has."""
        return self._array.ndim

    @property
    def size(self) -> int:
        """How many numbers it holds."""
        return self._array.size

    @property
    def dtype(self) -> np.dtype:
        """float32 or float64; whole numbers and truth values for what is not calculated with."""
        return self._array.dtype

    # ── as a Python number ─────────────────────────────────────────────────────────────────────

    def _seen_by(self, how: str) -> np.ndarray:
        raise NotImplementedError

    def item(self) -> float:
        """The one number it holds, as a Python number."""
        return self._number("item()")

    def _number(self, how: str) -> float:
        if self.size != 1:
            raise ShapeError(how, "one number", f"shape {self.shape}", "Index it first.")
        return self._seen_by(how).reshape(-1)[0].item()

    def __float__(self) -> float:
        return float(self._number("float()"))

    def __int__(self) -> int:
        return int(self._finite("int()"))

    def __index__(self) -> int:
        if self._array.dtype.kind not in "iu":
            remedy = "Write int(x), which cuts what is behind the point."
            raise DtypeError("an index", "a tensor of whole numbers", str(self.dtype), remedy)
        return int(self._number("an index"))

    def __round__(self, digits: int | None = None) -> float:
        return round(self._finite("round()") if digits is None else self._number("round()"), digits)

    def _finite(self, how: str) -> float:
        number = self._number(how)
        if not isfinite(number):
            remedy = "Ask np.isfinite(x.numpy()) first; ml.detect_anomaly() says where it began."
            raise DomainError(how, "a finite number", str(number), remedy)
        return number

    def __format__(self, spec: str) -> str:
        if not spec:
            return str(self)
        how = f"format(x, {spec!r})"
        number = self._number(how)
        try:
            return format(number, spec)
        except ValueError as error:
            got = f"one of which Python says: {error}"
            raise ArgumentError(how, "a format for numbers", got, "Write '.4f', say.") from error

    def __bool__(self) -> bool:
        return bool(self._number("bool(), as in if and while"))

    # ── with NumPy ────────────────────────────────────────────────────────────────────────────

    def __array_ufunc__(self, ufunc: Any, method: str, *operands: Any, **options: Any) -> Any:
        """``array + tensor`` comes here; what no gradient could come back through is refused."""
        if method == "__call__" and not options:
            if ufunc in ARITHMETIC:
                return ARITHMETIC[ufunc](*operands)
            if ufunc in COMPARISONS:
                return self._compare(ufunc, operands)
            if ufunc is np.matmul:
                return _product(*map(self._like, operands))
        _refuse_gradients(ufunc, (operands, options))
        return getattr(ufunc, method)(*_arrays(operands), **_arrays(options))

    def _compare(self, ufunc: Any, operands: tuple[Any, ...]) -> Any:
        """Truth values, by an op where floats are compared; they count as 1 and 0."""
        numbers = any(isinstance(x, Operators) and x._array.dtype in FLOATS for x in operands)
        if numbers and not any(x is None or isinstance(x, str) for x in operands):
            with no_grad():
                return COMPARISONS[ufunc](*operands)
        return self._of(np.asarray(_compared(ufunc, operands)))

    def __array_function__(self, function: Any, types: Any, operands: Any, options: Any) -> Any:
        """NumPy's other functions, of the numbers; refused like the above."""
        if function.__name__ in SHAPES:
            return function._implementation(*operands, **options)  # a shape needs no numbers
        if function.__name__ in LOOKS:
            return function(*_arrays(operands), **_arrays(options))
        _refuse_gradients(function, (operands, options))
        return function(*_arrays(operands), **_arrays(options))

    # ── arithmetic ────────────────────────────────────────────────────────────────────────────

    def __add__(self, other: Any) -> Self:
        return ops.add(self, other)

    def __radd__(self, other: Any) -> Self:
        return ops.add(other, self)

    def __sub__(self, other: Any) -> Self:
        return ops.subtract(self, other)

    def __rsub__(self, other: Any) -> Self:
        return ops.subtract(other, self)

    def __mul__(self, other: Any) -> Self:
        return ops.multiply(self, other)

    def __rmul__(self, other: Any) -> Self:
        return ops.multiply(other, self)

    def __truediv__(self, other: Any) -> Self:
        return ops.divide(self, other)

    def __rtruediv__(self, other: Any) -> Self:
        return ops.divide(other, self)

    def __pow__(self, other: Any) -> Self:
        return ops.power(self, other)

    def __rpow__(self, other: Any) -> Self:
        return ops.power(other, self)

    __iadd__, __isub__ = _in_place("add"), _in_place("sub")
    __imul__, __itruediv__ = _in_place("mul"), _in_place("truediv")

    def __neg__(self) -> Self:
        return self.apply(ops.negative, self)

    def __abs__(self) -> Self:
        return self.apply(ops.absolute, self)

    def __matmul__(self, other: Any) -> Self:
        return _product(self, self._like(other))

    def __rmatmul__(self, other: Any) -> Self:
        return _product(self._like(other), self)

    def _like(self, other: Any) -> Any:
        return other if isinstance(other, Operators) else self._of(as_float(other, self.dtype))

    def __lt__(self, other: Any) -> Any:
        return np.less(self, other)

    def __le__(self, other: Any) -> Any:
        return np.less_equal(self, other)

    def __gt__(self, other: Any) -> Any:
        return np.greater(self, other)

    def __ge__(self, other: Any) -> Any:
        return np.greater_equal(self, other)

    def __eq__(self, other: Any) -> Any:
        return np.equal(self, other)

    def __ne__(self, other: Any) -> Any:
        return np.not_equal(self, other)

    __hash__ = object.__hash__

    def exp(self) -> Self:
        """eˣ of each number."""
        return self.apply(ops.exp, self)

    def log(self) -> Self:
        """The natural logarithm of each number."""
        return self.apply(ops.log, self)

    def sqrt(self) -> Self:
        """The square root of each number."""
        return self.apply(ops.sqrt, self)

    def abs(self) -> Self:
        """The size of each number; its slope at 0 is 0."""
        return self.apply(ops.absolute, self)

    def clip(self, low: float = -np.inf, high: float = np.inf) -> Self:
        """Each number limited to [low, high]; no gradient passes outside."""
        return self.apply(ops.Clip(low=low, high=high), self)

    # ── along axes, and into other shapes ─────────────────────────────────────────────────────

    def sum(self, axis: Axis = None, keepdims: bool = False) -> Self:
        """The sum along axes, added up in float64."""
        return self._reduced(axes.Sum, axis, keepdims)

    def mean(self, axis: Axis = None, keepdims: bool = False) -> Self:
        """The mean along axes, added up in float64."""
        return self._reduced(axes.Mean, axis, keepdims)

    def max(self, axis: Axis = None, keepdims: bool = False) -> Self:
        """The largest along axes; ties share the gradient evenly."""
        return self._reduced(axes.Max, axis, keepdims)

    def min(self, axis: Axis = None, keepdims: bool = False) -> Self:
        """The smallest along axes; ties share the gradient evenly."""
        return self._reduced(axes.Min, axis, keepdims)

    def _reduced(self, kind: Any, axis: Axis, keepdims: bool) -> Self:
        axis = tuple(axis) if isinstance(axis, list) else axis
        return self.apply(axes.reduction(kind, axis, keepdims), self)

    def reshape(self, *shape: int | Sequence[int]) -> Self:
        """The same numbers under another shape; one −1 is worked out."""
        return self.apply(axes.Reshape(_one_tuple(shape)), self)

    def transpose(self, *order: int | Sequence[int]) -> Self:
        """The axes in another order; turned round if none is given."""
        return self.apply(axes.transpose(_one_tuple(order) or None), self)

    def broadcast_to(self, shape: Sequence[int]) -> Self:
        """Repeated along axes of length 1, and along new ones in front."""
        return self.apply(axes.broadcast(tuple(shape)), self)

    def __getitem__(self, key: Any) -> Self:
        try:
            return self._taken(key)
        except (IndexError, TypeError, ValueError) as error:
            if isinstance(error, MinidlError):
                raise
            got = f"{short(key)}, of which NumPy says: {str(error).rstrip('.')}"
            remedy = "Give whole numbers from 0, slices, or a mask of the tensor's shape."
            raise ArgumentError("an index", f"places in shape {self.shape}", got, remedy) from error

    def _taken(self, key: Any) -> Self:
        check_unmasked("an index", key)
        if isinstance(key, Node):
            key = key.numpy()
        elif isinstance(key, tuple):
            key = tuple(part.numpy() if isinstance(part, Node) else part for part in key)
        if self._array.dtype not in FLOATS and self._compared is None:
            return self._of(np.asarray(self._array[key], order="C"))
        return self.apply(axes.take(key), self)


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


def _compared(ufunc: Any, operands: tuple[Any, ...]) -> Any:
    """What NumPy compares; where one is to be less than the other, of numbers alone."""
    name = ufunc.__name__
    if name not in ("equal", "not_equal"):  # anything may be asked whether it is the same
        operands = tuple(
            x if isinstance(x, Operators | float | int) else as_numbers(name, x) for x in operands
        )
    try:
        return ufunc(*_arrays(operands))
    except ValueError as error:
        got = " and ".join(str(np.shape(x)) for x in operands)
        wanted, remedy = "two shapes that broadcast", "Reshape one of them."
        raise ShapeError(name, wanted, got, remedy) from error


def _refuse_gradients(function: Any, operands: Any) -> None:
    if not (remembers() and _wants_gradient(operands)):
        return
    name, remedy = function.__name__, "Write x.detach() if no gradient is wanted."
    if name in FUNCTIONS:
        remedy = f"Write ml.{name}."
    elif hasattr(Operators, name):
        remedy = f"Write x.{name}(…)."
    wanted, got = "arrays, as no gradient comes back through it", "a tensor that requires one"
    raise GradientError(f"np.{name}", wanted, got, remedy)


def _wants_gradient(operand: Any) -> bool:
    """Whether a tensor that requires one is among what a function of NumPy's was given."""
    if isinstance(operand, dict):
        operand = tuple(operand.values())
    if isinstance(operand, tuple | list):
        return any(map(_wants_gradient, operand))
    return isinstance(operand, Operators) and operand.requires_grad


def _arrays(operand: Any) -> Any:
    """The same with arrays for tensors."""
    if isinstance(operand, dict):
        return {key: _arrays(value) for key, value in operand.items()}
    if isinstance(operand, tuple | list):
        return type(operand)(map(_arrays, operand))
    return operand.numpy() if isinstance(operand, Operators) else operand


def _one_tuple(given: tuple[Any, ...]) -> tuple[int, ...]:
    """Numbers, or one tuple or list of them: ``reshape(2, 3)`` and ``reshape((2, 3))``."""
    return tuple(given[0]) if len(given) == 1 and isinstance(given[0], tuple | list) else given


def _product(a: Any, b: Any) -> Any:
    """The matrix product, with stacks of matrices broadcast, and vectors as NumPy has them."""
    if not a.ndim or not b.ndim:
        raise ShapeError(
            "matmul", "vectors or matrices", f"{a.shape} @ {b.shape}", "Write a * b for numbers."
        )
    left, right = a.ndim == 1, b.ndim == 1
    a = a.reshape(1, -1) if left else a
    b = b.reshape(-1, 1) if right else b
    try:
        stack = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    except ValueError as error:
        wanted, remedy = "stacks of matrices that broadcast", "Reshape one of them."
        raise ShapeError("matmul", wanted, f"shapes {a.shape} @ {b.shape}", remedy) from error
    a = a if a.shape[:-2] == stack else a.broadcast_to(stack + a.shape[-2:])
    b = b if b.shape[:-2] == stack else b.broadcast_to(stack + b.shape[-2:])
    y = a.apply(ops.matmul, a, b)
    if left or right:
        kept = stack + (() if left else y.shape[-2:-1]) + (() if right else y.shape[-1:])
        y = y.reshape(kept)
    return y
