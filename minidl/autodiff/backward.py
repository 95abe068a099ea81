"""Carry a gradient back through everything that a tensor was made from.

A tensor notes the op that made it, the inputs, and their versions. That is all that is needed
here: walk these notes from the newest to the oldest, and hand each op the gradient of its output.
A loss has found its own gradient going forward; the walk then begins below it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from operator import attrgetter
from typing import Any

import numpy as np

from minidl.autodiff.op import OUTPUT, Op
from minidl.autodiff.trace import listener, listeners
from minidl.core import FLOATS, ArgumentError, DtypeError, Exclusive, GradientError, Tracked
from minidl.kernels.elementwise import accumulate, copy


class _Mode(threading.local):
    """Each thread's own: one may predict while another trains."""

    remembers = True


_mode = _Mode()


@contextmanager
def no_grad() -> Iterator[None]:
    """Compute without remembering how: nothing inside can be carried backward.

    Other threads go on remembering.

    Examples
    --------
    >>> from minidl.autodiff import Tensor
    >>> w = Tensor([1.0], requires_grad=True)
    >>> with no_grad():
    ...     y = w * 2
    >>> y.requires_grad
    False
    """
    before, _mode.remembers = _mode.remembers, False
    try:
        yield
    finally:
        _mode.remembers = before


def remembers() -> bool:
    """Whether results note how they were made, on this thread."""
    return _mode.remembers


class Node(Tracked):
    """An array, how it was made, and its gradient: what a Tensor is to its graph."""

    # Defaults of the class: an intermediate result sets only what differs.
    _wants = False  # whether it requires a gradient
    name: str | None = None
    _op: Op | None = None
    _inputs: tuple[Node, ...] = ()
    _seen: tuple[int, ...] = ()  # the inputs' versions when the op ran
    _linked = False  # whether it is what a sigmoid or softmax gave, moved about at most
    _age = 0
    _version = 0
    _writes: list[int] | None = None  # counted together with detached twins: one memory
    _grad: np.ndarray | None = None
    _home: np.ndarray | None = None  # where a parameter's gradient lives in its network's block
    # How often parameters of one memory were frozen, thawed or moved; None: it is no parameter.
    _changes: list[int] | None = None
    _training: Exclusive | None = None  # who trains the network whose block it lies in
    _start = 0  # where in that block it begins
    _is_held = False  # whether a layer keeps it as a parameter in one of its attributes
    _turned: Node | None = None  # the parameter that it is the transpose of, as .T made it
    _compared: np.dtype | None = None  # of truth values: the dtype of what was compared
    _retains = False
    _at_step: tuple[str, int] | None = None  # while a step is recorded: its phase, and its number

    @property
    def requires_grad(self) -> bool:
        """Whether ``backward`` carries a gradient here, or through here.

        Whatever required one once is a parameter, and stays one: False freezes it, so that no
        optimizer, decay or program moves it, and True thaws it.
        """
        return self._wants

    @requires_grad.setter
    def requires_grad(self, value: Any) -> None:
        if not isinstance(value, bool | np.bool_):
            culprit, remedy = f"{self.name or 'a tensor'}.requires_grad", "Write True or False."
            raise ArgumentError(culprit, "True or False", f"{value!r:.40}", remedy)
        if value and self._array.dtype not in FLOATS:
            raise DtypeError(
                f"Tensor(requires_grad=True){f' {self.name!r}' if self.name else ''}",
                "float32 or float64, as only floats have gradients",
                str(self._array.dtype),
                "Write dtype='float32'.",
            )
        if self._turned is not None and bool(value) is not self._wants:
            name = self._turned.name or "the parameter"
            expected, got = f"{name} itself", "its transpose, which is another array"
            remedy = f"Write {name}.requires_grad = {bool(value)}."
            raise GradientError("requires_grad = …", expected, got, remedy)
        before, self._wants = self._wants, bool(value)
        if self._changes is not None:
            self._changes[0] += before is not self._wants
        elif self._wants and self._op is None:
            self._changes = [0]

    @property
    def is_parameter(self) -> bool:
        """Whether it is learned, now or when it is thawed; never the result of an operation."""
        return self._changes is not None

    @property
    def is_frozen(self) -> bool:
        """Whether it is a parameter that stays as it is: its ``requires_grad`` is False."""
        return self._changes is not None and not self._wants

    def _current_version(self) -> int:
        """How often this memory was written to."""
        return self._version + (self._writes[0] if self._writes else 0)

    def _count_write(self, times: int = 1) -> None:
        """Count writes, for every tensor of this memory."""
        if self._writes is None:
            self._version += times
        else:
            self._writes[0] += times

    def _ensure_gradient_home(self) -> None:
        """Give its gradient a place to stay, where optimizers and programs find it."""
        if self._home is None:
            self._home = np.zeros_like(self._array)
            if self._grad is not None:
                self._home[...] = self._grad
                self._grad = self._home

    def _accumulate_grad(self, gradient: np.ndarray) -> None:
        """Add a gradient to the one that is here."""
        if self._grad is not None:
            if gradient is not self._grad:
                accumulate(self._grad.reshape(-1), gradient.reshape(-1))
        elif self._home is not None and gradient is not self._home:
            copy(gradient.reshape(-1), self._home.reshape(-1))
            self._grad = self._home
        else:
            self._grad = gradient


def carry_back(root: Node, gradient: np.ndarray | None = None) -> None:
    """Leave ``gradient`` (1 if left out), times what lies between, in every leaf that wants one."""
    gradients = _precomputed_gradients(root) if gradient is None else {}
    if not gradients:
        gradients = {id(root): np.ones_like(root._array) if gradient is None else gradient}
    if root._op is None:
        root._accumulate_grad(gradients[id(root)])
        return
    for node in ancestors(root):
        dy = gradients.pop(id(node), None)
        if dy is None:  # the root, which has gone back already
            continue
        if node._retains:
            node._accumulate_grad(_copied(dy))
        _step_back(node, dy, gradients)


def _precomputed_gradients(root: Node) -> dict[int, np.ndarray]:
    """Gradients of the root's inputs, if its op found them going forward; most often none."""
    found = root._op.precomputed_gradients() if root._op is not None and not root._retains else ()
    if any(x._wants and x._op is None for x in root._inputs):
        return {}  # a leaf's gradient is added to later on: it must be a copy
    pairs = [
        (x, dx) for x, dx in zip(root._inputs, found, strict=False) if x._wants and dx is not None
    ]
    if (listening := listener() if listeners else None) is not None:
        listening.precomputed_gradients(pairs)
    return {id(x): dx for x, dx in pairs}


def _copied(dy: np.ndarray) -> np.ndarray:
    twin = np.empty_like(dy)
    copy(dy.reshape(-1), twin.reshape(-1))
    return twin


def ancestors(root: Node) -> list[Node]:
    """Everything with an op that the root was made from, newest first; no recursion."""
    found = {id(root): root}
    waiting = [root]
    while waiting:
        node = waiting.pop()
        _check_versions(node)
        for x in node._inputs:
            if x._wants and x._op is not None and id(x) not in found:
                found[id(x)] = x
                waiting.append(x)
    return sorted(found.values(), key=attrgetter("_age"), reverse=True)


def gradients(root: Node, of: Sequence[Node]) -> list[np.ndarray | None]:
    """The gradients of ``root`` with respect to nodes; none is left anywhere, no memory is shared.

    None stands for a node that ``root`` was not made from.
    """
    leaves = [x for node in ancestors(root) for x in node._inputs if x._op is None]
    nodes = {id(x): x for x in [*leaves, *of]}.values()
    found = [(x, x._grad, x._home, x._retains) for x in nodes]
    for x in nodes:
        x._grad, x._home = None, None
    try:
        for x in of:
            x._retains = True
        carry_back(root)
        return [x._grad for x in of]
    finally:
        for x, gradient, home, retains in found:
            x._grad, x._home, x._retains = gradient, home, retains


def _check_versions(node: Node) -> None:
    op = node._op
    assert op is not None
    for saved in op.saved_for_backward:
        x = node if saved == OUTPUT else node._inputs[saved]
        version = x._version if x._writes is None else x._current_version()
        if version != (0 if saved == OUTPUT else node._seen[saved]):
            raise GradientError(
                f"backward() through {op.name}",
                f"{x.name or f'a tensor of shape {x._array.shape}'} as it was when {op.name} ran",
                "one that was written to since",
                "Call backward() before changing it (optimizer.step() changes weights), "
                "or compute the loss again.",
            )


def _step_back(node: Node, dy: np.ndarray, gradients: dict[int, np.ndarray]) -> None:
    """One op backward: its inputs' gradients go home, or wait for their own turn."""
    inputs, op = node._inputs, node._op
    assert op is not None
    dxs: list[np.ndarray | None] = []
    for x in inputs:
        if not x._wants:
            dxs.append(None)
        elif x._home is not None and x._grad is None:
            x._grad = x._home
            dxs.append(x._home)
        else:
            dxs.append(np.empty(x._array.shape, x._array.dtype))
    xs = [x._array for x in inputs]
    listening = listener() if listeners else None
    if listening is None:
        op.backward(dy, node._array, xs, dxs)
    else:
        listening.backward(node, dy, dxs)
        given, y, *others = listening.handed(op, (dy, node._array, *xs, *dxs))
        op.backward(given, y, others[: len(xs)], others[len(xs) :])
        listening.filled(dxs)
    for x, dx in zip(inputs, dxs, strict=True):
        if dx is None:
            continue
        if x._op is None:
            x._accumulate_grad(dx)
        elif id(x) in gradients:
            accumulate(gradients[id(x)].reshape(-1), dx.reshape(-1))
        else:
            gradients[id(x)] = dx
