"""How a walkthrough shows itself: in a terminal, in Markdown, as a page with a stepper."""

from minidl.walkthrough.rendering.markdown import markdown_page
from minidl.walkthrough.rendering.stepper import framed, page
from minidl.walkthrough.rendering.tables import whole_table
from minidl.walkthrough.rendering.text import plain_text, text_lines

__all__ = [
    "framed",
    "markdown_page",
    "page",
    "plain_text",
    "text_lines",
    "whole_table",
]
