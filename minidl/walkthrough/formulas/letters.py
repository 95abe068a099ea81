"""The letters of formulas in LaTeX, and the places that are left open in them."""

from __future__ import annotations

import re
from typing import Protocol

SLOT = "\\text{⟨%s⟩}"
"""Where something is put in later; a text, so that it passes unchanged through MathML."""

LETTERS = {
    "α": r"\alpha", "β₁": r"\beta_1", "β₂": r"\beta_2", "γ": r"\gamma", "δ": r"\delta",
    "ε": r"\varepsilon", "η": r"\eta", "λ": r"\lambda", "μ": r"\mu", "π": r"\pi",
    "ρ": r"\rho", "Σ t": r"\sum t", "ℓ": r"\ell", "norm": r"\left\|g\right\|",
    "g with decay": r"g_\lambda", "change of the loss": r"\Delta L",
    "m̂": r"\hat{m}", "v̂": r"\hat{v}",
}  # fmt: skip
"""Settings and results that have a letter."""


class Symbols(Protocol):
    """Who knows what arrays are called in a formula."""

    def symbol(self, text: str) -> str:
        """LaTeX of what an equation calls a number, or of an array's name."""


def letter(text: str) -> str:
    r"""LaTeX of a setting's letter, of a number, or of words.

    Examples
    --------
    >>> letter("β₁"), letter("x_j"), letter("batch_size")
    ('\\beta_1', 'x_{j}', '{\\text{batch}\\_\\text{size}}')
    """
    if text in LETTERS:
        return LETTERS[text]
    if indexed := re.fullmatch(r"([a-zA-Z])_([a-z])", text):
        return f"{indexed[1]}_{{{indexed[2]}}}"
    return text if re.fullmatch(r"[a-zA-Z]|[\d.]+", text) else _words(text)


def _words(text: str) -> str:
    """Words in LaTeX's text mode, without what has a meaning in LaTeX or, behind it, in HTML.

    Signs that LaTeX escapes stand outside: in text mode browsers would show the backslash.
    """
    pieces = re.split(r"([_%#$])", re.sub(r"[\\{}^~<>&]", " ", text))
    parts = [rf"\{p}" if p in "_%#$" else rf"\text{{{p}}}" for p in pieces if p]
    return parts[0] if len(parts) == 1 else f"{{{''.join(parts)}}}"
