"""The equations of a walkthrough one after the other, each once: what a worksheet is made from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from minidl.walkthrough.steps import Equation, Index, Step
from minidl.walkthrough.walkthrough import Walkthrough

DIFFICULTIES = ("values", "derivatives", "contributions", "updates")
"""What is asked for, from the easiest; each includes those before it."""

_LEVELS = {"value": 0, "local": 1, "contribution": 2, "factored": 2, "cancels": 2, "update": 3}
_COPIES = ("moved", "shared", "dense_db", "afterwards")
"""Steps whose numbers are mostly copied: nothing to ask."""


@dataclass(frozen=True)
class Item:
    """One equation, and where it stands.

    Attributes
    ----------
    step : Step
    array : str
        The array whose number is worked out.
    index : tuple of int
    place : int
        Which of the number's equations.
    equation : Equation
    """

    step: Step
    array: str
    index: Index
    place: int
    equation: Equation

    @property
    def level(self) -> int:
        """How hard: the place in ``DIFFICULTIES``."""
        if self.equation.kind == "sum":
            return {"forward": 0, "loss": 0, "update": 3}.get(self.step.phase, 2)
        return _LEVELS[self.equation.kind]

    @property
    def asks(self) -> bool:
        """Whether there is something to work out, by a rule that is shown."""
        return bool(self.equation.numbers) and self.step.expansion not in _COPIES

    @property
    def digits(self) -> int:
        """How many significant digits of the answer are asked for."""
        printed = significant(self.equation.result)
        # An update is printed with as many digits as show the change: they are all wanted.
        return printed if printed > ASKED + SPARE else max(ASKED, printed - SPARE)


ASKED = 4
"""Significant digits of an answer."""
SPARE = 2
"""Digits that a sheet prints beyond those, so that rounding what is read there does not count."""


def items(walkthrough: Walkthrough) -> Iterator[Item]:
    """Every equation of a walkthrough, in order; what is said twice comes once."""
    seen: set[tuple[str, str]] = set()
    for step, array, index, equations in walkthrough.every():
        for place, equation in enumerate(equations):
            if (said := (equation.left, equation.symbols)) not in seen:
                seen.add(said)
                yield Item(step, array, index, place, equation)


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
