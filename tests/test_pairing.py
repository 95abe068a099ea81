"""Pairings: what is sound, how heads encode targets, that trials are paired, what a run keeps."""

import csv
import shutil
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from minidl.activations import activations
from minidl.data import load
from minidl.errors import ArgumentError, DataError, FileError, UnknownNameError
from minidl.losses import losses
from minidl.pairing import (
    Head,
    Plan,
    Trial,
    heads,
    hidden_activations,
    run,
    standings,
    train,
)
from minidl.pairing.standing import RATES
from minidl.pairing.trial import network, parts

SIGMOID = Head("sigmoid", "binary_crossentropy")
SOFTMAX = Head("softmax", "categorical_crossentropy")
LINEAR = Head("linear", "mse")


# ----------------------------------------------------------------------------------- heads


def test_every_activation_with_every_loss_is_sound_or_has_a_reason():
    for task, classes in (("classification", 2), ("classification", 3), ("regression", 0)):
        sound, others = heads(task, classes)
        everything = {Head(a.name, loss.name) for a in activations for loss in losses}
        assert set(sound) | set(others) == everything
        assert not set(sound) & set(others)
        assert all(others.values())


@pytest.mark.parametrize("head", [SIGMOID, SOFTMAX, LINEAR, Head("linear", "hinge")])
def test_what_textbooks_recommend_is_sound_for_two_classes(head):
    assert head in heads("classification", 2)[0]


@pytest.mark.parametrize(
    ("head", "task", "classes", "words"),
    [
        (Head("sigmoid", "hinge"), "classification", 2, "(0, 1)"),
        (
            Head("linear", "binary_crossentropy"),
            "classification",
            2,
            "predictions must be in [0, 1]",
        ),
        (Head("linear", "kl_divergence"), "classification", 3, "predictions must be in [0, 1]"),
        (Head("linear", "poisson"), "classification", 2, "counts"),
        (Head("softplus", "poisson"), "regression", 0, "targets must be in [0, ∞)"),
        (Head("relu", "mse"), "regression", 0, "relu gives [0, ∞), targets are all reals"),
        (Head("sigmoid", "mse"), "regression", 0, "sigmoid"),
        (Head("softmax", "mse"), "regression", 0, "softmax"),
        (SOFTMAX, "regression", 0, "targets must be in [0, 1]"),
    ],
)
def test_an_unsound_head_says_why(head, task, classes, words):
    assert words in heads(task, classes)[1][head]


def test_aliases_make_a_head_and_typos_do_not():
    assert Head.parse("sigmoid+bce") == SIGMOID
    assert SIGMOID.name == "sigmoid+binary_crossentropy"
    with pytest.raises(ArgumentError, match="sigmoid"):
        Head.parse("sigmoid")
    with pytest.raises(UnknownNameError, match="sigmoid"):
        Head.parse("sigmiod+bce")


# -------------------------------------------------------------------------------- encodings


def test_two_classes_with_an_elementwise_loss_are_one_column():
    y = np.array([0, 1, 1])
    np.testing.assert_array_equal(SIGMOID.encode(y, "classification", 2), [[0], [1], [1]])
    signs = Head("tanh", "hinge").encode(y, "classification", 2)
    np.testing.assert_array_equal(signs, [[-1], [1], [1]])


def test_several_classes_with_an_elementwise_loss_are_one_column_each():
    y = np.array([2, 0])
    np.testing.assert_array_equal(SIGMOID.encode(y, "classification", 3), [[0, 0, 1], [1, 0, 0]])
    signs = Head("linear", "squared_hinge").encode(y, "classification", 3)
    np.testing.assert_array_equal(signs, [[-1, -1, 1], [1, -1, -1]])


def test_rowwise_losses_take_class_numbers_or_distributions():
    y = np.array([2, 0])
    np.testing.assert_array_equal(SOFTMAX.encode(y, "classification", 3), y)
    shares = Head("softmax", "kl_divergence").encode(y, "classification", 3)
    np.testing.assert_array_equal(shares, [[0, 0, 1], [1, 0, 0]])


def test_regression_targets_are_standardised_by_the_training_part():
    split = parts(load("diabetes"), seed=0)
    assert abs(split.y_train.mean()) < 1e-9
    assert split.y_train.std() == pytest.approx(1)
    np.testing.assert_array_equal(LINEAR.encode(split.y_train, "regression", 0), split.y_train)


# ----------------------------------------------------------------------------------- trials


def test_a_repetition_gives_every_pairing_the_same_start():
    data = load("iris")
    for seed in (0, 1):
        first = [
            network(Trial("iris", "relu", head, seed), data).parameters()
            for head in (SIGMOID, SOFTMAX, Head("tanh", "hinge"))
        ]
        for other in first[1:]:  # hidden layers: the head decides the init of its own layer
            for a, b in list(zip(first[0], other, strict=True))[:4]:
                np.testing.assert_array_equal(a.data, b.data)
    a, b = parts(data, 0), parts(data, 1)
    np.testing.assert_array_equal(a.X_train, parts(data, 0).X_train)
    assert not np.array_equal(a.X_train, b.X_train)


def test_weights_of_two_hidden_activations_are_one_draw_scaled():
    """He and LeCun differ in scale only: the random numbers behind them are the same."""
    data = load("iris")
    he, lecun = (
        network(Trial("iris", hidden, SOFTMAX, 0), data).parameters()[0].data.astype(float)
        for hidden in ("relu", "selu")
    )
    ratios = he / lecun
    np.testing.assert_allclose(ratios, ratios.flat[0], rtol=1e-4)


def test_a_trial_gives_the_same_bits_again():
    data = load("iris")
    trial = Trial("iris", "tanh", SOFTMAX, 3, epochs=3)
    once, again = train(trial, data), train(trial, data)
    assert replace(once, seconds=0.0) == replace(again, seconds=0.0)
    assert once.status == "ok"
    assert once.score > 0.5


def test_a_diverged_trial_has_a_reason_and_no_score():
    data = load("diabetes")
    trial = Trial("diabetes", "relu", LINEAR, 0, epochs=20, optimizer="sgd", learning_rate=1e6)
    result = train(trial, data)
    assert result.status == "diverged"
    assert "inf" in result.reason or "nan" in result.reason
    assert np.isnan(result.score)


def test_validation_rows_come_out_of_the_training_part():
    data = load("diabetes")  # its rows all differ
    without, with_some = data.split(seed=3), data.split(seed=3, validation_size=0.2)
    np.testing.assert_array_equal(without.X_test, with_some.X_test)
    kept_back = {tuple(row) for row in with_some.X_validation}
    assert len(kept_back) == round(0.2 * len(data.X))
    assert kept_back < {tuple(row) for row in without.X_train}
    assert not kept_back & {tuple(row) for row in with_some.X_train}
    trial = Trial("diabetes", "tanh", LINEAR, 3, epochs=2)
    assert np.isnan(train(trial, data).validation_score)
    result = train(replace(trial, validation_size=0.2), data)
    assert np.isfinite([result.score, result.validation_score]).all()
    assert result.score != result.validation_score


# ------------------------------------------------------------------------------------ a run


def plan(**changes):
    given = {
        "data": [load("iris")],
        "hidden": ["relu", "tanh"],
        "heads": [SOFTMAX, SIGMOID],
        "seeds": 2,
        "settings": {"epochs": 2},
    }
    return Plan(**{**given, **changes})


def test_a_run_writes_every_trial(tmp_path):
    results = run(plan(), tmp_path, workers=1, verbose=False)
    with (tmp_path / "results.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    first = [row for row in rows if not row["validation_score"]]
    assert len(first) == 2 * 2 * 2
    assert {row["learning_rate"] for row in first} == {"0.01"}
    assert len(results) == len(rows)
    assert {row["status"] for row in rows} == {"ok"}
    scores = sorted(float(row["score"]) for row in rows)
    np.testing.assert_allclose(scores, sorted(r.score for r in results), rtol=1e-5)


def test_a_head_that_is_behind_and_the_best_are_trained_again(tmp_path):
    """After two epochs sigmoid + BCE is far behind softmax + CCE on iris."""
    results = run(plan(), tmp_path, workers=1, verbose=False)
    again = [result for result in results if result.trial.validation_size]
    assert {(r.trial.head, r.trial.learning_rate) for r in again} == set(
        product([SIGMOID, SOFTMAX], RATES)
    )
    assert len(again) == 2 * len(RATES) * 2 * 2
    assert np.isfinite([[r.score, r.validation_score] for r in again]).all()
    (standing,) = [s for s in standings(results) if s.head != s.best]
    assert standing.behind
    assert standing.tuned.mean < standing.gap.mean
    with (tmp_path / "results.csv").open(encoding="utf-8") as file:
        rates = {row["learning_rate"] for row in csv.DictReader(file) if row["validation_score"]}
    assert {float(rate) for rate in rates} == set(RATES)


def test_a_run_in_which_no_head_is_behind_has_one_round(tmp_path):
    results = run(plan(heads=[SOFTMAX]), tmp_path, workers=1, verbose=False)
    assert len(results) == 2 * 2


def test_workers_change_nothing(tmp_path):
    alone, two = (run(plan(), tmp_path / str(n), workers=n, verbose=False) for n in (1, 2))
    assert any(result.trial.validation_size for result in alone)
    # repr: NaN, a score that was not measured, equals nothing
    assert repr([replace(r, seconds=0.0) for r in alone]) == repr(
        [replace(r, seconds=0.0) for r in two]
    )


def test_an_interrupted_run_keeps_what_is_computed(tmp_path, monkeypatch):
    from minidl.pairing import runner

    done = []

    def interrupted(trial, data):
        if len(done) == 3:
            raise KeyboardInterrupt
        rows = (tmp_path / "results.csv").read_text(encoding="utf-8").splitlines()
        assert not done or len(rows) == 1 + len(done)  # on disk at once, not at the end
        done.append(trial)
        return train(trial, data)

    monkeypatch.setattr(runner, "train", interrupted)
    results = run(plan(), tmp_path, workers=1, verbose=False)
    assert [result.trial for result in results] == done
    assert len((tmp_path / "results.csv").read_text(encoding="utf-8").splitlines()) == 1 + 3


def test_a_folder_that_goes_away_ends_the_run_and_keeps_what_is_computed(
    tmp_path, monkeypatch, capsys
):
    from minidl.pairing import runner

    trained = []

    def trains_and_removes(trial, data):
        trained.append(trial)
        if len(trained) == 2:
            shutil.rmtree(tmp_path / "out")
        return train(trial, data)

    monkeypatch.setattr(runner, "train", trains_and_removes)
    results = run(plan(seeds=4), tmp_path / "out", workers=1, verbose=False)
    assert [result.trial for result in results] == trained
    assert len(trained) == 2
    assert "Write --out DIR" in capsys.readouterr().err


def test_an_interrupt_within_a_trial_ends_the_run(tmp_path, monkeypatch):
    """`fit` returns what was learned on Ctrl-C; half a training is no result of a pairing."""
    from minidl import training

    epoch, epochs = training._Trainer.epoch, []

    def interrupted(*given, **named):
        epochs.append(1)
        if len(epochs) == 6:  # the second of the third trial's two epochs
            raise KeyboardInterrupt
        return epoch(*given, **named)

    monkeypatch.setattr(training._Trainer, "epoch", interrupted)
    results = run(plan(), tmp_path, workers=1, verbose=False)
    assert len(results) == 2
    assert len(epochs) == 6


def test_a_table_too_small_to_score_is_refused_before_any_training(tmp_path):
    data = load("diabetes")
    small = replace(data, name="small", X=data.X[:5], y=data.y[:5])
    with pytest.raises(DataError, match=r"'small'.*larger"):
        run(plan(data=[small], heads=[LINEAR]), tmp_path / "out", workers=1, verbose=False)
    assert not (tmp_path / "out").exists()


def test_an_unwritable_folder_is_refused_before_any_training(tmp_path, monkeypatch):
    from minidl.pairing import runner

    monkeypatch.setattr(runner, "train", lambda *_: pytest.fail("trained"))
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(FileError) as caught:
        run(plan(), tmp_path / "file" / "results", workers=1, verbose=False)
    error = caught.value
    assert "file" in error.culprit
    assert "written" in error.expected
    assert error.got
    assert "--out" in error.remedy


def test_a_new_activation_is_paired_for_nothing(bend):
    assert bend in hidden_activations()
    assert Head(bend, "mse") in [*heads("regression")[0], *heads("regression")[1]]
    result = train(Trial("iris", bend, SOFTMAX, 0, epochs=3), load("iris"))
    assert result.status == "ok"


def test_rows_and_the_identity_are_no_hidden_activations():
    names = hidden_activations()
    assert {"relu", "selu", "tanh"} <= set(names)
    assert not {"linear", "softmax", "log_softmax"} & set(names)
