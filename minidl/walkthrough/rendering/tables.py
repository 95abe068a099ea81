"""Arrays as they are shown: what of them, when they are whole, which stand beside each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from minidl.walkthrough.formulas import Index
from minidl.walkthrough.operations import operation_of
from minidl.walkthrough.steps import Array, Problem, Step
from minidl.walkthrough.walkthrough_data import WalkthroughData


@dataclass(frozen=True)
class Table:
    """An array, or the beginning of a large one, as rows of cells.

    Attributes
    ----------
    name, shape
        Of the array.
    rows : list of lists of str
        The numbers as they are shown.
    transposed : bool
        Whether its rows are the array's columns.
    more : str
        What is left out, in words; empty if nothing is.
    """

    name: str
    shape: Index
    rows: list[list[str]]
    transposed: bool
    more: str


def table(walkthrough: WalkthroughData, array: Array, most: int, transposed: bool = False) -> Table:
    """The table of an array."""
    places, more = shown(array.shape, most)
    rows = [[walkthrough.text(array, index) for index in line] for line in places]
    if transposed:
        rows = [list(line) for line in zip(*rows, strict=True)]
    return Table(array.name, array.shape, rows, transposed, more)


def telling(array: Array, places: Sequence[Index]) -> Index:
    """Which number of an array shows how all are worked out: the first that is not 0."""
    return next((index for index in places if array[index] != 0.0), places[0])


def whole_table(walkthrough: WalkthroughData, array: Array) -> list[list[str]]:
    """All numbers of an array, line by line."""
    return table(walkthrough, array, len(array.values)).rows


def shown(shape: Index, most: int) -> tuple[list[list[Index]], str]:
    """The places of an array that are shown, line by line; and what is left out, in words.

    Examples
    --------
    >>> shown((2,), 16)
    ([[(0,), (1,)]], '')
    """
    *lead, columns = shape or (1,)
    lines = [tuple(map(int, line)) for line in np.ndindex(*lead)]
    more = []
    if len(lines) > most:
        more.append(f"{len(lines) - most} more rows")
    if columns > most:
        more.append(f"{columns - most} more columns")
    if not shape:
        return [[()]], ""
    places = [[(*line, j) for j in range(min(columns, most))] for line in lines[:most]]
    return places, " and ".join(more)


def parameters(problem: Problem) -> list[str]:
    """The names of all parameters, each once."""
    return list(dict.fromkeys(name for layer in problem.layers for name in layer.parameters))


def wanted(walkthrough: WalkthroughData) -> list[str]:
    """What is to be worked out: output, loss, and the gradients of the parameters."""
    problem = walkthrough.problem
    gradients = (f"∂{name}" for name in parameters(problem))
    known = [name for name in gradients if name in walkthrough.shapes]
    return [problem.output, problem.loss_name, *known]


def owner(step: Step, array: Array) -> str:
    """The array in whose working an array is worked out on the way: a weight, of its m and v."""
    owners = [name for name in step.reads if array.name.startswith(f"{name}.")]
    return owners[0] if step.phase == "update" and owners else array.name


def is_whole(walkthrough: WalkthroughData, step: Step, name: str) -> bool:
    """Whether a gradient is complete after a step: differences tell nothing of its parts."""
    later = walkthrough.steps[step.number + 1 :]
    more = (a.name == name for s in later if s.phase == "backward" for a in s.writes)
    return step.phase == "backward" and not any(more)


def beside(walkthrough: WalkthroughData, step: Step, most: int) -> Iterator[Table | str]:
    """What a step reads, as tables with signs between them."""
    before = walkthrough.before(step.number)
    operation = operation_of(step)
    if not operation.shows_operands:
        return
    sides: Sequence[str] = operation.beside
    if not sides:
        known = [name for name in dict.fromkeys(step.reads) if name in before]
        sides = [*(str(step.reads.index(name)) for name in known), *("→" * bool(known))]
    for side in sides:
        position = side.removesuffix("ᵀ")
        if position == "local":
            yield table(walkthrough, step.aside[0], most)
        elif position == "last" or position.isdigit():
            array = before[step.reads[-1 if position == "last" else int(position)]]
            flat = len(array.shape) == 2
            yield table(walkthrough, array, most, side.endswith("ᵀ") and flat)
        else:
            yield side
