"""What an answer would be if a classical mistake had been made.

Each mistake is worked out from the walkthrough's own arrays and formulas, not guessed from the
answer: the answer is compared with what the mistake would have given.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from decimal import Decimal, localcontext
from typing import NamedTuple

import numpy as np

from minidl.core import ArgumentError
from minidl.walkthrough.calculus import slope_of
from minidl.walkthrough.digits import number
from minidl.walkthrough.expressions import ARITHMETIC, Expression, evaluate, names, parse
from minidl.walkthrough.items import Item
from minidl.walkthrough.scene import symbol
from minidl.walkthrough.steps import Array
from minidl.walkthrough.walkthrough import Walkthrough

MISTAKES = {
    "slope": "σ′ forgotten: multiply what comes from above by the slope of the activation.",
    "sign": "A sign is wrong: look at minus signs and at the direction of the update.",
    "mean": "Mean and sum mixed up: count how many numbers the loss averages over, once.",
    "transposed": "Transposed: rows and columns of a matrix were swapped.",
    "fan-out": "Ways not added up: a number that is used several times gets the sum of all.",
    "stale": "Stale weight: the number before the update and the one after were mixed up.",
    "branch": "Wrong branch of a piecewise function, as ReLU: look at the sign of its input.",
}
"""The kinds, with what is said about each."""

Numbers = dict[str, Decimal]


class Wrong(NamedTuple):
    """A number that somebody gets by a mistake."""

    kind: str
    value: Decimal


def wrong_answers(walkthrough: Walkthrough, item: Item) -> list[Wrong]:
    """The numbers that classical mistakes would give in place of an equation's result.

    Several ways of making one mistake are several numbers of one kind. Some may be the right
    number, or that of another kind: whoever compares decides.
    """
    made = []
    with localcontext(ARITHMETIC):
        for kind, rule in RULES.items():
            made += [Wrong(kind, value) for value in rule(walkthrough, item)]
    return made


def operands(item: Item) -> Numbers:
    """An equation's operands as they are printed."""
    return {operand.key: number(operand.text) for operand in item.equation.operands}


def worked(item: Item, numbers: Mapping[str, Decimal]) -> Iterator[Decimal]:
    """The equation's value for other operands; none where it has no value."""
    with suppress(ArithmeticError, ArgumentError):
        yield evaluate(parse(item.equation.formula), numbers)


def _right(item: Item) -> Decimal:
    return next(worked(item, operands(item)), number(item.equation.result))


# ── σ′ forgotten ──────────────────────────────────────────────────────────────────────────────


def _slope(_: Walkthrough, item: Item) -> Iterator[Decimal]:
    kind, found = item.equation.kind, operands(item)
    if kind == "contribution" and item.step.expansion in ("elementwise_back", "row_back"):
        yield found["b"]
    if kind == "factored":
        links = [key for key in found if key == "c" or (key[0] == "b" and key[1:].isdigit())]
        yield from worked(item, found | dict.fromkeys(links, Decimal(1)))


# ── sign ──────────────────────────────────────────────────────────────────────────────────────


def _sign(_: Walkthrough, item: Item) -> Iterator[Decimal]:
    found = operands(item)
    if item.equation.kind == "update":
        for key in ("eta", "g"):  # the first that is there: uphill instead of downhill
            if key in found:
                yield from worked(item, found | {key: -found[key]})
                break
    yield -_right(item)
    for key in found:  # one term of a sum
        if (key[0] == "a" and key[1:].isdigit()) or key == "c":
            yield from worked(item, found | {key: -found[key]})
        if key[0] == "c" and key[1:].isdigit():
            yield from worked(item, found | {key: -found[key]})


# ── mean against sum ──────────────────────────────────────────────────────────────────────────


def _mean(walkthrough: Walkthrough, item: Item) -> Iterator[Decimal]:
    step, right, rows = item.step, _right(item), Decimal(walkthrough.problem.rows)
    kind = item.equation.kind
    if step.expansion == "added":
        count = Decimal(step.settings.get("divisor", 1.0))
        yield right * count if count != 1 else right / len(item.equation.operands)
    if step.expansion == "loss_back" and kind in ("factored", "cancels", "contribution"):
        count = Decimal(step.settings["count"])
        yield right * count
        yield right * count / rows  # over the rows alone
        yield right / rows
    if step.expansion in ("dense_dw", "dense_db") and kind == "sum":
        yield right / rows


# ── transposed ────────────────────────────────────────────────────────────────────────────────


def _other_way(matrix: np.ndarray) -> np.ndarray:
    """A matrix read by columns instead of rows; the transposed one if it is square."""
    return matrix.reshape(-1).reshape(matrix.shape[::-1]).T


def _transposed(walkthrough: Walkthrough, item: Item) -> Iterator[Decimal]:
    step = item.step
    if step.expansion not in ("dense", "dense_dx", "dense_dw"):
        return
    before = [walkthrough.before(step.number)[name] for name in step.reads]
    if step.expansion == "dense_dw":
        yield from _swapped_outer(item, *before)
        return
    weight = before[1 if step.expansion == "dense" else 0]
    if min(weight.shape) < 2:  # a row or a column: the same numbers either way
        return
    yield from _with_weight(walkthrough, item, _other_way(weight.numbers), None)


def _with_weight(
    walkthrough: Walkthrough, item: Item, weight: np.ndarray, bias: np.ndarray | None
) -> Iterator[Decimal]:
    """A number of a dense layer with another matrix of weights."""
    step, (*row, unit) = item.step, item.index
    state = walkthrough.before(step.number)
    if step.expansion == "dense":
        x, own = state[step.reads[0]].numbers[tuple(row)], weight[:, unit]
        added = state[step.reads[2]].numbers if bias is None else bias
        yield _dot(x, own) + Decimal(float(added[unit]))
        return
    terms, own = state[step.reads[1]].numbers[tuple(row)], weight[unit]
    if item.equation.kind == "contribution" and len(terms) > 1:
        terms, own = terms[item.place : item.place + 1], own[item.place : item.place + 1]
    yield _dot(terms, own)


def _dot(a: np.ndarray, b: np.ndarray) -> Decimal:
    pairs = zip(a.tolist(), b.tolist(), strict=True)
    return sum((Decimal(x) * Decimal(y) for x, y in pairs), Decimal(0))


def _swapped_outer(item: Item, x: Array, dy: Array) -> Iterator[Decimal]:
    """dyᵀ x in place of xᵀ dy."""
    k, j = item.index
    a = x.numbers.reshape(-1, x.shape[-1])
    b = dy.numbers.reshape(-1, dy.shape[-1])
    if min(a.shape[-1], b.shape[-1]) < 2:
        return
    if item.equation.kind == "contribution" and len(a) > 1:
        a, b = a[item.place : item.place + 1], b[item.place : item.place + 1]
    swapped = (b.T @ a).reshape(a.shape[-1], b.shape[-1])
    yield Decimal(float(swapped[k, j]))


# ── fan-out not summed ────────────────────────────────────────────────────────────────────────


def _fan_out(_: Walkthrough, item: Item) -> Iterator[Decimal]:
    if item.equation.kind != "sum" or item.step.phase != "backward":
        return
    parts = list(operands(item).values())
    yield from parts
    if len(parts) > 2:
        total = sum(parts, Decimal(0))
        yield from (total - part for part in parts)


# ── stale weight ──────────────────────────────────────────────────────────────────────────────


def _stale(walkthrough: Walkthrough, item: Item) -> Iterator[Decimal]:
    step, found = item.step, operands(item)
    if item.equation.kind == "update":
        if item.equation.left == f"new {symbol(item.array, item.index)}":
            old = walkthrough.before(step.number)
            yield Decimal(old[item.array][item.index])
            for key in ("velocity", "m", "v"):
                name = f"{item.array}.{key}"
                if key in found and name in old:  # the state of the step before
                    yield from worked(item, found | {key: Decimal(old[name][item.index])})
        return
    if step.expansion not in ("dense", "dense_dx"):
        return
    after = walkthrough.after(len(walkthrough.steps) - 1)
    name = step.reads[1 if step.expansion == "dense" else 0]
    bias = after[step.reads[2]].numbers if step.expansion == "dense" else None
    yield from _with_weight(walkthrough, item, after[name].numbers, bias)
    if bias is not None:  # the bias by itself was not touched
        yield from _with_weight(walkthrough, item, after[name].numbers, None)


# ── wrong branch ──────────────────────────────────────────────────────────────────────────────


def _branch(walkthrough: Walkthrough, item: Item) -> Iterator[Decimal]:
    step, kind = item.step, item.equation.kind
    if step.expansion == "elementwise" and kind == "value" and step.formulas["value"]:
        yield from _branches(step.formulas["value"], _inputs(walkthrough, item))
    if step.expansion == "elementwise_back" and step.formulas["value"]:
        told = step.formulas
        slope = slope_of(told["value"], told["derivative"], told["of"], "y")
        upstream = operands(item).get("b", Decimal(0))
        for local in _branches(slope, _inputs(walkthrough, item)):
            if kind == "local":
                yield local
            elif kind == "contribution":
                yield local * upstream
    if step.expansion in ("each", "loss_back") and kind in ("value", "local"):
        yield from _branches(item.equation.formula, operands(item))


def _inputs(walkthrough: Walkthrough, item: Item) -> Numbers:
    """What an activation's formula is made from, for one place: x (or a and b), y, settings."""
    step, index = item.step, item.index
    state = walkthrough.after(step.number)
    back = step.expansion == "elementwise_back"
    reads = step.reads[:-2] if back else step.reads
    keys = ("x",) if len(reads) == 1 else ("a", "b")
    found = {}
    for key, name in zip(keys, reads, strict=True):
        array = state[name]
        place = index if len(array.values) > 1 else (0,) * len(array.shape)
        found[key] = Decimal(array[place])
    if back:
        found["y"] = Decimal(state[step.reads[-2]][index])
    return found | {key: Decimal(repr(value)) for key, value in step.settings.items()}


def _branches(formula: str, numbers: Numbers) -> Iterator[Decimal]:
    """A formula's value with each branch of its first piecewise part, right or wrong."""
    tree = parse(formula)
    for place, node in enumerate(ast.walk(tree)):
        if parts := _alternatives(node):
            for part in parts:
                made = _replaced(tree, place, part)
                if all(name in numbers for name in names(made)):
                    with suppress(ArithmeticError):
                        yield evaluate(made, numbers)
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
    made = copy.deepcopy(tree)
    old = list(ast.walk(made))[place]
    for node in ast.walk(made):
        for field, value in ast.iter_fields(node):
            if value is old:
                setattr(node, field, part)
            elif isinstance(value, list) and any(v is old for v in value):
                setattr(node, field, [part if v is old else v for v in value])
    return made


RULES: dict[str, Callable[[Walkthrough, Item], Iterator[Decimal]]] = {
    "slope": _slope,
    "sign": _sign,
    "mean": _mean,
    "transposed": _transposed,
    "fan-out": _fan_out,
    "stale": _stale,
    "branch": _branch,
}
"""Each kind with the numbers that it gives."""
