"""Lines on standard output, in whatever encoding it has: click would write UTF-8 into ASCII."""

from __future__ import annotations

import sys
from typing import Any

import typer


def print_line(text: object = "", **style: Any) -> None:
    """Print a line, styled where somebody is looking."""
    typer.secho(str(text), file=sys.stdout, **style)
