"""Worksheets: blanks from a seed, nothing given away, files and commands."""

import json
import re
from collections import Counter
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from typer.testing import CliRunner
from walked import relu_step
from walkthroughs import walkthroughs

import minidl as ml
from minidl.cli import app
from minidl.core.errors import ArgumentError, FileError, UnknownNameError
from minidl.walkthrough.formulas.equations import number
from minidl.walkthrough.formulas.symbols import Symbol
from minidl.walkthrough.practice import exercise
from minidl.walkthrough.practice.items import DIFFICULTIES, items, significant
from minidl.walkthrough.practice.sheet_page import BLANK_LINE
from minidl.walkthrough.practice.worksheets import SCHEMA

# ── sheets ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("difficulty", DIFFICULTIES)
def test_a_sheet_asks_up_to_its_difficulty_half_of_it_the_hardest(difficulty):
    sheet = ml.worksheet(relu_step(), seed=2, difficulty=difficulty, blanks=10)
    hardest = DIFFICULTIES.index(difficulty)
    levels = Counter(item.level for item in sheet.asked.values())
    assert len(sheet.blanks) == 10
    assert max(levels) == hardest
    assert levels[hardest] >= 5
    assert [blank.number for blank in sheet.blanks] == list(range(1, 11))


def test_the_seed_decides_everything():
    first, again, other = (ml.worksheet(seed=seed) for seed in (5, 5, 6))
    assert first == again
    assert first.to_html() == again.to_html()
    assert first.to_markdown() == again.to_markdown()
    assert first.to_json() == again.to_json()
    assert other.walkthrough != first.walkthrough
    step = relu_step()
    blanks = {tuple(ml.worksheet(step, seed=seed).template()) for seed in range(5)}
    assert len(blanks) == 5


@pytest.mark.parametrize("seed", range(40))
def test_no_answer_is_printed_on_the_sheet(seed):
    """Not as a result, not put into another equation, not in a table; nor on the page."""
    sheet = ml.worksheet(seed=seed, difficulty="updates")
    told = [a for a in sheet.answers().values() if significant(a) >= 3]
    assert told
    page = re.sub(
        r"<style>.*?</style>", "", sheet.to_html(), flags=re.DOTALL
    )  # sizes are no answers
    for text in (sheet.to_markdown(), page):
        printed = {Decimal(n.replace("−", "-")) for n in re.findall(r"\d+\.\d+(?:e−?\d+)?", text)}
        for result in told:
            value = Decimal(result.removeprefix("−").replace("−", "-"))  # nor its negative
            near = Decimal(1).scaleb(value.adjusted() - 5)
            assert not [n for n in printed if abs(n - value) < near], result


def hidden(sheet):
    """Every place where a blank's number stands for a printed one: equation, operand, blank."""
    for item in sheet.items:
        found = [(k, sheet.operand_blank(item, o)) for k, o in enumerate(item.equation.operands)]
        found.append((None, sheet.result_blank(item)))
        yield from ((item, k, blank) for k, blank in found if blank is not None)


@pytest.mark.parametrize("seed", [s for s in range(40) if s != 25])  # 25 draws two networks
def test_a_blank_hides_its_own_number_alone_and_none_before_it(seed, monkeypatch):
    """With weights and data moved a little, what only looked the same parts.

    But for weights and data of 1: times 1, a number stays what it is.
    """
    sheets = [ml.worksheet(seed=seed, difficulty=d) for d in ("contributions", "updates")]
    tenths, rng = exercise._tenths, np.random.default_rng(seed)

    def near(*drawn):
        made = tenths(*drawn)
        return np.where(abs(made) == 1, made, made * rng.uniform(1, 1.001, made.shape))

    monkeypatch.setattr(exercise, "_tenths", near)
    moved = list(items(replace(exercise.exercise(seed), digits=10)))
    given = {Symbol(a.name, i) for a in sheets[0].walkthrough.start for i in np.ndindex(a.shape)}
    for sheet in sheets:
        places = set()
        for item, k, blank in hidden(sheet):
            asked, other = sheet.asked[blank.number], moved[item.number].equation
            assert asked.number <= item.number
            text = other.result if k is None else other.operands[k].text
            value = number(moved[asked.number].equation.result)
            assert abs(number(text) - value) <= abs(value) / 10**8, (item.equation, blank)
            assert k is None or item.equation.operands[k].symbol not in given
            places.add(blank.number)
        assert len(places) == len(sheet.blanks)
        written = re.findall(r"\*\*\((\d+)\)\*\*|⟨(\d+)⟩", sheet.to_markdown().split("## Given")[1])
        there = [own for own, _ in written]
        for i, (_, name) in enumerate(written):
            assert not name or name in there[:i]


def test_a_number_that_comes_out_as_one_of_its_operands_by_chance_is_another():
    """2·(2 − 1) is 2; as 2·(3 − 1) is not 3, nothing is handed on."""
    net = ml.Sequential(ml.Dense(1, 1))
    net.parameters()[0].data = [[0.5]]
    found = {i.equation.left: i for i in items(ml.explain(net, [[4.0]], [[1.0]], loss="mse"))}
    slope, sums = found["∂ℓ/∂dense1[0, 0]"], found["dense1[0, 0]"]
    assert (slope.equation.numbers, slope.equation.result) == ("2·(2 − 1)", "2")
    assert sorted(slope.origins, key=str) == [sums.number, None]
    assert slope.first == slope.number
    passed_on = found["∂dense1.bias[0]"]
    assert passed_on.first == found["∂dense1[0, 0]"].first == slope.number


@pytest.mark.parametrize("seed", [12, 25, 44, 104, 112, *range(200, 210)])
def test_a_network_out_of_a_seed_can_be_worked_out_with_a_pencil(seed):
    """No traces of what is 0 on paper, no operand with the digits of a float64."""
    sheet = ml.worksheet(seed=seed, difficulty="updates")
    for item in sheet.items:
        result = item.equation.result
        assert result == "0" or abs(item.equation.value) > 1e-9, item.equation
        assert max((significant(o.text) for o in item.equation.operands), default=0) <= 12
    assert not re.search(r"\d{13}", sheet.to_markdown(key=True))


@pytest.mark.parametrize("seed", range(3))
def test_headings_count_every_step_also_where_nothing_is_worked_out(seed):
    sheet = ml.worksheet(seed=seed)
    numbers = list(range(1, len(sheet.walkthrough.steps)))
    assert list(map(int, re.findall(r"^## (\d+)\. ", sheet.to_markdown(), re.M))) == numbers
    assert list(map(int, re.findall(r"<h2[^>]*>(\d+)\. ", sheet.to_html()))) == numbers
    assert not re.search(r"<ul[^>]*>\s*</ul>|\n\n\n", sheet.to_html() + sheet.to_markdown())


def test_sheet_and_key_differ_by_the_answers_alone():
    sheet = ml.worksheet(relu_step(), seed=3, difficulty="contributions")
    text, key = sheet.to_markdown(), sheet.to_markdown(key=True)
    assert text.count(f"`{BLANK_LINE}`") == 12
    assert BLANK_LINE not in key
    for place, result in enumerate(sheet.answers().values(), start=1):
        assert re.search(rf"\*\*\({place}\)\*\* .* = `{re.escape(result)}`", key)
    assert sheet.to_html().count('class="blank"') == 12
    assert "http" not in sheet.to_html()
    assert "<script" not in sheet.to_html()


def test_names_are_those_of_single_blanks_and_the_key_is_right_for_any_network():
    for seed, (what, step) in enumerate(walkthroughs(18)):
        sheet = ml.worksheet(step, seed=seed, difficulty="updates", blanks=20)
        assert len(sheet.template()) == len(sheet.blanks), what
        assert ml.grade(sheet, sheet.answers()).right == len(sheet.blanks), what
        answers = {
            blank.name: f"{float(number(key)):.{sheet.asked[blank.number].digits - 1}e}"
            for blank, key in zip(sheet.blanks, sheet.answers().values(), strict=True)
        }
        assert ml.grade(sheet, answers).right == len(sheet.blanks), what


def test_a_sheet_comes_back_from_its_json():
    sheet = ml.worksheet(relu_step(), seed=3)
    assert ml.Worksheet.from_json(sheet.to_json()) == sheet


def test_a_large_network_is_asked_about_and_not_printed_in_full():
    net = ml.mlp([4, 12, 1], hidden="tanh", seed=0)
    sheet = ml.worksheet(ml.explain(net, np.ones((2, 4)), [1.0, 0.0], loss="mse"))
    text = sheet.to_markdown()
    assert "Only the equations with blanks are shown" in text
    assert text.count("\n- ") == 12
    blank = next(b for b in sheet.blanks if b.name.startswith("∂dense1.sums"))
    given = rf"\*\*\({blank.number}\)\*\* .*∂dense1\[\d, \d+\] = [−\d.⟨]"
    assert re.search(given, text.replace("\\", ""))


def test_what_cannot_be_made_is_refused():
    with pytest.raises(UnknownNameError, match=r"one of values.*Did you mean 'updates'"):
        ml.worksheet(relu_step(), difficulty="update")
    with pytest.raises(ArgumentError, match="blanks"):
        ml.worksheet(relu_step(), blanks=0)
    with pytest.raises(ArgumentError, match="seed"):
        ml.worksheet(relu_step(), seed=-1)


# ── bad input ─────────────────────────────────────────────────────────────────────────────────


def test_a_folder_that_cannot_be_written_is_refused_and_nothing_stays(tmp_path, monkeypatch):
    sheet = ml.worksheet(relu_step())
    file = tmp_path / "file"
    file.write_text("mine")
    with pytest.raises(FileError, match=re.escape(f"{file / 'sheet'}: expected a folder")):
        sheet.save(file / "sheet")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
    assert file.read_text() == "mine"

    from minidl.core import storage

    write, calls = storage.write_whole, []

    def full(path, content):
        calls.append(path)
        if len(calls) == 4:
            raise FileError(str(path), "room", "No space left on device", "Delete something.")
        write(path, content)

    monkeypatch.setattr(storage, "write_whole", full)
    with pytest.raises(FileError, match="No space left"):
        sheet.save(tmp_path / "new" / "sheet")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_files_that_are_none_of_ours_are_refused(tmp_path):
    path = tmp_path / "sheet.json"
    for text in ("{", "[]", '{"schema": 99}', f'{{"schema": {SCHEMA}}}'):
        with pytest.raises(FileError, match="minidl worksheet"):
            ml.Worksheet.from_json(text)
    data = json.loads(ml.worksheet(seed=1).to_json())
    data["blanks"][0]["array"] = "elsewhere"
    with pytest.raises(FileError, match="blanks that are nowhere in the walkthrough"):
        ml.Worksheet.from_json(json.dumps(data))
    for change, got in (
        ({"schema": 1}, "a walkthrough of schema 1, not"),
        ({"start": []}, "damaged"),
    ):
        data = json.loads(ml.worksheet(seed=1).to_json())
        data["walkthrough"] |= change
        with pytest.raises(FileError, match=got):
            ml.Worksheet.from_json(json.dumps(data))
    path.write_text("[1, 2]")
    sheet = tmp_path / "real"
    ml.worksheet(seed=1).save(sheet)
    done = CliRunner().invoke(app, ["grade", str(sheet / "sheet.json"), str(path)])
    assert done.exit_code == 2
    assert "JSON of answers" in done.output


# ── the command line ──────────────────────────────────────────────────────────────────────────


def test_made_filled_in_and_graded_on_the_command_line(tmp_path):
    runner, folder = CliRunner(), tmp_path / "sheets" / "monday"
    done = runner.invoke(
        app, ["worksheet", "mazur", "--seed", "3", "--difficulty", "updates", "--out", str(folder)]
    )
    assert done.exit_code == 0, done.output
    names = {"worksheet.html", "worksheet.md", "key.html", "key.md", "answers.json", "sheet.json"}
    assert {path.name for path in folder.iterdir()} == names
    answers = json.loads((folder / "answers.json").read_text())
    sheet = ml.Worksheet.from_json((folder / "sheet.json").read_text())
    assert set(answers.values()) == {None}
    assert list(answers) == list(sheet.template())
    answers = sheet.answers()
    new = next(name for name in answers if name.startswith("new "))
    answers[new] = "0.0001"
    (folder / "answers.json").write_text(json.dumps(answers))
    files = [str(folder / "sheet.json"), str(folder / "answers.json")]
    done = runner.invoke(app, ["grade", *files])
    assert done.exit_code == 0, done.output
    assert done.output.startswith("11 of 12 right")
    assert f"{new} = {sheet.answers()[new]}, not 0.0001" in done.output
    done = runner.invoke(app, ["grade", *files, "--markdown", str(tmp_path / "marks.md")])
    assert "| 11 of 12 right" not in (tmp_path / "marks.md").read_text()
    assert (tmp_path / "marks.md").read_text().startswith("**11 of 12 right**")


def test_a_sheet_of_a_saved_walkthrough(tmp_path):
    relu_step().save(tmp_path / "step.json")
    step = str(tmp_path / "step.json")
    done = CliRunner().invoke(app, ["worksheet", step, "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    sheet = ml.Worksheet.from_json((tmp_path / "out" / "sheet.json").read_text())
    assert sheet.walkthrough.steps == relu_step().steps
    done = CliRunner().invoke(app, ["worksheet", "mazu", "--out", str(tmp_path / "no")])
    assert done.exit_code == 2
    assert "Did you mean 'mazur'" in done.output
    assert not (tmp_path / "no").exists()
