"""Freezing and thawing: what requires no gradient is listed, kept and shown, and never moves."""

import copy
import pickle

import numpy as np
import pytest

import minidl as ml
from minidl.block import Block

X, Y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0.0, 0.0, 1.0, 1.0])
ROWS = np.random.default_rng(0).normal(size=(40, 3))
TARGETS = ROWS @ [[1.0], [-2.0], [0.5]]


class At(ml.Callback):
    """Set ``requires_grad`` after an epoch, and note the numbers after each."""

    def __init__(self, wanted, *changes):
        self.wanted, self.changes, self.noted = wanted, dict(changes), []

    def epoch_ended(self, net, epoch, measured):
        if epoch in self.changes:
            self.wanted(net).requires_grad = self.changes[epoch]
        self.noted.append(self.wanted(net).numpy().copy())


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


def test_an_optimizers_parameters_cannot_be_exchanged_behind_its_state():
    optimizer = ml.SGD([parameter(1.0)])
    assert isinstance(optimizer.parameters, tuple)
