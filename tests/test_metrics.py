"""Metrics by name, and what stops training by them."""

from collections.abc import Mapping

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, log_loss, r2_score, roc_auc_score

import minidl as ml
from minidl.errors import ArgumentError, DataError, UnknownNameError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
CLASSES = (X @ [1.0, -2.0, 0.5] > 0).astype(np.int64)


def test_evaluate_with_any_scorer():
    several = ml.mlp([3, 8, 3], output="softmax", seed=0)
    y = (CLASSES + (X[:, 2] > 0.5)).astype(int)
    ml.fit(several, X, y, loss="cce", epochs=60, learning_rate=1e-2)
    names = ["accuracy", "f1_macro", "roc_auc_ovr", "neg_log_loss"]
    measured = ml.evaluate(several, X, y, loss="cce", metrics=names)
    right = several.predict(X).argmax(axis=1) == y
    assert measured["accuracy"] == right.mean() > 0.8
    assert measured["neg_log_loss"] == pytest.approx(-measured["loss"], rel=1e-5)
    margin = ml.mlp([3, 8, 1], seed=0)
    ml.fit(margin, X, 2 * CLASSES - 1, loss="hinge", epochs=60, learning_rate=1e-2)
    measured = ml.evaluate(margin, X, 2 * CLASSES - 1, loss="hinge", metrics=["accuracy"])
    assert measured["accuracy"] == ((margin.predict(X)[:, 0] > 0) == CLASSES).mean() > 0.9


def test_several_outputs_and_several_labels():
    both = ml.mlp([3, 16, 2], hidden="tanh", seed=0)
    ml.fit(both, X, X[:, :2], loss="mse", epochs=200, learning_rate=1e-2)
    assert ml.evaluate(both, X, X[:, :2], loss="mse", metrics=["r2"])["r2"] > 0.9
    labels = (X[:, :2] > 0).astype(int)
    many = ml.mlp([3, 16, 2], output="sigmoid", seed=0)
    ml.fit(many, X, labels, loss="bce", epochs=200, learning_rate=1e-2)
    measured = ml.evaluate(many, X, labels, loss="bce", metrics=["accuracy", "f1_macro"])
    assert min(measured["accuracy"], measured["f1_macro"]) > 0.9


def test_metrics_see_probabilities_behind_logits():
    y = (CLASSES + (X[:, 2] > 0.5)).astype(int)
    net = ml.mlp([3, 8, 3], seed=0)
    ml.fit(net, X, y, loss="cce", from_logits=True, epochs=20, learning_rate=1e-2)
    names = ["roc_auc_ovr", "neg_log_loss", "accuracy"]
    measured = ml.evaluate(net, X, y, loss="cce", metrics=names, from_logits=True)
    z = net.predict(X).astype(float)
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    assert measured["neg_log_loss"] == pytest.approx(-log_loss(y, p), rel=1e-5)
    assert measured["roc_auc_ovr"] == pytest.approx(roc_auc_score(y, p, multi_class="ovr"))

    one = ml.mlp([3, 8, 1], seed=0)
    ml.fit(one, X, CLASSES, loss="bce", from_logits=True, epochs=20, learning_rate=1e-2)
    names = ["neg_brier_score", "accuracy"]
    measured = ml.evaluate(one, X, CLASSES, loss="bce", metrics=names, from_logits=True)
    p = 1 / (1 + np.exp(-one.predict(X)[:, 0].astype(float)))
    assert measured["neg_brier_score"] == pytest.approx(-brier_score_loss(CLASSES, p), rel=1e-5)
    assert measured["accuracy"] == ((p > 0.5) == CLASSES).mean()

    counts = RNG.poisson(np.exp(X[:, 0]))
    rate = ml.mlp([3, 1], seed=0)
    ml.fit(rate, X, counts, loss="poisson", from_logits=True, epochs=20, learning_rate=1e-2)
    measured = ml.evaluate(rate, X, counts, loss="poisson", metrics=["r2"], from_logits=True)
    assert measured["r2"] == pytest.approx(
        r2_score(counts, np.exp(rate.predict(X)[:, 0])), rel=1e-4
    )


@pytest.mark.parametrize("metric", ["r2", "explained_variance", "neg_median_absolute_error"])
def test_whole_numbers_are_numbers_for_a_regression_loss(metric):
    net, y = ml.mlp([3, 1], seed=0), np.arange(60) % 7
    names = [metric, "neg_mean_absolute_error"]
    measured = ml.evaluate(net, X, y, loss="mse", metrics=names)
    as_floats = ml.evaluate(net, X, y.astype(float), loss="mse", metrics=names)
    assert measured == as_floats


def network(*widths, **settings):
    return ml.mlp(list(widths), seed=0, **settings)


REFUSED = {
    "class metric of numbers": (ArgumentError, "Write 'r2'", lambda: ml.evaluate(
        network(3, 1), X, CLASSES, loss="mse", metrics=["accuracy"])),
    "number metric of classes": (ArgumentError, "Write 'accuracy'", lambda: ml.evaluate(
        network(3, 1, output="sigmoid"), X, CLASSES, loss="bce", metrics=["r2"])),
    "probabilities of margins": (ArgumentError, "suits hinge", lambda: ml.evaluate(
        network(3, 1), X, 2 * CLASSES - 1, loss="hinge", metrics=["neg_log_loss"])),
    "no rows": (DataError, "at least one row", lambda: ml.evaluate(
        network(3, 1), np.empty((0, 3)), np.empty(0), loss="mse")),
    "NaN": (DataError, "finite", lambda: ml.evaluate(
        network(3, 1), np.full((2, 3), np.nan), [0.0, 1.0], loss="mse")),
    "text": (DataError, "numbers", lambda: ml.evaluate(
        network(3, 1), [["a", "b", "c"]], [0.0], loss="mse")),
    "unknown": (UnknownNameError, "Did you mean 'accuracy'", lambda: ml.evaluate(
        network(3, 1), X, X[:, 0], loss="mse", metrics=["acuracy"])),
    "curve that nobody measured": (UnknownNameError, "Did you mean 'loss'", lambda: ml.fit(
        network(3, 1), X, X[:, 0], loss="mse", epochs=1)["los"]),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_measured_is_said(case):
    kind, part, attempt = REFUSED[case]
    with pytest.raises(kind) as caught:
        attempt()
    assert part in str(caught.value)


def test_a_history_is_a_mapping_still():
    history = ml.History()
    history.add({"loss": 1.0})
    assert "los" not in history
    assert history.get("los") is None
    assert history.get("loss") == [1.0]
    assert isinstance(history, Mapping)
    for absent, remedy in (("los", "'loss'"), ("val_loss", "validation_data"), ("r2", "metrics")):
        with pytest.raises(LookupError, match=remedy):
            history[absent]


@pytest.mark.parametrize(("monitor", "better", "worse"), [
    ("val_loss", 1.0, 2.0), ("loss", 1.0, 2.0),
    ("val_neg_log_loss", -1.0, -2.0), ("val_accuracy", 0.9, 0.1)])  # fmt: skip
def test_early_stopping_knows_which_way_is_better(monitor, better, worse):
    net, stopping = network(3, 1), ml.EarlyStopping(5, monitor)
    stopping.training_began(net, [monitor])
    for epoch, value in enumerate([worse, better, worse]):
        stopping.epoch_ended(net, epoch, {monitor: value})
    assert stopping.best_epoch == 1


@pytest.mark.parametrize(("monitor", "curves", "remedy"), [
    ("val_loss", ["loss"], "validation_data"),
    ("val_acuracy", ["loss", "val_loss", "val_accuracy"], "Did you mean 'val_accuracy'"),
])  # fmt: skip
def test_a_curve_that_will_not_be_measured_is_found_before_training(monitor, curves, remedy):
    with pytest.raises(UnknownNameError, match=remedy):
        ml.EarlyStopping(monitor=monitor).training_began(network(3, 1), curves)
