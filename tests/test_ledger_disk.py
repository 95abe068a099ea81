"""What a disk does not allow: folders, permissions, no space left, a file that others hold."""

import os
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ledgers import HERE, STUDY, VARIABLES, begun, contents, filled, full, trials

from minidl.core.errors import FileError
from minidl.pairing import Ledger, Result
from minidl.pairing.execution import ledger


def test_where_nothing_can_be_is_a_clear_error(tmp_path, refused):
    for path, got in ((tmp_path / "none.sqlite", "no such file"), (tmp_path, "a folder")):
        with refused(FileError, path.name, "can be read", got, "pair run STUDY --ledger FILE"):
            Ledger(path, write=False)
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with refused(FileError, tmp_path.name, "written", "a folder", "--ledger FILE"):
        Ledger(tmp_path)
    file, none = tmp_path / "file" / "study.sqlite", tmp_path / "none" / "study.sqlite"
    with refused(FileError, str(file), "in a folder", "which is a file", "--ledger FILE"):
        Ledger(file)
    with refused(FileError, str(none), "in a folder", "no folder", "Make the folder"):
        Ledger(none)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


BEFORE = """
import os, resource
import numpy as np
from minidl.core import FileError
from minidl.pairing import Cell, Ledger, Pairing, Result, Trial
trial = Trial(Cell("xor", Pairing.parse("relu/sigmoid+bce")), 0.01, 0)
os.getuid() or (os.setgid(65534), os.setuid(65534))
"""


def as_nobody(folder, code):
    """Run Python as a user whom permissions bind: root is above them."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", BEFORE + code],
        cwd=folder,
        env=VARIABLES,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.fixture
def folder():
    """A folder that somebody else may enter, unlike pytest's."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        yield Path(name)


OPEN = """
for write in (True, False):
    try:
        with Ledger("study.sqlite", write) as opened:
            print("opened", write, opened.study.name, opened.count())
    except FileError as error:
        print("refused", write, error.expected, "|", error.got, "|", error.remedy)
"""


def test_a_folder_that_cannot_be_written(folder):
    said = as_nobody(folder, OPEN)
    assert "refused True a file that can be written | unable to open" in said
    assert "refused False a file that can be read | no such file" in said
    assert os.listdir(folder) == []


def test_a_ledger_in_a_folder_that_cannot_be_written_is_read_all_the_same(folder):
    path = filled(folder / "study.sqlite", 1)
    before = path.read_bytes()
    said = as_nobody(folder, OPEN)
    assert "refused True a file that can be written | attempt to write a readonly" in said
    assert "opened False study {'ok': 2}" in said
    path.chmod(0o600)
    said = as_nobody(folder, OPEN)
    assert "refused True a file that can be written | unable to open" in said
    assert "refused False a file that can be read | unable to open" in said
    assert path.read_bytes() == before
    assert os.listdir(folder) == ["study.sqlite"]


def test_a_ledger_in_use_in_a_folder_that_cannot_be_written(folder):
    path = filled(folder / "study.sqlite", 1)
    with Ledger(path) as opened:
        opened.add([("last", trials(1)[0], Result())])
        said = as_nobody(folder, OPEN)
    assert "refused True a file that can be written" in said
    assert "opened False study {'ok': 3}" in said or "refused False a file that can be read" in said


def test_a_full_disk_loses_nothing(tmp_path, refused):
    path = filled(tmp_path / "study.sqlite")
    with Ledger(path) as opened:
        pages = opened._connection.execute("PRAGMA page_count").fetchone()[0]
        opened._connection.execute(f"PRAGMA max_page_count = {pages + 2}")
        lots = replace(full(), outputs=np.zeros((10_000, 1), np.float32))
        with refused(FileError, "study.sqlite", "space on the disk", "full", "minidl pair resume"):
            opened.add([(f"new{i}", trials(1)[0], lots) for i in range(3)])
        assert opened.done(["new0", "new1", "place"]) == {"place"}  # all of it or none
        opened._connection.execute("PRAGMA max_page_count = 1000000")
        opened.add([("new0", trials(1)[0], lots)])
    assert contents(path)[2] == {"ok": 42}


FULL = """
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
opened = Ledger("study.sqlite")
try:
    for i in range(1000):
        opened.add([(f"place{i}", trial, Result(outputs=np.zeros((1000, 1), "f4")))])
except FileError as error:
    print("refused after", i, error)
opened.close()
"""


def test_a_file_system_that_takes_no_more(folder):
    """A limit on the size of files, which SQLite meets where it writes its log."""
    folder.chmod(0o777)
    said = as_nobody(folder, FULL)
    assert "refused after" in said
    assert "minidl pair resume" in said
    written = int(said.split("refused after")[1].split()[0])
    assert 10 < written < 200
    with Ledger(folder / "study.sqlite") as opened:
        assert opened.count() == {"ok": written}
        opened.begin(STUDY, HERE)


def test_a_ledger_that_another_process_holds(tmp_path, monkeypatch, refused):
    monkeypatch.setattr(ledger, "LOCK_SECONDS", 0.1)
    path = begun(tmp_path / "study.sqlite")
    with closing(sqlite3.connect(path, isolation_level=None)) as other, Ledger(path) as opened:
        other.execute("BEGIN EXCLUSIVE")
        for ask in (
            lambda: opened.claim(["a"]),
            lambda: opened.add([("a", trials(1)[0], Result())]),
            lambda: opened.begin(STUDY, HERE),
            lambda: Ledger(path),
        ):
            with refused(FileError, "study.sqlite", "its turn within 0.1 s", "locked", "End what"):
                ask()
        other.execute("COMMIT")
        assert opened.claim(["a"]) == ["a"]
