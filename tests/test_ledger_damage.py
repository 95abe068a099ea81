"""What is no ledger, or no whole one: a clear error, and a file that is left as it was."""

import os
import sqlite3
from contextlib import closing

import numpy as np
import pytest
from ledgers import STUDY, begun, contents, filled, full, refusal, trials

from minidl.core.errors import FileError
from minidl.pairing import Ledger
from minidl.pairing.execution import ledger
from minidl.pairing.execution.environment import Environment
from minidl.pairing.execution.exporting import export


@pytest.mark.parametrize("write", [True, False])
@pytest.mark.parametrize(
    ("content", "got"),
    [
        (b"name,score\nrelu,0.9\n" * 100, "not a database"),
        (b"SQLite format 3\0" + bytes(range(256)) * 40, "not a database"),
    ],
)
def test_a_file_of_another_kind_is_refused_and_left_alone(tmp_path, content, got, write, refused):
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with refused(FileError, "table.csv", "a whole ledger", got, "--ledger FILE"):
        Ledger(path, write)
    assert path.read_bytes() == content
    assert os.listdir(tmp_path) == ["table.csv"]


@pytest.mark.parametrize("write", [True, False])
def test_a_database_of_others_is_refused_and_left_alone(tmp_path, write, refused):
    path = tmp_path / "cookies.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE trials (key TEXT)")
    before = path.read_bytes()
    with refused(FileError, "cookies", "ledger of minidl", "another program's", "--ledger FILE"):
        Ledger(path, write)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["cookies.sqlite"]


@pytest.mark.parametrize("write", [True, False])
def test_a_ledger_of_another_version_is_refused_and_left_alone(tmp_path, write, refused):
    path = begun(tmp_path / "study.sqlite")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {ledger.VERSION + 1}")
    before = path.read_bytes()
    got = f"one of version {ledger.VERSION + 1}"
    with refused(FileError, "study.sqlite", f"version {ledger.VERSION}", got, "--ledger FILE"):
        Ledger(path, write)
    assert path.read_bytes() == before


def test_a_damaged_file_is_a_clear_error_or_still_whole(tmp_path):
    path = filled(tmp_path / "study.sqlite")
    whole = path.read_bytes()
    random = np.random.default_rng(0)
    refusals = 0
    for _ in range(60):
        damaged = bytearray(whole)
        start = int(random.integers(len(whole)))
        length = int(random.choice([1, 64, 4096]))
        if random.random() < 0.3:
            del damaged[start:]
        else:
            damaged[start : start + length] = random.bytes(length)
        path.write_bytes(damaged)
        error = refusal(contents, path)
        if error is not None:
            refusals += bool(damaged)
            assert "study.sqlite" in error.culprit
            assert error.expected
            assert error.got
            assert error.remedy
    assert refusals > 10


def change(path, question, *values):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(question, values)
        connection.commit()


@pytest.mark.parametrize(
    ("question", "value"),
    [
        ("UPDATE about SET value = ? WHERE name = 'study'", "{"),
        ("UPDATE about SET value = ? WHERE name = 'study'", "[1]"),
        ("UPDATE about SET value = ? WHERE name = 'environment'", '{"other": 1}'),
        ("UPDATE trials SET losses = ?", b"12345"),
        ("UPDATE trials SET outputs = ?", b"\0" * 12),
        ("UPDATE trials SET health = ?", "{"),
        ("DROP TABLE trials -- ?", ""),
    ],
)
def test_a_table_with_other_things_in_it_is_a_clear_error(tmp_path, question, value, refused):
    path = filled(tmp_path / "study.sqlite", 1)
    change(path, question, *([value] if "--" not in question else []))
    with refused(FileError, "study.sqlite", "a whole ledger", " ", "--ledger FILE"):
        contents(path)


def test_an_empty_ledger_has_no_study_yet(tmp_path, refused):
    path = tmp_path / "study.sqlite"
    Ledger(path).close()
    with Ledger(path, write=False) as opened:
        assert opened.count() == {}
        assert opened.environment == Environment.here()
        with refused(FileError, "study.sqlite", "was begun", "an empty ledger", "--ledger"):
            opened.study  # noqa: B018
        with pytest.raises(FileError, match="was begun"):
            export(opened, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_empty_file_becomes_a_ledger_but_is_none_yet(tmp_path, refused):
    path = tmp_path / "study.sqlite"
    path.touch()
    with refused(FileError, "study.sqlite", "a ledger", "another program's", "--ledger"):
        Ledger(path, write=False)
    begun(path)
    assert contents(path)[0] == STUDY


def test_who_looks_leaves_one_file_and_changes_nothing(tmp_path):
    """Also what a killed process left beside the file goes into it."""
    with Ledger(filled(tmp_path / "full.sqlite", 1)) as opened:
        opened.add([("later", trials(1)[0], full(0.25))])  # in the log, while it is open
        for name in ("full.sqlite", "full.sqlite-wal"):
            (tmp_path / name.replace("full", "study")).write_bytes((tmp_path / name).read_bytes())
    found = contents(tmp_path / "study.sqlite")[2]
    assert found == {"ok": 3}
    assert sorted(os.listdir(tmp_path)) == ["full.sqlite", "study.sqlite"]
    before = (tmp_path / "study.sqlite").read_bytes()
    with Ledger(tmp_path / "study.sqlite", write=False) as opened:
        with pytest.raises(FileError, match="readonly"):
            opened.add([("more", trials(1)[0], full())])
        assert opened.count() == found
    assert (tmp_path / "study.sqlite").read_bytes() == before
