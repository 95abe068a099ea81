"""Proof by differences: each number of each gradient against (L(x + h) − L(x − h)) / 2h.

The differences are taken of the same instructions in float64, on the exactly widened numbers: in
float32 they would have three digits at best. One is taken with several h, from 1e-3 down: a
smaller one steps over fewer corners, a larger one loses fewer digits.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from minidl.autodiff import Block, Tensor
from minidl.model import Sequential
from minidl.program import Instruction, Program, record
from minidl.walkthrough.steps import Array, Verdict, unravel

STEP_SIZES = (1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8)
"""h, in units of the number's own size or of 1, whichever is larger."""

PASSING_ERROR = 1e-5
"""A relative error that passes."""

NOTABLE_ERROR = 1e-3
"""A relative error of the walkthrough's own numbers that is worth a word."""

_FLOAT64_ROUNDING = 32 * float(np.finfo(np.float64).eps)
"""What float64 may lose of a number on its way to the loss, relatively."""


def widened(net: Sequential) -> Sequential:
    """A copy of a network in float64, with the very same numbers."""
    twin = copy.deepcopy(net)
    for tensor in {id(tensor): tensor for tensor in twin._tensors()}.values():
        if tensor.dtype == np.float32:
            tensor._array = tensor._array.astype(np.float64)
            tensor._home = tensor._grad = None
    twin.block, twin.dtype = Block(twin.parameters()), np.dtype(np.float64)
    return twin


def gradient_step(net: Sequential, loss: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A training step without its update."""

    def step(x: Tensor, t: Tensor) -> Tensor:
        value = loss(t, net(x, training=True))
        for parameter in net.parameters():
            parameter.grad = None
        value.backward()
        return value

    return step


def prove(
    net: Sequential,
    loss: Callable[..., Tensor],
    batch: Sequence[np.ndarray],
    gradients: Mapping[str, Array],
    bounded: bool = False,
) -> tuple[Verdict, ...]:
    """A verdict for each number of the gradients that a walkthrough shows.

    The network is as it was before the step, and is not changed; ``loss`` takes targets and
    predictions. ``bounded``: a prediction is so near to an end of its domain that the loss's slope
    is, by design, not the derivative of its value; what disagrees then is told apart.
    """
    wide = [np.asarray(part, np.float64) for part in batch]
    program = record(gradient_step(widened(net), loss), *wide, dtype="float64", keep=True)
    program(*wide)
    twin = _Twin(program, bounded)
    return tuple(verdict for name, shown in gradients.items() for verdict in twin.verdicts(shown))


class _Twin:
    """The float64 program, of which the way forward is run again and again."""

    def __init__(self, program: Program, bounded: bool) -> None:
        self.otherwise = "bounded" if bounded else "fail"
        self.loss = program.loss.reshape(-1)
        self.forward = [i for i in program.instructions if i.phase in ("forward", "loss")]
        self.made: dict[str, tuple[np.ndarray, int]] = {}  # an array, and who wrote it
        self.gradients: dict[str, np.ndarray] = {}
        for i, line in enumerate(program.instructions):
            for k, (name, array) in enumerate(zip(line.names, line.shown, strict=True)):
                if not isinstance(array, np.ndarray) or array.dtype != np.float64:
                    continue
                if name.startswith("∂"):
                    self.gradients[name] = array.copy()
                elif i < len(self.forward) and k in line.kernel.writes:
                    self.made[name] = array, i  # of several, such as parts put together, the last
                elif i < len(self.forward):
                    self.made.setdefault(name, (array, -1))
        # Every number on the way is rounded, and what that changes in the loss its gradient tells.
        carried = [
            float(np.abs(gradient.reshape(-1) * self.made[name[1:]][0].reshape(-1)).sum())
            for name, gradient in self.gradients.items()
            if name[1:] in self.made
        ]
        self.rounding = _FLOAT64_ROUNDING * (abs(float(self.loss[0])) + sum(carried))

    def verdicts(self, shown: Array) -> Iterator[Verdict]:
        """One for each number of a gradient."""
        array, producer = self.made[shown.name.removeprefix("∂")]
        lines = [line for line in self.forward[producer + 1 :] if calculates(line)]
        flat, double = array.reshape(-1), self.gradients[shown.name].reshape(-1)
        largest = float(np.abs(double).max())
        for place, gradient in enumerate(shown.values):
            index = unravel(place, shown.shape)
            trial = self._judge(lines, flat, place, float(double[place]))
            verdict = self.otherwise if trial.verdict == "fail" else trial.verdict
            size = max(abs(double[place]), NOTABLE_ERROR * largest)
            if verdict == "pass" and abs(gradient - double[place]) > NOTABLE_ERROR * size:
                verdict = "rounded"
            yield Verdict(
                shown.name, index, gradient, float(double[place]),
                trial.difference, trial.step, trial.error, verdict,
            )  # fmt: skip
        self._run(lines)  # everything behind it as it was

    def _run(self, lines: Sequence[Instruction]) -> float:
        for line in lines:
            line.kernel.run(*line.operands)
        return float(self.loss[0])

    def _judge(
        self, lines: Sequence[Instruction], flat: np.ndarray, place: int, gradient: float
    ) -> _Difference:
        number = float(flat[place])
        here = self._run(lines)
        tried: list[_Difference] = []
        for unit in STEP_SIZES:
            h = unit * max(1.0, abs(number))
            sides = []
            for moved in (number + h, number - h):
                flat[place] = moved
                sides.append(self._run(lines))
            flat[place] = number
            trial = _Difference.of(gradient, h, (here, *sides), self.rounding)
            if trial.error <= PASSING_ERROR and trial.tells(gradient, tried):
                return trial._replace(verdict="pass")
            tried.append(trial)
        return _failed(gradient, tried)


class _Difference(NamedTuple):
    """A centred difference; ``jump`` is by how much the two one-sided ones differ.

    ``noise`` is what rounding may have made of it; infinite where a side has no loss at all, as
    the logarithm of a negative number.
    """

    difference: float
    step: float
    error: float
    jump: float
    noise: float
    verdict: str = "fail"

    @classmethod
    def of(cls, gradient: float, h: float, losses: Sequence[float], rounding: float) -> _Difference:
        """From the loss here, above and below, and what rounding may change in a loss."""
        here, above, below = losses
        difference, noise = (above - below) / (2 * h), rounding / h
        if not np.isfinite(difference):
            return cls(0.0, h, 1.0, np.inf, np.inf)
        size = max(abs(gradient), abs(difference), noise / PASSING_ERROR, np.finfo(float).tiny)
        jump = abs(above - 2 * here + below) / h
        return cls(difference, h, abs(gradient - difference) / size, jump, noise)

    def tells(self, gradient: float, before: Sequence[_Difference]) -> bool:
        """Whether rounding leaves enough for a pass to mean something; the first h always does.

        What is too small for that one is too small for all differences.
        """
        size = max(abs(gradient), abs(self.difference))
        return not before or self.noise <= NOTABLE_ERROR * size


def _failed(gradient: float, tried: Sequence[_Difference]) -> _Difference:
    """A corner, where the two sides part however small h is; else a failure.

    What differs from h to h, and from the gradient by no more than that, is a corner nearby; and
    so is the end of what the loss is defined for.
    """
    inside = [difference for difference in tried if difference.noise < np.inf]
    if len(inside) < 2:
        return tried[-1]._replace(verdict="kink")
    coarse, fine = min(
        pairwise(inside), key=lambda p: abs(p[0].difference - p[1].difference) + p[1].noise
    )
    spread = abs(coarse.difference - fine.difference) + fine.noise
    parted = fine.jump > 0.5 * coarse.jump and fine.jump > 10 * fine.noise
    corner = parted or abs(gradient - fine.difference) <= 3 * spread
    return fine._replace(verdict="kink" if corner else "fail")


def calculates(line: Instruction) -> bool:
    """Whether it writes numbers: what only counts masks must not run twice."""
    return any(line.operands[k].dtype.kind == "f" for k in line.kernel.writes)
