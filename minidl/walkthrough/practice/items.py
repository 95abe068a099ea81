"""The equations of a walkthrough one after the other, each once: what a worksheet is made from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import Any

from minidl.walkthrough.formulas import Equation, Index, Operand, Symbol
from minidl.walkthrough.operations import operation_of
from minidl.walkthrough.steps import Step
from minidl.walkthrough.walkthrough_data import WalkthroughData

DIFFICULTIES = ("values", "derivatives", "contributions", "updates")
"""What is asked for, from the easiest; each includes those before it."""

_LEVEL_OF = {"value": 0, "local": 1, "contribution": 2, "factored": 2, "cancels": 2, "update": 3}


@dataclass(frozen=True)
class Item:
    """One equation, where it stands, and where its numbers come from.

    Attributes
    ----------
    number : int
        Which of all, from 0.
    array, index
        The number that is worked out.
    place : int
        Which of the number's equations.
    equation : Equation
    origins : tuple of (int or None)
        For each operand, the number of the item that first ended in it; None for what is given.
    first : int or None
        The number of the item that first ended in this very number: its own, unless this is another
        form of an earlier equation, or hands on an operand; None if that operand is given.
    """

    number: int
    step: Step
    array: str
    index: Index
    place: int
    equation: Equation
    origins: tuple[int | None, ...]
    first: int | None

    @property
    def level(self) -> int:
        """How hard: the place in ``DIFFICULTIES``."""
        if self.equation.kind == "sum":
            return {"forward": 0, "loss": 0, "update": 3}.get(self.step.phase, 2)
        return _LEVEL_OF[self.equation.kind]

    @property
    def asks(self) -> bool:
        """Whether there is something to work out, by a rule that is shown."""
        return bool(self.equation.numbers) and operation_of(self.step).asks

    @property
    def digits(self) -> int:
        """How many significant digits of the answer are asked for."""
        # An update is printed with as many digits as show the change: they are all wanted.
        printed = significant(self.equation.result) if self.equation.kind == "update" else 0
        return printed if printed > ASKED_DIGITS + SPARE_DIGITS else ASKED_DIGITS


ASKED_DIGITS = 4
"""Significant digits of an answer."""
SPARE_DIGITS = 2
"""Digits that a sheet prints beyond those, so that rounding what is read there does not count."""


def items(walkthrough: WalkthroughData) -> Iterator[Item]:
    """Every equation of a walkthrough, in order; what is said twice comes once."""
    seen: set[tuple[str, str]] = set()
    ends: dict[str, int | None] = {}  # by what a number is called by then; see ``Item.first``
    forms: dict[tuple[Any, ...], int | None] = {}  # by where it stands, and by how it is derivation
    for step, numbers in groupby(walkthrough.every(), lambda told: told[0]):
        new: dict[str, int | None] = {}
        for _, array, index, equations in numbers:
            for place, equation in enumerate(equations):
                left = equation.left
                if (left, equation.symbols) in seen:
                    continue
                called = [_called(step, index, equation, o) for o in equation.operands]
                origins = tuple(map(ends.get, called))
                here, derivation = (step.number, array, index, left), _made(equation, origins)
                first = _handed_on(equation, origins, len(seen))
                first = forms.get(here, forms.get(derivation, first) if derivation else first)
                forms[here] = forms[derivation] = ends[left] = first
                if left.role == "new":
                    new[left.of[0]] = first
                yield Item(len(seen), step, array, index, place, equation, origins, first)
                seen.add((left, equation.symbols))
        ends |= new  # what later steps read under its plain name


def _made(equation: Equation, origins: tuple[int | None, ...]) -> tuple[Any, ...]:
    """The rule of an equation and what it is applied to; nothing where there is no rule."""
    given = [o.text for o, i in zip(equation.operands, origins, strict=True) if i is None]
    return (equation.symbols, origins, *given) if equation.numbers else ()


def _handed_on(equation: Equation, origins: tuple[int | None, ...], item: int) -> int | None:
    """The origin of the operand that an equation hands on: times 1, plus 0; else its own."""
    for (key, value), origin in zip(equation.printed.items(), origins, strict=True):
        if value and all(_ends_in(equation, {key: x}, x) for x in (value, value / 2)):
            return origin
    return item


def _ends_in(equation: Equation, changed: Mapping[str, Decimal], value: Decimal) -> bool:
    """Whether a rule comes to this value with other operands."""
    return any(abs(x - value) < abs(value) / 10**9 for x in equation.worked(changed))


def _called(step: Step, index: Index, equation: Equation, operand: Operand) -> str:
    """What the equation that ends in an operand has on its left."""
    if operand.symbol.role == "part":
        return f"{operand.symbol} of {equation.left}"
    if operation_of(step).is_meeting:
        return Symbol(step.reads["ab".index(operand.key)], index)
    return operand.symbol


def significant(text: str) -> int:
    """How many significant digits a printed number has.

    Examples
    --------
    >>> significant("−0.002730"), significant("1.5e−7"), significant("0")
    (4, 2, 0)
    """
    digits = text.partition("e")[0].replace("−", "").replace(".", "")
    return len(digits.lstrip("0"))


def unit(value: Decimal, digits: int) -> Decimal:
    """One in the last of so many significant digits of a number; 0 for 0.

    Examples
    --------
    >>> unit(Decimal("-0.2731"), 4)
    Decimal('0.0001')
    """
    return Decimal(1).scaleb(value.adjusted() - digits + 1) if value else Decimal(0)
