"""A row of a ledger is what was written, or refused, and computed again by resuming."""

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from damage import cuts, flips, ledger_file, outcomes
from damage import ledger as contents
from ledgers import HERE, STUDY, begun, full, trials
from typer.testing import CliRunner

from minidl.cli import app
from minidl.core.errors import FileError
from minidl.pairing import Ledger, run
from minidl.pairing.execution import environment
from minidl.pairing.execution.exporting import export
from minidl.pairing.findings.plans import status

EARLIER = Path(__file__).parent / "data" / "earlier.sqlite"


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return ledger_file(tmp_path_factory.mktemp("study") / "study.sqlite")


@pytest.fixture
def path(study, tmp_path):
    return Path(shutil.copy(study, tmp_path / "study.sqlite"))


def change(path, question, *values):
    with closing(sqlite3.connect(path)) as connection:
        changed = connection.execute(question, values).rowcount
        connection.commit()
        return changed


# --------------------------------------------------------------------------------------- damage


@pytest.mark.parametrize(("damage", "number"), [(cuts, 20), (flips, 120)])
def test_a_damaged_ledger_is_refused_or_identical(study, damage, number):
    damaged = damage(study.read_bytes(), number, np.random.default_rng(2))
    counts = outcomes(contents, study, damaged)
    assert counts["refused"] + counts["identical"] == number
    assert counts["refused"] > 10


DAMAGES = {
    "facts": "facts || ' '",
    "seed": "seed + 1",
    "status": "'ok '",
    "reason": "'none'",
    "score": "score + 1e-15",
    "losses": "zeroblob(length(losses))",
    "scores": "x''",
    "outputs": "NULL",
    "columns": "columns + 1",
    "health": "'{}'",
    "seconds": "seconds * 2",
    "host": "host || 'a'",
    "digest": "zeroblob(16)",
}


@pytest.mark.parametrize("column", DAMAGES)
def test_a_damaged_row_is_refused_by_whoever_reads_and_named(path, column, refused):
    with closing(sqlite3.connect(path)) as connection:
        [[key]] = connection.execute("SELECT min(key) FROM trials").fetchall()
    assert change(path, f"UPDATE trials SET {column} = {DAMAGES[column]} WHERE key = ?", key) == 1
    parts = (f"{path}: trial {key[:16]}", "a whole ledger", "damaged row", "pair resume")
    with Ledger(path, write=False) as opened:
        for read in (
            lambda: opened.results([key]),
            opened.count,
            lambda: status(opened),
            lambda: export(opened, path.parent / "export"),
        ):
            with refused(FileError, *parts):
                read()
    assert not (path.parent / "export").exists()


def test_resuming_computes_damaged_rows_again_and_says_so(path, study):
    assert change(path, "UPDATE trials SET score = 1.8947 WHERE seed = 1") == 2
    assert change(path, "UPDATE trials SET status = 'failed' WHERE seed = 2") == 2
    before = contents(study)
    with pytest.warns(RuntimeWarning, match="study.sqlite: 4 results in it had been damaged"):
        assert run(before[0], path, workers=1)
    assert contents(path) == before
    assert run(before[0], path, workers=1)  # and says nothing more


def test_the_command_that_an_error_names_mends_the_ledger(path, study):
    change(path, "UPDATE trials SET score = 0 WHERE seed = 1")

    def command(name):
        # A warning is an error in tests; elsewhere it is printed.
        return CliRunner().invoke(app, ["pair", name, str(path), "--out", str(path.parent)])

    assert "pair resume" in command("report").output
    with pytest.warns(RuntimeWarning, match="2 results"):
        assert command("resume").exit_code == 0
    assert command("report").exit_code == 0
    assert contents(path) == contents(study)


@pytest.mark.parametrize(
    "question",
    [
        "UPDATE about SET value = replace(value, 'relu', 'selu')",
        "UPDATE about SET name = 'fnvironment' WHERE name = 'environment'",
        "UPDATE about SET digest = x'' WHERE name = 'study'",
    ],
)
@pytest.mark.parametrize("write", [True, False])
def test_a_damaged_study_or_environment_is_refused(path, question, write, refused):
    assert change(path, question) > 0
    with refused(FileError, str(path), "a whole ledger", "another digest", "--ledger FILE"):
        Ledger(path, write)


@pytest.mark.parametrize(
    "question",
    [
        "CREATE VIEW more AS SELECT zeroblob(1000000000)",
        "CREATE TRIGGER more AFTER DELETE ON claims BEGIN DELETE FROM trials; END",
        "ALTER TABLE trials ADD COLUMN more TEXT",
        "CREATE INDEX more ON trials (score)",
        "DROP TABLE claims",
    ],
)
@pytest.mark.parametrize("write", [True, False])
def test_other_tables_are_refused_before_anything_in_them_is_read(path, question, write, refused):
    change(path, question)
    with refused(FileError, str(path), "a whole ledger", "other tables", "--ledger FILE"):
        Ledger(path, write)


def test_what_sqlite_adds_for_itself_is_no_other_table(path, study):
    for question in ("ANALYZE", "VACUUM"):
        change(path, question)
    assert contents(path) == contents(study)


@pytest.mark.parametrize("score", [-0.0, 1.0, 3, np.float32(0.1), np.nan, -np.inf, 5e-324])
def test_a_row_is_whole_whatever_its_numbers(tmp_path, score):
    """SQLite gives back 0 for −0, floats for whole numbers, and nothing for NaN."""
    path = begun(tmp_path / "study.sqlite")
    with Ledger(path) as opened:
        opened.add([("place", trials(1)[0], full(score))])
        opened.begin(STUDY, HERE)
        assert opened.count() == {"ok": 1}
        assert opened.results(["place"])["place"].score == pytest.approx(score, nan_ok=True)


# ------------------------------------------------------------------------------ earlier versions


def test_a_ledger_of_an_earlier_version_is_reported_and_exported(tmp_path):
    """Its export is, to the byte, the one that the earlier version made."""
    path = Path(shutil.copy(EARLIER, tmp_path / "study.sqlite"))
    for name in ("status", "report", "export"):
        done = CliRunner().invoke(app, ["pair", name, str(path)])
        assert done.exit_code == 0, done.output
        assert "of 30 trials" in done.output or name == "export"
    expected = EARLIER.with_suffix(".csv").read_bytes()
    assert (tmp_path / "export" / "results.csv").read_bytes() == expected
    assert path.read_bytes() == EARLIER.read_bytes()


def test_it_is_read_though_its_places_are_computed_otherwise_now(tmp_path, monkeypatch):
    """As when a generator gives other rows, or an optimizer has one more alias."""
    monkeypatch.setattr(environment, "fingerprint", lambda data: "another")
    path = Path(shutil.copy(EARLIER, tmp_path / "study.sqlite"))
    with Ledger(path, write=False) as opened:
        export(opened, tmp_path)
    assert (tmp_path / "results.csv").read_bytes() == EARLIER.with_suffix(".csv").read_bytes()


def test_a_ledger_of_this_version_is_not_read_under_other_places(path, monkeypatch):
    """A table that has changed since is another table."""
    monkeypatch.setattr(environment, "fingerprint", lambda data: "another")
    assert b"\n0," not in contents(path)[3][1]


def test_a_ledger_of_an_earlier_version_is_not_gone_on_with(tmp_path, refused):
    path = Path(shutil.copy(EARLIER, tmp_path / "study.sqlite"))
    with refused(FileError, str(path), "version 2", "version 1", "begin another"):
        run(STUDY, path, workers=1)
    assert path.read_bytes() == EARLIER.read_bytes()
    assert os.listdir(tmp_path) == ["study.sqlite"]


def test_a_ledger_whose_version_is_damaged_is_none_of_an_earlier_one(path, refused):
    change(path, "PRAGMA user_version = 1")
    with refused(FileError, str(path), "a whole ledger", "other tables", "--ledger FILE"):
        Ledger(path, write=False)
