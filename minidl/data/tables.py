"""Read a CSV file as numbers, or say which cell keeps it from being read.

``minidl.data.load_csv`` is the door; it makes a ``Dataset`` of the ``CsvTable`` made here.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections import Counter
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import numpy as np

from minidl.core import (
    ArgumentError,
    DataError,
    FileError,
    MinidlError,
    UnknownNameError,
    did_you_mean,
    text_number,
)

TASKS = ("classification", "regression")

GAPS = frozenset({"", "nan", "na", "n/a", "<na>", "null", "none", "?", "-"})
"""What spreadsheets, pandas, R and UCI's tables write where a value is missing."""

MOST_CLASSES = 20
"""A whole-number target with at most this many values is taken for class numbers."""


@dataclass(frozen=True, eq=False)
class CsvTable:
    """What a CSV file holds: features, and the target as class numbers or as quantities.

    Attributes
    ----------
    X : numpy.ndarray
        Features, float64, shape (rows, features).
    y : numpy.ndarray
        Class numbers (int64) or quantities (float64), shape (rows,).
    task : str
        ``"classification"`` or ``"regression"``.
    feature_names : tuple of str
        The header without the target.
    classes : tuple of str
        What each class number stands for; empty for regression.
    """

    X: np.ndarray
    y: np.ndarray
    task: str
    feature_names: tuple[str, ...]
    classes: tuple[str, ...]


def read_table(path: str | Path, target: str, task: str | None = None) -> CsvTable:
    """Read a CSV file whose first line names its columns.

    Parameters and errors are those of ``minidl.data.load_csv``.

    Returns
    -------
    CsvTable
        Features and target, without gaps, finite.
    """
    _check_task(task)
    source = Path(path)
    rows = _rows(source)
    header = _header(source, *rows.pop(0))
    position = _target_position(source, header, target)
    if not rows:
        raise DataError(str(source), "rows below the header", "none", "Add rows to learn from.")
    for line, cells in rows:
        if len(cells) != len(header):
            raise DataError(
                f"{source}, line {line}",
                f"{len(header)} cells, as in the header",
                str(len(cells)),
                'Complete the row; a cell that holds a comma needs quotes: "a, b".',
            )
    places = [_Place(source, line, header) for line, _ in rows]
    labels = [cells[position].strip() for _, cells in rows]
    features = [column for column in range(len(header)) if column != position]
    X = np.array(
        [
            [place.number(cells[column], column) for column in features]
            for place, (_, cells) in zip(places, rows, strict=True)
        ]
    )
    y, classes = _target(source, places, labels, position, task)
    names = tuple(header[column] for column in features)
    return CsvTable(X, y, "classification" if classes else "regression", names, classes)


def _check_task(task: str | None) -> None:
    if task is not None and task not in TASKS:
        remedy = did_you_mean(task, TASKS, "Leave it out to have it inferred.")
        raise ArgumentError("task", "'classification' or 'regression'", repr(task), remedy)


@dataclass(frozen=True)
class _Place:
    """A row of the file: what an error about one of its cells points at."""

    source: Path
    line: int
    header: list[str]

    def error(self, column: int, expected: str, got: str, remedy: str) -> DataError:
        culprit = f"{self.source}, line {self.line}, column {self.header[column]!r}"
        return DataError(culprit, expected, got, remedy)

    def check_gap(self, cell: str, column: int) -> None:
        if cell.strip().lower() in GAPS:
            got = f"a gap ({cell.strip()!r})"
            remedy = "Fill it in, or leave the whole row out."
            raise self.error(column, "a value", got, remedy)

    def number(self, cell: str, column: int) -> float:
        self.check_gap(cell, column)
        value = text_number(cell)
        if value is None:
            raise self.error(column, "a number", repr(cell.strip()), _remedy(cell.strip()))
        if not math.isfinite(value):
            remedy = "Replace it by the largest value that makes sense, or leave the row out."
            raise self.error(column, "a finite number", cell.strip(), remedy)
        return value


WITH_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?", re.ASCII)
ZERO_PADDED = re.compile(r"[+-]?0\d+", re.ASCII)
"""A whole number with zeros in front: they mean something, so it names a thing."""


def _remedy(cell: str) -> str:
    """What to write instead of a cell that is no number."""
    parted, pointed = cell.replace(",", ""), cell.replace(",", ".")
    decimal = text_number(pointed) is not None
    if WITH_THOUSANDS.fullmatch(cell):
        if not decimal:
            return f"Write {parted}, without commas between the thousands."
        return f"Write {parted} if the comma parts thousands, {pointed} if it is a decimal comma."
    if decimal:
        return f"Write a decimal point: {pointed}."
    return "Replace text by numbers: one column of 0 and 1 for each value it takes."


def _rows(source: Path) -> list[tuple[int, list[str]]]:
    """The rows that are not blank, each with the number of the line where it begins."""
    try:
        content = source.read_bytes()
    except FileNotFoundError:
        raise _missing_file(source) from None
    except (OSError, ValueError) as error:  # ValueError: a name no file can have
        remedy = "Give the path of a file that you may read."
        got = getattr(error, "strerror", None) or str(error)
        raise FileError(str(source), "a CSV file", got, remedy) from error
    try:
        text = content.decode("utf-8-sig")  # -sig: Excel puts a byte order mark first
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise FileError(
            f"{source}, line {line}",
            "text in UTF-8",
            f"the byte 0x{content[error.start]:02x}",
            "Save the table as CSV in UTF-8 (spreadsheets: Save as… “CSV UTF-8”).",
        ) from None
    # strict: a stray quote is an error instead of a cell that swallows the rows after it.
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows, line = [], 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append((line, cells))
            line = reader.line_num + 1  # a quoted cell may go over several lines
    except csv.Error as error:
        raise DataError(
            f"{source}, line {line}",
            "cells separated by commas",
            str(error),
            'Close every quote, and write a quote inside quotes twice: "5"" disk".',
        ) from None
    if not rows:
        remedy = "Write a header that names the columns, then one line a row."
        raise DataError(str(source), "a header and rows", "an empty file", remedy)
    return rows


def _missing_file(source: Path) -> FileError:
    folder = source.parent
    others = [path.name for path in folder.glob("*.csv")] if folder.is_dir() else []
    close = get_close_matches(source.name, others, n=1)
    remedy = f"Give the path as seen from {Path.cwd()}, or a full one."
    if close:
        remedy = f"Did you mean {str(folder / close[0])!r}?"
    return FileError(str(source), "a CSV file", "no such file", remedy)


def _header(source: Path, line: int, cells: list[str]) -> list[str]:
    header = [cell.strip() for cell in cells]
    where, expected = f"{source}, line {line}", "a header that names each column once"
    if len(header) == 1 and (separators := [mark for mark in ";\t|" if mark in header[0]]):
        remedy = "Save the table again with commas, and with points in its decimal numbers."
        raise DataError(where, "columns separated by commas", repr(separators[0]), remedy)
    if all(text_number(name) is not None for name in header):
        remedy = "Put a first line with the names of the columns above the numbers."
        raise DataError(where, expected, f"numbers ({', '.join(header[:3])} …)", remedy)
    for column, name in enumerate(header):
        if not name:
            got = f"no name for column {column + 1}"
            remedy = "Name it, or leave it out (pandas: to_csv(path, index=False))."
            raise DataError(where, expected, got, remedy)
        if name in header[:column]:
            got, remedy = f"two columns called {name!r}", "Rename or remove one of them."
            raise DataError(where, expected, got, remedy)
    return header


def _target_position(source: Path, header: list[str], target: str) -> int:
    if target not in header:
        remedy = did_you_mean(target, header, f"Write target={header[-1]!r}, say.")
        culprit = f"target column of {source}"
        raise UnknownNameError(culprit, f"one of {', '.join(header)}", repr(target), remedy)
    if len(header) == 1:
        got, remedy = f"{target!r} alone", "Add the columns to predict it from."
        raise DataError(str(source), "at least one feature beside the target", got, remedy)
    return header.index(target)


def _target(
    source: Path, places: list[_Place], labels: list[str], position: int, task: str | None
) -> tuple[np.ndarray, tuple[str, ...]]:
    """The target as an array, and its classes (none for regression)."""
    for place, label in zip(places, labels, strict=True):
        place.check_gap(label, position)
    numeric = [text_number(label) is not None for label in labels]
    if task is None and any(numeric) and not all(numeric):
        _check_names(places, labels, numeric, position)
    values: list = labels
    if all(numeric) or task == "regression":
        pairs = zip(places, labels, strict=True)
        values = [_exact(label, place.number(label, position)) for place, label in pairs]
    distinct = sorted(set(values))
    task = task or _inferred_task(values, distinct)
    if task == "classification" and any(map(ZERO_PADDED.fullmatch, labels)):
        values, distinct = labels, sorted(set(labels))
    if len(distinct) == 1:
        raise _one_value_only(source, places[0].header[position], labels[0])
    if task == "regression":
        return np.array(values, dtype=np.float64), ()
    numbers = {value: number for number, value in enumerate(distinct)}
    y = np.array([numbers[value] for value in values], dtype=np.int64)
    return y, tuple(_class_name(value) for value in distinct)


def _check_names(
    places: list[_Place], labels: list[str], numeric: list[bool], position: int
) -> None:
    """An error where text stands among numbers once: it is a typo rather than a class's name."""
    times = Counter(labels)
    pairs = zip(labels, numeric, strict=True)
    single = [times[label] == 1 and not is_number for label, is_number in pairs]
    if not any(single) and len(times) <= MOST_CLASSES:
        return
    first = (single if any(single) else [not number for number in numeric]).index(True)
    raise places[first].error(
        position,
        "a number, as in other rows",
        repr(labels[first]),
        "Correct it, or write task='classification' if these are names of classes.",
    )


def _exact(label: str, value: float) -> int | float:
    """A whole number to its last digit, which float64 may not hold: ids are that long."""
    text = label.strip()
    return int(text) if text.lstrip("+-").isdecimal() else value


def _inferred_task(values: list, distinct: list) -> str:
    if isinstance(distinct[0], str):
        return "classification"
    repeats = len(distinct) <= MOST_CLASSES and 2 * len(distinct) < len(values)
    whole = all(value == int(value) for value in distinct)
    return "classification" if repeats and whole else "regression"


def _class_name(value: str | int | float) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # 3, as in the file, though it was read as 3.0
    return str(value)


def _one_value_only(source: Path, target: str, label: str) -> MinidlError:
    return DataError(
        f"{source}, column {target!r}",
        "at least two different values",
        f"{label!r} in every row",
        "Add rows of another class or value, or choose another target.",
    )
