"""Pairings: what is sound, how heads encode targets; trials are paired, to the bits of fit."""

import numpy as np
import pytest

import minidl as ml
from minidl.core.errors import ArgumentError, UnknownNameError
from minidl.data import batching, load
from minidl.nn import activations, losses
from minidl.pairing import Cell, Head, Pairing, Setting, Trainer, Trial, heads, hidden_activations
from minidl.pairing.execution import trainer as trainers
from minidl.pairing.execution.trainer import LOOKED_AT, checkpoints, network, parts
from minidl.pairing.study.trial import TUNING

SIGMOID = Head("sigmoid", "binary_crossentropy")
SOFTMAX = Head("softmax", "categorical_crossentropy")
LINEAR = Head("linear", "mse")


# ----------------------------------------------------------------------------------- heads


def test_every_activation_with_every_loss_is_sound_or_has_a_reason():
    for task, classes in (("classification", 2), ("classification", 3), ("regression", 0)):
        sound, others = heads(task, classes)
        everything = {Head(a.name, loss.name) for a in activations for loss in losses}
        assert set(sound) | set(others) == everything
        assert not set(sound) & set(others)
        assert all(others.values())


@pytest.mark.parametrize("head", [SIGMOID, SOFTMAX, LINEAR, Head("linear", "hinge")])
def test_what_textbooks_recommend_is_sound_for_two_classes(head):
    assert head in heads("classification", 2)[0]


@pytest.mark.parametrize(
    ("head", "task", "classes", "words"),
    [
        (Head("sigmoid", "hinge"), "classification", 2, "(0, 1)"),
        (
            Head("linear", "binary_crossentropy"),
            "classification",
            2,
            "predictions must be in [0, 1]",
        ),
        (Head("linear", "kl_divergence"), "classification", 3, "predictions must be in [0, 1]"),
        (Head("linear", "poisson"), "classification", 2, "counts"),
        (Head("softplus", "poisson"), "regression", 0, "targets must be in [0, ∞)"),
        (Head("relu", "mse"), "regression", 0, "relu gives [0, ∞), targets are all reals"),
        (Head("sigmoid", "mse"), "regression", 0, "sigmoid"),
        (Head("softmax", "mse"), "regression", 0, "softmax"),
        (SOFTMAX, "regression", 0, "targets must be in [0, 1]"),
    ],
)
def test_an_unsound_head_says_why(head, task, classes, words):
    assert words in heads(task, classes)[1][head]


def test_aliases_make_a_head_and_typos_do_not():
    assert Head.parse("sigmoid+bce") == SIGMOID
    assert SIGMOID.name == "sigmoid+binary_crossentropy"
    with pytest.raises(ArgumentError, match="sigmoid"):
        Head.parse("sigmoid")
    with pytest.raises(UnknownNameError, match="sigmoid"):
        Head.parse("sigmiod+bce")


# -------------------------------------------------------------------------------- encodings


def test_two_classes_with_an_elementwise_loss_are_one_column():
    y = np.array([0, 1, 1])
    np.testing.assert_array_equal(SIGMOID.encode(y, "classification", 2), [[0], [1], [1]])
    signs = Head("tanh", "hinge").encode(y, "classification", 2)
    np.testing.assert_array_equal(signs, [[-1], [1], [1]])


def test_several_classes_with_an_elementwise_loss_are_one_column_each():
    y = np.array([2, 0])
    np.testing.assert_array_equal(SIGMOID.encode(y, "classification", 3), [[0, 0, 1], [1, 0, 0]])
    signs = Head("linear", "squared_hinge").encode(y, "classification", 3)
    np.testing.assert_array_equal(signs, [[-1, -1, 1], [1, -1, -1]])


def test_rowwise_losses_take_class_numbers_or_distributions():
    y = np.array([2, 0])
    np.testing.assert_array_equal(SOFTMAX.encode(y, "classification", 3), y)
    shares = Head("softmax", "kl_divergence").encode(y, "classification", 3)
    np.testing.assert_array_equal(shares, [[0, 0, 1], [1, 0, 0]])


def test_regression_targets_are_standardised_by_the_training_part():
    split, _, _ = parts(load("diabetes"), 0, False)
    assert abs(split.y_train.mean()) < 1e-9
    assert split.y_train.std() == pytest.approx(1)
    np.testing.assert_array_equal(LINEAR.encode(split.y_train, "regression", 0), split.y_train)


# ------------------------------------------------------------------------ what trials share


def cell(pairing, dataset="iris", **setting):
    return Cell(dataset, Pairing.parse(pairing), Setting(**setting))


def test_a_repetition_gives_every_pairing_the_same_start():
    data = load("iris")
    for seed in (0, 1, TUNING):
        first, *others = (
            network(cell(f"relu/{head}"), data, seed).parameters()
            for head in ("sigmoid+bce", "softmax+cce", "tanh+hinge", "linear+mse")
        )
        for other in others:  # hidden layers: the head decides the init of its own layer
            for a, b in list(zip(first, other, strict=True))[:4]:
                np.testing.assert_array_equal(a.data, b.data)


def test_weights_of_two_hidden_activations_are_one_draw_scaled():
    """He and LeCun differ in scale only: the random numbers behind them are the same."""
    data = load("iris")
    he, lecun = (
        network(cell(f"{hidden}/softmax+cce"), data, 0).parameters()[0].data.astype(float)
        for hidden in ("relu", "selu")
    )
    ratios = he / lecun
    np.testing.assert_allclose(ratios, ratios.flat[0], rtol=1e-4)


def test_every_repetition_has_weights_of_its_own():
    """Neither the seed nor the layer may give what another seed or layer gave."""
    data = load("iris")
    drawn = [
        layer.data.astype(float).ravel()[:12] / layer.data.std()
        for seed in (0, 1, 2, TUNING, TUNING + 1)
        for layer in network(cell("tanh/softmax+cce"), data, seed).parameters()
        if layer.data.ndim == 2
    ]
    for i, one in enumerate(drawn):
        for other in drawn[:i]:
            assert abs(np.corrcoef(one, other)[0, 1]) < 0.95


def test_splits_follow_from_dataset_and_repetition():
    data = load("iris")
    same, again = parts(data, 3, False)[0], parts(load("iris"), 3, False)[0]
    np.testing.assert_array_equal(same.X_train, again.X_train)
    np.testing.assert_array_equal(same.y_test, again.y_test)
    for seed, tuning in ((4, False), (TUNING, True), (TUNING + 3, True)):
        other = parts(data, seed, tuning)[0]
        assert not np.array_equal(same.X_test, other.X_test)


def test_every_pairing_sees_rows_in_the_same_order(monkeypatch):
    seen = {}
    draw = batching.permutation

    def noted(rows, seed, updates):
        seen.setdefault(current, []).append((rows, seed, updates))
        return draw(rows, seed, updates)

    monkeypatch.setattr(batching, "permutation", noted)
    data = load("iris")
    for current in ("relu/softmax+cce", "elu/sigmoid+focal", "tanh/linear+hinge"):
        trainers._orders.cache_clear()
        place = cell(current)
        assert Trainer(place, data).train(Trial(place, 0.01, 2, epochs=3)).status == "ok"
    relu, elu, tanh = seen.values()
    assert relu == elu == tanh == [(112, 2, 0), (112, 2, 4), (112, 2, 8)]


def test_tuning_is_judged_on_validation_rows_which_come_out_of_the_training_part():
    data = load("diabetes")  # its rows all differ
    without, with_some = data.split(seed=3), data.split(seed=3, validation_size=0.2)
    np.testing.assert_array_equal(without.X_test, with_some.X_test)
    kept_back = {tuple(row) for row in with_some.X_validation}
    assert len(kept_back) == round(0.2 * len(data.X))
    assert kept_back < {tuple(row) for row in without.X_train}
    assert not kept_back & {tuple(row) for row in with_some.X_train}
    split, X, y = parts(data, TUNING, True)
    assert X is split.X_validation
    assert y is split.y_validation
    split, X, y = parts(data, 0, False)
    assert X is split.X_test
    assert y is split.y_test
    assert len(split.X_validation) == 0


# ------------------------------------------------------------------------ the bits of fit


def by_hand(trial, data):
    """The same trial in the words of a user's script."""
    head, setting = trial.cell.pairing.head, trial.cell.setting
    split = data.split(validation_size=0.2 * trial.tuning, seed=trial.seed)
    split = split.standardised(target=data.task == "regression")
    y = head.encode(split.y_train, data.task, len(data.classes))
    outputs = head.outputs(data.task, len(data.classes))
    net = ml.mlp(
        [data.X.shape[1], *setting.widths, outputs],
        hidden=trial.cell.pairing.hidden,
        output=head.activation,
        init=setting.init,
        seed=trial.seed,
    )
    history = ml.fit(
        net,
        split.X_train,
        y,
        loss=head.loss,
        optimizer=setting.optimizer,
        learning_rate=trial.learning_rate,
        epochs=trial.epochs,
        batch_size=trial.batch_size,
        seed=trial.seed,
    )
    judged = split.X_validation if trial.tuning else split.X_test
    return np.array(history["loss"]), net.predict(judged)


def assert_same_bits(result, trial, data):
    losses, outputs = by_hand(trial, data)
    assert result.status == "ok"
    np.testing.assert_array_equal(result.outputs, outputs)
    np.testing.assert_allclose(result.losses, losses, rtol=1e-15, atol=0)  # summed otherwise
    assert len(result.scores) == (0 if trial.tuning else len(checkpoints(trial.epochs)))


@pytest.mark.parametrize(
    ("dataset", "pairing", "setting"),
    [
        ("iris", "relu/softmax+cce", {"optimizer": "adam"}),
        ("iris", "tanh/sigmoid+focal", {"optimizer": "rmsprop", "init": "he_normal"}),
        ("iris", "gelu/softmax+kl_divergence", {"optimizer": "sgd", "widths": (5,)}),
        ("xor", "selu/sigmoid+bce", {"optimizer": "adamw", "widths": (8, 8, 8)}),
        ("xor", "prelu/tanh+hinge", {"optimizer": "adam"}),
        ("diabetes", "elu/linear+huber", {"optimizer": "sgd"}),
    ],
)
def test_a_trial_gives_the_bits_of_fit(dataset, pairing, setting):
    """Also the second, third and fourth one of a trainer, one of which diverged."""
    data, place = load(dataset), cell(pairing, dataset, **setting)
    trainer = Trainer(place, data)
    trials = [
        Trial(place, 1e-2, 0, epochs=3),
        Trial(place, 1e-3, 2, tuning=True, epochs=2, batch_size=16),
        Trial(place, 1e38, 1, epochs=3),
        Trial(place, 3e-2, 4, epochs=4),
        Trial(place, 3e-2, 4, epochs=1, batch_size=10_000),
        Trial(place, 1e-2, 0, epochs=3),
    ]
    results = [trainer.train(trial) for trial in trials]
    for trial, result in zip(trials, results, strict=True):
        if trial.learning_rate < 1:
            assert_same_bits(result, trial, data)
    np.testing.assert_array_equal(results[0].outputs, results[-1].outputs)
    assert results[0].score == results[-1].score
    assert results[0].health == results[-1].health


@pytest.mark.parametrize("hidden", ["relu", "prelu", "linear"])
def test_a_trial_tells_what_the_trained_network_is_like_layer_by_layer(hidden):
    """Of every layer with parameters how far an update moves them, as ``diagnose`` says it."""
    data, place = load("iris"), cell(f"{hidden}/softmax+cce", "iris", widths=(5, 4))
    trainer, trial = Trainer(place, data), Trial(place, 1e-2, 0, epochs=2)
    health = trainer.train(trial).health
    split = data.split(validation_size=0, seed=trial.seed).standardised(target=False)
    X, y = split.X_train[:LOOKED_AT], np.eye(3, dtype=np.float32)[split.y_train[:LOOKED_AT]]
    found = ml.diagnose(trainer.net, X, y, loss="categorical_crossentropy")
    assert health["update_ratio"] == pytest.approx([each.update_ratio for each in found.layers])
    assert len(health["update_ratio"]) == 3
    assert health["gradient_ratio"] == pytest.approx([found.gradient_ratio])
    active = [] if hidden == "linear" else found.layers[:2]
    for what in ("dead", "saturated"):
        shares = [getattr(each, what) / each.units for each in active]
        assert health[what] == pytest.approx(shares)


def test_a_trainer_forgets_a_trial_that_diverged():
    data, place = load("diabetes"), cell("relu/linear+mse", "diabetes", optimizer="sgd")
    trainer = Trainer(place, data)
    diverged = trainer.train(Trial(place, 1e6, 0, epochs=20))
    assert diverged.status == "diverged"
    assert "inf" in diverged.reason or "nan" in diverged.reason
    assert np.isnan(diverged.score)
    assert diverged.outputs is None
    assert not np.isfinite(diverged.losses[-1])
    assert np.isfinite(diverged.losses[:-1]).all()
    trial = Trial(place, 1e-3, 0, epochs=3)
    assert_same_bits(trainer.train(trial), trial, data)


# ----------------------------------------------------------------------- what is found by name


def test_a_new_activation_is_paired_for_nothing(bend):
    assert bend in hidden_activations()
    assert Head(bend, "mse") in [*heads("regression")[0], *heads("regression")[1]]
    data, place = load("iris"), cell("bend/softmax+cce")
    trial = Trial(place, 1e-2, 0, epochs=3)
    assert_same_bits(Trainer(place, data).train(trial), trial, data)


def test_rows_and_the_identity_are_no_hidden_activations():
    names = hidden_activations()
    assert {"relu", "selu", "tanh"} <= set(names)
    assert not {"linear", "softmax", "log_softmax"} & set(names)


def test_scores_are_taken_after_an_eighth_a_quarter_half_and_all_of_the_epochs():
    assert [checkpoints(n) for n in (1, 2, 3, 50)] == [[1], [1, 2], [1, 3], [6, 12, 25, 50]]
