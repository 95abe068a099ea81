"""Single numbers of the way forward: sums of a layer, activations, dropout, what is moved about."""

from __future__ import annotations

import ast
import functools

from minidl.walkthrough.digits import Known
from minidl.walkthrough.expressions import Expression, parse, substitute
from minidl.walkthrough.scene import FULLEST, Scene, ravel, symbol
from minidl.walkthrough.steps import Equation, Index


def _product_sum(scene: Scene, left: str, held: float, pairs: list[tuple[Known, Known]],
                 bias: Known | None = None) -> list[Equation]:  # fmt: skip
    """Σ a·b, plus a bias."""
    if len(pairs) > FULLEST:
        return [scene.told("value", left, held, f"a sum of {len(pairs)} products")]
    knowns = {
        f"{key}{k}": known
        for k, pair in enumerate(pairs)
        for key, known in zip("ab", pair, strict=True)
    }
    formula = " + ".join(f"a{k}*b{k}" for k in range(len(pairs)))
    if bias is not None:
        knowns["c"] = bias
        formula += " + c"
    return [scene.equation("value", left, formula, knowns, held)]


def dense(scene: Scene, name: str, index: Index) -> list[Equation]:
    """y = x W + b."""
    x, w, b = (scene.read(i) for i in range(3))
    *rows, j = index
    pairs = [(scene.known(x, (*rows, k)), scene.known(w, (k, j))) for k in range(w.shape[0])]
    return _product_sum(scene, *scene.result(name, index), pairs, scene.known(b, (j,)))


def matmul(scene: Scene, name: str, index: Index) -> list[Equation]:
    """y = a b."""
    a, b = scene.read(0), scene.read(1)
    *stack, i, j = index
    pairs = [
        (scene.known(a, (*stack, i, k)), scene.known(b, (*stack, k, j))) for k in range(a.shape[-1])
    ]
    return _product_sum(scene, *scene.result(name, index), pairs)


def operands_at(scene: Scene, index: Index, count: int) -> dict[str, Known]:
    """The numbers that an elementwise operation takes for one place, by its formula's names."""
    keys = ("x",) if count == 1 else ("a", "b")
    found = {}
    for key, position in zip(keys, range(count), strict=True):
        array = scene.read(position)
        found[key] = scene.known(array, index if len(array.values) > 1 else (0,) * len(array.shape))
    return found


def elementwise(scene: Scene, name: str, index: Index) -> list[Equation]:
    """y = f(x), by the registry's formula."""
    knowns = operands_at(scene, index, len(scene.step.reads))
    left, held = scene.result(name, index)
    if not (formula := scene.step.formulas["value"]):
        note = f"{scene.step.operation}({', '.join(k.symbol for k in knowns.values())})"
        return [scene.told("value", left, held, f"{note}, which states no formula")]
    return [scene.equation("value", left, formula, knowns | scene.settings(), held)]


@functools.lru_cache(maxsize=1024)
def spread(formula: str, columns: int, own: int) -> str:
    """A row's formula written out: ``Sum`` over the columns, ``x_i`` the column at hand.

    Examples
    --------
    >>> spread("exp(x_i)/Sum(exp(x_j))", columns=2, own=1)
    'exp(x1) / (exp(x0) + exp(x1))'
    """

    class Spread(ast.NodeTransformer):
        def visit_Call(self, node: ast.Call) -> ast.AST:
            if isinstance(node.func, ast.Name) and node.func.id == "Sum":
                inner = node.args[0]
                terms = [substitute(inner, {"x_j": ast.Name(f"x{j}")}) for j in range(columns)]
                return functools.reduce(lambda a, b: ast.BinOp(a, ast.Add(), b), terms)
            self.generic_visit(node)
            return node

    tree: Expression = Spread().visit(substitute(parse(formula), {"x_i": ast.Name(f"x{own}")}))
    return ast.unparse(tree)


def row(scene: Scene, name: str, index: Index) -> list[Equation]:
    """One number of a softmax, or of another function of a whole row."""
    x, (*rows, j) = scene.read(0), index
    columns = x.shape[-1]
    left, held = scene.result(name, index)
    if columns > FULLEST:
        return [scene.told("value", left, held, f"a function of {columns} numbers")]
    knowns = {f"x{k}": scene.known(x, (*rows, k)) for k in range(columns)}
    formula = spread(scene.step.formulas["value"], columns, j)
    return [scene.equation("value", left, formula, knowns, held)]


def dropout(scene: Scene, name: str, index: Index) -> list[Equation]:
    """y = x / (1 − rate) where the unit is kept, 0 where it is silenced."""
    kept = scene.step.aside[0][index] != 0.0
    left, held = scene.result(name, index)
    knowns = {"x": scene.known(scene.read(0), index)} | scene.settings()
    if not kept:
        knowns = {"x": knowns["x"]}
        return [scene.equation("value", left, "0*x", knowns, held, "silenced by dropout")]
    return [scene.equation("value", left, "x/(1 - rate)", knowns, held, "kept by dropout")]


def moved(scene: Scene, name: str, index: Index) -> list[Equation]:
    """y = x at another place, divided by how many share it."""
    y, places = scene.step.array(name), scene.step.array("places")
    source = scene.flat(scene.read(0), int(places.values[ravel(index, y.shape)]))
    return _divided(scene, "value", symbol(name, index), "x", {"x": source}, y[index])


def _divided(scene: Scene, kind: str, left: str, formula: str, knowns: dict[str, Known],
             held: float) -> list[Equation]:  # fmt: skip
    divisor = scene.step.settings.get("divisor", 1.0)
    if divisor != 1.0:
        knowns = knowns | {"n": Known.setting("n", divisor)}
        formula = f"({formula})/n"
    return [scene.equation(kind, left, formula, knowns, held)]


def added(scene: Scene, name: str, index: Index) -> list[Equation]:
    """y = Σ x over all that is shown at one place, divided by how many there are."""
    y, places, x = scene.step.array(name), scene.step.array("places"), scene.read(0)
    own = ravel(index, y.shape)
    found = [i for i, place in enumerate(places.values) if int(place) == own]
    left = symbol(name, index)
    if not found or len(found) > FULLEST:
        return [scene.told("sum", left, y[index], f"a sum of {len(found)} numbers")]
    knowns = {f"x{i}": scene.flat(x, i) for i in found}
    return _divided(scene, "sum", left, " + ".join(knowns), knowns, y[index])
