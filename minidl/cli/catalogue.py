"""What there is: lists, cards, pictures, facts of this machine."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from minidl.cli.say import say
from minidl.core import Registry, UnknownNameError, did_you_mean

BOOK = {"**2": "²", "**": "^", "*": "·", "-": "−", "<=": "≤", "Max": "max", "Sum": "Σ",
        "alpha": "α", "gamma": "γ", "delta": "δ"}  # fmt: skip
"""How a formula's signs and names are shown."""


def _registries() -> list[Registry[Any]]:
    from minidl import data
    from minidl.nn import activations, initializers, losses
    from minidl.optim import optimizers

    return [activations, losses, optimizers, initializers, data.datasets]


def list_() -> None:
    """Every activation, loss, optimizer, initializer and dataset."""
    from minidl import data

    for registry in _registries():
        plural = registry.kind + ("es" if registry.kind.endswith("s") else "s")
        say(plural, bold=True)
        for entry in registry:
            shown = getattr(entry, "cls", type(entry))
            note = getattr(entry, "source", "")
            if registry.kind in ("activation", "loss", "optimizer"):
                note = _purpose(shown)
            elif isinstance(entry, data.Card):
                note = f"{entry.title} ({entry.task})"
            say(f"  {entry.name:<26}{note}".rstrip())


def _purpose(cls: type) -> str:
    """The first line of what a class says of itself: nothing under python -OO."""
    return (cls.__doc__ or "").partition("\n")[0]


def show(name: Annotated[str, typer.Argument(help="An activation, a loss or a dataset.")]) -> None:
    """A card: formula, slope, domain, what it is good for, and a plot; what a dataset teaches."""
    from minidl import data
    from minidl.nn import activations, losses

    having_cards = [activations, losses, data.datasets]
    entry = _find(name, "an activation, a loss or a dataset", having_cards)
    if isinstance(entry, data.Card):
        say(data.load(entry.name))
    else:
        _show_entry(entry)


def _find(name: str, wanted: str, among: list[Registry[Any]]) -> Any:
    """What has a name in one of these registries."""
    for registry in among:
        if name in registry:
            return registry[name]
    other = [f" ({registry.kind})" for registry in _registries() if name in registry]
    names = [n for registry in among for entry in registry for n in (entry.name, *entry.aliases)]
    otherwise = "`minidl list` says what there is."
    remedy = otherwise if other else did_you_mean(name, names, otherwise)
    raise UnknownNameError("name", wanted, repr(name) + "".join(other), remedy)


def _show_entry(entry: Any) -> None:
    from minidl.figures import characters

    say(f"{entry.name}: {_purpose(type(entry))}".removesuffix(": "), bold=True)
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
            say(f"  {label:<12}{fact}")
    say()
    say(characters(entry.name))


def _as_in_a_book(entry: Any) -> str:
    """The formula, which is written for sympy, as a person would write it."""
    text: str = entry.formula
    text = re.sub(r"Piecewise\(\((.+), ([^,]+)\), \((.+), True\)\)", r"(\1 if \2, else \3)", text)
    text = re.sub(r"(\d\.\d{5})\d+", r"\1…", text)
    text = re.sub(r"Abs\(([^()]+)\)", r"|\1|", text)
    for written, shown in BOOK.items():
        text = text.replace(written, shown)
    return text


def plot(
    names: Annotated[list[str] | None, typer.Argument(help="Left out: twelve classics.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every activation and loss.")] = False,
    png: Annotated[bool, typer.Option("--png", help="PNG instead of SVG.")] = False,
    out: Annotated[Path, typer.Option(help="Folder for the pictures.")] = Path("figures"),
) -> None:
    """Each activation with its slope, each loss with its gradient, as pictures."""
    from minidl.figures import SOURCE_FIGURES, plot
    from minidl.nn import activations, losses

    chosen = names or (activations.names() + losses.names() if every else SOURCE_FIGURES)
    known = [_find(n, "an activation or a loss", [activations, losses]).name for n in chosen]
    for path in plot(known, out, "png" if png else "svg"):
        say(path)


def info() -> None:
    """CPU, BLAS, threads and cache: what speed and last bits depend on."""
    from minidl.cli.surroundings import info

    for name, fact in info().items():
        say(f"{name:<15}{fact}")
