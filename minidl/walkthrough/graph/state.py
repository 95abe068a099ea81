"""The graph as it stands after a step: numbers at the nodes, arrows as wide as what they carry."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from minidl.walkthrough.formulas import PENDING, Index, parse, substitute
from minidl.walkthrough.graph.layout import MOST_LABELLED_EDGES, Column, Graph
from minidl.walkthrough.operations import operation_of
from minidl.walkthrough.steps import Step
from minidl.walkthrough.walkthrough_data import WalkthroughData


class Look(NamedTuple):
    """How a node looks after a step.

    ``above`` and ``below`` are the lines of values and of gradients; ``mark`` is empty, "off" or
    "flat"; ``lit`` tells whether the step is about it.
    """

    above: tuple[str, ...]
    below: tuple[str, ...]
    mark: str
    lit: bool


class Stroke(NamedTuple):
    """How an edge looks after a step: its width, sign, number, and whether it is lit."""

    width: float
    sign: str
    text: str
    lit: bool


@dataclass(frozen=True)
class Picture:
    """All nodes and edges after a step; ``back`` tells whether arrows run backwards."""

    nodes: tuple[Look, ...]
    edges: tuple[Stroke, ...]
    back: bool


def picture(walkthrough: WalkthroughData, graph: Graph, step: int, row: int) -> Picture:
    """The graph after a step, for one row of the batch."""
    at = walkthrough.steps[step]
    back = at.phase in ("seed", "backward")
    touched = {name.removeprefix("∂") for name in (*at.reads, *(a.name for a in at.writes))}
    written = {array.name.removeprefix("∂") for array in at.writes}
    looks = []
    for node in graph.nodes:
        column = graph.columns[node.column]
        lit = bool(column.arrays() & written) or (column.is_loss and _of_loss(at))
        mark = _mark(walkthrough, column, column.index(node.unit, row, graph.rows), step)
        values = _values(walkthrough, graph, column, node.unit, row, step)
        looks.append(Look(*values, mark, lit))
    strokes = tuple(_strokes(walkthrough, graph, at, touched, back))
    return Picture(tuple(looks), strokes, back)


def _of_loss(step: Step) -> bool:
    return step.phase in ("loss", "seed", "after") or operation_of(step).is_loss_gradient


def _values(
    walkthrough: WalkthroughData, graph: Graph, column: Column, unit: int, row: int, step: int
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    index = column.index(unit, row, graph.rows)
    letters = [("z" if column.weight else "", column.out)]
    if column.sums:
        letters = [("z", column.sums), ("a", column.out)]
    if not graph.roomy:
        letters = letters[-1:]
    above = tuple(_said(letter, walkthrough.cell(name, index, step)) for letter, name in letters)
    if column.is_loss:
        lines = (
            (f"L {above[0]}",)
            if graph.is_circuit
            else (_targets(walkthrough, row), f"L {above[0]}")
        )
        return lines, (f"∂L {walkthrough.cell(f'∂{column.out}', (), step)}",)
    shapes = walkthrough.shapes
    gradients = [(letter, f"∂{name}") for letter, name in letters if f"∂{name}" in shapes]
    if not gradients and column.sums and f"∂{column.sums}" in shapes:
        gradients = [("z", f"∂{column.sums}")]
    signed = [(f"∂{letter}" if graph.roomy else "∂", name) for letter, name in reversed(gradients)]
    return above, tuple(_said(sign, walkthrough.cell(name, index, step)) for sign, name in signed)


def _targets(walkthrough: WalkthroughData, row: int) -> str:
    """The targets of a row, as many as have room."""
    targets = walkthrough.before(0)["t"].numbers[row].reshape(-1)
    return (
        "t "
        + " ".join(f"{t:.4g}".replace("-", "−") for t in targets[:4])
        + " …" * (len(targets) > 4)
    )


def _said(letter: str, text: str) -> str:
    return f"{letter} {text}" if letter else text


def curves(walkthrough: WalkthroughData, graph: Graph) -> dict[int, str]:
    """By column: the formula of its activation, of x alone."""
    writers = {step.writes[0].name: step for step in walkthrough.steps if step.phase == "forward"}
    formulas = {}
    for c, column in enumerate(graph.columns):
        step = writers.get(column.out)
        if column.sums and step is not None and operation_of(step).is_elementwise:
            numbers = {key: ast.Constant(value) for key, value in step.settings.items()}
            formulas[c] = ast.unparse(substitute(parse(step.formulas["value"] or "x"), numbers))
    return formulas


def _mark(walkthrough: WalkthroughData, column: Column, index: Index, step: int) -> str:
    """Whether a unit's activation is off (its slope 0) or flat here, once it is computed."""
    if not column.sums or column.out not in walkthrough.after(step):
        return ""
    activation = next(s for s in walkthrough.steps if s.writes and s.writes[0].name == column.out)
    output = activation.writes[0]
    mirrors = (s for s in walkthrough.steps if s.mirrors == activation.number and s.aside)
    slope = next((s.aside[0][index] for s in mirrors), None)  # none where no gradient is asked for
    if slope == 0.0 or output.off[index]:
        return "off"
    return "flat" if output.level[index] else ""


def _strokes(
    walkthrough: WalkthroughData, graph: Graph, step: Step, touched: set[str], back: bool
) -> Iterator[Stroke]:
    """Widths by the weights; on the way back, by the gradients that are there."""
    arrays = walkthrough.after(step.number)
    largest = max((abs(v) for name, a in arrays.items() if _drawn(graph, name, back)
                   for v in a.values), default=0.0)  # fmt: skip
    crowd = Counter(edge.end.column for edge in graph.edges)
    for edge in graph.edges:
        column = graph.columns[edge.end.column]
        if edge.place is None:
            source = graph.columns[edge.start.column]
            ends = column.arrays() | {column.out}
            lit = bool(touched & ends) and bool(touched & source.arrays())
            if column.is_loss:
                lit = step.phase == "loss" or operation_of(step).is_loss_gradient
            yield Stroke(1.2, "", "", lit)
            continue
        name = f"∂{column.weight}" if back else column.weight
        array = arrays.get(name)
        lit = column.weight in touched
        labelled = lit and crowd[edge.end.column] <= MOST_LABELLED_EDGES
        if array is None:
            yield Stroke(0.6, "pending", PENDING if labelled else "", lit)
            continue
        value = array[edge.place]
        text = walkthrough.cell(name, edge.place, step.number) if labelled else ""
        sign = "negative" if value < 0 else "zero" if value == 0 else ""
        yield Stroke(round(0.6 + 5.4 * abs(value) / (largest or 1.0), 2), sign, text, lit)


def _drawn(graph: Graph, name: str, back: bool) -> bool:
    weight = name.removeprefix("∂") if name.startswith("∂") == back else ""
    return bool(weight) and any(column.weight == weight for column in graph.columns)
