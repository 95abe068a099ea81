"""What came out, in the terminal: a table a dataset, natural heads, failures, unsound heads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from minidl.data import Dataset
from minidl.pairing.grid import Head
from minidl.pairing.runner import Plan
from minidl.pairing.standing import RATES, Row, rows, standings
from minidl.pairing.trial import Result

if TYPE_CHECKING:
    from rich.table import Table

MOST_ROWS = 14


def show(results: Sequence[Result], plan: Plan) -> None:
    """Print what results say; nothing is trained."""
    from rich.console import Console

    console = Console(highlight=False, markup=False)  # a file may be called [b].csv
    for data in plan.data:
        if found := rows(results, data.name):
            console.print(_table(data, found, plan.seeds))
        if len(found) > MOST_ROWS:
            console.print(f"The 10 best and 3 worst of {len(found)}; all are in results.csv.")
    for text, style in (*_unsound(plan), *_remarks(results, plan)):
        console.print(text, style=style, soft_wrap=not console.is_terminal)


def _table(data: Dataset, found: list[Row], seeds: int) -> Table:
    from rich.table import Table

    several = any(row.half is not None for row in found)
    interval = f", mean ± 95 % over {seeds} seeds" if several else ""
    table = Table(title=f"{data.name}: {data.metric}{interval}")
    for column in ("rank", "hidden", "head", "score", "failed"):
        table.add_column(column, justify="right" if column in ("rank", "score") else "left")
    shown = found if len(found) <= MOST_ROWS else [*found[:10], *found[-3:]]
    for i, row in enumerate(shown):
        score = f"{row.mean:.3f}" + ("" if row.half is None else f" ± {row.half:.3f}")
        natural = " ★" if row.head.natural else ""
        failed = str(row.failures or "")
        table.add_row(str(row.rank), row.hidden, row.head.name + natural, score, failed,
                      end_section=len(shown) < len(found) and i == 9)  # fmt: skip
    return table


def _remarks(results: Sequence[Result], plan: Plan) -> Iterator[tuple[str, str | None]]:
    """Lines on natural heads and failures, with their styles."""
    found = standings(results)
    if found:
        several = any(standing.gap.half is not None for standing in found)
        paired = " (± 95 %, paired)" if several else ""
        yield f"\n★ natural heads beside the best of their dataset{paired}:", "bold"
    for standing in found:
        yield f"  {standing}", "yellow" if standing.behind else None
    if any(standing.tuned for standing in found):
        rates = ", ".join(f"{rate:g}" for rate in RATES)
        yield f"  Tuned: the best of {rates} on validation rows kept back from training.", "dim"
    if plan.seeds == 1:
        yield "\nOne seed gives no intervals: --seeds 3 does.", None
    failures = sum(result.status != "ok" for result in results)
    yield f"\nNetworks trained: {len(results)}; failed or diverged: {failures}.", "bold"
    if failures:
        yield (
            "  Each counts as a score of 0, or as the worst of its dataset if that is lower.",
            None,
        )


def _unsound(plan: Plan) -> Iterator[tuple[str, str | None]]:
    """Lines on the heads that were left out, once for datasets and heads with the same reasons."""
    datasets: dict[tuple[tuple[Head, str], ...], list[str]] = defaultdict(list)
    for data in plan.data:
        datasets[tuple(plan.left_out(data).items())].append(data.name)
    for reasons, names in datasets.items():
        if reasons:
            text = f"\nUnsound heads on {', '.join(names)}, left out: {len(reasons)}"
            yield f"{text} (--unsound trains them).", "bold"
        for line in merged(dict(reasons)):
            yield f"  {line}", "dim"


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
