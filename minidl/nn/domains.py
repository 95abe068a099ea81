"""Whether numbers, and activations, suit a loss: domains checked, soundness computed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minidl.autodiff import recorder
from minidl.core import REALS, Choices, Domain, DomainError, point
from minidl.kernels import checks
from minidl.kernels.jit import Kernel, Refused


def _check(
    kernel: Kernel,
    x: np.ndarray,
    limits: Sequence[float],
    refusal: Callable[[np.ndarray], DomainError],
) -> None:
    """Run a check; while a step is recorded it is written down before what it protects."""
    if (recording := recorder()) is not None:
        recording.guarded(refusal)
    try:
        kernel(x.reshape(-1), *limits)
    except Refused:
        raise refusal(x) from None


def _refused(x: np.ndarray, place: int, culprit: str, expected: str, got: str, remedy: str) -> Any:
    """The error for the number at a place of an array that was looked at flat."""
    error = DomainError(culprit, expected, got, remedy)
    error.spot = place, x.size
    return error


def check_domain(culprit: str, x: np.ndarray, domain: Domain, remedy: str) -> None:
    """An error that shows the first number of ``x`` outside ``domain``."""
    if domain == REALS:
        return
    if isinstance(domain, Choices):
        kernel, ask = checks.among_choices, checks.outside_choices
        limits: tuple[float, ...] = tuple(map(float, domain.values))
    else:
        kernel, ask = checks.inside_interval, checks.outside_interval
        ends = float(domain.low), float(domain.high)
        limits = *ends, int(domain.includes_low), int(domain.includes_high)

    def refusal(x: np.ndarray) -> DomainError:
        place = int(ask(x.reshape(-1), *limits))
        where = tuple(int(i) for i in np.unravel_index(place, x.shape))
        got = f"{x.reshape(-1)[place]:g} at {where}"
        return _refused(x, place, culprit, f"numbers in {domain}", got, remedy)

    _check(kernel, x, limits, refusal)


def check_numbers(culprit: str, x: np.ndarray, remedy: str) -> None:
    """An error if ``x`` holds NaN or infinity."""

    def refusal(x: np.ndarray) -> DomainError:
        place = int(checks.not_finite(x.reshape(-1)))
        return _refused(x, place, culprit, "finite numbers", "NaN or infinity", remedy)

    _check(checks.all_finite, x, (), refusal)


def check_classes(culprit: str, t: np.ndarray, classes: int) -> None:
    """An error that shows the first of ``t`` that is no class number."""

    def refusal(t: np.ndarray) -> DomainError:
        place = int(checks.not_a_class(t.reshape(-1), classes))
        expected, got = f"class numbers from 0 to {classes - 1}", f"{t.reshape(-1)[place]:g}"
        remedy = "Number the classes from 0: sklearn.preprocessing.LabelEncoder does."
        return _refused(t, place, culprit, expected, f"{got} in row {place}", remedy)

    _check(checks.all_classes, t, (classes,), refusal)


def check_one_hot(culprit: str, t: np.ndarray) -> None:
    """An error that shows the first row of ``t`` that marks no class, or several."""

    def refusal(t: np.ndarray) -> DomainError:
        rows = t.reshape(-1, t.shape[-1])
        row = int(checks.not_one_hot(t.reshape(-1), t.shape[-1]))
        got = f"{int((rows[row] == 1).sum())} in row {row}"
        remedy = "Give class numbers, or use binary_crossentropy for several classes a row."
        place = row * t.shape[-1]
        return _refused(t, place, culprit, "one 1 a row, at its class", got, remedy)

    _check(checks.all_one_hot, t, (t.shape[-1],), refusal)


def unfit(activation: Any, loss: Any) -> str | None:
    """Why an output activation cannot feed a loss at all; None if it can."""
    if not activation.range.within(loss.prediction):
        return (
            f"{activation.name} gives {activation.range}, predictions must be in {loss.prediction}"
        )
    if loss.rows_sum_to_one and not activation.rows_sum_to_one:
        return f"{activation.name} gives rows that do not sum to 1, as they must"
    return None


def why_incompatible(activation: Any, loss: Any, targets: Domain | None = None) -> str | None:
    """Why an output activation and a loss make no sound head for these targets; None if they do.

    Sound means: the range lies in the prediction's domain, rows sum to one where they must, and
    the range comes as close as you like to the prediction at which the loss is least.

    Examples
    --------
    >>> from minidl.nn import activations
    >>> from minidl.nn import losses
    >>> why_incompatible(activations["sigmoid"], losses["hinge"])
    'sigmoid gives (0, 1), for a target of −1 the loss is least in [−∞, −1]'
    >>> why_incompatible(activations["sigmoid"], losses["binary_crossentropy"]) is None
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
