"""What a report is made of: which comparisons are planned, and what a ledger's results say."""

import re
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import t
from simulated import marks, outcome, report_text, simulated, tables_of

from minidl.core.errors import ArgumentError
from minidl.document import Listing, Shade
from minidl.pairing import Ledger, Pairing, Study, Trainer, run
from minidl.pairing.execution.environment import Environment, keys
from minidl.pairing.findings.diagnosis import measures, symptoms
from minidl.pairing.findings.findings import Findings
from minidl.pairing.findings.outcomes import scores_by_dataset
from minidl.pairing.findings.standing import natural_heads, rows
from minidl.pairing.findings.tables import planned_tables
from minidl.pairing.report import sections
from minidl.pairing.report.comparing import matrix_listing
from minidl.pairing.report.wording import HIGHER, LOWER
from minidl.pairing.statistics import CLAIM, rate_sensitivity
from minidl.pairing.study.trial import Cell, Setting

STUDY = Study(
    datasets=["iris", "xor"],
    hidden=["relu", "tanh"],
    heads=["sigmoid+bce", "softmax+cce"],
    tuning_repetitions=1,
    repetitions=2,
    epochs=2,
)


# --------------------------------------------------------------------------------- what is planned


def test_a_table_has_the_pairings_that_are_sound_on_every_dataset_of_its_task():
    study = Study(datasets=["xor"], hidden=["relu", "tanh"], heads=["sigmoid+bce", "linear+mse"])
    data = tables_of("a", "b") | tables_of("c", task="regression")
    classes, numbers = planned_tables(study, data)
    assert [p.name for p in numbers.pairings] == ["relu/linear+mse", "tanh/linear+mse"]
    assert len(classes.pairings) == 4
    assert classes.datasets == ("a", "b")
    assert classes.alpha == numbers.alpha == 0.025


def test_pairings_of_some_datasets_only_are_named_apart(monkeypatch):
    study = Study(datasets=["xor"], hidden=["relu"], heads=["sigmoid+bce", "softmax+cce"])
    data = tables_of("a", "b")
    both = Study.heads_for
    monkeypatch.setattr(Study, "heads_for", lambda s, d: both(s, d)[: 1 + (d.name == "a")])
    [table] = planned_tables(study, data)
    assert [p.name for p in table.pairings] == ["relu/sigmoid+binary_crossentropy"]
    assert [p.name for p in table.apart] == ["relu/softmax+categorical_crossentropy"]
    with pytest.raises(ArgumentError, match="every dataset of its task") as refused:
        planned_tables(replace(study, reference=["relu/softmax+cce"]), data)
    assert refused.value.remedy == "Take another, as relu/sigmoid+binary_crossentropy."


def test_the_reference_is_named_or_a_textbooks():
    heads = ["linear+mse", "sigmoid+bce"]
    study = Study(datasets=["xor"], hidden=["tanh", "relu"], heads=heads)
    data = tables_of("a") | tables_of("b", task="regression")
    usual = [plan.reference.name for plan in planned_tables(study, data)]
    assert usual == ["tanh/sigmoid+binary_crossentropy", "tanh/linear+mse"]
    named = replace(study, reference=["relu/linear+mse"])
    assert [p.reference.name for p in planned_tables(named, data)] == ["relu/linear+mse"] * 2
    every = replace(study, reference=["all"])
    assert [plan.reference for plan in planned_tables(every, data)] == [None, None]


# ----------------------------------------------------------------------------------- from a ledger


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    path = tmp_path_factory.mktemp("findings") / "study.sqlite"
    assert run(STUDY, path, workers=1)
    return path


def read(study, path):
    with Ledger(path, write=False) as opened:
        return Findings.of(study, study.load(), opened)


def test_findings_are_the_ledgers(ledger):
    findings = read(STUDY, ledger)
    assert (findings.done, findings.wanted, findings.failed) == (56, 56, 0)
    assert not findings.missing
    first = findings.outcomes[0]
    trainer = Trainer(first.cell, findings.data["iris"])
    again = [trainer.train(trial).score for trial in STUDY.final(first.cell, first.rate)]
    np.testing.assert_array_equal(first.scores, again)
    tuning = [trainer.train(trial).score for trial in STUDY.tuning(first.cell)]
    np.testing.assert_array_equal(first.rate_scores, tuning)
    assert first.rate == STUDY.learning_rates[int(np.argmax(tuning))]
    [table] = findings.tables
    assert table.scores.values.shape == (4, 2, 2)
    np.testing.assert_array_equal(table.scores.values[0, 0], again)
    assert table.scores.families == tuple(data.family for data in findings.data.values())


def test_an_incomplete_study_compares_complete_datasets_only(ledger, tmp_path):
    path = tmp_path / "part.sqlite"
    data = STUDY.load()
    environment = Environment.here()
    with Ledger(ledger, write=False) as whole, Ledger(path) as part:
        part.begin(STUDY, environment)
        for cell in STUDY.cells(data)[:6]:  # iris, and half of xor; one cell not to its end
            table = data[cell.dataset]
            tuning = STUDY.tuning(cell)
            found = whole.results(keys(tuning, table, environment))
            part.add(zip(found, tuning, found.values(), strict=True))
            rate = next(o.rate for o in read(STUDY, ledger).outcomes if o.cell == cell)
            final = STUDY.final(cell, rate)[: 1 if cell == STUDY.cells(data)[5] else None]
            places = keys(final, table, environment)
            there = whole.results(places)
            part.add((key, trial, there[key]) for key, trial in zip(places, final, strict=True))
    findings = read(STUDY, path)
    assert findings.missing == {"xor": 3}
    assert (findings.done, findings.wanted) == (6 * 7 - 1, 56)
    [table] = findings.tables
    assert table.scores.datasets == ("iris",)
    text = report_text(findings)
    assert "41 of 56 trials are there" in text


def test_an_empty_ledger_says_what_is_missing(tmp_path):
    path = tmp_path / "empty.sqlite"
    with Ledger(path) as opened:
        opened.begin(STUDY, Environment.here())
    findings = read(STUDY, path)
    assert (findings.done, findings.tables) == (0, [])
    text = report_text(findings)
    assert "nothing is compared yet, as no dataset is complete" in text
    assert CLAIM not in text


# ----------------------------------------------------------------------------------- what is said


TWO = Study(
    datasets=["xor"],
    hidden=["relu", "tanh"],
    heads=["sigmoid+bce"],
    repetitions=8,
    learning_rates=[0.01],
    epochs=2,
)
EIGHT = tables_of(*"abcdefgh")


def test_identical_pairings_claim_nothing():
    def same(cell):
        return np.random.default_rng(ord(cell.dataset)).uniform(0.5, 0.9, 8)

    findings = simulated(TWO, EIGHT, same)
    assert marks(findings) == []
    text = report_text(findings)
    assert CLAIM not in text
    assert "no proof that there is none" in text
    assert findings.tables[0].bars == [(0, 1)]


@pytest.mark.parametrize("better", ["relu", "tanh"])
@pytest.mark.parametrize("datasets", [8, 1])
def test_each_claim_and_mark_is_of_a_difference_that_is_shown(better, datasets):
    """Over families with eight of them, on the dataset with one."""
    rng = np.random.default_rng(0)
    data = dict([*EIGHT.items()][:datasets])

    def apart(cell):
        return rng.uniform(0.5, 0.6, 8) + 0.3 * (cell.pairing.hidden == better)

    findings = simulated(TWO, data, apart)
    [table] = findings.tables
    [comparison] = table.comparisons
    assert comparison.shown
    assert comparison.dataset == (None if datasets == 8 else "a")
    text = report_text(findings)
    worse = "tanh" if better == "relu" else "relu"
    head = "sigmoid+binary_crossentropy"
    assert text.count(CLAIM) == 1
    assert f"{better}/{head} {CLAIM} {worse}/{head} " in text
    # tanh is compared with the reference, relu: once beside its scores, once in the table of
    # comparisons, twice in the matrix
    sign = HIGHER if better == "tanh" else LOWER
    assert sorted(marks(findings)) == sorted([sign] * 2 + [HIGHER, LOWER] * (datasets == 8))
    assert [set(bar) for bar in table.bars] == ([] if datasets == 8 else [{0, 1}])
    matrix = matrix_listing(table)
    names = [row[0] for row in matrix.rows]
    assert [*matrix.columns[1:]] == names
    duels = {(row[0], column): duel for row in matrix.rows
             for column, duel in zip(names, row[1:], strict=True)}  # fmt: skip
    better_one, other = (f"{hidden}/sigmoid+bce" for hidden in (better, worse))
    signs = (HIGHER, LOWER) if datasets == 8 else ("", "")
    assert (duels[better_one, other].sign, duels[other, better_one].sign) == signs


@pytest.mark.parametrize("datasets", [8, 2])
def test_every_comparison_is_listed_with_its_interval(datasets):
    """And where claims are over families, the difference on each dataset, which bears no mark."""
    study = replace(TWO, hidden=("relu", "tanh", "elu") if datasets == 8 else TWO.hidden)
    data = dict([*EIGHT.items()][:datasets])
    rng = np.random.default_rng(0)

    def apart(cell):
        return rng.uniform(0.5, 0.6, 8) + 0.3 * (cell.pairing.hidden == "tanh")

    findings = simulated(study, data, apart)
    [table] = findings.tables
    lists = [b for s in sections(findings) for b in s.blocks if isinstance(b, Listing)]
    [told] = [one for one in lists if "every comparison" in one.title]
    least = min(table.comparisons, key=lambda found: found.adjusted)
    by_p = sorted(found.adjusted for found in table.comparisons)
    raw = told.full.rows
    assert len(raw) == len(table.comparisons) == 2
    assert [row[-1] for row in raw] == by_p
    [row] = [row for row in raw if row[0] == least.first and row[2] in (least.dataset, "families")]
    assert row[3:6] == (100 * least.difference, 100 * least.low, 100 * least.high)
    assert ("together, to 95 %" in told.note) == (datasets == 8)
    others = [one for one in lists if "on each dataset" in one.title]
    assert len(others) == (datasets == 8)
    for one in others:
        assert len(one.full.rows) == 16
        assert not any(isinstance(value, Shade) for row in one.rows for value in row)


def test_claims_on_datasets_say_what_they_hold_for():
    def apart(cell):
        return np.arange(8) / 80 + 0.3 * (cell.pairing.hidden == "tanh")

    said = "holds for other splits and starts of the same rows"
    assert said in report_text(simulated(TWO, tables_of("a"), apart))
    assert said not in report_text(simulated(TWO, EIGHT, apart))
    same = simulated(TWO, tables_of("a"), lambda cell: np.full(8, 0.5))
    assert said not in report_text(same)


def test_all_against_all_on_datasets_is_told_at_the_top():
    study = replace(TWO, reference=("all",))
    rng = np.random.default_rng(0)
    for data, place in (
        (tables_of("a"), "the findings at the top"),
        (EIGHT, "the pairwise matrix"),
    ):
        found = simulated(study, data, lambda cell: rng.uniform(0.5, 0.6, 8))
        assert f"What differs is said by {place}." in report_text(found)
        beside = "What is shown on single datasets is said at the top."
        assert (beside in report_text(found)) == (len(data) == 1)


def test_a_share_is_told_where_the_design_can_tell_it():
    rng = np.random.default_rng(0)
    study = replace(TWO, heads=("sigmoid+bce", "sigmoid+mse"))

    def told(study, data):
        found = simulated(study, data, lambda cell: rng.uniform(size=study.repetitions))
        return report_text(found)

    assert re.search(r"go together everywhere, \d+ % depends on the dataset", told(study, EIGHT))
    one = told(study, tables_of("a"))
    assert re.search(r"\d+ % how the two go together, and \d+ % is split and start", one)
    assert "depends on the dataset" not in one
    assert "Of how ranks" not in told(replace(study, repetitions=1), EIGHT)


def test_a_fixed_rate_is_said_first():
    text = report_text(simulated(TWO, EIGHT, lambda cell: np.full(8, 0.5)))
    assert text.index("one learning rate") < text.index("compared each with")


def test_failures_count_and_are_told():
    def score(cell):
        failed = cell.pairing.hidden == "tanh" and cell.dataset == "a"
        return np.array([np.nan if failed else 0.75] * 4 + [0.75] * 4)

    findings = simulated(TWO, EIGHT, score)
    assert findings.failed == 4
    [told] = findings.failures
    assert (told.final, told.tuning, told.reason) == (4, 0, "the loss was nan in epoch 1")
    best, last = findings.standings["a"]
    assert (best.failures, last.failures) == (0, 4)
    assert last.mean == pytest.approx(0.375)  # each failure is 0
    text = report_text(findings)
    assert "0.375 ✗" in text
    assert "| a | tanh/sigmoid+binary_crossentropy | 16-16, auto, adam | 4 | 0 |" in text


def test_several_settings_are_averaged_within_a_repetition():
    pairing, other = (Pairing.parse(f"{h}/sigmoid+bce") for h in ("relu", "tanh"))
    cells = [Cell("a", p, Setting((n,))) for p in (pairing, other) for n in (4, 8)]
    scores = [[0.5, np.nan], [0.75, 0.25], [np.nan, 0.5], [np.nan, 1.0]]
    found = scores_by_dataset(outcome(c, s) for c, s in zip(cells, scores, strict=True))["a"]
    np.testing.assert_array_equal(found[pairing], [0.625, 0.125])
    np.testing.assert_array_equal(found[other], [np.nan, 0.75])
    part = [outcome(cells[0], scores[0], planned=3)]
    part += [outcome(c, s) for c, s in zip(cells[1:], scores[1:], strict=True)]
    assert list(scores_by_dataset(part)["a"]) == [other]


def test_rows_are_ranked_with_intervals_of_student():
    scores = {
        Pairing.parse("relu/sigmoid+bce"): np.array([0.5, 0.75, 1.0]),
        Pairing.parse("tanh/sigmoid+bce"): np.array([0.75, 0.75, 0.75]),
        Pairing.parse("elu/sigmoid+bce"): np.array([1.0, 1.0, 0.5]),
    }
    found = rows(scores)
    assert [(row.pairing.hidden, row.rank) for row in found] == [
        ("elu", 1),
        ("relu", 2),
        ("tanh", 2),
    ]
    low, high = t.interval(0.95, 2, loc=0.75, scale=0.25 / np.sqrt(3))
    assert found[1].half == pytest.approx((high - low) / 2)
    assert rows({}) == []


def test_natural_heads_stand_beside_the_best_in_pairs():
    scores = {
        Pairing.parse("relu/sigmoid+bce"): np.array([0.5, 0.6]),
        Pairing.parse("tanh/sigmoid+bce"): np.array([0.7, 0.8]),
        Pairing.parse("relu/linear+mse"): np.array([0.9, 0.8]),
    }
    [found] = natural_heads("a", "classification", scores)
    assert found.head.loss == "binary_crossentropy"  # for classes, no textbook recommends mse
    assert found.behind == pytest.approx(0.3)  # over relu, which both have
    low, high = t.interval(0.95, 1, loc=0.3, scale=0.1)
    assert found.half == pytest.approx((high - low) / 2)
    assert found.best.loss == "mse"


def test_what_stands_out_in_networks_is_told():
    cell = Cell("a", Pairing.parse("relu/sigmoid+bce"))
    health = {
        "dead": [0.1, 0.7],
        "saturated": [0.0, 0.0],
        "gradient_ratio": [1e-4],
        "update_ratio": [1e-3, 0.5],
    }
    found = outcome(cell, [0.5, np.nan, 0.5], health=health)
    measured = measures(found)
    assert measured["dead"] == pytest.approx(0.7)
    assert measured["gradient_ratio"] == pytest.approx(1e-4)
    assert measured["update_ratio"] == pytest.approx(0.5)  # the farther from what is usual
    assert measured["loss_left"] == pytest.approx(0.5)
    told = symptoms(found, measured, least=0.5)
    assert list(told) == ["failed", "dead units", "vanishing gradients", "huge updates"]
    assert told["dead units"] == "70% of a layer's units are dead"
    assert list(symptoms(found, {"loss_left": 0.6, "rise": 0.03}, least=0.4)) == [
        "failed",
        "still learning",
    ]
    assert "much loss left" in symptoms(found, {"loss_left": 0.6}, least=0.2)
    unknown = outcome(cell, [0.5], health={"dead": [], "gradient_ratio": []})
    assert not {"dead", "gradient_ratio"} & measures(unknown).keys()
    healthy = outcome(cell, [0.5])  # nothing was measured
    assert symptoms(healthy, measures(healthy), least=0.5) == {}
    for ratio, symptom, said in ((1e-7, "tiny", "1e-07"), (0.5, "huge", "0.5")):
        sentence = f"an update moves a layer's weights by {said} of their size"
        assert symptoms(healthy, {"update_ratio": ratio}) == {f"{symptom} updates": sentence}
    edge = replace(healthy, sensitivity=rate_sensitivity([0.1, 1.0], np.array([0.5, 0.9])))
    assert list(symptoms(edge, {})) == ["rate at the edge"]
