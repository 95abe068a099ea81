"""What cannot be run on is refused: backends, clusters, workers that would give other bits."""

import sys
from dataclasses import replace

import pytest
from joblib.externals.loky import get_reusable_executor
from runs import STUDY, count

from minidl.core.errors import ArgumentError
from minidl.pairing import run
from minidl.pairing.execution import workers
from minidl.pairing.execution.environment import Environment, keys
from minidl.pairing.execution.workers import Task, perform


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
    monkeypatch.setattr(workers, "SCHEDULER_SECONDS", 1)
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


@pytest.mark.parametrize("part", ["numerics", "libraries"])
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
