"""From the instructions of a program, run one by one, to the steps of a walkthrough."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from minidl.core import DomainError
from minidl.diagnostics import idle, levels_off
from minidl.nn import Layer, Loss, RowActivation, activations
from minidl.optim import Optimizer
from minidl.program import SETTINGS, Instruction, Program
from minidl.program import Step as Ran
from minidl.walkthrough.facts import Told, of_activation, of_loss, of_row
from minidl.walkthrough.steps import Array, Step
from minidl.walkthrough.words import HEAD, TITLES, WHY

PREPARING = ("draw", "begin")
"""Kernels that only prepare others: which mask is next, which update this is."""


class Reader:
    """Runs a program once and writes down what its instructions do.

    Parameters
    ----------
    net : Layer
        Its activations are known by name, also those that nobody registered.
    loss : Loss
    optimizer : Optimizer
    start : sequence of Array
        What is there before the first instruction.
    readings : mapping of str to callable
        For kernels that are known by name: adds a step for what one has run.

    Attributes
    ----------
    steps : list of Step
    arrays : dict of str to Array
        What there is by now.
    constants : list of Array
        Numbers that a layer of one's own writes into its code; here they get names.
    loss_name : str
        The array of the loss.
    """

    def __init__(
        self,
        net: Layer,
        loss: Loss,
        optimizer: Optimizer,
        start: Sequence[Array],
        readings: Mapping[str, Callable[[Reader, Ran, int], object]],
    ) -> None:
        self.loss, self.optimizer, self._readings = loss, optimizer, readings
        self.functions = {a.name: a for a in activations} | dict(_functions(net))
        self.steps: list[Step] = []
        self.arrays = {array.name: array for array in start}
        self.constants: list[Array] = []
        self.loss_name = ""
        self._forward: dict[int, Step] = {}
        self._turn: tuple[Step, Array] | None = None  # the loss of each, and its slopes

    def read(self, program: Program, batch: Sequence[Any]) -> None:
        """Run a program on a batch, instruction by instruction."""
        ran = program.step(*batch)
        for i in range(len(program)):
            _check(ran)
            self._take(ran, i)
            if i + 1 < len(program):
                ran = program.step()

    def _take(self, ran: Ran, i: int) -> None:
        """One instruction, as the steps that it makes; some only prepare others."""
        kernel, title = ran.instruction.kernel, ran.instruction.title
        if kernel.name in PREPARING or not kernel.writes:  # a check writes nothing
            return
        if ran.instruction.phase != "update":
            self._name_constants(ran.instruction)
        if ran.instruction.phase == "loss" and any(kernel is k for k in self._loss_kernels()):
            self._of_loss(ran, i)
        elif kernel.name in self._readings:
            self._readings[kernel.name](self, ran, i)
        elif isinstance(self.functions.get(title), RowActivation):
            self._of_row(ran, i)
        elif kernel.name == f"{title}_forward":
            self._of_elements(ran, i)
        elif kernel.name.startswith(f"{title}_slope"):
            self._elements_back(ran, i)
        else:
            self.add(ran, i, "", f"{', '.join(ran.wrote)} by {kernel.name}", _floats(ran))
        if self._turn is not None and self.steps[-1].expansion == "added":
            self._turn_round(*self._turn)

    def _name_constants(self, line: Instruction) -> None:
        for k, (parameter, x) in enumerate(zip(line.kernel.parameters, line.shown, strict=True)):
            read = isinstance(x, np.ndarray) and x.dtype.kind == "f" and k not in line.kernel.writes
            if not read or line.names[k] in self.arrays or parameter in SETTINGS:
                continue
            held = (known for known in self.constants if np.array_equal(known.numbers, x))
            if (constant := next(held, None)) is None:
                constant = Array.of(f"constant{len(self.constants) + 1}", x)
                self.constants.append(constant)
            self.arrays[constant.name] = constant
            line.names[k] = constant.name

    def append(self, expansion: str, rule: str, writes: Sequence[Array], **more: Any) -> Step:
        """One more step; what it writes is known from now on."""
        why = more.pop("why", "") or WHY[expansion]
        heading = TITLES.get(expansion, "{}").format(more["operation"])
        names = f"{writes[0].name}: " if len(writes) == 1 else ""
        title = more.pop("title", f"{names}{heading}")
        more["reads"] = tuple(more.get("reads", ()))
        step = Step(
            number=len(self.steps), title=title, rule=rule, why=why, expansion=expansion,
            writes=tuple(writes), **more,
        )  # fmt: skip
        self.steps.append(step)
        self.arrays.update({array.name: array for array in writes})
        return step

    def add(
        self,
        ran: Ran,
        i: int,
        expansion: str,
        rule: str,
        reads: Sequence[str],
        writes: Sequence[Array] | None = None,
        **more: Any,
    ) -> Step:
        """A step for an instruction; it writes what that wrote, unless arrays are given."""
        if writes is None:
            writes = [Array.of(name, x) for name, x in ran.wrote.items() if x.dtype.kind == "f"]
        line = ran.instruction
        if line.phase == "backward" and line.node in self._forward:
            more["mirrors"] = self._forward[line.node].number
        step = self.append(
            expansion, rule, writes, phase=line.phase,
            operation=line.title, reads=reads, instruction=i, **more,
        )  # fmt: skip
        if line.phase == "forward" or (line.phase == "loss" and line.node not in self._forward):
            self._forward[line.node] = step  # of several instructions the last gives the output
        return step

    # ── activations ───────────────────────────────────────────────────────────────────────────

    def _told(self, ran: Ran) -> Told:
        title = ran.instruction.title
        return of_activation(self.functions.get(title), title, operand(ran, "hyper_values"))

    def _of_elements(self, ran: Ran, i: int) -> None:
        told, parameters = self._told(ran), ran.instruction.kernel.parameters
        inputs = named(ran, *(("x",) if "x" in parameters else ("a", "b")))
        ((name, y),) = ran.wrote.items()
        op = self.functions.get(told.name)
        off = (y == 0) & (self.arrays[inputs[0]].numbers != 0) if getattr(op, "kinks", ()) else None
        flat = None
        if op is not None and levels_off(op):
            xs = [np.ascontiguousarray(self.arrays[name].numbers, y.dtype) for name in inputs]
            flat = idle(op, y, xs)
        self.add(
            ran, i, "elementwise", f"{name} = {told.text(inputs)}", inputs,
            [Array.of(name, y, off, flat)],
            formulas={"value": told.value, "derivative": told.derivative},
            settings=told.settings, why=WHY["activation"] if op is not None else "",
        )  # fmt: skip

    def _elements_back(self, ran: Ran, i: int) -> None:
        """The local derivative is what the very same kernel gives for 1 from above."""
        told, forward = self._told(ran), self._forward[ran.instruction.node]
        output, kernel = forward.writes[0], ran.instruction.kernel
        dy, dx = operand(ran, "dy"), operand(ran, "dx")
        slopes = np.empty_like(dx)
        given = {"dy": np.ones_like(dy), "dx": slopes}
        operands = zip(kernel.parameters, ran.instruction.operands, strict=True)
        kernel.run(*(given.get(name, own) for name, own in operands))
        of = "x" if len(forward.reads) == 1 else kernel.name.removesuffix("_backward")[-1]
        source = forward.reads[1 if of == "b" else 0]
        upstream, name = named(ran, "dy", "dx")
        local = Array.of(f"∂{output.name}/∂{source}", slopes.reshape(output.shape))
        made, came = (x.reshape(output.shape) for x in (dx, dy))
        off = (made == 0) & ((came != 0) | self.arrays[upstream].off.reshape(output.shape))
        self.add(
            ran, i, "elementwise_back", f"{name} = {local.name} × {upstream}",
            (*forward.reads, output.name, upstream),
            [Array.of(name, made, off)], aside=(local,),
            formulas={"value": told.value, "derivative": told.derivative, "of": of},
            settings=told.settings,
            why="" if told.name in self.functions else WHY["arithmetic_back"],
        )  # fmt: skip

    def _of_row(self, ran: Ran, i: int) -> None:
        op = self.functions[ran.instruction.title]
        if ran.instruction.phase == "backward":
            x = self._forward[ran.instruction.node].reads[0]
            y, dy, dx = named(ran, "y", "dy", "dx")
            rule = f"{dx} = Σ ∂{y}/∂{x} × {dy}, along each row"
            self.add(ran, i, "row_back", rule, (y, dy, x), formulas=of_row(op))
            return
        x, y = named(ran, "x", "y")
        self.add(ran, i, "row", f"{y} = {op.name}({x})", (x,), formulas=of_row(op))

    # ── the loss ──────────────────────────────────────────────────────────────────────────────

    def _loss_kernels(self) -> list[Any]:
        both = (False, True) if self.loss.link else (False,)
        return [self.loss.kernel(logits) for logits in both]

    def _of_loss(self, ran: Ran, i: int) -> None:
        """The loss of each; its slopes, found by the same instruction, wait for the way back."""
        line = ran.instruction
        logits = bool(self.loss.link) and line.kernel is self.loss.kernel(True)
        columns = int(operand(ran, "columns")) if "columns" in line.kernel.parameters else 0
        formulas, settings = of_loss(self.loss, logits, columns)
        settings["count"] = float(round(1.0 / operand(ran, "share")))
        losses, slopes = (line.names[k] for k in line.kernel.writes)
        t, p = line.names[:2]
        link = f"{self.loss.link}({p})" if logits else p
        step = self.add(
            ran, i, "each", f"{losses} = {self.loss.name}({t}, {link})", (t, p),
            [Array.of(losses, ran.wrote[losses])], formulas=formulas, settings=settings,
        )  # fmt: skip
        self._turn = step, Array.of(slopes, ran.wrote[slopes])

    def _turn_round(self, each: Step, slopes: Array) -> None:
        """∂L/∂L = 1, then the gradient that the loss has found going forward."""
        self._turn = None
        self.loss_name = self.steps[-1].writes[0].name
        one = Array.of(f"∂{self.loss_name}", np.ones(()))
        self.append("seed", f"∂L/∂L = {one.name} = 1", [one], phase="seed",
                    operation="seed", title="∂L/∂L = 1")  # fmt: skip
        link = " × ∂p/∂z" if each.formulas["link"] else ""
        self.append(
            "loss_back", f"{slopes.name} = ∂L/∂ℓ × ∂ℓ/∂p{link}", [slopes],
            phase="backward", operation=each.operation,
            reads=(*each.reads, one.name), why=HEAD if each.formulas["cancels"] else "",
            formulas=each.formulas, settings=each.settings,
            instruction=each.instruction, mirrors=each.number,
        )  # fmt: skip


def named(ran: Ran, *parameters: str) -> list[str]:
    """What a kernel's parameters are called in the listing."""
    names = dict(zip(ran.instruction.kernel.parameters, ran.instruction.names, strict=True))
    return [names[parameter] for parameter in parameters]


def operand(ran: Ran, parameter: str) -> Any:
    """A kernel's operand, where it lies."""
    line = ran.instruction
    return line.operands[line.kernel.parameters.index(parameter)]


def _floats(ran: Ran) -> list[str]:
    """The arrays of numbers that an instruction read."""
    line = ran.instruction
    return [
        name
        for k, (name, x) in enumerate(zip(line.names, line.shown, strict=True))
        if k not in line.kernel.writes and isinstance(x, np.ndarray) and x.dtype.kind == "f"
    ]


def _check(ran: Ran) -> None:
    if ran.instruction.kernel.partial:  # beside its part lies what is not computed yet
        return
    for name, numbers in ran.wrote.items():
        if numbers.dtype.kind == "f" and not np.isfinite(numbers).all():
            raise DomainError(
                f"explain, at {name}",
                "finite numbers",
                "NaN or infinity",
                "Scale the data, or make the weights smaller: an overflow has no explanation.",
            )


def _functions(layer: Layer) -> Iterator[tuple[str, Any]]:
    """Every activation in a network, by name."""
    for part in getattr(layer, "layers", None) or [part for _, part in layer.parts()]:
        if isinstance(part, Layer):
            yield from _functions(part)
    if layer.function is not None:
        yield layer.function.name, layer.function
