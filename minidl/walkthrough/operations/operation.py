"""An operation of a training step: all that walkthroughs know of it, in one class.

A subclass says which kernels it tells of and what it does: one ``formula`` for whole arrays, from
which the printed rule and its LaTeX follow; the equations of a single number; a heading, a
sentence on why it matters; what it is to the graph; and which wrong numbers classical mistakes
give. ``Step.expansion`` keeps its ``key``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import numpy as np

from minidl.program import RunInstruction
from minidl.walkthrough.formulas import Equation, Index, Symbol, parse, shown, to_latex
from minidl.walkthrough.operations.reading import Reader, named
from minidl.walkthrough.operations.scene import Scene
from minidl.walkthrough.steps import Array, Step

Latex = Callable[[str], str]
"""LaTeX of what an array is called."""


@dataclass(frozen=True)
class Question:
    """An equation that somebody works out, and what a mistake would take in place of its operands.

    Attributes
    ----------
    scene : Scene
        The step, and every array before and after it.
    equation : Equation
    index : tuple of int
        The number's place in its array.
    place : int
        Which of the number's equations.
    final : mapping of str to Array
        Every array after the last step: the updated weights.
    rows : int
        Of the batch.
    """

    scene: Scene
    equation: Equation
    index: Index
    place: int
    final: Mapping[str, Array]
    rows: int


class Operation:
    """What one kind of instruction does; subclasses are registered by their ``key``.

    Attributes
    ----------
    key : str
        What ``Step.expansion`` holds.
    kernels : tuple of Kernel
        Whose instructions it reads.
    operands, result : tuple of str, str
        Their parameters that it reads, and the one that it writes.
    formula : str
        The rule for whole arrays in Python's syntax, on ``operands``: ``@`` multiplies matrices,
        ``Times`` number by number, ``Total`` adds up.
    shapes : mapping of str to tuple of int
        An example of what the operands' and the result's shapes may be, on which a test compares
        the formula with the kernel.
    heading, why : str
        The step's title ({} is the operation's name), and one sentence on why it matters.
    beside : tuple of str
        How the arrays that are read stand beside each other: signs, and positions in
        ``Step.reads``; they are shown one after the other where it is empty.
    assigns : bool
        Whether the rule changes what is there, so that ← stands in place of =.
    shows_operands : bool
        Whether they are shown at all: an update reads what has been seen by then.
    is_weighted_sum : bool
        Whether it makes the sums of a layer, from inputs and weights.
    has_bias : bool
    is_activation : bool
        Whether it may be drawn in the node whose sums it reads.
    is_elementwise : bool
        Whether the formula of one number is a curve.
    is_loss, is_loss_gradient : bool
        Whether it is the loss of each prediction; the first gradient.
    is_meeting : bool
        Whether gradients that came by several ways meet.
    asks : bool
        Whether a worksheet asks for its numbers: not where they are mostly copied.
    """

    key: str = ""
    kernels: tuple[Any, ...] = ()
    operands: tuple[str, ...] = ()
    result: str = "y"
    formula: str = ""
    shapes: Mapping[str, Index] = {}
    heading: str = "{}"
    why: str = ""
    beside: tuple[str, ...] = ()
    assigns: bool = False
    shows_operands: bool = True
    is_weighted_sum: bool = False
    has_bias: bool = False
    is_activation: bool = False
    is_elementwise: bool = False
    is_loss: bool = False
    is_loss_gradient: bool = False
    is_meeting: bool = False
    asks: bool = True

    # ── from an instruction to a step ─────────────────────────────────────────────────────────

    def read(self, reader: Reader, ran: RunInstruction, i: int) -> None:
        """Add the step of an instruction that has run."""
        self.add(reader, ran, i, named(ran, *self.operands))

    def add(
        self,
        reader: Reader,
        ran: RunInstruction,
        i: int,
        reads: Sequence[str],
        writes: Sequence[Array] | None = None,
        **facts: Any,
    ) -> Step:
        """A step for an instruction; it writes what that wrote, unless arrays are given."""
        line = ran.instruction
        if writes is None:
            writes = [Array.of(name, x) for name, x in ran.wrote.items() if x.dtype.kind == "f"]
        if line.phase == "backward" and line.node in reader.forward:
            facts["mirrors"] = reader.forward[line.node].number
        step = self.append(reader, writes, line.title, reads=reads, phase=line.phase,
                           instruction=i, **facts)  # fmt: skip
        if line.phase == "forward" or (line.phase == "loss" and line.node not in reader.forward):
            reader.forward[line.node] = step  # of several instructions the last gives the output
        return step

    def append(
        self,
        reader: Reader,
        writes: Sequence[Array],
        operation: str,
        *,
        reads: Sequence[str] = (),
        rule: str = "",
        why: str = "",
        **facts: Any,
    ) -> Step:
        """A step that no instruction of its own makes; ``rule`` where it has no formula."""
        label = f"{writes[0].name}: " if len(writes) == 1 else ""
        facts.setdefault("title", f"{label}{self.heading.format(operation)}")
        step = Step(
            number=len(reader.steps), operation=operation, expansion=self.key, rule=rule,
            why=why or self.why, reads=tuple(reads), writes=tuple(writes), **facts,
        )  # fmt: skip
        step = step if rule else replace(step, rule=self.rule(step))
        reader.steps.append(step)
        reader.arrays.update({array.name: array for array in writes})
        return step

    # ── the rule for whole arrays ─────────────────────────────────────────────────────────────

    def formulas(self, step: Step) -> Mapping[str, str]:
        """The rule: a formula for each result; none where there are only words."""
        return {self.result: self.formula} if self.formula else {}

    def arrays(self, step: Step) -> Mapping[str, str]:
        """What the names in the formulas stand for: arrays, or symbols made of them."""
        return {**dict(zip(self.operands, step.reads, strict=False)),
                self.result: step.writes[0].name}  # fmt: skip

    def rule(self, step: Step) -> str:
        """The rule as text."""
        texts = {**self.arrays(step), **_numbers(step.settings)}
        sign = "←" if self.assigns else "="
        return ";  ".join(
            f"{shown(parse(result), texts)} {sign} {shown(parse(formula), texts)}"
            for result, formula in self.formulas(step).items()
        )

    def latex(self, step: Step, symbol: Latex) -> str:
        """The rule as LaTeX; empty where there are only words."""
        if not (formulas := self.formulas(step)):
            return ""
        texts = {key: symbol(name) for key, name in self.arrays(step).items()}
        texts |= _numbers(step.settings)
        sign = r"\leftarrow" if self.assigns else "="
        return r" \qquad ".join(
            f"{to_latex(parse(result), texts=texts)} {sign} {to_latex(parse(formula), texts=texts)}"
            for result, formula in formulas.items()
        )

    def names_aside(self, step: Step) -> dict[str, Symbol]:
        """What the arrays are called that a step keeps to itself, if not by their names."""
        return {}

    # ── single numbers ────────────────────────────────────────────────────────────────────────

    def equations(self, scene: Scene, name: str, index: Index) -> list[Equation]:
        """How one number is worked out; none where there is nothing to work out."""
        return []

    # ── classical mistakes: the wrong numbers that they give ──────────────────────────────────

    def without_slope(self, asked: Question) -> Iterator[Decimal]:
        """The activation's slope forgotten."""
        yield from ()

    def mean_as_sum(self, asked: Question, right: Decimal) -> Iterator[Decimal]:
        """Mean and sum mixed up."""
        yield from ()

    def transposed(self, asked: Question) -> Iterator[Decimal]:
        """Rows and columns of a matrix swapped."""
        yield from ()

    def stale(self, asked: Question) -> Iterator[Decimal]:
        """The weights after the update in place of those before."""
        yield from ()

    def wrong_branch(self, asked: Question) -> Iterator[Decimal]:
        """Another branch of a piecewise function."""
        yield from ()


SHOWN_AS_NUMBERS = ("divisor", "bound")
"""Settings whose number tells more in a rule than a letter does."""


def _numbers(settings: Mapping[str, float]) -> dict[str, str]:
    return {key: f"{settings[key]:g}" for key in SHOWN_AS_NUMBERS if key in settings}


registry: dict[str, Operation] = {}
"""By key."""
by_kernel: dict[Any, Operation] = {}
"""By the kernels that have one operation each."""


def operation(cls: type[Operation]) -> type[Operation]:
    """Register an operation under its key and its kernels."""
    entry = cls()
    registry.setdefault(entry.key, entry)
    by_kernel.update(dict.fromkeys(entry.kernels, entry))
    return cls


def wrote(ran: RunInstruction) -> np.ndarray:
    """The only array that an instruction wrote."""
    (numbers,) = ran.wrote.values()
    return numbers
