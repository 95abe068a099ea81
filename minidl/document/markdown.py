"""A page as Markdown: the same words and tables, numbers in place of figures."""

from __future__ import annotations

import re
from collections.abc import Iterator

from minidl.document import blocks
from minidl.document.blocks import Block, Listing, Page, Shade, Span, Text, Value, number

FIGURE_ROWS = 60
"""Rows of a figure's data that are still printed."""

PROSE_ROLES = {"strong": "**{}**", "number": "**{}**", "note": "*{}*", "muted": "{}"}
VERBATIM_ROLES = {"blank": "`{}`", "answer": "`{}`", "code": "`{}`", "formula": "${}$"}
"""What becomes of a span, by its role: words, and what stands as it is."""

SIGNS = re.compile(
    r"""[\\`*|]                # always signs of Markdown; but
      | (?<!\w)_ | _(?!\w)     # not within a word,
      | <(?=[a-zA-Z/!?])       # not "less than",
      | \](?=[(\[])            # not an index,
      | ~(?=~) | (?<=~)~
      | ^[#>+-](?=\s|\#|$)     # and these only where a line begins
      """,
    re.VERBOSE,
)


def escaped(text: str) -> str:
    r"""Text in which Markdown sees no signs of its own.

    Examples
    --------
    >>> print(escaped("binary_crossentropy[0] | x*y < 3 <b> _z_"))
    binary_crossentropy[0] \| x\*y < 3 \<b> \_z\_
    """
    return SIGNS.sub(lambda sign: "\\" + sign[0], text)


def to_markdown(page: Page) -> str:
    """A page as Markdown.

    Examples
    --------
    >>> from minidl.document import Paragraph, Section
    >>> page = Page("A study", [Section("First", [Paragraph("A word.")])])
    >>> print(to_markdown(page), end="")
    # A study
    <BLANKLINE>
    ## First
    <BLANKLINE>
    A word.
    """
    return "\n\n".join(_parts(page)) + "\n"


def _parts(page: Page) -> Iterator[str]:
    if page.title:
        yield f"# {escaped(page.title)}"
    if page.lead:
        yield escaped(page.lead)
    for section in page.sections:
        if section.title:
            yield f"{'#' * section.level} {escaped(section.title)}"
        for block in section.blocks:
            yield from _block(block)


def _block(block: Block) -> Iterator[str]:
    match block:
        case blocks.Paragraph(text):
            yield _text(text)
        case blocks.Bullets(items):
            yield "\n".join(f"- {_text(item)}" for item in items)
        case blocks.Definitions(facts):
            yield "\n".join(f"- **{escaped(name)}**: {escaped(fact)}" for name, fact in facts)
        case blocks.Formula(latex):
            yield f"$${latex}$$"
        case blocks.Code(title, text):
            yield from (f"**{title}**", f"```\n{text.rstrip()}\n```")
        case blocks.Image(alt, file):
            yield f"![{escaped(alt)}]({file})"
        case blocks.Arrays(arrays):
            for name, rows in arrays:
                yield f"{escaped(name)}: {'; '.join('  '.join(row) for row in rows)}"
        case blocks.Figures(caption, figures):
            if caption:
                yield escaped(caption)
            for figure in figures:
                yield f"**{escaped(figure.title)}** {escaped(figure.alt)}"
                if len(figure.data.rows) <= FIGURE_ROWS:
                    yield _table(figure.data)
        case blocks.Listing():
            if block.title:
                yield f"**{escaped(block.title)}**"
            yield _table(block)
            if block.note:
                yield escaped(block.note)


def _text(text: Text) -> str:
    return escaped(text) if isinstance(text, str) else "".join(map(_piece, text))


def _piece(piece: str | Span) -> str:
    if isinstance(piece, str):
        return escaped(piece)
    if piece.role in VERBATIM_ROLES:
        return VERBATIM_ROLES[piece.role].format(piece.text)
    return PROSE_ROLES[piece.role].format(escaped(piece.text))


def _table(listing: Listing) -> str:
    words = listing.words or (0,)
    rule = ["---" if i in words else "---:" for i in range(len(listing.columns))]
    header = map(_escaped_cell, listing.columns)
    lines = [header, rule, *(map(_cell, row) for row in listing.rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: Value) -> str:
    if isinstance(value, Shade) and value.strong:
        return f"**{_escaped_cell(value.text)}** {value.sign}".strip()
    if isinstance(value, float):
        return number(value, 4)
    return "" if value is None else _escaped_cell(str(value))


def _escaped_cell(text: str) -> str:
    return escaped(text.replace("\n", " "))
