"""A bar with the time left, where somebody is looking; nothing in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from numba.core.event import Listener, install_listener

if TYPE_CHECKING:
    from rich.progress import Progress

WIDEST, NARROWEST = 20, 4
"""Columns of the bar."""
REST = 76
"""Columns beside it that hold a thousand epochs' count, time, losses and a metric."""
COMPILING = "compiling kernels: once, they are kept on disk"


@contextmanager
def progress(
    what: str, total: int, note: str = "", verbose: bool | None = None
) -> Iterator[Callable[[str], None]]:
    """Count up to ``total`` on a terminal's standard error.

    While this process compiles a kernel the bar says so, since nothing else moves then.

    Parameters
    ----------
    what : str
        What is counted: ``"epoch"``.
    total : int
    note : str
        What is shown until the first step is done.
    verbose : bool, optional
        Whether there is a bar; by default on a terminal only.

    Yields
    ------
    callable
        Call it after each step, with what to show beside the bar.
    """
    if not (sys.stderr.isatty() if verbose is None else verbose):
        yield lambda note: None
        return
    with _bar() as bar:
        task = bar.add_task(what, total=total, note=note)
        watcher = _Compilation(lambda: bar.update(task, note=COMPILING))
        with install_listener("numba:compile", watcher):
            yield lambda note: bar.update(task, advance=1, note=note)


def _bar() -> Progress:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.table import Column

    # A ratio: in a narrow terminal the note is cut, and nothing else.
    note = TextColumn(
        "{task.fields[note]}", markup=False, table_column=Column(no_wrap=True, ratio=1)
    )
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        MofNCompleteColumn(),
        BarColumn(bar_width=min(WIDEST, max(NARROWEST, console.width - REST))),
        TimeRemainingColumn(),
        note,
        console=console,
        expand=True,
    )


class _Compilation(Listener):
    """Speaks up when numba compiles what it did not find on disk."""

    def __init__(self, speak: Callable[[], None]) -> None:
        self.speak = speak

    def on_start(self, event: Any) -> None:
        self.speak()

    def on_end(self, event: Any) -> None:
        """Whoever advances the bar replaces the note."""
