"""Sections of a report: each is registered, with its place among the others, where it is written.

The functions that make their blocks are in ``comparing`` and ``describing``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from operator import attrgetter

from minidl.core import Registry
from minidl.document import Block
from minidl.pairing.findings import Findings

Blocks = Callable[[Findings], Iterator[Block]]


@dataclass(eq=False)
class ReportSection:
    """A section that a report may have.

    Parameters
    ----------
    name : str
        What links call it.
    place : int
        Where it stands: sections are ordered by it.
    title : str
    blocks : callable
        What it says of findings.
    needed : callable
        Gives something false for findings of which the section has nothing to say.
    """

    name: str
    place: int
    title: str
    blocks: Blocks
    needed: Callable[[Findings], object]
    aliases: tuple[str, ...] = ()


report_sections: Registry[ReportSection] = Registry("report section")


def scored(findings: Findings) -> bool:
    """Whether a pairing is complete on a dataset."""
    return any(findings.standings.values())


compared = attrgetter("tables")
"""Whether pairings are compared."""


def section(
    name: str, place: int, title: str, needed: Callable[[Findings], object] = lambda findings: True
) -> Callable[[Blocks], Blocks]:
    """Register a function that yields a section's blocks."""

    def register(blocks: Blocks) -> Blocks:
        report_sections.register(ReportSection(name, place, title, blocks, needed))
        return blocks

    return register
