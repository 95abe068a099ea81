"""Freezing and thawing: what requires no gradient is listed, kept and shown, and never moves."""

import copy
import pickle
from dataclasses import asdict

import numpy as np
import pytest

import minidl as ml
from minidl.autodiff.block import Block
from minidl.core import storage
from minidl.core.errors import ArgumentError, FileError

X, Y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0.0, 0.0, 1.0, 1.0])
ROWS = np.random.default_rng(0).normal(size=(40, 3))
TARGETS = ROWS @ [[1.0], [-2.0], [0.5]]


class At(ml.Callback):
    """Freeze or thaw after some epochs, and note all numbers after each."""

    def __init__(self, wanted, changes):
        self.wanted, self.changes, self.noted = wanted, changes, []

    def on_epoch_end(self, net, epoch, measured):
        if epoch in self.changes:
            for each in self.wanted(net):
                each.requires_grad = self.changes[epoch]
        self.noted.append([p.numpy().copy() for p in net.parameters()])


def parameter(*numbers):
    return ml.Tensor(np.array(numbers, np.float32), requires_grad=True)


def test_a_parameter_stays_one_when_it_is_frozen():
    weight, buffer = parameter(1.0), ml.Tensor([1.0])
    assert weight.is_parameter
    assert not weight.is_frozen
    weight.requires_grad = False
    assert weight.is_parameter
    assert weight.is_frozen
    assert not buffer.is_parameter
    assert not (parameter(1.0) * 2.0).is_parameter


def test_layers_list_what_is_frozen_and_leave_out_buffers():
    class Scaled(ml.Layer):
        keeps_width = True

        def __init__(self):
            self.scale, self.mean = parameter(2.0), ml.Tensor([1.0])

        def forward(self, x, training):
            return x * self.scale - self.mean

    net = ml.Sequential(ml.Dense(1, 2, seed=0), Scaled())
    names = [p.name for p in net.parameters()]
    assert names == ["dense1.weight", "dense1.bias", "scaled1.scale"]
    for p in net.parameters():
        p.requires_grad = False
    assert [p.name for p in net.parameters()] == names


def test_a_network_made_of_frozen_parameters_has_them_in_its_block():
    layer = ml.Dense(1, 2, seed=0)
    layer.weight.requires_grad = False
    net = ml.Sequential(layer, ml.Dense(2, 1, seed=1))
    assert net.block.values.size == 2 + 2 + 2 + 1
    assert net.parameters()[0].data.base is net.block.values


def test_changes_are_counted_once_for_a_whole_block():
    net = ml.mlp([1, 2, 1], seed=0)
    first, last = net.parameters()[0], net.parameters()[-1]
    assert first._changes is last._changes is net.block.changes
    assert net.block.changes == [0]
    first.requires_grad = False
    first.requires_grad = False
    assert net.block.changes == [1]
    last.requires_grad = False
    first.requires_grad = True
    assert net.block.changes == [3]


def test_a_parameter_that_moves_into_a_block_is_counted_where_it_was():
    weight = parameter(1.0)
    before = weight._changes
    block = Block([weight])
    assert before == [1]
    assert weight._changes is block.changes


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))], ids=["deep", "pickle"]
)
def test_a_copy_counts_for_itself_and_keeps_what_is_frozen(copied):
    net = ml.mlp([1, 2, 1], seed=0)
    net[0].weight.requires_grad = False
    twin = copied(net)
    assert [p.is_frozen for p in twin.parameters()] == [True, False, False, False]
    twin[0].bias.requires_grad = False
    assert net.block.changes == [1]
    assert twin.parameters()[0]._changes is twin.parameters()[3]._changes is twin.block.changes


OPTIMIZERS = [
    ("sgd", {}),
    ("sgd", {"momentum": 0.9, "weight_decay": 0.1}),
    ("sgd", {"momentum": 0.9, "nesterov": True}),
    ("adam", {"weight_decay": 0.1}),
    ("adamw", {"weight_decay": 0.5}),
    ("rmsprop", {"weight_decay": 0.1}),
]


@pytest.mark.parametrize("clip", [{}, {"clip_norm": 0.5}, {"clip_value": 0.1}])
@pytest.mark.parametrize(("name", "settings"), OPTIMIZERS)
def test_no_optimizer_moves_what_is_frozen_nor_its_state(name, settings, clip):
    weights = [parameter(1.0, 2.0), parameter(3.0), parameter(-1.0, 4.0)]
    optimizer = ml.optimizers[name].cls(weights, 0.1, **settings, **clip)

    def step():
        for w in weights:
            w.grad = np.full(w.shape, 0.3)
        optimizer.step()

    step()
    weights[1].requires_grad = False
    held = weights[1].numpy().copy()
    kept = {key: state[2].copy() for key, state in optimizer.state.items()}
    moving = weights[0].numpy().copy()
    step()
    np.testing.assert_array_equal(weights[1].numpy(), held)
    assert all(optimizer.state[key][2] == value for key, value in kept.items())
    assert np.all(weights[0].numpy() != moving)
    weights[1].requires_grad = True
    step()
    assert np.all(weights[1].numpy() != held)


def test_the_norm_that_is_clipped_is_that_of_what_moves():
    weights = [parameter(0.0), parameter(0.0)]
    optimizer = ml.SGD(weights, 1.0, clip_norm=1.0)
    weights[1].requires_grad = False
    weights[0].grad, weights[1].grad = [3.0], [4.0]
    optimizer.step()
    assert [w.item() for w in weights] == [-1.0, 0.0]  # −3/3; −3/5 if the other counted
    assert weights[1].grad.item() == 4.0


def test_what_lies_side_by_side_and_moves_is_one_stretch():
    net = ml.mlp([2, 3, 3, 1], seed=0)
    optimizer = ml.SGD(net.parameters(), 0.1)
    for p in net.parameters():
        p.grad = np.ones(p.shape)
    assert [place for *_, place in optimizer._stretches()] == [slice(0, 25)]
    net[1].weight.requires_grad = False
    assert [place for *_, place in optimizer._stretches()] == [slice(0, 9), slice(18, 25)]
    net[1].weight.requires_grad = True
    assert [place for *_, place in optimizer._stretches()] == [slice(0, 25)]


def test_an_optimizer_of_some_parameters_keeps_the_places_of_their_state():
    net = ml.mlp([1, 2, 1], seed=0)
    first, middle, last = [net.parameters()[i] for i in (0, 2, 1)]  # the first and last touch
    optimizer = ml.SGD([first, middle, last], 1.0, momentum=0.5)
    middle.requires_grad = False
    first.grad, last.grad = [[1.0, 2.0]], [3.0, 4.0]
    optimizer.step()
    np.testing.assert_array_equal(optimizer.state["velocity"], [1, 2, 0, 0, 3, 4])


def test_an_optimizer_takes_parameters_only_frozen_or_not(refused):
    weight = parameter(1.0)
    for wrong, got in ((ml.Tensor([1.0], name="mean"), "mean, which"), (weight * 2, "operation")):
        with refused(ArgumentError, "sgd(parameters=…)", "parameters", got, "requires_grad=True"):
            ml.SGD([weight, wrong])
    weight.requires_grad = False
    assert ml.SGD([weight]).parameters == (weight,)


def test_an_optimizers_parameters_cannot_be_exchanged_behind_its_state():
    optimizer = ml.SGD([parameter(1.0)])
    assert isinstance(optimizer.parameters, tuple)


RECORD = pytest.mark.parametrize("record", [True, False])


@RECORD
def test_freezing_in_mid_training_as_by_hand(record):
    def freeze(net):
        return [net[0].weight]

    noted = At(freeze, {0: False, 3: True})
    net = ml.mlp([1, 1], output="sigmoid", seed=0, dtype="float64")
    w, b = net[0].weight.item(), 0.0
    settings = {"loss": "bce", "optimizer": "sgd", "learning_rate": 1.0, "epochs": 6}
    ml.fit(net, X, Y, callbacks=[noted], record=record, **settings)
    expected = []
    for epoch in range(6):
        error = 1 / (1 + np.exp(-(w * X[:, 0] + b))) - Y
        w -= np.mean(error * X[:, 0]) * (epoch in (0, 4, 5))
        b -= np.mean(error)
        expected.append((w, b))
    measured = [(weight.item(), bias.item()) for weight, bias in noted.noted]
    np.testing.assert_allclose(measured, expected, rtol=1e-12)


@pytest.mark.parametrize("clip", [{}, {"clip_norm": 0.05}])
@pytest.mark.parametrize(("name", "settings"), OPTIMIZERS)
def test_what_is_frozen_in_mid_training_stays_and_the_rest_goes_on_to_the_same_bits(
    name, settings, clip
):
    def first_layer(net):
        return net[0].parameters()

    noted = {}
    for record in (True, False):
        net = ml.mlp([3, 8, 8, 1], "tanh", seed=0)
        optimizer = ml.optimizers[name].cls(net.parameters(), 0.01, **settings, **clip)
        noted[record] = At(first_layer, {1: False, 4: True})
        ml.fit(net, ROWS, TARGETS, loss="mse", optimizer=optimizer, epochs=7, batch_size=16,
               callbacks=[noted[record]], record=record)  # fmt: skip
    for recorded, eager in zip(noted[True].noted, noted[False].noted, strict=True):
        assert all(map(np.array_equal, recorded, eager))
    epochs = noted[True].noted
    for k in range(2):
        assert np.array_equal(epochs[1][k], epochs[4][k])
        assert np.any(epochs[4][k] != epochs[5][k])
    assert all(np.any(epochs[i][2] != epochs[i + 1][2]) for i in range(6))


def test_a_network_with_frozen_layers_trains_as_the_rest_alone():
    body, head = ml.mlp([3, 8], "tanh", output="tanh", seed=0), ml.Dense(8, 1, seed=1)
    whole, alone = ml.Sequential(body, head), ml.Sequential(copy.deepcopy(head))
    body.trainable = False
    inside = body.predict(ROWS)
    settings = {"loss": "mse", "optimizer": "adamw", "epochs": 5, "record": True}
    ml.fit(whole, ROWS, TARGETS, **settings)
    ml.fit(alone, inside, TARGETS, **settings)
    np.testing.assert_array_equal(head.weight.numpy(), alone[0].weight.numpy())
    np.testing.assert_array_equal(body.predict(ROWS), inside)


@RECORD
def test_everything_may_be_frozen_for_a_while(record):
    noted = At(lambda net: net.parameters(), {0: False, 2: True})
    net = ml.mlp([1, 2, 1], seed=0)
    history = ml.fit(net, X, Y, loss="mse", epochs=5, callbacks=[noted], record=record)
    assert history["loss"][1] == history["loss"][2] == history["loss"][3] != history["loss"][4]


def test_a_network_of_which_all_is_frozen_is_not_trained(refused):
    net = ml.mlp([1, 2, 1], seed=0)
    net.trainable = False
    for name, train in (("fit", ml.fit), ("explain", ml.explain)):
        with refused(ArgumentError, name, "a parameter to train", "4, all", "trainable = True"):
            train(net, X, Y, loss="mse")
    assert ml.diagnose(net, X, Y, loss="mse").layers[0].frozen == 1
    assert "of which frozen                      7" in net.summary(4)


def test_early_stopping_brings_back_frozen_weights_too():
    noted = At(lambda net: [net[0].weight], {2: False})
    net = ml.mlp([1, 1], seed=0)
    history = ml.fit(net, X, Y, loss="mse", optimizer="sgd", learning_rate=0.3, epochs=9,
                     early_stopping=2, validation_data=(X, Y), callbacks=[noted])  # fmt: skip
    best, last = noted.noted[history.best_epoch], noted.noted[-1]
    assert not np.array_equal(best[1], last[1])
    assert all(map(np.array_equal, [p.numpy() for p in net.parameters()], best))


def test_training_goes_on_with_the_same_optimizer_after_freezing():
    net = ml.mlp([1, 2, 1], seed=0)
    ml.fit(net, X, Y, loss="mse", epochs=2)
    held = net[0].weight.numpy().copy()
    net[0].trainable = False
    ml.fit(net, X, Y, loss="mse", epochs=2, optimizer=net.optimizer)
    np.testing.assert_array_equal(net[0].weight.numpy(), held)
    assert net.optimizer.steps == 4


def test_trainable_is_all_or_nothing_of_a_layer(refused):
    net = ml.mlp([1, 2, 1], seed=0)
    assert net.trainable
    assert net[0].trainable
    net[0].trainable = False
    assert not net[0].trainable
    assert net.trainable
    net.trainable = np.False_
    assert not net.trainable
    with refused(ArgumentError, "dense1.trainable", "True or False", "0", "= False"):
        net[0].trainable = 0


def test_a_file_keeps_what_is_frozen(tmp_path):
    net = ml.mlp([1, 2, 1], seed=0)
    ml.fit(net, X, Y, loss="mse", epochs=1)
    net[0].weight.requires_grad = False
    net.save(tmp_path / "net.safetensors")
    back = ml.load(tmp_path / "net.safetensors")
    assert [p.name for p in back.parameters() if p.is_frozen] == ["dense1.weight"]
    for one in (net, back):
        ml.fit(one, X, Y, loss="mse", epochs=3, optimizer=one.optimizer)
        one.trainable = True
        ml.fit(one, X, Y, loss="mse", epochs=3, optimizer=one.optimizer)
    np.testing.assert_array_equal(back.predict(X), net.predict(X))


def test_a_file_that_freezes_what_is_not_there_is_damaged(tmp_path):
    path = tmp_path / "net.safetensors"
    net = ml.mlp([1, 2, 1], seed=0)
    net.save(path)
    arrays, header = storage.read(path)
    for wrong in (["dense9.weight"], 3, [None]):
        storage.write(path, arrays, header | {"frozen": wrong})
        with pytest.raises(FileError, match="a whole network"):
            ml.load(path)


def test_summary_counts_what_is_frozen_apart():
    net = ml.mlp([1, 2, 1], seed=0)
    assert "frozen" not in net.summary()
    net[0].trainable = False
    assert net.summary().splitlines()[2:] == [
        "dense1 (relu)    (rows, 2)           4",
        "dense2 (linear)  (rows, 1)           3",
        "──────────────────────────────────────",
        "total                                7",
        "of which frozen                      4",
    ]


def test_diagnose_shows_what_is_frozen():
    net = ml.mlp([1, 2, 2, 1], seed=0)
    ml.fit(net, X, Y, loss="mse", epochs=1)
    net[0].trainable = False
    net[1].bias.requires_grad = False
    found = ml.diagnose(net, X, Y, loss="mse")
    assert [layer.frozen for layer in found.layers] == [1, 2 / 6, 0]
    lines = str(found).splitlines()
    assert lines[3].startswith("dense1 (relu), frozen ")
    assert lines[4].startswith("dense2 (relu), partly frozen ")
    assert found.layers[0].gradient_norm is None
    assert asdict(found)["layers"][0]["frozen"] == 1


def test_a_walkthrough_shows_what_is_frozen_and_proves_the_rest(tmp_path):
    net = ml.mlp([1, 2, 1], "tanh", seed=0)
    net[0].trainable = False
    walkthrough = ml.explain(net, X[1:3], Y[1:3], loss="mse", optimizer="adam")
    assert walkthrough.problem.frozen == ("dense1.weight", "dense1.bias")
    assert not walkthrough.verify()
    assert {v.name for v in walkthrough.verdicts} >= {"∂dense2.weight", "∂dense2.bias"}
    assert all(v.verdict == "pass" for v in walkthrough.verdicts)
    written = {array.name for step in walkthrough.steps for array in step.writes}
    assert not {"∂dense1.weight", "dense1.weight"} & written
    assert "dense1.weight [1×2], frozen" in str(walkthrough)
    assert "dense2.weight [2×1], frozen" not in str(walkthrough)
    assert "`dense1.weight`, frozen" in walkthrough.to_markdown()
    assert "dense1.weight, frozen</span>" in walkthrough.to_html()
    assert walkthrough.to_svg(step=3)
    walkthrough.save(tmp_path / "step.json")
    assert ml.Walkthrough.load(tmp_path / "step.json") == walkthrough


def test_an_anomaly_is_looked_for_in_a_partly_frozen_network():
    net = ml.mlp([1, 2, 1], seed=0)
    net[0].trainable = False
    net[1].bias.data = np.inf
    with pytest.raises(ml.AnomalyError), ml.detect_anomaly():
        ml.fit(net, X, Y, loss="mse", epochs=1)


def test_a_graph_from_before_freezing_leaves_a_gradient_that_nobody_uses():
    weight = parameter(2.0)
    loss = (weight * weight).sum()
    optimizer = ml.SGD([weight], 0.5)
    weight.requires_grad = False
    loss.backward()
    optimizer.step()
    assert weight.item() == 2.0
