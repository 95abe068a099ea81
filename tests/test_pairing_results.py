"""What results of pairings say: scores as they count, intervals, tuned rates, tables, pictures."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import ttest_rel

from minidl import figures
from minidl.activations import activations
from minidl.data import load
from minidl.losses import losses
from minidl.pairing import Head, Plan, Result, Trial, rows, show, standings
from minidl.pairing.standing import RATES, counted

SIGMOID = Head("sigmoid", "binary_crossentropy")
SOFTMAX = Head("softmax", "categorical_crossentropy")
LINEAR = Head("linear", "mse")


# --------------------------------------------------------------------------------- statistics


def result(head, score, seed=0, status="ok", validation=None, **changes):
    trial = Trial("moons", "relu", head, seed, **changes)
    if validation is None:
        return Result(trial, score, status=status)
    return Result(replace(trial, validation_size=0.2), score, validation, status=status)


def test_failing_never_beats_training():
    results = [
        result(LINEAR, -3.0),
        result(SOFTMAX, 0.5),
        result(SIGMOID, np.nan, status="diverged"),
    ]
    scores = {trial.head: score for trial, score in counted(results).items()}
    assert scores == {LINEAR: -3.0, SOFTMAX: 0.5, SIGMOID: -3.0}
    assert list(counted(results[1:]).values()) == [0.5, 0.0]
    assert list(counted(results[2:]).values()) == [0.0]
    ranks = {row.head: (row.rank, row.mean, row.failures) for row in rows(results, "moons")}
    assert ranks == {SOFTMAX: (1, 0.5, 0), LINEAR: (2, -3.0, 0), SIGMOID: (2, -3.0, 1)}
    gaps = {standing.head: standing.gap.mean for standing in standings(results)}
    assert gaps == {SOFTMAX: 0.0, LINEAR: 3.5, SIGMOID: 3.5}


def test_another_dataset_does_not_decide_what_a_failure_counts():
    elsewhere = result(LINEAR, -3.0)
    elsewhere = replace(elsewhere, trial=replace(elsewhere.trial, dataset="diabetes"))
    failed = result(SIGMOID, np.nan, status="failed")
    assert counted([elsewhere, failed, result(SOFTMAX, 0.5)])[failed.trial] == 0.0


def test_intervals_are_paired_and_none_for_a_single_seed():
    best, other = [0.9, 0.7, 0.95], [0.85, 0.68, 0.88]
    results = [result(SOFTMAX, score, seed) for seed, score in enumerate(best)]
    results += [result(SIGMOID, score, seed) for seed, score in enumerate(other)]
    (gap,) = [s.gap for s in standings(results) if s.head == SIGMOID]
    interval = ttest_rel(best, other).confidence_interval(0.95)
    assert gap.mean == pytest.approx((interval.low + interval.high) / 2)
    assert gap.half == pytest.approx((interval.high - interval.low) / 2)
    alone = [r for r in results if r.trial.seed == 0]
    assert [row.half for row in rows(alone, "moons")] == [None, None]
    assert not any("±" in str(standing) for standing in standings(alone))


def tuning(head, tests, validations, seed=0):
    return [
        result(head, test, seed, validation=validation, learning_rate=rate)
        for rate, test, validation in zip(RATES, tests, validations, strict=True)
    ]


def test_the_learning_rate_is_chosen_on_validation_data():
    results = [
        result(SOFTMAX, 0.9),
        result(SIGMOID, 0.8),
        *tuning(SOFTMAX, [0.1, 0.2, 0.91, 0.3, 0.99], [0.1, 0.2, 0.9, 0.3, 0.5]),
        *tuning(SIGMOID, [1.0, 0.88, 0.1, 0.2, 0.3], [0.1, 0.9, 0.2, 0.3, 0.4]),
    ]
    (standing,) = [s for s in standings(results) if s.head == SIGMOID]
    assert standing.gap.mean == pytest.approx(0.1)
    assert standing.rates == (RATES[1], RATES[2])
    assert standing.tuned.mean == pytest.approx(0.91 - 0.88)
    assert len(rows(results, "moons")) == 2  # the table is of the first round
    assert rows(results, "moons")[0].mean == 0.9


def test_a_start_without_all_learning_rates_does_not_count():
    whole = [0.5] * 5
    results = [
        *(result(head, score) for head, score in ((SOFTMAX, 0.9), (SIGMOID, 0.8))),
        *tuning(SOFTMAX, whole, whole),
        *tuning(SIGMOID, whole, whole),
        *tuning(SIGMOID, [9.0] * 5, [9.0] * 5, seed=1)[:-1],
    ]
    (standing,) = [s for s in standings(results) if s.head == SIGMOID]
    assert standing.tuned.mean == 0.0
    (standing,) = [s for s in standings(results[:-5]) if s.head == SIGMOID]
    assert standing.tuned is None


# ------------------------------------------------------------------------------ what is shown


def test_failures_and_single_seeds_are_said(capsys):
    results = [result(SOFTMAX, 0.5), result(SIGMOID, np.nan, status="diverged")]
    show(results, Plan([load("moons")], ["relu"], seeds=1))
    said = capsys.readouterr().out
    assert "failed or diverged: 1" in said
    assert "score of 0, or as the worst" in said
    assert "±" not in said
    assert said.count("One seed") == 1


def test_rows_are_equally_high_in_every_panel(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(figures, "save", lambda figure, path: drawn.append(figure))
    results = [result(head, 0.5) for head in (SIGMOID, SOFTMAX, LINEAR)]
    other = result(LINEAR, 0.5)
    results.append(replace(other, trial=replace(other.trial, dataset="diabetes")))
    figures.heat_map(results, Plan([load("moons"), load("diabetes")], ["relu"]), tmp_path)
    (figure,) = drawn
    heads = [len(axes.get_yticks()) for axes in figure.axes]
    assert heads == [3, 1]
    high = [axes.get_position().height / n for axes, n in zip(figure.axes, heads, strict=True)]
    assert high[0] == pytest.approx(high[1])
    said = " ".join(text.get_text() for text in figure.texts)
    assert "★" in said
    assert "✗" not in said


@pytest.mark.parametrize("name", activations.names() + losses.names())
def test_no_line_is_drawn_across_a_jump(name):
    jumps = {"mae": 2, **dict.fromkeys(("relu", "leaky_relu", "prelu", "selu"), 1)}
    jumps |= dict.fromkeys(("hinge", "categorical_hinge"), 1)
    x, y, slope, *_ = figures.curve(name)
    assert np.isnan(figures._broken(x, slope)[1]).sum() == jumps.get(name, 0)
    assert not np.isnan(figures._broken(x, y)[1]).any()


def test_a_jump_between_two_bends_is_a_gap():
    x = np.linspace(-1, 1, 401)
    y = figures._broken(x, np.where(x < 0, x**2, 1 + np.sin(x)))[1]
    assert np.flatnonzero(np.isnan(y)).tolist() == [200]
