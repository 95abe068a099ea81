"""Every verb once, on something small: what to run after any edit."""

import numpy as np
import pytest
from typer.testing import CliRunner

import minidl as ml
from minidl.cli import app
from minidl.pairing import Findings, Ledger, Study, run

X = np.random.default_rng(0).normal(size=(60, 3))
LABELS = (X[:, 0] + X[:, 1] > 0).astype(float)


@pytest.fixture(scope="module")
def net():
    net = ml.mlp([3, 8, 1], hidden="tanh", output="sigmoid", seed=0)
    history = ml.fit(net, X, LABELS, loss="bce", learning_rate=1e-2, epochs=60, seed=0)
    assert history["loss"][-1] < history["loss"][0] / 2
    return net


def test_predict_and_evaluate(net):
    measured = ml.evaluate(net, X, LABELS, loss="bce", metrics=["accuracy"])
    right = (net.predict(X)[:, 0] > 0.5) == LABELS
    assert measured["accuracy"] == pytest.approx(right.mean())


def test_save_and_load(net, tmp_path):
    net.save(tmp_path / "net.safetensors")
    again = ml.load(tmp_path / "net.safetensors")
    np.testing.assert_array_equal(again.predict(X), net.predict(X))


def test_a_loop_of_ones_own_and_its_program():
    net = ml.mlp([3, 4, 1], output="sigmoid", seed=0)
    optimizer = ml.Adam(net.parameters())

    def step(x, t):
        loss = ml.binary_crossentropy(t, net(x))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    x, t = next(iter(ml.data.batches(X, LABELS, batch_size=20, seed=0)))
    before = float(step(x, t.reshape(-1, 1)).item())
    program = ml.record(step, x, t.reshape(-1, 1))
    assert program(x, t.reshape(-1, 1)) < before


def test_diagnose(net):
    found = ml.diagnose(net, X, LABELS, loss="bce")
    assert [layer.name for layer in found.layers] == ["dense1", "dense2"]


def test_explain_x_ray_and_worksheet(net):
    walkthrough = ml.explain(net, X[:1], LABELS[:1].reshape(-1, 1), loss="bce")
    assert walkthrough.problem.rows == 1
    assert "<html" in walkthrough.to_html()
    assert "sigmoid+mse" in str(ml.xray(net, X[:1], LABELS[:1], heads=["sigmoid+mse"]))
    assert ml.worksheet(walkthrough, seed=0).to_markdown()


def test_a_study(tmp_path):
    study = Study(
        datasets=["iris"], hidden=["relu", "tanh"], heads=["softmax+cce"], widths=[4], depths=[1],
        learning_rates=[0.01], repetitions=2, epochs=2,
    )  # fmt: skip
    run(study, tmp_path / "ledger.sqlite", workers=1)
    with Ledger(tmp_path / "ledger.sqlite", write=False) as ledger:
        assert len(Findings.of(study, study.load(), ledger).tables) == 1


@pytest.mark.parametrize("words", ["list", "show relu", "show moons", "info", "explain", "xray"])
def test_the_command_line(words):
    result = CliRunner().invoke(app, words.split())
    assert result.exit_code == 0, result.output
