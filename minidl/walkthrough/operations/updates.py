"""Clipping, and the updates of optimizers: their formulas stand beside the optimizers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from minidl.autodiff import Tensor
from minidl.kernels import update
from minidl.optim import Optimizer
from minidl.program import RunInstruction, address
from minidl.walkthrough.formulas import (
    SYMBOLS,
    Equation,
    Index,
    Known,
    Symbol,
)
from minidl.walkthrough.operations.operation import Operation, operation
from minidl.walkthrough.operations.reading import Reader, named, operand
from minidl.walkthrough.operations.scene import MOST_TERMS, Scene, used, worked_out
from minidl.walkthrough.steps import Array, Step


def _spans(reader: Reader, block: np.ndarray, gradients: bool) -> Iterator[tuple[Tensor, slice]]:
    """The parameters that lie in a stretch of memory, and where; or those whose gradients do."""
    begin, size = address(block), block.size
    for parameter in reader.optimizer.parameters:
        memory = parameter._home if gradients else parameter._array
        assert memory is not None
        first = (address(memory) - begin) // block.itemsize
        if first >= 0 and first + memory.size <= size:
            yield parameter, slice(first, first + memory.size)


def _updated(scene: Scene, name: str, index: Index) -> Known:
    """What the update has made of a number."""
    known = scene.known(scene.step.array(name), index)
    return known._replace(symbol=Symbol.made("new", known.symbol))


# ── clipping ──────────────────────────────────────────────────────────────────────────────────


class _Clipping(Operation):
    """What looks at all gradients."""

    result = "g"
    assigns, shows_operands = True, False

    def arrays(self, step: Step) -> Mapping[str, str]:
        return {}  # of all gradients: g

    def read(self, reader: Reader, ran: RunInstruction, i: int) -> None:
        names, arrays = _gradients(reader, ran)
        reads = [*names, *named(ran, *self.operands)]
        self.add(reader, ran, i, reads, arrays, settings={"bound": float(operand(ran, "bound"))})

    def _clipped(self, scene: Scene, name: str, index: Index, more: dict[str, Known]) -> Equation:
        """What becomes of one number of a gradient."""
        updated = _updated(scene, name, index)
        knowns = {"g": scene.known(scene.before[name], index), **scene.settings(), **more}
        return scene.equation("update", updated.symbol, self.formula, knowns, float(updated.value))


def _gradients(reader: Reader, ran: RunInstruction) -> tuple[list[str], list[Array]]:
    """The gradients that a kernel of clipping looks at: their names, and what they are now."""
    block, names, arrays = operand(ran, "g"), list[str](), list[Array]()
    for parameter, span in _spans(reader, block, gradients=True):
        name = f"∂{parameter.name}"
        names.append(name)
        off = reader.arrays[name].off
        arrays.append(Array.of(name, block[span].reshape(parameter.shape), off))
    return names, arrays


@operation
class ValueClipping(_Clipping):
    """Every number of a gradient within ±bound."""

    key, kernels = "limit", (update.limit,)
    formula = "Max(-bound, Min(bound, g))"
    shapes = {"g": (9,)}
    heading = "clipped by value"
    why = "No single gradient may be larger than the bound."

    def equations(self, scene: Scene, name: str, index: Index) -> list[Equation]:
        return [self._clipped(scene, name, index, {})]


@operation
class SquareSum(Operation):
    """Σ g² over all gradients."""

    key, kernels = "squares", (update.square_sum,)
    result, formula = "squares", "Total(g**2, gradients)"
    shapes = {"g": (7,), "squares": (1,)}
    heading = "the gradients' length"
    why = "The common length of all gradients is wanted next."
    shows_operands = False

    def read(self, reader: Reader, ran: RunInstruction, i: int) -> None:
        names, _ = _gradients(reader, ran)
        self.add(reader, ran, i, names)

    def equations(self, scene: Scene, name: str, index: Index) -> list[Equation]:
        left, held = scene.result(name, index)
        numbers = [
            scene.flat(scene.before[read], i)
            for read in scene.step.reads
            for i in range(len(scene.before[read].values))
        ]
        if len(numbers) > MOST_TERMS:
            note = f"the squares of {len(numbers)} numbers, added up"
            return [scene.unexplained("sum", left, held, note)]
        knowns = {f"g{i}": known for i, known in enumerate(numbers)}
        formula = " + ".join(f"{key}**2" for key in knowns)
        return [scene.equation("sum", left, formula, knowns, held)]


@operation
class NormClipping(_Clipping):
    """All gradients scaled down together where their common norm is above a bound."""

    key, kernels = "shrink", (update.shrink_to,)
    operands = ("squares",)
    formula = "Piecewise((g*bound/norm, norm > bound), (g, True))"
    heading = "clipped by norm"
    why = "Too long a step is shortened; its direction stays."

    def equations(self, scene: Scene, name: str, index: Index) -> list[Equation]:
        *_, total = scene.step.reads
        sums = scene.before[total]
        knowns = {f"s{i}": scene.flat(sums, i) for i in range(len(sums.values))}
        formula = f"sqrt({' + '.join(knowns)})"
        first = scene.equation("update", "norm", formula, knowns)
        norm = Known("norm", worked_out(formula, knowns))
        return [first, self._clipped(scene, name, index, {"norm": norm})]


# ── optimizers ────────────────────────────────────────────────────────────────────────────────

_SURE_DIGITS = {"float32": 6, "float64": 12}
"""Digits that rounding leaves alone."""


class Update(Operation):
    """An optimizer's update, by the formulas that the optimizer states.

    Parameters
    ----------
    optimizer : type of Optimizer
    """

    heading = "the parameters, updated by {}"
    why = "The parameters move, so that the loss gets smaller."
    assigns, shows_operands = True, False

    def __init__(self, optimizer: type[Optimizer]) -> None:
        self.key, self.optimizer = optimizer.name, optimizer

    def read(self, reader: Reader, ran: RunInstruction, i: int) -> None:
        names = ("eta", "t", *self.optimizer.symbols)
        settings = dict(zip(names, operand(ran, "step_numbers").tolist(), strict=True))
        formulas = self.optimizer.formulas(settings)
        states = [state for state in self.optimizer.states if state in formulas]
        block, reads, writes = operand(ran, "p"), list[str](), list[Array]()
        for parameter, span in _spans(reader, block, gradients=False):
            name = str(parameter.name)
            reads += [name, f"∂{name}", *(f"{name}.{state}" for state in states)]
            writes.append(Array.of(name, block[span].reshape(parameter.shape)))
            for state in states:
                numbers = operand(ran, state)[span]
                writes.append(Array.of(f"{name}.{state}", numbers.reshape(parameter.shape)))
        why = self.optimizer.purpose(settings)
        self.add(reader, ran, i, reads, writes, settings=settings, why=why)

    def formulas(self, step: Step) -> Mapping[str, str]:
        return self.optimizer.formulas(step.settings)

    def arrays(self, step: Step) -> Mapping[str, str]:
        return {"p": "w", "velocity": "v"}  # as a book writes them

    def equations(self, scene: Scene, name: str, index: Index) -> list[Equation]:
        formulas = self.optimizer.formulas(scene.step.settings)
        worked = _Worked(scene, name, index, self.optimizer.states)
        for key, formula in formulas.items():
            if key == "p" or key in self.optimizer.states:
                worked.write(key, formula)
            else:
                worked.aside(key, formula)
        return worked.until(name)


def states_used(optimizer: Optimizer) -> list[str]:
    """What an optimizer remembers that its formulas mention: no velocity without momentum."""
    numbers = zip(optimizer.symbols, optimizer.constants(), strict=False)
    formulas = optimizer.formulas(dict(numbers))
    return [state for state in optimizer.states if state in formulas or not formulas]


class _Worked:
    """The equations of one parameter, one after the other."""

    def __init__(self, scene: Scene, name: str, index: Index, states: Sequence[str]) -> None:
        self.scene, self.index = scene, index
        self.parameter = next(
            read for read in scene.step.reads if name == read or name.startswith(f"{read}.")
        )
        keys = {"p": self.parameter, "g": f"∂{self.parameter}"}
        keys |= {state: f"{self.parameter}.{state}" for state in states}
        self.knowns = {
            key: scene.known(scene.before[read], index)
            for key, read in keys.items()
            if read in scene.before
        } | scene.settings()
        self.equations: list[Equation] = []

    def aside(self, key: str, formula: str) -> None:
        """A number that no array holds; ``key`` is what later equations call it."""
        parameter = Symbol(self.parameter, self.index)
        left = Symbol.made("for", parameter, name=SYMBOLS.get(key, key))
        left = Symbol("g with decay") if key == "g" else left
        operands = used(self.knowns, formula)
        self.equations.append(self.scene.equation("update", left, formula, operands))
        self.knowns[key] = Known(left, worked_out(formula, operands))

    def write(self, key: str, formula: str) -> None:
        """A number that the step writes: the parameter's, as ``p``, or one of its state."""
        array = self.parameter if key == "p" else f"{self.parameter}.{key}"
        updated = _updated(self.scene, array, self.index)
        digits = self._digits(updated) if key == "p" else 0
        self.equations.append(
            self.scene.equation(
                "update", updated.symbol, formula, used(self.knowns, formula), float(updated.value),
                digits=digits,
            )
        )  # fmt: skip
        self.knowns[key] = updated

    def _digits(self, updated: Known) -> int:
        """As many digits of a parameter as show what the update has changed, if its type has them.

        Two digits of the change, that is.
        """
        change = updated.value - self.knowns["p"].value
        if not change or not updated.value:
            return 0
        return min(_SURE_DIGITS[self.scene.dtype], updated.value.adjusted() - change.adjusted() + 2)

    def until(self, name: str) -> list[Equation]:
        """The equations up to the one that ends in a number of this array."""
        left = Symbol.made("new", Symbol(name, self.index))
        last = next(i for i, e in enumerate(self.equations) if e.left == left)
        return self.equations[: last + 1]
