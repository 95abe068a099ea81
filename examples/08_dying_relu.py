"""A dying ReLU: a unit that is negative for every row gets no gradient, and never comes back.

You learn what a large negative bias does, and how leaky ReLU keeps the way back open.
"""

import numpy as np

import minidl as ml

X = np.linspace(-1, 1, 64).reshape(-1, 1)
moved = {}
for hidden in ("relu", "leaky_relu", "elu"):
    net = ml.mlp([1, 8, 1], hidden=hidden, seed=0)
    first = net.parameters()[0]
    bias = net.parameters()[1]
    bias.data[...] = -5.0  # as one update that was far too large would leave it
    before = first.numpy().copy()
    history = ml.fit(net, X, X[:, 0] ** 2, loss="mse", learning_rate=1e-2, epochs=100)
    moved[hidden] = float(np.abs(first.numpy() - before).max())
    print(f"{hidden:10}   weights moved {moved[hidden]:.4f}   loss {history['loss'][-1]:.4f}")

assert moved["relu"] == 0
assert moved["leaky_relu"] > 0
assert moved["elu"] > 0
