"""A walkthrough as a file: the page's size and formulas, the graph as SVG, LaTeX and Markdown."""

import json
import math
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from typer.testing import CliRunner
from walked import Beside, Residual, of_step

import minidl as ml
from minidl.cli import app
from minidl.walkthrough.examples import cs231n, micrograd, two_layers
from minidl.walkthrough.formulas.latex import equation_latex, mathml
from minidl.walkthrough.rendering.notation import Notation
from minidl.walkthrough.rendering.text import plain_text

X = [[0.5, -1.0], [1.5, 2.0]]


# ── the page as a file ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize(
    ("widths", "hidden", "limit"),
    [([2, 3, 1], "tanh", 150_000), ([2, 3, 1], "selu", 150_000), ([2, 16, 16, 1], "gelu", 1e6)],
)
def test_a_page_is_small(widths, hidden, limit, optimizer):
    net = ml.mlp(widths, hidden=hidden, output="sigmoid", seed=0)
    made = ml.explain(net, X[:1], [1], loss="bce", optimizer=optimizer).to_html()
    assert len(made.encode()) <= limit
    assert "too large" not in made


def test_a_page_of_a_larger_network_says_what_it_leaves_out():
    net = ml.mlp([8, 40, 40, 1], seed=0)
    walkthrough = ml.explain(net, np.eye(2, 8), [1, 0], loss="mse", optimizer="adam")
    made = walkthrough.to_html()
    assert len(made.encode()) <= 1e6
    assert "layers are summarised, and of each layer and array the first" in made
    assert re.search(r"… \d+ more rows and \d+ more columns", made)
    assert re.search(r">… \d+ more<", walkthrough.to_svg())


def test_formulas_of_a_page_are_well_formed_mathml(walkthrough):
    made = walkthrough.to_html()
    whole = re.findall(r"<math.*?</math>", made, re.DOTALL)
    told = json.loads(re.search(r'id="content">(.*?)</script>', made, re.DOTALL)[1])
    parts = [part for form in told["templates"] for part in form]
    parts += [math for _, math in told["symbols"]]
    assert len(whole) > 40
    assert len(parts) > 60
    for text in (*whole, *(f"<math>{part}</math>" for part in parts)):
        assert ET.fromstring(text).tag == "math"


def test_a_page_of_a_walkthrough_from_a_file_is_the_same(walkthrough):
    again = ml.Walkthrough.from_json(walkthrough.to_json())
    assert again.to_html() == walkthrough.to_html()


# ── svg ───────────────────────────────────────────────────────────────────────────────────────

SVG = "{http://www.w3.org/2000/svg}"


def of_class(root, name):
    return [g for g in root.iter(f"{SVG}g") if name in g.get("class", "").split()]


def test_the_graph_is_well_formed_and_shows_every_unit_and_weight(walkthrough):
    for step in walkthrough.steps:
        root = ET.fromstring(walkthrough.to_svg(step.number))
        assert len(of_class(root, "mw-node")) == 2 + 3 + 1 + 1
        weights = [g.get("data-weight") for g in of_class(root, "mw-edge")]
        assert sum(w is not None for w in weights) == 2 * 3 + 3
    assert "prefers-color-scheme: dark" in walkthrough.to_svg()


@pytest.mark.parametrize("example", [cs231n, micrograd])
def test_a_circuit_is_drawn_operation_by_operation(example):
    walkthrough = example()
    forward = [step for step in walkthrough.steps if step.phase == "forward"]
    read = {name for step in forward for name in step.reads}
    made = {step.writes[0].name for step in forward}
    root = ET.fromstring(walkthrough.to_svg())
    titles = {text.text for text in root.iter() if text.get("class") == "title"}
    assert titles == read | made | {"loss"}
    arrows = sum(len(set(step.reads)) for step in forward) + 1
    assert len(of_class(root, "mw-edge")) == arrows
    places = [
        (c.get("cx"), c.get("cy")) for c in root.iter(f"{SVG}circle") if c.get("class") == "body"
    ]
    assert len(set(places)) == len(titles)
    width, height = map(float, root.get("viewBox").split()[2:])
    assert all(0 < float(x) < width and 0 < float(y) < height for x, y in places)


def test_arrows_are_as_wide_as_what_they_carry_is_large(walkthrough):
    def widths(step, name):
        root = ET.fromstring(walkthrough.to_svg(step))
        edges = [g for g in of_class(root, "mw-edge") if g.get("data-weight")]
        found = {g.get("data-weight"): float(g[0].get("style").split(":")[1]) for g in edges}
        array = walkthrough.after(step)[name]
        plain = name.removeprefix("∂")
        places = [tuple(map(int, i)) for i in np.ndindex(array.shape)]
        sizes = [abs(array[place]) for place in places]
        return sizes, [found[f"{plain}[{i}, {j}]"] for i, j in places]

    for step, name in [
        (1, "dense1.weight"),
        (of_step(walkthrough, "∂dense1.weight").number, "∂dense1.weight"),
    ]:
        sizes, drawn = widths(step, name)
        assert len(set(drawn)) > 3
        assert np.corrcoef(sizes, drawn)[0, 1] > 0.9999


def test_dead_and_saturated_units_are_told_apart_in_words_and_outlines(walkthrough):
    root = ET.fromstring(walkthrough.to_svg())
    off = of_class(root, "off")
    sums = walkthrough.after(1)["dense1.sums"].numbers[0]
    assert len(off) == np.count_nonzero(sums < 0) == 2
    assert all("off" in [t.text for t in g.iter(f"{SVG}text")] for g in off)
    net = ml.Sequential(ml.Dense(1, 3, "tanh"), ml.Dense(3, 1))
    net[0].weight.data = [[3.0, 0.5, -3.0]]
    flat = of_class(ET.fromstring(ml.explain(net, [[1.0]], [1], loss="mse").to_svg()), "flat")
    assert len(flat) == 2  # tanh′(3) = 0.01, tanh′(0.5) = 0.79
    assert "flat" in [t.text for t in flat[0].iter(f"{SVG}text")]


@pytest.mark.parametrize(
    ("hidden", "flat"),
    [("softsign", 5.0), ("gelu", -2.5), ("elu", -4.0), ("leaky_relu", None), ("softplus", -3.3)],
)
def test_a_graph_and_a_diagnosis_call_the_same_units_saturated(hidden, flat):
    """z is far out and at 1: a slope of at most 5 % of the steepest, if the range has an end."""
    net = ml.Sequential(ml.Dense(1, 2, hidden, dtype="float64"), ml.Dense(2, 1, dtype="float64"))
    net[0].weight.data = [[-4.0 if flat is None else flat, 1.0]]
    drawn = ET.fromstring(ml.explain(net, [[1.0]], [1], loss="mse").to_svg())
    found = ml.diagnose(net, [[1.0]], [[1.0]], loss="mse").layers[0]
    assert len(of_class(drawn, "flat")) == found.saturated == (flat is not None)


def test_a_unit_at_the_corner_of_relu_is_off_as_its_kernel_has_it():
    net = ml.mlp([2, 2, 1], hidden="relu", seed=0)
    drawn = ml.explain(net, [[0.0, 0.0]], [1], loss="mse").to_svg()
    assert len(of_class(ET.fromstring(drawn), "off")) == 2  # z is 0, and relu′(0) is 0


def test_a_step_or_row_that_does_not_exist_is_refused(walkthrough, refused):
    with refused(ml.core.ArgumentError, "svg(step=…)", "from 0 to 16", "17", "Write 0"):
        walkthrough.to_svg(17)
    with refused(ml.core.ArgumentError, "svg(row=…)", "from 0 to 1", "2", "Write 0"):
        walkthrough.to_svg(0, row=2)


def test_a_way_around_a_layer_is_drawn():
    net = ml.Sequential(ml.Dense(2, 2), Residual(2), ml.Dense(2, 1), seed=1)
    root = ET.fromstring(ml.explain(net, X, [1, 0], loss="mse").to_svg())
    lines = [g[0].get("d") for g in of_class(root, "mw-edge")]
    assert sum("Q" in line for line in lines) == 2  # x, past the inner layer
    assert len(lines) == 4 + 4 + 2 + 2 + 2 + 1


# ── what is not computed yet ──────────────────────────────────────────────────────────────────


def test_every_rendering_has_a_dash_where_a_part_of_an_array_comes_later():
    net = ml.Sequential(ml.Dense(2, 2, seed=1), Beside(2), ml.Dense(3, 1, seed=2))
    walkthrough = ml.explain(net, X[:1], [1], loss="mse")
    first = next(s.number for s in walkthrough.steps if s.operation == "concatenate")
    a, b, c = (walkthrough.cell("beside1", (0, j)) for j in range(3))
    assert f"beside1 [1×3]  {a}  {b}  —\n" in plain_text(walkthrough)
    assert f"beside1 [1×3]  {a}  {b}  {c}\n" in plain_text(walkthrough)
    assert walkthrough.to_markdown().count(rf"{a} & {b} & \text{{—}} ".replace("−", "-")) == 1
    assert walkthrough.to_html().count(f"<td>{a}</td><td>{b}</td><td>—</td>") == 1
    again = ml.Walkthrough.from_json(walkthrough.to_json())
    assert again.cell("beside1", (0, 2), first) == "—"
    for step, number in ((first, "—"), (first + 1, c)):
        units = of_class(ET.fromstring(walkthrough.to_svg(step)), "mw-node")
        shown = [[text.text for text in unit.iter(f"{SVG}text")] for unit in units]
        assert len(units) == 2 + 2 + 1 + 3 + 1 + 1  # one unit a number of the whole, not of a part
        assert sum(number in texts for texts in shown) == 1
    drawn = ET.fromstring(walkthrough.to_svg(first + 1))
    own = 2 * 3 + 1 * 3  # beside1 is made of both numbers of dense1, and of what the layer adds
    assert len(of_class(drawn, "mw-edge")) == 4 + 2 + own + 3 + 1


# ── LaTeX and Markdown ────────────────────────────────────────────────────────────────────────


ROWLESS = [
    e.name for e in ml.losses if not e.name.startswith("categorical") and e.name != "kl_divergence"
]


def calculated(latex):
    """A LaTeX formula of numbers, read by Python's rules and not by minidl's."""
    text = latex.split(r" \quad \text{as }")[0]
    text = re.sub(r"\\operatorname\{(\w+)\}", r"\1", text)
    for sign, meaning in {
        r"\left|": "abs(", r"\right|": ")", r"\left": "", r"\right": "", r"\cdot": "*",
        r"\ln": "log", r"\sigma": "sigmoid", "\\": "", "{": "(", "}": ")",
    }.items():  # fmt: skip
        text = text.replace(sign, meaning)
    text = re.sub(r"(?<![\w.])e\^", "exp", text).replace("^", "**")
    assert not re.search(r"[-+*] *-", text), "two signs without brackets"
    known = {name: getattr(math, name) for name in ("exp", "log", "tanh", "sqrt", "erf", "pi")}
    known |= {
        "frac": lambda above: lambda below: above / below,
        "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
        "sign": np.sign,
    }
    return float(eval(text, known))


@pytest.mark.parametrize("hidden", [a.name for a in ml.activations if a.name != "log_softmax"])
def test_formulas_in_latex_come_to_their_results(hidden):
    net = ml.mlp([2, 3, 2], hidden=hidden, output="softmax", seed=2)
    optimizer = "adam" if hidden == "relu" else "sgd"
    walkthrough = ml.explain(net, X, [1, 0], loss="cce", optimizer=optimizer, digits=6)
    notation, checked = Notation(walkthrough.problem, walkthrough.steps), 0
    for _, _, _, equations in walkthrough.every():
        for equation in equations:
            sides = equation_latex(equation, notation)
            ET.fromstring(mathml(" = ".join(sides)))
            if len(sides) == 4:
                result = calculated(sides[3])
                assert calculated(sides[2]) == pytest.approx(result, rel=1e-5, abs=1e-300)
                checked += 1
    assert checked > 60


@pytest.mark.parametrize("loss", ROWLESS)
def test_losses_in_latex_come_to_their_results(loss):
    entry = ml.losses[loss]
    output = (
        "sigmoid"
        if entry.prediction.high == 1
        else "softplus"
        if entry.prediction.low == 0
        else "linear"
    )
    net = ml.mlp([2, 1], output=output, seed=2)
    labels = [1, -1] if "hinge" in loss else [1, 0]
    walkthrough = ml.explain(net, X, labels, loss=loss, digits=6)
    notation, checked = Notation(walkthrough.problem, walkthrough.steps), 0
    for step, _, _, equations in walkthrough.every():
        for equation in equations if step.expansion in ("each", "loss_back") else ():
            sides = equation_latex(equation, notation)
            if len(sides) == 4:
                result = calculated(sides[3])
                assert calculated(sides[2]) == pytest.approx(result, rel=1e-5, abs=1e-300)
                checked += 1
    assert checked > 2


def test_markdown_contains_every_equation(walkthrough):
    text = walkthrough.to_markdown()
    blocks = re.findall(r"\$\$\\begin\{aligned\} (.*?) \\end\{aligned\}\$\$", text)
    found = 0
    for step, name, _, equations in walkthrough.every():
        if name.endswith((".m", ".v")):  # worked out on the way to their weight
            continue
        for equation in equations:
            numbers = [o.text for o in equation.operands] + [equation.result]
            wanted = [n.split("e")[0].replace("−", "-") for n in numbers]
            block = blocks[found]
            assert all(n in block for n in wanted if n != "1"), (step.title, block)
            found += 1
    assert found == len(blocks) > 100
    for step in walkthrough.steps:
        assert step.why in text
    assert text.count("Differences say **pass**") == len(walkthrough.verdicts)


# ── the command ───────────────────────────────────────────────────────────────────────────────


def test_the_command_writes_all_renderings_at_once(tmp_path):
    names = {"html": "page.html", "markdown": "page.md", "svg": "graph.svg", "json": "data.json"}
    options = [part for key, name in names.items() for part in (f"--{key}", str(tmp_path / name))]
    done = CliRunner().invoke(app, ["explain", *options])
    assert done.exit_code == 0, done.output
    walkthrough = two_layers()
    written = {key: (tmp_path / name).read_text("utf-8") for key, name in names.items()}
    assert written == {
        "html": walkthrough.to_html(), "markdown": walkthrough.to_markdown(),
        "svg": walkthrough.to_svg(), "json": walkthrough.to_json(),
    }  # fmt: skip
    assert plain_text(walkthrough) not in done.output


@pytest.mark.parametrize("option", ["--html", "--markdown", "--svg"])
def test_a_file_that_cannot_be_written_is_a_clear_error_and_nothing_is_left(option, tmp_path):
    done = CliRunner().invoke(app, ["explain", option, str(tmp_path / "none" / "file")])
    assert done.exit_code == 2
    assert "Make the folder, or choose another." in done.output
    (tmp_path / "folder").mkdir()
    done = CliRunner().invoke(app, ["explain", option, str(tmp_path / "folder")])
    assert done.exit_code == 2
    assert [path.name for path in tmp_path.rglob("*")] == ["folder"]


# ── what all renderings have in common ────────────────────────────────────────────────────────


def test_every_rendering_says_under_the_same_heading_what_is_wanted():
    net = ml.mlp([2, 2, 1], hidden="tanh", output="sigmoid", seed=0)
    walkthrough = ml.explain(net, [[0.5, -1.0]], [1], loss="bce")
    names = ["dense2", "binary_crossentropy"]
    names += [f"∂{parameter.name}" for parameter in net.parameters()]
    text = str(walkthrough).partition("FORWARD")[0]
    there, wanted = text.partition("What is there\n")[2].split("  What is wanted\n")
    assert [line.strip() for line in wanted.splitlines() if line] == [f"{n} = —" for n in names]
    assert there.startswith("    x [1×2]  0.5  −1\n")
    md = walkthrough.to_markdown().partition("## Forward")[0].partition("### What is wanted")[2]
    assert re.findall(r"^`(.+?)`:.*= —$", md, re.M) == names
    page = walkthrough.to_html().partition("<h3>What is wanted</h3>")[2].partition("</ul>")[0]
    assert re.findall(r'class="listing">(.+?)</span>\s*= <b>—</b>', page) == names


def test_text_page_and_markdown_say_instruction_and_ln_alike():
    walkthrough = two_layers()
    text, page = str(walkthrough), walkthrough.to_html()
    numbers = [s.instruction for s in walkthrough.steps if s.instruction is not None]
    assert list(map(int, re.findall(r"\(instruction (\d+)\)\n", text))) == numbers
    assert list(map(int, re.findall(r"· instruction (\d+)</p>", page))) == numbers
    assert "ln(p[0, 0])" in text
    assert "<mi>ln</mi>" in page
    assert r"\ln" in walkthrough.to_markdown()
    assert "log(" not in text


def test_no_escape_of_latex_is_visible():
    """What is outside text mode is a sign of its own, in it a browser shows the backslash."""
    walkthrough = micrograd()
    assert any("#" in name for name in walkthrough.shapes)
    assert not re.search(r"<mtext>[^<]*\\\\?[#_%$]", walkthrough.to_html())
    assert not re.search(r"\\text\{[^}]*\\[#_%$]", walkthrough.to_markdown())


def test_nothing_is_said_to_stop_where_no_unit_can_be_flat():
    whys = {}
    for hidden in ("relu", "leaky_relu"):
        net = ml.mlp([2, 2, 1], hidden=hidden, seed=0)
        steps = ml.explain(net, [[0.5, -1.0]], [1], loss="mse").steps
        [whys[hidden]] = [step.why for step in steps if "back through" in step.title]
    assert "nothing passes" in whys["relu"]
    assert "nothing passes" not in whys["leaky_relu"]
