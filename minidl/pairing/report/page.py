"""The report as one HTML file that needs nothing else: no network, no fonts, no scripts besides."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from minidl.pairing.report.blocks import (
    CROSS,
    HIGH_EDGE,
    HIGHER,
    LOW_EDGE,
    LOWER,
    Listing,
    Section,
    file_name,
    number,
)

if TYPE_CHECKING:
    from markupsafe import Markup

MOST_ROWS = 200
"""Rows of a table of data that a page holds; longer ones are in the file only."""

NUMERIC = re.compile(rf"[−\d.,–<% ]*[{LOW_EDGE}{HIGH_EDGE}]?")
"""A number as a table has it."""


def page(title: str, lead: str, sections: Sequence[Section]) -> str:
    """A report as HTML.

    Examples
    --------
    >>> "<h2" in page("A study", "of one section.", [Section("first", "First", ["A <word>."])])
    True
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("minidl.pairing", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    environment.filters |= {
        "begun": _begun,
        "breakable": _breakable,
        "data_address": _data_address,
        "file_name": file_name,
        "plain": _plain,
        "signed": _signed,
        "kinds": _kinds,
    }
    template = environment.get_template("page.html.j2")
    return template.render(title=title, lead=lead, sections=sections, most_rows=MOST_ROWS)


def _begun(title: str) -> str:
    return title[:1].upper() + title[1:]


def _breakable(text: object) -> Markup:
    """Long names may go on in the next line after / + and _."""
    from markupsafe import Markup, escape

    return Markup(re.sub(r"([/+_])(?=\w)", r"\1<wbr>", str(escape(text))))


def _kinds(listing: Listing) -> list[str]:
    """For each column, whether it holds words or numbers, which stand right."""
    columns = zip(*listing.rows, strict=True) if listing.rows else [()] * len(listing.columns)
    return [
        "words" if any(isinstance(v, str) and not NUMERIC.fullmatch(v) for v in column) else ""
        for column in columns
    ]


def _plain(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else number(value, 4)


def _signed(sign: str) -> Markup | str:
    """A sign with words for those who listen."""
    from markupsafe import Markup

    known = {
        HIGHER: ("up", "shown to be higher"),
        LOWER: ("down", "shown to be lower"),
        CROSS: ("cross", "failures"),
    }
    if sign not in known:
        return sign
    kind, words = known[sign]
    return Markup(' <span class="{}" role="img" aria-label="{}">{}</span>').format(
        kind, words, sign
    )


def _data_address(text: str) -> str:
    """A file inside the page itself."""
    return "data:text/csv;charset=utf-8;base64," + base64.b64encode(text.encode()).decode()
