"""Answers of a worksheet marked: right, or which classical mistake explains them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation, localcontext
from typing import Any

from minidl.core import (
    ArgumentError,
    FileError,
    UnknownNameError,
    did_you_mean,
    parse_json,
    printable,
    read_text,
    text_number,
)
from minidl.document import Listing, Page, Paragraph, Section, Span, to_markdown
from minidl.walkthrough.formulas import ARITHMETIC, number
from minidl.walkthrough.practice.items import ASKED_DIGITS, SPARE_DIGITS, Item, significant, unit
from minidl.walkthrough.practice.mistakes import MISTAKES, wrong_answers
from minidl.walkthrough.practice.worksheets import ANSWERS, Worksheet

LEAST_TELLING_DIGITS = 3
"""An answer of fewer significant digits than this tells no mistake: many would round to it."""

LARGEST_EXPONENT = 400
"""The exponent of what is read as an answer, at most: float64 ends before."""

CANCELLED_TRACE = Decimal("1e-15")
"""What float64 leaves of a number that cancels."""

VERDICT_WORDS = {
    "right": "Right.",
    "rounded": "Rounded too early: more digits are asked for.",
    "follows": "Right for what was answered before, which was wrong.",
    "wrong": "Wrong, by none of the classical mistakes.",
    "missing": "Not answered.",
    "unreadable": "Not a number: write digits, as 1.734, 0.25 or −1.5e−3.",
}
"""What is said of an answer, by verdict; of a mistake see ``MISTAKES``."""


@dataclass(frozen=True)
class Mark:
    """What became of one blank.

    Attributes
    ----------
    number : int
    name : str
    answer, expected : str
        What was written; what is right.
    verdict : str
        ``"right"``, ``"rounded"`` (right, with too few digits), ``"follows"`` (right for an earlier
        wrong answer), ``"mistake"``, ``"wrong"``, ``"missing"``, ``"unreadable"``.
    mistakes : tuple of str
        The classical mistakes that give this very number, keys of ``MISTAKES``: several where
        they cannot be told apart.
    """

    number: int
    name: str
    answer: str
    expected: str
    verdict: str
    mistakes: tuple[str, ...] = ()

    @property
    def said(self) -> str:
        """The mark in words."""
        return " Or: ".join(map(MISTAKES.__getitem__, self.mistakes)) or VERDICT_WORDS[self.verdict]


@dataclass(frozen=True)
class Marks:
    """A graded sheet.

    Attributes
    ----------
    marks : tuple of Mark
        In the order of the blanks.

    Examples
    --------
    >>> import minidl as ml
    >>> sheet = ml.worksheet(seed=1, difficulty="derivatives", blanks=3)
    >>> ml.grade(sheet, sheet.answers()).right
    3
    """

    marks: tuple[Mark, ...]

    @property
    def right(self) -> int:
        """How many answers are right, in themselves or for earlier ones."""
        return sum(mark.verdict in ("right", "follows") for mark in self.marks)

    def mistakes(self) -> Mapping[str, int]:
        """How often each classical mistake was made, the most frequent first."""
        return dict(Counter(kind for m in self.marks for kind in m.mistakes).most_common())

    def __str__(self) -> str:
        lines = [f"{self.right} of {len(self.marks)} right"]
        for mark in self.marks:
            blank = f"({mark.number}) {mark.name}"
            if mark.verdict == "right":
                lines.append(f"✓ {blank} = {mark.answer}")
            elif mark.verdict == "missing":
                lines.append(f"— {blank}: not answered")
            else:
                sign = "✓" if mark.verdict == "follows" else "✗"
                lines.append(f"{sign} {blank} = {mark.expected}, not {mark.answer}")
                lines.append(f"      {mark.said}")
        return printable("\n".join(lines))

    def to_markdown(self) -> str:
        """The marks as a Markdown table."""
        rows = [
            (str(m.number), m.name, m.answer or "—", m.expected if m.answer else "—", m.said)
            for m in self.marks
        ]
        columns = ("", "name", "answer", "expected", "mark")
        table = Listing("", columns, rows, download=False, words=(0, 1, 4))
        right = Span(f"{self.right} of {len(self.marks)} right", "strong")
        return to_markdown(Page("", [Section("", [Paragraph((right,)), table])]))


def grade(sheet: Worksheet, answers: Mapping[str, Any]) -> Marks:
    """Mark the answers to a worksheet, and name the classical mistake behind a wrong one.

    An answer is right if it comes from the printed numbers, but for one unit in the last digit
    that is asked for and the rounding of operands. A wrong one is compared with what each mistake
    would have given; where two give the same number, both are named. An answer that is right for
    an earlier wrong one is told apart, and so is what is no number.

    Parameters
    ----------
    sheet : Worksheet
    answers : mapping of str to number or str
        By the names of ``sheet.template()``; None, or left out, is not answered.

    Returns
    -------
    Marks

    Raises
    ------
    ArgumentError
        For answers that are no mapping.
    UnknownNameError
        For a name that is not on the sheet.

    Examples
    --------
    >>> import minidl as ml
    >>> sheet = ml.worksheet(seed=4, blanks=3)
    >>> answers = sheet.answers()
    >>> answers["∂dense1.sums[0, 1]"] = 2.026  # what comes from above, without σ′
    >>> print(ml.grade(sheet, answers))
    2 of 3 right
    ✓ (1) ∂dense1/∂dense1.sums[0, 0] = 0.944542
    ✗ (2) ∂dense1.sums[0, 1] = 0.253266, not 2.026
          σ′ forgotten: multiply what comes from above by the slope of the activation.
    ✓ (3) ∂dense1.weight[1, 1] = 0.202613
    """
    grader = _Grader(sheet, _checked(sheet, answers))
    return Marks(tuple(grader.mark(blank.number, blank.name) for blank in sheet.blanks))


def read_answers(path: Any) -> dict[str, Any]:
    """Answers from a JSON file of names and numbers.

    Raises
    ------
    FileError
        If it cannot be read, or is something else.
    """
    remedy = f'Fill in the {ANSWERS} that `minidl worksheet` wrote: {{"name": 0.25}}.'
    expected = "JSON of answers"
    answers = parse_json(read_text(path, expected, remedy), str(path), expected, remedy)
    if not isinstance(answers, dict):
        raise FileError(str(path), expected, type(answers).__name__, remedy)
    return answers


def _checked(sheet: Worksheet, answers: Any) -> dict[str, Decimal | str]:
    """The answers by name: numbers, and what is none as it is; the unanswered are left out."""
    names = list(sheet.template())
    if not isinstance(answers, Mapping):
        remedy = "Fill in sheet.template()."
        raise ArgumentError("answers", "a mapping of names to numbers", repr(answers), remedy)
    numbers: dict[str, Decimal | str] = {}
    for name, answer in answers.items():
        if name not in names:
            remedy = did_you_mean(str(name), names, "sheet.template() lists the names.")
            raise UnknownNameError("answers", f"one of {', '.join(names)}", repr(name), remedy)
        if answer is not None and str(answer).strip():
            numbers[name] = _number(answer)
    return numbers


def _number(answer: Any) -> Decimal | str:
    """An answer as a number with the digits that were written; what is none as text."""
    text = str(answer).strip()
    plain = text.replace("−", "-")
    if isinstance(answer, bool) or text_number(plain) is None:
        return text
    with suppress(InvalidOperation):
        value = Decimal(plain)
        if value.is_finite() and abs(value.adjusted()) <= LARGEST_EXPONENT:
            return value
    return text


class _Grader:
    """Marks the blanks of one sheet, which may depend on each other."""

    def __init__(self, sheet: Worksheet, written: Mapping[str, Decimal | str]) -> None:
        self.sheet, self.written = sheet, written
        self.given: dict[int, Decimal] = {}  # what was answered so far, by the blank's number
        self.off: set[int] = set()  # which of them wrongly

    def mark(self, place: int, name: str) -> Mark:
        """Mark one blank; those before it have been marked."""
        item = self.sheet.asked[place]
        expected = item.equation.result
        if name not in self.written:
            return Mark(place, name, "", expected, "missing")
        answer = self.written[name]
        if isinstance(answer, str):
            return Mark(place, name, answer, expected, "unreadable")
        with localcontext(ARITHMETIC):
            verdict, mistakes = self._judged(item, answer)
        self.given[place] = answer
        if verdict != "right":
            self.off.add(place)
        return Mark(place, name, str(answer).replace("-", "−"), expected, verdict, mistakes)

    def _judged(self, item: Item, answer: Decimal) -> tuple[str, tuple[str, ...]]:
        loose = looseness(self.sheet, item)
        if is_right(item, answer, loose):
            return "right", ()
        value, carried = self._carried(item)
        if value is not None and close(answer, value, item.digits, loose):
            return ("follows" if carried & self.off else "right"), ()
        if mistakes := mistakes_behind(self.sheet, item, answer, loose):
            return "mistake", mistakes
        if rounds_to(number(item.equation.result), answer, item.digits):
            return "rounded", ()
        if significant(str(abs(answer))) >= LEAST_TELLING_DIGITS:
            wrong = wrong_answers(self.sheet.walkthrough, item)
            kinds = (w.kind for w in wrong if rounds_to(w.value, answer, item.digits))
            mistakes = tuple(dict.fromkeys(kinds))
        return ("mistake" if mistakes else "wrong"), mistakes

    def _carried(self, item: Item) -> tuple[Decimal | None, set[int]]:
        """The equation's value for what was answered before, and which blanks that takes."""
        answered: dict[str, Decimal] = {}
        blanks = set()
        for operand in item.equation.operands:
            blank = self.sheet.operand_blank(item, operand)
            if blank is not None and blank.number in self.given:
                answered[operand.key] = self.given[blank.number]
                blanks.add(blank.number)
        return (next(item.equation.worked(answered), None) if blanks else None), blanks


def is_right(item: Item, answer: Decimal, loose: Decimal) -> bool:
    """Whether an answer is an equation's result, as printed or as worked out from the sheet."""
    expected = [number(item.equation.result), *item.equation.worked({})]
    return any(close(answer, value, item.digits, loose) for value in expected)


def mistakes_behind(
    sheet: Worksheet, item: Item, answer: Decimal, loose: Decimal
) -> tuple[str, ...]:
    """The kinds of mistake that give this answer, none twice."""
    wrong = wrong_answers(sheet.walkthrough, item)
    kinds = [w.kind for w in wrong if close(answer, w.value, item.digits, loose)]
    return tuple(dict.fromkeys(kinds))


def close(answer: Decimal, value: Decimal, digits: int, loose: Decimal) -> bool:
    """Whether an answer is a number, to a unit in the last of its digits."""
    return abs(answer - value) <= unit(value, digits) + loose


def looseness(sheet: Worksheet, item: Item) -> Decimal:
    """What rounding of the operands, as far as they stand on the sheet, can make of a result."""
    exact = item.equation.printed
    # A sum that comes to 0 on paper leaves a trace of its terms in float64.
    total = max(map(abs, exact.values()), default=Decimal(0)) * CANCELLED_TRACE
    for operand in item.equation.operands:
        value = exact[operand.key]
        blank = sheet.operand_blank(item, operand)
        if blank is not None:
            moved = unit(value, sheet.asked[blank.number].digits)
        elif significant(operand.text) >= ASKED_DIGITS + SPARE_DIGITS:
            moved = unit(value, ASKED_DIGITS + SPARE_DIGITS) / 2
        else:
            continue
        ends = [*item.equation.worked({operand.key: value + moved}), *item.equation.worked({})]
        total += abs(ends[0] - ends[-1]) if len(ends) == 2 else Decimal(0)
    return total


def rounds_to(value: Decimal, answer: Decimal, digits: int) -> bool:
    """Whether an answer is a number with fewer digits than so many, as it was written: 0.50.

    One digit can be half as much again as the number: a guess, and no rounding.

    Examples
    --------
    >>> [rounds_to(Decimal(value), Decimal("0.50"), 4) for value in ("0.497", "0.46")]
    [True, False]
    >>> [rounds_to(Decimal(value), Decimal("1"), 4) for value in ("0.97", "1.328")]
    [True, False]
    """
    last, off = Decimal(1).scaleb(int(answer.as_tuple().exponent)), abs(answer - value)
    return answer != 0 and last > unit(value, digits) and off <= min(last / 2, abs(value) / 10)
