"""Where networks draw the line: regions of two features, a curve over one; trained anew."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.data import Dataset
from minidl.document import Figure, Listing, Value
from minidl.pairing.execution import Trainer, parts
from minidl.pairing.findings import CellDiagnosis
from minidl.pairing.report.svg import INK, MARKERS, NARROW, SERIES, drawing
from minidl.pairing.report.wording import short
from minidl.pairing.study import Study

GRID_POINTS = 120
"""Points of the grid along each feature."""
GRID_MARGIN = 0.4


def drawable(data: Dataset) -> bool:
    """Whether what a network does can be drawn: classes in a plane, a number over a line."""
    return data.X.shape[1] == (2 if data.task == "classification" else 1)


def boundary(
    name: str, role: str, study: Study, diagnosis: CellDiagnosis, data: Dataset
) -> Figure | None:
    """What repetition 0 of a cell decides, with the test rows; None if it failed.

    The network is trained once more, to the same bits as in the study.
    """
    if diagnosis.outcome.rate is None:
        return None
    trainer = Trainer(diagnosis.outcome.cell, data)
    trial = study.final(diagnosis.outcome.cell, diagnosis.outcome.rate)[0]
    result = trainer.train(trial)
    if result.status != "ok":
        return None
    _, rows, targets = parts(data, trial.seed, False)
    given = trainer.decide(trainer.net.predict(rows))
    pairing = short(diagnosis.outcome.cell.pairing.name)
    scores = f"here {result.score:.3f}, mean {diagnosis.score:.3f}"
    paint, words = (_regions if data.task == "classification" else _curve)(
        trainer, rows, targets, given
    )

    @drawing(name, NARROW, NARROW)
    def draw(drawn: Any, axes: Any) -> None:
        paint(axes)
        axes.set_title(f"{data.name}, {role}: {pairing}\n{scores}", loc="left", fontsize=9)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.grid(visible=False)
        drawn.legend(loc="outside lower left", ncols=4, columnspacing=1.2)

    named = (lambda y: str(data.classes[y])) if data.task == "classification" else float
    table: list[tuple[Value, ...]] = [
        (*row.tolist(), named(y), named(z)) for row, y, z in zip(rows, targets, given, strict=True)
    ]
    columns = (*data.feature_names, "target", "decided")
    alt = f"{data.name} as {pairing} sees it, {role} of all: {words}."
    return Figure(f"{data.name}, {role}", draw, alt, Listing(name, columns, table))


Paint = Callable[[Any], None]
"""Draws on matplotlib axes."""


def _regions(
    trainer: Trainer, rows: np.ndarray, classes: np.ndarray, given: np.ndarray
) -> tuple[Paint, str]:
    """The region of each class, test rows in it, a ring around the wrong ones."""
    grid = np.meshgrid(*(_around(column) for column in rows.T))
    points = np.stack([part.ravel() for part in grid], axis=1)
    decided = trainer.decide(trainer.net.predict(points)).reshape(GRID_POINTS, GRID_POINTS)
    labels, wrong = trainer.data.classes, given != classes

    def paint(axes: Any) -> None:
        for i, label in enumerate(labels):
            region, colour = decided == i, SERIES[i % len(SERIES)]
            if region.any():  # matplotlib warns of a contour around nothing
                axes.contourf(*grid, region, levels=[0.5, 1.5], colors=[colour], alpha=0.25)
            style = {"color": colour, "marker": MARKERS[i % len(MARKERS)], "markersize": 3.5}
            axes.plot(*rows[classes == i].T, linestyle="", label=str(label), **style)
        ring = {"color": INK, "marker": "o", "markersize": 8, "markerfacecolor": "none"}
        axes.plot(*rows[wrong].T, linestyle="", label="wrong", **ring)

    said = f"{len(labels)} regions, {int(wrong.sum())} of {len(rows)} test rows on a wrong side"
    return paint, said


def _curve(
    trainer: Trainer, rows: np.ndarray, targets: np.ndarray, given: np.ndarray
) -> tuple[Paint, str]:
    """The curve of what is predicted, test rows beside it, both standardised."""
    x = _around(rows[:, 0])
    predicted = trainer.decide(trainer.net.predict(x.reshape(-1, 1)))

    def paint(axes: Any) -> None:
        axes.plot(rows[:, 0], targets, "o", color=SERIES[0], markersize=3, label="test rows")
        axes.plot(x, predicted, color=SERIES[1], linewidth=2.2, label="predicted")

    apart = float(np.median(np.abs(given - targets)))
    return paint, f"a curve, half of {len(rows)} test rows within {apart:.2f} deviations of it"


def _around(column: np.ndarray) -> np.ndarray:
    return np.linspace(column.min() - GRID_MARGIN, column.max() + GRID_MARGIN, GRID_POINTS)
