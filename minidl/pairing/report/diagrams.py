"""The drawings of comparisons: mean ranks, shares of variation, means with intervals, places."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl.document import Figure, Listing, number
from minidl.pairing.findings import ComparedTable
from minidl.pairing.report.svg import INK, LINE, MUTED, SERIES, WIDTH, drawing
from minidl.pairing.report.wording import mark, short
from minidl.pairing.statistics import Estimate, Ranked, Share


def rank_diagram(name: str, table: ComparedTable, most: int) -> Figure:
    """Mean ranks from best to worst, with bars that join what is not shown to differ.

    The first ``most`` pairings are drawn.
    """
    ranks = table.ranks.mean_ranks
    order = np.argsort(ranks, kind="stable")
    pairings = [table.scores.pairings[i] for i in order]
    labels = [f"{mark(table.verdict(p))} {short(p)}".strip() for p in pairings[:most]]
    place = {int(row): i for i, row in enumerate(order[:most])}

    @drawing(name, WIDTH, 0.9 + LINE * len(labels))
    def draw(drawn: Any, axes: Any) -> None:
        axes.plot(ranks[order[:most]], np.arange(len(labels)), "o", color=SERIES[0])
        furthest, step = ranks[order[:most]].max(), 0.03 * max(np.ptp(ranks[order[:most]]), 1)
        for i, bar in enumerate(table.bars, 1):
            under = [place[row] for row in bar if row in place]
            if under:
                ends, x = (min(under) - 0.25, max(under) + 0.25), furthest + (i + 1) * step
                axes.plot([x, x], ends, color=MUTED, linewidth=3, solid_capstyle="butt")
        axes.set_yticks(range(len(labels)), labels, fontsize=8)
        axes.invert_yaxis()
        axes.margins(y=0.02)
        axes.set_xlabel("mean rank over dataset families")

    rows = [
        (pairing, float(ranks[i]), *(int(i in bar) for bar in table.bars))
        for pairing, i in zip(pairings, order, strict=True)
    ]
    columns = ("pairing", "mean rank", *(f"bar {i + 1}" for i in range(len(table.bars))))
    alt = (
        f"{len(order)} pairings by mean rank, from {short(pairings[0])} ({ranks.min():.1f}) to "
        f"{short(pairings[-1])} ({ranks.max():.1f}); bars join pairings that are not shown to "
        "differ."
    )
    return Figure(f"{table.task}: mean ranks", draw, alt, Listing(name, columns, rows))


def share_bars(name: str, title: str, shares: Sequence[Share]) -> Figure:
    """What scores vary with, as bars; a tick says how long chance alone would make them."""

    @drawing(name, WIDTH, 1.2 + 0.27 * len(shares))
    def draw(drawn: Any, axes: Any) -> None:
        places = np.arange(len(shares))[::-1]
        axes.barh(places, [100 * s.share for s in shares], height=0.6, color=SERIES[0])
        chance = [100 * s.by_chance for s in shares[:-1]]
        axes.plot(chance, places[:-1], "|", color=INK, markersize=11, label="by chance alone")
        for place, share in zip(places, shares, strict=True):
            end, beside = (100 * share.share, place), {"textcoords": "offset points"}
            text = f"{100 * share.share:.1f} %"
            axes.annotate(text, end, (5, 0), va="center", fontsize=8, **beside)
        axes.set_yticks(places, [share.source for share in shares])
        axes.margins(x=0.2)
        axes.set_xlim(left=0)
        axes.grid(visible=False, axis="y")
        axes.set_title(title, loc="left")
        drawn.legend(loc="outside lower left")

    rows = [(s.source, s.share, s.by_chance, s.squares, s.freedom) for s in shares]
    alt = f"{title}: " + ", ".join(f"{s.source} {100 * s.share:.1f} %" for s in shares) + "."
    columns = ("source", "share", "share by chance", "sum of squares", "degrees of freedom")
    return Figure(title, draw, alt, Listing(name, columns, rows))


def estimates(name: str, title: str, means: Sequence[Estimate]) -> Figure:
    """Interquartile means with their intervals, best first."""

    @drawing(name, WIDTH, 0.9 + LINE * len(means))
    def draw(drawn: Any, axes: Any) -> None:
        places = np.arange(len(means))
        values = np.array([e.value for e in means])
        ends = np.array([[e.value - e.low for e in means], [e.high - e.value for e in means]])
        axes.errorbar(values, places, xerr=np.maximum(ends, 0), fmt="o", color=SERIES[0],
                      ecolor=MUTED, elinewidth=1.4)  # fmt: skip
        axes.set_yticks(places, [short(e.pairing) for e in means], fontsize=8)
        axes.invert_yaxis()
        axes.locator_params(axis="x", nbins=5)
        axes.set_title(title, loc="left")

    rows = [(e.pairing, e.value, e.low, e.high) for e in means]
    alt = (
        f"Dots with intervals: {short(means[0].pairing)} {number(means[0].value)} to "
        f"{short(means[-1].pairing)} {number(means[-1].value)}."
    )
    columns = ("pairing", "interquartile mean", "low", "high")
    return Figure(title, draw, alt, Listing(name, columns, rows))


def places(name: str, title: str, ranked: Sequence[Ranked]) -> Figure:
    """Scores with and without the luck of having been chosen, and places on other repetitions."""

    @drawing(name, WIDTH, 1.2 + LINE * len(ranked))
    def draw(drawn: Any, axes: Any) -> None:
        rows = np.arange(len(ranked))
        axes.plot([r.score for r in ranked], rows, "o", markerfacecolor="none", color=SERIES[0],
                  label="mean score")  # fmt: skip
        axes.plot([r.corrected for r in ranked], rows, "D", color=SERIES[1],
                  label="on repetitions that did not choose")  # fmt: skip
        axes.set_yticks(rows, [f"{short(r.pairing)}  {r.place}." for r in ranked], fontsize=8)
        axes.invert_yaxis()
        axes.locator_params(axis="x", nbins=5)
        axes.set_title(title, loc="left")
        drawn.legend(loc="outside lower left", ncols=2)

    data = [
        (r.pairing, r.place, r.score, r.corrected, r.first, r.best_place, r.worst_place)
        for r in ranked
    ]
    columns = ("pairing", "place", "score", "corrected", "first in", "best place", "worst place")
    lead = ranked[0]
    alt = (
        f"Dots: {short(lead.pairing)} leads with {number(lead.score)}, {number(lead.corrected)} "
        "on repetitions that did not choose it."
    )
    return Figure(title, draw, alt, Listing(name, columns, data))
