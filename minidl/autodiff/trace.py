"""Who listens to operations while they run: what records a step, and what looks for anomalies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from minidl.kernels.calls import handed_to, listener, listeners, recorder, watcher
from minidl.kernels.jit import Kernel

__all__ = ["Listener", "handed_to", "listener", "listeners", "recorder", "watcher"]


class Listener:
    """Who is handed the kernel calls of a thread, and told what they are part of.

    A recorder writes calls down; anybody else has to run them.
    """

    records = False
    computes = True
    """Whether kernels are run, so that there are numbers."""

    def called(self, kernel: Kernel, arguments: tuple[Any, ...]) -> None:
        """One call: it is the listener's to run, or not."""
        raise NotImplementedError

    def parameter_used(self, parameter: Any) -> None:
        """A parameter is about to be used, or its gradient to be cleared."""

    def entered(self, part: Any) -> None:
        """A layer is about to be applied."""

    def forward(self, op: Any, inputs: Sequence[Any]) -> None:
        """An operation is about to run."""

    def forward_done(self, result: Any) -> None:
        """An operation has run; its result, as a tensor."""

    def precomputed_gradients(self, gradients: Iterable[tuple[Any, np.ndarray]]) -> None:
        """Gradients are there that an operation found on its way forward."""

    def backward(self, node: Any, dy: np.ndarray, dxs: Sequence[np.ndarray | None]) -> None:
        """An operation is about to go backward."""

    def backward_done(self, arrays: Iterable[np.ndarray | None]) -> None:
        """An operation has gone backward; its operands' gradients."""

    def follow(self, optimizer: Any) -> None:
        """An optimizer is about to update."""

    def step(self, instruction: Any) -> None:
        """An instruction of a program is about to run."""

    def handed(self, owner: Any, arrays: Iterable[Any]) -> list[Any]:
        """Arrays that an operation or optimizer is about to work on, as it shall see them."""
        return list(arrays)
