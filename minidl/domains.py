"""Whether numbers, and activations, suit a loss: domains checked, soundness computed."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.errors import DomainError
from minidl.intervals import REALS, Choices, Domain, point
from minidl.kernels import checks, jit


def check_domain(culprit: str, x: np.ndarray, domain: Domain, remedy: str) -> None:
    """An error that shows the first number of ``x`` outside ``domain``.

    While a step is recorded there are no numbers yet: the program checks what enters it.
    """
    if domain == REALS:
        return
    if (recorder := jit.recorder()) is not None:
        recorder.check(x, lambda data: check_domain(culprit, data, domain, remedy))
        return
    flat = x.reshape(-1)
    if isinstance(domain, Choices):
        place = checks.outside_choices(flat, *(float(value) for value in domain.values))
    else:
        ends = float(domain.low), float(domain.high), domain.includes_low, domain.includes_high
        place = checks.outside_interval(flat, *ends)
    if place >= 0:
        where = tuple(int(i) for i in np.unravel_index(place, x.shape))
        raise DomainError(culprit, f"numbers in {domain}", f"{flat[place]:g} at {where}", remedy)


def check_numbers(culprit: str, x: np.ndarray, remedy: str) -> None:
    """An error if ``x`` holds NaN or infinity."""
    if (recorder := jit.recorder()) is not None:
        recorder.check(x, lambda data: check_numbers(culprit, data, remedy))
    elif checks.not_finite(x.reshape(-1)) >= 0:
        raise DomainError(culprit, "finite numbers", "NaN or infinity", remedy)


def check_classes(culprit: str, t: np.ndarray, classes: int) -> None:
    """An error that shows the first of ``t`` that is no class number."""
    if (recorder := jit.recorder()) is not None:
        recorder.check(t, lambda data: check_classes(culprit, data, classes))
        return
    place = checks.not_a_class(t.reshape(-1), classes)
    if place >= 0:
        raise DomainError(
            culprit,
            f"class numbers from 0 to {classes - 1}",
            f"{t.reshape(-1)[place]:g} in row {place}",
            "Number the classes from 0: sklearn.preprocessing.LabelEncoder does.",
        )


def check_one_hot(culprit: str, t: np.ndarray) -> None:
    """An error that shows the first row of ``t`` that marks no class, or several."""
    if (recorder := jit.recorder()) is not None:
        recorder.check(t, lambda data: check_one_hot(culprit, data))
        return
    rows = t.reshape(-1, t.shape[-1])
    place = checks.not_one_hot(t.reshape(-1), t.shape[-1])
    if place >= 0:
        raise DomainError(
            culprit,
            "one 1 a row, at its class",
            f"{int((rows[place] == 1).sum())} in row {place}",
            "Give class numbers, or use binary_crossentropy for several classes a row.",
        )


def unfit(activation: Any, loss: Any) -> str | None:
    """Why an output activation cannot feed a loss at all; None if it can."""
    if not activation.range.within(loss.prediction):
        return (
            f"{activation.name} gives {activation.range}, predictions must be in {loss.prediction}"
        )
    if loss.rows_sum_to_one and not activation.rows_sum_to_one:
        return f"{activation.name} gives rows that do not sum to 1, as they must"
    return None


def unsound(activation: Any, loss: Any, targets: Domain | None = None) -> str | None:
    """Why an output activation and a loss make no sound head for these targets; None if they do.

    Sound means: the range lies in the prediction's domain, rows sum to one where they must, and
    the range comes as close as you like to the prediction at which the loss is least.

    Examples
    --------
    >>> from minidl.activations import activations
    >>> from minidl.losses import losses
    >>> unsound(activations["sigmoid"], losses["hinge"])
    'sigmoid gives (0, 1), for a target of −1 the loss is least in [−∞, −1]'
    >>> unsound(activations["sigmoid"], losses["binary_crossentropy"]) is None
    True
    """
    reason = unfit(activation, loss)
    if reason:
        return reason
    targets = targets or loss.target
    for target in targets.corners():
        goal = loss.minimiser(target)
        if not activation.range.closure().meets(goal):
            given = f"{activation.name} gives {activation.range}"
            if goal == point(target):
                return f"{given}, targets are {targets}"
            shown = f"{target:g}".replace("-", "−").replace("inf", "∞")
            return f"{given}, for a target of {shown} the loss is least in {goal}"
    return None
