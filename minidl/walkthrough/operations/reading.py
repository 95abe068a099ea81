"""From the instructions of a program, run one by one, to the steps of a walkthrough."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from minidl.core import DomainError
from minidl.nn import Layer, Loss, activations
from minidl.optim import Optimizer
from minidl.program import SETTINGS, Instruction, Program, RunInstruction
from minidl.walkthrough.steps import Array, Step


class Reader:
    """Runs a program once and writes down what its instructions do.

    Parameters
    ----------
    net : Layer
        Its activations are known by name, also those that nobody registered.
    start : sequence of Array
        What is there before the first instruction.
    operation_of : callable
        From a kernel and the loss to the operation whose ``read`` adds a step for what has run.

    Attributes
    ----------
    arrays : dict of str to Array
        What there is by now.
    forward : dict of int to Step
        By the operation's number in the program: the step that gives its output.
    constants : list of Array
        Numbers that a layer of one's own writes into its code; here they get names.
    loss_name : str
        The array of the loss.
    after_total : callable or None
        What follows once the losses of all predictions are added up.
    """

    def __init__(
        self,
        net: Layer,
        loss: Loss,
        optimizer: Optimizer,
        start: Sequence[Array],
        operation_of: Callable[[Any, Loss], Any],
    ) -> None:
        self.loss, self.optimizer, self._operation_of = loss, optimizer, operation_of
        self.functions = {a.name: a for a in activations} | dict(_functions(net))
        self.steps: list[Step] = []
        self.arrays = {array.name: array for array in start}
        self.constants: list[Array] = []
        self.loss_name = ""
        self.after_total: Callable[[], None] | None = None
        self.forward: dict[int, Step] = {}

    def read(self, program: Program, batch: Sequence[Any]) -> None:
        """Run a program on a batch, instruction by instruction."""
        ran = program.step(*batch)
        for i in range(len(program)):
            _check(ran)
            if ran.instruction.phase != "update":
                self._name_constants(ran.instruction)
            self._operation_of(ran.instruction.kernel, self.loss).read(self, ran, i)
            if i + 1 < len(program):
                ran = program.step()

    def _name_constants(self, line: Instruction) -> None:
        for k, (parameter, x) in enumerate(zip(line.kernel.parameters, line.shown, strict=True)):
            read = isinstance(x, np.ndarray) and x.dtype.kind == "f" and k not in line.kernel.writes
            if not read or line.names[k] in self.arrays or parameter in SETTINGS:
                continue
            equal = (known for known in self.constants if np.array_equal(known.numbers, x))
            if (constant := next(equal, None)) is None:
                constant = Array.of(f"constant{len(self.constants) + 1}", x)
                self.constants.append(constant)
            self.arrays[constant.name] = constant
            line.names[k] = constant.name


def named(ran: RunInstruction, *parameters: str) -> list[str]:
    """What a kernel's parameters are called in the listing."""
    names = dict(zip(ran.instruction.kernel.parameters, ran.instruction.names, strict=True))
    return [names[parameter] for parameter in parameters]


def operand(ran: RunInstruction, parameter: str) -> Any:
    """A kernel's operand, where it lies."""
    line = ran.instruction
    return line.operands[line.kernel.parameters.index(parameter)]


def floats_read(ran: RunInstruction) -> list[str]:
    """The arrays of numbers that an instruction read."""
    line = ran.instruction
    return [
        name
        for k, (name, x) in enumerate(zip(line.names, line.shown, strict=True))
        if k not in line.kernel.writes and isinstance(x, np.ndarray) and x.dtype.kind == "f"
    ]


def _check(ran: RunInstruction) -> None:
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
