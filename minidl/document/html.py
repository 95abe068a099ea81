"""A page as one HTML file that needs nothing else: no network, no fonts, no scripts besides."""

from __future__ import annotations

import base64
import re
from functools import cache
from typing import TYPE_CHECKING, Any

from minidl.document.blocks import Listing, Page, file_name, number

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

DATA_ROWS = 200
"""Rows of a figure's data that a page holds; longer ones are in the file only."""

NUMERIC = re.compile(r"none|(?:[−\d.,–<% ∞—*◂▸]|\de(?=[−\d]))*")
"""A number as a table has it, with its marks, or that there is none."""

SIGNS = {
    "▲": ("up", "shown to be higher"),
    "▼": ("down", "shown to be lower"),
    "✗": ("cross", "failures"),
}
"""Signs beside a number: their class, and words for those who listen."""


def to_html(page: Page) -> str:
    """A page as HTML.

    Examples
    --------
    >>> from minidl.document import Paragraph, Section
    >>> page = Page("A study", [Section("First", [Paragraph("A <word>.")])])
    >>> "A &lt;word&gt;." in to_html(page)
    True
    """
    return render("blocks.html.j2", page=page, data_rows=DATA_ROWS)


def render(template: str, package: str = "minidl.document", **content: Any) -> str:
    """A template of a package, which may extend ``page.html.j2`` and include ``theme.css``."""
    return _environment(package).get_template(template).render(**content)


@cache
def _environment(package: str) -> Environment:
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=ChoiceLoader([PackageLoader(p, ".") for p in dict.fromkeys((package, __package__))]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "begun": _begun,
        "breakable": _breakable,
        "data_address": _data_address,
        "file_name": file_name,
        "mathml": _mathml,
        "plain": _plain,
        "signed": _signed,
        "kinds": _kinds,
        "unbroken": _unbroken,
    }
    environment.tests["block"] = lambda block, name: type(block).__name__ == name
    return environment


def _begun(title: str) -> str:
    return title[:1].upper() + title[1:]


def _breakable(text: object) -> Markup:
    """Long names may go on in the next line after / + and _."""
    from markupsafe import Markup, escape

    return Markup(re.sub(r"([/+_])(?=\w)", r"\1<wbr>", str(escape(text))))


def _unbroken(text: str) -> str:
    """An index stays in one line, and so do a row and a unit with their number."""
    text = re.sub(r"(?<=\d), (?=\d+[\],])", ",\u00a0", text)
    return re.sub(r"\b(row|unit) (?=\d)", "\\1\u00a0", text)


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

    if sign not in SIGNS:
        return sign
    kind, words = SIGNS[sign]
    return Markup(' <span class="{}" role="img" aria-label="{}">{}</span>').format(
        kind, words, sign
    )


def _data_address(text: str) -> str:
    """A file inside the page itself."""
    return "data:text/csv;charset=utf-8;base64," + base64.b64encode(text.encode()).decode()


def _mathml(latex: str, display: str = "inline") -> Markup:
    from latex2mathml.converter import convert
    from markupsafe import Markup

    return Markup(convert(latex, display=display))
