"""Worked examples that many have learned from: their published numbers come out."""

import numpy as np
import pytest

import minidl as ml
from minidl.walkthrough.examples import EXAMPLES, cs231n, mazur, micrograd, nielsen


def scalar(value):
    return ml.Tensor([value], requires_grad=True, dtype="float64")


def test_cs231n_circuit():
    """f = (x + y) z at −2, 5, −4: Stanford CS231n, Backpropagation, Intuitions."""
    x, y, z = scalar(-2.0), scalar(5.0), scalar(-4.0)
    f = (x + y) * z
    f.sum().backward()
    assert f.item() == -12.0
    assert (x.grad.item(), y.grad.item(), z.grad.item()) == (-4.0, -4.0, 3.0)


def test_cs231n_sigmoid_neuron():
    """w = [2, −3, −3], x = [−1, −2]: the page rounds σ to 0.73 before it goes back."""
    w = ml.Tensor([2.0, -3.0, -3.0], requires_grad=True, dtype="float64")
    x = ml.Tensor([-1.0, -2.0], requires_grad=True, dtype="float64")
    f = ml.sigmoid(w[0] * x[0] + w[1] * x[1] + w[2])
    f.backward()
    assert round(f.item(), 2) == 0.73
    assert np.round(x.grad, 2).tolist() == [0.39, -0.59]
    assert np.round(w.grad, 2).tolist() == [-0.20, -0.39, 0.20]


def test_cs231n_neuron_as_a_layer_of_a_walkthrough():
    """The same neuron as a network, whose loss passes a gradient of 1."""
    net = ml.Sequential(ml.Dense(2, 1, "sigmoid", dtype="float64"))
    net[0].weight.data, net[0].bias.data = [[2.0], [-3.0]], [-3.0]
    step = ml.explain(net, [[-1.0, -2.0]], [[0.0]], loss=ml.mae)  # ∂|p − 0|/∂p = 1
    weights = [step.receipt("dense1.weight", (k, 0)).value for k in (0, 1)]
    bias = step.receipt("dense1.bias", (0,)).value
    assert np.round([*weights, bias], 2).tolist() == [-0.20, -0.39, 0.20]
    assert step.verify() == ()


def test_micrograd_readme():
    """The expression that micrograd's README begins with."""
    a, b = scalar(-4.0), scalar(2.0)
    c = a + b
    d = a * b + b**3
    c = c + (c + 1)
    c = c + (1 + c + (-a))
    d = d + (d * 2 + ml.relu(b + a))
    d = d + (3 * d + ml.relu(b - a))
    e = c - d
    f = e**2
    g = f / 2.0
    g = g + 10.0 / f
    g.sum().backward()
    assert round(g.item(), 4) == 24.7041
    assert round(a.grad.item(), 4) == 138.8338
    assert round(b.grad.item(), 4) == 645.5773


@pytest.mark.parametrize(
    ("example", "layer", "published"),
    [
        (cs231n, -12.0, {"x": -4.0, "y": -4.0, "z": 3.0}),
        (micrograd, 24.7041, {"a": 138.8338, "b": 645.5773}),
    ],
)
def test_circuits_have_their_published_numbers_in_a_walkthrough(example, layer, published):
    step = example()
    assert round(step.after(len(step.steps) - 1)["circuit1"][0, 0], 4) == layer
    found = {name: step.receipt(f"circuit1.{name}", (0, 0)) for name in published}
    assert {name: round(receipt.value, 4) for name, receipt in found.items()} == published
    assert {receipt.verdict.verdict for receipt in found.values()} == {"pass"}


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_is_proved_and_has_a_page_and_a_sheet(name):
    step = EXAMPLES[name]()
    assert step.verify() == ()
    assert {verdict.verdict for verdict in step.verdicts} == {"pass"}
    assert step.problem.title in step.to_html()
    sheet = ml.worksheet(step, seed=0, blanks=4)
    assert ml.grade(sheet, sheet.answers()).right == 4


def test_mazur():
    """A Step by Step Backpropagation Example; also ``examples/03`` and lesson 13."""
    step = mazur()
    written = {array.name: array for s in step.steps for array in s.writes}
    assert np.round(written["dense1"].numbers, 9).tolist() == [[0.593269992, 0.596884378]]
    assert np.round(written["dense2"].numbers, 9).tolist() == [[0.751365070, 0.772928465]]
    assert round(written["mse"][()], 9) == 0.298371109
    assert round(step.receipt("dense2.weight", (0, 0)).value, 9) == 0.082167041
    assert round(step.receipt("dense1.weight", (0, 0)).value, 9) == 0.000438568
    new1 = [0.149780716, 0.24975114, 0.19956143, 0.29950229]  # by rows: w1, w3, w2, w4
    new2 = [0.35891648, 0.511301270, 0.408666186, 0.561370121]  # w5, w7, w6, w8
    assert written["dense1.weight"].values == pytest.approx(new1, abs=1e-8)
    assert written["dense2.weight"].values == pytest.approx(new2, abs=1e-8)
    assert round(written["mse afterwards"][()], 9) == 0.291027774


def test_nielsen():
    """The neuron that starts at 2, 2 and answers 0.98; also ``examples/02`` and lesson 12."""
    step = nielsen()
    written = {array.name: array for s in step.steps for array in s.writes}
    assert round(written["dense1"][(0, 0)], 2) == 0.98
    p = 1 / (1 + np.exp(-4.0))
    gradient = step.receipt("dense1.weight", (0, 0)).value
    assert gradient == pytest.approx(2 * p * p * (1 - p), rel=1e-12)  # twice that of ½ a²


def test_mazurs_network_has_his_numbers():
    walkthrough = mazur()
    last = walkthrough.after(len(walkthrough.steps) - 1)
    published = {
        ("dense1", (0, 0)): ".593269992", ("dense1", (0, 1)): ".596884378",
        ("dense2", (0, 0)): ".751365070", ("dense2", (0, 1)): ".772928465",
        ("mse", ()): ".298371109", ("∂dense2", (0, 0)): ".741365070",
        ("∂dense2.sums", (0, 0)): ".138498562", ("∂dense2.weight", (0, 0)): ".082167041",
        ("∂dense1.weight", (0, 0)): ".000438568", ("∂dense1", (0, 0)): ".036350306",
        ("dense2.weight", (0, 0)): ".35891648", ("dense2.weight", (1, 0)): ".408666186",
        ("dense2.weight", (0, 1)): ".511301270", ("dense2.weight", (1, 1)): ".561370121",
        ("dense1.weight", (0, 0)): ".149780716", ("dense1.weight", (1, 0)): ".19956143",
        ("dense1.weight", (0, 1)): ".24975114", ("dense1.weight", (1, 1)): ".29950229",
    }  # fmt: skip
    for (name, index), number in published.items():
        assert round(last[name][index], len(number) - 1) == float(number), name
    # His page has .291027924; double precision gives what examples/03_two_two_two.py explains.
    assert last["mse afterwards"][()] == pytest.approx(0.291027774, abs=5e-10)
    text = str(walkthrough)
    for digits in ("0.298371109", "0.35891648", "0.291027774"):
        assert digits in text
    assert np.array_equal(last["dense2.bias"].numbers, [0.6, 0.6])


def test_nielsens_neuron_starts_where_his_does():
    walkthrough = nielsen()
    assert round(walkthrough.after(len(walkthrough.steps) - 1)["dense1"][0, 0], 2) == 0.98
    weight, sigma = 2.0, 1 / (1 + np.exp(-4.0))
    expected = weight - 0.15 * sigma * sigma * (1 - sigma)
    end = walkthrough.after(len(walkthrough.steps) - 1)
    assert end["dense1.weight"][0, 0] == pytest.approx(expected, rel=1e-14)
