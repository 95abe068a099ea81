"""What is done to tensors between layers, number by number or as a matrix product.

Elementwise operations work on operands of one shape; they are broadcast by an operation of its
own beforehand, which leaves each gradient one job.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl.autodiff.op import Arrays, BinaryElementwise, Elementwise, Op, Shape
from minidl.core import ShapeError
from minidl.kernels import elementwise, linear, random, vecmath


class Add(BinaryElementwise):
    """a + b."""

    name = "add"
    formula = "a + b"
    saved_for_backward = ()
    value = staticmethod(lambda a, b: a + b)
    slope_a = staticmethod(lambda a, b: 1.0)
    slope_b = staticmethod(lambda a, b: 1.0)


class Subtract(BinaryElementwise):
    """a − b."""

    name = "subtract"
    formula = "a - b"
    saved_for_backward = ()
    value = staticmethod(lambda a, b: a - b)
    slope_a = staticmethod(lambda a, b: 1.0)
    slope_b = staticmethod(lambda a, b: -1.0)


class Multiply(BinaryElementwise):
    """a · b."""

    name = "multiply"
    formula = "a*b"
    value = staticmethod(lambda a, b: a * b)
    slope_a = staticmethod(lambda a, b: b)
    slope_b = staticmethod(lambda a, b: a)


class Divide(BinaryElementwise):
    """a / b."""

    name = "divide"
    formula = "a/b"
    value = staticmethod(lambda a, b: a / b)
    slope_a = staticmethod(lambda a, b: 1.0 / b)
    slope_b = staticmethod(lambda a, b: -(a / b) / b)


class Power(BinaryElementwise):
    """aᵇ."""

    name = "power"
    formula = "a**b"

    @staticmethod
    def value(a: float, b: float) -> float:
        return a * a if b == 2.0 else np.power(a, b)

    @staticmethod
    def slope_a(a: float, b: float) -> float:
        return 2.0 * a if b == 2.0 else (0.0 if b == 0.0 else b * np.power(a, b - 1.0))

    @staticmethod
    def slope_b(a: float, b: float) -> float:
        if a == 0.0 and b >= 0.0:
            return 0.0  # 0ᵇ is 0 on the whole right side
        return np.power(a, b) * vecmath.log(a)


class Maximum(BinaryElementwise):
    """The larger of two; a tie shares the gradient evenly."""

    name = "maximum"
    formula = "Max(a, b)"
    value = staticmethod(lambda a, b: a if a > b or a != a else b)
    slope_a = staticmethod(lambda a, b: 0.5 if a == b else (1.0 if a > b or a != a else 0.0))
    slope_b = staticmethod(lambda a, b: 0.5 if a == b else (0.0 if a > b or a != a else 1.0))


class Minimum(BinaryElementwise):
    """The smaller of two; a tie shares the gradient evenly."""

    name = "minimum"
    formula = "Min(a, b)"
    value = staticmethod(lambda a, b: a if a < b or a != a else b)
    slope_a = staticmethod(lambda a, b: 0.5 if a == b else (1.0 if a < b or a != a else 0.0))
    slope_b = staticmethod(lambda a, b: 0.5 if a == b else (0.0 if a < b or a != a else 1.0))


class Relation(BinaryElementwise):
    """Whether something holds of two numbers: ``a < b`` gives truth values."""

    saved_for_backward = ()
    gives_truth = True
    slope_a = staticmethod(lambda a, b: 0.0)
    slope_b = staticmethod(lambda a, b: 0.0)


class Less(Relation):
    """a < b."""

    name = "less"
    value = staticmethod(lambda a, b: a < b)


class LessEqual(Relation):
    """a ≤ b."""

    name = "less_equal"
    value = staticmethod(lambda a, b: a <= b)


class Greater(Relation):
    """a > b."""

    name = "greater"
    value = staticmethod(lambda a, b: a > b)


class GreaterEqual(Relation):
    """a ≥ b."""

    name = "greater_equal"
    value = staticmethod(lambda a, b: a >= b)


class Equal(Relation):
    """a = b."""

    name = "equal"
    value = staticmethod(lambda a, b: a == b)


class NotEqual(Relation):
    """a ≠ b."""

    name = "not_equal"
    value = staticmethod(lambda a, b: a != b)


class Negative(Elementwise):
    """−x."""

    name = "negative"
    formula = "-x"
    value = staticmethod(lambda x: -x)
    slope = staticmethod(lambda x: -1.0)


class Exp(Elementwise):
    """eˣ."""

    name = "exp"
    formula = "exp(x)"
    value = staticmethod(lambda x: vecmath.exp(x))
    slope = staticmethod(lambda y: y)


class Log(Elementwise):
    """The natural logarithm."""

    name = "log"
    formula = "log(x)"
    value = staticmethod(lambda x: vecmath.log(x))
    slope = staticmethod(lambda x: 1.0 / x)


class Sqrt(Elementwise):
    """√x."""

    name = "sqrt"
    formula = "sqrt(x)"
    value = staticmethod(lambda x: np.sqrt(x))
    slope = staticmethod(lambda y: 0.5 / y)


class Abs(Elementwise):
    """|x|, with slope 0 at 0."""

    name = "abs"
    formula = "Abs(x)"
    value = staticmethod(lambda x: abs(x))
    slope = staticmethod(lambda x: 1.0 if x > 0.0 else (-1.0 if x < 0.0 else x * 0.0))


class Clip(Elementwise):
    """x limited to [low, high], and ``high`` where they are crossed, as in NumPy and PyTorch.

    The gradient passes inside and at the ends.
    """

    name = "clip"
    hyper = {"low": -np.inf, "high": np.inf}

    @staticmethod
    def value(x: float, low: float, high: float) -> float:
        x = low if x < low else x
        return high if x > high else x

    @staticmethod
    def slope(x: float, low: float, high: float) -> float:
        return 0.0 if x < low or x > high else 1.0


class Where(Op):
    """a where the condition holds, b elsewhere."""

    name = "where"
    operand_names = ("condition", "a", "b")
    saved_for_backward = (0,)

    def shape(self, *shapes: Shape) -> Shape:
        return shapes[1]

    def forward(self, y: np.ndarray, *xs: np.ndarray) -> None:
        elementwise.where(*(x.reshape(-1) for x in xs), y.reshape(-1))

    def backward(self, dy: np.ndarray, y: np.ndarray, xs: Arrays, dxs: Sequence[Any]) -> None:
        parts = [np.empty(dy.size, dy.dtype) if dx is None else dx.reshape(-1) for dx in dxs[1:]]
        elementwise.where_backward(xs[0].reshape(-1), dy.reshape(-1), *parts)


class Matmul(Op):
    """A stack of matrix products: (…, n, k) @ (…, k, m), the stacks alike."""

    name = "matmul"
    operand_names = ("a", "b")
    saved_for_backward = (0, 1)

    def shape(self, *shapes: Shape) -> Shape:
        a, b = shapes
        if a[-1] != b[-2]:
            raise ShapeError(
                "matmul",
                f"{a[-1]} rows in the right factor, one for each column of the left",
                f"shapes {a} @ {b}",
                "Transpose one of them: a @ b.T.",
            )
        return (*a[:-1], b[-1])

    def forward(self, y: np.ndarray, *xs: np.ndarray) -> None:
        linear.matmul(*(_stack(array) for array in (*xs, y)))

    def backward(self, dy: np.ndarray, y: np.ndarray, xs: Arrays, dxs: Sequence[Any]) -> None:
        a, b = xs
        if dxs[0] is not None:
            linear.matmul_da(_stack(b), _stack(dy), _stack(dxs[0]))
        if dxs[1] is not None:
            linear.matmul_db(_stack(a), _stack(dy), _stack(dxs[1]))


def _stack(array: np.ndarray) -> np.ndarray:
    return array.reshape(math.prod(array.shape[:-2]), *array.shape[-2:])


def _rows(array: np.ndarray) -> np.ndarray:
    if array.ndim == 2:
        return array
    return array.reshape(math.prod(array.shape[:-1]), array.shape[-1])


class DenseOp(Op):
    """y = x w + b for every row of x."""

    name = "dense"
    operand_names = ("x", "weight", "bias")
    saved_for_backward = (0, 1)

    def shape(self, *shapes: Shape) -> Shape:
        x, w, _ = shapes
        if not x or x[-1] != w[0]:
            raise ShapeError(
                "dense",
                f"rows of {w[0]} features",
                f"shape {x}",
                f"Give it an array of shape (rows, {w[0]}).",
            )
        return (*x[:-1], w[1])

    def forward(self, y: np.ndarray, *xs: np.ndarray) -> None:
        x, w, b = xs
        linear.dense(_rows(x), w, b, _rows(y))

    def backward(self, dy: np.ndarray, y: np.ndarray, xs: Arrays, dxs: Sequence[Any]) -> None:
        x, w, _ = xs
        dx, dw, db = dxs
        dy = _rows(dy)
        if dx is not None:
            linear.dense_dx(w, dy, _rows(dx))
        if dw is not None:
            linear.dense_dw(_rows(x), dy, dw)
        if db is not None:
            linear.dense_db(dy, db)


class DropoutOp(Op):
    """Silence a random share of the numbers, scale the rest up; ``counter`` decides which.

    ``counter`` holds a seed and how many masks were drawn with it; going forward draws the next.
    """

    name = "dropout"

    def __init__(self, rate: float, counter: np.ndarray) -> None:
        super().__init__()
        self.rate, self.counter = rate, counter
        self.stream = np.zeros(2, np.int64)  # which mask this is: going backward makes it again

    def shape(self, *shapes: Shape) -> Shape:
        return shapes[0]

    def forward(self, y: np.ndarray, *xs: np.ndarray) -> None:
        random.draw(self.counter, self.stream)
        random.dropout(xs[0].reshape(-1), y.reshape(-1), self.stream, self.rate)

    def backward(self, dy: np.ndarray, y: np.ndarray, xs: Arrays, dxs: Sequence[Any]) -> None:
        random.dropout(dy.reshape(-1), dxs[0].reshape(-1), self.stream, self.rate)


class Count(Op):
    """Truth values as numbers, 1 and 0."""

    name = "count"

    def shape(self, *shapes: Shape) -> Shape:
        return shapes[0]


add, subtract, multiply, divide, power = Add(), Subtract(), Multiply(), Divide(), Power()
less, less_equal, greater = Less(), LessEqual(), Greater()
greater_equal, equal, not_equal = GreaterEqual(), Equal(), NotEqual()
maximum, minimum, where = Maximum(), Minimum(), Where()
negative, exp, log, sqrt, absolute = Negative(), Exp(), Log(), Sqrt(), Abs()
matmul, dense, count = Matmul(), DenseOp(), Count()


def product(a: Any, b: Any) -> Any:
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
    y = a.apply(matmul, a, b)
    if left or right:
        kept = stack + (() if left else y.shape[-2:-1]) + (() if right else y.shape[-1:])
        y = y.reshape(kept)
    return y
