"""Ctrl-C while machine code is made or loaded: put off until it is there.

LLVM calls back into Python to ask for code and to hand it over. An exception there goes nowhere:
the code is missing afterwards, and the next call jumps to nothing.
"""

from __future__ import annotations

import functools
import signal
import threading
from collections.abc import Callable
from typing import Any


def uninterrupted(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, behind which an interrupt that came meanwhile is raised."""

    @functools.wraps(function)
    def call(*arguments: Any, **options: Any) -> Any:
        usual = signal.getsignal(signal.SIGINT)
        if threading.current_thread() is not threading.main_thread() or not callable(usual):
            return function(*arguments, **options)
        came: list[Any] = []
        signal.signal(signal.SIGINT, lambda *signalled: came.append(signalled))
        try:
            return function(*arguments, **options)
        finally:
            signal.signal(signal.SIGINT, usual)
            if came:
                usual(*came[0])

    return call
