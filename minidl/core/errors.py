"""What can go wrong, and what to do next.

Every error of minidl says four things: who is to blame (an argument, a layer, a file), what was
expected, what came, and what to write instead. They are also attributes, so that a program can
show them its own way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from minidl.core.encoding import printable


class MinidlError(Exception):
    """Anything minidl refuses to do.

    Parameters
    ----------
    culprit : str
        The argument, layer or file at fault, as the user knows it (``"y_true"``, ``"dense2"``).
    expected, got : str
        What was wanted there, and what came.
    remedy : str
        What to write instead: one sentence, a command or a line of code.

    Attributes
    ----------
    epoch, batch, row : int or None
        Where in training it happened, counted from 0; the row is one of the data trained on.

    Examples
    --------
    >>> print(MinidlError("epochs", "at least 1", "0", "Write epochs=100."))
    epochs: expected at least 1, got 0. Write epochs=100.
    """

    def __init__(self, culprit: str, expected: str, got: str, remedy: str) -> None:
        super().__init__(f"{culprit}: expected {expected}, got {got}. {remedy}")
        self.culprit, self.expected, self.got, self.remedy = culprit, expected, got, remedy

    epoch: int | None = None
    batch: int | None = None
    row: int | None = None
    spot: tuple[int, int] | None = None  # the place of a number, among so many, that was refused

    def found_in(self, batch: int, rows: Any) -> None:
        """Note the batch that was worked on, and the row of the data if one number is to blame."""
        self.batch = batch
        if self.spot is not None:
            place, size = self.spot
            if size % len(rows) == 0:
                self.row = int(rows[place * len(rows) // size])

    def __str__(self) -> str:
        known = {"epoch": self.epoch, "batch": self.batch, "row": self.row}
        when = ", ".join(f"{name} {at}" for name, at in known.items() if at is not None)
        return printable(f"{when}: {self.args[0]}" if when else self.args[0])

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.culprit, self.expected, self.got, self.remedy), vars(self)


class ShapeError(MinidlError, ValueError):
    """Shapes that do not fit together."""


class DomainError(MinidlError, ValueError):
    """A number outside the values that make sense where it stands."""


class DtypeError(MinidlError, TypeError):
    """Numbers of a kind that cannot be used here, or of two kinds that must not be mixed."""


class ArgumentError(MinidlError, ValueError):
    """An argument that makes no sense, alone or beside another."""


class UnknownNameError(MinidlError, LookupError):
    """A name nobody registered; the remedy says which ones come close."""


class MissingError(MinidlError, AttributeError):
    """Something that a layer or network does not have; the remedy says what does its work."""


class GradientError(MinidlError, RuntimeError):
    """A gradient that cannot be had, or would be wrong."""


class RecordError(MinidlError, RuntimeError):
    """A step that cannot be written down as a program."""


class ConcurrencyError(MinidlError, RuntimeError):
    """Something that belongs to one thread at a time, and is in use on another."""


class AnomalyError(MinidlError, ArithmeticError):
    """The first number that is not finite, as ``minidl.detect_anomaly`` found it.

    Attributes
    ----------
    operation : str
        What made it: ``"log"``, ``"dense"``, ``"adam"``.
    phase : str
        ``"forward"``, ``"loss"``, ``"backward"`` or ``"update"``.
    where : str or None
        The layer whose ``forward`` it happened in; going backward, the tensor that the operation
        had made; in an update, the parameter.
    foreign : bool
        Whether an operand was not finite already, and no operation had made it so.
    value : float
        NaN, ∞ or −∞.
    index, shape : tuples of int
        Its place in what was written, and the shape of that; going forward the row comes first.
    operands : mapping of str to float
        What it was made from, by name and place; of operands of another shape, the largest.
    """

    operation, phase = "", ""
    where: str | None = None
    foreign = False
    value = float("nan")
    index: tuple[int, ...] = ()
    shape: tuple[int, ...] = ()
    operands: Mapping[str, float] = {}


class DataError(MinidlError, ValueError):
    """A table that cannot be learned from as it is."""


class FileError(MinidlError, OSError):
    """A file or folder that cannot be read, written or trusted."""
