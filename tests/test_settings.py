"""Settings that make no sense are refused where they are given."""

import numpy as np
import pytest

import minidl as ml
from minidl.core.errors import ArgumentError, DataError, DtypeError, ShapeError
from minidl.optim.update_rules import get_optimizer

NET = ml.mlp([3, 4, 1], seed=0)
P = NET.parameters()

REFUSED = {
    "beta of one": (ArgumentError, "[0, 1)", "1.0", lambda: ml.Adam(P, beta1=1.0)),
    "beta of five": (ArgumentError, "[0, 1)", "5", lambda: ml.Adam(P, beta2=5)),
    "rho of one": (ArgumentError, "[0, 1)", "1", lambda: ml.RMSprop(P, rho=1)),
    "negative limit": (ArgumentError, "(0, ∞)", "-1", lambda: ml.SGD(P, clip_value=-1)),
    "text for a norm": (ArgumentError, "(0, ∞)", "'a'", lambda: ml.SGD(P, clip_norm="a")),
    "list of rates": (ArgumentError, "[0, ∞)", "[1]", lambda: ml.SGD(P, [1])),
    "negative rate": (ArgumentError, "[0, ∞)", "-1", lambda: ml.SGD(P, learning_rate=-1)),
    "rate later on": (ArgumentError, "[0, ∞)", "nan", lambda: setattr(
        ml.SGD(P), "learning_rate", float("nan"))),
    "nesterov alone": (ArgumentError, "momentum", "none", lambda: ml.SGD(P, nesterov=True)),
    "nesterov of text": (ArgumentError, "True or False", "'no'", lambda: ml.SGD(
        P, momentum=0.9, nesterov="no")),
    "network for parameters": (ArgumentError, "Tensors", "Dense", lambda: ml.Adam(NET)),
    "one tensor": (ArgumentError, "a list", "Tensor", lambda: ml.Adam(P[0])),
    "parameter twice": (ArgumentError, "every parameter once", "again", lambda: ml.SGD(
        [P[0], P[0]])),
    "two dtypes": (DtypeError, "one dtype", "float64", lambda: ml.SGD(
        [P[0], *ml.mlp([2, 1], dtype="float64").parameters()])),
    "number for an optimizer": (ArgumentError, "a name", "3", lambda: get_optimizer(3, P)),
    "another network's optimizer": (ArgumentError, "this network", "others", lambda: ml.fit(
        NET, np.ones((4, 3)), np.ones(4), loss="mse",
        optimizer=ml.Adam(ml.mlp([3, 1]).parameters()))),
    "cosine of no steps": (ArgumentError, "at least 1", "0", lambda: ml.Cosine(0.1, steps=0)),
    "decay after nothing": (ArgumentError, "at least 1", "0", lambda: ml.StepDecay(0.1, every=0)),
    "negative constant": (ArgumentError, "[0, ∞)", "-0.1", lambda: ml.Constant(-0.1)),
    "warm up to text": (ArgumentError, "[0, ∞)", "'a'", lambda: ml.WarmUp("a", 3)),
    "half an epoch of patience": (ArgumentError, "whole number", "1.5", lambda: ml.EarlyStopping(
        1.5)),
    "patience: yes": (ArgumentError, "whole number", "True", lambda: ml.EarlyStopping(True)),
    "half a unit": (ArgumentError, "whole number", "16.0", lambda: ml.Dense(2, 16.0)),
    "text for a width": (ArgumentError, "whole number", "'a'", lambda: ml.Dense("a", 1)),
    "dtype": (ArgumentError, "'float32' or 'float64'", "'flot'", lambda: ml.Dense(
        2, 1, dtype="flot")),
    "numpy's function": (ArgumentError, "activation", "tanh", lambda: ml.Dense(
        2, 1, activation=np.tanh)),
    "a class for a layer": (ArgumentError, "layers", "Dense", lambda: ml.Sequential(ml.Dense)),
    "a number for a layer": (ArgumentError, "layers", "3", lambda: ml.Sequential(3)),
    "nothing for a layer": (ArgumentError, "at least one", "none", lambda: ml.Sequential([])),
    "negative seed": (ArgumentError, "at least 0", "-1", lambda: ml.mlp([2, 1], seed=-1)),
    "one number for widths": (ArgumentError, "inputs and outputs", "3", lambda: ml.mlp(3)),
    "dropout of everything": (ArgumentError, "[0, 1)", "1", lambda: ml.Dropout(1.0)),
    "widths": (ShapeError, "8 inputs", "in_features=9", lambda: ml.Sequential(
        ml.Dense(3, 8), ml.Dense(9, 1))),
    "softmax over one unit": (ShapeError, "at least two", "(1, 1)", lambda: ml.Dense(
        3, 1, "softmax")),
    "ragged rows": (DataError, "one length", "several", lambda: NET.predict([[1, 2, 3], [1]])),
    "text": (DataError, "numbers", "<U1", lambda: NET.predict([["a", "b", "c"]])),
    "one row flat": (ShapeError, "(rows, features)", "(3,)", lambda: NET.predict([1, 2, 3])),
    "no batch": (ArgumentError, "at least 1", "0", lambda: NET.predict(np.ones((1, 3)), 0)),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_senseless_settings_are_refused_with_a_remedy(case):
    kind, expected, got, attempt = REFUSED[case]
    with pytest.raises(kind) as caught:
        attempt()
    error = caught.value
    assert expected in error.expected
    assert got in error.got
    assert error.culprit
    assert error.remedy.endswith((".", "?"))


def test_a_number_is_a_schedule():
    assert ml.WarmUp(0.1, 2).after == ml.Constant(0.1)
    assert type(ml.SGD(P, np.float32(0.5)).learning_rate) is float


FOREIGN = {
    "lr": (lambda: ml.Adam(P, lr=0.01), "Write learning_rate=…."),
    "eta0": (lambda: ml.SGD(P, eta0=0.01), "Write learning_rate=…."),
    "betas": (lambda: ml.Adam(P, betas=(0.9, 0.99)), "Write beta1=… and beta2=…."),
    "eps": (lambda: ml.Adam(P, eps=1e-7), "Write epsilon=…."),
    "alpha": (lambda: ml.RMSprop(P, alpha=0.9), "Write rho=…."),
    "wieght_decay": (lambda: ml.AdamW(P, wieght_decay=0.1), "Did you mean 'weight_decay'?"),
    "clipnorm": (lambda: ml.SGD(P, clipnorm=1.0), "Did you mean 'clip_norm'?"),
    "negative_slope": (lambda: ml.leaky_relu(negative_slope=0.2), "Write alpha=…."),
    "amsgrad": (lambda: ml.Adam(P, amsgrad=True), "or leave it out."),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_setting_by_another_name_is_told_its_own(name):
    attempt, remedy = FOREIGN[name]
    with pytest.raises(ArgumentError) as caught:
        attempt()
    assert caught.value.got == repr(name)
    assert caught.value.remedy.endswith(remedy)


def test_a_setting_is_no_attribute():
    """It would be taken, and do nothing."""
    optimizer = ml.SGD(ml.mlp([1, 1]).parameters())
    for name, meant in (("momentum", "momentum"), ("weight_decay", "weight_decay"), ("lr", None)):
        if meant is not None:
            with pytest.raises(ArgumentError, match=rf"settings\['{meant}'\]"):
                setattr(optimizer, name, 0.9)
    with pytest.raises(ArgumentError, match=r"Write huber\(delta=0.1\)"):
        ml.huber(delta=2.0).delta = 0.1


def test_a_parameter_changed_in_place():
    w = ml.Tensor([1.0, 2.0], requires_grad=True)
    same = w
    with pytest.raises(ArgumentError, match=r"no_grad\(\), or p\.data"):
        w -= 0.5
    with ml.no_grad():
        w -= 0.5
        w *= 2.0
    assert w is same
    assert w.numpy().tolist() == [1.0, 3.0]
    y = w * 1.0
    y += 1.0
    assert y.requires_grad
    assert y is not w


def test_forward_takes_a_batch_and_whether_it_trains():
    with pytest.raises(ArgumentError, match=r"def forward\(self, x, training\)"):

        class Torchlike(ml.Layer):
            def forward(self, x):
                return x
