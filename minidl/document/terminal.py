"""A page in a terminal: in colour there, plain text when piped."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterable, Iterator
from typing import IO, NamedTuple

from minidl.core import lenient
from minidl.document import blocks
from minidl.document.blocks import Block, Page, Text
from minidl.document.columns import aligned, lines_of

WIDTH = 80

STYLES = {"": "", "lead": "", "note": "dim", "warning": "yellow"}
"""How a terminal shows a paragraph, by its role."""


class Line(NamedTuple):
    """A line, and how a terminal shows it."""

    text: str
    style: str = ""


def to_text(page: Page) -> str:
    """The text without colour.

    Examples
    --------
    >>> from minidl.document import Listing, Section
    >>> rows = [("relu", "0.5"), ("tanh", "12")]
    >>> print(to_text(Page("", [Section("Rates", [Listing("", ("name", "rate"), rows)])])))
    Rates
      name  rate
      relu   0.5
      tanh    12
    """
    return "\n".join(line.text for line in to_lines(page))


def to_lines(page: Page) -> list[Line]:
    """The whole text, line by line, in at most 80 columns but for wide tables."""
    lines = [Line(page.title, "bold")] if page.title else []
    lines += _wrapped(page.lead, "" if page.title else "bold")
    for i, section in enumerate(page.sections):
        if lines and (i or section.title):
            lines.append(Line(""))
        lines += _wrapped(section.title, "bold cyan")
        for block in section.blocks:
            lines += _block(block)
    return lines


def _block(block: Block) -> Iterator[Line]:
    match block:
        case blocks.Paragraph(text, role):
            yield from _wrapped(_plain(text), STYLES[role])
        case blocks.Bullets(items):
            for item in items:
                yield from _wrapped(f"· {_plain(item)}", rest="  ")
        case blocks.Definitions(facts, width):
            yield from (Line(f"  {name:<{width}}{fact}".rstrip()) for name, fact in facts)
        case blocks.Formula(text) | blocks.Code(_, text):
            yield from map(Line, text.splitlines())
        case blocks.Image(alt):
            yield from _wrapped(alt)
        case blocks.Arrays(arrays):
            for name, rows in arrays:
                lines = aligned(rows, left=())
                if len(lines) == 1:
                    yield from _wrapped(f"{name}  {lines[0]}", first="  ", rest="    ")
                    continue
                yield Line(f"  {name}")
                for row in lines:
                    yield from _wrapped(row, first="    ", rest="      ")
        case blocks.Figures(caption, figures):
            yield from _wrapped(caption)
            for figure in figures:
                yield from _wrapped(figure.alt)
        case blocks.Listing():
            yield from _wrapped(block.title, "bold")
            header, *lines = lines_of(block)
            yield Line(f"  {header}", "dim")
            yield from (Line(f"  {line}") for line in lines)
            yield from _wrapped(block.note, "dim")


def _plain(text: Text) -> str:
    if isinstance(text, str):
        return text
    return "".join(piece if isinstance(piece, str) else piece.text for piece in text)


def _wrapped(text: str, style: str = "", first: str = "", rest: str = "") -> Iterator[Line]:
    for line in textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=rest):
        yield Line(line, style)


def put(lines: Iterable[tuple[str, str]], file: IO[str] | None = None) -> None:
    """Print lines, each with its style: in colour on a terminal, plain elsewhere."""
    file = file or sys.stdout
    with lenient(file):
        if not file.isatty():
            file.writelines(f"{text}\n" for text, _ in lines)
            return
        from rich.console import Console
        from rich.text import Text

        console = Console(file=file, highlight=False, soft_wrap=True)
        for text, style in lines:
            console.print(Text(text, style=style))
