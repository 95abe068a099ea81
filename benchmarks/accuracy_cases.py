"""What ``accuracy.py`` measures: in minidl, in NumPy and PyTorch where they have it, and exactly.

What ``parity.py`` compares is measured here as well; elementary functions and what PyTorch lacks
are added.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np
import parity_cases
import parity_exact
import torch
from accuracy_references import CONTRACT
from mpmath import mpf

import minidl as ml
from minidl.kernels import elementwise, vecmath

Array = np.ndarray[Any, Any]
Both = tuple[Array, Array | None]
"""Values, and slopes if there are any."""

ELEMENTARY = ("exp", "expm1", "log", "log1p")
"""In ``vecmath``; tanh, sigmoid and softplus are activations and are measured as such."""

OTHERWISE = (4.0, 4.0)
"""The bounds of what the contract does not name."""


@dataclass(frozen=True)
class Case:
    """One function: how to run it everywhere, and what it is held to."""

    name: str
    bounds: tuple[float, float]
    ours: Callable[..., Both]
    peers: dict[str, Callable[..., Both]]
    exact: Callable[..., Any]
    targets: tuple[float | None, ...] = (None,)
    domain: str = "reals"
    has_slope: bool = True


def elementary(name: str) -> Case:
    """A function of ``vecmath`` in a loop of its own; NumPy and PyTorch call it the same."""
    forward = elementwise.forward_unary(name, getattr(vecmath, name), 0, False)

    def ours(x: Array) -> Both:
        y = np.empty_like(x)
        forward(x, y, np.empty(0))
        return y, None

    peers: dict[str, Callable[..., Both]] = {
        "NumPy": lambda x: (getattr(np, name)(x), None),
        "PyTorch": lambda x: (getattr(torch, name)(torch.from_numpy(x)).numpy(), None),
    }
    exact = getattr(mpmath, name)
    return Case(name, CONTRACT[name], ours, peers, lambda x: (exact(x), 0), has_slope=False)


def activation(op: Any, *others: float) -> Callable[..., Both]:
    """An activation, going forward and, for a gradient of 1, backward."""

    def run(x: Array) -> Both:
        operands = [x, *(np.array([other], x.dtype) for other in others)]
        y, dx = np.empty_like(x), np.empty_like(x)
        op.forward(y, *operands)
        op.backward(np.ones_like(x), y, operands, [dx, *(None for _ in others)])
        return y, dx

    return run


def loss(function: Any) -> Callable[..., Both]:
    def run(t: Array, p: Array) -> Both:
        tensor = ml.Tensor(p, requires_grad=True)
        each = function(t, tensor, reduction="none")
        each.backward(np.ones_like(p))
        return each.numpy(), tensor.grad

    return run


def torch_pair(function: Any) -> Callable[..., Both]:
    def run(*operands: Array) -> Both:
        *rest, x = map(torch.from_numpy, operands)
        x.requires_grad_()
        y = function(*rest, x)
        y.backward(torch.ones_like(y))
        return y.detach().numpy(), x.grad.numpy()

    return run


NUMPY: dict[str, Callable[..., Array]] = {
    "tanh": np.tanh,
    "softplus": lambda x: np.logaddexp(x.dtype.type(0), x),
    "relu": lambda x: np.maximum(x, 0),
}


def log_cosh(t: Any, p: Any) -> tuple[Any, Any]:
    d = p - t
    near = mpmath.log1p(2 * mpmath.sinh(d / 2) ** 2)
    return near if abs(d) < 1000 else abs(d) - mpmath.log(2), mpmath.tanh(d)


def focal(t: Any, p: Any) -> tuple[Any, Any]:
    u, log_p = 1 - p, parity_exact.bounded_log(p)
    log_u = max(mpf(-100), mpmath.log1p(-p)) if p < 1 else mpf(-100)
    hit, miss = 2 * p * log_p - u, p - 2 * u * log_u
    value = -t * u**2 * log_p / 4 - (1 - t) * p**2 * log_u * 3 / 4
    slope = t * u**2 * hit / 4 + (1 - t) * p**2 * miss * 3 / 4
    return value, slope / parity_exact.floored(p * u)


def focal_logits(t: Any, z: Any) -> tuple[Any, Any]:
    p, u = parity_exact.sigmoid(z), parity_exact.sigmoid(-z)
    log_p, log_u = -parity_exact.softplus(-z), -parity_exact.softplus(z)
    hit, miss = 2 * p * log_p - u, p - 2 * u * log_u
    value = -t * u**2 * log_p / 4 - (1 - t) * p**2 * log_u * 3 / 4
    return value, t * u**2 * hit / 4 + (1 - t) * p**2 * miss * 3 / 4


def _compared(case: parity_cases.Case) -> Case:
    """What ``parity.py`` compares."""
    peers: dict[str, Callable[..., Both]] = {}
    if case.name in NUMPY:
        peers["NumPy"] = lambda x: (NUMPY[case.name](x), None)
    peers["PyTorch"] = torch_pair(case.theirs)
    bounds = CONTRACT.get(case.name, OTHERWISE)
    ours = loss(case.ours) if case.targets else activation(case.ours)
    return Case(
        case.name, bounds, ours, peers, case.exact, case.targets or (None,), case.domain
    )  # fmt: skip


def _alone(name: str, function: Any, exact: Any, domain: str = "reals") -> Case:
    """A loss that PyTorch does not have."""
    return Case(name, OTHERWISE, loss(function), {}, exact, (0.0, 1.0, 0.3), domain)


def cases() -> list[Case]:
    """Elementary functions, activations, losses of single numbers."""
    prelu = Case(
        "prelu", CONTRACT["prelu"], activation(ml.activations["prelu"], 0.25),
        {"PyTorch": torch_pair(lambda x: torch.nn.functional.prelu(x, x.new_tensor([0.25])))},
        lambda x: (x, 1) if x > 0 else (x / 4, mpf("0.25")),
    )  # fmt: skip

    def from_logits(t: Array, z: Any, **how: Any) -> Any:
        return ml.focal(t, z, from_logits=True, **how)

    return [
        *map(elementary, ELEMENTARY),
        *map(_compared, parity_cases.activations()),
        prelu,
        *map(_compared, parity_cases.losses()),
        _alone("log_cosh", ml.log_cosh, log_cosh),
        _alone("focal", ml.focal, focal, "unit"),
        _alone("focal (logits)", from_logits, focal_logits),
    ]
