"""Walk through random networks: every equation must come out, every gradient be proved.

Every hidden activation, head and optimizer takes its turn over 1 to 4 layers and 1 to 4 rows.
Then, for every operation in turn, its derivative is doubled on purpose: differences must see it.

    python benchmarks/walkthroughs.py [networks]
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle
from typing import Any
from unittest.mock import patch

import numpy as np

import minidl as ml
from minidl.autodiff.arithmetic import DenseOp, DropoutOp
from minidl.autodiff.op import BinaryElementwise, Elementwise, Op
from minidl.autodiff.shapes import ViewOp
from minidl.core.intervals import SIGNS
from minidl.kernels.elementwise import accumulate
from minidl.nn.criterion import LossOp
from minidl.nn.domains import unfit
from minidl.nn.nonlinearity import RowActivation


def heads() -> list[tuple[str, str]]:
    """Every output activation with every loss that can take what it gives."""
    return [
        (a.name, loss.name)
        for loss in ml.losses
        for a in ml.activations
        if unfit(a, loss) is None and not a.learned
    ]


def targets(loss: Any, rows: int, units: int, rng: np.random.Generator) -> np.ndarray:
    """Targets that a loss accepts; class numbers half of the time."""
    if loss.rowwise:
        classes = rng.integers(0, units, rows)
        one_hot = np.eye(units)[classes]
        if loss.needs_distributions:
            soft = rng.dirichlet(np.ones(units), rows)
            return soft if rng.random() < 0.5 else one_hot
        return classes if rng.random() < 0.5 else one_hot
    if loss.target == SIGNS:
        return rng.choice([-1.0, 1.0], (rows, units))
    if loss.name == "poisson":
        return rng.integers(0, 4, (rows, units)).astype(float)
    if loss.link == "sigmoid":
        return rng.integers(0, 2, (rows, units)).astype(float)
    return rng.normal(size=(rows, units))


def network(i: int, hidden: str, head: tuple[str, str], rng: np.random.Generator) -> Any:
    """A random network of 1 to 4 layers, a batch for it, and its loss."""
    output, name = head
    loss = ml.losses[name]
    layers, rows = 1 + i % 4, int(rng.integers(1, 5))
    together = loss.rowwise or output in ("softmax", "log_softmax")
    units = int(rng.integers(2, 4)) if together or rng.random() < 0.3 else 1
    widths = [int(n) for n in rng.integers(1, 5, layers)] + [units]
    if hidden in ("softmax", "log_softmax"):
        widths[1:-1] = [max(2, n) for n in widths[1:-1]]
    net = ml.mlp(
        widths,
        hidden=hidden,
        output=output,
        seed=i,
        dropout=0.3 * (i % 5 == 0),
        dtype="float64" if i % 7 == 0 else "float32",
    )
    if i % 3:  # biases that are no longer 0
        for parameter in net.parameters():
            parameter.data = parameter.numpy() + 0.3 * rng.normal(size=parameter.shape)
    x = rng.normal(size=(rows, widths[0])) * rng.choice([0.5, 1.0, 3.0])
    return net, x, targets(loss, rows, units, rng), loss


def optimizer(i: int, net: Any) -> Any:
    """Every optimizer in turn, with settings in turn, after 0 to 2 updates."""
    name = ml.optimizers.names()[i % len(ml.optimizers)]
    settings: dict[str, Any] = {}
    if name == "sgd" and i % 8:
        settings = {"momentum": 0.9, "nesterov": i % 3 == 0, "weight_decay": 0.1 * (i % 2)}
    elif i % 3 == 0:
        settings = {"weight_decay": 0.05}
    clipping: dict[str, float] = {}
    if i % 6 == 1:
        clipping["clip_norm"] = 0.5
    if i % 6 == 2:
        clipping["clip_value"] = 0.05
    return ml.optimizers[name].cls(net.parameters(), 0.05, **clipping, **settings)


def walkthroughs(count: int, seed: int = 0) -> Iterator[tuple[str, Any]]:
    """So many random networks, walked through; with what they are."""
    rng = np.random.default_rng(seed)
    every = heads()
    rng.shuffle(every)
    hidden, heads_ = cycle(ml.activations.names()), cycle(every)
    for i in range(count):
        chosen, head = next(hidden), next(heads_)
        net, x, y, loss = network(i, chosen, tuple(head), rng)
        own = optimizer(i, net)
        if i % 2:
            ml.fit(net, x, y, loss=loss, optimizer=own, epochs=2, shuffle=False)
        what = f"{i}: {len(net)} layers, {len(x)} rows, {chosen}, {'+'.join(head)}, {own.name}"
        yield what, ml.explain(net, x, y, loss=loss, optimizer=own)


# ── derivatives broken on purpose ─────────────────────────────────────────────────────────────


@contextmanager
def doubled(kind: type[Op], name: str) -> Iterator[None]:
    """While this lasts, the way back through one operation gives twice what it should."""
    right = kind.backward

    def wrong(self: Any, dy: Any, y: Any, xs: Any, dxs: Any) -> None:
        right(self, dy, y, xs, dxs)
        for dx in dxs:
            if dx is not None and self.name == name:
                accumulate(dx.reshape(-1), dx.reshape(-1))

    with patch.object(kind, "backward", wrong):
        yield


@contextmanager
def doubled_loss(name: str) -> Iterator[None]:
    """The same for the slopes that a loss finds going forward."""
    right = LossOp._compare

    def wrong(self: Any, each: Any, xs: Any, share: float) -> None:
        right(self, each, xs, share)
        if self.name == name:
            accumulate(self.slopes.reshape(-1), self.slopes.reshape(-1))

    with patch.object(LossOp, "_compare", wrong):
        yield


def broken() -> Iterator[tuple[str, Any]]:
    """For every operation a walkthrough in which its derivative is wrong."""
    x, y = np.array([[0.5, -1.25], [1.5, 0.75]]), np.array([[0.5], [-1.0]])
    for a in ml.activations:
        kind = RowActivation if isinstance(a, RowActivation) else None
        kind = kind or (BinaryElementwise if isinstance(a, BinaryElementwise) else Elementwise)
        if a.name == "linear":  # is left out of networks
            continue
        net = ml.Sequential(ml.Dense(2, 3), a.name, ml.Dense(3, 1), seed=1)
        with doubled(kind, a.name):
            yield a.name, ml.explain(net, x, y, loss="mse")
    for kind, name, net in (
        (DenseOp, "dense", ml.mlp([2, 3, 1], hidden="tanh", seed=1)),
        (DropoutOp, "dropout", ml.mlp([2, 8, 1], hidden="tanh", dropout=0.5, seed=1)),
        (ViewOp, "broadcast", ml.mlp([2, 3, 1], hidden="prelu", seed=1)),
    ):
        with doubled(kind, name):
            yield name, ml.explain(net, x, y, loss="mse")
    rng = np.random.default_rng(3)
    for output, name in heads():
        loss = ml.losses[name]
        units = 3 if loss.rowwise or output in ("softmax", "log_softmax") else 1
        net = ml.mlp([2, 3, units], hidden="tanh", output=output, seed=1)
        net.parameters()[-1].data = np.full(units, 1.5)  # predictions away from any corner
        with doubled_loss(name):
            yield f"{output}+{name}", ml.explain(net, x, targets(loss, 2, units, rng), loss=loss)


def seconds() -> tuple[float, float]:
    """To walk through a 2-3-1 network: the first time in a process, and again."""
    found = []
    for _ in range(2):
        began = time.perf_counter()
        net = ml.mlp([2, 3, 1], hidden="tanh", output="sigmoid", seed=0)
        ml.explain(net, [[0.5, -1.0]], [1], loss="bce", optimizer="adam")
        found.append(time.perf_counter() - began)
    return found[0], found[1]


def main(count: int) -> None:
    first, again = seconds()
    print(f"a 2-3-1 network: {first:.2f} s the first time in a process, {again:.3f} s again")
    began = time.perf_counter()
    equations = failures = 0
    verdicts: Counter[str] = Counter()
    for what, walkthrough in walkthroughs(count):
        equations += sum(len(found) for *_, found in walkthrough.every())
        wrong = walkthrough.verify()
        failures += len(wrong)
        verdicts.update(v.verdict for v in walkthrough.verdicts)
        for failure in wrong[:2]:
            print(f"{what}\n    {failure.name}{failure.index}: {failure.equation}")
        for v in [v for v in walkthrough.verdicts if v.verdict == "fail"][:2]:
            print(f"{what}\n    {v}")
    print(f"{count} networks in {time.perf_counter() - began:.0f} s")
    print(f"{equations:,} equations, of which {failures} do not come out")
    print(f"{verdicts.total():,} gradients: {dict(verdicts)}")
    seen, unseen = 0, []
    for name, walkthrough in broken():
        if any(v.verdict == "fail" for v in walkthrough.verdicts):
            seen += 1
        else:
            unseen.append(name)
    print(f"{seen + len(unseen)} derivatives broken on purpose, {seen} seen; not seen: {unseen}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500)
