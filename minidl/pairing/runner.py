"""All trials of a grid, on every core, and nothing already computed is ever lost."""

from __future__ import annotations

import csv
import itertools
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from minidl.data import Dataset
from minidl.errors import FileError
from minidl.pairing.grid import Head, heads
from minidl.pairing.trial import Result, Trial, train

COLUMNS = ("dataset", "hidden", "output", "loss", "seed", "optimizer", "learning_rate", "epochs",
           "score", "final_loss", "status", "reason", "seconds")  # fmt: skip


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

    def trials(self) -> list[tuple[Trial, Dataset]]:
        """Every trial with its dataset; repetitions first, so that a cut run is balanced."""
        return [
            (Trial(data.name, hidden, head, seed, **self.settings), data)
            for seed in range(self.seeds)
            for data in self.data
            for head, hidden in itertools.product(self.sound(data), self.hidden)
        ]


def run(plan: Plan, folder: Path, workers: int = 2, verbose: bool | None = None) -> list[Result]:
    """Train everything; each result is on disk as soon as it is there.

    Ctrl-C ends the run and returns what was computed.

    Raises
    ------
    FileError
        Before any training, if the folder cannot be written.
    """
    trials, results = plan.trials(), []
    with _table(folder / "results.csv") as write, _progress(len(trials), verbose) as advance:
        try:
            for result in _results(trials, workers):
                results.append(result)
                write(result)
                advance(result)
        except KeyboardInterrupt:
            print("\nInterrupted: what was computed is kept.", file=sys.stderr)  # noqa: T201
    order = {trial: i for i, (trial, _) in enumerate(trials)}
    return sorted(results, key=lambda result: order[result.trial])


def _results(trials: Sequence[tuple[Trial, Dataset]], workers: int) -> Iterator[Result]:
    if workers < 2 or len(trials) < 8:
        for trial, data in trials:
            yield train(trial, data)
        return
    from joblib import Parallel, delayed, parallel_config

    with parallel_config("loky", n_jobs=workers, inner_max_num_threads=1):
        parallel = Parallel(return_as="generator_unordered", batch_size=4)
        yield from parallel(delayed(train)(trial, data) for trial, data in trials)


@contextmanager
def _table(path: Path) -> Iterator[Callable[[Result], None]]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("w", newline="", encoding="utf-8")
    except OSError as error:
        raise FileError(
            f"--out {path.parent}", "a folder that can be written", str(error), "Write --out DIR."
        ) from error
    with file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)

        def write(result: Result) -> None:
            t = result.trial
            row = (t.dataset, t.hidden, t.head.activation, t.head.loss, t.seed, t.optimizer,
                   t.learning_rate, t.epochs, f"{result.score:.6g}", f"{result.loss:.6g}",
                   result.status, result.reason, f"{result.seconds:.3f}")  # fmt: skip
            writer.writerow(row)
            file.flush()

        yield write


@contextmanager
def _progress(total: int, verbose: bool | None) -> Iterator[Callable[[Result], None]]:
    """A bar with the time left on a terminal, nothing in a pipe."""
    if not (sys.stderr.isatty() if verbose is None else verbose):
        yield lambda result: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        MofNCompleteColumn(),
        BarColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("compiling kernels on the first run", total=total)

        def advance(result: Result) -> None:
            trial = result.trial
            note = f"{trial.dataset}: {trial.hidden}, {trial.head.name}"
            progress.update(task, advance=1, description=note)

        yield advance
