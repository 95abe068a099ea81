"""What a report is made of, before it is HTML or Markdown: sections of words, tables, charts."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from minidl.nn import losses

HIGHER, LOWER = "▲", "▼"
"""The marks of a difference that is shown; on nothing else."""
STAR, CROSS = "★", "✗"
"""A head that textbooks recommend; a failure."""
LOW_EDGE, HIGH_EDGE = "◂", "▸"
"""A best learning rate at the lower or upper end of the grid."""
LONGEST = 40
"""Rows that a long table or diagram has room for; its data has all."""


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
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Value]]
    note: str = ""
    folded: bool = False
    full: Listing | None = None

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
class Chart:
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
class Charts:
    """Charts beside each other, with one caption."""

    caption: str
    charts: Sequence[Chart]


@dataclass(frozen=True)
class Code:
    """Text as it is in a file or on a terminal."""

    title: str
    text: str


Block = str | Listing | Charts | Code | list[str]
"""A paragraph, a table, charts, code, or the items of a list."""


@dataclass(frozen=True)
class Section:
    """A heading and what follows it."""

    anchor: str
    title: str
    blocks: list[Block]


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


def mark(verdict: int) -> str:
    """The sign of a difference that is shown, 1 or −1; nothing for 0."""
    return {1: HIGHER, 0: "", -1: LOWER}[verdict]


def short(name: str) -> str:
    """A pairing's or head's name with the usual abbreviations of its loss.

    Examples
    --------
    >>> short("relu/sigmoid+binary_crossentropy")
    'relu/sigmoid+bce'
    """
    rest, plus, loss = name.rpartition("+")
    if not plus or loss not in losses or len(loss) <= 12:
        return name
    return f"{rest}+{min((loss, *losses[loss].aliases), key=len)}"


def metric_name(metric: str) -> str:
    """A scorer's name as a person would write it.

    Examples
    --------
    >>> metric_name("balanced_accuracy"), metric_name("r2")
    ('balanced accuracy', 'R²')
    """
    text = metric.removesuffix("_score").replace("_", " ")
    return text.replace("r2", "R²").replace("d2", "D²")
