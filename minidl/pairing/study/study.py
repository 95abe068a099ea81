"""A study: the grid of networks that is trained, how rates are tuned, what is compared."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from minidl.core import (
    POSITIVE,
    ArgumentError,
    UnknownNameError,
    did_you_mean,
    number,
    parse_toml,
    read_text,
    short,
    whole_number,
)
from minidl.data import Dataset, datasets, load, load_csv
from minidl.nn import activations, get_initializer
from minidl.optim import optimizers
from minidl.pairing.study.grid import Head, Pairing, heads, hidden_activations
from minidl.pairing.study.trial import TUNING, Cell, Setting, Trial

RATES = (0.0003, 0.002, 0.01, 0.05, 0.3)
DECADES = 1000.0
"""How far a grid of learning rates reaches, at least, from the lowest to the highest."""

OUTPUTS = ("linear", "sigmoid", "tanh", "softmax")
"""Output activations of the sound heads that are taken where a study names no heads."""

SIZES = {
    "epochs": (30, 1_000_000), "batch_size": (32, 2**31), "widths": (16, 100_000),
    "depths": (2, 1_000), "tuning_repetitions": (10, TUNING), "repetitions": (10, TUNING),
}  # fmt: skip
"""An example, and the largest: a file of a hundred bytes may ask for more than any computer has.
Of more repetitions the seeds would meet."""

ALL_PAIRINGS = "all"
"""As a reference: every pairing is compared with every other one."""


@dataclass(frozen=True)
class Study:
    """A grid of trials, read from a TOML file or made from flags or in Python.

    Parameters
    ----------
    datasets : sequence of str
        Names of cards, or CSV files written ``file.csv:target``.
    families : sequence of str
        Every card of these families, besides.
    name : str
    hidden : sequence of str
        Hidden activations; every one that bends if left out.
    heads : sequence of str
        As ``"sigmoid+bce"``; a head is taken on each dataset that it is sound for. Left out:
        every sound head with one of ``outputs``.
    outputs : sequence of str
    unsound : bool
        Whether unsound heads are trained as well.
    widths, depths : sequence of int
        Units of a hidden layer, and how many hidden layers: every combination.
    init, optimizers : sequence of str
    learning_rates : sequence of float
        Every pairing gets the same; at least three decades. A single one is a fixed rate: then
        nothing is tuned, and the report says so.
    tuning_repetitions : int
        Networks by which a rate is judged, on validation data, under seeds of their own.
    repetitions : int
        Networks that are reported, with fresh seeds and on test data.
    epochs, batch_size : int
        The same for every trial.
    minutes : float, optional
        A budget of time: ``run`` stops when it is spent, ``resume`` goes on.
    reference : sequence of str
        The pairings, one a task, that all others are compared with; ``"all"`` compares all with
        all. Left out: the first hidden activation with the textbook's head.

    Raises
    ------
    ArgumentError, UnknownNameError
        For what makes no sense; the message names the key.

    Examples
    --------
    >>> study = Study(datasets=["xor"], hidden=["relu", "tanh"], heads=["sigmoid+bce"])
    >>> len(study.cells(study.load())), study.trials_per_cell
    (2, 25)
    """

    datasets: Sequence[str] = ()
    families: Sequence[str] = ()
    name: str = "study"
    hidden: Sequence[str] = ()
    heads: Sequence[str] = ()
    outputs: Sequence[str] = OUTPUTS
    unsound: bool = False
    widths: Sequence[int] = (16,)
    depths: Sequence[int] = (2,)
    init: Sequence[str] = ("auto",)
    optimizers: Sequence[str] = ("adam",)
    learning_rates: Sequence[float] = RATES
    tuning_repetitions: int = 3
    repetitions: int = 10
    epochs: int = 50
    batch_size: int = 32
    minutes: float | None = None
    reference: Sequence[str] = ()
    asked: tuple[Head, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for part in fields(self):
            if part.init and isinstance(part.default, tuple):
                self._set(part.name, _listed(part.name, getattr(self, part.name), part.default))
        if not self.name or type(self.name) is not str:
            raise ArgumentError("name", "a text", short(self.name), 'Write name = "study".')
        if not isinstance(self.unsound, bool):
            raise ArgumentError("unsound", "true or false", short(self.unsound), "Leave it out.")
        self._name_everything()
        self._check_reference()
        for key, limits in SIZES.items():
            value = getattr(self, key)
            if isinstance(value, tuple):
                self._set_once(key, [whole_number(key, n, 1, *limits) for n in value])
            else:
                self._set(key, whole_number(key, value, 1, *limits))
        if self.minutes is not None:
            self._set("minutes", number("minutes", self.minutes, POSITIVE, 15))
        self._check_rates()

    def _set(self, key: str, value: Any) -> None:
        object.__setattr__(self, key, value)  # the way into a frozen dataclass

    def _set_once(self, key: str, values: Iterable[Any]) -> None:
        self._set(key, tuple(dict.fromkeys(values)))

    def _name_everything(self) -> None:
        """Aliases become names, each once; a typo is refused here."""
        if not self.datasets and not self.families:
            expected, remedy = "a dataset, or a family of them", 'Write datasets = ["moons"].'
            raise ArgumentError("datasets", expected, "none", remedy)
        tables = (name if is_file(name) else datasets[name].name for name in self.datasets)
        self._set_once("datasets", tables)
        known = {card.family: None for card in datasets}
        for family in self.families:
            if family not in known:
                expected, got = f"some of {', '.join(known)}", repr(family)
                remedy = did_you_mean(family, known, "See `minidl show DATASET`.")
                raise UnknownNameError("families", expected, got, remedy)
        self._set_once("families", self.families)
        self._set_once("hidden", (activations[n].name for n in self.hidden or hidden_activations()))
        self._set_once("outputs", (activations[name].name for name in self.outputs))
        self._set_once("optimizers", (optimizers[name].name for name in self.optimizers))
        inits = (n if n == "auto" else get_initializer(n).name for n in self.init)
        self._set_once("init", inits)
        self._set_once("asked", (Head.parse(text) for text in self.heads))
        self._set("heads", tuple(head.name for head in self.asked))

    def _check_reference(self) -> None:
        """A reference must be among the pairings, or nothing would be compared with it."""
        if ALL_PAIRINGS in self.reference:
            if len(self.reference) > 1:
                expected, got = f'"{ALL_PAIRINGS}" alone, or pairings', repr([*self.reference])
                raise ArgumentError("reference", expected, got, f'Leave "{ALL_PAIRINGS}" out.')
            return
        pairings = dict.fromkeys(Pairing.parse(text) for text in self.reference)
        for pairing in pairings:
            if pairing.hidden not in self.hidden or not self._asks_for(pairing.head):
                expected = "a pairing of the study"
                remedy = "Add its hidden activation and its head to the study, or name another."
                raise ArgumentError("reference", expected, repr(pairing.name), remedy)
        self._set("reference", tuple(pairing.name for pairing in pairings))

    def _check_rates(self) -> None:
        rates = tuple(sorted({number("learning_rates", r, POSITIVE) for r in self.learning_rates}))
        self._set("learning_rates", rates)
        if not self.fixed_rate and rates[-1] / rates[0] < DECADES * (1 - 1e-9):
            raise ArgumentError(
                "learning_rates",
                "at least three decades, or a single rate",
                f"{rates[0]:g} to {rates[-1]:g}",
                "A best rate outside the grid would favour some pairings: widen it.",
            )

    # ------------------------------------------------------------------------------- files

    @classmethod
    def read(cls, path: str | Path) -> Study:
        """A study from a TOML file; its keys are the parameters."""
        path, expected, remedy = Path(path), "a study in TOML", "See README, Studies."
        text = read_text(path, expected, remedy, encoding="utf-8-sig")
        given = parse_toml(text, str(path), expected, remedy)
        return cls.from_mapping({"name": path.stem, **given}, str(path))

    @classmethod
    def from_mapping(cls, given: Mapping[str, Any], culprit: str = "study") -> Study:
        """A study from keys and values, as a TOML file has them."""
        keys = [part.name for part in fields(cls) if part.init]
        for key in given:
            if key not in keys:
                remedy = did_you_mean(key, keys, "Leave it out.")
                raise ArgumentError(culprit, f"keys among {', '.join(keys)}", repr(key), remedy)
        return cls(**given)

    def facts(self) -> dict[str, Any]:
        """The keys and values, as JSON and TOML have them."""
        values = {part.name: getattr(self, part.name) for part in fields(self) if part.init}
        return {
            key: list(value) if isinstance(value, tuple) else value for key, value in values.items()
        }

    def toml(self) -> str:
        """The study as a TOML file that ``read`` understands."""
        written = {key: value for key, value in self.facts().items() if value not in (None, [])}
        # Strings, lists and numbers are written alike in JSON and TOML.
        lines = (f"{k} = {json.dumps(v, ensure_ascii=False)}\n" for k, v in written.items())
        return "".join(lines).replace("\x7f", "\\u007f")  # which TOML wants escaped

    # -------------------------------------------------------------------------------- grid

    @property
    def fixed_rate(self) -> bool:
        """Whether all are trained at one learning rate, and nothing is tuned."""
        return len(self.learning_rates) == 1

    @property
    def trials_per_cell(self) -> int:
        """Networks for one pairing in one setting on one dataset."""
        tuning = 0 if self.fixed_rate else len(self.learning_rates) * self.tuning_repetitions
        return tuning + self.repetitions

    def load(self) -> dict[str, Dataset]:
        """The datasets by name, in order."""
        names = [*self.datasets, *(c.name for c in datasets if c.family in self.families)]
        loaded: dict[str, Dataset] = {}
        for name in dict.fromkeys(names):
            dataset = _load(name)
            if dataset.name in loaded:
                expected = "a name no other dataset has"
                raise ArgumentError(f"datasets: {name}", expected, dataset.name, "Rename the file.")
            loaded[dataset.name] = dataset
        return loaded

    def settings(self) -> list[Setting]:
        """What networks are besides their pairing."""
        every = itertools.product(self.widths, self.depths, self.init, self.optimizers)
        return [Setting((width,) * depth, *others) for width, depth, *others in every]

    def _asks_for(self, head: Head) -> bool:
        return head in self.asked if self.asked else head.activation in self.outputs

    def heads_for(self, data: Dataset) -> list[Head]:
        """The heads that are trained on a dataset."""
        sound, others = heads(data.task, data.n_classes)
        every = [*sound, *others] if self.unsound else sound
        return [head for head in every if self._asks_for(head)]

    def left_out(self, data: Dataset) -> dict[Head, str]:
        """The heads that are unsound on a dataset, with the reason."""
        if self.unsound:
            return {}
        others = heads(data.task, data.n_classes)[1]
        return {head: why for head, why in others.items() if self._asks_for(head)}

    def cells(self, data: Mapping[str, Dataset]) -> list[Cell]:
        """Every place of the grid, dataset by dataset, so that a cut run has whole datasets."""
        grid = [
            Cell(dataset.name, Pairing(hidden, head), setting)
            for dataset in data.values()
            for head in self.heads_for(dataset)
            for hidden in self.hidden
            for setting in self.settings()
        ]
        if not grid:
            raise self._nothing_sound(data)
        return grid

    def _nothing_sound(self, data: Mapping[str, Dataset]) -> ArgumentError:
        """With the reason for one head."""
        reasons = (
            f" ({head.name} on {dataset.name}: {why})"
            for dataset in data.values()
            for head, why in self.left_out(dataset).items()
        )
        got = f"none{next(reasons, '')}"
        remedy = "Ask for others, or train them as they are: unsound = true, or --unsound."
        return ArgumentError("heads", "a sound head for some dataset", got, remedy)

    def tuning(self, cell: Cell) -> list[Trial]:
        """The trials by which a cell's learning rate is chosen; none at a fixed rate."""
        if self.fixed_rate:
            return []
        return [
            self._trial(cell, rate, repetition, tuning=True)
            for rate in self.learning_rates
            for repetition in range(self.tuning_repetitions)
        ]

    def final(self, cell: Cell, learning_rate: float) -> list[Trial]:
        """The trials of a cell that are reported."""
        return [self._trial(cell, learning_rate, r) for r in range(self.repetitions)]

    def _trial(self, cell: Cell, rate: float, repetition: int, tuning: bool = False) -> Trial:
        return Trial(cell, rate, repetition, tuning, self.epochs, self.batch_size)


def _listed(key: str, given: Any, usual: tuple[Any, ...]) -> tuple[Any, ...]:
    """Several values as a tuple; one alone is welcome, none only where it is usual."""
    values = (given,) if isinstance(given, str | int | float) else given
    if not isinstance(values, Sequence) or (usual and not values):
        expected = "a list that is not empty" if usual else "a list"
        raise ArgumentError(key, expected, short(given), f"Write {key} = […], or leave it out.")
    if key in ("widths", "depths", "learning_rates"):
        return tuple(values)
    for value in values:
        if not isinstance(value, str) or not value:
            raise ArgumentError(key, "names in quotes", short(value), f'Write {key} = ["…"].')
    return tuple(values)


def is_file(name: str) -> bool:
    """Whether a dataset is a table of one's own: cards have no ending, folder or column."""
    return ":" in name or bool(Path(name).suffix) or Path(name).name != name


def _load(name: str) -> Dataset:
    if not is_file(name):
        return load(name)
    path, colon, target = name.rpartition(":")
    if not (colon and path and target):
        remedy = f"Write {name.strip(':')}:TARGET, with the column to predict."
        raise ArgumentError(f"datasets: {name}", "a file and a column", repr(name), remedy)
    return load_csv(path, target)
