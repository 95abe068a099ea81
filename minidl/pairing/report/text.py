"""What came out, in the terminal: a table a dataset, natural heads, failures, what is shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from minidl.core import lenient
from minidl.data import Dataset
from minidl.pairing.findings import Findings, Row, natural
from minidl.pairing.report.blocks import STAR, Listing, metric_name
from minidl.pairing.report.comparing import headline_blocks

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


def _table(data: Dataset, found: list[Row], repetitions: int) -> Table:
    from rich.table import Table

    several = any(row.half is not None for row in found)
    interval = f", mean ± 95 % over {repetitions} repetitions" if several else ""
    title = f"{data.name}: {metric_name(data.metric)}{interval}"
    table = Table(title=title, min_width=len(title))  # a title is broken where a table is narrower
    for column in ("rank", "hidden", "head", "score", "failed"):
        table.add_column(column, justify="right" if column in ("rank", "score") else "left")
    whole = len(found) <= MOST_ROWS
    shown = found if whole else [*found[:BEST_ROWS], *found[-WORST_ROWS:]]
    for i, row in enumerate(shown, 1):
        score = f"{row.mean:.3f}" + ("" if row.half is None else f" ± {row.half:.3f}")
        star = f" {STAR}" if natural(row.pairing.head, data.task) else ""
        name = f"{row.pairing.head.name}{star}"
        cut = not whole and i == BEST_ROWS
        table.add_row(str(row.rank), row.pairing.hidden, name, score, str(row.failures or ""),
                      end_section=cut)  # fmt: skip
    return table


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
        if isinstance(block, str):
            yield f"  {block}", None
        elif isinstance(block, list):
            for item in block:
                yield f"  · {item}", None
        elif isinstance(block, Listing):  # claims there is no room for
            yield f"  … and {block.title}, in the report.", None
