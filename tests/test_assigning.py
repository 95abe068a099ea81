"""What is assigned to layers and networks is written where it belongs, or refused by name."""

import copy
import pickle

import numpy as np
import pytest

import minidl as ml
from minidl.core.errors import (
    ArgumentError,
    DataError,
    DtypeError,
    GradientError,
    MissingError,
    ShapeError,
)

ROWS = np.random.default_rng(0).normal(size=(40, 3))
TARGETS = ROWS @ [[1.0], [-2.0], [0.5]]


class Scaled(ml.Layer):
    """A layer with a parameter and a buffer of its own."""

    keeps_width = True

    def __init__(self):
        self.scale = ml.Tensor([2.0], requires_grad=True)
        self.mean = ml.Tensor([0.5])

    def forward(self, x, training):
        return x * self.scale - self.mean


def network():
    return ml.Sequential(ml.Dense(3, 2, seed=0), Scaled(), ml.Dense(2, 1, seed=1))


@pytest.mark.parametrize(
    "value",
    [
        [[1, 2], [3, 4], [5, 6]],
        np.arange(1, 7).reshape(3, 2),
        np.asfortranarray(np.arange(1.0, 7.0).reshape(3, 2)),
        np.arange(1, 7, dtype=np.float16).reshape(3, 2),
        ml.Tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]),
        ml.Tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], requires_grad=True),
        ml.Tensor([[1.0, 3.0, 5.0], [2.0, 4.0, 6.0]], requires_grad=True).T.detach(),
    ],
)
@pytest.mark.parametrize("inside", [True, False])
def test_numbers_are_written_into_the_parameter_that_is_there(value, inside):
    net = network() if inside else None
    layer = net[0] if inside else ml.Dense(3, 2)
    weight, memory = layer.weight, layer.weight.data
    layer.weight = value
    assert layer.weight is weight
    assert weight.data is memory
    assert weight.requires_grad
    np.testing.assert_array_equal(weight.numpy(), [[1, 2], [3, 4], [5, 6]])


def test_what_was_assigned_is_trained_saved_and_copied(tmp_path):
    net = ml.mlp([3, 2, 1], seed=0)
    net[0].weight = np.ones((3, 2))
    ml.fit(net, ROWS, TARGETS, loss="mse", epochs=1, record=True)
    assert np.all(net[0].weight.numpy() != 1)
    net.save(tmp_path / "net.safetensors")
    for twin in (ml.load(tmp_path / "net.safetensors"), copy.deepcopy(net)):
        np.testing.assert_array_equal(twin.predict(ROWS), net.predict(ROWS))


def test_a_frozen_parameter_takes_numbers_and_stays_frozen():
    net = network()
    net[0].trainable = False
    net[0].bias = ml.Tensor([1.0, 2.0], requires_grad=True)
    assert net[0].bias.is_frozen
    net[0].weight = net[0].weight * 2
    assert net[0].weight.is_frozen


def test_writing_is_seen_by_a_backward_that_needs_the_old_numbers():
    net = network()
    loss = (net(ROWS) * net(ROWS)).sum()
    net[2].weight = [[1.0], [2.0]]
    with pytest.raises(GradientError, match="written to since"):
        loss.backward()


def wrong(net):
    """What is refused for ``dense1.weight``: error, words of what is expected, got, remedy."""
    w, ones = net[0].weight, np.ones((3, 2), np.float32)
    return [
        (np.ones(6), ShapeError, "(3, 2)", "(6,)", "ml.Sequential(*net.layers[:-1]"),
        (0.0, ShapeError, "(3, 2)", "()", "Reshape"),
        (np.ones((1, 2)), ShapeError, "(3, 2)", "(1, 2)", "Reshape"),
        (ml.Tensor(np.ones(100_000, "f4"), True), ShapeError, "(3, 2)", "(100000,)", "Reshape"),
        ("text", DataError, "numbers", "<U4", "text"),
        ([[1.0], [1.0, 2.0]], DataError, "one length", "several", "Fill"),
        (np.full((3, 2), 1e300), DataError, "3.4e+38", "1e+300", "float64"),
        (ml.Tensor(np.ones((3, 2))), DtypeError, "float32", "float64", "dtype='float32'"),
        (None, ArgumentError, "(3, 2)", "None", "requires_grad = False"),
        (net[2].weight, ArgumentError, "of your own", "dense2.weight", "weight=other.weight.T"),
        (net[2], DataError, "numbers", "Dense", "array of numbers"),
        (w * 0.5, GradientError, "numbers", "multiply", "dense1.weight.data = …"),
        (w.T, GradientError, "numbers", "transpose", "weight=other.weight.T"),
        (ml.Tensor(ones, True) + 1.0, GradientError, "numbers", "add", "detach"),
    ]


@pytest.mark.parametrize("case", range(len(wrong(network()))))
def test_what_is_no_numbers_for_it_is_refused_and_nothing_changes(case, refused):
    net = network()
    value, kind, expected, got, remedy = wrong(net)[case]
    before = [p.numpy().copy() for p in net.parameters()]
    with refused(kind, "dense1.weight = …", expected, got, remedy):
        net[0].weight = value
    assert all(map(np.array_equal, before, [p.numpy() for p in net.parameters()]))
    net.predict(ROWS)


def test_a_parameter_of_a_loose_layer_is_not_shared_by_assigning_it(refused):
    first, second = ml.Dense(3, 2), ml.Dense(3, 2)
    with refused(ArgumentError, "dense.weight = …", "your own", "dense.weight", "other.weight.T"):
        second.weight = first.weight


def test_a_parameter_assigned_to_itself_is_left_alone():
    net = network()
    weight = net[0].weight
    net[0].weight = net[0].weight
    with ml.no_grad():
        net[0].weight *= 2.0
    assert net[0].weight is weight
    np.testing.assert_array_equal(weight.numpy(), network()[0].weight.numpy() * 2)


def test_a_layer_of_ones_own_keeps_its_buffers_free_and_its_parameters_safe(refused):
    net = network()
    net[1].mean = net[1].mean * 0.9 + 1.0
    assert net[1].mean.item() == pytest.approx(1.45)
    net[1].mean = 3.0
    scale = net[1].scale
    net[1].scale = [7.0]
    assert net[1].scale is scale
    assert scale.item() == 7.0
    with refused(ShapeError, "scaled1.scale = …", "(1,)", "(2,)", "Reshape"):
        net[1].scale = [1.0, 2.0]
    with refused(ArgumentError, "del scaled1.scale", "needs", "scale", "ml.Sequential"):
        del net[1].scale


def test_while_a_layer_is_built_its_parameters_may_be_exchanged(refused):
    class Wider(Scaled):
        def __init__(self):
            super().__init__()
            self.scale = self.other = ml.Tensor([1.0, 2.0], requires_grad=True)
            self.mean = None

    layer = Wider()
    assert layer.scale is layer.other
    assert [p.name for p in ml.Sequential(layer).parameters()] == ["wider1.scale"]
    loose = Scaled()
    loose.scale = np.array([5.0])  # an array would not be trained: its numbers are written
    assert loose.parameters()[0].item() == 5.0
    loose.scale = ml.Tensor([6.0])
    assert loose.parameters()[0].item() == 6.0
    with refused(ArgumentError, "layer.scale = …", "of your own", "belongs elsewhere", "share it"):
        loose.scale = layer.scale


@pytest.mark.parametrize("name", ["in_features", "out_features", "activation"])
def test_what_a_layer_is_built_from_stays(name, refused):
    net = ml.mlp([3, 2, 1])
    with refused(ArgumentError, f"dense1.{name} = …", "built", "else", "ml.Sequential(*net.layers"):
        setattr(net[0], name, 5)
    if name != "activation":
        with refused(ArgumentError, f"net.{name} = …", "built", "else", "ml.Sequential(*net"):
            setattr(net, name, 5)


@pytest.mark.parametrize("name", ["requires_grad", "training", "weights", "kernel", "biases"])
def test_what_other_libraries_assign_is_not_taken_in_silence(name, refused):
    net = ml.mlp([3, 2, 1])
    for one, called in ((net, "net"), (net[0], "dense1")):
        with refused(ArgumentError, f"{called}.{name} = …", "has", name, "Write "):
            setattr(one, name, False)


def test_a_layer_of_ones_own_may_call_its_attributes_so(refused):
    layer = Scaled()
    layer.training = layer.weights = True
    with refused(ArgumentError, "layer.requires_grad = …", "Scaled", "requires_grad", "trainable"):
        layer.requires_grad = False


@pytest.mark.parametrize("name", ["eval", "train", "freeze", "requires_grad_", "add", "append"])
def test_what_other_libraries_call_says_what_to_write(name, refused):
    net = ml.mlp([3, 2, 1])
    assert not hasattr(net, name)
    with refused(
        MissingError,
        f"net.{name}",
        "a Sequential has",
        name,
        "Write " * (name != "eval") or "Leave",
    ):
        getattr(net, name)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        net.nothing  # noqa: B018


CHANGES = {
    "item": lambda net, layer: net.layers.__setitem__(-1, layer),
    "slice": lambda net, layer: net.layers.__setitem__(slice(0, 1), [layer]),
    "all": lambda net, layer: setattr(net, "layers", [layer]),
    "network": lambda net, layer: net.__setitem__(-1, layer),
    "delete": lambda net, layer: net.layers.__delitem__(-1),
    "delete from network": lambda net, layer: net.__delitem__(-1),
    "append": lambda net, layer: net.layers.append(layer),
    "insert": lambda net, layer: net.layers.insert(0, layer),
    "extend": lambda net, layer: net.layers.extend([layer]),
    "pop": lambda net, layer: net.layers.pop(),
    "remove": lambda net, layer: net.layers.remove(layer),
    "clear": lambda net, layer: net.layers.clear(),
    "reverse": lambda net, layer: net.layers.reverse(),
    "plus": lambda net, layer: net.layers.__iadd__([layer]),
    "delete all": lambda net, layer: delattr(net, "layers"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_layers_of_a_network_are_not_exchanged_in_place(change):
    net = ml.mlp([3, 8, 1], seed=0)
    before = net.predict(ROWS)
    with pytest.raises(ArgumentError) as caught:
        CHANGES[change](net, ml.Dense(8, 5, "softmax"))
    assert 'ml.Sequential(*net.layers[:-1], ml.Dense(8, 5, "softmax"))' in caught.value.remedy
    np.testing.assert_array_equal(net.predict(ROWS), before)
    assert isinstance(net.layers, tuple)


def test_layers_are_a_tuple_in_copies_too():
    net = ml.mlp([3, 8, 1], seed=0)
    for twin in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert type(twin.layers) is type(net.layers)
        np.testing.assert_array_equal(twin.predict(ROWS), net.predict(ROWS))


@pytest.mark.parametrize("record", [True, False])
def test_a_new_head_on_trained_layers(record, tmp_path):
    old = ml.mlp([3, 8, 8, 1], "tanh", seed=0)
    ml.fit(old, ROWS, TARGETS, loss="mse", epochs=2)
    classes = np.arange(40) % 5
    net = ml.Sequential(*old.layers[:-1], ml.Dense(8, 5, "softmax"))
    assert net[0] is old[0]
    assert (net.out_features, net.predict(ROWS).shape) == (5, (40, 5))
    assert net.summary().splitlines()[4:] == [
        "dense3 (softmax)  (rows, 5)          45",
        "───────────────────────────────────────",
        "total                               149",
    ]
    for layer in old.layers[:-1]:
        layer.trainable = False
    held = [p.numpy().copy() for p in old.parameters()]
    ml.fit(net, ROWS, classes, loss="cce", epochs=3, record=record)
    assert all(map(np.array_equal, held, [p.numpy() for p in old.parameters()]))
    net.save(tmp_path / "net.safetensors")
    back = ml.load(tmp_path / "net.safetensors")
    for one in (net, back):
        ml.fit(one, ROWS, classes, loss="cce", epochs=2, optimizer=one.optimizer, record=record)
    np.testing.assert_array_equal(back.predict(ROWS), net.predict(ROWS))
    assert "dense3" in str(ml.diagnose(net, ROWS, classes, loss="cce"))
    assert not ml.explain(net, ROWS[:2], classes[:2], loss="cce").verify()


def test_a_network_is_told_by_its_own_names_where_another_shares_its_layers():
    first, second = ml.Dense(3, 2, seed=0), ml.Dense(2, 1, seed=1)
    net = ml.Sequential(first, second)
    ml.Sequential(second)
    assert net.summary().splitlines()[3].startswith("dense2")
    ml.Sequential(second)
    names = [layer.name for layer in ml.diagnose(net, ROWS, TARGETS, loss="mse").layers]
    assert names == ["dense1", "dense2"]
    ml.Sequential(second)
    walkthrough = ml.explain(net, ROWS[:1], TARGETS[:1], loss="mse")
    assert [layer.name for layer in walkthrough.problem.layers] == ["dense1", "dense2"]
    second.name = "head"
    assert net.summary().splitlines()[3].startswith("head")


def test_the_share_of_dropout_is_checked_where_it_is_changed(refused):
    net = ml.mlp([3, 8, 1], dropout=0.5, seed=0)
    net[1].rate = 0.25
    assert net[1].config()["rate"] == 0.25
    with refused(ArgumentError, "Dropout(rate=…)", "[0, 1)", "1.0", "0.5"):
        net[1].rate = 1.0


@pytest.mark.parametrize("name", ["parts", "parameters", "config", "forward"])
def test_an_attribute_that_would_hide_a_method_is_refused(name):
    class Hiding(ml.Layer):
        def __init__(self):
            setattr(self, name, {"a": ml.Tensor([1.0], requires_grad=True)})

    with pytest.raises(ArgumentError, match=rf"{name}_, say"):
        Hiding()
