"""A network keeps the program of its last training: what it depends on, and what it holds."""

import copy
import gc
import pickle
import weakref

import numpy as np
import pytest
from steps import T, X, Y

import minidl as ml
from minidl.training import runner


@pytest.fixture
def records(monkeypatch):
    """How often a step is recorded."""
    counted = []
    original = runner.record_training

    def record(*arguments, **settings):
        counted.append(1)
        return original(*arguments, **settings)

    monkeypatch.setattr(runner, "record_training", record)
    return counted


def network(**settings):
    return ml.Sequential(
        ml.Dense(3, 8, ml.leaky_relu(alpha=0.1), seed=0),
        ml.Dropout(0.3, seed=1),
        ml.Dense(8, 1, seed=2),
        **settings,
    )


def trained(nets, **settings):
    """The bits that three trainings of one network leave, each with another optimizer."""
    left = []
    for i in range(3):
        net = nets(i)
        history = ml.fit(net, X, Y[:, 0], **{"loss": "mse", "epochs": 2, "seed": i, **settings})
        state = [array.tobytes() for array in net.optimizer.state.values()]
        left.append(([*history["loss"]], net.block.values.tobytes(), state, net.optimizer.steps))
    return left


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "rmsprop"])
@pytest.mark.parametrize("batch_size", [8, 16, 40])
def test_a_kept_program_gives_the_bits_of_a_new_one(records, optimizer, batch_size):
    net = network()
    kept = trained(lambda i: net, optimizer=optimizer, batch_size=batch_size)
    assert len(records) == 1
    net = network()
    eager = trained(lambda i: net, optimizer=optimizer, batch_size=batch_size, record=False)
    assert kept == eager
    assert len(records) == 1


def change_learning_rate(net, settings):
    settings["learning_rate"] = 0.5


def change_data(net, settings):
    settings["seed"] = 5


SAME = [change_learning_rate, change_data]


def change_rows(net, settings):
    settings["batch_size"] = 5


def change_loss(net, settings):
    settings["loss"] = "mae"


def change_setting_of_the_loss(net, settings):
    settings["loss"] = ml.huber(delta=0.3)


def change_optimizer(net, settings):
    settings["optimizer"] = "rmsprop"


def clip(net, settings):
    settings["optimizer"] = ml.Adam(net.parameters(), clip_norm=0.1)


def add_weights(net, settings):
    settings["sample_weight"] = np.linspace(0, 1, 40)


def freeze(net, settings):
    net[0].weight.requires_grad = False


def change_dropout(net, settings):
    net[1].rate = 0.8


def replace_numbers_of_the_activation(net, settings):
    net[0].function.hyper_values = np.array([0.9])


def train_some(net, settings):
    settings["optimizer"] = ml.Adam(net[2].parameters())


OTHER = [
    change_rows, change_loss, change_setting_of_the_loss, change_optimizer, clip, add_weights,
    freeze, change_dropout, replace_numbers_of_the_activation, train_some,
]  # fmt: skip


@pytest.mark.parametrize("change", [*SAME, *OTHER], ids=lambda change: change.__name__)
def test_what_a_program_depends_on(records, change):
    def left(record):
        net = network()
        settings = {"loss": "mse", "epochs": 2, "batch_size": 16, "seed": 0, "record": record}
        ml.fit(net, X, Y[:, 0], **settings)
        change(net, settings)
        history = ml.fit(net, X, Y[:, 0], **settings)
        return [*history["loss"]], net.block.values.tobytes()

    recorded = left(True)
    assert len(records) == (1 if change in SAME else 2)
    assert recorded == left(False)


def test_a_network_with_a_layer_of_the_users_own_records_anew(records):
    class Twice(ml.Layer):
        keeps_width = True

        def forward(self, x, training):
            return x * 2.0

    net = ml.Sequential(ml.Dense(3, 1, seed=0), Twice())
    for _ in range(2):
        ml.fit(net, X, Y[:, 0], loss="mse", epochs=1)
    assert len(records) == 2
    assert net._last_program is None


def test_it_holds_no_data():
    net, inputs = network(), np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    net.predict(inputs)
    alive = weakref.ref(inputs)
    ml.fit(net, inputs, Y[:, 0], loss="mse", epochs=1)
    assert net._last_program is not None
    for program in (net._last_program.program, *net._last_program.program._others.values()):
        assert not any(slot.any() for slot in program.inputs)
    del inputs
    gc.collect()
    assert alive() is None


def test_copies_pickles_and_files_leave_it_out(tmp_path):
    net = network()
    ml.fit(net, X, Y[:, 0], loss="mse", epochs=1)
    assert net._last_program is not None
    for twin in (copy.copy(net), copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert twin._last_program is None
    net.save(tmp_path / "net.safetensors")
    twin = ml.load(tmp_path / "net.safetensors")
    for one in (net, twin):
        ml.fit(one, X, Y[:, 0], loss="mse", epochs=2, optimizer=one.optimizer)
    np.testing.assert_array_equal(net.block.values, twin.block.values)


def test_freezing_between_epochs_records_again(records):
    """C1 of the border: the frozen weight stays, what is not frozen goes on."""

    class Freeze(ml.Callback):
        def on_epoch_end(self, net, epoch, measured):
            seen.append((net[0].weight.numpy().item(), net[0].bias.numpy().item()))
            net[0].weight.requires_grad = epoch == 2

    for optimizer in ("sgd", "adam", "adamw"):
        left = []
        for record in (True, False):
            seen, net = [], ml.mlp([1, 1], output="sigmoid", seed=0)
            ml.fit(
                net, X[:, :1], T, loss="bce", optimizer=optimizer, learning_rate=0.1, epochs=5,
                callbacks=[Freeze()], record=record,
            )  # fmt: skip
            left.append(seen)
        recorded, eager = left
        assert recorded == eager
        weights, biases = zip(*recorded, strict=True)
        assert weights[0] == weights[1] == weights[2] != weights[3] == weights[4]
        assert len(set(biases)) == 5
