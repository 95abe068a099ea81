"""Hyper-parameters: their defaults, what they may be, and how an op or a loss shows them."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np

from minidl.errors import ArgumentError
from minidl.intervals import Interval
from minidl.registry import with_defaults


class Settings:
    """Something with a name and hyper-parameters: an op or a loss.

    Hyper-parameters are listed in ``hyper`` with their defaults; an instance may have others:
    ``LeakyReLU(alpha=0.2)``. Kernels get them as float64 in ``reals``.

    Attributes
    ----------
    limits : mapping of hyper-parameter to Interval
        Where they make sense; an ArgumentError names one that lies elsewhere.
    optional : tuple of str
        Those that None switches off.
    """

    name: str = ""
    aliases: tuple[str, ...] = ()
    hyper: ClassVar[dict[str, Any]] = {}
    limits: ClassVar[dict[str, Interval]] = {}
    optional: ClassVar[tuple[str, ...]] = ()

    def __init__(self, **hyper: Any) -> None:
        self.settings: dict[str, Any] = with_defaults(self.name, self.hyper, hyper)
        for key, limit in self.limits.items():
            value = self.settings[key]
            if value is None and key in self.optional:
                continue
            if not (isinstance(value, Real) and value in limit):  # type: ignore[operator]
                raise ArgumentError(
                    f"{self.name}({key}=…)",
                    f"a number in {limit}",
                    repr(value),
                    f"Write {key}={self.hyper[key]}, say.",
                )
        self.reals = np.array(self.constants(), np.float64)

    def constants(self) -> list[float]:
        """The numbers a kernel gets in ``reals``."""
        return [float(value) for value in self.settings.values()]

    def with_settings(self, **hyper: Any) -> Self:
        """The same with other hyper-parameters; itself if none are given."""
        return type(self)(**{**self.settings, **hyper}) if hyper else self

    def check_parameters(self, operands: int, *names: str) -> None:
        """An error if these formulas do not take their operands and every hyper-parameter."""
        for name in names:
            wanted, got = operands + self.reals.size, getattr(self, name).__code__.co_argcount
            if got != wanted:
                raise ArgumentError(
                    f"{self.name}.{name}",
                    f"{operands} numbers and {self.reals.size} hyper-parameters",
                    f"{got} parameters",
                    "List the hyper-parameters in hyper, and take them in that order.",
                )

    def __repr__(self) -> str:
        settings = ", ".join(f"{key}={value!r}" for key, value in self.settings.items())
        return f"{self.name}({settings})" if settings else self.name
