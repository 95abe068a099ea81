"""What ``diagnose`` measures, against NumPy and formulas, of layers of all kinds."""

import functools
import math

import mpmath
import numpy as np
import pytest
import sympy
from diagnosed import RNG, T, X
from oracle import expression, maximum, symbol

import minidl as ml
from minidl.nn import activations
from minidl.optim.update_rules import optimizers

SCALARS = [entry for entry in activations if hasattr(type(entry), "value")]
VARIANTS = [*SCALARS, *(e.with_settings(alpha=0.0) for e in SCALARS if "alpha" in e.hyper)]


def norm(*arrays):
    return math.sqrt(sum(float((np.asarray(a, np.float64) ** 2).sum()) for a in arrays))


# ── the numbers ───────────────────────────────────────────────────────────────────────────────


def test_every_number_of_a_network_is_what_numpy_finds():
    net = ml.mlp([8, 5, 4, 1], hidden="relu", output="sigmoid", seed=3, dtype="float64")
    w1, b1, w2, b2, w3, b3 = (p.numpy() for p in net.parameters())
    b2[:2] = -50.0  # two units that are negative for every row
    z1 = X @ w1 + b1
    y1 = np.maximum(z1, 0)
    z2 = y1 @ w2 + b2
    y2 = np.maximum(z2, 0)
    p = 1 / (1 + np.exp(-(y2 @ w3 + b3)))
    dz3 = (p - T) / len(X)
    dz2 = dz3 @ w3.T * (z2 > 0)
    dz1 = dz2 @ w2.T * (z1 > 0)
    gradients = [(y.T @ dz, dz.sum(0)) for y, dz in ((X, dz1), (y1, dz2), (y2, dz3))]
    weights = [(w1, b1), (w2, b2), (w3, b3)]

    found = ml.diagnose(net, X, T, loss="bce", learning_rate=0.5)

    assert found.rows == 200
    assert found.loss == pytest.approx(-(T * np.log(p) + (1 - T) * np.log(1 - p)).mean())
    assert [layer.name for layer in found.layers] == ["dense1", "dense2", "dense3"]
    assert [layer.activation for layer in found.layers] == ["relu", "relu", "sigmoid"]
    assert [layer.units for layer in found.layers] == [5, 4, 1]
    for layer, y, dz, own, slopes in zip(
        found.layers, (y1, y2, p), (dz1, dz2, dz3), weights, gradients, strict=True
    ):
        assert layer.mean == pytest.approx(y.mean())
        assert layer.variance == pytest.approx(y.var())
        assert layer.sums_gradient_norm == pytest.approx(norm(dz))
        assert layer.weight_norm == pytest.approx(norm(*own))
        assert layer.gradient_norm == pytest.approx(norm(*slopes))
        assert layer.update_ratio == pytest.approx(0.5 * norm(*slopes) / norm(*own))
    first, second, last = found.layers
    assert first.active == pytest.approx((z1 > 0).mean())
    assert second.active == pytest.approx((z2 > 0).mean())
    dead = [int((z <= 0).all(0).sum()) for z in (z1, z2)]
    assert dead[1] >= 2
    assert [first.dead, second.dead] == dead
    assert second.stuck_at == 0
    assert last.dead is last.saturated is last.active is None  # the loss is that of the logits
    assert found.gradient_ratio == pytest.approx(norm(dz1) / norm(dz3))
    everything = norm(*(g for pair in gradients for g in pair)), norm(*sum(weights, ()))
    assert found.update_ratio == pytest.approx(0.5 * everything[0] / everything[1])
    assert found.share_dead == sum(dead) / 9


CENTRES = [-800.0, -15.0, -4.0, 0.0, 4.0, 15.0, 800.0]
"""Of seven units' sums: far out and near, on both sides."""


def around_centres(entry):
    """A network whose seven units' sums are x plus a centre each."""
    net = ml.Sequential(
        ml.Dense(1, 7, dtype="float64"), ml.Activation(entry, units=7, dtype="float64")
    )
    net[0].weight.data[...], net[0].bias.data[...] = 1.0, CENTRES
    return net


@functools.cache
def formulas(entry):
    """Value and slope of an activation as functions of x, by sympy, at fifty digits."""
    names = entry.operand_names + tuple(entry.settings)
    formula = expression(entry.formula, names).replace(sympy.Max, maximum)
    known = dict(entry.settings) | ({"alpha": 0.25} if entry.learned else {})
    known = {symbol(name): sympy.Rational(str(value)) for name, value in known.items()}
    x = symbol(names[0])
    parts = (formula.subs(known), sympy.diff(formula, x).subs(known))
    return [sympy.lambdify(x, part, "mpmath") for part in parts]


def table(function, x):
    """A formula at many places, rounded to float64; a slope at a kink is its left one."""
    with mpmath.workdps(50):
        return np.reshape([float(function(mpmath.mpf(float(v)))) for v in x.ravel()], x.shape)


@pytest.mark.parametrize("entry", VARIANTS, ids=repr)
def test_dead_and_saturated_are_what_the_formula_says(entry):
    x = np.linspace(-1, 1, 25).reshape(-1, 1)
    net = around_centres(entry)
    value, slope = formulas(entry)
    y, slopes = table(value, x + CENTRES), np.abs(table(slope, x + CENTRES))
    steepest = np.abs(table(slope, np.linspace(-10, 10, 801))).max()
    idle = slopes <= 0.05 * steepest
    dead = (slopes == 0).all(0) & (y == y[0]).all(0)
    levels_off = np.isfinite([entry.range.low, entry.range.high]).any()
    saturated = ~dead & (idle.mean(0) > 0.95) & levels_off

    layer = ml.diagnose(net, x, np.zeros((25, 7)), loss="mse").layers[1]

    assert (layer.dead, layer.saturated) == (dead.sum(), saturated.sum())
    assert layer.active == pytest.approx(1 - idle.mean())
    values = set(y[0, dead] + 0.0)
    assert layer.stuck_at == (values.pop() if len(values) == 1 else None)


def test_every_kind_of_unit_is_among_those_tested():
    layers = {}
    for entry in SCALARS:
        found = ml.diagnose(around_centres(entry), [[0.0], [0.5]], np.ones((2, 7)), loss="mse")
        layers[entry.name] = found.layers[1]
    assert layers["relu"].dead == 3
    assert (layers["sigmoid"].saturated, layers["sigmoid"].dead) == (2, 2)
    assert layers["leaky_relu"].dead == layers["leaky_relu"].saturated == 0
    assert layers["linear"].active == 1


@pytest.mark.parametrize("kind", [entry.cls for entry in optimizers], ids=lambda cls: cls.name)
def test_the_update_measured_is_the_one_that_follows(kind):
    net = ml.mlp([8, 6, 1], hidden="tanh", seed=1, dtype="float64")
    optimizer = kind(net.parameters(), ml.StepDecay(0.1, 3, 0.5), clip_norm=0.01)
    ml.fit(net, X, T, loss="mse", optimizer=optimizer, epochs=2)
    before = [p.numpy().copy() for p in net.parameters()]

    found = ml.diagnose(net, X, T, loss="mse")

    loss = ml.mse(T, net(X))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    steps = [p.numpy() - b for p, b in zip(net.parameters(), before, strict=True)]
    assert found.update_ratio == pytest.approx(norm(*steps) / norm(*before))
    assert found.layers[1].update_ratio == pytest.approx(norm(*steps[2:]) / norm(*before[2:]))


def test_an_optimizer_can_be_named_or_left_out():
    net = ml.mlp([8, 6, 1], seed=1)
    nothing = ml.diagnose(net, X, T, loss="mse")
    assert nothing.update_ratio is None
    assert nothing.layers[0].update_ratio is None
    named = ml.diagnose(net, X, T, loss="mse", optimizer="adam", learning_rate=1e-3)
    own = ml.Adam(net.parameters(), 1e-3)
    assert named == ml.diagnose(net, X, T, loss="mse", optimizer=own)
    assert own.steps == 0
    partly = ml.diagnose(net, X, T, loss="mse", optimizer=ml.SGD(net[1].parameters(), 0.1))
    assert partly.layers[0].update_ratio == 0
    assert partly.layers[1].update_ratio > 0


# ── layers of all kinds ───────────────────────────────────────────────────────────────────────


def test_layers_of_ones_own_show_what_is_inside():
    class Residual(ml.Layer):
        keeps_width = True

        def __init__(self):
            self.inner = ml.Dense(6, 6, "relu")
            self.scale = ml.Tensor(np.ones(6), requires_grad=True, dtype="float32")

        def forward(self, x, training):
            return x + self.scale * ml.tanh(self.inner(x))

    net = ml.Sequential(ml.Dense(8, 6), Residual(), ml.Dense(6, 1))
    found = ml.diagnose(net, X, T, loss="mse")
    names = [(layer.name, layer.activation) for layer in found.layers]
    assert names == [
        ("dense1", None),
        ("residual1.inner", "relu"),
        ("tanh", "tanh"),
        ("residual1", None),
        ("dense2", None),
    ]
    inner, tanh, outer = found.layers[1:4]
    assert inner.weight_norm == pytest.approx(norm(*(p.numpy() for p in net[1].inner.parameters())))
    assert tanh.weight_norm is None
    assert outer.weight_norm == pytest.approx(math.sqrt(6))


def test_layers_used_again_and_layers_without_weights():
    shared = ml.Dense(8, 8)
    net = ml.Sequential("tanh", shared, "relu", ml.Dropout(0.5), shared, ml.Dense(8, 1))
    found = ml.diagnose(net, X, T, loss="mse")
    assert [layer.name for layer in found.layers] == [
        "activation1", "dense1", "activation2", "dense1#2", "dense2",
    ]  # fmt: skip
    assert found.layers[1].weight_norm == found.layers[3].weight_norm
    assert found.layers[0].sums_gradient_norm > 0
    ratio = found.layers[1].sums_gradient_norm / found.layers[-1].sums_gradient_norm
    assert found.gradient_ratio == ratio


def test_a_network_without_weights_has_no_ratios():
    found = ml.diagnose(ml.Sequential("tanh"), X, X, loss="mse")
    assert found.gradient_ratio is found.update_ratio is None
    assert found.layers[0].saturated == 0


def test_softmax_has_no_slopes_of_single_units_but_is_measured():
    net = ml.mlp([8, 5, 3], hidden="softmax", output="softmax", seed=0)
    labels = RNG.integers(0, 3, 200)
    for layer in ml.diagnose(net, X, labels, loss="cce").layers:
        assert layer.dead is layer.saturated is None
        assert layer.mean == pytest.approx(1 / layer.units)  # outputs sum to 1
        assert layer.sums_gradient_norm > 0


def test_an_output_counts_where_the_loss_does_not_look_behind_it():
    net = ml.mlp([8, 1], output="sigmoid", seed=0)
    net[0].bias.data[...] = 500.0
    [layer] = ml.diagnose(net, X, T, loss="mse").layers
    assert (layer.dead, layer.stuck_at) == (1, 1.0)
    [layer] = ml.diagnose(net, X, T, loss="bce").layers
    assert layer.dead is None


def test_an_activation_of_ones_own_is_measured(bend):
    net = ml.mlp([8, 6, 1], hidden=bend, seed=0)
    layer = ml.diagnose(net, X, T, loss="mse").layers[0]
    assert layer.activation == bend
    assert (layer.dead, layer.saturated) == (0, 0)
    assert 0 < layer.active <= 1


def test_a_unit_without_a_slope_is_dead_only_if_it_never_changes():
    class Step(ml.ActivationFunction):
        name = "step"
        value = staticmethod(lambda x: 1.0 if x > 0.0 else 0.0)
        slope = staticmethod(lambda x: 0.0)

    net = ml.Sequential(ml.Dense(1, 2, Step()))
    net[0].weight.data[...], net[0].bias.data[...] = 1.0, [0.0, 5.0]
    [layer] = ml.diagnose(net, [[-1.0], [1.0]], np.zeros((2, 2)), loss="mse").layers
    assert (layer.dead, layer.stuck_at) == (1, 1.0)
