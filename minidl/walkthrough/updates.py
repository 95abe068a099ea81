"""Single numbers of an update: clipping, SGD, Adam, RMSprop, and the loss afterwards."""

from __future__ import annotations

from collections.abc import Mapping

from minidl.walkthrough.digits import Known
from minidl.walkthrough.scene import FULLEST, Scene, symbol, used, worked_out
from minidl.walkthrough.steps import Equation, Index

_SURE = {"float32": 6, "float64": 12}
"""Digits that rounding leaves alone."""


def variant(expansion: str, settings: Mapping[str, float]) -> str:
    """Which of its rules a step follows: SGD and Adam have several; else the expansion's name."""
    if expansion == "sgd" and settings["momentum"]:
        return "nesterov" if settings["nesterov"] else "momentum"
    return "adamw" if expansion == "adam" and settings["decoupled"] else expansion


def _parts(scene: Scene, name: str, index: Index) -> tuple[str, dict[str, Known]]:
    """The parameter that a number belongs to, and its operands: p, g and the state."""
    parameter = next(
        read for read in scene.step.reads if name == read or name.startswith(f"{read}.")
    )
    keys = {"p": parameter, "g": f"∂{parameter}"}
    for state in ("velocity", "m", "v"):
        if f"{parameter}.{state}" in scene.before:
            keys[state] = f"{parameter}.{state}"
    knowns = {key: scene.known(scene.before[read], index) for key, read in keys.items()}
    return parameter, knowns | scene.settings()


def _made(scene: Scene, name: str, index: Index) -> Known:
    """What the update has made of a number."""
    known = scene.known(scene.step.array(name), index)
    return known._replace(symbol=f"new {known.symbol}")


class _Update:
    """The equations of one parameter, one after the other."""

    def __init__(self, scene: Scene, name: str, index: Index) -> None:
        self.scene, self.index = scene, index
        self.parameter, self.knowns = _parts(scene, name, index)
        self.equations: list[Equation] = []
        if scene.step.settings["decay"]:  # L2: added to the gradient
            self.aside("g", "g with decay", "g + decay*p")

    def aside(self, key: str, left: str, formula: str) -> None:
        """A number that no array holds; ``key`` is what later equations call it."""
        operands = used(self.knowns, formula)
        self.equations.append(self.scene.equation("update", left, formula, operands))
        self.knowns[key] = Known(left, worked_out(formula, operands))

    def write(self, key: str, formula: str) -> None:
        """A number that the step writes: the parameter's, as ``p``, or one of its state."""
        array = self.parameter if key == "p" else f"{self.parameter}.{key}"
        made = _made(self.scene, array, self.index)
        digits = self._digits(made) if key == "p" else 0
        self.equations.append(
            self.scene.equation(
                "update", made.symbol, formula, used(self.knowns, formula), float(made.value),
                digits=digits,
            )
        )  # fmt: skip
        self.knowns[key] = made

    def _digits(self, made: Known) -> int:
        """As many digits of a parameter as show what the update has changed, if its type has them.

        Two digits of the change, that is.
        """
        change = made.value - self.knowns["p"].value
        if not change or not made.value:
            return 0
        return min(_SURE[self.scene.dtype], made.value.adjusted() - change.adjusted() + 2)

    def until(self, name: str) -> list[Equation]:
        """The equations up to the one that ends in a number of this array."""
        left = f"new {symbol(name, self.index)}"
        last = next(i for i, e in enumerate(self.equations) if e.left == left)
        return self.equations[: last + 1]


def sgd(scene: Scene, name: str, index: Index) -> list[Equation]:
    """p − η g; with momentum p − η v, and v = μ v + g."""
    update = _Update(scene, name, index)
    if not scene.step.settings["momentum"]:
        update.write("p", "p - eta*g")
        return update.until(name)
    update.write("velocity", "momentum*velocity + g")
    nesterov = scene.step.settings["nesterov"]
    stride = "p - eta*(g + momentum*velocity)" if nesterov else "p - eta*velocity"
    update.write("p", stride)
    return update.until(name)


def adam(scene: Scene, name: str, index: Index) -> list[Equation]:
    """Running means m of g and v of g², both corrected for their start at 0; p − η m̂ / (√v̂ + ε)."""
    update = _Update(scene, name, index)
    update.write("m", "beta1*m + (1 - beta1)*g")
    update.write("v", "beta2*v + (1 - beta2)*g**2")
    update.aside("m_hat", f"m̂ of {symbol(update.parameter, index)}", "m/(1 - beta1**t)")
    update.aside("v_hat", f"v̂ of {symbol(update.parameter, index)}", "v/(1 - beta2**t)")
    kept = "p*(1 - eta*decoupled)" if scene.step.settings["decoupled"] else "p"
    stride = f"{kept} - eta*m_hat/(sqrt(v_hat) + epsilon)"
    update.write("p", stride)
    return update.until(name)


def rmsprop(scene: Scene, name: str, index: Index) -> list[Equation]:
    """A running mean v of g²; p − η g / (√v + ε)."""
    update = _Update(scene, name, index)
    update.write("v", "rho*v + (1 - rho)*g**2")
    update.write("p", "p - eta*g/(sqrt(v) + epsilon)")
    return update.until(name)


def limit(scene: Scene, name: str, index: Index) -> list[Equation]:
    """Every number of a gradient within ±bound."""
    g, made = scene.known(scene.before[name], index), _made(scene, name, index)
    knowns = {"g": g, "bound": scene.settings()["bound"]}
    formula = "Max(-bound, Min(bound, g))"
    return [scene.equation("update", made.symbol, formula, knowns, float(made.value))]


def squares(scene: Scene, name: str, index: Index) -> list[Equation]:
    """Σ g² over all gradients."""
    left, held = scene.result(name, index)
    found = [
        scene.flat(scene.before[read], i)
        for read in scene.step.reads
        for i in range(len(scene.before[read].values))
    ]
    if len(found) > FULLEST:
        return [scene.told("sum", left, held, f"the squares of {len(found)} numbers, added up")]
    knowns = {f"g{i}": known for i, known in enumerate(found)}
    return [scene.equation("sum", left, " + ".join(f"{key}**2" for key in knowns), knowns, held)]


def shrink(scene: Scene, name: str, index: Index) -> list[Equation]:
    """All gradients scaled down together where their common norm is above a bound."""
    *_, total = scene.step.reads
    sums = scene.before[total]
    knowns = {f"s{i}": scene.flat(sums, i) for i in range(len(sums.values))}
    formula = f"sqrt({' + '.join(knowns)})"
    first = scene.equation("update", "norm", formula, knowns)
    norm = Known("norm", worked_out(formula, knowns))
    g, made = scene.known(scene.before[name], index), _made(scene, name, index)
    told = {"g": g, "bound": scene.settings()["bound"], "norm": norm}
    formula = "Piecewise((g*bound/norm, norm > bound), (g, True))"
    return [first, scene.equation("update", made.symbol, formula, told, float(made.value))]


def afterwards(scene: Scene, name: str, index: Index) -> list[Equation]:
    """The loss after the update, and what the update changed."""
    before = scene.known(scene.before[scene.step.reads[0]], index)
    after = scene.known(scene.step.array(name), index)
    knowns = {"a": after, "b": before}
    return [
        scene.told("value", after.symbol, float(after.value), "the same batch again"),
        scene.equation("update", "change of the loss", "a - b", knowns),
    ]
