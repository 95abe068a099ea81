"""A picture of a study: mean scores of hidden activations with heads, one panel a dataset."""

from __future__ import annotations

import io
import itertools
import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl.data import Dataset
from minidl.pairing.findings import Findings, Row, natural
from minidl.pairing.report.wording import CROSS, STAR, colour_range, metric_name, score
from minidl.pairing.study import Head

MARGIN, LABELS, ABOVE, BELOW = 0.3, 2.5, 0.35, 0.75
CELL_WIDTH, CELL_HEIGHT = 0.55, 0.27
"""Inches: what surrounds a panel, and its cells."""
ONE_COLUMN = 40
"""Rows of cells that stand below each other still; of more, width and height grow alike."""
RESOLUTION = 140
"""Dots an inch."""


def heat_map(findings: Findings) -> bytes:
    """The scores of a study as a PNG; at least one pairing must be complete.

    Panels are placed in inches: a row is equally high in each of them, however many it has.
    """
    import matplotlib as mpl

    panels = [(findings.data[name], rows) for name, rows in findings.standings.items() if rows]
    drawn = io.BytesIO()
    with mpl.rc_context({"text.parse_math": False}):  # a table may be called a$b$
        _draw(panels, findings.study.hidden).savefig(drawn, format="png", dpi=RESOLUTION)
    return drawn.getvalue()


def _draw(panels: Sequence[tuple[Dataset, list[Row]]], hidden: Sequence[str]) -> Any:
    from matplotlib.figure import Figure

    columns = math.ceil(math.sqrt(sum(_heads(rows) for _, rows in panels) / ONE_COLUMN))
    lines = [panels[i : i + columns] for i in range(0, len(panels), columns)]
    heights = [ABOVE + BELOW + max(CELL_HEIGHT * _heads(rows) for _, rows in line)
               for line in lines]  # fmt: skip
    across = CELL_WIDTH * len(hidden)
    width = max(6.5, columns * (LABELS + across) + MARGIN)
    height = 0.6 + sum(heights) + 0.6
    figure = Figure(figsize=(width, height))
    for i, line in enumerate(lines):
        top = height - 0.6 - sum(heights[:i]) - ABOVE
        for j, (data, rows) in enumerate(line):
            left, down = LABELS + j * (LABELS + across), CELL_HEIGHT * _heads(rows)
            inches = (left / width, (top - down) / height, across / width, down / height)
            _panel(figure.add_axes(inches), rows, hidden, data)
    _captions(figure, any(row.failures for _, rows in panels for row in rows))
    return figure


def _heads(rows: Sequence[Row]) -> int:
    return len({row.pairing.head for row in rows})


def _captions(figure: Any, failures: bool) -> None:
    """A title, and what the signs mean."""
    width, height = figure.get_size_inches()
    left = MARGIN / width
    figure.text(left, 1 - 0.4 / height, "Which activation goes with which loss", fontsize=15)
    text = (
        "Mean test scores; rows: output activation + loss, best first; columns: hidden activation\n"
    )
    text += f"{STAR} heads that textbooks recommend   bold: highest mean of its dataset"
    text += f"   {CROSS} a failure, counted as the worst" * failures
    figure.text(left, 0.2 / height, text, fontsize=9, linespacing=1.5)


def _panel(axes: Any, rows: Sequence[Row], hidden: Sequence[str], data: Dataset) -> None:
    """Heads from best to worst, hidden activations in the study's order."""
    cells: dict[Head, dict[str, Row]] = defaultdict(dict)
    for row in rows:
        cells[row.pairing.head][row.pairing.hidden] = row
    heads = sorted(cells, key=lambda head: -np.mean([row.mean for row in cells[head].values()]))
    low, best = colour_range([row.mean for row in rows])
    table = np.full((len(heads), len(hidden)), np.nan)
    for (i, head), (j, name) in itertools.product(enumerate(heads), enumerate(hidden)):
        if cell := cells[head].get(name):
            table[i, j] = cell.mean
            text = score(cell.mean, 2) + CROSS * bool(cell.failures)
            colour = "black" if cell.mean > (low + best) / 2 else "white"
            weight = "bold" if cell.mean == best else "normal"
            centred = {"ha": "center", "va": "center"}
            axes.text(j, i, text, color=colour, weight=weight, fontsize=8, **centred)
    axes.imshow(table, cmap="viridis", vmin=low, vmax=best, aspect="auto")
    axes.set_xticks(range(len(hidden)), hidden, rotation=35, ha="right", rotation_mode="anchor")
    names = [f"{STAR} {head.name}" if natural(head, data.task) else head.name for head in heads]
    axes.set_yticks(range(len(heads)), names)
    axes.tick_params(length=0, labelsize=8)
    axes.set_title(f"{data.name}: {metric_name(data.metric)}", fontsize=11)
