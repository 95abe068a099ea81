"""Names of one's own: looked at where they are given, and taken over by a class defined again."""

import json
import subprocess
import sys

import numpy as np
import pytest

import minidl as ml
from minidl.core.errors import ArgumentError
from minidl.optim.update_rules import optimizer

BAD = {
    "a slash": "my/act",
    "a newline": "my\nact",
    "a newline at the end": "act\n",
    "a null": "my\0act",
    "a space": "my act",
    "a dash": "my-act",
    "a plus, as heads have": "my+act",
    "a digit first": "2act",
    "300 letters": "a" * 300,
    "41 letters": "a" * 41,
    "up": "..",
    "Greek": "σ",
    "a number": 3,
}
X = np.linspace(-1.0, 1.0, 8).reshape(4, 2)


def parts(name, factor=2.0, **facts):
    def value(x):
        return factor * x

    def slope(x):
        return factor

    return {"name": name, "value": staticmethod(value), "slope": staticmethod(slope), **facts}


def activation(name, factor=2.0, cls="Mine", **facts):
    return type(cls, (ml.ActivationFunction,), parts(name, factor, **facts))


def loss(name, **facts):
    error, slope = staticmethod(lambda t, p: p - t), staticmethod(lambda t, p: 1.0)
    return type("Mine", (ml.Loss,), {"name": name, "value": error, "slope": slope, **facts})


class Plain(ml.Optimizer):
    """Step against the gradient."""

    defaults = {"learning_rate": 0.1}

    def constants(self):
        return []


@pytest.mark.parametrize("make", [activation, loss])
@pytest.mark.parametrize("case", BAD)
def test_a_class_with_a_name_that_will_not_do_is_refused_before_anybody_uses_it(case, make):
    with pytest.raises(ArgumentError) as caught:
        make(BAD[case])
    error = caught.value
    assert error.culprit == "Mine.name"
    assert "at most 40 letters, digits and _" in error.expected
    assert error.got.startswith(repr(BAD[case])[:10])
    assert len(str(error)) < 250
    proposed = error.remedy.split("'")[1]
    make(proposed)


@pytest.mark.parametrize("case", BAD)
def test_optimizers_and_aliases_are_looked_at_when_they_are_registered(case, refused):
    names, shown = ml.optimizers.names(), repr(BAD[case])[:10]
    with refused(ArgumentError, "optimizer Odd", "letters, digits and _", shown, "Write '"):
        optimizer(type("Odd", (Plain,), {"name": BAD[case]}))
    assert ml.optimizers.names() == names
    with refused(ArgumentError, "activation Mine", "letters, digits and _", shown, "Write '"):
        ml.activation(activation("mine", aliases=("own", BAD[case])))
    assert "mine" not in ml.activations
    assert "own" not in ml.activations


def test_one_alias_that_is_no_tuple_is_not_taken_for_letters(refused):
    with refused(ArgumentError, "aliases", "a tuple", "'own'", "aliases = ('own',)"):
        ml.activation(activation("mine", aliases="own"))


def test_an_optimizer_without_a_name_is_named_by_its_class(refused):
    with refused(ArgumentError, "optimizer Odd", "a name", "none", "name = 'odd'"):
        optimizer(type("Odd", (Plain,), {}))


def test_the_longest_name_and_class_names_of_any_length_train(tmp_path):
    """The names of kernels become file names, which end at 255 bytes."""
    nameless = activation("", cls="N" * 300)
    for own in (activation("a" * 40), nameless):
        net = ml.mlp([2, 3, 1], hidden=own(), seed=0)
        assert np.isfinite(ml.fit(net, X, X[:, 0], loss="mse", epochs=1)["loss"]).all()


def test_a_class_defined_again_takes_its_place():
    try:
        ml.activation(activation("again", 2.0, aliases=("again_too", "gone")))
        old = ml.mlp([2, 2, 1], hidden="again", seed=0)
        before = old.predict(X)
        ml.activation(activation("again", 3.0, aliases=("again_too", "new")))
        assert ml.activations["again"](1.0) == ml.activations["again_too"](1.0) == 3.0
        assert ml.activations["new"](1.0) == 3.0
        assert "gone" not in ml.activations
        assert ml.activations.names().count("again") == 1
        np.testing.assert_array_equal(old.predict(X), before)  # it has the formula it was made with
        assert not np.array_equal(ml.mlp([2, 2, 1], hidden="again", seed=0).predict(X), before)
    finally:
        ml.activations.unregister("again")
    assert "new" not in ml.activations


def test_losses_and_optimizers_are_replaced_as_well():
    try:
        for _ in range(2):
            ml.loss(loss("mine"))
            optimizer(type("Odd", (Plain,), {"name": "odd", "aliases": ("odder",)}))
        latest = type("Odd", (Plain,), {"name": "odd"})
        optimizer(latest)
        assert ml.optimizers["odd"].cls is latest
        assert "odder" not in ml.optimizers
    finally:
        ml.losses.unregister("mine")
        ml.optimizers.unregister("odd")


def test_what_is_another_classs_or_minidls_stays(refused):
    try:
        ml.activation(activation("mine", aliases=("own",)))
        with refused(ArgumentError, "'own'", "of its own", "'mine' has", "unregister('own')"):
            ml.activation(activation("yours", aliases=("own",), cls="Yours"))
        with refused(ArgumentError, "'swish'", "of its own", "'silu' has", "another name."):
            ml.activation(activation("mine", aliases=("swish",)))
        assert ml.activations["own"](1.0) == 2.0, "a refusal takes nothing away"
        posing = activation("relu", cls="ReLU", __module__="minidl.nn.activation_functions")
        with refused(ArgumentError, "'relu'", "of its own", "'relu' has", "another name."):
            ml.activation(posing)
        assert "yours" not in ml.activations
    finally:
        ml.activations.unregister("mine")
    assert ml.optimizers.names() == ["sgd", "adam", "adamw", "rmsprop"]


def test_one_class_statement_may_register_many_names():
    """In a loop: the same qualified name, but another name in the registry."""
    try:
        for factor in (2.0, 3.0):
            ml.activation(activation(f"times_{factor:.0f}", factor))
        assert ml.activations["times_2"](1.0) == 2.0
        assert ml.activations["times_3"](1.0) == 3.0
    finally:
        ml.activations.unregister("times_2")
        ml.activations.unregister("times_3")


def test_a_network_is_saved_after_its_class_was_defined_again_if_the_formula_is_the_same(tmp_path):
    path = tmp_path / "net.safetensors"
    try:
        ml.activation(activation("again", 2.0))
        net = ml.mlp([2, 2, 1], hidden="again", seed=0)
        ml.activation(activation("again", 2.0))
        net.save(path)
        np.testing.assert_array_equal(ml.load(path).predict(X), net.predict(X))
        ml.activation(activation("again", 3.0))
        with pytest.raises(ArgumentError, match="another formula was registered since"):
            net.save(path)
        assert ml.load(path)  # the earlier file is whole
    finally:
        ml.activations.unregister("again")


CELL = """
import minidl as ml
@ml.activation
class Bump(ml.ActivationFunction):
    name = "bump"
    aliases = ("hump",)
    value = staticmethod(lambda x: FACTOR * x)
    slope = staticmethod(lambda x: FACTOR)
"""


def test_a_cell_of_a_notebook_is_run_twice():
    """In ``__main__``, where the class of each run has the same module and name."""
    cells = [CELL.replace("FACTOR", factor) for factor in ("2.0", "5.0")]
    code = f"""
for cell in {cells!r}:
    exec(cell)
import json
print(json.dumps([float(ml.activations[name](1.0)) for name in ("bump", "hump")]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [5.0, 5.0]
