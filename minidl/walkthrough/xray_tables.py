"""An x-ray as tables: in the terminal, as Markdown, as a page."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from decimal import Decimal
from typing import IO, NamedTuple

from minidl.diagnostics import SLOPE
from minidl.walkthrough.digits import LEAST_DIGITS, digits_of
from minidl.walkthrough.paper import page, plain_markdown
from minidl.walkthrough.text import WIDTH, put
from minidl.walkthrough.xrays import Logit, View, XRay

MOST = 8
"""Logits that are shown."""

BACK = ("head", "t", "p", "∂L/∂p", "p′(z)", "1/p′(z)", "∂L/∂z")
AFTER = ("head", "z", "new z", "p", "new p", "L", "new L")
LEGEND = (
    f"* saturated: p′(z) is at most {SLOPE:.0%} of the steepest that it can be. ∂L/∂p · p′(z) = "
    "∂L/∂z, but for rounding to the digits shown; n is what the loss averages over. An update "
    "moves all weights of the network. Losses of two heads are numbers of two kinds: compare what "
    "happens to p."
)
MIXED = (
    "Of a softmax, p′(z) is how fast p moves with its own z. Every p of the row moves with it: "
    "∂L/∂z is the sum of ∂L/∂p · ∂p/∂z over all outputs, and nothing is divided by one slope."
)


class Table(NamedTuple):
    """A title, a header, rows of text."""

    title: str
    header: tuple[str, ...]
    rows: list[tuple[str, ...]]


def tables(xray: XRay) -> list[Table]:
    """Two tables for each logit: what comes back to it, and what one update does."""
    made = []
    for i, logit in enumerate(xray.views[0].logits[:MOST]):
        place = f"row {logit.row}, output {logit.unit}: z = {_number(logit.z)}"
        seen = [(view, view.logits[i]) for view in xray.views]
        made.append(Table(f"The way back, {place}", BACK, [_back(*pair) for pair in seen]))
        made.append(Table("One update", AFTER, [_after(*pair) for pair in seen]))
    return made


def left_out(xray: XRay) -> str:
    """What the tables do not show, in words; nothing if they show all."""
    more = len(xray.views[0].logits) - MOST
    return f"{more} more logits are in the data: give fewer rows." if more > 0 else ""


def legend(xray: XRay) -> str:
    """What the tables' columns mean."""
    return f"{LEGEND} {MIXED}" if any(view.mixes for view in xray.views) else LEGEND


def _back(view: View, logit: Logit) -> tuple[str, ...]:
    slope = _number(logit.slope) + " *" * logit.saturated
    weakened = "—" if view.mixes else _number(logit.weakened)
    known = map(_number, (logit.target, logit.prediction, logit.upstream))
    return view.head, *known, slope, weakened, _number(logit.gradient)


def _after(view: View, logit: Logit) -> tuple[str, ...]:
    moved = (logit.z, logit.z_after, logit.prediction, logit.prediction_after)
    return view.head, *map(_number, (*moved, view.loss, view.loss_after))


def _number(value: float) -> str:
    return "∞" if value == float("inf") else digits_of(Decimal(value), LEAST_DIGITS)


def _lead(xray: XRay) -> str:
    return f"{xray.title[0].upper()}{xray.title[1:]}, {xray.optimizer}"


def _lines(xray: XRay) -> Iterator[tuple[str, str]]:
    """Lines of text, and how a terminal shows each."""
    yield _lead(xray), "bold"
    for table in tables(xray):
        widths = [max(map(len, column)) for column in zip(table.header, *table.rows, strict=True)]
        yield "", ""
        yield table.title, "bold cyan"
        for row in (table.header, *table.rows):
            first, *others = zip(row, widths, strict=True)
            cells = [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]
            yield "  " + "  ".join(cells), "dim" if row is table.header else ""
    if more := left_out(xray):
        yield more, "yellow"
    yield "", ""
    for view in xray.views:
        yield f"{view.head}: {view.finding}", ""
    yield "", ""
    yield legend(xray), "dim"


def _wrapped(xray: XRay) -> Iterator[tuple[str, str]]:
    for text, style in _lines(xray):
        if len(text) <= WIDTH:
            yield text, style
        else:
            wrapped = textwrap.wrap(text, WIDTH, drop_whitespace=False)
            yield from ((line.strip(), style) for line in wrapped)


def plain(xray: XRay) -> str:
    """The text without colour, in at most 80 columns unless names of heads are very long."""
    return "\n".join(line for line, _ in _wrapped(xray))


def show(xray: XRay, file: IO[str] | None = None) -> None:
    """Print an x-ray: in colour on a terminal."""
    put(_wrapped(xray), file)


def markdown(xray: XRay) -> str:
    """Tables and findings as Markdown."""
    parts = [f"# The same network under {len(xray.views)} heads", plain_markdown(_lead(xray))]
    for table in tables(xray):
        rows = [" | ".join(map(plain_markdown, row)) for row in (table.header, *table.rows)]
        rule = "|".join(["---", *["---:"] * (len(table.header) - 1)])
        body = "\n".join(f"| {row} |" for row in rows[1:])
        parts += [f"## {table.title}", f"| {rows[0]} |\n|{rule}|\n{body}"]
    parts += [told] if (told := left_out(xray)) else []
    parts.append("\n".join(f"- **{v.head}**: {plain_markdown(v.finding)}" for v in xray.views))
    return "\n\n".join([*parts, plain_markdown(legend(xray))]) + "\n"


def html(xray: XRay) -> str:
    """One page that needs nothing else."""
    return page(
        "xray.html.j2",
        title=f"The same network under {len(xray.views)} heads",
        lead=_lead(xray),
        views=xray.views,
        tables=tables(xray),
        left_out=left_out(xray),
        legend=legend(xray),
    )
