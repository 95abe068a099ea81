"""Seeds: any whole number from 0, everywhere; no two consumers share a stream."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest

import minidl as ml
from minidl import data
from minidl.core.errors import ArgumentError
from minidl.core.seeds import generator, random_state, stream
from minidl.data import Batches
from minidl.kernels.random import permutation
from minidl.nn import build_layer
from minidl.nn.initialization import initializers
from minidl.pairing.execution.trainer import _orders

PURPOSES = (
    "weights",
    "mask",
    "order",
    "validation",
    "split test",
    "split validation",
    "data moons",
)
SEEDS = (*range(21), 2**32, 2**32 + 1, 2**63, 2**64, 2**64 + 1, 2**64 + 2**32, 10**40, 2**4000)
X = np.linspace(-1.0, 1.0, 40).reshape(-1, 1)
Y = (X[:, 0] > 0).astype(float)


def test_no_two_streams_begin_alike():
    """Neither as kernels begin, with a 63-bit number, nor as NumPy's generators do."""
    places = [(), (0,), (1,), (2,), (0, 0), (0, 1), (1, 0), (2**32,), (2**64,)]
    keys = list(itertools.product(PURPOSES, SEEDS, places))
    starts = {stream(purpose, seed, *place) for purpose, seed, place in keys}
    assert len(starts) == len(keys)
    assert all(0 <= start < 2**63 for start in starts)
    few = list(itertools.product(PURPOSES, (0, 1, 2, 2**64), places))
    for make in (generator, random_state):
        drawn = {make(purpose, seed, *place).bytes(8) for purpose, seed, place in few}
        assert len(drawn) == len(few)


def test_a_stream_is_the_same_on_every_machine():
    """BLAKE2b of lengths and bytes, as its authors' reference implementation gives it."""
    from hashlib import blake2b

    parts = (b"weights", b"\x07", b"\x00\x01")
    text = b"".join(len(part).to_bytes(8, "little") + part for part in parts)
    whole = int.from_bytes(blake2b(text, digest_size=16).digest(), "little")
    assert stream("weights", 7, 256) == whole >> 65


def test_neighbouring_seeds_are_not_correlated():
    """Weights, masks and orders of 20 seeds in a row: correlations as chance has them."""

    def masks(seed):
        layer = ml.Dropout(0.5, seed=seed)
        return layer(ml.Tensor(np.ones((16, 64))), training=True).numpy().reshape(-1)

    def weights(seed):
        return initializers["he_normal"]((16, 64), seed).reshape(-1)

    def orders(seed):
        return permutation(1024, seed).astype(float)

    for draw in (weights, masks, orders):
        rows = np.corrcoef([draw(seed) for seed in range(20)])
        others = rows[np.triu_indices(20, 1)]
        # Of 190 correlations of 1,024 numbers, each within 5 deviations of 1 / √1024.
        assert abs(others).max() < 5 / 32
        assert abs(others.mean()) < 5 / 32 / np.sqrt(190)


def test_seeds_of_64_bits_have_the_weights_that_they_always_had():
    """Philox (Salmon, Moraes, Dror and Shaw 2011), whose key is the seed and the layer's place."""
    for seed, place in ((0, 0), (7, 3), (2**63, 0), (2**64 - 1, 2**64 - 1)):
        random = np.random.Generator(np.random.Philox(key=place << 64 | seed))
        expected = random.standard_normal((4, 5)) * np.sqrt(2 / 4)
        np.testing.assert_array_equal(initializers["he_normal"]((4, 5), seed, place), expected)


def test_layers_of_neighbouring_seeds_share_nothing():
    """Layer 1 of seed 0 drew the masks of layer 0 of seed 1, and weights of places alike."""
    drawn = {}
    for seed in range(4):
        net = ml.mlp([6, 6, 6, 6, 6], hidden="relu", output="relu", dropout=0.5, seed=seed)
        for place, layer in enumerate(net):
            if isinstance(layer, ml.Dropout):
                mask = layer(ml.Tensor(np.ones((8, 8))), training=True)
                drawn["mask", seed, place] = mask.numpy().tobytes()
            else:
                drawn["weights", seed, place] = layer.weight.numpy().tobytes()
    assert len(set(drawn.values())) == len(drawn) == 28


def test_orders_of_neighbouring_seeds_and_epochs_differ():
    drawn = [tuple(permutation(50, seed, step))
             for seed in range(10) for step in range(10)]  # fmt: skip
    assert len(set(drawn)) == 100


def test_sizes_of_seeds_matter():
    """2**64 was 0 to orders, an error to weights; none is another."""

    def trained(seed):
        net = ml.mlp([1, 4, 1], seed=0, output="sigmoid")
        history = ml.fit(net, X, Y, loss="bce", epochs=2, seed=seed, batch_size=8)
        return history["loss"][-1]

    draws = {
        "mlp": lambda seed: ml.mlp([2, 3], seed=seed).block.values.tobytes(),
        "Dense": lambda seed: ml.Dense(2, 3, seed=seed).weight.numpy().tobytes(),
        "Sequential": lambda seed: ml.Sequential(ml.Dense(2, 3), seed=seed).block.values.tobytes(),
        "Dropout": lambda seed: ml.Dropout(0.5, seed=seed)(
            ml.Tensor(np.ones(64)), training=True).numpy().tobytes(),
        "mlp(dropout)": lambda seed: ml.mlp([2, 3, 1], dropout=0.5, seed=seed)[1].counter.tobytes(),
        "initializer": lambda seed: initializers["he_normal"]((2, 3), seed).tobytes(),
        "fit": trained,
        "batches": lambda seed: next(data.batches(X, Y, 40, seed))[0].tobytes(),
        "load": lambda seed: data.load("moons", seed=seed).X.tobytes(),
        "generated": lambda seed: data.load("xor", seed=seed).X.tobytes(),
        "split": lambda seed: data.load("iris").split(seed=seed).X_test.tobytes(),
        "worksheet": lambda seed: ml.worksheet(seed=seed).to_json(),
    }  # fmt: skip
    for name, draw in draws.items():
        seeds = (0, 1, 2**32, 2**64, 2**64 + 1, 2**65)
        assert len({draw(seed) for seed in seeds}) == len(seeds), name
        assert draw(2**64) == draw(2**64), name


def bad(seed):
    net = ml.mlp([1, 1], seed=0)
    return {
        "mlp": lambda: ml.mlp([2, 3], seed=seed),
        "mlp(dropout)": lambda: ml.mlp([2, 3, 1], dropout=0.5, seed=seed),
        "Dense": lambda: ml.Dense(2, 3, seed=seed),
        "Sequential": lambda: ml.Sequential(ml.Dense(2, 3), seed=seed),
        "Dropout": lambda: ml.Dropout(0.5, seed=seed),
        "initializer": lambda: initializers["he_normal"]((2, 3), seed),
        "fit": lambda: ml.fit(net, X, Y, loss="mse", seed=seed),
        "batches": lambda: data.batches(X, Y, seed=seed),
        "load": lambda: data.load("moons", seed=seed),
        "split": lambda: data.load("iris").split(seed=seed),
        "worksheet": lambda: ml.worksheet(seed=seed),
    }


@pytest.mark.parametrize(
    "seed", [-1, -(10**5000), 1.0, True, "1", np.float64(2), [1]], ids=range(7)
)
def test_what_is_no_seed_is_refused(seed):
    for name, call in bad(seed).items():
        with pytest.raises(ArgumentError, match="a whole number of at least 0") as caught:
            call()
        assert "seed" in caught.value.culprit, name


def test_no_stream_is_a_place_before_the_first():
    for call in (lambda: ml.Dense(2, 3, seed=0, stream=-1), lambda: ml.Dropout(0.5, stream=-1)):
        with pytest.raises(ArgumentError, match=r"stream=…"):
            call()


def test_numpy_integers_are_seeds():
    assert ml.Dropout(0.5, seed=np.int64(3)).counter[0] == ml.Dropout(0.5, seed=3).counter[0]
    same = [initializers["he_normal"]((2, 3), seed) for seed in (3, np.uint8(3))]
    np.testing.assert_array_equal(*same)


def test_parts_of_a_split_and_a_dataset_share_no_stream():
    """scikit-learn's moons and its split of 500 rows drew the same permutation from one seed."""
    assert len(
        {random_state(purpose, 0).permutation(500).tobytes() for purpose in PURPOSES}
    ) == len(PURPOSES)
    held = [data.load(name).X[:, 0] for name in ("friedman1", "sparse")]
    assert not np.isin(held[0][:50], held[1]).any()


def test_a_validation_split_is_not_an_epoch_of_any_seed():
    """Which rows validate had been the order of an epoch of a neighbouring stream."""
    kept = generator("validation", 0).permutation(40).tolist()
    orders = [permutation(40, seed, step).tolist()
              for seed in range(5) for step in range(50)]  # fmt: skip
    assert kept not in orders


def test_trials_of_a_study_have_the_orders_of_fit():
    orders = _orders(Batches(rows=40, size=8), 2**70, 0, 3)
    for epoch in range(3):
        own = permutation(40, 2**70, 5 * epoch)
        np.testing.assert_array_equal(orders[epoch], own)


def test_dropout_goes_on_where_a_file_was_saved(tmp_path):
    net = ml.mlp([3, 8, 1], dropout=0.5, seed=2**70)
    ones = ml.Tensor(np.ones((4, 3)), dtype="float32")
    net(ones, training=True)
    net.save(tmp_path / "net.safetensors")
    twin = ml.load(tmp_path / "net.safetensors")
    for _ in range(3):
        np.testing.assert_array_equal(net(ones, True).numpy(), twin(ones, True).numpy())


def test_dropout_of_files_of_earlier_versions_draws_what_it_drew():
    """They hold the seed as the counter had it: masks depend on the counter alone."""
    layer = build_layer("dropout", json.loads('{"rate": 0.5, "seed": 9, "drawn": 3}'), "float32")
    assert layer.counter.tolist() == [9, 3]
    assert layer.config() == {"rate": 0.5, "seed": 9, "drawn": 3}
    # The masks of version 0.1: SplitMix64 of seed, draw and place, worked out in Python.
    mask = layer(ml.Tensor(np.ones(8)), training=True).numpy() > 0
    state = _mix(_mix(9) ^ 4)
    assert mask.tolist() == [(_mix(state ^ _mix(i)) >> 11) * 2.0**-53 >= 0.5 for i in range(8)]


def _mix(state):
    whole = 2**64 - 1
    state = (state + 0x9E3779B97F4A7C15) & whole
    state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & whole
    state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & whole
    return state ^ (state >> 31)
