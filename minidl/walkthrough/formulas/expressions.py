"""Formulas: read from text, printed as in a book, and evaluated in decimal arithmetic.

A formula is Python's own syntax tree of an expression such as ``1/(1 + exp(-x))``, as the
registries write it. It is never run: only what stands in ``FUNCTIONS`` and the five signs of
arithmetic has a meaning. Decimal arithmetic is what somebody with pencil and paper does: the
digits that are printed are the digits that count.
"""

from __future__ import annotations

import ast
import copy
import functools
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from decimal import Context, Decimal, DivisionByZero, InvalidOperation, localcontext

from minidl.core import ArgumentError

Expression = ast.expr
Numbers = Mapping[str, Decimal]

ARITHMETIC = Context(prec=60, Emin=-999999, Emax=999999, traps=[DivisionByZero, InvalidOperation])
"""Far more digits than float64 has, so that sums which cancel still have some."""

LEAST_LOG = Decimal(-100)
"""What minidl takes for the logarithm of 0, as PyTorch does."""

_PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459230781640628621")


def _log(x: Decimal) -> Decimal:
    return LEAST_LOG if x == 0 else x.ln()


def _sigmoid(x: Decimal) -> Decimal:
    return 1 / (1 + (-x).exp())


def _tanh(x: Decimal) -> Decimal:
    return 2 * _sigmoid(2 * x) - 1


def _sign(x: Decimal) -> Decimal:
    return Decimal((x > 0) - (x < 0))


def _erf(x: Decimal) -> Decimal:
    """2/√π e^(−x²) Σ 2ⁿ x^(2n+1) / (2n + 1)!!, in which nothing cancels."""
    if abs(x) > 15:
        return _sign(x)
    term = total = x
    n = 1
    while abs(term) > abs(total) * Decimal("1e-62"):
        term = term * (2 * x * x) / (2 * n + 1)
        total += term
        n += 1
    return 2 * (-x * x).exp() * total / _PI.sqrt()


FUNCTIONS: dict[str, Callable[..., Decimal]] = {
    "exp": Decimal.exp,
    "log": _log,
    "sqrt": Decimal.sqrt,
    "sigmoid": _sigmoid,
    "tanh": _tanh,
    "erf": _erf,
    "Abs": abs,
    "sign": _sign,
    "Max": max,
    "Min": min,
}
"""What a formula may call."""

CONSTANTS = {"pi": _PI}

SYMBOLS = {"alpha": "α", "gamma": "γ", "delta": "δ", "pi": "π", "eta": "η", "beta1": "β₁",
           "beta2": "β₂", "m_hat": "m̂", "v_hat": "v̂", "epsilon": "ε", "momentum": "μ",
           "rho": "ρ", "decay": "λ", "decoupled": "λ"}  # fmt: skip
"""How hyper-parameters and constants are shown."""

_SHOWN = {"log": "ln", "sigmoid": "σ", "Abs": "abs", "Max": "max", "Min": "min", "sqrt": "√"}
_READ = {shown: name for name, shown in _SHOWN.items()}

_COMPARED: dict[type, tuple[str, Callable[[Decimal, Decimal], bool]]] = {
    ast.Lt: ("<", lambda a, b: a < b),
    ast.LtE: ("≤", lambda a, b: a <= b),
    ast.Gt: (">", lambda a, b: a > b),
    ast.GtE: ("≥", lambda a, b: a >= b),
    ast.Eq: ("=", lambda a, b: a == b),
    ast.NotEq: ("≠", lambda a, b: a != b),
}
OPERATORS: dict[type, Callable[[Decimal, Decimal], Decimal]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: lambda a, b: a**b if b else Decimal(1),  # 0⁰ is 1
}
"""The five signs of arithmetic."""

_OPPOSITE = {ast.Lt: ast.GtE, ast.LtE: ast.Gt, ast.Gt: ast.LtE, ast.GtE: ast.Lt,
            ast.Eq: ast.NotEq, ast.NotEq: ast.Eq}  # fmt: skip

_ATOM, _POWER, _SIGN, _PRODUCT, _SUM = 5, 4, 3, 2, 1
_SIGNS: dict[type, tuple[str, int]] = {
    ast.Add: (" + ", _SUM),
    ast.Sub: (" − ", _SUM),
    ast.Mult: ("·", _PRODUCT),
    ast.MatMult: (" · ", _PRODUCT),
    ast.Div: ("/", _PRODUCT),
    ast.Pow: ("^", _POWER),
}


@functools.lru_cache(maxsize=4096)
def parse(text: str) -> Expression:
    """A formula in Python's syntax as a tree.

    Raises
    ------
    ArgumentError
        If it is none.

    Examples
    --------
    >>> shown(parse("1/(1 + exp(-x))"), {"x": "z"})
    '1/(1 + exp(−z))'
    """
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError) as error:
        remedy = "Write it as Python does: x/(1 + exp(-x))."
        raise ArgumentError("formula", "an expression", repr(text), remedy) from error


def read(text: str) -> Expression:
    """A formula as ``shown`` prints it, with numbers put in.

    Examples
    --------
    >>> evaluate(read("−0.5·(2 − 3)^2"), {})
    Decimal('-0.5')
    """
    for sign, plain in {
        "·": "*",
        "−": "-",
        "^": "**",
        "≤": "<=",
        "≥": ">=",
        "≠": "!=",
        "π": "pi",
    }.items():
        text = text.replace(sign, plain)
    text = re.sub(r"(?<![<>!=])=(?!=)", "==", text)
    for sign, name in _READ.items():
        text = re.sub(rf"(?<!\w){sign}\(", f"{name}(", text)
    return parse(text)


def evaluate(tree: Expression, numbers: Numbers) -> Decimal:
    """What a formula comes to.

    Raises
    ------
    ArgumentError
        If it holds anything but arithmetic, known functions and known names.
    ArithmeticError
        If it has no value: a division by 0.
    """
    with localcontext(ARITHMETIC):
        return _value(tree, numbers)


def _value(tree: Expression, numbers: Numbers) -> Decimal:
    if isinstance(tree, ast.Constant) and type(tree.value) in (int, float):
        return Decimal(repr(tree.value))
    if isinstance(tree, ast.Name):
        number = numbers.get(tree.id, CONSTANTS.get(tree.id))
        if number is not None:
            return number
    if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub):
        return -_value(tree.operand, numbers)
    if isinstance(tree, ast.BinOp) and type(tree.op) in OPERATORS:
        return OPERATORS[type(tree.op)](_value(tree.left, numbers), _value(tree.right, numbers))
    if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name):
        if tree.func.id == "Piecewise":
            return _value(branch(tree, numbers)[0], numbers)
        if tree.func.id in FUNCTIONS:
            return FUNCTIONS[tree.func.id](*(_value(x, numbers) for x in tree.args))
    raise unknown(tree)


def unknown(tree: ast.AST) -> ArgumentError:
    """The error for what has no meaning in a formula."""
    wanted = f"numbers, + - * / **, and {', '.join(FUNCTIONS)}"
    return ArgumentError("formula", wanted, ast.unparse(tree), "Write it with these.")


def holds(tree: Expression, numbers: Numbers) -> bool:
    """Whether a comparison is true."""
    if isinstance(tree, ast.Constant) and tree.value is True:
        return True
    if not isinstance(tree, ast.Compare) or type(tree.ops[0]) not in _COMPARED:
        raise unknown(tree)
    _, compare = _COMPARED[type(tree.ops[0])]
    return compare(evaluate(tree.left, numbers), evaluate(tree.comparators[0], numbers))


def branch(tree: ast.Call, numbers: Numbers) -> tuple[Expression, Expression | None]:
    """The part of a ``Piecewise`` that counts, and the comparison that chose it."""
    last: ast.Compare | None = None
    for part in tree.args:
        if not isinstance(part, ast.Tuple):
            raise unknown(part)
        value, condition = part.elts
        if holds(condition, numbers):
            return value, condition if isinstance(condition, ast.Compare) else _refused(last)
        if isinstance(condition, ast.Compare):
            last = condition
    raise unknown(tree)


def _refused(condition: ast.Compare | None) -> Expression | None:
    if condition is None:
        return None
    opposite = _OPPOSITE[type(condition.ops[0])]()
    return ast.Compare(condition.left, [opposite], condition.comparators)


def chosen(tree: Expression, numbers: Numbers) -> tuple[Expression, Expression | None]:
    """A formula with its ``Piecewise`` replaced by the part that counts, and why it does."""
    reasons: list[Expression] = []

    class Choose(ast.NodeTransformer):
        def visit_Call(self, node: ast.Call) -> ast.AST:
            self.generic_visit(node)
            if isinstance(node.func, ast.Name) and node.func.id == "Piecewise":
                value, reason = branch(node, numbers)
                reasons.extend([reason] if reason is not None else [])
                return value
            return node

    formula = Choose().visit(copy.deepcopy(tree))
    return formula, reasons[0] if reasons else None


def substitute(tree: Expression, parts: Mapping[str, Expression]) -> Expression:
    """A formula with expressions in place of some names."""

    class Put(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.AST:
            return copy.deepcopy(parts[node.id]) if node.id in parts else node

    substituted: Expression = Put().visit(copy.deepcopy(tree))
    return substituted


@functools.lru_cache(maxsize=1024)
def spread(formula: str, columns: int, column: int) -> str:
    """A row's formula written out: ``Sum`` over the columns, ``x_i`` the column at hand.

    Examples
    --------
    >>> spread("exp(x_i)/Sum(exp(x_j))", columns=2, column=1)
    'exp(x1) / (exp(x0) + exp(x1))'
    """

    class Spread(ast.NodeTransformer):
        def visit_Call(self, node: ast.Call) -> ast.AST:
            if isinstance(node.func, ast.Name) and node.func.id == "Sum":
                inner = node.args[0]
                terms = [substitute(inner, {"x_j": ast.Name(f"x{j}")}) for j in range(columns)]
                return functools.reduce(lambda a, b: ast.BinOp(a, ast.Add(), b), terms)
            self.generic_visit(node)
            return node

    tree: Expression = Spread().visit(substitute(parse(formula), {"x_i": ast.Name(f"x{column}")}))
    return ast.unparse(tree)


def names(tree: Expression) -> list[str]:
    """The names that a formula's value depends on."""
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    nodes = (node for node in ast.walk(tree) if isinstance(node, ast.Name))
    return list(dict.fromkeys(n.id for n in nodes if id(n) not in called and n.id not in CONSTANTS))


def shown(tree: Expression, texts: Mapping[str, str]) -> str:
    """A formula as a book prints it, with these texts in place of its names."""
    return _shown(tree, texts)[0]


def _shown(tree: Expression, texts: Mapping[str, str]) -> tuple[str, int]:
    """The text, and how strongly its outermost sign binds."""
    if isinstance(tree, ast.Constant):
        return _bound(f"{tree.value!r}".replace("-", "−"))
    if isinstance(tree, ast.Name):
        return _bound(texts.get(tree.id, SYMBOLS.get(tree.id, tree.id)))
    if isinstance(tree, ast.Attribute):  # w.T, transposed
        return f"{_within(tree.value, texts, _ATOM)}ᵀ", _ATOM
    if isinstance(tree, ast.UnaryOp):
        return f"−{_within(tree.operand, texts, _PRODUCT)}", _SIGN
    if isinstance(tree, ast.BinOp):
        sign, strength = _SIGNS[type(tree.op)]
        if strength == _POWER:
            return f"{_within(tree.left, texts, _ATOM)}^{_within(tree.right, texts, _ATOM)}", _POWER
        left = _within(tree.left, texts, strength, first=True)
        tight = isinstance(tree.op, ast.Sub | ast.Div)
        sign = " / " if is_mean(tree) else sign
        return f"{left}{sign}{_within(tree.right, texts, strength + tight)}", strength
    if isinstance(tree, ast.Compare):
        sign, _ = _COMPARED[type(tree.ops[0])]
        sides = (_shown(side, texts)[0] for side in (tree.left, tree.comparators[0]))
        return f" {sign} ".join(sides), 0
    if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name):
        return _called(tree, tree.func.id, texts), _ATOM
    raise unknown(tree)


def is_mean(tree: ast.BinOp) -> bool:
    """Whether it is a sum of all numbers of an array, divided."""
    above = tree.left.func if isinstance(tree.left, ast.Call) else None
    return isinstance(tree.op, ast.Div) and isinstance(above, ast.Name) and above.id == "Total"


def _bound(text: str) -> tuple[str, int]:
    """A number or a symbol; a negative number is one with a sign, some symbols are sums."""
    return text, _SIGN if text.startswith("−") else _ATOM


def _within(tree: Expression, texts: Mapping[str, str], strength: int, first: bool = False) -> str:
    """A part of a formula, in brackets where it binds less strongly, or starts with a sign."""
    text, binding = _shown(tree, texts)
    signed = text.startswith("−") and not first
    return f"({text})" if binding < strength or signed else text


def _called(tree: ast.Call, name: str, texts: Mapping[str, str]) -> str:
    if name == "Piecewise":
        parts = []
        for part in tree.args:
            assert isinstance(part, ast.Tuple)
            value, condition = part.elts
            always = isinstance(condition, ast.Constant)
            text = _shown(value, texts)[0]
            reason = "" if always else _shown(condition, texts)[0]
            parts.append(f"else {text}" if always else f"{text} if {reason}")
        return f"({', '.join(parts)})"
    if name == "Times":
        return " × ".join(_within(x, texts, _PRODUCT) for x in tree.args)
    if name == "Sum":  # of a row, over j
        return f"Σ {_within(tree.args[0], texts, _PRODUCT)}"
    if name == "Total":
        over = f" over the {ast.unparse(tree.args[1])}" if tree.args[1:] else ""
        return f"Σ {_within(tree.args[0], texts, _PRODUCT)}{over}"
    inner = ", ".join(_shown(x, texts)[0] for x in tree.args)
    return f"{_SHOWN.get(name, name)}({inner})"


def can_evaluate(tree: Expression, numbers: Numbers) -> bool:
    """Whether a formula has a value for these numbers."""
    try:
        return evaluate(tree, numbers).is_finite()
    except (ArgumentError, ArithmeticError, TypeError):
        return False


def branch_values(formula: str, numbers: Numbers) -> Iterator[Decimal]:
    """A formula's value with each branch of its first piecewise part, right or wrong."""
    tree = parse(formula)
    for place, node in enumerate(ast.walk(tree)):
        if parts := _alternatives(node):
            for part in parts:
                branch_alone = _replaced(tree, place, part)
                if all(name in numbers for name in names(branch_alone)):
                    with suppress(ArithmeticError):
                        yield evaluate(branch_alone, numbers)
            return


def _alternatives(node: ast.AST) -> list[Expression]:
    """What a piecewise part of a formula chooses from; nothing of any other."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        return []
    if node.func.id == "Piecewise":
        return [part.elts[0] for part in node.args if isinstance(part, ast.Tuple)]
    return node.args if node.func.id in ("Max", "Min") else []


def _replaced(tree: Expression, place: int, part: Expression) -> Expression:
    """A formula with one of its parts (counted as ``ast.walk`` does) replaced by another."""
    if place == 0:
        return part
    copied = copy.deepcopy(tree)
    old = list(ast.walk(copied))[place]
    for node in ast.walk(copied):
        for field, value in ast.iter_fields(node):
            if value is old:
                setattr(node, field, part)
            elif isinstance(value, list) and any(v is old for v in value):
                setattr(node, field, [part if v is old else v for v in value])
    return copied
