"""Arrays as a book writes them: W⁽¹⁾ for ``dense1.weight``, ∂L/∂z⁽²⁾ for ``∂dense2.sums``.

The listing's names say which layer of the code is meant, but are too long for a formula. Both
are shown side by side wherever an array is; formulas use the short ones.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from minidl.walkthrough.steps import Problem, Step

INDEX = re.compile(r"\[([\d, ]+)\]")
"""The place of a number in its symbol: ``[0, 1]``."""

SLOT = "\\text{⟨%s⟩}"
"""Where something is put in later; a text, so that it passes unchanged through MathML."""

_LETTERS = {
    "α": r"\alpha", "β₁": r"\beta_1", "β₂": r"\beta_2", "γ": r"\gamma", "δ": r"\delta",
    "ε": r"\varepsilon", "η": r"\eta", "λ": r"\lambda", "μ": r"\mu", "π": r"\pi",
    "ρ": r"\rho", "Σ t": r"\sum t", "ℓ": r"\ell", "norm": r"\left\|g\right\|",
    "g with decay": r"g_\lambda", "change of the loss": r"\Delta L",
}  # fmt: skip
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
        self._letters = _LETTERS | {
            loss: "L",
            f"{loss}.each": r"\ell",
            f"{loss}.losses": r"\ell",
            f"{loss} afterwards": r"L^{\text{new}}",
            "L": "L",
        }
        count = 0
        for step in steps:
            if step.expansion == "dense" and step.phase == "forward":
                count += 1
                _, weight, bias = step.reads
                self._name(weight, "W", count)
                self._name(bias, "b", count)
                self._name(step.writes[0].name, "z", count)
            elif step.phase == "forward" and step.expansion in ("elementwise", "row"):
                sums = f"z^{{({count})}}"
                if self._letters.get(step.reads[0]) == sums:
                    self._name(step.writes[0].name, "a", count)

    def _name(self, array: str, letter: str, layer: int) -> None:
        self._letters.setdefault(array, f"{letter}^{{({layer})}}")
        for state, own in (("m", "m"), ("v", "v"), ("velocity", "v")):
            self._letters.setdefault(f"{array}.{state}", f"{own}^{{({letter}_{layer})}}")

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


def letter(text: str) -> str:
    r"""LaTeX of a setting's letter, of a number, or of words.

    Examples
    --------
    >>> letter("β₁"), letter("x_j"), letter("batch_size")
    ('\\beta_1', 'x_{j}', '\\text{batch\\_size}')
    """
    if text in _LETTERS:
        return _LETTERS[text]
    if found := re.fullmatch(r"([a-zA-Z])_([a-z])", text):
        return f"{found[1]}_{{{found[2]}}}"
    return text if re.fullmatch(r"[a-zA-Z]|[\d.]+", text) else rf"\text{{{_escaped(text)}}}"


def pattern(text: str) -> str:
    """A symbol with its places left open.

    Examples
    --------
    >>> pattern("∂dense1[0, 1]/∂dense1.sums[0, 1]")
    '∂dense1[]/∂dense1.sums[]'
    """
    return INDEX.sub("[]", text)


def _open(place: str) -> str:
    return SLOT % place.strip("⟨⟩") if place.startswith("⟨") else place


def _escaped(text: str) -> str:
    """Words for LaTeX's text mode, without what has a meaning in LaTeX or, behind it, in HTML."""
    return re.sub(r"([_%#$])", r"\\\1", re.sub(r"[\\{}^~<>&]", " ", text))
