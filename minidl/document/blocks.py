"""What is to be shown, before it is HTML, Markdown or text: sections of words, tables, figures."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Span:
    """A piece of a line of text that stands out.

    Parameters
    ----------
    text : str
    role : str
        ``"strong"``, ``"note"``, ``"muted"``, ``"code"``, ``"formula"`` (LaTeX), and in exercises
        ``"number"``, ``"blank"``, ``"answer"``.
    """

    text: str
    role: str


Text = str | tuple[str | Span, ...]
"""A line of text, plain or in pieces."""


@dataclass(frozen=True)
class Paragraph:
    """A paragraph.

    Parameters
    ----------
    role : str
        ``"lead"``, ``"note"``, ``"warning"`` or nothing.
    """

    text: Text
    role: str = ""


@dataclass(frozen=True)
class Bullets:
    """The items of a list.

    Parameters
    ----------
    numbered : bool
        Whether items may open with a number of their own, which a page puts into the margin.
    """

    items: Sequence[Text]
    numbered: bool = False


@dataclass(frozen=True)
class Definitions:
    """Names, each with what is to be said of it.

    Parameters
    ----------
    width : int
        Characters that a name has room for in a terminal.
    """

    definitions: Sequence[tuple[str, str]]
    width: int = 12


@dataclass(frozen=True)
class Shade:
    """A number in a table, with a colour and signs.

    Parameters
    ----------
    text : str
    shade : float
        From 0, no colour, to 1.
    sign : str
        Marks beside the number.
    strong : bool
        Whether it is the best of its column.
    """

    text: str
    shade: float = 0.0
    sign: str = ""
    strong: bool = False

    def __str__(self) -> str:
        return f"{self.text} {self.sign}".strip()


Value = str | int | float | Shade | None


@dataclass(frozen=True)
class Listing:
    """A table: its title, its columns, one tuple a row. The first column names the row.

    Parameters
    ----------
    folded : bool
        Whether a page shows it on request only.
    full : Listing, optional
        The data behind it, all of them and in full, where the table shows less.
    download : bool
        Whether a page offers the data as a file.
    words : sequence of int, optional
        The columns that stand left; left out, the first, and those that hold words.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Value]]
    note: str = ""
    folded: bool = False
    full: Listing | None = None
    download: bool = True
    words: Sequence[int] | None = None

    @property
    def csv(self) -> str:
        """All numbers in full, as a file of comma-separated values."""
        if self.full is not None:
            return self.full.csv
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([self.columns, *self.rows])
        return file.getvalue()


@dataclass(frozen=True)
class Arrays:
    """Small arrays of numbers beside each other: of each its name and its rows."""

    arrays: Sequence[tuple[str, Sequence[Sequence[str]]]]


@dataclass(frozen=True)
class Figure:
    """A drawing, what it shows in words, and the numbers it is drawn from.

    Parameters
    ----------
    draw : callable
        Gives the ``<svg>`` element; called by a page only.
    """

    title: str
    draw: Callable[[], str]
    alt: str
    data: Listing


@dataclass(frozen=True)
class Figures:
    """Figures beside each other, with one caption."""

    caption: str
    figures: Sequence[Figure]


@dataclass(frozen=True)
class Image:
    """A picture in a file that lies beside the document."""

    alt: str
    file: str


@dataclass(frozen=True)
class Formula:
    """A formula on a line of its own, in LaTeX."""

    latex: str


@dataclass(frozen=True)
class Code:
    """Text as it is in a file or on a terminal."""

    title: str
    text: str


Block = Paragraph | Bullets | Definitions | Listing | Arrays | Figures | Image | Formula | Code


@dataclass(frozen=True)
class Section:
    """A heading, which may be empty, and what follows it.

    Parameters
    ----------
    anchor : str
        What links call it; left out, nothing links to it.
    level : int
        Of the heading: 2, or 3 below another section.
    """

    title: str
    blocks: Sequence[Block]
    anchor: str = ""
    level: int = 2


@dataclass(frozen=True)
class Page:
    """All that is shown of one thing.

    Parameters
    ----------
    lead : str
        A line below the title.
    contents : bool
        Whether the first section sums up the others, to which links lead from there.
    """

    title: str
    sections: Sequence[Section]
    lead: str = ""
    contents: bool = False


def number(value: float | None, digits: int = 3) -> str:
    """A number as a person would write it: a true minus sign, nothing for none.

    Examples
    --------
    >>> number(-0.5), number(None), number(float("nan"))
    ('−0.500', '', '')
    """
    if value is None or value != value:
        return ""
    return f"{value:.{digits}f}".replace("-", "−")


def file_name(title: str) -> str:
    """A title as the name of a file, in any shell and on any system.

    Examples
    --------
    >>> file_name("classification: scores")
    'classification_scores'
    """
    return re.sub(r"[^\w.-]+", "_", title)
