"""CONTRIBUTING.md: its examples do what it says."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from simulated import report_text, simulated

import minidl as ml
from minidl.autodiff import Elementwise, Op
from minidl.core import Interval
from minidl.document import Block, Listing
from minidl.kernels.jit import Refused, kernel
from minidl.nn import activations, layer_kinds
from minidl.optim import Optimizer, optimizers
from minidl.pairing import Findings, Study
from minidl.pairing.report import sections
from minidl.pairing.report.section import report_sections, section
from minidl.walkthrough.operations import operation as operations

TEXT = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", TEXT, re.S)
ACTIVATION, UPDATE, OPTIMIZER, LAYER, CUBE, KERNEL, OP, OPERATION, SECTION = EXAMPLES
X, Y = [[0.5, -1.0], [0.3, 0.2]], [[1.0], [0.0]]


def proved(**how):
    walkthrough = ml.explain(ml.mlp([2, 3, 1], seed=0, **how.pop("net", {})), X, Y, **how)
    assert {verdict.verdict for verdict in walkthrough.verdicts} == {"pass"}
    return walkthrough


def test_an_activation():
    names = {"activation": ml.activation, "ActivationFunction": ml.ActivationFunction}
    exec(ACTIVATION, names | {"Interval": Interval})
    try:
        entry = activations["soft_clip"]
        assert all((entry.latex, entry.properties, entry.good_for, entry.source))
        proved(net={"hidden": "soft_clip"}, loss="mse")
        assert ml.activations["soft_clip"](4.0) == pytest.approx(2.0)
    finally:
        activations.unregister("soft_clip")


def test_an_optimizer():
    names = {"kernel": kernel, "Refused": Refused, "np": np, "Mapping": Mapping}
    exec(UPDATE, names)
    update = SimpleNamespace(adagrad=names["adagrad"])
    exec(OPTIMIZER, names | {"optimizer": ml.optimizer, "Optimizer": Optimizer, "update": update})
    try:
        assert names["adagrad"].aligned  # as detect_anomaly names places by it
        walkthrough = proved(loss="mse", optimizer="adagrad", learning_rate=0.25)
        assert "v + g^2" in str(walkthrough)
        w = ml.Tensor([1.0, 1.0], requires_grad=True)
        adagrad = optimizers["adagrad"].cls([w], learning_rate=0.5)
        for gradient in ([3.0, 0.0], [4.0, -2.0]):
            w.grad = gradient
            adagrad.step()
        np.testing.assert_allclose(w.numpy(), [1 - 0.5 - 0.5 * 4 / 5, 1 + 0.5], rtol=1e-6)
    finally:
        optimizers.unregister("adagrad")


def test_a_layer(tmp_path):
    names = {"layer": ml.layer, "Layer": ml.Layer, "Dense": ml.Dense, "Tensor": ml.Tensor}
    exec(LAYER, names | {"Any": Any, "__name__": "contributing"})
    try:
        residual = layer_kinds["residual"].cls(3)
        net = ml.Sequential(ml.Dense(2, 3), residual, ml.Dense(3, 1), seed=0)
        assert {v.verdict for v in ml.explain(net, X, Y, loss="mse").verdicts} == {"pass"}
        ml.fit(net, X, Y, loss="mse", epochs=2, record=True)
        net.save(tmp_path / "net")
        np.testing.assert_array_equal(ml.load(tmp_path / "net").predict(X), net.predict(X))
    finally:
        layer_kinds.unregister("residual")


def test_an_operation():
    names = {"Elementwise": Elementwise}
    exec(CUBE, names)
    cube = names["Cube"]()

    class Cubes(ml.Layer):
        def forward(self, x, training):
            return cube(x)

    net = ml.Sequential(ml.Dense(2, 3), Cubes(), ml.Dense(3, 1), seed=0)
    walkthrough = ml.explain(net, X, Y, loss="mse")
    assert {v.verdict for v in walkthrough.verdicts} == {"pass"}
    assert "^3" in str(walkthrough)


def test_an_operation_of_several_numbers():
    names = {"kernel": kernel, "Refused": Refused}
    exec(KERNEL, names)
    movement = SimpleNamespace(halve=names["halve"])
    names = {"Op": Op, "Shape": Any, "Arrays": Any, "np": np, "Sequence": Sequence, "Any": Any}
    names |= {"movement": movement}
    exec(OP, names)
    halve = names["Halve"]()
    known, by_kernel = dict(operations.registry), dict(operations.by_kernel)

    class Halves(ml.Layer):
        def forward(self, x, training):
            return halve(x)

    shown = {"operation": operations.operation, "Operation": operations.Operation}
    shown |= {"Scene": Any, "Index": Any, "Equation": Any, "movement": movement}
    exec(OPERATION, shown)
    try:
        net = ml.Sequential(ml.Dense(2, 3), Halves(), ml.Dense(3, 1), seed=0)
        walkthrough = ml.explain(net, X, Y, loss="mse")
        assert {v.verdict for v in walkthrough.verdicts} == {"pass"}
        assert "halves1: half of each" in str(walkthrough)
        x, y = np.arange(6.0), np.empty(6)
        movement.halve(x, y)
        np.testing.assert_array_equal(y, x / 2)
    finally:
        operations.registry.clear()
        operations.registry.update(known)
        operations.by_kernel.clear()
        operations.by_kernel.update(by_kernel)


def test_a_section_of_a_report():
    heads = ["sigmoid+bce", "linear+mse"]
    study = Study(datasets=["xor"], hidden=["relu"], heads=heads, repetitions=2)
    findings = simulated(study, study.load(), lambda cell: [0.5, 0.75])
    before = [each.title for each in sections(findings)]
    names = {"section": section, "Findings": Findings, "Iterator": Iterator, "Block": Block}
    exec(SECTION, names | {"Listing": Listing})
    try:
        added = sections(findings)
        title = before.index("How they learn")
        assert [s.title for s in added] == before[:title] + ["What takes longest"] + before[title:]
        assert "| xor | relu/linear+mse | 1.0000 |" in report_text(findings)
    finally:
        report_sections.unregister("slowest")
    assert [each.title for each in sections(findings)] == before


def test_places_that_it_names_are_there():
    root = Path(__file__).parents[1]
    for place in re.findall(r"`((?:minidl|datasets|\.ci)/[\w./]*)`", TEXT):
        assert (root / place).exists(), place
