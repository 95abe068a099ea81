"""One eager training step of a small network: minidl beside PyTorch, one thread each.

A 2-16-16-1 network (relu, then sigmoid and binary cross-entropy), a batch of 32, Adam, float32.
Both take turns in short rounds, so that whatever else the machine does meets both alike; the
table shows the median round of each. A peer that is not installed is left out and named.

    python benchmarks/step.py
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
from threadpoolctl import threadpool_limits

import minidl as ml

ROUNDS, STEPS, BATCH, RATE = 41, 100, 32, 1e-3
Step = Callable[[], None]


def batch() -> tuple[np.ndarray, np.ndarray]:
    """The same rows for everyone; labels are 0 and 1."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((BATCH, 2)).astype(np.float32)
    return x, (x[:, :1] * x[:, 1:] > 0).astype(np.float32)


def minidl_step() -> Step:
    """The loop by hand, as minidl's README shows it."""
    x, t = batch()
    net = ml.mlp([2, 16, 16, 1], hidden="relu", output="sigmoid", seed=0)
    optimizer = ml.Adam(net.parameters(), learning_rate=RATE)

    def step() -> None:
        loss = ml.binary_crossentropy(t, net(x))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def torch_step() -> Step:
    """The loop as PyTorch's documentation recommends it; the loss takes logits."""
    import torch
    from torch import nn

    torch.set_num_threads(1)
    torch.manual_seed(0)
    x, t = map(torch.from_numpy, batch())
    net = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 1))
    criterion = nn.BCEWithLogitsLoss()
    optimizer = torch.optim.Adam(net.parameters(), lr=RATE)

    def step() -> None:
        loss = criterion(net(x), t)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    return step


def measure(steps: dict[str, Step]) -> dict[str, list[float]]:
    """Microseconds a step, for each round of each peer; they take turns."""
    for step in steps.values():  # compiles, fills caches
        for _ in range(STEPS):
            step()
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(ROUNDS):
        for name, step in steps.items():
            begin = time.perf_counter()
            for _ in range(STEPS):
                step()
            times[name].append((time.perf_counter() - begin) / STEPS * 1e6)
    return times


def main() -> None:
    """Measure and print one table."""
    steps, missing = {"minidl": minidl_step()}, []
    try:
        steps["PyTorch"] = torch_step()
    except ImportError:
        missing.append("PyTorch")
    with threadpool_limits(limits=1):
        times = measure(steps)
    medians = {name: statistics.median(rounds) for name, rounds in times.items()}
    print(f"One eager step, 2-16-16-1, batch {BATCH}, Adam, float32, one thread")
    print(f"{ROUNDS} interleaved rounds of {STEPS} steps; microseconds a step\n")
    print(f"{'':<10}{'median':>10}{'fastest':>10}{'slowest':>10}")
    for name, rounds in times.items():
        print(f"{name:<10}{medians[name]:>10.1f}{min(rounds):>10.1f}{max(rounds):>10.1f}")
    if "PyTorch" in medians:
        print(f"\nPyTorch ÷ minidl: {medians['PyTorch'] / medians['minidl']:.2f}")
    for name in missing:
        print(f"\n{name} is not installed and left out: pip install 'minidl[bench]'")


if __name__ == "__main__":
    main()
