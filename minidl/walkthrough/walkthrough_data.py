"""The data of a walkthrough: any number of it worked out, and what can be asked of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

import numpy as np

from minidl.core import ArgumentError, printable, whole_number
from minidl.walkthrough.document import Document
from minidl.walkthrough.formulas import PENDING, Equation, Index, digits_of, reads_back, shortest
from minidl.walkthrough.operations import Scene, operation_of
from minidl.walkthrough.steps import SCHEMA, Array, Problem, Step, Verdict


@dataclass(frozen=True)
class Failure:
    """An equation that does not come to what it says, and where it stands."""

    step: int
    name: str
    index: tuple[int, ...]
    equation: Equation


@dataclass(frozen=True)
class Receipt:
    """What one number of a gradient is made of, and what became of it.

    Attributes
    ----------
    name, index
        The gradient: ``∂dense1.weight``, ``(0, 1)``.
    value : float
    parts : tuple of Equation
        Local derivative × upstream gradient for every way that leads to it, then their sum.
    verdict : Verdict or None
        What differences say of it.
    update : tuple of Equation
        What the optimizer makes of it; empty where it updates nothing.
    """

    name: str
    index: tuple[int, ...]
    value: float
    parts: tuple[Equation, ...]
    verdict: Verdict | None
    update: tuple[Equation, ...]

    def __str__(self) -> str:
        lines = [str(equation) for equation in (*self.parts, *self.update)]
        if self.verdict is not None:
            v = self.verdict
            lines.append(f"differences: {v.verdict}, {v.difference:.6g} at h = {v.step:.0e}")
        return printable("\n".join(lines))


@dataclass(frozen=True)
class WalkthroughData(Document):
    """One training step as data, and what can be asked of it; see ``Walkthrough``."""

    schema: int
    problem: Problem
    start: tuple[Array, ...]
    steps: tuple[Step, ...]
    verdicts: tuple[Verdict, ...]
    digits: int

    _what = "a walkthrough"
    _schema = SCHEMA
    _remedy = "Make it anew: walkthrough.to_json() writes one."

    def __post_init__(self) -> None:
        super().__post_init__()
        for array in (*self.start, *(a for s in self.steps for a in (*s.writes, *s.aside))):
            array.check()

    # ── numbers ───────────────────────────────────────────────────────────────────────────────

    @cached_property
    def _states(self) -> list[dict[str, Array]]:
        """Every array as it is before step 0, 1, 2 … and at the end."""
        states = [{array.name: array for array in self.start}]
        for step in self.steps:
            states.append(states[-1] | {array.name: array for array in step.writes})
        return states

    def before(self, step: int) -> Mapping[str, Array]:
        """Every array there is before a step, by name."""
        return self._states[step]

    def after(self, step: int) -> Mapping[str, Array]:
        """Every array there is after a step, by name."""
        return self._states[step + 1]

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of every array that comes up, in the order in which they do."""
        return {name: array.shape for name, array in self._states[-1].items()}

    def cell(self, name: str, index: Index = (), after: int | None = None) -> str:
        """One number as it is shown after a step (the last if left out).

        "—" where it is not computed yet, "0" where it is exactly 0, "0 (off)" where it is 0
        because a unit is off.
        """
        state = self._states[-1 if after is None else after + 1]
        if name not in state:
            return PENDING
        return self.text(state[name], index)

    def text(self, array: Array, index: Index) -> str:
        """One number of an array as it is shown: also of those that a step keeps to itself."""
        if array.missing[index]:
            return PENDING
        value = array[index]
        if value == 0.0:
            return "0 (off)" if array.off[index] else "0"
        return digits_of(Decimal(value), self.digits, shortest(value, self.problem.dtype))

    # ── equations ─────────────────────────────────────────────────────────────────────────────

    def equations(self, step: int, name: str, index: Index = ()) -> tuple[Equation, ...]:
        """How one number that a step writes is worked out; the last equation ends in it.

        Parameters
        ----------
        step : int
            The step's number.
        name : str
            One of the arrays that it writes: ``"dense1.sums"``.
        index : tuple of int
            Which of its numbers: ``(0, 1)``.

        Raises
        ------
        ArgumentError
            If there is no such step or number.
        """
        last = len(self.steps) - 1
        asked_step = self.steps[whole_number("equations(step)", step, 0, 1, last)]
        array = next((array for array in asked_step.writes if array.name == name), None)
        if array is None or not _inside(index, array.shape):
            wanted = ", ".join(f"{a.name} {a.shape}" for a in asked_step.writes) or "nothing"
            remedy = "walkthrough.steps lists what each step writes."
            culprit = f"equations({step}, …)"
            raise ArgumentError(culprit, f"a number of {wanted}", f"{name} {index}", remedy)
        return tuple(operation_of(asked_step).equations(self.scene(asked_step), name, index))

    def scene(self, step: Step) -> Scene:
        """Where the numbers of a step are worked out."""
        before, after = self.before(step.number), self.after(step.number)
        return Scene(step, before, after, self.digits, self.problem.dtype)

    def every(self) -> Iterator[tuple[Step, str, Index, tuple[Equation, ...]]]:
        """All numbers of all steps with their equations: step, array, index, equations."""
        for step in self.steps:
            for array in step.writes:
                for index in np.ndindex(array.shape):
                    yield step, array.name, index, self.equations(step.number, array.name, index)

    def verify(self) -> tuple[Failure, ...]:
        """Work out every equation from the digits that are printed.

        Returns
        -------
        tuple of Failure
            The equations whose printed numbers do not give the printed result, and those whose
            result is not, but for rounding, what the instruction holds. None is as it should be.
        """
        return tuple(
            Failure(step.number, name, index, equation)
            for step, name, index, equations in self.every()
            for equation in equations
            if not reads_back(equation, self.digits)
        )

    # ── gradients ─────────────────────────────────────────────────────────────────────────────

    @cached_property
    def _verdicts(self) -> dict[tuple[str, Index], Verdict]:
        return {(v.name, v.index): v for v in self.verdicts}

    def verdict(self, name: str, index: Index) -> Verdict | None:
        """What differences say of one number of a gradient: ``"∂dense1.weight"``."""
        return self._verdicts.get((name, index))

    def receipt(self, name: str, index: Index) -> Receipt:
        """What the gradient of one number is made of: each way back to it, and the sum.

        Parameters
        ----------
        name : str
            A parameter or an intermediate result: ``"dense1.weight"``.
        index : tuple of int

        Raises
        ------
        ArgumentError
            If no gradient comes back to it.

        Examples
        --------
        >>> import minidl as ml
        >>> net = ml.mlp([1, 1], seed=0)
        >>> walkthrough = ml.explain(net, [[2.0], [3.0]], [1, 2], loss="mse", optimizer="sgd")
        >>> [equation.note for equation in walkthrough.receipt("dense1.weight", (0, 0)).parts]
        ['row 0', 'row 1', '']
        """
        gradient = name if name.startswith("∂") else f"∂{name}"
        steps = [s for s in self.steps if s.phase == "backward" and gradient in _names(s)]
        if not steps or not _inside(index, steps[-1].array(gradient).shape):
            remedy = "walkthrough.shapes lists every array: a gradient's name begins with ∂."
            raise ArgumentError("receipt", "a number with a gradient", f"{name} {index}", remedy)
        parts: list[Equation] = []
        for step in steps:  # a fan-out's first way has its own step, and each further one
            if operation_of(step).is_meeting and (further := self._maker(step.reads[1], step)):
                parts += self.equations(further.number, step.reads[1], index)
            parts += self.equations(step.number, gradient, index)
        value = steps[-1].array(gradient)[index]
        update: tuple[Equation, ...] = ()
        for step in self.steps:
            for touched in (gradient, gradient[1:]):
                if step.phase == "update" and touched in _names(step):
                    update += self.equations(step.number, touched, index)
        verdict = self.verdict(gradient, index)
        return Receipt(gradient, index, value, tuple(parts), verdict, update)

    def _maker(self, name: str, until: Step) -> Step | None:
        """The last step before another that wrote an array."""
        writers = [step for step in self.steps[: until.number] if name in _names(step)]
        return writers[-1] if writers else None


def _names(step: Step) -> list[str]:
    return [array.name for array in step.writes]


def _inside(index: Index, shape: Index) -> bool:
    return len(index) == len(shape) and all(0 <= i < n for i, n in zip(index, shape, strict=True))
