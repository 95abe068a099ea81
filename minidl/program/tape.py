"""Write down the kernel calls of one eager step, and run them if numbers are wanted."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from minidl.autodiff import Listener, Node, Op, handed_to, recorder
from minidl.core import MinidlError, RecordError, defined_by_minidl
from minidl.kernels.jit import Kernel, Refused
from minidl.optim import Optimizer
from minidl.program.places import Place, address, place, root
from minidl.program.saved import Saved
from minidl.program.state import State, check_seen
from minidl.program.watched import bare, watched

_PLAIN = {np.ndarray, float, int}
"""Arguments that kernels take as they are."""

MARKED = 4096
"""Numbers, at most, that are marked in memory that nothing is computed in."""


class Memory:
    """A piece of memory that a step works in: an array that is no view of another.

    Attributes
    ----------
    nbytes, dtype
        Its size and kind.
    written_first : bool
        Whether a kernel writes into it before any reads it.
    """

    __slots__ = ("_array", "_begin", "_reference", "dtype", "nbytes", "written_first")

    def __init__(
        self, array: np.ndarray, written_first: bool, forget: Callable[[Any], None] | None
    ) -> None:
        self.nbytes, self.dtype, self.written_first = array.nbytes, array.dtype, written_first
        self._begin: int | None = None
        # Results of a step that is computed are let go as soon as the step itself does so.
        self._array = array if forget is None else None
        self._reference = weakref.ref(array, forget) if forget is not None else None

    @property
    def array(self) -> np.ndarray | None:
        """The array, as long as there is one."""
        return self._array if self._reference is None else self._reference()

    def offset(self, view: np.ndarray) -> int:
        """How many bytes into it a view begins."""
        if self._begin is None:
            self._begin = address(root(view))
        return address(view) - self._begin


class ArrayPart(NamedTuple):
    """An array that a kernel was called with: whose memory it is, and which part of that."""

    memory: Memory
    offset: int
    shape: tuple[int, ...]
    dtype: np.dtype
    array: np.ndarray | None
    """None where numbers were computed: results are let go."""


Refusal = Callable[[np.ndarray], MinidlError]
"""The error for numbers that a check has refused."""


class Call(NamedTuple):
    """One kernel call of a step.

    Attributes
    ----------
    arguments : tuple
        A ``ArrayPart`` for each array, and numbers.
    phase : str
        ``"forward"``, ``"loss"``, ``"backward"`` or ``"update"``.
    title : str
        The operation, or the optimizer, that made the call.
    node : int
        Which operation of the step, counted from 0: forward and backward of one share it.
    refusal : callable or None
        For a check.
    """

    kernel: Kernel
    arguments: tuple[Any, ...]
    phase: str
    title: str
    node: int
    refusal: Refusal | None = None

    def memories(self) -> list[Memory]:
        """All that it works in."""
        return [x.memory for x in self.arguments if isinstance(x, ArrayPart)]

    def written(self) -> list[Memory]:
        """What it writes into."""
        return [self.arguments[i].memory for i in self.kernel.writes]


class Leaf(NamedTuple):
    """A parameter as a step found it: how often it had been written, and its gradient."""

    node: Node
    version: int
    gradient: np.ndarray | None


class ParameterOutcome(NamedTuple):
    """What a step leaves of a parameter: whether it has a gradient, how often it was written."""

    node: Node
    graded: bool
    writes: int


class Tape(Listener):
    """What listens while a step runs: calls, names of memory, optimizers, checks of the inputs.

    Parameters
    ----------
    inputs : sequence of ndarray
        The batch.
    saved : Saved, optional
        Kernels are run, and what they write into is put there before; without it they are only
        written down, and nothing is computed.
    state : State, optional
        Takes in layers, operations and optimizers that the step uses, before they do anything.
    mark : int
        Put into memory that no kernel fills, where nothing is computed. Whatever NumPy makes of
        it differs from tape to tape, and is found out.
    """

    records = True

    @property
    def computes(self) -> bool:  # type: ignore[override]
        """Whether kernels are run."""
        return self.saved is not None

    def __init__(
        self,
        inputs: Sequence[np.ndarray] = (),
        saved: Saved | None = None,
        state: State | None = None,
        mark: int = 0,
    ) -> None:
        self.inputs, self.mark, self.saved, self._state = list(inputs), mark, saved, state
        self.calls: list[Call] = []
        self.sources: list[Node] = []
        self.nodes: list[Node] = []
        self.gradients: list[tuple[Node, np.ndarray]] = []
        self.optimizers: dict[Optimizer, int] = {}
        """How often each makes an update in a step."""
        self.checks: list[list[Callable[[np.ndarray], None]]] = [[] for _ in self.inputs]
        self.leaves: dict[int, Leaf] = {}
        self.refused: RecordError | None = None
        """What the step did that cannot be recorded, though it went on."""
        self._memories: dict[int, Memory] = {}
        self._refusal: Refusal | None = None
        self._now = ("forward", "", -1)
        self._count, self._began = 0, 0
        self._disturbed: list[tuple[np.ndarray, np.ndarray]] = []
        self.slots = [self.memory(slot) for slot in self.inputs]
        for slot in self.inputs:
            self._mark(slot)

    def _mark(self, array: np.ndarray) -> None:
        if self.saved is None:
            array.reshape(-1)[:MARKED] = self.mark

    def memory(self, array: np.ndarray, written: bool = False) -> Memory:
        """Whose memory an array is."""
        owner = array if array.base is None else root(array)
        memory = self._memories.get(id(owner))
        if memory is None:
            temporary = written and self.saved is not None
            forget = partial(self._forget, id(owner)) if temporary else None
            memory = self._memories[id(owner)] = Memory(owner, written, forget)
        return memory

    def _forget(self, key: int, _: Any) -> None:
        self._memories.pop(key, None)

    def part(self, array: np.ndarray, written: bool = False) -> ArrayPart:
        """An array as an argument of a call."""
        memory = self.memory(array, written)
        offset = 0 if array.nbytes == memory.nbytes else memory.offset(array)
        kept = array if self.saved is None else None
        return ArrayPart(memory, offset, array.shape, array.dtype, kept)

    def called(self, kernel: Kernel, arguments: tuple[Any, ...]) -> None:
        """Take down one call, and run it where numbers are wanted."""
        refusal, self._refusal = self._refusal, None
        if not _PLAIN.issuperset(map(type, arguments)):
            arguments = tuple(map(bare, arguments))
        writes, part = kernel.writes, self.part
        parts = tuple(
            [part(x, i in writes) if type(x) is np.ndarray else x for i, x in enumerate(arguments)]
        )
        if refusal is not None and parts[0].memory in self.slots:
            slot = self.slots.index(parts[0].memory)
            self.checks[slot].append(partial(_checked, kernel, arguments[1:], refusal))
        else:
            self.calls.append(Call(kernel, parts, *self._now, refusal))
        if self.saved is not None:
            for i in kernel.writes:
                self.saved.before_write(arguments[i])
            kernel.execute(*arguments)

    def guarded(self, refusal: Refusal) -> None:
        """The next call is a check, whose error this makes."""
        self._refusal = refusal

    def parameter_used(self, parameter: Node) -> None:
        """A parameter is about to be used, or its gradient to be cleared."""
        if id(parameter) not in self.leaves:
            parameter._ensure_gradient_home()
            leaf = Leaf(parameter, parameter._current_version(), parameter._grad)
            self.leaves[id(parameter)] = leaf
            if self.saved is not None:
                self.saved.hold(parameter._training)
                assert parameter._home is not None
                self.saved.save(parameter._array, str(parameter.name))
                self.saved.save(parameter._home, f"∂{parameter.name}")

    def entered(self, part: Any) -> None:
        """A layer, operation or optimizer is about to be used, however the step came by it."""
        if self._state is not None and self.saved is not None:
            self.saved.save_all(self._state.include(part))
            check_seen(self._state)

    def forward(self, op: Op, inputs: Sequence[Node]) -> None:
        """An operation is about to run."""
        if not defined_by_minidl(op):
            self.entered(op)
        for x in inputs:
            if x._op is None and x.is_parameter:
                self.parameter_used(x)
            if self.saved is None and x._op is None and (x.is_parameter or x.name):
                self.sources.append(x)
        lost = any(x._at_step is not None and x._at_step[0] == "loss" for x in inputs)
        self._now = ("loss" if lost or op.is_loss else "forward", op.name, self._count)
        self._began = len(self.calls)

    def forward_done(self, result: Node) -> None:
        """An operation has run; its result, as a tensor."""
        self.backward_done([result._array])
        self._mark(result._array)
        result._at_step = self._now[0], self._count
        self._count += 1
        result.name = self._now[1]  # unless a layer gives it another
        if self.saved is None:
            self.nodes.append(result)

    def backward(self, node: Node, dy: np.ndarray, dxs: Sequence[np.ndarray | None]) -> None:
        """An operation is about to go backward."""
        assert node._op is not None
        number = -1 if node._at_step is None else node._at_step[1]
        self._now = ("backward", node._op.name, number)
        self._began = len(self.calls)
        self.precomputed_gradients([(node, dy)])
        for x, dx in zip(node._inputs, dxs, strict=True):
            if dx is not None:
                self.precomputed_gradients([(x, dx)])
                if dx is not x._home:
                    self._mark(dx)

    def precomputed_gradients(self, gradients: Iterable[tuple[Node, np.ndarray]]) -> None:
        """Gradients are there that an operation found on its way forward."""
        if self.saved is None:
            self.gradients.extend(gradients)

    def backward_done(self, arrays: Iterable[np.ndarray | None]) -> None:
        """Refuse an operation that was to fill these arrays, and called no kernel that does."""
        done = [memory for call in self.calls[self._began :] for memory in call.written()]
        for array in arrays:
            if array is not None and array.size and not self._is_in(array, done):
                raise self.foreign()

    def _is_in(self, array: np.ndarray, memories: Collection[Memory]) -> bool:
        return self._memories.get(id(root(array))) in memories

    def handed(self, owner: Any, arrays: Iterable[Any]) -> list[Any]:
        """Arrays as an operation or optimizer shall see them: the user's own are watched."""
        if defined_by_minidl(owner):
            return list(arrays)
        return [watched(x) if isinstance(x, np.ndarray) else x for x in arrays]

    def foreign(self) -> RecordError:
        """The error for what is computed now by NumPy, which no program can do."""
        phase, title, _ = self._now
        return RecordError(
            f"the step, at {title} ({phase})",
            "operations made of kernels, which a program can hold",
            "one that computes with NumPy",
            "Make it of Tensor operations, or of a value and a slope; or write fit(record=False).",
        )

    def refuse(self, error: RecordError) -> RecordError:
        """Note an error that ends the recording even if the step goes on."""
        self.refused = self.refused or error
        return error

    def follow(self, optimizer: Optimizer) -> None:
        """An optimizer is about to update."""
        self.entered(optimizer)
        self.optimizers[optimizer] = self.optimizers.get(optimizer, 0) + 1
        self._now = ("update", optimizer.name, -1)
        if self.saved is not None:
            for parameter in optimizer.parameters:
                self.parameter_used(parameter)
            for name, state in optimizer.state.items():
                self.saved.save(state, f"{optimizer.name}.{name}")
            self.saved.save(optimizer._count, f"{optimizer.name}.steps")

    def outcomes(self) -> list[ParameterOutcome]:
        """What the step, now at its end, leaves of each parameter."""
        done = {memory for call in self.calls for memory in call.written()}
        outcomes = []
        for node, version, _ in self.leaves.values():
            writes = node._current_version() - version
            if writes and not self._is_in(node._array, done):
                raise self.foreign()
            outcomes.append(ParameterOutcome(node, node._grad is not None, writes))
        return outcomes

    def names(self) -> dict[Place, tuple[str, tuple[int, ...]]]:
        """What memory is called, and the shape it has under that name; no two are called alike."""
        names: dict[Place, tuple[str, tuple[int, ...]]] = {}
        counts: dict[str, int] = {}

        def call(array: np.ndarray, name: str) -> str:
            if (key := place(array)) not in names:
                counts[name] = counts.get(name, 0) + 1
                name = name if counts[name] == 1 else f"{name}#{counts[name]}"
                names[key] = name, array.shape
            return names[key][0]

        of_node: dict[int, str] = {}
        for node in [*self.sources, *self.nodes]:
            of_node[id(node)] = call(node._array, node.name or "tensor")
        for node, *_ in self.leaves.values():
            name = of_node.setdefault(id(node), node.name or "tensor")
            if node._home is not None:
                call(node._home, f"∂{name}")
        for optimizer in self.optimizers:
            for name, array in optimizer._memory().items():
                call(array, name)
        parts: dict[int, np.ndarray] = {}
        for node, gradient in self.gradients:
            name = f"∂{of_node.get(id(node), 'tensor')}"
            more = parts.setdefault(id(node), gradient) is not gradient  # to be added to the first
            call(gradient, f"+{name}" if more else name)
        for call_ in self.calls:  # what an operation keeps to itself: a loss's number for each row
            for i in call_.kernel.writes:
                call(call_.arguments[i].array, f"{call_.title}.{call_.kernel.parameters[i]}")
        return names

    def disturb(self, before: Tape) -> None:
        """Change weights and counts of updates, so that a number taken from them shows.

        What a step reads by NumPy, ``(held ** 2).sum()``, looks like a constant otherwise.
        ``before`` knows which there are.
        """
        weights = [leaf.node._array for leaf in before.leaves.values()]
        for array in [*weights, *(optimizer._count for optimizer in before.optimizers)]:
            self._disturbed.append((array, array.copy()))
            array += 1

    def restore(self) -> None:
        """Leave all as it was before the step, but for numbers that kernels wrote."""
        for array, numbers in reversed(self._disturbed):  # two tensors may share memory
            array[...] = numbers
        for leaf, version, gradient in self.leaves.values():
            leaf._grad = gradient
            leaf._count_write(version - leaf._current_version())


def _checked(kernel: Kernel, limits: tuple[Any, ...], refusal: Refusal, table: np.ndarray) -> None:
    """Check a whole table, of which the step has checked a batch."""
    try:
        kernel.run(table.reshape(-1), *limits)
    except Refused:
        raise refusal(table) from None


@contextmanager
def listening(tape: Tape) -> Iterator[None]:
    """While this lasts, kernels called on this thread are written to the tape, not run."""
    if recorder() is not None:
        wanted, got = "a step that records and trains nothing itself", "one that does"
        raise RecordError("record(step, …)", wanted, got, "Do that before, or after.")
    with handed_to(tape):
        yield
