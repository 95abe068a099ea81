"""Learning rates that change: a schedule is a function of the number of updates made so far."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from types import FunctionType, ModuleType
from typing import Any

from minidl.core import ArgumentError, defined_by_minidl, number, whole_number


class Schedule:
    """A learning rate for each update; call it with the number of updates made before.

    An optimizer takes any function of that number. A schedule of minidl's own can be saved with
    the optimizer, which a function of yours cannot.

    Examples
    --------
    >>> from minidl.optim import SGD
    >>> from minidl.autodiff import Tensor
    >>> optimizer = SGD([Tensor([1.0], requires_grad=True)], lambda step: 0.1 / (1 + step))
    >>> optimizer.learning_rate
    0.1
    """

    def __call__(self, step: int) -> float:
        """The learning rate of update ``step`` (0, 1, 2 …)."""
        raise NotImplementedError


class _Known(Schedule):
    """A schedule that is plain data: its fields are checked by their kind."""

    def __post_init__(self) -> None:
        for field in fields(self):  # type: ignore[arg-type]
            value: Any = getattr(self, field.name)
            culprit = f"{type(self).__name__}({field.name}=…)"
            if field.type == "int":
                value = whole_number(culprit, value, example=1000)
            elif field.type == "float":
                value = number(culprit, value)
            elif not callable(value):
                value = Constant(number(culprit, value))
            object.__setattr__(self, field.name, value)  # the way into a frozen dataclass


@dataclass(frozen=True)
class Constant(_Known):
    """Always the same learning rate.

    Parameters
    ----------
    learning_rate : float
        At least 0.

    Examples
    --------
    >>> Constant(0.1)(1000)
    0.1
    """

    learning_rate: float

    def __call__(self, step: int) -> float:
        """The learning rate of update ``step``."""
        return self.learning_rate


@dataclass(frozen=True)
class StepDecay(_Known):
    """Multiply by ``factor`` after every ``every`` updates.

    Parameters
    ----------
    learning_rate : float
        Of the first update, at least 0.
    every : int
        Updates, at least 1; an epoch has rows / batch_size of them.
    factor : float
        At least 0.

    Raises
    ------
    ArgumentError
        For numbers outside these limits.

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
class Cosine(_Known):
    """Half a cosine from ``learning_rate`` down to ``final`` over ``steps`` updates.

    Loshchilov and Hutter, ICLR 2017, without restarts.

    Parameters
    ----------
    learning_rate, final : float
        Of the first update, and of all from update ``steps`` on; at least 0.
    steps : int
        Updates, at least 1.

    Raises
    ------
    ArgumentError
        For numbers outside these limits.

    Examples
    --------
    >>> [Cosine(1.0, steps=2)(step) for step in range(4)]
    [1.0, 0.5, 0.0, 0.0]
    """

    learning_rate: float
    steps: int
    final: float = 0.0

    def __call__(self, step: int) -> float:
        """The learning rate of update ``step``."""
        share = min(step / self.steps, 1.0)
        return self.final + (self.learning_rate - self.final) * (1 + math.cos(math.pi * share)) / 2


@dataclass(frozen=True)
class WarmUp(_Known):
    """Rise in a straight line over ``steps`` updates, then follow another schedule.

    Parameters
    ----------
    after : float or Schedule
        What to rise to, and to follow.
    steps : int
        Updates, at least 1.

    Raises
    ------
    ArgumentError
        For numbers outside these limits.

    Examples
    --------
    >>> [WarmUp(1.0, steps=4)(step) for step in range(5)]
    [0.25, 0.5, 0.75, 1.0, 1.0]
    """

    after: Schedule
    steps: int

    def __call__(self, step: int) -> float:
        """The learning rate of update ``step``."""
        if step < self.steps:
            return self.after(0) * (step + 1) / self.steps
        return self.after(step - self.steps)


Rate = float | Schedule | Callable[[int], float]
"""A learning rate: always the same, or a function of the number of updates made before."""

_KINDS: dict[str, Any] = {kind.__name__: kind for kind in (Constant, StepDecay, Cosine, WarmUp)}


def plain(rate: Any) -> Any:
    """A learning rate as data for a file; an error for a function, which is code."""
    if not callable(rate):
        return rate
    kind = type(rate).__name__
    if _KINDS.get(kind) is not type(rate):
        raise ArgumentError(
            "learning_rate",
            f"a number or one of minidl's schedules ({', '.join(_KINDS)}), as files hold no code",
            f"{rate!r}",
            "Save the weights alone: net.save(path, optimizer=False).",
        )
    return {"schedule": kind} | {f.name: plain(getattr(rate, f.name)) for f in fields(rate)}


def build_rate(config: Any) -> Any:
    """A learning rate from what ``plain`` said; for saved optimizers."""
    if not isinstance(config, dict):
        return config  # the optimizer looks at it
    values = dict(config)
    kind = _KINDS[values.pop("schedule")]
    if "after" in values:
        values["after"] = build_rate(values["after"])
    schedule: Schedule = kind(**values)
    return schedule


def is_pure(rate: Any) -> bool:
    """Whether a learning rate depends on the number of updates alone."""
    if not callable(rate) or defined_by_minidl(rate):
        return True
    if not isinstance(rate, FunctionType) or rate.__defaults__ or rate.__kwdefaults__:
        return False
    cells = [cell.cell_contents for cell in rate.__closure__ or ()]
    known = [rate.__globals__[n] for n in rate.__code__.co_names if n in rate.__globals__]
    return all(isinstance(x, int | float | str | ModuleType) for x in (*cells, *known))
