"""Every activation in the registry against its own formula, at fifty digits and more."""

import itertools

import numpy as np
import pytest
from accuracy_references import CONTRACT
from enclosures import Evaluation
from oracle import check, check_slope, row_references, scalar_references

from minidl import Tensor
from minidl.autodiff.op import BinaryElementwise
from minidl.core.errors import ArgumentError, ShapeError, UnknownNameError
from minidl.nn import ActivationFunction, activation, activations
from minidl.nn.activation_functions import SELU_SCALE_ALPHA
from minidl.nn.registries import get_activation

F32, F64 = np.float32, np.float64
DTYPES = pytest.mark.parametrize("dtype", [F32, F64])
ROWS = [entry for entry in activations if not hasattr(type(entry), "value")]
SCALARS = [entry for entry in activations if hasattr(type(entry), "value")]
VARIANTS = [*SCALARS, *(e.with_settings(alpha=0.3) for e in SCALARS if "alpha" in e.hyper)]


def inputs(entry, dtype, seed=0):
    """Over ten thousand: ordinary, tail, tiny, huge, subnormal and kink-adjacent numbers."""
    rng, info = np.random.default_rng(seed), np.finfo(dtype)
    edge = 110.0 if dtype is F32 else 760.0
    sign = rng.choice([-1.0, 1.0], 3000)
    steps = np.concatenate([np.arange(-4, 5), rng.integers(-(2**16), 2**16, 200)])
    near = [kink + steps * float(np.spacing(dtype(kink))) for kink in entry.kinks]
    parts = [
        rng.normal(size=3000) * 3,
        rng.uniform(-30, 30, 3000),
        rng.uniform(-edge, edge, 2000),
        sign * 2.0 ** rng.uniform(info.minexp, info.maxexp - 0.01, 3000),
        sign[:500] * rng.integers(1, 2**info.nmant, 500) * float(info.smallest_subnormal),
        *near,
        [info.max, -info.max, info.tiny, -info.tiny, 0.0, -0.0],
    ]
    x = np.concatenate(parts).astype(dtype)
    size = np.abs(x)
    for low, high in ((0, info.tiny), (info.tiny, 1e-3), (0.1, 10), (20, edge), (1e4, info.max)):
        for half in (x[x < 0], x[x > 0]):
            inside = half[(np.abs(half) >= low) & (np.abs(half) <= high)]
            assert np.unique(inside).size >= 200, f"inputs between {low} and {high} are too few"
    assert np.isfinite(size).all()
    assert np.unique(x).size >= 10_000
    return x


def run(entry, dtype, *operands):
    """The output, and the gradient of each operand for a gradient of 1."""
    tensors = [Tensor(x.astype(dtype), requires_grad=True) for x in operands]
    y = entry(*tensors)
    y.backward(np.ones(y.shape))
    return y.numpy(), [tensor.grad for tensor in tensors]


def check_activation(entry, dtype):
    """Value and slope of an activation of single numbers are those of its formula."""
    two = isinstance(entry, BinaryElementwise)
    x = inputs(entry, dtype)
    operands = [x]
    if two:
        operands.append(np.random.default_rng(1).normal(size=x.size).astype(dtype))
    names = entry.operand_names + tuple(entry.settings)
    value, *slopes = scalar_references(entry.formula, names)
    kind = (
        F64 if entry.compute_in_float64 else dtype
    )  # hyper-parameters are rounded like any other input
    hyper = (float(kind(setting)) for setting in entry.settings.values())
    known = Evaluation(dict(zip(names, (*operands, *hyper), strict=True)))
    y, gradients = run(entry, dtype, *operands)
    bound = CONTRACT.get(entry.name, (4, 4))[dtype is F64]
    bound += 0.5 if entry.name == "elu" and entry.settings["alpha"] != 1 else 0
    check(y, value, known, dtype, bound)
    for slope, gradient in zip(slopes, gradients, strict=False):
        check_slope(gradient, slope, known, dtype)
    return y


@DTYPES
@pytest.mark.parametrize("entry", VARIANTS, ids=repr)
def test_value_and_slope_follow_the_formula(entry, dtype):
    y = check_activation(entry, dtype)
    if entry.settings == entry.hyper:
        low, high = dtype(entry.range.low), dtype(entry.range.high)
        assert low <= y.min(), f"{entry.name} leaves {entry.range}"
        assert y.max() <= high, f"{entry.name} leaves {entry.range}"


def rows(dtype, columns, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(10_000, columns)) * np.repeat([1, 3, 30, 300], 2500)[:, None]
    small = 2.0 ** rng.uniform(np.finfo(dtype).minexp, 1, (2000, columns))
    x = np.concatenate([x, rng.normal(size=(500, columns)) + 1e8, small, -small, x[:5] * 0])
    assert 20 < np.ptp(x[:10_000], axis=1).max() < 5000
    return x.astype(dtype)


@DTYPES
@pytest.mark.parametrize("columns", [2, 4])
@pytest.mark.parametrize("entry", ROWS, ids=repr)
def test_rows_follow_the_formula(entry, columns, dtype):
    x = rows(dtype, columns, seed=columns)
    values, slopes = row_references(entry.formula, columns)
    upstream = np.random.default_rng(9).normal(size=x.shape).astype(dtype)
    tensor = Tensor(x, requires_grad=True)
    y = entry(tensor)
    y.backward(upstream)
    eps, wide = float(np.finfo(dtype).eps), x.astype(F64)
    below = wide - wide.max(axis=1, keepdims=True)
    known = Evaluation(
        {f"{letter}{j}": part[:, j]
         for letter, part in (("x", wide), ("g", upstream)) for j in range(columns)}
    )  # fmt: skip
    size = np.abs(upstream).max(axis=1)
    for j in range(columns):
        least = known(values[j].sharp).least()
        near = (4 + columns / 8) * eps * least
        if entry.name == "log_softmax":
            near = 4 * eps * np.maximum(least, eps * np.abs(below[:, j]))
        near = near + np.finfo(dtype).smallest_subnormal
        check(y.numpy()[:, j], values[j], known, dtype, 0, near)
        check_slope(tensor.grad[:, j], slopes[j], known, dtype, size)
    if entry.rows_sum_to_one:
        sums = y.numpy().astype(F64).sum(axis=1)
        assert np.abs(sums - 1).max() <= (4 + columns / 64) * eps


@DTYPES
def test_special_rows(dtype):
    inf, nan = np.inf, np.nan
    softmax, log_softmax = activations["softmax"], activations["log_softmax"]
    x = np.array([[-inf, 0, 0], [-inf, -inf, 5], [1e30, 1e30, -1e30]], dtype)
    want = np.array([[0, 0.5, 0.5], [0, 0, 1], [0.5, 0.5, 0]], dtype)
    np.testing.assert_array_equal(softmax(x), want)
    logs = log_softmax(x)
    np.testing.assert_array_equal(logs == -inf, [[1, 0, 0], [1, 1, 0], [0, 0, 0]])
    np.testing.assert_allclose(logs[0, 1:], -np.log(2), rtol=4 * np.finfo(dtype).eps)
    assert logs[2, 2] == dtype(-2e30)
    for bad in ([-inf, -inf], [inf, 0], [nan, 0], [0, nan], [inf, inf]):
        assert np.isnan(softmax(np.array([bad], dtype))).all(), bad
        assert np.isnan(log_softmax(np.array([bad], dtype))).all(), bad
    with pytest.raises(ShapeError, match="at least two units"):
        softmax(np.ones((3, 1), dtype))


INF, LN2 = np.inf, np.log(2.0)
# forward at −∞, −0, +0, +∞; the slope at ±0
SPECIAL = {
    "relu": (0.0, 0.0, 0.0, INF, 0.0),
    "leaky_relu": (-INF, -0.0, 0.0, INF, 0.01),
    "elu": (-1.0, -0.0, 0.0, INF, 1.0),
    "selu": (-SELU_SCALE_ALPHA, -0.0, 0.0, INF, SELU_SCALE_ALPHA),
    "sigmoid": (0.0, 0.5, 0.5, 1.0, 0.25),
    "tanh": (-1.0, -0.0, 0.0, 1.0, 1.0),
    "softplus": (0.0, LN2, LN2, INF, 0.5),
    "silu": (-0.0, -0.0, 0.0, INF, 0.5),
    "gelu": (-0.0, -0.0, 0.0, INF, 0.5),
    "mish": (-0.0, -0.0, 0.0, INF, 0.6),
    "softsign": (-1.0, -0.0, 0.0, 1.0, 1.0),
    "linear": (-INF, -0.0, 0.0, INF, 1.0),
}


@DTYPES
@pytest.mark.parametrize("name", SPECIAL)
def test_special_values(name, dtype):
    *want, slope = SPECIAL[name]
    x = np.array([-INF, -0.0, 0.0, INF, np.nan])
    y, (dx,) = run(activations[name], dtype, x)
    want = np.array(want, dtype)
    np.testing.assert_array_equal(y[:4], want)
    np.testing.assert_array_equal(np.signbit(y[:4]), np.signbit(want))
    assert np.isnan(y[4])
    np.testing.assert_allclose(dx[1:3], dtype(slope), rtol=np.finfo(dtype).eps)
    assert np.isfinite(dx[:4]).all(), "the slope at ±∞ is the limit"
    if name in ("relu", "leaky_relu", "elu", "selu", "linear"):
        assert dx[3] == dtype(1.0507009873554805 if name == "selu" else 1.0)
    else:
        assert dx[0] == 0, f"{name} is flat at −∞"
        assert dx[3] == (1 if y[3] == INF else 0)
    if name == "relu":
        assert dx[4] == 1, "a NaN's gradient passes, so that divergence shows"


@DTYPES
def test_special_values_of_prelu(dtype):
    x, a = np.array([-INF, -0.0, 0.0, INF, np.nan]), np.full(5, 0.25)
    y, (dx, da) = run(activations["prelu"], dtype, x, a)
    np.testing.assert_array_equal(y, np.array([-INF, -0.0, 0.0, INF, np.nan], dtype))
    assert np.signbit(y[1])
    np.testing.assert_array_equal(dx[:4], np.array([0.25, 0.25, 0.25, 1], dtype))
    np.testing.assert_array_equal(da[:4], np.array([-INF, 0, 0, 0], dtype))


@pytest.mark.parametrize("entry", activations, ids=repr)
def test_every_fact_is_there(entry):
    for fact in ("name", "formula", "latex", "init", "properties", "good_for"):
        assert getattr(entry, fact), f"{entry.name} says nothing of {fact}"
    assert entry.derivative or entry.slope_formula
    assert entry.source
    assert type(entry).__doc__
    assert all(activations[alias] is entry for alias in entry.aliases)


@DTYPES
def test_neighbouring_floats_stay_in_order(dtype):
    for name, start in itertools.product(("sigmoid", "tanh", "softplus"), (-20, -1, 0.3, 8)):
        x = np.empty(400, dtype)
        x[0] = start
        for i in range(1, x.size):
            x[i] = np.nextafter(x[i - 1], dtype(INF))
        y = activations[name](x).astype(F64)
        assert np.all(np.diff(y) >= -3 * np.spacing(np.abs(y[1:]).astype(dtype))), name


def test_an_activation_registered_at_run_time_is_tested_like_the_others():
    class HalfSoftsign(ActivationFunction):
        """The right half of a softsign."""

        name = "half_softsign"
        formula = "Piecewise((x/(1 + x), x > 0), (0, True))"
        kinks = (0.0,)

        @staticmethod
        def value(x):
            return 0.0 if x <= 0.0 else x / (1.0 + x)

        @staticmethod
        def slope(x):
            return 0.0 if x <= 0.0 else 1.0 / (1.0 + x) / (1.0 + x)

    class Wrong(HalfSoftsign):
        """Right in its value, 1 % off in its slope."""

        name = "wrong"

        @staticmethod
        def slope(x):
            return 0.0 if x <= 0.0 else 1.01 / (1.0 + x) / (1.0 + x)

    activation(HalfSoftsign)
    activation(Wrong)
    try:
        for dtype in (F32, F64):
            check_activation(activations["half_softsign"], dtype)
            with pytest.raises(AssertionError, match="slope at"):
                check_activation(activations["wrong"], dtype)
        assert get_activation("half_softsign").name == "half_softsign"
        taken = type("Another", (HalfSoftsign,), {})
        with pytest.raises(ArgumentError, match="unregister"):
            activation(taken)
    finally:
        activations.unregister("half_softsign")
        activations.unregister("wrong")
    with pytest.raises(UnknownNameError):
        activations["half_softsign"]
