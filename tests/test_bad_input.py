"""What nobody should train on: each clause names its culprit, before any training.

One case for each clause, in the words of the specification; what else is refused, and in what
other ways the same mistakes can be made, is tested beside what refuses it.
"""

import numpy as np
import pytest

import minidl as ml
from minidl.core.errors import (
    ArgumentError,
    DataError,
    DomainError,
    DtypeError,
    FileError,
    GradientError,
    ShapeError,
    UnknownNameError,
)
from minidl.nn.initialization import initializers
from minidl.pairing import Study, run
from minidl.pairing.execution import workers

X = np.random.default_rng(0).normal(size=(8, 3))
Y = np.arange(8) % 2


class Started(ml.Callback):
    """Nothing may be trained before bad input is refused."""

    def on_training_begin(self, net, curves=()):
        pytest.fail("training began")


def fit(output, outputs, y, loss, x=X, **settings):
    net = ml.mlp([3, 4, outputs], output=output, seed=0)
    ml.fit(net, x, y, loss=loss, epochs=1, callbacks=[Started()], **settings)


def csv(folder, content):
    (folder / "t.csv").write_text(content, encoding="utf-8")
    return folder / "t.csv"


def pair_into_a_file(folder):
    (folder / "file").write_text("in the way", encoding="utf-8")
    study = Study(datasets=["iris"], hidden=["relu"], heads=["softmax+cce"], learning_rates=[0.01])
    run(study, folder / "file" / "study.sqlite", workers=1, verbose=False)


GAP = np.where(X > 1, np.nan, X)

CLAUSES = {
    "(n,) against (n, 1)": (
        lambda _: ml.mse(np.zeros(4), np.zeros((4, 1))),
        ShapeError, "mse(y_true=…)", "(4, 1)", "(4,)", "Write y_true.reshape(-1, 1)"),
    "widths that do not meet": (
        lambda _: ml.Sequential(ml.Dense(3, 8), ml.Dense(9, 1)),
        ShapeError, "dense2", "8 inputs, as dense1 has 8 outputs", "in_features=9",
        "Write Dense(8, 1)"),
    "features that do not meet the network": (
        lambda _: fit(None, 1, Y, "mse", x=X[:, :2]),
        ShapeError, "X", "3 features", "(8, 2)", "ml.mlp([2, …])"),
    "{0,1} into hinge": (
        lambda _: fit(None, 1, Y, "hinge"),
        DomainError, "y under hinge", "{−1, 1}", "0 at (0, 0)", "write 2 * y - 1"),
    "{−1,1} into BCE": (
        lambda _: fit("sigmoid", 1, 2 * Y - 1, "bce"),
        DomainError, "y under binary_crossentropy", "[0, 1]", "-1 at (0, 0)", "(y + 1) / 2"),
    "0..255 into BCE": (
        lambda _: fit("sigmoid", 1, 255 * Y, "bce"),
        DomainError, "y under binary_crossentropy", "[0, 1]", "255 at (1, 0)", "255 by 255"),
    "1-based class numbers": (
        lambda _: fit("softmax", 2, Y + 1, "cce"),
        DomainError, "y under categorical_crossentropy", "from 0 to 1", "2 in row 1",
        "Number the classes from 0"),
    "negative class numbers": (
        lambda _: fit("softmax", 2, Y - 1, "cce"),
        DomainError, "y under categorical_crossentropy", "from 0 to 1", "-1 in row 0",
        "LabelEncoder"),
    "one-hot where the width disagrees": (
        lambda _: fit("softmax", 2, np.eye(3)[Y], "cce"),
        ShapeError, "y under categorical_crossentropy", "(8, 2) rows", "(8, 3)", "2 columns"),
    "labels for validation": (
        lambda _: fit("sigmoid", 1, Y, "bce", validation_data=(X, 2 * Y - 1)),
        DomainError, "validation y under binary_crossentropy", "[0, 1]", "-1 at (0, 0)",
        "(y + 1) / 2"),
    "softmax over one unit": (
        lambda _: ml.mlp([3, 4, 1], output="softmax"),
        ShapeError, "softmax", "at least two units", "(1, 1)", "write 'sigmoid'"),
    "sigmoid output, from_logits=True": (
        lambda _: fit("sigmoid", 1, Y, "bce", from_logits=True),
        ArgumentError, "binary_crossentropy(from_logits=True)", "before the activation",
        "output of sigmoid", "Leave from_logits out"),
    "softmax output, from_logits=True": (
        lambda _: fit("softmax", 2, Y, "cce", from_logits=True),
        ArgumentError, "categorical_crossentropy(from_logits=True)", "before the activation",
        "output of softmax", "Leave from_logits out"),
    "raw outputs where probabilities are wanted": (
        lambda _: fit(None, 1, Y, "bce"),
        DomainError, "dense2 under binary_crossentropy", "[0, 1]", "linear, which gives all reals",
        "output='sigmoid', or from_logits=True"),
    "raw outputs where rates are wanted": (
        lambda _: fit(None, 1, Y, "poisson"),
        DomainError, "dense2 under poisson", "[0, ∞)", "linear, which gives all reals",
        "output='softplus', or from_logits=True"),
    "rows where distributions are wanted": (
        lambda _: fit("sigmoid", 2, Y, "cce"),
        DomainError, "dense2 under categorical_crossentropy", "sum to 1", "sigmoid, whose rows do",
        "output='softmax'"),
    "swapped y_true and y_pred": (
        lambda _: ml.mse(ml.mlp([3, 1])(X), np.zeros((8, 1))),
        GradientError, "mse(y_true=…)", "targets", "requires one",
        "The order is mse(y_true, y_pred): swap the two"),
    "NaN in data": (
        lambda _: fit("sigmoid", 1, Y, "bce", x=GAP),
        DataError, "X", "finite", "nan in row", "Leave such rows out"),
    "inf in data": (
        lambda _: fit(None, 1, np.where(Y, np.inf, 0), "mse"),
        DataError, "y", "finite", "inf in row 1", "Leave such rows out"),
    "empty data": (
        lambda _: fit(None, 1, Y[:0], "mse", x=X[:0]),
        DataError, "X", "at least one row", "none", "Check how it was loaded"),
    "empty batch": (
        lambda _: ml.mse(np.zeros((0, 1)), ml.mlp([3, 1])(X[:0])),
        ShapeError, "mse(y_pred=…)", "at least one row", "(0, 1)", "Leave it out"),
    "integers that ask for a gradient": (
        lambda _: ml.Tensor([1, 2], requires_grad=True),
        DtypeError, "Tensor(requires_grad=True)", "float32 or float64", "int64",
        "Write dtype='float32'"),
    "a Tensor of another dtype": (
        lambda _: ml.Tensor([1.0], dtype="float32") + ml.Tensor([1.0], dtype="float64"),
        DtypeError, "add", "one dtype", "float32 and float64", "Tensor(x, dtype='float32')"),
    "an unknown activation": (
        lambda _: ml.mlp([3, 4, 1], hidden="leaky_rel"),
        UnknownNameError, "activation", "relu, leaky_relu", "'leaky_rel'",
        "Did you mean 'leaky_relu'?"),
    "a CSV without the column": (
        lambda folder: ml.data.load_csv(csv(folder, "age,sold\n1,0\n2,1\n"), "solt"),
        UnknownNameError, "target column of", "one of age, sold", "'solt'",
        "Did you mean 'sold'?"),
    "text in a CSV": (
        lambda folder: ml.data.load_csv(csv(folder, "age,sold\n1,0\nold,1\n"), "sold"),
        DataError, "t.csv, line 3, column 'age'", "a number", "'old'", "Replace text by numbers"),
    "a gap in a CSV": (
        lambda folder: ml.data.load_csv(csv(folder, "age,sold\n1,0\n,1\n"), "sold"),
        DataError, "t.csv, line 3, column 'age'", "a value", "a gap", "Fill it in"),
    "an unwritable results folder": (
        pair_into_a_file,
        FileError, "study.sqlite", "in a folder", "which is a file", "`minidl pair --out DIR`"),
}  # fmt: skip


@pytest.mark.parametrize("clause", CLAUSES)
def test_each_clause_is_refused(clause, tmp_path, refused, monkeypatch):
    attempt, kind, *parts = CLAUSES[clause]
    monkeypatch.setattr(workers, "perform", lambda *_: pytest.fail("trained"))
    with refused(kind, *parts):
        attempt(tmp_path)


@pytest.mark.parametrize(
    "registry",
    [ml.activations, ml.losses, ml.optimizers, initializers, ml.data.datasets],
    ids=lambda registry: registry.kind,
)
def test_every_kind_of_name_is_asked_back(registry, refused):
    known = registry.names()[1]
    with refused(UnknownNameError, registry.kind, known, f"'{known}x'", f"Did you mean '{known}'?"):
        registry[f"{known}x"]
