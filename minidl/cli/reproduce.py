"""minidl reproduce: runs published claims and prints what came of each."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from minidl.document import Block, Bullets, Listing, Page, Paragraph, Section, put, to_lines

if TYPE_CHECKING:
    from minidl.literature import Claim, Finding

RULE = "reproduced: every bound of the rule holds; partly: the first does; not: it does not."


def reproduce(
    names: Annotated[list[str] | None, typer.Argument(help="Left out: every claim.")] = None,
    list_: Annotated[bool, typer.Option("--list", help="Name the claims, and stop.")] = False,
    workers: Annotated[int | None, typer.Option(min=1, help="Threads: one a core.")] = None,
) -> None:
    """Look whether published claims hold here: each a small study with a rule set beforehand."""
    from joblib import cpu_count

    from minidl.core import progress
    from minidl.literature import claims

    chosen = [claims[name] for name in dict.fromkeys(names or claims.names())]
    if list_:
        put(to_lines(Page("", [_section(claim, claim.name) for claim in chosen])))
        return
    # Where a bar is shown rich takes stdout over, and would send a pipe's lines to the bar's place.
    file = None if sys.stdout.isatty() else sys.stdout
    findings: list[Finding] = []
    with progress("claim", len(chosen), note=chosen[0].name) as advance:
        for claim, following in zip(chosen, [*chosen[1:], None], strict=True):
            findings.append(claim.reproduce(workers or cpu_count()))
            put([("", ""), *to_lines(Page("", [_measured(findings[-1])]))], file)
            advance(following.name if following else "")
    put([("", ""), *to_lines(Page("", [Section("", [_verdicts(findings)])]))])


def _section(claim: Claim, title: str, *more: Block) -> Section:
    """What a claim says, and where."""
    return Section(title, [Paragraph(claim.statement), Paragraph(str(claim.source), "note"), *more])


def _measured(finding: Finding) -> Section:
    """A claim with what was measured beside what its rule wants; other figures come last."""
    claim, figures = finding.claim, finding.figures
    lines = [
        f"{'✓' if bound.holds(figures) else '✗'} {bound.figure}: {figures[bound.figure]:.3g}, "
        f"rule: {bound.wanted}"
        for bound in claim.rule
    ]
    ruled = {bound.figure for bound in claim.rule}
    lines += [f"{name}: {figure:.3g}" for name, figure in figures.items() if name not in ruled]
    return _section(claim, f"{claim.name}: {finding.verdict}", Bullets(lines))


def _verdicts(findings: Sequence[Finding]) -> Listing:
    rows = [
        (
            one.claim.name,
            one.verdict,
            f"{sum(b.holds(one.figures) for b in one.claim.rule)} of {len(one.claim.rule)}",
            one.claim.source.short,
        )
        for one in findings
    ]
    columns = ("claim", "verdict", "bounds held", "source")
    return Listing("", columns, rows, RULE, words=(0, 1, 2, 3))
