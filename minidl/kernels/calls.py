"""Who is handed the kernel calls of a thread: they go there instead of being run.

A listener has ``called(kernel, arguments)`` and ``records``; ``minidl.autodiff.trace`` says what
else it may be told.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import get_ident
from typing import Any

listeners: dict[int, Any] = {}
"""By thread."""


def _listen_alone() -> None:
    """In a forked child: other threads are not there, and their numbers are given out again."""
    for thread in set(listeners) - {get_ident()}:
        del listeners[thread]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_listen_alone)


@contextmanager
def handed_to(listener: Any) -> Iterator[None]:
    """While this lasts, kernel calls on this thread go to a listener; then as they went before."""
    thread = get_ident()
    before = listeners.get(thread)
    listeners[thread] = listener
    try:
        yield
    finally:
        if before is None:
            del listeners[thread]
        else:
            listeners[thread] = before


def listener() -> Any:
    """Who listens on this thread, or None."""
    return listeners.get(get_ident()) if listeners else None


def recorder() -> Any:
    """Who writes down what happens on this thread, or None; there are no numbers meanwhile."""
    listening = listener()
    return listening if listening is not None and listening.records else None


def watcher() -> Any:
    """Who looks at every kernel call on this thread while it is run, or None."""
    listening = listener()
    return listening if listening is not None and not listening.records else None
