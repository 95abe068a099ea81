"""What a walkthrough is made of: arrays of numbers, steps, verdicts.

Plain frozen data. A step says what one instruction read and wrote and by which rule; the equation
of any single number is worked out from that when it is asked for (by its operation), so that a file
stays small and every rendering shows the same digits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from minidl.walkthrough.formulas import Index

SCHEMA = 3
"""Raised when the data change their shape; older files are refused."""

PARTS = {
    "problem": "Problem",
    "forward": "Forward",
    "loss": "Loss",
    "seed": "Backward",
    "backward": "Backward",
    "update": "Update",
    "after": "Afterwards",
}
"""The phases in order, and what they are called: the first gradient begins the way back."""


def unravel(place: int, shape: Index) -> Index:
    """The index of a number that is counted row by row."""
    return tuple(map(int, np.unravel_index(place, shape)))


def ravel(index: Index, shape: Index) -> int:
    """The place of a number, counted row by row."""
    return int(np.ravel_multi_index(index, shape))


@dataclass(frozen=True)
class Array:
    """Numbers under a name, as an instruction left them.

    Attributes
    ----------
    name : str
        As in the program's listing: ``dense1.sums``, ``∂dense1.weight``.
    shape : tuple of int
    values : tuple of float
        Row by row, exactly: float32 numbers are widened.
    dead : tuple of int
        Which of them (counted row by row) are 0 because a unit is off here: its slope is exactly 0.
    flat : tuple of int
        Which of them a unit gives that is saturated: ``minidl.diagnostics.saturation`` says when.
    pending : tuple of int
        Which of them are not computed yet, where an array is made part by part; 0 stands there.
    """

    name: str
    shape: tuple[int, ...]
    values: tuple[float, ...]
    dead: tuple[int, ...] = ()
    flat: tuple[int, ...] = ()
    pending: tuple[int, ...] = ()

    @classmethod
    def of(
        cls, name: str, numbers: Any, dead: Any = None, flat: Any = None, pending: Any = None
    ) -> Array:
        """From a NumPy array; ``dead``, ``flat`` and ``pending`` are masks of its shape."""
        array = np.asarray(numbers, np.float64)
        if pending is not None:
            array = np.where(pending, 0.0, array)  # whatever lies there is no number of anybody's
        values, shape = tuple(array.reshape(-1).tolist()), tuple(array.shape)
        masks = (dead, flat, pending)
        places = (() if m is None else tuple(np.flatnonzero(m).tolist()) for m in masks)
        return cls(name, shape, values, *places)

    def check(self) -> None:
        """Raise ``ValueError`` where values are too few, or a place is none of theirs."""
        count = len(self.values)
        if math.prod(self.shape) != count:
            raise ValueError(f"{self.name}: {count} values for the shape {self.shape}")
        for place in (*self.dead, *self.flat, *self.pending):
            if not 0 <= place < count:
                raise ValueError(f"{self.name}: no value has the place {place}")

    @cached_property
    def numbers(self) -> np.ndarray:
        """The same as a float64 array of its shape."""
        numbers = np.array(self.values, np.float64).reshape(self.shape)
        numbers.flags.writeable = False
        return numbers

    @cached_property
    def off(self) -> np.ndarray:
        """A mask of its shape: which numbers are 0 because a unit is off."""
        return self._mask(self.dead)

    @cached_property
    def level(self) -> np.ndarray:
        """A mask of its shape: which numbers a saturated unit gives."""
        return self._mask(self.flat)

    @cached_property
    def missing(self) -> np.ndarray:
        """A mask of its shape: which numbers are not computed yet."""
        return self._mask(self.pending)

    def _mask(self, places: tuple[int, ...]) -> np.ndarray:
        mask = np.zeros(len(self.values), bool)
        mask[list(places)] = True
        return mask.reshape(self.shape)

    def __getitem__(self, index: Index) -> float:
        return float(self.numbers[index])


@dataclass(frozen=True)
class Verdict:
    """What differences say of one number of a gradient.

    Attributes
    ----------
    name, index
        ``∂dense1.weight``, and which of its numbers.
    gradient : float
        The number of the walkthrough.
    double : float
        The same instructions' on the same numbers in float64.
    difference : float
        (L(x + h) − L(x − h)) / 2h, by those float64 instructions.
    step : float
        h.
    error : float
        Between ``double`` and ``difference``, relative to the larger of the two, or to what
        differences of this step can tell at all.
    verdict : str
        ``"pass"``; ``"kink"``: within h the loss has a corner, where no derivative exists, or ends;
        ``"rounded"``: right in float64, but the number's own type has lost digits; ``"bounded"``:
        a probability is so near to 0 or 1 that minidl bounds the loss's logarithm or the slope's
        denominator, and the two part by design; ``"fail"``.
    """

    name: str
    index: tuple[int, ...]
    gradient: float
    double: float
    difference: float
    step: float
    error: float
    verdict: str


@dataclass(frozen=True)
class Step:
    """One step of a walkthrough: what one instruction did.

    Attributes
    ----------
    number : int
        Counted from 0.
    phase : str
        One of ``PARTS``.
    title : str
        A heading: ``dense1.sums: weighted sums``.
    operation : str
        The operation or optimizer: ``dense``, ``sigmoid``, ``adam``.
    rule : str
        What is done, in symbols, for whole arrays.
    why : str
        One sentence on why it matters.
    expansion : str
        The key of its operation in ``operations``; empty where there is nothing to
        work out.
    reads : tuple of str
        Names of arrays, in the order of the rule's operands.
    writes : tuple of Array
        What the step computes.
    aside : tuple of Array
        Numbers of the same kernel that it keeps to itself: local derivatives, dropout's mask.
    formulas : dict of str to str
        What the rule is told, in Python's syntax: ``value``, ``slope`` …
    settings : dict of str to float
        Hyper-parameters, counts, divisors.
    instruction : int or None
        Its number in the program's listing; None where no instruction is needed.
    mirrors : int or None
        On the way back: the number of the step that this is the way back through.
    """

    number: int
    phase: str
    title: str
    operation: str
    rule: str
    why: str
    expansion: str = ""
    reads: tuple[str, ...] = ()
    writes: tuple[Array, ...] = ()
    aside: tuple[Array, ...] = ()
    formulas: dict[str, str] = field(default_factory=dict)
    settings: dict[str, float] = field(default_factory=dict)
    instruction: int | None = None
    mirrors: int | None = None

    def array(self, name: str) -> Array:
        """What the step wrote, or keeps to itself, under a name."""
        return next(array for array in (*self.writes, *self.aside) if array.name == name)


@dataclass(frozen=True)
class LayerFacts:
    """A layer in words: name, kind, activation, widths (None where any will do)."""

    name: str
    kind: str
    activation: str
    inputs: int | None
    outputs: int | None
    parameters: tuple[str, ...]


@dataclass(frozen=True)
class Problem:
    """What is walked through.

    Attributes
    ----------
    title : str
    layers : tuple of LayerFacts
    loss, optimizer : str
        With their settings, as they print themselves.
    output, loss_name : str
        The arrays of the network's output and of the loss.
    rows : int
        Of the batch.
    dtype : str
        Of the numbers.
    listing : str
        The program's instructions as text.
    frozen : tuple of str
        The parameters that stay as they are: they get no gradient and no update.
    """

    title: str
    layers: tuple[LayerFacts, ...]
    loss: str
    optimizer: str
    output: str
    loss_name: str
    rows: int
    dtype: str
    listing: str
    frozen: tuple[str, ...] = ()
