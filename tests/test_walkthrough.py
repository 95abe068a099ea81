"""A training step walked through: its numbers, its equations, its gradients' receipts."""

import json
import re
import subprocess
import sys
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path

import mpmath
import numpy as np
import pytest
from walked import Beside, Residual
from walkthroughs import walkthroughs

import minidl as ml
from minidl.core.errors import ArgumentError
from minidl.program import layout
from minidl.training.runner import step as train
from minidl.walkthrough.rendering.notation import Notation
from minidl.walkthrough.steps import PARTS

CHECKOUT = Path(__file__).parents[1]
X, Y = np.array([[0.5, -1.25], [1.5, 0.75]]), np.array([[0.25], [-1.0]])


def explained(hidden="tanh", optimizer="sgd", **settings):
    net = ml.mlp([2, 3, 1], hidden=hidden, seed=1)
    return ml.explain(net, X, Y, loss="mse", optimizer=optimizer, **settings)


# ── equations ─────────────────────────────────────────────────────────────────────────────────


def by_hand(text):
    """What a printed expression comes to, at 60 digits: read by Python, worked out by mpmath."""
    plain = text.translate({ord("−"): "-", ord("·"): "*", ord("√"): "sqrt", ord("σ"): "sigma"})
    plain = re.sub(r"\d+(\.\d+)?(e-?\d+)?", r"mpf('\g<0>')", plain.replace("^", "**"))
    known = {
        "mpf": mpmath.mpf, "exp": mpmath.exp, "sqrt": mpmath.sqrt, "tanh": mpmath.tanh,
        "erf": mpmath.erf, "sign": mpmath.sign, "abs": abs, "max": max, "min": min,
        "π": mpmath.pi, "ln": lambda x: mpmath.log(x) if x else mpmath.mpf(-100),
        "sigma": lambda x: 1 / (1 + mpmath.exp(-x)),
    }  # fmt: skip
    with mpmath.workdps(60):
        return Decimal(mpmath.nstr(+eval(plain, known), 50, strip_zeros=False))


def comes_out(equation):
    """Whether the printed expression, rounded as far as the printed result goes, is that."""
    printed, value = Decimal(equation.result.replace("−", "-")), by_hand(equation.numbers)
    if not printed:
        return abs(value) < Decimal("1e-40")
    places = min(printed.as_tuple().exponent, printed.adjusted() - 3)
    return value.quantize(Decimal(1).scaleb(places), ROUND_HALF_EVEN) == printed


def test_printed_equations_come_out_and_gradients_are_proved():
    """Of random networks; ``benchmarks/walkthroughs.py`` does the same for 500."""
    told = 0
    for what, walkthrough in walkthroughs(25):
        assert walkthrough.verify() == (), what
        assert "fail" not in {verdict.verdict for verdict in walkthrough.verdicts}, what
        for step in walkthrough.steps:
            for array in step.writes:  # one number of each, by other means than verify's
                last = tuple(n - 1 for n in array.shape)
                for equation in walkthrough.equations(step.number, array.name, last):
                    if equation.numbers:
                        assert comes_out(equation), (what, str(equation))
                        told += 1
    assert told > 1000


def significant(text):
    return len(re.sub(r"e.*|[−.]", "", text).lstrip("0"))


def test_results_have_four_significant_digits_or_are_exact():
    walkthrough = explained()
    rounded = 0
    for _, _, _, equations in walkthrough.every():
        for equation in equations:
            exact = Decimal(equation.value) == Decimal(equation.result.replace("−", "-"))
            short = np.float32(equation.value) == np.float32(equation.result.replace("−", "-"))
            assert exact or short or significant(equation.result) >= 4
            rounded += not (exact or short)
    assert rounded > 20


def test_more_digits_can_be_asked_for():
    results = [
        walkthrough.equations(1, "dense1.sums", (0, 0))[0].result
        for walkthrough in (explained(digits=6), explained(digits=9))
    ]
    assert [significant(result) for result in results] == [6, 9]


def test_a_small_update_shows_in_the_digits_of_the_weight():
    receipt = explained(learning_rate=1e-3).receipt("dense1.weight", (0, 0))
    (before, *_), after = receipt.update[-1].operands, receipt.update[-1].result
    assert before.symbol == "dense1.weight[0, 0]"
    assert significant(after) > 4
    assert abs(Decimal(after.replace("−", "-")) - Decimal(before.text.replace("−", "-"))) > 0


def test_a_changed_number_is_found_by_verify():
    walkthrough = explained()
    data = json.loads(walkthrough.to_json())
    data["steps"][1]["writes"][0]["values"][0] += 0.01
    changed = ml.Walkthrough.from_json(json.dumps(data))
    found = {(failure.step, failure.name, failure.index) for failure in changed.verify()}
    assert (1, "dense1.sums", (0, 0)) in found


def test_rounding_that_shows_in_the_digits_is_told():
    net = ml.Sequential(ml.Dense(2, 1))
    net[0].weight.data, net[0].bias.data = [[1e8], [-1e8]], [1.0]  # the bias comes first
    walkthrough = ml.explain(net, [[1.0, 1.0]], [0.0], loss="mse")
    (equation,) = walkthrough.equations(1, "dense1", (0, 0))
    assert equation.result == "1"
    assert equation.held == "0"
    assert walkthrough.verify() == ()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_what_is_zero_on_paper_is_shown_as_zero_beside_the_trace_that_it_leaves(dtype):
    net = ml.Sequential(ml.Dense(2, 1, dtype=dtype))
    net[0].weight.data, net[0].bias.data = [[-0.3], [0.2]], [-0.2]
    walkthrough = ml.explain(net, [[-1.0, -0.5]], [1], loss="mse")
    (equation,) = walkthrough.equations(1, "dense1", (0, 0))
    assert equation.numbers == "−1·(−0.3) + (−0.5·0.2) + (−0.2)"
    assert equation.result == "0"
    kind = np.dtype(dtype).type
    trace = float(kind(-0.2) + kind(0.3) - kind(0.1))  # from the bias on
    assert trace != 0.0
    assert float(equation.held.replace("−", "-")) == pytest.approx(trace, rel=1e-3)
    assert walkthrough.verify() == ()


def test_a_result_in_the_middle_gets_one_digit_more_instead_of_seventeen_for_its_operands():
    net = ml.Sequential(ml.Dense(1, 1, dtype="float64"))
    net[0].weight.data = [[0.5005]]
    (equation,) = ml.explain(net, [[1.1]], [1], loss="mse").equations(1, "dense1", (0, 0))
    assert (equation.numbers, equation.result) == ("1.1·0.5005 + 0", "0.55055")


# ── the same instructions ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("optimizer", ml.optimizers.names())
def test_every_number_is_the_one_that_training_computes(optimizer):
    net, twin = (ml.mlp([2, 3, 1], hidden="relu", output="sigmoid", seed=1) for _ in range(2))
    own = ml.optimizers[optimizer].cls(net.parameters(), 0.1)
    y = np.array([[1.0], [0.0]])
    walkthrough = ml.explain(twin, X, y, loss="bce", optimizer=optimizer, learning_rate=0.1)
    loss = train(net, X.astype(np.float32), y.astype(np.float32), ml.losses["bce"], own)
    end = walkthrough.after(len(walkthrough.steps) - 1)
    assert end["binary_crossentropy"].numbers == loss.item()
    for parameter in net.parameters():
        assert np.array_equal(end[parameter.name].numbers, parameter.numpy())
        assert np.array_equal(end[f"∂{parameter.name}"].numbers, parameter.grad)
    again = ml.binary_crossentropy(y.astype(np.float32), net(X)).item()
    assert end["binary_crossentropy afterwards"].numbers == again


def test_the_network_and_its_optimizer_stay_as_they_were():
    net = ml.mlp([2, 8, 1], dropout=0.5, seed=1)
    optimizer = ml.Adam(net.parameters())
    ml.fit(net, X, Y, loss="mse", optimizer=optimizer, epochs=1)
    before = [p.numpy().copy() for p in net.parameters()] + [optimizer.state["m"].copy()]
    counts = optimizer.steps, net[1].counter.tolist()
    walkthrough = ml.explain(net, X, Y, loss="mse", optimizer=optimizer)
    after = [p.numpy() for p in net.parameters()] + [optimizer.state["m"]]
    assert all(map(np.array_equal, before, after))
    assert counts == (optimizer.steps, net[1].counter.tolist())
    assert walkthrough.before(0)["dense1.weight.m"].numbers.any()


def test_dropout_draws_the_mask_that_training_would():
    net = ml.mlp([2, 8, 1], hidden="tanh", dropout=0.5, seed=1)
    walkthrough = ml.explain(net, X, Y, loss="mse")
    shown = walkthrough.after(len(walkthrough.steps) - 1)["dropout1"].numbers
    hidden = net[1](net[0](ml.Tensor(X, dtype="float32")), training=True)
    assert np.array_equal(shown, hidden.numpy())
    kinds = {walkthrough.equations(3, "dropout1", (0, j))[0].note for j in range(8)}
    assert kinds == {"kept by dropout", "silenced by dropout"}


def test_training_does_not_know_of_walkthroughs():
    """The package is never imported, and a program has the same listing before and after one."""
    code = """
import sys
import numpy as np
import minidl as ml
from minidl.training.runner import step

net, x, y = ml.mlp([2, 3, 1], seed=0), np.ones((4, 2)), np.ones((4, 1))
optimizer = ml.SGD(net.parameters())
def listed():
    program = ml.record(lambda x, t: step(net, x, t, ml.mse, optimizer), x, y)
    return str(program), len(program), [id(i.kernel) for i in program.instructions]
ml.fit(net, x, y, loss="mse", epochs=1)
before = listed()
print([name for name in sys.modules if name.startswith("minidl.walkthrough")])
ml.explain(net, x, y, loss="mse")
print(before == listed(), "minidl.walkthrough" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\nTrue True\n"


def test_what_is_there_at_first_is_the_batch_and_the_parameters():
    net = ml.mlp([2, 3, 1], seed=1)
    clipped = ml.SGD(net.parameters(), momentum=0.9, clip_norm=0.1, clip_value=0.5)
    walkthrough = ml.explain(net, X, Y, loss="mse", optimizer=clipped)
    parameters = [parameter.name for parameter in net.parameters()]
    states = [f"{name}.velocity" for name in parameters]
    assert [array.name for array in walkthrough.start] == ["x", "t", *parameters, *states]
    assert {"limit", "squares", "shrink"} <= {step.expansion for step in walkthrough.steps}
    assert walkthrough.verify() == ()


def test_steps_come_in_the_order_of_a_training_step():
    walkthrough = explained()
    phases = [step.phase for step in walkthrough.steps]
    assert list(dict.fromkeys(phases)) == list(PARTS)
    assert phases == sorted(phases, key=list(PARTS).index)
    back = [step.mirrors for step in walkthrough.steps if step.phase == "backward"]
    assert back == sorted(back, reverse=True)
    lines = {step.instruction for step in walkthrough.steps} - {None}
    listed = walkthrough.problem.listing.splitlines()
    assert lines == {i for i, line in enumerate(listed) if "begin" not in line}


# ── what is said of a number ──────────────────────────────────────────────────────────────────


def test_not_yet_computed_zero_and_off_are_told_apart():
    net = ml.Sequential(ml.Dense(1, 2, "relu"), ml.Dense(2, 1))
    net[0].weight.data, net[0].bias.data = [[-1.0, 1.0]], [0.0, 0.0]
    walkthrough = ml.explain(net, [[2.0]], [[0.0]], loss="mse")
    last = len(walkthrough.steps) - 1
    assert walkthrough.cell("dense1", (0, 0), after=1) == "—"
    assert walkthrough.cell("dense1", (0, 0)) == "0 (off)"
    assert walkthrough.cell("dense1", (0, 1)) == "2"
    assert walkthrough.cell("∂dense1.weight", (0, 0)) == "0 (off)"
    assert walkthrough.cell("∂dense1.bias", (0,), last) == "0 (off)"
    assert walkthrough.cell("t", (0, 0)) == "0"
    for text in (str(walkthrough), walkthrough.to_markdown(), walkthrough.to_html()):
        assert "(off)" in text.replace("\\text{ ", "")
        assert not re.search(r"\bdead\b", text)  # which a unit is that is off in every row


def test_a_bend_is_explained_where_a_layer_follows_and_not_at_the_output():
    net = ml.mlp([2, 3, 3, 1], hidden="tanh", output="sigmoid", seed=0)
    walkthrough = ml.explain(net, [[0.5, -1.0]], [1], loss="bce")
    bends = [s.writes[0].name for s in walkthrough.steps if "would be one linear" in s.why]
    assert bends == ["dense1", "dense2"]
    (output,) = (s for s in walkthrough.steps if s.title == "dense3: sigmoid")
    assert output.why == "Scores become predictions, in the range that these are to have."


def parts_side_by_side():
    net = ml.Sequential(ml.Dense(2, 2, seed=1), Beside(2), ml.Dense(3, 1, seed=2))
    return ml.explain(net, X, Y, loss="mse")


def test_parts_of_an_array_that_come_later_are_not_computed_yet():
    walkthrough = parts_side_by_side()
    first, second = [s.number for s in walkthrough.steps if s.operation == "concatenate"][:2]
    for row in range(2):
        shown = [walkthrough.cell("beside1", (row, j), first) for j in range(3)]
        sources = [walkthrough.cell("dense1", (row, j)) for j in range(2)]
        assert shown == [*sources, "—"]
        last = walkthrough.cell("beside1.inner", (row, 0), second)
        assert walkthrough.cell("beside1", (row, 2), second) == last != "—"
    assert walkthrough.verify() == ()
    assert {verdict.verdict for verdict in walkthrough.verdicts} == {"pass"}


def test_whatever_lies_in_memory_is_not_taken_for_a_number(monkeypatch):
    clean, aligned = parts_side_by_side(), layout._aligned

    def littered(size):
        memory = aligned(size)
        memory[:] = 255  # NaN, of which most networks would die
        return memory

    monkeypatch.setattr(layout, "_aligned", littered)
    assert parts_side_by_side() == clean


def test_a_receipt_lists_each_way_and_the_update():
    walkthrough = explained(optimizer="adam")
    receipt = walkthrough.receipt("dense1.weight", (1, 2))
    x = X.astype(np.float32)
    end = walkthrough.after(len(walkthrough.steps) - 1)
    upstream = end["∂dense1.sums"].numbers
    parts = [part.value for part in receipt.parts]
    assert np.allclose(parts, [*(x[:, 1] * upstream[:, 2]), receipt.value], rtol=1e-6)
    assert [part.note for part in receipt.parts] == ["row 0", "row 1", ""]
    assert receipt.verdict.verdict == "pass"
    assert receipt.update[-1].value == end["dense1.weight"][1, 2]
    assert len(receipt.update) == 5  # m, v, both corrected, the weight
    with pytest.raises(ArgumentError):
        walkthrough.receipt("dense1.weight", (5, 5))


def test_ways_that_meet_are_added_up():
    net = ml.Sequential(ml.Dense(2, 2), Residual(2), ml.Dense(2, 1), seed=1)
    walkthrough = ml.explain(net, X, Y, loss="mse")
    (meeting,) = [step for step in walkthrough.steps if step.expansion == "fan_out"]
    assert meeting.formulas == {"first": "residual1", "second": "residual1.inner.sums"}
    receipt = walkthrough.receipt("dense1", (0, 1))
    assert receipt.parts[-1].kind == "sum"
    assert len(receipt.parts) == 6  # one way by +; two units, their sum; both ways
    assert walkthrough.verify() == ()
    assert {verdict.verdict for verdict in walkthrough.verdicts} == {"pass"}


def test_a_layer_used_twice_has_a_gradient_of_two_parts():
    layer = ml.Dense(2, 2, "tanh", seed=1)
    net = ml.Sequential(layer, layer, ml.Dense(2, 1, seed=2))
    walkthrough = ml.explain(net, X, Y, loss="mse")
    meeting = [s.writes[0].name for s in walkthrough.steps if s.expansion == "fan_out"]
    assert meeting == ["∂dense1.weight", "∂dense1.bias"]
    assert walkthrough.verify() == ()
    assert {verdict.verdict for verdict in walkthrough.verdicts} == {"pass"}


@pytest.mark.parametrize(
    ("output", "loss", "y"),
    [
        ("sigmoid", "bce", [[1.0], [0.0]]),
        ("softmax", "cce", [1, 0]),
        ("linear", "poisson", [[2.0], [0.0]]),
    ],
)  # fmt: skip
def test_a_fused_head_shows_both_forms(output, loss, y):
    net = ml.mlp([2, 3, 2 if output == "softmax" else 1], output=output, seed=1)
    logits = {"from_logits": True} if loss == "poisson" else {}
    walkthrough = ml.explain(net, X, y, loss=loss, **logits)
    (step,) = [step for step in walkthrough.steps if step.expansion == "loss_back"]
    (array,) = step.writes
    forms = {e.kind: e for e in walkthrough.equations(step.number, array.name, (0, 0))}
    assert forms["factored"].value == forms["cancels"].value == array[0, 0]
    assert forms["factored"].result == forms["cancels"].result
    assert "local" in forms


@pytest.mark.parametrize(
    ("optimizer", "settings"),
    [
        (ml.SGD, {}),
        (ml.SGD, {"weight_decay": 0.1}),
        (ml.SGD, {"momentum": 0.9}),
        (ml.SGD, {"momentum": 0.9, "nesterov": True}),
        (ml.Adam, {"weight_decay": 0.1}),
        (ml.AdamW, {"weight_decay": 0.1}),
        (ml.RMSprop, {"weight_decay": 0.1}),
    ],
)
def test_an_update_rule_has_the_symbols_of_its_equations(optimizer, settings):
    net = ml.mlp([2, 2, 1], hidden="tanh", seed=0)
    own = optimizer(net.parameters(), learning_rate=0.1, **settings)
    walkthrough = ml.explain(net, [[0.5, -1.0]], [1], loss="mse", optimizer=own)
    (step,) = [step for step in walkthrough.steps if step.phase == "update"]
    worked = walkthrough.equations(step.number, "dense1.weight", (0, 0))
    symbols = " ".join(equation.symbols for equation in worked)
    formula = Notation(walkthrough.problem, walkthrough.steps).rule(step)
    for sign, name in {"η": "eta", "λ": "lambda", "μ": "mu", "ε": "varepsilon", "ρ": "rho"}.items():
        uses = len(re.findall(f"{sign}(?!₁|₂)", symbols))
        assert step.rule.count(sign) == uses, step.rule
        assert len(re.findall(rf"\\{name}\b", formula)) == uses, formula
