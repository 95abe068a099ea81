"""What numbers are called in equations: an array and a place in it, and what is made of these."""

from __future__ import annotations

from typing import Self

Index = tuple[int, ...]
Place = tuple[int | str, ...]
"""Of a number in an array; or, in a rule, of any: ``("i",)``."""

OPEN: Place = (-1,)
"""In the place of an index: whichever."""

_TEXTS = {
    "plain": "{name}",
    "new": "new {0}",
    "way": "what came by {0}",
    "smoothed": "{0} smoothed",
    "for": "{name} of {0}",
    "part": "part {name}",
    "part of": "part {name} of {0}",
    "slope": "∂{0}/∂{1}",
    "fraction": "{0}/{1}",
}
"""How each role is written."""


class Symbol(str):
    """The text by which an equation calls a number, which knows what it is made of.

    Parameters
    ----------
    name : str
        Of an array, or the letter of a setting.
    place : tuple of int or str
        Which number of the array.
    role : str
        ``"plain"``, or what it is to the symbols in ``of``: ``"new"`` (after the update), ``"way"``
        (by which a gradient came), ``"smoothed"`` (a target), ``"for"`` (m̂ for a weight),
        ``"part"`` and ``"part of"`` (of a sum), ``"slope"``, ``"fraction"``.
    of : tuple of Symbol

    Examples
    --------
    >>> weight = Symbol("dense1.weight", (0, 1))
    >>> weight, Symbol.made("new", weight)
    ('dense1.weight[0, 1]', 'new dense1.weight[0, 1]')
    >>> Symbol.made("new", weight).opened(), Symbol.made("new", weight).places()
    ('new dense1.weight[]', ['0,1'])
    """

    name: str
    place: Place
    role: str
    of: tuple[Symbol, ...]

    def __new__(
        cls, name: str, place: Place = (), role: str = "plain", of: tuple[Symbol, ...] = ()
    ) -> Self:
        inside = "" if place == OPEN else ", ".join(map(str, place))
        text = _TEXTS[role].format(*of, name=name) + (f"[{inside}]" if place else "")
        symbol = super().__new__(cls, text)
        symbol.name, symbol.place, symbol.role, symbol.of = name, place, role, of
        return symbol

    @classmethod
    def made(cls, role: str, *of: str, name: str = "") -> Symbol:
        """A symbol made of others; a plain text is a letter or the name of an array."""
        return Symbol(name, (), role, tuple(map(as_symbol, of)))

    def opened(self) -> Symbol:
        """The same with its places left open."""
        place = OPEN if self.place else ()
        return Symbol(self.name, place, self.role, tuple(part.opened() for part in self.of))

    def places(self) -> list[str]:
        """What ``opened`` leaves open, in order."""
        here = [",".join(map(str, self.place))] if self.place else []
        return here + [place for part in self.of for place in part.places()]


def as_symbol(text: str) -> Symbol:
    """A text as a symbol: as it is if it is one, else a letter or the name of an array."""
    return text if isinstance(text, Symbol) else Symbol(text)


def partial(above: str, below: str) -> Symbol:
    """∂above/∂below; if only ``below`` has a place, ``above`` has the same.

    Examples
    --------
    >>> partial("ℓ", Symbol("p", (0,)))
    '∂ℓ/∂p[0]'
    """
    return Symbol.made("slope", above, below)
