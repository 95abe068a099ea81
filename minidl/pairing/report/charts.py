"""The drawings of a report: each with what it shows in words, and the numbers it is drawn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from minidl.losses import losses
from minidl.pairing.outcomes import Outcome
from minidl.pairing.report.blocks import HIGHER, LOWER, Chart, Listing, Value, metric_name, number
from minidl.pairing.report.svg import DASHES, INK, MARKERS, MUTED, SERIES, figure, markup
from minidl.pairing.statistics import Estimate, Ranked, Share
from minidl.pairing.tables import Table
from minidl.pairing.trainer import checkpoints

WIDTH = 4.4
"""Inches: readable on a phone, two beside each other on a desk."""
LINE = 0.19
"""Inches of a row of text."""


def short(name: str) -> str:
    """A pairing's or head's name with the usual abbreviations of its loss.

    Examples
    --------
    >>> short("relu/sigmoid+binary_crossentropy")
    'relu/sigmoid+bce'
    """
    rest, plus, loss = name.rpartition("+")
    if not plus or loss not in losses or len(loss) <= 12:
        return name
    return f"{rest}+{min((loss, *losses[loss].aliases), key=len)}"


def _style(i: int) -> dict[str, Any]:
    """Colour, dash and marker of the i-th line: no two of eight share any of them."""
    k = i % len(SERIES)
    return {"color": SERIES[k], "linestyle": DASHES[k], "marker": MARKERS[k]}


def training_curves(
    name: str, dataset: str, metric: str, chosen: Mapping[str, Outcome], epochs: int
) -> Chart:
    """Test scores and training losses over epochs, of a few cells of a dataset.

    Parameters
    ----------
    chosen : mapping of str to Outcome
        By what they were chosen for: ``"best"``.
    """
    rows: list[tuple[Value, ...]] = []
    with figure(WIDTH, 4.2, rows=2) as (drawn, [above, below]):
        for i, (role, outcome) in enumerate(chosen.items()):
            scores, left = _means(outcome, epochs)
            label = f"{role}: {short(outcome.cell.pairing.name)}"
            above.plot(checkpoints(epochs)[: len(scores)], scores, label=label, **_style(i))
            style = _style(i) | {"marker": ""}
            below.plot(np.arange(1, len(left) + 1), left, **style)
            of = dict(zip(checkpoints(epochs), scores.tolist(), strict=False))
            rows += [
                (role, outcome.cell.pairing.name, e + 1, of.get(e + 1), float(value))
                for e, value in enumerate(left)
            ]
        for axes in (above, below):
            axes.set_xscale("log", base=2)
            axes.set_xlim(1, epochs)
            axes.set_xticks(checkpoints(epochs), [str(e) for e in checkpoints(epochs)])
            axes.minorticks_off()
        above.set_title(f"{dataset}: {metric_name(metric)} on test data", loc="left")
        below.set_title("training loss, relative to the first epoch's", loc="left")
        below.set_yscale("log")
        below.set_xlabel("epoch")
        drawn.legend(loc="outside lower left", ncols=1)
        svg = markup(drawn, name)
    ends = [f"{role} ends at {_last(outcome)}" for role, outcome in chosen.items()]
    alt = f"Lines over {epochs} epochs on {dataset}: {'; '.join(ends)}."
    columns = ("chosen as", "pairing", "epoch", metric, "relative training loss")
    return Chart(dataset, svg, alt, Listing(f"curves-{dataset}", columns, rows))


def _means(outcome: Outcome, epochs: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean scores at checkpoints and mean relative losses, over networks that were trained."""
    trained = [result for result in outcome.results if result.status == "ok"]
    whole = [r for r in trained if len(r.losses) == epochs and r.losses[0] > 0]
    scores = np.mean([r.scores for r in trained], axis=0) if trained else np.empty(0)
    left = np.mean([r.losses / r.losses[0] for r in whole], axis=0) if whole else np.empty(0)
    return scores, left


def _last(outcome: Outcome) -> str:
    scores = _means(outcome, 0)[0]
    return f"{scores[-1]:.3f}" if len(scores) else "nothing, as all failed"


def rate_curves(
    name: str, title: str, rates: Sequence[float], lines: Mapping[str, np.ndarray]
) -> Chart:
    """How far each learning rate is below the best one of each cell, mean over cells, in points."""
    with figure(WIDTH, 2.7 + LINE * ((len(lines) + 1) // 2)) as (drawn, [axes]):
        for i, (label, below) in enumerate(lines.items()):
            axes.plot(rates, -100 * below, label=short(label), **_style(i))
        axes.set_xscale("log")
        axes.set_xticks(list(rates), [f"{rate:g}" for rate in rates])
        axes.minorticks_off()
        axes.set_title(title, loc="left")
        axes.set_xlabel("learning rate")
        axes.set_ylabel("points below a cell's best")
        drawn.legend(loc="outside lower left", ncols=2)
        svg = markup(drawn, name)
    rows = [(label, *(float(100 * b) for b in below)) for label, below in lines.items()]
    worst = max(lines, key=lambda label: float(lines[label].max()))
    alt = (
        f"Lines over learning rates from {rates[0]:g} to {rates[-1]:g}, {title}. The deepest fall "
        f"is {100 * lines[worst].max():.1f} points, of {worst}."
    )
    columns = (title, *(f"points lost at {rate:g}" for rate in rates))
    return Chart(title, svg, alt, Listing(name, columns, rows))


def share_bars(name: str, title: str, shares: Sequence[Share]) -> Chart:
    """What scores vary with, as bars; a tick says how long chance alone would make them."""
    with figure(WIDTH, 0.9 + 0.27 * len(shares)) as (drawn, [axes]):
        places = np.arange(len(shares))[::-1]
        axes.barh(places, [100 * s.share for s in shares], height=0.6, color=SERIES[0])
        chance = [100 * s.by_chance for s in shares[:-1]]
        axes.plot(chance, places[:-1], "|", color=INK, markersize=11, label="by chance alone")
        for place, share in zip(places, shares, strict=True):
            axes.annotate(f"{100 * share.share:.1f} %", (100 * max(share.share, 0), place),
                          (5, 0), textcoords="offset points", va="center", fontsize=8)  # fmt: skip
        axes.set_yticks(places, [share.source for share in shares])
        axes.margins(x=0.2)
        axes.set_xlim(left=0)
        axes.grid(visible=False, axis="y")
        axes.set_title(title, loc="left")
        axes.legend(loc="lower right")
        svg = markup(drawn, name)
    rows = [(s.source, s.share, s.by_chance, s.squares, s.freedom) for s in shares]
    alt = f"{title}: " + ", ".join(f"{s.source} {100 * s.share:.1f} %" for s in shares) + "."
    columns = ("source", "share", "share by chance", "sum of squares", "degrees of freedom")
    return Chart(title, svg, alt, Listing(name, columns, rows))


def rank_diagram(name: str, table: Table) -> Chart:
    """Mean ranks from best to worst, with bars that join what is not shown to differ."""
    ranks = table.ranks.mean_ranks
    order = np.argsort(ranks, kind="stable")
    place = {int(row): i for i, row in enumerate(order)}
    with figure(WIDTH, 0.9 + LINE * len(order)) as (drawn, [axes]):
        axes.plot(ranks[order], np.arange(len(order)), "o", color=SERIES[0])
        right = ranks.max() + 0.04 * len(order)
        for i, bar in enumerate(table.bars):
            x = right + i * 0.025 * len(order)
            ends = place[bar[0]] - 0.25, place[bar[-1]] + 0.25
            axes.plot([x, x], ends, color=MUTED, linewidth=3, solid_capstyle="butt")
        names = [table.scores.pairings[i] for i in order]
        labels = [f"{_mark(table, pairing)} {short(pairing)}".strip() for pairing in names]
        axes.set_yticks(range(len(order)), labels, fontsize=8)
        axes.invert_yaxis()
        axes.set_xlabel("mean rank over dataset families")
        svg = markup(drawn, name)
    rows = [
        (table.scores.pairings[i], float(ranks[i]), *(int(i in bar) for bar in table.bars))
        for i in order
    ]
    columns = ("pairing", "mean rank", *(f"bar {i + 1}" for i in range(len(table.bars))))
    alt = (
        f"{len(order)} pairings by mean rank, from {labels[0]} ({ranks.min():.1f}) to {labels[-1]} "
        f"({ranks.max():.1f}); bars join pairings that are not shown to differ."
    )
    return Chart(f"{table.task}: mean ranks", svg, alt, Listing(name, columns, rows))


def _mark(table: Table, pairing: str) -> str:
    return {1: HIGHER, 0: "", -1: LOWER}[table.verdict(pairing)]


def estimates(name: str, title: str, found: Sequence[Estimate]) -> Chart:
    """Interquartile means with their intervals, best first."""
    with figure(WIDTH, 0.9 + LINE * len(found)) as (drawn, [axes]):
        places = np.arange(len(found))
        values = np.array([e.value for e in found])
        ends = np.array([[e.value - e.low for e in found], [e.high - e.value for e in found]])
        axes.errorbar(values, places, xerr=np.maximum(ends, 0), fmt="o", color=SERIES[0],
                      ecolor=MUTED, elinewidth=1.4)  # fmt: skip
        axes.set_yticks(places, [short(e.pairing) for e in found], fontsize=8)
        axes.invert_yaxis()
        axes.set_title(title, loc="left")
        svg = markup(drawn, name)
    rows = [(e.pairing, e.value, e.low, e.high) for e in found]
    alt = (
        f"Dots with intervals: {short(found[0].pairing)} {number(found[0].value)} to "
        f"{short(found[-1].pairing)} {number(found[-1].value)}."
    )
    columns = ("pairing", "interquartile mean", "low", "high")
    return Chart(title, svg, alt, Listing(name, columns, rows))


def places(name: str, title: str, found: Sequence[Ranked]) -> Chart:
    """Scores with and without the luck of having been chosen, and places on other repetitions."""
    with figure(WIDTH, 1.2 + LINE * len(found)) as (drawn, [axes]):
        rows = np.arange(len(found))
        axes.plot([r.score for r in found], rows, "o", markerfacecolor="none", color=SERIES[0],
                  label="mean score")  # fmt: skip
        axes.plot([r.corrected for r in found], rows, "D", color=SERIES[1],
                  label="on repetitions that did not choose")  # fmt: skip
        axes.set_yticks(rows, [f"{short(r.pairing)}  {r.place}." for r in found], fontsize=8)
        axes.invert_yaxis()
        axes.set_title(title, loc="left")
        drawn.legend(loc="outside lower left", ncols=2)
        svg = markup(drawn, name)
    data = [
        (r.pairing, r.place, r.score, r.corrected, r.first, r.best_place, r.worst_place)
        for r in found
    ]
    columns = ("pairing", "place", "score", "corrected", "first in", "best place", "worst place")
    lead = found[0]
    alt = (
        f"Dots: {short(lead.pairing)} leads with {number(lead.score)}, {number(lead.corrected)} "
        "on repetitions that did not choose it."
    )
    return Chart(title, svg, alt, Listing(name, columns, data))


def symptom_bars(name: str, best: Mapping[str, float], worst: Mapping[str, float]) -> Chart:
    """In which part of the best and of the worst quarter of cells something stands out."""
    kinds = list(dict.fromkeys([*worst, *best]))
    title = "what stands out in networks"
    with figure(WIDTH, 1.3 + 0.36 * len(kinds)) as (drawn, [axes]):
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
        svg = markup(drawn, name)
    rows = [(kind, worst.get(kind, 0.0), best.get(kind, 0.0)) for kind in kinds]
    told = [f"{kind} {100 * w:.0f} % against {100 * b:.0f} %" for kind, w, b in rows]
    columns = ("what stands out", "share of the worst quarter", "share of the best quarter")
    alt = f"Worst quarter against best quarter of cells: {', '.join(told)}."
    return Chart(title, svg, alt, Listing(name, columns, rows))
