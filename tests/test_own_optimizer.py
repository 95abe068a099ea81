"""An optimizer of one's own: by its name in ``fit``, and in files."""

import numpy as np
import pytest

import minidl as ml
from minidl.core import ArgumentError, FileError
from minidl.optim import get_optimizer

X = np.linspace(-1, 1, 32).reshape(-1, 1)


def heavy_ball(name="heavy_ball", momentum=0.5):
    class HeavyBall(ml.Optimizer):
        states = ("velocity",)
        aliases = (f"{name}_too",)
        defaults = {"learning_rate": 0.1, "momentum": momentum}

        def constants(self):
            return [self.settings["momentum"]]

        def kernel(self, p, g, velocity, step_numbers):
            velocity[...] = np.float32(step_numbers[2]) * velocity + g
            p -= np.float32(step_numbers[0]) * velocity

    HeavyBall.name = name
    return HeavyBall


@pytest.fixture
def registered():
    cls = ml.optimizer(heavy_ball())
    yield cls
    ml.optimizers.unregister("heavy_ball")


def fitted(optimizer, epochs, net=None):
    net = net or ml.mlp([1, 4, 1], "tanh", seed=0)
    net.fit(X, X, loss="mse", optimizer=optimizer, epochs=epochs, record=False)
    return net


@pytest.mark.parametrize("name", ["heavy_ball", "heavy_ball_too"])
def test_fit_knows_it_by_name(registered, name):
    assert type(fitted(name, 1).optimizer) is registered
    given = get_optimizer(name, ml.mlp([1, 1]).parameters(), momentum=0.25)
    assert given.settings == {"learning_rate": 0.1, "momentum": 0.25}
    # Its update is SGD's with momentum.
    sgd = ml.mlp([1, 4, 1], "tanh", seed=0)
    fitted(ml.SGD(sgd.parameters(), learning_rate=0.1, momentum=0.5), 5, sgd)
    np.testing.assert_allclose(fitted(name, 5).block.values, sgd.block.values, rtol=1e-5, atol=1e-6)


def test_a_file_brings_it_back_with_its_state(registered, tmp_path):
    net = fitted("heavy_ball", 3)
    net.save(tmp_path / "net")
    loaded = ml.load(tmp_path / "net")
    assert type(loaded.optimizer) is registered
    assert loaded.optimizer.steps == net.optimizer.steps
    for each in (net, loaded):
        fitted(each.optimizer, 2, each)
    np.testing.assert_array_equal(loaded.block.values, net.block.values)


def test_a_file_that_names_one_which_nobody_registered_says_so(tmp_path, refused):
    ml.optimizer(heavy_ball("passing"))
    fitted("passing", 1).save(tmp_path / "net")
    ml.optimizers.unregister("passing")
    with refused(FileError, "net", "adam", "'passing'", "Import the module that registers it"):
        ml.load(tmp_path / "net")


def test_one_that_is_not_registered_is_not_saved(tmp_path, refused):
    net = ml.mlp([1, 1], seed=0)
    net.optimizer = heavy_ball()(net.parameters())
    with refused(ArgumentError, "optimizer", "adam", "HeavyBall", "Write @ml.optimizer above"):
        net.save(tmp_path / "net")


def test_a_class_that_is_written_again_replaces_the_one_before(registered):
    again = ml.optimizer(heavy_ball(momentum=0.75))
    assert ml.optimizers["heavy_ball"].cls is again


def test_what_is_no_optimizer_and_a_name_that_is_taken_are_refused(refused):
    with refused(ArgumentError, "@ml.optimizer", "made from ml.Optimizer", "a function", "kernel"):
        ml.optimizer(fitted)
    with refused(ArgumentError, "'adam'", "a name of its own", "'adam'", "another name"):
        ml.optimizer(heavy_ball("adam"))
