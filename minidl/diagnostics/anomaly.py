"""Where a NaN or an infinity came from: the first operation that made one, and from what."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import isfinite, prod
from typing import Any, NamedTuple

import numpy as np

from minidl.autodiff import Listener, Node, Op, handed_to, recorder
from minidl.core import AnomalyError, RecordError
from minidl.kernels import checks
from minidl.kernels.jit import Kernel
from minidl.nn import Layer
from minidl.optim import Optimizer
from minidl.program import SETTINGS, Instruction, address, place

REMEDIES = {
    "forward": "Keep its operands where it is defined and does not overflow: ml.clip, "
    "ml.maximum(x, 1e-8), scaled inputs, a lower learning rate.",
    "loss": "Scale inputs and targets, or lower the learning rate.",
    "backward": "Its slope has no bound there, or gradients grow too large: keep its operands "
    "away with ml.maximum(x, 1e-8), or lower the learning rate.",
    "update": "Lower the learning rate, or write clip_norm=1.0 in the optimizer.",
}
FOREIGN = "It was there before: look at the data, and at weights that were set or loaded."


@contextmanager
def detect_anomaly() -> Iterator[None]:
    """Stop at the first operation that makes NaN or infinity, and say which and from what.

    Inside, every operation on this thread is looked at: going forward, in the loss, going
    backward, and in the update. ``fit`` trains batch by batch, and a program runs one instruction
    at a time, which takes many times as long and gives the same bits. Outside nothing changes.

    Raises
    ------
    AnomalyError
        With operation, layer and operands; from ``fit`` also epoch, batch and row.
    RecordError
        Inside a step that is being recorded.

    Examples
    --------
    >>> import minidl as ml
    >>> x = ml.Tensor([[2.0, 0.0]], requires_grad=True)
    >>> with ml.detect_anomaly():
    ...     y = ml.log(x).sum()
    Traceback (most recent call last):
    minidl.core.errors.AnomalyError: log (forward): expected finite numbers, got log(0) = -inf at
    [0, 1]. Keep its operands where it is defined and does not overflow: ml.clip,
    ml.maximum(x, 1e-8), scaled inputs, a lower learning rate.
    """
    if recorder() is not None:
        expected, got = "outside a step that is recorded, which has no numbers yet", "one inside"
        raise RecordError("detect_anomaly()", expected, got, "Put it around program.run instead.")
    with handed_to(Detector()):
        yield


@dataclass
class SeenArray:
    """Memory that kernels work on: what it is called, the shape that it has under that name."""

    name: str
    shape: tuple[int, ...]
    array: np.ndarray


@dataclass
class Situation:
    """What the kernels that are called now are part of; ``shape`` is that of the result."""

    phase: str
    operation: str
    where: str | None = None
    operands: Sequence[SeenArray] = ()
    shape: tuple[int, ...] | None = None
    parameters: Sequence[Node] = ()

    def __post_init__(self) -> None:
        self._known = {place(operand.array): operand for operand in self.operands}

    def operand(self, array: np.ndarray, name: str, numbers: np.ndarray | None = None) -> SeenArray:
        """An array under the name that a user knows, else under the kernel's own."""
        known = self._known.get(place(array))
        name, shape = (known.name, known.shape) if known else (name, array.shape)
        return SeenArray(name, shape, array if numbers is None else numbers)

    def shape_of(self, written: SeenArray, read: Sequence[SeenArray]) -> tuple[int, ...]:
        """The shape that a user knows what is written by."""
        if place(written.array) in self._known:
            return written.shape
        shapes = [self.shape, *(x.shape for x in read), written.shape]
        return next(s for s in shapes if s is not None and prod(s) == written.array.size)

    def parameter(self, array: np.ndarray, k: int) -> tuple[str, tuple[int, ...], int] | None:
        """Whose number ``k`` of a stretch of parameters is: name, shape, and its place there."""
        if not self.parameters:
            return None
        spot = address(array) + k * array.itemsize
        for node in self.parameters:
            for memory, name in ((node._array, node.name), (node._home, f"∂{node.name}")):
                if memory is not None and 0 <= spot - address(memory) < memory.nbytes:
                    return str(name), memory.shape, (spot - address(memory)) // memory.itemsize
        return None


ELSEWHERE = Situation("forward", "")
"""Kernels that no operation on tensors calls, but one on arrays: they go by their own names."""


class Detector(Listener):
    """Runs every kernel, and looks at what it has written."""

    def __init__(self) -> None:
        self._scene = ELSEWHERE

    def forward(self, op: Op, inputs: Sequence[Node]) -> None:
        names = op.operand_names or ("x",) * len(inputs)
        operands = [
            SeenArray(x.name or name, x._array.shape, x._array)
            for x, name in zip(inputs, names, strict=True)
        ]
        phase = "loss" if op.is_loss else "forward"
        shape = op.shape(*(operand.shape for operand in operands))
        self._scene = Situation(phase, op.name, _layer_at_work(), operands, shape)

    def forward_done(self, result: Node) -> None:
        scene = self._scene
        self._look(result._array, "y", scene.operands)  # also at what NumPy has computed
        result.name = f"{scene.where}.{scene.operation}" if scene.where else scene.operation
        self._scene = ELSEWHERE

    def backward(self, node: Node, dy: np.ndarray, dxs: Sequence[np.ndarray | None]) -> None:
        assert node._op is not None
        name = node.name or "y"
        operands = [SeenArray(name, dy.shape, node._array), SeenArray(f"∂{name}", dy.shape, dy)]
        operand_names = node._op.operand_names or ("x",) * len(dxs)
        for x, dx, name in zip(node._inputs, dxs, operand_names, strict=True):
            name = x.name or name
            operands.append(SeenArray(name, x._array.shape, x._array))
            if dx is not None:
                operands.append(SeenArray(f"∂{name}", dx.shape, dx))
        self._scene = Situation("backward", node._op.name, node.name, operands)

    def backward_done(self, arrays: Iterable[np.ndarray | None]) -> None:
        for array in arrays:
            if array is not None:
                self._look(array, "dx", self._scene.operands)

    def follow(self, optimizer: Optimizer) -> None:
        operands = [SeenArray(name, x.shape, x) for name, x in optimizer._memory().items()]
        parameters = optimizer.parameters
        self._scene = Situation("update", optimizer.name, None, operands, None, parameters)

    def step(self, instruction: Instruction) -> None:
        pairs = zip(instruction.names, instruction.shown, strict=True)
        operands = [SeenArray(name, x.shape, x) for name, x in pairs if isinstance(x, np.ndarray)]
        writes = instruction.kernel.writes
        written = instruction.names[writes[0]] if writes else None
        title = instruction.title or instruction.kernel.name
        self._scene = Situation(instruction.phase, title, written, operands)

    def called(self, kernel: Kernel, arguments: tuple[Any, ...]) -> None:
        before = {i: arguments[i].copy() for i in kernel.writes}
        kernel.execute(*arguments)
        if kernel.partial:  # beside its part lies what was there before
            return
        read = []
        for i, (name, x) in enumerate(zip(kernel.parameters, arguments, strict=True)):
            updated = i in before and self._scene.phase == "update"
            if _is_numbers(x) and name not in SETTINGS and (updated or i not in before):
                read.append(self._scene.operand(x, name, before.get(i)))
        for i in kernel.writes:
            self._look(arguments[i], kernel.parameters[i], read, kernel, arguments[0])

    def _look(
        self,
        written: np.ndarray,
        name: str,
        read: Sequence[SeenArray],
        kernel: Kernel | None = None,
        stretch: np.ndarray | None = None,
    ) -> None:
        """An error if not all of it is finite. In updates, ``stretch`` lies as parameters do."""
        if not _is_numbers(written) or (k := checks.not_finite(written.reshape(-1))) < 0:
            return
        scene, target = self._scene, self._scene.operand(written, name)
        where, shape, spot = scene.where, scene.shape_of(target, read), k
        if stretch is not None and (of_parameter := scene.parameter(stretch, k)) is not None:
            where, shape, spot = of_parameter
        at = _unravelled(spot, shape)
        aligned = kernel is not None and kernel.aligned
        beside = k if aligned else None
        operands = [_suspect(x, beside, written.size, at) for x in read]
        result = Number(target.name, at, float(written.reshape(-1)[k]), aligned)
        operation = scene.operation or (kernel.name if kernel else "")
        raise _error(scene.phase, operation, where, shape, result, operands)


class Number(NamedTuple):
    """One number of an array; ``beside`` says whether it stands where the result does."""

    name: str
    at: tuple[int, ...]
    value: float
    beside: bool

    def label(self) -> str:
        """Name and place: ``x[3, 0]``."""
        return f"{self.name}{list(self.at)}" if self.at else self.name

    def __str__(self) -> str:
        return f"{self.label()} = {self.value:g}"


def _suspect(operand: SeenArray, beside: int | None, size: int, at: tuple[int, ...]) -> Number:
    """The number of an operand that stands beside the result; else the one that stands out."""
    flat = operand.array.reshape(-1)
    if beside is not None and flat.size == size:
        return Number(operand.name, at, float(flat[beside]), True)
    k = int(checks.not_finite(flat))
    if k < 0:
        k = int(np.abs(flat).argmax())
    where = _unravelled(k, operand.shape)
    return Number(operand.name, where, float(flat[k]), beside is not None and flat.size == 1)


def _error(
    phase: str,
    operation: str,
    where: str | None,
    shape: tuple[int, ...],
    result: Number,
    operands: Sequence[Number],
) -> AnomalyError:
    inside = f" in {where}" if where not in (None, operation) else ""
    culprit = f"{operation}{inside} ({phase})"
    foreign = next((x for x in operands if not isfinite(x.value)), None)
    if foreign is None:
        called = phase in ("forward", "loss") and operands and all(x.beside for x in operands)
        got = _call(operation, result, operands) if called else _account(result, operands)
        remedy = REMEDIES[phase]
        error = AnomalyError(culprit, "finite numbers", got, remedy)
    else:
        got = f"{foreign}, which no operation in here has made"
        error = AnomalyError(culprit, "finite operands", got, FOREIGN)
    error.operation, error.phase, error.where = operation, phase, where
    error.foreign, error.value = foreign is not None, result.value
    error.index, error.shape = result.at, shape
    error.operands = {x.label(): x.value for x in operands}
    return error


def _call(operation: str, result: Number, operands: Sequence[Number]) -> str:
    """``log(0) = -inf at [3, 0]``."""
    given = ", ".join(f"{x.value:g}" for x in operands)
    at = f" at {list(result.at)}" if result.at else ""
    return f"{operation}({given}) = {result.value:g}{at}"


def _account(result: Number, operands: Sequence[Number]) -> str:
    """``∂w[3, 0] = inf, made from x[3, 0] = 0``."""
    made_from = ", ".join(str(x) if x.beside else f"{x} (the largest)" for x in operands)
    return f"{result}, made from {made_from}"


def _is_numbers(x: Any) -> bool:
    return isinstance(x, np.ndarray) and x.dtype.kind == "f" and x.size > 0


def _unravelled(k: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(k, shape))


def _layer_at_work() -> str | None:
    """The innermost layer that is being applied on this thread: its call is on the stack."""
    frame = inspect.currentframe()
    while frame is not None:
        if frame.f_code is Layer.__call__.__code__:
            return str(frame.f_locals["self"].name)
        frame = frame.f_back
    return None
