"""A walkthrough in files, in a terminal, from the command line; and what is refused."""

import re
from io import StringIO

import numpy as np
import pytest
from typer.testing import CliRunner

import minidl as ml
from minidl.cli import app
from minidl.core.errors import (
    ArgumentError,
    DataError,
    DomainError,
    FileError,
    RecordError,
    UnknownNameError,
)
from minidl.walkthrough.examples import two_layers
from minidl.walkthrough.rendering.text import plain_text
from minidl.walkthrough.steps import SCHEMA

X, Y = np.array([[0.5, -1.25], [1.5, 0.75]]), np.array([[0.25], [-1.0]])


def explained(hidden="tanh", optimizer="sgd"):
    net = ml.mlp([2, 3, 1], hidden=hidden, seed=1)
    return ml.explain(net, X, Y, loss="mse", optimizer=optimizer)


def test_json_gives_back_an_equal_walkthrough(tmp_path):
    walkthrough = explained(optimizer="adam")
    walkthrough.save(tmp_path / "step.json")
    again = ml.Walkthrough.load(tmp_path / "step.json")
    assert again == walkthrough
    assert str(again) == str(walkthrough)
    assert again.verify() == ()


@pytest.mark.parametrize(
    ("change", "got"),
    [
        (lambda text: "no JSON", "something else"),
        (lambda text: text.replace(f'"schema":{SCHEMA}', '"schema":0'), "schema 0"),
        (lambda text: text.replace('"title"', '"heading"'), "damaged"),
        (lambda text: text.replace('"number":1,', '"number":"1",'), "damaged"),
        (lambda text: "[]", "something else"),
        (
            lambda text: text.replace('"pending":[]', '"pending":[99]', 1),
            "no value has the place 99",
        ),
        (lambda text: text.replace('"flat":[]', '"flat":[-1]', 1), "no value has the place -1"),
        (lambda text: text.replace('"dead":[]', '"dead":[2]', 1), "x: no value has the place 2"),
        (
            lambda text: text.replace('"shape":[1,2]', '"shape":[1,3]', 1),
            "x: 2 values for the shape",
        ),
    ],
    ids=["text", "schema", "names", "kinds", "list", "pending", "flat", "dead", "shape"],
)
def test_foreign_and_damaged_files_are_refused(change, got, refused, tmp_path):
    path = tmp_path / "step.json"
    path.write_text(change(two_layers().to_json()), encoding="utf-8")
    wanted = "a walkthrough" if "schema" not in got else str(SCHEMA)
    with refused(FileError, "walkthrough", wanted, got, "anew"):
        ml.Walkthrough.load(path)


class Terminal(StringIO):
    def isatty(self):
        return True


def test_text_fits_80_columns_and_has_colour_on_terminals_only(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    walkthrough = explained(hidden="mish", optimizer="adam")
    shown, piped = Terminal(), StringIO()
    walkthrough.show(shown, full=True)
    walkthrough.show(piped, full=True)
    assert max(map(len, piped.getvalue().splitlines())) == 80
    assert "\x1b[" not in piped.getvalue()
    assert "\x1b[" in shown.getvalue()
    assert re.sub(r"\x1b\[[\d;]*m", "", shown.getvalue()) == piped.getvalue()
    assert len(plain_text(walkthrough)) < len(plain_text(walkthrough, full=True))


def command(*arguments):
    return CliRunner().invoke(app, ["explain", *arguments])


def test_the_command_is_ready_at_once():
    shown = command()
    assert shown.exit_code == 0
    assert "✓ proved by differences" in shown.output
    assert "0.298371109" in command("mazur").output


def test_the_command_takes_rows_of_a_dataset(tmp_path):
    path = tmp_path / "step.json"
    made = command("--data", "moons", "--row", "3", "--row", "7", "--hidden", "tanh",
                   "--head", "sigmoid+focal", "--json", str(path))  # fmt: skip
    assert made.exit_code == 0, made.output
    walkthrough = ml.Walkthrough.load(path)
    assert walkthrough.problem.rows == 2
    assert walkthrough.problem.loss.startswith("focal")
    for name, outputs in (("iris", "softmax"), ("diabetes", "mse")):
        shown = command("--data", name)
        assert shown.exit_code == 0, shown.output
        assert outputs in shown.output


def test_the_head_says_which_rows_these_are_and_that_they_are_standardised():
    """Row 3 of moons is (1.7146, −0.1103) in the file."""
    said = {
        ("moons", "--row", "3", "--row", "7"): "rows 3, 7 of moons, standardised over all 500 rows",
        ("diabetes",): "row 0 of diabetes, standardised, the target too, over all 442 rows",
    }
    for options, words in said.items():
        for name in ("explain", "xray"):
            done = CliRunner().invoke(app, [name, "--data", *options])
            assert f"{words} (mean 0, variance 1)" in " ".join(done.output.split()), done.output
            assert max(map(len, done.output.splitlines())) <= 80


@pytest.mark.parametrize("name", ["explain", "xray"])
def test_help_tells_which_options_go_with_data_and_what_becomes_of_these(name):
    done = CliRunner().invoke(app, [name, "--help"])
    shown = " ".join(re.sub(r"[│╭╮╰╯─]", " ", done.output).split())
    assert "A dataset instead, standardised over all its rows" in shown
    options = re.findall(r"--[a-z-]+", shown.partition("Only with --data")[2])
    needed = {"explain": ["head", "optimizer", "learning-rate", "digits"], "xray": []}[name]
    assert {f"--{o}" for o in (*needed, "row", "hidden", "units", "seed")} == set(options)
    if name == "explain":
        for option in options:
            refused = command(option, "3")
            assert refused.exit_code == 2
            assert "--data beside it" in refused.output or "Invalid value" in refused.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["mazr"], "Did you mean 'mazur'?"),
        (["--data", "moons", "--head", "sigmoid+bcee"], "Did you mean 'bce'?"),
        (["--data", "moons", "--head", "sigmoid"], "Write sigmoid+bce."),
        (["--data", "moons", "--head", "sigmoid+poisson"], "Write --head sigmoid+binary_cross"),
        (["--data", "moons", "--row", "100000"], "Write --row 0."),
        (["--data", "moons", "mazur"], "Leave one of them out."),
        (["mazur", "--hidden", "relu"], "Write --data moons."),
        (["--json", "no/such/folder/step.json"], "Make the folder, or choose another."),
    ],
)
def test_the_command_refuses_with_a_remedy(arguments, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refused = command(*arguments)
    assert refused.exit_code == 2
    assert words in refused.output
    assert list(tmp_path.iterdir()) == []


# ── what is refused ───────────────────────────────────────────────────────────────────────────


def test_a_network_or_batch_too_large_is_refused(refused):
    with refused(ArgumentError, "explain", "at most 10,000 numbers", "20,401", "fewer rows"):
        ml.explain(ml.mlp([100, 200, 1]), np.ones((1, 100)), [[1.0]], loss="mse")
    with refused(ArgumentError, "explain", "at most 10,000 numbers", ",", "x[:4]"):
        ml.explain(ml.mlp([2, 16, 1]), np.ones((1000, 2)), np.ones(1000), loss="mse")


def test_a_batch_with_nan_is_refused(refused):
    with refused(DataError, "X", "finite numbers", "nan in row 0, column 0", "fill the gaps"):
        ml.explain(ml.mlp([2, 1]), [[np.nan, 1.0]], [1.0], loss="mse")


def test_a_number_that_overflows_is_refused(refused):
    with refused(DomainError, "explain, at mse.each", "finite", "infinity", "Scale"):
        ml.explain(ml.mlp([1, 1], seed=1), [[1e30]], [1.0], loss="mse")


class Numpy(ml.Layer):
    keeps_width = True

    def forward(self, x, training):
        return ml.Tensor(np.sort(x.numpy()))


def test_an_operation_that_cannot_be_recorded_is_refused(refused):
    net = ml.Sequential(ml.Dense(2, 2), Numpy(), ml.Dense(2, 1))
    with refused(RecordError, "numpy()", "Tensor operations", "looks at a number", "ml.where"):
        ml.explain(net, X, Y, loss="mse")


def test_an_unknown_name_is_answered():
    with pytest.raises(UnknownNameError, match="Did you mean 'mse'"):
        ml.explain(ml.mlp([2, 1]), X, Y, loss="mze")


def test_what_is_no_number_of_a_step_is_refused():
    with pytest.raises(ArgumentError, match=r"dense1\.sums \(2, 3\)"):
        explained().equations(1, "dense1.sums", (0, 3))
    for step in (99, -1, "dense1", 1.0):
        with pytest.raises(ArgumentError, match="a whole number from 0 to 1[0-9], got"):
            explained().equations(step, "dense1.sums", (0, 0))


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path):
    with pytest.raises(FileError, match="Make the folder"):
        two_layers().save(tmp_path / "none" / "step.json")
    (tmp_path / "step.json").mkdir()
    with pytest.raises(FileError):
        two_layers().save(tmp_path / "step.json")
    assert [path.name for path in tmp_path.iterdir()] == ["step.json"]
