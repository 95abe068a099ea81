"""What the registries say of an operation, as a step keeps it: formulas and settings."""

from __future__ import annotations

import ast
from typing import Any

from minidl.nn import Loss, activations
from minidl.walkthrough.formulas import (
    Expression,
    agree,
    derivative,
    parse,
    slope_of,
    spread,
    substitute,
)

LINK_FORMULAS = {"exp": "exp(x)"}
"""Links that are no activations."""


def row_formulas(op: Any) -> dict[str, str]:
    """Of an activation of whole rows: its formula, and its slope in terms of the outputs.

    The slope is empty where the activation states none, or another than the rules give.
    """
    stated = op.slope_formula
    agreed = stated and all(_row_agrees(op.formula, parse(stated), output) for output in (0, 1))
    return {"value": op.formula, "slope": ast.unparse(parse(stated)) if agreed else ""}


def _row_agrees(formula: str, slope: Expression, output: int) -> bool:
    """Whether, in a row of two, the slope is ∂y/∂x₁ for the output ``own``."""
    outputs = [parse(spread(formula, 2, k)) for k in (0, 1)]
    slope_there = substitute(slope, {"delta_i_j": ast.Constant(output)})
    y_i, y_j = outputs[output], outputs[1]
    return agree(slope_there, derivative(y_i, "x1"), {"y_i": y_i, "y_j": y_j})


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
        cancels = loss.slope_at_logits if columns else _cancels(loss, value, link)
    return {
        "value": value,
        "slope": loss.slope_formula,
        "link": link,
        "link_slope": link_slope,
        "cancels": cancels,
    }, settings


def _link(name: str, rows: bool) -> tuple[str, str]:
    """A link's formula and its slope: in terms of x, or of its own value y."""
    if name in LINK_FORMULAS:
        return LINK_FORMULAS[name], "y"
    link = activations[name]
    if rows:
        return link.formula, row_formulas(link)["slope"]
    return link.formula, slope_of(link.formula, link.slope_formula, "x", "y")


def _cancels(loss: Loss, value: str, link: str) -> str:
    """The gradient at the logits as the loss states it, if that is what the chain rule gives."""
    if not (stated := loss.slope_at_logits) or not value:
        return ""
    z = {"p": substitute(parse(link), {"x": ast.Name("z")})}
    chain = derivative(substitute(parse(value), z), "z")
    return ast.unparse(parse(stated)) if agree(parse(stated), chain, {}) else ""
