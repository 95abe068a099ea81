"""Activations and arithmetic: number by number, or on a whole row; forwards and backwards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import numpy as np

from minidl.autodiff import ScalarOp
from minidl.diagnostics import idle, levels_off
from minidl.nn import RowActivation
from minidl.program import RunInstruction
from minidl.walkthrough.formulas import (
    ROUNDING,
    Equation,
    Index,
    Known,
    Symbol,
    branch_values,
    partial,
    slope_of,
    spread,
)
from minidl.walkthrough.operations.facts import row_formulas
from minidl.walkthrough.operations.operation import Operation, Question, operation, registry
from minidl.walkthrough.operations.reading import Reader, named, operand
from minidl.walkthrough.operations.scene import MOST_TERMS, Scene, Term, used, worked_out
from minidl.walkthrough.steps import Array, Step

# ── number by number ──────────────────────────────────────────────────────────────────────────


def _subclasses(cls: type[Any]) -> Iterator[Any]:
    for subclass in cls.__subclasses__():
        yield subclass
        yield from _subclasses(subclass)


def scalar_op(kernel: Any) -> type[ScalarOp] | None:
    """The operation whose loops hold a kernel: an activation, or arithmetic on tensors."""
    return next((cls for cls in _subclasses(ScalarOp) if kernel in cls._loops), None)


def is_row_kernel(kernel: Any) -> bool:
    """Whether a kernel is an activation's of whole rows."""
    return any(kernel in getattr(cls, "kernels", ()) for cls in _subclasses(RowActivation))


def _function(reader: Reader, ran: RunInstruction) -> Any:
    """The activation, with its settings; the class of an operation that is none."""
    cls, known = scalar_op(ran.instruction.kernel), reader.functions.get(ran.instruction.title)
    return known if cls is not None and isinstance(known, cls) else cls


def _is_activation(reader: Reader, function: Any) -> bool:
    return any(function is known for known in reader.functions.values())


def _facts(function: Any, ran: RunInstruction) -> dict[str, Any]:
    """What a step keeps of a function: its formula, its slopes, its settings."""
    hyper_values = operand(ran, "hyper_values").tolist()
    value, slope = getattr(function, "formula", ""), getattr(function, "slope_formula", "")
    formulas = {"value": value, "slope": slope}
    if (names := function.operand_names) not in _KEYS.values():
        formulas["operands"] = " ".join(names)
    return {"formulas": formulas, "settings": dict(zip(function.hyper, hyper_values, strict=True))}


_KEYS = {1: ("x",), 2: ("a", "b")}


def _keys(formulas: Mapping[str, str], count: int) -> tuple[str, ...]:
    """What a formula calls the operands of an operation."""
    return tuple(formulas["operands"].split()) if "operands" in formulas else _KEYS[count]


def keys_of(step: Step) -> tuple[str, ...]:
    """What the formula of a step on the way forward calls what it reads."""
    return _keys(step.formulas, len(step.reads))


def _operands_at(scene: Scene, index: Index, count: int) -> dict[str, Known]:
    """The numbers that an elementwise operation takes for one place, by its formula's names."""
    operands = {}
    for position, key in enumerate(_keys(scene.step.formulas, count)):
        array = scene.read(position)
        place = index if len(array.values) > 1 else (0,) * len(array.shape)
        operands[key] = scene.known(array, place)
    return operands


def _inputs(asked: Question, count: int) -> dict[str, Decimal]:
    """The same, and the settings, with all their digits."""
    knowns = _operands_at(asked.scene, asked.index, count) | asked.scene.settings()
    return {key: known.value for key, known in knowns.items()}


@operation
class ElementwiseValue(Operation):
    """y = f(x), by the registry's formula."""

    key = "elementwise"
    why = "An operation on each number by itself."
    of_hidden = "Without a bend here, layer upon layer would be one linear layer."
    of_output = "Scores become predictions, in the range that these are to have."
    is_activation = is_elementwise = True

    def read(self, reader: Reader, ran: RunInstruction, i: int) -> None:
        function, parameters = _function(reader, ran), ran.instruction.kernel.parameters
        facts = _facts(function, ran)
        inputs = named(ran, *(("x",) if "x" in parameters else ("a", "b")))
        ((name, y),) = ran.wrote.items()
        zero = (y == 0) & (reader.arrays[inputs[0]].numbers != 0)
        off = zero if getattr(function, "kinks", ()) else None
        flat, active = None, _is_activation(reader, function)
        if active and levels_off(function):
            xs = [np.ascontiguousarray(reader.arrays[x].numbers, y.dtype) for x in inputs]
            flat = idle(function, y, xs)
        words = f"{name} = {function.name}({', '.join(inputs)})"
        self.add(
            reader, ran, i, inputs, [Array.of(name, y, off, flat)],
            rule="" if facts["formulas"]["value"] else words,
            why=self.of_hidden if active else "", **facts,
        )  # fmt: skip

    def formulas(self, step: Step) -> Mapping[str, str]:
        return {self.result: value} if (value := step.formulas["value"]) else {}

    def arrays(self, step: Step) -> Mapping[str, str]:
        reads = dict(zip(keys_of(step), step.reads, strict=True))
        return reads | {self.result: step.writes[0].name}

    def equations(self, scene: Scene, name: str, index: Index) -> list[Equation]:
        knowns = _operands_at(scene, index, len(scene.step.reads))
        left, held = scene.result(name, index)
        if not (formula := scene.step.formulas["value"]):
            note = f"{scene.step.operation}({', '.join(k.symbol for k in knowns.values())})"
            return [scene.unexplained("value", left, held, f"{note}, which states no formula")]
        return [scene.equation("value", left, formula, knowns | scene.settings(), held)]

    def wrong_branch(self, asked: Question) -> Iterator[Decimal]:
        formula = asked.scene.step.formulas["value"]
        if asked.equation.kind == "value" and formula:
            yield from branch_values(formula, _inputs(asked, len(asked.scene.step.reads)))


@operation
class ElementwiseGradient(Operation):
    """dx = f′(x) · dy: the local derivative, then the contribution."""

    key, result, formula = "elementwise_back", "dx", "Times(local, dy)"
    heading = "back through {}"
    why = "Where the function is flat, nothing passes: the unit cannot learn."
    of_arithmetic = "What comes from above, times how much the result moves with this number."
    beside = ("local", "⊙", "last", "=")

    def read(self, reader: Reader, ran: RunInstruction, i: int) -> None:
        """The local derivative is what the very same kernel gives for 1 from above."""
        function, forward = _function(reader, ran), reader.forward[ran.instruction.node]
        output, kernel = forward.writes[0], ran.instruction.kernel
        dy, dx = operand(ran, "dy"), operand(ran, "dx")
        slopes = np.empty_like(dx)
        replaced = {"dy": np.ones_like(dy), "dx": slopes}
        operands = zip(kernel.parameters, ran.instruction.operands, strict=True)
        kernel.run(*(replaced.get(name, there) for name, there in operands))
        facts, position = _facts(function, ran), function._loops.index(kernel) - 1
        of = _keys(facts["formulas"], len(forward.reads))[position]
        facts["formulas"]["of"] = of
        upstream, name = named(ran, "dy", "dx")
        can_be_flat = _is_activation(reader, function) and levels_off(function)
        called = str(partial(output.name, forward.reads[position]))
        local = Array.of(called, slopes.reshape(output.shape))
        gradient, above = (x.reshape(output.shape) for x in (dx, dy))
        off = (gradient == 0) & ((above != 0) | reader.arrays[upstream].off.reshape(output.shape))
        self.add(
            reader, ran, i, (*forward.reads, output.name, upstream),
            [Array.of(name, gradient, off)], aside=(local,),
            why="" if can_be_flat else self.of_arithmetic, **facts,
        )  # fmt: skip

    def arrays(self, step: Step) -> Mapping[str, str]:
        (local,) = self.names_aside(step).values()
        return {"local": local, "dy": step.reads[-1], self.result: step.writes[0].name}

    def equations(self, scene: Scene, name: str, index: Index) -> list[Equation]:
        *operands, output, upstream = scene.step.reads
        local = scene.step.aside[0]
        dy = scene.before[upstream]
        knowns = _operands_at(scene, index, len(operands))
        source = self._source(scene.step)
        left, held = partial(output, Symbol(source, index)), local[index]
        if scene.step.formulas["value"]:
            formula = self._slope(scene.step)
            knowns["y"] = scene.known(scene.before[output], index)
            knowns = used(knowns | scene.settings(), formula)
            first = scene.equation("local", left, formula, knowns, held)
        else:
            note = f"{scene.step.operation} states no formula: its own slope"
            first = scene.unexplained("local", left, held, note)
        term = Term("", Known.held(left, held, scene.dtype), scene.known(dy, index))
        left, held = scene.result(name, index)
        if held == 0.0 and dy[index] != 0.0:
            term = Term("the unit is off: nothing passes", term.local, term.upstream)
        return [first, *scene.gathered(left, held, [term])]

    def _source(self, step: Step) -> str:
        """The operand whose gradient this is."""
        *operands, _, _ = step.reads
        return operands[_keys(step.formulas, len(operands)).index(step.formulas["of"])]

    def names_aside(self, step: Step) -> dict[str, Symbol]:
        return {step.aside[0].name: partial(step.reads[-2], self._source(step))}

    def _slope(self, step: Step) -> str:
        formulas = step.formulas
        return slope_of(formulas["value"], formulas.get("slope", ""), formulas["of"], "y")

    def without_slope(self, asked: Question) -> Iterator[Decimal]:
        if asked.equation.kind == "contribution":
            yield asked.equation.printed["b"]

    def wrong_branch(self, asked: Question) -> Iterator[Decimal]:
        if not asked.scene.step.formulas["value"]:
            return
        *operands, output, _ = asked.scene.step.reads
        numbers = _inputs(asked, len(operands))
        numbers["y"] = Decimal(asked.scene.before[output][asked.index])
        upstream = asked.equation.printed.get("b", Decimal(0))
        for local in branch_values(self._slope(asked.scene.step), numbers):
            if asked.equation.kind == "local":
                yield local
            elif asked.equation.kind == "contribution":
                yield local * upstream


# ── a whole row ───────────────────────────────────────────────────────────────────────────────


def row_numbers(array: str) -> dict[str, str]:
    """What formulas of a whole row call its numbers: the one at hand, and each."""
    return {"x_i": Symbol(array, ("i",)), "x_j": Symbol(array, ("j",))}


@operation
class RowValue(Operation):
    """One number of a softmax, or of another function of a whole row."""

    key = "row"
    why = "A row of scores is looked at as a whole: raising one lowers the others."
    is_activation = True

    def read(self, reader: Reader, ran: RunInstruction, i: int) -> None:
        op = reader.functions[ran.instruction.title]
        if ran.instruction.phase == "backward":
            registry[RowGradient.key].read(reader, ran, i)
            return
        self.add(reader, ran, i, named(ran, "x"), formulas=row_formulas(op))

    def formulas(self, step: Step) -> Mapping[str, str]:
        return {"y_i": step.formulas["value"]}

    def arrays(self, step: Step) -> Mapping[str, str]:
        return {"y_i": Symbol(step.writes[0].name, ("i",)), **row_numbers(step.reads[0])}

    def equations(self, scene: Scene, name: str, index: Index) -> list[Equation]:
        x, (*rows, j) = scene.read(0), index
        columns = x.shape[-1]
        left, held = scene.result(name, index)
        if columns > MOST_TERMS:
            return [scene.unexplained("value", left, held, f"a function of {columns} numbers")]
        knowns = {f"x{k}": scene.known(x, (*rows, k)) for k in range(columns)}
        formula = spread(scene.step.formulas["value"], columns, j)
        return [scene.equation("value", left, formula, knowns, held)]


@operation
class RowGradient(Operation):
    """dxⱼ = Σₖ ∂yₖ/∂xⱼ · dyₖ: every number of a row moves all of it."""

    key, result, formula = "row_back", "dx", "Total(local*dy, row)"
    heading = "back through {}"
    why = "Every output of the row depends on every input: all ways are added up."

    def read(self, reader: Reader, ran: RunInstruction, i: int) -> None:
        op, x = (
            reader.functions[ran.instruction.title],
            reader.forward[ran.instruction.node].reads[0],
        )
        self.add(reader, ran, i, (*named(ran, "y", "dy"), x), formulas=row_formulas(op))

    def arrays(self, step: Step) -> Mapping[str, str]:
        y, dy, x = step.reads
        output, upstream = (Symbol(name, ("k",)) for name in (y, dy))
        return {"local": partial(output, x), "dy": upstream, self.result: step.writes[0].name}

    def equations(self, scene: Scene, name: str, index: Index) -> list[Equation]:
        y, dy = scene.read(0), scene.read(1)
        *rows, j = index
        columns = y.shape[-1]
        left, held = scene.result(name, index)
        if columns > MOST_TERMS:
            return [scene.unexplained("sum", left, held, f"a sum of {columns} contributions")]
        equations, terms = [], []
        for k in range(columns):
            local = partial(Symbol(y.name, (*rows, k)), Symbol(name[1:], index))
            formula, knowns = _row_slope(scene, rows, k, j)
            equations.append(scene.equation("local", local, formula, knowns))
            known = Known(local, worked_out(formula, knowns))
            terms.append(Term(f"through column {k}", known, scene.known(dy, (*rows, k))))
        # The kernel adds up the row first, which may be far larger than what is left of it.
        numbers = y.numbers[tuple(rows)] * dy.numbers[tuple(rows)]
        size = abs(y[index]) * float(abs(numbers).sum() + abs(dy[index]))
        loose = ROUNDING[scene.dtype] * columns * Decimal(size)
        return [*equations, *scene.gathered(left, held, terms, loose)]

    def without_slope(self, asked: Question) -> Iterator[Decimal]:
        if asked.equation.kind == "contribution":
            yield asked.equation.printed["b"]


def _row_slope(scene: Scene, rows: list[int], k: int, j: int) -> tuple[str, dict[str, Known]]:
    """∂yₖ/∂xⱼ: in terms of the outputs if the activation states it, else by the rules."""
    y, x = scene.read(0), scene.read(2)
    if stated := scene.step.formulas["slope"]:
        formula = stated.replace("delta_i_j", "1" if k == j else "0")
        knowns = {"y_i": scene.known(y, (*rows, k)), "y_j": scene.known(y, (*rows, j))}
        return formula, used(knowns, formula)
    written_out = spread(scene.step.formulas["value"], x.shape[-1], k)
    formula = slope_of(written_out, "", f"x{j}", "y")
    knowns = {f"x{i}": scene.known(x, (*rows, i)) for i in range(x.shape[-1])}
    return formula, used(knowns, formula)
