"""A trial's result as a row of a ledger and back, to the bit, with a digest of the whole row."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from types import NoneType
from typing import Any

import numpy as np

from minidl.core import parse_json
from minidl.pairing.study import Result, Trial

COLUMNS = (
    "key", "facts", "seed", "status", "reason", "score", "losses", "scores", "outputs", "columns",
    "health", "seconds", "host",
)  # fmt: skip
"""Of a trial; the digest is none of them."""

_TABLES = """
CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL{digest}) WITHOUT ROWID;
CREATE TABLE trials (
    key TEXT PRIMARY KEY, facts TEXT NOT NULL, seed INTEGER NOT NULL,
    status TEXT NOT NULL, reason TEXT NOT NULL, score REAL,
    losses BLOB NOT NULL, scores BLOB NOT NULL, outputs BLOB, columns INTEGER,
    health TEXT NOT NULL, seconds REAL NOT NULL, host TEXT NOT NULL{digest}
);
CREATE TABLE claims (key TEXT PRIMARY KEY, owner TEXT NOT NULL) WITHOUT ROWID;
"""
VERSION = 2
"""Of the ledgers that are written."""
TABLES = {
    1: _TABLES.format(digest=""),  # before rows had a digest: read, and no longer written
    VERSION: _TABLES.format(digest=", digest BLOB NOT NULL"),
}
"""What every ledger consists of, by its version."""


def digest(row: Iterable[Any]) -> bytes:
    """Of a row's values with their kinds.

    Examples
    --------
    >>> digest(["1"]) == digest([1]), digest([1.0, None]) == digest([1.0, None])
    (False, True)
    """
    hashed = hashlib.blake2b(digest_size=16)
    for value in row:
        content = value if isinstance(value, bytes) else repr(value).encode()
        hashed.update(f"{type(value).__name__} {len(content)} ".encode() + content)
    return hashed.digest()


def with_digest(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """A row as it is written."""
    return *row, digest(row)


def is_whole(row: tuple[Any, ...]) -> bool:
    """Whether a row that was read is the one that was written."""
    *values, written = row
    return bool(written == digest(values))


def row_of(key: str, trial: Trial, result: Result) -> tuple[Any, ...]:
    """The values of a trial's columns, each as SQLite gives it back."""
    outputs = result.outputs
    return (
        key,
        json.dumps(trial.facts),
        trial.seed,
        result.status,
        result.reason,
        None if np.isnan(result.score) else float(result.score) + 0.0,  # −0 comes back as 0
        result.losses.astype("<f8", copy=False).tobytes(),
        result.scores.astype("<f8", copy=False).tobytes(),
        None if outputs is None else outputs.astype("<f4", copy=False).tobytes(),
        None if outputs is None else outputs.shape[1],
        json.dumps(result.health),
        float(result.seconds) + 0.0,
        result.host,
    )


_KINDS = (str, str, float | NoneType, bytes, bytes, bytes | NoneType, int | NoneType, str, float,
          str)  # fmt: skip


def result_of(row: tuple[Any, ...]) -> Result:
    """The result from the columns behind a trial's seed.

    Raises
    ------
    TypeError, ValueError, FileError
        For what ``row_of`` never gave.
    """
    for value, kind in zip(row, _KINDS, strict=True):
        if not isinstance(value, kind):
            raise TypeError(f"a {type(value).__name__} in a column of {kind}")
    status, reason, score, losses, scores, outputs, columns, health, seconds, host = row
    measured = parse_json(health, "health", "JSON of diagnostics", "Resume it.", allow_nan=True)
    if not isinstance(measured, dict):
        raise TypeError(f"health is a {type(measured).__name__}")
    return Result(
        status,
        reason,
        np.nan if score is None else score,
        np.frombuffer(losses, "<f8"),
        np.frombuffer(scores, "<f8"),
        None if outputs is None else np.frombuffer(outputs, "<f4").reshape(-1, columns),
        measured,
        seconds,
        host,
    )
