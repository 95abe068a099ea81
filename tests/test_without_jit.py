"""The same formulas without compilation: every kernel runs as plain Python on a small grid."""

import os
import subprocess
import sys

SCRIPT = """
import numpy as np
import minidl as ml
from minidl.kernels.jit import JIT

assert not JIT
rng = np.random.default_rng(0)
X = rng.normal(size=(12, 3))
for activation in ml.activations:
    for optimizer in ml.optimizers.names():
        net = ml.mlp([3, 4, 2], hidden=activation.name, seed=0, dropout=0.2)
        history = ml.fit(net, X, X[:, :2], loss="mse", optimizer=optimizer, epochs=2, batch_size=8)
        assert np.isfinite(history["loss"]).all(), (activation.name, optimizer)
for loss in ml.losses:
    link = {"sigmoid": "sigmoid", "softmax": "softmax", "exp": "softplus"}.get(loss.link)
    net = ml.mlp([3, 4, 3], output=link, seed=0)
    y = np.eye(3)[np.arange(12) % 3]
    if not all(corner in loss.target for corner in (0, 1)):
        y = 2 * y - 1
    history = ml.fit(net, X, y, loss=loss, learning_rate=1e-2, epochs=3, batch_size=8)
    assert history["loss"][-1] < history["loss"][0], loss.name
print("plain Python agrees", float(ml.mse(np.zeros(2), np.ones(2))))
"""


def test_training_runs_without_compilation():
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "plain Python agrees 1.0\n"
