"""Everything a study has found, in one SQLite file that survives whatever happens.

A trial's place is a digest of all that decides its result, so what is there never has to be
computed again, and a study that grows runs only what is new. Results are written as they come,
each task's in one transaction; two processes may work on one file. Every row has a digest of the
whole row, which is looked at whenever it is read.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import uuid
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

from minidl.core import FileError, MinidlError, parse_json
from minidl.data import Dataset
from minidl.pairing.execution.environment import Environment, keys
from minidl.pairing.execution.rows import (
    COLUMNS,
    TABLES,
    VERSION,
    is_whole,
    result_of,
    row_of,
    with_digest,
)
from minidl.pairing.statistics import how_many
from minidl.pairing.study import Result, Study, Trial

APPLICATION_ID = 0x6D646C21
"""SQLite's application id of a ledger: "mdl!"."""
PRAGMAS = ("application_id", "user_version")
LOCK_SECONDS = 60.0
"""Seconds to wait while another process writes."""

CHOOSE_ANOTHER = (
    "Choose another: `minidl pair run STUDY --ledger FILE`, or `minidl pair --out DIR`."
)
NAME_A_LEDGER = (
    "Name one that `minidl pair` wrote, or begin one: `minidl pair run STUDY --ledger FILE`."
)
RESUME = "`minidl pair resume` goes on, nothing is lost."
EARLIER_VERSION = (
    "`minidl pair report` and `export` read it; to train, begin another: "
    "`minidl pair run STUDY --ledger FILE`."
)
WHOLE_LEDGER = "a whole ledger of minidl"
BEFORE = COLUMNS.index("status")
"""Columns that are no part of a result: they come first."""


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
        If the file is no ledger, is damaged, or cannot be read or written; if it has no folder.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, Ledger(Path(folder, "a.sqlite")) as ledger:
    ...     ledger.begin(Study(datasets=["xor"]), Environment.here())
    ...     print(ledger.study.datasets, ledger.count())
    ('xor',) {}
    """

    def __init__(self, path: str | Path, write: bool = True) -> None:
        self.path, self.write = Path(path), write
        self.owner, self._lock = uuid.uuid4().hex, threading.RLock()
        with self._errors():
            folder = self.path.parent
            if write and not folder.is_dir():
                got = f"{folder}, which is a file" if folder.exists() else f"no folder {folder}"
                remedy = None if folder.exists() else "Make the folder, or choose another."
                raise self._refusal("a file in a folder", got, remedy)
            if self.path.is_dir():
                raise IsADirectoryError(21, "a folder")
            if not write and not self.path.is_file():
                raise FileNotFoundError(2, "no such file")
            self._connection = self._connect()
            try:
                self._recognise()
            except BaseException:
                self._connection.close()
                raise

    def _connect(self) -> sqlite3.Connection:
        path = self.path.resolve()
        how = "mode=rwc" if self.write else "mode=ro"
        log = path.with_name(f"{path.name}-wal")
        if not self.write:
            beside = os.access(path.parent, os.W_OK)
            if beside and os.access(path, os.W_OK):
                how = "mode=rw"  # for SQLite alone: who leaves last folds the log into the file
            elif not (beside or log.exists()):
                how = "immutable=1"  # SQLite would have to write beside it, to tell of itself
        # Tasks are claimed on whichever thread has room for one, hence the lock.
        return sqlite3.connect(
            f"{path.as_uri()}?{how}",
            uri=True,
            timeout=LOCK_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )

    def _recognise(self) -> None:
        """Make tables in a new file; refuse one that is damaged or somebody else's."""
        ask = self._connection.execute
        if not self.write:
            ask("PRAGMA query_only = 1")
        else:
            ask("BEGIN IMMEDIATE")
            if not ask("PRAGMA schema_version").fetchone()[0]:
                for statement in TABLES[VERSION].split(";"):
                    ask(statement)
                ask(f"PRAGMA application_id = {APPLICATION_ID}")
                ask(f"PRAGMA user_version = {VERSION}")
            ask("COMMIT")
        [mark], [self.version] = (ask(f"PRAGMA {name}").fetchone() for name in PRAGMAS)
        if (
            mark != APPLICATION_ID
            or self.version not in TABLES
            or (self.write and self.version < VERSION)
        ):
            got = (
                f"one of version {self.version}"
                if mark == APPLICATION_ID
                else "another program's database"
            )
            remedy = EARLIER_VERSION if mark == APPLICATION_ID and self.version in TABLES else None
            raise self._refusal(f"a ledger of minidl, version {VERSION}", got, remedy)
        self._check_tables()
        if self.write:
            ask("PRAGMA journal_mode = WAL")
            ask("PRAGMA synchronous = NORMAL")  # a power cut may cost the last results, no more
            ask("DELETE FROM claims WHERE 0")  # fails here, not later, if nothing can be written

    def _check_tables(self) -> None:
        """Refuse other tables than minidl makes, and those in which anything is damaged.

        Before any of them is read: a view or a trigger in its place could do anything.
        """
        ask = self._connection.execute
        ask("PRAGMA trusted_schema = 0")
        known = "SELECT sql FROM sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
        statements = {text.strip() for text in TABLES[self.version].split(";")} - {""}
        if {sql for (sql,) in ask(known)} != statements:
            raise self._refusal(WHOLE_LEDGER, "other tables")
        [damage] = ask("PRAGMA integrity_check(1)").fetchone()
        if damage != "ok":
            raise sqlite3.DatabaseError(damage)
        if self.version < VERSION:
            return
        # Damaged text is a row with another digest, and no error of its own.
        self._connection.text_factory = lambda text: text.decode(errors="surrogateescape")
        if not all(map(is_whole, ask("SELECT name, value, digest FROM about"))):
            raise self._refusal(WHOLE_LEDGER, "a study or an environment with another digest")

    def _refusal(self, expected: str, got: str, remedy: str | None = None) -> FileError:
        usual = CHOOSE_ANOTHER if self.write else NAME_A_LEDGER
        return FileError(str(self.path), expected, got, remedy or usual)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """What SQLite and the file system refuse, in minidl's words."""
        try:
            with self._lock:
                yield
        except MinidlError:
            raise
        except sqlite3.DatabaseError as error:
            kind = getattr(error, "sqlite_errorname", "").split("_")[1:2]
            expected, remedy = self._wanted(*kind)
            raise self._refusal(expected, str(error), remedy) from error
        except (
            ValueError,
            TypeError,
            LookupError,
        ) as error:  # never written by minidl
            raise self._refusal(WHOLE_LEDGER, str(error)) from error
        except OSError as error:
            what = "read and written" if self.write else "read"
            got = error.strerror or str(error)
            raise self._refusal(f"a file that can be {what}", got) from error

    def _wanted(self, kind: str = "") -> tuple[str, str | None]:
        """What was expected where SQLite gives an error of this kind, and the remedy."""
        if kind == "FULL":
            return "space on the disk", f"Make room; then {RESUME}"
        if kind == "IOERR":
            return "a disk that can be read and written", f"Look at the disk; then {RESUME}"
        if kind in ("BUSY", "LOCKED"):
            return f"its turn within {LOCK_SECONDS:g} s", f"End what holds the file; then {RESUME}"
        if kind in ("READONLY", "CANTOPEN", "PERM", "AUTH"):
            if self.write:
                return "a file that can be written", CHOOSE_ANOTHER
            return "a file that can be read", "Copy it, and what is beside it, to your own folder."
        return WHOLE_LEDGER, None

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._errors():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                self._connection.rollback()
                raise

    # --------------------------------------------------------------------------- the study

    def begin(self, study: Study, environment: Environment) -> None:
        """Take a study up, or go on with it; refuse an environment with other last bits.

        Rows that are not as they were written are taken out, with a warning: what is not there
        is computed again.
        """
        about = {"environment": asdict(environment), "study": study.facts()}
        rows = [with_digest((name, json.dumps(value))) for name, value in about.items()]
        with self._transaction() as connection:
            known = self._about("environment")
            if known is not None:
                Environment(**known).check(environment, "this process")
            connection.executemany("INSERT OR REPLACE INTO about VALUES (?, ?, ?)", rows)
            connection.execute("DELETE FROM claims")
            self._drop_damaged(connection)

    def _drop_damaged(self, connection: sqlite3.Connection) -> None:
        """Take out rows that are not as they were written, so that they are computed again."""
        rows = connection.execute(f"SELECT rowid, {', '.join(COLUMNS)}, digest FROM trials")
        damaged = [row[:1] for row in rows if not is_whole(row[1:])]
        connection.executemany("DELETE FROM trials WHERE rowid = ?", damaged)
        if damaged:
            warnings.warn(
                f"{self.path}: {how_many(len(damaged), 'result')} in it had been damaged, and "
                "will be computed again.",
                RuntimeWarning,
                stacklevel=4,
            )

    def _about(self, name: str) -> dict[str, Any] | None:
        with self._errors():
            rows = self._connection.execute("SELECT value FROM about WHERE name = ?", [name])
            row = rows.fetchone()
            if row is None:
                return None
            remedy = CHOOSE_ANOTHER if self.write else NAME_A_LEDGER
            return dict(parse_json(row[0], str(self.path), WHOLE_LEDGER, remedy, allow_nan=True))

    @property
    def study(self) -> Study:
        """The study that was run last."""
        keys_and_values = self._about("study")
        if keys_and_values is None:
            raise self._refusal("a study that was begun", "an empty ledger")
        return Study.from_mapping(keys_and_values, str(self.path))

    @cached_property
    def environment(self) -> Environment:
        """Where its results have their bits from: this one until a study is begun."""
        with self._errors():
            versions = self._about("environment")
            if versions is None:
                return Environment.here()
            return Environment(**{name: str(value) for name, value in versions.items()})

    # -------------------------------------------------------------------------- the trials

    def add(self, results: Iterable[tuple[str, Trial, Result]]) -> None:
        """Write results down; what is there already stays."""
        rows = [with_digest(row_of(*each)) for each in results]
        with self._transaction() as connection:
            marks = ", ".join("?" * (len(COLUMNS) + 1))
            connection.executemany(f"INSERT OR IGNORE INTO trials VALUES ({marks})", rows)
            connection.executemany("DELETE FROM claims WHERE key = ?", [row[:1] for row in rows])

    def claim(self, keys: Sequence[str], firmly: bool = False) -> list[str]:
        """Which of these trials to run now: not done, nor claimed by another process.

        A claim is a courtesy, not a lock: its owner may be dead. ``firmly`` passes over it, and
        whoever comes second with a result finds the same bits there already.
        """
        with self._transaction() as connection:
            unavailable = self._among("trials", keys)
            if not firmly:
                unavailable |= self._among("claims", keys, self.owner)
            free = [key for key in keys if key not in unavailable]
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

    def done(self, keys: Sequence[str]) -> set[str]:
        """Those of the keys that have a result."""
        with self._errors():
            return self._among("trials", keys)

    def results(self, keys: Sequence[str]) -> dict[str, Result]:
        """The results that are there, by key."""
        marks = ", ".join("?" * len(keys))
        with self._errors():
            rows = self._rows(f"WHERE key IN ({marks})", keys)
            return {row[0]: result_of(row[BEFORE:]) for row in rows}

    def _rows(self, condition: str = "", values: Sequence[str] = ()) -> Iterator[tuple[Any, ...]]:
        """Rows of trials as they were written; an error for one that is not."""
        digested = [] if self.version < VERSION else ["digest"]
        question = f"SELECT {', '.join([*COLUMNS, *digested])} FROM trials {condition}"
        for row in self._connection.execute(question, values):
            if digested and not is_whole(row):
                raise FileError(
                    f"{self.path}: trial {row[0]:.16}",
                    WHOLE_LEDGER,
                    "a damaged row",
                    f"`minidl pair resume {self.path}` computes it again; or begin another: "
                    "`minidl pair run STUDY --ledger FILE`.",
                )
            yield row[: len(COLUMNS)]

    def results_of(self, trials: Sequence[Trial], data: Dataset) -> dict[Trial, Result]:
        """Those of one cell's trials that are done, with their results, in the same order."""
        places = keys(trials, data, self.environment)
        results = self.results(places)
        if not results and self.environment != Environment.here():
            places = [self._places.get(json.dumps(trial.facts), "") for trial in trials]
            results = self.results(places)
        return {t: results[k] for t, k in zip(trials, places, strict=True) if k in results}

    @cached_property
    def _places(self) -> dict[str, str]:
        """Where results of an earlier minidl lie, by their facts; of several the last.

        Its places may follow from a table that a generator made otherwise then.
        """
        with self._errors():
            rows = self._connection.execute("SELECT facts, key FROM trials ORDER BY rowid")
            return dict(rows.fetchall())

    def count(self) -> dict[str, int]:
        """How many trials there are of each status."""
        with self._errors():
            counts = Counter(row[COLUMNS.index("status")] for row in self._rows())
            return dict(sorted(counts.items()))

    def close(self) -> None:
        """Fold the log into the file; a second process may go on."""
        with self._errors():
            self._connection.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
