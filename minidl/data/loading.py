"""A dataset by the name of its card, or from a CSV file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from minidl.core import UnknownNameError, whole_number
from minidl.data.cards import read_cards
from minidl.data.dataset import Dataset
from minidl.data.tables import read_table


def load(name: str, seed: int = 0) -> Dataset:
    """Load a toy dataset by the name of its card.

    Parameters
    ----------
    name : str
        ``"moons"``, ``"digits"`` …: ``minidl list`` shows them all.
    seed : int
        Decides the noise of a generated set; a table that is what it is ignores it.

    Returns
    -------
    Dataset
        Features as they are: ``split().standardised()`` scales them.

    Raises
    ------
    UnknownNameError
        No card has this name; the remedy says which comes close.
    FileError
        The card is damaged.

    Examples
    --------
    >>> load("moons", seed=1)
    Dataset('moons': 500 rows, 2 features, 2 classes)
    """
    cards = read_cards()
    if Path(str(name)).suffix and str(name) not in cards:  # a path of a file, most often
        remedy = "Read a file with ml.data.load_csv(path, target)."
        raise UnknownNameError("dataset", "the name of a card", repr(name), remedy)
    card = cards[str(name)]
    table = card.table(whole_number("seed", seed, low=0, example=0))
    about = {part: getattr(card, part) for part in ("family", "metric", "teaches", "source")}
    return Dataset(card.name, **vars(table), **about)


def load_csv(path: str | Path, target: str, task: str | None = None) -> Dataset:
    r"""Load a table of one's own from a CSV file.

    The first line names the columns. Features must be numbers, without gaps.

    Parameters
    ----------
    path : str or Path
        A file in UTF-8, columns separated by commas.
    target : str
        The column to predict; every other column is a feature.
    task : {"classification", "regression"}, optional
        Unless given: classification if the target is text, or at most 20 different whole numbers
        that repeat (fewer of them than half of the rows); otherwise regression. Text is what
        pandas takes for it, too: ``1_0``, ``1,000``, ``0x10``. Whole numbers with zeros in front
        (``007``) name classes as they are written.

    Returns
    -------
    Dataset
        Labels become class numbers in sorted order; ``classes`` keeps the labels. The metric is
        balanced accuracy if some class has ten times the rows of another.

    Raises
    ------
    FileError
        The file is missing, unreadable or not text.
    DataError
        A row is ragged, or a cell empty or not a number; names line and column.
    UnknownNameError
        No column is called ``target``.
    ArgumentError
        The task is neither of the two.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "fruit.csv")
    ...     _ = path.write_text("width,kind\n7.1,apple\n9.0,orange\n7.3,apple\n")
    ...     fruit = load_csv(path, target="kind")
    >>> fruit.y, fruit.classes
    (array([0, 1, 0]), ('apple', 'orange'))
    """
    table = read_table(path, target, task)
    metric = "r2"
    if table.classes:
        counts = np.bincount(table.y)
        metric = "balanced_accuracy" if counts.max() >= 10 * counts.min() else "accuracy"
    name = Path(path).stem
    return Dataset(name, **vars(table), family=name, metric=metric, source=str(path))
