"""What tests of walkthroughs share: layers of one's own, where an array is made, a step."""

import numpy as np

import minidl as ml


class Residual(ml.Layer):
    """x, and what a dense layer adds to it."""

    keeps_width = True

    def __init__(self, width):
        self.inner = ml.Dense(width, width, "tanh", seed=3)

    def forward(self, x, training):
        return x + self.inner(x, training)


class Beside(ml.Layer):
    """x, and beside it one number that a dense layer makes of it."""

    def __init__(self, width):
        self.inner = ml.Dense(width, 1, "tanh", seed=3)

    def forward(self, x, training):
        return ml.concatenate([x, self.inner(x, training)], axis=1)


def of_step(walkthrough, name, phase="backward"):
    """The first step of a phase that writes an array."""
    steps = [s for s in walkthrough.steps if s.phase == phase]
    return next(s for s in steps if any(a.name == name for a in s.writes))


def relu_step(rows=2):
    net = ml.mlp([2, 2, 2], hidden="relu", output="sigmoid", seed=1, dtype="float64")
    x, t = np.array([[0.5, -1.25], [1.5, 0.75]]), np.array([[1, 0], [0, 1]])
    optimizer = ml.SGD(net.parameters(), 0.1, momentum=0.9)
    return ml.explain(net, x[:rows], t[:rows], loss="bce", optimizer=optimizer)
