"""A study: what may stand in it, which cells and trials it has, how a learning rate is chosen."""

import tomllib
from dataclasses import fields, replace

import numpy as np
import pytest

from minidl.core.errors import ArgumentError, DataError, FileError, UnknownNameError
from minidl.data import datasets, load
from minidl.pairing import Cell, Head, Pairing, Result, Study, hidden_activations, run
from minidl.pairing.execution import workers
from minidl.pairing.execution.tuning import chosen_rate, rate_scores
from minidl.pairing.statistics import rate_sensitivity
from minidl.pairing.study.study import OUTPUTS, RATES
from minidl.pairing.study.trial import TUNING

BCE, CCE = Head.parse("sigmoid+bce"), Head.parse("softmax+cce")


def study(**changes):
    usual = {"datasets": ["iris"], "hidden": ["relu", "tanh"], "heads": ["softmax+cce"]}
    return Study(**{**usual, **changes})


# ------------------------------------------------------------------------------------- files

OTHER_THAN_USUAL = {
    "name": 'two words and an ü, a " and a \\',
    "datasets": ["xor", "iris"],
    "families": ["plane-geometry"],
    "hidden": ["tanh", "relu"],
    "heads": ["sigmoid+binary_crossentropy", "softmax+categorical_crossentropy"],
    "outputs": ["sigmoid", "softmax"],
    "unsound": True,
    "widths": [8, 4],
    "depths": [1, 3],
    "init": ["he_normal", "auto"],
    "optimizers": ["sgd", "adam"],
    "learning_rates": [1e-05, 0.0123, 0.1, 3.0],
    "tuning_repetitions": 2,
    "repetitions": 7,
    "epochs": 9,
    "batch_size": 16,
    "minutes": 1.5,
    "reference": ["tanh/sigmoid+binary_crossentropy"],
}


def test_every_key_survives_a_file(tmp_path):
    family = load("moons").family
    given = OTHER_THAN_USUAL | {"families": [family]}
    assert set(given) == {part.name for part in fields(Study) if part.init}
    path = tmp_path / "study.toml"
    path.write_text(Study(**given).toml(), encoding="utf-8")
    assert tomllib.loads(path.read_text(encoding="utf-8")) == given
    assert Study.read(path) == Study(**given)
    assert Study.read(path).asked == (BCE, CCE)


def test_a_file_may_say_little(tmp_path):
    path = tmp_path / "spirals of mine.toml"
    path.write_bytes(b'\xef\xbb\xbfdatasets = "spirals"\n')  # as an editor of Windows writes it
    read = Study.read(path)
    assert read == Study(datasets=["spirals"], name="spirals of mine")
    assert (list(read.hidden), read.outputs, read.learning_rates) == (
        hidden_activations(),
        OUTPUTS,
        RATES,
    )
    again = tmp_path / "again.toml"
    again.write_text(read.toml(), encoding="utf-8")
    assert Study.read(again) == read


def test_one_value_needs_no_list():
    alone = study(datasets="iris", hidden="relu", heads="softmax+cce", widths=4, learning_rates=1)
    assert alone == study(hidden=["relu"], widths=[4], learning_rates=[1.0])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "No such file"),
        (b"datasets = [", "Unclosed|Invalid"),
        (b"datasets = ['\xff']", "decode"),
        (b"datasets = ['iris']\ndatasets = ['xor']", "overwrite"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path, content, words):
    path = tmp_path / "broken.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FileError, match=rf"broken\.toml.*TOML.*({words}).*README"):
        Study.read(path)


def test_a_key_that_does_not_exist_gets_the_closest(tmp_path, refused):
    path = tmp_path / "typo.toml"
    path.write_text('datasets = ["iris"]\nepoch = 3\n', encoding="utf-8")
    with refused(ArgumentError, "typo.toml", "keys among datasets", "'epoch'", "'epochs'"):
        Study.read(path)


# -------------------------------------------------------------------------------- bad values


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"datasets": []}, ("datasets", "a family of them", "none", '["moons"]')),
        ({"datasets": [3]}, ("datasets", "in quotes", "3", 'datasets = ["…"]')),
        ({"datasets": None}, ("datasets", "a list", "None", "datasets = […]")),
        ({"datasets": ["table.csv"]}, ("table.csv", "a column", "table.csv", "table.csv:TARGET")),
        ({"datasets": ["table.csv:"]}, ("table.csv", "a column", "table.csv:", "table.csv:TARGET")),
        ({"hidden": {"relu": 1}}, ("hidden", "a list", "relu", "hidden = […]")),
        ({"hidden": [["relu"]]}, ("hidden", "in quotes", "['relu']", 'hidden = ["…"]')),
        ({"heads": [None]}, ("heads", "in quotes", "None", 'heads = ["…"]')),
        ({"heads": ["softmax"]}, ("head", "and a loss", "'softmax'", "sigmoid+bce")),
        ({"heads": [], "outputs": []}, ("outputs", "not empty", "[]", "leave it out")),
        (
            {"heads": ["linear+hinge"], "datasets": ["diabetes"]},
            (
                "heads",
                "sound",
                "none (linear+hinge on diabetes: targets must be in",
                "unsound = true",
            ),
        ),
        ({"unsound": "yes"}, ("unsound", "true or false", "'yes'", "Leave it out")),
        ({"name": ""}, ("name", "a text", "''", "name =")),
        ({"name": 3}, ("name", "a text", "3", "name =")),
        ({"widths": []}, ("widths", "not empty", "[]", "leave it out")),
        ({"widths": [0]}, ("widths", "from 1", "0", "widths=16.")),
        ({"depths": [1.5]}, ("depths", "whole", "1.5", "depths=2.")),
        ({"depths": [True]}, ("depths", "whole", "True", "depths=2.")),
        ({"init": []}, ("init", "not empty", "[]", "leave it out")),
        ({"optimizers": []}, ("optimizers", "not empty", "[]", "leave it out")),
        ({"learning_rates": []}, ("learning_rates", "not empty", "[]", "leave it out")),
        ({"learning_rates": [0.0]}, ("learning_rates", "(0, ∞)", "0.0", "say")),
        ({"learning_rates": ["fast"]}, ("learning_rates", "a number", "'fast'", "say")),
        ({"learning_rates": [float("nan")]}, ("learning_rates", "a number", "nan", "say")),
        ({"tuning_repetitions": 0}, ("tuning_repetitions", "from 1", "0", "=10")),
        ({"repetitions": "ten"}, ("repetitions", "whole", "'ten'", "=10")),
        ({"repetitions": 1_000_001}, ("repetitions", "to 1000000", "1000001", "=10")),
        ({"epochs": -1}, ("epochs", "from 1", "-1", "epochs=30.")),
        ({"batch_size": 2.0}, ("batch_size", "whole", "2.0", "batch_size=32.")),
        ({"minutes": 0}, ("minutes", "(0, ∞)", "0", "15")),
        ({"reference": ["relu"]}, ("pairing", "and a head", "'relu'", "relu/sigmoid+bce")),
        (
            {"reference": ["all", "relu/softmax+cce"]},
            ("reference", "alone", "relu/softmax+cce", 'Leave "all" out'),
        ),
        (
            {"reference": ["elu/softmax+cce"]},
            ("reference", "of the study", "elu/softmax+cat", "Add its hidden"),
        ),
        (
            {"reference": ["relu/softmax+mse"]},
            ("reference", "of the study", "relu/softmax+mse", "name another"),
        ),
        (
            {"heads": [], "reference": ["relu/softplus+mse"]},
            ("reference", "of the study", "relu/softplus+mse", "name another"),
        ),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_key(changes, words, refused):
    with refused(ArgumentError, *words):
        made = study(**changes)
        made.cells(made.load())


def test_of_no_dataset_there_are_no_cells(refused):
    with refused(ArgumentError, "heads", "some dataset", "none", "Ask for others"):
        study().cells({})


@pytest.mark.parametrize(
    ("changes", "kind", "close"),
    [
        ({"datasets": ["iriss"]}, "dataset", "iris"),
        ({"families": ["plan"]}, "families", None),
        ({"hidden": ["rellu"]}, "activation", "relu"),
        ({"heads": ["softmax+ccee"]}, "loss", "cce"),
        ({"outputs": ["sigmod"]}, "activation", "sigmoid"),
        ({"init": ["he_norml"]}, "initializer", "he_normal"),
        ({"optimizers": ["adan"]}, "optimizer", "adam"),
        ({"reference": ["relu/softmax+ce"]}, "loss", "cce"),
    ],
)
def test_a_typo_gets_the_closest_name(changes, kind, close):
    with pytest.raises(UnknownNameError) as caught:
        study(**changes)
    assert kind in caught.value.culprit
    assert close is None or close in caught.value.remedy


def test_a_grid_of_rates_spans_three_decades_or_is_one_rate(refused):
    with refused(ArgumentError, "learning_rates", "three decades", "0.001 to 0.9", "widen"):
        study(learning_rates=[0.9, 0.001, 0.01])
    assert study(learning_rates=[1.0, 0.001]).learning_rates == (0.001, 1.0)
    assert study(learning_rates=[0.3, 0.0003]).learning_rates == (0.0003, 0.3)  # 999.9… in binary
    assert study(learning_rates=[0.01, 0.01]).fixed_rate


# ------------------------------------------------------------------------------ what is meant


def test_aliases_are_names_each_once():
    aliased = study(
        hidden=["swish", "silu", "relu"],
        heads=["softmax+cce", "softmax+categorical_crossentropy"],
        optimizers=["adam", "adam"],
        init=["auto", "auto"],
        widths=[4, 4],
        reference=["swish/softmax+cce", "silu/softmax+cce"],
        datasets=["iris", "iris"],
    )
    plain = study(hidden=["silu", "relu"], widths=[4], reference=["silu/softmax+cce"])
    assert aliased == plain
    assert aliased.facts() == plain.facts()
    assert len(set(aliased.cells(aliased.load()))) == len(aliased.cells(aliased.load())) == 2


def test_numbers_of_numpy_are_written_as_numbers(tmp_path):
    given = study(epochs=np.int64(3), learning_rates=np.array([1e-3, 1.0]).tolist(), minutes=1)
    path = tmp_path / "numpy.toml"
    path.write_text(given.toml(), encoding="utf-8")
    assert Study.read(path) == replace(given)


def test_a_family_brings_all_its_cards():
    family = load("moons").family
    members = [card.name for card in datasets if card.family == family]
    assert len(members) > 1
    assert list(study(datasets=[], families=[family]).load()) == members
    both = study(datasets=["iris", members[1]], families=[family]).load()
    assert list(both) == ["iris", members[1], *(m for m in members if m != members[1])]


def csv(folder, name, rows=12):
    path = folder / name
    table = "".join(f"{i / 7},{i % 3},{'ab'[i % 2]}\n" for i in range(rows))
    path.write_text("height,weight,kind\n" + table, encoding="utf-8")
    return path


def test_tables_of_ones_own_are_datasets(tmp_path, refused):
    path = csv(tmp_path, "fruit.csv")
    data = study(datasets=[f"{path}:kind"]).load()
    assert list(data) == ["fruit"]
    assert data["fruit"].classes == ("a", "b")
    with refused(UnknownNameError, "fruit.csv", "height", "'sort'", "."):
        study(datasets=[f"{path}:sort"]).load()
    with refused(FileError, "nowhere.csv", "a CSV file", "no such file", "full one"):
        study(datasets=["nowhere.csv:kind"]).load()
    (tmp_path / "b").mkdir()
    other = csv(tmp_path / "b", "fruit.csv")
    with refused(ArgumentError, "fruit.csv", "no other dataset", "fruit", "Rename"):
        study(datasets=[f"{path}:kind", f"{other}:kind"]).load()


def test_heads_are_taken_where_they_are_sound():
    mixed = study(datasets=["xor", "diabetes", "iris"], heads=["sigmoid+bce", "linear+huber"])
    data = mixed.load()
    names = {name: {head.name for head in mixed.heads_for(data[name])} for name in data}
    assert names["xor"] == {"sigmoid+binary_crossentropy", "linear+huber"}
    assert names["diabetes"] == {"linear+huber"}
    [(head, why)] = mixed.left_out(data["diabetes"]).items()
    assert head == BCE
    assert "targets must be in" in why
    unsound = replace(mixed, unsound=True)
    assert {head.name for head in unsound.heads_for(data["diabetes"])} == names["xor"]
    assert unsound.left_out(data["diabetes"]) == {}


def test_without_heads_every_sound_one_of_the_usual_outputs_is_taken():
    made = study(heads=[])
    taken = made.heads_for(load("iris"))
    assert {head.activation for head in taken} == set(OUTPUTS)
    assert CCE in taken
    assert set(study(heads=[], outputs=["softmax"]).heads_for(load("iris"))) == {
        head for head in taken if head.activation == "softmax"
    }


def test_cells_are_the_whole_grid_dataset_by_dataset():
    made = study(
        datasets=["iris", "xor"],
        heads=["softmax+cce", "sigmoid+bce"],
        widths=[4, 8],
        depths=[1, 2],
        init=["auto", "lecun_normal"],
        optimizers=["adam", "sgd"],
    )
    cells = made.cells(made.load())
    assert len(cells) == len(set(cells)) == 2 * 2 * 2 * 16
    assert [cell.dataset for cell in cells] == ["iris"] * 64 + ["xor"] * 64
    assert {cell.setting.widths for cell in cells} == {(4,), (8,), (4, 4), (8, 8)}


# ------------------------------------------------------------------------ trials and seeds


def test_seeds_of_tuning_never_meet_those_of_reporting():
    made = study(tuning_repetitions=3, repetitions=40)
    [cell, _] = made.cells(made.load())
    tuning, final = made.tuning(cell), made.final(cell, 0.01)
    assert len(tuning) + len(final) == made.trials_per_cell == 5 * 3 + 40
    assert {trial.seed for trial in tuning} == {TUNING, TUNING + 1, TUNING + 2}
    assert {trial.seed for trial in final} == set(range(40))
    assert not {trial.seed for trial in tuning} & {trial.seed for trial in final}
    assert {trial.learning_rate for trial in tuning} == set(RATES)
    assert not {t.facts["phase"] for t in tuning} & {t.facts["phase"] for t in final}


def test_a_fixed_rate_tunes_nothing():
    fixed = study(learning_rates=[0.02], repetitions=4)
    [cell, _] = fixed.cells(fixed.load())
    assert fixed.tuning(cell) == []
    assert fixed.trials_per_cell == 4
    assert chosen_rate(fixed, cell, {}) == 0.02


# ------------------------------------------------------------------------------ the choice

TUNED = study(learning_rates=[0.001, 0.01, 0.1, 1.0], tuning_repetitions=2)
CELL = Cell("iris", Pairing("relu", CCE))


def tuned(*scores):
    trials = TUNED.tuning(CELL)
    assert [t.learning_rate for t in trials] == [0.001] * 2 + [0.01] * 2 + [0.1] * 2 + [1.0] * 2
    return {
        trial: Result("ok" if np.isfinite(score) else "diverged", score=score)
        for trial, score in zip(trials, np.ravel(scores), strict=True)
    }


def sensitivity_of(results):
    return rate_sensitivity(TUNED.learning_rates, rate_scores(TUNED, CELL, results))


def test_the_best_mean_on_validation_data_is_chosen():
    results = tuned([0.1, 0.1], [0.9, 0.5], [0.75, 0.75], [0.2, 0.9])
    assert chosen_rate(TUNED, CELL, results) == 0.1
    assert not sensitivity_of(results).at_edge


def test_a_best_rate_at_an_edge_is_flagged():
    for scores, rate in (
        (([0.9] * 2, [0.5] * 2, [0.1] * 2, [0.1] * 2), 0.001),
        (([0.1] * 2, [0.5] * 2, [0.6] * 2, [0.9] * 2), 1.0),
    ):
        found = sensitivity_of(tuned(*scores))
        assert (found.best, found.at_edge) == (rate, True)


def test_the_lower_of_two_equal_rates_is_chosen():
    assert chosen_rate(TUNED, CELL, tuned(*[[0.5, 0.5]] * 4)) == 0.001


def test_a_failure_counts_as_the_worst_of_its_own_cell():
    nan = np.nan
    # dropped, the failure would leave a mean of 0.9; as a 0 among R² it would win
    results = tuned([0.1, 0.1], [0.6, 0.6], [0.9, nan], [nan, nan])
    assert chosen_rate(TUNED, CELL, results) == 0.01
    results = tuned([-3.0, -3.0], [-0.5, -0.5], [nan, nan], [-4.0, -4.0])
    assert chosen_rate(TUNED, CELL, results) == 0.01
    assert chosen_rate(TUNED, CELL, tuned(*[[nan, nan]] * 4)) == 0.001


def test_nothing_is_chosen_before_all_is_tuned():
    results = tuned(*[[0.5, 0.5]] * 4)
    results.popitem()
    assert chosen_rate(TUNED, CELL, results) is None


# ------------------------------------------------------------------------- too small a table


@pytest.mark.parametrize("rows", [4, 7])
def test_a_table_too_small_is_refused_before_any_training(tmp_path, monkeypatch, rows):
    monkeypatch.setattr(workers, "perform", lambda task: pytest.fail("trained"))
    path = tmp_path / "small.csv"
    lines = [f"{i / 3},{i * i / 7}" for i in range(rows)]
    path.write_text("x,y\n" + "\n".join(lines) + "\n", encoding="utf-8")
    small = study(datasets=[f"{path}:y"], heads=["linear+mse"])
    with pytest.raises(DataError, match=r"'small'.*larger"):
        run(small, tmp_path / "out" / "study.sqlite", workers=1)
    assert not (tmp_path / "out").exists()
