"""Every kernel with its peers and with the targets that were set for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import repeat
from typing import Any

import kernels_peers as peers
import numpy as np

import minidl as ml
from minidl.autodiff import arithmetic
from minidl.autodiff.op import OUTPUT, BinaryElementwise
from minidl.kernels import movement, rowlosses, update
from minidl.program.code import MachineCode
from minidl.program.instruction import Instruction

Peers = dict[str, Callable[[], Any]]
Times = dict[str, float]


@dataclass(frozen=True)
class Target:
    """What was aimed at, in words, and whether it is met; None where a peer is missing."""

    words: str
    met: Callable[[Times], bool | None]


@dataclass(frozen=True)
class Case:
    """One line of the table; the peers include ``minidl`` and the ``limit``, if it has one."""

    name: str
    dtype: np.dtype
    size: str
    count: int
    peers: Peers
    limit: str = ""
    targets: Sequence[Target] = ()
    note: str = ""


def of_limit(limit: str, share: float) -> Target:
    """At least this share of the speed that memory allows."""
    return Target(f"≥{share:.0%} of {limit}", lambda times: times["minidl"] * share <= times[limit])


def times_copy(factor: float) -> Target:
    """At most so many times as long as a copy."""
    return Target(f"≤{factor:g}× copy", lambda times: times["minidl"] <= factor * times["copy"])


def ahead(factor: float = 1.0, limit: str = "") -> Target:
    """At least so many times as fast as PyTorch; 0.95 where both run at memory's limit."""

    def met(times: Times) -> bool | None:
        if "PyTorch" not in times:
            return None
        wanted = factor
        if limit and max(times["minidl"], times["PyTorch"]) * 0.9 <= times[limit]:
            wanted = 0.95
        return times["PyTorch"] >= wanted * times["minidl"]

    return Target(f"≥{factor:g}× PyTorch", met)


def aligned(values: np.ndarray, dtype: Any) -> np.ndarray:
    """A copy that begins where a cache line does."""
    size, width = values.size, np.dtype(dtype).itemsize
    memory = np.zeros(size * width + 64, np.uint8)
    start = -memory.ctypes.data % 64
    array = memory[start : start + size * width].view(dtype)
    array[:] = values.reshape(-1)
    return array


def numbers(size: int, dtype: Any, seed: int = 0) -> np.ndarray:
    """As pre-activations are: normally distributed."""
    return aligned(np.random.default_rng(seed).standard_normal(size), dtype)


def like(x: np.ndarray) -> np.ndarray:
    """An array to write into; ``np.empty_like`` would not begin where a cache line does."""
    return aligned(x, x.dtype)


def compiled(kernel: Any, *arguments: Any) -> Callable[[], Any]:
    """A kernel's machine code on these arguments, with nothing of tensors around it."""
    return partial(kernel.run, *arguments)


def present(**calls: Any) -> Peers:
    """The peers that there are."""
    return {name: call for name, call in calls.items() if call is not None}


# ------------------------------------------------------------------------------- activations

COPY_SPEED = ("relu", "leaky_relu")
FORWARD = {"exp": 4.5, "elu": 4.5, "selu": 4.5, "tanh": 4.5, "sigmoid": 5.0, "softplus": 10.0}
"""At most so many times as long as a copy, at 1e5 float32."""


def targets_of(name: str, backward: bool, from_output: bool, dtype: Any, size: int) -> list[Target]:
    limit, found = "triad" if backward else "copy", []
    if size == 10**5 and dtype == np.float32:
        if name in COPY_SPEED or (backward and from_output):
            found.append(of_limit(limit, 0.9))
        elif name in FORWARD and not backward:
            found.append(times_copy(FORWARD[name]))
    if size <= 10**6 and name in ml.activations:
        found.append(ahead(limit=limit))
    return found


def elementwise_ops() -> list[Any]:
    """All activations of single numbers, and the two functions that much is made of."""
    ops = [op for op in ml.activations if hasattr(op, "loops")]
    return [*ops, arithmetic.Exp(), arithmetic.Log()]


def activation(op: Any, dtype: Any, size: int, loops: tuple[Any, Any] | None) -> Iterator[Case]:
    """Forward and backward of one activation."""
    x, dy = numbers(size, dtype), numbers(size, dtype, 1)
    y, dx = like(x), like(x)
    if op.name == "log":
        np.abs(x, out=x)
    two = isinstance(op, BinaryElementwise)
    more = [aligned(np.full(1, 0.25), dtype)] if two else []
    run = compiled(op.loops()[0], x, *more, y, op.hyper_values)
    run()
    from_output = op.saved_for_backward[0] == OUTPUT
    s = y if from_output else x
    yield Case(
        f"{op.name} forward", dtype, f"{size:.0e}", size,
        present(
            minidl=run,
            copy=partial(peers.copy, x, y),
            PyTorch=peers.torch_forward(op.name, x, *more, y),
            NumPy=peers.NUMPY[op.name](x, y) if op.name in peers.NUMPY else None,
            naive=partial(loops[0], x, y) if loops and size <= 10**6 else None,
        ),
        "copy", targets_of(op.name, False, from_output, dtype, size),
    )  # fmt: skip
    yield Case(
        f"{op.name} backward", dtype, f"{size:.0e}", size,
        present(
            minidl=compiled(op.loops()[1], s, *more, dy, dx, op.hyper_values),
            triad=partial(peers.triad, s, dy, dx),
            PyTorch=peers.torch_backward(op.name, s, *more, dy, dx),
            naive=partial(loops[1], s, dy, dx) if loops and size <= 10**6 else None,
        ),
        "triad", targets_of(op.name, True, from_output, dtype, size),
    )  # fmt: skip


# -------------------------------------------------------------------------------------- rows

ROWS = ((32, 10), (1024, 10), (1024, 100), (256, 1000))
LOSS_ROWS = {(32, 10): 15.0, (1024, 1000): 2.0}
"""Cross-entropy, and how many times as fast as PyTorch it is to be."""


def rows(name: str, dtype: Any, shape: tuple[int, int]) -> Iterator[Case]:
    """Softmax or its logarithm."""
    size, op = shape[0] * shape[1], ml.activations[name]
    x, dy = numbers(size, dtype).reshape(shape), numbers(size, dtype, 1).reshape(shape)
    y, dx = (aligned(np.zeros(size), dtype).reshape(shape) for _ in range(2))
    theirs = peers.torch_rows(name, x, y, dy, dx)
    flat = [array.reshape(-1) for array in (x, y, dy, dx)]
    forward = compiled(op.kernels[0], flat[0], flat[1], shape[1])
    backward = compiled(op.kernels[1], flat[1], flat[2], flat[3], shape[1])
    copy = partial(peers.copy, flat[0], flat[1])
    triad = partial(peers.triad, flat[1], flat[2], flat[3])
    label = f"{shape[0]}×{shape[1]}"
    forward()
    for word, run, limit, call, peer in (
        ("forward", forward, "copy", copy, theirs[0]),
        ("backward", backward, "triad", triad, theirs[1]),
    ):
        calls = present(minidl=run, PyTorch=peer) | {limit: call}
        yield Case(f"{name} {word}", dtype, label, size, calls, limit, [ahead()])


STEPS = 100
"""How often a program is run in one call from Python: some slice of an epoch."""


def crossentropy(dtype: Any, shape: tuple[int, int]) -> Iterator[Case]:
    """From logits and class numbers: value, total and gradient; called, and as a program's."""
    size, rng = shape[0] * shape[1], np.random.default_rng(2)
    z, dz = numbers(size, dtype), numbers(size, dtype)
    t = aligned(rng.integers(0, shape[1], shape[0]), dtype)
    each, slopes = like(t), like(z)
    hyper_values = ml.losses["categorical_crossentropy"].hyper_values
    parts = loss_parts(rowlosses.crossentropy, t, z, each, slopes, (shape[1], hyper_values))
    theirs = peers.torch_crossentropy(t, z.reshape(shape), dz.reshape(shape))
    others = present(PyTorch=theirs, copy=partial(peers.copy, z, dz))
    label, targets = f"{shape[0]}×{shape[1]}", [ahead(LOSS_ROWS[shape])]
    once = {"minidl": called(parts)} | others
    yield Case("crossentropy, logits", dtype, label, size, once, "copy", targets)
    code = MachineCode(
        [Instruction(kernel, [*given], [*kernel.parameters]) for kernel, given in parts]
    )
    often = {name: partial(repeated, call) for name, call in others.items()}
    often["minidl"] = partial(code.run, [(0, len(parts), STEPS)])
    yield Case("crossentropy, program", dtype, label, size * STEPS, often, "copy", targets)


def repeated(call: Callable[[], Any]) -> None:
    """What a peer does meanwhile."""
    for _ in repeat(None, STEPS):
        call()


# ------------------------------------------------------------------------------------ losses


Parts = Sequence[tuple[Any, tuple[Any, ...]]]


def loss_parts(kernel: Any, t: Any, p: Any, each: Any, slopes: Any, rest: Any) -> Parts:
    """All that a mean loss and its way backward run: the kernel, slopes and all, and the total."""
    count = float(each.size)
    total = (movement.total, (each, np.empty(1, p.dtype), count))
    return (kernel, (t, p, each, slopes, *rest, 1.0 / count)), total


def called(parts: Parts) -> Callable[[], Any]:
    """Two kernels, one after the other."""
    (compare, given), (total, more) = ((kernel.compiled, operands) for kernel, operands in parts)

    def run() -> None:
        compare(*given)
        total(*more)

    return run


def loss(one: Any, from_logits: bool, dtype: Any, size: int) -> Case:
    """A loss of single numbers: the mean and its gradient."""
    rng, name = np.random.default_rng(3), one.name + (", logits" if from_logits else "")
    p = numbers(size, dtype)
    t = numbers(size, dtype, 1)
    if one.link == "sigmoid":
        t = aligned(rng.integers(0, 2, size), dtype)
    elif one.link == "exp":
        t = aligned(rng.poisson(1.0, size), dtype)
    elif "hinge" in one.name:
        t = aligned(2 * rng.integers(0, 2, size) - 1, dtype)
    if one.link and not from_logits:
        p = aligned(rng.uniform(0.01, 0.99, size), dtype)
    each, slopes, dp = (like(p) for _ in range(3))
    run = called(loss_parts(one.kernel(from_logits), t, p, each, slopes, (one.hyper_values,)))
    theirs, how = peers.torch_loss(name, t, p, dp)
    calls = present(minidl=run, PyTorch=theirs, triad=partial(peers.triad, t, p, dp))
    targets = [ahead()] if size <= 10**6 else []
    return Case(name, dtype, f"{size:.0e}", size, calls, "triad", targets, how)


# ----------------------------------------------------------------------------------- updates


def updates(dtype: Any, size: int) -> Iterator[Case]:
    """Adam, SGD and both clippings, in place."""
    p, g, m = (numbers(size, dtype, seed) for seed in range(3))
    v = aligned(np.abs(numbers(size, dtype, 3)), dtype)
    adam = np.array([1e-3, 1.0, 0.9, 0.999, 1e-8, 0.0, 0.0])
    sgd = np.array([1e-2, 1.0, 0.0, 0.0, 0.0])
    label = f"{size:.0e}"
    targets = [of_limit("7 streams", 0.8)] if size == 10**6 else []
    yield Case(
        "adam", dtype, label, size,
        present(minidl=compiled(update.adam, p, g, m, v, adam),
                PyTorch=peers.torch_update("adam", p, g, m, v))
        | {"7 streams": partial(peers.seven_streams, p, g, m, v)},
        "7 streams", targets,
    )  # fmt: skip
    yield Case(
        "sgd", dtype, label, size,
        present(minidl=compiled(update.sgd, p, g, m, sgd),
                PyTorch=peers.torch_update("sgd", p, g))
        | {"3 streams": partial(peers.three_streams, p, g)},
        "3 streams",
    )  # fmt: skip
    in_place = {"in place": partial(peers.scale, g)}
    yield Case(
        "clip_value", dtype, label, size,
        present(minidl=compiled(update.limit, g, 1.0),
                PyTorch=peers.torch_update("clip_value", g),
                NumPy=partial(np.clip, g, -1.0, 1.0, out=g)) | in_place,
        "in place",
    )  # fmt: skip
    squares, one = np.empty(1), np.ones(1)
    norm = compiled(update.square_sum, g, squares)
    shrink = compiled(update.shrink_to, g, one, 1 - 1e-7)  # by hardly anything, each time

    def clip_norm() -> None:
        norm()
        shrink()

    yield Case(
        "clip_norm", dtype, label, size,
        present(minidl=clip_norm, PyTorch=peers.torch_update("clip_norm", g)) | in_place,
        "in place",
    )  # fmt: skip


def cases(dtype: np.dtype, sizes: Sequence[int]) -> Iterator[Case]:
    """All lines of one dtype's table, in its order."""
    for op in elementwise_ops():
        loops = peers.naive(op.name) if op.name in peers.NAIVE else None
        found = [case for size in sizes for case in activation(op, dtype, size, loops)]
        yield from sorted(found, key=lambda case: "backward" in case.name)
        del found
    for name in ("softmax", "log_softmax"):
        found = [case for shape in ROWS for case in rows(name, dtype, shape)]
        yield from sorted(found, key=lambda case: "backward" in case.name)
    for shape in LOSS_ROWS:
        yield from crossentropy(dtype, shape)
    for one in ml.losses:
        if not one.rowwise:
            for from_logits in (False, True)[: 2 if one.link else 1]:
                for size in sizes:
                    yield loss(one, from_logits, dtype, size)
    by_size = [case for size in sizes for case in updates(dtype, size)]
    yield from sorted(by_size, key=lambda case: case.name)
