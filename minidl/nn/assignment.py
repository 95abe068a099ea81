"""What may be assigned to a parameter of a layer, and what other libraries let one assign."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.autodiff import Tensor
from minidl.core import (
    ArgumentError,
    DtypeError,
    GradientError,
    ShapeError,
    as_numbers,
    cast_checked,
)

REPLACE = 'ml.Sequential(*net.layers[:-1], ml.Dense(8, 5, "softmax"))'
"""How a layer is exchanged: the others keep their parameters."""

ASSIGNED = {
    "requires_grad": "Write layer.trainable = False.",
    "training": "Write net(x, training=True); net.predict and net(x) do not train.",
    **dict.fromkeys(("weights", "kernel"), "Write layer.weight = array."),
    "biases": "Write layer.bias = array.",
}
"""What other libraries let one assign, which would do nothing here, and what to write."""

CALLED = {
    "requires_grad_": "Write layer.trainable = False.",
    "freeze": "Write layer.trainable = False.",
    "unfreeze": "Write layer.trainable = True.",
    "train": "Write net(x, training=True), or ml.fit(net, X, y, loss=…).",
    "eval": "Leave it out: net.predict and net(x) do not train.",
    **dict.fromkeys(("add", "append", "extend", "insert"), "Write ml.Sequential(*net, layer)."),
    **dict.fromkeys(("pop", "remove"), f"Write {REPLACE}."),
}
"""What other libraries let one call, and what to write."""


def numbers_for(culprit: str, parameter: Tensor, value: Any) -> np.ndarray:
    """What is to be written into a parameter, as an array of its shape and dtype."""
    if value is None:
        expected = f"numbers of shape {parameter.shape}"
        remedy = f"To do without it write {culprit}.data = 0.0; {culprit}.requires_grad = False."
        raise ArgumentError(f"{culprit} = …", expected, "None", remedy)
    if isinstance(value, Tensor):
        _check_fresh(culprit, parameter, value)
        value = value.data
    numbers = cast_checked(f"{culprit} = …", as_numbers(f"{culprit} = …", value), parameter.dtype)
    if numbers.shape != parameter.shape:
        raise ShapeError(
            f"{culprit} = …",
            f"shape {parameter.shape}",
            f"shape {numbers.shape}",
            f"Reshape it, or build another layer in its place: {REPLACE}.",
        )
    return numbers


def _check_fresh(culprit: str, parameter: Tensor, value: Tensor) -> None:
    """Refuse a Tensor that is computed or that another layer keeps: a tie is not made so."""
    if value._op is not None and value.requires_grad:
        raise GradientError(
            f"{culprit} = …",
            "numbers, as a parameter remembers no operation",
            f"the result of {value._op.name}, which requires a gradient",
            f"Write {culprit}.data = …, or ….detach(); a tie is Dense(…, weight=other.weight.T).",
        )
    if value._is_held or value._home is not None:
        raise ArgumentError(
            f"{culprit} = …",
            "numbers, or a Tensor of your own",
            f"{value.name or 'a parameter'}, which belongs elsewhere",
            "To copy it write other.weight.numpy(); to share it Dense(…, weight=other.weight.T).",
        )
    if value.dtype != parameter.dtype:
        remedy = f"Make it like the other: Tensor(x, dtype='{parameter.dtype}')."
        raise DtypeError(f"{culprit} = …", str(parameter.dtype), str(value.dtype), remedy)
