"""matplotlib's figures as SVG that takes its colours from the page around it."""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Callable
from typing import Any

INK, MUTED, GRID, PAPER = "#010101", "#010102", "#010103", "#010104"
SERIES = tuple(f"#0102{i:02d}" for i in range(1, 9))
"""Stand-ins for the page's colours: a figure is drawn once and looks right in light and dark."""
COLOURS = {INK: "currentColor", MUTED: "var(--muted)", GRID: "var(--line)", PAPER: "var(--paper)"}
COLOURS |= {stand_in: f"var(--series-{i})" for i, stand_in in enumerate(SERIES, 1)}
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)), (0, (8, 2)), (0, (3, 3)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
"""Lines differ in dash and marker as well, so that no colour has to be told apart."""

WIDTH, NARROW, LINE = 4.4, 3.5, 0.19
"""Inches: readable on a phone; two or three beside each other on a desk; a row of text."""

SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text: it can be read aloud, searched, copied
    "svg.hashsalt": "minidl",  # the same figure is the same file
    "text.parse_math": False,  # a table may be called a$b$
    "font.size": 9,
    "axes.titlesize": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "grid.color": GRID,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.6,
    "lines.markersize": 4,
}


def drawing(
    name: str, width: float, height: float, rows: int = 1
) -> Callable[[Callable[..., None]], Callable[[], str]]:
    """Have a function that paints on a figure and its axes give them as an ``<svg>`` element.

    Parameters
    ----------
    name : str
        Makes the identifiers in it unlike those of other figures on the page.
    width, height : float
        Inches.
    rows : int
        Axes below each other.
    """

    def decorate(paint: Callable[..., None]) -> Callable[[], str]:
        def draw() -> str:
            import matplotlib as mpl
            from matplotlib.figure import Figure

            with mpl.rc_context(SETTINGS):
                figure = Figure(figsize=(width, height), layout="constrained")
                paint(figure, *figure.subplots(rows, squeeze=False).ravel())
                return markup(figure, name)

        return draw

    return decorate


def markup(figure: Any, name: str) -> str:
    """A figure as an ``<svg>`` element for the middle of a page."""
    file = io.StringIO()
    figure.savefig(file, format="svg", metadata={"Date": None})
    text = file.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.S)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.S)
    text = re.sub(r'width="[\d.]+pt" height="[\d.]+pt" ', "", text, count=1)
    text = re.sub(r' xmlns(:xlink)?="[^"]*"', "", text).replace("xlink:href", "href")
    text = re.sub(r"(font: [\d.]+px) [^;\"]+", r"\1 sans-serif", text)
    text = re.sub(r"<[^>]*>", _shortened, text)
    text = re.sub(r"<g [^>]*>\n(?: *<use [^>]*/>\n)+", _style_once, text)
    mine = f"f{zlib.crc32(name.encode()):08x}"
    text = re.sub(r'\bid="', f'id="{mine}-', text)
    text = re.sub(r'(url\(#|href="#)', rf"\g<1>{mine}-", text)
    text = re.sub(r"#0[0-9a-f]{5}\b", lambda colour: COLOURS.get(colour[0], colour[0]), text)
    return re.sub(r"\n\s*", "\n", text)


def _shortened(tag: re.Match[str]) -> str:
    """A tag's coordinates, to a hundredth of a point; what is written between tags stays."""
    return re.sub(r"(\.\d\d)\d+", r"\1", tag[0])


def _style_once(match: re.Match[str]) -> str:
    """A group of equal markers, with their style on the group: there are hundreds."""
    group = match[0]
    styles = set(re.findall(r'<use [^>]*(style="[^"]*")', group))
    if len(styles) != 1 or "style=" in group[: group.index(">")]:
        return group
    [style] = styles
    return group.replace(f" {style}", "").replace(">", f" {style}>", 1)
