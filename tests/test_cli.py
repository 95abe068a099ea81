"""The command line: what it prints, what it writes, how it refuses."""

import csv
import re
import shlex
from pathlib import Path

import numba
import numpy as np
import pytest
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split
from typer.testing import CliRunner

import minidl as ml
from minidl import data
from minidl.cli import app
from minidl.core.progress_bar import progress
from minidl.core.seeds import random_state
from minidl.nn import activations, losses
from minidl.optim.update_rules import optimizers

TINY = ["pair", "--data", "iris", "--hidden", "relu", "--seeds", "2", "--epochs", "2"]
TINY += ["--head", "softmax+cce", "--learning-rate", "0.01", "--workers", "1"]


def call(*words, code=0):
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result.output


def trials(folder):
    with (folder / "results.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_pair_leaves_a_report_a_csv_and_a_picture(tmp_path):
    said = call(*TINY, "--out", tmp_path / "results")
    assert "softmax+categorical_crossentropy" in said
    assert "±" in said
    assert [row["hidden"] for row in trials(tmp_path / "results")] == ["relu", "relu"]
    for name, begins in (("pairings.png", b"\x89PNG"), ("report.html", b"<!doctype html>")):
        assert (tmp_path / "results" / name).read_bytes().lower().startswith(begins.lower())
        assert str(tmp_path / "results" / name) in said.replace("\n", "")


def test_pair_again_trains_nothing_and_says_the_same(tmp_path, monkeypatch):
    said = call(*TINY, "--out", tmp_path)
    monkeypatch.setattr(
        "minidl.pairing.execution.workers.perform", lambda _: pytest.fail("trained")
    )
    assert call(*TINY, "--out", tmp_path) == said


def test_a_study_from_its_plan_to_its_export(tmp_path):
    (tmp_path / "tiny.toml").write_text(
        'datasets = ["iris"]\nhidden = ["relu", "tanh"]\nheads = ["softmax+cce"]\n'
        "tuning_repetitions = 1\nrepetitions = 2\nepochs = 2\n",
        encoding="utf-8",
    )
    assert "= 14 trials" in call("pair", "plan", tmp_path / "tiny.toml")
    out = ["--out", tmp_path / "results"]
    said = call("pair", "run", tmp_path / "tiny.toml", "--workers", 1, *out)
    assert "0 of 14 trials failed" in said
    ledger = tmp_path / "results" / "study.sqlite"
    assert "14 of 14 trials" in call("pair", "status", ledger)
    assert call("pair", "report", ledger, *out) == said
    assert call("pair", "resume", ledger, "--workers", 1, *out) == said
    call("pair", "export", ledger, "--out", tmp_path / "export")
    assert trials(tmp_path / "export") == trials(tmp_path / "results")
    assert {row["phase"] for row in trials(tmp_path / "export")} == {"tuning", "final"}
    assert len(trials(tmp_path / "export")) == 14


def test_a_study_whose_time_is_up_says_how_to_go_on(tmp_path):
    (tmp_path / "tiny.toml").write_text(
        'datasets = ["iris"]\nhidden = ["relu"]\nheads = ["softmax+cce"]\nepochs = 2\n'
        "learning_rates = [0.01]\nminutes = 1e-9\n",
        encoding="utf-8",
    )
    for ledger, also in (("tiny", ""), ("elsewhere", f" --out {tmp_path / 'tiny'}")):
        path = tmp_path / ledger / "study.sqlite"
        given = ["--workers", 1, "--ledger", path, "--out", tmp_path / "tiny"]
        said = call("pair", "run", tmp_path / "tiny.toml", *given, code=1)
        assert f"minidl pair resume {path}{also} goes on." in said.replace("\n", "")


def test_what_goes_on_with_a_ledger_writes_beside_it(tmp_path, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "my full study"
    with monkeypatch.context() as patched:
        patched.setattr("minidl.pairing.execution.runner._Run._stage", interrupted)
        said = call(*TINY, "--out", folder.name, code=1)
    [hint] = re.findall("minidl pair (resume .*) goes on.", said)
    assert not (folder / "report.md").read_text(encoding="utf-8").count("±")
    call(*shlex.split(f"pair {hint} --workers 1"))
    assert "±" in (folder / "report.md").read_text(encoding="utf-8")
    (folder / "report.html").unlink()
    call("pair", "report", folder.name)
    assert (folder / "report.html").is_file()
    call("pair", "export", f"{folder.name}/study.sqlite")
    assert trials(folder / "export") == trials(folder)
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]


def test_a_study_keeps_to_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    written = (
        'datasets = ["iris"]\nhidden = ["relu"]\nheads = ["softmax+cce"]\nepochs = 2\n'
        "learning_rates = [0.01]\nrepetitions = 1\n"
    )
    mine = {"one.toml": written, "two.toml": written, "results.csv": "mine", "study.toml": written}
    for name, text in mine.items():
        Path(name).write_text(text, encoding="utf-8")
    for name in ("one", "two"):
        call("pair", "run", f"{name}.toml", "--workers", 1)
        call("pair", "export", name)
        assert sorted(path.name for path in Path(name).iterdir()) == [
            "export", "pairings.png", "report.html", "report.md", "results.csv", "study.sqlite",
        ]  # fmt: skip
    assert {name: Path(name).read_text(encoding="utf-8") for name in mine} == mine
    assert {path.name for path in tmp_path.iterdir()} == {*mine, "one", "two"}


def test_a_ledger_that_is_none_is_refused(tmp_path):
    (tmp_path / "text.sqlite").write_text("no database at all, only some text", encoding="utf-8")
    for command in ("resume", "status", "report", "export"):
        assert "ledger" in call("pair", command, tmp_path / "text.sqlite", code=2)
        assert "no such file" in call("pair", command, tmp_path / "nowhere.sqlite", code=2)


def csv_file(path, first_row=()):
    lines = [f"{i % 7},{i % 5},{'yes' if i % 7 > 3 else 'no'}" for i in range(80)]
    path.write_text("\n".join(["a,b,bought", *first_row, *lines]), encoding="utf-8")
    return path


@pytest.mark.parametrize("cells", [",2,yes", "old,2,yes"])
def test_pair_refuses_a_cell_it_cannot_read(cells, tmp_path):
    table = csv_file(tmp_path / "mine.csv", [cells])
    said = call("pair", "--data", table, "--target", "bought", "--out", tmp_path, code=2)
    assert "line 2, column 'a'" in said


def test_pair_refuses_two_datasets_of_one_name(tmp_path):
    table = csv_file(tmp_path / "moons.csv")
    words = ["--data", table, "--data", "moons", "--target", "bought"]
    assert "Rename" in call("pair", *words, "--out", tmp_path, code=2)


def test_pair_takes_a_csv_file(tmp_path):
    table = csv_file(tmp_path / "mine.csv")
    words = ["--hidden", "relu", "--head", "sigmoid+bce", "--seeds", 1, "--epochs", 2]
    words += ["--learning-rate", 0.01]
    said = call("pair", "--data", table, "--target", "bought", *words, "--workers", 1,
                "--out", tmp_path)  # fmt: skip
    assert "mine" in said
    assert call("pair", "--data", f"{table}:bought", *words, "--out", tmp_path) == said
    assert "--target" in call("pair", "--data", table, *words, "--out", tmp_path, code=2)


def test_scores_of_a_csv_file_are_those_of_a_script(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(5, 3, (90, 2))
    y = X[:, 0] - 2 * X[:, 1] + rng.normal(0, 1, 90)
    table = tmp_path / "mine.csv"
    np.savetxt(table, np.column_stack([X, y]), delimiter=",", header="a,b,y", comments="")
    words = ["--hidden", "tanh", "--head", "linear+mse", "--seeds", 2, "--epochs", 9]
    words += ["--learning-rate", 0.01]
    call("pair", "--data", table, "--target", "y", *words, "--workers", 1, "--out", tmp_path)
    scores = [float(row["score"]) for row in trials(tmp_path)]
    for seed, score in enumerate(scores):
        random = random_state("split test", seed)
        train, test = train_test_split(np.arange(90), test_size=22, random_state=random)
        scaled = (X - X[train].mean(0)) / X[train].std(0)
        target = (y - y[train].mean()) / y[train].std()
        net = ml.mlp([2, 16, 16, 1], hidden="tanh", seed=seed)
        ml.fit(net, scaled[train], target[train], loss="mse", learning_rate=1e-2, epochs=9,
               batch_size=32, seed=seed)  # fmt: skip
        assert score == pytest.approx(r2_score(target[test], net.predict(scaled[test])), rel=1e-5)
    assert scores[0] != scores[1]


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["--hidden", "leaky_rel"], "leaky_relu"),
        (["--data", "mons"], "moons"),
        (["--head", "sigmoid"], "sigmoid+bce"),
        (["--optimizer", "adm"], "adam"),
        (["--head", "sigmoid+hinge", "--data", "moons"], "(sigmoid+hinge on moons: sigmoid gives"),
        (["--head", "linear+poisson", "--data", "moons"], "--unsound"),
        (["--learning-rate", "-1"], "(0, ∞)"),
        (["--learning-rate", "nan"], "(0, ∞)"),
        (["--backend", "threds"], "threads"),
        (["--backend", "dask"], "--scheduler"),
        (["--data", "missing.csv", "--target", "y"], "no such file"),
        (["--data", "missing.csv:y"], "no such file"),
        (["--target", "label", "--quick"], "--target label: expected a CSV file"),
        (["--data", "moons", "--target", "label"], "moons, which need none"),
        (["--data", "mine.csv:y", "--target", "label"], "mine.csv:y, which need none"),
    ],
)
def test_pair_refuses_with_a_remedy(words, wanted, tmp_path):
    assert wanted in call("pair", *words, "--epochs", 1, "--out", tmp_path, code=2)


def test_pair_refuses_a_folder_it_cannot_write(tmp_path):
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    said = call(*TINY, "--out", tmp_path / "file", code=2)
    assert "file: expected a folder that can be written" in said
    assert "got a file. Choose another name" in said


def test_a_folder_that_cannot_be_made_is_refused_before_training(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "minidl.pairing.execution.workers.perform", lambda _: pytest.fail("trained")
    )
    (tmp_path / "tiny.toml").write_text('datasets = ["iris"]\nepochs = 1\n', encoding="utf-8")
    (tmp_path / "file").touch()
    for option in (["--out", tmp_path / "file"], ["--ledger", tmp_path / "file" / "a.sqlite"]):
        said = call("pair", "run", tmp_path / "tiny.toml", *option, code=2)
        assert "file: expected a folder that can be written, got a file." in said


def test_a_tables_class_with_one_row_is_named(tmp_path):
    (tmp_path / "tiny.csv").write_text("a,b\n" + "1,x\n2,y\n" * 9 + "3,z\n", encoding="utf-8")
    said = call("pair", "--data", tmp_path / "tiny.csv:b", "--out", tmp_path, code=2)
    assert "dataset 'tiny': expected at least 2 rows of each class" in said


def test_the_version_is_that_of_the_package():
    assert call("--version") == f"minidl {ml.__version__}\n"


def test_list_names_everything():
    said = call("list")
    for registry in (activations, losses, optimizers, data.datasets):
        for name in registry.names():
            assert name in said


FORMULAS = {
    "sigmoid": "1/(1 + exp(−x))",
    "prelu": "(x if x > 0, else α·x)",
    "selu": "1.05070…·(x if x > 0, else 1.67326…·(exp(x) − 1))",
    "huber": "((p − t)²/2 if |p − t| ≤ δ, else δ·|p − t| − δ²/2)",
    "focal": "−t·α·(1 − p)^γ·log(p) − (1 − t)·(1 − α)·p^γ·log(1 − p)",
}


@pytest.mark.parametrize("name", activations.names() + losses.names())
def test_every_card_fits_a_terminal(name):
    said = call("show", name)
    entry = losses[name] if name in losses else activations[name]
    formula = said.splitlines()[1].removeprefix("  formula     ")
    assert formula == FORMULAS.get(name, formula)
    assert not re.search(r"Piecewise|\*|[a-z]{6,}", formula)
    assert entry.source in said
    plot = said.splitlines()[-18:]
    assert max(map(len, plot)) <= 80
    assert any("*" in line for line in plot)


@pytest.mark.parametrize("name", data.datasets.names())
def test_a_datasets_card_says_what_it_teaches(name):
    said, card = " ".join(call("show", name).replace("-\n", "-").split()), data.datasets[name]
    assert said.startswith(f"{card.name}: ")
    assert card.teaches in said
    assert card.source in said
    assert f"metric {card.metric} family {card.family} " in said


def test_list_says_which_task_a_dataset_is():
    said = call("list")
    for card in data.datasets:
        line = f"  {card.name:<26}{card.title} ({card.task})"
        assert f"{line}\n" in said
        assert len(line) <= 80


@pytest.mark.parametrize(
    ("typo", "meant"),
    [("sellu", "selu"), ("hubber", "huber"), ("spirl", "spirals"), ("??", "`minidl list`")],
)  # fmt: skip
def test_show_refuses_what_has_no_card(typo, meant):
    said = call("show", typo, code=2)
    assert meant in said
    assert "an activation, a loss, an optimizer, an initializer or a dataset" in said


def test_optimizers_and_initializers_have_cards():
    said = call("show", "adam")
    assert said.startswith("adam: A step of about the learning rate")
    assert "beta1=0.9, beta2=0.999" in said
    assert "Kingma and Ba, ICLR 2015" in said
    assert "uniform on ±√(3 · variance)" in call("show", "he_uniform")


@pytest.mark.parametrize(
    ("typo", "meant"),
    [("sellu", "selu"), ("hubber", "huber"), ("moons", "'moons' (dataset)")],
)
def test_plot_refuses_what_it_cannot_draw(typo, meant, tmp_path):
    said = call("plot", "relu", typo, "--out", tmp_path, code=2)
    assert meant in said
    assert "expected an activation or a loss" in said
    assert not [*tmp_path.iterdir()]


def test_plot_draws_the_named(tmp_path):
    call("plot", "relu", "huber", "--out", tmp_path)
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".svg", ".svg"]
    call("plot", "softmax", "--png", "--out", tmp_path)
    assert [path.stem for path in tmp_path.glob("*.png")] == ["01_softmax"]


def test_a_new_activation_is_listed_shown_and_drawn(bend, tmp_path):
    assert bend in call("list")
    assert "A curve nobody knows." in call("show", bend)
    call("plot", bend, "--out", tmp_path)
    assert (tmp_path / f"01_{bend}.svg").exists()


# --------------------------------------------------------------------------------- the bar


def test_a_pipe_sees_no_bar(capsys):
    with progress("epoch", 2) as advance:
        advance("loss 0.5")
    assert capsys.readouterr().err == ""


def test_a_bar_counts_and_shows_the_last_note(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    with progress("epoch", 3, note="starting", verbose=True) as advance:
        advance("loss 0.5")
        advance("[red]: loss 0.25")  # brackets are no markup
    said = capsys.readouterr().err
    assert "epoch 2/3" in said
    assert "[red]: loss 0.25" in said
    assert "starting" not in said


def test_a_long_note_leaves_the_bar_alone(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    with progress("epoch", 400, verbose=True) as advance:
        advance("  ".join(f"val_metric_{i} 0.1234" for i in range(9)))
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert "epoch   1/400" in last
    assert "val_metric_0 0.1234" in last
    assert last.endswith("…")


@pytest.mark.parametrize(("columns", "bar"), [(80, 4), (90, 14), (120, 20)])
def test_losses_and_a_metric_fit_beside_the_bar(capsys, monkeypatch, columns, bar):
    monkeypatch.setenv("COLUMNS", str(columns))
    note = "loss 0.02372  val_loss 0.02346  val_accuracy 0.9933"
    with progress("epoch", 1000, verbose=True) as advance:
        for _ in range(1000):
            advance(note)
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.rstrip().endswith(note)
    assert last.count("━") == bar


def test_a_bar_says_that_a_kernel_is_compiled(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    with progress("epoch", 1, verbose=True):
        numba.njit(lambda x: x + 1)(1)
    assert "compiling kernels" in capsys.readouterr().err
