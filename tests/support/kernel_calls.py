"""A call of every kernel: those of the registries and all that ``minidl.kernels`` holds.

A kernel that is missing here fails the tests that use this file: write down what it takes.
"""

import hashlib
import importlib
import itertools
import pkgutil
import re

import numpy as np

import minidl as ml
from minidl import kernels
from minidl.autodiff.op import OUTPUT
from minidl.kernels import rowlosses
from minidl.kernels.jit import Kernel

ROWS = 3
SPECIAL = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 1e-40, -1e-40, 88.5, -88.5, 103.5, -103.5]


def numbers(length, dtype, seed=0, *, special=True):
    """Normally distributed, with special values among them."""
    x = np.random.default_rng(seed).standard_normal(length) * 3
    if special:
        x[:: max(length // len(SPECIAL), 1)][: len(SPECIAL)] = SPECIAL[: length or None]
    return x.astype(dtype)


def targets(loss, length, dtype):
    """Truths, and predictions from which a loss is computed: probabilities, and logits."""
    rng = np.random.default_rng(2)
    p = numbers(length, dtype)
    if "hinge" in loss.name:
        return rng.choice([-1.0, 1.0], length).astype(dtype), p, p
    if loss.link == "exp":
        return rng.poisson(1.0, length).astype(dtype), np.abs(p), p
    if loss.link == "sigmoid":
        shares = rng.uniform(0, 1, length)
        shares[:2] = (0.0, 1.0)[:length]
        return rng.choice([0.0, 0.3, 1.0], length).astype(dtype), shares.astype(dtype), p
    return numbers(length, dtype, 1), p, p


def elementwise(dtype, length):
    """(name, kernel, operands) of activations and losses of single numbers."""
    for op in ml.activations:
        if not hasattr(op, "loops"):
            continue
        x, dy, new = numbers(length, dtype), numbers(length, dtype, 1), np.zeros(length, dtype)
        more = [numbers(length, dtype, 2)] if len(op.operand_names) == 2 else []
        forward, *backwards = op.loops()
        yield forward.name, forward, [x, *more, new, op.hyper_values]
        if op.saved_for_backward[0] == OUTPUT:
            y = new.copy()
            forward.run(x, y, op.hyper_values)
            x = y
        for backward in backwards:
            yield backward.name, backward, [x, *more, dy, new, op.hyper_values]
    for loss in ml.losses:
        if loss.rowwise:
            continue
        t, p, z = targets(loss, length, dtype)
        for from_logits in (False, True)[: 2 if loss.link else 1]:
            kernel, new = loss.kernel(from_logits), np.zeros(length, dtype)
            yield (
                kernel.name,
                kernel,
                [t, z if from_logits else p, new, new.copy(), loss.hyper_values, 0.3],
            )


def rows(dtype, length):
    """Kernels that work along rows of this length."""
    columns = max(length, 2)
    size, rng = ROWS * columns, np.random.default_rng(3)
    x, dy, new = numbers(size, dtype), numbers(size, dtype, 1), np.zeros(size, dtype)
    tame = numbers(size, dtype, 4, special=False)
    shares = np.exp(tame) / (1 + np.exp(tame))
    classes = rng.integers(0, columns, ROWS).astype(dtype)
    spread = rng.uniform(0, 1, size).astype(dtype)
    one_a_row = np.zeros(ROWS, dtype)
    for name in ("softmax", "log_softmax"):
        yield name, [x, new, columns]
        yield f"{name} tame", [tame, new, columns]
        yield f"{name}_backward", [np.log(shares) if "log" in name else shares, dy, new, columns]
    for name in ("crossentropy", "focal"):
        hyper_values = np.array(
            rowlosses.constants(gamma=2, alpha=0.25, smoothing=0.1, entropy=name == "crossentropy")
        )
        plain = np.array(rowlosses.constants(gamma=2))
        for kernel, p in ((name, tame), (f"{name}_of_shares", shares)):
            yield f"{kernel} classes", [classes, p, one_a_row, new, columns, plain, 0.3]
            yield f"{kernel} spread", [spread, p, one_a_row, new, columns, hyper_values, 0.3]
    yield "margin", [classes, tame, one_a_row, new, columns, plain, 0.3]


def others(dtype, length):
    """Every other kernel of the package."""
    x, dy, new = numbers(length, dtype), numbers(length, dtype, 1), np.zeros(length, dtype)
    g, v = (numbers(length, dtype, seed, special=False) for seed in (2, 3))
    one, one_new = numbers(1, dtype, 5, special=False), np.zeros(1, dtype)
    size, rng = ROWS * length, np.random.default_rng(6)
    table, whole = numbers(size, dtype, 7), np.zeros(size, dtype)
    few = numbers(ROWS, dtype, 8, special=False)
    order, cursor = rng.permutation(ROWS), np.zeros(2, np.int64)
    stream = np.array([5, 1])
    view = [0, np.array([ROWS, length]), np.array([1, ROWS])]  # a table seen transposed
    by_row = [0, np.array([ROWS, length]), np.array([1, 0])]  # every column at one place
    squares = np.array([2.5, 3.0])
    yield "where", [rng.integers(0, 2, length).astype(dtype), x, dy, new]
    yield "where_backward", [rng.integers(0, 2, length).astype(dtype), dy, new, new.copy()]
    yield "accumulate", [x, dy]
    yield "copy", [x, new]
    yield "pull_back", [x, one, new]
    yield "pull_back each", [x, dy, new]
    yield "take", [table.reshape(ROWS, -1), order, cursor, whole.reshape(ROWS, -1)]
    yield "keep", [one, np.zeros(16), cursor, 4]
    yield "gather_view", [table, *view, whole, 3.0]
    yield "put_view", [table, *view, whole]
    yield "add_view", [table, *by_row, few, 3.0]
    yield "gather", [table, rng.integers(0, size, length), new]
    yield "scatter_add", [x, rng.integers(0, ROWS, length), few]
    yield "total", [g, one_new, 3.0]
    yield "fill", [one, new, 3.0]
    yield "weighted_mean", [np.repeat(g, ROWS), np.abs(v), one_new]
    yield "weighted_mean_backward", [np.abs(v), one, whole]
    yield "extreme", [table, *by_row, few, 1.0]
    yield "extreme_backward", [table, few, *by_row, few, whole]
    yield "sgd", [x, g, v, np.array([1e-2, 1.0, 0.9, 1.0, 1e-3])]
    yield "sgd plain", [x, g, v, np.array([1e-2, 1.0, 0.0, 0.0, 1e-3])]
    adam = np.array([1e-3, 3.0, 0.9, 0.999, 1e-8, 1e-3, 1e-2])
    yield "adam", [x, g, g.copy(), np.abs(v), adam]
    yield "rmsprop", [x, g, np.abs(v), np.array([1e-3, 1.0, 0.9, 1e-8, 1e-3])]
    yield "inside_interval", [np.full(length, 0.5, dtype), 0.0, 1.0, 1, 1]
    yield "among_choices", [np.ones(length, dtype), -1.0, 1.0]
    yield "all_classes", [np.full(length, 2, dtype), 3]
    yield "all_one_hot", [np.tile(np.array([0, 1, 0], dtype), length), 3]
    yield "all_finite", [np.ones(length, dtype)]
    yield "begin", [np.full(16, 0.1), np.array([1]), np.array([2]), np.zeros(7)]
    yield "square_sum", [g, np.zeros(1)]
    yield "shrink_to", [x, squares, 0.5]
    yield "limit", [x, 0.5]
    yield "draw", [np.array([5, 0]), np.zeros(2, np.int64)]
    yield "dropout", [x, new, stream, 0.3]
    a, w = (numbers(n, dtype, 9, special=False) for n in (4 * ROWS, 4 * length))
    a, w, d = a.reshape(ROWS, 4), w.reshape(4, length), np.resize(g, (ROWS, length))
    yield "dense", [a, w, v, whole.reshape(ROWS, -1)]
    yield "dense_dx", [w, d, np.zeros_like(a)]
    yield "dense_dw", [a, d, np.zeros_like(w)]
    yield "dense_db", [d, new]
    yield "matmul", [a[None], w[None], whole.reshape(1, ROWS, -1)]
    yield "matmul_da", [w[None], d[None], np.zeros_like(a[None])]
    yield "matmul_db", [a[None], d[None], np.zeros_like(w[None])]


def package():
    """Every kernel that a module of ``minidl.kernels`` holds, by name."""
    found = {}
    for module in pkgutil.iter_modules(kernels.__path__):
        held = vars(importlib.import_module(f"{kernels.__name__}.{module.name}")).values()
        found |= {value.name: value for value in held if isinstance(value, Kernel)}
    return found


def calls(dtype, length):
    """(name, kernel, operands) of everything; one kernel may be called in several ways."""
    yield from elementwise(dtype, length)
    known, missing = package(), set(package())
    for name, operands in itertools.chain(rows(dtype, length), others(dtype, length)):
        kernel = name.split()[0]
        missing.discard(kernel)
        yield name, known[kernel], operands
    assert not missing, f"no call of {sorted(missing)} is written down here"


def moved(array, offset):
    """A copy that lies so many elements behind where a cache line begins."""
    memory = np.empty(array.nbytes + 64 + offset * array.itemsize, np.uint8)
    start = -memory.ctypes.data % 64 + offset * array.itemsize
    copy = memory[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


def bits(array):
    """An array's bits, all NaN alike: which of them an addition of two gives is left to chance."""
    if array.dtype.kind == "f":
        array = np.where(np.isnan(array), array.dtype.type(np.nan), array)
    return array.tobytes()


def outcome(kernel, operands, offset=0, times=1):
    """The bits that a kernel writes, run so many times on arrays that lie at an offset."""
    given = [moved(o, offset) if isinstance(o, np.ndarray) else o for o in operands]
    for _ in range(times):
        kernel.run(*given)
    return b"".join(bits(given[place]) for place in kernel.writes)


SUMS = ("total", "square_sum", "weighted_mean", "dense_db", "softmax")


def in_double(dtype, length):
    """Those that calculate differently in float64, or add up what float64 has to round."""
    losses = [
        loss for loss in ml.losses if loss.compute_in_float64
    ]  # which do in float64 whatever they get
    wide = {loss.kernel(link).name for loss in losses for link in (False, loss.link is not None)}
    for name, kernel, operands in elementwise(dtype, length):
        if name not in wide:
            yield name, kernel, operands
    known = package()
    for name, operands in itertools.chain(rows(dtype, length), others(dtype, length)):
        if name in SUMS:
            yield name, known[name], operands


LENGTHS = (10, 100, 521)
"""Of rows that are narrow, wide and long."""


def digests(*, double):
    """What every kernel makes of its calls in float32, and some in float64, in few letters."""
    found = {}
    for dtype, made in ((np.float32, calls), (np.float64, in_double))[: 1 + double]:
        for length in LENGTHS:
            for name, kernel, operands in made(dtype, length):
                digest = hashlib.sha256(outcome(kernel, operands)).hexdigest()[:16]
                found[f"{name} {length} {np.dtype(dtype).name}"] = digest
    return found


ARITHMETIC = re.compile(
    r"\tv(?:add|sub|mul|div|sqrt|max|min|cmp\w*|fn?m(?:add|sub)\d+|scalef)p[sd]\b.*%[yz]mm"
)


def packed():
    """How many packed operations there are in what was compiled for every kernel.

    Only code that was compiled in this process can be read: not what came from the disk cache.
    """
    found = {}
    for _, kernel, _ in calls(np.float32, 3):
        codes = kernel.compiled.inspect_asm()
        found[kernel.name] = [len(ARITHMETIC.findall(code)) for code in codes.values()]
    return found
