"""Rows of text as lines whose columns stand below each other."""

from __future__ import annotations

from collections.abc import Collection, Sequence


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
