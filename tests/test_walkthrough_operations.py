"""Each operation of a walkthrough says what its kernel does, and every kernel has one."""

import ast
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

import minidl as ml
from minidl import kernels
from minidl.autodiff import ScalarOp
from minidl.kernels.jit import Kernel
from minidl.optim import optimizers
from minidl.walkthrough.formulas.calculus import agree, derivative
from minidl.walkthrough.formulas.expressions import evaluate, parse
from minidl.walkthrough.operations.finding import find
from minidl.walkthrough.operations.operation import registry

RNG = np.random.default_rng(5)


def modules():
    import importlib
    import pkgutil

    for info in pkgutil.iter_modules(kernels.__path__):
        yield importlib.import_module(f"{kernels.__name__}.{info.name}")


def scalar_ops(cls=ScalarOp):
    """The operations of minidl that have loops of their own."""
    for sub in cls.__subclasses__():
        yield from scalar_ops(sub)
        if sub.__module__.startswith("minidl.") and hasattr(sub, "value"):
            yield sub


def all_kernels():
    """Whatever a program can hold, by name."""
    found = [k for module in modules() for k in vars(module).values() if isinstance(k, Kernel)]
    found += [k for cls in scalar_ops() for k in cls.loops()]
    for loss in ml.losses:
        found += [loss.kernel(logits) for logits in ((False, True) if loss.link else (False,))]
    return {id(kernel): kernel for kernel in found}.values()


def test_every_kernel_that_a_program_can_hold_has_an_operation():
    missing = [kernel.name for kernel in all_kernels() if find(kernel) is None]
    assert len(all_kernels()) > 100
    assert not missing, f"write an operation in minidl/walkthrough/operations for {missing}"


def test_no_two_operations_read_one_kernel():
    read = [kernel for operation in set(registry.values()) for kernel in operation.kernels]
    assert len(read) == len(set(read)) > 20


def is_known_by_its_name(node):
    """``step.expansion == "…"``, ``kernel.name in ("…", …)`` and the like."""
    if not isinstance(node, ast.Compare):
        return False
    sides = [node.left, *node.comparators]
    named = [ast.unparse(side) for side in sides if isinstance(side, ast.Attribute)]
    texts = [c for side in sides for c in ast.walk(side)
             if isinstance(c, ast.Constant) and isinstance(c.value, str)]  # fmt: skip
    return bool(texts) and any(n.endswith((".expansion", "kernel.name")) for n in named)


def test_no_operation_is_known_by_its_name():
    assert is_known_by_its_name(ast.parse('step.expansion == "dense"', mode="eval").body)
    for path in Path(ml.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            assert not is_known_by_its_name(node), (path.name, node.lineno)


# ── the rule for whole arrays ─────────────────────────────────────────────────────────────────

COMPARED = [key for key, operation in registry.items() if operation.shapes]
NUMBERS = {"divisor": 4.0, "bound": 0.5}
MEANING = {
    "Total": lambda x, rows=None: x.sum(axis=None if rows is None else 0),
    "Times": np.multiply,
    "Max": np.maximum,
    "Min": np.minimum,
    "rows": True,
    "gradients": None,
}


@pytest.mark.parametrize("key", COMPARED)
def test_a_rule_is_what_its_kernel_does(key):
    operation = registry[key]
    *_, kernel = operation.kernels
    arrays = {name: RNG.normal(size=shape) for name, shape in operation.shapes.items()}
    given = {name: array.squeeze() if array.ndim == 3 else array for name, array in arrays.items()}
    expected = eval(operation.formula, MEANING, {**given, **NUMBERS})
    kernel(*(arrays.get(name, NUMBERS.get(name)) for name in kernel.parameters))
    written = arrays[kernel.parameters[kernel.writes[0]]]
    np.testing.assert_allclose(written.squeeze(), expected * np.ones(written.squeeze().shape))


def test_every_rule_is_compared_with_its_kernel():
    """But for those that need a mask, a norm or two ways: tests of walkthroughs show these."""
    stated = {key for key, one in registry.items() if one.formula and one.kernels}
    assert stated - set(COMPARED) == {"dropout", "shrink", "fan_out", "where"}


# ── optimizers ────────────────────────────────────────────────────────────────────────────────

VARIANTS = [
    ("sgd", {}),
    ("sgd", {"momentum": 0.9}),
    ("sgd", {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
    ("adam", {}),
    ("adam", {"beta1": 0.7, "epsilon": 0.1, "weight_decay": 0.1}),
    ("adamw", {"weight_decay": 0.3}),
    ("rmsprop", {"rho": 0.8, "weight_decay": 0.2}),
]
VARIANTS += [(entry.name, {}) for entry in optimizers if entry.name not in dict(VARIANTS)]


@pytest.mark.parametrize(("name", "settings"), VARIANTS)
def test_an_optimizers_formulas_are_what_its_kernel_does(name, settings):
    p = ml.Tensor(RNG.normal(size=3), requires_grad=True, dtype="float64")
    optimizer = optimizers[name].cls([p], learning_rate=0.1, **settings)
    numbers = {"eta": 0.1, **dict(zip(optimizer.symbols, optimizer.constants(), strict=True))}
    told = {"p": p.numpy().copy(), **{state: np.zeros(3) for state in optimizer.states}}
    for t in (1, 2, 3):
        told["g"] = RNG.normal(size=3)
        p.grad = told["g"]
        optimizer.step()
        for key, formula in optimizer.formulas(numbers).items():
            told[key] = np.array([worked_out(formula, told, numbers | {"t": t}, i)
                                  for i in range(3)])  # fmt: skip
        np.testing.assert_allclose(p.numpy(), told["p"], rtol=1e-13)
        for state in optimizer.states:
            np.testing.assert_allclose(optimizer.state[state], told[state], rtol=1e-13)


def worked_out(formula, arrays, numbers, place):
    known = numbers | {key: array[place] for key, array in arrays.items()}
    exact = {key: Decimal(float(value)) for key, value in known.items()}
    return float(evaluate(parse(formula), exact))


# ── facts ─────────────────────────────────────────────────────────────────────────────────────

STATED = [e for e in (*ml.activations, *ml.losses) if e.slope_formula and "Sum" not in e.formula]


@pytest.mark.parametrize("entry", STATED, ids=lambda entry: entry.name)
def test_a_stated_slope_is_the_derivative_of_the_formula(entry):
    name = "p" if entry in list(ml.losses) else "x"
    tree = parse(entry.formula)
    assert agree(parse(entry.slope_formula), derivative(tree, name), {"y": tree})
    wrong = ast.BinOp(parse(entry.slope_formula), ast.Mult(), ast.Constant(2))
    assert not agree(wrong, derivative(tree, name), {"y": tree})


@pytest.mark.parametrize("loss", [e for e in ml.losses if e.slope_at_logits], ids=repr)
def test_a_stated_slope_at_the_logits_is_what_the_kernel_gives(loss):
    """Of a row, p is the prediction behind the logits."""
    z = RNG.normal(size=(1, 3))
    t = np.array([[0.2, 0.5, 0.3]]) if loss.link == "softmax" else np.array([[1.0, 0.0, 1.0]])
    logits = ml.Tensor(z, requires_grad=True, dtype="float64")
    loss(t, logits, from_logits=True, reduction="sum").backward()
    p = np.exp(z) / np.exp(z).sum()
    for j, slope in enumerate(logits.grad[0]):
        told = worked_out(loss.slope_at_logits, {"z": z[0], "t": t[0], "p": p[0]}, {}, j)
        assert abs(told - slope) < 1e-12


def test_powers_state_a_formula():
    class Cubed(ml.Layer):
        keeps_width = True

        def forward(self, x, training):
            return x**3

    net = ml.Sequential(ml.Dense(2, 2, seed=0), Cubed(), ml.Dense(2, 1, seed=1))
    walkthrough = ml.explain(net, [[0.5, -1.0]], [1.0], loss="mse")
    (power,) = [step for step in walkthrough.steps if step.operation == "power"
                and step.phase == "forward"]  # fmt: skip
    (equation,) = walkthrough.equations(power.number, power.writes[0].name, (0, 0))
    assert "^" in equation.symbols
    assert not walkthrough.verify()


def test_what_where_chooses_is_worked_out():
    class Halved(ml.Layer):
        keeps_width = True

        def forward(self, x, training):
            return ml.where(x > 0, x, x * 0.5)

    net = ml.Sequential(ml.Dense(2, 3, seed=0), Halved(), ml.Dense(3, 1, seed=1))
    walkthrough = ml.explain(net, [[0.5, -1.0]], [1.0], loss="mse")
    (step,) = [s for s in walkthrough.steps if s.operation == "where" and s.phase == "forward"]
    assert step.rule == "halved1 = (dense1 if count ≠ 0, else multiply)"
    chosen = [walkthrough.equations(step.number, "halved1", (0, j))[0] for j in range(3)]
    assert {equation.note.partition("] ")[2] for equation in chosen} == {"is 0", "is not 0"}
    assert not walkthrough.verify()


@pytest.mark.parametrize(("hidden", "flat"), [("relu", True), ("tanh", True), ("leaky_relu", False),
                                              ("prelu", False)])  # fmt: skip
def test_nothing_passes_is_said_where_it_can_happen(hidden, flat):
    net = ml.mlp([2, 3, 1], hidden=hidden, seed=0)
    walkthrough = ml.explain(net, [[0.5, -1.0]], [1], loss="mse")
    back = [s for s in walkthrough.steps if s.phase == "backward" and s.operation == hidden]
    assert ("nothing passes" in back[0].why) == flat


def test_the_learned_slope_of_prelu_is_called_alpha():
    net = ml.mlp([2, 3, 1], hidden="prelu", seed=0)
    walkthrough = ml.explain(net, [[0.5, -1.0]], [1], loss="mse")
    text = walkthrough.to_markdown()
    assert r"\alpha^{(1)}" in text
    assert r"\text{broadcast}" not in text
    (step,) = [s for s in walkthrough.steps if s.operation == "prelu" and s.phase == "forward"]
    assert "dense1.alpha.each·dense1.sums" in step.rule
