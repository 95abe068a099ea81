"""Every loss in the registry against its own formula, from predictions and from logits."""

import mpmath
import numpy as np
import oracle
import pytest
from oracle import check_slopes, compile_formula, exactly, row_values, scalar_functions, symbol

import minidl as ml
from minidl import Tensor
from minidl.activations import activations
from minidl.intervals import NON_NEGATIVE, SIGNS, UNIT
from minidl.losses import losses

F32, F64, INF = np.float32, np.float64, np.inf
DTYPES = pytest.mark.parametrize("dtype", [F32, F64])
ELEMENTS = [entry for entry in losses if not entry.rowwise]
ROWS = [entry for entry in losses if entry.rowwise]
bce, cce, focal = (losses[name] for name in ("bce", "cce", "focal"))
categorical_focal = losses["categorical_focal"]
# Where a value is a difference of terms that may cancel (p − t log p; t log t − t log p, whose
# parts have both signs), 4 ULP of the result cannot be had from rounded logarithms: these are
# held to 4 eps of the sum of the terms' sizes.
CANCELLING = {"poisson": "Abs(p) + Abs(t*log(p))", "kl_divergence": "Abs(t*log(t)) + Abs(t*log(p))"}
# Slopes from logits of these, e^z − t, are held to 4 eps of the terms as well.


def run(loss, t, p, **options):
    tensor = Tensor(p, requires_grad=True)
    each = loss(t, tensor, reduction="none", **options)
    each.backward(np.ones(each.shape))
    return each.numpy(), tensor.grad


def targets(loss, rng, size):
    if loss.target == SIGNS:
        return rng.choice([-1.0, 1.0], size)
    if loss.target == UNIT:
        return np.where(rng.random(size) < 0.7, rng.integers(0, 2, size), rng.random(size))
    if loss.target == NON_NEGATIVE:
        return rng.poisson(3, size).astype(F64)
    return rng.normal(size=size) * 10.0 ** rng.integers(-3, 3, size)


def predictions(loss, rng, t, from_logits):
    size, half = t.size, t.size // 2
    if from_logits:
        far = 80.0 if loss.link == "exp" else 700.0  # e^z, and (1 − p) at 900 digits
        return np.concatenate([rng.normal(size=half) * 3, rng.uniform(-far, far, size - half)])
    if loss.prediction == UNIT:
        small = 10.0 ** rng.uniform(-6, -1, size)
        return np.choose(rng.integers(0, 3, size), [rng.random(size), small, 1 - small])
    if loss.prediction == NON_NEGATIVE:
        return 10.0 ** rng.uniform(-8, 5, size)
    near = t + rng.choice([-1.0, 1.0], size) * 10.0 ** rng.uniform(-8, 0, size)
    return np.where(np.arange(size) < half, near, rng.normal(size=size) * 20)


def check_value(loss, y, reference, dtype, point, terms):
    close = 4 * float(np.finfo(dtype).eps) * terms
    off = oracle.ulps(y, reference, dtype)
    assert off <= 4 or (terms and abs(mpmath.mpf(float(y)) - reference) <= close), (
        f"value at {point}: {y!r}, {mpmath.nstr(off, 4)} ULP from {mpmath.nstr(reference, 20)}"
    )


def element_cases():
    for loss in ELEMENTS:
        for settings in ({}, {"gamma": 0.5, "alpha": None}, {"delta": 0.4}):
            if set(settings) <= set(loss.hyper):
                for from_logits in (False, True)[: 1 + (loss.link is not None)]:
                    yield pytest.param(loss, settings, from_logits)


@DTYPES
@pytest.mark.parametrize(("loss", "settings", "from_logits"), list(element_cases()))
def test_elements_follow_the_formula(loss, settings, from_logits, dtype):
    rng = np.random.default_rng(3)
    t = targets(loss, rng, 160).astype(dtype)
    p = predictions(loss, rng, t, from_logits).astype(dtype)
    assert np.unique(p).size > 150
    assert np.ptp(np.log10(np.abs(p))) > 2 or loss.prediction == UNIT
    hyper = {**loss.hyper, **settings}
    formula = loss.formula
    if hyper.get("alpha", 0) is None:  # switched off: both weights are 1
        hyper["alpha"] = 1.0
        formula = formula.replace("(1 - alpha)", "alpha")
    names, link = ("t", "p", *hyper), loss.link if from_logits else None
    value, _, slope = scalar_functions(formula, names, link)
    points, fixed = list(zip(t, p, strict=True)), hyper.values()
    each, dp = run(loss, t, p, from_logits=from_logits, **settings)
    terms = [0.0] * t.size
    if loss.name in CANCELLING:
        terms = exactly(scalar_functions(CANCELLING[loss.name], names, link)[0], points, *fixed)
    for y, want, point, size in zip(
        each, exactly(value, points, *fixed), points, terms, strict=True
    ):
        check_value(loss, y, want, dtype, point, size)
    sizes = [max(1.0, float(size)) for size in terms] if from_logits else 1.0
    check_slopes(dp, exactly(slope, points, *fixed), dtype, points, sizes)


def row_formula(loss, columns, from_logits):
    """A row's loss in t0, t1, …, x0, x1, …, and the hyper-parameters; its slopes in the x."""
    ts, xs = ([symbol(f"{letter}{j}") for j in range(columns)] for letter in "tx")
    names = (*(f"t{j}" for j in range(columns)), *(f"x{j}" for j in range(columns)), *loss.hyper)
    ps = row_values(activations["softmax"].formula, columns) if from_logits else xs
    one = oracle.expression(loss.formula, ("t", "p", "wrong", "right", *loss.hyper))
    if loss.name == "categorical_hinge":  # formula of the row; class 0 is the right one here
        best = oracle.sympy.Max(*ps[1:])
        whole = one.subs({symbol("right"): ps[0], symbol("wrong"): best})
    else:
        parts = [one.subs({symbol("t"): t, symbol("p"): p}) for t, p in zip(ts, ps, strict=True)]
        whole = oracle.sympy.Add(*parts)
    whole = whole.replace(oracle.sympy.Max, oracle._maximum)
    slopes = oracle.sympy.Matrix([oracle.sympy.diff(whole, x) for x in xs])
    return compile_formula(whole, names), compile_formula(slopes, names)


@DTYPES
@pytest.mark.parametrize("from_logits", [False, True])
@pytest.mark.parametrize("loss", ROWS, ids=repr)
def test_rows_follow_the_formula(loss, from_logits, dtype):
    if from_logits and loss.link is None:
        with pytest.raises(ml.errors.ArgumentError, match="no link"):
            loss(np.zeros(1), np.ones((1, 3)), from_logits=True)
        return
    rng = np.random.default_rng(4)
    z = rng.normal(size=(40, 3)) * np.repeat([1, 3, 10, 100], 10)[:, None]
    p = z if from_logits or loss.link is None else activations["softmax"](z / 10)
    p = p.astype(dtype)
    t = np.eye(3)[np.zeros(40, int)]
    if loss.name != "categorical_hinge":
        t[20:] = activations["softmax"](rng.normal(size=(20, 3)))
        if not loss.needs_distributions:
            t[:20] = np.eye(3)[rng.integers(0, 3, 20)]
        else:
            t[:20] = [0.25, 0.5, 0.25]  # 0 · log 0 has no symbolic value: tested on its own
    t = t.astype(dtype)
    value, slope = row_formula(loss, 3, from_logits)
    each, dp = run(loss, t, p, from_logits=from_logits)
    for i in range(40):
        point = (*t[i], *p[i])
        [want], [pull] = (exactly(f, [point], *loss.hyper.values()) for f in (value, slope))
        terms = 0.0
        if loss.name in CANCELLING:
            logs = np.log(np.maximum(t[i], 1e-300)), ml.log_softmax(p[i].astype(F64))
            logs = logs if from_logits else (logs[0], np.log(p[i].astype(F64)))
            terms = float(np.abs(t[i] * logs).sum())
        check_value(loss, each[i], want, dtype, point, terms)
        check_slopes(dp[i], list(pull), dtype, [point] * 3)


@DTYPES
def test_tails_of_bce_from_logits(dtype):
    z = np.array([800, 60, 37.43, 0.0, -0.0, -37.43, -60, -800, np.inf, -np.inf], dtype)
    ones, zeros = np.ones_like(z), np.zeros_like(z)
    hit, dhit = run(bce, ones, z, from_logits=True)
    miss, dmiss = run(bce, zeros, z, from_logits=True)
    np.testing.assert_array_equal(hit[-2:], [0, np.inf])
    np.testing.assert_array_equal(miss[-2:], [np.inf, 0])
    np.testing.assert_array_equal(dhit[-2:], [0, -1])
    np.testing.assert_array_equal(dmiss[-2:], [1, 0])
    np.testing.assert_array_equal([dhit[3:5], dmiss[3:5]], [[-0.5] * 2, [0.5] * 2])
    assert dhit[1] == pytest.approx(-np.exp(-60.0), rel=1e-6)
    assert dmiss[6] == pytest.approx(np.exp(-60.0), rel=1e-6)
    np.testing.assert_array_equal([hit[7], miss[0]], [800, 800])
    np.testing.assert_array_equal(dhit[:8], -dmiss[7::-1])
    assert np.isnan(bce(1.0, dtype(np.nan), from_logits=True))


@DTYPES
@pytest.mark.parametrize("name", ["cce", "kl_divergence"])
def test_tail_of_crossentropy_from_logits(name, dtype):
    t, small = np.array([[1, 0]], dtype), np.exp(-60.0)  # far below 4 eps, and still to the digit
    each, dz = run(losses[name], t, np.array([[60, 0]], dtype), from_logits=True)
    np.testing.assert_allclose(each, small, rtol=1e-6)
    np.testing.assert_allclose(dz, [[-small, small]], rtol=1e-6)


@DTYPES
@pytest.mark.parametrize("from_logits", [False, True])
def test_focal_without_focus_is_crossentropy_bit_for_bit(from_logits, dtype):
    rng = np.random.default_rng(5)
    z = (rng.normal(size=(300, 4)) * 8).astype(dtype)
    t, hot = rng.integers(0, 2, z.shape).astype(dtype), rng.integers(0, 4, 300)
    p = z if from_logits else activations["sigmoid"](z)
    rows = z if from_logits else activations["softmax"](z)
    pairs = (
        (run(bce, t, p, from_logits=from_logits),
         run(focal, t, p, from_logits=from_logits, gamma=0.0, alpha=None)),
        (run(cce, hot, rows, from_logits=from_logits),
         run(categorical_focal, hot, rows, from_logits=from_logits, gamma=0.0, alpha=1.0)),
    )  # fmt: skip
    for one, other in pairs:
        for a, b in zip(one, other, strict=True):
            assert a.tobytes() == b.tobytes()
            assert np.ptp(a) > 0


def test_saturated_probabilities_follow_the_bounded_convention():
    t, p = np.array([1.0, 0.0, 1.0, 0.0]), np.array([0.0, 1.0, 1.0, 0.0])
    each, dp = run(bce, t, p)
    np.testing.assert_array_equal(each, [100, 100, 0, 0])
    np.testing.assert_array_equal(dp, [-1 / 1e-12, 1 / 1e-12, 0, 0])
    row, drow = run(cce, np.array([0]), np.array([[0.0, 1.0]]))
    np.testing.assert_array_equal(row, [100])
    np.testing.assert_array_equal(drow, [[-1 / 1e-12, 0]])
    for gamma in (0.5, 2.0):
        each, dp = run(focal, t, p, gamma=gamma)
        assert np.isfinite(each).all()
        np.testing.assert_array_equal([each[2:], dp[2:]], np.zeros((2, 2)))
        each, dz = run(focal, t, np.array([-INF, INF, INF, -INF]), gamma=gamma, from_logits=True)
        np.testing.assert_array_equal(each, [INF, INF, 0, 0])
        np.testing.assert_array_equal(dz, [-0.25, 0.75, 0, 0])


@DTYPES
def test_kinks_are_pinned(dtype):
    zero = np.zeros(3, dtype)
    each, dp = run(losses["huber"], zero, np.array([-1.5, 0, 1.5], dtype), delta=1.5)
    np.testing.assert_array_equal(each, [1.125, 0, 1.125])
    np.testing.assert_array_equal(dp, [-1.5, 0, 1.5])
    for name, t, p in (("mae", zero, zero), ("hinge", zero + 1, zero + 1)):
        each, dp = run(losses[name], t, p)
        np.testing.assert_array_equal([each, dp], np.zeros((2, 3)))
    p = np.array([[0.0, 1, 1], [2, 1, 1], [1, 0, 0]], dtype)
    each, dp = run(losses["categorical_hinge"], np.zeros(3, int), p)
    np.testing.assert_array_equal(each, [2, 0, 0])
    np.testing.assert_array_equal(dp, [[-1, 0.5, 0.5], [0, 0, 0], [0, 0, 0]])
    each, _ = run(losses["huber"], zero, np.array([-1, 0, 1], dtype), delta=0.0)
    np.testing.assert_array_equal(each, zero)


@pytest.mark.parametrize("name", ["cce", "kl_divergence"])
def test_a_target_of_zero_silences_an_infinite_logit(name):
    t, z = np.array([[1.0, 0.0, 0.0]]), np.array([[1.0, -INF, 1.0]])
    each, dz = run(losses[name], t, z, from_logits=True)
    np.testing.assert_allclose(each, np.log(2), rtol=1e-15)
    np.testing.assert_allclose(dz, [[-0.5, 0, 0.5]], rtol=1e-15)


@pytest.mark.parametrize("loss", losses, ids=repr)
def test_every_fact_is_there(loss):
    for fact in ("name", "formula", "latex", "derivative", "properties", "good_for", "source"):
        assert getattr(loss, fact), f"{loss.name} says nothing of {fact}"
    assert all(losses[alias] is loss for alias in loss.aliases)
