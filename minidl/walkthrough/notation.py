"""Arrays as a book writes them: W⁽¹⁾ for ``dense1.weight``, ∂L/∂z⁽²⁾ for ``∂dense2.sums``.

The listing's names say which layer of the code is meant, but are too long for a formula. Both
are shown side by side wherever an array is; formulas use the short ones.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from minidl.walkthrough.expressions import SYMBOLS
from minidl.walkthrough.letters import INDEX, LETTERS, SLOT, letter, pattern
from minidl.walkthrough.operations import keys_of, operation_of
from minidl.walkthrough.steps import Problem, Step

_WORDS = (
    ("new ", r"\text{new }%s"),
    ("what came by ", r"\text{by }%s"),
)


class Notation:
    r"""The letters for the arrays of a walkthrough.

    Parameters
    ----------
    problem : Problem
    steps : sequence of Step

    Examples
    --------
    >>> import minidl as ml
    >>> net = ml.mlp([2, 2, 1], hidden="tanh", seed=0)
    >>> walkthrough = ml.explain(net, [[0.5, -1.0]], [1], loss="mse")
    >>> notation = Notation(walkthrough.problem, walkthrough.steps)
    >>> notation.symbol("dense1.weight[0, 1]"), notation.symbol("∂dense2.bias[0]")
    ('W^{(1)}_{0,1}', '\\frac{\\partial L}{\\partial b^{(2)}_{0}}')
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
        count = 0
        for step in steps:
            operation = operation_of(step)
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
        places = [place.replace(" ", "") for place in INDEX.findall(text)]
        made = self.pattern(pattern(text))
        for i, place in enumerate(places):
            made = made.replace(SLOT % i, place)
        return made

    def pattern(self, text: str) -> str:
        """LaTeX of a symbol whose places are left open: ``dense1.weight[]``."""
        count = text.count("[]")
        for i in range(count):
            text = text.replace("[]", f"[⟨{i}⟩]", 1)
        return self._made(text)

    def _made(self, text: str) -> str:
        for word, form in _WORDS:
            if text.startswith(word):
                return form % self._made(text.removeprefix(word))
        if text.endswith(" smoothed"):
            return r"\text{smoothed }" + self._made(text.removesuffix(" smoothed"))
        if found := re.fullmatch(r"([mv])̂ of .+", text):
            return rf"\hat{{{found[1]}}}"
        if found := re.fullmatch(r"part (\d+)(?: of .+)?", text):
            return rf"c_{{{found[1]}}}"
        if found := re.fullmatch(r"∂(.+)/∂(.+)", text):
            above, below = found.groups()
            if "[" not in above:  # number by number: the same place in both
                above += below[below.find("[") :] if "[" in below else ""
            above, below = self._made(above), self._made(below)
            return rf"\frac{{\partial {above}}}{{\partial {below}}}"
        if text.startswith("+∂"):  # a further way back to the same array
            return rf"\text{{+ }}{self._made(text[1:])}"
        if text.startswith("∂"):
            return rf"\frac{{\partial L}}{{\partial {self._made(text[1:])}}}"
        if found := re.fullmatch(r"([\d.]+)/([\d.]+)", text):
            return rf"\frac{{{found[1]}}}{{{found[2]}}}"
        name, bracket, place = text.partition("[")
        subscript = f"_{{{_open(place.removesuffix(']'))}}}" if bracket else ""
        return self._letter(name) + subscript

    def _letter(self, name: str) -> str:
        return self._letters.get(name) or letter(name)


def _open(place: str) -> str:
    return SLOT % place.strip("⟨⟩") if place.startswith("⟨") else place


def rule(step: Step, notation: Notation) -> str:
    r"""A step's rule as LaTeX; empty where it has none but words.

    Examples
    --------
    >>> import minidl as ml
    >>> walkthrough = ml.explain(ml.mlp([2, 1], seed=0), [[0.5, -1.0]], [1], loss="mse")
    >>> rule(walkthrough.steps[1], Notation(walkthrough.problem, walkthrough.steps))
    'z^{(1)} = x \\, W^{(1)} + b^{(1)}'
    """
    return operation_of(step).latex(step, notation.symbol)
