"""Make a walkthrough: record a training step, run it instruction by instruction, prove it."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from minidl.core import ArgumentError, whole_number
from minidl.model import Sequential
from minidl.nn import Layer, Loss, get_loss
from minidl.optim import Optimizer, Rate, get_optimizer
from minidl.program import Program, listing, record
from minidl.training import check_data
from minidl.training import step as training_step
from minidl.walkthrough.formulas import LEAST_DIGITS
from minidl.walkthrough.operations import (
    Beginning,
    ElementwiseValue,
    LossAfterwards,
    Reader,
    bounded,
    operation_for,
    operation_of,
    states_used,
)
from minidl.walkthrough.proof import calculates, prove
from minidl.walkthrough.steps import SCHEMA, Array, LayerFacts, Problem, Verdict
from minidl.walkthrough.walkthrough import Walkthrough

MOST_NUMBERS = 10_000
"""Numbers in a network's parameters and in what one step computes of a batch."""


def explain(
    net: Sequential,
    x: Any,
    y: Any,
    *,
    loss: Any,
    optimizer: Any = "sgd",
    learning_rate: Rate | None = None,
    from_logits: bool = False,
    digits: int = LEAST_DIGITS,
) -> Walkthrough:
    """Walk through one training step: every number shown, and every gradient proved.

    The step is the one that ``fit`` takes, to the bit: its recorded instructions are run one by
    one, on a copy of the network. Dropout draws the mask that the next batch would get.

    Parameters
    ----------
    net : Sequential
        It is not changed.
    x : array of shape (rows, features)
        A few rows.
    y : array
        Their targets, as ``fit`` takes them.
    loss : str or loss
    optimizer : str, class or Optimizer
        One already made on ``net.parameters()``, or on some of them, shows its next update.
    learning_rate : float or Schedule, optional
        The optimizer's own default if left out.
    from_logits : bool
        As in the loss.
    digits : int
        Significant digits of results, from 4 to 12; operands are shown with as many as the
        results need.

    Returns
    -------
    Walkthrough

    Raises
    ------
    ArgumentError
        For a network or batch too large to look at number by number.
    RecordError
        For a layer that computes outside of Tensor operations.
    MinidlError
        Where data, network and loss do not fit each other.

    Examples
    --------
    >>> import minidl as ml
    >>> net = ml.mlp([2, 1], output="sigmoid", seed=0)
    >>> net[0].weight.data = [[0.5], [-0.25]]
    >>> walkthrough = ml.explain(net, [[1.0, 2.0]], [1], loss="bce", learning_rate=1.0)
    >>> print(walkthrough.equations(1, "dense1.sums", (0, 0))[0])
    dense1.sums[0, 0] = x[0, 0]·dense1.weight[0, 0] + x[0, 1]·dense1.weight[1, 0] + dense1.bias[0]
    = 1·0.5 + 2·(−0.25) + 0 = 0
    """
    digits = whole_number("digits", digits, LEAST_DIGITS, LEAST_DIGITS, 12)
    loss = get_loss(loss)
    x, y = check_data(net, x, y, loss, from_logits, "")
    _check_size(sum(parameter.size for parameter in net.parameters()))
    net._renumber()
    twin, optimizer = _copied(net, optimizer, learning_rate)
    optimizer._check_trainable("explain")
    reader = Reader(twin, loss, optimizer, [*_start(optimizer, twin, (x, y))], operation_for)
    start, described = tuple(reader.arrays.values()), repr(optimizer)
    program = record(
        lambda x, t: training_step(twin, x, t, loss, optimizer, from_logits), x, y,
        dtype=net.dtype, keep=True,
    )  # fmt: skip
    _check_size(sum(numbers.size for numbers in _made(program)))
    title = f"a {_widths(net)}network, a batch of {len(x)} row{'s' * (len(x) > 1)}"
    Beginning().append(reader, (), "problem", rule=title, phase="problem", title="The problem")
    reader.read(program, (x, y))
    _tell_output(reader)
    _afterwards(reader, program)
    return Walkthrough(
        schema=SCHEMA,
        problem=_problem(net, described, loss, reader, program, title),
        start=(*start, *reader.constants),
        steps=tuple(reader.steps),
        verdicts=_verdicts(net, loss, from_logits, (x, y), reader),
        digits=digits,
    )


def _verdicts(
    net: Sequential, loss: Loss, from_logits: bool, batch: Sequence[np.ndarray], reader: Reader
) -> tuple[Verdict, ...]:
    """What differences say of every gradient."""

    def compared(t: Any, p: Any) -> Any:
        return loss(t, p, from_logits=from_logits)

    each = next(step for step in reader.steps if operation_of(step).is_loss)
    near = bounded(each, reader.arrays[each.reads[1]].numbers).any()
    return prove(net, compared, batch, _gradients(reader), bool(near))


def _copied(
    net: Sequential, optimizer: Any, learning_rate: Rate | None
) -> tuple[Sequential, Optimizer]:
    """A copy of the network with an optimizer of its own: a copy of the one given, or a new one."""
    if not isinstance(optimizer, Optimizer):
        twin = copy.deepcopy(net)
        return twin, get_optimizer(optimizer, twin.parameters(), learning_rate)
    get_optimizer(optimizer, net.parameters(), learning_rate)  # refuses one of another network
    return copy.deepcopy((net, optimizer))


def _check_size(numbers: int) -> None:
    if numbers > MOST_NUMBERS:
        raise ArgumentError(
            "explain",
            f"at most {MOST_NUMBERS:,} numbers, in parameters and in what a step makes of a batch",
            f"{numbers:,}",
            "Give fewer rows, x[:4], or a smaller network.",
        )


def _made(program: Program) -> list[np.ndarray]:
    """Every array that a program writes, each once."""
    return list(
        {
            line.names[k]: line.shown[k]
            for line in program.instructions
            for k in line.kernel.writes
        }.values()
    )


def _start(optimizer: Optimizer, net: Sequential, batch: Sequence[np.ndarray]) -> Iterator[Array]:
    """What is there before the first instruction: batch, parameters, the optimizer's state."""
    for name, part in zip("xt", batch, strict=True):
        yield Array.of(name, part)
    for parameter in net.parameters():
        yield Array.of(str(parameter.name), parameter.numpy())
    begin, states = 0, states_used(optimizer)
    for parameter in optimizer.parameters:
        for name in states:
            numbers = optimizer.state[name]
            part = numbers[begin : begin + parameter.size].reshape(parameter.shape)
            yield Array.of(f"{parameter.name}.{name}", part)
        begin += parameter.size


def _gradients(reader: Reader) -> dict[str, Array]:
    """Every gradient as the way back has left it, before any clipping."""
    back = [step for step in reader.steps if step.phase == "backward"]
    written = {array.name: array for step in back for array in step.writes}
    return {name: array for name, array in written.items() if name.startswith("∂")}


def _tell_output(reader: Reader) -> None:
    """Say of the last activation what it is for: no layer follows that its bend would help."""
    last = [step for step in reader.steps if step.phase == "forward"][-1]
    if last.why == ElementwiseValue.of_hidden:
        reader.steps[last.number] = replace(last, why=ElementwiseValue.of_output)


def _afterwards(reader: Reader, program: Program) -> None:
    """The loss of the same batch (and the same dropout masks) once the weights are updated."""
    for line in program.instructions:
        if line.phase in ("forward", "loss") and calculates(line):
            line.kernel.run(*line.operands)
    name = f"{reader.loss_name} afterwards"
    LossAfterwards().append(
        reader, [Array.of(name, program.loss.reshape(()))], "after",
        rule="the way forward once more, with the new weights",
        phase="after", title=name, reads=(reader.loss_name,),
    )  # fmt: skip


def _problem(
    net: Sequential, optimizer: str, loss: Loss, reader: Reader, program: Program, title: str
) -> Problem:
    outputs = [step.writes[0].name for step in reader.steps if step.phase == "forward"]
    return Problem(
        title=title,
        layers=tuple(map(_facts, net)),
        loss=repr(loss),
        optimizer=optimizer,
        output=outputs[-1],
        loss_name=reader.loss_name,
        rows=program.rows,
        dtype=str(net.dtype),
        listing=listing(program.instructions),
        frozen=tuple(str(parameter.name) for parameter in net.parameters() if parameter.is_frozen),
    )


def _widths(net: Sequential) -> str:
    """From width to width, ``2-3-1``; nothing where none is known."""
    widths = [net.in_features, *(layer.out_features for layer in net if not layer.keeps_width)]
    return "-".join(str(width or "?") for width in widths) + " " if any(widths) else ""


def _facts(layer: Layer) -> LayerFacts:
    return LayerFacts(
        name=layer.name,
        kind=layer.kind,
        activation=repr(layer.function) if layer.function is not None else "",
        inputs=layer.in_features,
        outputs=layer.out_features,
        parameters=tuple(str(parameter.name) for parameter in layer.parameters()),
    )
