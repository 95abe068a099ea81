"""All trials of a study, on every core or on a cluster; what is found is never lost."""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from minidl.data import Dataset
from minidl.errors import ArgumentError, DataError
from minidl.pairing.environment import Environment, keys
from minidl.pairing.ledger import Ledger
from minidl.pairing.study import Study
from minidl.pairing.trainer import Trainer, parts
from minidl.pairing.trial import Cell, Result, Trial
from minidl.pairing.tuning import chosen_rate
from minidl.progress import progress

BACKENDS = ("threads", "loky", "dask")
TASK = 1.0
"""Seconds that a task should take at most: what a kill costs, and how often results come."""
FIRST = 5
"""Trials of a dataset's first tasks, from which its pace is known."""
DEATHS = 3
"""How often workers may die without any result in between."""


@dataclass(frozen=True)
class Task:
    """Trials of one cell that one worker runs in a row."""

    trials: tuple[Trial, ...]
    keys: tuple[str, ...]
    data: Dataset
    environment: Environment


def perform(task: Task) -> tuple[Task, list[Result]]:
    """Run a task, wherever this is.

    Raises
    ------
    ArgumentError
        If this machine would give other last bits than the ledger has.
    """
    where = f"the worker {platform.node()}"
    task.environment.check(Environment.here(), where)
    trainer = Trainer(task.trials[0].cell, task.data)
    return task, [trainer.train(trial) for trial in task.trials]


def run(
    study: Study,
    path: Path,
    *,
    workers: int | None = None,
    backend: str = "threads",
    scheduler: str | None = None,
    verbose: bool | None = None,
) -> bool:
    """Run what a ledger does not have yet of a study; the ledger is made if need be.

    Ctrl-C and a spent budget end the run; calling it again goes on. Results depend neither on
    the number of workers nor on the order of trials.

    Parameters
    ----------
    study : Study
    path : Path
        The ledger.
    workers : int, optional
        One a core if left out.
    backend : {"threads", "loky", "dask"}
        Threads of this process, processes, or a dask cluster.
    scheduler : str, optional
        The cluster's address: ``"tcp://host:8786"``.
    verbose : bool, optional
        A progress bar; by default on a terminal only.

    Returns
    -------
    bool
        Whether the study is complete.

    Raises
    ------
    ArgumentError, DataError, FileError
        Before any training: no sound head, a table too small, a ledger that cannot be used.
    """
    if backend not in BACKENDS:
        remedy = "Write --backend threads, or leave it out."
        raise ArgumentError("--backend", " or ".join(BACKENDS), repr(backend), remedy)
    data = study.load()
    cells = study.cells(data)
    for dataset in data.values():
        _check_size(dataset, study)
    environment = Environment.here()
    with Ledger(path) as ledger:
        ledger.begin(study, environment)
        started = _Run(study, data, ledger, environment)
        with _workers(workers, backend, scheduler) as spread:
            return started.everything(cells, spread, verbose)


def _check_size(data: Dataset, study: Study) -> None:
    """Refuse a table that nothing comes of: R² needs two rows."""
    for tuning in (False, True)[: 2 - study.fixed_rate]:
        for repetition in range(study.tuning_repetitions if tuning else study.repetitions):
            trial = Trial(study.cells({data.name: data})[0], 1.0, repetition, tuning)
            if len(parts(data, trial.seed, tuning)[2]) < 2:
                expected = "at least 2 rows each for validation and test"
                raise DataError(f"dataset {data.name!r}", expected, "fewer", "Give a larger table.")


Spread = Callable[[Iterator[Task]], Iterator[tuple[Task, list[Result]]]]
"""Runs tasks on workers, in any order."""


@contextmanager
def _workers(workers: int | None, backend: str, scheduler: str | None) -> Iterator[Spread]:
    """Where tasks are run, through joblib's backends."""
    import joblib

    count = workers or (-1 if backend == "dask" else joblib.cpu_count())
    if count == 1:
        yield lambda tasks: map(perform, tasks)
        return
    options: dict[str, Any] = {"backend": backend, "n_jobs": count}
    if backend == "threads":
        options["backend"] = "threading"
    elif backend == "loky":
        options["inner_max_num_threads"] = 1
    else:
        options["client"] = _client(scheduler)
    with joblib.parallel_config(**options):
        parallel = joblib.Parallel(return_as="generator_unordered", batch_size=1)
        yield lambda tasks: parallel(joblib.delayed(perform)(task) for task in tasks)


def _client(scheduler: str | None) -> Any:
    try:
        from distributed import Client
    except ImportError:
        remedy = "Write pip install 'minidl[cluster]'."
        raise ArgumentError("--backend dask", "dask.distributed", "none", remedy) from None
    if scheduler is None:
        remedy = "Write --scheduler tcp://host:8786."
        raise ArgumentError("--backend dask", "a scheduler", "none", remedy)
    try:
        return Client(scheduler, timeout=10)
    except (OSError, ValueError) as error:
        remedy = "Start one: dask scheduler, and dask worker on each machine."
        raise ArgumentError(f"--scheduler {scheduler}", "a cluster", str(error), remedy) from error


@dataclass
class _Run:
    """A study on its way: what is left, how fast it goes, who leads."""

    study: Study
    data: Mapping[str, Dataset]
    ledger: Ledger
    environment: Environment
    paces: dict[str, float] = field(default_factory=dict)
    leaders: dict[str, tuple[float, str]] = field(default_factory=dict)
    failures: int = 0
    trained: int = 0

    def __post_init__(self) -> None:
        self.began = time.monotonic()

    def everything(self, cells: Sequence[Cell], spread: Spread, verbose: bool | None) -> bool:
        """Tune and report dataset by dataset; says whether all of it was done."""
        left = len(cells) * self.study.trials_per_cell - sum(self.ledger.count().values())
        with progress("trials", max(left, 0), "", verbose) as advance:
            self.advance = advance
            try:
                for name in self.data:
                    here = [cell for cell in cells if cell.dataset == name]
                    self._stage([self.study.tuning(cell) for cell in here], spread)
                    self._stage([self._final(cell) for cell in here], spread)
            except KeyboardInterrupt:
                print("\nInterrupted: what was computed is kept.", file=sys.stderr)  # noqa: T201
                return False
        return not self._spent()

    def _final(self, cell: Cell) -> list[Trial]:
        tuned = self.ledger.found(self.study.tuning(cell), self.data[cell.dataset])
        rate = chosen_rate(self.study, cell, tuned)
        return [] if rate is None else self.study.final(cell, rate)

    def _stage(self, groups: Sequence[Sequence[Trial]], spread: Spread) -> None:
        """Run groups of trials, each of one cell; then what other processes left undone."""
        deaths = 0
        for firmly in (False, True):
            while True:
                before = self.trained
                try:
                    for task, results in spread(self._tasks(groups, firmly)):
                        self._keep(task, results)
                    break
                except Exception as error:
                    deaths = 0 if self.trained > before else deaths + 1
                    if type(error).__name__ != "TerminatedWorkerError" or deaths == DEATHS:
                        raise

    def _tasks(self, groups: Sequence[Sequence[Trial]], firmly: bool) -> Iterator[Task]:
        for left in filter(None, groups):
            data = self.data[left[0].cell.dataset]
            while left and not self._spent():
                pace = self.paces.get(data.name)
                most = FIRST if pace is None else max(1, int(TASK / pace))
                some, left = left[:most], left[most:]
                places = dict(zip(keys(some, data, self.environment), some, strict=True))
                free = self.ledger.claim(list(places), firmly)
                if free:
                    trials = tuple(places[key] for key in free)
                    yield Task(trials, tuple(free), data, self.environment)

    def _spent(self) -> bool:
        minutes = self.study.minutes
        return minutes is not None and time.monotonic() - self.began > 60 * minutes

    def _keep(self, task: Task, results: list[Result]) -> None:
        self.ledger.add(zip(task.keys, task.trials, results, strict=True))
        cell, tuning = task.trials[0].cell, task.trials[0].tuning
        self.trained += len(results)
        self.failures += sum(result.status != "ok" for result in results)
        seconds = sum(result.seconds for result in results)
        self.paces[cell.dataset] = seconds / len(results)
        score = float(np.mean([result.score for result in results]))
        if not tuning and score > self.leaders.get(cell.dataset, (-np.inf, ""))[0]:
            self.leaders[cell.dataset] = score, cell.pairing.name
        for _ in results:
            self.advance(self._note(cell))

    def _note(self, cell: Cell) -> str:
        speed = self.trained / max(time.monotonic() - self.began, 1e-9)
        score, leader = self.leaders.get(cell.dataset, (np.nan, "tuning"))
        leads = leader if np.isnan(score) else f"{leader} leads with {score:.3f}"
        failed = f", {self.failures} failed" if self.failures else ""
        return f"{speed:.0f} a second{failed}; {cell.dataset}: {leads}"
