"""Pictures of the registries: files by matplotlib, characters in a terminal."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from minidl.autodiff import Tensor
from minidl.core import storage
from minidl.nn import activations, losses

SOURCE_FIGURES = (
    "relu", "leaky_relu", "sigmoid", "tanh", "softmax", "elu", "selu",
    "mse", "binary_crossentropy", "focal", "huber", "hinge",
)  # fmt: skip
"""Figures 1 to 12 of the document that minidl implements, in its order."""


def curve(name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, str, str]:
    """What there is to draw of an entry: x, value, slope, and labels of x and value.

    Examples
    --------
    >>> x, y, slope, *labels = curve("relu")
    >>> y.min(), slope.max()
    (np.float64(0.0), np.float64(1.0))
    """
    if name in activations:
        return _activation_curve(activations[name])
    return _loss_curve(losses[name])


def _activation_curve(entry: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, str, str]:
    x = np.linspace(-5, 5, 401)
    if not hasattr(entry, "value"):  # a row: the first of two units, the other at 0
        rows = np.stack([x, np.zeros_like(x)], axis=1)
        y = entry(rows)
        dx = np.empty_like(rows)
        dy = np.stack([np.ones_like(x), np.zeros_like(x)], axis=1)
        entry.backward(dy, y, [rows], [dx])
        return x, y[:, 0], dx[:, 0], "first of two units, the other at 0", f"{entry.name}(x)"
    others = [np.full_like(x, 0.25)] if entry.learned else []
    y, dxs = entry(x, *others), [np.empty_like(x), *(None for _ in others)]
    entry.backward(np.ones_like(x), y, [x, *others], dxs)
    assert dxs[0] is not None
    return x, y, dxs[0], "x", f"{entry.name}(x)"


def _loss_curve(entry: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, str, str]:
    low = max(entry.prediction.low, -3.0) + (0.005 if entry.prediction.low == 0 else 0.0)
    high = min(entry.prediction.high, 3.0) - (0.005 if entry.prediction.high == 1 else 0.0)
    p = np.linspace(low, high, 401)
    target = 0.0 if 0 in entry.target and not entry.link else 1.0
    if entry.rowwise:  # two classes, the first one true
        rows = np.stack([p, 1 - p if entry.rows_sum_to_one else np.zeros_like(p)], axis=1)
        t = np.tile([1.0, 0.0], (len(p), 1))
    else:
        rows, t = p.reshape(-1, 1), np.full((len(p), 1), target)
    prediction = Tensor(rows, requires_grad=True)
    each = entry(t, prediction, reduction="none")
    each.backward(np.ones(each.shape))
    dp = prediction.grad
    assert dp is not None
    label = (
        "prediction of the true class of two"
        if entry.rowwise
        else f"prediction (target {target:g})"
    )
    return p, each.numpy().reshape(-1), dp[:, 0], label, entry.name


def draw(name: str, axes: Any) -> None:
    """An entry's value and slope on matplotlib axes."""
    x, y, slope, x_label, y_label = curve(name)
    axes.axhline(0, color="0.8", linewidth=0.8)
    axes.axvline(0, color="0.8", linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.plot(*_broken(x, y), label=y_label, linewidth=2)
    slope_label = "slope" if name in activations else "gradient"
    axes.plot(*_broken(x, slope), "--", label=slope_label, linewidth=1.5)
    low, high = _limits(y, slope)
    margin = 0.04 * (high - low)
    axes.set_ylim(low - margin, high + margin)
    axes.set_title(name)
    axes.set_xlabel(x_label)
    axes.legend(frameon=False)


def _broken(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A curve with a gap at each jump, where a line would claim values that are never taken.

    A jump is a step far larger than one of the steps beside it; on a smooth curve, however
    steep, steps resemble each other.
    """
    steps = np.abs(np.diff(y))
    beside = np.minimum(np.append(steps[1:], np.inf), np.insert(steps[:-1], 0, np.inf))
    jumps = np.flatnonzero((steps > 10 * beside) & (steps > 0.05 * np.ptp(y))) + 1
    return np.insert(x, jumps, np.nan), np.insert(y, jumps, np.nan)


def _limits(y: np.ndarray, slope: np.ndarray) -> tuple[float, float]:
    """From lowest to highest, but where a slope goes to infinity the value decides."""
    most = max(np.abs(y).max() * 1.3, np.quantile(np.abs(slope), 0.8) * 1.3)
    both = np.concatenate([y, slope])
    return max(both.min(), -most), min(both.max(), most)


def write_pictures(names: Sequence[str], folder: Path, kind: str = "svg") -> list[Path]:
    """One picture for each name, numbered in this order.

    Raises
    ------
    FileError
        If the folder or a file in it cannot be written.
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    paths = []
    storage.make_folder(folder)
    for i, name in enumerate(names, 1):
        figure, axes = plt.subplots(figsize=(5, 3.6), layout="constrained")
        draw(name, axes)
        drawn = io.BytesIO()
        figure.savefig(drawn, format=kind, dpi=140)
        plt.close(figure)
        paths.append(folder / f"{i:02}_{name}.{kind}")
        storage.write_whole(paths[-1], drawn.getvalue())
    return paths


def characters(name: str, width: int = 72, height: int = 16) -> str:
    """A plot in characters: ``*`` the value, ``·`` the slope."""
    x, y, slope, _, _ = curve(name)
    columns = np.linspace(0, len(x) - 1, width).astype(int)
    low, high = _limits(y, slope)
    grid = [[" "] * width for _ in range(height)]

    def place(value: float) -> int:
        return round((high - value) / (high - low) * (height - 1))

    if low <= 0 <= high:
        grid[place(0)] = ["─"] * width
    for values, mark in ((slope, "·"), (y, "*")):
        for column, i in enumerate(columns):
            if low <= values[i] <= high:
                grid[place(values[i])][column] = mark
    lines = ["".join(row).rstrip() for row in grid]
    lines[0] = f"{lines[0]:<{width}} {high:.3g}"
    lines[-1] = f"{lines[-1]:<{width}} {low:.3g}"
    axis = f"{x[0]:<{width // 2}.3g}{x[-1]:>{width - width // 2}.3g}"
    return "\n".join([*lines, axis, "* value   · slope"])
