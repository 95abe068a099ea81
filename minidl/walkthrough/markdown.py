"""A walkthrough in Markdown, formulas in LaTeX between dollar signs: for notes and notebooks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from minidl.walkthrough.latex import equation_latex, number_latex
from minidl.walkthrough.notation import Notation, rule
from minidl.walkthrough.steps import PENDING, Array, Equation, Index, Step
from minidl.walkthrough.tables import owner, shown, wanted
from minidl.walkthrough.words import PARTS

if TYPE_CHECKING:
    from minidl.walkthrough.walkthrough import Walkthrough

MOST = 16
"""Rows and columns of an array that are shown."""

WHOLE = 400
"""Up to so many numbers in all steps, every one is worked out; else the first of each array."""

HEADINGS = PARTS | {"problem": "The problem"}


def markdown(walkthrough: Walkthrough) -> str:
    """A walkthrough as Markdown.

    Every equation of every number stands in it; where there are more than ``WHOLE`` numbers, those
    of the first number of each array that is not 0.

    Examples
    --------
    >>> import minidl as ml
    >>> walkthrough = ml.explain(ml.mlp([2, 1], seed=0), [[0.5, -1.0]], [1], loss="mse")
    >>> "## Backward" in markdown(walkthrough)
    True
    """
    return "\n".join(_lines(walkthrough)) + "\n"


def _lines(walkthrough: Walkthrough) -> Iterator[str]:
    notation = Notation(walkthrough.problem, walkthrough.steps)
    count = sum(len(array.values) for step in walkthrough.steps for array in step.writes)
    yield f"# A training step, number by number: {walkthrough.problem.title}"
    for heading, steps in groupby(walkthrough.steps, lambda step: HEADINGS[step.phase]):
        yield from ("", f"## {heading}")
        for step in steps:
            if step.phase == "problem":
                yield from ("", step.why)
                yield from _problem(walkthrough, notation)
            else:
                yield from _step(walkthrough, notation, step, count <= WHOLE)


def _problem(walkthrough: Walkthrough, notation: Notation) -> Iterator[str]:
    problem = walkthrough.problem
    yield from ("", "| layer | activation | reads | makes |", "|---|---|---|---|")
    for layer in problem.layers:
        widths = f"{layer.inputs or 'any'} | {layer.outputs or 'any'}"
        yield f"| {layer.name} | {layer.activation or 'none'} | {widths} |"
    yield from ("", f"Loss: `{problem.loss}`. Optimizer: `{problem.optimizer}`.")
    yield from ("", "### What is there")
    for array in walkthrough.start:
        yield from _array(walkthrough, notation, array)
    yield from ("", "### What is wanted")
    for name in wanted(walkthrough):
        yield from ("", f"`{name}`: $\\displaystyle {notation.symbol(name)}$ = {PENDING}")


def _step(walkthrough: Walkthrough, notation: Notation, step: Step, whole: bool) -> Iterator[str]:
    yield from ("", f"### {step.number}. {step.title}", "", step.why)
    formula = rule(step, notation)
    if formula:
        yield from _displayed(formula)
    elif step.rule != step.title:
        yield from ("", step.rule)
    for array in step.writes:
        yield from _array(walkthrough, notation, array)
    worked = [array for array in step.writes if owner(step, array) == array.name]
    for array in worked if whole else worked[:1]:
        for index in _places(array, whole):
            for equation in walkthrough.equations(step.number, array.name, index):
                yield from _equation(notation, equation)
            yield from _verdict(walkthrough, notation, array, index)


def _places(array: Array, whole: bool) -> Sequence[Index]:
    places = [index for line in shown(array.shape, MOST)[0] for index in line]
    return places if whole else [next((i for i in places if array[i] != 0.0), places[0])]


def _equation(notation: Notation, equation: Equation) -> Iterator[str]:
    left, *sides = equation_latex(equation, notation)
    if equation.note:
        yield from ("", f"*{equation.note}*")
    lines = [f"{left} &= {sides[0]}", *(f"&= {side}" for side in sides[1:])]
    yield from _displayed(r"\begin{aligned} " + r" \\ ".join(lines) + r" \end{aligned}")
    if equation.held:
        yield from ("", f"(In its own type the instruction holds {equation.held}.)")


def _verdict(
    walkthrough: Walkthrough, notation: Notation, array: Array, index: Index
) -> Iterator[str]:
    verdict = walkthrough.verdict(array.name, index)
    if verdict is None or verdict.gradient != array[index]:
        return
    yield from (
        "",
        f"Differences say **{verdict.verdict}**: {verdict.difference:.7g} at "
        f"$h = {verdict.step:g}$, relative error {verdict.error:.0e}.",
    )


def _array(walkthrough: Walkthrough, notation: Notation, array: Array) -> Iterator[str]:
    places, more = shown(array.shape, MOST)
    cells = [" & ".join(_number(walkthrough.text(array, i)) for i in line) for line in places]
    matrix = r"\begin{bmatrix} " + r" \\ ".join(cells) + r" \end{bmatrix}"
    frozen = ", frozen" * (array.name in walkthrough.problem.frozen)
    yield from ("", f"`{array.name}`{frozen}" + (f" ({more} are left out)" if more else ""))
    yield from _displayed(f"{notation.symbol(array.name)} = {matrix}")


def _number(text: str) -> str:
    if text == PENDING:
        return rf"\text{{{PENDING}}}"
    number, _, off = text.partition(" ")
    return number_latex(number) + (rf" \text{{ {off}}}" if off else "")


def _displayed(formula: str) -> Iterator[str]:
    yield from ("", f"$${formula}$$")
