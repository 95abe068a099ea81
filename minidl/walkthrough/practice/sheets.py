"""Steps with blanks: which numbers are asked for, and where else they stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from minidl.walkthrough.document import Document
from minidl.walkthrough.formulas import Operand
from minidl.walkthrough.practice.items import Item, items
from minidl.walkthrough.walkthrough import Walkthrough


@dataclass(frozen=True)
class Blank:
    """A number that is asked for.

    Attributes
    ----------
    number : int
        As it stands on the sheet, from 1.
    name : str
        What answers call it: ``∂dense1.weight[0, 1]``.
    step, array, index, place
        Which equation of the walkthrough ends in it.
    """

    number: int
    name: str
    step: int
    array: str
    index: tuple[int, ...]
    place: int


@dataclass(frozen=True)
class Sheet(Document):
    """A walkthrough with blanks, and what can be asked of it."""

    schema: int
    seed: int
    difficulty: str
    blanks: tuple[Blank, ...]
    walkthrough: Walkthrough

    @cached_property
    def items(self) -> tuple[Item, ...]:
        """Every equation of the walkthrough, in order."""
        return tuple(items(self.walkthrough))

    @cached_property
    def _asked(self) -> dict[tuple[int, str, tuple[int, ...], int], Blank]:
        return {(b.step, b.array, b.index, b.place): b for b in self.blanks}

    def blank(self, item: Item) -> Blank | None:
        """The blank that stands for an equation's result, if that is asked for."""
        return self._asked.get((item.step.number, item.array, item.index, item.place))

    @cached_property
    def asked(self) -> Mapping[int, Item]:
        """The equations whose results are asked for, by the blank's number."""
        pairs = ((self.blank(item), item) for item in self.items)
        return {blank.number: item for blank, item in pairs if blank is not None}

    @cached_property
    def _firsts(self) -> dict[int, Blank]:
        """The blanks by the number of their equation: those that end in it later hide it, too."""
        return {self.asked[blank.number].number: blank for blank in self.blanks}

    def result_blank(self, item: Item) -> Blank | None:
        """The blank whose number an equation ends in: printed, it would be given away."""
        return None if item.first is None else self._firsts.get(item.first)

    def operand_blank(self, item: Item, operand: Operand) -> Blank | None:
        """The blank whose number an equation's operand is."""
        origin = item.origins[item.equation.operands.index(operand)]
        return None if origin is None else self._firsts.get(origin)

    def answers(self) -> dict[str, str]:
        """The key: every blank's name with its number."""
        return {b.name: self.asked[b.number].equation.result for b in self.blanks}

    def template(self) -> dict[str, None]:
        """Every blank's name, to be filled in."""
        return {blank.name: None for blank in self.blanks}
