"""Write down the kernel calls of one eager step, without running them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import get_ident
from typing import Any, NamedTuple

import numpy as np

from minidl.autograd import Node
from minidl.kernels.jit import Kernel, listeners
from minidl.op import Op
from minidl.optimizers import Optimizer


@dataclass(frozen=True)
class Call:
    """One kernel call of a step.

    Attributes
    ----------
    phase : str
        ``"forward"``, ``"loss"``, ``"backward"`` or ``"update"``.
    title : str
        The operation, or the optimizer, that made the call.
    node : int
        Which operation of the step, counted from 0: forward and backward of one share it.
    """

    kernel: Kernel
    arguments: tuple[Any, ...]
    phase: str
    title: str
    node: int


class Leaf(NamedTuple):
    """A parameter as a step found it: how often it had been written, and its gradient."""

    node: Node
    version: int
    gradient: np.ndarray | None


class Tape:
    """What listens while a step runs: calls, names of memory, optimizers, checks of the inputs."""

    def __init__(self, inputs: Sequence[np.ndarray] = ()) -> None:
        self.inputs = list(inputs)
        self.calls: list[Call] = []
        self.nodes: list[tuple[Node, str]] = []
        self.gradients: list[tuple[Node, np.ndarray]] = []
        self.optimizers: list[Optimizer] = []
        self.checks: list[tuple[np.ndarray, Callable[[np.ndarray], None]]] = []
        self.leaves: dict[int, Leaf] = {}
        self._numbers: dict[int, int] = {}
        self._phases: dict[int, str] = {}
        self._now = ("forward", "", -1)

    def called(self, kernel: Kernel, arguments: tuple[Any, ...]) -> None:
        """Take down one call."""
        self.calls.append(Call(kernel, arguments, *self._now))

    def forward(self, op: Op, inputs: Sequence[Node]) -> None:
        """An operation is about to run."""
        for x in inputs:
            if x._op is None and x.requires_grad:
                self.leaves.setdefault(id(x), Leaf(x, x.current_version(), x._grad))
        lost = any(self._phases.get(id(x)) == "loss" for x in inputs)
        self._now = ("loss" if lost or op.is_loss else "forward", op.name, len(self.nodes))

    def made(self, result: Node) -> None:
        """An operation's result, as a tensor."""
        self._numbers[id(result)], self._phases[id(result)] = len(self.nodes), self._now[0]
        self.nodes.append((result, self._now[1]))

    def backward(self, node: Node, dy: np.ndarray, dxs: Sequence[np.ndarray | None]) -> None:
        """An operation is about to go backward."""
        assert node._op is not None
        self._now = ("backward", node._op.name, self._numbers.get(id(node), -1))
        self.gradients.append((node, dy))
        for x, dx in zip(node._inputs, dxs, strict=True):
            if dx is not None:
                self.gradients.append((x, dx))

    def follow(self, optimizer: Optimizer) -> None:
        """An optimizer is about to update."""
        if optimizer not in self.optimizers:
            self.optimizers.append(optimizer)
        self._now = ("update", optimizer.name, -1)

    def check(self, x: np.ndarray, check: Callable[[np.ndarray], None]) -> None:
        """Something that must hold for the numbers in ``x`` once there are any."""
        self.checks.append((x, check))

    def names(self) -> dict[tuple[int, int], str]:
        """What memory is called, by address and size."""
        found: dict[tuple[int, int], str] = {}
        for optimizer in self.optimizers:
            found |= {place(array): name for name, array in optimizer.memory().items()}
        counts: dict[str, int] = {}
        of_node: dict[int, str] = {}
        for leaf, *_ in self.leaves.values():
            of_node[id(leaf)] = leaf.name or "tensor"
        for node, title in self.nodes:
            name = node.name or title
            counts[name] = counts.get(name, 0) + 1
            of_node[id(node)] = name if counts[name] == 1 else f"{name}#{counts[name]}"
            found[place(node._array)] = of_node[id(node)]
        for leaf, *_ in self.leaves.values():
            found[place(leaf._array)] = of_node[id(leaf)]
        for node, gradient in self.gradients:
            found.setdefault(place(gradient), f"∂{of_node.get(id(node), 'tensor')}")
        return found

    def restore(self) -> None:
        """Leave parameters as they were: their gradients, no write counted."""
        for leaf, version, gradient in self.leaves.values():
            leaf._grad = gradient
            leaf.written(version - leaf.current_version())


def place(array: np.ndarray) -> tuple[int, int]:
    """Where an array lies, and how many bytes it has."""
    return array.__array_interface__["data"][0], array.nbytes


@contextmanager
def listening(tape: Tape) -> Iterator[None]:
    """While this lasts, kernels called on this thread are written to the tape, not run."""
    listeners[get_ident()] = tape
    try:
        yield
    finally:
        del listeners[get_ident()]
