"""What the script of a page is told: formulas, equations, verdicts, and the graph after each step.

Formulas come as MathML with slots, each once; an equation is the number of its formula, and the
symbols and digits for the slots. So a page of hundreds of numbers stays small.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from minidl.walkthrough.formulas import Equation, Index, Symbol, Template, mathml, template
from minidl.walkthrough.graph import Graph, Picture, picture
from minidl.walkthrough.operations import operation_of
from minidl.walkthrough.rendering.notation import Notation
from minidl.walkthrough.rendering.tables import is_whole, owner, parameters, shown, telling
from minidl.walkthrough.steps import Step, Verdict
from minidl.walkthrough.walkthrough_data import WalkthroughData

GRAPH_ROWS = 8
"""Of a batch, that the graph can show."""

EQUATION_KINDS = ("value", "local", "contribution", "sum", "factored", "cancels", "update")
"""Of equations, as the script counts them."""

STROKE_SIGNS = {"negative": "-", "zero": "0", "pending": "?", "": "+"}


class Content:
    """Collects what the script needs; ``text`` is its JSON.

    Of an array at most ``most`` rows and columns are shown.
    """

    def __init__(
        self, walkthrough: WalkthroughData, graph: Graph, notation: Notation, most: int
    ) -> None:
        self._walkthrough, self.graph, self.notation = walkthrough, graph, notation
        self.most = most
        self._templates: dict[Template, int] = {}
        self._symbols: dict[Symbol, int] = {}
        self._strokes: dict[tuple[Any, ...], int] = {}

    def text(self) -> str:
        """The JSON, safe to stand in a script element."""
        steps = [self._step(step) for step in self._walkthrough.steps]
        data = {
            "steps": steps,
            "rows": self._walkthrough.problem.rows,
            "verdicts": self._verdicts(),
            "receipts": self._receipts(),
            "templates": [[_math(part) for part in form] for form in self._templates],
            "symbols": [[form, _math(self.notation.pattern(form))] for form in self._symbols],
            "strokes": [list(strokes) for strokes in self._strokes],
        }
        encoded = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
        return encoded.replace("</", "<\\/").replace("<!", "\\u003c!")

    def size(self) -> int:
        """About how many bytes the equations take: the first of each array, times its numbers."""
        total = 0
        for step in self._walkthrough.steps:
            for array in (a for a in step.writes if owner(step, a) == a.name):
                places = self._places(array.shape)
                first = self._walkthrough.equations(step.number, array.name, places[0])
                text = json.dumps(list(map(self._equation, first)), ensure_ascii=False)
                total += len(places) * len(text.encode())
        return total

    # ── steps ─────────────────────────────────────────────────────────────────────────────────

    def _step(self, step: Step) -> dict[str, Any]:
        walkthrough, cells, shares = self._walkthrough, {}, {}
        for array in step.writes:
            if (name := owner(step, array)) != array.name:
                shares[array.name] = name
                continue
            numbers = [
                walkthrough.equations(step.number, array.name, index)
                for index in self._places(array.shape)
            ]
            if any(numbers):
                cells[array.name] = [list(map(self._equation, equations)) for equations in numbers]
        rows = range(min(walkthrough.problem.rows, GRAPH_ROWS))
        states = [picture(walkthrough, self.graph, step.number, row) for row in rows]
        return {
            "title": step.title,
            "cells": cells,
            "shares": shares,
            "first": self._first(step),
            "whole": [a.name for a in step.writes if is_whole(walkthrough, step, a.name)],
            "graph": self._drawn(states),
        }

    def _places(self, shape: Index) -> list[Index]:
        return [index for line in shown(shape, self.most)[0] for index in line]

    def _first(self, step: Step) -> list[Any]:
        """The number that is picked at first: one that is not 0."""
        for array in step.writes[:1]:
            places = self._places(array.shape)
            return [array.name, places.index(telling(array, places))]
        return []

    def _equation(self, equation: Equation) -> list[Any]:
        form = template(equation)
        number = self._templates.setdefault(form, len(self._templates)) if form.symbols else -1
        parts = [part for o in equation.operands for part in (self._symbol(o.symbol), o.text)]
        symbols = equation.symbols if number < 0 else ""
        left = self._symbol(equation.left)
        kind = EQUATION_KINDS.index(equation.kind)
        facts = [kind, number, left, equation.result, parts, equation.note, equation.held, symbols]
        while facts[-1] == "":
            facts.pop()
        return facts

    def _symbol(self, symbol: Symbol) -> str:
        """A symbol in short: which form it has, and the places in it: ``"7:0,1"``."""
        form = symbol.opened()
        if form not in self._symbols:
            self._symbols[form] = len(self._symbols)
        return ":".join((str(self._symbols[form]), *symbol.places()))

    # ── the graph ─────────────────────────────────────────────────────────────────────────────

    def _drawn(self, states: list[Picture]) -> dict[str, Any]:
        edges = states[0].edges
        strokes = (tuple(e.width for e in edges), "".join(STROKE_SIGNS[e.sign] for e in edges))
        return {
            "back": int(states[0].back),
            "nodes": [
                ["|".join((*look.above, *look.below, look.mark)) for look in state.nodes]
                for state in states
            ],
            "lit": "".join(str(int(look.lit)) for look in states[0].nodes),
            "strokes": self._strokes.setdefault(strokes, len(self._strokes)),
            "edges": "".join(str(int(e.lit)) for e in edges),
            "numbers": {i: e.text for i, e in enumerate(edges) if e.text},
        }

    # ── gradients ─────────────────────────────────────────────────────────────────────────────

    def _verdicts(self) -> dict[str, list[Any]]:
        verdicts = {}
        for name in dict.fromkeys(v.name for v in self._walkthrough.verdicts):
            shape = self._walkthrough.shapes[name]
            numbers = (self._walkthrough.verdict(name, index) for index in self._places(shape))
            verdicts[name] = [None if v is None else _verdict(v) for v in numbers]
        return verdicts

    def _receipts(self) -> dict[str, list[tuple[int, str]]]:
        """For each parameter: the steps, and the arrays of theirs, that made its gradient."""
        receipts = ((name, self._ways(name)) for name in parameters(self._walkthrough.problem))
        return {name: ways for name, ways in receipts if ways}

    def _ways(self, name: str) -> list[tuple[int, str]]:
        gradient, steps = f"∂{name}", self._walkthrough.steps
        meetings = (s for s in steps if operation_of(s).is_meeting and s.writes[0].name == gradient)
        back = {gradient, *(step.reads[1] for step in meetings)}
        return [
            (step.number, array.name)
            for step in steps
            for array in step.writes
            if (step.phase == "backward" and array.name in back)
            or (step.phase == "update" and array.name in (name, gradient))
        ]


def _verdict(verdict: Verdict) -> list[Any]:
    """What differences say, with the digits that mean something."""
    difference = np.format_float_positional(
        verdict.difference, precision=7, unique=False, fractional=False, trim="-"
    )
    if 0 < abs(verdict.difference) < 1e-4:
        difference = f"{verdict.difference:.6e}"
    return [verdict.verdict, difference.replace("-", "−"), f"{verdict.step:.0e}",
            f"{verdict.error:.0e}" if verdict.error else "0"]  # fmt: skip


def _math(latex: str) -> str:
    """MathML without its outermost element, which the script puts around the whole."""
    if not latex:
        return ""
    markup = mathml(latex)
    return markup.removeprefix("<math>").removesuffix("</math>")
