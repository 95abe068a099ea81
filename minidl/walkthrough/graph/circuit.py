"""A computation of single numbers as a graph: a node an operation, laid out from left to right.

It is drawn so where nothing reads the batch: all comes from parameters, as in the circuits that
lectures begin with.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

import numpy as np

from minidl.walkthrough.formulas import Index, parse
from minidl.walkthrough.graph.layout import Column, Edge, Graph, GraphNode
from minidl.walkthrough.operations import operation_of
from minidl.walkthrough.steps import Problem, Step

NODE_RADIUS, NODE_PITCH, LEVEL_WIDTH = 18.0, 104.0, 112.0
"""Of a node; from one to the next below it, and to the next on the right."""
ROOM_ABOVE, ROOM_BESIDE = 58.0, 64.0
"""Room above the highest node's title, and beside the outer nodes' middles."""

OPERATOR_SIGNS: Mapping[type[ast.operator], str] = {
    ast.Add: "+", ast.Sub: "−", ast.Mult: "×", ast.Div: "÷", ast.Pow: "^",
}  # fmt: skip


def circuit(problem: Problem, shapes: Mapping[str, Index], steps: Sequence[Step]) -> Graph | None:
    """The graph of a computation of single numbers; None where a batch or arrays are read."""
    forward = [step for step in steps if step.phase == "forward"]
    names = [name for step in forward for name in (*step.reads, step.writes[0].name)]
    if not names or "x" in names or any(np.prod(shapes[name]) != 1 for name in names):
        return None
    each = next(step for step in steps if operation_of(step).is_loss)
    columns = _columns(problem, shapes, forward, each)
    levels = _levels(columns)
    nodes = _nodes(columns, levels)
    edges = tuple(
        Edge(nodes[source], nodes[c], None)
        for c, column in enumerate(columns)
        for source in column.sources
    )
    width = max(node.x for node in nodes) + ROOM_BESIDE
    height = max(node.y for node in nodes) + NODE_PITCH / 2
    hidden = (0,) * len(columns)
    return Graph(
        tuple(columns), nodes, edges, hidden, NODE_RADIUS, width, height, problem.rows, True
    )


def _columns(
    problem: Problem, shapes: Mapping[str, Index], forward: Sequence[Step], each: Step
) -> list[Column]:
    """A column a number: what the steps read from outside, what each makes, the loss."""
    writers = {step.writes[0].name: step for step in forward}
    names = dict.fromkeys(name for step in forward for name in step.reads if name not in writers)
    place = {name: i for i, name in enumerate((*names, *writers))}
    columns = [Column(name, "", name, shapes[name], sign="=") for name in names]
    for name, step in writers.items():
        sources = [place[read] for read in dict.fromkeys(step.reads)]
        columns.append(Column(name, "", name, shapes[name], sign=_sign(step), sources=sources))
    last = place[each.reads[1]]
    loss = Column("loss", "", problem.loss_name, (), sources=[last], sign="L", is_loss=True)
    return [*columns, loss]


def _sign(step: Step) -> str:
    """What stands in a node: the sign of its formula, else the operation's name."""
    tree = parse(step.formulas["value"] or step.operation)
    if isinstance(tree, ast.BinOp):
        return OPERATOR_SIGNS[type(tree.op)]
    return "−" if isinstance(tree, ast.UnaryOp) else step.operation[:4]


def _levels(columns: Sequence[Column]) -> list[int]:
    """How many operations lie before each; what is read from outside stands beside its reader."""
    levels = [0] * len(columns)
    for c, column in enumerate(columns):
        if column.sources:
            levels[c] = 1 + max(levels[source] for source in column.sources)
    for c, column in enumerate(columns):
        if not column.sources:
            levels[c] = (
                min(levels[r] for r, reader in enumerate(columns) if c in reader.sources) - 1
            )
    return levels


def _nodes(columns: Sequence[Column], levels: Sequence[int]) -> tuple[GraphNode, ...]:
    """Each level in the order of what it reads, centred."""
    members = [[c for c in range(len(columns)) if levels[c] == n] for n in range(max(levels) + 1)]
    tallest = max(map(len, members))
    nodes: dict[int, GraphNode] = {}
    for n, inside in enumerate(members):

        def height(c: int) -> float:
            above = [nodes[source].y for source in columns[c].sources]
            return float(np.mean(above)) if above else 0.0

        top = ROOM_ABOVE + NODE_RADIUS + (tallest - len(inside)) / 2 * NODE_PITCH
        for k, c in enumerate(sorted(inside, key=height)):
            columns[c].middle = ROOM_BESIDE + n * LEVEL_WIDTH
            nodes[c] = GraphNode(c, 0, columns[c].middle, top + k * NODE_PITCH)
    return tuple(nodes[c] for c in range(len(columns)))
