"""``minidl xray``, ``minidl worksheet``, ``minidl grade``: heads compared, sheets made and marked.

Imports stand inside the functions, as in ``minidl.cli``: naming the commands costs nothing.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from minidl.cli.explain import DATA_HELP, chosen, source, with_data, written
from minidl.cli.printing import print_line
from minidl.core import ArgumentError, UnknownNameError, read_text

if TYPE_CHECKING:
    from minidl.walkthrough import Walkthrough, Worksheet, XRay

Z, TARGET, RATE = 4.0, 0.0, 1.0
"""Of the neuron that is looked at unless data are named: as wrong as can be, and sure of it."""
DATA_RATE = 0.1
"""Of a network's update: 1 would overshoot."""


def xray(
    head: Annotated[
        list[str] | None, typer.Option(help="Output and loss, as sigmoid+mse. Repeatable.")
    ] = None,
    z: Annotated[float | None, typer.Option(help="What the neuron's sum is: 4.")] = None,
    target: Annotated[float | None, typer.Option(help="What it should give: 0.")] = None,
    data: Annotated[str | None, typer.Option(help=DATA_HELP)] = None,
    row: Annotated[list[int] | None, with_data("Which of its rows: 0. Repeatable.")] = None,
    hidden: Annotated[str | None, with_data("The hidden activation: tanh.")] = None,
    units: Annotated[int | None, with_data("Of the hidden layer: 3.", min=1, max=64)] = None,
    seed: Annotated[int | None, with_data("Decides the weights: 0.", min=0)] = None,
    optimizer: Annotated[str, typer.Option(help="One of minidl list.")] = "sgd",
    learning_rate: Annotated[
        float | None, typer.Option(help="Of the one update: 1; of data 0.1.")
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page to this file.")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Write Markdown to this file.")] = None,
    json: Annotated[Path | None, typer.Option(help="Write the data to this file.")] = None,
) -> None:
    """The same weights and data under several heads: what comes back, and what one update does."""
    rate = learning_rate if learning_rate is not None else RATE if data is None else DATA_RATE
    settings = {"optimizer": optimizer, "learning_rate": rate}
    if data is None:
        _refuse(
            {"--row": row, "--hidden": hidden, "--units": units, "--seed": seed}, "--data moons"
        )
        seen = _neuron(z, target, head, settings)
    else:
        _refuse({"--z": z, "--target": target}, "none, or leave out --data")
        seen = _rows(data, row or [0], hidden or "tanh", units or 3, seed or 0, head, settings)
    files = {html: seen.to_html, markdown: seen.to_markdown, json: seen.to_json}
    if not written(files):
        seen.show()


def _refuse(options: dict[str, Any], instead: str) -> None:
    for option, value in options.items():
        if value is not None and value != []:
            raise ArgumentError(option, "options that go together", option, f"Write {instead}.")


def _neuron(
    z: float | None, target: float | None, heads: list[str] | None, settings: dict[str, Any]
) -> XRay:
    """One neuron with weight 1, whose input is its sum."""
    from minidl.model import Sequential
    from minidl.nn import Dense
    from minidl.walkthrough import xray

    net = Sequential(Dense(1, 1, dtype="float64"))
    net.parameters()[0].data = [[1.0]]
    x, t = (Z if z is None else z), (TARGET if target is None else target)
    return xray(net, [[x]], [t], heads, **settings)


def _rows(
    name: str,
    rows: list[int],
    hidden: str,
    units: int,
    seed: int,
    heads: list[str] | None,
    settings: dict[str, Any],
) -> XRay:
    """Rows of a dataset, which is standardised first."""
    from minidl.model import mlp
    from minidl.walkthrough import xray

    dataset, X, y = chosen(name, rows)
    outputs = dataset.n_classes if dataset.n_classes > 2 else 1
    net = mlp([X.shape[1], units, outputs], hidden, seed=seed)
    seen = xray(net, X, y, heads, **settings)
    return replace(seen, title=f"{seen.title}: {source(dataset, rows)}")


def worksheet(
    walkthrough: Annotated[
        str | None,
        typer.Argument(help="A file of minidl explain --json, or an example: mazur, nielsen …"),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Decides blanks, and a network if none.")] = 0,
    difficulty: Annotated[
        str, typer.Option(help="values, derivatives, contributions or updates.")
    ] = "contributions",
    blanks: Annotated[int, typer.Option(min=1, help="How many numbers are asked for.")] = 12,
    out: Annotated[Path, typer.Option(help="Folder for sheet, key and answers.")] = Path(
        "worksheet"
    ),
) -> None:
    """Make an exercise sheet with an answer key; left out, the seed decides the network, too."""
    from minidl.walkthrough import worksheet

    given = None if walkthrough is None else _walkthrough(walkthrough)
    sheet = worksheet(given, seed=seed, difficulty=difficulty, blanks=blanks)
    for path in sheet.save(out):
        print_line(path)


def _walkthrough(name: str) -> Walkthrough:
    from minidl.core import did_you_mean
    from minidl.walkthrough import EXAMPLES, Walkthrough

    if name in EXAMPLES:
        return EXAMPLES[name]()
    if Path(name).suffix or Path(name).exists():
        return Walkthrough.load(name)
    remedy = did_you_mean(name, EXAMPLES, "Or write `minidl explain --json step.json` first.")
    wanted = f"a file, or one of {', '.join(EXAMPLES)}"
    raise UnknownNameError("walkthrough", wanted, repr(name), remedy)


def grade(
    sheet: Annotated[Path, typer.Argument(help="sheet.json, as minidl worksheet wrote it.")],
    answers: Annotated[Path, typer.Argument(help="answers.json, filled in.")],
    markdown: Annotated[Path | None, typer.Option(help="Write Markdown to this file.")] = None,
) -> None:
    """Mark the answers to a worksheet, and name the classical mistake behind a wrong one."""
    from minidl.walkthrough import grade, read_answers

    marks = grade(_sheet(sheet), read_answers(answers))
    if not written({markdown: marks.to_markdown}):
        print_line(marks)


def _sheet(path: Path) -> Worksheet:
    from minidl.walkthrough import SHEET, Worksheet

    remedy = f"Give the {SHEET} that `minidl worksheet` wrote."
    return Worksheet.from_json(read_text(path, "a saved worksheet", remedy))
