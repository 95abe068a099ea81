"""The report as Markdown: the same words and tables, numbers in place of charts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from minidl.pairing.report.blocks import Block, Charts, Code, Listing, Section, Shade, Value, number

LONG = 60
"""Rows of a chart's data that are still printed."""


def markdown(title: str, sections: Sequence[Section], picture: str | None = None) -> str:
    """A report as Markdown.

    Parameters
    ----------
    picture : str, optional
        The file of a picture to show, from where the report lies.

    Examples
    --------
    >>> print(markdown("A study", [Section("first", "First", ["A word."])]), end="")
    # A study
    <BLANKLINE>
    ## First
    <BLANKLINE>
    A word.
    """
    parts = [f"# {title}"]
    for i, section in enumerate(sections):
        parts.append(f"## {section.title}")
        for block in section.blocks:
            parts += _block(block)
        if picture is not None and i == 0:
            parts.append(f"![Mean scores of every pairing on every dataset]({picture})")
    return "\n\n".join(parts) + "\n"


def _block(block: Block) -> Iterator[str]:
    if isinstance(block, str):
        yield block
    elif isinstance(block, list):
        yield "\n".join(f"- {item}" for item in block)
    elif isinstance(block, Code):
        yield f"**{block.title}**"
        yield f"```\n{block.text.rstrip()}\n```"
    elif isinstance(block, Charts):
        if block.caption:
            yield block.caption
        for chart in block.charts:
            yield f"**{chart.title}** {chart.alt}"
            if len(chart.data.rows) <= LONG:
                yield _table(chart.data)
    else:
        yield f"**{block.title}**"
        yield _table(block)
        if block.note:
            yield block.note


def _table(listing: Listing) -> str:
    rule = ["---", *("---:" for _ in listing.columns[1:])]
    lines = [listing.columns, rule, *([_text(value) for value in row] for row in listing.rows)]
    return "\n".join(f"| {' | '.join(map(_escaped, line))} |" for line in lines)


def _text(value: Value) -> str:
    if isinstance(value, Shade) and value.strong:
        return f"**{value.text}** {value.sign}".strip()
    if isinstance(value, float):
        return number(value, 4)
    return "" if value is None else str(value)


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
