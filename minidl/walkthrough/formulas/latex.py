"""Formulas as LaTeX, and from there as MathML.

A formula is turned into LaTeX once, with slots for its operands: the slots are filled with symbols
or with the digits that are printed. A page does the same in the reader's browser, so that it holds
each formula once and of each number its digits only.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from minidl.walkthrough.formulas.equations import Equation
from minidl.walkthrough.formulas.expressions import (
    SYMBOLS,
    Expression,
    chosen,
    is_mean,
    parse,
    unknown,
)
from minidl.walkthrough.formulas.letters import SLOT, Symbols, letter

_SLOT = re.compile(r"\\text\{⟨(\d+)([!^]?)⟩\}")
_COMPARED: dict[type, str] = {
    ast.Lt: "<", ast.LtE: r"\le", ast.Gt: ">", ast.GtE: r"\ge", ast.Eq: "=", ast.NotEq: r"\ne",
}  # fmt: skip
_CALLED = {"log": r"\ln", "sigmoid": r"\sigma", "tanh": r"\tanh", "Max": r"\max", "Min": r"\min"}
_SUM, _PRODUCT, _POWER, _ATOM = 1, 2, 3, 4

_COMPOUND = (r"\frac", r"\text", "^", "_{")
"""What makes a base of a power more than a letter or a number."""

_SPARED = r' (?:xmlns|stretchy|fence|form)="[^"]*"| display="inline"'
"""Attributes of MathML that say what browsers take for granted."""


class Template(NamedTuple):
    """A formula with numbered slots: as the rule, with numbers put in, and why this branch.

    ``⟨0⟩`` is the first operand; ``⟨0!⟩`` takes brackets where it is negative, ``⟨0^⟩`` also
    where it is more than one sign: a fraction, a power of ten.
    """

    symbols: str
    numbers: str
    because: str


def template(equation: Equation) -> Template:
    """The template of an equation's formula; all parts empty where it has none."""
    if not equation.numbers:
        return Template("", "", "")
    keys = tuple(operand.key for operand in equation.operands)
    part, reason = equation.formula, ""
    if "Piecewise" in equation.formula:
        branch, why = chosen(parse(equation.formula), equation.printed)
        part, reason = ast.unparse(branch), "" if why is None else ast.unparse(why)
    return _template(equation.formula, part, reason, keys)


@functools.lru_cache(maxsize=1024)
def _template(formula: str, part: str, reason: str, keys: tuple[str, ...]) -> Template:
    return Template(
        *(to_latex(parse(text), keys) if text else "" for text in (formula, part, reason))
    )


def to_latex(
    tree: Expression, keys: Sequence[str] = (), texts: Mapping[str, str] | None = None
) -> str:
    r"""A formula as LaTeX: slots for the names in ``keys``, other names as in ``texts``.

    Examples
    --------
    >>> to_latex(parse("1/(1 + exp(-x))"), texts={"x": "z"})
    '\\frac{1}{1 + e^{-z}}'
    >>> to_latex(parse("a*b"), keys=["a", "b"])
    '\\text{⟨0⟩} \\cdot \\text{⟨1!⟩}'
    """
    return _Writer(keys, texts or {}).write(tree, _SUM, first=True)


class _Writer:
    def __init__(self, keys: Sequence[str], texts: Mapping[str, str]) -> None:
        self._places = {key: i for i, key in enumerate(keys)}
        self._texts = texts

    def write(self, tree: Expression, strength: int, first: bool) -> str:
        """A part that has to bind at least so strongly; ``first``: no sign stands before it."""
        if isinstance(tree, ast.Name):
            return self._name(tree.id, "" if first else "^" if strength >= _ATOM else "!")
        if isinstance(tree, ast.Constant):
            return f"{tree.value:.5g}" if isinstance(tree.value, float) else str(tree.value)
        if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name):
            return self._call(tree, tree.func.id, strength)
        if isinstance(tree, ast.Compare):
            sign = _COMPARED[type(tree.ops[0])]
            left, right = (self.write(x, _SUM, first=True) for x in (tree.left, *tree.comparators))
            return f"{left} {sign} {right}"
        if isinstance(tree, ast.Attribute):  # w.T, transposed
            return rf"{{{self.write(tree.value, _ATOM, first)}}}^{{\mathsf T}}"
        if isinstance(tree, ast.UnaryOp):
            text = f"-{self.write(tree.operand, _PRODUCT, first=False)}"
            return text if first and strength <= _PRODUCT else bracketed(text)
        if isinstance(tree, ast.BinOp):
            text, binding = self._signed(tree, first or strength > _strength(tree))
            return text if binding >= strength else bracketed(text)
        raise unknown(tree)

    def _signed(self, tree: ast.BinOp, first: bool) -> tuple[str, int]:
        left, right, sign = tree.left, tree.right, type(tree.op)
        if sign is ast.Div:
            above, below = (self.write(x, _SUM, first=True) for x in (left, right))
            if is_mean(tree):
                return rf"\frac{{1}}{{{below}}} {above}", _PRODUCT
            return rf"\frac{{{above}}}{{{below}}}", _POWER
        if sign is ast.Pow:
            raised = self.write(right, _SUM, first=True)
            return f"{self.write(left, _ATOM, first=False)}^{{{raised}}}", _POWER
        if sign is ast.Mult:
            sides = [self.write(left, _PRODUCT, first), self.write(right, _PRODUCT, first=False)]
            return r" \cdot ".join(sides), _PRODUCT
        if sign is ast.MatMult:
            room = r" \; " if any(isinstance(x, ast.Attribute) for x in (left, right)) else r" \, "
            return room.join(self.write(x, _PRODUCT, first=True) for x in (left, right)), _PRODUCT
        tight = _PRODUCT if sign is ast.Sub else _SUM
        sides = [self.write(left, _SUM, first), self.write(right, tight, first=False)]
        return (" - " if sign is ast.Sub else " + ").join(sides), _SUM

    def _name(self, name: str, mark: str) -> str:
        if name in self._places:
            return SLOT % f"{self._places[name]}{mark}"
        if name in self._texts:
            text = self._texts[name]
            if mark == "^":
                return bracketed(text) if text.startswith(r"\frac") else f"{{{text}}}"
            return text
        return letter(SYMBOLS.get(name, name))

    def _call(self, tree: ast.Call, name: str, strength: int) -> str:
        if name == "Piecewise":
            return self._cases(tree)
        inner = [self.write(x, _SUM, first=True) for x in tree.args]
        if name == "exp":
            text = f"e^{{{inner[0]}}}"
            return bracketed(text) if strength >= _ATOM else text
        if name == "sqrt":
            return rf"\sqrt{{{inner[0]}}}"
        if name == "Abs":
            return rf"\left|{inner[0]}\right|"
        if name == "Sum":
            text = rf"\sum_j {self.write(tree.args[0], _PRODUCT, first=False)}"
            return bracketed(text) if strength > _PRODUCT else text
        if name == "Total":
            return (
                r"\sum"
                + (rf"_{{\text{{{ast.unparse(tree.args[1])}}}}}" if inner[1:] else "")
                + f" {inner[0]}"
            )
        if name == "Times":
            return rf"{inner[0]} \odot {inner[1]}"
        called = _CALLED.get(name, rf"\operatorname{{{name}}}")
        return called + bracketed(", ".join(inner))

    def _cases(self, tree: ast.Call) -> str:
        lines = []
        for part in tree.args:
            assert isinstance(part, ast.Tuple)
            value, condition = (self.write(x, _SUM, first=True) if not isinstance(x, ast.Constant)
                                or x.value is not True else "" for x in part.elts)  # fmt: skip
            reason = rf"\text{{if }} {condition}" if condition else r"\text{else}"
            lines.append(f"{value} & {reason}")
        return r"\begin{cases} " + r" \\ ".join(lines) + r" \end{cases}"


def _strength(tree: ast.BinOp) -> int:
    if isinstance(tree.op, ast.Div | ast.Pow):
        return _POWER
    return _PRODUCT if isinstance(tree.op, ast.Mult | ast.MatMult) else _SUM


def bracketed(text: str) -> str:
    """LaTeX in brackets as high as it is."""
    return rf"\left({text}\right)"


def number_latex(text: str) -> str:
    r"""A printed number as LaTeX.

    Examples
    --------
    >>> number_latex("−1.235e−5")
    '-1.235 \\cdot 10^{-5}'
    """
    digits, _, exponent = text.replace("−", "-").partition("e")
    if not exponent:
        return digits
    return f"10^{{{exponent}}}" if digits == "1" else rf"{digits} \cdot 10^{{{exponent}}}"


def filled(text: str, parts: Sequence[str]) -> str:
    """A template with its slots filled, in brackets where these are wanted."""

    def put(match: re.Match[str]) -> str:
        part, mark = parts[int(match[1])], match[2]
        negative, compound = part.startswith("-"), any(sign in part for sign in _COMPOUND)
        if (mark and negative) or (mark == "^" and compound):
            return bracketed(part)
        return f"{{{part}}}" if mark == "^" else part

    return _SLOT.sub(put, text)


def equation_latex(equation: Equation, notation: Symbols) -> list[str]:
    """An equation's sides: what is worked out, the rule, the rule with numbers, the result."""
    form = template(equation)
    symbols = [notation.symbol(operand.symbol) for operand in equation.operands]
    numbers = [number_latex(operand.text) for operand in equation.operands]
    sides = [notation.symbol(equation.left), filled(form.symbols, symbols),
             filled(form.numbers, numbers), number_latex(equation.result)]  # fmt: skip
    if equation.because:
        sides[2] += rf" \quad \text{{as }} {filled(form.because, numbers)}"
    return list(dict.fromkeys(side for side in sides if side))


@functools.lru_cache(maxsize=4096)
def mathml(text: str, block: bool = False) -> str:
    """LaTeX as MathML, to stand in HTML."""
    from latex2mathml.converter import convert

    markup = convert(text, display="block" if block else "inline")
    markup = re.sub(_SPARED, "", markup)
    markup = re.sub(r"&#x([0-9A-F]+);", _plain, markup)
    return markup


def _plain(match: re.Match[str]) -> str:
    """A sign in place of its number, unless it has a meaning in HTML."""
    sign = chr(int(match[1], 16))
    return match[0] if sign in "<&" else sign
