"""The command line: one module for each group of commands."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from minidl.cli import catalogue, explain, pair, practice, reproduce
from minidl.cli.printing import print_line
from minidl.core import MinidlError, lenient


class _Commands(typer.core.TyperGroup):
    """Shows what minidl refuses as one message, without a traceback."""

    def main(self, *arguments: Any, **options: Any) -> Any:
        """Whatever a terminal, a pipe or a file cannot encode is written in plain letters."""
        with lenient(sys.stdout, sys.stderr):
            return super().main(*arguments, **options)

    def invoke(self, context: Any) -> Any:
        """Run a command; a refusal ends with exit code 2."""
        try:
            return super().invoke(context)
        except MinidlError as error:
            typer.secho(f"minidl: {error}", fg="red", file=sys.stderr)
            raise SystemExit(2) from None


app = typer.Typer(cls=_Commands, no_args_is_help=True, add_completion=False)


def _print_version(wanted: bool) -> None:
    if wanted:
        from minidl import __version__

        print_line(f"minidl {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_print_version, help="Say it, and stop."),
    ] = False,
) -> None:
    """Small networks: trained fast, and paired with the right loss."""


app.add_typer(pair.app, name="pair")
app.command()(explain.explain)
app.command()(practice.xray)
app.command()(practice.worksheet)
app.command()(practice.grade)
app.command()(reproduce.reproduce)
app.command("list")(catalogue.list_)
app.command()(catalogue.show)
app.command()(catalogue.plot)
app.command()(catalogue.info)
