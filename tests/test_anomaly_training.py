"""``detect_anomaly`` around networks, ``fit`` and programs: layer, parameter, epoch, batch, row."""

import numpy as np
import pytest
from anomalies import T, X, caught, diverging, tensor, told
from steps import training_step

import minidl as ml
from minidl.kernels.random import permutation
from minidl.nn import activations, losses
from minidl.optim.update_rules import optimizers

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
    with pytest.warns(RuntimeWarning, match="training diverged"):
        history = ml.fit(net, X, T, loss="mse", optimizer=optimizer, batch_size=16, epochs=5)
    assert history.stopped == "diverged"


# ── programs ──────────────────────────────────────────────────────────────────────────────────


def program():
    return ml.record(training_step(*diverging()), X[:16], T[:16])


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


def test_a_programs_batch_is_counted_within_its_epoch():
    """Of several epochs in one call: the row that breaks the step comes late in the second."""
    net = ml.mlp([3, 6, 1], seed=0)
    recorded = ml.record(training_step(net, ml.SGD(net.parameters(), 1e-3)), X[:16], T[:16])
    rows = X[:80].copy()
    rows[79] = 1e38
    order = np.array([np.arange(64), [*range(48), 79, *range(49, 64)]])
    assert caught(lambda: recorded.run(rows, T[:80], order=order)).batch == 3


def test_a_program_gives_the_same_bits_and_stays_as_it_is():
    def train():
        net = ml.mlp([3, 6, 1], hidden="tanh", seed=0)
        step = training_step(net, ml.Adam(net.parameters(), 1e-2))
        recorded = ml.record(step, X[:16], T[:16])
        losses = [recorded.run(X[:70], T[:70]).tobytes() for _ in range(2)]
        return losses, str(recorded), recorded.workspace

    with ml.detect_anomaly():
        found = train()
    assert found == train()
