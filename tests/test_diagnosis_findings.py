"""What a diagnosis finds: what activations are said to do, sentences, a table, a picture."""

import copy
import dataclasses
import itertools
import json

import matplotlib
import numpy as np
import pytest
from diagnosed import T, X

import minidl as ml
from minidl.diagnostics.health import LayerReport

# ── what activations are said to do ───────────────────────────────────────────────────────────


def looked_at(hidden, depth, width=64, seed=0, **changes):
    net = ml.mlp([8, *[width] * depth, 1], hidden=hidden, seed=seed)
    for parameter in net.parameters():
        parameter.data *= changes.get("scale", 1.0)
    return ml.diagnose(net, X, T, loss="mse")


def test_half_of_relus_units_are_active():
    for layer in looked_at("relu", 2, width=256).layers[:-1]:
        assert 0.4 < layer.active < 0.6


def test_relu_does_not_saturate_where_it_is_positive():
    net = ml.mlp([8, 16, 1], seed=0)
    net[0].bias.data[...] = 1e6
    layer = ml.diagnose(net, X, T, loss="mse").layers[0]
    assert (layer.active, layer.saturated) == (1.0, 0)


def test_a_step_too_far_kills_relus_units_but_no_leaky_ones():
    dead = {}
    for hidden in ("relu", "leaky_relu", "prelu", "elu", "selu"):
        net = ml.mlp([8, 16, 1], hidden=hidden, seed=0)
        net[0].bias.data[...] = -20.0
        dead[hidden] = ml.diagnose(net, X, T, loss="mse").layers[0]
    assert dead["relu"].dead == 16
    assert dead["relu"].gradient_norm == 0
    for hidden in ("leaky_relu", "prelu", "elu", "selu"):
        assert dead[hidden].dead == 0
        assert dead[hidden].gradient_norm > 0


def test_sigmoids_gradient_vanishes_with_depth():
    ratios = [looked_at("sigmoid", depth).gradient_ratio for depth in (1, 3, 5, 7)]
    assert all(deeper < ratio / 10 for ratio, deeper in itertools.pairwise(ratios))
    assert looked_at("relu", 7).gradient_ratio > 0.1


def test_tanh_is_centred_on_zero_and_sigmoid_is_not():
    for layer in looked_at("tanh", 3, width=256).layers[:-1]:
        assert abs(layer.mean) < 0.05
    for layer in looked_at("sigmoid", 3, width=256).layers[:-1]:
        assert layer.mean > 0.4


def test_tanhs_gradients_are_stronger_than_sigmoids():
    assert looked_at("tanh", 3).gradient_ratio > 10 * looked_at("sigmoid", 3).gradient_ratio


@pytest.mark.parametrize("hidden", ["sigmoid", "tanh"])
def test_squashing_saturates_at_extremes(hidden):
    assert looked_at(hidden, 1).share_saturated == 0
    assert looked_at(hidden, 1, scale=200.0).share_saturated > 0.5


def test_selu_keeps_mean_0_and_variance_1_through_many_layers():
    kept = looked_at("selu", 30, width=256)
    for layer in kept.layers[:-1]:
        assert abs(layer.mean) < 0.15
        assert 0.7 < layer.variance < 1.3
    assert looked_at("tanh", 30, width=256).layers[29].variance < 0.1


def test_elus_mean_is_nearer_to_0_than_relus():
    relu, elu = (looked_at(hidden, 1, width=256).layers[0].mean for hidden in ("relu", "elu"))
    assert abs(elu) < relu / 2


def test_softmax_gives_shares_of_a_whole():
    layer = looked_at("softmax", 1, width=16).layers[0]
    assert layer.mean == pytest.approx(1 / 16)


# ── what is said of it ────────────────────────────────────────────────────────────────────────


def test_dead_units_are_told_of_with_a_remedy():
    net = ml.mlp([8, 16, 16, 1], seed=0)
    net[1].bias.data[...] = [-100.0] * 7 + [100.0] * 9
    assert ml.diagnose(net, X, T, loss="mse").findings == (
        "7 of 16 units of dense2 are dead: they give 0 for every row and no gradient reaches "
        "them; lower the learning rate or use leaky_relu.",
    )


def test_one_dead_unit_is_told_of_in_the_singular():
    [sentence] = LayerReport("dense1", "sigmoid", 4, 0.5, 0.1, dead=1, stuck_at=1.0).findings()
    assert sentence == (
        "1 of 4 units of dense1 is dead: it gives 1 for every row and no gradient reaches it; "
        "scale the inputs or start from smaller weights."
    )


def test_saturation_is_told_of_from_a_quarter_of_the_units():
    def sentences(saturated):
        reading = LayerReport("dense1", "tanh", 16, 0.0, 0.9, dead=0, saturated=saturated)
        return list(reading.findings())

    assert sentences(3) == []
    assert sentences(4) == [
        "4 of 16 units of dense1 are saturated: for more than 95% of the rows the slope is below "
        "5% of the steepest; scale the inputs or start from smaller weights."
    ]


@pytest.mark.parametrize(
    ("gradient_ratio", "update_ratio", "words"),
    [
        (1e-4, None, "vanishes on its way back: at dense1 it is 0.0001 times that at dense2"),
        (1e4, None, "explodes on its way back: at dense1 it is 1e+04 times"),
        (1.0, 0.3, "the next update is 30% of the weights, where 0.1% is usual"),
        (1.0, 1e-8, "the next update is 1e-08 of the weights"),
    ],
)
def test_ratios_out_of_the_ordinary_are_told_of(gradient_ratio, update_ratio, words):
    layers = tuple(LayerReport(f"dense{i}", None, 1, 0.0, 1.0, weight_norm=1.0) for i in (1, 2))
    [sentence] = ml.Diagnosis(0.5, 10, layers, gradient_ratio, update_ratio).findings
    assert words in sentence
    assert ml.Diagnosis(0.5, 10, layers, 1.0, 1e-3).findings == ()


def test_a_network_of_nan_is_told_of_and_where_to_go_on():
    net = ml.mlp([8, 4, 1], seed=0)
    net[1].bias.data[...] = np.nan
    found = ml.diagnose(net, X, T, loss="mse", learning_rate=0.1)
    assert [sentence.partition(";")[0] for sentence in found.findings] == [
        "the loss is nan",
        "dense2 gives numbers that are not finite",
    ]
    assert all("ml.detect_anomaly()" in sentence for sentence in found.findings)
    assert found.summary()["loss"] is None
    assert found.summary()["share_dead"] == 0


def test_it_is_printed_as_a_table():
    net = ml.mlp([8, 4, 1], hidden="tanh", seed=0)
    text = str(ml.diagnose(net, X, T, loss="mse", learning_rate=0.01))
    head, columns, rule, first, second = text.splitlines()
    assert head.startswith("loss 0.")
    assert "on 200 rows" in head
    assert columns.split()[:6] == ["layer", "units", "mean", "variance", "active", "dead"]
    assert set(rule) == {"─"}
    assert first.startswith("dense1 (tanh)")
    assert second.split()[4:7] == ["–", "–", "–"]  # linear: no slopes that could be dead
    assert len({len(line) for line in (columns, rule, first, second)}) == 1


def test_it_is_plain_data_that_a_study_can_keep():
    found = ml.diagnose(ml.mlp([8, 4, 1], seed=0), X, T, loss="mse", learning_rate=0.01)
    kept = json.loads(json.dumps(dataclasses.asdict(found)))
    assert kept["layers"][0]["dead"] == found.layers[0].dead
    assert json.loads(json.dumps(found.summary())) == found.summary()
    assert list(found.summary()) == [
        "loss", "share_dead", "share_saturated", "gradient_ratio", "update_ratio",
    ]  # fmt: skip
    assert copy.deepcopy(found) == found
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.loss = 1.0


@pytest.mark.parametrize(("bias", "kind"), [(10.0, "saturated"), (30.0, "dead")])
def test_a_flat_output_is_sent_to_the_loss_that_looks_behind_it(bias, kind):
    net = ml.mlp([8, 4, 1], output="sigmoid", seed=0)
    net[1].bias.data[...] = bias
    targets = (X[:, :1] > 0).astype(float)
    remedies = [f"{kind}:" in t and "binary_crossentropy" in t
                for t in ml.diagnose(net, X, targets, loss="mse").findings]  # fmt: skip
    assert any(remedies)
    assert "binary_crossentropy" not in str(ml.diagnose(net, X, targets, loss="bce"))


def test_it_is_drawn():
    matplotlib.use("agg")
    net = ml.mlp([8, 4, 4, 1], seed=0)
    net[0].bias.data[...] = [-100.0, 0, 0, 0]
    found = ml.diagnose(net, X, T, loss="mse")
    shares, norms = ml.plot(found)
    heights = [bar.get_height() for bar in shares.patches[:3]]
    assert heights == [found.layers[0].dead / 4, found.layers[1].dead / 4, 0]
    drawn = norms.lines[0].get_ydata()
    assert drawn.tolist() == [layer.sums_gradient_norm for layer in found.layers]
    again = matplotlib.pyplot.subplots(1, 2)[1]
    assert ml.plot(found, again) is again
    with pytest.raises(ml.MinidlError, match=r"ml\.plot\(diagnosis\)"):
        found.plot()
    matplotlib.pyplot.close("all")


def test_layers_are_drawn_over_epochs():
    matplotlib.use("agg")
    watcher = ml.LayerHealth(X, T, loss="mse", every=2)
    with pytest.raises(ml.MinidlError, match="Train first"):
        ml.plot(watcher)
    ml.fit(ml.mlp([8, 4, 1], seed=0), X, T, loss="mse", epochs=5, callbacks=[watcher])
    _, norms = ml.plot(watcher)
    assert [line.get_label() for line in norms.lines] == ["dense1", "dense2"]
    assert norms.lines[0].get_xdata().tolist() == [1, 3, 5]
    drawn = norms.lines[0].get_ydata().tolist()
    assert drawn == [found.layers[0].gradient_norm for found in watcher.diagnoses.values()]
    matplotlib.pyplot.close("all")
