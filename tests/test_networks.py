"""Networks: shared layers, copies, seeds, layers of one's own, what tables of them say."""

import copy
import pickle
from collections import OrderedDict
from itertools import product

import numpy as np
import pytest

import minidl as ml
from minidl.core.errors import ArgumentError, DtypeError
from minidl.core.seeds import stream
from minidl.nn.initialization import get_initializer

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
Y = X @ [[1.0], [-2.0], [0.5]]


def trained(net, **settings):
    ml.fit(net, X, Y, **{"loss": "mse", "epochs": 3, "batch_size": 20, **settings})
    return np.concatenate([p.numpy().reshape(-1) for p in net.parameters()])


def test_a_layer_used_twice_is_named_and_stepped_once():
    def network():
        layer = ml.Dense(3, 3, "tanh", seed=1)
        return ml.Sequential(layer, layer, ml.Dense(3, 1, seed=2))

    names = [parameter.name for parameter in network().parameters()]
    assert names == ["dense1.weight", "dense1.bias", "dense2.weight", "dense2.bias"]
    np.testing.assert_array_equal(trained(network(), record=True), trained(network(), record=False))

    by_hand = network()
    optimizer = ml.SGD(by_hand.parameters(), 0.1)
    loss = ml.mse(Y, by_hand(X))
    loss.backward()
    gradient = by_hand[0].weight.grad.copy()
    start = by_hand[0].weight.numpy().copy()
    optimizer.step()
    np.testing.assert_allclose(by_hand[0].weight.numpy(), start - 0.1 * gradient, rtol=1e-6)


@pytest.mark.parametrize("record", [True, False])
def test_networks_that_share_layers_share_their_weights(record):
    encoder, decoder = ml.mlp([3, 2], "tanh", seed=1), ml.mlp([2, 1], seed=2)
    whole = ml.Sequential(encoder, decoder)
    held = [parameter.data for parameter in encoder.parameters()]
    trained(whole, record=record, early_stopping=1, learning_rate=0.5, epochs=30)
    assert all(a is p.data for a, p in zip(held, encoder.parameters(), strict=True))
    np.testing.assert_array_equal(whole.predict(X), decoder.predict(encoder.predict(X)))
    assert encoder.block.values.tobytes() == b"".join(a.tobytes() for a in held)
    alone = ml.Sequential(*ml.mlp([3, 2], "tanh", seed=1), *ml.mlp([2, 1], seed=2))
    trained(alone, record=record, early_stopping=1, learning_rate=0.5, epochs=30)
    np.testing.assert_array_equal(whole.predict(X), alone.predict(X))


COPIES = {
    "deepcopy": copy.deepcopy,
    "pickle": lambda net: pickle.loads(pickle.dumps(net)),
    "old pickle": lambda net: pickle.loads(pickle.dumps(net, protocol=2)),
}


@pytest.mark.parametrize("way", COPIES)
def test_copies_are_whole_and_their_own(way):
    net = ml.mlp([3, 8, 1], hidden="prelu", dropout=0.2, seed=0)
    trained(net)
    twin = COPIES[way](net)
    before = net.block.values.copy()
    again = {"early_stopping": 2, "epochs": 9, "learning_rate": None}
    left = trained(twin, optimizer=twin.optimizer, **again)
    np.testing.assert_array_equal(net.block.values, before)
    assert all(p.data.base is twin.block.values for p in twin.parameters())
    assert len(twin.optimizer._stretches()) == 1
    np.testing.assert_array_equal(trained(net, optimizer=net.optimizer, **again), left)


@pytest.mark.parametrize("way", COPIES)
def test_copies_of_networks_that_share_share_again(way):
    encoder = ml.mlp([3, 2], seed=1)
    whole = ml.Sequential(encoder, ml.Dense(2, 1))
    trained(whole)
    for both in (COPIES[way]((encoder, whole)), COPIES[way]((whole, encoder))):
        one, two = sorted(both, key=len)
        trained(two, optimizer=two.optimizer)
        assert two[0] is one[0]
        np.testing.assert_array_equal(two.predict(X), two[1](one.predict(X)).numpy())
    alone = COPIES[way](whole)  # without the network whose block it shares
    trained(alone, optimizer=alone.optimizer)
    np.testing.assert_array_equal(alone.predict(X), two.predict(X))


def test_restored_weights_count_as_written():
    net = ml.mlp([3, 1], seed=0)
    stopping = ml.EarlyStopping(1, "loss")
    stopping.on_training_begin(net)
    stopping.on_epoch_end(net, 0, {"loss": 1.0})
    loss = ml.mse(Y, net(ml.Tensor(X.astype(np.float32), requires_grad=True)))
    stopping.on_training_end(net, ml.History())
    with pytest.raises(ml.MinidlError, match="written to since"):
        loss.backward()


def test_layers_without_a_seed_differ_and_are_decided():
    def network(**seed):
        return ml.Sequential(ml.Dense(8, 8, "relu"), ml.Dropout(0.5), ml.Dense(8, 8, "relu"),
                             ml.Dropout(0.5), ml.Dense(8, 8, seed=3), **seed)  # fmt: skip

    net = network()
    weights = [net[i].weight.numpy() for i in (0, 2, 4)]
    assert not np.array_equal(weights[0], weights[1])
    ones = ml.Tensor(np.ones((8, 8)))
    assert not np.array_equal(net[1](ones, True).numpy(), net[3](ones, True).numpy())
    same, other = network(), network(seed=1)
    for i, weight in zip((0, 2, 4), weights, strict=True):
        np.testing.assert_array_equal(same[i].weight.numpy(), weight)
        assert np.array_equal(other[i].weight.numpy(), weight) == (i == 4)


def test_weights_that_were_given_stay():
    by_numpy, by_tensor, used = ml.Dense(2, 2), ml.Dense(2, 2), ml.Dense(2, 2)
    by_numpy.weight.data[:] = 7.0
    by_tensor.weight.data = np.full((2, 2), 8.0)
    ml.Sequential("tanh", ml.Dense(2, 2), used)
    before = used.weight.numpy().copy()
    ml.Sequential(by_numpy, by_tensor, used, seed=5)
    assert (by_numpy.weight.numpy() == 7.0).all()
    assert (by_tensor.weight.numpy() == 8.0).all()
    np.testing.assert_array_equal(used.weight.numpy(), before)


def test_mlp_draws_each_layer_from_its_seed_and_place():
    net = ml.mlp([4, 5, 6, 2], hidden="relu", dropout=0.1, seed=9, dtype="float64")
    he, glorot = get_initializer("he_normal"), get_initializer("glorot_uniform")
    np.testing.assert_array_equal(net[0].weight.numpy(), he((4, 5), 9, 0))
    np.testing.assert_array_equal(net[2].weight.numpy(), he((5, 6), 9, 1))
    np.testing.assert_array_equal(net[4].weight.numpy(), glorot((6, 2), 9, 2))
    counters = [[stream("mask", 9, place), 0] for place in (0, 1)]
    assert [net[i].counter.tolist() for i in (1, 3)] == counters


class Two(ml.Layer):
    """Two branches, a list of layers, and a number of its own."""

    def __init__(self):
        self.left, self.right = ml.Dense(4, 2), ml.Dense(4, 2, "tanh")
        self.more = [ml.Dense(2, 2), ml.Dense(2, 2)]
        self.scale = ml.Tensor([0.5], requires_grad=True)

    def forward(self, x, training):
        y = self.left(x) + self.scale * self.right(x)
        for layer in self.more:
            y = y + layer(y)
        return y


def test_a_layer_of_ones_own_is_found_named_seeded_and_recorded():
    def network():
        return ml.Sequential(ml.Dense(3, 4), Two(), ml.Dense(2, 1))

    net = network()
    assert [p.name for p in net[1].parameters()] == [
        "two1.left.weight", "two1.left.bias", "two1.right.weight", "two1.right.bias",
        "two1.more1.weight", "two1.more1.bias", "two1.more2.weight", "two1.more2.bias",
        "two1.scale"]  # fmt: skip
    assert len({p.numpy().tobytes() for p in net.parameters() if p.ndim == 2}) == 6
    assert len(net.block.values) == sum(p.size for p in net.parameters()) == 52
    np.testing.assert_array_equal(trained(network(), record=True), trained(net, record=False))
    assert "two1             (rows, ?)          33" in net.summary()


class Mixed(ml.Layer):
    """Layers and parameters in dicts, lists and tuples, however deep."""

    keeps_width = True

    def __init__(self):
        self.experts = {"a": ml.Dense(3, 3), "b": [ml.Dense(3, 3), (ml.Dense(3, 3),)]}
        self.more = [[ml.Dense(3, 3)], {"x": {"y": ml.Dense(3, 3)}}]
        self.scales = OrderedDict(left=ml.Tensor([1.0], requires_grad=True), right=0.5)
        self.numbers = {"mean": ml.Tensor([1.0]), 3: [1.0, "text", None, {1, 2}]}

    def forward(self, x, training):
        experts, (below,) = self.experts["b"], self.more[0]
        y = self.experts["a"](x) + experts[0](x) * self.scales["left"] + experts[1][0](x)
        return y + below(self.more[1]["x"]["y"](x)) * self.scales["right"]


@pytest.mark.parametrize("record", [True, False])
def test_parameters_and_layers_are_found_however_deep(record):
    net = ml.Sequential(ml.Dense(3, 3), Mixed(), ml.Dense(3, 1))
    own = [p.name.removeprefix("mixed1.") for p in net[1].parameters()]
    assert own[::2] == ["experts.a.weight", "experts.b1.weight", "experts.b2.1.weight",
                        "more1.1.weight", "more2.x.y.weight", "scales.left"]  # fmt: skip
    weights = [p for p in net.parameters() if p.ndim == 2]
    assert len({p.numpy().tobytes() for p in weights}) == 7  # each was given its own seed
    assert len(net.block.values) == sum(p.size for p in net.parameters()) == 77
    before = [p.numpy().copy() for p in net.parameters()]
    trained(net, record=record)
    assert not any(map(np.array_equal, before, [p.numpy() for p in net.parameters()]))


def test_parts_without_an_order_or_an_end_are_refused():
    loop = [ml.Dense(3, 3)]
    loop.append(loop)
    inner, whole = Two(), Two()
    inner.outer, whole.inner = whole, inner
    for kept, expected, got in (
        (loop, "a list or dict", "in itself"),
        ({ml.Dense(3, 3)}, "in order", "a set"),
        (whole, "inside of layers", "inside of itself"),
    ):
        layer = Two()
        layer.kept = kept
        with pytest.raises(ArgumentError) as caught:
            ml.Sequential(layer)
        assert expected in caught.value.expected
        assert got in caught.value.got


def test_a_network_inside_a_layer_is_trained():
    class Residual(ml.Layer):
        keeps_width = True

        def __init__(self, body):
            self.body = body

        def forward(self, x, training):
            return x + self.body(x, training)

    net = ml.Sequential(ml.Dense(3, 3), Residual(ml.mlp([3, 2, 3])), ml.Dense(3, 1))
    names = [p.name for p in net.parameters()]
    assert "residual1.body.dense2.weight" in names
    before = net[1].body[0].weight.numpy().copy()
    trained(net)
    assert not np.array_equal(net[1].body[0].weight.numpy(), before)


def test_widths_are_unknown_after_a_layer_that_does_not_tell():
    class Half(ml.Layer):
        def forward(self, x, training):
            return x[:, :2]

    net = ml.Sequential(ml.Dense(3, 4), Half(), ml.Dense(2, 1))
    assert net.predict(X).shape == (60, 1)
    assert ml.Sequential(ml.Dense(3, 4), Half()).out_features is None
    assert ml.Sequential(Half(), ml.Dense(2, 1)).in_features is None


def test_a_network_of_names_lists_and_networks():
    net = ml.Sequential([ml.Dense(3, 4), "relu"], type(ml.tanh), ml.tanh, ml.mlp([4, 2]))
    assert net.summary().splitlines()[2:7] == [
        "dense1 (linear)     (rows, 4)          16",
        "activation1 (relu)  (rows, 4)           0",
        "activation2 (tanh)  (rows, 4)           0",
        "activation3 (tanh)  (rows, 4)           0",
        "dense2 (linear)     (rows, 2)          10",
    ]


def test_layers_of_two_dtypes_are_refused():
    with pytest.raises(DtypeError, match=r"dense2: expected float32, as dense1\.weight is"):
        ml.Sequential(ml.Dense(2, 2), ml.Dense(2, 1, dtype="float64"))


@pytest.mark.parametrize(
    ("init", "distribution"), list(product(("he", "glorot", "lecun"), ("normal", "uniform")))
)
def test_initial_weights_have_the_variance_that_is_promised(init, distribution):
    weight = ml.Dense(300, 200, init=f"{init}_{distribution}").weight.numpy()
    promised = {"he": 2 / 300, "glorot": 2 / 500, "lecun": 1 / 300}[init]
    assert weight.var() == pytest.approx(promised, rel=0.03)
    widest = np.abs(weight).max() / weight.std()
    assert widest < 1.75 if distribution == "uniform" else widest > 3


def test_dropout_keeps_the_mean_and_rests_outside_training():
    layer = ml.Dropout(0.25, seed=1)
    x = ml.Tensor(np.ones(40_000), requires_grad=True)
    y = layer(x, training=True)
    kept = y.numpy() != 0
    assert kept.mean() == pytest.approx(0.75, abs=0.01)
    np.testing.assert_allclose(y.numpy()[kept], 1 / 0.75)
    y.sum().backward()
    np.testing.assert_array_equal(x.grad, y.numpy())
    assert not np.array_equal(layer(x, training=True).numpy(), y.numpy())
    assert layer(x) is x
