"""Training steps per second: minidl beside scikit-learn, PyTorch and JAX, in one run.

Three networks with Adam in float32; a step includes taking its rows from a shuffled dataset. All
peers take turns, epoch by epoch, so that whatever else the machine does meets all alike; the
table shows medians, as ratios to minidl's recorded program. A peer that is not installed is left
out and named.

    python benchmarks/step.py               # one thread, then two
    python benchmarks/step.py --compile     # with torch.compile, which takes its time
    python benchmarks/step.py --quick       # fewer rounds
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

RATE = 1e-3
Epoch = Callable[[np.ndarray], Any]


@dataclass(frozen=True)
class Size:
    """A network, a batch, and how many batches an epoch has."""

    name: str
    widths: tuple[int, ...]
    batch: int
    batches: int

    @property
    def classes(self) -> int:
        return self.widths[-1]

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """The same rows for everyone; class numbers."""
        rng = np.random.default_rng(0)
        X = rng.standard_normal((self.batch * self.batches, self.widths[0])).astype(np.float32)
        return X, rng.integers(0, max(self.classes, 2), len(X))


SIZES = (
    Size("tiny", (2, 16, 16, 1), 32, 512),
    Size("middle", (64, 128, 128, 10), 128, 20),
    Size("large", (784, 512, 512, 10), 128, 10),
)


def minidl_parts(size: Size) -> tuple[Any, Any, tuple[np.ndarray, np.ndarray]]:
    """A network's step, as minidl's README writes it, and its data."""
    import minidl as ml

    X, y = size.data()
    binary = size.classes == 1
    net = ml.mlp(size.widths, output="sigmoid" if binary else "softmax", seed=0)
    optimizer = ml.Adam(net.parameters(), learning_rate=RATE)
    loss_of = ml.binary_crossentropy if binary else ml.categorical_crossentropy
    t = y.astype(np.float32).reshape(-1, 1) if binary else y.astype(np.float32)

    def step(x: Any, t: Any) -> Any:
        loss = loss_of(t, net(x))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return net, step, (X, t)


def minidl_eager(size: Size) -> Epoch:
    _, step, (X, t) = minidl_parts(size)

    def epoch(order: np.ndarray) -> None:
        for i in range(0, len(order), size.batch):
            rows = order[i : i + size.batch]
            step(X[rows], t[rows])

    return epoch


def minidl_recorded(size: Size) -> Epoch:
    import minidl as ml

    _, step, (X, t) = minidl_parts(size)
    program = ml.record(step, X[: size.batch], t[: size.batch])
    return lambda order: program.run(X, t, order=order, confirm=False)


def products(size: Size) -> Epoch:
    """Nothing but the matrix products of such an epoch: the floor."""
    import minidl as ml
    from minidl.kernels import linear
    from minidl.program.code import MachineCode

    _, step, (X, t) = minidl_parts(size)
    # keep=True, and one run: every product finds ordinary numbers, and leaves its operands alone.
    program = ml.record(step, X[: size.batch], t[: size.batch], keep=True)
    program(X[: size.batch], t[: size.batch])
    kernels = (linear.dense, linear.dense_dx, linear.dense_dw)
    lines = [line for line in program.instructions if line.kernel in kernels]
    code = MachineCode(lines)
    return lambda order: code.run([(0, len(lines), size.batches)])


def scikit_learn(size: Size) -> Epoch:
    from sklearn.neural_network import MLPClassifier

    X, y = size.data()
    net = MLPClassifier(
        size.widths[1:-1], solver="adam", batch_size=size.batch, learning_rate_init=RATE, alpha=0.0
    )
    return lambda order: net.partial_fit(X, y, classes=np.unique(y))


def pytorch(size: Size, compiled: bool = False) -> Epoch:
    import torch
    from torch import nn

    torch.set_num_threads(len(os.sched_getaffinity(0)))
    torch.manual_seed(0)
    X, y = size.data()
    binary = size.classes == 1
    layers: list[Any] = []
    for inputs, outputs in zip(size.widths, size.widths[1:], strict=False):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    net = nn.Sequential(*layers[:-1])
    criterion = nn.BCEWithLogitsLoss() if binary else nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(net.parameters(), lr=RATE)
    features = torch.from_numpy(X)
    labels = torch.from_numpy(y.astype(np.float32).reshape(-1, 1) if binary else y)

    def step(x: Any, t: Any) -> None:
        loss = criterion(net(x), t)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    run = torch.compile(step) if compiled else step

    def epoch(order: np.ndarray) -> None:
        for rows in torch.from_numpy(order).split(size.batch):
            run(features[rows], labels[rows])

    return epoch


def jax_parts(size: Size) -> tuple[Any, Any, Any, Any]:
    """Parameters, optimizer state, a pure step, and data on the device."""
    import jax
    import jax.numpy as jnp
    import optax

    X, y = size.data()
    binary = size.classes == 1
    keys = jax.random.split(jax.random.key(0), len(size.widths))
    parameters = [
        (jax.random.normal(key, (n, m)) * (2 / n) ** 0.5, jnp.zeros(m))
        for key, n, m in zip(keys, size.widths, size.widths[1:], strict=False)
    ]
    optimizer = optax.adam(RATE)
    labels = y.astype(np.float32).reshape(-1, 1) if binary else y

    def loss_of(parameters: Any, x: Any, t: Any) -> Any:
        for w, b in parameters[:-1]:
            x = jax.nn.relu(x @ w + b)
        w, b = parameters[-1]
        z = x @ w + b
        if binary:
            return optax.sigmoid_binary_cross_entropy(z, t).mean()
        return optax.softmax_cross_entropy_with_integer_labels(z, t).mean()

    def step(carried: Any, batch: Any) -> Any:
        parameters, state = carried
        loss, gradients = jax.value_and_grad(loss_of)(parameters, *batch)
        updates, state = optimizer.update(gradients, state, parameters)
        return (optax.apply_updates(parameters, updates), state), loss

    return (parameters, optimizer.init(parameters)), step, jnp.asarray(X), jnp.asarray(labels)


def jax_step(size: Size) -> Epoch:
    import jax

    carried, step, X, y = jax_parts(size)
    take = jax.jit(lambda carried, X, y, rows: step(carried, (X[rows], y[rows])))

    def epoch(order: np.ndarray) -> None:
        nonlocal carried
        for i in range(0, len(order), size.batch):
            carried, _ = take(carried, X, y, order[i : i + size.batch])
        jax.block_until_ready(carried)

    return epoch


def jax_scan(size: Size) -> Epoch:
    import jax

    carried, step, X, y = jax_parts(size)

    @jax.jit
    def whole(carried: Any, X: Any, y: Any, order: Any) -> Any:
        return jax.lax.scan(lambda c, rows: step(c, (X[rows], y[rows])), carried, order)

    def epoch(order: np.ndarray) -> None:
        nonlocal carried
        carried, _ = whole(carried, X, y, order.reshape(-1, size.batch))
        jax.block_until_ready(carried)

    return epoch


PEERS: dict[str, Callable[[Size], Epoch]] = {
    "minidl recorded": minidl_recorded,
    "minidl eager": minidl_eager,
    "matrix products": products,
    "scikit-learn": scikit_learn,
    "PyTorch": pytorch,
    "torch.compile": lambda size: pytorch(size, compiled=True),
    "JAX jit": jax_step,
    "JAX scan": jax_scan,
}


def measure(size: Size, peers: dict[str, Callable[[Size], Epoch]], rounds: int) -> dict[str, float]:
    """Median microseconds a step; the peers take turns."""
    epochs: dict[str, Epoch] = {}
    for name, make in peers.items():
        try:
            epochs[name] = make(size)
        except ImportError as error:
            print(f"  {name} is left out: {error}")
    rng = np.random.default_rng(0)
    times: dict[str, list[float]] = {name: [] for name in epochs}
    for turn in range(rounds + 2):  # the first two compile and warm up
        order = rng.permutation(size.batch * size.batches)
        for name, epoch in epochs.items():
            began = time.perf_counter()
            epoch(order)
            if turn > 1:
                times[name].append((time.perf_counter() - began) / size.batches * 1e6)
    return {name: statistics.median(rounds) for name, rounds in times.items()}


def first_epoch(name: str, size: Size) -> float:
    """Seconds from the start of a process to the end of its first epoch."""
    code = (
        "import numpy as np, step\n"
        f"size = next(s for s in step.SIZES if s.name == {size.name!r})\n"
        f"step.PEERS[{name!r}](size)(np.arange(size.batch * size.batches))"
    )
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=os.path.dirname(__file__),
        capture_output=True,
        check=False,
    )
    return time.perf_counter() - began if done.returncode == 0 else float("nan")


def table(peers: dict[str, Callable[[Size], Epoch]], rounds: int) -> None:
    """One table for each size."""
    for size in SIZES:
        print(f"\n{size.name}: {'-'.join(map(str, size.widths))}, batch {size.batch}")
        medians = measure(size, peers, rounds if size.name != "large" else max(5, rounds // 3))
        ours = medians["minidl recorded"]
        print(f"  {'':<18}{'µs a step':>12}{'÷ recorded':>12}{'first epoch, s':>16}")
        for name, median in medians.items():
            start = f"{first_epoch(name, size):.2f}" if name != "matrix products" else ""
            print(f"  {name:<18}{median:>12.1f}{median / ours:>12.2f}{start:>16}")
        print(f"  recorded ÷ matrix products: {ours / medians['matrix products']:.2f}")
        if "PyTorch" in medians:
            print(f"  PyTorch ÷ minidl eager: {medians['PyTorch'] / medians['minidl eager']:.2f}")


def main() -> None:
    """One thread in this process and its children, then two."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--compile", action="store_true", help="torch.compile, too")
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--threads", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.threads is None:
        for threads in (1, 2):
            subprocess.run([sys.executable, *sys.argv, "--threads", str(threads)], check=True)
        return
    cores = sorted(os.sched_getaffinity(0))[: options.threads]
    os.sched_setaffinity(0, cores)
    os.environ["OPENBLAS_NUM_THREADS"] = str(options.threads)
    print(f"\n== {len(cores)} thread{'s' if len(cores) > 1 else ''}")
    peers = {k: v for k, v in PEERS.items() if options.compile or k != "torch.compile"}
    table(peers, rounds=11 if options.quick else 41)


if __name__ == "__main__":
    main()
