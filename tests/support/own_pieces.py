"""Activations, losses, layers and optimizers as users write them: some no program can repeat."""

import numpy as np

import minidl as ml
from minidl.kernels.jit import scalar
from minidl.kernels.vecmath import tanh


def numbers(seed, *shape):
    """Some numbers of this shape, from a seed."""
    return np.random.default_rng(seed).normal(size=shape)


def hold(tensor):
    """A tensor that no gradient goes through: finite differences keep it as it is."""
    return tensor.detach() if isinstance(tensor, ml.Tensor) else tensor  # NumPy gave an array


@scalar
def bump(x):
    return x * x / (1.0 + x * x)


class Bump(ml.ActivationFunction):
    name = "bump"
    value = staticmethod(lambda x: bump(x))
    slope = staticmethod(lambda x: 2.0 * x / ((1.0 + x * x) * (1.0 + x * x)))


class Squeezed(ml.ActivationFunction):
    """With a setting, and a slope from its output."""

    name = "squeezed"
    hyper = {"share": 0.7}
    value = staticmethod(lambda x, share: share * tanh(x))
    slope = staticmethod(lambda y, share: share - y * y / share)


class Quartic(ml.Loss):
    name = "quartic"
    value = staticmethod(lambda t, p: (p - t) ** 4)
    slope = staticmethod(lambda t, p: 4.0 * (p - t) ** 3)


class Residual(ml.Layer):
    keeps_width = True

    def __init__(self, width, dtype):
        self.inner = ml.Dense(width, width, "tanh", seed=5, dtype=dtype)
        self.scale = ml.Tensor([0.5], requires_grad=True, dtype=dtype)

    def forward(self, x, training):
        return x + self.scale * self.inner(x)


class Gate(ml.Layer):
    """Parameters in a dict and a list."""

    keeps_width = True

    def __init__(self, width, dtype):
        parts = [ml.Tensor(numbers(i, width), requires_grad=True, dtype=dtype) for i in range(3)]
        self.ways, self.shifts = {"up": parts[0], "down": parts[1]}, [parts[2]]

    def forward(self, x, training):
        gate = ml.sigmoid(x * self.ways["up"] + self.shifts[0])
        return gate * x + (1.0 - gate) * self.ways["down"]


class Normed(ml.Layer):
    """The batch's own mean and spread, and no memory of them."""

    keeps_width = True

    def forward(self, x, training):
        centred = x - x.mean(axis=0)
        return centred / ml.sqrt((centred * centred).mean(axis=0, keepdims=True) + 0.1)


class Centre(ml.Layer):
    """A running mean in an attribute."""

    keeps_width = True

    def __init__(self, width, dtype):
        self.mean = ml.Tensor(np.zeros(width), dtype=dtype)

    def forward(self, x, training):
        if not training:
            return x - self.mean
        m = x.mean(axis=0)
        self.mean = self.mean * 0.9 + m.detach() * 0.1
        return x - m


class Switch(ml.Layer):
    """Counts its calls, and decides by them."""

    keeps_width = True
    calls = 0

    def forward(self, x, training):
        self.calls += training
        return x if self.calls <= 2 else x * 0.5


class Noise(ml.Layer):
    """A random generator of its own."""

    keeps_width = True

    def __init__(self):
        self.rng = np.random.default_rng(3)

    def forward(self, x, training):
        return x + self.rng.normal(size=x.shape) * 0.1 if training else x


class Looks(ml.Layer):
    """Decides by a number."""

    keeps_width = True

    def forward(self, x, training):
        return x * 0.5 if float(x.detach().abs().max().item()) > 2.0 else x


class Outside(ml.Layer):
    """Works a factor out with NumPy."""

    keeps_width = True

    def forward(self, x, training):
        return x * (1.0 + 0.1 * np.tanh(x.detach().numpy()).mean())


class Twice(ml.SGD):
    """Every update twice, by SGD's own kernel."""

    def kernel(self, *arrays):
        super().kernel(*arrays)
        super().kernel(*arrays)


class Adagrad(ml.Optimizer):
    """In NumPy."""

    name = "adagrad"
    states = ("v",)
    defaults = {"learning_rate": 1e-2, "epsilon": 1e-8}

    def constants(self):
        return [self.settings["epsilon"]]

    def kernel(self, p, g, v, step_numbers):
        v += g * g
        p -= step_numbers[0] * g / (np.sqrt(v) + step_numbers[2])


class Around(ml.Adam):
    """NumPy before and after Adam's own kernel."""

    def kernel(self, p, g, m, v, step_numbers):
        g *= 0.5
        super().kernel(p, g, m, v, step_numbers)
        p *= 0.999
