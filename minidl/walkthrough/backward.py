"""Single numbers of the way back: each is a sum of local derivative × upstream gradient."""

from __future__ import annotations

from decimal import Decimal

from minidl.walkthrough.calculus import slope_of
from minidl.walkthrough.digits import ROUNDING, Known
from minidl.walkthrough.forward import operands_at, spread
from minidl.walkthrough.scene import FULLEST, Scene, Term, symbol, used, worked_out
from minidl.walkthrough.steps import Equation, Index


def dense_dx(scene: Scene, name: str, index: Index) -> list[Equation]:
    """dx = dy Wᵀ: a unit is to blame by way of every unit that it feeds."""
    w, dy = scene.read(0), scene.read(1)
    *rows, k = index
    terms = [
        Term(f"through unit {j}", scene.known(w, (k, j)), scene.known(dy, (*rows, j)))
        for j in range(w.shape[1])
    ]
    return scene.gathered(*scene.result(name, index), terms)


def dense_dw(scene: Scene, name: str, index: Index) -> list[Equation]:
    """dW = xᵀ dy: a weight is used once for every row of the batch."""
    x, dy = scene.read(0), scene.read(1)
    k, j = index
    terms = [
        Term(f"row {i}", scene.known(x, (*i_, k)), scene.known(dy, (*i_, j)))
        for i, i_ in _rows(x.shape)
    ]
    return scene.gathered(*scene.result(name, index), terms)


def dense_db(scene: Scene, name: str, index: Index) -> list[Equation]:
    """db = Σ dy over the rows: a bias is added with a factor of 1."""
    dy = scene.read(0)
    one = Known.setting("1", 1.0)
    terms = [Term(f"row {i}", one, scene.known(dy, (*i_, *index))) for i, i_ in _rows(dy.shape)]
    return scene.gathered(*scene.result(name, index), terms)


def _rows(shape: Index) -> list[tuple[str, Index]]:
    """The rows of an array, with what they are called."""
    found: list[Index] = [()]
    for length in shape[:-1]:
        found = [(*row, i) for row in found for i in range(length)]
    return [(", ".join(map(str, row)), row) for row in found]


def matmul_da(scene: Scene, name: str, index: Index) -> list[Equation]:
    """da = dy bᵀ."""
    b, dy = scene.read(0), scene.read(1)
    *stack, i, k = index
    terms = [
        Term(f"column {j}", scene.known(b, (*stack, k, j)), scene.known(dy, (*stack, i, j)))
        for j in range(b.shape[-1])
    ]
    return scene.gathered(*scene.result(name, index), terms)


def matmul_db(scene: Scene, name: str, index: Index) -> list[Equation]:
    """db = aᵀ dy."""
    a, dy = scene.read(0), scene.read(1)
    *stack, k, j = index
    terms = [
        Term(f"row {i}", scene.known(a, (*stack, i, k)), scene.known(dy, (*stack, i, j)))
        for i in range(a.shape[-2])
    ]
    return scene.gathered(*scene.result(name, index), terms)


def elementwise(scene: Scene, name: str, index: Index) -> list[Equation]:
    """dx = f′(x) · dy: the local derivative, then the contribution."""
    *operands, output, upstream = scene.step.reads
    local = scene.step.aside[0]
    dy = scene.before[upstream]
    knowns = operands_at(scene, index, len(operands))
    told = scene.step.formulas
    left, held = symbol(local.name, index), local[index]
    if told["value"]:
        slope = slope_of(told["value"], told["derivative"], told["of"], "y")
        knowns["y"] = scene.known(scene.before[output], index)
        first = scene.equation("local", left, slope, used(knowns | scene.settings(), slope), held)
    else:
        note = f"{scene.step.operation} states no formula: its own slope"
        first = scene.told("local", left, held, note)
    term = Term("", Known.held(left, held, scene.dtype), scene.known(dy, index))
    left, held = scene.result(name, index)
    if held == 0.0 and dy[index] != 0.0:
        term = Term("the unit is off: nothing passes", term.local, term.upstream)
    return [first, *scene.gathered(left, held, [term])]


def row(scene: Scene, name: str, index: Index) -> list[Equation]:
    """dxⱼ = Σₖ ∂yₖ/∂xⱼ · dyₖ: every number of a row moves all of it."""
    y, dy = scene.read(0), scene.read(1)
    *rows, j = index
    columns = y.shape[-1]
    left, held = scene.result(name, index)
    if columns > FULLEST:
        return [scene.told("sum", left, held, f"a sum of {columns} contributions")]
    made, terms = [], []
    for k in range(columns):
        local = f"∂{symbol(y.name, (*rows, k))}/∂{symbol(name[1:], index)}"
        formula, knowns = _row_slope(scene, rows, k, j)
        made.append(scene.equation("local", local, formula, knowns))
        known = Known(local, worked_out(formula, knowns))
        terms.append(Term(f"through column {k}", known, scene.known(dy, (*rows, k))))
    # The kernel adds up the row first, which may be far larger than what is left of it.
    numbers = y.numbers[tuple(rows)] * dy.numbers[tuple(rows)]
    size = abs(y[index]) * float(abs(numbers).sum() + abs(dy[index]))
    loose = ROUNDING[scene.dtype] * columns * Decimal(size)
    return [*made, *scene.gathered(left, held, terms, loose)]


def _row_slope(scene: Scene, rows: list[int], k: int, j: int) -> tuple[str, dict[str, Known]]:
    """∂yₖ/∂xⱼ: in terms of the outputs if the activation states it, else by the rules."""
    y, x = scene.read(0), scene.read(2)
    if told := scene.step.formulas["slope"]:
        formula = told.replace("delta_i_j", "1" if k == j else "0")
        knowns = {"y_i": scene.known(y, (*rows, k)), "y_j": scene.known(y, (*rows, j))}
        return formula, used(knowns, formula)
    written_out = spread(scene.step.formulas["value"], x.shape[-1], k)
    formula = slope_of(written_out, "", f"x{j}", "y")
    knowns = {f"x{i}": scene.known(x, (*rows, i)) for i in range(x.shape[-1])}
    return formula, used(knowns, formula)


def dropout(scene: Scene, name: str, index: Index) -> list[Equation]:
    """dx = dy / (1 − rate) where the unit was kept, 0 where it was silenced."""
    mask, dy = scene.step.aside[0], scene.read(0)
    left, held = scene.result(name, index)
    upstream = scene.known(dy, index)
    if mask[index] == 0.0:
        term = Term("silenced by dropout", Known.setting("0", 0.0), upstream)
        return scene.gathered(left, held, [term])
    local = f"∂y/∂{symbol(name[1:], index)}"
    first = scene.equation("local", local, "1/(1 - rate)", scene.settings(), None, "kept")
    known = Known(local, worked_out("1/(1 - rate)", scene.settings()))
    return [first, *scene.gathered(left, held, [Term("", known, upstream)])]


def fan_out(scene: Scene, name: str, index: Index) -> list[Equation]:
    """Where a number is used several times, what comes back from each use is added up."""
    first, second = (scene.known(scene.read(i), index) for i in range(2))
    told = scene.step.formulas
    knowns = {
        "a": Known(f"what came by {told['first']}", first.value, first.short),
        "b": Known(f"what came by {told['second']}", second.value, second.short),
    }
    left, held = scene.result(name, index)
    return [scene.equation("sum", left, "a + b", knowns, held)]


def shared(scene: Scene, name: str, index: Index) -> list[Equation]:
    """dx = dy / n: a total passes its gradient to all that it counts."""
    dy = scene.flat(scene.read(0), 0)
    left, held = scene.result(name, index)
    divisor = scene.step.settings.get("divisor", 1.0)
    if divisor == 1.0:
        return scene.gathered(left, held, [Term("", Known.setting("1", 1.0), dy)])
    local = Known(f"1/{divisor:g}", worked_out("1/n", {"n": Known.setting("n", divisor)}))
    return scene.gathered(left, held, [Term(f"a mean of {divisor:g}", local, dy)])
