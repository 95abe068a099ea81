"""Dense layers and products of matrices, forwards and backwards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

import numpy as np

from minidl.kernels import linear
from minidl.program import RunInstruction
from minidl.walkthrough.formulas import Equation, Index, Known
from minidl.walkthrough.operations.operation import Operation, Question, operation, wrote
from minidl.walkthrough.operations.reading import Reader, named
from minidl.walkthrough.operations.scene import MOST_TERMS, Scene, Term
from minidl.walkthrough.steps import Array


class _WeightedSums(Operation):
    """A product of two matrices, of which the left or both may be stacks; plus a bias or not."""

    beside: tuple[str, ...] = ("0", "·", "1", "=")
    is_weighted_sum = True

    def equations(self, scene: Scene, name: str, index: Index) -> list[Equation]:
        left, right = scene.read(0), scene.read(1)
        *rows, j = index
        stack = index[: len(right.shape) - 2]
        count = right.shape[-2]
        result, held = scene.result(name, index)
        if count > MOST_TERMS:
            return [scene.unexplained("value", result, held, f"a sum of {count} products")]
        knowns = {}
        for k in range(count):
            knowns[f"a{k}"] = scene.known(left, (*rows, k))
            knowns[f"b{k}"] = scene.known(right, (*stack, k, j))
        formula = " + ".join(f"a{k}*b{k}" for k in range(count))
        if self.has_bias:
            knowns["c"] = scene.known(scene.read(2), (j,))
            formula += " + c"
        return [scene.equation("value", result, formula, knowns, held)]


@operation
class DenseSums(_WeightedSums):
    """y = x W + b."""

    key, kernels = "dense", (linear.dense,)
    operands, formula = ("x", "w", "b"), "x @ w + b"
    shapes = {"x": (3, 2), "w": (2, 4), "b": (4,), "y": (3, 4)}
    heading = "weighted sums plus bias"
    why = "Each unit weighs what comes in: its weights and bias are what is learned."
    beside = ("0", "·", "1", "+", "2", "=")
    has_bias = True

    def transposed(self, asked: Question) -> Iterator[Decimal]:
        weight = asked.scene.read(1)
        if min(weight.shape) > 1:  # a row or a column is the same either way
            yield self._with(asked, _other_way(weight.numbers), asked.scene.read(2).numbers)

    def stale(self, asked: Question) -> Iterator[Decimal]:
        weight, bias = (asked.final[name].numbers for name in asked.scene.step.reads[1:])
        yield self._with(asked, weight, bias)
        yield self._with(asked, weight, asked.scene.read(2).numbers)  # the bias was not touched

    def _with(self, asked: Question, weight: np.ndarray, bias: np.ndarray) -> Decimal:
        """A sum with other weights."""
        *row, unit = asked.index
        x = asked.scene.read(0).numbers[tuple(row)]
        return _dot(x, weight[:, unit]) + Decimal(float(bias[unit]))


@operation
class MatrixProduct(_WeightedSums):
    """y = a b."""

    key, kernels = "matmul", (linear.matmul,)
    operands, formula = ("a", "b"), "a @ b"
    shapes = {"a": (1, 3, 2), "b": (1, 2, 4), "y": (1, 3, 4)}
    heading = "a product of matrices"
    why = "Each result is a weighted sum."


class _LeftGradient(Operation):
    """dx = dy Wᵀ: what comes back along the right factor.

    ``way`` is what a column of that is called.
    """

    beside = ("1", "·", "0ᵀ", "=")
    way = ""

    def equations(self, scene: Scene, name: str, index: Index) -> list[Equation]:
        right, dy = scene.read(0), scene.read(1)
        *rows, k = index
        stack = index[: len(right.shape) - 2]
        terms = [
            Term(f"{self.way} {j}", scene.known(right, (*stack, k, j)), scene.known(dy, (*rows, j)))
            for j in range(right.shape[-1])
        ]
        return scene.gathered(*scene.result(name, index), terms)


@operation
class DenseInputGradient(_LeftGradient):
    """dx = dy Wᵀ: a unit is to blame by way of every unit that it feeds."""

    key, kernels = "dense_dx", (linear.dense_dx,)
    operands, result, formula = ("w", "dy"), "dx", "dy @ w.T"
    shapes = {"w": (2, 4), "dy": (3, 4), "dx": (3, 2)}
    heading = "back to what the layer read"
    why = "A unit answers for all that it feeds: errors come back along the same weights."
    way = "through unit"

    def read(self, reader: Reader, ran: RunInstruction, i: int) -> None:
        w, dy, dx = named(ran, "w", "dy", "dx")
        off = _all_off(reader.arrays[dy], -1)[..., None] & (wrote(ran) == 0)
        self.add(reader, ran, i, (w, dy), [Array.of(dx, wrote(ran), off)])

    def transposed(self, asked: Question) -> Iterator[Decimal]:
        weight = asked.scene.read(0)
        if min(weight.shape) > 1:
            yield self._with(asked, _other_way(weight.numbers))

    def stale(self, asked: Question) -> Iterator[Decimal]:
        yield self._with(asked, asked.final[asked.scene.step.reads[0]].numbers)

    def _with(self, asked: Question, weight: np.ndarray) -> Decimal:
        """What comes back along other weights."""
        *row, unit = asked.index
        terms = asked.scene.read(1).numbers[tuple(row)]
        return _dot(*_asked_terms(asked, terms, weight[unit]))


@operation
class LeftFactorGradient(_LeftGradient):
    """da = dy bᵀ."""

    key, kernels = "matmul_da", (linear.matmul_da,)
    operands, result, formula = ("b", "dy"), "da", "dy @ b.T"
    shapes = {"b": (1, 2, 4), "dy": (1, 3, 4), "da": (1, 3, 2)}
    why = "The left factor's gradient comes back along the right factor."
    way = "column"


class _RightGradient(Operation):
    """dW = xᵀ dy: what comes back along the left factor, from every row."""

    beside = ("0ᵀ", "·", "1", "=")

    def equations(self, scene: Scene, name: str, index: Index) -> list[Equation]:
        left, dy = scene.read(0), scene.read(1)
        *stack, k, j = index
        terms = [
            Term(called, scene.known(left, (*row, k)), scene.known(dy, (*row, j)))
            for called, row in _rows(left.shape, stack)
        ]
        return scene.gathered(*scene.result(name, index), terms)


@operation
class RightFactorGradient(_RightGradient):
    """db = aᵀ dy."""

    key, kernels = "matmul_db", (linear.matmul_db,)
    operands, result, formula = ("a", "dy"), "db", "a.T @ dy"
    shapes = {"a": (1, 3, 2), "dy": (1, 3, 4), "db": (1, 2, 4)}
    why = "The right factor's gradient comes back along the left factor."


class _OverRows(Operation):
    """A gradient that every row of the batch adds to."""

    def read(self, reader: Reader, ran: RunInstruction, i: int) -> None:
        *reads, result = named(ran, *self.operands, self.result)
        dy = reader.arrays[reads[-1]]
        off = _all_off(dy, tuple(range(len(dy.shape) - 1))) & (wrote(ran) == 0)
        self.add(reader, ran, i, reads, [Array.of(result, wrote(ran), off)])

    def mean_as_sum(self, asked: Question, right: Decimal) -> Iterator[Decimal]:
        if asked.equation.kind == "sum":
            yield right / asked.rows


@operation
class DenseWeightGradient(_OverRows, _RightGradient):
    """dW = xᵀ dy: a weight is used once for every row of the batch."""

    key, kernels = "dense_dw", (linear.dense_dw,)
    operands, result, formula = ("x", "dy"), "dw", "x.T @ dy"
    shapes = {"x": (3, 2), "dy": (3, 4), "dw": (2, 4)}
    heading = "the weights' gradient"
    why = "A weight's gradient is what came in times how much its result was to blame."

    def transposed(self, asked: Question) -> Iterator[Decimal]:
        """dyᵀ x in place of xᵀ dy."""
        k, j = asked.index
        x, dy = (array.numbers.reshape(-1, array.shape[-1])
                 for array in (asked.scene.read(0), asked.scene.read(1)))  # fmt: skip
        if min(x.shape[-1], dy.shape[-1]) > 1:
            a, b = _asked_terms(asked, x, dy)
            swapped = (b.T @ a).reshape(x.shape[-1], dy.shape[-1])
            yield Decimal(float(swapped[k, j]))


@operation
class DenseBiasGradient(_OverRows):
    """db = Σ dy over the rows: a bias is added with a factor of 1."""

    key, kernels = "dense_db", (linear.dense_db,)
    operands, result, formula = ("dy",), "db", "Total(dy, rows)"
    shapes = {"dy": (3, 4), "db": (4,)}
    heading = "the biases' gradient"
    why = "A bias is added as it is, so it takes the blame as it is."
    beside = ("Σ", "0", "=")
    asks = False

    def equations(self, scene: Scene, name: str, index: Index) -> list[Equation]:
        dy, one = scene.read(0), Known.setting("1", 1.0)
        terms = [Term(called, one, scene.known(dy, (*row, *index)))
                 for called, row in _rows(dy.shape)]  # fmt: skip
        return scene.gathered(*scene.result(name, index), terms)


def _rows(shape: Index, stack: Sequence[int] = ()) -> Iterator[tuple[str, Index]]:
    """The rows of an array (or of one matrix of a stack), with what they are called."""
    for row in np.ndindex(*shape[len(stack) : -1]):
        yield f"row {', '.join(map(str, row))}", (*stack, *row)


def _asked_terms(asked: Question, *factors: np.ndarray) -> list[np.ndarray]:
    """The factors of a sum; of one contribution to it, its own."""
    if asked.equation.kind == "contribution" and len(factors[0]) > 1:
        return [factor[asked.place : asked.place + 1] for factor in factors]
    return list(factors)


def _all_off(array: Array, axis: int | tuple[int, ...]) -> np.ndarray:
    """Along an axis: whether all is 0, and some of it because a unit is off."""
    none: np.ndarray = (array.numbers == 0).all(axis=axis) & array.off.any(axis=axis)
    return none


def _other_way(matrix: np.ndarray) -> np.ndarray:
    """A matrix read by columns instead of rows; the transposed one if it is square."""
    return matrix.reshape(-1).reshape(matrix.shape[::-1]).T


def _dot(a: np.ndarray, b: np.ndarray) -> Decimal:
    pairs = zip(a.tolist(), b.tolist(), strict=True)
    return sum((Decimal(x) * Decimal(y) for x, y in pairs), Decimal(0))
