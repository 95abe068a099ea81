"""Equations whose printed digits can be checked by hand.

A result is printed with some significant digits, four at least. Its operands are printed with as
many as it takes until the printed equation, worked out as it stands, rounds to the printed result.
"""

from __future__ import annotations

import ast
import copy
import functools
from collections.abc import Mapping
from contextlib import suppress
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from typing import NamedTuple

import numpy as np

from minidl.walkthrough.formulas.equations import PENDING, Equation, Operand, number
from minidl.walkthrough.formulas.expressions import (
    ARITHMETIC,
    FUNCTIONS,
    OPERATORS,
    Expression,
    chosen,
    evaluate,
    holds,
    names,
    parse,
    read,
    shown,
    substitute,
)
from minidl.walkthrough.formulas.symbols import Symbol, as_symbol

LEAST_DIGITS = 4
MOST_DIGITS = 32
"""Of an operand; an equation that wants more is not printed."""
MORE_DIGITS = 6
"""Of an operand beyond those of the result, before the result is given one more itself."""

_ALL_DIGITS = {"float32": 9, "float64": 17}
"""As many significant digits tell all numbers of a type apart."""

_FADING = {"float32": Decimal(2) ** -119, "float64": Decimal(2) ** -999}
"""Below this a type's numbers fade to 0, or lose digits."""
ROUNDING = {"float32": Decimal(2) ** -23, "float64": Decimal(2) ** -52}
"""What a type may lose of a number, relatively."""


class Known(NamedTuple):
    """A number that an equation may use: its symbol, and the number with all its digits.

    ``short`` is the shortest text that means this very number in its own type: 0.15 in float32.
    """

    symbol: str
    value: Decimal
    short: str = ""

    @classmethod
    def held(cls, symbol: str, value: float, dtype: str) -> Known:
        """A number that an array of a type holds."""
        return cls(symbol, Decimal(value), shortest(value, dtype))

    @classmethod
    def share(cls, count: float) -> Known:
        """One in so many."""
        if count == 1.0:
            return cls.setting("1", 1.0)
        with localcontext(ARITHMETIC):
            return cls(Symbol.made("fraction", "1", f"{count:g}"), 1 / Decimal(repr(float(count))))

    @classmethod
    def setting(cls, symbol: str, value: float) -> Known:
        """A number that somebody wrote down: 0.9 is meant, not what float64 makes of it."""
        text = repr(float(value))
        return cls(symbol, Decimal(text), text)


class Draft(NamedTuple):
    """An equation before its digits are chosen; ``formula`` is on the keys of ``knowns``.

    ``held`` is the instruction's own number, None where the result is no instruction's; ``loose``
    is rounding to be allowed for beside the operands' own: of sums behind them.
    """

    kind: str
    left: Symbol
    formula: str
    knowns: Mapping[str, Known]
    held: float | None = None
    note: str = ""
    loose: Decimal = Decimal(0)


def shortest(value: float, dtype: str) -> str:
    """The shortest text that is read as this number of its type."""
    return str(np.float32(value)) if dtype == "float32" else repr(float(value))


def digits_of(value: Decimal, digits: int, short: str = "") -> str:
    """A number with so many significant digits; fewer where these are all it has.

    Examples
    --------
    >>> digits_of(Decimal("0.000123456"), 4), digits_of(Decimal("-0.5"), 4, "-0.5")
    ('0.0001235', '−0.5')
    >>> digits_of(Decimal("123456"), 4)
    '1.235e5'
    """
    if not value:
        return "0"
    rounded = value.normalize(Context(prec=digits, rounding=ROUND_HALF_EVEN))
    exact = rounded == (Decimal(short) if short else value)
    with localcontext(ARITHMETIC):
        place = rounded.adjusted()
        if not exact:  # zeros at the end are digits, too
            rounded = rounded.quantize(Decimal(1).scaleb(place - digits + 1))
        if -5 <= place < digits or (exact and 0 <= place < 7):
            text = f"{rounded:f}"
        else:
            text = f"{rounded.scaleb(-place):f}e{place}"
    return text.replace("-", "−")


def agrees(value: Decimal, text: str, digits: int = LEAST_DIGITS) -> bool:
    """Whether a number rounds to a printed one, in its digits or so many, whichever is more.

    Examples
    --------
    >>> agrees(Decimal("0.50001"), "0.5"), agrees(Decimal("0.5004"), "0.5")
    (True, False)
    """
    printed = number(text)
    with localcontext(ARITHMETIC):
        if not printed:
            return abs(value) < _FADING["float64"]
        last = min(int(printed.as_tuple().exponent), printed.adjusted() - digits + 1)
        one = Decimal(1).scaleb(last)
        if value and value.adjusted() - last > ARITHMETIC.prec - 2:
            return False
        return value.quantize(one, rounding=ROUND_HALF_EVEN) == printed


def choose_digits(draft: Draft, digits: int, dtype: str) -> Equation:
    """Choose the digits of an equation.

    One that has no value (a division by 0), or would want more than ``MOST_DIGITS``, keeps its
    symbols and result, and says why no numbers are put in.
    """
    tree, _, used, constants, piecewise = _prepared(draft.formula)
    knowns = {**draft.knowns, **constants}
    exact = {key: known.value for key, known in knowns.items()}
    symbols = shown(tree, {key: known.symbol for key, known in knowns.items()})
    try:
        value = evaluate(tree, exact)
        part, reason = chosen(tree, exact) if piecewise else (tree, None)
    except ArithmeticError:
        return _unworked(draft, symbols, digits, dtype, "it has no value here: a division by 0")
    if piecewise:
        used = (*names(part), *(names(reason) if reason is not None else ()))
    operands = {key: knowns[key] for key in knowns if key in used}
    fitted = _fitted(draft, (part, reason), operands, value, digits, dtype)
    if fitted is None:
        why = f"it wants more than {MOST_DIGITS} digits of its operands"
        return _unworked(draft, symbols, digits, dtype, why)
    texts, result, held = fitted
    return Equation(
        kind=draft.kind,
        left=draft.left,
        symbols=symbols,
        numbers=shown(part, texts),
        result=result,
        value=float(value) if draft.held is None else draft.held,
        formula=_written(draft.formula, frozenset(constants) - frozenset(texts)),
        operands=tuple(Operand(key, as_symbol(knowns[key].symbol), texts[key]) for key in texts),
        because=shown(reason, texts) if reason is not None else "",
        held=held,
        note=draft.note,
        right=_explains(draft, part, exact, dtype),
    )


def _unworked(draft: Draft, symbols: str, digits: int, dtype: str, why: str) -> Equation:
    value, text = 0.0, PENDING
    if draft.held is not None:
        value = draft.held
        text = digits_of(Decimal(value), digits, shortest(value, dtype))
    note = "; ".join(filter(None, (draft.note, why)))
    return Equation(draft.kind, draft.left, symbols, "", text, value, note=note)


def given(kind: str, left: Symbol, known: Known, digits: int, note: str) -> Equation:
    """A number for which there is no formula."""
    text = digits_of(known.value, digits, known.short)
    return Equation(kind, left, "", "", text, float(known.value), note=note)


def _fitted(
    draft: Draft,
    rule: tuple[Expression, Expression | None],
    taken: Mapping[str, Known],
    value: Decimal,
    digits: int,
    dtype: str,
) -> tuple[dict[str, str], str, str] | None:
    """Operands and result as they are printed, and what the instruction holds if that parts."""
    cancels = value != 0 and _cancels(rule[0], taken)
    # A result just between two of fewer digits would want all digits of its operands to decide.
    for more, room in ((0, MORE_DIGITS), (1, MORE_DIGITS), (2, MORE_DIGITS), (0, MOST_DIGITS)):
        result, held = _result(draft, value, cancels, digits + more, dtype)
        tried = range(max(digits, LEAST_DIGITS), min(digits + room, MOST_DIGITS) + 1)
        texts = _texts(rule, taken, result, digits, tried, dtype)
        if texts is not None:
            return texts, result, held
    return None


def _result(
    draft: Draft, value: Decimal, cancels: bool, digits: int, dtype: str
) -> tuple[str, str]:
    """What is printed as the result; and what the instruction holds if that is told apart."""
    if draft.held is None:
        return digits_of(value, digits), ""
    held, short = Decimal(draft.held), shortest(draft.held, dtype)
    if cancels:
        return "0", digits_of(held, digits, short) if held else ""
    for more in range(3):
        text = digits_of(held, digits + more, short)
        if agrees(value, text, digits + more):
            return text, ""
    return digits_of(value, digits), digits_of(held, digits, short)


def _cancels(part: Expression, taken: Mapping[str, Known]) -> bool:
    """Whether a formula is 0 for the numbers as they are meant: 0.1 + 0.2 − 0.3."""
    meant = {k: Decimal(known.short) if known.short else known.value for k, known in taken.items()}
    try:
        return evaluate(part, meant) == 0
    except ArithmeticError:
        return False


def _texts(
    rule: tuple[Expression, Expression | None],
    taken: Mapping[str, Known],
    result: str,
    digits: int,
    tried: range,
    dtype: str,
) -> dict[str, str] | None:
    """The operands with as many digits as it takes; None if that is more than are tried."""
    part, reason = rule
    for wanted in tried:
        # Up to the type's own digits its shortest text will do; beyond that, all it holds.
        close = wanted <= _ALL_DIGITS[dtype]
        texts = {
            key: digits_of(known.value, wanted, known.short if close else "")
            for key, known in taken.items()
        }
        printed = {key: number(text) for key, text in texts.items()}
        with suppress(ArithmeticError):
            right = agrees(evaluate(part, printed), result, digits)
            if right and (reason is None or holds(reason, printed)):
                return texts
    return None


class _Prepared(NamedTuple):
    """A formula read once: its tree and text, its names, and its long constants as operands.

    These are then shortened like any other number.
    """

    tree: Expression
    text: str
    names: tuple[str, ...]
    constants: dict[str, Known]
    piecewise: bool


@functools.lru_cache(maxsize=4096)
def _prepared(formula: str) -> _Prepared:
    constants: dict[str, Known] = {}

    class Name(ast.NodeTransformer):
        def visit_Constant(self, node: ast.Constant) -> ast.AST:
            if type(node.value) is not float or len(repr(node.value)) < 8:
                return node
            key = f"constant{len(constants)}"
            constants[key] = Known(f"{node.value:.5g}", Decimal(repr(node.value)))
            return ast.Name(key, ast.Load())

    tree = Name().visit(copy.deepcopy(parse(formula)))
    text = ast.unparse(tree)
    return _Prepared(tree, text, tuple(names(tree)), constants, "Piecewise(" in text)


@functools.lru_cache(maxsize=1024)
def _written(formula: str, unused: frozenset[str]) -> str:
    """A formula on its operands; constants of branches that are not taken are none."""
    prepared = _prepared(formula)
    numbers = {key: parse(prepared.constants[key].symbol) for key in unused}
    return ast.unparse(substitute(prepared.tree, numbers)) if numbers else prepared.text


def _rounded(tree: Expression, exact: Mapping[str, Decimal], unit: Decimal) -> list[Decimal]:
    """A formula's value, and how far rounding in a type may take it from there.

    Every part is rounded once, and carries on what its own parts have lost.
    """
    if isinstance(tree, ast.BinOp):
        (a, lost_a), (b, lost_b) = (_rounded(x, exact, unit) for x in (tree.left, tree.right))
        value = OPERATORS[type(tree.op)](a, b)
        if isinstance(tree.op, ast.Add | ast.Sub):
            lost = lost_a + lost_b
        elif isinstance(tree.op, ast.Mult):
            lost = abs(a) * lost_b + abs(b) * lost_a + lost_a * lost_b
        elif isinstance(tree.op, ast.Div):
            lost = (lost_a + abs(value) * lost_b) / abs(b)
        else:
            logarithm = abs(abs(a).ln()) if a else Decimal(0)
            lost = abs(value) * (abs(b) * lost_a / (abs(a) or 1) + logarithm * lost_b)
        return [value, lost + unit * abs(value)]
    if isinstance(tree, ast.UnaryOp):
        value, lost = _rounded(tree.operand, exact, unit)
        return [-value, lost]
    if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name):
        inner = [_rounded(x, exact, unit) for x in tree.args]
        function = FUNCTIONS[tree.func.id]
        value = function(*(x for x, _ in inner))
        moved = []
        for side in (-1, 1):
            try:
                moved.append(abs(function(*(x + side * lost for x, lost in inner)) - value))
            except ArithmeticError:  # the logarithm of what rounding has made 0
                moved.append(abs(value))
        return [value, max(moved) + unit * abs(value)]
    value = evaluate(tree, exact)
    return [value, unit * abs(value)]


def _explains(draft: Draft, part: Expression, exact: Mapping[str, Decimal], dtype: str) -> bool:
    """Whether what the instruction holds is the formula's value but for rounding."""
    if draft.held is None:
        return True
    with localcontext(ARITHMETIC):
        value, lost = _rounded(part, exact, ROUNDING[dtype])
        return abs(Decimal(draft.held) - value) <= 4 * (lost + draft.loose) + _FADING[dtype]


def reads_back(equation: Equation, digits: int) -> bool:
    """Whether what is printed of an equation, worked out, rounds to its printed result.

    False as well where the instruction holds another number altogether.
    """
    if not equation.numbers:
        return True
    if not equation.right:
        return False
    try:
        value = evaluate(read(equation.numbers), {})
        right = not equation.because or holds(read(equation.because), {})
    except ArithmeticError:
        return False
    return right and agrees(value, equation.result, digits)
