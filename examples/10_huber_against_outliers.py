"""Huber against outliers: a few wild targets bend a line under squared error, not under Huber.

You learn that a bounded gradient bounds the pull of each row.
"""

import numpy as np

import minidl as ml

rng = np.random.default_rng(0)
X = np.linspace(-1, 1, 100).reshape(-1, 1)
clean = 2 * X[:, 0] + 1
y = clean + 0.1 * rng.standard_normal(100)
y[90:] -= 20  # ten wild targets at one end
miss = {}
for loss in ("mse", "huber", "mae"):
    net = ml.mlp([1, 1], seed=0)
    ml.fit(net, X, y, loss=loss, learning_rate=3e-2, epochs=150)
    miss[loss] = float(np.abs(net.predict(X)[:, 0] - clean).mean())
    w, b = (p.item() for p in net.parameters())
    print(f"{loss:6} y = {w:+.2f}·x {b:+.2f}   mean distance from the truth {miss[loss]:.3f}")

print("truth  y = +2.00·x +1.00")
assert miss["huber"] < miss["mse"]
