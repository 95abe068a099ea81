"""Answers to worksheets graded: right, rounded, carried on, and the mistakes behind wrong ones."""

from collections import Counter

import pytest
from grading import run
from walked import relu_step

import minidl as ml
from minidl.core.errors import ArgumentError, UnknownNameError
from minidl.walkthrough.formulas.equations import number
from minidl.walkthrough.practice.mistakes import MISTAKES


def test_mistakes_that_a_second_network_makes_are_named_and_right_answers_are_right():
    """``benchmarks/grading.py`` does the same with more sheets."""
    found, right, refused = run(16)
    assert refused == []
    assert right > 300
    total = sum(found.values(), Counter())
    made = total["named"] + total["among"] + total["missed"]
    assert made > 400
    assert all(found[kind]["named"] for kind in MISTAKES), found
    assert total["named"] >= 0.95 * made, found


def test_rounding_on_the_way_is_not_called_wrong():
    """Each answer worked out from those before it, which were rounded to what is asked for."""
    moved = 0
    for seed in range(12):
        sheet = ml.worksheet(seed=seed, difficulty="updates", blanks=25)
        answers = {}
        for blank in sheet.blanks:
            item = sheet.asked[blank.number]
            known = dict(item.equation.printed)
            for operand in item.equation.operands:
                other = sheet.operand_blank(item, operand)
                if other is not None and other.name in answers:
                    known[operand.key] = number(answers[other.name])
                    moved += 1
            (value,) = item.equation.worked(known)
            answers[blank.name] = f"{float(value):.{item.digits - 1}e}"
        marks = ml.grade(sheet, answers)
        assert [m for m in marks.marks if m.verdict != "right"] == [], seed
    assert moved > 30


def graded(sheet, number, text):
    name = sheet.blanks[number - 1].name
    return ml.grade(sheet, sheet.answers() | {name: text}).marks[number - 1]


def asked_for(sheet, left):
    return next(b.number for b in sheet.blanks if b.name == left)


@pytest.fixture(scope="module")
def whole():
    """Everything is asked for."""
    return ml.worksheet(relu_step(), difficulty="updates", blanks=500)


@pytest.mark.parametrize(
    ("left", "wrong", "kind"),
    [
        ("∂dense2.sums[0, 0]", "-0.8351", "slope"),  # ¼ · ∂ℓ/∂p
        ("∂dense2.sums[0, 0]", "0.1752", "sign"),
        ("∂dense2.sums[0, 0]", "-0.7007", "mean"),  # not divided by 4
        ("binary_crossentropy", "3.396", "mean"),
        ("∂dense2.weight[0, 0]", "0.02139", "mean"),  # averaged once more
        ("∂dense1[0, 0]", "0.1823", "fan-out"),  # by way of unit 0 alone
        ("∂dense1/∂dense1.sums[0, 1]", "1", "branch"),  # ReLU is off at −0.1727
    ],
)
def test_mistakes_worked_out_by_hand_are_named(whole, left, wrong, kind):
    """Numbers from the listing of the step, put wrong with a pocket calculator."""
    mark = graded(whole, asked_for(whole, left), wrong)
    assert (mark.verdict, mark.mistakes) == ("mistake", (kind,)), mark
    assert mark.said == MISTAKES[kind]


def test_an_answer_right_for_an_earlier_wrong_one_is_told_apart():
    sheet = ml.worksheet(relu_step(rows=1), difficulty="contributions", blanks=500)
    first, then = "∂dense2.sums[0, 0]", "part 1 of ∂dense1[0, 0]"
    weight = sheet.walkthrough.before(0)["dense2.weight"][0, 0]
    marks = ml.grade(sheet, {first: "0.5555", then: f"{0.5555 * weight:.4g}"}).marks
    verdicts = {mark.name: mark.verdict for mark in marks}
    assert (verdicts[first], verdicts[then]) == ("wrong", "follows")


def test_too_few_digits_no_answer_and_nonsense_are_told_apart(whole):
    """Of 0.299290: 0.30 is rounded to it, 0.3000 is another number."""
    place = asked_for(whole, "dense2[0, 0]")
    said = {
        "rounded": ["0.299", "0.30", "0.3", 0.3, ".3"],
        "missing": [None, "", " "],
        "wrong": ["17", "0", "0.4", "0.31", "0.3000", "0.298"],
        "right": ["0.2993", 0.2993, "2.993e-1"],
    }
    for verdict, texts in said.items():
        assert {graded(whole, place, text).verdict for text in texts} == {verdict}


@pytest.mark.parametrize("text", ["-0.299", -0.299, "−2.99e-1"], ids=repr)
def test_a_mistake_is_named_also_where_its_number_was_rounded_to_three_digits(whole, text):
    place = asked_for(whole, "dense2[0, 0]")
    mark = graded(whole, place, text)
    assert (mark.verdict, mark.mistakes) == ("mistake", ("sign",))
    assert graded(whole, place, "-0.30").verdict == "wrong"


def test_a_sign_flipped_in_an_update_is_a_wrong_sign(whole):
    flipped = [b for b in whole.blanks if b.name.startswith("new ")]
    assert len(flipped) > 5
    for blank in flipped:
        value = number(whole.asked[blank.number].equation.result)
        if value:
            for text in (f"{-value}", f"{-value:.2e}"):
                assert "sign" in graded(whole, blank.number, text).mistakes, (blank.name, text)


@pytest.mark.parametrize(
    "text", ["1,734", "1/4", "about a half", "nan", True, [1], "∞", "1e400000000", "1_0", "١"]
)
def test_an_answer_that_cannot_be_read_is_marked_so_and_the_others_are_graded(whole, text):
    answers = whole.answers()
    name = whole.blanks[2].name
    marks = ml.grade(whole, answers | {name: text})
    assert marks.right == len(answers) - 1
    mark = marks.marks[2]
    assert (mark.verdict, mark.answer, mark.mistakes) == ("unreadable", str(text), ())
    assert mark.said == "Not a number: write digits, as 1.734, 0.25 or −1.5e−3."
    assert f"not {text}\n      {mark.said}" in str(marks)
    assert "write digits" in marks.to_markdown()


def test_mistakes_with_the_same_number_are_both_named(whole):
    """A slope of 1 where ReLU is off: forgotten, or of the wrong branch."""
    mark = graded(whole, asked_for(whole, "∂dense1.sums[0, 1]"), "-0.1043")
    assert mark.mistakes == ("slope", "branch")
    assert mark.said == f"{MISTAKES['slope']} Or: {MISTAKES['branch']}"


def test_an_answer_under_a_wrong_name_is_refused(whole):
    with pytest.raises(UnknownNameError, match="Did you mean"):
        ml.grade(whole, {"∂dense2.sums[0,0]": 1})


@pytest.mark.parametrize("answers", [[1], None, "x", 3])
def test_answers_that_are_no_mapping_are_refused(whole, answers):
    with pytest.raises(ArgumentError, match=r"a mapping of names.*Fill in sheet\.template"):
        ml.grade(whole, answers)
