"""Two programs in two threads, and one program beside a busy neighbour.

The first table: how much more two threads train in the same time than one. The second: how long a
step takes while another process keeps a core busy, against a quiet machine.

    python benchmarks/threads.py
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import numpy as np
from step import RATE, SIZES, Size

import minidl as ml

SECONDS = 2.0


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


def main() -> None:
    """Two tables."""
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


if __name__ == "__main__":
    main()
