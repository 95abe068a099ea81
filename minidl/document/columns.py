"""Rows of text as lines whose columns stand below each other."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from minidl.document.blocks import Listing, Value


def aligned(rows: Sequence[Sequence[str]], left: Collection[int] = (0,)) -> list[str]:
    r"""Each row as a line, columns as wide as their widest cell.

    Parameters
    ----------
    left : collection of int
        The columns that stand left; the others stand right.

    Examples
    --------
    >>> print(*aligned([("relu", "0.5"), ("tanh", "12")]), sep="\n")
    relu  0.5
    tanh   12
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if i in left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]


def ruled(listing: Listing, before: int | None = None) -> list[str]:
    r"""A table's lines of text, a rule below the names of its columns.

    Parameters
    ----------
    before : int, optional
        The row that has another rule above it: a sum, say.

    Examples
    --------
    >>> print(*ruled(Listing("", ("layer", "units"), [("dense1", 16)])), sep="\n")
    layer   units
    ─────────────
    dense1     16
    """
    header, *lines = lines_of(listing)
    rule = "─" * len(header)
    if before is not None:
        lines.insert(before, rule)
    return [header, rule, *lines]


def lines_of(listing: Listing) -> list[str]:
    """A table's lines of text, the names of its columns first."""
    rows = [[*listing.columns], *([*map(cell, row)] for row in listing.rows)]
    return aligned(rows, listing.words or (0,))


def cell(value: Value) -> str:
    """A table's value as text."""
    return "" if value is None else f"{value:.4f}" if isinstance(value, float) else str(value)
