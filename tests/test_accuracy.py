"""The accuracy contract over the whole line, and where the kernels' pieces begin and end.

The 10,000 numbers of ``test_activations.py`` meet each formula at as many digits as it takes.
These here are many more, and judged by references on whole arrays, which are themselves held
against the formulas first.
"""

import dataclasses
from pathlib import Path

import coefficients
import mpmath
import numpy as np
import pytest
from accuracy_references import CONTRACT, REFERENCES, widened
from oracle import scalar_references
from ulps import distances, places

from minidl import Tensor, categorical_crossentropy
from minidl.kernels import elementwise, vecmath
from minidl.nn import activations

F32, F64, INF = np.float32, np.float64, np.inf
DTYPES = pytest.mark.parametrize("dtype", [F32, F64])
NO_WIDER = pytest.mark.skipif(np.finfo(np.longdouble).nmant < 63, reason="no long double here")
LONG_ONLY = pytest.param(F64, marks=NO_WIDER)
SETTINGS = {"leaky_relu": {"alpha": 2.0**-7}}  # that of its reference
KERNELS = {
    name: elementwise.forward_unary(name, getattr(vecmath, name), 0, False)
    for name in ("exp", "expm1", "log", "log1p")
}
RANGES = {"exp": (0, INF, 0), "expm1": (-1, INF, 0), "log": (-INF, INF, 1), "log1p": (-INF, INF, 1)}
ENTRIES = {
    entry.name: entry.with_settings(**SETTINGS.get(entry.name, {}))
    for entry in activations
    if entry.name in REFERENCES
}
NAMES = [*KERNELS, *ENTRIES]
FORMATS = {F32: vecmath.SINGLE, F64: vecmath.DOUBLE}


def run(name, x):
    """Values, and slopes if it is an activation."""
    if name in KERNELS:
        y = np.empty_like(x)
        KERNELS[name](x, y, np.empty(0))
        return y, None
    tensor, leak = Tensor(x, requires_grad=True), Tensor(np.full(1, 0.25, x.dtype))
    y = ENTRIES[name](tensor, leak) if name == "prelu" else ENTRIES[name](tensor)
    y.backward(np.ones_like(x))
    return y.numpy(), tensor.grad


def check_contract(name, x):
    """Every value within its bound and in its range, every slope within 8 ULP or 4 eps."""
    y, dx = run(name, x)
    with np.errstate(all="ignore"):
        value, slope = REFERENCES[name](widened(x))
        bound = CONTRACT.get(name, (4, 4))[x.dtype == F64]
        off = distances(y, value, places(value, x.dtype))
        worst = int(off.argmax())
        assert off[worst] <= bound + 2.0**-7, f"{name}({x[worst]!r}) = {y[worst]!r}: {off[worst]}"
        if dx is not None:
            unit = places(slope, x.dtype, np.finfo(x.dtype).eps / 2)
            off = np.where(np.isnan(x), 0, distances(dx, slope, unit))
            worst = int(off.argmax())
            assert off[worst] <= 8, f"{name}′({x[worst]!r}) = {dx[worst]!r}: {off[worst]}"
    low, high, attained = RANGES.get(name) or ends(ENTRIES[name].range)
    assert x.dtype.type(low) <= np.nanmin(y) or attained, "a minimum's value has an error, too"
    assert np.nanmax(y) <= x.dtype.type(high)


def ends(interval):
    return interval.low, interval.high, interval.includes_low


def bits_of(dtype):
    return np.int32 if dtype is F32 else np.int64


def consecutive(start, count, dtype):
    """A stretch of floats without gaps, away from 0."""
    first = np.array([start], dtype).view(bits_of(dtype))
    return np.sort((first + np.arange(count, dtype=bits_of(dtype))).view(dtype))


@pytest.mark.parametrize("name", NAMES)
def test_every_4999th_float32_is_within_the_contract(name):
    x = np.arange(0, 2**32, 4999, dtype=np.uint64).astype(np.uint32).view(F32)
    for some in (np.isnan(x), x < -1, x > 1, abs(x) < np.finfo(F32).tiny):
        assert np.count_nonzero(some) > 3000
    check_contract(name, x)


@NO_WIDER
@pytest.mark.parametrize("name", NAMES)
def test_float64_of_every_size_is_within_the_contract(name):
    rng, n = np.random.default_rng(7), 20_000
    sign = rng.choice([-1.0, 1.0], n)
    near = rng.choice([1, np.log(2) / 2, np.sqrt(2), np.sqrt(0.5), 0.5, 37.4, 708.4, 745.1], n)
    x = np.concatenate([
        rng.integers(0, 2**64, n, dtype=np.uint64).view(F64),
        sign * 2.0 ** rng.uniform(-1074, 1023.9, n),
        rng.normal(size=n) * 3,
        rng.uniform(-760, 760, n),
        sign * near * (1 + 2.0 ** -rng.uniform(2, 53, n)),
    ])  # fmt: skip
    assert np.unique(x).size > 4.5 * n
    check_contract(name, x)


def thresholds(dtype):
    """Every constant of the format, where pieces meet, and where results over- and underflow."""
    constants = dataclasses.asdict(FORMATS[dtype])
    del constants["name"]
    info, f = np.finfo(dtype), FORMATS[dtype]
    halves = np.arange(1, 30, 2) * np.log(2) / 2  # the exponential's next power of two
    roots = 2.0 ** (np.arange(-8, 9) + 0.5)  # the logarithm's
    limits = np.log([float(info.max), float(info.tiny), float(info.smallest_subnormal)])
    own = [f.expm1_lowest / 2, 2 / f.smallest / f.magic, 0.5, 1.0, 2.0]
    return np.abs(np.concatenate([[*constants.values()], own, halves, roots, roots - 1, limits]))


@pytest.mark.parametrize("dtype", [F32, LONG_ONLY])
@pytest.mark.parametrize("name", NAMES)
def test_four_neighbours_of_every_threshold_are_within_the_contract(name, dtype):
    at = thresholds(dtype).astype(dtype).view(bits_of(dtype))
    steps = np.arange(-4, 5, dtype=bits_of(dtype))
    x = (at[:, None] + steps).ravel().view(dtype)
    assert np.isfinite(x).all()
    check_contract(name, np.concatenate([x, -x]))


def formulas(name):
    """Value and slope at one point, at fifty digits."""
    if name in KERNELS:
        return [lambda x: getattr(mpmath, name)(mpmath.mpf(x))]
    names = (*ENTRIES[name].operand_names, *ENTRIES[name].settings)
    leak = {"leaky_relu": 2.0**-7, "prelu": 0.25}.get(name, 1.0)
    rest = [leak] * (len(names) - 1)
    return [lambda x, one=one: one.exactly([x, *rest])
            for one in scalar_references(ENTRIES[name].formula, names)[:2]]  # fmt: skip


@pytest.mark.parametrize("dtype", [F32, LONG_ONLY])
@pytest.mark.parametrize("name", NAMES)
def test_references_may_judge(name, dtype):
    """They are a hundredth of a unit off, where the formulas' digits say."""
    rng = np.random.default_rng(11)
    x = [rng.normal(size=60) * 3, rng.uniform(-80, 80, 40), 2.0 ** rng.uniform(-40, 0, 20)]
    x = np.concatenate(x).astype(dtype)
    with np.errstate(invalid="ignore"):
        results = REFERENCES[name](widened(x))
    for result, formula, least in zip(results, formulas(name), (0, 0.5), strict=False):
        units = places(result, dtype, least * np.finfo(dtype).eps)
        known = np.flatnonzero(~np.isnan(result))
        assert known.size > 60
        for i in known:
            high = float(result[i])
            low = float(result[i] - high)
            with mpmath.workdps(50):
                off = abs(mpmath.mpf(high) + mpmath.mpf(low) - formula(float(x[i])))
            assert 100 * off < float(units[i]), f"{name} at {x[i]!r}"


def test_distances_are_those_of_the_exact_results_binade():
    one, top = F32(1), np.finfo(F32).max
    y = np.array([1, np.nextafter(one, F32(2)), np.nextafter(one, F32(0)), 2, INF, top, np.nan, 0])
    wanted = np.array([1, 1, 1, 1.9999999, 1e300, 1e300, np.nan, np.nan])
    off = distances(y.astype(F32), wanted, places(wanted, F32))
    np.testing.assert_allclose(off, [0, 1, 0.5, 1e-7 * 2**23, 0, 1, 0, INF], rtol=1e-6)
    subnormal = np.array([2.0**-149])
    assert distances(np.zeros(1, F32), subnormal, places(subnormal, F32)) == 1
    assert places(subnormal, F32, 0.25) == 0.25


# At −∞, −1, −0, +0, +∞.
SPECIAL = {
    "exp": (0.0, np.exp(-1), 1.0, 1.0, INF),
    "expm1": (-1.0, np.expm1(-1), -0.0, 0.0, INF),
    "log": (np.nan, np.nan, -INF, -INF, INF),
    "log1p": (np.nan, -INF, -0.0, 0.0, INF),
}


@DTYPES
@pytest.mark.parametrize("name", SPECIAL)
def test_special_values(name, dtype):
    y, _ = run(name, np.array([-INF, -1.0, -0.0, 0.0, INF, np.nan, -2.0], dtype))
    wanted = np.array(SPECIAL[name], dtype)
    np.testing.assert_array_max_ulp(y[1:2], wanted[1:2])
    np.testing.assert_array_equal(y[[0, 2, 3, 4]], wanted[[0, 2, 3, 4]])
    np.testing.assert_array_equal(np.signbit(y[2:4]), np.signbit(wanted[2:4]))
    assert np.isnan(y[5])
    assert np.isnan(y[6]) == name.startswith("log")


@DTYPES
def test_exp_is_infinite_only_where_the_rounded_result_is(dtype):
    info = np.finfo(dtype)
    x = consecutive(np.log(float(info.max)), 1000, dtype)
    x = np.concatenate([consecutive(x[0] - (x[-1] - x[0]), 1000, dtype), x])
    half_way = float(info.max) / 2 + float(info.max) * float(info.epsneg) / 4  # of 2^maxexp
    if dtype is F32:
        overflows = np.exp(x.astype(F64)) / 2 >= half_way
    else:
        overflows = np.array([mpmath.exp(mpmath.mpf(point)) / 2 >= half_way for point in x])
    assert 900 < overflows.sum() < 1100
    np.testing.assert_array_equal(np.isinf(run("exp", x)[0]), overflows)


@DTYPES
@pytest.mark.parametrize("name", ["exp", "expm1", "log", "log1p", "tanh", "sigmoid", "softplus"])
def test_hundred_thousand_neighbours_stay_in_order(name, dtype):
    starts = (-80.0, -9.0, -1.0, -0.34657, -0.01, 0.01, 0.25, 0.4999, 0.7071, 0.9999, 1.4142, 30.0)
    allowed = 1 if name in ("sigmoid", "softplus") else 0
    for start in starts:
        if start > {"log": 0, "log1p": -1}.get(name, -INF):
            y, _ = run(name, consecutive(start, 100_000, dtype))
            back = -np.diff(y).min() / np.spacing(np.abs(y).max())
            assert back <= allowed, f"{name} falls by {back} ULP after {start}"


@DTYPES
def test_rows_of_huge_and_of_infinite_logits(dtype):
    top, eps = np.finfo(dtype).max, np.finfo(dtype).eps
    x = np.array([[top, top / 2, -top / 4], [top, top, top], [-top, -top, -INF]], dtype)
    leaf = Tensor(x, requires_grad=True)
    log_shares, shares = activations["log_softmax"](leaf), activations["softmax"](x)
    half, third = np.log(2.0), np.log(3.0)
    wanted = [[0, -top / 2, -INF], [-third] * 3, [-half, -half, -INF]]  # −1.25 top overflows
    np.testing.assert_allclose(log_shares.numpy(), np.array(wanted, dtype), rtol=4 * eps)
    np.testing.assert_allclose(
        shares, [[1, 0, 0], [1 / 3] * 3, [0.5, 0.5, 0]], rtol=4 * eps, atol=0
    )
    log_shares.backward(np.array([[1, 0, 0]] * 3, dtype))
    np.testing.assert_allclose(
        leaf.grad, [[0, 0, 0], [2 / 3, -1 / 3, -1 / 3], [0.5, -0.5, 0]], rtol=4 * eps, atol=0
    )


@DTYPES
@pytest.mark.parametrize("columns", [3, 15, 16, 100, 511, 512, 700])
def test_rows_of_any_length_keep_their_digits(columns, dtype):
    """Narrow, wide and long ones are each worked on in a way of their own."""
    rng, eps = np.random.default_rng(columns), np.finfo(dtype).eps
    z = (rng.standard_normal((5, columns)) * [[0.1], [1], [12], [3], [3]]).astype(dtype)
    z[3, ::2] = z[3].max()  # ties
    right, unit = rng.integers(0, columns, 5), 0.25
    z[4, right[4]] += 60  # hardly anything is left to the others
    power, log = (np.vectorize(f, otypes=[object]) for f in (mpmath.exp, mpmath.log))
    with mpmath.workdps(60):
        powers = power(z.astype(F64))
        shares = powers / powers.sum(axis=1, keepdims=True)
        slopes = unit * (shares - np.eye(columns, dtype=int)[right])
        losses = -log(shares)[np.arange(5), right]
        wanted = {"softmax": shares, "log_softmax": log(shares), "loss": losses, "slopes": slopes}
    leaf = Tensor(z, requires_grad=True)
    each = categorical_crossentropy(right, leaf, from_logits=True, reduction="none")
    each.backward(np.full(5, unit, dtype))
    found = {name: activations[name](z) for name in ("softmax", "log_softmax")}
    for name, y in (found | {"loss": each.numpy(), "slopes": leaf.grad}).items():
        wrong = np.abs(y.astype(F64) - wanted[name]) / np.abs(wanted[name])
        assert (wrong <= 4 * eps).all(), f"{name}: {float(wrong.max() / eps):.2f} eps"


def test_coefficients_are_what_the_fit_gives():
    """Nobody edits them: to change one, change the fit, and run it."""
    written = Path(vecmath.fitted.__file__).read_text(encoding="utf-8")
    assert coefficients.source() == written
