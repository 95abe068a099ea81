"""All trials of a study, on every core or on a cluster; what is found is never lost."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

import numpy as np

from minidl.core import ArgumentError, DataError, progress
from minidl.data import Dataset
from minidl.pairing.execution.environment import Environment, keys
from minidl.pairing.execution.ledger import Ledger
from minidl.pairing.execution.trainer import parts
from minidl.pairing.execution.tuning import chosen_rate
from minidl.pairing.execution.workers import Performed, Places, Spread, Task, check, workers_of
from minidl.pairing.study import TUNING, Cell, Study, Trial

TASK_SECONDS = 1.0
"""Seconds that a task should take at most: what a kill costs, and how often results come."""
FIRST_TASK_TRIALS = 5
"""Trials of a dataset's first tasks, from which its pace is known."""
MOST_DEATHS = 3
"""How often workers may die without any result in between."""
GRACE_SECONDS = 2.0
"""Seconds without a result after which what another process has claimed is taken over."""


def run(
    study: Study,
    path: str | Path,
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
    path : str or Path
        The ledger.
    workers : int, optional
        One a core if left out; a dask cluster has its own.
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
        Later: a worker that would give other bits, workers that die again and again, a full disk.

    Examples
    --------
    >>> import tempfile
    >>> study = Study(datasets=["xor"], hidden=["relu", "tanh"], heads=["sigmoid+bce"],
    ...               learning_rates=[0.01], repetitions=2, epochs=2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "study.sqlite")
    ...     complete = run(study, path, workers=1)
    ...     with Ledger(path, write=False) as ledger:
    ...         print(complete, ledger.count())
    True {'ok': 4}
    """
    check(workers, backend, scheduler)
    environment = Environment.here()
    data = study.load()
    cells = study.cells(data)
    _check_sizes(study, [data[name] for name in dict.fromkeys(cell.dataset for cell in cells)])
    with Ledger(path) as ledger:
        ledger.begin(study, environment)
        started = _Run(study, data, ledger, environment)
        with workers_of(workers, backend, scheduler) as spread:
            return started.everything(cells, spread, verbose)


def _check_sizes(study: Study, datasets: Sequence[Dataset]) -> None:
    """Refuse a table that nothing comes of: R² needs two rows."""
    for data, tuning in product(datasets, (False,) if study.fixed_rate else (False, True)):
        rows = len(parts(data, TUNING * tuning, tuning)[2])  # as many under every seed
        if rows < 2:
            expected, remedy = "2 rows or more to judge a network by", "Give a larger table."
            raise DataError(f"dataset {data.name!r}", expected, str(rows), remedy)


@dataclass
class _Run:
    """A study on its way: what is left, how fast it goes, who leads."""

    study: Study
    data: Mapping[str, Dataset]
    ledger: Ledger
    environment: Environment
    paces: dict[str, float] = field(default_factory=dict)
    sums: dict[str, dict[str, tuple[float, int]]] = field(default_factory=dict)
    failures: int = 0
    trained: int = 0
    cut: bool = False

    def __post_init__(self) -> None:
        self.began = time.monotonic()

    def everything(self, cells: Sequence[Cell], spread: Spread, verbose: bool | None) -> bool:
        """Tune and report dataset by dataset; says whether all of it was done."""
        tuning = {cell: self._undone(self.study.tuning(cell)) for cell in cells}
        final = {cell: self._final(cell) for cell, left in tuning.items() if not left}
        later = (len(cells) - len(final)) * self.study.repetitions
        left = sum(map(len, (*tuning.values(), *final.values()))) + later
        with progress("trials", left, "", verbose) as self.advance:
            try:
                for name in dict.fromkeys(cell.dataset for cell in cells):
                    here = [cell for cell in cells if cell.dataset == name]
                    self._stage([tuning[cell] for cell in here], spread)
                    chosen = (final[c] if c in final else self._final(c) for c in here)
                    self._stage(list(chosen), spread)
            except KeyboardInterrupt:
                print("\nInterrupted: what was computed is kept.", file=sys.stderr)  # noqa: T201
                return False
        return not self.cut

    def _undone(self, trials: Sequence[Trial]) -> Places:
        """Those of one cell's trials that the ledger does not have."""
        if not trials:
            return {}
        places = keys(trials, self.data[trials[0].cell.dataset], self.environment)
        done = self.ledger.done(places)
        return {key: t for key, t in zip(places, trials, strict=True) if key not in done}

    def _final(self, cell: Cell) -> Places:
        """The trials to report that are not done; none while the rate is not chosen."""
        tuned = self.ledger.results_of(self.study.tuning(cell), self.data[cell.dataset])
        rate = chosen_rate(self.study, cell, tuned)
        return {} if rate is None else self._undone(self.study.final(cell, rate))

    def _stage(self, groups: Sequence[Places], spread: Spread) -> None:
        """Run groups of trials; then what another process claimed and left undone."""
        self._spread(groups, spread, firmly=False)
        self._spread(self._left_over(groups), spread, firmly=True)

    def _spread(self, groups: Sequence[Places], spread: Spread, firmly: bool) -> None:
        deaths = 0
        while any(groups):
            before = self.trained
            try:
                with closing(spread(self._tasks(groups, firmly))) as results:
                    for performed in results:
                        self._keep(performed)
                return
            except BrokenProcessPool as error:
                deaths = 0 if self.trained > before else deaths + 1
                if deaths == MOST_DEATHS:
                    raise ArgumentError(
                        "workers",
                        "processes that live",
                        f"{deaths} deaths in a row",
                        "Give each one more memory: fewer workers, or --backend threads.",
                    ) from error

    def _left_over(self, groups: Sequence[Places]) -> list[Places]:
        """What is not done; another process has some time for what it has claimed."""
        before, until = -1, 0.0
        while True:
            left = [
                {k: group[k] for k in group.keys() - self.ledger.done([*group])} for group in groups
            ]
            count = sum(map(len, left))
            if count != before:
                before, until = count, time.monotonic() + GRACE_SECONDS
            if not count or self.cut or time.monotonic() > until:
                return left
            time.sleep(GRACE_SECONDS / 20)

    def _tasks(self, groups: Sequence[Places], firmly: bool) -> Iterator[Task]:
        """Tasks of a second or less; on any thread that has room for one."""
        for group in groups:
            left = list(group.items())
            while left:
                if self._spent():
                    self.cut = True
                    return
                data = self.data[left[0][1].cell.dataset]
                pace = self.paces.get(data.name)
                most = FIRST_TASK_TRIALS if pace is None else max(1, int(TASK_SECONDS / pace))
                some, left = dict(left[:most]), left[most:]
                places = {key: some[key] for key in self.ledger.claim(list(some), firmly)}
                if places:
                    yield Task(places, data, self.environment)

    def _spent(self) -> bool:
        minutes = self.study.minutes
        return minutes is not None and time.monotonic() - self.began > 60 * minutes

    def _keep(self, performed: Performed) -> None:
        self.ledger.add(performed)
        _, trials, results = zip(*performed, strict=True)
        cell = trials[0].cell
        self.trained += len(results)
        self.failures += sum(result.status != "ok" for result in results)
        self.paces[cell.dataset] = float(np.mean([result.seconds for result in results]))
        if not trials[0].tuning:
            here = self.sums.setdefault(cell.dataset, {})
            total, count = here.get(cell.pairing.name, (0.0, 0))
            total += sum(r.score for r in results if r.status == "ok")  # a failure adds 0
            here[cell.pairing.name] = total, count + len(results)
        note = self._note(cell)
        for _ in results:
            self.advance(note)

    def _note(self, cell: Cell) -> str:
        speed = self.trained / max(time.monotonic() - self.began, 1e-9)
        failed = f", {self.failures} failed" if self.failures else ""
        return f"{speed:.0f} a second{failed}; {cell.dataset}: {self._leader(cell.dataset)}"

    def _leader(self, dataset: str) -> str:
        """The best mean of what this run has reported so far."""
        if dataset not in self.sums:
            return "tuning"
        mean, name = max((total / n, name) for name, (total, n) in self.sums[dataset].items())
        return f"{name} leads with {mean:.3f}"
