"""Record one eager step as a program."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minidl.errors import ArgumentError, DtypeError, RecordError
from minidl.op import FLOATS
from minidl.program.instruction import Instruction
from minidl.program.layout import Layout, compare, needed
from minidl.program.program import Program
from minidl.program.tape import Call, Outcome, Place, Tape, listening, offset, root
from minidl.tensor import Tensor


def record(
    step: Callable[..., Tensor], *batch: Any, dtype: Any = None, keep: bool = False
) -> Program:
    """Write a training step down as a program, without running it.

    Parameters
    ----------
    step : callable
        Takes the batch as tensors, does what a step does (forward, loss, ``backward``,
        ``optimizer.step``) with Tensor operations, and returns the loss.
    *batch : arrays
        Inputs and targets, for their shapes: the first axis counts rows.
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
        If the step looks at a number (``item``, ``numpy``, ``if loss > 1``), or is not the same
        for two batches. Parameters, optimizer state and counters stay as they were.

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
    if dtype is not None:
        return _record(step, shapes, _float(dtype), keep)
    try:
        return _record(step, shapes, FLOATS[0], keep)
    except DtypeError:  # parameters of the other dtype
        return _record(step, shapes, FLOATS[1], keep)


def _float(dtype: Any) -> np.dtype:
    for found in FLOATS:
        if dtype in (found, found.name, found.type):
            return found
    expected, remedy = "'float32' or 'float64'", "Leave it out: the parameters have one."
    raise ArgumentError("record(dtype=…)", expected, repr(dtype), remedy)


def _record(
    step: Callable[..., Tensor],
    shapes: Sequence[tuple[int, ...]],
    dtype: np.dtype,
    keep: bool,
    memory: np.ndarray | None = None,
) -> Program:
    names = _names(step, len(shapes))
    (tape, loss, outcomes), (twin, *_) = _traces(step, names, shapes, dtype, times=2)
    twins = compare(tape, twin)
    calls = tape.calls if keep else needed(tape, twins, loss)
    layout = Layout(calls, tape.inputs, twins, loss, keep, memory)
    named = tape.names()
    return Program(
        [_instruction(call, layout, named) for call in calls],
        inputs=tape.inputs,
        loss=layout(loss, root(loss), offset(loss, root(loss))),
        optimizers=tape.optimizers,
        outcomes=outcomes,
        checks=_checks_of(tape),
        workspace=layout.size,
        again=lambda rows: _record(
            step, [(rows, *shape[1:]) for shape in shapes], dtype, keep, layout.memory
        ),
        confirm=lambda: compare(tape, _traces(step, names, shapes, dtype, times=1)[0][0]),
    )


def _traces(
    step: Callable[..., Tensor],
    names: Sequence[str],
    shapes: Sequence[tuple[int, ...]],
    dtype: np.dtype,
    times: int,
) -> list[tuple[Tape, np.ndarray, list[Outcome]]]:
    """The step's kernel calls for batches without numbers, where the loss would be, what is left.

    What one leaves behind, gradients above all, the next one finds, as when a step is run.
    """
    tapes: list[Tape] = []
    made = []
    try:
        for mark in range(times):
            if tapes:
                tapes[-1].disturb()
            tapes.append(Tape([np.zeros(shape, dtype) for shape in shapes], mark))
            tensors = [Tensor._of(array) for array in tapes[-1].inputs]
            for tensor, name in zip(tensors, names, strict=True):
                tensor.name = name
            # Nothing is computed: whatever lies in memory is no ground for NumPy's warnings.
            with listening(tapes[-1]), np.errstate(all="ignore"):
                loss = _single(step(*tensors))
            made.append((tapes[-1], loss, tapes[-1].outcomes()))
    finally:
        for tape in reversed(tapes):  # the first one knows how it all was
            tape.restore()
    return made


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


def _checks_of(tape: Tape) -> list[list[Any]]:
    """For each input, what its numbers must satisfy."""
    owners = [id(slot) for slot in tape.inputs]
    found: list[list[Any]] = [[] for _ in owners]
    for x, check in tape.checks:
        if id(root(x)) in owners:
            found[owners.index(id(root(x)))].append(check)
    return found


def _instruction(
    call: Call, layout: Layout, named: dict[Place, tuple[str, tuple[int, ...]]]
) -> Instruction:
    operands, names, shown = [], [], []
    parts = zip(call.kernel.parameters, call.arguments, call.owners, call.offsets, strict=True)
    for name, argument, owner, start in parts:
        operand = layout(argument, owner, start)
        operands.append(operand)
        if owner is not None:
            key = id(owner), start, argument.nbytes
            name, shape = named.get(key, (name, argument.shape))
            operand = operand.reshape(shape)
        names.append(name)
        shown.append(operand)
    for i in call.kernel.writes:
        if id(call.owners[i]) not in layout.writable:
            raise RecordError(
                f"the step, at {call.title}",
                "kernels that write into memory of their own",
                f"{call.kernel.name} writing into {names[i]}",
                "Write into a copy.",
            )
    return Instruction(call.kernel, operands, names, call.phase, call.title, call.node, shown)
