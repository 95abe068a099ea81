"""minidl reproduce: runs published claims and prints what came of each."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from minidl.literature import Claim, Finding

STYLES = {"reproduced": "green", "partly": "yellow", "not": "red"}
RULE = "reproduced: every bound of the rule holds; partly: the first does; not: it does not."


def reproduce(
    names: Annotated[list[str] | None, typer.Argument(help="Left out: every claim.")] = None,
    list_: Annotated[bool, typer.Option("--list", help="Name the claims, and stop.")] = False,
    workers: Annotated[int | None, typer.Option(min=1, help="Threads: one a core.")] = None,
) -> None:
    """Look whether published claims hold here: each a small study with a rule set beforehand."""
    from joblib import cpu_count
    from rich.console import Console

    from minidl.core import progress
    from minidl.literature import claims

    chosen = [claims[name] for name in dict.fromkeys(names or claims.names())]
    # Where a bar is shown rich takes stdout over, and would send a pipe's lines to the bar's place.
    stdout = None if sys.stdout.isatty() else sys.stdout
    console = Console(file=stdout, highlight=False, markup=False)
    if list_:
        for claim in chosen:
            _describe(claim, claim.name, "bold", console)
        return
    findings: list[Finding] = []
    with progress("claim", len(chosen), note=chosen[0].name) as advance:
        for claim, following in zip(chosen, [*chosen[1:], None], strict=True):
            findings.append(claim.reproduce(workers or cpu_count()))
            _show(findings[-1], console)
            advance(following.name if following else "")
    console.print()
    console.print(_table(findings))
    console.print(RULE, style="dim")


def _describe(claim: Claim, heading: str, style: str, console: Console) -> None:
    """What a claim says, and where."""
    console.print(f"\n{heading}", style=style)
    console.print(claim.statement, soft_wrap=not console.is_terminal)
    console.print(str(claim.source), style="dim", soft_wrap=not console.is_terminal)


def _show(finding: Finding, console: Console) -> None:
    """A claim with what was found, and what its rule wants; figures outside the rule come last."""
    claim, verdict = finding.claim, finding.verdict
    _describe(claim, f"{claim.name}: {verdict}", f"bold {STYLES[verdict]}", console)
    bounds = {bound.figure: bound for bound in claim.rule}
    for figure in (*bounds, *(name for name in finding.figures if name not in bounds)):
        line = f"    {figure}: {finding.figures[figure]:.3g}"
        if bound := bounds.get(figure):
            held = bound.holds(finding.figures)
            line = f"  {'✓' if held else '✗'} {line.strip()}, rule: {bound.wanted}"
        console.print(line, soft_wrap=not console.is_terminal)


def _table(findings: Sequence[Finding]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table("claim", "verdict", "bounds held", "source")
    for finding in findings:
        claim = finding.claim
        held = sum(bound.holds(finding.figures) for bound in claim.rule)
        verdict = Text(finding.verdict, STYLES[finding.verdict])
        table.add_row(claim.name, verdict, f"{held} of {len(claim.rule)}", claim.source.short)
    return table
