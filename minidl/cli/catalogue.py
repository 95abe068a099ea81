"""What there is: lists, cards, pictures, facts of this machine."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from minidl.cli.printing import print_line
from minidl.core import Registry, UnknownNameError, did_you_mean
from minidl.document import Code, Definitions, Page, Section, put, to_lines

PRINTED_SIGNS = {"**2": "²", "**": "^", "*": "·", "-": "−", "<=": "≤", "Max": "max", "Sum": "Σ",
        "alpha": "α", "gamma": "γ", "delta": "δ"}  # fmt: skip
"""How a formula's signs and names are shown."""


def _registries() -> list[Registry[Any]]:
    from minidl import data
    from minidl.nn import activations, initializers, losses
    from minidl.optim import optimizers

    return [activations, losses, optimizers, initializers, data.datasets]


def list_() -> None:
    """Every activation, loss, optimizer, initializer and dataset."""
    sections = []
    for registry in _registries():
        plural = registry.kind + ("es" if registry.kind.endswith("s") else "s")
        facts = [(entry.name, _note(registry.kind, entry)) for entry in registry]
        sections.append(Section(plural, [Definitions(facts, width=26)]))
    put(to_lines(Page("", sections)))


def _note(kind: str, entry: Any) -> str:
    """What a list says of an entry."""
    if kind == "dataset":
        return f"{entry.title} ({entry.task})"
    return str(entry.source) if kind == "initializer" else _purpose(entry)


def _purpose(entry: Any) -> str:
    """The first line of what its class says of itself: nothing under python -OO."""
    return (getattr(entry, "cls", type(entry)).__doc__ or "").partition("\n")[0]


def show(name: Annotated[str, typer.Argument(help="Anything that `minidl list` names.")]) -> None:
    """A card: formula, slope, domain, what it is good for, and a plot; what a dataset teaches."""
    wanted = "an activation, a loss, an optimizer, an initializer or a dataset"
    kind, entry = _find(name, wanted, _registries())
    put(to_lines(_page(kind, entry)))


def _page(kind: str, entry: Any) -> Page:
    if kind == "dataset":
        from minidl.data import load

        return load(entry.name).page
    if kind == "optimizer":
        return _card(entry.name, _purpose(entry), _optimizer_facts(entry))
    if kind == "initializer":
        return _card(entry.name, "first weights", _initializer_facts(entry))
    return _entry_card(entry)


def _card(name: str, purpose: str, facts: dict[str, Any], *more: Section) -> Page:
    known = [(label, str(fact)) for label, fact in facts.items() if fact]
    title = f"{name}: {purpose}".removesuffix(": ")
    return Page(title, [Section("", [Definitions(known)]), *more])


def _optimizer_facts(entry: Any) -> dict[str, Any]:
    defaults = entry.cls.defaults
    return {
        "settings": ", ".join(f"{key}={value}" for key, value in defaults.items()),
        "keeps": ", ".join(entry.cls.states),
        "also called": ", ".join(entry.aliases),
        "source": _reference(entry.cls),
    }


def _reference(cls: type) -> str:
    """The first line under "References" in what a class says of itself."""
    _, _, below = (cls.__doc__ or "").partition("References\n    ----------\n")
    return below.strip().partition("\n")[0]


def _initializer_facts(entry: Any) -> dict[str, Any]:
    examples = ", ".join(
        f"{entry.variance(inputs, outputs):.3g} for {inputs} inputs and {outputs} outputs"
        for inputs, outputs in ((16, 16), (64, 16))
    )
    return {
        "draws": "uniform on ±√(3 · variance)" if entry.uniform else "normal",
        "variance": examples,
        "also called": ", ".join(entry.aliases),
        "source": entry.source,
    }


def _find(name: str, wanted: str, among: list[Registry[Any]]) -> tuple[str, Any]:
    """What has a name in one of these registries, and its kind."""
    for registry in among:
        if name in registry:
            return registry.kind, registry[name]
    other = [f" ({registry.kind})" for registry in _registries() if name in registry]
    names = [n for registry in among for entry in registry for n in (entry.name, *entry.aliases)]
    otherwise = "`minidl list` says what there is."
    remedy = otherwise if other else did_you_mean(name, names, otherwise)
    raise UnknownNameError("name", wanted, repr(name) + "".join(other), remedy)


def _entry_card(entry: Any) -> Page:
    """Of an activation or a loss."""
    from minidl.figures import characters

    facts = {
        "formula": _as_in_a_book(entry.formula),
        "slope": entry.derivative or _as_in_a_book(entry.slope_formula),
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
    plot = Section("", [Code("", characters(entry.name))])
    return _card(entry.name, _purpose(entry), facts, plot)


def _as_in_a_book(text: str) -> str:
    """A formula, which is written for sympy, as a person would write it."""
    text = re.sub(r"Piecewise\(\((.+), ([^,]+)\), \((.+), True\)\)", r"(\1 if \2, else \3)", text)
    text = re.sub(r"(\d\.\d{5})\d+", r"\1…", text)
    text = re.sub(r"Abs\(([^()]+)\)", r"|\1|", text)
    for written, shown in PRINTED_SIGNS.items():
        text = text.replace(written, shown)
    return text


def plot(
    names: Annotated[list[str] | None, typer.Argument(help="Left out: twelve classics.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every activation and loss.")] = False,
    png: Annotated[bool, typer.Option("--png", help="PNG instead of SVG.")] = False,
    out: Annotated[Path, typer.Option(help="Folder for the pictures.")] = Path("figures"),
) -> None:
    """Each activation with its slope, each loss with its gradient, as pictures."""
    from minidl.figures import SOURCE_FIGURES, write_pictures
    from minidl.nn import activations, losses

    chosen = names or (activations.names() + losses.names() if every else SOURCE_FIGURES)
    known = [_find(n, "an activation or a loss", [activations, losses])[1].name for n in chosen]
    for path in write_pictures(known, out, "png" if png else "svg"):
        print_line(path)


def info() -> None:
    """CPU, its instructions, and cache: what speed and last bits depend on."""
    from minidl.cli.surroundings import info

    put(to_lines(Page("", [Section("", [Definitions([*info().items()], width=15)])])))
