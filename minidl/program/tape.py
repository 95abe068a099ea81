"""Write down the kernel calls of one eager step, without running them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from minidl.autograd import Node
from minidl.errors import RecordError
from minidl.kernels.jit import Kernel, Listener, handed_to, recorder
from minidl.op import Op
from minidl.optimizers import Optimizer

Place = tuple[int, int, int]
"""Where an array lies: whose memory it is (an id), how far into it, how many bytes."""


class Call(NamedTuple):
    """One kernel call of a step.

    Attributes
    ----------
    owners, offsets : tuples
        For each argument that is an array, whose memory it is and how far into it; None and 0
        for numbers.
    phase : str
        ``"forward"``, ``"loss"``, ``"backward"`` or ``"update"``.
    title : str
        The operation, or the optimizer, that made the call.
    node : int
        Which operation of the step, counted from 0: forward and backward of one share it.
    """

    kernel: Kernel
    arguments: tuple[Any, ...]
    owners: tuple[np.ndarray | None, ...]
    offsets: tuple[int, ...]
    phase: str
    title: str
    node: int

    def written(self) -> list[np.ndarray]:
        """Whose memory it writes into."""
        return [owner for i in self.kernel.writes if (owner := self.owners[i]) is not None]


class Leaf(NamedTuple):
    """A parameter as a step found it: how often it had been written, and its gradient."""

    node: Node
    version: int
    gradient: np.ndarray | None


class Outcome(NamedTuple):
    """What a step leaves of a parameter: whether it has a gradient, how often it was written."""

    node: Node
    graded: bool
    writes: int


class Tape(Listener):
    """What listens while a step runs: calls, names of memory, optimizers, checks of the inputs.

    ``mark`` is put into memory that no kernel has filled yet. Whatever NumPy computes from it
    differs from tape to tape, and is found out.
    """

    records = True

    def __init__(self, inputs: Sequence[np.ndarray] = (), mark: int = 0) -> None:
        self.inputs, self.mark = list(inputs), mark
        self.calls: list[Call] = []
        self.sources: list[Node] = []
        self.nodes: list[Node] = []
        self.gradients: list[tuple[Node, np.ndarray]] = []
        self.optimizers: dict[Optimizer, int] = {}
        """How often each makes an update in a step."""
        self.checks: list[tuple[np.ndarray, Callable[[np.ndarray], None]]] = []
        self.leaves: dict[int, Leaf] = {}
        self._numbers: dict[int, int] = {}
        self._phases: dict[int, str] = {}
        self._now = ("forward", "", -1)
        self._began = 0
        self._disturbed: list[tuple[np.ndarray, np.ndarray]] = []
        for slot in self.inputs:
            self._marked(slot)

    def _marked(self, array: np.ndarray) -> None:
        array.reshape(-1)[:1] = self.mark

    def called(self, kernel: Kernel, arguments: tuple[Any, ...]) -> None:
        """Take down one call."""
        owners = tuple([root(x) if isinstance(x, np.ndarray) else None for x in arguments])
        offsets = tuple(
            [0 if own is None else offset(x, own) for x, own in zip(arguments, owners, strict=True)]
        )
        self.calls.append(Call(kernel, arguments, owners, offsets, *self._now))

    def met(self, parameter: Node) -> None:
        """A parameter is about to be used, or its gradient to be cleared."""
        if id(parameter) not in self.leaves:
            parameter.settle()
            leaf = Leaf(parameter, parameter.current_version(), parameter._grad)
            self.leaves[id(parameter)] = leaf

    def forward(self, op: Op, inputs: Sequence[Node]) -> None:
        """An operation is about to run."""
        for x in inputs:
            if x._op is None and x.requires_grad:
                self.met(x)
            if x._op is None and (x.requires_grad or x.name):
                self.sources.append(x)
        lost = any(self._phases.get(id(x)) == "loss" for x in inputs)
        self._now = ("loss" if lost or op.is_loss else "forward", op.name, len(self.nodes))
        self._began = len(self.calls)

    def made(self, result: Node) -> None:
        """An operation has run; its result, as a tensor."""
        self.filled([result._array])
        self._marked(result._array)
        self._numbers[id(result)], self._phases[id(result)] = len(self.nodes), self._now[0]
        self.nodes.append(result)
        result.name = self._now[1]  # unless a layer gives it another

    def backward(self, node: Node, dy: np.ndarray, dxs: Sequence[np.ndarray | None]) -> None:
        """An operation is about to go backward."""
        assert node._op is not None
        self._now = ("backward", node._op.name, self._numbers.get(id(node), -1))
        self._began = len(self.calls)
        self.gradients.append((node, dy))
        for x, dx in zip(node._inputs, dxs, strict=True):
            if dx is not None:
                self.gradients.append((x, dx))
                if dx is not x._home:
                    self._marked(dx)

    def ready(self, gradients: Iterable[tuple[Node, np.ndarray]]) -> None:
        """Gradients are there that an operation found on its way forward."""
        self.gradients.extend(gradients)

    def filled(self, arrays: Iterable[np.ndarray | None]) -> None:
        """Refuse an operation that was to fill these arrays, and called no kernel that does."""
        done = {id(owner) for call in self.calls[self._began :] for owner in call.written()}
        for array in arrays:
            if array is not None and array.size and id(root(array)) not in done:
                raise self._foreign()

    def _foreign(self) -> RecordError:
        phase, title, _ = self._now
        return RecordError(
            f"the step, at {title} ({phase})",
            "operations made of kernels, which a program can hold",
            "one that computes with NumPy",
            "Make it of Tensor operations, or of a value and a slope; or write fit(record=False).",
        )

    def follow(self, optimizer: Optimizer) -> None:
        """An optimizer is about to update."""
        self.optimizers[optimizer] = self.optimizers.get(optimizer, 0) + 1
        self._now = ("update", optimizer.name, -1)

    def check(self, x: np.ndarray, check: Callable[[np.ndarray], None]) -> None:
        """Something that must hold for the numbers in ``x`` once there are any."""
        self.checks.append((x, check))

    def outcomes(self) -> list[Outcome]:
        """What the step, now at its end, leaves of each parameter."""
        done = {id(owner) for call in self.calls for owner in call.written()}
        found = []
        for node, version, _ in self.leaves.values():
            writes = node.current_version() - version
            if writes and id(root(node._array)) not in done:
                raise self._foreign()
            found.append(Outcome(node, node._grad is not None, writes))
        return found

    def names(self) -> dict[Place, tuple[str, tuple[int, ...]]]:
        """What memory is called, and the shape it has under that name; no two are called alike."""
        found: dict[Place, tuple[str, tuple[int, ...]]] = {}
        counts: dict[str, int] = {}

        def call(array: np.ndarray, name: str) -> str:
            if (key := place(array)) not in found:
                counts[name] = counts.get(name, 0) + 1
                name = name if counts[name] == 1 else f"{name}#{counts[name]}"
                found[key] = name, array.shape
            return found[key][0]

        of_node: dict[int, str] = {}
        for node in [*self.sources, *self.nodes]:
            of_node[id(node)] = call(node._array, node.name or "tensor")
        for node, *_ in self.leaves.values():
            name = of_node.setdefault(id(node), node.name or "tensor")
            if node._home is not None:
                call(node._home, f"∂{name}")
        for optimizer in self.optimizers:
            for name, array in optimizer.memory().items():
                call(array, name)
        parts: dict[int, np.ndarray] = {}
        for node, gradient in self.gradients:
            name = f"∂{of_node.get(id(node), 'tensor')}"
            more = parts.setdefault(id(node), gradient) is not gradient  # to be added to the first
            call(gradient, f"+{name}" if more else name)
        for made in self.calls:  # what an operation keeps to itself: a loss's number for each row
            for i in made.kernel.writes:
                call(made.arguments[i], f"{made.title}.{made.kernel.parameters[i]}")
        return found

    def disturb(self) -> None:
        """Change weights and counts of updates, so that a number taken from them shows next time.

        What a step reads by NumPy, ``(held ** 2).sum()``, looks like a constant otherwise.
        """
        weights = [leaf.node._array for leaf in self.leaves.values()]
        for array in [*weights, *(optimizer._count for optimizer in self.optimizers)]:
            self._disturbed.append((array, array.copy()))
            array += 1

    def restore(self) -> None:
        """Leave all as it was: weights, their gradients, no write counted."""
        for array, numbers in reversed(self._disturbed):  # two tensors may share memory
            array[...] = numbers
        for leaf, version, gradient in self.leaves.values():
            leaf._grad = gradient
            leaf.written(version - leaf.current_version())


def root(array: np.ndarray) -> np.ndarray:
    """The array that owns the memory of a view."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def address(array: np.ndarray) -> int:
    """Where an array begins in this process's memory."""
    return int(array.__array_interface__["data"][0])


def offset(array: np.ndarray, owner: np.ndarray) -> int:
    """How many bytes into its owner's memory an array begins."""
    return 0 if array.nbytes == owner.nbytes else address(array) - address(owner)


def place(array: np.ndarray) -> Place:
    """Where an array lies, as a key; good for as long as somebody holds the array."""
    owner = root(array)
    return id(owner), offset(array, owner), array.nbytes


@contextmanager
def listening(tape: Tape) -> Iterator[None]:
    """While this lasts, kernels called on this thread are written to the tape, not run."""
    if recorder() is not None:
        wanted, got = "a step that records and trains nothing itself", "one that does"
        raise RecordError("record(step, …)", wanted, got, "Do that before, or after.")
    with handed_to(tape):
        yield
