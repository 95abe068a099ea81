"""What a tensor can do, as operators and methods: each is one op that is applied."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from minidl import arithmetic as ops
from minidl import axes
from minidl.autograd import Node
from minidl.errors import ShapeError
from minidl.op import FLOATS, Op, as_float


class Operators(Node):
    """``+ − × ÷ ** @``, comparison, sums, other shapes; ``apply`` does the work.

    Operands are brought to one shape here, by an op of its own, so that every gradient has the
    shape of what it belongs to.
    """

    @classmethod
    def _of(cls, array: np.ndarray) -> Self:
        raise NotImplementedError

    @staticmethod
    def apply(op: Op, *operands: Any) -> Any:
        """Run an op on tensors, arrays and numbers, and remember it on the result."""
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

    # ── arithmetic ────────────────────────────────────────────────────────────────────────────

    def __add__(self, other: Any) -> Self:
        return paired(ops.add, self, other)

    def __radd__(self, other: Any) -> Self:
        return paired(ops.add, other, self)

    def __sub__(self, other: Any) -> Self:
        return paired(ops.subtract, self, other)

    def __rsub__(self, other: Any) -> Self:
        return paired(ops.subtract, other, self)

    def __mul__(self, other: Any) -> Self:
        return paired(ops.multiply, self, other)

    def __rmul__(self, other: Any) -> Self:
        return paired(ops.multiply, other, self)

    def __truediv__(self, other: Any) -> Self:
        return paired(ops.divide, self, other)

    def __rtruediv__(self, other: Any) -> Self:
        return paired(ops.divide, other, self)

    def __pow__(self, other: Any) -> Self:
        return paired(ops.power, self, other)

    def __rpow__(self, other: Any) -> Self:
        return paired(ops.power, other, self)

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

    def _compare(self, compare: Any, other: Any) -> Self:
        return self._of(np.asarray(compare(self._array, getattr(other, "_array", other))))

    def __lt__(self, other: Any) -> Self:
        return self._compare(np.less, other)

    def __le__(self, other: Any) -> Self:
        return self._compare(np.less_equal, other)

    def __gt__(self, other: Any) -> Self:
        return self._compare(np.greater, other)

    def __ge__(self, other: Any) -> Self:
        return self._compare(np.greater_equal, other)

    def __eq__(self, other: object) -> Self:  # type: ignore[override]
        return self._compare(np.equal, other)

    def __ne__(self, other: object) -> Self:  # type: ignore[override]
        return self._compare(np.not_equal, other)

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

    def sum(self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Self:
        """The sum along axes, added up in float64."""
        return self.apply(axes.reduction(axes.Sum, axis, keepdims), self)

    def mean(self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Self:
        """The mean along axes, added up in float64."""
        return self.apply(axes.reduction(axes.Mean, axis, keepdims), self)

    def max(self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Self:
        """The largest along axes; ties share the gradient evenly."""
        return self.apply(axes.reduction(axes.Max, axis, keepdims), self)

    def min(self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Self:
        """The smallest along axes; ties share the gradient evenly."""
        return self.apply(axes.reduction(axes.Min, axis, keepdims), self)

    def reshape(self, *shape: int | tuple[int, ...]) -> Self:
        """The same numbers under another shape; one −1 is worked out."""
        wanted = shape[0] if len(shape) == 1 and isinstance(shape[0], tuple | list) else shape
        try:
            return self.apply(axes.reshape(tuple(wanted)), self)  # type: ignore[arg-type]
        except ValueError as error:
            raise ShapeError(
                "reshape", f"a shape of {self.size} numbers", str(wanted), "Write −1 for one axis."
            ) from error

    def transpose(self, *order: int) -> Self:
        """The axes in another order; turned round if none is given."""
        return self.apply(axes.transpose(order or None), self)

    def broadcast_to(self, shape: tuple[int, ...]) -> Self:
        """Repeated along axes of length 1, and along new ones in front."""
        return self.apply(axes.broadcast(tuple(shape)), self)

    def __getitem__(self, key: Any) -> Self:
        if isinstance(key, Node):
            key = key._array
        elif isinstance(key, tuple):
            key = tuple(part._array if isinstance(part, Node) else part for part in key)
        if self._array.dtype not in FLOATS:
            return self._of(np.asarray(self._array[key], order="C"))
        return self.apply(axes.take(key), self)


def paired(op: Op, a: Any, b: Any) -> Any:
    """Two operands brought to one shape; a constant of one element rides along as it is."""
    shape_a, shape_b = np.shape(a), np.shape(b)
    if shape_a != shape_b:
        a, b = _spread(op, a, b, shape_a, shape_b)
    return (a if isinstance(a, Operators) else b).apply(op, a, b)


def _spread(op: Op, a: Any, b: Any, *shapes: tuple[int, ...]) -> tuple[Any, Any]:
    try:
        shape = np.broadcast_shapes(*shapes)
    except ValueError as error:
        raise ShapeError(
            op.name,
            "two shapes that broadcast",
            " and ".join(map(str, shapes)),
            "Reshape one of them.",
        ) from error
    spread = []
    for operand, own in zip((a, b), shapes, strict=True):
        number = own in ((), (1,)) and not getattr(operand, "requires_grad", False)
        if own == shape or number:
            spread.append(operand)
        elif isinstance(operand, Operators):
            spread.append(operand.broadcast_to(shape))
        else:
            spread.append(np.broadcast_to(operand, shape))
    return spread[0], spread[1]


def _product(a: Any, b: Any) -> Any:
    """The matrix product, with stacks of matrices broadcast, and vectors as NumPy has them."""
    if not a.ndim or not b.ndim:
        raise ShapeError(
            "matmul", "vectors or matrices", f"{a.shape} @ {b.shape}", "Write a * b for numbers."
        )
    left, right = a.ndim == 1, b.ndim == 1
    a = a.reshape(1, -1) if left else a
    b = b.reshape(-1, 1) if right else b
    stack = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a = a if a.shape[:-2] == stack else a.broadcast_to(stack + a.shape[-2:])
    b = b if b.shape[:-2] == stack else b.broadcast_to(stack + b.shape[-2:])
    y = a.apply(ops.matmul, a, b)
    if left or right:
        kept = stack + (() if left else y.shape[-2:-1]) + (() if right else y.shape[-1:])
        y = y.reshape(kept)
    return y
