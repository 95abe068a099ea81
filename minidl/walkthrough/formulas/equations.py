"""One number worked out: its rule, the digits of its operands, its result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

from minidl.core import ArgumentError
from minidl.walkthrough.formulas.expressions import evaluate, parse
from minidl.walkthrough.formulas.symbols import Symbol

PENDING = "—"
"""What stands where a number is not computed yet."""


def number(text: str) -> Decimal:
    """A printed number."""
    return Decimal(text.replace("−", "-"))


@dataclass(frozen=True)
class Operand:
    """A number that an equation is made from.

    Attributes
    ----------
    key : str
        How the equation's formula calls it.
    symbol : str
        What it is: ``dense1.weight[0, 1]``.
    text : str
        The digits that are shown of it.
    """

    key: str
    symbol: Symbol
    text: str


@dataclass(frozen=True)
class Equation:
    """One number worked out: ``left = symbols = numbers = result``.

    Attributes
    ----------
    kind : str
        ``"value"``, ``"local"`` (a local derivative), ``"contribution"`` (local × upstream),
        ``"sum"`` (of contributions), ``"factored"`` and ``"cancels"`` (the two forms of a fused
        head), ``"update"``.
    left : str
        What is worked out.
    symbols, numbers, result : str
        The rule; the rule with numbers put in; what comes out. ``numbers`` is empty where no
        formula is known.
    value : float
        The result with all its digits: the instruction's own number where it has one.
    formula : str
        The rule in Python's syntax on the operands' keys, for other renderings.
    operands : tuple of Operand
    because : str
        The comparison that chose the branch of a piecewise rule, with numbers.
    held : str
        What the instruction holds, where rounding of the number's type shows in these digits.
    note : str
        A remark: where a term comes from, why there is no formula.
    right : bool
        Whether what the instruction holds is the formula's value, but for rounding in its type.
    """

    kind: str
    left: Symbol
    symbols: str
    numbers: str
    result: str
    value: float
    formula: str = ""
    operands: tuple[Operand, ...] = ()
    because: str = ""
    held: str = ""
    note: str = ""
    right: bool = True

    @cached_property
    def printed(self) -> dict[str, Decimal]:
        """The operands as they are printed, by their keys."""
        return {operand.key: number(operand.text) for operand in self.operands}

    def worked(self, changed: Mapping[str, Decimal]) -> Iterator[Decimal]:
        """Its value with other operands; none where it has no value."""
        with suppress(ArithmeticError, ArgumentError):
            yield evaluate(parse(self.formula), {**self.printed, **changed})

    def __str__(self) -> str:
        parts = [self.left, self.symbols, self.numbers, self.result]
        text = " = ".join(dict.fromkeys(part for part in parts if part))
        text += f"   as {self.because}" if self.because else ""
        text += f"   (the instruction holds {self.held})" if self.held else ""
        return text + (f"   ({self.note})" if self.note else "")
