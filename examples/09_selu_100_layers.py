"""SELU keeps mean 0 and variance 1 through 100 layers.

You learn what self-normalising means, and what relu and tanh do to a signal instead,
each with the initial weights that suit it.
"""

import numpy as np

import minidl as ml

X = np.random.default_rng(0).standard_normal((500, 256))
last = {}
for name in ("selu", "relu", "tanh"):
    net = ml.mlp([256] * 101, hidden=name, output=name, seed=0)
    print(name)
    x = ml.Tensor(X, dtype="float32")
    with ml.no_grad():
        for depth, layer in enumerate(net, start=1):
            x = layer(x)
            if depth in (1, 10, 100):
                a = x.numpy()
                print(f"  layer {depth:3d}   mean {a.mean():+.4f}   variance {a.var():.3g}")
    last[name] = (float(a.mean()), float(a.var()))

assert abs(last["selu"][0]) < 0.2
assert 0.7 < last["selu"][1] < 1.3
assert last["relu"][0] > 0.1  # never negative, so its mean is not 0
assert last["tanh"][1] < 0.1  # the signal fades
