"""Tables of differences: what each planned test found, what each dataset says by itself."""

from __future__ import annotations

import numpy as np

from minidl.document import Listing, Shade, Value, number
from minidl.pairing.findings import ComparedTable
from minidl.pairing.report.wording import SHOWN_ROWS, mark, short


def comparisons_listing(table: ComparedTable) -> Listing:
    """All that claims come from, or that shows none: the planned tests, smallest p first."""
    columns = ("pairing", "compared with", "on", "points", "low", "high", "higher, tied, lower",
               "p", "p after Holm")  # fmt: skip
    ordered = sorted(table.comparisons, key=lambda c: (c.adjusted, c.p_value, -abs(c.difference)))
    rows: list[tuple[Value, ...]] = []
    raw: list[tuple[Value, ...]] = []
    for c in ordered:
        names, counts = (c.first, c.second, c.dataset or "families"), (c.wins, c.ties, c.losses)
        points = [100 * value for value in (c.difference, c.low, c.high)]
        shown = Shade(number(points[0], 1), sign=mark(c.direction * c.shown))
        p_values = f"{c.p_value:.3g}", f"{c.adjusted:.3g}"
        rows.append(
            (
                *map(short, names),
                shown,
                *map(_end, points[1:]),
                ", ".join(map(str, counts)),
                *p_values,
            )
        )
        raw.append((*names, *points, *counts, c.p_value, c.adjusted))
    if any(c.dataset for c in ordered):
        note = "Low and high: a 95 % interval (BCa) of each difference by itself."
    elif np.isinf([c.low for c in ordered]).all():
        note = "For intervals there are too few families."
    else:
        level = f"{100 * (1 - table.design.alpha):g} %"
        note = f"Low and high: intervals that hold for all comparisons together, to {level}."
    full = Listing("", (*columns[:6], "higher", "tied", "lower", *columns[7:]), raw)
    title = f"{table.task}: every comparison"
    return Listing(title, columns, rows[:SHOWN_ROWS], note + _cut(rows), folded=True, full=full)


def differences_listing(table: ComparedTable) -> Listing:
    """What each dataset says by itself, largest first, where claims are about families."""
    columns = ("pairing", "dataset", "points above the reference", "low", "high")
    rows: list[tuple[Value, ...]] = []
    raw: list[tuple[Value, ...]] = []
    for d in sorted(table.differences, key=lambda d: -abs(d.mean)):
        points = [100 * value for value in (d.mean, d.low, d.high)]
        rows.append((short(d.pairing), d.dataset, *(number(value, 1) for value in points)))
        raw.append((d.pairing, d.dataset, *points))
    note = (
        "Low and high: a 95 % interval (BCa) of each difference by itself, over repetitions. Of so "
        "many, some leave out 0 by chance: they describe."
    )
    title = f"{table.task}: differences on each dataset"
    full = Listing("", columns, raw)
    return Listing(title, columns, rows[:SHOWN_ROWS], note + _cut(rows), folded=True, full=full)


def _end(value: float) -> str:
    """The end of an interval; nothing where it has none."""
    return number(value, 1) if np.isfinite(value) else ""


def _cut(rows: list[tuple[Value, ...]]) -> str:
    return f" The first {SHOWN_ROWS} of {len(rows)}; the CSV has all." * (len(rows) > SHOWN_ROWS)
