"""Learning rates that change: a schedule is a function of the number of updates made so far."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any


class Schedule:
    """A learning rate for each update; call it with the number of updates made before."""

    def __call__(self, step: int) -> float:
        """The learning rate of update ``step`` (0, 1, 2 …)."""
        raise NotImplementedError

    def config(self) -> dict[str, Any]:
        """The schedule as plain data; ``build_schedule`` reads it."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]
        plain = {k: v.config() if isinstance(v, Schedule) else v for k, v in values.items()}
        return {"schedule": type(self).__name__, **plain}


@dataclass(frozen=True)
class Constant(Schedule):
    """Always the same learning rate."""

    learning_rate: float

    def __call__(self, step: int) -> float:
        """The learning rate of update ``step``."""
        return self.learning_rate


@dataclass(frozen=True)
class StepDecay(Schedule):
    """Multiply by ``factor`` after every ``every`` updates.

    Examples
    --------
    >>> [StepDecay(1.0, every=2, factor=0.5)(step) for step in range(5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """

    learning_rate: float
    every: int
    factor: float = 0.1

    def __call__(self, step: int) -> float:
        """The learning rate of update ``step``."""
        return float(self.learning_rate * self.factor ** (step // self.every))


@dataclass(frozen=True)
class Cosine(Schedule):
    """Half a cosine from ``learning_rate`` down to ``final`` over ``steps`` updates.

    Loshchilov and Hutter, ICLR 2017, without restarts.
    """

    learning_rate: float
    steps: int
    final: float = 0.0

    def __call__(self, step: int) -> float:
        """The learning rate of update ``step``."""
        share = min(step / self.steps, 1.0)
        return self.final + (self.learning_rate - self.final) * (1 + math.cos(math.pi * share)) / 2


@dataclass(frozen=True)
class WarmUp(Schedule):
    """Rise in a straight line over ``steps`` updates, then follow another schedule.

    Examples
    --------
    >>> [WarmUp(Constant(1.0), steps=4)(step) for step in range(5)]
    [0.25, 0.5, 0.75, 1.0, 1.0]
    """

    after: Schedule
    steps: int

    def __call__(self, step: int) -> float:
        """The learning rate of update ``step``."""
        if step < self.steps:
            return self.after(0) * (step + 1) / self.steps
        return self.after(step - self.steps)


def build_schedule(config: dict[str, Any]) -> Schedule:
    """A schedule from what ``config()`` said; for saved optimizers."""
    kinds: dict[str, Any] = {kind.__name__: kind for kind in (Constant, StepDecay, Cosine, WarmUp)}
    values = dict(config)
    kind = kinds[values.pop("schedule")]
    inner = {k: build_schedule(v) if isinstance(v, dict) else v for k, v in values.items()}
    made: Schedule = kind(**inner)
    return made
