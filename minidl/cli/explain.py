"""``minidl explain``: a training step walked through on the command line.

Imports stand inside the functions, as in ``minidl.cli``: naming the command costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from minidl.cli.printing import print_line
from minidl.core import ArgumentError, UnknownNameError, did_you_mean, storage

if TYPE_CHECKING:
    from minidl.data import Dataset
    from minidl.walkthrough import Walkthrough


DATA_HELP = "A dataset instead, standardised over all its rows: moons, iris …"


def with_data(words: str, **limits: Any) -> Any:
    """An option that an example, which is ready as it is, does not take."""
    return typer.Option(help=words, rich_help_panel="Only with --data", **limits)


def explain(
    example: Annotated[
        str | None,
        typer.Argument(help="two_layers (if left out), or a classic: mazur …"),
    ] = None,
    data: Annotated[str | None, typer.Option(help=DATA_HELP)] = None,
    row: Annotated[list[int] | None, with_data("Which of its rows: 0. Repeatable.")] = None,
    hidden: Annotated[str | None, with_data("The hidden activation: tanh.")] = None,
    units: Annotated[int | None, with_data("Of the hidden layer: 3.", min=1)] = None,
    head: Annotated[
        str | None, with_data("Output and loss, as sigmoid+bce; else what suits.")
    ] = None,
    optimizer: Annotated[str | None, with_data("One of minidl list: sgd.")] = None,
    learning_rate: Annotated[float | None, with_data("Else the optimizer's own.")] = None,
    seed: Annotated[int | None, with_data("Decides the weights: 0.", min=0)] = None,
    digits: Annotated[int | None, with_data("Of results: 4.", min=4, max=12)] = None,
    full: Annotated[bool, typer.Option("--full", help="Every number of every array.")] = False,
    html: Annotated[
        Path | None, typer.Option(help="Write a page that steps, for browsers.")
    ] = None,
    markdown: Annotated[Path | None, typer.Option(help="Write Markdown with LaTeX.")] = None,
    svg: Annotated[Path | None, typer.Option(help="Draw the network, with all gradients.")] = None,
    json: Annotated[Path | None, typer.Option(help="Write the data to this file.")] = None,
) -> None:
    """Walk forward and backward through one training step, every number shown and proved."""
    options = {
        "row": row, "hidden": hidden, "units": units, "head": head, "optimizer": optimizer,
        "learning_rate": learning_rate, "seed": seed, "digits": digits,
    }  # fmt: skip
    given = {name: value for name, value in options.items() if value is not None and value != []}
    walkthrough = _rows(data, example, given) if data else _example(example, given)
    files = {html: walkthrough.to_html, markdown: walkthrough.to_markdown, svg: walkthrough.to_svg,
            json: walkthrough.to_json}  # fmt: skip
    if not written(files):
        walkthrough.show(full=full)


def _example(name: str | None, given: dict[str, Any]) -> Walkthrough:
    """A network that is ready at once; what would change it is refused."""
    from minidl.walkthrough import EXAMPLES

    for option in given:
        culprit = f"--{option.replace('_', '-')}"
        raise ArgumentError(culprit, "--data beside it", "an example", "Write --data moons.")
    name = name or next(iter(EXAMPLES))
    if name not in EXAMPLES:
        remedy = did_you_mean(name, EXAMPLES, "For a dataset write --data NAME.")
        raise UnknownNameError("example", f"one of {', '.join(EXAMPLES)}", repr(name), remedy)
    return EXAMPLES[name]()


def _rows(name: str, example: str | None, given: dict[str, Any]) -> Walkthrough:
    """One step on rows of a dataset, which is standardised first."""
    from minidl.model import mlp
    from minidl.pairing import Head
    from minidl.walkthrough import explain

    if example is not None:
        remedy = "Leave one of them out."
        raise ArgumentError("minidl explain", "an example or --data", "both", remedy)
    rows = given.pop("row", [0])
    dataset, X, y = chosen(name, rows)
    head = Head.parse(given.pop("head", None) or _usual(dataset))
    task, classes = dataset.task, dataset.n_classes
    if reason := head.why_unsound(task, classes):
        remedy = f"Write --head {_usual(dataset)}."
        raise ArgumentError(f"--head {head.name}", f"one that suits {name}", reason, remedy)
    widths = [X.shape[1], given.pop("units", 3), head.outputs(task, classes)]
    hidden, seed = given.pop("hidden", "tanh"), given.pop("seed", 0)
    net = mlp(widths, hidden, head.activation, seed=seed)
    walkthrough = explain(net, X, head.encode(y, task, classes), loss=head.loss, **given)
    problem = walkthrough.problem
    title = f"{problem.title}: {source(dataset, rows)}"
    return replace(walkthrough, problem=replace(problem, title=title))


def chosen(name: str, rows: list[int]) -> tuple[Dataset, np.ndarray, np.ndarray]:
    """A dataset, and rows of it after it was standardised: inputs and targets."""
    from minidl.data import load

    dataset = load(name)
    for row in rows:
        if not 0 <= row < len(dataset.X):
            wanted = f"a row of {dataset.name}, from 0 to {len(dataset.X) - 1}"
            raise ArgumentError(f"--row {row}", wanted, str(row), "Write --row 0.")
    numbers = dataset.task == "regression"
    y = _standardised(dataset.y) if numbers else dataset.y
    return dataset, _standardised(dataset.X)[rows], y[rows]


def source(dataset: Dataset, rows: list[int]) -> str:
    """Which rows these are, and that their numbers are not those of the dataset's file."""
    named = f"row{'s' * (len(rows) > 1)} {', '.join(map(str, rows))} of {dataset.name}"
    target = ", the target too," if dataset.task == "regression" else ""
    return f"{named}, standardised{target} over all {len(dataset.X)} rows (mean 0, variance 1)"


def written(files: dict[Path | None, Callable[[], str]]) -> bool:
    """Write the files that were asked for, and name them; whether there were any."""
    files.pop(None, None)
    for path, text in files.items():
        storage.write_whole(path, text().encode())
        print_line(path)
    return bool(files)


def _standardised(x: np.ndarray) -> np.ndarray:
    """Columns of mean 0 and variance 1; one that never changes is left at 0."""
    scale = x.std(axis=0)
    scaled: np.ndarray = (x - x.mean(axis=0)) / np.where(scale > 0, scale, 1.0)
    return scaled


def _usual(dataset: Dataset) -> str:
    """What textbooks recommend for a task."""
    if dataset.task == "regression":
        return "linear+mse"
    several = dataset.n_classes > 2
    return "softmax+categorical_crossentropy" if several else "sigmoid+binary_crossentropy"
