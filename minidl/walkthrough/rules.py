"""The rule of each step for whole arrays, as LaTeX."""

from __future__ import annotations

import ast

from minidl.walkthrough.expressions import parse
from minidl.walkthrough.latex import latex
from minidl.walkthrough.notation import Notation, letter
from minidl.walkthrough.steps import Step
from minidl.walkthrough.updates import variant

_MEANS = (
    r"m \leftarrow \beta_1 m + \left(1 - \beta_1\right) g \qquad "
    r"v \leftarrow \beta_2 v + \left(1 - \beta_2\right) g^2 \qquad"
)
_STRIDE = r"\eta \, \frac{{\hat{{m}}}}{{\sqrt{{\hat{{v}}}} + \varepsilon}}"
_DECAY = r"g \leftarrow g + \lambda \, w \qquad "

RULES = {
    "dense": r"{w} = {r0} \, {r1} + {r2}",
    "matmul": r"{w} = {r0} \, {r1}",
    "dropout": r"{w} = \frac{{1}}{{1 - \text{{rate}}}} \; {r0} \odot \text{{mask}}",
    "seed": r"\frac{{\partial L}}{{\partial L}} = 1",
    "dense_dx": r"{w} = {r1} \; {{{r0}}}^{{\mathsf T}}",
    "dense_dw": r"{w} = {{{r0}}}^{{\mathsf T}} \; {r1}",
    "dense_db": r"{w} = \sum_{{\text{{rows}}}} {r0}",
    "matmul_da": r"{w} = {r1} \; {{{r0}}}^{{\mathsf T}}",
    "matmul_db": r"{w} = {{{r0}}}^{{\mathsf T}} \; {r1}",
    "elementwise_back": r"{w} = {local} \odot {up}",
    "row_back": r"{w} = \sum_k \frac{{\partial {r0}_k}}{{\partial {r2}}} \cdot {{{r1}}}_k",
    "dropout_back": r"{w} = \frac{{1}}{{1 - \text{{rate}}}} \; {r0} \odot \text{{mask}}",
    "shared": r"{w} = {r0} \cdot \frac{{1}}{{{divisor}}}",
    "squares": r"\sum g^2",
    "limit": r"g \leftarrow \max\left(-{bound}, \min\left({bound}, g\right)\right)",
    "shrink": r"g \leftarrow g \cdot "
    r"\frac{{{bound}}}{{\max\left({bound}, \left\|g\right\|\right)}}",
    "sgd": r"w \leftarrow w - \eta \, g",
    "momentum": r"v \leftarrow \mu \, v + g \qquad w \leftarrow w - \eta \, v",
    "nesterov": r"v \leftarrow \mu \, v + g \qquad w \leftarrow w - \eta \left(g + \mu \, v\right)",
    "adam": rf"{_MEANS} w \leftarrow w - {_STRIDE}",
    "adamw": rf"{_MEANS} w \leftarrow w \left(1 - \eta \, \lambda\right) - {_STRIDE}",
    "rmsprop": r"v \leftarrow \rho \, v + \left(1 - \rho\right) g^2 \qquad "
    r"w \leftarrow w - \eta \, \frac{{g}}{{\sqrt{{v}} + \varepsilon}}",
}  # fmt: skip
"""By what a step does; {w} is what it writes, {r0} … what it reads."""


def rule(step: Step, notation: Notation) -> str:
    r"""A step's rule as LaTeX; empty where it has none but words.

    Examples
    --------
    >>> import minidl as ml
    >>> walkthrough = ml.explain(ml.mlp([2, 1], seed=0), [[0.5, -1.0]], [1], loss="mse")
    >>> rule(walkthrough.steps[1], Notation(walkthrough.problem, walkthrough.steps))
    'z^{(1)} = x \\, W^{(1)} + b^{(1)}'
    """
    made = _MADE.get(step.expansion)
    if made is not None:
        return made(step, notation)
    form = RULES.get(variant(step.expansion, step.settings), "")
    form = _DECAY + form if step.settings.get("decay") else form
    reads = {f"r{i}": notation.symbol(name) for i, name in enumerate(step.reads)}
    names = {
        "w": notation.symbol(step.writes[0].name) if step.writes else "",
        "up": notation.symbol(step.reads[-1]) if step.reads else "",
        "local": notation.symbol(step.aside[0].name) if step.aside else "",
    }
    return form.format(**reads, **names, **{k: f"{v:g}" for k, v in step.settings.items()})


def _elementwise(step: Step, notation: Notation) -> str:
    made = notation.symbol(step.writes[0].name)
    inputs = [notation.symbol(name) for name in step.reads]
    if not (formula := step.formulas["value"]):
        return rf"{made} = {letter(step.operation)}\left({', '.join(inputs)}\right)"
    keys = ("x",) if len(inputs) == 1 else ("a", "b")
    return f"{made} = {latex(parse(formula), texts=dict(zip(keys, inputs, strict=True)))}"


def _row(step: Step, notation: Notation) -> str:
    made, source = (notation.symbol(name) for name in (step.writes[0].name, step.reads[0]))
    texts = {"x_i": f"{source}_i", "x_j": f"{source}_j"}
    return f"{made}_i = {latex(parse(step.formulas['value']), texts=texts)}"


def _added(step: Step, notation: Notation) -> str:
    made, source = (notation.symbol(name) for name in (step.writes[0].name, step.reads[0]))
    divisor = step.settings["divisor"]
    share = "" if divisor == 1.0 else rf"\frac{{1}}{{{divisor:g}}} "
    return rf"{made} = {share}\sum {source}"


def _each(step: Step, notation: Notation) -> str:
    """The loss of one, and the prediction that it looks at."""
    value, link = step.formulas["value"], step.formulas["link"]
    made = notation.symbol(step.writes[0].name)
    if not value:
        return rf"{made} = {letter(step.operation)}\left(t, p\right)"
    z, each = notation.symbol(step.reads[1]), latex(parse(value))
    if "columns" in step.settings and "wrong" not in value:
        texts = {"t": "t_j", "p": "p_j"}
        each = rf"\sum_j {latex(parse(f'({value})'), texts=texts)}"
    if not link:
        return rf"{made} = {each} \qquad p = {z}"
    texts = {"x": z, "x_i": f"{z}_i", "x_j": f"{z}_j"}
    behind = latex(parse(link), texts=texts)
    return rf"{made} = {each} \qquad p{'_i' if 'x_i' in link else ''} = {behind}"


def _loss_back(step: Step, notation: Notation) -> str:
    made, z = notation.symbol(step.writes[0].name), notation.symbol(step.reads[1])
    chain = r"\frac{\partial L}{\partial \ell} \cdot \frac{\partial \ell}{\partial p}"
    if not step.formulas["link"]:
        return f"{made} = {chain}"
    chain += rf" \cdot \frac{{\partial p}}{{\partial {z}}}"
    if told := step.formulas["cancels"]:
        share = "" if step.settings["count"] == 1 else rf"\frac{{1}}{{{step.settings['count']:g}}} "
        tree = parse(told)
        sums = share and isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.Add | ast.Sub)
        inner = latex(tree, texts={"z": z})
        chain += f" = {share}" + (rf"\left({inner}\right)" if sums else inner)
    return f"{made} = {chain}"


def _fan_out(step: Step, notation: Notation) -> str:
    ways = (notation.symbol(step.formulas[key]) for key in ("first", "second"))
    made = notation.symbol(step.writes[0].name)
    return rf"{made} = " + " + ".join(rf"{made}\big|_{{\text{{by }}{way}}}" for way in ways)


_MADE = {
    "elementwise": _elementwise,
    "row": _row,
    "added": _added,
    "each": _each,
    "loss_back": _loss_back,
    "fan_out": _fan_out,
}
