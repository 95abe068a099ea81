"""Training: bits, falling losses, history, early stopping, and data that is refused."""

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

import minidl as ml
from minidl.core.errors import ArgumentError, DataError, DtypeError, ShapeError, UnknownNameError
from minidl.nn.weighting import row_weights

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
CLASSES = (X @ [1.0, -2.0, 0.5] > 0).astype(np.int64)


def targets(loss):
    """Targets in the loss's domain for a network with three outputs."""
    one_hot = np.eye(3)[(CLASSES + (X[:, 2] > 0.5)).astype(int)]
    if 0 not in loss.target:
        return 2 * one_hot - 1
    return one_hot


def head(loss):
    return {"sigmoid": "sigmoid", "softmax": "softmax", "exp": "softplus"}.get(loss.link)


@pytest.mark.parametrize("optimizer", ml.optimizers.names())
@pytest.mark.parametrize("loss", ml.losses.names())
def test_loss_falls_for_every_hidden_activation(loss, optimizer):
    loss = ml.losses[loss]
    for hidden in ml.activations:
        net = ml.mlp([3, 8, 3], hidden=hidden, output=head(loss), seed=1)
        history = ml.fit(net, X, targets(loss), loss=loss, optimizer=optimizer, epochs=8,
                         learning_rate=1e-2, batch_size=20)  # fmt: skip
        assert history["loss"][-1] < history["loss"][0], hidden


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_optimizers_equal_their_definition(dtype):
    """One step of each against the formula in float64, by hand."""
    gradient, start = np.array([0.5, -2.0, 0.0]), np.array([1.0, -1.0, 3.0])

    def after(cls, steps=1, **settings):
        p = ml.Tensor(start, requires_grad=True, dtype=dtype)
        optimizer = cls([p], **settings)
        for _ in range(steps):
            p.grad = gradient
            optimizer.step()
        return p.numpy().astype(float)

    def close(got, wanted):
        np.testing.assert_allclose(got, wanted, rtol=4 * np.finfo(dtype).eps)

    close(after(ml.SGD, learning_rate=0.1), start - 0.1 * gradient)
    close(
        after(ml.SGD, steps=2, learning_rate=0.1, momentum=0.9), start - 0.1 * gradient * (1 + 1.9)
    )
    close(
        after(ml.SGD, learning_rate=0.1, momentum=0.9, nesterov=True), start - 0.1 * gradient * 1.9
    )
    close(
        after(ml.SGD, learning_rate=0.1, weight_decay=0.5), start - 0.1 * (gradient + 0.5 * start)
    )
    wanted = start - 0.1 * gradient / (np.abs(gradient) + 1e-8)
    close(after(ml.Adam, learning_rate=0.1), wanted)
    close(after(ml.AdamW, learning_rate=0.1, weight_decay=0.5), wanted - 0.05 * start)
    close(
        after(ml.RMSprop, learning_rate=0.1, rho=0.9),
        start - 0.1 * gradient / (np.sqrt(0.1) * np.abs(gradient) + 1e-8),
    )
    clipped = gradient / np.linalg.norm(gradient)
    close(after(ml.SGD, learning_rate=0.1, clip_norm=1.0), start - 0.1 * clipped)
    close(after(ml.SGD, learning_rate=0.1, clip_value=0.4), start - 0.1 * gradient.clip(-0.4, 0.4))


@pytest.mark.parametrize(("dtype", "steps"), [("float32", 1000), ("float64", 8000)])
@pytest.mark.parametrize(
    ("cls", "settings"),
    [(ml.Adam, {"beta2": 0.9}), (ml.RMSprop, {"rho": 0.9}), (ml.SGD, {"momentum": 0.9})],
)
def test_moments_that_nothing_feeds_go_to_zero(cls, settings, dtype, steps):
    """A dead unit's would end up subnormal for good, and a step take several times as long."""
    p = ml.Tensor([1.0, 1.0], requires_grad=True, dtype=dtype)
    optimizer = cls([p], learning_rate=1e-9, **settings)
    for step in range(steps):
        p.grad = np.array([1.0, step == 0], dtype)
        optimizer.step()
    for moment in optimizer.state.values():
        fed, starved = moment
        assert fed != 0
        assert starved == 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_moments_that_little_feeds_are_kept(dtype):
    p = ml.Tensor([0.0], requires_grad=True, dtype=dtype)
    optimizer = ml.Adam([p], learning_rate=1.0, epsilon=0.0)
    for _ in range(200):
        p.grad = np.array([1e-16], dtype)
        optimizer.step()
    np.testing.assert_allclose(p.numpy(), -200, rtol=1e-4)


def test_same_seed_same_bits_and_another_seed_others():
    def weights(seed):
        net = ml.mlp([3, 8, 1], output="sigmoid", seed=seed, dropout=0.3)
        ml.fit(net, X, CLASSES, loss="bce", epochs=3, batch_size=16, seed=seed)
        return net.block.values.tobytes()

    assert weights(1) == weights(1)
    assert weights(1) != weights(2)


def test_one_block_and_one_stretch():
    net = ml.mlp([3, 8, 1], seed=0)
    held = [p.data for p in net.parameters()]
    ml.fit(net, X, X[:, 0], loss="mse", epochs=1)
    assert all(a is p.data for a, p in zip(held, net.parameters(), strict=True))
    assert all(p.data.base is net.block.values for p in net.parameters())
    assert len(net.optimizer._stretches()) == 1


def test_parameters_without_gradient_are_left_alone():
    a, b = (ml.Tensor([1.0], requires_grad=True) for _ in range(2))
    optimizer = ml.SGD([a, b], learning_rate=1.0, weight_decay=0.5)
    (a * 2).sum().backward()
    optimizer.step()
    assert a.item() == -1.5
    assert b.item() == 1.0


def test_validation_early_stopping_and_history():
    net = ml.mlp([3, 16, 1], output="sigmoid", seed=0)
    noise = RNG.integers(0, 2, 60)
    history = ml.fit(net, X, noise, loss="bce", epochs=200, learning_rate=3e-2, seed=0,
                     validation_split=0.3, metrics=["accuracy"], early_stopping=5)  # fmt: skip
    assert history.stopped == "early stopping"
    assert set(history) == {"loss", "val_loss", "val_accuracy"}
    best = history["val_loss"].index(min(history["val_loss"]))
    assert history.best_epoch == best
    assert len(history["loss"]) == best + 6


def test_early_stopping_restores_the_best_weights():
    net = ml.mlp([3, 16, 1], output="sigmoid", seed=0)
    data = (X[:20], RNG.integers(0, 2, 20))
    history = ml.fit(net, X[20:], CLASSES[20:], loss="bce", epochs=200, learning_rate=3e-2,
                     validation_data=data, early_stopping=5)  # fmt: skip
    assert ml.evaluate(net, *data, loss="bce")["loss"] == min(history["val_loss"])


def test_callbacks_and_interruption():
    class Interrupt(ml.Callback):
        batches = 0

        def on_batch_end(self, net, loss):
            self.batches += 1
            if self.batches == 5:
                raise KeyboardInterrupt

    watcher = Interrupt()
    net = ml.mlp([3, 4, 1], seed=0)
    history = ml.fit(net, X, X[:, 0], loss="mse", epochs=9, batch_size=20, callbacks=[watcher])
    assert history.stopped == "interrupted"
    assert len(history["loss"]) == 1
    assert net.optimizer.steps == 5


DIVERGES = {"loss": "mse", "optimizer": "sgd", "epochs": 50, "validation_split": 0.2}


@pytest.mark.parametrize("rate", [1e12, 2.0])  # at once; after some epochs
def test_divergence_is_said_once_and_no_curve_is_shorter(rate):
    net = ml.mlp([3, 4, 1], seed=0)
    with pytest.warns(RuntimeWarning) as caught:
        history = ml.fit(net, X, X[:, 0] * 10, learning_rate=rate, metrics=["r2"], **DIVERGES)
    assert history.stopped == "diverged"
    epochs = len(history["loss"])
    assert {name: len(curve) for name, curve in history.items()} == dict.fromkeys(
        ("loss", "val_loss", "val_r2"), epochs
    )
    assert np.isfinite(history["loss"][:-1]).all()
    assert np.isnan([history["val_loss"][-1], history["val_r2"][-1]]).all()
    (warning,) = caught
    assert f"was {history['loss'][-1]:g} in epoch {epochs - 1}," in str(warning.message)
    assert f"Lower learning_rate={rate:g}" in str(warning.message)
    assert warning.filename == __file__


def test_what_diverges_under_early_stopping_keeps_its_best_weights():
    net = ml.mlp([3, 4, 1], seed=0)
    with pytest.warns(RuntimeWarning, match="the weights are epoch 0's"):
        ml.fit(net, X, X[:, 0] * 10, learning_rate=2.0, early_stopping=40, **DIVERGES)
    assert np.isfinite(net.predict(X)).all()


def test_curves_are_there_before_the_first_epoch_has_ended():
    class Interrupt(ml.Callback):
        def on_batch_end(self, net, loss):
            raise KeyboardInterrupt

    net = ml.mlp([3, 4, 1], seed=0)
    history = ml.fit(net, X, X[:, 0], loss="mse", validation_split=0.2, callbacks=[Interrupt()])
    assert dict(history) == {"loss": [], "val_loss": []}
    assert "interrupted" in repr(history)


def test_weights_count_as_repeated_rows():
    def trained(x, y, **weights):
        net = ml.mlp([3, 4, 1], output="sigmoid", seed=0, dtype="float64")
        ml.fit(net, x, y, loss="bce", epochs=3, batch_size=1000, shuffle=False, **weights)
        return net.block.values

    twice = np.concatenate([X, X[CLASSES == 1]])
    labels = np.concatenate([CLASSES, CLASSES[CLASSES == 1]])
    repeated = trained(twice, labels)
    np.testing.assert_allclose(trained(X, CLASSES, class_weight={0: 1, 1: 2}), repeated, rtol=1e-9)
    np.testing.assert_allclose(trained(X, CLASSES, sample_weight=1 + CLASSES), repeated, rtol=1e-9)


class Series:
    """As a pandas Series: it has items, and is no Mapping."""

    def items(self):
        return zip(np.arange(2), np.array([1.0, 2.0]), strict=True)


ONE_AND_TWO = {
    "a Series": Series(),
    "JSON's keys": {"0": 1, "1": 2.0},
    "numpy's numbers": {np.int64(0): np.float32(1), np.float64(1): np.int8(2)},
    "arrays of one number": {0: np.array(1), 1: np.array(2.0)},
    "tensors of one number": {0: ml.Tensor(1.0), 1: ml.Tensor(2)},
    "truth values": {False: True, np.True_: 2},
}


@pytest.mark.parametrize("given", ONE_AND_TWO)
def test_class_weights_are_taken_as_they_come(given):
    weights = row_weights(np.array([0.0, 1.0, 1.0]), None, ONE_AND_TWO[given], "fit")
    assert weights.tolist() == [1.0, 2.0, 2.0]


@pytest.mark.parametrize(
    "given", [{0: 1, "one": 2}, {0: 1, 1: [2]}, {0: 1, 1: np.ones(1)}, {0: 1, 1: "2"}, {"nan": 1}]
)
def test_class_weights_that_are_no_numbers_are_refused(given):
    with pytest.raises(ArgumentError, match="expected a number in"):
        row_weights(np.array([0.0, 1.0]), None, given, "fit")


def test_validation_data_are_any_two_and_no_share_is_none():
    def curves(**settings):
        network = ml.mlp([3, 4, 1], seed=0)
        return dict(ml.fit(network, X, X[:, 0], loss="mse", epochs=2, **settings))

    pair = (X[:20], X[:20, 0])
    wanted = curves(validation_data=pair)
    assert "val_loss" in wanted
    for given in (list(pair), iter(pair), {"X": pair[0], "y": pair[1]}.values()):
        assert curves(validation_data=given, validation_split=None) == wanted
    assert list(curves(validation_split=None)) == ["loss"]
    for given in (3.0, np.array(3.0), iter([X])):
        with pytest.raises(ArgumentError, match=r"the two arrays \(X, y\), got a "):
            curves(validation_data=given)


def test_balanced_class_weights_are_scikit_learns():
    rare = np.repeat([0.0, 1, 2], [40, 8, 2])
    weights = row_weights(rare, None, "balanced", "fit")
    expected = compute_class_weight("balanced", classes=np.unique(rare), y=rare)
    np.testing.assert_allclose(weights, expected[rare.astype(int)], rtol=1e-15)
    hot = row_weights(np.eye(3)[rare.astype(int)], None, "balanced", "fit")
    np.testing.assert_array_equal(hot, weights)
    with pytest.raises(ArgumentError, match="Write class_weight='balanced'"):
        row_weights(rare, None, "ballanced", "fit")


def net(*widths, **settings):
    return ml.mlp(list(widths), **settings)


REFUSED = {
    "y of another length": (ShapeError, "60 rows", "(59,", lambda: ml.fit(
        net(3, 4, 1), X, CLASSES[1:], loss="mse")),
    "text": (DataError, "numbers", "<U1", lambda: ml.fit(
        net(3, 4, 1), np.array([["a", "b", "c"]]), [0.0], loss="mse")),
    "no epochs": (ArgumentError, "at least 1", "0", lambda: ml.fit(
        net(3, 4, 1), X, X[:, 0], loss="mse", epochs=0)),
    "unknown loss": (UnknownNameError, "huber", "'hubber'", lambda: ml.fit(
        net(3, 4, 1), X, X[:, 0], loss="hubber")),
    "unknown optimizer": (UnknownNameError, "adam", "'adm'", lambda: ml.fit(
        net(3, 4, 1), X, X[:, 0], loss="mse", optimizer="adm")),
    "tensor of another dtype": (DtypeError, "one dtype", "float64", lambda: net(3, 4, 1)(
        ml.Tensor(X, dtype="float64"))),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input_is_refused_with_a_remedy(case):
    kind, expected, got, attempt = REFUSED[case]
    with pytest.raises(kind) as caught:
        attempt()
    error = caught.value
    assert expected in error.expected
    assert got in error.got
    assert error.culprit
    assert error.remedy.endswith((".", "?"))
    assert all(part in str(error) for part in (error.culprit, error.got, error.remedy))


def test_a_network_fits_and_evaluates_itself():
    X, y = np.linspace(-1, 1, 40).reshape(-1, 1), np.linspace(0, 1, 40)
    nets = [ml.mlp([1, 4, 1], "tanh", seed=0) for _ in range(2)]
    options = {"loss": "mse", "epochs": 3, "learning_rate": 0.1}
    assert nets[0].fit(X, y, **options) == ml.fit(nets[1], X, y, **options)
    np.testing.assert_array_equal(nets[0].block.values, nets[1].block.values)
    assert nets[0].evaluate(X, y, loss="mse") == ml.evaluate(nets[1], X, y, loss="mse")
    with pytest.warns(RuntimeWarning, match="diverged") as caught:
        nets[0].fit(X, y, loss="mse", optimizer="sgd", learning_rate=1e9, epochs=3)
    assert [warning.filename for warning in caught] == [__file__]
