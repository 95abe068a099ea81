"""Every loss in the registry against its own formula, from predictions and from logits."""

import numpy as np
import oracle
import pytest
import sympy
from enclosures import Evaluation
from oracle import Reference, check, check_slope, row_values, scalar_references, symbol

import minidl as ml
from minidl import Tensor
from minidl.core.intervals import NON_NEGATIVE, SIGNS, UNIT
from minidl.nn import activations, losses

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


def spread(rng, dtype, size):
    """Sizes from subnormal to nearly the largest, every binade as likely as any other."""
    info = np.finfo(dtype)
    return 2.0 ** rng.uniform(info.minexp - info.nmant, info.maxexp - 0.01, size)


def targets(loss, rng, size):
    if loss.target == SIGNS:
        return rng.choice([-1.0, 1.0], size)
    if loss.target == UNIT:
        return np.where(rng.random(size) < 0.7, rng.integers(0, 2, size), rng.random(size))
    if loss.target == NON_NEGATIVE:
        return rng.poisson(3, size).astype(F64)
    return rng.normal(size=size) * 10.0 ** rng.integers(-3, 3, size)


def predictions(loss, rng, dtype, t, from_logits):
    """Ordinary, tail, tiny, huge and kink-adjacent numbers, 3000 of each kind."""
    signs, wide = rng.choice([-1.0, 1.0], t.size), spread(rng, dtype, t.size)
    kinds = [rng.normal(size=t.size) * 3, rng.uniform(-30, 30, t.size), signs * wide]
    if from_logits:
        if loss.link == "exp":  # e^11000 is beyond any float
            kinds[2] = np.where(kinds[2] > 1e4, -kinds[2], kinds[2])
        kinds.append(rng.uniform(-760, 760, t.size))
    elif loss.prediction == UNIT:
        below = np.minimum(wide, 1 / np.maximum(wide, 1))
        kinds = [rng.random(t.size), below, 1 - 10.0 ** rng.uniform(-16, -1, t.size)]
    elif loss.prediction == NON_NEGATIVE:
        kinds = [np.abs(kind) for kind in kinds]
    else:
        kinds.append(t + signs * 10.0 ** rng.uniform(-16, 1, t.size))
        kinds.append(np.nextafter(t.astype(dtype), dtype(INF) * signs.astype(dtype)))
    p = np.choose(np.arange(t.size) % len(kinds), kinds).astype(dtype)
    if loss.prediction == UNIT and not from_logits:  # 0 and 1 have tests of their own
        info = np.finfo(dtype)
        p = np.clip(p, info.smallest_subnormal, 1 - info.epsneg)
    return p


def bounded(expr):
    """Logs of p not below −100: what is pinned for probabilities that are mere numbers."""
    low = sympy.Integer(-100)
    expr = sympy.expand_log(expr, force=True)
    return expr.replace(
        lambda part: part.func is sympy.log and part.has(symbol("p")),
        lambda part: sympy.Max(part, low),
    )


def floored(expr):
    return sympy.Max(expr, sympy.Rational(1, 10**12))


def element_references(loss, formula, names, from_logits):
    """Value and slope; from probabilities as pinned: bounded logs, denominators of 1e-12."""
    if from_logits or loss.link is None:
        value, _, slope = scalar_references(formula, names, loss.link if from_logits else None)
        return value, slope
    p, value = symbol("p"), oracle.expression(formula, names)
    slope = sympy.diff(value, p)
    if loss.prediction == UNIT:
        q = sympy.Symbol("q", positive=True)  # 1 − p, kept in one piece
        slope = sympy.expand_mul(slope.subs(1 - p, q) * p * q, deep=False).subs(q, 1 - p)
        slope = bounded(slope) / floored(p * (1 - p))
    else:
        slope = slope.replace(1 / p, 1 / floored(p))
    return Reference(bounded(value), names), Reference(slope, names)


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
    t = targets(loss, rng, 16_000).astype(dtype)
    p = predictions(loss, rng, dtype, t, from_logits)
    assert np.unique(np.stack([t, p]), axis=1).shape[1] >= 10_000
    assert np.ptp(np.log10(np.abs(p[p != 0]).astype(F64))) > 30
    hyper = {**loss.hyper, **settings}
    formula = loss.formula
    if hyper.get("alpha", 0) is None:  # switched off: both weights are 1
        hyper["alpha"] = 1.0
        formula = formula.replace("(1 - alpha)", "alpha")
    names = ("t", "p", *hyper)
    value, slope = element_references(loss, formula, names, from_logits)
    known = Evaluation({"t": t, "p": p, **hyper})
    each, dp = run(loss, t, p, from_logits=from_logits, **settings)
    terms, eps = np.zeros(t.size), float(np.finfo(dtype).eps)
    if loss.name in CANCELLING:
        formula, _ = element_references(loss, CANCELLING[loss.name], names, from_logits)
        terms = np.nan_to_num(
            np.minimum(known(formula.sharp).least(), np.finfo(F64).max).astype(F64)
        )
    check(each, value, known, dtype, 4, 4 * eps * terms)
    check_slope(dp, slope, known, dtype, np.maximum(1, terms) if from_logits else 1.0)


def row_references(loss, columns, from_logits):
    """A row's loss in t0, t1, …, x0, x1, …, and the hyper-parameters; its slopes in the x."""
    ts, xs = ([symbol(f"{letter}{j}") for j in range(columns)] for letter in "tx")
    names = (*(f"t{j}" for j in range(columns)), *(f"x{j}" for j in range(columns)), *loss.hyper)
    one = oracle.expression(loss.formula, ("t", "p", "wrong", "right", *loss.hyper))
    t, p = symbol("t"), symbol("p")
    if loss.name == "categorical_hinge":  # formula of the row; class 0 is the right one here
        whole = one.subs({symbol("right"): xs[0], symbol("wrong"): sympy.Max(*xs[1:])})
        whole = whole.replace(sympy.Max, oracle.maximum)
        return Reference(whole, names), [Reference(sympy.diff(whole, x), names) for x in xs]
    if from_logits:
        shares = row_values(activations["softmax"].formula, columns)
        whole = sum(one.subs({t: a, p: b}) for a, b in zip(ts, shares, strict=True))
        value = Reference(whole, names)
        slopes = [Reference(sympy.diff(whole, x), names, sympy.diff(value.sharp, x)) for x in xs]
        return value, slopes
    value = sum(bounded(one).subs({t: a, p: b}) for a, b in zip(ts, xs, strict=True))
    slope = sympy.diff(one, p).expand()
    slope = slope.replace(sympy.log, lambda u: sympy.log(floored(u)) if u == p else sympy.log(u))
    slope = slope.replace(1 / p, 1 / floored(p))
    slopes = (slope.subs({t: a, p: b}) for a, b in zip(ts, xs, strict=True))
    return Reference(value, names), [Reference(part, names) for part in slopes]


def row_inputs(loss, rng, dtype, from_logits):
    """Targets and predictions of 10,000 rows of three; half of the targets are one-hot."""
    z = rng.normal(size=(10_000, 3)) * np.repeat([1, 3, 10, 100], 2500)[:, None]
    p = z.astype(dtype)
    if not from_logits and loss.link is not None:
        info = np.finfo(dtype)  # 0 and 1 have tests of their own
        p = np.clip(activations["softmax"](p), info.smallest_subnormal, 1 - info.epsneg)
    t = np.eye(3)[np.zeros(10_000, int)]
    if loss.name != "categorical_hinge":
        t[::2] = activations["softmax"](rng.normal(size=(5000, 3)) * 3)
        if loss.needs_distributions:
            t[1::2] = [0.25, 0.5, 0.25]  # 0 · log 0 has no symbolic value: tested on its own
        else:
            t[1::2] = np.eye(3)[rng.integers(0, 3, 5000)]
    return t.astype(dtype), p


@DTYPES
@pytest.mark.parametrize("from_logits", [False, True])
@pytest.mark.parametrize("loss", ROWS, ids=repr)
def test_rows_follow_the_formula(loss, from_logits, dtype):
    if from_logits and loss.link is None:
        with pytest.raises(ml.core.ArgumentError, match="no link"):
            loss(np.zeros(1), np.ones((1, 3)), from_logits=True)
        return
    t, p = row_inputs(loss, np.random.default_rng(4), dtype, from_logits)
    value, slopes = row_references(loss, 3, from_logits)
    each, dp = run(loss, t, p, from_logits=from_logits)
    x = p.astype(F64)
    columns = {f"{k}{j}": part[:, j] for k, part in (("t", t), ("x", x)) for j in range(3)}
    known = Evaluation({**columns, **loss.hyper})
    terms, eps = np.zeros(len(t)), float(np.finfo(dtype).eps)
    if loss.name in CANCELLING:
        wide = t.astype(F64)
        logs = np.log(wide), ml.log_softmax(x) if from_logits else np.maximum(np.log(x), -100)
        terms = sum(np.abs(wide * part).sum(axis=1) for part in logs)
    if loss.link == "softmax":  # the contract of cross-entropy: 4 eps of the result
        terms = np.maximum(terms, known(value.sharp).least().astype(F64))
    check(each, value, known, dtype, 4, 4 * eps * terms)
    for j in range(3):
        check_slope(dp[:, j], slopes[j], known, dtype)


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
    t, hot = rng.choice([0.0, 0.3, 1.0], z.shape).astype(dtype), rng.integers(0, 4, 300)
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
    for fact in ("name", "formula", "latex", "properties", "good_for", "source"):
        assert getattr(loss, fact), f"{loss.name} says nothing of {fact}"
    assert loss.derivative or loss.slope_formula
    assert all(losses[alias] is loss for alias in loss.aliases)
