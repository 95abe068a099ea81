"""Pictures of the registries and of results: files by matplotlib, characters in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from minidl.activations import activations
from minidl.errors import FileError
from minidl.losses import losses
from minidl.pairing.runner import Plan
from minidl.pairing.trial import Result

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
    op = entry.op(False)
    y, dp = np.empty(op.shape(t.shape, rows.shape)), np.empty_like(rows)
    op.forward(y, t, rows)
    op.backward(np.ones_like(y), y, [t, rows], [None, dp])
    return p, y.reshape(-1), dp[:, 0], f"prediction (target {target:g})", entry.name


def draw(name: str, axes: Any) -> None:
    """An entry's value and slope on matplotlib axes."""
    x, y, slope, x_label, y_label = curve(name)
    axes.axhline(0, color="0.8", linewidth=0.8)
    axes.axvline(0, color="0.8", linewidth=0.8)
    axes.plot(x, y, label=y_label, linewidth=2)
    axes.plot(x, slope, "--", label="slope", linewidth=1.5)
    top = np.quantile(np.abs(np.concatenate([y, slope])), 0.97) * 1.2
    axes.set_ylim(
        max(min(y.min(), slope.min()), -top) - 0.1, min(max(y.max(), slope.max()), top) + 0.1
    )
    axes.set_title(name)
    axes.set_xlabel(x_label)
    axes.legend(frameon=False)


def plot(names: Sequence[str], folder: Path, kind: str = "svg") -> list[Path]:
    """One picture for each name, numbered in this order.

    Raises
    ------
    FileError
        If the folder cannot be written.
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    paths = []
    for i, name in enumerate(names, 1):
        figure, axes = plt.subplots(figsize=(5, 3.6), layout="constrained")
        draw(name, axes)
        path = folder / f"{i:02}_{name}.{kind}"
        save(figure, path)
        plt.close(figure)
        paths.append(path)
    return paths


def save(figure: Any, path: Path) -> None:
    """Write a figure, or say why that is impossible."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=140)
    except OSError as error:
        raise FileError(
            str(path.parent), "a folder that can be written", str(error), "Write --out DIR."
        ) from error


def characters(name: str, width: int = 72, height: int = 16) -> str:
    """A plot in characters: ``*`` the value, ``·`` the slope."""
    x, y, slope, _, _ = curve(name)
    columns = np.linspace(0, len(x) - 1, width).astype(int)
    top = np.quantile(np.abs(np.concatenate([y, slope])), 0.97) * 1.1
    low, high = max(min(y.min(), slope.min()), -top), min(max(y.max(), slope.max()), top)
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


def heat_map(results: Sequence[Result], plan: Plan, path: Path) -> None:
    """Mean test scores of hidden activations with heads, one panel a dataset."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    heights = [len(plan.sound(data)) for data in plan.data]
    columns = 2 if len(plan.data) > 1 else 1
    lines = -(-len(plan.data) // columns)
    tallest = [max(heights[i * columns : (i + 1) * columns]) for i in range(lines)]
    figure, grid = plt.subplots(
        lines,
        columns,
        figsize=(
            2.2 + columns * (2.6 + 0.62 * len(plan.hidden)),
            sum(0.34 * n + 1.5 for n in tallest),
        ),
        height_ratios=[0.34 * n + 1.2 for n in tallest],
        squeeze=False,
        layout="constrained",
    )
    for axes in grid.reshape(-1)[len(plan.data) :]:
        axes.remove()
    for data, axes in zip(plan.data, grid.reshape(-1), strict=False):
        _panel(axes, results, plan, data)
    save(figure, path)
    plt.close(figure)


def _panel(axes: Any, results: Sequence[Result], plan: Plan, data: Any) -> None:
    heads = plan.sound(data)
    table = np.full((len(heads), len(plan.hidden)), np.nan)
    for i, head in enumerate(heads):
        for j, hidden in enumerate(plan.hidden):
            scores = [
                r.score
                for r in results
                if (r.trial.dataset, r.trial.head, r.trial.hidden) == (data.name, head, hidden)
            ]
            table[i, j] = np.mean(scores) if scores else np.nan
    best = np.nanmax(table) if np.isfinite(table).any() else 1.0
    low = max(np.nanmin(table), best - 0.5) if np.isfinite(table).any() else 0.0
    axes.imshow(table, cmap="viridis", vmin=low, vmax=best, aspect="auto")
    for (i, j), score in np.ndenumerate(table):
        ink = "black" if score > (low + best) / 2 else "white"
        weight = "bold" if score == best else "normal"
        axes.text(
            j, i, f"{score:.2f}", ha="center", va="center", color=ink, fontsize=8, weight=weight
        )
    axes.set_xticks(range(len(plan.hidden)), plan.hidden, rotation=30, ha="right")
    names = [f"★ {head.name}" if head.natural else head.name for head in heads]
    axes.set_yticks(range(len(heads)), names, fontsize=8)
    axes.set_title(f"{data.name} ({data.metric})")
