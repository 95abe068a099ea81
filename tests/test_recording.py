"""What recording leaves alone, what it refuses, and when fit goes on without it."""

import sys
import warnings

import numpy as np
import pytest
from steps import T, X, Y, classifier, training_step

import minidl as ml
from minidl.autodiff.op import Op
from minidl.core.errors import ArgumentError, RecordError, ShapeError
from minidl.program import record


@pytest.fixture
def iterators_pass(monkeypatch):
    """An iterator is refused as such; here what comes of it is looked at."""
    for name in ("recording", "tape"):
        module = sys.modules[f"minidl.program.{name}"]
        monkeypatch.setattr(module, "check_seen", lambda state: None)


def test_recording_leaves_everything_as_it_was():
    net, optimizer, step = classifier()
    drop = ml.Dropout(0.5)
    pending = (net(X[:8]) * 1.0).sum()
    before = net.block.values.tobytes(), optimizer.steps, drop.counter.tolist()
    record(lambda x, t: step(drop(x, training=True), t), X[:8], T[:8])
    assert (net.block.values.tobytes(), optimizer.steps, drop.counter.tolist()) == before
    pending.backward()  # no parameter counts as written


def test_recording_leaves_gradients_where_they_are():
    net = ml.mlp([3, 4, 2], seed=0)
    ml.mse(Y, net(X)).backward()
    before = [parameter.grad.copy() for parameter in net.parameters()]
    net.summary(8)
    for parameter, gradient in zip(net.parameters(), before, strict=True):
        np.testing.assert_array_equal(parameter.grad, gradient)


LOOKS = {
    "item": lambda loss: loss.item(),
    "float": lambda loss: float(loss),
    "bool": lambda loss: loss and None,
    "numpy": lambda loss: loss.numpy(),
    "data": lambda loss: loss.data,
    "array": lambda loss: np.asarray(loss),
    "print": lambda loss: repr(loss),
    "copy": lambda loss: ml.Tensor(loss),
}


@pytest.mark.parametrize("look", LOOKS)
def test_looking_at_a_number_is_refused(look):
    _, _, step = classifier()

    def looks(x, t):
        loss = step(x, t)
        LOOKS[look](loss)
        return loss

    with pytest.raises(RecordError) as caught:
        record(looks, X[:8], T[:8])
    assert "looks at a number" in caught.value.got
    assert caught.value.culprit.startswith("binary_crossentropy: ")


def test_a_branch_on_a_number_is_named():
    net, _, _ = classifier()
    with pytest.raises(RecordError, match="looks at a number") as caught:
        record(lambda x, t: ml.mse(t, net(x)) if net(x).mean() > 0.5 else None, X[:8], T[:8])
    assert caught.value.culprit == "greater: bool(), as in if and while"


def changing(kind):
    net, optimizer, step = classifier()
    count = iter(range(1, 100))

    def number(x, t):
        return (net(x) ** float(next(count))).sum()

    def array(x, t):
        return (net(x) * np.full((8, 1), next(count))).sum()

    def structure(x, t):
        y = net(x)
        for _ in range(next(count)):
            y = y + 1.0
        return y.sum()

    def operation(x, t):
        return ml.relu(net(x)).sum() if next(count) % 2 else ml.tanh(net(x)).sum()

    def gradients_that_add_up(x, t):
        loss = ml.mse(t, net(x))
        loss.backward()
        optimizer.step()
        return loss

    return locals()[kind]


@pytest.mark.parametrize(
    "kind", ["number", "array", "structure", "operation", "gradients_that_add_up"]
)
def test_what_changes_from_batch_to_batch_is_refused(kind, iterators_pass):
    with pytest.raises(RecordError, match="same for every batch") as caught:
        record(changing(kind), X[:8], T[:8])
    assert "the step, at" in caught.value.culprit


@pytest.mark.parametrize("rows", [40, 8], ids=["every batch", "only the last"])
def test_a_step_that_changes_later_is_not_replayed(rows):
    net, optimizer, _ = classifier()
    scale = [1.0]
    step = training_step(net, optimizer, lambda x: net(x) * (scale[0] if len(x) <= rows else 1.0))
    program = record(step, X[:16], T[:16])
    program.run(X, T)
    program.step(X[:16], T[:16])
    scale[0] = 2.0
    for use in (program.run, lambda x, t: program.step(x[:16], t[:16])):
        with pytest.raises(RecordError, match="same for every batch"):
            use(X, T)


def test_the_loss_must_be_one_number():
    net, _, _ = classifier()
    for wrong in (lambda x, t: net(x), lambda x, t: None):
        with pytest.raises(RecordError, match="one number"):
            record(wrong, X[:8], T[:8])


def test_the_next_part_of_an_array_each_time_is_refused(iterators_pass):
    """The kernels and the memory are the same, only the place in it is another."""
    net, optimizer, _ = classifier()
    starts = iter(range(0, 40, 8))
    step = training_step(net, optimizer, lambda x: net(X[next(starts) :][:8]))
    with pytest.raises(RecordError, match="one part of an array"):
        record(step, X[:8], T[:8])


class Sine(Op):
    """An operation in NumPy, which a program cannot hold."""

    name = "sine"
    saved_for_backward = (0,)
    parts = ("forward", "backward")

    def shape(self, *shapes):
        return shapes[0]

    def forward(self, y, *xs):
        if "forward" in self.parts:
            y[...] = np.sin(xs[0])
        else:
            ml.tanh.forward(y, *xs)

    def backward(self, dy, y, xs, dxs):
        if "backward" in self.parts:
            dxs[0][...] = dy * np.cos(xs[0])
        else:
            ml.tanh.backward(dy, ml.tanh(xs[0]), xs, dxs)


class NumpySGD(ml.SGD):
    def kernel(self, values, gradients, velocity, hyper_values):
        values -= hyper_values[0] * gradients


@pytest.mark.parametrize("part", ["forward", "backward"])
def test_an_operation_in_numpy_is_named(part):
    net, optimizer, _ = classifier()
    sine = Sine()
    sine.parts = (part,)
    step = training_step(net, optimizer, lambda x: sine(net(x)))
    with pytest.raises(RecordError, match="computes with NumPy") as caught:
        record(step, X[:8], T[:8])
    assert caught.value.culprit == f"the step, at sine ({part})"


def test_an_optimizer_in_numpy_is_named():
    net, _, _ = classifier()
    before = net.block.values.tobytes()
    with pytest.raises(RecordError, match="computes with NumPy") as caught:
        record(training_step(net, NumpySGD(net.parameters())), X[:8], T[:8])
    assert caught.value.culprit == "the step, at sgd (update)"
    assert net.block.values.tobytes() == before


def test_weights_that_share_memory_stay_as_they_are():
    weight = ml.Tensor(np.ones((3, 1), np.float32), requires_grad=True)
    twin = weight.detach()
    twin.requires_grad = True

    def step(x, t):
        weight.grad = twin.grad = None
        loss = ml.mse(t, x @ weight + x @ twin)
        loss.backward()
        return loss

    record(step, X[:8], T[:8])
    np.testing.assert_array_equal(weight.data, np.ones((3, 1)))


def test_gradients_that_a_step_only_clears_are_kept_too():
    used, unused = ml.Dense(3, 1), ml.Dense(3, 1)
    optimizer = ml.SGD([*used.parameters(), *unused.parameters()])
    ml.mse(T, unused(X)).backward()
    before = unused.weight.grad.copy()
    program = record(training_step(used, optimizer), X[:8], T[:8])
    np.testing.assert_array_equal(unused.weight.grad, before)
    program(X[:8], T[:8])
    assert unused.weight.grad is None


BAKED = {
    "a norm of weights": (lambda held, _: float((held**2).sum()), "same for every batch"),
    "weights under a function": (lambda held, _: np.exp(held).mean(axis=0), "same for every batch"),
    "a learning rate": (lambda _, optimizer: optimizer.learning_rate, "looks at a number"),
    "a count": (lambda _, optimizer: optimizer.steps % 2, "looks at a number"),
}


@pytest.mark.parametrize("kind", BAKED)
def test_a_number_that_training_changes_is_no_constant(kind):
    net, _, _ = classifier(widths=(3, 1))
    optimizer = ml.SGD(net.parameters(), learning_rate=ml.Cosine(1e-2, 100))
    held, before = net[0].weight.data, net.block.values.tobytes()
    number, message = BAKED[kind]
    step = training_step(net, optimizer, lambda x: net(x) + number(held, optimizer))
    with pytest.raises(RecordError, match=message):
        record(step, X[:8], T[:8])
    assert (net.block.values.tobytes(), optimizer.steps) == (before, 0)


def test_a_step_that_records_is_refused():
    _, _, step = classifier()
    with pytest.raises(RecordError, match="records and trains nothing"):
        record(lambda x, t: step(x, t) * len(record(step, X[:8], T[:8])), X[:8], T[:8])
    record(step, X[:8], T[:8])


def test_nan_is_a_constant_like_any_other():
    net, optimizer, _ = classifier()
    mask = np.array([True])
    step = training_step(net, optimizer, lambda x: ml.where(mask, net(x), np.array([np.nan])))
    assert np.isfinite(record(step, X[:8], T[:8])(X[:8], T[:8]))


def test_arguments_that_make_no_sense():
    _, optimizer, step = classifier()
    for dtype in ("float16", "single precision", int):
        with pytest.raises(ArgumentError, match="'float32' or 'float64'"):
            record(step, X[:8], T[:8], dtype=dtype)
    program = record(step, X[:8], T[:8], dtype=np.float32)
    for order in (X[:, 0] > 0, np.linspace(0, 5, 8), [[[0, 1]]], "abc"):
        with pytest.raises(ShapeError, match="row numbers"):
            program.run(X, T, order=order)
    for rows in (0, 2.5):
        with pytest.raises(ArgumentError, match="a whole number from 1"):
            program.of_rows(rows)
    with pytest.raises(ArgumentError, match="a batch to start on"):
        program.step()

    def restless(x, t):
        loss = step(x, t)
        for _ in range(1100):
            optimizer.step()
        return loss

    with pytest.raises(RecordError, match="updates by one optimizer"):
        record(restless, X[:8], T[:8])
    assert optimizer.steps == 0


class Noisy(ml.Layer):
    """A layer that no program can hold: every call adds other numbers."""

    def __init__(self):
        self.random = np.random.default_rng(0)

    def forward(self, x, training):
        return x + self.random.normal(size=x.shape).astype(np.float32)


def test_fit_trains_eagerly_and_says_so():
    def network():
        return ml.Sequential(ml.Dense(3, 4, "relu"), Noisy(), ml.Dense(4, 1))

    eager, auto = network(), network()
    ml.fit(eager, X, Y[:, 0], loss="mse", epochs=2, record=False)
    with pytest.warns(UserWarning, match="training eagerly") as caught:
        ml.fit(auto, X, Y[:, 0], loss="mse", epochs=2)
    assert [warning.filename for warning in caught] == [__file__]
    with pytest.raises(RecordError):
        ml.fit(network(), X, Y[:, 0], loss="mse", epochs=2, record=True)
    assert np.isfinite(auto.block.values).all()


class Turning(ml.Layer):
    """A layer that does something else after some calls."""

    calls = 0

    def forward(self, x, training):
        self.calls += 1
        return x * 2.0 if self.calls > 6 else x + 1.0


def test_a_layer_that_turns_later_is_not_recorded():
    def fit(record):
        net = ml.Sequential(ml.Dense(3, 4, "relu"), Turning(), ml.Dense(4, 1))
        ml.fit(net, X, Y[:, 0], loss="mse", epochs=9, record=record)
        return net[1].calls, net.block.values.tobytes()

    with pytest.raises(RecordError, match=r"turning1\.calls"):
        fit(True)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        auto = fit("auto")
    assert [warning.filename for warning in caught] == [__file__]
    assert auto == fit(False)


def test_an_iterator_is_refused_before_it_is_asked():
    count = iter(range(100))
    net, optimizer, _ = classifier()
    step = training_step(net, optimizer, lambda x: net(x) * float(next(count)))
    with pytest.raises(RecordError, match="count: expected a step whose state can be looked at"):
        record(step, X[:8], T[:8])
    assert next(count) == 0
