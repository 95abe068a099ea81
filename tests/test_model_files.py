"""A model file is what was saved, or refused: damage, claims without numbers, formats, versions."""

import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from damage import cuts, flips, model, model_file, outcomes
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

import minidl as ml
from minidl.core.errors import ArgumentError, FileError

DATA = Path(__file__).parent / "data"


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    return model_file(tmp_path_factory.mktemp("network") / "net.safetensors")


# -------------------------------------------------------------------------------------- damage


@pytest.mark.parametrize(("damage", "number"), [(cuts, 60), (flips, 400)])
def test_a_damaged_file_is_refused_or_identical(network, damage, number):
    damaged = damage(network.read_bytes(), number, np.random.default_rng(1))
    counts = outcomes(model, network, damaged)
    assert counts["refused"] + counts["identical"] == number
    assert counts["refused"] > number / 2


def parts(path):
    with safe_open(path, framework="numpy") as file:
        return file.metadata(), load_file(path)


def last_bit(metadata, arrays):
    arrays["state/v"][-1] = np.nextafter(arrays["state/v"][-1], np.float32(1))


def renamed(metadata, arrays):
    arrays["parameter/dense1.bias"], arrays["state/m"] = arrays["state/m"], arrays["state/v"]


def older(metadata, arrays):
    metadata["format"] = "minidl-1"


def without_digest(metadata, arrays):
    del metadata["sha256"]


def digest_elsewhere(metadata, arrays):
    metadata["rha256"] = metadata.pop("sha256")


def older_digest_elsewhere(metadata, arrays):
    older(metadata, arrays)
    digest_elsewhere(metadata, arrays)


def other_header(metadata, arrays):
    metadata["header"] = metadata["header"].replace('"drawn": ', '"drawn": 1')


def another_fact(metadata, arrays):
    metadata["note"] = "mine"


@pytest.mark.parametrize(
    "change",
    [last_bit, renamed, older, without_digest, digest_elsewhere, older_digest_elsewhere,
     other_header, another_fact],
)  # fmt: skip
def test_whatever_changes_breaks_the_digest(network, tmp_path, change):
    path = tmp_path / "net.safetensors"
    metadata, arrays = parts(network)
    save_file(arrays, path, metadata)
    assert model(path) == model(network)
    change(metadata, arrays)
    save_file(arrays, path, metadata)
    with pytest.raises(FileError, match="save") as caught:
        ml.load(path)
    assert caught.value.culprit == str(path)


def test_a_file_from_before_there_was_a_digest_still_loads():
    path = DATA / "earlier.safetensors"
    metadata, arrays = parts(path)
    assert metadata["format"] == "minidl-1"
    net = ml.load(path)
    for parameter in net.parameters():
        assert parameter.numpy().tobytes() == arrays[f"parameter/{parameter.name}"].tobytes()
    for name, state in net.optimizer.state.items():
        assert state.tobytes() == arrays[f"state/{name}"].tobytes()
    assert net.optimizer.steps == 8  # 2 epochs of 60 rows in batches of 16
    # What the version that wrote the file predicted.
    [[prediction]] = net.predict([[1.0, 2.0, 3.0]])
    assert prediction == pytest.approx(0.604938805103302, abs=1e-6)


# --------------------------------------------------------------------------------------- claims

ADAM = {"learning_rate": 1e-3, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "weight_decay": 0.0}


def dense(**facts):
    activation = {"activation": "linear", "units": None}
    return {"kind": "dense", "in_features": 3, "out_features": 1, "init": "auto",
            "activation": activation, **facts}  # fmt: skip


def relu(**facts):
    return {"kind": "activation", "activation": "relu", "units": None, **facts}


def dropout(**facts):
    return {"kind": "dropout", "rate": 0.5, "seed": 1, "drawn": 2, **facts}


def layers(*described, **facts):
    return {"dtype": "float32", "layers": list(described), **facts}


def adam(settings=None, **facts):
    names = ["dense1.weight", "dense1.bias"]
    optimizer = {"name": "adam", "steps": 3, "clip_norm": None, "clip_value": None,
                 "settings": {**ADAM, **(settings or {})}, "parameters": names}  # fmt: skip
    return layers(dense(), optimizer={**optimizer, **facts})


def warm_ups(number):
    rate = 0.1
    for _ in range(number):
        rate = {"schedule": "WarmUp", "after": rate, "steps": 1}
    return rate


def nested(depth):
    return f'{{"dtype": "float32", "layers": {"[" * depth}{"]" * depth}}}'


NAN, HUGE = float("nan"), 10**400
CLAIMS = {
    "a width in a list": layers(dense(in_features=[0], out_features=10**9)),
    "a width of text": layers(dense(in_features="a", out_features=3 * 10**9)),
    "a width that is true": layers(dense(out_features=True)),
    "a width of no whole number": layers(dense(in_features=3.0)),
    "no width": layers({"kind": "dense"}),
    "large widths": layers(dense(in_features=10**6, out_features=10**6)),
    "widths beyond all integers": layers(dense(in_features=HUGE)),
    "many layers that are not there": layers(*[dense(in_features=100, out_features=100)] * 2000),
    "slopes that are not there": layers(dense(), relu(activation="prelu", units=10**10)),
    "slopes in a list": layers(dense(), relu(activation="prelu", units=[1])),
    "units of a ReLU": layers(dense(), relu(units=10**12)),
    "lists in each other": nested(50_000),
    "lists in each other, readably": nested(90),
    "mappings in each other": '{"layers":' * 3000 + "1" + "}" * 3000,
    "a width of lists": layers(dense(in_features=json.loads("[" * 95 + "]" * 95))),
    "many digits": '{"layers": 1' + "0" * 5000 + "}",
    "a list": "[]",
    "no data": "NaN",
    "no text": "",
    "more than layers are described with": '{"layers": [' + "[]," * 3_000_000 + "[]]}",
    "no dtype": {"layers": [dense()]},
    "half numbers": layers(dense(), dtype="float16"),
    "dtypes": layers(dense(), dtype=["float32"]),
    "no layers": layers(),
    "layers of none": layers(dtype="float32") | {"layers": None},
    "a layer instead of layers": layers() | {"layers": dense()},
    "a kind that is a list": layers(dense(kind=["dense"])),
    "half a character": '{"dtype": "float32", "layers": [{"kind": "\\ud800"}]}',
    "a layer again before the first": layers({"kind": "again", "place": 0}),
    "the last layer again": layers(dense(), {"kind": "again", "place": -1}),
    "a seed twice": layers(dense(seed=3)),
    "a huge stream": layers(dense(stream=10**30)),
    "an initializer in a list": layers(dense(init=["auto"])),
    "an activation in a list": layers(dense(), relu(activation=["relu"])),
    "an activation of none": layers(dense(), relu(activation=None)),
    "a slope of text": layers(dense(), relu(activation="leaky_relu", alpha="0.1")),
    "a slope in a list": layers(dense(), relu(activation="leaky_relu", alpha=[0.1])),
    "a slope that is none": layers(dense(), relu(activation="leaky_relu", alpha=NAN)),
    "a huge slope": layers(dense(), relu(activation="leaky_relu", alpha=HUGE)),
    "masks drawn beyond int64": layers(dense(), dropout(drawn=2**63)),
    "masks drawn below 0": layers(dense(), dropout(drawn=-3)),
    "half a mask": layers(dense(), dropout(drawn=2.5)),
    "a negative seed": layers(dense(), dropout(seed=-1)),
    "a rate that is none": layers(dense(), dropout(rate=NAN)),
    "steps beyond int64": adam(steps=2**63),
    "steps up to the end of int64": adam(steps=2**63 - 1),
    "steps below 0": adam(steps=-1),
    "half a step": adam(steps=1.5),
    "a step that is true": adam(steps=True),
    "a learning rate that is none": adam({"learning_rate": NAN}),
    "an infinite learning rate": json.dumps(adam()).replace("0.001", "1e999"),
    "a huge learning rate": adam({"learning_rate": HUGE}),
    "a learning rate of text": adam({"learning_rate": "0.1"}),
    "a learning rate that is true": adam({"learning_rate": True}),
    "a learning rate in a list": adam({"learning_rate": [0.1]}),
    "a schedule in a list": adam({"learning_rate": {"schedule": ["Cosine"]}}),
    "schedules in each other": adam({"learning_rate": warm_ups(900)}),
    "a huge beta": adam({"beta1": HUGE}),
    "another setting": adam({"beta3": 0.9}),
    "a parameter twice": adam(parameters=["dense1.weight", "dense1.weight", "dense1.bias"]),
    "parameters of others": adam(parameters=["dense2.weight", "dense1.bias"]),
    "parameters that are no list": adam(parameters={"dense1.weight": 1, "dense1.bias": 2}),
    "an optimizer in a list": adam(name=["adam"]),
    "no optimizer": layers(dense(), optimizer=None),
}  # fmt: skip


def small(folder, header, **others):
    """A file of a format that has no digest, which anybody may write."""
    path = folder / "net.safetensors"
    arrays = {
        "parameter/dense1.weight": np.zeros((3, 1), np.float32),
        "parameter/dense1.bias": np.zeros(1, np.float32),
    }
    text = header if isinstance(header, str) else json.dumps(header)
    if "optimizer" in text:
        arrays |= {f"state/{name}": np.zeros(4, np.float32) for name in ("m", "v")}
    save_file(arrays | others, path, {"format": "minidl-1", "header": text})
    return path


@pytest.mark.parametrize("header", [layers(dense()), adam(), adam({"learning_rate": warm_ups(3)})])
def test_these_files_are_whole_but_for_what_they_claim(tmp_path, header):
    assert ml.load(small(tmp_path, header)).in_features == 3


@pytest.mark.parametrize("claim", CLAIMS)
def test_what_a_file_claims_takes_no_memory_and_is_refused(tmp_path, claim):
    path = small(tmp_path, CLAIMS[claim])
    tracemalloc.start()
    try:
        with pytest.raises(FileError) as caught:
            ml.load(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1e6 + 20 * path.stat().st_size
    error = caught.value
    assert error.culprit == str(path)
    assert error.remedy
    assert len(str(error)) < 2000


@pytest.mark.parametrize(
    "others",
    [
        {"parameter/dense2.weight": np.zeros(3, np.float32)},
        {"parameter/dense1.weight": np.zeros((3, 1))},
        {"parameter/dense1.weight": np.zeros((1, 3), np.float32)},
        {"parameter/dense1.weight": np.zeros(3, np.float16)},
        {"parameter/dense1.weight": np.zeros((3, 1), np.int32)},
        {"note": np.zeros(0, np.bool_)},
    ],
)
def test_other_numbers_than_the_layers_have_are_refused(tmp_path, others):
    with pytest.raises(FileError, match="dense1.weight|dense2.weight|note"):
        ml.load(small(tmp_path, layers(dense()), **others))


@pytest.mark.parametrize("kind", ["F8_E4M3", "F8_E5M2", "BOOL", "U8", "BF16"])
def test_kinds_of_numbers_that_numpy_has_not_are_refused(tmp_path, kind, refused):
    size = 2 if kind == "BF16" else 1
    header = {
        "__metadata__": {"format": "minidl-1", "header": json.dumps(layers(dense()))},
        "parameter/dense1.weight": {"dtype": kind, "shape": [3, 1], "data_offsets": [0, 3 * size]},
    }
    text = json.dumps(header).encode()
    path = tmp_path / "net.safetensors"
    path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(3 * size))
    with refused(FileError, str(path), "a safetensors file", kind, "save it again"):
        ml.load(path)


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 8, b"\xff" * 8, b"\xff" * 100, (2**63).to_bytes(8, "little") + b"{}"]
)
def test_headers_that_are_none_are_refused(tmp_path, content):
    path = tmp_path / "net.safetensors"
    path.write_bytes(content)
    with pytest.raises(FileError, match="safetensors"):
        ml.load(path)


# ------------------------------------------------------------------------------------- subclasses


class Doubled(ml.Dense):
    def forward(self, x, training):
        return super().forward(x, training) * 2


class DoubledInSecret(Doubled):
    kind = "dense"


class DoubledActivation(ml.Activation):
    kind = "activation"

    def forward(self, x, training):
        return super().forward(x, training) * 2


class NoDropout(ml.Dropout):
    kind = "dropout"

    def forward(self, x, training):
        return x


class DoubledNetwork(ml.Sequential):
    def forward(self, x, training):
        return super().forward(x, training) * 2


@pytest.mark.parametrize(
    ("network", "culprit"),
    [
        (lambda: ml.Sequential(Doubled(3, 1)), "doubled1"),
        (lambda: ml.Sequential(DoubledInSecret(3, 1)), "dense1"),
        (lambda: ml.Sequential(ml.Dense(3, 1), DoubledActivation("tanh")), "activation1"),
        (lambda: ml.Sequential(ml.Dense(3, 1), NoDropout(0.5)), "dropout1"),
        (lambda: DoubledNetwork(ml.Dense(3, 1)), "DoubledNetwork"),
    ],
)
def test_a_subclass_is_code_and_no_file_holds_it(tmp_path, network, culprit, refused):
    """It would come back as what it was made from, and give other numbers."""
    path = tmp_path / "net.safetensors"
    with refused(ArgumentError, f"save: {culprit}", "no code", "a ", "np.savez"):
        network().save(path)
    assert not path.exists()


def test_a_network_that_only_builds_itself_is_saved(tmp_path):
    class Small(ml.Sequential):
        def __init__(self):
            super().__init__(ml.Dense(3, 1, seed=2))

    Small().save(tmp_path / "net.safetensors")
    back = ml.load(tmp_path / "net.safetensors")
    assert back.predict(np.ones((1, 3))) == Small().predict(np.ones((1, 3)))
