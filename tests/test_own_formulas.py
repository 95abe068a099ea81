"""Activations and losses of one's own that cannot work are refused in a few lines."""

import numpy as np
import pytest
from scipy.special import erf

import minidl as ml
from minidl.core.errors import ArgumentError
from minidl.kernels.jit import JIT, scalar

X = np.linspace(-1.0, 1.0, 12).reshape(6, 2)


def doubled(x):
    return 2.0 * x


def imports(x):
    from math import exp

    return exp(x)


def opens(x):
    with open("weights") as file:
        return file


FORMULAS = {
    "a helper": (lambda x: doubled(x), "'doubled'"),
    "scipy": (lambda x: erf(x), "'erf'"),
    "no such name": (lambda x: nothing(x), "'nothing'"),  # noqa: F821
    "a method": (lambda x: x.clip(0.0), "'clip'"),
    "an import": (imports, "IMPORT_NAME"),
    "float16": (lambda x: np.float16(x), "float16"),
    "a file": (opens, "construct is not supported. Use"),
    "text added": (lambda x: x + "a", "built-in function add"),
}


NUMBERLESS = {
    "a forgotten return": lambda x: None,
    "text": lambda x: "a",
    "a complex number": lambda x: x * 1j,
    "a dict": lambda x: {"a": x},
    "two numbers": lambda x: (x, x),
    "an array": lambda x: np.array([x]),
}


def own(value, slope=lambda x: 1.0):
    parts = {"value": staticmethod(value), "slope": staticmethod(slope), "name": "own"}
    return type("Own", (ml.ActivationFunction,), parts)()


@pytest.mark.skipif(not JIT, reason="it runs as Python then")
@pytest.mark.parametrize("record", [True, False])
@pytest.mark.parametrize("case", FORMULAS)
def test_what_numba_cannot_compile_is_said_in_a_line_and_said_again(case, record):
    value, name = FORMULAS[case]
    net = ml.mlp([2, 3, 1], hidden=own(value), seed=0)
    for _ in range(2):
        with pytest.raises(ArgumentError) as caught:
            ml.fit(net, X, X[:, 0], loss="mse", epochs=1, record=record)
        error = caught.value
        assert error.culprit == "own_forward"
        assert name in str(error)
        assert "@minidl.kernels.jit.scalar" in error.remedy
        assert error.__suppress_context__, "numba's hundred lines are not shown"
        assert len(str(error).splitlines()) == 1


@pytest.mark.skipif(not JIT, reason="it runs as Python then")
@pytest.mark.parametrize("case", NUMBERLESS)
def test_a_formula_that_returns_no_number_is_told_so(case, refused):
    formula = NUMBERLESS[case]
    culprits = {"own_forward": own(formula), "own_slope_backward": own(lambda x: x, formula)}
    for culprit, hidden in culprits.items():
        with refused(ArgumentError, culprit, "returns a number", "something else", "End it in"):
            ml.fit(ml.mlp([2, 3, 1], hidden=hidden), X, X[:, 0], loss="mse", epochs=1)


@pytest.mark.skipif(not JIT, reason="it runs as Python then")
@pytest.mark.parametrize("forgotten", ["value", "slope"])
def test_a_loss_that_returns_no_number_is_told_so(forgotten, refused):
    formulas = dict.fromkeys(("value", "slope"), lambda t, p: p - t)
    formulas[forgotten] = lambda t, p: None
    parts = {name: staticmethod(formula) for name, formula in formulas.items()}
    own_loss = type("Own", (ml.Loss,), {"name": "own", **parts})()
    with refused(ArgumentError, "own_loss", "returns a number", "something else", "End it in"):
        own_loss([1.0], [2.0])


@pytest.mark.skipif(not JIT, reason="it runs as Python then")
def test_a_loss_that_numba_cannot_compile_is_named():
    class Own(ml.Loss):
        name = "own"
        value = staticmethod(lambda t, p: doubled(p - t))
        slope = staticmethod(lambda t, p: 2.0)

    with pytest.raises(ArgumentError, match=r"own_loss: .*'doubled'.*jit\.scalar"):
        ml.fit(ml.mlp([2, 1], seed=0), X, X[:, 0], loss=Own(), epochs=1)


def test_the_remedy_helps():
    compiled = scalar(doubled)
    assert own(lambda x: compiled(x))([1.0, 3.0]).tolist() == [2.0, 6.0]


class Plain:
    name = "plain"


class QuarticLoss:
    name = "quartic"


class Half(ml.ActivationFunction):
    name = "half"
    value = staticmethod(lambda x: 0.5 * x)


class Borrowed(ml.ActivationFunction):
    name = "borrowed"
    value = staticmethod(np.tanh)
    slope = staticmethod(lambda x: 1.0)


class HalfLoss(ml.Loss):
    name = "half_loss"
    value = staticmethod(lambda t, p: p - t)


REFUSED = {
    "a plain class": (lambda: ml.activation(Plain), "@ml.activation", "class Plain", "Function)"),
    "a function": (lambda: ml.activation(doubled), "@ml.activation", "function doubled",
                   "class Doubled(ml.ActivationFunction)"),
    "a lambda": (lambda: ml.activation(lambda x: x), "@ml.activation", "function <lambda>",
                 "class Mine(ml.ActivationFunction)"),
    "a number": (lambda: ml.loss(2), "@ml.loss", "a int 2", "class Mine(ml.Loss)"),
    "a plain class for a loss": (lambda: ml.loss(QuarticLoss), "@ml.loss", "class QuarticLoss",
                                 "class QuarticLoss(ml.Loss)"),
    "no slope": (lambda: ml.activation(Half), "half.slope", "none", "def slope"),
    "a loss without slope": (lambda: ml.loss(HalfLoss), "half_loss.slope", "none", "def slope"),
    "numpy's tanh": (lambda: ml.activation(Borrowed), "borrowed.value", "tanh", "def value"),
    "relu out": (lambda: ml.activations.unregister("relu"), "'relu'", "minidl's", "another name"),
    "swish out": (lambda: ml.activations.unregister("swish"), "'swish'", "minidl's", "another"),
    "mse out": (lambda: ml.losses.unregister("mse"), "'mse'", "minidl's", "another name"),
    "adam out": (lambda: ml.optimizers.unregister("adam"), "'adam'", "minidl's", "another name"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_registered_or_taken_out_is_refused(case):
    attempt, culprit, got, remedy = REFUSED[case]
    before = [registry.names() for registry in (ml.activations, ml.losses, ml.optimizers)]
    with pytest.raises(ArgumentError) as caught:
        attempt()
    assert culprit in caught.value.culprit
    assert got in caught.value.got
    assert remedy in caught.value.remedy
    assert before == [registry.names() for registry in (ml.activations, ml.losses, ml.optimizers)]


@pytest.mark.parametrize(
    ("former", "now"), [("wide", "compute_in_float64"), ("saves", "saved_for_backward")]
)
@pytest.mark.parametrize("base", [ml.ActivationFunction, ml.Loss])
def test_a_name_of_before_is_refused_instead_of_being_passed_over(base, former, now, refused):
    with refused(ArgumentError, f"Mine.{former}", now, "before", f"Write {now}"):
        type("Mine", (base,), {former: True})


@pytest.mark.parametrize(
    ("base", "former"), [(ml.Layer, "begin"), (ml.Layer, "rename"), (ml.Optimizer, "clip")]
)
def test_a_method_that_is_no_longer_called_is_refused(base, former, refused):
    with refused(ArgumentError, f"Mine.{former}", f"_{former}", "before", f"Write _{former}"):
        type("Mine", (base,), {former: lambda self, *_: None})
