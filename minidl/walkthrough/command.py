"""``minidl explain``: a training step walked through on the command line.

Imports stand inside the functions, as in ``minidl.cli``: naming the command costs nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from minidl.errors import ArgumentError, UnknownNameError
from minidl.registry import did_you_mean

if TYPE_CHECKING:
    from minidl.data import Dataset
    from minidl.walkthrough.walkthrough import Walkthrough


def explain(
    example: Annotated[
        str | None, typer.Argument(help="two_layers (if left out), mazur or nielsen.")
    ] = None,
    data: Annotated[str | None, typer.Option(help="A dataset instead: moons, iris …")] = None,
    row: Annotated[list[int] | None, typer.Option(help="Which of its rows: 0. Repeatable.")] = None,
    hidden: Annotated[str, typer.Option(help="The hidden activation.")] = "tanh",
    units: Annotated[int, typer.Option(min=1, max=64, help="Of the hidden layer.")] = 3,
    head: Annotated[
        str | None, typer.Option(help="Output and loss, as sigmoid+bce; else what suits.")
    ] = None,
    optimizer: Annotated[str, typer.Option(help="One of minidl list.")] = "sgd",
    learning_rate: Annotated[float | None, typer.Option(help="Else the optimizer's own.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Decides the weights.")] = 0,
    digits: Annotated[int, typer.Option(min=4, max=12, help="Of results, at least.")] = 4,
    full: Annotated[bool, typer.Option("--full", help="Every number of every array.")] = False,
    json: Annotated[Path | None, typer.Option(help="Write the data to this file.")] = None,
) -> None:
    """Walk forward and backward through one training step, every number shown and proved."""
    if data is None:
        walkthrough = _example(example or "two_layers")
    else:
        _alone(example)
        settings = {"optimizer": optimizer, "learning_rate": learning_rate, "digits": digits}
        walkthrough = _on_data(data, row or [0], hidden, units, head, seed, settings)
    if json is None:
        from minidl.walkthrough.text import show

        show(walkthrough, full=full)
    else:
        walkthrough.save(json)
        typer.echo(json)


def _example(name: str) -> Walkthrough:
    from minidl.walkthrough.examples import EXAMPLES

    if name not in EXAMPLES:
        remedy = did_you_mean(name, EXAMPLES, "For a dataset write --data NAME.")
        raise UnknownNameError("example", f"one of {', '.join(EXAMPLES)}", repr(name), remedy)
    return EXAMPLES[name]()


def _alone(example: str | None) -> None:
    if example is not None:
        remedy = "Leave one of them out."
        raise ArgumentError("minidl explain", "an example or --data", "both", remedy)


def _on_data(
    name: str,
    rows: list[int],
    hidden: str,
    units: int,
    head: str | None,
    seed: int,
    settings: dict[str, Any],
) -> Walkthrough:
    """One step on rows of a dataset, which is standardised first."""
    from minidl.data import load
    from minidl.model import mlp
    from minidl.pairing.grid import Head
    from minidl.walkthrough.make import explain

    dataset = load(name)
    chosen = Head.parse(head or _usual(dataset))
    task, classes = dataset.task, dataset.n_classes
    if reason := chosen.why_unsound(task, classes):
        remedy = "minidl pair --why lists the heads that make sense."
        raise ArgumentError(f"--head {head}", f"a sound head for {dataset.name}", reason, remedy)
    X, y = _standardised(dataset.X), dataset.y
    if task == "regression":
        y = _standardised(y)
    for row in rows:
        if not 0 <= row < len(X):
            wanted = f"a row of {dataset.name}, from 0 to {len(X) - 1}"
            raise ArgumentError(f"--row {row}", wanted, str(row), "Write --row 0.")
    outputs = chosen.outputs(task, classes)
    net = mlp([X.shape[1], units, outputs], hidden, chosen.activation, seed=seed)
    targets = chosen.encode(y, task, classes)
    return explain(net, X[rows], targets[rows], loss=chosen.loss, **settings)


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
