"""Tied layers: one parameter, used twice, with one gradient."""

import copy
import pickle

import numpy as np
import pytest

import minidl as ml
from minidl.core import storage
from minidl.core.errors import ArgumentError, FileError, GradientError, ShapeError

ROWS = np.random.default_rng(0).normal(size=(40, 3))


def autoencoder(**settings):
    encoder = ml.Dense(3, 2, "tanh", seed=0, **settings)
    return ml.Sequential(encoder, ml.Dense(2, 3, weight=encoder.weight.T))


def doubled():
    first = ml.Dense(3, 3, "tanh", seed=0)
    return ml.Sequential(first, ml.Dense(3, 3, weight=first.weight))


NETWORKS = pytest.mark.parametrize("make", [autoencoder, doubled])


def test_a_tied_gradient_is_the_sum_of_both_ways():
    net = autoencoder(dtype="float64")
    W, x = net[0].weight.numpy(), ROWS
    h = np.tanh(x @ W)
    ml.mse(x, net(x)).backward()
    dy = 2 * (h @ W.T - x) / x.size
    dz = (dy @ W) * (1 - h * h)
    np.testing.assert_allclose(net[0].weight.grad, x.T @ dz + dy.T @ h, rtol=1e-12)


@NETWORKS
def test_a_tied_weight_is_listed_named_and_counted_once(make):
    net = make()
    assert [p.name for p in net.parameters()] == ["dense1.weight", "dense1.bias", "dense2.bias"]
    total = sum(p.size for p in net.parameters())
    rows = [line.split() for line in net.summary().splitlines()]
    assert rows[3][-1] == "3"
    assert rows[5] == ["total", str(total)]
    assert net.block.values.size == total


@NETWORKS
@pytest.mark.parametrize("record", [True, False])
def test_it_is_trained_saved_and_copied_tied(make, record, tmp_path):
    net = make()
    ml.fit(net, ROWS, ROWS, loss="mse", epochs=2, record=record)
    net[0].bias.requires_grad = False
    net.save(tmp_path / "net.safetensors")
    twins = [ml.load(tmp_path / "net.safetensors"), copy.deepcopy(net)]
    twins.append(pickle.loads(pickle.dumps(net)))
    for one in (net, *twins):
        ml.fit(one, ROWS, ROWS, loss="mse", epochs=3, optimizer=one.optimizer, record=not record)
        shared = one[0].weight if make is doubled else one[0].weight.T
        np.testing.assert_array_equal(one[1].weight.numpy(), shared.numpy())
        np.testing.assert_array_equal(one.predict(ROWS), net.predict(ROWS))
    twins[1][0].weight = np.zeros(twins[1][0].weight.shape)
    assert net[0].weight.numpy().any()


@NETWORKS
def test_a_tied_layer_alone_is_saved_with_its_numbers(make, tmp_path):
    alone = ml.Sequential(make()[1])
    inputs = ROWS[:, : alone.in_features]
    ml.fit(alone, inputs, ROWS, loss="mse", epochs=1)
    alone.save(tmp_path / "net.safetensors")
    back = ml.load(tmp_path / "net.safetensors")
    for one in (alone, back):
        ml.fit(one, inputs, ROWS, loss="mse", epochs=1, optimizer=one.optimizer)
    np.testing.assert_array_equal(back.predict(inputs), alone.predict(inputs))


@NETWORKS
def test_a_tied_network_is_explained_and_proved(make):
    net = make()
    walkthrough = ml.explain(net, ROWS[:2], ROWS[:2], loss="mse", optimizer="adam")
    assert not walkthrough.verify()
    assert {v.verdict for v in walkthrough.verdicts} == {"pass"}
    for text in (str(walkthrough), walkthrough.to_html(), walkthrough.to_markdown()):
        assert "dense1.weight" in text
    assert walkthrough.to_svg(step=2)
    names = [layer.name for layer in ml.diagnose(net, ROWS, ROWS, loss="mse").layers]
    assert names == ["dense1", "dense2"]


def test_a_frozen_weight_can_be_tied_and_thawed():
    encoder = ml.Dense(3, 2, "tanh", seed=0)
    encoder.trainable = False
    net = ml.Sequential(encoder, ml.Dense(2, 3, weight=encoder.weight.T))
    held = encoder.weight.numpy().copy()
    ml.fit(net, ROWS, ROWS, loss="mse", epochs=1)
    np.testing.assert_array_equal(encoder.weight.numpy(), held)
    encoder.trainable = True
    ml.fit(net, ROWS, ROWS, loss="mse", epochs=1)
    assert np.all(encoder.weight.numpy() != held)
    np.testing.assert_array_equal(net[1].weight.numpy(), encoder.weight.numpy().T)


def test_weights_that_nobody_seeded_are_drawn_once():
    encoder = ml.Dense(3, 2, "tanh")
    net = ml.Sequential(ml.Dense(3, 3), encoder, ml.Dense(2, 3, weight=encoder.weight.T))
    plain = ml.Sequential(ml.Dense(3, 3), ml.Dense(3, 2, "tanh"))
    np.testing.assert_array_equal(net[1].weight.numpy(), plain[1].weight.numpy())


def test_a_tie_takes_the_dtype_of_what_it_is_tied_to():
    net = autoencoder(dtype="float64")
    assert net.dtype == net[1].bias.dtype == np.float64


def test_what_is_no_parameter_cannot_be_tied(refused):
    encoder = ml.Dense(3, 2)
    for wrong in (np.ones((2, 3)), ml.Tensor(np.ones((2, 3))), encoder, encoder.weight.T * 2, 3):
        with refused(ArgumentError, "Dense(weight=…)", "a parameter", repr(wrong)[:6], ".weight.T"):
            ml.Dense(2, 3, weight=wrong)
    for wrong, widths in ((encoder.weight, (2, 3)), (encoder.weight.T, (3, 2))):
        with refused(ShapeError, "Dense(weight=…)", f"shape {widths}", "shape", ".weight.T"):
            ml.Dense(*widths, weight=wrong)


def test_a_transposed_weight_is_written_where_it_lies(refused):
    net = autoencoder()
    net[0].weight = np.arange(6.0).reshape(3, 2)
    np.testing.assert_array_equal(net[1].weight.numpy(), np.arange(6.0).reshape(3, 2).T)
    with refused(
        ArgumentError, "dense2.weight = …", "transpose of dense1.weight", "else", "Assign"
    ):
        net[1].weight = np.zeros((2, 3))


@pytest.mark.parametrize("frozen", [False, True])
def test_what_is_done_to_a_transpose_is_not_lost_in_silence(frozen, refused):
    net = autoencoder()
    net[0].trainable = not frozen
    with refused(GradientError, "requires_grad = …", "dense1.weight itself", "transpose", "Write"):
        net[1].weight.requires_grad = frozen
    for write in (
        lambda: net[1].weight.__setitem__(0, 1.0),
        lambda: setattr(net[1].weight, "data", np.zeros((2, 3))),
    ):
        with pytest.raises(GradientError, match="writing into the result of transpose"):
            write()
    with refused(ArgumentError, "sgd(parameters=…)", "parameters", "dense2.weight", "net.param"):
        ml.SGD([net[1].weight])


def test_a_file_that_ties_to_what_is_no_dense_layer_is_damaged(tmp_path):
    path = tmp_path / "net.safetensors"
    autoencoder().save(path)
    arrays, header = storage.read(path)
    assert header["layers"][1]["tied"] == 0
    for wrong in (1, 7, None, "dense1"):
        header["layers"][1]["tied"] = wrong
        storage.write(path, arrays, header)
        with pytest.raises(FileError):
            ml.load(path)
