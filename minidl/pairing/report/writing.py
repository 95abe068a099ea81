"""A report on disk: one page, the same in Markdown, a picture."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from minidl.core import storage
from minidl.document import Image, Page, Section, to_html, to_markdown
from minidl.pairing.findings import Findings
from minidl.pairing.report import comparing, describing
from minidl.pairing.report.picture import heat_map
from minidl.pairing.report.wording import CROSS, STAR
from minidl.pairing.statistics import how_many


def sections(findings: Findings) -> list[Section]:
    """All sections of a report, the findings first; those with nothing to tell are left out."""
    scored, compared = any(findings.standings.values()), bool(findings.tables)
    told = (
        (True, "headlines", "What this study shows", comparing.headline_blocks),
        (True, "design", "Design and budget", describing.design_blocks),
        (scored, "scores", "Scores of every pairing on every dataset", comparing.score_blocks),
        (compared, "pairwise", "Who beats whom", comparing.pairwise_blocks),
        (compared, "variance", "How much does pairing matter?", comparing.variance_blocks),
        (compared, "ranking", "Ranking, without the luck of having been chosen",
         comparing.ranking_blocks),
        (scored, "natural", f"{STAR} Natural heads beside the best", describing.natural_blocks),
        (scored, "rates", "Learning rates", describing.rate_blocks),
        (scored, "curves", "How they learn", describing.curve_blocks),
        (scored, "losers", "Why the losers lost", describing.loser_blocks),
        (scored, "boundaries", "Where the line is drawn", describing.boundary_blocks),
        (True, "failures", f"{CROSS} Failures and unsound heads", describing.failure_blocks),
        (True, "reproduce", "How to reproduce this", describing.reproduction_blocks),
    )  # fmt: skip
    return [
        Section(title, [*blocks(findings)], anchor)
        for there, anchor, title, blocks in told
        if there
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
    scored = any(findings.standings.values())
    storage.make_folder(folder)
    beside = first
    if scored:
        storage.write_whole(picture, heat_map(findings))
        scores = Image("Mean scores of every pairing on every dataset", picture.name)
        beside = replace(first, blocks=[*first.blocks, scores])
    page = Page(title, [first, *others], lead, contents=True)
    storage.write_whole(html, to_html(page).encode())
    storage.write_whole(text, to_markdown(Page(title, [beside, *others])).encode())
    return [html, text, *[picture] * scored]
