"""What minidl's kernels are measured against: memory, naive numba loops, NumPy and PyTorch.

PyTorch runs bare ATen operations that write into arrays they are given, without autograd, where
there are such; what has none runs as PyTorch's users would write it, and is marked ``autograd``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numba
import numpy as np

from minidl.kernels.intrinsics import widest_vectors

try:
    import torch
    import torch.nn.functional as F  # noqa: N812
except ImportError:
    torch = None
else:
    torch.set_num_threads(1)

Call = Callable[..., Any]

# ------------------------------------------------------------------------- what memory allows


@numba.njit
def copy(x, y):
    widest_vectors()
    for i in range(x.size):
        y[i] = x[i]


@numba.njit
def triad(x, dy, dx):
    widest_vectors()
    for i in range(x.size):
        dx[i] = x[i] * dy[i]


@numba.njit
def scale(x):
    widest_vectors()
    share = x.dtype.type(1 - 1e-7)
    for i in range(x.size):
        x[i] *= share


@numba.njit
def three_streams(p, g):
    widest_vectors()
    share = p.dtype.type(1e-9)
    for i in range(p.size):
        p[i] -= share * g[i]


@numba.njit
def seven_streams(p, g, m, v):
    """Reads four arrays and writes three, as Adam does, with hardly any arithmetic."""
    widest_vectors()
    for i in range(p.size):
        p[i], m[i], v[i] = p[i] - m[i], m[i] + g[i], v[i] - g[i]


# ---------------------------------------------------------------- the loops one writes at first

SCALE, SCALE_ALPHA = 1.0507009873554805, 1.7580993408473768
NORMAL = 1 / math.sqrt(2 * math.pi)

NAIVE: dict[str, tuple[Call, Call]] = {
    "relu": (lambda x: max(x, 0.0), lambda x: 1.0 if x > 0 else 0.0),
    "leaky_relu": (lambda x: x if x > 0 else 0.01 * x, lambda x: 1.0 if x > 0 else 0.01),
    "sigmoid": (lambda x: 1 / (1 + np.exp(-x)), lambda y: y * (1 - y)),
    "tanh": (lambda x: np.tanh(x), lambda y: 1 - y * y),
    "elu": (lambda x: x if x > 0 else np.expm1(x), lambda x: 1.0 if x > 0 else np.exp(x)),
    "selu": (
        lambda x: SCALE * x if x > 0 else SCALE_ALPHA * np.expm1(x),
        lambda x: SCALE if x > 0 else SCALE_ALPHA * np.exp(x),
    ),
    "linear": (lambda x: x, lambda x: 1.0),
    "softplus": (
        lambda x: max(x, 0.0) + np.log1p(np.exp(-abs(x))),
        lambda x: 1 / (1 + np.exp(-x)),
    ),
    "softsign": (lambda x: x / (1 + abs(x)), lambda x: 1 / (1 + abs(x)) ** 2),
    "gelu": (
        lambda x: 0.5 * x * (1 + math.erf(x * math.sqrt(0.5))),
        lambda x: 0.5 * (1 + math.erf(x * math.sqrt(0.5))) + NORMAL * x * np.exp(-0.5 * x * x),
    ),
    "silu": (
        lambda x: x / (1 + np.exp(-x)),
        lambda x: (1 + x / (1 + np.exp(x))) / (1 + np.exp(-x)),
    ),
    "mish": (
        lambda x: x * np.tanh(np.log1p(np.exp(x))),
        lambda x: (
            np.tanh(np.log1p(np.exp(x)))
            + x * (1 - np.tanh(np.log1p(np.exp(x))) ** 2) / (1 + np.exp(-x))
        ),
    ),
    "exp": (lambda x: np.exp(x), lambda y: y),
    "log": (lambda x: np.log(x), lambda x: 1 / x),
}


def naive(name: str) -> tuple[Call, Call]:
    """Plain loops, forward and backward, over a formula as books print it."""
    value, slope = map(numba.njit, NAIVE[name])

    @numba.njit
    def forward(x, y):
        for i in range(x.size):
            y[i] = value(x[i])

    @numba.njit
    def backward(s, dy, dx):
        for i in range(s.size):
            dx[i] = dy[i] * slope(s[i])

    return forward, backward


NUMPY: dict[str, Call] = {
    "relu": lambda x, y: partial(np.maximum, x, x.dtype.type(0), out=y),
    "tanh": lambda x, y: partial(np.tanh, x, out=y),
    "exp": lambda x, y: partial(np.exp, x, out=y),
    "log": lambda x, y: partial(np.log, x, out=y),
    "linear": lambda x, y: partial(np.copyto, y, x),
}

# ------------------------------------------------------------------------------------ PyTorch


def torch_forward(name: str, *arrays: np.ndarray) -> Call | None:
    """An activation on torch's views of the arrays, the last of which is written."""
    if torch is None:
        return None
    x, *more, y = map(torch.from_numpy, arrays)
    aten, nn = torch.ops.aten, torch._C._nn

    def softsign() -> None:
        torch.abs(x, out=y)
        y.add_(1)
        torch.div(x, y, out=y)

    calls = {
        "relu": lambda: partial(torch.clamp_min, x, 0, out=y),
        "leaky_relu": lambda: partial(nn.leaky_relu, x, 0.01, out=y),
        "prelu": lambda: partial(aten._prelu_kernel, x, *more),
        "sigmoid": lambda: partial(torch.sigmoid, x, out=y),
        "tanh": lambda: partial(torch.tanh, x, out=y),
        "elu": lambda: partial(nn.elu, x, out=y),
        "selu": lambda: partial(nn.elu, x, SCALE_ALPHA / SCALE, SCALE, out=y),
        "linear": lambda: partial(y.copy_, x),
        "softplus": lambda: partial(nn.softplus, x, out=y),
        "softsign": lambda: softsign,
        "gelu": lambda: partial(nn.gelu, x, out=y),
        "silu": lambda: partial(nn.silu, x, out=y),
        "mish": lambda: partial(nn.mish, x, out=y),
        "exp": lambda: partial(torch.exp, x, out=y),
        "log": lambda: partial(torch.log, x, out=y),
    }
    return calls[name]() if name in calls else None


def torch_backward(name: str, *arrays: np.ndarray) -> Call | None:
    """Its gradient, from the input or the output, whichever PyTorch saves."""
    if torch is None:
        return None
    s, *more, dy, dx = map(torch.from_numpy, arrays)
    aten, to = torch.ops.aten, {"grad_input": dx}

    def softsign() -> None:
        torch.abs(s, out=dx)
        dx.add_(1).square_()
        torch.div(dy, dx, out=dx)

    calls = {
        "relu": lambda: partial(aten.threshold_backward.grad_input, dy, s, 0, **to),
        "leaky_relu": lambda: partial(
            aten.leaky_relu_backward.grad_input, dy, s, 0.01, False, **to
        ),
        "prelu": lambda: partial(aten._prelu_kernel_backward, dy, s, *more),
        "sigmoid": lambda: partial(aten.sigmoid_backward.grad_input, dy, s, **to),
        "tanh": lambda: partial(aten.tanh_backward.grad_input, dy, s, **to),
        "elu": lambda: partial(aten.elu_backward.grad_input, dy, 1, 1, 1, False, s, **to),
        "selu": lambda: partial(
            aten.elu_backward.grad_input, dy, SCALE_ALPHA / SCALE, SCALE, 1, False, s, **to
        ),
        "linear": lambda: partial(dx.copy_, dy),
        "softplus": lambda: partial(aten.softplus_backward.grad_input, dy, s, 1, 20, **to),
        "softsign": lambda: softsign,
        "gelu": lambda: partial(aten.gelu_backward.grad_input, dy, s, **to),
        "silu": lambda: partial(aten.silu_backward.grad_input, dy, s, **to),
        "mish": lambda: partial(aten.mish_backward, dy, s),
        "exp": lambda: partial(torch.mul, dy, s, out=dx),
        "log": lambda: partial(torch.div, dy, s, out=dx),
    }
    return calls[name]() if name in calls else None


def torch_rows(name: str, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: np.ndarray) -> Any:
    """Softmax or its logarithm, forward and backward."""
    if torch is None:
        return None, None
    aten, kind = torch.ops.aten, torch.from_numpy(x).dtype
    inner = f"_{name}"
    back = getattr(aten, f"{inner}_backward_data").out
    key = "grad_input" if name == "softmax" else "out"
    x, y, dy, dx = map(torch.from_numpy, (x, y, dy, dx))
    forward = partial(getattr(aten, inner).out, x, -1, False, out=y)
    return forward, partial(back, dy, y, -1, kind, **{key: dx})


def torch_crossentropy(classes: np.ndarray, z: np.ndarray, dz: np.ndarray) -> Call | None:
    """The mean cross-entropy of logits, and its gradient."""
    if torch is None:
        return None
    aten = torch.ops.aten
    t, z, dz = torch.from_numpy(classes.astype(np.int64)), torch.from_numpy(z), torch.from_numpy(dz)
    logs, grad, one = torch.empty_like(z), torch.empty_like(z), torch.ones((), dtype=z.dtype)

    def run() -> None:
        aten._log_softmax.out(z, -1, False, out=logs)
        _, weight = aten.nll_loss_forward(logs, t, None, 1, -100)
        aten.nll_loss_backward.grad_input(one, logs, t, None, 1, -100, weight, grad_input=grad)
        aten._log_softmax_backward_data.out(grad, logs, -1, z.dtype, out=dz)

    return run


def _focal(t: Any, p: Any, each: Any) -> Any:
    right = p * t + (1 - p) * (1 - t)
    return ((0.25 * t + 0.75 * (1 - t)) * (1 - right) ** 2 * each).mean()


WRITTEN: dict[str, Call] = {  # with autograd, as PyTorch's users write them
    "mae": lambda t, p: F.l1_loss(p, t),
    "log_cosh": lambda t, p: (p - t + F.softplus(-2 * (p - t)) - math.log(2)).mean(),
    "binary_crossentropy, logits": lambda t, p: F.binary_cross_entropy_with_logits(p, t),
    "focal": lambda t, p: _focal(t, p, F.binary_cross_entropy(p, t, reduction="none")),
    "focal, logits": lambda t, p: _focal(
        t, p.sigmoid(), F.binary_cross_entropy_with_logits(p, t, reduction="none")
    ),
    "hinge": lambda t, p: (1 - t * p).clamp(min=0).mean(),
    "squared_hinge": lambda t, p: (1 - t * p).clamp(min=0).square().mean(),
    "poisson": lambda t, p: F.poisson_nll_loss(p, t, log_input=False),
    "poisson, logits": lambda t, p: F.poisson_nll_loss(p, t),
}


def torch_loss(name: str, t: np.ndarray, p: np.ndarray, dp: np.ndarray) -> tuple[Call | None, str]:
    """A loss's mean and gradient, and how it is run: bare or autograd."""
    if torch is None:
        return None, ""
    t, p, dp = map(torch.from_numpy, (t, p, dp))
    aten, one = torch.ops.aten, torch.ones((), dtype=p.dtype)
    bare = {
        "mse": (aten.mse_loss, aten.mse_loss_backward.grad_input, ()),
        "huber": (aten.huber_loss, aten.huber_loss_backward.out, (1.0,)),
        "binary_crossentropy": (
            aten.binary_cross_entropy,
            aten.binary_cross_entropy_backward.grad_input,
            (),
        ),
    }
    if name in bare:
        forward, backward, extra = bare[name]
        before = (None,) if name == "binary_crossentropy" else ()  # no weights

        def run() -> None:
            forward(p, t, *before, 1, *extra)
            backward(one, p, t, *before, 1, *extra, grad_input=dp)

        return run, "bare"
    if name not in WRITTEN:
        return None, ""
    leaf, written = p.requires_grad_(), WRITTEN[name]
    return lambda: torch.autograd.grad(written(t, leaf), leaf), "autograd"


def torch_update(name: str, *arrays: np.ndarray) -> Call | None:
    """One fused update, or one clipping."""
    if torch is None:
        return None
    parts = [torch.from_numpy(array) for array in arrays]
    count = torch.ones(())
    g = parts[-1]
    given = [[part] for part in parts]

    def clip_norm() -> None:
        torch.linalg.vector_norm(g)
        g.mul_(1 - 1e-7)

    return {
        "adam": lambda: partial(
            torch._fused_adam_, *given, [], [count], lr=1e-3, beta1=0.9, beta2=0.999,
            weight_decay=0.0, eps=1e-8, amsgrad=False, maximize=False,
        ),
        "sgd": lambda: partial(
            torch._fused_sgd_, *given, [], weight_decay=0.0, momentum=0.0, lr=1e-2,
            dampening=0.0, nesterov=False, maximize=False, is_first_step=False,
        ),
        "clip_value": lambda: partial(torch.clamp_, g, -1.0, 1.0),
        "clip_norm": lambda: clip_norm,
    }[name]()  # fmt: skip
