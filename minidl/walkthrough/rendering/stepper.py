"""The page of a walkthrough: one HTML file that needs nothing else."""

from __future__ import annotations

from collections import Counter
from html import escape
from typing import Any

from minidl.diagnostics import SLOPE
from minidl.document import render
from minidl.walkthrough.formulas import PENDING, mathml
from minidl.walkthrough.graph import GRAPH_STYLE, curves, draw, graph_of, picture
from minidl.walkthrough.rendering.content import GRAPH_ROWS, Content
from minidl.walkthrough.rendering.notation import Notation
from minidl.walkthrough.rendering.tables import beside, table, wanted
from minidl.walkthrough.steps import PARTS, Step
from minidl.walkthrough.walkthrough_data import WalkthroughData

ARRAY_SIZES = (16, 8, 4, 2)
"""Rows and columns of each array that a page shows: the first that leaves it small enough."""

MOST_BYTES = 1_000_000
"""Bytes of a page."""

MOST_TRIED_BYTES = 800_000
"""Bytes of equations beyond which a page is not even tried."""

UNPROVED_WORDS = {
    "rounded": "right in float64, rounded here",
    "kink": "at a corner",
    "bounded": "where the loss is bounded",
    "fail": "NOT CONFIRMED",
}
"""What is said of gradients that are not simply proved, by verdict."""

FRAME_HEIGHT = 860
"""Height of the frame in a notebook, in CSS pixels."""


def page(walkthrough: WalkthroughData) -> str:
    """A walkthrough as HTML.

    Large arrays are shown in part, so that the page stays below 1 MB; it says what it leaves out.

    Examples
    --------
    >>> import minidl as ml
    >>> walkthrough = ml.explain(ml.mlp([2, 1], seed=0), [[0.5, -1.0]], [1], loss="mse")
    >>> "</html>" in page(walkthrough)
    True
    """
    notation = Notation(walkthrough.problem, walkthrough.steps)
    for most in ARRAY_SIZES:
        content = Content(walkthrough, graph_of(walkthrough, most), notation, most)
        if content.size() > MOST_TRIED_BYTES and most > ARRAY_SIZES[-1]:
            continue
        text = _page(walkthrough, content)
        if len(text.encode()) <= MOST_BYTES:
            break
    return text


def framed(walkthrough: WalkthroughData) -> str:
    """The page in a frame of its own, for a notebook."""
    return (
        f'<iframe title="WalkthroughData" srcdoc="{escape(page(walkthrough))}" '
        f'style="width:100%;height:{FRAME_HEIGHT}px;border:0"></iframe>'
    )


def _page(walkthrough: WalkthroughData, content: Content) -> str:
    from markupsafe import Markup

    notation, graph, most = content.notation, content.graph, content.most
    steps = [_step(walkthrough, step, notation, most) for step in walkthrough.steps]
    state = picture(walkthrough, graph, 0, 0)

    def symbol(name: str) -> Markup:
        return Markup(mathml(notation.symbol(name)))

    return render(
        "stepper.html.j2",
        __package__,
        problem=walkthrough.problem,
        steps=steps,
        parts=_parts(steps),
        start=[table(walkthrough, array, most) for array in walkthrough.start],
        pending=[*wanted(walkthrough)],
        symbol=symbol,
        graph=Markup(draw(graph, state, curves(walkthrough, graph), alone=False)),
        is_circuit=graph.is_circuit,
        proved=_proved(walkthrough),
        rows=range(min(walkthrough.problem.rows, GRAPH_ROWS)),
        left_out=_left_out(walkthrough, graph.hidden, most),
        content=Markup(content.text()),
        graph_style=Markup(GRAPH_STYLE),
        PENDING=PENDING,
        slope=f"{SLOPE:.0%}",
    )


def _step(
    walkthrough: WalkthroughData, step: Step, notation: Notation, most: int
) -> dict[str, Any]:
    from markupsafe import Markup

    formula = notation.rule(step)
    return {
        "number": step.number,
        "part": PARTS[step.phase],
        "title": step.title,
        "instruction": step.instruction,
        "why": step.why,
        "rule": Markup(mathml(formula, block=True)) if formula else "",
        "words": "" if formula or step.rule == step.title else step.rule,
        "reads": [*beside(walkthrough, step, most)],
        "writes": [table(walkthrough, array, most) for array in step.writes],
    }


def _parts(steps: list[dict[str, Any]]) -> list[tuple[str, list[dict[str, Any]]]]:
    """The steps under the names of their parts."""
    parts: dict[str, list[dict[str, Any]]] = {}
    for step in steps:
        parts.setdefault(step["part"], []).append(step)
    return list(parts.items())


def _proved(walkthrough: WalkthroughData) -> str:
    """How many gradients differences prove, and what they say of the others."""
    counts = Counter(verdict.verdict for verdict in walkthrough.verdicts)
    passed, total = counts.pop("pass", 0), len(walkthrough.verdicts)
    others = ", ".join(f"{count} {UNPROVED_WORDS[kind]}" for kind, count in counts.items())
    return f"{passed} of {total} gradients proved by differences" + (others and f" ({others})")


def _left_out(walkthrough: WalkthroughData, hidden: tuple[int, ...], most: int) -> str:
    """A sentence on what a page does not show; empty where it shows all."""
    sentences = []
    cut = any(max(shape, default=0) > most for shape in walkthrough.shapes.values())
    if cut or any(hidden):
        sentences.append(
            f"This network is too large to be shown whole: layers are summarised, and of each "
            f"layer and array the first {most} units, rows and columns are shown."
        )
    if walkthrough.problem.rows > GRAPH_ROWS:
        sentences.append(f"The graph can show the first {GRAPH_ROWS} rows of the batch.")
    return " ".join(sentences)
