"""A walkthrough in the terminal: at most 80 columns, in colour there, plain when piped."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator
from itertools import groupby

import numpy as np

from minidl.document import Line, aligned
from minidl.walkthrough.formulas import PENDING, Equation
from minidl.walkthrough.rendering.tables import is_whole, table, telling, wanted
from minidl.walkthrough.steps import PARTS, Array, Step
from minidl.walkthrough.walkthrough_data import WalkthroughData

TEXT_COLUMNS = 80
MOST_SHOWN = 8
"""Rows and columns of an array that are shown."""

VERDICT_STYLES = {"pass": "green", "rounded": "yellow", "kink": "yellow", "bounded": "yellow",
          "fail": "bold red"}  # fmt: skip
VERDICT_WORDS = {
    "pass": "✓ proved by differences",
    "rounded": "~ proved in float64; this type has lost digits",
    "kink": "∧ kink crossed: a corner, where no derivative exists",
    "bounded": "∧ the loss is bounded here: value and slope part by design",
    "fail": "✗ differences say otherwise",
}


def plain_text(walkthrough: WalkthroughData, full: bool = False) -> str:
    """The text without colour; ``full`` works out every number, not one of each array."""
    return "\n".join(line.text for line in text_lines(walkthrough, full))


def text_lines(walkthrough: WalkthroughData, full: bool) -> Iterator[Line]:
    """The whole text, line by line."""
    yield from _problem(walkthrough)
    _, *others = walkthrough.steps
    for part, steps in groupby(others, lambda step: PARTS[step.phase]):
        yield Line("")
        yield Line(f"{part.upper()} ".ljust(TEXT_COLUMNS, "─"), "bold cyan")
        for step in steps:
            yield from _step(walkthrough, step, full)


def _problem(walkthrough: WalkthroughData) -> Iterator[Line]:
    problem = walkthrough.problem
    yield from _wrapped(problem.title, "", "  ", "bold")
    for layer in problem.layers:
        activation = f" ({layer.activation})" if layer.activation else ""
        widths = f"{layer.inputs or 'any'} → {layer.outputs or 'any'}"
        yield Line(f"  {layer.name + activation:<28}{widths}")
    for label, fact in (("loss", problem.loss), ("optimizer", problem.optimizer)):
        yield from _wrapped(f"{label:<12}{fact}", "  ", " " * 14)
    yield Line("  What is there")
    for array in walkthrough.start:
        yield from _array(walkthrough, array)
    yield Line("  What is wanted")
    for name in wanted(walkthrough):
        yield Line(f"    {name} = {PENDING}", "cyan")


def _step(walkthrough: WalkthroughData, step: Step, full: bool) -> Iterator[Line]:
    yield Line("")
    place = "" if step.instruction is None else f"  (instruction {step.instruction})"
    yield from _wrapped(f"{step.number:>2}  {step.title}{place}", "", "    ", "bold")
    if step.rule != step.title:
        yield from _wrapped(step.rule, "    ", "      ")
    yield from _wrapped(step.why, "    ", "    ", "italic dim")
    for array in step.writes:
        yield from _array(walkthrough, array)
    for array in step.writes if full else step.writes[:1]:  # of an update its state comes with it
        places = [*np.ndindex(array.shape)]
        for index in places if full else [telling(array, places)]:
            for equation in walkthrough.equations(step.number, array.name, index):
                yield from _equation(equation)
    for array in step.writes:
        if is_whole(walkthrough, step, array.name):
            yield from _verdicts(walkthrough, array)


def _equation(equation: Equation) -> Iterator[Line]:
    """In one line if it fits, else the rule, the numbers and the result below each other."""
    yield Line("")
    ending = f"= {equation.result}"
    if equation.because:
        ending += f"   as {equation.because}"
    if equation.held:
        ending += f"   (rounding: the instruction holds {equation.held})"
    if equation.note:
        ending += f"   ({equation.note})"
    opening = " = ".join(filter(None, (equation.left, equation.symbols)))
    numbers = f"= {equation.numbers}" if equation.numbers not in ("", equation.result) else ""
    whole = " ".join(filter(None, (opening, numbers, ending)))
    if len(whole) + 6 <= TEXT_COLUMNS:
        yield Line(f"      {whole}")
        return
    yield from _wrapped(opening, "      ", "          ")
    for part in filter(None, (numbers, ending)):
        yield from _wrapped(part, "        ", "          ")


def _wrapped(text: str, first: str, rest: str, style: str = "") -> Iterator[Line]:
    """Text in lines that are not too long; what stands in brackets is kept together if it fits."""
    room = TEXT_COLUMNS - max(len(first), len(rest))
    for depth in range(4):
        whole = _bound_below(text, depth)
        if max(map(len, whole.split(" "))) <= room:
            break
    for line in textwrap.wrap(whole, TEXT_COLUMNS, initial_indent=first, subsequent_indent=rest):
        yield Line(line.replace("\u00a0", " "), style)


def _bound_below(text: str, depth: int) -> str:
    """Text whose spaces in brackets of more than this depth do not break a line."""
    signs, level = [], 0
    for sign in text:
        level += (sign in "([") - (sign in ")]")
        signs.append("\u00a0" if sign == " " and level > depth else sign)
    return "".join(signs)


def _array(walkthrough: WalkthroughData, array: Array) -> Iterator[Line]:
    """An array as rows of numbers; of a large one the beginning."""
    *_, columns = array.shape or (1,)
    rows = table(walkthrough, array, MOST_SHOWN).rows
    fitting = len(rows[0])
    while len(aligned([row[:fitting] for row in rows], left=())[0]) > TEXT_COLUMNS - 12:
        fitting -= 1
    more = "  …" if fitting < columns else ""
    shown = [line + more for line in aligned([row[:fitting] for row in rows], left=())]
    if len(array.values) > len(rows) * columns:
        shown.append("…")
    shape = "×".join(map(str, array.shape))
    label = f"    {array.name}" + (f" [{shape}]" if shape else "")
    label += ", frozen" * (array.name in walkthrough.problem.frozen)
    if len(shown) == 1 and len(label) + len(shown[0]) + 2 <= TEXT_COLUMNS:
        yield Line(f"{label}  {shown[0]}", "cyan")
        return
    yield Line(label, "cyan")
    yield from (Line(f"        {row}", "cyan") for row in shown)


def _verdicts(walkthrough: WalkthroughData, array: Array) -> Iterator[Line]:
    """What differences say of an array: how many numbers, and the largest error."""
    cells = (tuple(map(int, index)) for index in np.ndindex(array.shape))
    verdicts = [v for v in (walkthrough.verdict(array.name, index) for index in cells) if v]
    for verdict, count in Counter(v.verdict for v in verdicts).items():
        worst = max((v for v in verdicts if v.verdict == verdict), key=lambda v: v.error)
        line = f"    {VERDICT_WORDS[verdict]}: {count} of {len(verdicts)}"
        if verdict not in ("kink", "bounded"):
            line += f" (h = {worst.step:.0e}, relative error ≤ {max(worst.error, 1e-16):.0e})"
        yield Line(line, VERDICT_STYLES[verdict])
