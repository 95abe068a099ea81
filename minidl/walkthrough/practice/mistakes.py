"""What an answer would be if a classical mistake had been made.

Each mistake is worked out from the walkthrough's own arrays and formulas, not guessed from the
answer: the answer is compared with what the mistake would have given. Operations know which wrong
numbers the mistakes give that are made in them; what can go wrong in any equation stands here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal, localcontext
from typing import NamedTuple

from minidl.walkthrough.formulas import ARITHMETIC, Symbol, number
from minidl.walkthrough.operations import Operation, Question, operation_of
from minidl.walkthrough.practice.items import Item
from minidl.walkthrough.walkthrough_data import WalkthroughData

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


class Wrong(NamedTuple):
    """A number that somebody gets by a mistake."""

    kind: str
    value: Decimal


def wrong_answers(walkthrough: WalkthroughData, item: Item) -> list[Wrong]:
    """The numbers that classical mistakes would give in place of an equation's result.

    Several ways of making one mistake are several numbers of one kind. Some may be the right
    number, or that of another kind: whoever compares decides.
    """
    asked = Question(
        walkthrough.scene(item.step), item.equation, item.index, item.place,
        final=walkthrough.after(len(walkthrough.steps) - 1), rows=walkthrough.problem.rows,
    )  # fmt: skip
    operation, wrong = operation_of(item.step), list[Wrong]()
    with localcontext(ARITHMETIC):
        right = next(item.equation.worked({}), number(item.equation.result))
        for kind, values in _WRONG_NUMBERS.items():
            wrong += [Wrong(kind, value) for value in values(operation, asked, item, right)]
    return wrong


def _sign(_: Operation, asked: Question, item: Item, right: Decimal) -> Iterator[Decimal]:
    printed = asked.equation.printed
    if item.equation.kind == "update":
        for key in ("eta", "g"):  # the first that is there: uphill instead of downhill
            if key in printed:
                yield from asked.equation.worked({key: -printed[key]})
                break
    yield -right
    for key in printed:  # one term of a sum
        if key == "c" or (key[0] in "ac" and key[1:].isdigit()):
            yield from asked.equation.worked({key: -printed[key]})


def _ways_not_added(_: Operation, asked: Question, item: Item, right: Decimal) -> Iterator[Decimal]:
    if item.equation.kind != "sum" or item.step.phase != "backward":
        return
    parts = list(asked.equation.printed.values())
    yield from parts
    if len(parts) > 2:
        total = sum(parts, Decimal(0))
        yield from (total - part for part in parts)


def _stale(operation: Operation, asked: Question, item: Item, right: Decimal) -> Iterator[Decimal]:
    if item.equation.kind != "update":
        yield from operation.stale(asked)
    elif item.equation.left == Symbol.made("new", Symbol(item.array, item.index)):
        old = asked.scene.before
        yield Decimal(old[item.array][item.index])
        for key in asked.equation.printed:
            if (name := f"{item.array}.{key}") in old:  # the state of the step before
                yield from asked.equation.worked({key: Decimal(old[name][item.index])})


_WRONG_NUMBERS: dict[str, Callable[[Operation, Question, Item, Decimal], Iterator[Decimal]]] = {
    "slope": lambda operation, asked, item, right: operation.without_slope(asked),
    "sign": _sign,
    "mean": lambda operation, asked, item, right: operation.mean_as_sum(asked, right),
    "transposed": lambda operation, asked, item, right: operation.transposed(asked),
    "fan-out": _ways_not_added,
    "stale": _stale,
    "branch": lambda operation, asked, item, right: operation.wrong_branch(asked),
}
"""Each kind with the numbers that it gives."""
