"""The drawings that describe: curves over epochs and learning rates, what stands out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from minidl.document import Figure, Listing, Value, number
from minidl.pairing.execution import checkpoints
from minidl.pairing.findings import Outcome
from minidl.pairing.report.svg import DASHES, LINE, MARKERS, NARROW, SERIES, WIDTH, drawing
from minidl.pairing.report.wording import STAR, metric_name, short
from minidl.pairing.statistics import how_many

ROLES = ("best", f"best {STAR}", "reference", "middle", "worst")
"""What cells of a dataset are chosen for where there is no room for all."""


def training_curves(
    name: str, dataset: str, metric: str, chosen: Mapping[str, Outcome], epochs: int
) -> Figure:
    """Test scores and training losses over epochs, of a few cells of a dataset.

    Parameters
    ----------
    chosen : mapping of str to Outcome
        By what they were chosen for, one of ``ROLES``.
    """
    stops = checkpoints(epochs)
    curves = {role: _means(outcome, epochs) for role, outcome in chosen.items()}

    @drawing(name, NARROW, 4.0, rows=2)
    def draw(drawn: Any, above: Any, below: Any) -> None:
        for role, (scores, left) in curves.items():
            style = _style(ROLES.index(role))
            label = f"{role}: {short(chosen[role].cell.pairing.name)}"
            above.plot(stops[: len(scores)], scores, label=label, **style)
            below.plot(np.arange(1, len(left) + 1), left, **style | {"marker": ""})
        _over_epochs(above, below, stops)
        above.set_title(f"{dataset}: {metric_name(metric)} on test data", loc="left")
        drawn.legend(loc="outside lower left", ncols=1)

    ends = [
        f"{role} ends at {number(scores[-1])}" if len(scores) else f"{role} failed always"
        for role, (scores, _) in curves.items()
    ]
    alt = f"Lines over {how_many(epochs, 'epoch')} on {dataset}: {'; '.join(ends)}."
    columns = ("chosen as", "pairing", "epoch", metric, "relative training loss")
    rows = [row for role in chosen for row in _epochs(role, chosen[role], *curves[role], stops)]
    return Figure(dataset, draw, alt, Listing(f"curves-{dataset}", columns, rows))


def _over_epochs(above: Any, below: Any, stops: Sequence[int]) -> None:
    """The scales of scores, above, and of relative losses, below."""
    below.set_yscale("log")
    below.yaxis.set_major_formatter("{x:g}")
    for axes in (above, below):
        axes.set_xscale("log", base=2)
        axes.set_xlim(1, max(stops[-1], 2))
        axes.set_xticks(stops, [str(stop) for stop in stops])
        axes.minorticks_off()
    below.set_title("training loss, relative to the first epoch's", loc="left")
    below.set_xlabel("epoch")


def _epochs(
    role: str, outcome: Outcome, scores: np.ndarray, left: np.ndarray, stops: Sequence[int]
) -> list[tuple[Value, ...]]:
    """The data of a curve, an epoch a row."""
    at = dict(zip(stops, scores.tolist(), strict=False))
    pairing = outcome.cell.pairing.name
    return [
        (role, pairing, epoch, at.get(epoch), loss) for epoch, loss in enumerate(left.tolist(), 1)
    ]


def _means(outcome: Outcome, epochs: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean scores at checkpoints and mean relative losses, over networks that were trained."""
    trained = [result for result in outcome.results if result.status == "ok"]
    whole = [r for r in trained if len(r.losses) == epochs and r.losses[0] > 0]
    scores = np.mean([r.scores for r in trained], axis=0) if trained else np.empty(0)
    left = np.mean([r.losses / r.losses[0] for r in whole], axis=0) if whole else np.empty(0)
    return scores, left


def rate_curves(
    name: str, title: str, rates: Sequence[float], lines: Mapping[str, np.ndarray]
) -> Figure:
    """How far each learning rate is below the best one of each cell, mean over cells, in points."""

    @drawing(name, WIDTH, 2.7 + LINE * ((len(lines) + 1) // 2))
    def draw(drawn: Any, axes: Any) -> None:
        for i, (label, below) in enumerate(lines.items()):
            axes.plot(rates, -100 * below, label=short(label), **_style(i))
        axes.set_xscale("log")
        axes.set_xticks(list(rates), [f"{rate:g}" for rate in rates])
        axes.minorticks_off()
        axes.set_title(title, loc="left")
        axes.set_xlabel("learning rate")
        axes.set_ylabel("points below a cell's best")
        drawn.legend(loc="outside lower left", ncols=2)

    rows: list[tuple[Value, ...]] = [
        (label, *(100 * below).tolist()) for label, below in lines.items()
    ]
    worst = max(lines, key=lambda label: float(lines[label].max()))
    alt = (
        f"Lines over learning rates from {rates[0]:g} to {rates[-1]:g}, {title}. The deepest fall "
        f"is {100 * lines[worst].max():.1f} points, of {worst}."
    )
    columns = (title, *(f"points lost at {rate:g}" for rate in rates))
    return Figure(title, draw, alt, Listing(name, columns, rows))


def symptom_bars(name: str, best: Mapping[str, float], worst: Mapping[str, float]) -> Figure:
    """In which part of the best and of the worst quarter of cells something stands out."""
    kinds = list(dict.fromkeys([*worst, *best]))
    title = "what stands out in networks"

    @drawing(name, WIDTH, 1.3 + 0.36 * len(kinds))
    def draw(drawn: Any, axes: Any) -> None:
        middle = np.arange(len(kinds))
        for shift, shares, label, colour, hatch in (
            (-0.18, worst, "worst quarter of each dataset's cells", SERIES[1], "///"),
            (0.18, best, "best quarter", SERIES[0], ""),
        ):
            widths = [100 * shares.get(kind, 0.0) for kind in kinds]
            axes.barh(middle + shift, widths, height=0.34, color=colour, label=label, hatch=hatch)
        axes.set_yticks(middle, kinds)
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.set_xlabel("% of cells")
        axes.set_title(title, loc="left")
        drawn.legend(loc="outside lower left", ncols=2)

    rows = [(kind, worst.get(kind, 0.0), best.get(kind, 0.0)) for kind in kinds]
    words = [f"{kind} {100 * w:.0f} % against {100 * b:.0f} %" for kind, w, b in rows]
    columns = ("what stands out", "share of the worst quarter", "share of the best quarter")
    alt = f"Worst quarter against best quarter of cells: {', '.join(words)}."
    return Figure(title, draw, alt, Listing(name, columns, rows))


def _style(i: int) -> dict[str, Any]:
    """Colour, dash and marker of the i-th line: no two of eight share any of them."""
    k = i % len(SERIES)
    return {"color": SERIES[k], "linestyle": DASHES[k], "marker": MARKERS[k]}
