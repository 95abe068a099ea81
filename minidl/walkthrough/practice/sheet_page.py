"""What is shown of a worksheet: what is given, and every step with its blanks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from minidl.document import Arrays, Block, Bullets, Page, Paragraph, Section, Span
from minidl.walkthrough.formulas import Symbol, chosen, parse, shown
from minidl.walkthrough.practice.items import Item
from minidl.walkthrough.practice.sheets import Sheet
from minidl.walkthrough.rendering import whole_table

SHOWN_EQUATIONS = 150
"""Equations of a sheet; of a larger network only those with blanks are shown."""

BLANK_LINE = "________"

LEFT_OUT = "Only the equations with blanks are shown: the network is large."
INSTRUCTIONS = (
    "Fill in the numbered blanks. A number that is asked for is not printed: ⟨3⟩ stands for "
    "what you wrote at 3. Write 4 significant digits, or as many as are asked for. "
    "∂w is the loss's gradient, ∂L/∂w."
)


Exercise = tuple[str | Span, ...]
"""An equation of the sheet: its blank's number if there is one, its text, its result."""


def sheet_page(sheet: Sheet, key: bool) -> Page:
    """The sheet, or with ``key`` its answers, as a page."""
    opening = [Paragraph(INSTRUCTIONS)] * (not key)
    if len(sheet.items) > SHOWN_EQUATIONS:
        opening.append(Paragraph(LEFT_OUT))
    numbers = [(a.name, whole_table(sheet.walkthrough, a)) for a in sheet.walkthrough.start]
    title = f"{'Answer key' if key else 'Worksheet'}: {sheet.walkthrough.problem.title}"
    sections = [Section("", opening)] * bool(opening) + [Section("Given", [Arrays(numbers)])]
    return Page(title, [*sections, *_steps(sheet, key)], _lead(sheet))


def _steps(sheet: Sheet, key: bool) -> Iterator[Section]:
    """The sheet step by step; with ``key``, the answers in their places."""
    every = sheet.items
    whole = len(every) <= SHOWN_EQUATIONS
    wanted = every if whole else tuple(sheet.asked.values())
    known = _known(sheet)
    for step in sheet.walkthrough.steps:
        lines = []
        for item in wanted:
            if item.step is step:
                lines.append(_line(sheet, item, known, key))
                known.add(item.equation.left)
        if lines or (whole and step.phase != "problem"):
            blocks: list[Block] = []
            if step.rule not in ("", step.title):
                blocks.append(Paragraph(step.rule, "note"))
            if lines:
                blocks.append(Bullets(lines, numbered=True))
            yield Section(f"{step.number}. {step.title}", blocks)


def _known(sheet: Sheet) -> set[str]:
    """The symbols of the data."""
    return {
        Symbol(array.name, index)
        for array in sheet.walkthrough.start
        for index in np.ndindex(array.shape)
    }


def _line(sheet: Sheet, item: Item, known: set[str], key: bool) -> Exercise:
    equation, blank = item.equation, sheet.blank(item)
    if blank is not None:
        label = Span(f"({blank.number})", "number")
        text = f"{equation.left} = {equation.symbols}"
        if key:
            because = f"   as {equation.because}" if equation.because else ""
            answer = Span(equation.result, "answer")
            return (label, f" {text} = {equation.numbers} = ", answer, Span(because, "muted"))
        hints = [*_given(sheet, item, known)]
        if item.digits > 4:
            hints.append(f"{item.digits} digits")
        hint = f"   ({', '.join(hints)})" if hints else ""
        return (label, f" {text} = ", Span(BLANK_LINE, "blank"), Span(hint, "muted"))
    note = f"   ({equation.note})" if equation.note else ""
    texts = {o.key: _operand(sheet, item, i, key) for i, o in enumerate(equation.operands)}
    sides = dict.fromkeys([equation.left, equation.symbols, _numbers(item, texts)])
    hidden = None if key else sheet.result_blank(item)
    result = f"⟨{hidden.number}⟩" if hidden else equation.result
    sides.pop(result, None)  # 0 = 0
    text = " = ".join(side for side in sides if side)
    return (f"{text} = {result}", Span(note, "muted"))


def _operand(sheet: Sheet, item: Item, place: int, key: bool) -> str:
    operand = item.equation.operands[place]
    blank = None if key else sheet.operand_blank(item, operand)
    return f"⟨{blank.number}⟩" if blank else operand.text


def _numbers(item: Item, texts: dict[str, str]) -> str:
    """The rule with numbers put in, those that are asked for left out."""
    equation = item.equation
    if not equation.numbers:
        return ""
    part, _ = chosen(parse(equation.formula), equation.printed)
    return shown(part, texts)


def _given(sheet: Sheet, item: Item, known: set[str]) -> Iterator[str]:
    """What a blank's rule takes that stands nowhere else on the sheet: settings, counts."""
    for i, operand in enumerate(item.equation.operands):
        text = _operand(sheet, item, i, key=False)
        plain = operand.symbol.replace("/", "").isdigit()
        part = operand.symbol.role == "part"
        if operand.symbol not in known and not plain and not part and operand.symbol != text:
            yield f"{operand.symbol} = {text}"


def _lead(sheet: Sheet) -> str:
    problem = sheet.walkthrough.problem
    layers = ", ".join(f"{layer.name} {layer.activation or 'linear'}" for layer in problem.layers)
    return f"{layers}; loss {problem.loss}; optimizer {problem.optimizer}. " + (
        f"Difficulty: {sheet.difficulty}. Seed {sheet.seed}."
    )
