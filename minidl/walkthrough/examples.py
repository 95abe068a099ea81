"""Small networks that a walkthrough is ready for at once: one of minidl's own, and two classics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minidl.layers import Dense
from minidl.model import Sequential
from minidl.optimizers import SGD
from minidl.walkthrough.make import explain
from minidl.walkthrough.walkthrough import Walkthrough


def two_layers() -> Walkthrough:
    """Two inputs, two tanh units and a probability: the smallest network that bends."""
    net = Sequential(Dense(2, 2, "tanh"), Dense(2, 1, "sigmoid"))
    _set(net, [[0.5, -0.3], [0.2, 0.8]], [0.1, -0.1], [[0.7], [-0.4]], [0.2])
    return explain(net, [[0.6, -0.9]], [1], loss="binary_crossentropy", learning_rate=0.5)


def mazur() -> Walkthrough:
    """The 2-2-2 network of Matt Mazur, A Step by Step Backpropagation Example (2015).

    Its error ½ Σ (t − o)² is the mean square of two outputs; its biases are not updated.
    """
    net = Sequential(
        Dense(2, 2, "sigmoid", dtype="float64"), Dense(2, 2, "sigmoid", dtype="float64")
    )
    first, second = [[0.15, 0.25], [0.20, 0.30]], [[0.40, 0.50], [0.45, 0.55]]
    _set(net, first, [0.35, 0.35], second, [0.60, 0.60])
    weights = SGD([net[0].weight, net[1].weight], learning_rate=0.5)  # type: ignore[attr-defined]
    batch = [[0.05, 0.10]], [[0.01, 0.99]]
    return explain(net, *batch, loss="mse", optimizer=weights, digits=9)


def nielsen() -> Walkthrough:
    """The neuron of Michael Nielsen, Neural Networks and Deep Learning (2015), chapter 3.

    It should turn 1 into 0 and is badly wrong, so that squared error teaches it slowly. His cost is
    half of the mean square, his rate 0.15 half of what is written here as 0.075.
    """
    net = Sequential(Dense(1, 1, "sigmoid", dtype="float64"))
    _set(net, [[2.0]], [2.0])
    return explain(net, [[1.0]], [[0.0]], loss="mse", learning_rate=0.075)


def _set(net: Sequential, *numbers: Any) -> None:
    for parameter, values in zip(net.parameters(), numbers, strict=True):
        parameter.data = values


EXAMPLES: dict[str, Callable[[], Walkthrough]] = {
    "two_layers": two_layers,
    "mazur": mazur,
    "nielsen": nielsen,
}
"""By name, for the command line."""
