"""Two programs in two threads, one program beside a busy neighbour, and one array cut in two.

The first table: how much more two threads train in the same time than one. The second: how long a
step takes while another process keeps a core busy, against a quiet machine. The third: from which
size on a kernel would gain by two threads that are waiting already; minidl's kernels keep to one,
so that a study may use the others.

    python benchmarks/threads.py
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from step import RATE, SIZES, Size

import minidl as ml

SECONDS = 2.0
ROUNDS = 40


def program(size: Size) -> tuple[ml.Program, np.ndarray, np.ndarray]:
    """A recorded step and its data."""
    X, y = size.data()
    binary = size.classes == 1
    net = ml.mlp(size.widths, output="sigmoid" if binary else "softmax", seed=0)
    optimizer = ml.Adam(net.parameters(), learning_rate=RATE)
    loss_of = ml.binary_crossentropy if binary else ml.categorical_crossentropy
    t = y.astype(np.float32).reshape(-1, 1) if binary else y.astype(np.float32)

    def step(x: ml.Tensor, t: ml.Tensor) -> ml.Tensor:
        loss: ml.Tensor = loss_of(t, net(x))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return ml.record(step, X[: size.batch], t[: size.batch]), X, t


def epochs(made: tuple[ml.Program, np.ndarray, np.ndarray], counts: list[int], k: int) -> None:
    """Train for a while; count the epochs."""
    recorded, X, t = made
    end = time.perf_counter() + SECONDS
    while time.perf_counter() < end:
        recorded.run(X, t, confirm=False)
        counts[k] += 1


def together(size: Size, threads: int) -> int:
    """Epochs that so many threads train, each its own network."""
    made, counts = [program(size) for _ in range(threads)], [0] * threads
    workers = [threading.Thread(target=epochs, args=(one, counts, k)) for k, one in enumerate(made)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sum(counts)


def cut_in_two(name: str, size: int, pool: ThreadPoolExecutor) -> float:
    """How much faster two threads with half an array each are than one with the whole."""
    function = ml.activations[name]
    loop, hyper_values = function.loops()[0], function.hyper_values
    x = np.random.default_rng(0).standard_normal(size).astype(np.float32)
    y, half = np.empty_like(x), size // 2
    parts = [(x[:half], y[:half], hyper_values), (x[half:], y[half:], hyper_values)]
    ways: list[Callable[[], Any]] = [
        lambda: loop(x, y, hyper_values),
        lambda: list(pool.map(lambda part: loop(*part), parts)),
    ]
    times: list[list[float]] = [[], []]
    for turn in range(2 * ROUNDS):
        began = time.perf_counter()
        ways[turn % 2]()
        times[turn % 2].append(time.perf_counter() - began)
    one, two = map(statistics.median, times)
    return one / two


def main() -> None:
    """Three tables."""
    print(f"{'':<8}{'two threads ÷ one':>19}")
    for size in SIZES:
        print(f"{size.name:<8}{together(size, 2) / together(size, 1):>19.2f}")
    print(f"\n{'':<8}{'busy ÷ quiet':>19}")
    for size in SIZES:
        quiet = together(size, 1)
        neighbour = subprocess.Popen([sys.executable, "-c", "while True: pass"])
        try:
            print(f"{size.name:<8}{quiet / together(size, 1):>19.2f}")
        finally:
            neighbour.kill()
    names = ("relu", "tanh", "gelu")
    print(f"\n{'numbers':<10}" + "".join(f"{name:>8}" for name in names) + "   one ÷ two threads")
    with ThreadPoolExecutor(2) as pool:
        for size in (10**4, 10**5, 10**6, 10**7):
            shares = (cut_in_two(name, size, pool) for name in names)
            print(f"{size:<10}" + "".join(f"{share:>8.2f}" for share in shares))


if __name__ == "__main__":
    main()
