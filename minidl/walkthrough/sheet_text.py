"""A worksheet as text: Markdown, and a page to print."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from minidl.walkthrough.digits import number
from minidl.walkthrough.expressions import chosen, parse, shown
from minidl.walkthrough.items import Item
from minidl.walkthrough.paper import page, plain_markdown
from minidl.walkthrough.scene import symbol
from minidl.walkthrough.steps import Array, Step
from minidl.walkthrough.worksheets import Worksheet

MOST = 150
"""Equations of a sheet; of a larger network only those with blanks are shown."""

LINE = "________"

HOW = (
    "Fill in the numbered blanks. A number that is asked for is not printed: ⟨3⟩ stands for "
    "what you wrote at 3. Write 4 significant digits, or as many as are asked for. "
    "∂w is the loss's gradient, ∂L/∂w."
)


@dataclass(frozen=True)
class Line:
    """One equation of the sheet: its blank's number if there is one, its text, its result."""

    number: int
    text: str
    result: str
    hint: str = ""


@dataclass(frozen=True)
class Part:
    """A step: what is done, and its lines; none where nothing is worked out."""

    title: str
    rule: str
    lines: tuple[Line, ...]


def parts(sheet: Worksheet, key: bool) -> Iterator[Part]:
    """The sheet step by step; with ``key``, the answers in their places."""
    every = sheet.items
    wanted = every if len(every) <= MOST else tuple(sheet.asked.values())
    found = _known(sheet)
    for step in sheet.walkthrough.steps:
        lines = []
        for item in wanted:
            if item.step is step:
                lines.append(_line(sheet, item, found, key))
                found.add(item.equation.left)
        if lines or (len(every) <= MOST and step.phase != "problem"):
            yield Part(f"{step.number}. {step.title}", _rule(step), tuple(lines))


def _rule(step: Step) -> str:
    return "" if step.rule == step.title else step.rule


def _known(sheet: Worksheet) -> set[str]:
    """The symbols of the data."""
    return {
        symbol(array.name, index)
        for array in sheet.walkthrough.start
        for index in np.ndindex(array.shape)
    }


def _line(sheet: Worksheet, item: Item, found: set[str], key: bool) -> Line:
    equation, blank = item.equation, sheet.blank(item)
    note = f"   ({equation.note})" if equation.note else ""
    if blank is not None:
        text = f"{equation.left} = {equation.symbols}"
        if key:
            because = f"   as {equation.because}" if equation.because else ""
            return Line(blank.number, f"{text} = {equation.numbers}", equation.result, because)
        hints = [*_given(sheet, item, found)]
        if item.digits > 4:
            hints.append(f"{item.digits} digits")
        hint = f"   ({', '.join(hints)})" if hints else ""
        return Line(blank.number, text, LINE, hint)
    texts = {o.key: _operand(sheet, item, i, key) for i, o in enumerate(equation.operands)}
    sides = dict.fromkeys([equation.left, equation.symbols, _numbers(item, texts)])
    hidden = None if key else sheet.result_blank(item)
    result = f"⟨{hidden.number}⟩" if hidden else equation.result
    sides.pop(result, None)  # 0 = 0
    return Line(0, " = ".join(side for side in sides if side), result, note)


def _operand(sheet: Worksheet, item: Item, place: int, key: bool) -> str:
    operand = item.equation.operands[place]
    blank = None if key else sheet.operand_blank(item, operand)
    return f"⟨{blank.number}⟩" if blank else operand.text


def _numbers(item: Item, texts: dict[str, str]) -> str:
    """The rule with numbers put in, those that are asked for left out."""
    equation = item.equation
    if not equation.numbers:
        return ""
    exact = {operand.key: number(operand.text) for operand in equation.operands}
    part, _ = chosen(parse(equation.formula), exact)
    return shown(part, texts)


def _given(sheet: Worksheet, item: Item, found: set[str]) -> Iterator[str]:
    """What a blank's rule takes that stands nowhere else on the sheet: settings, counts."""
    for i, operand in enumerate(item.equation.operands):
        text = _operand(sheet, item, i, key=False)
        plain = operand.symbol.replace("/", "").isdigit()
        part = operand.symbol.role == "part"
        if operand.symbol not in found and not plain and not part and operand.symbol != text:
            yield f"{operand.symbol} = {text}"


def data(sheet: Worksheet) -> Iterator[tuple[str, list[list[str]]]]:
    """What is given: names and tables of numbers."""
    for array in sheet.walkthrough.start:
        yield array.name, _table(sheet, array)


def _table(sheet: Worksheet, array: Array) -> list[list[str]]:
    cells = [sheet.walkthrough.cell(array.name, index, 0) for index in np.ndindex(array.shape)]
    columns = array.shape[-1] if array.shape else 1
    return [cells[i : i + columns] for i in range(0, len(cells), columns)]


def _title(sheet: Worksheet, key: bool) -> str:
    return f"{'Answer key' if key else 'Worksheet'}: {sheet.walkthrough.problem.title}"


def _lead(sheet: Worksheet) -> str:
    problem = sheet.walkthrough.problem
    layers = ", ".join(f"{layer.name} {layer.activation or 'linear'}" for layer in problem.layers)
    return f"{layers}; loss {problem.loss}; optimizer {problem.optimizer}. " + (
        f"Difficulty: {sheet.difficulty}. Seed {sheet.seed}."
    )


def _left_out(sheet: Worksheet) -> str:
    large = len(sheet.items) > MOST
    return "Only the equations with blanks are shown: the network is large." if large else ""


def markdown(sheet: Worksheet, key: bool) -> str:
    """The sheet as Markdown."""
    made = [f"# {_title(sheet, key)}", plain_markdown(_lead(sheet))]
    made += [] if key else [plain_markdown(HOW)]
    made += [told] if (told := _left_out(sheet)) else []
    made.append("## Given")
    for name, rows in data(sheet):
        table = "; ".join("  ".join(row) for row in rows)
        made.append(f"{plain_markdown(name)}: {table}")
    for part in parts(sheet, key):
        made.append(f"## {plain_markdown(part.title)}")
        made += [plain_markdown(part.rule)] if part.rule else []
        made += ["\n".join(map(_markdown, part.lines))] if part.lines else []
    return "\n\n".join(made) + "\n"


def _markdown(line: Line) -> str:
    text, hint = plain_markdown(line.text), plain_markdown(line.hint)
    result = f"`{line.result}`" if line.number else plain_markdown(line.result)
    label = f"**({line.number})** " if line.number else ""
    return f"- {label}{text} = {result}{hint}"


def html(sheet: Worksheet, key: bool) -> str:
    """The sheet as one page to print."""
    return page(
        "worksheet.html.j2",
        title=_title(sheet, key),
        lead=_lead(sheet),
        how="" if key else HOW,
        left_out=_left_out(sheet),
        data=[*data(sheet)],
        parts=[*parts(sheet, key)],
        line=LINE,
    )
