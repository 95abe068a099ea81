"""Layers of one's own in files: kind, config and parameters; never less, and never code."""

import pickle

import numpy as np
import pytest

import minidl as ml
from minidl.core import ArgumentError, FileError
from minidl.nn import layer_kinds

X = np.random.default_rng(0).normal(size=(24, 3))
Y = X.sum(axis=1)


@ml.layer
class Shortcut(ml.Layer):
    keeps_width = True

    def __init__(self, width, activation="tanh", dtype="float32"):
        self.inner = ml.Dense(width, width, activation, dtype=dtype)
        self.scale = ml.Tensor([0.1], requires_grad=True, dtype=dtype)

    def config(self):
        inner = self.inner
        return {
            "width": inner.in_features,
            "activation": inner.function.name,
            "dtype": str(inner.weight.dtype),
        }

    def forward(self, x, training):
        return x + self.scale * self.inner(x)


@ml.layer
class Centred(ml.Layer):
    """Takes away a running mean, which is a number that is not learned."""

    keeps_width = True

    def __init__(self, mean):
        self.mean = np.array(mean, np.float64)

    def config(self):
        return {"mean": self.mean.tolist()}

    def forward(self, x, training):
        return x - self.mean


@ml.layer
class Doubled(ml.Layer):
    keeps_width = True

    def forward(self, x, training):
        return x * 2.0


def network(dtype="float32"):
    shared = Shortcut(4, "prelu", dtype)
    first = ml.Dense(3, 4, dtype=dtype)
    return ml.Sequential(
        Centred([0.5, 0.0, -1.0]), first, shared, Shortcut(4, dtype=dtype), shared, Doubled(),
        ml.Dense(4, 3, weight=first.weight.T), ml.Dense(3, 1, dtype=dtype), seed=3,
    )  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_training_goes_on_bit_for_bit(tmp_path, dtype):
    net = network(dtype)
    net[3].inner.trainable = False
    net.fit(X, Y, loss="mse", epochs=2)
    net.save(tmp_path / "net")
    loaded = ml.load(tmp_path / "net")
    assert [type(layer) for layer in loaded] == [type(layer) for layer in net]
    assert loaded[4] is loaded[2]
    assert {p.name: p.is_frozen for p in loaded.parameters()} == {
        p.name: p.is_frozen for p in net.parameters()
    }
    assert loaded.parameters()[2].name == "shortcut1.inner.weight"
    for each in (net, loaded, pickle.loads(pickle.dumps(loaded))):
        each.fit(X, Y, loss="mse", epochs=2, optimizer=each.optimizer)
        np.testing.assert_array_equal(each.block.values, net.block.values)
        np.testing.assert_array_equal(each.predict(X), net.predict(X))


def unregistered(kind):
    return type(kind.title(), (Doubled,), {"kind": kind})


def test_a_kind_that_nobody_registered_is_named(tmp_path, refused):
    cls = ml.layer(unregistered("passing"))
    ml.Sequential(ml.Dense(3, 1), cls()).save(tmp_path / "net")
    layer_kinds.unregister("passing")
    with refused(FileError, "net", "shortcut", "'passing'", "Import the module that registers it"):
        ml.load(tmp_path / "net")
    with refused(ArgumentError, "save: passing1", "registered", "a Passing", "@ml.layer above"):
        ml.Sequential(ml.Dense(3, 1), cls()).save(tmp_path / "again")


def test_a_class_that_is_written_again_replaces_the_one_before(tmp_path, refused):
    before, after = (ml.layer(unregistered("twice")) for _ in range(2))
    assert layer_kinds["twice"].cls is after
    ml.Sequential(ml.Dense(3, 1), after()).save(tmp_path / "net")
    with refused(ArgumentError, "save: twice1", "registered", "a Twice", "@ml.layer above"):
        ml.Sequential(ml.Dense(3, 1), before()).save(tmp_path / "old")
    layer_kinds.unregister("twice")


def test_what_is_no_layer_and_kinds_that_are_taken_are_refused(refused):
    with refused(ArgumentError, "@ml.layer", "made from ml.Layer", "a function", "forward"):
        ml.layer(network)
    with refused(ArgumentError, "'dense'", "a name of its own", "'dense'", "another name"):
        ml.layer(unregistered("dense"))
    with refused(ArgumentError, "Again", "a kind of its own", "'again'", "kind = "):
        ml.layer(unregistered("again"))


def spoiled(**body):
    """A registered layer of another config, and what else is in its class."""
    return type("Spoiled", (Shortcut,), {"kind": "spoiled", **body})


def mean_that_moved():
    layer = spoiled()(3)
    layer.moments = [np.zeros(3), 7.0]
    return layer


def with_the_inner_of(layer):
    other = spoiled()(3)
    other.inner = layer.inner
    return other


shortcut = Shortcut(3)

NOT_WHOLE = {
    "no config": (
        lambda: spoiled(config=ml.Layer.config)(3), "spoiled1", "config()", "none",
        "{'width': self.width, …}"),
    "a number of NumPy": (
        lambda: spoiled(config=lambda self: {"width": np.int64(3)})(3), "spoiled1", "numbers",
        "int64", "int(x)"),
    "no dict": (
        lambda: spoiled(config=lambda self: 3)(3), "spoiled1", "dicts", "3 is no dict", "int(x)"),
    "an infinite number": (
        lambda: spoiled(config=lambda self: {"width": np.inf})(3), "spoiled1", "numbers",
        "Out of range", "int(x)"),
    "an argument too many": (
        lambda: spoiled(config=lambda self: {"size": 3})(3), "spoiled1", "can be built from",
        "size", "Return what it takes"),
    "another width": (
        lambda: spoiled(config=lambda self: {"width": 4})(3), "spoiled1", "come back",
        "(4, 4)", "decides them"),
    "a number that is not learned": (
        mean_that_moved, "spoiled1.moments.0", "config() gives back", "another", "__init__"),
    "a layer that another has": (
        lambda: [shortcut, with_the_inner_of(shortcut)], "spoiled1", "come back",
        "shortcut1.inner.weight", "no sharing"),
    "a layer that it shares with the network": (
        lambda: [shortcut, shortcut.inner], "shortcut1.inner", "its own", "shortcut1", "np.savez"),
}  # fmt: skip


@pytest.mark.parametrize("case", NOT_WHOLE)
def test_what_would_come_back_another_is_refused(case, tmp_path, refused):
    make, culprit, *rest = NOT_WHOLE[case]
    made = make()
    layers = made if isinstance(made, list) else [made]
    net = ml.Sequential(*layers)
    spoiled_classes = {type(layer) for layer in layers if layer.kind == "spoiled"}
    for cls in spoiled_classes:
        ml.layer(cls)
    with refused(ArgumentError, culprit, *rest):
        net.save(tmp_path / "net")
    assert not list(tmp_path.iterdir())
    if spoiled_classes:
        layer_kinds.unregister("spoiled")


def test_a_file_whose_class_has_other_parameters_now_is_refused(tmp_path, refused):
    ml.layer(spoiled())
    ml.Sequential(layer_kinds["spoiled"].cls(3)).save(tmp_path / "net")
    ml.layer(spoiled(scale=None, __init__=lambda self, **settings: None))
    with refused(FileError, "net", "a whole network", "other parameters now", "save it again"):
        ml.load(tmp_path / "net")
    layer_kinds.unregister("spoiled")
