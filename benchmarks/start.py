"""From process start to 100 trained epochs of two moons: one small script of each library.

Each script is run in a process of its own, in turn, on warm caches; the table shows the median.
The points are made with numpy, so that nobody pays for another's imports. Then how long it takes in
minidl, within one process, until a network that differs from the one before is made and trained.

    python benchmarks/start.py
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time

ROUNDS = 5

DATA = """
import numpy as np
random = np.random.default_rng(0)
angle = random.uniform(0, np.pi, 500)
upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
X = np.concatenate([upper, [1.0, 0.5] - upper]) + random.normal(0, 0.2, (1000, 2))
X, y = X.astype(np.float32), np.repeat([0, 1], 500).astype(np.float32)
"""

SCRIPTS = {
    "minidl": """
import minidl as ml
net = ml.mlp([2, 16, 16, 1], hidden="relu", output="sigmoid", seed=0)
ml.fit(net, X, y, loss="binary_crossentropy", epochs=100, batch_size=32)
""",
    "scikit-learn": """
import warnings
from sklearn.neural_network import MLPClassifier
warnings.simplefilter("ignore")
MLPClassifier((16, 16), batch_size=32, max_iter=100, n_iter_no_change=1000).fit(X, y)
""",
    "PyTorch": """
import torch
from torch import nn
torch.set_num_threads(1)
net = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 1))
optimizer = torch.optim.Adam(net.parameters())
criterion = nn.BCEWithLogitsLoss()
X, y = torch.from_numpy(X), torch.from_numpy(y).reshape(-1, 1)
for epoch in range(100):
    for rows in torch.randperm(len(X)).split(32):
        optimizer.zero_grad()
        criterion(net(X[rows]), y[rows]).backward()
        optimizer.step()
""",
    "JAX scan": """
import sys
sys.path.insert(0, HERE)
import jax, step
size = step.Size("moons", (2, 16, 16, 1), 32, 31)
size.__class__.data = lambda self: (X, y)
epoch = step.jax_scan(size)
for _ in range(100):
    epoch(np.random.permutation(992))
""",
}

NEXT = """
import time
import minidl as ml

def train(widths, hidden, loss, optimizer):
    net = ml.mlp(widths, hidden=hidden, output="sigmoid", seed=0)
    ml.fit(net, X[:64], y[:64], loss=loss, optimizer=optimizer, epochs=1)

train([2, 16, 1], "relu", "bce", "adam")
for what, network in {
    "shape": ([2, 32, 8, 1], "relu", "bce", "adam"),
    "activation": ([2, 16, 1], "mish", "bce", "adam"),
    "loss": ([2, 16, 1], "relu", "mse", "adam"),
    "optimizer": ([2, 16, 1], "relu", "bce", "rmsprop"),
}.items():
    began = time.perf_counter()
    train(*network)
    print(what, 1e3 * (time.perf_counter() - began))
"""


def main() -> None:
    """Measure and print two tables."""
    here = os.path.dirname(os.path.abspath(__file__))
    times: dict[str, list[float]] = {name: [] for name in SCRIPTS}
    for turn in range(ROUNDS + 1):  # the first one warms disks and caches
        for name, script in SCRIPTS.items():
            began = time.perf_counter()
            code = f"HERE = {here!r}\n{DATA}{script}"
            done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
            if done.returncode == 0 and turn:
                times[name].append(time.perf_counter() - began)
    ours = statistics.median(times["minidl"])
    print(f"{'':<14}{'seconds':>9}{'÷ minidl':>10}")
    for name, rounds in times.items():
        if rounds:
            median = statistics.median(rounds)
            print(f"{name:<14}{median:>9.2f}{median / ours:>10.2f}")
        else:
            print(f"{name:<14} is left out: not installed, or it failed")
    waits: dict[str, list[float]] = {}
    for _ in range(ROUNDS + 1):
        done = subprocess.run(
            [sys.executable, "-c", DATA + NEXT], capture_output=True, check=True, text=True
        )
        for line in done.stdout.splitlines():
            what, milliseconds = line.split()
            waits.setdefault(what, []).append(float(milliseconds))
    print(f"\n{'another':<14}{'ms':>9}")
    for what, found in waits.items():
        print(f"{what:<14}{statistics.median(found[1:]):>9.1f}")


if __name__ == "__main__":
    main()
