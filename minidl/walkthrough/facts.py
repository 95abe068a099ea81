"""What the registries say of an operation, as a step keeps it: formulas and settings."""

from __future__ import annotations

import ast
import re
from typing import Any, NamedTuple

import numpy as np

from minidl.nn import Loss, activations
from minidl.walkthrough.calculus import agree, as_formula, derivative, slope_of
from minidl.walkthrough.expressions import Expression, parse, shown, substitute
from minidl.walkthrough.forward import spread
from minidl.walkthrough.words import ARITHMETIC, LINKS


class Told(NamedTuple):
    """An operation's formula (empty if it states none), its derivative's words, its settings."""

    name: str
    value: str
    derivative: str
    settings: dict[str, float]

    def text(self, inputs: list[str]) -> str:
        """The formula with the arrays' names put in."""
        if not self.value:
            return f"{self.name}({', '.join(inputs)})"
        keys = ("x",) if len(inputs) == 1 else ("a", "b")
        return shown(parse(self.value), dict(zip(keys, inputs, strict=True)))


def of_activation(op: Any, title: str, hyper_values: np.ndarray) -> Told:
    """Of an activation, or of an operation that is none."""
    if op is None:
        return Told(title, ARITHMETIC.get(title, ""), "", {})
    settings = dict(zip(op.hyper, hyper_values.tolist(), strict=True))
    return Told(title, op.formula, op.derivative, settings)


def of_row(op: Any) -> dict[str, str]:
    """Of an activation of whole rows: its formula, and its slope in terms of the outputs.

    The slope is empty where the registry's words are no formula, or another than the rules give.
    """
    slope = as_formula(op.derivative)
    if slope is not None and all(_row_agrees(op.formula, slope, own) for own in (0, 1)):
        return {"value": op.formula, "slope": ast.unparse(slope)}
    return {"value": op.formula, "slope": ""}


def _row_agrees(formula: str, slope: Expression, own: int) -> bool:
    """Whether, in a row of two, the slope is ∂y/∂x₁ for the output ``own``."""
    outputs = [parse(spread(formula, 2, k)) for k in (0, 1)]
    told = substitute(slope, {"delta_i_j": ast.Constant(own)})
    return agree(told, derivative(outputs[own], "x1"), {"y_i": outputs[own], "y_j": outputs[1]})


def of_loss(loss: Loss, logits: bool, columns: int) -> tuple[dict[str, str], dict[str, float]]:
    """Of a loss, and of the link that it looks behind: formulas and settings."""
    value, settings = loss.formula, {}
    for key, number in loss.settings.items():
        if number is None:  # switched off: a factor of 1 on both sides
            value = value.replace(f"(1 - {key})", "1")
        settings[key] = 1.0 if number is None else float(number)
    ends = (loss.prediction.low == 0) + (loss.prediction.low == 0 and loss.prediction.high == 1)
    settings["bounded"] = float(ends)
    if columns:
        settings["columns"] = float(columns)
    link = link_slope = cancels = ""
    if logits:
        link, link_slope = _link(str(loss.link), bool(columns))
        cancels = _row_cancels(loss) if columns else _cancels(loss, value, link)
    return {
        "value": value,
        "derivative": loss.derivative,
        "link": link,
        "link_slope": link_slope,
        "cancels": cancels,
    }, settings


def _link(name: str, rows: bool) -> tuple[str, str]:
    """A link's formula and its slope: in terms of x, or of its own value y."""
    if name in LINKS:
        return LINKS[name], "y"
    link = activations[name]
    if rows:
        return link.formula, of_row(link)["slope"]
    return link.formula, slope_of(link.formula, link.derivative, "x", "y")


def _cancels(loss: Loss, value: str, link: str) -> str:
    """The gradient at the logits as the loss states it, if that is what the chain rule gives."""
    stated = re.search(r"(?:at the|from) logits (.+)$", loss.derivative)
    told = as_formula(stated[1]) if stated else None
    if told is None or not value:
        return ""
    z = {"p": substitute(parse(link), {"x": ast.Name("z")})}
    chain = derivative(substitute(parse(value), z), "z")
    return ast.unparse(told) if agree(told, chain, {}) else ""


def _row_cancels(loss: Loss) -> str:
    """The same for a softmax: prediction minus target, where the loss says so."""
    return "p - t" if "softmax(z)ⱼ − tⱼ" in loss.derivative else ""
