"""Published claims: each has its source and a rule that can fail; the exact ones hold."""

import math
import re
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from typer.testing import CliRunner

import minidl as ml
from minidl.cli import app
from minidl.literature import Bound, Source, claim, claims, comparing, labels, outliers, trials
from minidl.literature.trials import Side, accuracy, ahead, deal, train, tune

EXACT = [entry.name for entry in claims if entry.exact]

# An output layer as the library makes it starts above log k: the claim's second half.
VERDICTS = dict.fromkeys(EXACT, "reproduced") | {"chance_level": "partly"}

# What takes the claim's ground away: the sides swapped, or an activation it is not about.
BROKEN = {
    "chance_level": {"small": 1.0},
    "born_dead": {"hidden": "leaky_relu", "networks": 20},
    "selu_fixed_point": {"hidden": "elu"},
    "he_signal": {"he": "glorot_normal", "glorot": "he_normal"},
    "sigmoid_gradients": {"squashing": "tanh", "centred": "sigmoid"},
    "bce_gradient": {"steep": "mse", "flat": "binary_crossentropy"},
    "mae_symmetric": {"symmetric": "categorical_crossentropy", "other": "mae"},
}


@pytest.mark.parametrize("name", claims.names())
def test_every_claim_has_statement_source_and_a_rule_that_can_fail(name):
    entry = claims[name]
    assert entry.statement.endswith(".")
    source = entry.source
    assert all((source.authors, source.title, source.venue))
    assert 1900 < source.year < 2100
    assert re.fullmatch(r"(\d{4}\.\d{5})?", source.arxiv)
    assert entry.rule
    for bound in entry.rule:
        assert -math.inf < bound.least or bound.most < math.inf


@pytest.mark.parametrize("name", claims.names())
def test_every_bound_of_a_rule_counts(name):
    """Figures at their bounds pass; beyond any one of them the verdict is another."""
    entry = claims[name]
    at = {b.figure: b.least if b.least > -math.inf else b.most for b in entry.rule}
    assert entry.judge(at) == "reproduced"
    for i, bound in enumerate(entry.rule):
        outside = bound.least - 1 if bound.least > -math.inf else bound.most + 1
        for missed in (outside, math.nan):
            verdict = entry.judge(at | {bound.figure: missed})
            assert verdict == ("partly" if i else "not")


@pytest.mark.parametrize("name", EXACT)
def test_exact_claims_hold(name):
    finding = claims[name].reproduce()
    assert finding.verdict == VERDICTS[name], finding.figures


@pytest.mark.parametrize("name", EXACT)
def test_exact_claims_fall_with_their_ground(name):
    entry = claims[name]
    assert entry.judge(entry.measure(**BROKEN[name])) == "not"


def test_a_trained_claim_falls_with_its_sides_swapped():
    entry = claims["mae_slow"]
    found = entry.measure("softmax+cce", "softmax+mae")
    assert entry.judge(found) == "not"
    first, second = (bound.figure for bound in entry.rule)
    assert entry.judge({first: found[second], second: found[first]}) == "reproduced"


def test_a_claim_without_statement_or_rule_is_refused(refused):
    def speechless():
        return {}

    source = Source("A. Author", "A title", "a venue", 2020)
    with refused(ml.core.ArgumentError, "speechless", "a statement and a rule", "none", "rule"):
        claim(source=source, rule=(Bound("x", least=0.0),))(speechless)
    assert "speechless" not in claims


def test_bounds_belong_to_what_is_allowed():
    bound = Bound("x", least=-1.0, most=2.0)
    found = [bound.holds({"x": x}) for x in (-1.1, -1.0, 2.0, 2.1, math.nan)]
    assert found == [False, True, True, False, False]
    assert str(bound) == "x in [-1, 2]"


# ── training for a comparison ─────────────────────────────────────────────────────────────────


IRIS = partial(deal, ml.data.load("iris"))
SHORT = {"relu": Side("softmax+cce", epochs=2), "tanh": Side("softmax+cce", "tanh", epochs=2)}


def test_results_do_not_depend_on_the_number_of_workers():
    one, two = (tune(SHORT, IRIS, rates=(1e-3, 1e-2), workers=n) for n in (1, 2))
    assert one == two
    assert one["relu"].outcomes != one["tanh"].outcomes


def test_rates_are_chosen_on_validation_rows_under_seeds_of_their_own(monkeypatch):
    asked = []

    def pretend(side, parts, score, rate, seed):
        asked.append((rate, seed))
        return trials.TrainedScores(validation=-abs(rate - 0.1), test=rate, losses=[seed])

    monkeypatch.setattr(trials, "train", pretend)
    found = tune({"one": Side("softmax+cce")}, IRIS, rates=(0.01, 0.1, 1.0), fresh=range(4))["one"]
    assert (found.rate, found.at_edge) == (0.1, False)
    assert not set(trials.TUNING) & set(trials.FRESH)
    tried = [(rate, seed) for rate in (0.01, 0.1, 1.0) for seed in trials.TUNING]
    assert asked == tried + [(0.1, seed) for seed in range(4)]
    assert found.scores.tolist() == [0.1] * 4
    edge = tune({"one": Side("softmax+cce")}, IRIS, rates=(0.1, 1.0))["one"]
    assert edge.at_edge
    assert trials.edges([{"one": found}, {"one": edge}]) == {
        "best rates at an edge of the grid, of 2": 1
    }


def test_a_gap_is_that_of_the_first_above_the_second():
    low, high = (
        trials.Tuned(0.1, False, [trials.TrainedScores(0.0, test, []) for test in tests])
        for tests in ((0.5, 0.6), (0.7, 0.6))
    )
    assert trials.gap({"low": low, "high": high}, "high", "low") == pytest.approx(0.1)


def test_parts_share_no_row():
    parts = deal(replace(ml.data.load("iris"), X=np.arange(150.0).reshape(-1, 1)), seed=0)
    rows = np.concatenate([parts.X_train, parts.X_validation, parts.X_test])
    assert len(np.unique(rows)) == 150
    assert [len(parts.y_train), len(parts.y_validation), len(parts.y_test)] == [74, 38, 38]


@pytest.mark.filterwarnings("ignore:overflow|invalid|training diverged:RuntimeWarning")
def test_a_diverged_network_counts_as_one_that_says_0():
    parts = IRIS(0)
    outcome = train(Side("linear+mse", optimizer="sgd", epochs=20), parts, accuracy, 1e9, 0)
    assert not np.isfinite(outcome.losses[-1])
    assert outcome.test == (parts.y_test == 0).mean()
    assert comparing._speed(outcome) == -10


def test_ahead_is_more_than_chance():
    rng = np.random.default_rng(0)
    scores = rng.normal(size=10)
    assert ahead(scores + 0.1 + rng.normal(scale=0.01, size=10), scores)
    assert not ahead(scores, scores + 0.1)
    assert not ahead(scores + rng.choice((-0.1, 0.1), 10), scores)


def test_labels_are_swapped_to_every_other_class_and_test_rows_stay():
    parts = partial(deal, ml.data.load("digits"))
    clean, noisy = parts(3), labels._swapped(parts, 3)
    assert (noisy.y_train != clean.y_train).mean() == pytest.approx(0.4, abs=0.04)
    assert (noisy.y_validation != clean.y_validation).mean() == pytest.approx(0.4, abs=0.06)
    assert (noisy.y_test == clean.y_test).all()
    away = (noisy.y_train - clean.y_train) % 10
    assert np.bincount(away, minlength=10)[1:].min() > 20


def test_a_tenth_of_the_targets_is_pushed_up_and_test_rows_stay():
    parts = partial(deal, ml.data.load("friedman1"))
    clean, pushed = parts(3), outliers._pushed(parts, 3)
    up = pushed.y_train - clean.y_train
    assert (up > 0).mean() == pytest.approx(0.1, abs=0.05)
    assert (up[up > 0] >= 3).all()
    assert (pushed.y_test == clean.y_test).all()


def test_a_pair_is_reordered_wholly_by_a_turn_and_half_by_a_tie():
    assert comparing._reordered(np.array([1.0, 2.0]), np.array([2.0, 1.0])) == 1
    assert comparing._reordered(np.array([1.0, 2.0]), np.array([1.0, 1.0])) == 0.5
    assert comparing._reordered(np.array([1.0, 2.0, 3.0]), np.array([1.0, 3.0, 2.0])) == 1 / 3


# ── minidl reproduce ──────────────────────────────────────────────────────────────────────────


def call(*words, code=0):
    result = CliRunner().invoke(app, ["reproduce", *words])
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result.output


@pytest.fixture
def false_claim():
    """The name of a claim that does not hold, for one test."""

    @claim(source=Source("A. Author, B. Author", "A title", "a venue", 2020, arxiv="2001.00001"),
           rule=(Bound("the answer", least=43),))  # fmt: skip
    def all_is_well(workers=1):
        """All is well."""
        return {"the answer": 42.0, "workers": workers}

    yield "all_is_well"
    claims.unregister("all_is_well")


def test_reproduce_prints_verdict_figures_rule_and_source(false_claim):
    said = call(false_claim, "bce_gradient", "--workers", "3")
    assert "all_is_well: not" in said
    assert "All is well." in said
    assert "A. Author, B. Author, A title, a venue, 2020, arXiv:2001.00001" in said
    assert "✗ the answer: 42, rule: ≥ 43" in said
    assert "workers: 3" in said
    assert "bce_gradient: reproduced" in said
    rows = [re.split("  +", line.strip()) for line in said.splitlines() if line.strip()]
    cells = {name: others for name, *others in rows}
    assert cells["all_is_well"] == ["not", "0 of 1", "A. Author and B. Author 2020"]
    assert cells["bce_gradient"][:2] == ["reproduced", "2 of 2"]


def test_reproduce_lists_every_claim_with_its_source():
    said = " ".join(call("--list").replace("-\n", "-").split())
    for entry in claims:
        assert entry.name in said
        assert entry.statement in said
        assert str(entry.source) in said


def test_reproduce_refuses_a_name_it_does_not_know():
    assert "Did you mean 'born_dead'?" in call("born_ded", code=2)
    assert "minidl reproduce --list" in call("??", code=2)
