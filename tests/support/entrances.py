"""Every entrance that arrays of a user's own come in by, as a function of the array."""

from __future__ import annotations

import numpy as np

import minidl as ml

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 3)).astype(np.float32)
Y = (X[:, :1] > 0).astype(np.float32)
WEIGHTS = RNG.uniform(0.5, 2.0, 12).astype(np.float32)


def network():
    return ml.mlp([3, 4, 1], hidden="tanh", output="sigmoid", seed=0)


def trained(X, Y, weights, **settings):
    net = network()
    history = ml.fit(net, X, Y, loss="bce", epochs=2, batch_size=5, seed=0, sample_weight=weights,
                     validation_data=(X, Y), **settings)  # fmt: skip
    return [*history["loss"], *history["val_loss"], *net.block.values.tolist()]


def run(X, Y):
    """A recorded step on rows in an order."""
    net = network()
    optimizer = ml.SGD(net.parameters(), 0.1)

    def step(x, t):
        loss = ml.binary_crossentropy(t, net(x))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return [*ml.record(step, X, Y).run(X, Y), *net.block.values.tolist()]


def gradient(values):
    x = ml.Tensor(np.ones((12, 3), np.float32), requires_grad=True)
    (x * 2.0).backward(values)
    return x.grad


def assigned(values):
    x = ml.Tensor(np.ones((12, 3), np.float32))
    x.data = values
    return x.numpy()


def graded(values):
    x = ml.Tensor(np.ones((12, 3), np.float32), requires_grad=True)
    x.grad = values
    return x.grad


ENTRANCES = {
    "fit": lambda lay: trained(lay(X), lay(Y), lay(WEIGHTS)),
    "fit eagerly": lambda lay: trained(lay(X), lay(Y), lay(WEIGHTS), record=False),
    "predict": lambda lay: network().predict(lay(X)),
    "evaluate": lambda lay: ml.evaluate(network(), lay(X), lay(Y), loss="bce")["loss"],
    "a network": lambda lay: network()(lay(X)).numpy(),
    "record": lambda lay: run(lay(X), lay(Y)),
    "a loss": lambda lay: ml.mse(lay(Y), ml.Tensor(Y + 1)).numpy(),
    "weights of a loss": lambda lay: ml.mse(
        Y, ml.Tensor(Y + X[:, :1]), sample_weight=lay(WEIGHTS)).numpy(),
    "an operation": lambda lay: (ml.Tensor(X) * lay(X)).numpy(),
    "a product": lambda lay: (ml.Tensor(X) @ lay(np.ascontiguousarray(X.T))).numpy(),
    "Tensor": lambda lay: ml.Tensor(lay(X), dtype="float32").numpy(),
    "data": lambda lay: assigned(lay(X)),
    "grad": lambda lay: graded(lay(X)),
    "backward": lambda lay: gradient(lay(X)),
    "batches": lambda lay: np.concatenate(
        [np.hstack(part) for part in ml.data.batches(lay(X), lay(Y), 5)]).astype(np.float32),
}  # fmt: skip
