"""Saving and loading: training goes on bit for bit; what a file cannot hold is said at once."""

import json
import os
import stat
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

import minidl as ml
from minidl.core.errors import ArgumentError, FileError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
CLASSES = (X @ [1.0, -2.0, 0.5] > 0).astype(np.int64)


@pytest.mark.parametrize("optimizer", ml.optimizers.names())
def test_saved_training_goes_on_bit_for_bit(tmp_path, optimizer):
    settings = {"loss": "bce", "batch_size": 16, "seed": 4}

    def network():
        return ml.mlp([3, 8, 1], hidden="prelu", output="sigmoid", seed=3, dropout=0.2)

    whole = network()
    schedule = ml.WarmUp(ml.Cosine(1e-2, steps=20), steps=3)
    ml.fit(whole, X, CLASSES, optimizer=optimizer, learning_rate=schedule, epochs=6, **settings)

    first = network()
    ml.fit(first, X, CLASSES, optimizer=optimizer, learning_rate=schedule, epochs=2, **settings)
    first.save(tmp_path / "half.safetensors")
    second = ml.load(tmp_path / "half.safetensors")
    ml.fit(second, X, CLASSES, optimizer=second.optimizer, epochs=4, **settings)
    assert second.block.values.tobytes() == whole.block.values.tobytes()
    for name, state in whole.optimizer.state.items():
        assert second.optimizer.state[name].tobytes() == state.tobytes()


def damaged(path):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def foreign(path):
    save_file({"x": np.zeros(3)}, path)


def shortened(path):
    header = {"dtype": "float32", "layers": [{"kind": "dense"}]}
    metadata = {"format": "minidl-1", "header": json.dumps(header)}
    save_file({"x": np.zeros(3)}, path, metadata=metadata)


@pytest.mark.parametrize("harm", [damaged, foreign, shortened, lambda path: path.unlink()])
def test_bad_files_are_refused(tmp_path, harm):
    path = tmp_path / "net.safetensors"
    ml.mlp([3, 4, 1], seed=0).save(path)
    harm(path)
    with pytest.raises(FileError) as caught:
        ml.load(path)
    assert caught.value.culprit == str(path)


def test_unwritable_folder(tmp_path):
    with pytest.raises(FileError) as caught:
        ml.mlp([3, 4, 1]).save(tmp_path / "missing" / "net.safetensors")
    assert "folder" in caught.value.expected


def test_what_no_file_can_be_is_refused(tmp_path, monkeypatch, refused):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    net = ml.mlp([3, 4, 1])
    with refused(FileError, "file/net", "in the folder file", "Not a directory", "Make the folder"):
        net.save("file/net")
    for folder in ("", ".", "/", "..", tmp_path):
        with refused(FileError, str(Path(folder)), "a file that can", "a folder", "Name a file"):
            net.save(folder)
    with refused(FileError, "a\0b", "a file that can", "null", "Choose another"):
        net.save("a\0b")
    with refused(FileError, "n" * 300, "a file that can", "name too long", "Choose another"):
        net.save("n" * 300)
    for use in (net.save, ml.load):
        for nothing in (None, 3):
            with refused(ArgumentError, "path", "a file", repr(nothing), '"net.safetensors"'):
                use(nothing)
    with refused(FileError, str(tmp_path), "a saved network", "a folder", "Check the path"):
        ml.load(tmp_path)
    with refused(FileError, "a\0b", "a saved network", "no such file", "Check the path"):
        ml.load("a\0b")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_every_saved_layer_comes_back(tmp_path):
    made = ml.Sequential(
        ml.Dense(3, 4, ml.activations["leaky_relu"].with_settings(alpha=0.2)),
        ml.Activation("elu", alpha=0.5),
        ml.Dropout(0.4, seed=7),
        ml.Dense(4, 2, "prelu", dtype="float32"),
    )
    made.save(tmp_path / "net.safetensors")
    back = ml.load(tmp_path / "net.safetensors")
    assert [layer.config() for layer in back] == [layer.config() for layer in made]
    np.testing.assert_array_equal(back.predict(X), made.predict(X))


def test_a_layer_used_twice_is_saved_once(tmp_path):
    layer = ml.Dense(3, 3, "tanh")
    made = ml.Sequential(layer, layer, ml.Dense(3, 1))
    ml.fit(made, X, CLASSES, loss="mse", epochs=2)
    made.save(tmp_path / "net.safetensors")
    back = ml.load(tmp_path / "net.safetensors")
    assert back[0] is back[1]
    settings = {"loss": "mse", "epochs": 2, "record": True}
    ml.fit(made, X, CLASSES, optimizer=made.optimizer, **settings)
    ml.fit(back, X, CLASSES, optimizer=back.optimizer, **settings)
    np.testing.assert_array_equal(back.predict(X), made.predict(X))


def test_layers_of_two_networks_are_saved_under_their_own_places(tmp_path):
    encoder, decoder = ml.Sequential(ml.Dense(3, 2)), ml.Sequential(ml.Dense(2, 3))
    ml.Sequential(encoder, decoder)
    decoder.save(tmp_path / "decoder.safetensors")
    back = ml.load(tmp_path / "decoder.safetensors")
    np.testing.assert_array_equal(back.predict(X[:, :2]), decoder.predict(X[:, :2]))


def test_an_optimizer_of_some_parameters_comes_back(tmp_path):
    net = ml.mlp([3, 4, 1], seed=0)
    optimizer = ml.Adam(net[1].parameters())
    ml.fit(net, X, CLASSES, loss="mse", optimizer=optimizer, epochs=2)
    net.save(tmp_path / "net.safetensors")
    back = ml.load(tmp_path / "net.safetensors")
    names = [parameter.name for parameter in back.optimizer.parameters]
    assert names == ["dense2.weight", "dense2.bias"]
    for name, state in optimizer.state.items():
        np.testing.assert_array_equal(back.optimizer.state[name], state)


class Own(ml.Layer):
    def forward(self, x, training):
        return x * 2


class OwnRelu(ml.ActivationFunction):
    name = "relu"
    value = staticmethod(lambda x: x)
    slope = staticmethod(lambda x: 1.0)


class OwnAdam(ml.Adam):
    pass


class OwnSchedule(ml.Schedule):
    def __call__(self, step):
        return 0.01


NOT_DATA = {
    "own layer": ("own1", "np.savez", lambda: (ml.Sequential(ml.Dense(3, 1), Own()), {})),
    "own activation": ("dense1", "@ml.activation", lambda: (
        ml.Sequential(ml.Dense(3, 1, OwnRelu)), {})),
    "own optimizer": ("optimizer", "optimizer=False", lambda: (
        ml.mlp([3, 1]), {"optimizer": OwnAdam})),
    "function": ("learning_rate", "optimizer=False", lambda: (
        ml.mlp([3, 1]), {"learning_rate": lambda step: 0.01})),
    "own schedule": ("learning_rate", "optimizer=False", lambda: (
        ml.mlp([3, 1]), {"learning_rate": OwnSchedule()})),
    "own schedule after": ("learning_rate", "optimizer=False", lambda: (
        ml.mlp([3, 1]), {"learning_rate": ml.WarmUp(OwnSchedule(), 3)})),
}  # fmt: skip


@pytest.mark.parametrize("case", NOT_DATA)
def test_what_is_code_cannot_be_saved_and_nothing_is_written(tmp_path, case):
    culprit, remedy, make = NOT_DATA[case]
    net, settings = make()
    ml.fit(net, X, np.zeros((60, net.out_features or 1)), loss="mse", epochs=1, **settings)
    with pytest.raises(ArgumentError) as caught:
        net.save(tmp_path / "net.safetensors")
    assert culprit in caught.value.culprit
    assert remedy in caught.value.remedy
    assert not list(tmp_path.iterdir())
    if remedy == "optimizer=False":
        net.save(tmp_path / "net.safetensors", optimizer=False)
        np.testing.assert_array_equal(
            ml.load(tmp_path / "net.safetensors").predict(X), net.predict(X)
        )


def test_another_networks_optimizer_is_not_saved(tmp_path):
    net, other = ml.mlp([3, 1]), ml.mlp([3, 1])
    with pytest.raises(ArgumentError, match="this network"):
        net.save(tmp_path / "net.safetensors", ml.Adam(other.parameters()))


def test_numbers_of_numpy_can_be_saved(tmp_path):
    net = ml.Sequential(ml.Dense(3, 1), ml.Activation("leaky_relu", alpha=np.float32(0.5)))
    ml.fit(net, X, CLASSES, loss="mse", epochs=1, learning_rate=np.float32(0.01))
    net.save(tmp_path / "net.safetensors")
    assert ml.load(tmp_path / "net.safetensors").optimizer.learning_rate == np.float32(0.01)


def test_an_activation_that_is_not_registered_where_it_is_loaded(tmp_path):
    @ml.activation
    class Passing(ml.ActivationFunction):
        name = "passing"
        value = staticmethod(lambda x: x)
        slope = staticmethod(lambda x: 1.0)

    try:
        ml.mlp([3, 1], output="passing").save(tmp_path / "net.safetensors")
    finally:
        ml.activations.unregister("passing")
    with pytest.raises(FileError, match="passing.*Import the module"):
        ml.load(tmp_path / "net.safetensors")


def test_a_claimed_width_takes_no_memory(tmp_path):
    dense = {"kind": "dense", "in_features": 10**6, "out_features": 10**6, "init": "auto",
             "activation": {"activation": "linear", "units": None}}  # fmt: skip
    metadata = {
        "format": "minidl-1",
        "header": json.dumps({"dtype": "float32", "layers": [dense]}),
    }
    save_file({"parameter/dense1.weight": np.zeros(3)}, tmp_path / "net.safetensors", metadata)
    with pytest.raises(FileError, match="too large for the numbers in the file"):
        ml.load(tmp_path / "net.safetensors")


def test_files_follow_umask_and_failures_leave_nothing(tmp_path):
    net, before = ml.mlp([3, 1]), os.umask(0o027)
    try:
        net.save(tmp_path / "net.safetensors")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "net.safetensors").stat().st_mode) == 0o640
    (tmp_path / "folder").mkdir()
    with pytest.raises(FileError):
        net.save(tmp_path / "folder")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "net.safetensors"]
    with pytest.raises(FileError) as caught:
        net.save(tmp_path / "missing" / "net.safetensors")
    assert caught.value.got == "No such file or directory"
