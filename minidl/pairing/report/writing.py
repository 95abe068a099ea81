"""A report on disk: one page, the same in Markdown, a picture."""

from __future__ import annotations

from pathlib import Path

from minidl.errors import FileError
from minidl.pairing.findings import Findings
from minidl.pairing.report import comparing, describing
from minidl.pairing.report.blocks import Section
from minidl.pairing.report.markdown import markdown
from minidl.pairing.report.page import page
from minidl.pairing.report.picture import heat_map
from minidl.pairing.statistics import how_many


def sections(findings: Findings) -> list[Section]:
    """All sections of a report, the findings first."""
    found = Section("headlines", "What this study shows", [*comparing.headline_blocks(findings)])
    told = [found, describing.design_section(findings)]
    if any(findings.standings.values()):
        told.append(comparing.scores_section(findings))
    if findings.tables:
        told += [
            comparing.pairwise_section(findings),
            comparing.variance_section(findings),
            comparing.ranking_section(findings),
        ]
    if any(findings.standings.values()):
        told += [
            describing.natural_section(findings),
            describing.rates_section(findings),
            describing.curves_section(findings),
            describing.losers_section(findings),
            describing.boundaries_section(findings),
        ]
    return [*told, describing.failures_section(findings), describing.reproduce_section(findings)]


def write(findings: Findings, folder: str | Path) -> list[Path]:
    """Write a report: ``report.html``, ``report.md`` and ``pairings.png``.

    Returns
    -------
    paths : list of Path
        The page first. There is no picture while no pairing is complete.

    Raises
    ------
    FileError
        If the folder cannot be written.
    """
    folder = Path(folder)
    title = "Which activation goes with which loss"
    told = sections(findings)
    lead = (
        f"Study {findings.study.name}: {findings.done:,} networks on "
        f"{how_many(len(findings.data), 'dataset')}."
    )
    html, text, picture = (folder / n for n in ("report.html", "report.md", "pairings.png"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        heat_map(findings, picture)
        html.write_text(page(title, lead, told), encoding="utf-8")
        shown = picture.name if any(findings.standings.values()) else None
        text.write_text(markdown(title, told, shown), encoding="utf-8")
    except OSError as error:
        reason = error.strerror or str(error)
        expected = "a folder that can be written"
        raise FileError(str(folder), expected, reason, "Write --out DIR.") from error
    return [html, text, *([picture] if shown else [])]
