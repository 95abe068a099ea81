"""The command line: minidl pair | explain | xray | worksheet | grade | list | show | plot …."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from minidl.errors import ArgumentError, MinidlError
from minidl.walkthrough.command import explain
from minidl.walkthrough.practice import grade, worksheet, xray

if TYPE_CHECKING:
    from minidl.data import Dataset
    from minidl.pairing import Plan, Result


class _Commands(typer.core.TyperGroup):
    """Shows what minidl refuses as one message, without a traceback."""

    def invoke(self, context: Any) -> Any:
        """Run a command; a refusal ends with exit code 2."""
        try:
            return super().invoke(context)
        except MinidlError as error:
            typer.secho(f"minidl: {error}", fg="red", err=True)
            raise SystemExit(2) from None


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    help="Small networks: trained fast, and paired with the right loss.",
)

DATA = ("moons", "spirals", "breast_cancer", "wine", "diabetes", "outliers")
QUICK_DATA = ("moons", "diabetes")
QUICK_HIDDEN = ("relu", "sigmoid", "tanh", "elu")
OUTPUTS = ("linear", "sigmoid", "tanh", "softmax")

BOOK = {"**2": "²", "**": "^", "*": "·", "-": "−", "<=": "≤", "Max": "max", "Sum": "Σ",
        "alpha": "α", "gamma": "γ", "delta": "δ"}  # fmt: skip
"""How a formula's signs and names are shown."""


@app.command()
def pair(
    data: Annotated[list[str] | None, typer.Option(help="A dataset, or a CSV file *.")] = None,
    target: Annotated[str | None, typer.Option(help="The CSV's column to predict.")] = None,
    hidden: Annotated[list[str] | None, typer.Option(help="A hidden activation *.")] = None,
    head: Annotated[list[str] | None, typer.Option(help="A head, as sigmoid+bce *.")] = None,
    output: Annotated[list[str] | None, typer.Option(help="Heads with this output *.")] = None,
    seeds: Annotated[int | None, typer.Option(min=1, help="Repetitions: 3, quick 2.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Of a trial: 25, quick 15.")] = None,
    optimizer: Annotated[str, typer.Option(help="One of minidl list.")] = "adam",
    learning_rate: Annotated[float, typer.Option(help="Of the first round.")] = 1e-2,
    quick: Annotated[bool, typer.Option("--quick", help="A first look, in 30 seconds.")] = False,
    unsound: Annotated[bool, typer.Option("--unsound", help="Train unsound heads, too.")] = False,
    why: Annotated[bool, typer.Option("--why", help="Say which are unsound, and stop.")] = False,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes: one a core.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for results.csv and pairings.png.")] = Path(
        "results"
    ),
) -> None:
    """Train hidden activations × heads × datasets × seeds, and show which pairings work.

    Options marked * may be given several times: --data moons --data wine.
    """
    from joblib import cpu_count

    from minidl.activations import activations
    from minidl.pairing import Head, Plan, run

    plan = Plan(
        data=_datasets(data or (QUICK_DATA if quick else DATA), target),
        hidden=_hidden(hidden, quick),
        heads=[Head.parse(text) for text in head] if head else None,
        outputs=[activations[name].name for name in output or OUTPUTS],
        seeds=seeds or (2 if quick else 3),
        unsound=unsound,
        settings=_settings(epochs or (15 if quick else 25), optimizer, learning_rate),
    )
    if why:
        _reasons(plan)
    elif results := run(plan, out, workers or cpu_count()):
        _show(results, plan, out)


def _hidden(names: Sequence[str] | None, quick: bool) -> list[str]:
    from minidl.activations import activations
    from minidl.pairing import hidden_activations

    usual = QUICK_HIDDEN if quick else hidden_activations()
    return list(dict.fromkeys(activations[name].name for name in names or usual))


def _settings(epochs: int, optimizer: str, learning_rate: float) -> dict[str, Any]:
    from minidl.optimizers import optimizers

    if not 0 < learning_rate < math.inf:
        raise ArgumentError(
            "--learning-rate", "a number above 0", f"{learning_rate:g}", "Write 0.01."
        )
    name = optimizers[optimizer].name
    return {"epochs": epochs, "optimizer": name, "learning_rate": learning_rate}


def _reasons(plan: Plan) -> None:
    from minidl.pairing.report import merged

    for dataset in plan.data:
        typer.secho(dataset.name, bold=True)
        for line in merged(plan.left_out(dataset)):
            typer.echo(f"  {line}")


def _show(results: Sequence[Result], plan: Plan, out: Path) -> None:
    from minidl.figures import heat_map
    from minidl.pairing import show

    show(results, plan)
    heat_map(results, plan, out / "pairings.png")
    typer.echo(f"\n{out / 'results.csv'}\n{out / 'pairings.png'}")


def _datasets(names: Sequence[str], target: str | None) -> list[Dataset]:
    """Datasets by name, and tables from files, each under a name of its own."""
    found: dict[str, Dataset] = {}
    for name in dict.fromkeys(names):
        dataset = _dataset(name, target)
        if dataset.name in found:
            raise ArgumentError(
                f"--data {name}", "a name no other dataset has", dataset.name, "Rename the file."
            )
        found[dataset.name] = dataset
    return list(found.values())


def _dataset(name: str, target: str | None) -> Dataset:
    from minidl.data import load, load_csv

    if not Path(name).suffix and Path(name).name == name:
        return load(name)
    if target is None:
        raise ArgumentError("--target", "the column to predict", "none", "Write --target COLUMN.")
    return load_csv(name, target)


for command in (explain, xray, worksheet, grade):
    app.command()(command)


@app.command("list")
def list_() -> None:
    """Every activation, loss, optimizer, initializer and dataset."""
    from minidl import data
    from minidl.activations import activations
    from minidl.initializers import initializers
    from minidl.losses import losses
    from minidl.optimizers import optimizers

    for registry in (activations, losses, optimizers, initializers, data.datasets):
        plural = registry.kind + ("es" if registry.kind.endswith("s") else "s")
        typer.secho(plural, bold=True)
        for entry in registry:
            shown = getattr(entry, "cls", type(entry))
            note = getattr(entry, "title", None) or getattr(entry, "source", "")
            if registry.kind in ("activation", "loss", "optimizer"):
                note = (shown.__doc__ or "").splitlines()[0]
            typer.echo(f"  {entry.name:<26}{note}")


@app.command()
def show(name: Annotated[str, typer.Argument(help="An activation, a loss or a dataset.")]) -> None:
    """A card: formula, slope, domain, what it is good for, and a plot; what a dataset teaches."""
    from minidl import data
    from minidl.activations import activations
    from minidl.losses import losses

    for registry in (activations, losses, data.datasets):
        if name in registry:
            break
    else:  # the registry with the closest name refuses it
        every = {n: r for r in (activations, losses, data.datasets) for n in r.names()}
        registry = every[next(iter(get_close_matches(name, every, n=1)), "relu")]
    entry = registry[name]
    if registry is data.datasets:
        typer.echo(data.load(entry.name))
    else:
        _show_entry(entry)


def _show_entry(entry: Any) -> None:
    from minidl.figures import characters

    typer.secho(f"{entry.name}: {(type(entry).__doc__ or '').splitlines()[0]}", bold=True)
    facts = {
        "formula": _as_in_a_book(entry),
        "slope": entry.derivative,
        "range": getattr(entry, "range", None),
        "target": getattr(entry, "target", None),
        "prediction": getattr(entry, "prediction", None),
        "link": entry.link,
        "kinks": ", ".join(k if isinstance(k, str) else f"{k:g}" for k in entry.kinks),
        "settings": ", ".join(f"{key}={value}" for key, value in entry.settings.items()),
        "weights": getattr(entry, "init", None),
        "properties": "; ".join(entry.properties),
        "good for": "; ".join(entry.good_for),
        "also called": ", ".join(entry.aliases),
        "source": entry.source,
    }
    for label, fact in facts.items():
        if fact:
            typer.echo(f"  {label:<12}{fact}")
    typer.echo()
    typer.echo(characters(entry.name))


def _as_in_a_book(entry: Any) -> str:
    """The formula, which is written for sympy, as a person would write it."""
    text: str = entry.formula
    if getattr(entry, "learned", False):  # of two operands, which its scalars call a and b
        text = re.sub(r"\bb\b", "alpha", re.sub(r"\ba\b", "x", text))
    text = re.sub(r"Piecewise\(\((.+), ([^,]+)\), \((.+), True\)\)", r"(\1 if \2, else \3)", text)
    text = re.sub(r"(\d\.\d{5})\d+", r"\1…", text)
    text = re.sub(r"Abs\(([^()]+)\)", r"|\1|", text)
    for written, shown in BOOK.items():
        text = text.replace(written, shown)
    return text


@app.command()
def plot(
    names: Annotated[list[str] | None, typer.Argument(help="Left out: twelve classics.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every activation and loss.")] = False,
    png: Annotated[bool, typer.Option("--png", help="PNG instead of SVG.")] = False,
    out: Annotated[Path, typer.Option(help="Folder for the pictures.")] = Path("figures"),
) -> None:
    """Each activation with its slope, each loss with its gradient, as pictures."""
    from minidl.activations import activations
    from minidl.figures import SOURCE_FIGURES, plot
    from minidl.losses import losses

    chosen = names or (activations.names() + losses.names() if every else SOURCE_FIGURES)
    known = [(losses[n] if n in losses else activations[n]).name for n in chosen]
    for path in plot(known, out, "png" if png else "svg"):
        typer.echo(path)


@app.command()
def info() -> None:
    """CPU, BLAS, threads and cache: what speed and last bits depend on."""
    from minidl.info import info

    for name, fact in info().items():
        typer.echo(f"{name:<15}{fact}")


if __name__ == "__main__":
    sys.exit(app())
