"""Slips of the hand, of which each gets an error that says what to write instead.

None of them may train: what is wrong is said before the first epoch, and not by numpy.
"""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

import minidl as ml
from minidl.core import as_float, cast_checked
from minidl.core.errors import (
    ArgumentError,
    DataError,
    DomainError,
    DtypeError,
    ShapeError,
    UnknownNameError,
)
from minidl.core.seeds import generator

X = np.random.default_rng(0).normal(size=(12, 4))
LABELS = np.arange(12) % 2


class Forgetful(ml.Layer):
    keeps_width = True

    def forward(self, x, training):
        x * 2.0


class Started(ml.Callback):
    def on_training_begin(self, net, curves=()):
        pytest.fail("training began")


def fit(x=X, y=LABELS, loss="bce", net=None, output="sigmoid", outputs=1, **settings):
    net = net or ml.mlp([4, 6, outputs], output=output, seed=0)
    settings = {"callbacks": [Started()], "epochs": 1, **settings}
    ml.fit(net, x, y, loss=loss, **settings)


def assign(value):
    ml.mlp([4, 6, 1], seed=0)[0].weight.data = value


def written(value, key=0, dtype="float32", read_only=False):
    tensor = ml.Tensor([1, 1], dtype=dtype)
    tensor.numpy().flags.writeable = not read_only
    tensor[key] = value
    return tensor


# What is written: the error, its culprit, what it expected, what it got, its remedy.
NUMBERS = {
    "text for an activation": (
        lambda: ml.tanh("a"), DataError, "tanh", "numbers", "<U1", "Turn text into numbers"),
    "None for an activation": (
        lambda: ml.tanh(None), DataError, "tanh", "numbers", "None", "array of numbers"),
    "ragged rows for an activation": (
        lambda: ml.tanh([[1], [1, 2]]), DataError, "tanh", "one length", "several", "Fill"),
    "text added": (
        lambda: ml.Tensor([1.0]) + "a", DataError, "add", "numbers", "<U1", "Turn text"),
    "None added": (
        lambda: ml.Tensor([1.0]) + None, DataError, "add", "numbers", "None", "of numbers"),
    "text for a target": (
        lambda: ml.mse("a", [1.0]), DataError, "mse(y_true=…)", "numbers", "<U1", "Turn text"),
    "weights of another shape": (
        lambda: assign([[1, 2]]), ShapeError, "dense1.weight", "(4, 6)", "(1, 2)", "Reshape it"),
    "a number for rows of another shape": (
        lambda: written([1.0, 2.0]), ShapeError, "a tensor", "shape ()", "(2,)", "Reshape it"),
    "a number into a read-only array": (
        lambda: written(1.0, read_only=True), ArgumentError, "a tensor", "memory to write to",
        "read-only", "a copy: Tensor(t)"),
    "a row into a read-only array": (
        lambda: written(np.float32([1.0]), ..., read_only=True), ArgumentError, "a tensor",
        "memory to write to", "read-only", "a copy: Tensor(t)"),
    "NaN for a whole number": (
        lambda: written(float("nan"), dtype="int64"), DataError, "a tensor", "int64 holds", "nan",
        "a float tensor"),
    "infinity for a whole number": (
        lambda: written(-np.inf, dtype="int64"), DataError, "a tensor", "int64 holds", "-inf",
        "a float tensor"),
    "text for a network": (
        lambda: ml.mlp([4, 1])([["a"] * 4]), DataError, "x", "numbers", "<U1", "Turn text"),
    "weights of text": (
        lambda: assign("a"), DataError, "dense1.weight", "numbers", "<U1", "Turn text"),
    "a forward that returns nothing": (
        lambda: ml.Sequential(Forgetful())(X), ArgumentError, "forgetful1.forward", "a Tensor",
        "None", "return"),
    "no network": (
        lambda: ml.evaluate(None, X, LABELS, loss="bce"), ArgumentError, "net", "a network",
        "NoneType", "ml.mlp"),
    "a layer for a network": (
        lambda: fit(net=ml.Dense(4, 1)), ArgumentError, "net", "a network", "Dense",
        "ml.Sequential"),
    "no X": (lambda: fit(None), DataError, "X", "numbers", "None", "an array of numbers"),
    "complex X": (lambda: fit(X * 1j), DataError, "X", "numbers", "complex128", ".real"),
    "objects": (
        lambda: fit(y=[print] * 12), DataError, "y", "numbers", "built-in function print",
        "array of numbers"),
    "something missing among objects": (
        lambda: fit(y=[0, None] * 6), DataError, "y", "numbers", "None", "fill in what is missing"),
    "text among objects": (
        lambda: fit(y=np.array([0, "1"] * 6, object)), DataError, "y", "numbers", "'1'",
        "turn text into numbers"),
    "complex numbers among objects": (
        lambda: ml.tanh(np.array([1, 1j], object)), DataError, "tanh", "numbers", "1j", "numbers"),
    "rows of several lengths among objects": (
        lambda: ml.tanh(np.array([[1], [1, 2]], object)), DataError, "tanh", "numbers", "[1]",
        "numbers"),
    "a number beyond float64": (
        lambda: ml.Tensor([1.0]) * 10**400, DataError, "multiply", "numbers", "1000", "numbers"),
    "dates": (
        lambda: fit(np.zeros((12, 4), "datetime64[D]")), DataError, "X", "numbers", "datetime64",
        "Count from the first: (x - x.min()) / np.timedelta64(1, 'D')"),
    "times": (
        lambda: fit(y=np.zeros(12, "timedelta64[s]")), DataError, "y", "numbers", "timedelta64",
        "Divide by a unit: x / np.timedelta64(1, 's')"),
    "fields": (
        lambda: fit(np.zeros(12, "f8, f8, f8, f8")), DataError, "X", "numbers", "'f0'",
        "structured_to_unstructured(x)"),
    "X beyond float32": (
        lambda: fit(X * 1e300), DataError, "X", "3.4e+38", "e+2", "dtype='float64'"),
    "y beyond float32": (
        lambda: fit(y=X[:, 0] * 1e300, loss="mse", output=None), DataError, "y", "float32",
        "e+29", "Scale them"),
    "rows to predict beyond float32": (
        lambda: ml.mlp([4, 1]).predict(X * 1e300), DataError, "predict(X)", "float32", "e+2",
        "Scale them"),
    "one number": (lambda: fit(1.0), ShapeError, "X", "(rows, 4)", "()", "X.reshape(-1, 4)"),
    "one number beyond float32": (
        lambda: fit(1e300), DataError, "X", "3.4e+38", "1e+300", "Scale them"),
    "one target": (lambda: fit(y=1.0), ShapeError, "y", "12 rows", "()", "Check the split"),
    "one target beyond float32": (
        lambda: fit(y=1e300), DataError, "y", "3.4e+38", "1e+300", "Scale them"),
    "one number to predict": (
        lambda: ml.mlp([4, 1]).predict(1.0), ShapeError, "predict(X)", "(rows, features)", "()",
        "predict([x])"),
    "one number to predict beyond float32": (
        lambda: ml.mlp([4, 1]).predict(1e300), DataError, "predict(X)", "3.4e+38", "1e+300",
        "Scale them"),
    "nothing at all": (lambda: fit([], []), DataError, "X", "one row", "none", "loaded"),
    "one row, flat": (
        lambda: fit(X[0], LABELS[:1]), ShapeError, "X", "(rows, 4)", "(4,)", "X.reshape(-1, 4)"),
}  # fmt: skip


LARGE, HALF = 10**30, Fraction(1, 2)
OBJECTS = {
    "a large int": (lambda: ml.Tensor([1.0]) * LARGE, [1e30]),
    "a large int alone": (lambda: ml.relu(2**70), 2.0**70),
    "a fraction": (lambda: HALF * ml.Tensor([3.0]), [1.5]),
    "a matrix of fractions": (lambda: ml.Tensor([3.0]) @ [HALF], 1.5),
    "a large int written": (lambda: written(LARGE), [1e30, 1.0]),
    "a fraction written": (lambda: written(HALF), [0.5, 1.0]),
    "decimals": (lambda: ml.mse([Decimal("1.5")], [Decimal(2)]), 0.25),
    "mixed columns": (lambda: ml.relu(np.array([[True, 2.5], [False, -1]], object)),
                      [[1.0, 2.5], [0.0, 0.0]]),
    "weights": (lambda: ml.mse([1.0, 2.0], [1.0, 4.0], sample_weight=np.array([3, 1], object)),
                1.0),
}  # fmt: skip


@pytest.mark.parametrize("case", OBJECTS)
def test_objects_that_are_numbers_are_taken(case):
    attempt, wanted = OBJECTS[case]
    np.testing.assert_array_equal(np.asarray(attempt()), np.float32(wanted))


def test_a_table_of_mixed_columns_trains_as_its_numbers_do():
    def trained(x, y):
        net = ml.mlp([4, 6, 1], output="sigmoid", seed=0)
        ml.fit(net, x, y, loss="bce", epochs=2)
        return net.predict(x).tolist()

    table = np.column_stack([X.astype(object)[:, :3], LABELS == 1])
    assert table.dtype == object
    assert trained(table, LABELS.astype(object)) == trained(table.astype(float), LABELS)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_data_of_the_networks_dtype_are_read_where_they_lie(dtype):
    rows = X.astype(dtype)
    assert cast_checked("X", rows, rows.dtype) is rows
    assert as_float(rows, rows.dtype) is rows
    assert cast_checked("X", rows.T, rows.dtype).flags.c_contiguous


def test_infinity_itself_is_no_number_beyond_float32():
    with pytest.raises(DataError, match="finite numbers, got inf"):
        fit(np.where(X > 1, np.inf, X))
    assert np.isfinite(ml.mlp([4, 1], dtype="float64").predict(X * 1e300)).all()


def watcher(*methods, bases=(ml.Callback,)):
    return type("Watcher", bases, dict.fromkeys(methods, lambda *_: None))()


SPLIT = {"validation_split": 0.25}
SETTINGS = {
    "a callback alone": (
        lambda: fit(callbacks=Started()), ArgumentError, "callbacks", "a list", "Started object",
        "callbacks=[watcher]"),
    "a function for a callback": (
        lambda: fit(callbacks=[print]), ArgumentError, "callbacks", "Callbacks", "print",
        "ml.Callback"),
    "no callbacks at all": (
        lambda: fit(callbacks=None), ArgumentError, "callbacks", "a list", "None", "callbacks=["),
    "a class for a callback": (
        lambda: fit(callbacks=[Started]), ArgumentError, "callbacks", "Callbacks", "Started",
        "callbacks=[Started()]"),
    "a callback's misspelt method": (
        lambda: fit(callbacks=[watcher("epoch_ended")]), ArgumentError, "Watcher.epoch_ended",
        "on_epoch_end", "never", "Rename it on_epoch_end"),
    "four validation data": (
        lambda: fit(validation_data=(X, LABELS, LABELS, LABELS)), ArgumentError,
        "validation_data", "(X, y, sample_weight), or the two arrays (X, y)", "a tuple of 4",
        "validation_data=(X_validation, y_validation)"),
    "a weight too few for validation": (
        lambda: fit(validation_data=(X, LABELS, LABELS[1:])), ShapeError,
        "validation_data(sample_weight=…)", "(12,)", "(11,)", "each row"),
    "negative weights for validation": (
        lambda: fit(validation_data=(X, LABELS, LABELS - 1)), DomainError,
        "validation_data(sample_weight=…)", "[0, ∞)", "-1 at", "≥ 0"),
    "a class in validation that has no weight": (
        lambda: fit(y=0 * LABELS, class_weight={0: 2.0}, validation_data=(X, LABELS)),
        ArgumentError, "validation_data(class_weight=…)", "every class", "class 1", "Add 1: 1.0"),
    "validation by rows of no weight": (
        lambda: fit(validation_data=(X, LABELS, 0 * LABELS), early_stopping=2), ArgumentError,
        "fit(early_stopping=…)", "above 0", "0 for every row of the validation data", "Give one"),
    "metrics of rows of no weight": (
        lambda: fit(validation_data=(X, LABELS, 0 * LABELS), metrics="accuracy"), ArgumentError,
        "fit(metrics=…)", "above 0", "0 for every row of the validation data", "Give one"),
    "a number for metrics": (
        lambda: fit(metrics=5, **SPLIT), ArgumentError, "metrics", "names", "5", "['accuracy']"),
    "a function for a metric": (
        lambda: fit(metrics=[max], **SPLIT), UnknownNameError, "metrics", "scorer", "max",
        "get_scorer_names"),
    "a metric without weights": (
        lambda: fit(metrics="rand_score", sample_weight=LABELS + 1, **SPLIT), ArgumentError,
        "metrics=['rand_score']", "takes weights", "takes none", "ml.evaluate"),
    "validation data without targets": (
        lambda: fit(validation_data=X), ArgumentError, "validation_data", "(X, y)", "ndarray",
        "validation_split=0.2"),
    "a share of text": (
        lambda: fit(validation_split="a"), ArgumentError, "validation_split", "[0, 1)", "'a'",
        "validation_split=0.2"),
    "a seed of text": (
        lambda: fit(seed="a"), ArgumentError, "seed", "whole number", "'a'", "seed=0"),
    "half a seed": (lambda: fit(seed=0.5), ArgumentError, "seed", "whole", "0.5", "seed=0"),
    "accuracy for short": (
        lambda: fit(metrics="acc", **SPLIT), UnknownNameError, "metrics", "scorer", "'acc'",
        "'accuracy'"),
    "an error for short": (
        lambda: fit(metrics=["mse"], loss="mse", output=None, **SPLIT), UnknownNameError,
        "metrics", "scorer", "'mse'", "'neg_mean_squared_error'"),
}  # fmt: skip


HOOKS = {
    "on_train_begin": "on_training_begin",
    "training_started": "on_training_begin",
    "on_train_batch_end": "on_batch_end",
    "step_ended": "on_batch_end",
    "epoch_end": "on_epoch_end",
    "epoch_ended": "on_epoch_end",  # as it was called in minidl 0.1
    "training_began": "on_training_begin",
    "training_end": "on_training_end",
}


@pytest.mark.parametrize("name", HOOKS)
@pytest.mark.parametrize("base", [ml.Callback, ml.EarlyStopping])
def test_what_other_trainers_call_is_told_its_name_here(name, base, refused):
    with refused(ArgumentError, f"Watcher.{name}", HOOKS[name], "never", f"it {HOOKS[name]}, or"):
        fit(callbacks=[watcher(name, bases=(base,))])


def test_a_callback_as_keras_calls_it_is_refused(refused):
    class Watcher(ml.Callback):
        def on_epoch_end(self, epoch, logs):
            """Takes no network."""

    takes = "takes net, epoch, measured"
    with refused(ArgumentError, "Watcher.on_epoch_end", takes, "(self, epoch, logs)", "def on_"):
        fit(callbacks=[Watcher()])


def test_methods_of_ones_own_pass():
    class Elsewhere:
        def on_train_begin(self, logs):
            """Keras calls it."""

    own = ("training_data", "training_time", "epoch_seconds", "epoch_header", "has_ended", "watch")
    both = watcher("on_train_begin", bases=(ml.Callback, Elsewhere))
    watchers = [watcher(*own), watcher(*own, bases=(ml.EarlyStopping,)), both]
    net = ml.mlp([4, 6, 1], seed=0)
    assert len(ml.fit(net, X, LABELS, loss="mse", epochs=2, callbacks=watchers)["loss"]) == 2


def test_one_metric_needs_no_list():
    net = ml.mlp([4, 6, 1], output="sigmoid", seed=0)
    history = ml.fit(net, X, LABELS, loss="bce", epochs=1, metrics="accuracy", **SPLIT)
    assert set(history) == {"loss", "val_loss", "val_accuracy"}
    assert set(ml.evaluate(net, X, LABELS, loss="bce", metrics="accuracy")) == {"loss", "accuracy"}


@pytest.mark.parametrize("stopping", [1, ml.EarlyStopping(1)], ids=["patience", "callback"])
@pytest.mark.parametrize("settings", [{}, SPLIT], ids=["loss", "val_loss"])
def test_early_stopping_watches_what_there_is(stopping, settings):
    net = ml.mlp([4, 6, 1], seed=0)
    still = ml.Constant(0.0)  # no epoch is better than the first
    history = ml.fit(net, X, X[:, 0], loss="mse", optimizer="sgd", learning_rate=still,
                     shuffle=False, early_stopping=stopping, epochs=9, **settings)  # fmt: skip
    assert history.stopped == "early stopping"
    assert len(history["loss"]) == 2


def numbered(classes):
    return {"y": np.arange(12) % classes, "output": "softmax", "outputs": 3}


def program():
    net = ml.mlp([4, 1], seed=0)
    return ml.record(lambda x, t: ml.mse(t, net(x)), X[:4], X[:4, :1])


def set_aside(share):
    """Weights of the rows that fit keeps for validation; 0 for those it trains on."""
    kept = generator("validation", 0).permutation(len(X))[: round(len(X) * share)]
    return np.isin(np.arange(len(X)), kept).astype(float)


MEANINGLESS = {
    "weights of classes in a list": (
        lambda: fit(class_weight=[1, 2]), ArgumentError, "fit(class_weight=…)", "a mapping",
        "[1, 2]", "class_weight='balanced'"),
    "a class of text": (
        lambda: fit(class_weight={"a": 1}), ArgumentError, "a class of fit(class_weight=…)",
        "a number", "'a'", "Write 0"),
    "a class's weight of text": (
        lambda: fit(class_weight={0: "a", 1: 1}), ArgumentError, "fit(class_weight=…)[0]",
        "[0, ∞)", "'a'", "Write 1.0"),
    "a class's negative weight": (
        lambda: fit(class_weight={0: 1, 1: -1}), ArgumentError, "fit(class_weight=…)[1]",
        "[0, ∞)", "-1", "Write 1.0"),
    "classes of numbers": (
        lambda: fit(y=X[:, 0] + 0.5, loss="mse", output=None, class_weight="balanced"),
        ArgumentError, "fit(class_weight=…)", "whole numbers", "among them", "sample_weight"),
    "weights of nothing": (
        lambda: fit(sample_weight=np.zeros(12)), ArgumentError, "fit", "above 0", "every row",
        "Give one"),
    "weights of nothing that is trained on": (
        lambda: fit(sample_weight=set_aside(0.5), validation_split=0.5), ArgumentError, "fit",
        "above 0", "every row that is trained on", "Give one"),
    "class weights of text": (
        lambda: fit(sample_weight="a"), DataError, "fit(sample_weight=…)", "numbers", "<U1",
        "Turn text"),
    "class numbers with mse": (
        lambda: fit(loss="mse", **numbered(3)), ShapeError, "y under mse", "(12, 3)", "(12,)",
        "np.eye(3)[y_true]"),
    "class numbers with bce": (
        lambda: fit(**numbered(3)), ShapeError, "y under binary_crossentropy", "(12, 3)",
        "(12,)", "categorical_crossentropy"),
    "three classes for a sigmoid": (
        lambda: fit(y=np.arange(12) % 3), DomainError, "y under binary_crossentropy", "[0, 1]",
        "2 at", "categorical_crossentropy on a softmax"),
    "no loss": (
        lambda: fit(loss=None), DtypeError, "loss", "the name of a loss", "None", "@ml.loss"),
    "a function for a loss": (
        lambda: fit(loss=print), DtypeError, "loss", "the name of a loss", "print", "@ml.loss"),
    "a program with fewer targets": (
        lambda: program().run(X, X[:3, :1]), ShapeError, "program", "12 rows", "3", "the split"),
    "a program with flat targets": (
        lambda: program().run(X, X[:, 0]), ShapeError, "program", "(rows, 1)", "(12,)",
        "recorded with"),
    "a program with one number": (
        lambda: program().run(1.0, 1.0), ShapeError, "program", "(rows, 4)", "()",
        "recorded with"),
    "a program with numbers beyond float32": (
        lambda: program().run(X * 1e300, X[:, :1]), DataError, "program", "3.4e+38", "e+2",
        "Scale them"),
    "a program with text": (
        lambda: program().run(X, "a"), DataError, "program", "numbers", "<U1", "Turn text"),
}  # fmt: skip


SLIPS = NUMBERS | SETTINGS | MEANINGLESS


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_is_refused(slip, refused):
    attempt, kind, *parts = SLIPS[slip]
    with refused(kind, *parts):
        attempt()


def test_a_weight_of_0_for_every_row_of_the_validation_is_fine():
    net = ml.mlp([4, 6, 1], output="sigmoid", seed=0)
    weights = 1 - set_aside(0.5)
    ml.fit(net, X, LABELS, loss="bce", epochs=1, sample_weight=weights, validation_split=0.5)


def test_truth_values_are_classes_too():
    def trained(weights):
        net = ml.mlp([4, 6, 1], output="sigmoid", seed=0)
        ml.fit(net, X, LABELS, loss="bce", epochs=2, class_weight=weights)
        return net.block.values.tolist()

    assert trained({False: 1, True: 5}) == trained({0: 1.0, 1: 5.0})
