"""A small network out of a seed, with numbers that one can work with on paper."""

from __future__ import annotations

import numpy as np

from minidl.model import Sequential
from minidl.nn import Dense
from minidl.optim import SGD
from minidl.walkthrough.make import explain
from minidl.walkthrough.steps import Step
from minidl.walkthrough.walkthrough import Walkthrough

HIDDEN_ACTIVATIONS = ("relu", "leaky_relu", "sigmoid", "tanh")
HEADS = (("sigmoid", "binary_crossentropy"), ("sigmoid", "mse"), ("linear", "mse"))

SMALLEST_NUMBER = 1e-9
"""No number of such a network is as small as this, but for those that are 0 on paper."""


def exercise(seed: int) -> Walkthrough:
    """A walkthrough through a 2-2-1, 2-2-2, 2-3-2 or 3-2-2 network on one row or two.

    Weights, biases and inputs have one decimal, none is 0. The seed decides all. Where a sum that
    is 0 on paper leaves a trace in float64, another network is drawn.

    Examples
    --------
    >>> exercise(3).problem == exercise(3).problem
    True
    """
    rng = np.random.default_rng(seed)
    walkthrough = _drawn(rng)
    while any(_leaves_trace(step) for step in walkthrough.steps):
        walkthrough = _drawn(rng)
    return walkthrough


def _leaves_trace(step: Step) -> bool:
    sizes = (abs(array.numbers) for array in step.writes)
    return any(((size > 0) & (size < SMALLEST_NUMBER)).any() for size in sizes)


def _drawn(rng: np.random.Generator) -> Walkthrough:
    widths = ((2, 2, 1), (2, 2, 2), (2, 3, 2), (3, 2, 2))[rng.integers(4)]
    hidden = HIDDEN_ACTIVATIONS[rng.integers(len(HIDDEN_ACTIVATIONS))]
    output, loss = HEADS[rng.integers(len(HEADS))]
    net = Sequential(
        Dense(*widths[:2], hidden, dtype="float64"), Dense(*widths[1:], output, dtype="float64")
    )
    for parameter in net.parameters():
        parameter.data = _tenths(rng, parameter.shape)
    rows = int(rng.integers(1, 3))
    x, t = _tenths(rng, (rows, widths[0])), rng.integers(0, 2, (rows, widths[-1]))
    momentum = (0.0, 0.9)[rng.integers(2)]
    optimizer = SGD(net.parameters(), learning_rate=0.5, momentum=momentum)
    return explain(net, x, t.astype(np.float64), loss=loss, optimizer=optimizer)


def _tenths(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers from −1.2 to 1.2 with one decimal, none 0."""
    drawn: np.ndarray = rng.integers(1, 13, shape) * rng.choice([-1, 1], shape) / 10
    return drawn
