"""``detect_anomaly`` names what made the first number that is not finite, and leaves no trace."""

import json
import math
import pickle
import threading

import numpy as np
import pytest

import minidl as ml
from minidl.activations import activations
from minidl.errors import AnomalyError, RecordError
from minidl.kernels.jit import listeners
from minidl.kernels.random import permutation
from minidl.losses import losses
from minidl.op import Op
from minidl.optimizers import optimizers

RNG = np.random.default_rng(0)
X = RNG.normal(size=(80, 3)).astype(np.float32)
T = RNG.normal(size=(80, 1)).astype(np.float32)


def tensor(*numbers, name=None, grad=True):
    return ml.Tensor(np.array(numbers, np.float32), requires_grad=grad, name=name)


def caught(function, *arguments, **options):
    """What is found while a function runs."""
    with pytest.raises(AnomalyError) as found, ml.detect_anomaly():
        function(*arguments, **options)
    return found.value


def told(error):
    return error.operation, error.phase, error.where


# ── one operation ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("compute", "got"),
    [
        (lambda x: ml.log(x), "log(0) = -inf at [1]"),
        (lambda x: 1.0 / x, "divide(1, 0) = inf at [1]"),
        (lambda x: x / (x * 1.0), "divide(0, 0) = nan at [1]"),
        (lambda x: ml.exp(100.0 * x), "exp(200) = inf at [0]"),
        (lambda x: ml.sqrt(x - 1.0), "sqrt(-1) = nan at [1]"),
        (lambda x: x**-1.0, "power(0, -1) = inf at [1]"),
        (lambda x: (x * 3e38).reshape(2, 1) * 3.0, "multiply(2, 3e+38) = inf at [0]"),
        (lambda x: ml.mse([0.0, 0.0], x * 1e30), "mse(0, 2e+30) = inf at [0]"),
    ],
)
def test_an_operation_is_shown_with_the_numbers_that_it_was_given(compute, got):
    error = caught(compute, tensor(2.0, 0.0))
    assert error.got == got
    assert error.phase == ("loss" if error.operation == "mse" else "forward")
    assert not error.foreign
    assert not math.isfinite(error.value)
    assert error.index == tuple(json.loads(got.rpartition(" at ")[2]))


def test_the_place_is_counted_in_the_shape_that_the_tensor_has():
    x = tensor([[1.0, 1.0, 1.0], [1.0, 1.0, 0.0]], name="shares")
    error = caught(ml.log, x)
    assert (error.index, error.shape) == ((0, 1, 2), (1, 2, 3))
    assert error.operands == {"shares[0, 1, 2]": 0.0}


def test_of_operands_of_another_shape_the_largest_is_shown():
    a, b = tensor([1.0, 1e30], [1.0, 2.0], name="a"), tensor([1.0, 0.0], [-1e20, 1.0], name="b")
    error = caught(lambda: a @ b)
    assert error.operands == {"a[0, 1]": np.float32(1e30), "b[1, 0]": np.float32(-1e20)}
    assert "a[0, 1] = 1e+30 (the largest), b[1, 0] = -1e+20 (the largest)" in error.got
    assert error.got.startswith("y[0, 0] = -inf, made from")


def test_a_slope_without_bound_is_found_on_the_way_back():
    def backward():
        ml.sqrt(tensor(4.0, 0.0, name="x")).sum().backward()

    error = caught(backward)
    assert told(error) == ("sqrt", "backward", "sqrt")
    assert error.got == "∂x[1] = inf, made from sqrt[1] = 0, ∂sqrt[1] = 1"
    assert "ml.maximum" in error.remedy


def test_gradients_that_add_up_to_infinity_are_found():
    def backward():
        y = tensor(0.25) * 1.0
        (y * 3e38 + y * 2e38).sum().backward()

    error = caught(backward)
    assert error.phase == "backward"
    assert error.value == math.inf
    assert all(map(math.isfinite, error.operands.values()))


def test_numbers_that_were_not_finite_before_are_not_blamed_on_the_operation():
    error = caught(ml.relu, tensor([1.0, np.nan], name="x"))
    assert error.foreign
    assert error.expected == "finite operands"
    assert error.got == "x[0, 1] = nan, which no operation in here has made"
    assert "look at the data" in error.remedy
    weights = tensor([np.inf], name="w", grad=False)
    error = caught(lambda: tensor([1.0]) @ weights)
    assert error.got.startswith("w[0, 0] = inf")
    assert caught(lambda: ml.softmax(tensor([1.0, np.nan]))).foreign
    assert caught(lambda: tensor([1.0], [np.nan]).T * 1.0).operation == "transpose"


def test_infinity_that_an_operation_takes_and_does_not_hand_on_is_let_through():
    with ml.detect_anomaly():
        assert ml.exp(tensor(-np.inf)).item() == 0
        assert ml.maximum(tensor(-np.inf), 0.0).item() == 0


def test_what_lies_beside_a_part_that_was_written_is_not_looked_at():
    with ml.detect_anomaly():
        for size in range(4, 200):
            garbage = np.full(2 * size, np.nan, np.float32)  # where the next array may lie
            del garbage
            part = tensor(*[1.0] * size)
            assert np.isfinite(ml.concatenate([part, part]).numpy()).all()
    error = caught(lambda: ml.concatenate([tensor(1.0), tensor(np.nan, name="late")]))
    assert error.got.startswith("late[0] = nan")


class Halve(Op):
    """An operation of one's own that computes with NumPy."""

    name = "halve"

    def shape(self, *shapes):
        return shapes[0]

    def forward(self, y, *xs):
        with np.errstate(all="ignore"):
            y[...] = xs[0] / (2 * np.abs(xs[0]))

    def backward(self, dy, y, xs, dxs):
        dxs[0][...] = np.where(xs[0] == 7, np.nan, dy)


def test_operations_of_ones_own_are_looked_at_too():
    assert told(caught(Halve(), tensor(1.0, 0.0))) == ("halve", "forward", None)
    error = caught(lambda: (Halve()(tensor(1.0, 7.0, name="x")) * 1.0).sum().backward())
    assert told(error) == ("halve", "backward", "halve")
    assert error.index == (1,)


def test_operations_on_arrays_go_by_their_kernels():
    error = caught(lambda: activations["relu"](np.array([np.nan])))
    assert error.operation == "relu_forward"


# ── networks ──────────────────────────────────────────────────────────────────────────────────


def first_stage(entry, weights, biases):
    """Where NumPy, in float32, first finds a number that is not finite."""
    y, found = X, []
    with np.errstate(all="ignore"):
        for i, (w, b) in enumerate(zip(weights, biases, strict=True), start=1):
            z = (y @ w + b).astype(np.float32)
            found.append((("dense", "forward", f"dense{i}"), z))
            if i < len(weights):
                given = [np.full_like(z, 0.25)] if entry.learned else []
                y = entry(z, *given)
                found.append(((entry.name, "forward", f"dense{i}"), y))
        found.append((("mse", "loss", None), (z - T) ** 2))
    return next((stage for stage, numbers in found if not np.isfinite(numbers).all()), None)


@pytest.mark.parametrize("scale", [1e10, 1e20, 1e38])
@pytest.mark.parametrize("entry", activations, ids=lambda entry: entry.name)
def test_the_first_operation_that_overflows_is_named_with_its_layer(entry, scale):
    net = ml.mlp([3, 6, 6, 1], hidden=entry, seed=1)
    for layer in net:
        layer.weight.data[...] *= scale
    stage = first_stage(
        entry, *zip(*((a.weight.numpy(), a.bias.numpy()) for a in net), strict=True)
    )
    if stage is None:
        with ml.detect_anomaly():
            ml.mse(T, net(X))
        return
    error = caught(lambda: ml.mse(T, net(X)))
    assert told(error) == stage
    assert not error.foreign


def test_networks_that_overflow_do_so_in_several_places():
    stages = set()
    for entry in activations:
        for scale in (1e10, 1e20, 1e38):
            net = ml.mlp([3, 6, 6, 1], hidden=entry, seed=1)
            layers = [(a.weight.numpy() * np.float32(scale), a.bias.numpy()) for a in net]
            stages.add((first_stage(entry, *zip(*layers, strict=True)) or (None,))[0])
    assert {None, "dense", "mse"} <= stages


@pytest.mark.parametrize("entry", losses, ids=lambda entry: entry.name)
def test_a_loss_is_named_if_and_only_if_it_is_not_finite(entry):
    target = np.eye(3, dtype=np.float32)[:2]
    if not all(corner in entry.target for corner in (0, 1)):
        target = 2 * target - 1
    seen = set()
    for size in (1.0, 1e10, 1e30):
        p = tensor([size, -size, 0.0], [0.0, size, size])
        options = {"from_logits": True} if entry.link else {}
        value = entry(target, p, reduction="none", **options)
        value.backward(np.ones(value.shape))
        if np.isfinite(value.numpy()).all() and np.isfinite(p.grad).all():
            with ml.detect_anomaly():
                entry(target, p, reduction="sum", **options) * 1e-3
        else:
            error = caught(entry, target, p, reduction="sum", **options)
            assert told(error) == (entry.name, "loss", None)
            seen.add(error.operation)
    assert seen == ({entry.name} if entry.name in UNBOUNDED else set())


UNBOUNDED = {"mse", "squared_hinge", "poisson"}


def test_a_loss_that_alone_is_nan_is_found():
    class Odd(ml.Loss):
        name = "odd"
        value = staticmethod(lambda t, p: (p - t) ** 0.5)
        slope = staticmethod(lambda t, p: 1.0)

    error = caught(Odd(), [[1.0], [1.0]], tensor([4.0], [0.25], name="p"))
    assert told(error) == ("odd", "loss", None)
    assert error.index == (1, 0)
    assert error.operands == {"y_true[1, 0]": 1.0, "p[1, 0]": 0.25}


def test_layers_of_ones_own_are_named():
    class Logarithm(ml.Layer):
        keeps_width = True

        def forward(self, x, training):
            return ml.log(ml.relu(x))

    net = ml.Sequential(ml.Dense(3, 4), Logarithm(), ml.Dense(4, 1))
    error = caught(net, X)
    assert told(error) == ("log", "forward", "logarithm1")
    assert list(error.operands) == [f"logarithm1.relu{list(error.index)}"]


@pytest.mark.parametrize("kind", [entry.cls for entry in optimizers], ids=lambda cls: cls.name)
def test_an_update_names_the_parameter(kind):
    net = ml.mlp([3, 4, 1], seed=0)
    optimizer = kind(net.parameters(), 1e30)
    for parameter in net.parameters():
        parameter.grad = np.zeros(parameter.shape)
    net[1].weight.grad[2, 0] = 1e30
    error = caught(optimizer.step)
    assert told(error) == (optimizer.name, "update", "dense2.weight")
    assert error.index == (2, 0)
    assert error.operands["∂parameters[2, 0]"] == np.float32(1e30)
    assert "clip_norm" in error.remedy


def test_an_update_of_some_parameters_names_the_right_one():
    net = ml.mlp([3, 4, 1], seed=0)
    optimizer = ml.SGD(net.parameters(), 1e30)
    net[1].bias.grad = [1e30]
    error = caught(optimizer.step)
    assert error.where == "dense2.bias"


# ── fit ───────────────────────────────────────────────────────────────────────────────────────


def diverging():
    net = ml.mlp([3, 6, 1], seed=0)
    return net, ml.SGD(net.parameters(), 2e3)


def first_bad_batch():
    """Epoch and batch after which something is not finite, by an eager loop that goes on."""
    net, optimizer = diverging()
    for epoch in range(5):
        order = permutation(80, 0, optimizer.steps)
        for number in range(5):
            rows = order[16 * number : 16 * number + 16]
            loss = ml.mse(T[rows], net(X[rows]))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            arrays = [loss.numpy(), net.block.values, net.block.gradients]
            if not all(np.isfinite(array).all() for array in arrays):
                return epoch, number, rows
    raise AssertionError("training is healthy")


def test_fit_names_epoch_batch_and_row():
    epoch, batch, rows = first_bad_batch()
    net, optimizer = diverging()
    error = caught(ml.fit, net, X, T, loss="mse", optimizer=optimizer, batch_size=16, epochs=5)
    assert (error.epoch, error.batch) == (epoch, batch)
    assert error.phase in ("forward", "loss")
    assert error.row == rows[error.index[0]]
    assert str(error).startswith(f"epoch {epoch}, batch {batch}, row {error.row}: ")
    assert batch > 0


def test_fit_names_no_row_for_weights_that_were_not_finite():
    net, optimizer = diverging()
    net[1].weight.data[3, 0] = np.nan
    error = caught(ml.fit, net, X, T, loss="mse", optimizer=optimizer, epochs=5)
    assert (error.epoch, error.batch, error.row) == (0, 0, None)
    assert error.got.startswith("dense2.weight[3, 0] = nan")


def test_fit_tells_validation_from_training():
    net = ml.mlp([3, 6, 1], hidden="relu", seed=0)
    valid = X[:8] * np.float32(1e30), T[:8]
    options = {"loss": "mse", "validation_data": valid, "epochs": 2}
    error = caught(ml.fit, net, X, T, **options)
    assert (error.epoch, error.batch) == (0, None)


@pytest.mark.parametrize("record", ["auto", True, False])
def test_healthy_training_ends_in_the_same_bits(record):
    def train():
        net = ml.mlp([3, 6, 1], hidden="selu", dropout=0.2, seed=0)
        history = ml.fit(net, X, T, loss="huber", epochs=3, record=record, validation_split=0.2)
        return history.curves, net.block.values.tobytes()

    with ml.detect_anomaly():
        found = train()
    assert found == train()


def test_a_network_that_diverges_does_so_without_an_error_outside():
    net, optimizer = diverging()
    history = ml.fit(net, X, T, loss="mse", optimizer=optimizer, batch_size=16, epochs=5)
    assert history.stopped == "diverged"


# ── programs ──────────────────────────────────────────────────────────────────────────────────


def program():
    net, optimizer = diverging()

    def step(x, t):
        loss = ml.mse(t, net(x))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return ml.record(step, X[:16], T[:16])


def test_a_program_names_its_instruction_and_batch():
    recorded = program()
    error = caught(lambda: [recorded.run(X, T) for _ in range(5)])
    assert error.batch > 0
    instructions = {(line.title, line.phase) for line in recorded.instructions}
    assert (error.operation, error.phase) in instructions
    assert error.where in str(recorded)
    again = program()
    stepped = caught(lambda: [again(X[i : i + 16], T[i : i + 16]) for i in 5 * [*range(0, 80, 16)]])
    assert stepped.operation == error.operation


def test_a_program_gives_the_same_bits_and_stays_as_it_is():
    def train():
        net = ml.mlp([3, 6, 1], hidden="tanh", seed=0)
        optimizer = ml.Adam(net.parameters(), 1e-2)

        def step(x, t):
            loss = ml.mse(t, net(x))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        recorded = ml.record(step, X[:16], T[:16])
        losses = [recorded.run(X[:70], T[:70]).tobytes() for _ in range(2)]
        return losses, str(recorded), recorded.workspace

    with ml.detect_anomaly():
        found = train()
    assert found == train()


# ── the context ───────────────────────────────────────────────────────────────────────────────


def zero():
    return ml.log(tensor(0.0))


def test_outside_nothing_is_looked_at():
    assert zero().item() == -math.inf
    with ml.detect_anomaly():
        pass
    assert zero().item() == -math.inf
    assert not listeners


def test_it_can_be_nested_and_left_by_an_error():
    with ml.detect_anomaly():
        with ml.detect_anomaly():
            ml.log(tensor(1.0))
        with pytest.raises(AnomalyError):
            zero()
        with pytest.raises(ZeroDivisionError), ml.detect_anomaly():
            raise ZeroDivisionError
        with pytest.raises(AnomalyError):
            zero()
    assert not listeners
    assert zero().item() == -math.inf


def test_other_threads_are_left_alone():
    found = []
    with ml.detect_anomaly():
        thread = threading.Thread(target=lambda: found.append(zero().item()))
        thread.start()
        thread.join()
    assert found == [-math.inf]

    def inside():
        found.append(told(caught(zero)))

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    assert found[1] == ("log", "forward", None)
    assert not listeners


def test_a_step_that_looks_for_anomalies_itself_is_not_recorded(refused):
    def step(x):
        with ml.detect_anomaly():
            return (x * 2.0).sum()

    with refused(RecordError, "detect_anomaly()", "outside", "inside", "program.run"):
        ml.record(step, X[:4])
    assert not listeners


def test_what_is_computed_under_no_grad_is_looked_at():
    with ml.no_grad():
        assert caught(zero).operation == "log"


def test_the_error_can_be_sent_to_another_process():
    net, optimizer = diverging()
    error = caught(ml.fit, net, X, T, loss="mse", optimizer=optimizer, epochs=5)
    twin = pickle.loads(pickle.dumps(error))
    assert str(twin) == str(error)
    assert vars(twin) == vars(error)


def test_a_diagnosis_can_be_made_inside():
    net = ml.mlp([3, 6, 1], seed=0)
    outside = ml.diagnose(net, X, T, loss="mse", optimizer="adam")
    with ml.detect_anomaly():
        assert ml.diagnose(net, X, T, loss="mse", optimizer="adam") == outside
