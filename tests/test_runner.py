"""Runs: the same bytes on any workers and after any death; only what is new; clear refusals."""

import csv
import os
import random
import signal
import subprocess
import sys
import time
import warnings
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from joblib.externals.loky import get_reusable_executor
from numba.core import event

import minidl
from minidl.errors import ArgumentError, FileError
from minidl.pairing import Ledger, Study, Trainer, run, runner, trainer, workers
from minidl.pairing.environment import Environment, keys
from minidl.pairing.export import export
from minidl.pairing.workers import Task, perform
from minidl.storage import read

STUDY = Study(
    datasets=["iris", "xor"],
    hidden=["relu", "tanh"],
    heads=["softmax+cce", "sigmoid+bce"],
    learning_rates=[0.001, 0.03, 1.0],
    tuning_repetitions=2,
    repetitions=3,
    epochs=3,
)
TRIALS = 2 * 2 * 2 * (3 * 2 + 3)
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(minidl.__file__).parent.parent)}


def exported(ledger):
    """The bytes of each file that a ledger is exported as, by name."""
    with Ledger(ledger, write=False) as opened:
        paths = export(opened, ledger.parent / f"{ledger.stem}-export")
    assert len(paths) == 3
    return {path.name: path.read_bytes() for path in paths}


def count(ledger):
    with Ledger(ledger, write=False) as opened:
        return sum(opened.count().values())


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """What a single worker finds, in the plan's order."""
    path = tmp_path_factory.mktemp("plain") / "study.sqlite"
    assert run(STUDY, path, workers=1)
    assert count(path) == TRIALS
    return exported(path)


@pytest.fixture
def ledger(tmp_path):
    return tmp_path / "study.sqlite"


@pytest.fixture
def often():
    """Threads that give way to each other a thousand times as often."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(5e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.fixture(scope="module")
def processes():
    """Worker processes of joblib's, and none of them left behind."""
    yield
    get_reusable_executor(reuse=True).shutdown(wait=True, kill_workers=True)


@pytest.fixture(scope="module")
def cluster():
    """A dask cluster of two processes."""
    from distributed import LocalCluster

    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with LocalCluster(processes=True, **options) as started:
        yield started


@pytest.fixture
def kept(monkeypatch):
    """Places in the order in which results were kept, and what to do at each."""
    done = []

    def keep(self, found, usual=runner._Run._keep):
        usual(self, found)
        done.extend(key for key, _, _ in found)
        for after, act in list(acts.items()):
            if len(done) >= after:
                del acts[after]
                act()

    acts = {}
    done_and_acts = type("Kept", (list,), {"acts": acts})
    done = done_and_acts()
    monkeypatch.setattr(runner._Run, "_keep", keep)
    return done


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
    monkeypatch.setattr(runner, "FIRST", 1)
    monkeypatch.setattr(runner, "TASK", 1e-9)
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


# ------------------------------------------------------------------------ killed and resumed

LONGER = replace(STUDY, epochs=80, repetitions=4)

RUN = """
import sys
from minidl.pairing import Ledger, Study, run
add, added = Ledger.add, []
def noted(self, found):
    add(self, found)
    added.extend(found)
Ledger.add = noted
if __name__ == "__main__":
    study, ledger, number, backend = sys.argv[1:]
    complete = run(Study.read(study), ledger, workers=int(number), backend=backend)
    print(complete, len(added), flush=True)
"""


def started(study, ledger, number=2, backend="threads", **options):
    """A process that runs a study."""
    file = ledger.with_suffix(".toml")
    file.write_text(study.toml(), encoding="utf-8")
    script = ledger.with_suffix(".py")
    script.write_text(RUN, encoding="utf-8")
    return subprocess.Popen(
        [sys.executable, "-W", "error", script, file, ledger, str(number), backend],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def wait_for(ledger, trials, process):
    """Until the ledger has so many trials, or the process is at its end."""
    while process.poll() is None:
        try:
            if count(ledger) >= trials:
                return
        except FileError:  # not made yet
            time.sleep(0.01)


def test_killed_at_any_moment_and_resumed(tmp_path, ledger):
    """After the first result, in the midst of tuning, and while final trials run."""
    plain = tmp_path / "plain.sqlite"
    assert run(LONGER, plain, workers=2)
    seen = [0]
    for trials in (1, 20, 40):
        process = started(LONGER, ledger)
        wait_for(ledger, trials, process)
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        seen.append(count(ledger))
        assert seen[-1] >= max(trials, seen[-2])
    assert seen[-1] < count(plain)
    assert run(LONGER, ledger, workers=2)
    assert exported(ledger) == exported(plain)


def test_two_processes_share_the_work(plain, ledger):
    both = [started(STUDY, ledger, number=1) for _ in range(2)]
    said = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    done = [out.split() for out, _ in said]
    assert [complete for complete, _ in done] == ["True", "True"]
    assert TRIALS <= sum(int(trials) for _, trials in done) <= 1.25 * TRIALS
    assert exported(ledger) == plain


def test_ctrl_c_keeps_what_is_there(plain, ledger):
    """As a terminal sends it: to the process and to its workers."""
    process = started(LONGER, ledger, backend="loky", start_new_session=True)
    wait_for(ledger, 10, process)
    os.killpg(process.pid, signal.SIGINT)
    out, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert out.split()[0] == "False"
    assert "what was computed is kept" in said
    assert 10 <= count(ledger) == int(out.split()[1])


@pytest.mark.parametrize("number", [1, 2])
def test_an_interrupt_ends_a_run_and_another_goes_on(plain, ledger, kept, capsys, number):
    def interrupt():
        raise KeyboardInterrupt

    kept.acts[15] = interrupt
    assert run(STUDY, ledger, workers=number) is False
    assert "what was computed is kept" in capsys.readouterr().err
    there = count(ledger)
    assert 15 <= there == len(kept) < TRIALS
    assert run(STUDY, ledger, workers=number) is True
    assert len(kept) == len(set(kept)) == TRIALS  # nothing was trained twice
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
    for name, total, count in (("lucky", 1.5, 2), ("steady", 2.4, 3), ("failing", 0.9, 2)):
        running.sums.setdefault("xor", {})[name] = total, count
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


# --------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"backend": "mpi"}, ("--backend", "threads or loky or dask", "'mpi'", "threads")),
        ({"backend": "dask"}, ("--backend dask", "a scheduler", "none", "--scheduler tcp")),
        ({"scheduler": "tcp://x"}, ("--scheduler", "dask", "'threads'", "--backend dask")),
        ({"workers": 0}, ("workers", "at least 1", "0", "workers=2")),
        ({"workers": 1.5}, ("workers", "whole", "1.5", "workers=2")),
    ],
)
def test_what_cannot_be_run_on_is_refused_before_any_training(ledger, refused, given, words):
    with refused(ArgumentError, *words):
        run(STUDY, ledger, **given)
    assert not ledger.exists()


def test_a_scheduler_that_does_not_answer_is_named(ledger, refused, monkeypatch):
    monkeypatch.setattr(workers, "PATIENCE", 1)
    address = "tcp://127.0.0.1:1"
    with refused(ArgumentError, address, "a cluster", "1 s", "dask scheduler"):
        run(STUDY, ledger, backend="dask", scheduler=address)


def test_without_dask_it_says_what_to_install(ledger, refused, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with refused(ArgumentError, "dask", "dask.distributed", "none", "minidl[cluster]"):
        run(STUDY, ledger, backend="dask", scheduler="tcp://127.0.0.1:1")


def task():
    data = STUDY.load()["xor"]
    trials = STUDY.tuning(STUDY.cells({"xor": data})[0])[:2]
    places = dict(zip(keys(trials, data, Environment.here()), trials, strict=True))
    return Task(places, data, Environment.here())


@pytest.mark.parametrize("part", ["numerics", "libraries", "blas"])
def test_a_worker_with_other_bits_refuses_with_the_reason(refused, part):
    assert [key for key, _, _ in perform(task())] == list(task().places)
    other = replace(Environment.here(), **{part: "of the ledger"})
    mine = getattr(Environment.here(), part)
    with refused(ArgumentError, f": {part}", "of the ledger", mine, "begin another ledger"):
        perform(replace(task(), environment=other))


def test_a_worker_process_with_other_bits_is_refused(ledger, refused, monkeypatch):
    get_reusable_executor(reuse=True).shutdown(wait=True, kill_workers=True)
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")  # read when a process begins
    try:
        with refused(ArgumentError, "the worker on", "as the ledger has", "without the", "ledger"):
            run(STUDY, ledger, workers=2, backend="loky")
    finally:
        get_reusable_executor(reuse=True).shutdown(wait=True, kill_workers=True)
    assert count(ledger) == 0


def test_a_worker_without_ones_own_activation_refuses(ledger, refused, processes, bend):
    own = replace(STUDY, hidden=(bend,), datasets=("xor",))
    with refused(ArgumentError, "the worker on", "bend/sigmoid", "none or others", "on threads"):
        run(own, ledger, workers=2, backend="loky")
    assert run(own, ledger, workers=2)


def test_a_worker_with_another_formula_of_that_name_refuses(refused, bend):
    """Such a worker has a module of last week's on its disk."""
    own = replace(STUDY, hidden=(bend,), datasets=("xor",))
    data = own.load()["xor"]
    trials = own.tuning(own.cells({"xor": data})[0])
    places = dict(zip("ab", trials, strict=False))
    with refused(ArgumentError, "the worker on", "bend/sigmoid", "none or others", "on threads"):
        perform(Task(places, data, Environment.here()))


@contextmanager
def dying(*lives):
    """Workers that come back so often, each time for so many tasks."""
    left = list(lives)

    def spread(tasks):
        for _ in range(left.pop(0) if left else 10**6):
            try:
                yield perform(next(tasks))
            except StopIteration:
                return
        raise BrokenProcessPool("killed")

    yield spread


def test_workers_may_die_as_long_as_something_gets_done(plain, ledger, monkeypatch):
    lives = (0, 0, 1, 0, 0, 2, 1, 1)
    monkeypatch.setattr(runner, "workers_of", lambda *_: dying(*lives))
    assert run(STUDY, ledger)
    assert exported(ledger) == plain


def test_workers_that_only_die_are_a_clear_error(ledger, monkeypatch, refused):
    monkeypatch.setattr(runner, "workers_of", lambda *_: dying(1, 0, 0, 0))
    with refused(ArgumentError, "workers", "that live", "3 deaths in a row", "memory"):
        run(STUDY, ledger)
    assert count(ledger) > 0


@pytest.mark.parametrize(
    ("where", "number", "backend"),
    [
        ("claim", 1, "threads"),
        ("add", 1, "threads"),
        ("claim", 2, "threads"),
        ("add", 2, "threads"),
        ("claim", 2, "loky"),
    ],
)
def test_a_disk_that_fills_up_ends_a_run(
    plain, ledger, processes, monkeypatch, where, number, backend
):
    """Tasks are claimed in callbacks of joblib's: an error there must not be lost."""
    usual, calls = getattr(Ledger, where), []

    def full(self, *given, **named):
        calls.append(1)
        if len(calls) == 7:
            raise FileError(str(self.path), "space on the disk", "full", "Make room.")
        return usual(self, *given, **named)

    monkeypatch.setattr(Ledger, where, full)
    with pytest.raises(FileError, match="space on the disk"):
        run(STUDY, ledger, workers=number, backend=backend)
    monkeypatch.undo()
    assert run(STUDY, ledger, workers=1)
    assert exported(ledger) == plain


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
    monkeypatch.setattr(runner, "FIRST", 100)
    assert run(STUDY, ledger, workers=1)
    assert len(made) == len(set(made)) == 8  # which waits for the final trials after the tuning
