"""A walkthrough in Markdown, formulas in LaTeX between dollar signs: for notes and notebooks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from minidl.document import (
    Block,
    Formula,
    Listing,
    Page,
    Paragraph,
    Section,
    Span,
)
from minidl.walkthrough.formulas import PENDING, Equation, Index, equation_latex, number_latex
from minidl.walkthrough.rendering.notation import Notation
from minidl.walkthrough.rendering.tables import owner, shown, table, telling, wanted
from minidl.walkthrough.steps import PARTS, Array, Step
from minidl.walkthrough.walkthrough_data import WalkthroughData

MOST_SHOWN = 16
"""Rows and columns of an array that are shown."""

MOST_WORKED = 400
"""Up to so many numbers in all steps, every one is worked out; else the first of each array."""

PART_HEADINGS = PARTS | {"problem": "The problem"}


def markdown_page(walkthrough: WalkthroughData) -> Page:
    """What is shown of a walkthrough in Markdown.

    Every equation of every number stands in it; where there are more than ``MOST_WORKED`` numbers,
    those of the first number of each array that is not 0.

    Examples
    --------
    >>> import minidl as ml
    >>> walkthrough = ml.explain(ml.mlp([2, 1], seed=0), [[0.5, -1.0]], [1], loss="mse")
    >>> [section.title for section in markdown_page(walkthrough).sections if section.level < 3]
    ['The problem', 'Forward', 'Loss', 'Backward', 'Update', 'Afterwards']
    """
    title = f"A training step, number by number: {walkthrough.problem.title}"
    return Page(title, [*_sections(walkthrough)])


def _sections(walkthrough: WalkthroughData) -> Iterator[Section]:
    notation = Notation(walkthrough.problem, walkthrough.steps)
    count = sum(len(array.values) for step in walkthrough.steps for array in step.writes)
    for heading, steps in groupby(walkthrough.steps, lambda step: PART_HEADINGS[step.phase]):
        if heading == PART_HEADINGS["problem"]:
            [step] = steps
            yield Section(heading, [Paragraph(step.why), *_problem(walkthrough)])
            given = [b for array in walkthrough.start for b in _array(walkthrough, notation, array)]
            yield Section("What is there", given, level=3)
            yield Section("What is wanted", [*_wanted(walkthrough, notation)], level=3)
            continue
        yield Section(heading, [])
        for step in steps:
            blocks = [*_step(walkthrough, notation, step, count <= MOST_WORKED)]
            yield Section(f"{step.number}. {step.title}", blocks, level=3)


def _problem(walkthrough: WalkthroughData) -> Iterator[Block]:
    problem = walkthrough.problem
    columns = ("layer", "activation", "reads", "makes")
    rows = [
        (x.name, x.activation or "none", str(x.inputs or "any"), str(x.outputs or "any"))
        for x in problem.layers
    ]
    yield Listing("", columns, rows, download=False, words=(0, 1, 2, 3))
    loss, optimizer = Span(problem.loss, "code"), Span(problem.optimizer, "code")
    yield Paragraph(("Loss: ", loss, ". Optimizer: ", optimizer, "."))


def _wanted(walkthrough: WalkthroughData, notation: Notation) -> Iterator[Block]:
    for name in wanted(walkthrough):
        formula = Span(rf"\displaystyle {notation.symbol(name)}", "formula")
        yield Paragraph((Span(name, "code"), ": ", formula, f" = {PENDING}"))


def _step(
    walkthrough: WalkthroughData, notation: Notation, step: Step, whole: bool
) -> Iterator[Block]:
    yield Paragraph(step.why)
    formula = notation.rule(step)
    if formula:
        yield Formula(formula)
    elif step.rule != step.title:
        yield Paragraph(step.rule)
    for array in step.writes:
        yield from _array(walkthrough, notation, array)
    worked = [array for array in step.writes if owner(step, array) == array.name]
    for array in worked if whole else worked[:1]:
        for index in _places(array, whole):
            for equation in walkthrough.equations(step.number, array.name, index):
                yield from _equation(notation, equation)
            yield from _verdict(walkthrough, array, index)


def _places(array: Array, whole: bool) -> Sequence[Index]:
    places = [index for line in shown(array.shape, MOST_SHOWN)[0] for index in line]
    return places if whole else [telling(array, places)]


def _equation(notation: Notation, equation: Equation) -> Iterator[Block]:
    left, *sides = equation_latex(equation, notation)
    if equation.note:
        yield Paragraph((Span(equation.note, "note"),))
    lines = [f"{left} &= {sides[0]}", *(f"&= {side}" for side in sides[1:])]
    yield Formula(r"\begin{aligned} " + r" \\ ".join(lines) + r" \end{aligned}")
    if equation.held:
        yield Paragraph(f"(In its own type the instruction holds {equation.held}.)")


def _verdict(walkthrough: WalkthroughData, array: Array, index: Index) -> Iterator[Block]:
    verdict = walkthrough.verdict(array.name, index)
    if verdict is None or verdict.gradient != array[index]:
        return
    yield Paragraph((
        "Differences say ", Span(verdict.verdict, "strong"), f": {verdict.difference:.7g} at ",
        Span(f"h = {verdict.step:g}", "formula"), f", relative error {verdict.error:.0e}.",
    ))  # fmt: skip


def _array(walkthrough: WalkthroughData, notation: Notation, array: Array) -> Iterator[Block]:
    part = table(walkthrough, array, MOST_SHOWN)
    lines = [" & ".join(map(_number, row)) for row in part.rows]
    matrix = r"\begin{bmatrix} " + r" \\ ".join(lines) + r" \end{bmatrix}"
    frozen = ", frozen" * (array.name in walkthrough.problem.frozen)
    left_out = f" ({part.more} are left out)" if part.more else ""
    yield Paragraph((Span(array.name, "code"), f"{frozen}{left_out}"))
    yield Formula(f"{notation.symbol(array.name)} = {matrix}")


def _number(text: str) -> str:
    if text == PENDING:
        return rf"\text{{{PENDING}}}"
    number, _, off = text.partition(" ")
    return number_latex(number) + (rf" \text{{ {off}}}" if off else "")
