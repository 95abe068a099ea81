"""The network of a walkthrough as nodes and arrows, laid out: what is where, and what it holds.

Columns come from the steps of the way forward: what a dense layer sums and what its activation
makes of it are the two halves of one node; any other operation is a column of its own. Wide
layers are shown in part, and say so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from minidl.walkthrough.formulas import Index
from minidl.walkthrough.operations import operation_of
from minidl.walkthrough.steps import Problem, Step, unravel

MOST_UNITS = 16
"""Of a column; of a wider one so many are shown."""

MOST_ROOMY_UNITS = 6
"""Up to so many units in every column, there is room for all numbers of each."""
SIDE_MARGIN = 74.0
"""From the middle of the outer columns to the edge: half of the longest heading."""

SHORT_DIGITS = 4
"""Of numbers for which columns need no more room than their headings."""

DIGIT_WIDTH = 16.0
"""What each further digit takes, of a unit's numbers and of an arrow's together."""

MOST_LABELLED_EDGES = 12
"""Arrows into a column, up to which each has room for its number."""


@dataclass
class Column:
    """A layer, the input, or the loss.

    Attributes
    ----------
    title, subtitle : str
        What stands above it.
    out : str
        The array that it passes on.
    shape : tuple of int
        Of that array.
    sums : str
        What its activation is applied to; empty where there is none.
    weight, bias : str
        Empty where there are none.
    sources : list of int
        The columns that it reads.
    middle : float
        Where it stands, from the left.
    sign : str
        What stands in its node, of a circuit.
    is_loss : bool
    """

    title: str
    subtitle: str
    out: str
    shape: Index
    sums: str = ""
    weight: str = ""
    bias: str = ""
    sources: list[int] = field(default_factory=list)
    middle: float = 0.0
    sign: str = ""
    is_loss: bool = False

    def units(self, rows: int) -> int:
        """How many numbers it holds of each row."""
        unit_shape = self.shape[1:] if self.shape[:1] == (rows,) else self.shape
        return int(np.prod(unit_shape, dtype=int))

    def index(self, unit: int, row: int, rows: int) -> Index:
        """The place of one unit's number."""
        if self.shape[:1] == (rows,):
            return (row, *unravel(unit, self.shape[1:]))
        return unravel(unit, self.shape)

    def arrays(self) -> set[str]:
        """All that is drawn at its nodes."""
        return {name for name in (self.out, self.sums, self.bias) if name}


@dataclass(frozen=True)
class GraphNode:
    """A unit: its column, its number there, and the middle of its circle."""

    column: int
    unit: int
    x: float
    y: float


@dataclass(frozen=True)
class Edge:
    """An arrow between two nodes; ``place`` is its weight's, None where it has no weight."""

    start: GraphNode
    end: GraphNode
    place: Index | None


@dataclass(frozen=True)
class Graph:
    """All columns, nodes and edges, and how much room they take.

    ``hidden`` tells how many units of each column are not shown; in a circuit each column is one
    number, at a height of its own. Numbers have so many ``digits``.
    """

    columns: tuple[Column, ...]
    nodes: tuple[GraphNode, ...]
    edges: tuple[Edge, ...]
    hidden: tuple[int, ...]
    radius: float
    width: float
    height: float
    rows: int
    is_circuit: bool = False
    digits: int = SHORT_DIGITS

    @property
    def roomy(self) -> bool:
        """Whether there is room for all numbers of each node."""
        return self.radius > 14.0


def build(
    problem: Problem,
    shape: Index,
    steps: Sequence[Step],
    most: int = MOST_UNITS,
    digits: int = SHORT_DIGITS,
) -> Graph:
    """Lay out a network that reads a batch of a shape, at most so many units of each column.

    The more digits numbers have, the farther apart the layers that have weights.
    """
    columns = _columns(problem, shape, steps)
    counts = [column.units(problem.rows) for column in columns]
    shown = [min(count, most) for count in counts]
    roomy = max(shown) <= MOST_ROOMY_UNITS
    radius, pitch, step = (21.0, 122.0, 184.0) if roomy else (10.0, 51.0, 140.0)
    more = DIGIT_WIDTH * max(0, digits - SHORT_DIGITS) if roomy else 0.0
    most_tall = max(n + 0.6 * (n < count) for n, count in zip(shown, counts, strict=True))
    top, height = 58.0, 58.0 + pitch * most_tall + 8.0
    nodes: list[GraphNode] = []
    middle = SIDE_MARGIN
    for c, (column, count) in enumerate(zip(columns, shown, strict=True)):
        if c:
            middle += step + more * bool(columns[c - 1].weight and column.weight)
        column.middle = middle
        begin = top + (height - 8.0 - top - pitch * count) / 2 + pitch / 2
        nodes += [GraphNode(c, j, column.middle, begin + j * pitch) for j in range(count)]
    width = columns[-1].middle + SIDE_MARGIN
    edges = tuple(_edges(columns, nodes, problem.rows))
    hidden = tuple(n - s for n, s in zip(counts, shown, strict=True))
    return Graph(
        tuple(columns), tuple(nodes), edges, hidden, radius, width, height, problem.rows,
        digits=digits,
    )  # fmt: skip


def _columns(problem: Problem, shape: Index, steps: Sequence[Step]) -> list[Column]:
    columns = [Column("input", "", "x", shape)]
    column_of = {"x": 0}  # by array: the column that holds it
    for step in steps:
        sources = list(dict.fromkeys(column_of[name] for name in step.reads if name in column_of))
        if step.phase != "forward" or not sources:  # a parameter moved about is no unit
            continue
        written = step.writes[0]
        if written.name in column_of:  # a further part of the same array
            known = columns[column_of[written.name]]
            known.sources = list(dict.fromkeys([*known.sources, *sources]))
            continue
        if _activates(step, columns[sources[0]], len(sources)):
            known = columns[sources[0]]
            known.sums, known.out, known.subtitle = known.out, written.name, step.operation
            column_of[written.name] = sources[0]
            continue
        title = written.name.removesuffix(".sums")
        column = Column(title, step.operation, written.name, written.shape, sources=sources)
        flat = len(written.shape) == len(columns[sources[0]].shape) == 2
        operation = operation_of(step)
        if flat and operation.is_weighted_sum and step.reads[1] not in column_of:
            column.weight, column.subtitle = step.reads[1], ""
            column.bias = step.reads[2] if operation.has_bias else ""
        column_of[written.name] = len(columns)
        columns.append(column)
    each = next(step for step in steps if operation_of(step).is_loss)
    last = column_of.get(each.reads[1], len(columns) - 1)
    columns.append(
        Column("loss", each.operation, problem.loss_name, (), sources=[last], is_loss=True)
    )
    return columns


def _activates(step: Step, column: Column, sources: int) -> bool:
    """Whether a step is the activation of a layer whose sums a column holds."""
    waits = bool(column.weight) and not column.sums and step.reads[0] == column.out
    return waits and sources == 1 and operation_of(step).is_activation


def _edges(columns: Sequence[Column], nodes: Sequence[GraphNode], rows: int) -> Iterator[Edge]:
    by_column = [[node for node in nodes if node.column == c] for c in range(len(columns))]
    for c, column in enumerate(columns):
        for source in column.sources:
            starts, ends = by_column[source], by_column[c]
            paired = columns[source].units(rows) == column.units(rows) and not column.weight
            for start in starts:
                for end in ends:
                    if paired and start.unit != end.unit:
                        continue
                    yield Edge(start, end, (start.unit, end.unit) if column.weight else None)
