"""Dense layers and products of matrices, forwards and backwards."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import numpy as np

from minidl.kernels import linear
from minidl.program import RunInstruction
from minidl.walkthrough.formulas import Equation, Index, Known
from minidl.walkthrough.operations.operation import Operation, Question, operation, wrote
from minidl.walkthrough.operations.reading import Reader, named
from minidl.walkthrough.operations.scene import MOST_TERMS, Scene, Term
from minidl.walkthrough.steps import Array

Pairs = list[tuple[Known, Known]]


def _product_sum(
    scene: Scene, name: str, index: Index, pairs: Pairs, bias: Known | None = None
) -> list[Equation]:
    """Σ a·b, plus a bias."""
    left, held = scene.result(name, index)
    if len(pairs) > MOST_TERMS:
        return [scene.told("value", left, held, f"a sum of {len(pairs)} products")]
    knowns = {
        f"{key}{k}": known
        for k, pair in enumerate(pairs)
        for key, known in zip("ab", pair, strict=True)
    }
    formula = " + ".join(f"a{k}*b{k}" for k in range(len(pairs)))
    if bias is not None:
        knowns["c"] = bias
        formula += " + c"
    return [scene.equation("value", left, formula, knowns, held)]


@operation
class DenseSums(Operation):
    """y = x W + b."""

    key, kernels = "dense", (linear.dense,)
    operands, formula = ("x", "w", "b"), "x @ w + b"
    heading = "weighted sums plus bias"
    why = "Each unit weighs what comes in: its weights and bias are what is learned."
    beside = ("0", "·", "1", "+", "2", "=")
    is_weighted_sum = has_bias = True

    def equations(self, scene: Scene, name: str, index: Index) -> list[Equation]:
        x, w, b = (scene.read(i) for i in range(3))
        *rows, j = index
        pairs = [(scene.known(x, (*rows, k)), scene.known(w, (k, j))) for k in range(w.shape[0])]
        return _product_sum(scene, name, index, pairs, scene.known(b, (j,)))

    def transposed(self, asked: Question) -> Iterator[Decimal]:
        weight = asked.scene.read(1)
        if min(weight.shape) > 1:  # a row or a column is the same either way
            yield self._with(asked, _other_way(weight.numbers), asked.scene.read(2).numbers)

    def stale(self, asked: Question) -> Iterator[Decimal]:
        weight, bias = (asked.final[name].numbers for name in asked.step.reads[1:])
        yield self._with(asked, weight, bias)
        yield self._with(asked, weight, asked.scene.read(2).numbers)  # the bias was not touched

    def _with(self, asked: Question, weight: np.ndarray, bias: np.ndarray) -> Decimal:
        """A sum with other weights."""
        *row, unit = asked.index
        x = asked.scene.read(0).numbers[tuple(row)]
        return _dot(x, weight[:, unit]) + Decimal(float(bias[unit]))


@operation
class DenseInputGradient(Operation):
    """dx = dy Wᵀ: a unit is to blame by way of every unit that it feeds."""

    key, kernels = "dense_dx", (linear.dense_dx,)
    operands, result, formula = ("w", "dy"), "dx", "dy @ w.T"
    heading = "back to what the layer read"
    why = "A unit answers for all that it feeds: errors come back along the same weights."
    beside = ("1", "·", "0ᵀ", "=")

    def read(self, reader: Reader, ran: RunInstruction, i: int) -> None:
        w, dy, dx = named(ran, "w", "dy", "dx")
        off = _all_off(reader.arrays[dy], -1)[..., None] & (wrote(ran) == 0)
        self.add(reader, ran, i, (w, dy), [Array.of(dx, wrote(ran), off)])

    def equations(self, scene: Scene, name: str, index: Index) -> list[Equation]:
        w, dy = scene.read(0), scene.read(1)
        *rows, k = index
        terms = [
            Term(f"through unit {j}", scene.known(w, (k, j)), scene.known(dy, (*rows, j)))
            for j in range(w.shape[1])
        ]
        return scene.gathered(*scene.result(name, index), terms)

    def transposed(self, asked: Question) -> Iterator[Decimal]:
        weight = asked.scene.read(0)
        if min(weight.shape) > 1:
            yield self._with(asked, _other_way(weight.numbers))

    def stale(self, asked: Question) -> Iterator[Decimal]:
        yield self._with(asked, asked.final[asked.step.reads[0]].numbers)

    def _with(self, asked: Question, weight: np.ndarray) -> Decimal:
        """What comes back along other weights."""
        *row, unit = asked.index
        terms, weights = asked.scene.read(1).numbers[tuple(row)], weight[unit]
        if asked.equation.kind == "contribution" and len(terms) > 1:
            one = slice(asked.place, asked.place + 1)
            terms, weights = terms[one], weights[one]
        return _dot(terms, weights)


class _OverRows(Operation):
    """A gradient that every row of the batch adds to."""

    def read(self, reader: Reader, ran: RunInstruction, i: int) -> None:
        *reads, result = named(ran, *self.operands, self.result)
        off = _of_units(reader.arrays[reads[-1]]) & (wrote(ran) == 0)
        self.add(reader, ran, i, reads, [Array.of(result, wrote(ran), off)])

    def mean_as_sum(self, asked: Question, right: Decimal) -> Iterator[Decimal]:
        if asked.equation.kind == "sum":
            yield right / asked.rows


@operation
class DenseWeightGradient(_OverRows):
    """dW = xᵀ dy: a weight is used once for every row of the batch."""

    key, kernels = "dense_dw", (linear.dense_dw,)
    operands, result, formula = ("x", "dy"), "dw", "x.T @ dy"
    heading = "the weights' gradient"
    why = "A weight's gradient is what came in times how much its result was to blame."
    beside = ("0ᵀ", "·", "1", "=")

    def equations(self, scene: Scene, name: str, index: Index) -> list[Equation]:
        x, dy = scene.read(0), scene.read(1)
        k, j = index
        terms = [
            Term(f"row {i}", scene.known(x, (*row, k)), scene.known(dy, (*row, j)))
            for i, row in _rows(x.shape)
        ]
        return scene.gathered(*scene.result(name, index), terms)

    def transposed(self, asked: Question) -> Iterator[Decimal]:
        """dyᵀ x in place of xᵀ dy."""
        k, j = asked.index
        x, dy = asked.scene.read(0), asked.scene.read(1)
        a = x.numbers.reshape(-1, x.shape[-1])
        b = dy.numbers.reshape(-1, dy.shape[-1])
        if min(a.shape[-1], b.shape[-1]) < 2:
            return
        if asked.equation.kind == "contribution" and len(a) > 1:
            one = slice(asked.place, asked.place + 1)
            a, b = a[one], b[one]
        swapped = (b.T @ a).reshape(a.shape[-1], b.shape[-1])
        yield Decimal(float(swapped[k, j]))


@operation
class DenseBiasGradient(_OverRows):
    """db = Σ dy over the rows: a bias is added with a factor of 1."""

    key, kernels = "dense_db", (linear.dense_db,)
    operands, result, formula = ("dy",), "db", "Total(dy, rows)"
    heading = "the biases' gradient"
    why = "A bias is added as it is, so it takes the blame as it is."
    beside = ("Σ", "0", "=")
    asks = False

    def equations(self, scene: Scene, name: str, index: Index) -> list[Equation]:
        dy, one = scene.read(0), Known.setting("1", 1.0)
        rows = _rows(dy.shape)
        terms = [Term(f"row {i}", one, scene.known(dy, (*row, *index))) for i, row in rows]
        return scene.gathered(*scene.result(name, index), terms)


@operation
class MatrixProduct(Operation):
    """y = a b."""

    key, kernels = "matmul", (linear.matmul,)
    operands, formula = ("a", "b"), "a @ b"
    heading = "a product of matrices"
    why = "Each result is a weighted sum."
    beside = ("0", "·", "1", "=")
    is_weighted_sum = True

    def equations(self, scene: Scene, name: str, index: Index) -> list[Equation]:
        a, b = scene.read(0), scene.read(1)
        *stack, i, j = index
        pairs = [
            (scene.known(a, (*stack, i, k)), scene.known(b, (*stack, k, j)))
            for k in range(a.shape[-1])
        ]
        return _product_sum(scene, name, index, pairs)


@operation
class LeftFactorGradient(Operation):
    """da = dy bᵀ."""

    key, kernels = "matmul_da", (linear.matmul_da,)
    operands, result, formula = ("b", "dy"), "da", "dy @ b.T"
    why = "The left factor's gradient comes back along the right factor."
    beside = ("1", "·", "0ᵀ", "=")

    def equations(self, scene: Scene, name: str, index: Index) -> list[Equation]:
        b, dy = scene.read(0), scene.read(1)
        *stack, i, k = index
        terms = [
            Term(f"column {j}", scene.known(b, (*stack, k, j)), scene.known(dy, (*stack, i, j)))
            for j in range(b.shape[-1])
        ]
        return scene.gathered(*scene.result(name, index), terms)


@operation
class RightFactorGradient(Operation):
    """db = aᵀ dy."""

    key, kernels = "matmul_db", (linear.matmul_db,)
    operands, result, formula = ("a", "dy"), "db", "a.T @ dy"
    why = "The right factor's gradient comes back along the left factor."
    beside = ("0ᵀ", "·", "1", "=")

    def equations(self, scene: Scene, name: str, index: Index) -> list[Equation]:
        a, dy = scene.read(0), scene.read(1)
        *stack, k, j = index
        terms = [
            Term(f"row {i}", scene.known(a, (*stack, i, k)), scene.known(dy, (*stack, i, j)))
            for i in range(a.shape[-2])
        ]
        return scene.gathered(*scene.result(name, index), terms)


def _rows(shape: Index) -> list[tuple[str, Index]]:
    """The rows of an array, with what they are called."""
    return [(", ".join(map(str, row)), row) for row in np.ndindex(*shape[:-1])]


def _all_off(array: Array, axis: int | tuple[int, ...]) -> np.ndarray:
    """Along an axis: whether all is 0, and some of it because a unit is off."""
    none: np.ndarray = (array.numbers == 0).all(axis=axis) & array.off.any(axis=axis)
    return none


def _of_units(array: Array) -> np.ndarray:
    """The same for each unit, over all rows."""
    return _all_off(array, tuple(range(len(array.shape) - 1)))


def _other_way(matrix: np.ndarray) -> np.ndarray:
    """A matrix read by columns instead of rows; the transposed one if it is square."""
    return matrix.reshape(-1).reshape(matrix.shape[::-1]).T


def _dot(a: np.ndarray, b: np.ndarray) -> Decimal:
    pairs = zip(a.tolist(), b.tolist(), strict=True)
    return sum((Decimal(x) * Decimal(y) for x, y in pairs), Decimal(0))
