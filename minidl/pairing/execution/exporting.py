"""A ledger as files that anything reads, the same to the byte however the study was run."""

from __future__ import annotations

import csv
import hashlib
import io
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from minidl.core import storage
from minidl.pairing.execution.ledger import Ledger
from minidl.pairing.execution.tuning import trained
from minidl.pairing.study import Cell, Head, Pairing, Result, Trial

RESULTS = "results.csv"
COLUMNS = tuple(Trial(Cell("", Pairing("", Head("", ""))), 0.0, 0).facts)
RESULT_COLUMNS = ("seed", "status", "score", "final_loss", "reason", "health", "outputs")
"""Columns of ``results.csv`` behind a trial's facts; ``outputs`` is a digest."""


def rows(ledger: Ledger) -> Iterator[tuple[Trial, Result]]:
    """Every trial of the ledger's study that is done, in the order of its plan."""
    study = ledger.study
    data = study.load()
    for cell in study.cells(data):
        yield from trained(study, cell, data[cell.dataset], ledger).results.items()


def export(ledger: Ledger, folder: Path) -> list[Path]:
    """Write ``study.toml``, ``results.csv`` and ``arrays.safetensors``.

    Times and hosts are left out: two runs of one study give the same bytes. The arrays are each
    trial's ``losses``, ``scores`` and ``outputs``, under the number of its row.

    Raises
    ------
    FileError
        If the folder or a file in it cannot be written.
    """
    done = list(rows(ledger))  # read once: another process may be adding to them
    every = {
        f"{number}/{name}": array
        for number, (_, result) in enumerate(done)
        for name in ("losses", "scores", "outputs")
        if (array := getattr(result, name)) is not None and array.size
    }
    study, results, arrays = (folder / n for n in ("study.toml", RESULTS, "arrays.safetensors"))
    storage.make_folder(folder)
    storage.write_whole(study, ledger.study.toml().encode())
    storage.write_whole(results, _csv(done))
    storage.write(arrays, every, {"rows": f"see {RESULTS}"})
    return [study, results, arrays]


def write_results(ledger: Ledger, folder: Path) -> Path:
    """Every trial as a row of ``results.csv``.

    Raises
    ------
    FileError
        If the folder or a file in it cannot be written.
    """
    content = _csv(rows(ledger))
    storage.make_folder(folder)
    storage.write_whole(folder / RESULTS, content)
    return folder / RESULTS


def _csv(done: Iterable[tuple[Trial, Result]]) -> bytes:
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(["trial", *COLUMNS, *RESULT_COLUMNS])
    for number, (trial, result) in enumerate(done):
        writer.writerow([number, *trial.facts.values(), *_result_cells(trial, result)])
    return table.getvalue().encode()


def _result_cells(trial: Trial, result: Result) -> list[Any]:
    outputs = b"" if result.outputs is None else np.ascontiguousarray(result.outputs).tobytes()
    return [
        trial.seed,
        result.status,
        "" if math.isnan(result.score) else repr(result.score),
        repr(float(result.losses[-1])) if result.losses.size else "",
        result.reason,
        " ".join(f"{name}={value}" for name, value in result.health.items()),
        hashlib.sha256(outputs).hexdigest()[:16] if outputs else "",
    ]
