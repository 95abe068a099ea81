"""Arrays as a book writes them: W⁽¹⁾ for ``dense1.weight``, ∂L/∂z⁽²⁾ for ``∂dense2.sums``.

The listing's names say which layer of the code is meant, but are too long for a formula. Both
are shown side by side wherever an array is; formulas use the short ones.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

from minidl.walkthrough.formulas import LETTERS, SLOT, SYMBOLS, Symbol, as_symbol, letter
from minidl.walkthrough.operations import keys_of, operation_of
from minidl.walkthrough.steps import Problem, Step

_FORMS = {
    "new": r"\text{{new }}{0}",
    "way": r"\text{{by }}{0}",
    "smoothed": r"\text{{smoothed }}{0}",
    "part": "c_{{{name}}}",
    "part of": "c_{{{name}}}",
    "fraction": r"\frac{{{0}}}{{{1}}}",
}
"""LaTeX of symbols that are made of others."""


class Notation:
    r"""The letters for the arrays of a walkthrough.

    Examples
    --------
    >>> import minidl as ml
    >>> net = ml.mlp([2, 2, 1], hidden="tanh", seed=0)
    >>> walkthrough = ml.explain(net, [[0.5, -1.0]], [1], loss="mse")
    >>> notation = Notation(walkthrough.problem, walkthrough.steps)
    >>> notation.symbol(Symbol("dense1.weight", (0, 1))), notation.symbol("∂dense2.bias")
    ('W^{(1)}_{0,1}', '\\frac{\\partial L}{\\partial b^{(2)}}')
    >>> notation.rule(walkthrough.steps[1])
    'z^{(1)} = x \\, W^{(1)} + b^{(1)}'
    """

    def __init__(self, problem: Problem, steps: Sequence[Step]) -> None:
        loss = problem.loss_name
        self._letters = LETTERS | {
            loss: "L",
            f"{loss}.each": r"\ell",
            f"{loss}.losses": r"\ell",
            f"{loss} afterwards": r"L^{\text{new}}",
            "L": "L",
        }
        self._aside: dict[str, Symbol] = {}
        count = 0
        for step in steps:
            operation = operation_of(step)
            self._aside |= operation.names_aside(step)
            if operation.has_bias and step.phase == "forward":
                count += 1
                _, weight, bias = step.reads
                self._name(weight, "W", count)
                self._name(bias, "b", count)
                self._name(step.writes[0].name, "z", count)
            elif step.phase == "forward" and operation.is_activation:
                sums = f"z^{{({count})}}"
                if self._letters.get(step.reads[0]) == sums:
                    self._name(step.writes[0].name, "a", count)
                    self._name_learned(step, steps, count)

    def _name(self, array: str, letter: str, layer: int) -> None:
        self._letters.setdefault(array, f"{letter}^{{({layer})}}")
        for state, own in (("m", "m"), ("v", "v"), ("velocity", "v")):
            self._letters.setdefault(f"{array}.{state}", f"{own}^{{({letter}_{layer})}}")

    def _name_learned(self, step: Step, steps: Sequence[Step], layer: int) -> None:
        """The second operand of an activation, such as PReLU's α, and the parameter behind it."""
        for key, name in zip(keys_of(step)[1:], step.reads[1:], strict=True):
            source = [s.reads[0] for s in steps if s.writes and s.writes[0].name == name]
            for array in (name, *source[:1]):
                self._name(array, letter(SYMBOLS.get(key, key)), layer)

    def symbol(self, text: str) -> str:
        """LaTeX of what an equation calls a number, or of an array's name."""
        symbol = self._aside.get(text) or as_symbol(text)
        latex = self.pattern(symbol.opened())
        for i, place in enumerate(symbol.places()):
            latex = latex.replace(SLOT % i, place)
        return latex

    def pattern(self, symbol: Symbol) -> str:
        """LaTeX of a symbol whose places are left open: ``dense1.weight[]``."""
        slots = (SLOT % i for i in itertools.count())
        return self._written(symbol, lambda: next(slots))

    def _written(self, symbol: Symbol, slot: Callable[[], str]) -> str:
        if symbol.role == "plain":
            return self._plain(symbol.name, slot() if symbol.place else "")
        if symbol.role == "for":
            return letter(symbol.name)
        if symbol.role == "slope":
            return self._slope(symbol, slot)
        form, of = _FORMS[symbol.role], (self._written(part, slot) for part in symbol.of)
        return form.format(*of, name=symbol.name)

    def _slope(self, symbol: Symbol, slot: Callable[[], str]) -> str:
        above, below = symbol.of
        if not above.place and below.place:  # number by number: the same place in both
            place = slot()
            parts = [self._plain(part.name, place) for part in (above, below)]
        else:
            parts = [self._written(part, slot) for part in (above, below)]
        return rf"\frac{{\partial {parts[0]}}}{{\partial {parts[1]}}}"

    def _plain(self, name: str, place: str) -> str:
        """A number of an array; the names of gradients begin with ∂."""
        if name.startswith("+∂"):  # a further way back to the same array
            return rf"\text{{+ }}{self._plain(name[1:], place)}"
        if name.startswith("∂"):
            return rf"\frac{{\partial L}}{{\partial {self._plain(name[1:], place)}}}"
        letters = self._letters.get(name) or letter(name)
        return letters + (f"_{{{place}}}" if place else "")

    def rule(self, step: Step) -> str:
        """A step's rule as LaTeX; empty where it has none but words."""
        return operation_of(step).latex(step, self.symbol)
