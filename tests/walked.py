"""What tests of walkthroughs share: layers of one's own, and where an array is made."""

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
