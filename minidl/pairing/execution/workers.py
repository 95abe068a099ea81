"""Where trials run: threads of this process, processes, or a cluster."""

from __future__ import annotations

import platform
import warnings
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

from minidl.core import ArgumentError, MinidlError, UnknownNameError, whole_number
from minidl.data import Dataset
from minidl.pairing.execution.environment import Environment, fingerprint, keys, users_entries
from minidl.pairing.execution.ledger import RESUME
from minidl.pairing.execution.trainer import Trainer
from minidl.pairing.study import Cell, Result, Trial

BACKENDS = ("threads", "loky", "dask")

TASKS_AHEAD = 2
"""Tasks that a core of a cluster has before it, so that it never waits for the next."""
SCHEDULER_SECONDS = 10
"""Seconds to wait for a cluster's scheduler."""

Places = dict[str, Trial]
"""Trials of one cell by their places in a ledger."""
Performed = list[tuple[str, Trial, Result]]
"""Places, trials and results, as a ledger takes them."""


@dataclass(frozen=True)
class Task:
    """Trials of one cell that one worker runs in a row."""

    places: Places
    data: Dataset
    environment: Environment


def perform(task: Task) -> Performed:
    """Run a task, wherever this is.

    Raises
    ------
    ArgumentError
        If this worker would give other bits than the ledger has.
    """
    where, trials = f"the worker on {platform.node()}", list(task.places.values())
    task.environment.check(Environment.here(), where)
    data, pairing = _known(task.data), trials[0].cell.pairing
    try:
        same = keys(trials, data, task.environment) == list(task.places)
    except UnknownNameError:
        same = False
    if not same:
        expected = f"the activations and the loss of {pairing.name} as they are where it was begun"
        remedy = "Run your own on threads, or register them in every worker before it starts."
        raise ArgumentError(where, expected, "none or others of these names", remedy)
    with _trainer(trials[0].cell, data) as trainer:
        return [(key, trial, trainer.train(trial)) for key, trial in task.places.items()]


_idle: dict[tuple[Cell, str, str], Trainer] = {}
TRAINERS_KEPT, SMALL_NETWORK_BYTES = 128, 100_000
"""How many trainers wait for another task of their cell, of networks of at most so many bytes."""


@contextmanager
def _trainer(cell: Cell, data: Dataset) -> Iterator[Trainer]:
    """A cell's trainer, for one task at a time: building one takes as long as some trials."""
    place = cell, fingerprint(data), users_entries(cell)
    trainer = _idle.pop(place, None) or Trainer(cell, data)
    yield trainer
    if trainer.net.block.values.nbytes <= SMALL_NETWORK_BYTES:
        _idle[place] = trainer
    while len(_idle) > TRAINERS_KEPT:
        _idle.pop(next(iter(_idle)), None)


_datasets: dict[str, Dataset] = {}


def _known(data: Dataset) -> Dataset:
    """The first copy of a dataset that came here: how it was split is remembered with it."""
    return _datasets.setdefault(fingerprint(data), data)


Spread = Callable[[Iterator[Task]], Generator[Performed, None, None]]
"""Runs tasks on workers, in any order; close it to stop before the end."""


def check(workers: int | None, backend: str, scheduler: str | None) -> None:
    """Refuse what cannot be run on.

    Raises
    ------
    ArgumentError
        For a backend that does not exist, or a scheduler that it does not have.
    """
    if backend not in BACKENDS:
        remedy = "Write --backend threads, or leave it out."
        raise ArgumentError("--backend", " or ".join(BACKENDS), repr(backend), remedy)
    if backend == "dask" and scheduler is None:
        remedy = "Write --scheduler tcp://host:8786."
        raise ArgumentError("--backend dask", "a scheduler", "none", remedy)
    if backend != "dask" and scheduler is not None:
        remedy = "Write --backend dask, or leave --scheduler out."
        raise ArgumentError("--scheduler", "the dask backend", repr(backend), remedy)
    if workers is not None:
        whole_number("workers", workers, example=2)


@contextmanager
def workers_of(workers: int | None, backend: str, scheduler: str | None) -> Iterator[Spread]:
    """Workers as told; a cluster has as many as it has cores."""
    import joblib

    count = workers or joblib.cpu_count()
    if backend == "dask":
        with _client(scheduler) as client:
            yield partial(_on_cluster, client)
    elif count == 1:
        yield lambda tasks: (perform(task) for task in tasks)
    elif backend == "loky":
        yield partial(_on_joblib, {"backend": "loky", "inner_max_num_threads": 1, "n_jobs": count})
    else:
        yield partial(_on_joblib, {"backend": "threading", "n_jobs": count})


def _on_joblib(options: dict[str, Any], tasks: Iterator[Task]) -> Generator[Performed, None, None]:
    import joblib

    with joblib.parallel_config(**options), warnings.catch_warnings():
        # Said of a run that is stopped: what was under way is run again later.
        warnings.filterwarnings("ignore", ".*have been (cancelled|successfully)", UserWarning)
        parallel = joblib.Parallel(return_as="generator_unordered", batch_size=1)
        yield from parallel(joblib.delayed(perform)(task) for task in tasks)


def _on_cluster(client: Any, tasks: Iterator[Task]) -> Generator[Performed, None, None]:
    """Without joblib, whose dask backend waits for ever for a task that killed its workers."""
    from distributed import CancelledError, KilledWorker, as_completed

    def submit(number: int) -> list[Any]:
        return [client.submit(perform, task, pure=False) for task in islice(tasks, number)]

    under_way = as_completed(
        submit(TASKS_AHEAD * max(1, sum(client.ncores().values()))), loop=client.loop
    )
    try:
        for future in under_way:
            results = future.result()
            under_way.update(submit(1))
            yield results
    except (KilledWorker, CancelledError, OSError) as error:
        if isinstance(error, MinidlError):
            raise
        remedy = f"Look at its logs and memory; then {RESUME}"
        raise ArgumentError(
            "--scheduler", "a cluster that lives", str(error).rstrip("."), remedy
        ) from error


def _client(scheduler: str | None) -> Any:
    try:
        from distributed import Client
    except ImportError:
        remedy = "Write pip install 'minidl[cluster]'."
        raise ArgumentError("--backend dask", "dask.distributed", "none", remedy) from None
    try:
        return Client(scheduler, timeout=SCHEDULER_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        remedy = "Start one: dask scheduler, and dask worker on each machine."
        got = str(error) or f"no answer within {SCHEDULER_SECONDS} s"
        raise ArgumentError(f"--scheduler {scheduler}", "a cluster", got, remedy) from error
