"""What is shown: every block in every rendering, and what cannot break out of it."""

import io
import re
from typing import get_args

import pytest

from minidl import document
from minidl.document import (
    Arrays,
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
)

NASTY = "<b>&*a*|`_b_"
TABLE = Listing("a table", ("name", "value"), [("one", Shade("0.5", 0.5, "▲", True)), ("two", 0.25),
                                               ("three", None)], note="of note")  # fmt: skip
BLOCKS = [
    (Paragraph(NASTY, "warning"), NASTY),
    (Bullets([("said ", Span("loudly", "strong"))]), "loudly"),
    (Definitions([("key", "fact")]), "fact"),
    (TABLE, "of note"),
    (Arrays([("weights", [["1", "−20"]])]), "−20"),
    (Figures("", [Figure("drawn", lambda: "<svg></svg>", "in words", TABLE)]), "in words"),
    (Image("seen", "seen.png"), "seen"),
    (Formula("z = x"), "z"),
    (Code("a file", "x = [1]"), "x = [1]"),
]


@pytest.mark.parametrize(("block", "words"), BLOCKS)
def test_every_rendering_shows_every_block(block, words):
    page = Page("title", [Section("heading", [block], "anchor")], "lead", contents=True)
    html = document.to_html(page)
    text = re.sub(r"<(?!/?svg)[^>]+>", "", html.partition("<main>")[2])
    for escape, sign in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        text = text.replace(escape, sign)
    markdown = re.sub(r"\\(\W|_)", r"\1", document.to_markdown(page))
    for shown in (
        html if isinstance(block, Image | Figures) else text,
        markdown,
        document.to_text(page),
    ):
        assert words in shown
        assert "heading" in shown
    assert "<b>" not in html
    assert not re.search(r"https?://(?!www\.w3\.org/1998/Math)|@import|src=\"(?!seen)", html)


def test_no_kind_of_block_is_forgotten():
    assert {type(block) for block, _ in BLOCKS} == set(get_args(document.Block))


def test_markdown_escapes_what_it_would_read_and_nothing_else():
    for text in ("categorical_crossentropy", "a < b", "dense1.weight[0, 1]", "−3 # of 4", "p ~ q"):
        assert document.escaped(text) == text
    for text, written in (
        ("# no heading", r"\# no heading"), ("_leans_", r"\_leans\_"), ("<script>", r"\<script>"),
        ("a*b*c", r"a\*b\*c"), ("[x](y)", r"[x\](y)"), ("a|b", r"a\|b"),
    ):  # fmt: skip
        assert document.escaped(text) == written


def test_a_terminal_has_colour_and_a_pipe_has_none():
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    lines = document.to_lines(Page("title", [Section("heading", [Paragraph("words")])]))
    pipe, terminal = io.StringIO(), Terminal()
    for file in (pipe, terminal):
        document.put(lines, file)
    assert pipe.getvalue() == "title\n\nheading\nwords\n"
    assert "words" in terminal.getvalue()
