"""What a walkthrough is ready for at once: a small network of minidl's own, and four classics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minidl.autodiff import Tensor
from minidl.model import Sequential
from minidl.nn import Dense, Layer, activations
from minidl.optim import SGD
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
    first, second = (Dense(2, 2, "sigmoid", dtype="float64") for _ in range(2))
    net = Sequential(first, second)
    _set(net, [[0.15, 0.25], [0.20, 0.30]], [0.35, 0.35], [[0.40, 0.50], [0.45, 0.55]], [0.6, 0.6])
    weights = SGD([first.weight, second.weight], learning_rate=0.5)
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


class Circuit(Layer):
    """An expression of a few numbers, which are its parameters; what comes in is not looked at."""

    def __init__(self, compute: Callable[..., Tensor], **numbers: float) -> None:
        self._compute, self._names = compute, tuple(numbers)
        for name, number in numbers.items():  # a parameter goes by its attribute's name
            setattr(self, name, Tensor([[number]], requires_grad=True, dtype="float64"))

    def forward(self, x: Tensor, training: bool = False) -> Tensor:
        return self._compute(*(getattr(self, name) for name in self._names))


def cs231n() -> Walkthrough:
    """(x + y) z at −2, 5 and −4: the circuit of Stanford's CS231n, Backpropagation, Intuitions.

    The loss is its distance from a number below it, which hands back a gradient of 1.
    """
    circuit = Circuit(lambda x, y, z: (x + y) * z, x=-2.0, y=5.0, z=-4.0)
    return explain(Sequential(circuit), [[1.0]], [[-13.0]], loss="mae", learning_rate=0.01)


def micrograd() -> Walkthrough:
    """The expression that the README of Andrej Karpathy's micrograd begins with.

    The loss is its distance from 0, above which it lies: the gradient that comes back is 1.
    """
    circuit = Circuit(_micrograd, a=-4.0, b=2.0)
    net = Sequential(circuit)
    return explain(net, [[1.0]], [[0.0]], loss="mae", learning_rate=1e-6, digits=7)


def _micrograd(a: Tensor, b: Tensor) -> Tensor:
    relu = activations["relu"]
    c = a + b
    d = a * b + b**3
    c = c + (c + 1)
    c = c + (1 + c + (-a))
    d = d + (d * 2 + relu(b + a))
    d = d + (3 * d + relu(b - a))
    f = (c - d) ** 2
    return f / 2.0 + 10.0 / f


def _set(net: Sequential, *numbers: Any) -> None:
    for parameter, values in zip(net.parameters(), numbers, strict=True):
        parameter.data = values


EXAMPLES: dict[str, Callable[[], Walkthrough]] = {
    "two_layers": two_layers,
    "mazur": mazur,
    "nielsen": nielsen,
    "cs231n": cs231n,
    "micrograd": micrograd,
}
"""By name, for the command line."""
