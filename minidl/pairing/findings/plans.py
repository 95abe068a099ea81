"""What a study would train, and what it can and cannot show: said before anything is trained."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from minidl.data import Dataset
from minidl.document import Block, Bullets, Page, Paragraph, Section
from minidl.pairing.execution import Ledger, Trainer, trained
from minidl.pairing.findings.tables import PlannedTable, planned_tables
from minidl.pairing.statistics import how_many, sentence
from minidl.pairing.study import Cell, Head, Study

SPREAD = 0.03
"""How much differences between two pairings vary from dataset to dataset: a guess, which the
sentence that rests on it states."""


def plan(study: Study) -> Page:
    """Number of trials, time expected, what each table can show, unsound heads with reasons."""
    data = study.load()
    cells = study.cells(data)
    trials = how_many(len(cells) * study.trials_per_cell, "trial")
    each = how_many(study.trials_per_cell, "trial")
    sections = [Section("", [Bullets([_rates(study), _time(study, data)])])]
    sections += [_comparisons(table) for table in planned_tables(study, data)]
    for left_out in unsound(study, data):
        title = f"Unsound on {', '.join(left_out.datasets)}, left out:"
        sections.append(Section(title, [Bullets(left_out.lines)]))
    return Page(f"{study.name}: {how_many(len(cells), 'cell')} × {each} = {trials}", sections)


def _comparisons(table: PlannedTable) -> Section:
    """What is compared, and what that can show."""
    pairings = how_many(len(table.pairings), "pairing")
    datasets = how_many(len(table.datasets), "dataset")
    families = how_many(len(set(table.families)), "family")
    other = "each other" if table.reference is None else table.reference.name
    title = f"{table.task}: {pairings} on {datasets} of {families}, compared with {other}"
    blocks: list[Block] = []
    if len(table.pairings) > 1:
        blocks.append(Paragraph(sentence(replace(table.design, spread=SPREAD))))
    if table.apart:
        names = ", ".join(dict.fromkeys(pairing.head.name for pairing in table.apart))
        blocks.append(
            Paragraph(f"Sound on some datasets only, so shown but not compared: {names}.")
        )
    return Section(title, blocks)


def _rates(study: Study) -> str:
    if study.fixed_rate:
        return f"fixed learning rate {study.learning_rates[0]:g}: nothing is tuned"
    rates = ", ".join(f"{rate:g}" for rate in study.learning_rates)
    return (
        f"learning rates {rates}, each judged by {how_many(study.tuning_repetitions, 'network')} "
        f"on validation data; {how_many(study.repetitions, 'fresh repetition')} on test data"
    )


def _time(study: Study, data: Mapping[str, Dataset]) -> str:
    """The time that trials take here, from one of each dataset."""
    import joblib

    cells = study.cells(data)
    total = 0.0
    for dataset in data.values():
        here = [cell for cell in cells if cell.dataset == dataset.name]
        if here:
            total += len(here) * study.trials_per_cell * _seconds(study, here, dataset)
    workers = joblib.cpu_count()
    seconds = total / workers
    budget = "" if study.minutes is None else f"; the budget is {duration(60 * study.minutes)}"
    if study.minutes is not None and seconds > 60 * study.minutes:
        budget += ": it will stop before the end"
    return f"about {duration(seconds)} with {how_many(workers, 'worker')}{budget}"


def duration(seconds: float) -> str:
    """A time as a person would say it.

    Examples
    --------
    >>> duration(0.4), duration(90), duration(900), duration(9000)
    ('1 s', '90 s', '15 min', '2.5 h')
    """
    if seconds < 120:
        return f"{max(seconds, 1):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _seconds(study: Study, cells: list[Cell], data: Dataset) -> float:
    """Of a trial: what it takes to begin, and what an epoch takes."""
    middle = cells[len(cells) // 2]
    trainer = Trainer(middle, data)
    few, more = 1, min(study.epochs, 8)
    trial = replace(study.final(middle, study.learning_rates[0])[0], epochs=few)
    took = {}
    for epochs in (more, few, more):  # the first one records, and may compile
        took[epochs] = trainer.train(replace(trial, epochs=epochs)).seconds
    slope = (took[more] - took[few]) / max(more - few, 1)
    return max(took[few] + slope * (study.epochs - few), took[more])


@dataclass(frozen=True)
class Unsound:
    """Heads left out on some datasets: one line for all with the same reason."""

    datasets: tuple[str, ...]
    heads: int
    lines: tuple[str, ...]


def unsound(study: Study, data: Mapping[str, Dataset]) -> Iterator[Unsound]:
    """Heads that were left out, once for datasets with the same heads and reasons."""
    names: dict[tuple[tuple[Head, str], ...], list[str]] = defaultdict(list)
    for dataset in data.values():
        names[tuple(study.left_out(dataset).items())].append(dataset.name)
    for reasons, datasets in names.items():
        if reasons:
            yield Unsound(tuple(datasets), len(reasons), tuple(merged(dict(reasons))))


def merged(reasons: Mapping[Head, str]) -> Iterator[str]:
    """One line for heads with the same reason: every output in it with every loss in it."""
    outputs: dict[tuple[str, str], list[str]] = defaultdict(list)
    for head, why in reasons.items():
        outputs[head.loss, why].append(head.activation)
    lines: dict[tuple[str, str], list[str]] = defaultdict(list)
    for (loss, why), activations in outputs.items():
        lines[", ".join(activations), why].append(loss)
    for (together, why), losses in lines.items():
        yield f"{together} + {', '.join(losses)}: {why}"


def status(ledger: Ledger) -> Page:
    """How far a study is: cells tuned, cells done, trials by outcome."""
    study = ledger.study
    data = study.load()
    cells = study.cells(data)
    there = tuned = complete = 0
    for cell in cells:
        known = trained(study, cell, data[cell.dataset], ledger)
        there += len(known.results)
        tuned += known.rate is not None
        complete += len(known.final) == study.repetitions
    total = len(cells) * study.trials_per_cell
    outcomes = ", ".join(f"{name} {number:,}" for name, number in ledger.count().items())
    lines = [
        f"cells: {complete} of {len(cells)} complete, {tuned - complete} tuned only",
        f"in the ledger, of this and earlier grids: {outcomes or 'nothing'}",
    ]
    title = f"{study.name}: {there:,} of {how_many(total, 'trial')}, {100 * there / total:.1f} %"
    return Page(title, [Section("", [Bullets(lines)])])
