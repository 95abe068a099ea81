"""What a study says before anything is trained: trials, time, what it can show, what is unsound."""

import re
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from minidl.data import datasets
from minidl.document import Page, to_markdown, to_text
from minidl.pairing import Ledger, Study, run
from minidl.pairing.execution.environment import Environment
from minidl.pairing.findings.findings import Findings
from minidl.pairing.findings.plans import plan, status
from minidl.pairing.findings.tables import planned_tables
from minidl.pairing.report import sections

SMALL = {"datasets": ["iris", "xor"], "hidden": ["relu", "tanh"], "epochs": 2}


def said_of(page):
    """Its text, as if in one line."""
    return " ".join(to_text(page).split())


def test_the_number_of_trials_is_counted_cell_by_cell():
    study = Study(**SMALL, heads=["softmax+cce", "sigmoid+bce"], tuning_repetitions=3)
    assert "8 cells × 25 trials = 200 trials" in plan(study).title  # 2 · 2 · 2, and 5 · 3 + 10


def test_a_fixed_rate_is_called_that():
    said = said_of(plan(Study(**SMALL, heads=["softmax+cce"], learning_rates=[0.01])))
    assert "fixed learning rate 0.01: nothing is tuned" in said
    assert "4 cells × 10 trials" in said


def test_the_time_expected_is_told_as_a_person_would(monkeypatch):
    monkeypatch.setattr("joblib.cpu_count", lambda: 2)
    study = Study(**SMALL, heads=["softmax+cce"], learning_rates=[0.01], minutes=1)
    for each, told in ((0.1, "2 s with"), (9.0, "3 min with 2 workers; the budget is 60 s: it")):
        monkeypatch.setattr("minidl.pairing.findings.plans._seconds", lambda *_, each=each: each)
        assert f"about {told}" in said_of(plan(study))


def test_unsound_heads_are_listed_with_the_reason():
    said = said_of(plan(Study(**SMALL, heads=["softmax+cce", "sigmoid+hinge"])))
    assert "Unsound on iris, xor, left out:" in said
    assert "sigmoid + hinge: sigmoid gives (0, 1)" in said


def test_few_families_cannot_show_anything_and_many_can():
    few = Study(**SMALL, heads=["softmax+cce", "sigmoid+bce"], repetitions=3)
    assert "This design cannot show any difference" in said_of(plan(few))
    names = [card.name for card in datasets if card.task == "classification"]
    many = Study(datasets=names, hidden=["relu", "tanh"], heads=["softmax+cce"], epochs=2)
    said = said_of(plan(many))
    assert "compared with relu/softmax+categorical_crossentropy" in said
    assert re.search(
        r"A true difference of \d+\.\d points is found in 80 of 100 such studies", said
    )


def test_a_budget_that_is_too_small_is_said():
    said = said_of(plan(Study(**SMALL, heads=["softmax+cce"], minutes=1e-6)))
    assert "it will stop before the end" in said
    said = said_of(plan(Study(**SMALL, heads=["softmax+cce"], minutes=600)))
    assert "the budget is 10.0 h" in said
    assert "stop" not in said


@pytest.mark.parametrize("minutes", [None, 1e-9])
def test_status_says_how_far_a_study_is(minutes, tmp_path):
    study = Study(**SMALL, heads=["softmax+cce"], repetitions=2, tuning_repetitions=1,
                  minutes=minutes)  # fmt: skip
    complete = run(study, tmp_path / "study.sqlite", workers=1)
    with Ledger(tmp_path / "study.sqlite", write=False) as ledger:
        said = said_of(status(ledger))
    assert complete == (minutes is None)
    assert ("28 of 28 trials, 100.0 %" in said) == complete
    assert ("cells: 4 of 4 complete" in said) == complete


def test_one_is_singular(tmp_path, monkeypatch):
    monkeypatch.setattr("joblib.cpu_count", lambda: 1)
    study = Study(datasets=["xor"], hidden=["relu"], heads=["sigmoid+bce"], repetitions=1,
                  tuning_repetitions=1, epochs=1)  # fmt: skip
    fixed = replace(study, learning_rates=[0.01])
    said = [to_text(plan(study)), to_text(plan(fixed))]
    for one in (study, fixed):
        run(one, tmp_path / "study.sqlite", workers=1)
        with Ledger(tmp_path / "study.sqlite", write=False) as ledger:
            said.append(to_text(status(ledger)))
            said.append(to_markdown(Page("", sections(Findings.of(one, one.load(), ledger)))))
    text = " ".join("\n".join(said).split())
    assert "1 cell × 1 trial = 1 trial " in text
    assert "each judged by 1 network on validation data; 1 fresh repetition on test data" in text
    assert "with 1 worker " in text
    assert "Each trained for 1 epoch in batches" in text
    assert not re.findall(r"(?<![\d.,])1 (?:fresh )?\w+s\b", "\n".join(said).replace("1 is", ""))


def test_a_cell_is_complete_with_its_last_repetition(tmp_path):
    study = Study(**SMALL, heads=["softmax+cce"], repetitions=1, tuning_repetitions=1)
    assert run(study, tmp_path / "study.sqlite", workers=1)
    with Ledger(tmp_path / "study.sqlite") as ledger:
        ledger.begin(replace(study, repetitions=2), Environment.here())
        said = said_of(status(ledger))
    assert "24 of 28 trials" in said
    assert "cells: 0 of 4 complete, 4 tuned only" in said


def test_the_study_in_the_readme_is_one(tmp_path):
    readme = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    [text] = re.findall(r"```toml\n(.*?)```", readme, re.S)
    (tmp_path / "study.toml").write_text(text, encoding="utf-8")
    study = Study.read(tmp_path / "study.toml")
    assert study.trials_per_cell == 25
    assert study.load().keys() == set(tomllib.loads(text)["datasets"])
    [table] = planned_tables(study, study.load())
    assert table.design.scope == "families"
    needed = f"{table.design.comparisons} comparisons, no claim is possible on fewer than "
    needed += f"{table.design.fewest_families} families"
    assert needed in " ".join(readme.split())
