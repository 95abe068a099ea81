"""What only one thread may do at a time: a second one is told so, instead of waiting."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from typing import Any

from minidl.core.errors import ConcurrencyError


class Exclusive:
    """A lock that refuses where others wait; the thread that holds it may enter it again.

    Copies and pickles get one of their own.

    Parameters
    ----------
    what : str
        For the message: ``"a network's parameters"``.
    remedy : str

    Examples
    --------
    >>> training = Exclusive("a network's parameters", "Train one network on one thread.")
    >>> with training, training:
    ...     print("trains")
    trains
    """

    def __init__(self, what: str, remedy: str) -> None:
        self.what, self.remedy = what, remedy
        self._lock = threading.RLock()

    def __enter__(self) -> None:
        if not self._lock.acquire(blocking=False):
            expected, got = "to be used by one thread at a time", "a second one"
            raise ConcurrencyError(self.what, expected, got, self.remedy)

    def __exit__(self, *_: Any) -> None:
        self._lock.release()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.what, self.remedy)


class Together:
    """Several exclusive things at once: all of them, or none."""

    def __init__(self, turns: Sequence[Exclusive]) -> None:
        self._turns = turns
        self._entered: list[Exclusive] = []

    def __enter__(self) -> None:
        try:
            for turn in self._turns:
                turn.__enter__()
                self._entered.append(turn)
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_: Any) -> None:
        while self._entered:
            self._entered.pop().__exit__()


def distinct(turns: Iterable[Exclusive | None]) -> list[Exclusive]:
    """Those that there are, each once."""
    return [*{id(turn): turn for turn in turns if turn is not None}.values()]
