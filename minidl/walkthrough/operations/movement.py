"""Numbers that are moved about, added up, shared out, dropped; and what is shown as it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

import numpy as np

from minidl.kernels import checks, elementwise, movement, random, rows, update
from minidl.program import RunInstruction
from minidl.walkthrough.formulas import (
    Equation,
    Index,
    Known,
    Symbol,
    parse,
    partial,
    to_latex,
)
from minidl.walkthrough.operations.operation import (
    Latex,
    Operation,
    Question,
    operation,
    registry,
    wrote,
)
from minidl.walkthrough.operations.reading import Reader, floats_read, named, operand
from minidl.walkthrough.operations.scene import MOST_TERMS, Scene, Term, worked_out
from minidl.walkthrough.steps import Array, Step, ravel


@operation
class ShownAsItIs(Operation):
    """What has no formula of its own: a kernel of one's own, and these.

    A formula of whole arrays cannot say what these do: an index picks numbers (``gather``), the
    largest of some is passed on (``extreme``), a row's weight counts for all of its columns
    (``weighted_mean``), one number from above for a whole row (``pull_back``), and what was not
    chosen gets 0 (``where_backward``, of two results).
    """

    kernels = (
        movement.gather,
        movement.scatter_add,
        movement.weighted_mean,
        movement.weighted_mean_backward,
        movement.extreme,
        movement.extreme_backward,
        elementwise.pull_back,
        elementwise.where_backward,
    )
    why = "An instruction that has no formula of its own here: its numbers are shown as they are."

    def read(self, reader: Reader, ran: RunInstruction, i: int) -> None:
        kernel = ran.instruction.kernel
        if kernel.writes:  # a check of one's own writes nothing
            rule = f"{', '.join(ran.wrote)} by {kernel.name}"
            self.add(reader, ran, i, floats_read(ran), rule=rule)


@operation
class Selection(Operation):
    """y = a where the condition is not 0, b elsewhere."""

    key, kernels = "where", (elementwise.where,)
    operands, formula = ("condition", "a", "b"), "Piecewise((a, condition != 0), (b, True))"
    why = "One of two numbers is passed on; the other has no say here, and gets no gradient."
    asks = False

    def equations(self, scene: Scene, name: str, index: Index) -> list[Equation]:
        condition, a, b = (scene.known(scene.read(i), index) for i in range(3))
        chosen, note = (a, "is not 0") if condition.value else (b, "is 0")
        left, held = scene.result(name, index)
        return [
            scene.equation("value", left, "x", {"x": chosen}, held, f"{condition.symbol} {note}")
        ]


@operation
class PutView(Operation):
    """A part of an array; the parts that come later are not computed yet."""

    kernels = (movement.put_view,)
    why = ShownAsItIs.why

    def read(self, reader: Reader, ran: RunInstruction, i: int) -> None:
        x, y = named(ran, "x", "y")
        places, _ = _places(ran, "x")
        missing = np.ones(wrote(ran).shape, bool)
        if y in reader.arrays:
            missing = reader.arrays[y].missing.copy()
        missing.reshape(-1)[places.numbers.astype(int)] = False
        self.add(reader, ran, i, (x,), [Array.of(y, wrote(ran), pending=missing)],
                 rule=f"{y} by put_view")  # fmt: skip


@operation
class Preparation(Operation):
    """What only prepares or checks: which rows, which mask, which update is next. No step."""

    key = "preparation"
    kernels = (
        rows.take,
        rows.keep,
        random.draw,
        update.begin,
        checks.inside_interval,
        checks.among_choices,
        checks.all_classes,
        checks.all_one_hot,
        checks.all_finite,
    )

    def read(self, reader: Reader, ran: RunInstruction, i: int) -> None:
        """No step."""


# ── moved, added up, shared out ───────────────────────────────────────────────────────────────


def _places(ran: RunInstruction, seen: str) -> tuple[Array, dict[str, float]]:
    """Where each number that is seen lies in the whole; and what it is divided by."""
    offset, lengths, strides = (operand(ran, name) for name in ("offset", "lengths", "strides"))
    places = np.full(tuple(lengths), int(offset))
    for axis, stride in enumerate(strides):
        shape = [1] * len(lengths)
        shape[axis] = -1
        places = places + (np.arange(lengths[axis]) * stride).reshape(shape)
    parameters = ran.instruction.kernel.parameters
    divisor = float(operand(ran, "divisor")) if "divisor" in parameters else 1.0
    return Array.of("places", places.reshape(operand(ran, seen).shape)), {"divisor": divisor}


def _divided(
    scene: Scene, kind: str, left: str, formula: str, knowns: dict[str, Known], held: float
) -> list[Equation]:
    divisor = scene.step.settings.get("divisor", 1.0)
    if divisor != 1.0:
        knowns = knowns | {"n": Known.setting("n", divisor)}
        formula = f"({formula})/n"
    return [scene.equation(kind, left, formula, knowns, held)]


@operation
class Moved(Operation):
    """y = x at another place, divided by how many share it."""

    key, kernels = "moved", (movement.gather_view, elementwise.copy)
    why = "The same numbers, where the next operation wants them."
    asks = False

    def read(self, reader: Reader, ran: RunInstruction, i: int) -> None:
        x, y = named(ran, "x", "y")
        if ran.instruction.kernel is elementwise.copy:
            places = Array.of("places", np.arange(wrote(ran).size))
            self.add(reader, ran, i, (x,), rule=f"{y} = {x}", aside=(places,))
            return
        places, settings = _places(ran, "y")
        rule = f"{y} = {x}, moved by {ran.instruction.title}"
        self.add(reader, ran, i, (x,), rule=rule, aside=(places,), settings=settings)

    def equations(self, scene: Scene, name: str, index: Index) -> list[Equation]:
        y, places = scene.step.array(name), scene.step.array("places")
        source = scene.flat(scene.read(0), int(places.values[ravel(index, y.shape)]))
        return _divided(scene, "value", Symbol(name, index), "x", {"x": source}, y[index])


@operation
class Added(Operation):
    """y = Σ x over all that is shown at one place, divided by how many there are."""

    key, kernels = "added", (movement.add_view, movement.total)
    operands, formula = ("x",), "Total(x)/divisor"
    shapes = {"x": (6,), "y": (1,)}
    why = "Many numbers become one."
    of_loss = "One number for the whole batch: training lowers it."

    def read(self, reader: Reader, ran: RunInstruction, i: int) -> None:
        if ran.instruction.kernel is movement.total:
            self._read_total(reader, ran, i)
        else:
            y, x = named(ran, "y", "x")
            places, settings = _places(ran, "y")
            rule = f"{x} = sums of {y}, by {ran.instruction.title}"
            self.add(reader, ran, i, (y,), rule=rule, aside=(places,), settings=settings)
        follow, reader.after_total = reader.after_total, None
        if follow is not None:
            follow()

    def _read_total(self, reader: Reader, ran: RunInstruction, i: int) -> None:
        (x,) = named(ran, "x")
        places = Array.of("places", np.zeros(operand(ran, "x").size))
        why = self.of_loss if ran.instruction.phase == "loss" else ""
        settings = {"divisor": float(operand(ran, "divisor"))}
        self.add(reader, ran, i, (x,), aside=(places,), settings=settings, why=why)

    def formulas(self, step: Step) -> Mapping[str, str]:
        return {self.result: "Total(x)" if step.settings["divisor"] == 1.0 else self.formula}

    def equations(self, scene: Scene, name: str, index: Index) -> list[Equation]:
        y, places, x = scene.step.array(name), scene.step.array("places"), scene.read(0)
        target = ravel(index, y.shape)
        summed = [i for i, place in enumerate(places.values) if int(place) == target]
        left = Symbol(name, index)
        if not summed or len(summed) > MOST_TERMS:
            return [scene.unexplained("sum", left, y[index], f"a sum of {len(summed)} numbers")]
        knowns = {f"x{i}": scene.flat(x, i) for i in summed}
        return _divided(scene, "sum", left, " + ".join(knowns), knowns, y[index])

    def mean_as_sum(self, asked: Question, right: Decimal) -> Iterator[Decimal]:
        count = Decimal(asked.scene.step.settings.get("divisor", 1.0))
        yield right * count if count != 1 else right / len(asked.equation.operands)


@operation
class Shared(Operation):
    """dx = dy / n: a total passes its gradient to all that it counts."""

    key, kernels = "shared", (movement.fill,)
    operands, result, formula = ("dy",), "dx", "dy/divisor"
    shapes = {"dy": (1,), "dx": (5,)}
    why = "A total passes its gradient on to everything that it counts."
    asks = False

    def read(self, reader: Reader, ran: RunInstruction, i: int) -> None:
        divisor = float(operand(ran, "divisor"))
        self.add(reader, ran, i, named(ran, "dy"), settings={"divisor": divisor})

    def equations(self, scene: Scene, name: str, index: Index) -> list[Equation]:
        dy = scene.flat(scene.read(0), 0)
        left, held = scene.result(name, index)
        divisor = scene.step.settings["divisor"]
        origin = f"a mean of {divisor:g}" if divisor != 1.0 else ""
        return scene.gathered(left, held, [Term(origin, Known.share(divisor), dy)])


@operation
class FanOut(Operation):
    """Where a number is used several times, what comes back from each use is added up."""

    key, kernels = "fan_out", (elementwise.accumulate,)
    operands, result, formula = ("total", "part"), "total", "first + second"
    heading = "ways meet, gradients add up"
    why = "A number that is used twice is to blame twice: gradients of all ways are added."
    beside = ("0", "+", "1", "=")
    is_meeting = True

    def read(self, reader: Reader, ran: RunInstruction, i: int) -> None:
        total, part = named(ran, "total", "part")
        first, second = (_origin(reader, name) for name in (total, part))
        self.add(reader, ran, i, (total, part), formulas={"first": first, "second": second})

    def arrays(self, step: Step) -> Mapping[str, str]:
        ways = {key: Symbol.made("way", step.formulas[key]) for key in ("first", "second")}
        return {**ways, self.result: step.writes[0].name}

    def latex(self, step: Step, symbol: Latex) -> str:
        gradient = symbol(step.writes[0].name)
        texts = {
            key: rf"{gradient}\big|_{{\text{{by }}{symbol(step.formulas[key])}}}"
            for key in ("first", "second")
        }
        return f"{gradient} = {to_latex(parse(self.formula), texts=texts)}"

    def equations(self, scene: Scene, name: str, index: Index) -> list[Equation]:
        first, second = (scene.known(scene.read(i), index) for i in range(2))
        ways = scene.step.formulas
        knowns = {
            "a": Known(Symbol.made("way", ways["first"]), first.value, first.short),
            "b": Known(Symbol.made("way", ways["second"]), second.value, second.short),
        }
        left, held = scene.result(name, index)
        return [scene.equation("sum", left, "a + b", knowns, held)]


def _origin(reader: Reader, name: str) -> str:
    """By way of which result a gradient came back."""
    for step in reversed(reader.steps):
        if any(array.name == name for array in step.writes):
            if registry[step.expansion].is_meeting:
                return "the ways before"
            mirrored = step.mirrors
            return name if mirrored is None else reader.steps[mirrored].writes[0].name
    return name


# ── dropout ───────────────────────────────────────────────────────────────────────────────────


@operation
class DropoutMask(Operation):
    """y = x / (1 − rate) where the unit is kept, 0 where it is silenced."""

    key, kernels = "dropout", (random.dropout,)
    operands, formula = ("x",), "Times(x, mask)/(1 - rate)"
    why = "Silenced units cannot be relied on; the others are scaled up to make up for them."

    def read(self, reader: Reader, ran: RunInstruction, i: int) -> None:
        """The mask is what the very same kernel makes of ones."""
        x, y = named(ran, "x", "y")
        rate, ones = float(operand(ran, "rate")), np.ones_like(operand(ran, "x"))
        kept = np.empty_like(ones)
        ran.instruction.kernel.run(ones, kept, operand(ran, "stream"), rate)
        mask = Array.of(f"{y.removeprefix('∂')}.mask", (kept != 0).reshape(wrote(ran).shape))
        forwards = ran.instruction.phase == "forward"
        operation_of_phase = self if forwards else registry[DropoutGradient.key]
        operation_of_phase.add(reader, ran, i, (x,), aside=(mask,), settings={"rate": rate})

    def equations(self, scene: Scene, name: str, index: Index) -> list[Equation]:
        left, held = scene.result(name, index)
        knowns = {"x": scene.known(scene.read(0), index)}
        if scene.step.aside[0][index] == 0.0:
            return [scene.equation("value", left, "0*x", knowns, held, "silenced by dropout")]
        knowns |= scene.settings()
        return [scene.equation("value", left, "x/(1 - rate)", knowns, held, "kept by dropout")]


@operation
class DropoutGradient(Operation):
    """dx = dy / (1 − rate) where the unit was kept, 0 where it was silenced."""

    key = "dropout_back"
    operands, result, formula = DropoutMask.operands, "dx", DropoutMask.formula
    heading = "back through {}"
    why = "What was silenced on the way forward gets no gradient."

    def equations(self, scene: Scene, name: str, index: Index) -> list[Equation]:
        mask, dy = scene.step.aside[0], scene.read(0)
        left, held = scene.result(name, index)
        upstream = scene.known(dy, index)
        if mask[index] == 0.0:
            term = Term("silenced by dropout", Known.setting("0", 0.0), upstream)
            return scene.gathered(left, held, [term])
        local = partial("y", Symbol(name[1:], index))
        first = scene.equation("local", local, "1/(1 - rate)", scene.settings(), None, "kept")
        known = Known(local, worked_out("1/(1 - rate)", scene.settings()))
        return [first, *scene.gathered(left, held, [Term("", known, upstream)])]
