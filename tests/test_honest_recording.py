"""A recorded step is the step that was written, or it is not recorded."""

import collections
import copy
import itertools
import pickle
import random
import warnings

import numpy as np
import pandas as pd
import pytest
from own_pieces import Adagrad
from steps import T, X, Y, classifier, training_step

import minidl as ml
from minidl.core.errors import DomainError, RecordError, ShapeError
from minidl.kernels import update
from minidl.program import record


def left(net, optimizer):
    """All that training leaves of parameters and optimizer."""
    state = [array.tobytes() for array in optimizer.state.values()]
    return net.block.values.tobytes(), state, optimizer.steps


def trained(make, **settings):
    net = make()
    history = ml.fit(net, X, Y[:, 0], loss="mse", epochs=3, seed=0, **settings)
    return [*history["loss"]], *left(net, net.optimizer), net


def as_if_eager(make, named, **settings):
    """Whether fit warns once, names what changes, and trains as with record=False."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        *auto, net = trained(make, **settings)
    assert [str(w.message).startswith("training eagerly") for w in caught] == [True]
    assert named in str(caught[0].message)
    *eager, twin = trained(make, record=False, **settings)
    assert auto == eager
    with pytest.raises(RecordError, match="expected"):
        trained(make, record=True, **settings)
    return net, twin


class Stateful(ml.Layer):
    """A layer that does what ``change`` does at each call, and scales by what that returns."""

    keeps_width = True

    def __init__(self, change, **attributes):
        vars(self).update(attributes)
        self.change = change

    def forward(self, x, training):
        return x * float(type(self).changes[self.change](self, x))

    def _attribute(self, x):
        self.calls += 1
        return 1.0 if self.calls < 30 else 0.5

    def _in_a_list(self, x):
        self.log.append(1)
        return 1.0

    def _in_a_dict_in_a_list(self, x):
        self.log[0]["calls"] += 1
        return 1.0

    def _deque(self, x):
        self.log.appendleft(len(self.log))
        return 1.0

    def _set(self, x):
        self.log.add(len(self.log))
        return 1.0

    def _array_in_place(self, x):
        self.log += 1.0
        return 1.0 + self.log[0] / 100

    def _generator(self, x):
        return self.generator.uniform(0.5, 1.0)

    def _legacy_generator(self, x):
        return self.generator.uniform(0.5, 1.0)

    def _python_generator(self, x):
        return self.generator.uniform(0.5, 1.0)

    def _numpy_global(self, x):
        return np.random.uniform(0.5, 1.0)  # noqa: NPY002

    def _python_global(self, x):
        return random.uniform(0.5, 1.0)

    def _activation(self, x):
        self.kept = x
        return 1.0

    def _object(self, x):
        self.counter.calls += 1
        return 1.0

    def _slot(self, x):
        self.counter.calls += 1
        return 1.0

    def _class(self, x):
        type(self).total += 1
        return 1.0

    def _iterator(self, x):
        return next(self.iterator)

    total = 0
    held = dict(locals())
    own = [name for name in held if name.startswith("_") and not name.startswith("__")]
    changes = dict(zip((name[1:] for name in own), map(held.get, own), strict=True))


class Counter:
    calls = 0


class Slotted:
    __slots__ = ("calls",)

    def __init__(self):
        self.calls = 0


CHANGES = {
    "attribute": ({"calls": 0}, "stateful1.calls"),
    "in_a_list": ({"log": []}, "stateful1.log"),
    "in_a_dict_in_a_list": ({"log": [{"calls": 0}]}, "stateful1.log[0].calls"),
    "deque": ({"log": collections.deque()}, "stateful1.log"),
    "set": ({"log": set()}, "stateful1.log"),
    "array_in_place": ({"log": np.zeros(1)}, "some numbers for one batch"),
    "generator": ({"generator": np.random.default_rng(0)}, "stateful1.generator"),
    "legacy_generator": ({"generator": np.random.RandomState(0)}, "stateful1.generator"),
    "python_generator": ({"generator": random.Random(0)}, "stateful1.generator"),
    "numpy_global": ({}, "np.random"),
    "python_global": ({}, "random"),
    "activation": ({"kept": None}, "stateful1.kept"),
    "object": ({"counter": Counter()}, "Counter.calls"),
    "slot": ({"counter": Slotted()}, "Slotted.calls"),
    "class": ({}, "Stateful.total"),
    "iterator": ({"iterator": itertools.count(1)}, "stateful1.iterator"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_layer_that_changes_state_of_its_own_is_trained_eagerly(change, monkeypatch):
    attributes, named = CHANGES[change]

    def make():
        np.random.seed(0)  # noqa: NPY002
        random.seed(0)
        monkeypatch.setattr(Stateful, "total", 0)
        layer = Stateful(change, **copy.deepcopy(attributes))
        return ml.Sequential(ml.Dense(3, 4, "tanh", seed=0), layer, ml.Dense(4, 1, seed=1))

    net, twin = as_if_eager(make, named)
    for name in attributes:
        one, other = getattr(net[1], name), getattr(twin[1], name)
        if isinstance(one, np.ndarray | list | set | collections.deque):
            np.testing.assert_array_equal(list(one), list(other))
    assert getattr(net[1], "calls", 0) == getattr(twin[1], "calls", 0)


def test_what_a_layer_keeps_is_put_back_when_the_step_fails():
    class Failing(ml.Layer):
        keeps_width = True
        calls = 0

        def forward(self, x, training):
            self.calls += 1
            raise ShapeError("failing", "this", "that", "Nothing.")

    net = ml.Sequential(ml.Dense(3, 1), Failing())
    net[1].log = log = [1, 2]
    before = net.block.values.copy()
    with pytest.raises(ShapeError, match="failing"):
        record(training_step(net, ml.SGD(net.parameters())), X[:8], Y[:8, :1])
    assert net[1].calls == 0
    assert net[1].log is log
    np.testing.assert_array_equal(net.block.values, before)


class Running(ml.Layer):
    """Batch statistics, as people write them."""

    keeps_width = True

    def __init__(self, width):
        self.mean = ml.Tensor([0.0] * width)

    def forward(self, x, training):
        if not training:
            return x - self.mean
        mean = x.mean(axis=0)
        self.mean = self.mean * 0.9 + mean.detach() * 0.1
        return x - mean


def test_running_statistics_are_those_of_the_batches():
    inputs = np.array([[0.0, 5.0], [1.0, 6.0], [2.0, 7.0], [3.0, 8.0]])
    net = ml.Sequential(Running(2), ml.Dense(2, 1, "sigmoid", seed=0))
    with pytest.warns(UserWarning, match=r"running1\.mean"):
        ml.fit(net, inputs, [0.0, 0.0, 1.0, 1.0], loss="bce", epochs=1)
    np.testing.assert_allclose(net[0].mean.numpy(), [0.15, 0.65], rtol=1e-6)  # a tenth of the means


class ClippedByNumPy(ml.Adam):
    """NumPy around a kernel, which does nothing as long as gradients are small."""

    def kernel(self, p, g, m, v, step_numbers):
        np.clip(g, -1e3, 1e3, out=g)
        super().kernel(p, g, m, v, step_numbers)


class Lookahead(ml.SGD):
    """Another update every third step."""

    def kernel(self, p, g, velocity, step_numbers):
        super().kernel(p, g, velocity, step_numbers)
        if self.steps % 3 == 0:
            p *= 0.5


class Whole(ml.SGD):
    """All of ``step`` by hand."""

    def step(self):
        for parameter in self.parameters:
            if parameter.grad is not None:
                parameter.data = parameter.data - 0.1 * parameter.grad


class Counting(ml.SGD):
    """State of its own beside the arrays."""

    calls = 0

    def kernel(self, *arrays):
        self.calls += 1
        super().kernel(*arrays)


OPTIMIZERS = {
    Adagrad: "computes with NumPy",
    ClippedByNumPy: "computes with NumPy",
    Lookahead: "looks at a number",
    Whole: "looks at a number",
    Counting: "calls",
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda cls: cls.__name__)
def test_an_optimizer_of_the_users_own_trains_as_it_is_written(optimizer):
    named = OPTIMIZERS[optimizer]
    as_if_eager(lambda: ml.mlp([3, 4, 1], seed=0), named, optimizer=optimizer)


class OfKernels(ml.SGD):
    """Of kernels alone: it is recorded."""

    def kernel(self, p, g, velocity, step_numbers):
        update.limit(g, 0.5)
        update.sgd(p, g, velocity, step_numbers)


def test_an_optimizer_of_kernels_is_recorded():
    *recorded, _ = trained(lambda: ml.mlp([3, 4, 1], seed=0), optimizer=OfKernels, record=True)
    *eager, _ = trained(lambda: ml.mlp([3, 4, 1], seed=0), optimizer=OfKernels, record=False)
    assert recorded == eager


@pytest.mark.parametrize("raised", [True, False])
def test_a_number_that_numpy_takes_from_the_rows_is_no_constant(raised):
    """The largest of a batch is the same when its rows come in reverse order."""

    class Scaled(ml.ActivationFunction):
        name = "scaled"
        value = staticmethod(lambda x: x * x)
        slope = staticmethod(lambda x: 2.0 * x)

        def forward(self, y, *xs):
            super().forward(y, xs[0])
            if raised:
                y *= np.abs(xs[0]).max()

    net = ml.Sequential(ml.Activation(Scaled), ml.Dense(3, 1, seed=0))
    step = training_step(net, ml.SGD(net.parameters()))
    if raised:
        with pytest.raises(RecordError, match="computes with NumPy"):
            record(step, X[:8], Y[:8, :1])
    else:
        record(step, X[:8], Y[:8, :1])


def test_truth_values_are_numbers_in_eager_and_in_recorded_steps():
    """(x > 0) · 1.0, and what else PyTorch takes, by hand and recorded."""
    x = ml.Tensor([-1.0, 2.0])
    np.testing.assert_array_equal(((x > 0) * 1.0).numpy(), np.float32([0, 1]))
    np.testing.assert_array_equal((2.0 - (x >= 2)).numpy(), np.float32([2, 1]))
    np.testing.assert_array_equal(((x > 0) + (x > -2)).numpy(), np.float32([1, 2]))
    assert (x > 0).dtype == bool

    class Masked(ml.Layer):
        keeps_width = True

        def forward(self, x, training):
            return x * ((x > 0) * 1.0) + (x < -1).mean()

    def make():
        return ml.Sequential(ml.Dense(3, 4, seed=0), Masked(), ml.Dense(4, 1, seed=1))

    *recorded, _ = trained(make, record=True)
    *eager, _ = trained(make, record=False)
    assert recorded == eager


def test_an_error_in_a_step_is_the_steps_own():
    """Building its message prints a tensor, which a step that is recorded has to leave alone."""
    net, *_ = classifier()

    def step(x, t):
        if x.shape[0]:
            raise ValueError(f"cannot use {x}")
        return ml.mse(t, net(x))

    with pytest.raises(ValueError, match="cannot use Tensor"):
        record(step, X[:8], T[:8])
    with pytest.raises(RecordError, match="print"):
        record(lambda x, t: [ml.mse(t, net(x)), repr(x)][0], X[:8], T[:8])

    def swallowing(x, t):
        loss = ml.mse(t, net(x))
        try:
            return loss * (2.0 if loss > 1.0 else 1.0)
        except RecordError:
            return loss

    with pytest.raises(RecordError, match="looks at a number"):
        record(swallowing, X[:8], T[:8])


def test_errors_in_training_say_where():
    """Earlier batches stand, and the error is that of eager training."""

    def fails(record):
        net = ml.mlp([3, 1], seed=0)
        net[0].weight.data = [[1.0], [0.0], [0.0]]
        net[0].bias.data = [0.5]
        inputs = np.zeros((40, 3))
        inputs[21, 0] = 7.0
        with pytest.raises(DomainError) as caught:
            ml.fit(
                ml.Sequential(net, Probability()), inputs, np.full(40, 0.5), loss="bce", epochs=2,
                optimizer="sgd", learning_rate=1e-3, batch_size=8, shuffle=False, record=record,
            )  # fmt: skip
        return str(caught.value), net.block.values.tobytes(), caught.value.batch, caught.value.row

    class Probability(ml.Layer):
        keeps_width = True

        def forward(self, x, training):
            return x * 1.0

    eager, recorded = fails(False), fails(True)
    assert eager == recorded
    message, _, batch, row = recorded
    assert (batch, row) == (2, 21)
    assert message.startswith("epoch 0, batch 2, row 21: binary_crossentropy(y_pred=…)")


def test_a_program_stays_in_its_process():
    _, _, step = classifier()
    program = record(step, X[:8], T[:8])
    for use in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(RecordError, match="record its step again"):
            use(program)


def test_other_numbers_of_rows_are_recorded_on_rows_that_are_right():
    """Class numbers and probabilities stay what they are, cut or repeated."""
    net = ml.mlp([3, 3], output="softmax", seed=0)
    optimizer = ml.SGD(net.parameters())
    step = training_step(net, optimizer, loss=ml.categorical_crossentropy)
    program = record(step, X[:8], np.arange(8.0) % 3)
    assert np.isfinite(program.of_rows(19).run(X[:19], np.arange(19.0) % 3)).all()


def test_a_parameter_that_nobody_trains_is_named():
    hidden = ml.Tensor(np.ones(3, np.float32), requires_grad=True, name="hidden")

    class Scale(ml.Layer):
        keeps_width = True

        def forward(self, x, training):
            return x * hidden

    net = ml.Sequential(Scale(), ml.Dense(3, 1, seed=0))
    with pytest.warns(UserWarning, match="hidden: expected parameters that net.parameters"):
        ml.fit(net, X, Y[:, 0], loss="mse", epochs=1)


def test_an_optimizer_of_kernels_may_step_twice():
    class Twice(ml.SGD):
        def kernel(self, *arrays):
            super().kernel(*arrays)
            super().kernel(*arrays)

    net = ml.mlp([3, 1], seed=0)
    optimizer = Twice(net.parameters())
    once = training_step(net, optimizer)

    def step(x, t):
        loss = once(x, t)
        optimizer.step()
        return loss

    before = net.block.values.copy()
    step(ml.Tensor(X[:8]), ml.Tensor(Y[:8, :1]))
    eager = net.block.values.tobytes()
    net.block.values[...] = before
    optimizer.reset()
    record(step, X[:8], Y[:8, :1])(X[:8], Y[:8, :1])
    assert net.block.values.tobytes() == eager


@pytest.mark.parametrize("rows", [1, 4])
@pytest.mark.parametrize("place", ["y_true", "sample_weight"])
def test_targets_and_weights_that_are_truth_values(rows, place):
    """They are all alike in the first batch, as any memory may be."""
    targets = np.repeat([1.0, 0.0], rows)[:, None]
    inputs = X[: 2 * rows]

    def left(run):
        net, optimizer, _ = classifier(widths=(3, 1))

        def step(x, t):
            if place == "y_true":
                loss = ml.mse(t > 0.5, net(x))
            else:
                loss = ml.mse(t, net(x), sample_weight=(t > 0.5)[:, 0])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        run(step)
        return net.block.values.tobytes()

    def eagerly(step):
        for part in (slice(rows), slice(rows, None)):
            step(ml.Tensor(inputs[part]), ml.Tensor(targets[part], dtype="float32"))

    def recorded(step):
        record(step, inputs[:rows], targets[:rows]).run(inputs, targets, confirm=False)

    assert left(eagerly) == left(recorded)


class Outer(ml.Layer):
    """State that is kept where it is looked for last."""

    keeps_width = True

    def __init__(self, kind):
        self.kind, self.inner, self.calls = kind, ml.Dense(4, 4, seed=3), np.empty(1, object)
        self.inner.n, self.calls[0] = 0, [0]
        self.series = None
        if kind == "series":
            self.series = pd.Series({"n": 0.0})

    def forward(self, x, training, default=[0]):  # noqa: B006
        if self.kind == "attribute of minidl's":
            self.inner.n += training
            count = self.inner.n
        elif self.kind == "object array":
            self.calls[0][0] += training
            count = self.calls[0][0]
        elif self.kind == "series":
            self.series["n"] += training
            count = self.series["n"]
        elif self.kind == "function":
            Outer.forward.n = getattr(Outer.forward, "n", 0) + training
            count = Outer.forward.n
        else:
            default[0] += training
            count = default[0]
        return x if count <= 10 else x * 0.5


@pytest.mark.parametrize(
    "kind", ["attribute of minidl's", "object array", "series", "function", "default"]
)
def test_state_in_out_of_the_way_places(kind):
    def left(record):
        Outer.forward.__dict__.clear()
        Outer.forward.__defaults__[0][0] = 0
        net = ml.Sequential(ml.Dense(3, 4, seed=0), Outer(kind), ml.Dense(4, 1, seed=1))
        history = ml.fit(net, X, Y[:, 0], loss="mse", epochs=3, batch_size=8, record=record)
        return [*history["loss"]], net.block.values.tobytes()

    with pytest.warns(UserWarning, match="training eagerly"):
        auto = left("auto")
    assert auto == left(False)


def test_a_step_that_cannot_be_recorded_for_the_last_rows_alone():
    class Odd(ml.Layer):
        keeps_width = True

        def forward(self, x, training):
            return x * float(x.mean().item()) if len(x) < 4 else x

    def left(record):
        net = ml.Sequential(ml.Dense(3, 4, seed=0), Odd(), ml.Dense(4, 1, seed=1))
        ml.fit(net, X[:11], Y[:11, 0], loss="mse", epochs=2, batch_size=4, record=record)
        return net.block.values.tobytes()

    with pytest.warns(UserWarning, match="training eagerly"):
        auto = left("auto")
    assert auto == left(False)


class OfState(ml.SGD):
    """What it hands to the kernel depends on what training has changed."""

    def constants(self):
        momentum, nesterov, decay = super().constants()
        return [momentum, nesterov, decay + 1e-3 * float(np.abs(self.state["velocity"]).sum())]


class ByHand(ml.SGD):
    """A step of its own that counts nothing."""

    def step(self):
        for parameter in self.parameters:
            if parameter.requires_grad and parameter.grad is not None:
                parameter.data = parameter.data - self.settings["learning_rate"] * parameter.grad


def test_numbers_of_an_update_are_not_worked_out_ahead_of_training():
    def left(record):
        net = ml.mlp([3, 4, 1], seed=0)
        ml.fit(net, X, Y[:, 0], loss="mse", epochs=2, batch_size=8, record=record,
               optimizer=OfState(net.parameters(), momentum=0.9))  # fmt: skip
        return net.block.values.tobytes()

    assert left("auto") == left(False)


def test_a_schedule_that_looks_at_training_is_asked_before_each_update():
    def left(record):
        net = ml.mlp([3, 4, 1], seed=0)
        ml.fit(net, X, Y[:, 0], loss="mse", epochs=2, batch_size=8, record=record,
               learning_rate=lambda n: 0.01 + abs(float(net[0].bias.numpy()[0])))  # fmt: skip
        return net.block.values.tobytes()

    with pytest.warns(UserWarning, match="looks at a number"):
        auto = left("auto")
    assert auto == left(False)


def test_an_optimizer_that_does_not_count_gets_another_order_each_epoch():
    net = ml.mlp([3, 1], seed=0)
    with pytest.warns(UserWarning, match="training eagerly"):
        ml.fit(net, X, Y[:, 0], loss="mse", epochs=2, batch_size=8, optimizer=ByHand)
    assert net.optimizer.steps == 10


def test_a_summary_leaves_a_layer_as_it_is():
    class Counting(ml.Layer):
        keeps_width = True
        n = 0

        def forward(self, x, training):
            self.n += 1
            return x

    net = ml.Sequential(ml.Dense(3, 4), Counting())
    net.summary(8)
    assert net[1].n == 0
    net = ml.Sequential(ml.Dense(3, 4), Stateful("numpy_global"))
    assert "eagerly" in net.summary(8)
