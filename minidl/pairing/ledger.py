"""Everything a study has found, in one SQLite file that survives whatever happens.

A trial's place is a digest of all that decides its result, so what is there never has to be
computed again, and a study that grows runs only what is new. Results are written as they come,
each task's in one transaction; two processes may work on one file.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from minidl.data import Dataset
from minidl.errors import FileError
from minidl.pairing.environment import Environment, keys
from minidl.pairing.study import Study
from minidl.pairing.trial import Result, Trial

MARK = 0x6D646C21
"""SQLite's application id of a ledger: "mdl!"."""
VERSION = 1
PATIENCE = 60.0
"""Seconds to wait while another process writes."""

TABLES = """
CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE trials (
    key TEXT PRIMARY KEY, facts TEXT NOT NULL, seed INTEGER NOT NULL,
    status TEXT NOT NULL, reason TEXT NOT NULL, score REAL,
    losses BLOB NOT NULL, scores BLOB NOT NULL, outputs BLOB, columns INTEGER,
    health TEXT NOT NULL, seconds REAL NOT NULL, host TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE claims (key TEXT PRIMARY KEY, owner TEXT NOT NULL) WITHOUT ROWID;
"""
COLUMNS = "status, reason, score, losses, scores, outputs, columns, health, seconds, host"


class Ledger:
    """A study's file.

    Parameters
    ----------
    path : Path
    write : bool
        False for looking only: a file that is not there is an error then.

    Raises
    ------
    FileError
        If the file is no ledger, is damaged, or cannot be read or written.
    """

    def __init__(self, path: Path, write: bool = True) -> None:
        self.path, self.owner, self._lock = path, uuid.uuid4().hex, threading.RLock()
        with self._errors():
            if write:
                path.parent.mkdir(parents=True, exist_ok=True)
            elif not path.is_file():
                raise FileNotFoundError(2, "no such file")
            self._connection = self._connect(write)
            try:
                self._recognise(write)
            except BaseException:
                self._connection.close()
                raise

    def _connect(self, write: bool) -> sqlite3.Connection:
        mode = "rwc" if write else "ro"
        uri = f"{self.path.resolve().as_uri()}?mode={mode}"
        # Tasks are claimed on whichever thread has room for one, hence the lock.
        return sqlite3.connect(
            uri, uri=True, timeout=PATIENCE, isolation_level=None, check_same_thread=False
        )

    def _recognise(self, write: bool) -> None:
        """Make tables in a new file; refuse one that is damaged or somebody else's."""
        ask = self._connection.execute
        if write:
            ask("BEGIN IMMEDIATE")
            if not ask("PRAGMA schema_version").fetchone()[0]:
                for statement in TABLES.split(";"):
                    ask(statement)
                ask(f"PRAGMA application_id = {MARK}")
                ask(f"PRAGMA user_version = {VERSION}")
            ask("COMMIT")
        found = (*ask("PRAGMA application_id").fetchone(), *ask("PRAGMA user_version").fetchone())
        if found != (MARK, VERSION):
            known = found[0] == MARK
            got = f"one of version {found[1]}" if known else "another program's database"
            raise self._refusal(f"a ledger of minidl, version {VERSION}", got)
        [damage] = ask("PRAGMA quick_check(1)").fetchone()
        if damage != "ok":
            raise sqlite3.DatabaseError(damage)
        if write:
            ask("PRAGMA journal_mode = WAL")
            ask("PRAGMA synchronous = NORMAL")  # a power cut may cost the last results, no more

    def _refusal(self, expected: str, got: str) -> FileError:
        return FileError(str(self.path), expected, got, "Give another file: --ledger FILE.")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """What SQLite and the file system refuse, in minidl's words."""
        try:
            with self._lock:
                yield
        except sqlite3.DatabaseError as error:
            text = str(error)
            if "full" in text:
                raise FileError(
                    str(self.path),
                    "space on the disk",
                    text,
                    "Make room and run `minidl pair resume`: nothing is lost.",
                ) from error
            if "readonly" in text or "unable to open" in text:
                raise self._refusal("a file that can be written", text) from error
            if "locked" in text:
                raise self._refusal(f"its turn to write within {PATIENCE:g} s", text) from error
            raise self._refusal("a whole ledger of minidl", text) from error
        except OSError as error:
            if isinstance(error, FileError):
                raise
            got = error.strerror or str(error)
            raise self._refusal("a file that can be read and written", got) from error

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._errors():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.rollback()
                raise
            self._connection.execute("COMMIT")

    # --------------------------------------------------------------------------- the study

    def begin(self, study: Study, environment: Environment) -> None:
        """Take a study up, or go on with it; refuse an environment with other last bits."""
        with self._transaction() as connection:
            known = self._about("environment")
            if known is not None:
                Environment(**json.loads(known)).check(environment, "this process")
            told = {"environment": asdict(environment), "study": study.facts()}
            rows = [(name, json.dumps(value)) for name, value in told.items()]
            connection.executemany("INSERT OR REPLACE INTO about VALUES (?, ?)", rows)
            connection.execute("DELETE FROM claims")

    def _about(self, name: str) -> str | None:
        with self._errors():
            rows = self._connection.execute("SELECT value FROM about WHERE name = ?", [name])
            found = rows.fetchone()
        return None if found is None else str(found[0])

    @property
    def study(self) -> Study:
        """The study that was run last."""
        told = self._about("study")
        if told is None:
            raise self._refusal("a study that was begun", "an empty ledger")
        return Study.from_mapping(json.loads(told), str(self.path))

    @cached_property
    def environment(self) -> Environment:
        """Where its results have their bits from: this one until a study is begun."""
        told = self._about("environment")
        return Environment.here() if told is None else Environment(**json.loads(told))

    # -------------------------------------------------------------------------- the trials

    def add(self, found: Iterable[tuple[str, Trial, Result]]) -> None:
        """Write results down; what is there already stays."""
        rows = [_row(key, trial, result) for key, trial, result in found]
        with self._transaction() as connection:
            marks = ", ".join("?" * len(rows[0]))
            connection.executemany(f"INSERT OR IGNORE INTO trials VALUES ({marks})", rows)
            connection.executemany("DELETE FROM claims WHERE key = ?", [row[:1] for row in rows])

    def claim(self, keys: Sequence[str], firmly: bool = False) -> list[str]:
        """Which of these trials to run now: not done, nor claimed by another process.

        A claim is a courtesy, not a lock: its owner may be dead. ``firmly`` passes over it, and
        whoever comes second with a result finds the same bits there already.
        """
        with self._transaction() as connection:
            taken = self._among("trials", keys)
            if not firmly:
                taken |= self._among("claims", keys, self.owner)
            free = [key for key in keys if key not in taken]
            rows = [(key, self.owner) for key in free]
            connection.executemany("INSERT OR REPLACE INTO claims VALUES (?, ?)", rows)
        return free

    def _among(self, table: str, keys: Sequence[str], owner: str | None = None) -> set[str]:
        """Those of the keys that a table has, of another owner if one is given."""
        marks = ", ".join("?" * len(keys))
        question = f"SELECT key FROM {table} WHERE key IN ({marks})"
        asked = [*keys]
        if owner is not None:
            question, asked = f"{question} AND owner != ?", [*keys, owner]
        return {row[0] for row in self._connection.execute(question, asked)}

    def results(self, keys: Sequence[str]) -> dict[str, Result]:
        """The results that are there, by key."""
        marks = ", ".join("?" * len(keys))
        question = f"SELECT key, {COLUMNS} FROM trials WHERE key IN ({marks})"
        with self._errors():
            rows = self._connection.execute(question, list(keys)).fetchall()
        return {row[0]: _result(*row[1:]) for row in rows}

    def found(self, trials: Sequence[Trial], data: Dataset) -> dict[Trial, Result]:
        """Those of one cell's trials that are done, with their results, in the same order."""
        places = keys(trials, data, self.environment)
        results = self.results(places)
        return {t: results[k] for t, k in zip(trials, places, strict=True) if k in results}

    def count(self) -> dict[str, int]:
        """How many trials there are of each status."""
        with self._errors():
            question = "SELECT status, COUNT(*) FROM trials GROUP BY status ORDER BY status"
            return dict(self._connection.execute(question).fetchall())

    def close(self) -> None:
        """Fold the log into the file; a second process may go on."""
        with self._errors():
            self._connection.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _row(key: str, trial: Trial, result: Result) -> tuple[Any, ...]:
    outputs = result.outputs
    return (
        key,
        json.dumps(trial.facts),
        trial.seed,
        result.status,
        result.reason,
        result.score,  # NaN is NULL in SQLite
        result.losses.tobytes(),
        result.scores.tobytes(),
        None if outputs is None else outputs.astype("<f4", copy=False).tobytes(),
        None if outputs is None else outputs.shape[1],
        json.dumps(result.health),
        result.seconds,
        result.host,
    )


def _result(
    status: str,
    reason: str,
    score: float | None,
    losses: bytes,
    scores: bytes,
    outputs: bytes | None,
    columns: int,
    health: str,
    seconds: float,
    host: str,
) -> Result:
    return Result(
        status,
        reason,
        np.nan if score is None else score,
        np.frombuffer(losses),
        np.frombuffer(scores),
        None if outputs is None else np.frombuffer(outputs, "<f4").reshape(-1, columns),
        json.loads(health),
        seconds,
        host,
    )
