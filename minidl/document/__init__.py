"""How everything shows itself: blocks of content, and HTML, Markdown and terminal made of them.

``blocks`` is plain data: whoever has something to show builds a ``Page`` of it. ``html``,
``markdown`` and ``terminal`` render any page; ``theme.css`` and ``page.html.j2`` are what all
pages in a browser share. ``columns`` aligns text.
"""

from minidl.document.blocks import (
    Arrays,
    Block,
    Bullets,
    Code,
    Definitions,
    Figure,
    Figures,
    Formula,
    Image,
    Listing,
    Page,
    Paragraph,
    Section,
    Shade,
    Span,
    Value,
    file_name,
    number,
)
from minidl.document.columns import aligned, ruled
from minidl.document.html import render, to_html
from minidl.document.markdown import escaped, to_markdown
from minidl.document.terminal import Line, put, to_lines, to_text

__all__ = [
    "Arrays",
    "Block",
    "Bullets",
    "Code",
    "Definitions",
    "Figure",
    "Figures",
    "Formula",
    "Line",
    "Listing",
    "Page",
    "Paragraph",
    "Image",
    "Section",
    "Shade",
    "Span",
    "Value",
    "aligned",
    "escaped",
    "file_name",
    "number",
    "put",
    "render",
    "ruled",
    "to_html",
    "to_lines",
    "to_markdown",
    "to_text",
]
