"""Pairings seen through: the same weights and rows under several heads."""

import math
import re

import numpy as np
import pytest
from typer.testing import CliRunner

import minidl as ml
from minidl.cli import app
from minidl.core.errors import ArgumentError, FileError, MinidlError, UnknownNameError
from minidl.document import Listing
from minidl.walkthrough.xrays.comparison import BINARY_HEADS, CLASS_HEADS, NUMBER_HEADS, SCHEMA
from minidl.walkthrough.xrays.xray_page import BACK_COLUMNS


def neuron(z, heads, target=0, **settings):
    net = ml.Sequential(ml.Dense(1, 1, dtype="float64"))
    net[0].weight.data = [[1.0]]
    return ml.xray(net, [[z]], [target], heads, **settings)


def test_crossentropy_cancels_the_slope_that_squared_error_keeps():
    """At z = 4 and target 0: σ against 2 σ σ′; 1/σ′ = 2 + 2 cosh 4 = 56.6."""
    bce, mse = (view.logits[0] for view in neuron(4.0, ["sigmoid+bce", "sigmoid+mse"]).views)
    sigma = 1 / (1 + math.exp(-4))
    assert math.isclose(bce.gradient, sigma, rel_tol=1e-12)
    assert math.isclose(mse.gradient, 2 * sigma * sigma * (1 - sigma), rel_tol=1e-12)
    assert math.isclose(mse.weakened, 2 + 2 * math.cosh(4), rel_tol=1e-12)
    assert round(mse.weakened, 1) == 56.6
    assert math.isclose(bce.upstream, 1 / (1 - sigma), rel_tol=1e-12)


def test_every_head_factors_or_cancels_as_it_says():
    heads = ["sigmoid+bce", "sigmoid+mse", "linear+mse", "tanh+hinge", "sigmoid+focal"]
    seen = neuron(4.0, heads, learning_rate=1.0)
    assert [view.cancels for view in seen.views] == [True, False, False, False, True]
    assert [bool(view.short) for view in seen.views] == [True, False, False, False, False]
    for view in seen.views:
        (logit,) = view.logits
        assert math.isclose(logit.upstream * logit.slope, logit.gradient, rel_tol=1e-9), view.head
        # w = 1 − 4 g, b = −g, so that z = 4 w + b
        assert math.isclose(logit.z_after, 4 - 17 * logit.gradient, rel_tol=1e-9), view.head
    assert [view.logits[0].saturated for view in seen.views] == [False, False, False, True, False]
    assert [view.logits[0].target for view in seen.views] == [0, 0, 0, -1, 0]


def test_the_update_is_the_one_that_training_makes():
    for head, output, loss in [("sigmoid+bce", "sigmoid", "bce"), ("tanh+mse", "tanh", "mse")]:
        net = ml.mlp([2, 3, 1], hidden="relu", seed=3)
        x, y = np.array([[0.5, -1.0], [2.0, 0.25]]), np.array([1, 0])
        (view,) = ml.xray(net, x, y, [head], optimizer="adam", learning_rate=0.1).views
        same = ml.mlp([2, 3, 1], hidden="relu", output=output, seed=3)
        for ours, theirs in zip(same.parameters(), net.parameters(), strict=True):
            ours.data = theirs.numpy()
        before = same.predict(x)
        ml.fit(same, x, y, loss=loss, optimizer="adam", learning_rate=0.1, epochs=1, batch_size=2)
        np.testing.assert_allclose([n.prediction for n in view.logits], before[:, 0], rtol=1e-6)
        after = [n.prediction_after for n in view.logits]
        np.testing.assert_array_equal(after, same.predict(x)[:, 0])
        told = ml.evaluate(same, x, y, loss=loss)["loss"]
        assert math.isclose(view.loss_after, told, rel_tol=1e-6)


def test_a_row_of_outputs_is_encoded_for_each_head():
    net = ml.mlp([2, 3, 3], hidden="tanh", dropout=0.5, seed=0, dtype="float64")
    seen = ml.xray(net, [[0.5, -1.0]], [2], ["softmax+cce", "softmax+mse", "linear+hinge"])
    cce, mse, hinge = seen.views
    p = np.array([n.prediction for n in cce.logits])
    np.testing.assert_allclose(p.sum(), 1, rtol=1e-12)
    np.testing.assert_allclose([n.gradient for n in cce.logits], p - [0, 0, 1], rtol=1e-9)
    np.testing.assert_allclose([n.slope for n in cce.logits], p * (1 - p), rtol=1e-12)
    jacobian = np.diag(p) - np.outer(p, p)
    upstream = [n.upstream for n in mse.logits]
    np.testing.assert_allclose(jacobian @ upstream, [n.gradient for n in mse.logits], rtol=1e-9)
    assert [n.target for n in hinge.logits] == [-1, -1, 1]
    assert [n.z for n in hinge.logits] == [n.z for n in cce.logits]


def test_of_a_softmax_it_is_said_what_the_matrix_leaves_not_what_one_slope_divides():
    """In the row at hand; by the matrix diag(p) − p pᵀ itself."""
    net = ml.mlp([2, 3, 3], hidden="tanh", seed=0, dtype="float64")
    x = np.array([[0.5, -1.0], [4.0, 3.0]])
    seen = ml.xray(net, x, [2, 1], ["softmax+cce", "softmax+mse", "sigmoid+mse"])
    assert [view.mixes for view in seen.views] == [True, True, False]
    shares = []
    for row in (0, 1):
        own = [n for n in seen.views[1].logits if n.row == row]
        p, t = np.array([[n.prediction, n.target] for n in own]).T
        upstream = 2 * (p - t) / 6
        back = (np.diag(p) - np.outer(p, p)) @ upstream
        shares.append(np.linalg.norm(back) / np.linalg.norm(upstream))
    row, share = int(np.argmin(shares)), min(shares)
    said = f"p′(z) is a matrix, and stays: in row {row} it leaves {share:.1%} of ∂L/∂p's length."
    assert seen.views[1].finding == said
    for text in (str(seen), seen.to_markdown(), seen.to_html()):
        assert not re.search(r"softmax\S* *p′\(z\) stays", text)
        assert "over all outputs" in " ".join(text.split())
    tables = [b for s in seen.page.sections for b in s.blocks if isinstance(b, Listing)]
    back = [table for table in tables if table.columns == BACK_COLUMNS]
    divisors = {row[0]: row[BACK_COLUMNS.index("1/p′(z)")] for table in back for row in table.rows}
    assert divisors["softmax+mse"] == divisors["softmax+cce"] == "—" != divisors["sigmoid+mse"]


def test_heads_that_suit_the_targets_are_taken_unless_named():
    one, three = ml.mlp([1, 1], seed=0), ml.mlp([1, 3], seed=0)
    x = [[1.0], [2.0]]
    assert tuple(v.head for v in ml.xray(one, x, [1, 0]).views) == BINARY_HEADS
    assert tuple(v.head for v in ml.xray(three, x, [1, 2]).views) == CLASS_HEADS
    assert tuple(v.head for v in ml.xray(one, x, [0.5, -3.0]).views) == NUMBER_HEADS


def test_the_network_is_left_as_it_is():
    net = ml.mlp([2, 2, 1], output="tanh", seed=0)
    weights = [parameter.numpy().copy() for parameter in net.parameters()]
    ml.xray(net, [[1.0, 2.0]], [1], ["sigmoid+bce"], learning_rate=1.0)
    assert all(np.array_equal(w, p.numpy()) for w, p in zip(weights, net.parameters(), strict=True))
    assert net.output_activation.name == "tanh"


# ── renderings ────────────────────────────────────────────────────────────────────────────────


def test_all_renderings_show_the_same_numbers():
    seen = neuron(4.0, ["sigmoid+bce", "sigmoid+mse", "tanh+hinge"], learning_rate=1.0)
    plain = str(seen)
    assert max(map(len, plain.splitlines())) <= 80
    for text in (plain, seen.to_markdown().replace("\\", ""), seen.to_html()):
        for shown in ("56.62", "0.03469", "0.9820", "0.001341 *", "745.7", "−12.69"):
            assert shown in text
        assert "divides ∂L/∂p by 56.6" in text
    html = seen.to_html()
    assert not re.search(r"https?:|<script|@import|url\(", html)
    assert "light-dark(" in html
    assert ml.XRay.from_json(seen.to_json()) == seen


def test_what_is_given_is_shown_so_that_an_update_can_be_checked():
    text = str(neuron(4.0, ["sigmoid+bce"], learning_rate=1.0))
    assert re.search(r"^  x  4$", text, re.M)
    assert re.search(r"^  dense1.weight  1$", text, re.M)
    assert "x · ∂L/∂z" in " ".join(text.split())
    assert "saturated" in str(neuron(8.0, ["sigmoid+bce"]))
    assert "saturated" not in str(neuron(0.5, ["sigmoid+bce"]))


def test_many_logits_are_shown_in_part_and_it_is_said():
    seen = ml.xray(ml.mlp([1, 1], seed=0), np.ones((11, 1)), np.ones(11), ["sigmoid+bce"])
    for text in (str(seen), seen.to_markdown(), seen.to_html()):
        assert "3 more logits" in text


# ── bad input ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("head", "error", "message"),
    [
        ("sigmoyd+bce", UnknownNameError, "Did you mean 'sigmoid'"),
        ("sigmoid+bc", UnknownNameError, "Did you mean 'bce'"),
        ("sigmoid", ArgumentError, r"Write sigmoid\+bce"),
        ("prelu+mse", ArgumentError, "Take sigmoid"),
        ("softmax+cce", ArgumentError, r"several outputs.*Write sigmoid\+bce"),
        ("linear+bce", MinidlError, "predictions in"),
    ],
)
def test_an_unknown_or_impossible_head_is_refused(head, error, message):
    with pytest.raises(error, match=message):
        neuron(1.0, [head])


def test_labels_beyond_the_outputs_and_text_for_a_list_are_refused():
    with pytest.raises(ArgumentError, match="labels from 0 to 1"):
        ml.xray(ml.mlp([1, 2], seed=0), [[1.0]], [2], ["softmax+cce"])
    with pytest.raises(ArgumentError, match=r"Write \['sigmoid\+bce'\]"):
        neuron(1.0, "sigmoid+bce")


def test_a_file_that_cannot_be_written_or_read_is_refused(tmp_path):
    seen = neuron(1.0, ["sigmoid+bce"])
    with pytest.raises(FileError, match="Make the folder"):
        seen.save(tmp_path / "none" / "xray.html")
    with pytest.raises(ArgumentError, match=r"\.html, \.md, \.json"):
        seen.save(tmp_path / "xray.pdf")
    assert list(tmp_path.iterdir()) == []
    for text in ("", "{}", '{"schema": 99}', f'{{"schema": {SCHEMA}, "title": 3}}'):
        with pytest.raises(FileError, match="Make it anew"):
            ml.XRay.from_json(text)


# ── the command line ──────────────────────────────────────────────────────────────────────────


def test_on_the_command_line(tmp_path):
    runner = CliRunner()
    done = runner.invoke(app, ["xray"])
    assert done.exit_code == 0, done.output
    assert "56.62" in done.output
    files = ["--html", tmp_path / "x.html", "--markdown", tmp_path / "x.md"]
    data = ["--data", "iris", "--row", "3", "--row", "70", "--json", tmp_path / "x.json"]
    done = runner.invoke(app, ["xray", *map(str, files + data)])
    assert done.exit_code == 0, done.output
    seen = ml.XRay.from_json((tmp_path / "x.json").read_text())
    assert len(seen.views[0].logits) == 6
    assert (tmp_path / "x.html").read_text() == seen.to_html()
    assert (tmp_path / "x.md").read_text() == seen.to_markdown()


@pytest.mark.parametrize(
    "options",
    [["--head", "sigmoyd+bce"], ["--row", "3"], ["--data", "moons", "--z", "3"],
     ["--data", "moons", "--row", "99999"], ["--html", "/proc/none/x.html"]],
)  # fmt: skip
def test_options_that_make_no_sense_are_refused(options):
    done = CliRunner().invoke(app, ["xray", *options])
    assert done.exit_code == 2
    assert done.output.startswith("minidl: ")
