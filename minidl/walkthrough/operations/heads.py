"""Single numbers of a loss and of its gradient; a fused head in both of its forms.

One kernel finds a loss and its slopes, and, where the prediction comes straight from a sigmoid or
softmax, jumps over these to the logits. Here the parts are told apart again: the prediction, the
loss of it, the chain ∂L/∂ℓ · ∂ℓ/∂p · ∂p/∂z, and the form in which this cancels.
"""

from __future__ import annotations

import ast
from decimal import Decimal

import numpy as np

from minidl.walkthrough.formulas import (
    Equation,
    Index,
    Known,
    Symbol,
    names,
    parse,
    partial,
    slope_of,
    spread,
    substitute,
)
from minidl.walkthrough.operations.scene import MOST_TERMS, Scene, Term, used, worked_out
from minidl.walkthrough.steps import Step, unravel

_NEAR_AN_END = 1e-12
"""A probability as near as this to 0 or 1 is treated apart: logs and denominators are bounded."""
BOUNDED = "so near to 0 or 1, minidl bounds logarithms at −100 and denominators at 1e-12"


def loss_equations(scene: Scene, name: str, index: Index) -> list[Equation]:
    """The loss of one element, or of one row."""
    left, held = scene.result(name, index)
    if not scene.step.formulas["value"]:
        return [scene.unexplained("value", left, held, f"{scene.step.operation} states no formula")]
    if "columns" in scene.step.settings:
        return _row_value(scene, left, held, index)
    place = unravel(index[0], scene.read(1).shape)
    equations, p = _prediction(scene, place)
    if _bounded(scene, place):
        return [*equations, scene.unexplained("value", left, held, BOUNDED)]
    knowns = {"t": _target(scene, place), "p": p} | scene.settings()
    formula = scene.step.formulas["value"]
    return [*equations, scene.equation("value", left, formula, used(knowns, formula), held)]


def gradient_equations(scene: Scene, name: str, index: Index) -> list[Equation]:
    """The gradient where the loss hands it over: at the prediction, or at the logits behind it."""
    left, held = scene.result(name, index)
    if not scene.step.formulas["value"]:
        return [scene.unexplained("contribution", left, held, "the loss states no formula")]
    share = Known.share(scene.step.settings["count"])  # ∂L/∂ℓ
    if "columns" in scene.step.settings:
        return _row_slopes(scene, left, held, index, share)
    equations, p = _prediction(scene, index)
    if _bounded(scene, index):
        return [*equations, scene.unexplained("contribution", left, held, BOUNDED)]
    local, slope = _slope(scene, _target(scene, index), p)
    equations.append(local)
    if not scene.step.formulas["link"]:
        return [*equations, *scene.gathered(left, held, [Term("", slope, share)])]
    link, onward = _link_slope(scene, index, p)
    chain = {"a": share, "b": slope, "c": onward}
    equations += [link, scene.equation("factored", left, "a*b*c", chain, held, "the chain rule")]
    if cancelled := scene.step.formulas["cancels"]:
        z = scene.known(scene.read(1), index)
        knowns = {"z": z, "t": _target(scene, index), "n": share}
        note = "the same: the denominator cancels"
        equations.append(scene.equation("cancels", left, f"n*({cancelled})", knowns, held, note))
    return equations


def is_margin(step: Step) -> bool:
    """Whether the right score of a row is compared with the wrong ones."""
    return "wrong" in names(parse(step.formulas["value"]))


def _target(scene: Scene, index: Index) -> Known:
    return scene.known(scene.read(0), index)


def bounded(step: Step, predictions: np.ndarray) -> np.ndarray:
    """Which probabilities, where they are mere numbers, are too near to an end of their domain."""
    ends = 0.0 if step.formulas["link"] else step.settings["bounded"]
    found: np.ndarray = (ends > 0) & (predictions < _NEAR_AN_END)
    return found | ((ends > 1) & (1 - predictions < _NEAR_AN_END))


def _bounded(scene: Scene, index: Index) -> bool:
    return bool(bounded(scene.step, scene.read(1).numbers[index]))


def _prediction(scene: Scene, index: Index) -> tuple[list[Equation], Known]:
    """The prediction: a number of the network's output, or what the link makes of the logits."""
    z = scene.known(scene.read(1), index)
    if not (link := scene.step.formulas["link"]):
        return [], z
    left = Symbol("p", index)
    equation = scene.equation("value", left, link, {"x": z}, None, "the prediction, in full")
    return [equation], Known(left, worked_out(link, {"x": z}))


def _slope(scene: Scene, t: Known, p: Known) -> tuple[Equation, Known]:
    """∂ℓ/∂p; of a row, 0 where its target is."""
    formulas, rowwise = scene.step.formulas, "columns" in scene.step.settings
    if rowwise and not t.value:
        formula, note = "0", "its target is 0"
    else:
        fixed = (("t", int(t.value)),) if t.value in (0, 1) and not rowwise else ()
        formula = slope_of(formulas["value"], formulas.get("slope", ""), "p", "loss", fixed)
        note = ""
    knowns = used({"t": t, "p": p} | scene.settings(), formula)
    left = partial("ℓ", p.symbol)
    equation = scene.equation("local", left, formula, knowns, None, note)
    return equation, Known(left, _exact(formula, knowns))


def _exact(formula: str, knowns: dict[str, Known]) -> Decimal:
    """The value; 0 where there is none, which the equation beside it tells."""
    try:
        return worked_out(formula, knowns)
    except ArithmeticError:
        return Decimal(0)


def _link_slope(scene: Scene, index: Index, p: Known) -> tuple[Equation, Known]:
    """∂p/∂z, from p itself."""
    formula = scene.step.formulas["link_slope"]
    left = partial(p.symbol, Symbol(scene.step.reads[1], index))
    knowns = used({"y": p, "x": scene.known(scene.read(1), index)}, formula)
    return scene.equation("local", left, formula, knowns), Known(left, _exact(formula, knowns))


# ── rows ──────────────────────────────────────────────────────────────────────────────────────


def _targets(scene: Scene, rows: Index) -> list[Known]:
    """A row's targets, one a column: as they are, or made of a class number; smoothed if asked."""
    t, columns = scene.read(0), int(scene.step.settings["columns"])
    smoothing = scene.step.settings.get("label_smoothing", 0.0)
    sparse = len(t.values) * columns == len(scene.read(1).values)
    targets = []
    for j in range(columns):
        if sparse:
            known = Known.setting(Symbol(t.name, (*rows, j)), float(t[rows] == j))
        else:
            known = scene.known(t, (*rows, j))
        if smoothing:
            operands = {
                "t": known,
                "s": Known.setting("s", smoothing),
                "n": Known.setting("n", columns),
            }
            smooth = worked_out("(1 - s)*t + s/n", operands)
            known = Known(Symbol.made("smoothed", known.symbol), smooth)
        targets.append(known)
    return targets


def _row_predictions(
    scene: Scene, rows: Index, wanted: list[int]
) -> tuple[list[Equation], list[Known]]:
    """A row's predictions; equations for the columns that are wanted."""
    z, columns = scene.read(1), int(scene.step.settings["columns"])
    inputs = {f"x{j}": scene.known(z, (*rows, j)) for j in range(columns)}
    if not (link := scene.step.formulas["link"]):
        return [], list(inputs.values())
    equations, predictions = [], []
    for j in range(columns):
        left, formula = Symbol("p", (*rows, j)), spread(link, columns, j)
        predictions.append(Known(left, worked_out(formula, inputs)))
        if j in wanted:
            note = "the prediction, in full"
            equations.append(scene.equation("value", left, formula, inputs, None, note))
    return equations, predictions


def _row_value(scene: Scene, left: str, held: float, index: Index) -> list[Equation]:
    rows = unravel(index[0], scene.read(1).shape[:-1]) if index else ()
    targets = _targets(scene, rows)
    if len(targets) > MOST_TERMS:
        return [scene.unexplained("value", left, held, f"a row of {len(targets)} columns")]
    if is_margin(scene.step):
        formula, knowns = _margin(scene, rows, targets)
        return [scene.equation("value", left, formula, knowns, held)]
    wanted = [j for j, t in enumerate(targets) if t.value]
    equations, p = _row_predictions(scene, rows, wanted)
    if any(_bounded(scene, (*rows, j)) for j in wanted):
        return [*equations, scene.unexplained("value", left, held, BOUNDED)]
    term, knowns, terms = parse(scene.step.formulas["value"]), scene.settings(), []
    for j in wanted:
        names = {"t": ast.Name(f"t{j}"), "p": ast.Name(f"p{j}")}
        terms.append(ast.unparse(substitute(term, names)))
        knowns |= {f"t{j}": targets[j], f"p{j}": p[j]}
    formula = " + ".join(f"({term})" for term in terms) or "0"
    note = "targets of 0 add nothing" if len(wanted) < len(targets) else ""
    return [*equations, scene.equation("value", left, formula, used(knowns, formula), held, note)]


def _margin(scene: Scene, rows: Index, targets: list[Known]) -> tuple[str, dict[str, Known]]:
    """Crammer and Singer's rule, with the right score and the wrong ones named."""
    scores = scene.read(1)
    right = next(j for j, t in enumerate(targets) if t.value)
    wrong = [j for j in range(len(targets)) if j != right]
    knowns = {f"w{j}": scene.known(scores, (*rows, j)) for j in wrong}
    best = f"Max({', '.join(knowns)})" if len(wrong) > 1 else f"w{wrong[0]}"
    formula = scene.step.formulas["value"].replace("Max(wrong)", best).replace("right", f"w{right}")
    return formula, knowns | {f"w{right}": scene.known(scores, (*rows, right))}


def _row_slopes(scene: Scene, left: str, held: float, index: Index, share: Known) -> list[Equation]:
    *rows, k = index
    targets = _targets(scene, tuple(rows))
    if len(targets) > MOST_TERMS:
        return [scene.unexplained("contribution", left, held, f"a row of {len(targets)} columns")]
    if is_margin(scene.step):
        return _margin_slope(scene, left, held, index, share)
    wanted = [j for j, t in enumerate(targets) if t.value]
    linked = bool(scene.step.formulas["link"])
    equations, p = _row_predictions(scene, tuple(rows), sorted({*wanted, k}))
    if any(_bounded(scene, (*rows, j)) for j in ({k} & set(wanted) if not linked else wanted)):
        return [*equations, scene.unexplained("contribution", left, held, BOUNDED)]
    slopes = {j: _slope(scene, targets[j], p[j]) for j in (wanted if linked else [k])}
    equations += [equation for equation, _ in slopes.values()]
    if not linked:
        return [*equations, *scene.gathered(left, held, [Term("", slopes[k][1], share)])]
    equations += _row_chain(
        scene, left, held, index, share, p, {j: s for j, (_, s) in slopes.items()}
    )
    if scene.step.formulas["cancels"]:
        equations.append(_row_cancels(scene, left, held, p[k], targets, k, share))
    return equations


def _row_chain(
    scene: Scene,
    left: str,
    held: float,
    index: Index,
    share: Known,
    p: list[Known],
    slopes: dict[int, Known],
) -> list[Equation]:
    """Σⱼ ∂L/∂ℓ · ∂ℓ/∂pⱼ · ∂pⱼ/∂zₖ over the classes that have a target."""
    *_, k = index
    equations, terms, knowns = [], [], {"n": share}
    for j, slope in slopes.items():
        local = partial(p[j].symbol, Symbol(scene.step.reads[1], index))
        formula = scene.step.formulas["link_slope"].replace("delta_i_j", "1" if j == k else "0")
        parts = used({"y_i": p[j], "y_j": p[k]}, formula)
        equations.append(scene.equation("local", local, formula, parts))
        knowns |= {f"a{j}": slope, f"b{j}": Known(local, worked_out(formula, parts))}
        terms.append(f"a{j}*b{j}")
    formula = f"n*({' + '.join(terms)})" if terms else "0"
    note = "the chain rule"
    return [
        *equations,
        scene.equation("factored", left, formula, used(knowns, formula), held, note),
    ]


def _row_cancels(
    scene: Scene, left: str, held: float, p: Known, targets: list[Known], k: int, share: Known
) -> Equation:
    total = sum((t.value for t in targets), Decimal(0))
    knowns = {"n": share, "p": p, "t": targets[k]}
    formula = "n*(p - t)"
    if total != 1:  # soft targets that do not sum to 1
        formula, knowns["s"] = "n*(p*s - t)", Known("Σ t", total)
    note = "the same: the denominator cancels"
    return scene.equation("cancels", left, formula, knowns, held, note)


def _margin_slope(
    scene: Scene, left: str, held: float, index: Index, share: Known
) -> list[Equation]:
    """−1 at the right class, 1 at the best wrong one, while the margin is below 1."""
    *rows, k = index
    targets = _targets(scene, tuple(rows))
    formula, knowns = _margin(scene, tuple(rows), targets)
    right = next(j for j, t in enumerate(targets) if t.value)
    best = max(known.value for key, known in knowns.items() if key != f"w{right}")
    ties = [key for key, known in knowns.items() if key != f"w{right}" and known.value == best]
    loss = scene.equation("value", "ℓ", formula, knowns)
    slope, note = "0", "neither the right class nor the best wrong one"
    if worked_out(formula, knowns) <= 0:
        note = "the margin is kept"
    elif k == right:
        slope, note = "-1", "the right class"
    elif f"w{k}" in ties:
        slope, note = f"1/{len(ties)}" if len(ties) > 1 else "1", "the best wrong class"
    local = partial("ℓ", Symbol(scene.step.reads[1], index))
    first = scene.equation("local", local, slope, {}, None, note)
    term = Term("", Known(local, worked_out(slope, {})), share)
    return [loss, first, *scene.gathered(left, held, [term])]
