"""Derivatives of formulas by the rules of a first course.

Local derivatives that a walkthrough prints come from here: from an activation's or a loss's
``formula``, or as its ``slope_formula`` states them, after both were found to agree. Nothing is
computed with them: the numbers beside them are the kernels'.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from minidl.core import ArgumentError
from minidl.walkthrough.formulas.expressions import (
    Expression,
    evaluate,
    names,
    parse,
    substitute,
    unknown,
)

_OUTER_SLOPES = {
    "exp": "exp(u)",
    "log": "1/u",
    "sqrt": "1/(2*sqrt(u))",
    "sigmoid": "sigmoid(u)*(1 - sigmoid(u))",
    "tanh": "1 - tanh(u)**2",
    "erf": "2*exp(-u**2)/sqrt(pi)",
    "Abs": "sign(u)",
    "sign": "0",
}
"""Derivatives of functions at u."""


def derivative(tree: Expression, name: str) -> Expression:
    """The derivative of a formula with respect to one of its names.

    At a corner it takes the side that minidl's kernels take: the first of ``Max``, 0 for ``Abs``.

    Raises
    ------
    ArgumentError
        If the formula holds what no rule is known for.

    Examples
    --------
    >>> ast.unparse(derivative(parse("x/(1 + x**2)"), "x"))
    '(1 + x ** 2 - x * (2 * x)) / (1 + x ** 2) ** 2'
    """
    if name not in names(tree):
        return ast.Constant(0)
    if isinstance(tree, ast.Name):
        return ast.Constant(1)
    if isinstance(tree, ast.UnaryOp):
        return _negative(derivative(tree.operand, name))
    if isinstance(tree, ast.BinOp):
        return _of_two(tree, name)
    if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name):
        return _of_call(tree, tree.func.id, name)
    raise unknown(tree)


def _of_two(tree: ast.BinOp, name: str) -> Expression:
    a, b = tree.left, tree.right
    da, db = derivative(a, name), derivative(b, name)
    if isinstance(tree.op, ast.Add):
        return _sum(da, db)
    if isinstance(tree.op, ast.Sub):
        return _difference(da, db)
    if isinstance(tree.op, ast.Mult):
        return _sum(_product(da, b), _product(a, db))
    if isinstance(tree.op, ast.Div):
        if _is(db, 0):
            return _quotient(da, b)
        return _quotient(_difference(_product(da, b), _product(a, db)), _power(b, ast.Constant(2)))
    if isinstance(tree.op, ast.Pow) and _is(db, 0):
        less = _difference(b, ast.Constant(1))
        return _product(_product(b, _power(a, less)), da)
    raise unknown(tree)


def _of_call(tree: ast.Call, called: str, name: str) -> Expression:
    if called == "Piecewise":
        parts = [part.elts for part in tree.args if isinstance(part, ast.Tuple)]
        return _piecewise([(derivative(value, name), reason) for value, reason in parts])
    if called in ("Max", "Min") and len(tree.args) == 2:
        a, b = tree.args
        beyond = ast.Compare(b, [ast.Gt() if called == "Max" else ast.Lt()], [a])
        sides = [(derivative(b, name), beyond), (derivative(a, name), ast.Constant(True))]
        return _piecewise(sides)
    if called in _OUTER_SLOPES:
        outer = substitute(parse(_OUTER_SLOPES[called]), {"u": tree.args[0]})
        return _product(outer, derivative(tree.args[0], name))
    raise unknown(tree)


def _piecewise(parts: Sequence[tuple[Expression, Expression]]) -> Expression:
    pairs: list[Expression] = [ast.Tuple([value, reason], ast.Load()) for value, reason in parts]
    return ast.Call(ast.Name("Piecewise", ast.Load()), pairs, [])


def _is(tree: Expression, value: int) -> bool:
    return isinstance(tree, ast.Constant) and tree.value == value


def _negative(a: Expression) -> Expression:
    if isinstance(a, ast.UnaryOp):
        return a.operand
    return a if _is(a, 0) else ast.UnaryOp(ast.USub(), a)


def _sum(a: Expression, b: Expression) -> Expression:
    if _is(a, 0) or _is(b, 0):
        return b if _is(a, 0) else a
    if isinstance(b, ast.UnaryOp):
        return _difference(a, b.operand)
    return ast.BinOp(a, ast.Add(), b)


def _difference(a: Expression, b: Expression) -> Expression:
    match a, b:
        case ast.Constant(int() | float() as x), ast.Constant(int() | float() as y):
            return ast.Constant(x - y)
    if _is(b, 0):
        return a
    if isinstance(b, ast.UnaryOp):
        return _sum(a, b.operand)
    return _negative(b) if _is(a, 0) else ast.BinOp(a, ast.Sub(), b)


def _product(a: Expression, b: Expression) -> Expression:
    if _is(a, 0) or _is(b, 0):
        return ast.Constant(0)
    if _is(a, 1) or _is(b, 1):
        return b if _is(a, 1) else a
    if _is(a, -1) or _is(b, -1):
        return _negative(b if _is(a, -1) else a)
    for one, other in ((a, b), (b, a)):
        if isinstance(one, ast.UnaryOp):
            return _negative(_product(one.operand, other))
        if isinstance(one, ast.BinOp) and isinstance(one.op, ast.Div) and _is(one.left, 1):
            return _quotient(other, one.right)
    return ast.BinOp(a, ast.Mult(), b)


def _quotient(a: Expression, b: Expression) -> Expression:
    if isinstance(a, ast.UnaryOp):
        return _negative(_quotient(a.operand, b))
    return a if _is(a, 0) or _is(b, 1) else ast.BinOp(a, ast.Div(), b)


def _power(a: Expression, b: Expression) -> Expression:
    return a if _is(b, 1) else ast.BinOp(a, ast.Pow(), b)


_SIMPLIFIED: dict[type, Callable[[Expression, Expression], Expression]] = {
    ast.Add: _sum,
    ast.Sub: _difference,
    ast.Mult: _product,
    ast.Div: _quotient,
    ast.Pow: _power,
}


_PROBES = ("0.37", "-0.81", "0.59", "1.7")
"""Where two formulas are compared; no corner lies there."""


def agree(one: Expression, other: Expression, given: Mapping[str, Expression]) -> bool:
    """Whether two formulas come to the same wherever it is tried; ``given`` says what names mean.

    False as well where one of them cannot be worked out at all.
    """
    compared = 0
    for shift in range(len(_PROBES)):
        try:
            a, b = (_tried(tree, given, shift) for tree in (one, other))
        except (ArgumentError, TypeError, AttributeError):
            return False
        except ArithmeticError:  # the logarithm of a negative number: no place to compare
            continue
        if abs(a - b) > abs(a + b) * Decimal("1e-12"):
            return False
        compared += 1
    return compared > 1


def _tried(tree: Expression, given: Mapping[str, Expression], shift: int) -> Decimal:
    tree = substitute(tree, given)
    free = sorted(names(tree))
    probes = _PROBES[shift:] + _PROBES[:shift]
    return evaluate(tree, {n: Decimal(probes[i % len(probes)]) for i, n in enumerate(free)})


@functools.lru_cache(maxsize=256)
def slope_of(
    formula: str, stated: str, name: str, result: str, fixed: tuple[tuple[str, int], ...] = ()
) -> str:
    """The derivative by ``name`` as text: as it is ``stated`` if that agrees, else by the rules.

    What is stated may call the formula's own value ``result``. ``fixed`` names what is 0 or 1, as
    a target, so that the rules leave less.
    """
    tree = parse(formula)
    plain = derivative(tree, name)
    if stated and agree(parse(stated), plain, {result: tree}):
        return ast.unparse(parse(stated))
    numbers = {key: ast.Constant(value) for key, value in fixed}
    return ast.unparse(_folded(substitute(plain, numbers)))


def _folded(tree: Expression) -> Expression:
    """A formula without sums of 0, products with 0 and 1, and differences of numbers."""
    if isinstance(tree, ast.UnaryOp):
        return _negative(_folded(tree.operand))
    if isinstance(tree, ast.BinOp):
        make = _SIMPLIFIED.get(type(tree.op))
        a, b = _folded(tree.left), _folded(tree.right)
        return make(a, b) if make is not None else ast.BinOp(a, tree.op, b)
    if isinstance(tree, ast.Call) and ast.unparse(tree.func) != "Piecewise":
        return ast.Call(tree.func, [_folded(part) for part in tree.args], [])
    return tree
