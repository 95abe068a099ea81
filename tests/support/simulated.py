"""Studies whose scores are given, not trained: for tests of findings and reports."""

import numpy as np

from minidl.data import Dataset
from minidl.document import Listing, Page, Shade, to_markdown
from minidl.pairing import Result
from minidl.pairing.execution.environment import Environment
from minidl.pairing.findings.findings import Findings
from minidl.pairing.findings.outcomes import Outcome
from minidl.pairing.report import sections


def tables_of(*names, family=None, task="classification"):
    """Datasets that are names only."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(8, 3))
    y = np.arange(8) % 2 if task == "classification" else rng.normal(size=8)
    classes, metric = (("0", "1"), "accuracy") if task == "classification" else ((), "r2")
    return {
        name: Dataset(name, X, y, task, family or name, ("a", "b", "c"), classes, metric)
        for name in names
    }


def outcome(cell, scores, planned=None, **facts):
    """A cell that was given its scores; NaN diverged."""
    results = tuple(
        Result(score=s, losses=np.array([1.0, 0.5]), scores=np.array([s, s]), **facts)
        if np.isfinite(s)
        else Result("diverged", "the loss was nan in epoch 1")
        for s in scores
    )
    return Outcome(cell, 0.01, np.empty(0), None, results, planned or len(scores), 0, (), 1.0)


def simulated(study, data, score):
    """Findings of a study whose scores are ``score(cell)``, one a repetition."""
    found = [outcome(cell, score(cell), study.repetitions) for cell in study.cells(data)]
    return Findings(study, data, Environment.here(), found)


def report_text(findings):
    """A report's sections as Markdown."""
    return to_markdown(Page("", sections(findings)))


def marks(findings):
    """All signs of a difference in a report's tables."""
    return [
        value.sign.strip(" ✗")
        for section in sections(findings)
        for block in section.blocks
        if isinstance(block, Listing)
        for row in block.rows
        for value in row
        if isinstance(value, Shade) and value.sign.strip(" ✗")
    ]
