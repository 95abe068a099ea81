"""What fit reports is what was measured: weights count in it, and best weights belong to it."""

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_sample_weight

import minidl as ml
from minidl.core.errors import DomainError, ShapeError
from minidl.core.seeds import generator

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
CLASSES = (X @ [1.0, -2.0, 0.5] + RNG.normal(size=60) > 0).astype(np.int64)
WEIGHTS = RNG.uniform(0.5, 2.0, 60)
BY_CLASS = {0: 1.0, 1: 7.0}


def network(*widths, **settings):
    return ml.mlp(list(widths or (3, 1)), seed=0, **{"dtype": "float64", **settings})


def still(net, x=X, y=None, **settings):
    """Training that changes nothing, so that anybody can work out what it reports."""
    y = x[:, 0] * 3 if y is None else y
    settings = {"loss": "mse", "epochs": 1, **settings}
    return ml.fit(net, x, y, optimizer="sgd", learning_rate=0.0, **settings)


def squares(net, x=X, y=None):
    """The loss of each row, by NumPy."""
    weight, bias = (parameter.numpy() for parameter in net.parameters())
    return ((x @ weight + bias)[:, 0] - (x[:, 0] * 3 if y is None else y)) ** 2


def kept(share, rows=60, seed=0):
    """The rows that fit keeps for validation, and those that it trains on."""
    order = generator("validation", seed).permutation(rows)
    return order[: round(rows * share)], order[round(rows * share) :]


# ------------------------------------------------------------------------ weights and validation


def test_rows_without_weight_count_in_no_validation():
    history = ml.fit(ml.mlp([1, 1], seed=0), np.zeros((4, 1)), [0, 0, 1e3, 1e3], loss="mse",
                     optimizer="sgd", epochs=1, learning_rate=0.0, sample_weight=[1, 1, 0, 0],
                     validation_split=0.5)  # fmt: skip
    assert history["val_loss"] == [0.0]


GIVEN = {
    "of rows": ({"sample_weight": WEIGHTS}, WEIGHTS),
    "of classes": ({"class_weight": BY_CLASS}, 1.0 + 6.0 * CLASSES),
    "of both": ({"sample_weight": WEIGHTS, "class_weight": BY_CLASS}, WEIGHTS * (1 + 6 * CLASSES)),
    "balanced": ({"class_weight": "balanced"}, compute_sample_weight("balanced", CLASSES)),
}  # fmt: skip


@pytest.mark.parametrize("case", GIVEN)
def test_weights_reach_the_validation_split(case):
    given, weights = GIVEN[case]
    net = network()
    history = still(net, y=CLASSES, validation_split=0.4, **given)
    aside, rest = kept(0.4)
    losses = squares(net, y=CLASSES)
    np.testing.assert_allclose(
        history["val_loss"], np.average(losses[aside], weights=weights[aside])
    )
    np.testing.assert_allclose(history["loss"], np.average(losses[rest], weights=weights[rest]))


def test_weights_reach_metrics():
    net = network(output="sigmoid")
    aside, _ = kept(0.4)
    history = still(net, y=CLASSES, loss="bce", validation_split=0.4, sample_weight=WEIGHTS,
                    class_weight=BY_CLASS, metrics=["accuracy"])  # fmt: skip
    right = (net.predict(X)[:, 0] > 0.5) == CLASSES
    weights = (WEIGHTS * (1 + 6 * CLASSES))[aside]
    assert 0.1 < right[aside].mean() < 0.9
    assert history["val_accuracy"] == [pytest.approx(np.average(right[aside], weights=weights))]


@pytest.mark.parametrize("wrap", [tuple, list, iter])
def test_validation_data_take_weights(wrap):
    net = network()
    part = X[:20], X[:20, 0] * 3, WEIGHTS[:20]
    history = still(net, validation_data=wrap(part))
    wanted = np.average(squares(net)[:20], weights=WEIGHTS[:20])
    np.testing.assert_allclose(history["val_loss"], wanted)
    np.testing.assert_allclose(history["loss"], squares(net).mean())
    measured = ml.evaluate(net, *part[:2], loss="mse", sample_weight=part[2])
    assert [measured["loss"]] == history["val_loss"]


def test_no_weights_for_validation_are_none():
    part = X[:20], X[:20, 0] * 3
    curves = [still(network(), validation_data=data)["val_loss"] for data in (part, (*part, None))]
    assert curves[0] == curves[1]


def test_classes_weigh_in_validation_data_what_they_weigh_in_training():
    """However the rows come: named, or as a share."""
    aside, rest = kept(0.4)
    settings = {"loss": "mse", "epochs": 3, "class_weight": BY_CLASS, "shuffle": False}
    named, share = network(), network()
    part = X[aside], CLASSES[aside], WEIGHTS[aside]
    one = ml.fit(named, X[rest], CLASSES[rest], sample_weight=WEIGHTS[rest], validation_data=part,
                 **settings)  # fmt: skip
    two = ml.fit(share, X, CLASSES, sample_weight=WEIGHTS, validation_split=0.4, **settings)
    assert dict(one) == dict(two)


def test_balanced_weights_of_validation_data_are_those_of_training():
    net, part = network(), (X[:20], np.zeros(20))  # balanced by itself, it would weigh nothing
    part[1][:2] = 1
    history = still(net, y=CLASSES, class_weight="balanced", validation_data=part)
    weights = 60 / (2 * np.bincount(CLASSES))[part[1].astype(int)]
    wanted = np.average(squares(net, *part), weights=weights)
    np.testing.assert_allclose(history["val_loss"], wanted)


# ------------------------------------------------------------------------------ the running loss


def test_one_weighted_row_is_the_loss_whatever_the_batch():
    for size in (1, 4):
        history = ml.fit(ml.mlp([1, 1], seed=0), np.zeros((4, 1)), [0, 0, 1e3, 1e3], loss="mse",
                         optimizer="sgd", epochs=1, learning_rate=0.0,
                         sample_weight=[0, 0, 0, 1], batch_size=size)  # fmt: skip
        assert history["loss"] == [1e6]


@pytest.mark.parametrize("record", [True, False])
@pytest.mark.parametrize("size", [2, 7, 60, 100])
def test_batches_weigh_what_their_rows_weigh(size, record):
    net = network()
    weights = np.where(np.arange(60) % 5, WEIGHTS, 0.0) * 10.0 ** (np.arange(60) % 3)
    history = still(net, batch_size=size, sample_weight=weights, record=record, epochs=2)
    wanted = np.average(squares(net), weights=weights)
    np.testing.assert_allclose(history["loss"], [wanted, wanted], rtol=1e-12)


def test_evaluate_weighs_over_all_its_batches():
    x = RNG.normal(size=(9000, 3))  # two batches and a part
    weights = np.linspace(0.0, 3.0, 9000)
    net = network()
    measured = ml.evaluate(net, x, x[:, 0] * 3, loss="mse", sample_weight=weights, metrics=["r2"])
    np.testing.assert_allclose(measured["loss"], np.average(squares(net, x), weights=weights))
    y, mean = x[:, 0] * 3, np.average(x[:, 0] * 3, weights=weights)
    wanted = 1 - np.average(squares(net, x), weights=weights) / np.average(
        (y - mean) ** 2, weights=weights
    )
    assert measured["r2"] == pytest.approx(wanted)
    labels = (x[:, 0] > 0.5).astype(int)
    measured = ml.evaluate(net, x, labels, loss="mse", class_weight=BY_CLASS)
    wanted = np.average(squares(net, x, labels), weights=1 + 6 * labels)
    assert measured["loss"] == pytest.approx(wanted)


# -------------------------------------------------------------------------------- best weights


def test_the_best_number_is_that_of_the_weights_that_come_back():
    """One row a step: w ← w − 2w. The loss before the update was 2.86, after it 25.8."""
    net, ones, zeros = ml.mlp([1, 1], seed=0), [[1.0]] * 4, [0.0] * 4
    history = ml.fit(net, ones, zeros, loss="mse", optimizer="sgd", learning_rate=1.0, epochs=10,
                     early_stopping=2)  # fmt: skip
    weight, bias = (parameter.numpy().item() for parameter in net.parameters())
    assert history.best_epoch == 0
    assert min(history["loss"]) == history["loss"][0] == pytest.approx((weight + bias) ** 2)
    assert ml.evaluate(net, ones, zeros, loss="mse")["loss"] == history["loss"][0]


class Measured(ml.Callback):
    """The loss after each epoch, by ``evaluate``, and what the end of training sees."""

    def __init__(self, *data, **weights):
        self.data, self.weights, self.losses = data, weights, []

    def now(self, net):
        return ml.evaluate(net, *self.data, loss="bce", **self.weights)["loss"]

    def on_epoch_end(self, net, epoch, measured):
        self.losses.append(self.now(net))

    def on_training_end(self, net, history):
        self.end = self.now(net), history.stopped, history.best_epoch


@pytest.mark.parametrize("weights", [{}, {"sample_weight": WEIGHTS}])
@pytest.mark.parametrize("settings", [
    {"early_stopping": 3},
    {"early_stopping": ml.EarlyStopping(3, "loss"), "validation_split": 0.0},
    {"callbacks": [ml.EarlyStopping(3)]},
    {"early_stopping": ml.EarlyStopping(3, "loss"), "validation_data": (X[:9], CLASSES[:9])},
], ids=["patience", "by name", "a callback", "beside validation data"])  # fmt: skip
def test_watching_the_training_loss_means_a_clean_pass(settings, weights):
    net = network(3, 32, 1, hidden="tanh", output="sigmoid", dropout=0.4)
    seen = Measured(X, CLASSES, **weights)
    settings = {**settings, "callbacks": [seen, *settings.get("callbacks", ())]}
    history = ml.fit(net, X, CLASSES, loss="bce", learning_rate=0.3, epochs=200, batch_size=16,
                     **weights, **settings)  # fmt: skip
    assert history.stopped == "early stopping"
    assert history["loss"] == seen.losses
    assert history.best_epoch == int(np.argmin(seen.losses)) < len(seen.losses) - 1
    assert ml.evaluate(net, X, CLASSES, loss="bce", **weights)["loss"] == min(seen.losses)


def test_unwatched_the_training_loss_is_the_running_mean():
    """One step an epoch: each loss is that of the weights before it."""
    ones, zeros = [[1.0]] * 4, [0.0] * 4
    settings = {"loss": "mse", "optimizer": "sgd", "learning_rate": 1.0, "epochs": 3}
    net = ml.mlp([1, 1], seed=0)
    before = ml.evaluate(net, ones, zeros, loss="mse")["loss"]
    data = (ones, zeros)
    history = ml.fit(net, ones, zeros, validation_data=data, early_stopping=5, **settings)
    assert history["loss"] == [before, *history["val_loss"][:-1]]


@pytest.mark.parametrize("metric", ["neg_mean_absolute_error", "r2"])
def test_the_best_metric_is_that_of_the_weights_that_come_back(metric):
    net = network(3, 8, 1, dtype="float32")
    stopping = ml.EarlyStopping(4, f"val_{metric}")
    data = X[40:], X[40:, 0] + RNG.normal(size=20), WEIGHTS[40:]
    history = ml.fit(net, X[:40], X[:40, 0], loss="mse", learning_rate=0.1, epochs=99,
                     validation_data=data, metrics=[metric], early_stopping=stopping)  # fmt: skip
    measured = ml.evaluate(net, *data[:2], sample_weight=data[2], loss="mse", metrics=[metric])
    assert measured[metric] == max(history[f"val_{metric}"]) > history[f"val_{metric}"][-1]


def test_what_another_callback_does_to_weights_is_not_what_was_measured():
    class Spoil(ml.Callback):
        def on_epoch_end(self, net, epoch, measured):
            net[0].weight.data = net[0].weight.numpy() * 1.5

    net, data = network(3, 8, 1), (X[:20], X[:20, 0])
    history = ml.fit(net, X, X[:, 0], loss="mse", epochs=9, callbacks=[Spoil()],
                     validation_data=data, early_stopping=3)  # fmt: skip
    assert ml.evaluate(net, *data, loss="mse")["loss"] == min(history["val_loss"])


class Interrupt(ml.Callback):
    def on_epoch_end(self, net, epoch, measured):
        if epoch == 12:
            raise KeyboardInterrupt


@pytest.mark.parametrize("more", [[], [Interrupt()]], ids=["early stopping", "interrupted"])
def test_the_end_of_training_sees_what_fit_returns(more):
    net, data = network(3, 16, 1, output="sigmoid"), (X[:20], CLASSES[::-1][:20])
    before, after = Measured(*data), Measured(*data)
    stopping = ml.EarlyStopping(30 if more else 5)
    history = ml.fit(net, X[20:], CLASSES[20:], loss="bce", learning_rate=0.1, epochs=99,
                     validation_data=data, callbacks=[before, stopping, after, *more])  # fmt: skip
    end = min(history["val_loss"]), history.stopped, history.best_epoch
    assert end[1] == ("interrupted" if more else "early stopping")
    assert before.end == after.end == end
    assert ml.evaluate(net, *data, loss="bce")["loss"] == end[0] < history["val_loss"][-1]


class Centre(ml.Layer):
    """Goes by running means when it predicts: an array, one in a dict, a tensor, a number."""

    keeps_width = True

    def __init__(self, width):
        self.mean, self.more = np.zeros(width), {"scale": np.ones(width)}
        self.shift, self.speed = ml.Tensor(np.zeros(width), dtype="float64"), 1.0

    def forward(self, x, training):
        if training:
            batch = x.numpy()
            self.mean = self.mean + 0.3 * (batch.mean(axis=0) - self.mean)
            self.more["scale"] *= 1.1
            self.shift = self.shift * 0.5 + batch[0]
            self.speed *= 1.1
            self.last = ml.Tensor(batch)  # of fewer rows at the end of an epoch
        return (x - self.mean) * self.more["scale"] * self.speed + self.shift


def test_what_a_layer_goes_by_comes_back_with_its_weights():
    net = ml.Sequential(Centre(3), ml.Dense(3, 1, "sigmoid", seed=0, dtype="float64"))
    data = X[:20], CLASSES[:20]
    history = ml.fit(net, X[20:], CLASSES[20:], loss="bce", epochs=12, validation_data=data,
                     batch_size=8, early_stopping=4, record=False)  # fmt: skip
    assert history.best_epoch < len(history["loss"]) - 1
    assert ml.evaluate(net, *data, loss="bce")["loss"] == min(history["val_loss"])


def test_weights_come_back_when_some_are_frozen_meanwhile():
    class Freeze(ml.Callback):
        def on_epoch_end(self, net, epoch, measured):
            net[0].weight.requires_grad = epoch < 1 or epoch > 4

    net, data = network(3, 8, 1, output="sigmoid"), (X[:20], CLASSES[::-1][:20])
    history = ml.fit(net, X[20:], CLASSES[20:], loss="bce", learning_rate=0.1, epochs=40,
                     validation_data=data, callbacks=[Freeze()], early_stopping=9)  # fmt: skip
    assert history.stopped == "early stopping"
    assert ml.evaluate(net, *data, loss="bce")["loss"] == min(history["val_loss"])


def test_a_number_that_is_none_is_never_best():
    net, stopping = network(), ml.EarlyStopping(2)
    stopping.on_training_begin(net, ["loss", "val_loss"])
    numbers = [float("nan"), 3.0, float("nan"), float("inf")]
    stops = [
        stopping.on_epoch_end(net, epoch, {"loss": 0.0, "val_loss": number})
        for epoch, number in enumerate(numbers)
    ]
    assert stopping.best_epoch == 1
    assert stops == [False, False, False, True]


# ----------------------------------------------------------------------- weights that cancel


CANCEL = {
    "one row a batch": (CLASSES, {"class_weight": {0: 1, 1: 100}, "batch_size": 1}),
    "balanced": (CLASSES[:51], {"class_weight": "balanced", "batch_size": 1}),
    "in the order of classes": (
        np.sort(CLASSES), {"class_weight": BY_CLASS, "batch_size": 8, "shuffle": False}),
    "of rows": (CLASSES, {"sample_weight": WEIGHTS, "batch_size": 1}),
    "of rows that come in blocks": (
        CLASSES, {"sample_weight": np.repeat([1.0, 2.0, 3.0], 20), "batch_size": 4,
                  "shuffle": False}),
}  # fmt: skip


@pytest.mark.parametrize("case", CANCEL)
def test_weights_that_cancel_are_said_to(case):
    y, settings = CANCEL[case]
    with pytest.warns(RuntimeWarning, match="cancels") as caught:
        ml.fit(network(output="sigmoid"), X[: len(y)], y, loss="bce", epochs=3, **settings)
    (warning,) = caught
    assert warning.filename == __file__
    message = str(warning.message)
    assert message.startswith(f"fit({next(iter(settings))}=…)")
    assert "Raise batch_size" in message
    assert "shuffle=True" in message


def test_weights_cancel_as_it_is_said():
    """The bits of training without weights; and in batches of two they are others."""

    def trained(size, **weights):
        net = network(output="sigmoid")
        ml.fit(net, X, CLASSES, loss="bce", optimizer="sgd", epochs=2, batch_size=size, **weights)
        return net.block.values

    with pytest.warns(RuntimeWarning, match="cancels"):
        alone = trained(1, class_weight=BY_CLASS)
    np.testing.assert_allclose(alone, trained(1), rtol=1e-12)
    assert not np.allclose(trained(8, class_weight=BY_CLASS), trained(8))


RARE = (np.arange(60) % 30 == 0).astype(int)
COUNT = {
    "shuffled": (CLASSES, {"class_weight": {0: 1, 1: 100}, "batch_size": 4}),
    "a rare class, in few batches, but never alone": (
        RARE, {"class_weight": {0: 1, 1: 100}, "batch_size": 4}),
    "rows left out": (CLASSES, {"sample_weight": CLASSES, "batch_size": 1}),
    "a class left out": (CLASSES, {"class_weight": {0: 0, 1: 100}, "batch_size": 1}),
    "all alike": (CLASSES, {"class_weight": {0: 3, 1: 3}, "batch_size": 1}),
    "of rows": (CLASSES, {"sample_weight": WEIGHTS, "batch_size": 2}),
}  # fmt: skip


@pytest.mark.parametrize("case", COUNT)
def test_weights_that_count_are_not_said_to_cancel(case):
    y, settings = COUNT[case]
    ml.fit(network(output="sigmoid"), X, y, loss="bce", epochs=1, **settings)


# ------------------------------------------------------------- networks that declare no width


class Residual(ml.Layer):
    def __init__(self, width, seed):
        self.inner = ml.Dense(width, width, "tanh", seed=seed)

    def forward(self, x, training):
        return x + self.inner(x)


THIRDS = np.arange(60) % 3


def residual(width=3):
    return ml.Sequential(ml.Dense(3, width, seed=0), Residual(width, seed=1))


@pytest.mark.parametrize("y", [THIRDS, np.eye(3)[THIRDS]], ids=["numbers", "one-hot"])
def test_class_numbers_suit_a_network_whose_width_nobody_declared(y):
    settings = {"loss": "cce", "from_logits": True}
    net = residual()
    assert net.out_features is None
    loss = ml.evaluate(net, X, y, **settings)["loss"]
    z = net.predict(X).astype(float)
    wanted = np.log(np.exp(z).sum(axis=1)) - z[np.arange(60), THIRDS]
    assert loss == pytest.approx(wanted.mean(), rel=1e-6)
    history = ml.fit(net, X, y, epochs=20, learning_rate=0.05, **settings)
    assert history["loss"][-1] < history["loss"][0]


def test_labels_of_a_row_meet_one_output_that_nobody_declared():
    history = ml.fit(residual(1), X, X[:, 0], loss="mse", epochs=20, learning_rate=0.05)
    assert history["loss"][-1] < history["loss"][0]


def test_targets_that_do_not_suit_it_are_refused_before_training(refused):
    settings = {"loss": "cce", "from_logits": True}
    culprit = "y under categorical_crossentropy"
    with refused(DomainError, culprit, "from 0 to 2", "3 in row 3", "from 0"):
        ml.fit(residual(), X, np.arange(60) % 4, **settings)
    with refused(ShapeError, culprit, "(60, 3) rows", "(60, 4)", "3 columns"):
        ml.fit(residual(), X, np.eye(4)[np.arange(60) % 4], **settings)


def test_what_one_row_does_not_show_is_left_to_training():
    class Pairs(ml.Layer):
        def forward(self, x, training):
            if len(x) % 2:
                raise ValueError("rows come in pairs")
            return x * 2.0

    net = ml.Sequential(ml.Dense(3, 1, seed=0), Pairs())
    assert len(ml.fit(net, X, X[:, :1], loss="mse", epochs=2)["loss"]) == 2
