"""The same formulas without compilation: every line of every kernel runs as plain Python.

Tests on small arrays are run again, all but those whose point is bits, ULP or speed; the script
trains with everything once, and visits the corners that no small test has.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
SCRIPT = """
import numpy as np
import minidl as ml
from minidl.kernels.checks import outside_interval
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

assert ml.kl_divergence(np.eye(2), np.full((2, 2), 0.5)) == np.log(2)
base, exponent = ml.Tensor([0.0], requires_grad=True), ml.Tensor([2.0], requires_grad=True)
(base**exponent).backward()
assert exponent.grad == 0, "the slope of 0ᵇ is 0"
assert outside_interval(np.array([0.5, 1.0]), 0.0, 1.0, False, False) == 1
z = ml.Tensor([0.0], requires_grad=True)
ml.poisson([3.0], z, from_logits=True).backward()
assert z.grad == 1 - 3
print("plain Python agrees", float(ml.mse(np.zeros(2), np.ones(2))))
"""
SMALL = ["gradients", "loss_arguments", "tensor", "recording", "training", "activations", "losses"]
NOT_SMALL = ["follow_the_formula", "registered", "neighbouring", "100_000", "loss_falls"]


def run(*command):
    done = subprocess.run(
        [sys.executable, *command],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        cwd=HERE.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_training_runs_without_compilation():
    assert run("-W", "error", "-c", SCRIPT) == "plain Python agrees 1.0\n"


def test_small_tests_hold_without_compilation():
    files = [str(HERE / f"test_{name}.py") for name in SMALL]
    chosen = " and ".join(f"not {name}" for name in NOT_SMALL)
    said = run(
        "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *files, "-k", chosen
    )
    assert int(re.search(r"(\d+) passed", said)[1]) > 200
