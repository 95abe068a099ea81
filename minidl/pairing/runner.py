"""All trials of a grid, on every core, and nothing already computed is ever lost."""

from __future__ import annotations

import csv
import itertools
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from minidl.data import Dataset
from minidl.errors import ArgumentError, DataError, FileError
from minidl.pairing.grid import Head, heads
from minidl.pairing.standing import RATES, standings
from minidl.pairing.trial import Result, Trial, parts, train
from minidl.progress import progress

COLUMNS = ("dataset", "hidden", "output", "loss", "seed", "optimizer", "learning_rate", "epochs",
           "score", "validation_score", "final_loss", "status", "reason", "seconds")  # fmt: skip

VALIDATION = 0.2
"""Share of a dataset that the second round chooses learning rates by."""

_Trials = list[tuple[Trial, Dataset]]


@dataclass
class Plan:
    """What is going to be trained.

    Parameters
    ----------
    data : sequence of Dataset
    hidden : sequence of str
        Activations of the hidden layers.
    heads : sequence of Head, optional
        Only these; otherwise every sound one.
    seeds : int
        Repetitions.
    outputs : sequence of str, optional
        Only heads with these output activations.
    unsound : bool
        Whether unsound heads are trained, too.
    settings : dict
        What ``Trial`` takes besides: epochs, batch_size, optimizer, learning_rate.
    """

    data: Sequence[Dataset]
    hidden: Sequence[str]
    heads: Sequence[Head] | None = None
    seeds: int = 3
    unsound: bool = False
    outputs: Sequence[str] | None = None
    settings: dict[str, Any] = field(default_factory=dict)

    def sound(self, data: Dataset) -> list[Head]:
        """The heads that are trained on a dataset."""
        sound, others = heads(data.task, len(data.classes))
        every = [*sound, *others] if self.unsound else sound
        return [head for head in every if self.asks_for(head)]

    def asks_for(self, head: Head) -> bool:
        """Whether the head is among those that were asked for."""
        if self.heads is not None:
            return head in self.heads
        return self.outputs is None or head.activation in self.outputs

    def left_out(self, data: Dataset) -> dict[Head, str]:
        """The heads that are not, with the reason."""
        others = heads(data.task, len(data.classes))[1]
        if self.unsound:
            return {}
        return {head: why for head, why in others.items() if self.asks_for(head)}

    def trials(self) -> _Trials:
        """Every trial with its dataset; repetitions first, so that a cut run is balanced."""
        return [
            (Trial(data.name, hidden, head, seed, **self.settings), data)
            for seed in range(self.seeds)
            for data in self.data
            for head, hidden in itertools.product(self.sound(data), self.hidden)
        ]


def second_round(plan: Plan, results: Sequence[Result]) -> _Trials:
    """Natural heads that are behind, and the heads ahead of them, over several learning rates."""
    behind = [standing for standing in standings(results) if standing.behind]
    again = {(s.dataset, head) for s in behind for head in (s.head, s.best)}
    return [
        (replace(trial, learning_rate=rate, validation_size=VALIDATION), data)
        for trial, data in plan.trials()
        if (data.name, trial.head) in again
        for rate in RATES
    ]


def run(plan: Plan, folder: Path, workers: int = 2, verbose: bool | None = None) -> list[Result]:
    """Train both rounds; each result is on disk as soon as it is there.

    Ctrl-C ends the run and returns what was computed, and so does a disk that is full.

    Raises
    ------
    ArgumentError, DataError, FileError
        Before any training: no sound head, a dataset too small, a folder that cannot be written.
    """
    _check(plan)
    first, second = plan.trials(), []
    done: dict[Trial, Result] = {}
    write = _table(folder / "results.csv")
    try:
        _round("pairings", first, done, write, workers, verbose)
        second = second_round(plan, _in_order(first, done))
        if second:
            _round("learning rates", second, done, write, workers, verbose)
    except KeyboardInterrupt:
        print("\nInterrupted: what was computed is kept.", file=sys.stderr)  # noqa: T201
    except FileError as error:  # a disk that is full, a folder that is gone
        print(f"\nStopped: {error}", file=sys.stderr)  # noqa: T201
    return _in_order(first + second, done)


def _check(plan: Plan) -> None:
    """Refuse what nothing comes of: no head, or a table too small (R² needs two rows)."""
    if not plan.trials():
        remedy = "See why with --why, or train unsound ones with --unsound."
        raise ArgumentError("--head", "a sound head for the dataset", "none", remedy)
    for data, seed in itertools.product(plan.data, range(plan.seeds)):
        split = parts(data, seed, VALIDATION)
        fewest = min(len(split.y_test), len(split.y_validation))
        if fewest < 2:
            raise DataError(
                f"dataset {data.name!r}",
                "at least 2 rows each for validation and test",
                str(fewest),
                "Give a larger table.",
            )


def _in_order(trials: _Trials, done: dict[Trial, Result]) -> list[Result]:
    """Results as if trained one after the other: sums must not depend on who was faster."""
    return [done[trial] for trial, _ in trials if trial in done]


def _round(
    what: str,
    trials: _Trials,
    done: dict[Trial, Result],
    write: Callable[[Result], None],
    workers: int,
    verbose: bool | None,
) -> None:
    waiting = f"starting {workers} workers; the first run compiles kernels" if workers > 1 else ""
    with progress(what, len(trials), waiting, verbose) as advance:
        for result in _results(trials, workers):
            trial = result.trial
            done[trial] = result
            write(result)
            advance(f"{trial.dataset}: {trial.hidden}, {trial.head.name}")


def _results(trials: _Trials, workers: int) -> Iterator[Result]:
    if workers < 2 or len(trials) < 8:
        for trial, data in trials:
            yield train(trial, data)
        return
    from joblib import Parallel, delayed, parallel_config

    with parallel_config("loky", n_jobs=workers, inner_max_num_threads=1):
        parallel = Parallel(return_as="generator_unordered", batch_size=4)
        yield from parallel(delayed(train)(trial, data) for trial, data in trials)


def _table(path: Path) -> Callable[[Result], None]:
    """Begin a table; what comes back adds a result, which is on disk as soon as it is there."""

    def add(row: Sequence[Any], mode: str = "a") -> None:
        try:
            if mode == "w":
                path.parent.mkdir(parents=True, exist_ok=True)
            with path.open(mode, newline="", encoding="utf-8") as file:
                csv.writer(file).writerow(row)
        except OSError as error:
            raise FileError(
                f"--out {path.parent}",
                "a folder that can be written",
                error.strerror or str(error),
                "Write --out DIR.",
            ) from error

    add(COLUMNS, "w")
    return lambda result: add(_row(result))


def _row(result: Result) -> tuple[Any, ...]:
    t = result.trial
    return (t.dataset, t.hidden, t.head.activation, t.head.loss, t.seed, t.optimizer,
            t.learning_rate, t.epochs, _cell(result.score), _cell(result.validation_score),
            _cell(result.loss), result.status, result.reason, f"{result.seconds:.3f}")  # fmt: skip


def _cell(number: float) -> str:
    """Six digits; what was never measured stays empty."""
    return "" if math.isnan(number) else f"{number:.6g}"
