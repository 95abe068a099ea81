"""Runs: the same bytes on any workers and in any order; only what is new is trained."""

import csv
import os
import random
import signal
import sys
import time
import warnings
from dataclasses import replace

import psutil
import pytest
from numba.core import event
from runs import STUDY, TRIALS, count, exported

from minidl.core.errors import FileError
from minidl.core.storage import read
from minidl.pairing import Ledger, Study, Trainer, run
from minidl.pairing.execution import runner, trainer, workers
from minidl.pairing.execution.environment import Environment
from minidl.pairing.execution.exporting import export, write_results


@pytest.fixture
def often():
    """Threads that give way to each other a thousand times as often."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(5e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.fixture(scope="module")
def cluster():
    """A dask cluster of two processes."""
    from distributed import LocalCluster

    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with LocalCluster(processes=True, **options) as started:
        yield started


# -------------------------------------------------------------------------- the same bytes


def test_an_export_holds_all_there_is(plain, tmp_path):
    rows = list(csv.DictReader(plain["results.csv"].decode().splitlines()))
    assert [int(row["trial"]) for row in rows] == list(range(TRIALS))
    assert {row["phase"] for row in rows} == {"tuning", "final"}
    (tmp_path / "arrays.safetensors").write_bytes(plain["arrays.safetensors"])
    arrays, _ = read(tmp_path / "arrays.safetensors")
    for row in rows:
        assert row["status"] == "ok"
        losses = arrays[f"{row['trial']}/losses"]
        assert losses.shape == (3,)
        assert losses[-1] == float(row["final_loss"])
        outputs = arrays[f"{row['trial']}/outputs"]
        judged = {("iris", "tuning"): 30, ("iris", "final"): 38}
        judged |= {("xor", "tuning"): 100, ("xor", "final"): 125}
        assert len(outputs) == judged[row["dataset"], row["phase"]]
        assert (f"{row['trial']}/scores" in arrays) is (row["phase"] == "final")
    (tmp_path / "study.toml").write_bytes(plain["study.toml"])
    assert Study.read(tmp_path / "study.toml") == STUDY


def test_an_export_into_what_is_no_folder_is_refused(ledger, tmp_path, refused):
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with Ledger(ledger) as opened:
        opened.begin(STUDY, Environment.here())
        for write in (export, write_results):
            with refused(
                FileError, "file", "a folder that can be written", "a file", "another name"
            ):
                write(opened, tmp_path / "file")
    assert (tmp_path / "file").read_text(encoding="utf-8") == "in the way"


def test_a_file_that_cannot_be_replaced_leaves_nothing_half_written(ledger, tmp_path, refused):
    blocked = tmp_path / "out" / "results.csv"
    blocked.mkdir(parents=True)
    with Ledger(ledger) as opened:
        opened.begin(STUDY, Environment.here())
        with refused(FileError, str(blocked), "a file that can be", "a folder", "move it away"):
            export(opened, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "results.csv",
        "study.toml",
    ]


@pytest.mark.parametrize("number", [2, 4])
def test_threads_find_the_same(plain, ledger, often, number):
    assert run(STUDY, ledger, workers=number)
    assert exported(ledger) == plain


def test_the_order_of_trials_changes_nothing(plain, ledger, monkeypatch):
    def shuffled(self, groups, firmly, usual=runner._Run._tasks):
        tasks = list(usual(self, groups, firmly))
        random.Random(0).shuffle(tasks)
        for task in tasks:
            places = list(task.places.items())
            random.Random(1).shuffle(places)
            yield replace(task, places=dict(places))

    monkeypatch.setattr(runner._Run, "_tasks", shuffled)
    assert run(STUDY, ledger, workers=1)
    assert exported(ledger) == plain


def test_a_trial_at_a_time_finds_the_same(plain, ledger, monkeypatch):
    monkeypatch.setattr(runner, "FIRST_TASK_TRIALS", 1)
    monkeypatch.setattr(runner, "TASK_SECONDS", 1e-9)
    assert run(STUDY, ledger, workers=2)
    assert exported(ledger) == plain


def test_processes_find_the_same_and_one_may_die(plain, ledger, processes, kept):
    def kill_one():
        one = next(p for p in psutil.Process().children() if "LokyProcess" in " ".join(p.cmdline()))
        one.send_signal(signal.SIGKILL)
        deaths.append(one.pid)

    deaths = []
    kept.acts[20] = kill_one
    assert run(STUDY, ledger, workers=2, backend="loky")
    assert len(deaths) == 1
    assert sorted(kept) == sorted(set(kept))
    assert exported(ledger) == plain


def test_a_cluster_finds_the_same_and_a_worker_may_die(plain, ledger, cluster, kept):
    def kill_one():
        pids = [worker.pid for worker in cluster.workers.values()]
        os.kill(pids[0], signal.SIGKILL)
        deaths.append(pids[0])

    deaths = []
    kept.acts[20] = kill_one
    assert run(STUDY, ledger, backend="dask", scheduler=cluster.scheduler_address)
    assert len(deaths) == 1
    assert exported(ledger) == plain


# --------------------------------------------------------------------------- only what is new


def test_a_complete_study_runs_nothing(ledger, kept, plain):
    assert run(STUDY, ledger, workers=2)
    trained = len(kept)
    assert run(STUDY, ledger, workers=2)
    assert len(kept) == trained == TRIALS


@pytest.mark.parametrize(
    ("changes", "new"),
    [
        ({"hidden": ["relu", "elu", "tanh"]}, TRIALS // 2),
        ({"datasets": ["moons", "iris", "xor"]}, TRIALS // 2),
        ({"heads": ["softmax+mse", *STUDY.heads]}, TRIALS // 2),
        ({"repetitions": 5}, 2 * 8),
        ({"name": "other", "minutes": 60.0, "reference": ["all"]}, 0),
        ({"epochs": 4}, TRIALS),
    ],
)
def test_an_extended_study_runs_only_new_cells(ledger, kept, plain, tmp_path, changes, new):
    run(STUDY, ledger, workers=1)
    there = set(kept)
    extended = replace(STUDY, **changes)
    assert run(extended, ledger, workers=1)
    assert len(kept) - len(there) == new
    assert not there & set(kept[len(there) :])
    alone = tmp_path / "alone.sqlite"
    assert run(extended, alone, workers=2)
    assert exported(alone) == exported(ledger)


def test_a_budget_ends_a_run_and_another_goes_on(plain, ledger, kept, monkeypatch):
    now = time.monotonic()
    monkeypatch.setattr(runner.time, "monotonic", lambda: now + 10.0 * len(kept))
    short = replace(STUDY, minutes=4.0)  # a trial "takes" 10 s
    assert run(short, ledger, workers=1) is False
    assert 24 <= len(kept) <= 30
    monkeypatch.undo()
    assert run(replace(STUDY, minutes=1e-9), ledger, workers=1) is False
    assert run(replace(STUDY, minutes=60.0), ledger, workers=1) is True
    assert run(replace(STUDY, minutes=1e-9), ledger, workers=1) is True  # nothing is left
    assert exported(ledger)["results.csv"] == plain["results.csv"]


def test_a_second_run_compiles_nothing(ledger, plain):
    with event.install_recorder("numba:compile") as compiled:
        assert run(STUDY, ledger, workers=2)
    assert compiled.buffer == []


def test_the_bar_shows_the_best_mean_of_all_that_was_reported():
    """Not the luckiest repetition, nor the mean without failures."""
    running = runner._Run(STUDY, {}, None, None)
    for name, total, n in (("lucky", 1.5, 2), ("steady", 2.4, 3), ("failing", 0.9, 2)):
        running.sums.setdefault("xor", {})[name] = total, n
    assert running._leader("xor") == "steady leads with 0.800"
    assert running._leader("iris") == "tuning"


def test_a_dataset_without_a_sound_head_is_left_out(ledger):
    mixed = replace(STUDY, datasets=("xor", "diabetes"), heads=("sigmoid+bce",))
    assert run(mixed, ledger, workers=1)
    assert count(ledger) == TRIALS // 4


def test_failures_are_results(ledger):
    wild = replace(STUDY, datasets=("diabetes",), heads=("linear+mse",), optimizers=("sgd",))
    wild = replace(wild, learning_rates=(1e9,), hidden=("relu",))
    assert run(wild, ledger, workers=2)
    with Ledger(ledger, write=False) as opened:
        assert opened.count() == {"diverged": wild.repetitions}
    rows = list(csv.DictReader(exported(ledger)["results.csv"].decode().splitlines()))
    assert {(row["score"], row["outputs"]) for row in rows} == {("", "")}
    assert all("the loss was" in row["reason"] for row in rows)


def test_a_rare_class_in_a_small_test_part_is_no_warning(ledger, monkeypatch):
    """Threads share the filters of warnings: one must not end what another began."""
    usual = trainer.score_predictions

    def slowly(*given):
        time.sleep(0.002)
        warnings.warn("y_pred contains classes not in y_true", UserWarning, stacklevel=1)
        return usual(*given)

    monkeypatch.setattr(trainer, "score_predictions", slowly)
    assert run(STUDY, ledger, workers=4)
    assert not [one for one in warnings.filters if "y_pred" in str(one)]


def test_a_run_takes_a_trainer_for_each_cell_and_no_more(ledger, monkeypatch):
    made = []
    monkeypatch.setattr(workers, "_idle", {})
    init = Trainer.__init__

    def noted(self, cell, data):
        made.append(cell)
        init(self, cell, data)

    monkeypatch.setattr(Trainer, "__init__", noted)
    monkeypatch.setattr(runner, "FIRST_TASK_TRIALS", 100)
    assert run(STUDY, ledger, workers=1)
    assert len(made) == len(set(made)) == 8  # which waits for the final trials after the tuning
