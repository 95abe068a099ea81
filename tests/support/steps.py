"""Steps that several test files record."""

import numpy as np

import minidl as ml

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3)).astype(np.float32)
Y = RNG.normal(size=(40, 2)).astype(np.float32)
LABELS = RNG.integers(0, 2, 40).astype(np.float32)
T = LABELS.reshape(-1, 1)


def classifier(dtype="float32", widths=(3, 8, 1)):
    net = ml.mlp(list(widths), output="sigmoid", seed=0, dtype=dtype)
    optimizer = ml.Adam(net.parameters(), learning_rate=1e-2)
    return net, optimizer, training_step(net, optimizer, loss=ml.binary_crossentropy)


def training_step(net, optimizer, predict=None, loss=ml.mse):
    def step(x, t):
        value = loss(t, (predict or net)(x))
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        return value

    return step
