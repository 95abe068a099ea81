"""Small ledgers: for tests of what is in one, of where results lie, and of what befalls a file."""

import os
from pathlib import Path

import numpy as np

import minidl
from minidl.core.errors import FileError
from minidl.pairing import Cell, Ledger, Pairing, Result, Study, Trial
from minidl.pairing.execution.environment import Environment

STUDY = Study(
    datasets=["xor"],
    hidden=["relu"],
    heads=["sigmoid+bce"],
    learning_rates=[0.01],
    repetitions=2,
    epochs=2,
)
CELL = Cell("xor", Pairing.parse("relu/sigmoid+bce"))
HERE = Environment("numbers", "libraries")
VARIABLES = {**os.environ, "PYTHONPATH": str(Path(minidl.__file__).parent.parent)}
"""Of a process that is to import this minidl."""


def trials(n=3, **facts):
    return [Trial(CELL, 0.01, r, **facts) for r in range(n)]


def begun(path):
    with Ledger(path) as opened:
        opened.begin(STUDY, HERE)
    return path


def full(score=0.5):
    return Result(
        score=score,
        losses=np.array([np.pi, np.inf, np.nan, -0.0, 5e-324]),
        scores=np.array([0.1, 1 / 3]),
        outputs=np.array([[np.pi, -0.0], [np.nan, 1e-45]], np.float32),
        health={"dead": [0.1, float("nan")], "update_ratio": [1 / 3]},
        seconds=1 / 7,
        host="an ü",
    )


def contents(path):
    """All that a reader may ask for."""
    with Ledger(path, write=False) as opened:
        return opened.study, opened.environment, opened.count(), opened.results(["place"])


def filled(path, n=40):
    """A ledger of several pages, folded into one file."""
    begun(path)
    with Ledger(path) as opened:
        opened.add([(f"place{i}", trials(1)[0], full(i)) for i in range(n)])
        opened.add([("place", trials(1)[0], full())])
    return path


def refusal(ask, *given):
    """The error that a file gives, or None; anything else is a failure."""
    try:
        ask(*given)
    except FileError as error:
        return error
    return None
