"""Your own activation in ten lines, used by name like any other.

You learn what an activation is to minidl: a value, a slope, and a few facts.
"""

import numpy as np

import minidl as ml


@ml.activation
class Bump(ml.ActivationFunction):
    """x / (1 + x²): rises, falls, and forgets what is far away."""

    name = "bump"
    formula = "x / (1 + x**2)"

    @staticmethod
    def value(x):
        return x / (1 + x * x)

    @staticmethod
    def slope(x):
        return (1 - x * x) / (1 + x * x) ** 2


x = np.linspace(-3, 3, 7)
print("x      ", x)
print("bump(x)", ml.activations["bump"](x).round(3))
assert np.allclose(ml.activations["bump"](x), x / (1 + x * x))

moons = ml.data.load("moons").split(seed=0).standardised()
net = ml.mlp([2, 16, 1], hidden="bump", output="sigmoid", seed=0)
history = ml.fit(
    net, moons.X_train, moons.y_train, loss="binary_crossentropy", learning_rate=1e-2, epochs=40
)
print(f"loss {history['loss'][0]:.3f} → {history['loss'][-1]:.3f}")
assert history["loss"][-1] < history["loss"][0]

ml.activations.unregister("bump")
assert "bump" not in ml.activations
