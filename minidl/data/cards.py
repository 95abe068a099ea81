"""The cards of the toy datasets.

A card is a TOML file in ``datasets/``: where the rows come from, and what they teach. It names a
``make_…`` or ``load_…`` of ``sklearn.datasets`` or one of ``GENERATORS``; nothing else is called.
It may make another task of the same rows: ``target``, ``cut`` and ``classes``.
"""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from minidl.core import (
    FileError,
    Registry,
    did_you_mean,
    generator,
    parse_toml,
    random_state,
    read_text,
)
from minidl.data import generated_classes, generated_quantities
from minidl.data.tables import TASKS, CsvTable

GENERATORS = {
    function.__name__: function
    for function in (*generated_classes.GENERATORS, *generated_quantities.GENERATORS)
}

TEXT = (str, "text", '{} = "…"')
TABLE = (dict, "a table", "[{}] and its lines below")
OTHER_THAN_TEXT: dict[str, tuple[type, str, str]] = {
    "parameters": TABLE,
    "classes": TABLE,
    "aliases": (list, "a list", '{} = ["…"]'),
    "cut": (float, "a number with a point", "{} = 1.5"),
}
"""Fields by their kind of value: what TOML calls it, and how it is written."""


@dataclass(eq=False)
class Card:
    """What is known of a dataset before it is loaded.

    Parameters
    ----------
    name, title : str
        What to load it by (the name of its file), and what to print above a picture.
    task : {"classification", "regression"}
        What is predicted: a class or a quantity.
    family : str
        Sets of one family are variants of one problem: a study must not count them as independent.
        One family is whatever is made of one table, and all rules of one kind on features of one
        kind, in any size, noise, number of features or classes.
    source : str
        Where the rows come from: a function or a formula, and the publication.
    loader : str
        ``"sklearn.datasets.make_moons"``, or ``"minidl:xor"`` for one of ``GENERATORS``.
    parameters : dict
        What the loader is called with; a generator is given the seed besides.
    metric : str
        The scikit-learn scorer that says how good a prediction is.
    teaches : str
        What this set shows about activations and losses.
    path : Path
        The file, for messages.
    aliases : tuple of str
        Other names.
    target : str
        A column to predict from the others, instead of what the table is about.
    cut : float, optional
        Makes two classes of a quantity: 0 up to it, 1 above it.
    classes : dict, optional
        Each class by name, with the class numbers of the table that it takes together.

    Examples
    --------
    >>> card = read_cards()["moons"]
    >>> card.loader, card.parameters["n_samples"]
    ('sklearn.datasets.make_moons', 500)
    """

    name: str
    title: str
    task: str
    family: str
    source: str
    loader: str
    parameters: dict[str, Any]
    metric: str
    teaches: str
    path: Path
    aliases: tuple[str, ...] = ()
    target: str = ""
    cut: float | None = None
    classes: dict[str, int | list[int]] | None = None

    def table(self, seed: int) -> CsvTable:
        """Make or read the rows; ``seed`` decides the noise of a generated set."""
        try:
            X, y, names, labels = self._rows(seed)
        except (TypeError, ValueError) as error:
            got, remedy = f"{self.parameters} ({error})", "Correct the card's table of parameters."
            raise FileError(str(self.path), f"parameters of {self.loader}", got, remedy) from error
        X = np.ascontiguousarray(X, dtype=np.float64)  # digits comes as a view of a wider table
        names = names or tuple(f"x{column}" for column in range(1, X.shape[1] + 1))
        if self.target:
            X, y, names = self._other_target(X, names)
            labels = ()
        if self.task == "regression":
            return CsvTable(X, y.astype(np.float64), self.task, names, ())
        if self.cut is not None:
            y = y > self.cut
        values, y = np.unique(y, return_inverse=True)
        labels = labels or tuple(f"{value:g}" for value in values.astype(np.float64))
        if self.classes:
            y, labels = self._merged(y, self.classes, len(values))
        return CsvTable(X, y.astype(np.int64), self.task, names, labels)

    def _other_target(
        self, X: np.ndarray, names: tuple[str, ...]
    ) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
        """The column to predict, and the table without it."""
        if self.target not in names:
            expected = f"target to be a column: {', '.join(names)}"
            remedy = did_you_mean(self.target, names, "Write one of them.")
            raise FileError(str(self.path), expected, repr(self.target), remedy)
        column = names.index(self.target)
        others = names[:column] + names[column + 1 :]
        return np.delete(X, column, axis=1), X[:, column], others

    def _merged(
        self, y: np.ndarray, classes: dict[str, int | list[int]], number: int
    ) -> tuple[np.ndarray, tuple[str, ...]]:
        """Class numbers in the order of ``classes``, and its names."""
        groups = [old if isinstance(old, list) else [old] for old in classes.values()]
        listed = list(chain(*groups))
        if sorted(map(repr, listed)) != sorted(map(repr, range(number))):
            expected = f"classes to hold each number from 0 to {number - 1} once"
            raise FileError(str(self.path), expected, str(listed), "Correct the table [classes].")
        new = np.empty(number, np.int64)
        new[listed] = np.repeat(np.arange(len(groups)), list(map(len, groups)))
        return new[y], tuple(classes)

    def _rows(self, seed: int) -> tuple[np.ndarray, np.ndarray, tuple[str, ...], tuple[str, ...]]:
        package, separator, function_name = self.loader.partition(":")
        purpose = f"data {self.name}"
        if separator and package == "minidl" and function_name in GENERATORS:
            return *GENERATORS[function_name](generator(purpose, seed), **self.parameters), (), ()
        from sklearn import datasets as sklearn_datasets  # here: it takes 0.7 s

        function = self.loader.removeprefix("sklearn.datasets.")
        known = function != self.loader and function in sklearn_datasets.__all__
        if not (known and function.startswith(("make_", "load_"))):
            own_names = ", ".join(f"minidl:{name}" for name in GENERATORS)
            remedy = f"Write sklearn.datasets.make_… or load_…, or one of {own_names}."
            raise FileError(str(self.path), "a loader that exists", repr(self.loader), remedy)
        load = getattr(sklearn_datasets, function)
        if function.startswith("make_"):
            return *load(random_state=random_state(purpose, seed), **self.parameters), (), ()
        bunch = load(**self.parameters)
        labels = tuple(str(name) for name in bunch.get("target_names", ()))
        return bunch.data, bunch.target, tuple(map(str, bunch.feature_names)), labels


def read_card(path: Path) -> Card:
    """Read one card, or say what is wrong with its file.

    Examples
    --------
    >>> read_card(cards_folder() / "iris.toml").task
    'classification'
    """
    expected = "a card in TOML"
    remedy = "Correct the file, or restore the one that came with minidl."
    content = parse_toml(read_text(path, expected, remedy), str(path), expected, remedy)
    _check_fields(path, content)
    if content["task"] not in TASKS:
        remedy = "Write one of the two."
        raise FileError(str(path), f"task to be {' or '.join(TASKS)}", content["task"], remedy)
    if content["name"] != path.stem:
        remedy = f"Write name = {path.stem!r}, or rename the file."
        raise FileError(str(path), "the name of its file", repr(content["name"]), remedy)
    content["aliases"] = tuple(content.get("aliases", ()))
    return Card(path=path, **content)


def _check_fields(path: Path, content: dict[str, Any]) -> None:
    known = {field.name: field.default for field in fields(Card) if field.name != "path"}
    required = [name for name, default in known.items() if default is MISSING]
    expected = f"the fields {', '.join(required)}"
    for name in required:
        if name not in content:
            remedy = f"Add the table [{name}]." if name == "parameters" else f'Add {name} = "…".'
            raise FileError(str(path), expected, f"no {name!r}", remedy)
    for name, value in content.items():
        if name not in known:
            remedy = did_you_mean(name, known, "Remove it.")
            raise FileError(str(path), expected, f"{name!r} besides", remedy)
        kind, words, example = OTHER_THAN_TEXT.get(name, TEXT)
        if not isinstance(value, kind):
            remedy = f"Write {example.format(name)}."
            raise FileError(str(path), f"{name} to be {words}", repr(value), remedy)


def cards_folder(package: Path = Path(__file__).parents[1]) -> Path:
    """The folder of the cards: inside an installed package, beside it in a checkout.

    Examples
    --------
    >>> cards_folder().name
    'datasets'
    """
    places = (package / "datasets", package.parent / "datasets")
    for folder in places:
        if next(folder.glob("*.toml"), None) is not None:
            return folder
    got, remedy = "none there", "Install minidl again: pip install --force-reinstall minidl."
    raise FileError(str(places[0]), "the cards of the datasets (*.toml)", got, remedy)


@cache
def read_cards() -> Registry[Card]:
    """Every card by name, read once, when the first is asked for.

    Examples
    --------
    >>> read_cards()["moon"]  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    minidl.core.errors.UnknownNameError: dataset: expected one of ... Did you mean 'moons'?
    """
    cards: Registry[Card] = Registry("dataset")
    for path in sorted(cards_folder().glob("*.toml")):
        cards.register(read_card(path))
    return cards
