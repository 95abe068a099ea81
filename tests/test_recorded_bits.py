"""Recorded training gives the bits of eager training: parameters, losses, optimizer state."""

from itertools import product

import numpy as np
import pytest
from steps import training_step

import minidl as ml
from minidl.core.intervals import NON_NEGATIVE, SIGNS
from minidl.nn import activations, losses
from minidl.optim.update_rules import optimizers

RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 3))
CLASSES = RNG.integers(0, 3, 50)
WEIGHTS = RNG.uniform(0, 2, 50)
DTYPES = ("float32", "float64")


def targets(loss):
    one_hot = np.eye(3)[CLASSES]
    if loss.target == SIGNS:
        return 2 * one_hot - 1
    if loss.target == NON_NEGATIVE:
        return RNG.poisson(2, (50, 3))
    return CLASSES if loss.rowwise and not loss.needs_distributions else one_hot


def network(hidden, loss, dtype):
    output = {"softmax": "softmax", "sigmoid": "sigmoid", "exp": "softplus"}.get(loss.link)
    return ml.Sequential(
        ml.Dense(3, 5, hidden, dtype=dtype, seed=1),
        ml.Dropout(0.2, seed=3),
        ml.Dense(5, 4, "tanh", dtype=dtype, seed=2),
        ml.Dense(4, 3, output, dtype=dtype, seed=3),
    )


def trained(net, y, record, **settings):
    """All that training leaves, as bytes."""
    history = ml.fit(net, X, y, record=record, **settings)
    state = [array.tobytes() for array in net.optimizer.state.values()]
    drawn = [layer.counter.tolist() for layer in net if isinstance(layer, ml.Dropout)]
    measured = {name: np.array(curve).tobytes() for name, curve in history.items()}
    return net.block.values.tobytes(), state, drawn, measured, net.optimizer.steps


def same(make, y, **settings):
    eager = trained(make(), y, False, **settings)
    assert trained(make(), y, True, **settings) == eager


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("loss", list(losses), ids=lambda loss: loss.name)
def test_every_activation_and_optimizer_with_this_loss(loss, dtype):
    y = targets(loss)
    for hidden, optimizer in product(activations.names(), optimizers.names()):
        settings = {"loss": loss, "optimizer": optimizer, "epochs": 5, "batch_size": 16}
        same(lambda: network(hidden, loss, dtype), y, **settings)  # noqa: B023


class Everything(ml.Adam):
    """Decay, both kinds of clipping, and a schedule."""

    def __init__(self, parameters, learning_rate=None):
        rate = ml.WarmUp(ml.Cosine(1e-2, 30), 5)
        super().__init__(parameters, rate, weight_decay=0.1, clip_norm=0.5, clip_value=0.1)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "settings",
    [
        {"optimizer": Everything},
        {"sample_weight": WEIGHTS.tolist()},
        {"class_weight": "balanced"},
        {"early_stopping": 2, "validation_split": 0.3, "metrics": ["accuracy"]},
        {"validation_data": (X, CLASSES), "shuffle": False},
        {"batch_size": 500},
        {"batch_size": 1},
    ],
    ids=lambda settings: ", ".join(f"{k}={v}"[:30] for k, v in settings.items()),
)
def test_what_fit_can_do(settings, dtype):
    cce = losses["categorical_crossentropy"]
    settings = {"loss": "cce", "epochs": 7, "batch_size": 16, **settings}
    same(lambda: network("relu", cce, dtype), CLASSES, **settings)


def test_a_schedule_over_more_updates_than_are_looked_up_at_once():
    settings = {"loss": "mse", "epochs": 30, "batch_size": 1, "optimizer": Everything}
    same(lambda: ml.mlp([3, 4, 3], seed=0), np.eye(3)[CLASSES], **settings)


def test_slices_of_an_epoch(monkeypatch):
    monkeypatch.setattr("minidl.program.program.SLICE", 0.0)
    settings = {"loss": "cce", "epochs": 3, "batch_size": 8}
    same(lambda: ml.mlp([3, 4, 3], output="softmax", seed=0), CLASSES, **settings)


@pytest.mark.parametrize("rows", [8, 7, 100])
@pytest.mark.parametrize("pause", [0.0, 1.0])
def test_several_epochs_in_one_call(rows, pause, monkeypatch):
    monkeypatch.setattr("minidl.program.program.SLICE", pause)
    orders = np.stack([np.random.default_rng(epoch).permutation(len(X)) for epoch in range(5)])

    def left(together):
        net = ml.mlp([3, 6, 3], output="softmax", seed=0)
        optimizer = ml.Adam(net.parameters(), learning_rate=ml.Cosine(1e-2, 30))
        step = training_step(net, optimizer, loss=ml.categorical_crossentropy)
        program = ml.record(step, X[:rows], CLASSES[:rows])
        run = (
            program.run
            if together
            else lambda *data, order: [program.run(*data, order=o) for o in order]
        )
        losses = np.array(run(X, CLASSES, order=orders))
        return losses.shape, losses.tobytes(), net.block.values.tobytes()

    assert left(True) == left(False)


def test_training_continues_eagerly_or_recorded_from_either():
    def left(*records):
        net = ml.mlp([3, 6, 3], output="softmax", dropout=0.3, seed=0)
        optimizer = ml.Adam(net.parameters())
        for record in records:
            ml.fit(net, X, CLASSES, loss="cce", optimizer=optimizer, epochs=2, record=record)
        return net.block.values.tobytes()

    assert left(True, False, True) == left(False, True, False) == left(False, False, False)


def test_callbacks_see_every_batch():
    class Watch(ml.Callback):
        def __init__(self):
            self.seen = []

        def on_batch_end(self, net, loss):
            self.seen.append((loss, net.block.values.tobytes()))

    def seen(record):
        watch = Watch()
        net = ml.mlp([3, 6, 3], output="softmax", dropout=0.3, seed=0)
        ml.fit(net, X, CLASSES, loss="cce", epochs=2, batch_size=16, callbacks=[watch],
               record=record)  # fmt: skip
        return watch.seen

    assert len(seen(True)) == 8
    assert seen(True) == seen(False)


def test_data_of_any_kind_are_read_where_they_lie_or_copied_once():
    x, y = X.astype(np.float32), np.eye(3, dtype=np.float32)[CLASSES]

    def left(x, y):
        net = ml.mlp([3, 5, 3], seed=0)
        ml.fit(net, x, y, loss="mse", epochs=3, batch_size=16, record=True)
        return net.block.values.tobytes()

    kept = np.array(x)
    kept.flags.writeable = False
    kinds = [kept, x.astype(float), np.asfortranarray(x), np.repeat(x, 2, axis=0)[::2], x.tolist()]
    assert {left(kind, y) for kind in kinds} == {left(x, y)}


class Between(ml.Callback):
    """Does something to the network and its optimizer after an epoch, or after a batch."""

    def __init__(self, change):
        self.change = change

    def on_epoch_end(self, net, epoch, measured):
        if epoch == 1:
            self.change(net)


class BetweenBatches(ml.Callback):
    def __init__(self, change):
        self.change, self.batches = change, 0

    def on_batch_end(self, net, loss):
        self.batches += 1
        if self.batches == 6:
            self.change(net)


def freeze(net):
    net[0].weight.requires_grad = False


def clip(net):
    net.optimizer.clip_norm = 1e-3


def slow_down(net):
    net.optimizer.learning_rate = 1e-4


def silence(net):
    net[1].rate = 0.9


@pytest.mark.parametrize("watcher", [Between, BetweenBatches])
@pytest.mark.parametrize("change", [freeze, clip, slow_down, silence])
def test_what_a_callback_changes(change, watcher):
    cce = losses["categorical_crossentropy"]

    def left(*changes, record):
        net = network("relu", cce, "float32")
        watchers = [watcher(change) for change in changes]
        return trained(net, CLASSES, record, loss="cce", epochs=4, batch_size=16,
                       callbacks=watchers)  # fmt: skip

    assert left(change, record=True) == left(change, record=False) != left(record=True)


def several_updates(net, optimizers):
    def step(x, t):
        for optimizer in optimizers:
            loss = ml.mse(t, net(x))
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        return loss

    return step


def test_several_updates_in_a_step_and_gradients_cleared_at_its_end():
    x, y = X.astype(np.float32), np.eye(3, dtype=np.float32)[CLASSES]

    def left(recorded):
        net = ml.mlp([3, 5, 3], seed=0)
        adam = ml.Adam(net.parameters(), learning_rate=ml.Cosine(1e-2, 40))
        sgd = ml.SGD(net.parameters(), momentum=0.5, clip_norm=1.0)
        step = several_updates(net, [adam, sgd, adam])
        if recorded:
            program = ml.record(step, x[:10], y[:10])
        for _ in range(4):
            if recorded:
                program.run(x, y)
            else:
                for i in range(0, 50, 10):
                    step(x[i : i + 10], y[i : i + 10])
            step(x[:7], y[:7])  # eager: no gradient must have stayed
        return net.block.values.tobytes(), adam.steps, sgd.steps

    assert left(True) == left(False)


def test_a_parameter_of_no_network_and_no_optimizer_gets_its_gradient():
    x, y = X.astype(np.float32), X[:, :1].astype(np.float32)
    w = ml.Tensor(np.ones((3, 1), np.float32), requires_grad=True)

    def step(x, t):
        w.grad = None
        loss = ml.mse(t, x @ w)
        loss.backward()
        return loss

    step(x, y)
    eager, w.grad = w.grad.copy(), None
    ml.record(step, x, y)(x, y)
    np.testing.assert_array_equal(w.grad, eager)
