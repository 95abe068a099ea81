"""What a walkthrough claims, put to the test: formulas, their derivatives, verdicts."""

import ast
from decimal import Decimal

import mpmath
import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st
from walkthroughs import doubled, doubled_loss

import minidl as ml
from minidl.autodiff.arithmetic import DenseOp
from minidl.autodiff.op import Elementwise
from minidl.core.errors import ArgumentError
from minidl.nn.criterion import LossOp
from minidl.walkthrough.formulas.calculus import derivative, slope_of
from minidl.walkthrough.formulas.digits import agrees, digits_of, number
from minidl.walkthrough.formulas.expressions import evaluate, names, parse, read, shown

X, Y = np.array([[0.5, -1.25], [1.5, 0.75]]), np.array([[0.25], [-1.0]])
PLACES = {"a": 0.7, "b": 0.2, "x": -0.8, "y": 0.6, "t": 0.4, "p": 0.3,
          "alpha": 0.25, "gamma": 2.0, "delta": 0.5}  # fmt: skip


def verdicts(walkthrough, name=None):
    return {v.verdict for v in walkthrough.verdicts if name in (None, v.name)}


# ── formulas ──────────────────────────────────────────────────────────────────────────────────

FORMULAS = [e for e in (*ml.activations, *ml.losses) if "Sum" not in e.formula]
FORMULAS = [e for e in FORMULAS if "wrong" not in e.formula]


def precision(entry):
    """SELU's constants have 32 digits, of which a formula keeps what a float does."""
    return Decimal("1e-15") if entry.name == "selu" else Decimal("1e-40")


@pytest.mark.parametrize("entry", FORMULAS, ids=lambda entry: entry.name)
def test_a_formula_is_worked_out_as_sympy_does(entry):
    for sign in (1, -1):
        given = {key: sign * v if key in "abx" else v for key, v in PLACES.items()}
        mine = evaluate(parse(entry.formula), {k: Decimal(str(v)) for k, v in given.items()})
        symbols = {key: sympy.Symbol(key, real=True) for key in given}
        oracle = sympy.sympify(entry.formula, locals=symbols)
        exact = oracle.subs({symbols[k]: sympy.Rational(str(v)) for k, v in given.items()})
        assert abs(mine - Decimal(str(sympy.N(exact, 50)))) < precision(entry)


@pytest.mark.parametrize("entry", FORMULAS, ids=lambda entry: entry.name)
def test_a_local_derivative_is_the_one_that_sympy_finds(entry):
    name = "p" if entry in list(ml.losses) else "x"
    text = slope_of(entry.formula, entry.slope_formula, name, "y")
    for place in ("0.37", "-0.82"):
        given = {**PLACES, name: abs(float(place)) if name == "p" else float(place)}
        symbols = {key: sympy.Symbol(key, real=True) for key in given}
        numbers = {symbols[k]: sympy.Rational(str(v)) for k, v in given.items()}
        value = sympy.sympify(entry.formula, locals=symbols)
        decimals = {k: Decimal(str(v)) for k, v in given.items()}
        decimals["y"] = Decimal(str(sympy.N(value.subs(numbers), 55)))
        exact = Decimal(str(sympy.N(sympy.diff(value, symbols[name]).subs(numbers), 50)))
        assert abs(evaluate(parse(text), decimals) - exact) < precision(entry)


def test_local_derivatives_are_printed_as_the_registry_states_them():
    known = {"sigmoid": "y·(1 − y)", "tanh": "1 − y^2", "softsign": "1/(1 + abs(x))^2"}
    for name, stated in known.items():
        entry = ml.activations[name]
        assert shown(parse(slope_of(entry.formula, entry.slope_formula, "x", "y")), {}) == stated
    wrong = slope_of("x**2", "3*x", "x", "y")
    assert shown(parse(wrong), {}) == "2·x", "a fact that is wrong is not believed"


EXPRESSIONS = st.recursive(
    st.sampled_from(["x", "t", "2", "0.5"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*"]), inner).map(lambda p: f"({' '.join(p)})"),
        inner.map(lambda x: f"(-{x})"),
        inner.map(lambda x: f"tanh({x})"),
        inner.map(lambda x: f"({x})**2"),
    ),
    max_leaves=8,
)


@given(EXPRESSIONS)
def test_what_is_printed_is_read_as_what_was_meant(text):
    numbers = {"x": "−0.75", "t": "1.5"}
    tree = parse(text)
    meant = evaluate(tree, {key: number(value) for key, value in numbers.items()})
    printed = shown(tree, numbers)
    assert abs(evaluate(read(printed), {}) - meant) <= abs(meant) * Decimal("1e-50")


@given(EXPRESSIONS)
def test_the_rules_give_the_slope_of_any_formula(text):
    tree = parse(text)
    slope = derivative(tree, "x")
    x, t, h = Decimal("0.3"), Decimal("0.7"), Decimal("1e-20")
    above, below = (evaluate(tree, {"x": x + side * h, "t": t}) for side in (1, -1))
    difference = (above - below) / (2 * h)
    assert abs(evaluate(slope, {"x": x, "t": t}) - difference) <= Decimal("1e-18") * (
        1 + abs(difference) ** 3
    )


FOREIGN = ["__import__('os').getcwd()", "x.real", "open('x')", "[1]", "lambda: 1", "x or 1", "'a'"]


@pytest.mark.parametrize("text", FOREIGN)
def test_what_is_no_formula_is_never_run(text):
    with pytest.raises(ArgumentError):
        evaluate(parse(text), {"x": Decimal(1)})


def test_erf_has_many_digits():
    for x in ("0.1", "-1.3", "4.5", "-7"):
        with mpmath.workdps(70):
            exact = Decimal(str(mpmath.erfc(-mpmath.mpf(x))))
        mine = evaluate(parse("1 + erf(x)"), {"x": Decimal(x)})
        assert abs(mine - exact) < abs(exact) * Decimal("1e-30")


@given(st.floats(min_value=1e-30, max_value=1e30), st.integers(4, 12), st.booleans())
def test_printed_digits_are_a_correct_rounding(value, digits, negative):
    exact = Decimal(-value if negative else value)
    text = digits_of(exact, digits)
    assert agrees(exact, text, digits)
    off = exact * (1 + Decimal(10) ** (1 - digits))
    assert not agrees(off, text, digits)


# ── verdicts ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["tanh", "selu", "leaky_relu"])
def test_a_derivative_broken_on_purpose_is_seen(name):
    """``benchmarks/walkthroughs.py`` breaks every operation in turn."""
    net = ml.mlp([2, 3, 1], hidden=name, seed=1)
    assert verdicts(ml.explain(net, X, Y, loss="mse")) == {"pass"}
    with doubled(Elementwise, name):
        walkthrough = ml.explain(net, X, Y, loss="mse")
    assert "fail" in verdicts(walkthrough, "∂dense1.sums")
    assert verdicts(walkthrough, "∂dense2.weight") == {"pass"}, "what comes before is right"


def test_a_broken_dense_layer_and_a_broken_loss_are_seen():
    net = ml.mlp([2, 3, 2], output="softmax", seed=1)
    with doubled(DenseOp, "dense"):
        assert verdicts(ml.explain(net, X, [0, 1], loss="cce"), "∂dense2.bias") == {"fail"}
    with doubled_loss("categorical_crossentropy"):
        assert verdicts(ml.explain(net, X, [0, 1], loss="cce"), "∂dense2.sums") == {"fail"}
    assert LossOp._compare.__name__ == "_compare", "the patch is gone"


def test_a_slope_that_is_not_its_formulas_is_found_twice():
    @ml.activation
    class Wrong(ml.ActivationFunction):
        name = "wrong"
        formula = "x**3"
        value = staticmethod(lambda x: x * x * x)
        slope = staticmethod(lambda x: 2.0 * x * x)

    try:
        walkthrough = ml.explain(ml.mlp([2, 2, 1], hidden="wrong", seed=1), X, Y, loss="mse")
    finally:
        ml.activations.unregister("wrong")
    assert "fail" in verdicts(walkthrough, "∂dense1.sums")
    assert {f.equation.kind for f in walkthrough.verify()} == {"local"}


def test_an_activation_of_ones_own_is_explained_and_proved(bend):
    walkthrough = ml.explain(ml.mlp([2, 2, 1], hidden=bend, seed=1), X, Y, loss="mse")
    assert walkthrough.verify() == ()
    assert verdicts(walkthrough) == {"pass"}
    (equation,) = walkthrough.equations(2, "dense1", (0, 0))
    assert equation.symbols == "dense1.sums[0, 0]/(1 + dense1.sums[0, 0]^2)"


def test_one_without_a_formula_is_proved_all_the_same():
    class Square(ml.ActivationFunction):
        name = "square"
        value = staticmethod(lambda x: x * x)
        slope = staticmethod(lambda x: 2.0 * x)

    walkthrough = ml.explain(ml.mlp([2, 2, 1], hidden=Square(), seed=1), X, Y, loss="mse")
    (equation,) = walkthrough.equations(2, "dense1", (0, 0))
    assert equation.numbers == ""
    assert "no formula" in equation.note
    assert verdicts(walkthrough) == {"pass"}
    assert walkthrough.verify() == ()


def test_a_loss_of_ones_own_is_explained_and_proved():
    class Cubed(ml.Loss):
        name = "cubed"
        formula = "Abs(p - t)**3"
        value = staticmethod(lambda t, p: abs(p - t) ** 3)
        slope = staticmethod(lambda t, p: 3.0 * (p - t) * abs(p - t))

    walkthrough = ml.explain(ml.mlp([2, 2, 1], seed=1), X, Y, loss=Cubed())
    assert walkthrough.verify() == ()
    assert verdicts(walkthrough) == {"pass"}


class Everything(ml.Layer):
    """Operations between layers, constants, and numbers that are used again and again."""

    keeps_width = True

    def __init__(self):
        self.scale = ml.Tensor([0.7], requires_grad=True)
        self.weight = ml.Tensor([[0.5, 0.2], [0.1, -0.3]], requires_grad=True)

    def forward(self, x, training):
        a = ml.where(x > 0, x * self.scale, x * 0.5)
        b = ml.concatenate([a[:, :1], a[:, 1:]], axis=1)
        c = (b @ self.weight) + b.T.T - b.mean(axis=1, keepdims=True)
        d = ml.exp(c * 0.1) / (1.0 + ml.absolute(c)) + ml.maximum(c, b)
        return d + c.reshape(-1).reshape(c.shape) * (c * c).sum() * 0.01


def test_operations_between_layers_are_explained_and_proved():
    net = ml.Sequential(ml.Dense(2, 2, "tanh"), Everything(), ml.Dense(2, 1), seed=1)
    walkthrough = ml.explain(net, X, Y, loss="mse", optimizer="adam")
    assert walkthrough.verify() == ()
    assert verdicts(walkthrough) == {"pass"}
    shown_only = {step.operation for step in walkthrough.steps if not step.expansion}
    assert shown_only == {"where", "concatenate"}, "no formula, but numbers and verdicts"
    constants = [a.values for a in walkthrough.start if a.name.startswith("constant")]
    assert constants[:2] == [(0.0,), (0.5,)]


def test_a_crossed_corner_is_called_that():
    net = ml.Sequential(ml.Dense(1, 1, "relu"), ml.Dense(1, 1))
    net[0].weight.data, net[1].weight.data = [[1.0]], [[1.0]]
    at_the_corner = ml.explain(net, [[0.0]], [[1.0]], loss="mse")
    assert verdicts(at_the_corner, "∂dense1.sums") == {"kink"}
    assert verdicts(at_the_corner, "∂dense2.bias") == {"pass"}
    nearby = ml.explain(net, [[5e-6]], [[1.0]], loss="mse")
    assert verdicts(nearby) == {"pass"}
    (small,) = [v for v in nearby.verdicts if v.name == "∂dense1.sums"]
    assert small.step < 1e-5, "a smaller step stays on its side of the corner"
    margin = ml.explain(ml.Sequential(ml.Dense(1, 1)), [[0.0]], [[1.0]], loss="hinge")
    assert verdicts(margin, "∂dense1.bias") == {"pass"}


def test_a_bounded_probability_is_told_apart():
    net = ml.Sequential(ml.Dense(1, 2, "softmax"))  # which the loss does not look behind
    net[0].weight.data = [[20.0, -20.0]]
    walkthrough = ml.explain(net, [[1.0]], [[0.0, 1.0]], loss="bce")
    assert walkthrough.verify() == ()
    assert verdicts(walkthrough, "∂dense1") <= {"bounded", "kink"}
    assert "fail" not in verdicts(walkthrough)


def test_digits_that_float32_has_lost_are_told_apart():
    net = ml.Sequential(ml.Dense(1, 1, "tanh"), ml.Dense(1, 1))
    net[0].weight.data, net[1].weight.data = [[9.5]], [[1.0]]
    walkthrough = ml.explain(net, [[1.0]], [[0.0]], loss="mse")
    assert verdicts(walkthrough, "∂dense1.sums") == {"rounded"}
    assert walkthrough.verify() == ()


def test_names_of_a_formula_are_what_it_depends_on():
    assert names(parse("x*exp(-t)/pi + Max(0, x)")) == ["x", "t"]
    assert ast.unparse(derivative(parse("t**2"), "x")) == "0"
