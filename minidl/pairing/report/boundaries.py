"""Where networks draw the line: decision regions on datasets of two features, trained anew."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minidl.data import Dataset
from minidl.pairing.diagnosis import Diagnosis
from minidl.pairing.report.blocks import Chart, Listing, Value, short
from minidl.pairing.report.svg import INK, MARKERS, NARROW, SERIES, figure, markup
from minidl.pairing.study import Study
from minidl.pairing.trainer import Trainer, parts

FINE = 120
"""Points of the grid along each feature."""
MARGIN = 0.4


def drawable(data: Dataset) -> bool:
    """Whether decision regions of a dataset can be drawn."""
    return data.task == "classification" and data.X.shape[1] == 2


def regions(name: str, role: str, study: Study, told: Diagnosis, data: Dataset) -> Chart | None:
    """Decision regions of repetition 0 of a cell, with the test rows; None if it failed.

    The network is trained once more, to the same bits as in the study.
    """
    outcome = told.outcome
    if outcome.rate is None:
        return None
    trainer = Trainer(outcome.cell, data)
    trial = study.final(outcome.cell, outcome.rate)[0]
    result = trainer.train(trial)
    if result.status != "ok":
        return None
    _, rows, classes = parts(data, trial.seed, False)
    grid, decided = _decisions(trainer, rows)
    right = trainer.decide(trainer.net.predict(rows)) == classes
    pairing = short(outcome.cell.pairing.name)

    def draw() -> str:
        with figure(NARROW, NARROW) as (drawn, [axes]):
            colours = [SERIES[i % len(SERIES)] for i in range(len(data.classes))]
            for i, label in enumerate(data.classes):
                region, colour = decided == i, colours[i]
                if region.any():  # matplotlib warns of a contour around nothing
                    axes.contourf(*grid, region, levels=[0.5, 1.5], colors=[colour], alpha=0.25)
                style = {"color": colour, "marker": MARKERS[i % len(MARKERS)], "markersize": 3.5}
                axes.plot(*rows[classes == i].T, linestyle="", label=str(label), **style)
            wrong = {"color": INK, "marker": "o", "markersize": 8, "markerfacecolor": "none"}
            axes.plot(*rows[~right].T, linestyle="", label="wrong", **wrong)
            scores = f"here {result.score:.3f}, mean {told.score:.3f}"
            axes.set_title(f"{data.name}, {role}: {pairing}\n{scores}", loc="left", fontsize=9)
            axes.set_xticks([])
            axes.set_yticks([])
            axes.grid(visible=False)
            drawn.legend(loc="outside lower left", ncols=3)
            return markup(drawn, name)

    alt = (
        f"The plane of {data.name} as {pairing} divides it among {len(data.classes)} classes, with "
        f"{len(rows)} test rows, {int((~right).sum())} of them on a wrong side."
    )
    columns = (*data.feature_names, "class", "decided rightly")
    data_rows: list[tuple[Value, ...]] = [
        (*row.tolist(), str(data.classes[c]), int(r))
        for row, c, r in zip(rows, classes, right, strict=True)
    ]
    return Chart(f"{data.name}, {role}", draw, alt, Listing(name, columns, data_rows))


def _decisions(trainer: Trainer, rows: np.ndarray) -> tuple[Sequence[np.ndarray], np.ndarray]:
    """The class of each point of a grid around the rows."""
    ends = zip(rows.min(axis=0) - MARGIN, rows.max(axis=0) + MARGIN, strict=True)
    grid = np.meshgrid(*(np.linspace(low, high, FINE) for low, high in ends))
    points = np.stack([part.ravel() for part in grid], axis=1)
    return grid, trainer.decide(trainer.net.predict(points)).reshape(FINE, FINE)
