"""Where a number may lie: (0, 1), [0, ∞), all reals, or one of a few values such as −1 and 1.

Activations state their range with these and losses their domains; whether an output activation
fits a loss is then computed (``minidl.nn.domains``), never listed.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from minidl.core.encoding import printable


def _number(value: float) -> str:
    if value in (inf, -inf):
        return "∞" if value > 0 else "−∞"
    return f"{value:g}".replace("-", "−")


@dataclass(frozen=True)
class Interval:
    """The numbers between two ends.

    Parameters
    ----------
    low, high : float
        The ends; ``inf`` and ``-inf`` are allowed.
    includes_low, includes_high : bool
        Whether an end belongs to the interval.

    Examples
    --------
    >>> print(Interval(0, 1, includes_low=True), 1 in Interval(0, 1))
    [0, 1) False
    """

    low: float
    high: float
    includes_low: bool = False
    includes_high: bool = False

    def __contains__(self, value: float) -> bool:
        above = value > self.low or (self.includes_low and value == self.low)
        below = value < self.high or (self.includes_high and value == self.high)
        return above and below

    def closure(self) -> Interval:
        """The interval together with its ends: what a range can come as close to as you like."""
        return Interval(self.low, self.high, True, True)

    def within(self, other: Interval) -> bool:
        """Whether every number of this interval lies in ``other``."""
        low_fits = self.low > other.low or (
            self.low == other.low and (other.includes_low or not self.includes_low)
        )
        high_fits = self.high < other.high or (
            self.high == other.high and (other.includes_high or not self.includes_high)
        )
        return low_fits and high_fits

    def meets(self, other: Interval) -> bool:
        """Whether the two have a number in common."""
        low, high = max(self.low, other.low), min(self.high, other.high)
        if low == high:
            return low in self and low in other
        return low < high

    def corners(self) -> tuple[float, ...]:
        """The ends: what is hardest to reach."""
        return (self.low, self.high)

    def __str__(self) -> str:
        if self == REALS:
            return "all reals"
        left = "[" if self.includes_low else "("
        right = "]" if self.includes_high else ")"
        return printable(f"{left}{_number(self.low)}, {_number(self.high)}{right}")


@dataclass(frozen=True)
class Choices:
    """One of a few numbers.

    Examples
    --------
    >>> print(Choices((-1, 1)), 0 in Choices((-1, 1)))
    {−1, 1} False
    """

    values: tuple[float, ...]

    def __contains__(self, value: float) -> bool:
        return value in self.values

    def corners(self) -> tuple[float, ...]:
        """Every one of them."""
        return self.values

    def __str__(self) -> str:
        return printable("{" + ", ".join(_number(value) for value in self.values) + "}")


Domain = Interval | Choices

REALS = Interval(-inf, inf)
UNIT = Interval(0, 1, True, True)
NON_NEGATIVE = Interval(0, inf, True, False)
SIGNS = Choices((-1, 1))


def point(value: float) -> Interval:
    """The interval that holds one number (an infinite end counts as reachable)."""
    return Interval(value, value, True, True)
