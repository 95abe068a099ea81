"""Record one eager step as a program."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from minidl.autodiff import Tensor
from minidl.core import (
    FLOATS,
    ArgumentError,
    DtypeError,
    RecordError,
    ShapeError,
    as_float,
    as_numbers,
    cast_checked,
)
from minidl.program.instruction import Instruction
from minidl.program.layout import Layout, compare, is_shared, needed
from minidl.program.places import Place, place
from minidl.program.program import Program
from minidl.program.saved import Saved
from minidl.program.state import State, check_seen
from minidl.program.tape import ArrayPart, Call, ParameterOutcome, Tape, listening


def record(
    step: Callable[..., Tensor], *batch: Any, dtype: Any = None, keep: bool = False
) -> Program:
    """Write a training step down as a program that gives the step's own bits.

    The step is computed twice, on the batch and then on its rows in reverse order, and the
    program made of its kernel calls must repeat both to the bit. Afterwards everything is as it
    was before: parameters, gradients, optimizer state, counters, attributes of layers, losses and
    optimizers of your own, random generators.

    What cannot be seen from outside is the step's own affair: a global variable that a method of a
    layer reads or counts in, the clock, what it prints, writes or reads elsewhere.

    Parameters
    ----------
    step : callable
        Takes the batch as tensors, does what a step does (forward, loss, ``backward``,
        ``optimizer.step``) with Tensor operations, and returns the loss.
    *batch : arrays
        Inputs and targets that the step can be computed on: the first axis counts rows.
    dtype : {"float32", "float64"}, optional
        Of the program; what suits the parameters if left out.
    keep : bool
        For looking inside: every intermediate result is computed, also one that nobody reads,
        and keeps memory of its own.

    Returns
    -------
    Program

    Raises
    ------
    RecordError
        If the step looks at a number (``item``, ``numpy``, ``if loss > 1``), is not the same for
        two batches, computes with NumPy, or changes Python state of its own: an attribute, an
        entry of a container, a random generator.
    MinidlError
        What the step itself raises on this batch.

    Examples
    --------
    >>> import minidl as ml
    >>> net = ml.mlp([2, 4, 1], output="sigmoid")
    >>> optimizer = ml.SGD(net.parameters())
    >>> def step(x, y):
    ...     loss = ml.binary_crossentropy(y, net(x))
    ...     optimizer.zero_grad()
    ...     loss.backward()
    ...     optimizer.step()
    ...     return loss
    >>> x, y = np.ones((8, 2)), np.ones((8, 1))
    >>> program = record(step, x, y)
    >>> program(x, y) > program(x, y)
    True
    """
    shapes = [np.shape(part) for part in batch]
    if not batch or any(not shape or not shape[0] for shape in shapes):
        got = ", ".join(map(str, shapes)) or "nothing"
        raise RecordError("record(step, *batch)", "arrays of at least one row", got, "Give x, y.")
    if len({shape[0] for shape in shapes}) > 1:
        got, remedy = ", ".join(map(str, shapes)), "Give rows that belong together."
        raise ShapeError("record(step, *batch)", "as many rows in each array", got, remedy)
    numbers = [as_numbers("record(step, *batch)", part) for part in batch]
    if dtype is not None:
        return _record(step, numbers, _float(dtype), keep)
    try:
        return _record(step, numbers, FLOATS[0], keep)
    except DtypeError:  # parameters of the other dtype
        return _record(step, numbers, FLOATS[1], keep)


def record_training(
    step: Callable[..., Tensor], batch: Sequence[np.ndarray], parameters: Sequence[Tensor]
) -> Program:
    """Record a step that trains these parameters, in their dtype, and refuse one with others."""
    return _record(step, batch, batch[0].dtype, keep=False, parameters=parameters)


def _float(dtype: Any) -> np.dtype:
    for known in FLOATS:
        if dtype in (known, known.name, known.type):
            return known
    expected, remedy = "'float32' or 'float64'", "Leave it out: the parameters have one."
    raise ArgumentError("record(dtype=…)", expected, repr(dtype), remedy)


def workspace(step: Callable[..., Tensor], *shapes: tuple[int, ...], dtype: np.dtype) -> int:
    """Bytes that a step on batches of these shapes works in; nothing is computed."""
    names, losses = _names(step, len(shapes)), []
    state = State(step)
    check_seen(state)
    with _restored(state=state) as tapes:
        for mark in range(2):
            tapes.append(Tape([np.zeros(shape, dtype) for shape in shapes], mark=mark))
            losses.append(_run(step, names, tapes[-1]))
    tape, twin = tapes
    twins, loss = compare(tape, twin), tape.memory(losses[0])
    return Layout(needed(tape, twins, loss), tape.slots, twins, loss, keep=False).size


WAYS = (slice(None), slice(None, None, -1))
"""The batch as it is, and its rows in reverse order."""


class Computed(NamedTuple):
    """What a computed step has left: its loss, and the bytes of memory that was there before."""

    loss: float
    numbers: dict[int, bytes]


class Taken(NamedTuple):
    """A step that was computed for each of ``WAYS``, and traced without numbers."""

    runs: list[Tape]
    computed: list[Computed]
    trace: Tape
    loss: np.ndarray
    outcomes: list[ParameterOutcome]
    state: State


def _record(
    step: Callable[..., Tensor],
    batch: Sequence[np.ndarray],
    dtype: np.dtype,
    keep: bool,
    memory: np.ndarray | None = None,
    parameters: Sequence[Tensor] | None = None,
) -> Program:
    names = _names(step, len(batch))
    parts = [as_float(cast_checked("record", part, dtype)) for part in batch]
    batches = [[np.ascontiguousarray(part[rows]) for part in parts] for rows in WAYS]
    with Saved() as saved:
        recorded = _take(step, names, batches, saved, parameters)
        tape = recorded.trace
        twins, _ = (compare(tape, run) for run in recorded.runs)
        loss = tape.memory(recorded.loss)
        calls = tape.calls if keep else needed(tape, twins, loss)
        layout = Layout(calls, tape.slots, twins, loss, keep, memory)
        named = tape.names()
        program = Program(
            [_instruction(call, layout, named) for call in calls],
            inputs=tape.inputs,
            loss=layout(tape.part(recorded.loss)),
            optimizers=tape.optimizers,
            outcomes=recorded.outcomes,
            checks=tape.checks,
            workspace=layout.size,
            again=lambda parts: _record(step, parts, dtype, keep, layout.memory),
            confirm=partial(_confirm, step, names, tape, recorded.state.foreign),
        )
        lasting = saved.names.keys() | {id(m.array) for m in twins if is_shared(m, twins)}
        for rows, wanted in zip(batches, recorded.computed, strict=True):
            _verify(program, rows, wanted, lasting, saved)
        program.confirm()  # with other numbers once more: a truth value may be the same by chance
    return program


def _take(
    step: Callable[..., Tensor],
    names: Sequence[str],
    batches: Sequence[Sequence[np.ndarray]],
    saved: Saved,
    parameters: Sequence[Tensor] | None,
) -> Taken:
    """Run the step, each time from where the last run left it; then everything is as before."""
    state, computed = State(step), []
    check_seen(state)
    saved.save_all(state.arrays)
    with _restored(saved, state) as tapes:
        for batch in batches:
            tapes.append(Tape([part.copy() for part in batch], saved, state))
            loss = _run(step, names, tapes[-1])
            _check_state(state.changed())
            _check_leaves(tapes[-1], parameters)
            computed.append(Computed(float(loss.reshape(-1)[0]), saved.numbers()))
            del loss  # and with it the results of the run
        # What NumPy makes of a tensor, or of weights, differs where there are other numbers.
        tapes.append(Tape([np.zeros_like(part) for part in batches[0]], mark=1))
        tapes[-1].disturb(tapes[0])
        loss = _traced(step, names, tapes[-1])
        outcomes = tapes[-1].outcomes()
        _check_state(state.changed())
    *runs, trace = tapes
    return Taken(runs, computed, trace, loss, outcomes, state)


def _verify(
    program: Program,
    batch: Sequence[np.ndarray],
    wanted: Computed,
    lasting: Collection[int],
    saved: Saved,
) -> None:
    """An error if the program does not repeat, to the bit, what was computed."""
    loss = program.repeat(batch)
    numbers = saved.numbers()
    wrong = [
        saved.names.get(key, "a counter")
        for key, before in wanted.numbers.items()
        if key in lasting and numbers[key] != before
    ]
    if loss != wanted.loss and not (loss != loss and wanted.loss != wanted.loss):
        wrong.insert(0, "the loss")
    if wrong:
        raise RecordError(
            "the step",
            "operations made of kernels, which a program can repeat",
            f"one that computes {wrong[0]} otherwise, with NumPy or Python",
            "Make it of Tensor operations and kernels; or write fit(record=False).",
        )


def _check_leaves(tape: Tape, parameters: Sequence[Tensor] | None) -> None:
    """An error if a gradient goes to a parameter that nobody trains."""
    known = {id(parameter) for parameter in parameters or ()}
    for node in (leaf.node for leaf in tape.leaves.values()) if parameters is not None else ():
        if node.requires_grad and id(node) not in known:
            name = node.name or f"a tensor of shape {node._array.shape}"
            raise RecordError(
                f"the step, at {name}",
                "parameters that net.parameters() lists",
                "one that it does not find, which is never trained",
                "Keep it in an attribute of a layer, or in a list or dict in one.",
            )


def _check_state(name: str | None) -> None:
    """An error if the step changes Python state of this name, which a program would not."""
    if name is not None:
        raise RecordError(
            f"the step, at {name}",
            "a step that changes nothing but tensors, parameters and an optimizer's state",
            f"one that changes {name}",
            "A program would go on without that change: write fit(record=False), or keep the "
            "number in the optimizer or the data.",
        )


def _confirm(
    step: Callable[..., Tensor], names: Sequence[str], tape: Tape, foreign: Sequence[Any]
) -> None:
    """Run the step's Python once more, without numbers; an error if it is not what it was."""
    state = State(*foreign, deep=False)
    try:
        with _restored() as tapes:
            tapes.append(Tape([np.zeros(x.shape, x.dtype) for x in tape.inputs]))
            _traced(step, names, tapes[0])
        _check_state(state.changed())
    except BaseException:
        state.restore()
        raise
    compare(tape, tapes[0])


@contextmanager
def _restored(saved: Saved | None = None, state: State | None = None) -> Iterator[list[Tape]]:
    """Whatever happens to the tapes in the list, leave everything as it was."""
    tapes: list[Tape] = []
    try:
        yield tapes
    finally:
        for tape in reversed(tapes):  # the first one knows how it all was
            tape.restore()
        if saved is not None:
            saved.restore()
        if state is not None:
            state.restore()


def _run(step: Callable[..., Tensor], names: Sequence[str], tape: Tape) -> np.ndarray:
    """The step's kernel calls on a tape; returns where the loss is.

    What one run leaves behind, gradients above all, the next one finds, as when a step is run.
    """
    tensors = [Tensor._of(array) for array in tape.inputs]
    for tensor, name in zip(tensors, names, strict=True):
        tensor.name = name
    # Where nothing is computed, whatever lies in memory is no ground for NumPy's warnings.
    quiet = np.errstate(all="ignore") if tape.saved is None else nullcontext()
    with listening(tape), quiet:
        loss = step(*tensors)
    if tape.refused is not None:
        raise tape.refused
    return _single(loss)


def _traced(step: Callable[..., Tensor], names: Sequence[str], tape: Tape) -> np.ndarray:
    """The same without numbers; a step that fails for want of them cannot be recorded."""
    try:
        return _run(step, names, tape)
    except RecordError:
        raise
    except Exception as error:
        raise RecordError(
            "the step",
            "one that does the same whatever the numbers are",
            f"{type(error).__name__} with other numbers: {error}",
            "Make it of Tensor operations, ml.where for a choice; or write fit(record=False).",
        ) from error


def _names(step: Callable[..., Any], count: int) -> list[str]:
    """What the step calls its inputs."""
    try:
        names = list(inspect.signature(step).parameters)[:count]
    except ValueError:
        names = []
    return names if len(names) == count else [f"input{i}" for i in range(count)]


def _single(loss: Any) -> np.ndarray:
    if not isinstance(loss, Tensor) or loss.size != 1:
        got = f"shape {loss.shape}" if isinstance(loss, Tensor) else repr(loss)
        raise RecordError("step(…)", "the loss, a tensor of one number", got, "Return the loss.")
    return loss._array


def _instruction(
    call: Call, layout: Layout, named: dict[Place, tuple[str, tuple[int, ...]]]
) -> Instruction:
    operands, names, shown = [], [], []
    for name, argument in zip(call.kernel.parameters, call.arguments, strict=True):
        operand = view = argument
        if isinstance(argument, ArrayPart):
            assert argument.array is not None
            operand = layout(argument)
            name, shape = named.get(place(argument.array), (name, operand.shape))
            view = operand.reshape(shape)
        operands.append(operand)
        names.append(name)
        shown.append(view)
    for i, memory in zip(call.kernel.writes, call.written(), strict=True):
        if memory not in layout.writable:
            raise RecordError(
                f"the step, at {call.title}",
                "kernels that write into memory of their own",
                f"{call.kernel.name} writing into {names[i]}",
                "Write into a copy.",
            )
    return Instruction(
        call.kernel, operands, names, call.phase, call.title, call.node, shown, call.refusal
    )
