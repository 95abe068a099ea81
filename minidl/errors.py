"""What can go wrong, and what to do next.

Every error of minidl says four things: who is to blame (an argument, a layer, a file), what was
expected, what came, and what to write instead. They are also attributes, so that a program can
show them its own way.
"""

from __future__ import annotations


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

    Examples
    --------
    >>> print(MinidlError("epochs", "at least 1", "0", "Write epochs=100."))
    epochs: expected at least 1, got 0. Write epochs=100.
    """

    def __init__(self, culprit: str, expected: str, got: str, remedy: str) -> None:
        super().__init__(f"{culprit}: expected {expected}, got {got}. {remedy}")
        self.culprit, self.expected, self.got, self.remedy = culprit, expected, got, remedy

    def __reduce__(self) -> tuple[type, tuple[str, str, str, str]]:
        return type(self), (self.culprit, self.expected, self.got, self.remedy)


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


class GradientError(MinidlError, RuntimeError):
    """A gradient that cannot be had, or would be wrong."""


class RecordError(MinidlError, RuntimeError):
    """A step that cannot be written down as a program."""


class DataError(MinidlError, ValueError):
    """A table that cannot be learned from as it is."""


class FileError(MinidlError, OSError):
    """A file or folder that cannot be read, written or trusted."""
