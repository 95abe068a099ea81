"""A report on disk: one page, the same in Markdown, a picture."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from minidl.core import storage
from minidl.document import Image, Page, Section, to_html, to_markdown
from minidl.pairing.findings import Findings
from minidl.pairing.report.picture import heat_map
from minidl.pairing.report.section import report_sections, scored
from minidl.pairing.statistics import how_many


def sections(findings: Findings) -> list[Section]:
    """All sections of a report, the findings first; those with nothing to tell are left out."""
    return [
        Section(one.title, [*one.blocks(findings)], one.name)
        for one in sorted(report_sections, key=lambda one: one.place)
        if one.needed(findings)
    ]


def write(findings: Findings, folder: str | Path) -> list[Path]:
    """Write a report: ``report.html``, ``report.md`` and ``pairings.png``.

    Returns
    -------
    paths : list of Path
        The page first. There is no picture while no pairing is complete.

    Raises
    ------
    FileError
        If the folder or a file in it cannot be written.
    """
    folder = Path(folder)
    title = "Which activation goes with which loss"
    first, *others = sections(findings)
    lead = (
        f"Study {findings.study.name}: {how_many(findings.done, 'network')} on "
        f"{how_many(len(findings.data), 'dataset')}."
    )
    html, text, picture = (folder / n for n in ("report.html", "report.md", "pairings.png"))
    storage.make_folder(folder)
    beside = first
    if there_are_scores := scored(findings):
        storage.write_whole(picture, heat_map(findings))
        scores = Image("Mean scores of every pairing on every dataset", picture.name)
        beside = replace(first, blocks=[*first.blocks, scores])
    page = Page(title, [first, *others], lead, contents=True)
    storage.write_whole(html, to_html(page).encode())
    storage.write_whole(text, to_markdown(Page(title, [beside, *others])).encode())
    return [html, text, *[picture] * there_are_scores]
