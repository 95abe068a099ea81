"""A ledger as files that anything reads, the same to the byte however the study was run."""

from __future__ import annotations

import csv
import hashlib
import io
import math
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from minidl import storage
from minidl.errors import FileError
from minidl.pairing.ledger import Ledger
from minidl.pairing.trial import Result, Trial
from minidl.pairing.tuning import results_of

FOUND = ("seed", "status", "score", "final_loss", "reason", "health", "outputs")
"""Columns of ``results.csv`` behind a trial's facts; ``outputs`` is a digest."""


def export(ledger: Ledger, folder: Path) -> list[Path]:
    """Write ``study.toml``, ``results.csv`` and ``arrays.safetensors``.

    Times and hosts are left out: two runs of one study give the same bytes. The arrays are each
    trial's ``losses``, ``scores`` and ``outputs``, under the number of its row. Trials that are
    still to run have none.

    Raises
    ------
    FileError
        If the folder cannot be written.
    """
    study = ledger.study
    data = study.load()
    cells = study.cells(data)
    table = io.StringIO()
    arrays: dict[str, np.ndarray] = {}
    writer = csv.writer(table)
    writer.writerow(["trial", *study.final(cells[0], study.learning_rates[0])[0].facts, *FOUND])
    done = (results_of(study, cell, data[cell.dataset], ledger).items() for cell in cells)
    for number, (trial, result) in enumerate(chain.from_iterable(done)):
        writer.writerow([number, *trial.facts.values(), *_found(trial, result)])
        arrays |= {
            f"{number}/{name}": array
            for name, array in (
                ("losses", result.losses),
                ("scores", result.scores),
                ("outputs", result.outputs),
            )
            if array is not None and array.size
        }
    texts = {"study.toml": study.toml(), "results.csv": table.getvalue()}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise FileError(
            str(folder),
            "a folder that can be written",
            error.strerror or str(error),
            "Write --out DIR.",
        ) from error
    storage.write(folder / "arrays.safetensors", arrays, {"rows": "see results.csv"})
    return [folder / name for name in (*texts, "arrays.safetensors")]


def _found(trial: Trial, result: Result) -> list[Any]:
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
