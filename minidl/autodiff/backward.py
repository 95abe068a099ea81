"""Carry a gradient back through everything that a tensor was made from.

The notes that nodes keep are walked from the newest to the oldest, and each op is handed the
gradient of its output. A loss has its own gradient from going forward; the walk then begins below
it.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter

import numpy as np

from minidl.autodiff.node import Node
from minidl.autodiff.op import OUTPUT
from minidl.autodiff.trace import listener, listeners
from minidl.core import GradientError
from minidl.kernels.elementwise import accumulate, copy


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
    op = None if root._retains else root._op
    slopes = () if op is None else op.precomputed_gradients()
    if any(x._wants and x._op is None for x in root._inputs):
        return {}  # a leaf's gradient is added to later on: it must be a copy
    pairs = zip(root._inputs, slopes, strict=False)
    gradients = [(x, dx) for x, dx in pairs if x._wants and dx is not None]
    if (listening := listener() if listeners else None) is not None:
        listening.precomputed_gradients(gradients)
    return {id(x): dx for x, dx in gradients}


def _copied(dy: np.ndarray) -> np.ndarray:
    twin = np.empty_like(dy)
    copy(dy.reshape(-1), twin.reshape(-1))
    return twin


def ancestors(root: Node) -> list[Node]:
    """Everything with an op that the root was made from, newest first; no recursion."""
    nodes = {id(root): root}
    waiting = [root]
    while waiting:
        node = waiting.pop()
        _check_versions(node)
        for x in node._inputs:
            if x._wants and x._op is not None and id(x) not in nodes:
                nodes[id(x)] = x
                waiting.append(x)
    return sorted(nodes.values(), key=attrgetter("_age"), reverse=True)


def gradients(root: Node, of: Sequence[Node]) -> list[np.ndarray | None]:
    """The gradients of ``root`` with respect to nodes; none is left anywhere, no memory is shared.

    None stands for a node that ``root`` was not made from.
    """
    leaves = [x for node in ancestors(root) for x in node._inputs if x._op is None]
    nodes = {id(x): x for x in [*leaves, *of]}.values()
    before = [(x, x._grad, x._home, x._retains) for x in nodes]
    for x in nodes:
        x._grad, x._home = None, None
    try:
        for x in of:
            x._retains = True
        carry_back(root)
        return [x._grad for x in of]
    finally:
        for x, gradient, home, retains in before:
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
        listening.backward_done(dxs)
    for x, dx in zip(inputs, dxs, strict=True):
        if dx is None:
            continue
        if x._op is None:
            x._accumulate_grad(dx)
        elif id(x) in gradients:
            accumulate(gradients[id(x)].reshape(-1), dx.reshape(-1))
        else:
            gradients[id(x)] = dx
