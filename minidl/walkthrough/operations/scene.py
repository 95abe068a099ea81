"""Where one number is worked out: a step, the arrays it read, the digits and dtype of all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from minidl.walkthrough.formulas import (
    SYMBOLS,
    Draft,
    Equation,
    Index,
    Known,
    Symbol,
    as_symbol,
    choose_digits,
    evaluate,
    given,
    names,
    parse,
)
from minidl.walkthrough.steps import Array, Step, unravel

MOST_TERMS = 64
"""Terms in a sum that is printed; longer ones tell only their result."""


@dataclass(frozen=True)
class Term:
    """A local derivative and what comes from above; their product reaches a gradient."""

    origin: str
    local: Known
    upstream: Known


@dataclass(frozen=True)
class Scene:
    """A step with what it read (``before``), and how numbers are printed.

    ``before`` and ``after`` hold every array as it was right before and after the step.
    """

    step: Step
    before: Mapping[str, Array]
    after: Mapping[str, Array]
    digits: int
    dtype: str

    def read(self, position: int) -> Array:
        """What the step read as operand ``position`` of its rule."""
        return self.before[self.step.reads[position]]

    def result(self, name: str, index: Index) -> tuple[Symbol, float]:
        """What a number that the step writes is called, and the number."""
        return Symbol(name, index), self.step.array(name)[index]

    def known(self, array: Array, index: Index) -> Known:
        """A number of an array as an operand."""
        return Known.held(Symbol(array.name, index), array[index], self.dtype)

    def flat(self, array: Array, place: int) -> Known:
        """The same by its place, counted row by row."""
        return self.known(array, unravel(place, array.shape))

    def settings(self) -> dict[str, Known]:
        """Hyper-parameters as operands."""
        numbers = self.step.settings.items()
        return {key: Known.setting(SYMBOLS.get(key, key), value) for key, value in numbers}

    def equation(
        self,
        kind: str,
        left: str,
        formula: str,
        knowns: Mapping[str, Known],
        held: float | None = None,
        note: str = "",
        loose: Decimal = Decimal(0),
        digits: int = 0,
    ) -> Equation:
        """An equation with its digits chosen; of the result at least ``digits``."""
        draft = Draft(kind, as_symbol(left), formula, knowns, held, note, loose)
        return choose_digits(draft, max(digits, self.digits), self.dtype)

    def unexplained(self, kind: str, left: str, value: float, note: str) -> Equation:
        """A number for which there is no formula."""
        return given(kind, as_symbol(left), Known.held(left, value, self.dtype), self.digits, note)

    def gathered(
        self, left: str, held: float, terms: Sequence[Term], loose: Decimal = Decimal(0)
    ) -> list[Equation]:
        """Each term as local × upstream, then their sum, which the instruction holds."""
        if len(terms) == 1:
            (term,) = terms
            knowns = {"a": term.local, "b": term.upstream}
            return [self.equation("contribution", left, "a*b", knowns, held, term.origin)]
        if len(terms) > MOST_TERMS:
            return [self.unexplained("sum", left, held, f"a sum of {len(terms)} contributions")]
        equations, parts = [], dict[str, Known]()
        for i, term in enumerate(terms):
            knowns = {"a": term.local, "b": term.upstream}
            name = Symbol.made("part of", left, name=str(i + 1))
            equations.append(self.equation("contribution", name, "a*b", knowns, None, term.origin))
            parts[f"c{i}"] = Known(Symbol.made("part", name=str(i + 1)), worked_out("a*b", knowns))
        equations.append(self.equation("sum", left, " + ".join(parts), parts, held, "", loose))
        return equations


def worked_out(formula: str, knowns: Mapping[str, Known]) -> Decimal:
    """A formula's value with all its digits."""
    return evaluate(parse(formula), {key: known.value for key, known in knowns.items()})


def used(knowns: Mapping[str, Known], formula: str) -> dict[str, Known]:
    """The operands that a formula names."""
    mentioned = names(parse(formula))
    return {key: known for key, known in knowns.items() if key in mentioned}
