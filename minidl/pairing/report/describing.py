"""The sections that describe: design, natural heads, rates, curves, losers, failures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from minidl.document import (
    Block,
    Bullets,
    Code,
    Figure,
    Figures,
    Listing,
    Paragraph,
    Value,
    file_name,
    number,
)
from minidl.pairing.findings import (
    MEASURES,
    CellDiagnosis,
    Findings,
    NaturalHead,
    Outcome,
    duration,
    natural,
)
from minidl.pairing.report import charts
from minidl.pairing.report.boundaries import boundary, drawable
from minidl.pairing.report.section import scored, section
from minidl.pairing.report.wording import CROSS, HIGH_EDGE, LOW_EDGE, STAR, metric_name
from minidl.pairing.statistics import how_many, sentence
from minidl.pairing.study import Study

LOSERS = 3
"""Cells of a dataset that are looked at from the bottom."""
EDGE = "the grid's lowest or highest"


@section("design", 20, "Design and budget")
def design_blocks(findings: Findings) -> Iterator[Block]:
    """What was trained, how it was tuned, what the design can show."""
    designs = [f"{t.task.capitalize()}: {sentence(t.design)}" for t in findings.tables]
    yield Bullets([*budget(findings), *designs])
    rows = [
        (
            data.name,
            data.task,
            data.family,
            len(data.X),
            data.X.shape[1],
            data.n_classes or None,
            metric_name(data.metric),
            findings.missing.get(name, 0) or None,
        )
        for name, data in findings.data.items()
    ]
    columns = ("dataset", "task", "family", "rows", "features", "classes", "score", "cells missing")
    yield Listing("datasets", columns, rows, folded=True)


def budget(findings: Findings) -> Iterator[str]:
    """How many networks, how their rates came about, how long it took."""
    study = findings.study
    cells = len(findings.outcomes)
    yield (
        f"{findings.done:,} of {how_many(findings.wanted, 'network')} trained, "
        f"{study.trials_per_cell} for each of {how_many(cells, 'cell')} (a pairing in a setting "
        f"on a dataset); {findings.failed:,} failed or diverged. Training took "
        f"{duration(findings.seconds)}, if counted one network after the other."
    )
    if study.fixed_rate:
        yield (f"Every network was trained at the fixed learning rate {study.learning_rates[0]:g}.")
    else:
        rates = ", ".join(f"{rate:g}" for rate in study.learning_rates)
        yield (
            f"Each cell has the best of the same {len(study.learning_rates)} learning rates "
            f"({rates}), by the mean of {how_many(study.tuning_repetitions, 'network')} on "
            "validation rows and with seeds that are used for nothing else. These rows "
            "are test rows under other seeds, for every pairing alike."
        )
    yield (
        f"Reported: {how_many(study.repetitions, 'fresh repetition')} a cell, on test rows. "
        "Repetition r of a dataset has the same split, initial weights and order of rows "
        "for every pairing: differences are paired."
    )
    settings = "; ".join(setting.name for setting in study.settings())
    yield (
        f"Each trained for {how_many(study.epochs, 'epoch')} in batches of "
        f"{study.batch_size}; hidden widths, initializer and optimizer: {settings}. "
        "Where there are several, a pairing's score is the mean over them."
    )


@section("natural", 70, f"{STAR} Natural heads beside the best", scored)
def natural_blocks(findings: Findings) -> Iterator[Block]:
    """Natural heads beside the best of each dataset."""
    yield Paragraph(
        "How far each head that textbooks recommend is behind the head with the highest mean of "
        "its dataset, over all hidden activations, paired by repetition. The best was picked by "
        "these very scores, which flatters it: this describes."
    )
    rows = [
        (head.dataset, head.head.name, head.best.name, *_gap(head)) for head in findings.natural
    ]
    columns = ("dataset", "natural head", "head with the best mean", "points behind", "± 95 %")
    yield Listing("natural heads", columns, rows, words=(0, 1, 2))


def _gap(head: NaturalHead) -> tuple[str, str]:
    if head.head == head.best:
        return "none", ""
    return number(100 * head.behind, 1), number(head.half and 100 * head.half, 1)


# ----------------------------------------------------------------------------- learning rates


@section("rates", 80, "Learning rates", scored)
def rate_blocks(findings: Findings) -> Iterator[Block]:
    """How much scores depend on the learning rate."""
    if findings.study.fixed_rate:
        yield Paragraph("Nothing was tuned: all networks were trained at one learning rate.")
        return
    edge = len(findings.at_edge)
    yield Paragraph(
        "How many points of the validation score a learning rate costs against the best one of "
        "the same cell, mean over cells. Where lines part, one rate for all would favour some."
    )
    yield Paragraph(
        f"In {edge} of {how_many(len(findings.tuned), 'cell')} the best rate is {EDGE}: "
        "a better one may lie beyond."
    )
    for task in dict.fromkeys(data.task for data in findings.data.values()):
        of_task = [o for o in findings.tuned if findings.data[o.cell.dataset].task == task]
        if of_task:
            yield _rate_charts(findings.study, task, of_task)
            yield _rate_listing(task, of_task)


def _rate_charts(study: Study, task: str, outcomes: Sequence[Outcome]) -> Figures:
    drawn = []
    for part in ("hidden activation", "head"):
        lost: dict[str, list[np.ndarray]] = {}
        for outcome in outcomes:
            pairing = outcome.cell.pairing
            label = pairing.hidden if part == "hidden activation" else pairing.head.name
            below = outcome.rate_scores.max() - outcome.rate_scores
            lost.setdefault(label, []).append(below)
        lines = {label: np.mean(group, axis=0) for label, group in lost.items()}
        name = f"rates-{task}-{part.split()[0]}"
        drawn.append(charts.rate_curves(name, f"{task}, by {part}", study.learning_rates, lines))
    return Figures(f"{task.capitalize()}: points below the best rate of a cell.", drawn)


def _rate_listing(task: str, outcomes: Sequence[Outcome]) -> Listing:
    columns = ("dataset", "pairing", "setting", "best rate", "points lost at the worst",
               "decades within a point")  # fmt: skip
    rows: list[tuple[Value, ...]] = []
    for outcome in outcomes:
        known = outcome.sensitivity
        assert known is not None
        at_low = outcome.rate_scores[0] == outcome.rate_scores.max()
        edge = f" {LOW_EDGE if at_low else HIGH_EDGE}" if known.at_edge else ""
        cell = outcome.cell
        spread, width = number(100 * known.spread, 1), number(known.width, 1)
        name = cell.pairing.name, cell.setting.name
        rows.append((cell.dataset, *name, f"{known.best:g}{edge}", spread, width))
    note = f"{LOW_EDGE} or {HIGH_EDGE}: at {EDGE}."
    return Listing(f"{task}: rates of every cell", columns, rows, note, folded=True)


# ------------------------------------------------------------------- curves, losers, boundaries


@section("curves", 90, "How they learn", scored)
def curve_blocks(findings: Findings) -> Iterator[Block]:
    """How a few cells of each dataset learn."""
    yield Paragraph(
        "Test score and training loss over epochs, means over repetitions that were trained, for a "
        "few cells of each dataset. Losses of different heads have different units, so each is "
        "divided by that of its first epoch. Which cells are best and worst is told by the same "
        "scores: this describes."
    )
    drawn = []
    for name, data in findings.data.items():
        if chosen := _chosen(findings, name):
            drawn.append(
                charts.training_curves(
                    f"curves-{name}", name, data.metric, chosen, findings.study.epochs
                )
            )
    yield Figures("", drawn)


def _chosen(findings: Findings, dataset: str) -> dict[str, Outcome]:
    """The cells of a dataset that are worth a line: each once, under its first title."""
    ranked = [d.outcome for d in findings.diagnoses(dataset)]
    if not ranked:
        return {}
    task = findings.data[dataset].task
    usual = [outcome for outcome in ranked if natural(outcome.cell.pairing.head, task)]
    references = [plan.reference for plan in findings.planned if plan.task == task]
    named = [outcome for outcome in ranked if outcome.cell.pairing in references]
    candidates = ranked[:1], usual[:1], named[:1], ranked[len(ranked) // 2 :][:1], ranked[-1:]
    chosen: dict[str, Outcome] = {}
    for role, outcomes in zip(charts.ROLES, candidates, strict=True):
        if outcomes and outcomes[0] not in chosen.values():
            chosen[role] = outcomes[0]
    return chosen


@section("losers", 100, "Why the losers lost", scored)
def loser_blocks(findings: Findings) -> Iterator[Block]:
    """Why low scores are low, as far as measurements tell."""
    yield Paragraph(
        "What stands out in the networks of the cells with the lowest means, and in those with the "
        "highest for comparison. It goes together with low scores; whether it causes them is "
        "another question."
    )
    every = {name: findings.diagnoses(name) for name in findings.data}
    best, worst = _quarters(list(every.values()))
    if best or worst:
        yield Figures("", [charts.symptom_bars("symptoms", best, worst)])
    columns = ("dataset", "pairing", "score", "points behind", "what stands out")
    rows: list[tuple[Value, ...]] = []
    for ranked in every.values():
        rows += [_diagnosed(d) for d in ranked[:1] + ranked[1:][-LOSERS:]]
    yield Listing("the best and the worst of each dataset", columns, rows, full=_measured(every))


def _diagnosed(diagnosis: CellDiagnosis) -> tuple[Value, ...]:
    cell = diagnosis.outcome.cell
    said = "; ".join(diagnosis.symptoms.values()) or "nothing"
    behind = number(100 * diagnosis.behind, 1)
    return cell.dataset, cell.pairing.name, number(diagnosis.score), behind, said


def _measured(every: dict[str, list[CellDiagnosis]]) -> Listing:
    """All measures of all cells."""
    columns = ("dataset", "pairing", "setting", "score", *MEASURES.values())
    rows = [
        (
            dataset,
            d.outcome.cell.pairing.name,
            d.outcome.cell.setting.name,
            d.score,
            *(d.measures.get(name) for name in MEASURES),
        )
        for dataset, ranked in every.items()
        for d in ranked
    ]
    return Listing("measures", columns, rows)


def _quarters(
    every: Sequence[Sequence[CellDiagnosis]],
) -> tuple[dict[str, float], dict[str, float]]:
    """In which share of the best and of the worst quarter of cells each symptom stands out."""
    counts: tuple[Counter[str], Counter[str]] = Counter(), Counter()
    cells = 0
    for ranked in every:
        quarter = len(ranked) // 4
        cells += quarter
        for count, part in zip(counts, (ranked[:quarter], ranked[::-1][:quarter]), strict=True):
            count.update(symptom for d in part for symptom in d.symptoms)
    best, worst = ({kind: n / cells for kind, n in count.items()} for count in counts)
    return best, worst


@section("boundaries", 110, "Where the line is drawn", scored)
def boundary_blocks(findings: Findings) -> Iterator[Block]:
    """What the best and the worst cell have learned on datasets that can be drawn."""
    yield Paragraph(
        "Repetition 0 of the cells with the highest and the lowest mean, trained once more to the "
        "same bits, on each dataset that can be drawn: classes with two features, a ring around a "
        "test row on a wrong side; numbers with one feature. With its score and the mean of all "
        "repetitions."
    )
    drawn: list[Figure] = []
    for name, data in findings.data.items():
        ranked = findings.diagnoses(name) if drawable(data) else []
        for role, some in (("best", ranked[:1]), ("worst", ranked[1:][-1:])):
            for d in some:
                anchor = f"boundary-{name}-{role}"
                if chart := boundary(anchor, role, findings.study, d, data):
                    drawn.append(chart)
    if drawn:
        yield Figures("", drawn)
    else:
        yield Paragraph("No complete dataset of this study can be drawn.")


# ----------------------------------------------------------------- failures, unsound, reproduce


@section("failures", 120, f"{CROSS} Failures and unsound heads")
def failure_blocks(findings: Findings) -> Iterator[Block]:
    """Trials that diverged or failed, and heads that were left out."""
    yield Paragraph(
        f"{findings.failed:,} of {how_many(findings.done, 'trial')} failed or diverged. "
        "Each counts as the worst score of its dataset, or 0 if that is lower; none is dropped."
    )
    if findings.failures:
        columns = ("dataset", "pairing", "setting", "reported", "tuning", "commonest reason")
        rows = [
            (f.outcome.cell.dataset, f.outcome.cell.pairing.name, f.outcome.cell.setting.name,
             f.final, f.tuning, f.reason)
            for f in findings.failures
        ]  # fmt: skip
        yield Listing("failed trials", columns, rows, folded=len(rows) > 12)
    for unsound in findings.unsound:
        yield Paragraph(
            f"Unsound heads on {', '.join(unsound.datasets)}, left out: {unsound.heads}"
        )
        yield Bullets(unsound.lines)


@section("reproduce", 130, "How to reproduce this")
def reproduction_blocks(findings: Findings) -> Iterator[Block]:
    """How to get the same numbers again."""
    environment = findings.environment
    name = f"{file_name(findings.study.name)}.toml"
    yield Paragraph(
        "The same study file and versions give the same bits, with any number of workers, in any "
        "order, and on any CPU with fused multiply-adds."
    )
    yield Code(name, findings.study.toml())
    yield Code("command", f"minidl pair run {name}")
    yield Code(
        "versions",
        f"numerics of minidl: {environment.numerics}\nlibraries: {environment.libraries}",
    )
