"""What came out, in the terminal: a table a dataset, natural heads, failures, what is shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

from minidl.document import Block, Listing, Page, Paragraph, Section, Value, put, to_lines
from minidl.pairing.findings import Findings, Row, natural
from minidl.pairing.report.section import report_sections
from minidl.pairing.report.wording import STAR, metric_name

MOST_ROWS, BEST_ROWS, WORST_ROWS = 14, 10, 3
"""Of a dataset's pairings: if there are more, so many of the best and of the worst are shown."""
IN_TERMINAL = ("failures", "natural", "headlines")
"""Sections of the report that are shown, the last one next to the prompt."""


def show(findings: Findings, file: IO[str] | None = None) -> None:
    """Print what a study has found: datasets first, what it shows last.

    Parameters
    ----------
    file : text file, optional
        Standard output if left out.
    """
    scores = [_scores(findings, name, rows) for name, rows in findings.standings.items() if rows]
    sections = [
        Section(one.title, [_without_details(block) for block in one.blocks(findings)])
        for one in map(report_sections.__getitem__, IN_TERMINAL)
        if one.needed(findings)
    ]
    put(to_lines(Page("", [*scores, *sections])), file)


def _scores(findings: Findings, dataset: str, rows: list[Row]) -> Section:
    """The ranks of a dataset; of many pairings, the best and the worst."""
    data = findings.data[dataset]
    several = any(row.half is not None for row in rows)
    repetitions = f", mean ± 95 % over {findings.study.repetitions} repetitions" * several
    title = f"{data.name}: {metric_name(data.metric)}{repetitions}"
    shown, note = rows, ""
    if len(rows) > MOST_ROWS:
        shown = [*rows[:BEST_ROWS], *rows[-WORST_ROWS:]]
        note = f"The {BEST_ROWS} best and {WORST_ROWS} worst of {len(rows)}."
    columns = ("rank", "hidden", "head", "score", "failed")
    cells = [tuple(_cells(row, data.task)) for row in shown]
    return Section("", [Listing(title, columns, cells, note, words=(1, 2, 4))])


def _cells(row: Row, task: str) -> Iterator[Value]:
    head = row.pairing.head
    yield from (row.rank, row.pairing.hidden)
    yield f"{head.name} {STAR}" if natural(head, task) else head.name
    yield f"{row.mean:.3f}" + ("" if row.half is None else f" ± {row.half:.3f}")
    yield row.failures or None


def _without_details(block: Block) -> Block:
    """What a page folds is named only."""
    if isinstance(block, Listing) and block.folded:
        return Paragraph(f"… and {block.title}, in the report.")
    return block
