"""A worksheet: the steps of a walkthrough with blanks, and its answers; made from a seed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from minidl.core import (
    ArgumentError,
    FileError,
    UnknownNameError,
    did_you_mean,
    storage,
    whole_number,
)
from minidl.document import Page, to_html, to_markdown
from minidl.walkthrough.formulas import PENDING, Symbol, number
from minidl.walkthrough.practice.exercise import exercise
from minidl.walkthrough.practice.items import (
    ASKED_DIGITS,
    DIFFICULTIES,
    SPARE_DIGITS,
    Item,
    items,
    significant,
)
from minidl.walkthrough.practice.sheet_page import sheet_page
from minidl.walkthrough.practice.sheets import Blank, Sheet
from minidl.walkthrough.walkthrough import Walkthrough

SCHEMA = 3
"""Of a worksheet's JSON; older files are refused."""

COPIED_DIGITS = 3
"""Numbers of fewer significant digits (0, 0.5) may well stand in two places."""

SHEET, ANSWERS = "sheet.json", "answers.json"
"""Files of a saved worksheet that ``minidl grade`` reads."""


@dataclass(frozen=True)
class Worksheet(Sheet):
    """A walkthrough with blanks; ``minidl.worksheet`` makes it, ``minidl.grade`` marks it.

    Attributes
    ----------
    schema, seed : int
    difficulty : str
        ``"values"``, ``"derivatives"``, ``"contributions"`` or ``"updates"``.
    blanks : tuple of Blank
    walkthrough : Walkthrough
        Where all numbers come from, with the answers.

    Examples
    --------
    >>> sheet = worksheet(seed=1, difficulty="values", blanks=2)
    >>> sheet.template()
    {'dense1[1, 1]': None, 'dense2[0, 0]': None}
    >>> worksheet(seed=1, difficulty="values", blanks=2) == sheet
    True
    """

    _what = "a worksheet"
    _schema = SCHEMA
    _remedy = f"Give the {SHEET} that `minidl worksheet` wrote."

    def page(self, key: bool = False) -> Page:
        """What is shown of it; with ``key``, the answers in their places."""
        return sheet_page(self, key)

    def to_markdown(self, key: bool = False) -> str:
        """The sheet as Markdown; with ``key``, the answers in their places."""
        return to_markdown(self.page(key))

    def to_html(self, key: bool = False) -> str:
        """The sheet as one page to print; with ``key``, the answers in their places."""
        return to_html(self.page(key))

    def _repr_markdown_(self) -> str:
        """In a notebook."""
        return self.to_markdown()

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.asked) != len(self.blanks):
            raise ValueError("blanks that are nowhere in the walkthrough")

    def save(self, folder: Any) -> list[Path]:
        """Write the sheet, its key, and files for ``grade`` into a folder: all or nothing.

        Parameters
        ----------
        folder : str or Path
            Made if there is none; files of an earlier sheet are replaced.

        Returns
        -------
        list of Path
            ``worksheet.html`` and ``.md``, ``key.html`` and ``.md``, ``answers.json`` to be filled
            in, ``sheet.json``.

        Raises
        ------
        FileError
            If the folder cannot be written.
        """
        template = json.dumps(self.template(), ensure_ascii=False, indent=2) + "\n"
        files = {
            "worksheet.html": self.to_html(),
            "worksheet.md": self.to_markdown(),
            "key.html": self.to_html(key=True),
            "key.md": self.to_markdown(key=True),
            ANSWERS: template,
            SHEET: self.to_json(),
        }
        _write_all(Path(folder), files)
        return [Path(folder) / name for name in files]


def _write_all(folder: Path, files: dict[str, str]) -> None:
    """Write files into a folder; if one fails, what was not there before goes again."""
    new_folders = [path for path in (folder, *folder.parents) if not path.exists()]
    new_files: list[Path] = []
    try:
        storage.make_folder(folder)
        for name, text in files.items():
            path, is_new = folder / name, not (folder / name).exists()
            storage.write_whole(path, text.encode())
            new_files += [path] * is_new
    except FileError:
        for path in new_files:
            path.unlink()
        for path in new_folders:
            if path.is_dir():
                path.rmdir()
        raise


def worksheet(
    walkthrough: Walkthrough | None = None,
    *,
    seed: int = 0,
    difficulty: str = "contributions",
    blanks: int = 12,
) -> Worksheet:
    """Make an exercise sheet of a walkthrough: the same steps with blanks, and an answer key.

    Parameters
    ----------
    walkthrough : Walkthrough, optional
        From ``minidl.explain``. Left out, the seed decides a small network, too.
    seed : int
        Decides which numbers are asked for.
    difficulty : {"values", "derivatives", "contributions", "updates"}
        What is asked for: numbers of the way forward; local derivatives as well; contributions
        to gradients and their sums; updates. Half of the blanks are of the hardest kind.
    blanks : int
        How many, at least 1; fewer where there are not so many numbers.

    Returns
    -------
    Worksheet

    Raises
    ------
    UnknownNameError
        For another difficulty.
    ArgumentError
        For a negative seed, for less than one blank, or where there is nothing to ask.

    Examples
    --------
    >>> import minidl as ml
    >>> net = ml.mlp([2, 2, 1], hidden="relu", seed=0)
    >>> step = ml.explain(net, [[0.5, -1.0]], [1], loss="mse")
    >>> sheet = ml.worksheet(step, seed=5, difficulty="derivatives", blanks=4)
    >>> [blank.name for blank in sheet.blanks][-1]
    '∂dense1/∂dense1.sums[0, 1]'
    """
    seed = whole_number("worksheet(seed=…)", seed, low=0, example=0)
    blanks = whole_number("worksheet(blanks=…)", blanks)
    if difficulty not in DIFFICULTIES:
        remedy = did_you_mean(difficulty, DIFFICULTIES, "The first is the easiest.")
        wanted = f"one of {', '.join(DIFFICULTIES)}"
        raise UnknownNameError("difficulty", wanted, repr(difficulty), remedy)
    walkthrough = replace(walkthrough or exercise(seed), digits=ASKED_DIGITS + SPARE_DIGITS)
    every = list(items(walkthrough))
    pools = _pools(walkthrough, every, DIFFICULTIES.index(difficulty))
    rng = np.random.default_rng(seed)
    asked = {place for pool, share in _shares(pools, blanks)
             for place in rng.choice(pool, share, replace=False).tolist()}  # fmt: skip
    if not asked:
        remedy = "Take a network with an activation, or a harder difficulty."
        raise ArgumentError("worksheet", "numbers to ask for", "none", remedy)
    named = _named([every[place] for place in sorted(asked)])
    return Worksheet(SCHEMA, seed, difficulty, tuple(named), walkthrough)


def _pools(walkthrough: Walkthrough, every: list[Item], hardest: int) -> list[list[int]]:
    """Places of equations to ask for, by level from the hardest.

    A number that stands on the sheet for something else, too, with either sign, is not asked for.
    """
    given = {
        abs(number(walkthrough.text(array, index)))
        for array in walkthrough.start
        for index in np.ndindex(array.shape)
    }
    known = [item for item in every if item.equation.result != PENDING]
    results = {(abs(number(item.equation.result)), item.first) for item in known}
    times = Counter([*given, *(value for value, _ in results)])
    pools: list[list[int]] = [[] for _ in range(hardest + 1)]
    for item in known:
        result = item.equation.result
        twice = times[abs(number(result))] > 1 and significant(result) >= COPIED_DIGITS
        if item.asks and item.level <= hardest and item.first == item.number and not twice:
            pools[item.level].append(item.number)
    return pools[::-1]


def _shares(pools: list[list[int]], blanks: int) -> Iterator[tuple[list[int], int]]:
    """How many of each pool: half of all from the first, half of the rest from the next."""
    left = blanks
    for i, pool in enumerate(pools):
        rest = sum(map(len, pools[i + 1 :]))
        share = min(len(pool), max(-(-left // 2), left - rest))
        left -= share
        yield pool, share


def _named(asked: list[Item]) -> Iterator[Blank]:
    """Blanks with numbers, and names of which none comes twice."""
    names: set[str] = set()
    for i, item in enumerate(asked, start=1):
        name = str(item.equation.left)
        if name in names:  # "g with decay" of another weight, a sum where ways meet
            name = f"{name} for {Symbol(item.array, item.index)}, step {item.step.number}"
        names.add(name)
        yield Blank(i, name, item.step.number, item.array, item.index, item.place)
