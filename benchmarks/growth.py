"""How the time of a training step grows with width, depth and batch: recorded beside eager.

Each row doubles one of the three; the last column says by how much the recorded step grew, so
that a cliff shows. One thread.

    python benchmarks/growth.py
"""

from __future__ import annotations

import time

import numpy as np

import minidl as ml

WIDTHS = [8 << k for k in range(9)]
DEPTHS = [1 << k for k in range(7)]
BATCHES = [1 << k for k in range(13)]


def steps(width: int, depth: int, batch: int) -> tuple[float, float]:
    """Microseconds a step, recorded and eager: the fastest of a few rounds, taken in turn."""
    net = ml.mlp([16, *[width] * depth, 1], hidden="tanh", seed=0)
    optimizer = ml.Adam(net.parameters())
    rng = np.random.default_rng(0)
    x = rng.standard_normal((batch, 16)).astype(np.float32)
    t = rng.standard_normal((batch, 1)).astype(np.float32)

    def step(x: ml.Tensor, t: ml.Tensor) -> ml.Tensor:
        loss = ml.mse(t, net(x))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    program = ml.record(step, x, t)
    x, t = np.tile(x, (8, 1)), np.tile(t, (8, 1))
    best = [np.inf, np.inf]
    for _ in range(5):
        for k, run in enumerate(
            (
                lambda: program.run(x, t, confirm=False),
                lambda: [step(x[:batch], t[:batch]) for _ in range(8)],
            )
        ):
            began = time.perf_counter()
            run()
            best[k] = min(best[k], (time.perf_counter() - began) / 8 * 1e6)
    return best[0], best[1]


def table(name: str, values: list[int], settings: list[tuple[int, int, int]]) -> None:
    """One of the three grows, the others stand."""
    heads = f"{'recorded, µs':>15}{'eager, µs':>12}{'eager ÷ recorded':>19}{'grew by':>10}"
    print(f"\n{name:>8}{heads}")
    before = None
    for value, setting in zip(values, settings, strict=True):
        recorded, eager = steps(*setting)
        grew = f"{recorded / before:.2f}" if before else ""
        print(f"{value:>8}{recorded:>15.1f}{eager:>12.1f}{eager / recorded:>19.2f}{grew:>10}")
        before = recorded


def main() -> None:
    """Three tables."""
    table("width", WIDTHS, [(width, 2, 32) for width in WIDTHS])
    table("depth", DEPTHS, [(32, depth, 32) for depth in DEPTHS])
    table("batch", BATCHES, [(32, 2, batch) for batch in BATCHES])


if __name__ == "__main__":
    main()
