"""What came out, in the terminal: a table a dataset, natural heads, failures, what is shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from minidl.core import lenient
from minidl.data import Dataset
from minidl.document import Bullets, Listing, Paragraph, Value, boxed
from minidl.pairing.findings import Findings, Row, natural
from minidl.pairing.report.comparing import headline_blocks
from minidl.pairing.report.wording import STAR, metric_name

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

MOST_ROWS, BEST_ROWS, WORST_ROWS = 14, 10, 3
MOST_FAILURES = 10

Line = tuple[str, str | None]
"""A line and its style."""


def show(findings: Findings, console: Console | None = None) -> None:
    """Print what a study has found: datasets first, what it shows last, next to the prompt.

    Parameters
    ----------
    console : rich.console.Console, optional
        Standard output if left out: plain where that is no terminal.
    """
    from rich.console import Console

    # a file may be called [b].csv
    console = console or Console(highlight=False, markup=False, emoji=False)
    with lenient(console.file):
        _print(findings, console)


def _print(findings: Findings, console: Console) -> None:
    for name, found in findings.standings.items():
        if found:
            console.print(_table(findings.data[name], found, findings.study.repetitions))
        if len(found) > MOST_ROWS:
            console.print(f"The {BEST_ROWS} best and {WORST_ROWS} worst of {len(found)}.")
    for text, style in (
        *_unsound(findings),
        *_failures(findings),
        *_natural(findings),
        *_headlines(findings),
    ):
        console.print(text, style=style, soft_wrap=not console.is_terminal)


def _table(data: Dataset, rows: list[Row], repetitions: int) -> Table:
    """The ranks of a dataset; of many pairings, the best and the worst."""
    several = any(row.half is not None for row in rows)
    interval = f", mean ± 95 % over {repetitions} repetitions" if several else ""
    title = f"{data.name}: {metric_name(data.metric)}{interval}"
    cut = len(rows) > MOST_ROWS
    shown = [*rows[:BEST_ROWS], *rows[-WORST_ROWS:]] if cut else rows
    columns = ("rank", "hidden", "head", "score", "failed")
    cells = [_cells(row, data.task) for row in shown]
    return boxed(Listing(title, columns, cells, words=(1, 2, 4)), BEST_ROWS if cut else None)


def _cells(row: Row, task: str) -> tuple[Value, ...]:
    score = f"{row.mean:.3f}" + ("" if row.half is None else f" ± {row.half:.3f}")
    star = f" {STAR}" if natural(row.pairing.head, task) else ""
    name = f"{row.pairing.head.name}{star}"
    return str(row.rank), row.pairing.hidden, name, score, str(row.failures or "")


def _unsound(findings: Findings) -> Iterator[Line]:
    for unsound in findings.unsound:
        names = ", ".join(unsound.datasets)
        yield f"\nUnsound heads on {names}, left out: {unsound.heads}", "bold"
        for line in unsound.lines:
            yield f"  {line}", "dim"


def _failures(findings: Findings) -> Iterator[Line]:
    done = f"{findings.done:,} of {findings.wanted:,}"
    yield f"\nNetworks trained: {done}; failed or diverged: {findings.failed:,}", "bold"
    found = findings.failures
    if found:
        yield "  Each counts as the worst score of its dataset, or 0 if that is lower.", None
    for failure in found[:MOST_FAILURES]:
        cell = failure.outcome.cell
        counts = f"{failure.final} reported, {failure.tuning} tuning"
        yield f"  {cell.pairing.name} on {cell.dataset} ({counts}): {failure.reason}", None
    if len(found) > MOST_FAILURES:
        yield f"  … and {len(found) - MOST_FAILURES} more cells.", None


def _natural(findings: Findings) -> Iterator[Line]:
    if not findings.natural:
        return
    several = any(found.half is not None for found in findings.natural)
    paired = " (± 95 %, paired)" if several else ""
    yield f"\n{STAR} Natural heads beside the head with the best mean{paired}", "bold"
    yield "  Over hidden activations. The best was picked by these scores: this describes.", None
    for found in findings.natural:
        yield f"  {found.dataset}: {found}", "yellow" if found.far else None


def _headlines(findings: Findings) -> Iterator[Line]:
    yield "\nWhat this study shows", "bold"
    for block in headline_blocks(findings):
        match block:
            case Paragraph():
                yield f"  {block.text}", None
            case Bullets(items):
                yield from ((f"  · {item}", None) for item in items)
            case Listing(title):  # claims there is no room for
                yield f"  … and {title}, in the report.", None
