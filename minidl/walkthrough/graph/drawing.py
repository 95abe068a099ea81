"""The graph drawn as SVG: readable alone, in light and in dark, and without colours."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from html import escape

from minidl.core import whole_number
from minidl.walkthrough.formulas import Symbol, can_evaluate, evaluate, parse
from minidl.walkthrough.graph.circuit import circuit
from minidl.walkthrough.graph.layout import (
    MOST_LABELLED_EDGES,
    MOST_UNITS,
    Edge,
    Graph,
    GraphNode,
    build,
)
from minidl.walkthrough.graph.state import Look, Picture, Stroke, curves, picture
from minidl.walkthrough.walkthrough_data import WalkthroughData

GRAPH_STYLE = """
.mw-graph { font: 13px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
  font-variant-numeric: tabular-nums; }
.mw-graph text { fill: var(--mw-ink); text-anchor: middle; }
.mw-graph.dense text { font-size: 11px; }
.mw-graph.dense .mw-node text { stroke-width: 3px; }
.mw-graph .title { font-weight: 600; }
.mw-graph .small, .mw-graph .way { fill: var(--mw-muted); font-size: 12px; }
.mw-graph .way { text-anchor: start; }
.mw-node .body { fill: var(--mw-node); stroke: var(--mw-muted); stroke-width: 1.3; }
.mw-node .glyph { fill: none; stroke: var(--mw-muted); stroke-width: 1.3; }
.mw-node .inside { fill: var(--mw-muted); font-size: 14px; }
.mw-node .below { fill: var(--mw-gradient); }
.mw-node .halo { fill: none; stroke: none; }
.mw-node.lit .body { stroke: var(--mw-accent); stroke-width: 3; }
.mw-node.lit .above, .mw-node.lit .below { font-weight: 700; }
.mw-node .mark { font-size: 12px; font-weight: 700; text-anchor: start; }
.mw-node.off .body { stroke-dasharray: 4 3; }
.mw-node.flat .halo { stroke: var(--mw-muted); stroke-width: 1.2; }
.mw-node text, .mw-number { paint-order: stroke; stroke: var(--mw-paper); stroke-width: 3.5px;
  stroke-linejoin: round; }
.mw-edge path { fill: none; stroke: var(--mw-positive); opacity: .45; stroke-linecap: round; }
.mw-edge .head, .mw-edge .tail { fill: var(--mw-positive); stroke: none; }
.mw-edge.negative path { stroke: var(--mw-negative); }
.mw-edge.negative .line { stroke-dasharray: 7 5; stroke-linecap: butt; }
.mw-edge.negative .head, .mw-edge.negative .tail { fill: var(--mw-negative); stroke: none; }
.mw-edge.pending path, .mw-edge.zero path { stroke: var(--mw-muted); }
.mw-edge.lit path { opacity: 1; }
.mw-graph .mw-number { font-size: 12px; font-weight: 600; pointer-events: none; }
.mw-edge .tail { display: none; }
.mw-graph.back .mw-edge .head { display: none; }
.mw-graph.back .mw-edge .tail { display: inline; }
"""
"""Everything but the colours' values."""

LIGHT_COLOURS = (
    "--mw-paper: #ffffff; --mw-ink: #1b1f24; --mw-muted: #5d6772; --mw-node: #eef2f6; "
    "--mw-accent: #0b5cad; --mw-positive: #0b5cad; --mw-negative: #b3530a; --mw-gradient: #8a2380;"
)
DARK_COLOURS = (
    "--mw-paper: #12161b; --mw-ink: #e8ecf0; --mw-muted: #9aa4af; --mw-node: #232b35; "
    "--mw-accent: #6cb2ff; --mw-positive: #6cb2ff; --mw-negative: #f0a45d; --mw-gradient: #e9a0e0;"
)
COLOURS = (
    f".mw-graph {{ {LIGHT_COLOURS} background: var(--mw-paper); }}\n"
    f"@media (prefers-color-scheme: dark) {{ .mw-graph {{ {DARK_COLOURS} }} }}"
)

DIRECTIONS = ("forwards →", "← backwards")
_LABEL_PLACES = (0.5, 0.46, 0.54, 0.42, 0.58, 0.38, 0.62, 0.34, 0.66, 0.3, 0.7, 0.26, 0.74)
"""Places of a number along its arrow, the best first."""

LETTER, LINE = 7.5, 13.0
"""How wide a digit is, and how high a line."""


def svg(walkthrough: WalkthroughData, step: int | None = None, row: int = 0) -> str:
    """The graph of a walkthrough after a step, the last if left out; for one row of the batch."""
    steps = len(walkthrough.steps)
    step = whole_number("svg(step=…)", steps - 1 if step is None else step, 0, 0, steps - 1)
    row = whole_number("svg(row=…)", row, 0, 0, walkthrough.problem.rows - 1)
    graph = graph_of(walkthrough)
    return draw(graph, picture(walkthrough, graph, step, row), curves(walkthrough, graph))


def graph_of(walkthrough: WalkthroughData, most: int = MOST_UNITS) -> Graph:
    """The layout of a walkthrough's network, of each column at most so many units."""
    shape = walkthrough.before(0)["x"].shape
    if graph := circuit(walkthrough.problem, walkthrough.shapes, walkthrough.steps):
        return graph
    return build(walkthrough.problem, shape, walkthrough.steps, most, walkthrough.digits)


def draw(graph: Graph, state: Picture, curves: Mapping[int, str], alone: bool = True) -> str:
    """The SVG of a graph as it stands after a step.

    ``curves`` are formulas of x by column, drawn into its nodes. Unless it stands ``alone``, the
    page around it has style and colours.
    """
    width, height = graph.width, graph.height
    classes = (
        "mw-graph"
        + " dense" * (not graph.roomy)
        + " circuit" * graph.is_circuit
        + " back" * state.back
    )
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="{classes}" '
        f'viewBox="0 0 {width:g} {height:g}" role="img" '
        f'aria-label="The network as a graph, {_told(graph)}"'
    )
    size = f' width="{width:g}" height="{height:g}"' if alone else ""
    if graph.is_circuit and not alone:
        size = f' style="min-width:{0.7 * width:.0f}px;max-height:none"'
    parts = [f"{head}{size}>"]
    if alone:
        parts.append(f"<style>{COLOURS}{GRAPH_STYLE}</style>")
    parts.append(f'<text class="way" x="8" y="16">{DIRECTIONS[state.back]}</text>')
    parts += [_edge(graph, *each) for each in zip(graph.edges, state.edges, strict=True)]
    for i, (stroke, at) in enumerate(zip(state.edges, _labels(graph), strict=True)):
        if at is not None:  # over all arrows
            number = f'<text class="mw-number" data-edge="{i}" x="{at[0]:.1f}" y="{at[1]:.1f}">'
            parts.append(f"{number}{escape(stroke.text)}</text>")
    for node, look in zip(graph.nodes, state.nodes, strict=True):
        parts.append(_node(graph, node, look, curves.get(node.column, "")))
    parts += _headings(graph)
    return "\n".join([*parts, "</svg>"])


def _told(graph: Graph) -> str:
    counts = [f"{c.title}: {c.units(graph.rows)}" for c in graph.columns]
    return escape("units of each column: " + ", ".join(counts))


def _headings(graph: Graph) -> Iterator[str]:
    if graph.is_circuit:
        for node in graph.nodes:
            title, y = graph.columns[node.column].title, node.y - graph.radius - 22
            yield f'<text class="title" x="{node.x:g}" y="{y:g}">{escape(title)}</text>'
        return
    for c, (column, hidden) in enumerate(zip(graph.columns, graph.hidden, strict=True)):
        x, words = column.middle, escape(column.subtitle.replace("_", " "))
        yield f'<text class="title" x="{x:g}" y="34">{escape(column.title)}</text>'
        yield f'<text class="small" x="{x:g}" y="50">{words}</text>'
        if hidden:
            lowest = max(node.y for node in graph.nodes if node.column == c)
            y = lowest + graph.radius + (46 if graph.roomy else 32)
            yield f'<text class="small" x="{x:g}" y="{y:g}">… {hidden} more</text>'


def _node(graph: Graph, node: GraphNode, look: Look, curve: str) -> str:
    x, y, r = node.x, node.y, graph.radius
    classes = " ".join(filter(None, ("mw-node", look.mark, "lit" * look.lit)))
    parts = [
        f'<g class="{classes}">',
        f'<circle class="halo" cx="{x:g}" cy="{y:g}" r="{r + 4:g}"/>',
        f'<circle class="body" cx="{x:g}" cy="{y:g}" r="{r:g}"/>',
        *_inside(graph, node, curve),
    ]
    line = 14 if graph.roomy else 12
    for i, text in enumerate(reversed(look.above)):
        parts.append(_text("above", x, y - r - (6 if graph.roomy else 4) - line * i, text))
    for i, text in enumerate(look.below):
        parts.append(_text("below", x, y + r + line * (i + 1), text))
    parts.append(_text("mark", x + r + 3, y - 9, look.mark))
    return "".join([*parts, "</g>"])


def _inside(graph: Graph, node: GraphNode, curve: str) -> Iterator[str]:
    """Σ and the activation's curve, in the two halves of a node that has both."""
    x, y, r = node.x, node.y, graph.radius
    column = graph.columns[node.column]
    if not graph.roomy:
        return
    if column.is_loss or column.sign:
        yield _text("inside", x, y + 5, column.sign or "L")
    elif not column.weight:
        yield _text("inside", x, y + 5, str(node.unit))
    elif not column.sums:
        yield _text("inside", x, y + 5, "Σ")
    else:
        yield _text("inside", x - r / 2, y + 5, "Σ")
        yield f'<path class="glyph" d="M{x:g} {y - r:g}V{y + r:g}"/>'
        if path := _curve(curve, x + 0.46 * r, y, 0.34 * r):
            yield f'<path class="glyph" d="{path}"/>'


def _curve(formula: str, x: float, y: float, size: float) -> str:
    """A formula's curve from −3 to 3, as high as it is wide."""
    if not formula:
        return ""
    tree, places = parse(formula), [Decimal(i) / 2 for i in range(-6, 7)]
    if not all(can_evaluate(tree, {"x": at}) for at in places):
        return ""
    values = [float(evaluate(tree, {"x": at})) for at in places]
    low, high = min(values), max(values)
    scale = 2 * size / ((high - low) or 1.0)
    points = [
        f"{x + size * float(at) / 3:.1f} {y + size - scale * (v - low):.1f}"
        for at, v in zip(places, values, strict=True)
    ]
    return "M" + "L".join(points)


def _edge(graph: Graph, edge: Edge, stroke: Stroke) -> str:
    column = graph.columns[edge.end.column]
    x1, y1, x2, y2 = _ends(graph, edge)
    classes = " ".join(filter(None, ("mw-edge", stroke.sign, "lit" * stroke.lit)))
    weight = f' data-weight="{escape(Symbol(column.weight, edge.place))}"' if edge.place else ""
    over = "" if (around := _around(graph, edge)) is None else f"Q{around[0]:.1f} {around[1]:.1f} "
    parts = [
        f'<g class="{classes}"{weight}>',
        f'<path class="line" style="stroke-width:{stroke.width:g}" '
        f'd="M{x1:.1f} {y1:.1f}{over or "L"}{x2:.1f} {y2:.1f}"/>',
    ]
    if graph.roomy:
        parts.append(_head("head", (x2, y2), around or (x1, y1)))
        parts.append(_head("tail", (x1, y1), around or (x2, y2)))
    return "".join([*parts, "</g>"])


def _ends(graph: Graph, edge: Edge) -> tuple[float, float, float, float]:
    """Where an arrow begins and ends, a little off the circles."""
    around, off = _around(graph, edge), graph.radius + 3
    start, end = (edge.start.x, edge.start.y), (edge.end.x, edge.end.y)
    begins = _towards(start, around or end, off)
    ends = _towards(end, around or start, off)
    return *begins, *ends


def _towards(point: tuple[float, float], to: tuple[float, float], by: float) -> tuple[float, float]:
    dx, dy = to[0] - point[0], to[1] - point[1]
    length = math.hypot(dx, dy)
    return point[0] + dx / length * by, point[1] + dy / length * by


def _around(graph: Graph, edge: Edge) -> tuple[float, float] | None:
    """The point towards which an arrow bends that passes over other columns."""
    if graph.is_circuit:
        return _over(graph, edge)
    if edge.end.column - edge.start.column < 2:
        return None
    return (edge.start.x + edge.end.x) / 2, (edge.start.y + edge.end.y) / 2 - 5 * graph.radius


def _over(graph: Graph, edge: Edge) -> tuple[float, float] | None:
    """The same in a circuit: away from its middle, if nodes lie between."""
    between = [n for n in graph.nodes if edge.start.x < n.x < edge.end.x]
    if not between:
        return None
    y = (edge.start.y + edge.end.y) / 2
    return (edge.start.x + edge.end.x) / 2, y + (60 if 2 * y > graph.height else -60)


def _labels(graph: Graph) -> list[tuple[float, float] | None]:
    """Where each arrow's number stands, to hide as little as it can; None without room."""
    crowd = Counter(edge.end.column for edge in graph.edges)
    occupied = [*_written(graph)]
    width = LETTER * (graph.digits + 4)
    places: list[tuple[float, float] | None] = []
    for edge in graph.edges:
        if edge.place is None or crowd[edge.end.column] > MOST_LABELLED_EDGES:
            places.append(None)
            continue
        x1, y1, x2, y2 = _ends(graph, edge)
        along = ((x1 + t * (x2 - x1), y1 + t * (y2 - y1) + 4) for t in _LABEL_PLACES)
        best = min(along, key=lambda at: _hidden((*at, width), occupied))
        occupied.append((*best, width))
        places.append(best)
    return places


def _written(graph: Graph) -> Iterator[tuple[float, float, float]]:
    """The lines above and below the nodes that have most: the middle of each, and its width."""
    for node in graph.nodes:
        if graph.columns[node.column].weight:
            for off in (6.0, 20.0):
                yield node.x, node.y - graph.radius - off, LETTER * (graph.digits + 5)
                yield node.x, node.y + graph.radius + off + 8.0, LETTER * (graph.digits + 5)


def _hidden(
    text: tuple[float, float, float], others: Iterable[tuple[float, float, float]]
) -> float:
    """How much of other lines one would cover."""
    x, y, width = text
    return sum(
        max(0.0, (width + wide) / 2 - abs(x - a)) * max(0.0, LINE - abs(y - b))
        for a, b, wide in others
    )


def _head(kind: str, tip: tuple[float, float], source: tuple[float, float]) -> str:
    """An arrow's head with its tip at a point."""
    x, y = _towards(tip, source, 11.0)
    ux, uy = (tip[0] - x) / 11.0, (tip[1] - y) / 11.0
    corners = (tip, (x - 5 * uy, y + 5 * ux), (x + 5 * uy, y - 5 * ux))
    return f'<path class="{kind}" d="M' + "L".join(f"{a:.1f} {b:.1f}" for a, b in corners) + 'Z"/>'


def _text(kind: str, x: float, y: float, text: str) -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'
