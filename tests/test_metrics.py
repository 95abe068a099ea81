"""Metrics by name, and what stops training by them."""

from collections.abc import Mapping

import numpy as np
import pytest
from sklearn.metrics import (
    average_precision_score,
    brier_score_loss,
    f1_score,
    log_loss,
    r2_score,
    roc_auc_score,
    top_k_accuracy_score,
)

import minidl as ml
from minidl.core.errors import ArgumentError, DataError, UnknownNameError

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


# ------------------------------------------------------------------ classes that rows may lack


THIRDS = np.arange(60) % 3
ALL = [0, 1, 2]


def of_classes(columns=3, y=THIRDS, loss="cce", absent=2, **settings):
    """What fit measures of a network on rows that lack a class; the outputs; the rows' classes."""
    net = network(3, columns, **settings.pop("head", {"output": "softmax"}))
    part = THIRDS < 2 if columns == 3 else np.arange(60) % 2 != absent
    history = ml.fit(net, X, y, loss=loss, optimizer="sgd", learning_rate=0.0, epochs=2,
                     validation_data=(X[part], y[part]), **settings)  # fmt: skip
    return history, net.predict(X[part]).astype(float), part


def test_log_loss_of_the_case():
    one_hot = np.eye(3)[THIRDS[:30]]
    net, part = network(3, 3, output="softmax"), THIRDS[:30] < 2
    history = ml.fit(net, one_hot, THIRDS[:30], loss="cce", epochs=3, metrics=["neg_log_loss"],
                     validation_data=(one_hot[part], THIRDS[:30][part]))  # fmt: skip
    assert history["val_neg_log_loss"][0] == pytest.approx(-1.1768, abs=5e-5)
    assert history["val_neg_log_loss"] == pytest.approx([-x for x in history["val_loss"]])


@pytest.mark.parametrize("y", [THIRDS, np.eye(3)[THIRDS]], ids=["numbers", "one-hot"])
@pytest.mark.parametrize("logits", [False, True])
def test_metrics_know_classes_of_which_there_are_no_rows(y, logits):
    names = ["neg_log_loss", "top_k_accuracy", "roc_auc_ovo", "f1_macro",
             "accuracy", "balanced_accuracy"]  # fmt: skip
    head = {"output": None if logits else "softmax"}
    history, p, part = of_classes(y=y, head=head, from_logits=logits, metrics=names)
    if logits:
        p = np.exp(p) / np.exp(p).sum(axis=1, keepdims=True)
    p = p / p.sum(axis=1, keepdims=True)
    k, decided = THIRDS[part], p.argmax(axis=1)
    assert set(decided) == {0, 1, 2}
    wanted = {
        "neg_log_loss": -log_loss(k, p, labels=ALL),
        "top_k_accuracy": top_k_accuracy_score(k, p, labels=ALL),
        "roc_auc_ovo": roc_auc_score(k, p, labels=ALL, multi_class="ovo"),
        "f1_macro": f1_score(k, decided, labels=ALL, average="macro"),
        "accuracy": (decided == k).mean(),
        "balanced_accuracy": np.mean([(decided == k)[k == c].mean() for c in (0, 1)]),
    }
    for name in names:
        assert history[f"val_{name}"] == pytest.approx([wanted[name]] * 2, rel=1e-5), name


@pytest.mark.parametrize("only", [0, 1])
@pytest.mark.parametrize(("columns", "loss", "output"), [
    (1, "bce", "sigmoid"), (2, "cce", "softmax")], ids=["one column", "two"])  # fmt: skip
def test_metrics_of_two_classes_know_both(columns, loss, output, only):
    names = ["neg_log_loss", "neg_brier_score", "accuracy", "f1", "precision", "recall"]
    y = np.arange(60) % 2
    history, p, part = of_classes(columns, y, loss, 1 - only, head={"output": output},
                                  metrics=names)  # fmt: skip
    p = p[:, -1]
    k, decided = y[part], (p > 0.5).astype(int)
    rest = {"zero_division": 0.0}
    wanted = {
        "neg_log_loss": -log_loss(k, p, labels=[0, 1]),
        "neg_brier_score": -np.mean((p - k) ** 2),
        "accuracy": (decided == k).mean(),
        "f1": f1_score(k, decided, **rest),
        "precision": float(only and decided.any()),  # none at all is right about class 1, or all
        "recall": decided.mean() * only,
    }
    for name in names:
        assert history[f"val_{name}"] == pytest.approx([wanted[name]] * 2, rel=1e-5), name


def test_a_metric_without_a_number_is_nan_and_said_once():
    y = np.arange(60) % 2
    with pytest.warns(RuntimeWarning) as caught:
        history, p, part = of_classes(1, y, "bce", 1, head={"output": "sigmoid"},
                                      metrics=["roc_auc", "accuracy"])  # fmt: skip
    assert np.isnan(history["val_roc_auc"]).all()
    assert history["val_accuracy"] == [((p[:, 0] > 0.5) == y[part]).mean()] * 2
    assert history.stopped == "finished"
    (warning,) = caught
    assert warning.filename == __file__
    message = str(warning.message)
    assert message.startswith("metrics=['roc_auc']: in 2 of 2 epochs, first in epoch 0")
    assert "Only one class is present" in message
    with pytest.warns(RuntimeWarning, match=r"metrics=\['roc_auc'\]: Only one class") as caught:
        measured = ml.evaluate(network(3, 1, output="sigmoid"), X, 0 * y, loss="bce",
                               metrics=["roc_auc"])  # fmt: skip
    assert np.isnan(measured["roc_auc"])
    assert len(caught) == 1


@pytest.mark.parametrize("name", ["roc_auc_ovr", "average_precision"])
def test_an_average_over_classes_of_which_one_has_no_rows_is_scikit_learns(name):
    with pytest.warns(RuntimeWarning, match=f"metrics=.*{name}"):
        history, p, part = of_classes(metrics=[name])
    p, one_hot = p / p.sum(axis=1, keepdims=True), np.eye(3)[THIRDS[part]]
    score = {"roc_auc_ovr": roc_auc_score, "average_precision": average_precision_score}[name]
    with pytest.warns(UserWarning, match="class"):  # scikit-learn's own
        wanted = score(one_hot, p)
    np.testing.assert_allclose(history[f"val_{name}"], [wanted] * 2, rtol=1e-6)


def test_weighted_metrics_are_scikit_learns():
    weights = RNG.uniform(0.5, 2.0, 60)
    names = ["neg_log_loss", "roc_auc_ovr", "f1_weighted"]
    net = network(3, 3, output="softmax")
    measured = ml.evaluate(net, X, THIRDS, loss="cce", metrics=names, sample_weight=weights)
    p = net.predict(X).astype(float)
    p /= p.sum(axis=1, keepdims=True)
    options = {"sample_weight": weights}
    wanted = [
        -log_loss(THIRDS, p, **options),
        roc_auc_score(THIRDS, p, multi_class="ovr", **options),
        f1_score(THIRDS, p.argmax(axis=1), average="weighted", **options),
    ]
    assert [measured[name] for name in names] == pytest.approx(wanted, rel=1e-5)
    assert measured["loss"] == pytest.approx(-wanted[0], rel=1e-5)


def test_several_labels_of_two_have_scores_too():
    labels = (X[:, :2] > 0).astype(int)
    net = network(3, 2, output="sigmoid")
    measured = ml.evaluate(net, X, labels, loss="bce", metrics=["roc_auc", "average_precision"])
    p = net.predict(X)
    assert measured["roc_auc"] == pytest.approx(roc_auc_score(labels, p))
    assert measured["average_precision"] == pytest.approx(average_precision_score(labels, p))


class Unstarted(ml.Callback):
    def on_training_begin(self, net, curves=()):
        pytest.fail("training began")


@pytest.mark.parametrize(("metric", "weights", "words"), [
    ("f1", (), "multiclass"),
    ("roc_auc", (), "multi_class"),
    ("f1_samples", (), "multilabel"),
    ("roc_auc_ovo", (np.arange(40),), "sample_weight is not supported"),
    ("rand_score", (np.arange(40),), "one that takes none"),
])  # fmt: skip
def test_what_no_such_network_can_have_is_refused_before_training(metric, weights, words):
    part = THIRDS < 2  # which alone would suit f1
    data = X[part], THIRDS[part], *weights
    with pytest.raises(ArgumentError, match=words):
        ml.fit(network(3, 3, output="softmax"), X, THIRDS, loss="cce", metrics=[metric],
               validation_data=data, callbacks=[Unstarted()])  # fmt: skip


def test_a_metric_that_fails_in_mid_training_loses_nothing():
    """p ← −p/5; of what is not above −1 scikit-learn takes no logarithm."""
    net, one, zero = network(1, 1, dtype="float64"), np.ones((4, 1)), np.zeros(4)
    net[0].weight.data = [[-50.0]]
    name = "neg_mean_squared_log_error"
    with pytest.warns(RuntimeWarning, match="in 1 of 4 epochs, first in epoch 1") as caught:
        history = ml.fit(net, one, zero, loss="mse", optimizer="sgd", learning_rate=0.3, epochs=4,
                         metrics=[name], validation_data=(one, zero))  # fmt: skip
    assert len(caught) == 1
    predictions = np.array([10, -2, 0.4, -0.08])
    np.testing.assert_allclose(history["val_loss"], predictions**2, rtol=1e-5)
    wanted = -(np.log1p(predictions, where=predictions > -1, out=np.full(4, np.nan)) ** 2)
    np.testing.assert_allclose(history[f"val_{name}"], wanted, rtol=1e-5)


def test_a_metric_of_counts_may_take_zeros():
    """Predictions that are right would be 0, which scikit-learn refuses; a network's are above."""
    counts = np.arange(60) % 3
    name = "neg_mean_poisson_deviance"
    net = network(3, 1, output="softplus")
    history = ml.fit(net, X, counts, loss="poisson", epochs=2, validation_split=0.5, metrics=name)
    assert np.isfinite(history[f"val_{name}"]).all()


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
    stopping.on_training_begin(net, [monitor])
    for epoch, value in enumerate([worse, better, worse]):
        stopping.on_epoch_end(net, epoch, {monitor: value})
    assert stopping.best_epoch == 1


@pytest.mark.parametrize(("monitor", "curves", "remedy"), [
    ("val_loss", ["loss"], "validation_data"),
    ("val_acuracy", ["loss", "val_loss", "val_accuracy"], "Did you mean 'val_accuracy'"),
])  # fmt: skip
def test_a_curve_that_will_not_be_measured_is_found_before_training(monitor, curves, remedy):
    with pytest.raises(UnknownNameError, match=remedy):
        ml.EarlyStopping(monitor=monitor).on_training_begin(network(3, 1), curves)
