"""Settings as people give them: taken if they make sense, else refused with a remedy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from inspect import Parameter, Signature, signature
from math import inf
from typing import Any, ClassVar, Self

import numpy as np

from minidl.core.errors import ArgumentError
from minidl.core.intervals import NON_NEGATIVE, Interval
from minidl.core.registry import check_name, with_defaults

POSITIVE = Interval(0, NON_NEGATIVE.high)
SHARE = Interval(0, 1, includes_low=True)
"""A part of the whole, but never all of it."""
ANY = Interval(-inf, inf, True, True)
"""Every number, infinite ones as well."""


def short(x: Any) -> str:
    """A value as Python writes it, cut to a line.

    Examples
    --------
    >>> short("a" * 70)
    "'aaaaaaaaaaaaaaaaaaaaaaaaaaa...aaaaaaaaaaaaaaaaaaaaaaaaaaa'"
    >>> short(10**5000)
    'a whole number of thousands of digits'
    """
    try:
        text = repr(x)
    except ValueError:  # an int of more digits than Python prints
        return "a whole number of thousands of digits"
    return text if len(text) <= 60 else f"{text[:28]}...{text[-28:]}"


def number(
    culprit: str, value: object, domain: Interval = NON_NEGATIVE, example: object = 0.01
) -> float:
    """A setting as a Python float, which can be saved; NumPy's numbers are welcome.

    Examples
    --------
    >>> number("rate", 5, SHARE, example=0.9)
    Traceback (most recent call last):
    minidl.core.errors.ArgumentError: rate: expected a number in [0, 1), got 5. Write 0.9, say.
    """
    if isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool):
        with suppress(OverflowError):  # an int that no float is as large as
            if (plain := float(value)) in domain:
                return plain
    raise ArgumentError(culprit, f"a number in {domain}", short(value), f"Write {example}, say.")


def whole_number(
    culprit: str, value: object, low: int = 1, example: int = 16, high: int | None = None
) -> int:
    """A setting that counts something, as a Python int.

    Examples
    --------
    >>> whole_number("batch_size", 0, example=32)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    minidl.core.errors.ArgumentError: batch_size: expected a whole number of at least 1, got 0. ...
    """
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if whole and value >= low and (high is None or value <= high):  # type: ignore[operator]
        return int(value)  # type: ignore[call-overload]
    limits = f"of at least {low}" if high is None else f"from {low} to {high}"
    remedy = f"Write {culprit}={example}." if culprit.isidentifier() else f"Write {example}, say."
    raise ArgumentError(culprit, f"a whole number {limits}", short(value), remedy)


class CallSignature:
    """What an instance can be called with: operands and hyper-parameters by their names."""

    def __get__(self, instance: Any, owner: type) -> Signature:
        if instance is None:  # a class is not called with operands
            raise AttributeError("__signature__")
        operands = getattr(instance, "operand_names", ())
        return named_settings(signature(instance.__call__), instance.settings, operands)


def named_settings(
    called: Signature, settings: Mapping[str, Any], operands: Sequence[str] = ()
) -> Signature:
    """A signature with names, and values as defaults, where ``*operands, **settings`` stood."""
    parameters: list[Parameter] = []
    for parameter in called.parameters.values():
        if parameter.kind is Parameter.VAR_POSITIONAL and operands:
            parameters += [Parameter(name, Parameter.POSITIONAL_ONLY) for name in operands]
        elif parameter.kind is not Parameter.VAR_KEYWORD:
            parameters.append(parameter)
    keyword = Parameter.KEYWORD_ONLY
    parameters += [Parameter(key, keyword, default=value) for key, value in settings.items()]
    return called.replace(parameters=parameters)


def refuse_former_names(cls: type, names: Mapping[str, str]) -> None:
    """An error for what a class of the user's own calls by the name it had, and nobody reads."""
    for former in names.keys() & cls.__dict__.keys():
        culprit, got = f"{cls.__name__}.{former}", "the name it had before"
        raise ArgumentError(culprit, names[former], got, f"Write {names[former]} instead.")


FORMER_NAMES = {
    "wide": "compute_in_float64",
    "takes": "operand_names",
    "saves": "saved_for_backward",
    "ready": "precomputed_gradients",
    "reals": "hyper_values",
}
"""What a class of the user's own may still call by the name of minidl 0.1, and is called now."""


def defined_by_minidl(thing: Any) -> bool:
    """Whether a class or function is minidl's own, or what a value is made from.

    Examples
    --------
    >>> defined_by_minidl(Configurable), defined_by_minidl(print)
    (True, False)
    """
    module = str(getattr(thing, "__module__", None) or "")
    return module == "minidl" or module.startswith("minidl.")


class Configurable:
    """Something with a name and hyper-parameters: an op or a loss.

    Hyper-parameters are listed in ``hyper`` with their defaults; an instance may have others:
    ``LeakyReLU(alpha=0.2)``. Kernels get them as float64 in ``hyper_values``.

    Attributes
    ----------
    limits : mapping of hyper-parameter to Interval
        Where they make sense; an ArgumentError names one that lies elsewhere.
    optional : tuple of str
        Those that None switches off.
    """

    name: str = ""
    aliases: tuple[str, ...] = ()
    __signature__ = CallSignature()
    hyper: ClassVar[dict[str, Any]] = {}
    limits: ClassVar[dict[str, Interval]] = {}
    optional: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        refuse_former_names(cls, FORMER_NAMES)
        if cls.name:  # of its kernels too, whether it is registered or not
            check_name(f"{cls.__name__}.name", cls.name)

    def __init__(self, **hyper: Any) -> None:
        self.settings: dict[str, Any] = with_defaults(self.name, self.hyper, hyper)
        for key, limit in self.limits.items():
            value = self.settings[key]
            if value is None and key in self.optional:
                continue
            self.settings[key] = number(
                f"{self.name}({key}=…)", value, limit, f"{key}={self.hyper[key]}"
            )
        self.hyper_values = np.array(self.constants(), np.float64)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "hyper_values" and not _is_flat(value):
            expected, got = "a flat array of float64, which kernels read", short(value)
            remedy = f"Write {self.name}.with_settings(…) for other hyper-parameters."
            raise ArgumentError(f"{self.name}.hyper_values", expected, got, remedy)
        if name in self.hyper:
            remedy = f"Write {self.name}({name}={value!r:.30}), which makes another."
            raise ArgumentError(f"{self.name}.{name} = …", "a setting", "an attribute", remedy)
        super().__setattr__(name, value)

    def constants(self) -> list[float]:
        """The numbers a kernel gets in ``hyper_values``."""
        return [
            # A switch is 1 or 0; text is no number, though float() reads some.
            float(value)
            if isinstance(value, bool | np.bool_)
            else number(f"{self.name}({key}=…)", value, ANY, f"{key}={self.hyper[key]}")
            for key, value in self.settings.items()
        ]

    def with_settings(self, **hyper: Any) -> Self:
        """The same with other hyper-parameters; itself if none are given."""
        return type(self)(**{**self.settings, **hyper}) if hyper else self

    def check_parameters(self, operands: int, *names: str) -> None:
        """An error if these formulas do not take their operands and every hyper-parameter."""
        for name in names:
            formula: Any = getattr(self, name, None)
            if not hasattr(formula, "__code__"):
                raise ArgumentError(
                    f"{self.name or type(self).__name__}.{name}",
                    "a formula: a static method, in Python, on numbers",
                    "none" if formula is None else repr(formula),
                    f"Write def {name}(…) in the class, under @staticmethod.",
                )
            wanted, got = operands + self.hyper_values.size, formula.__code__.co_argcount
            if got != wanted:
                raise ArgumentError(
                    f"{self.name}.{name}",
                    f"{operands} numbers and {self.hyper_values.size} hyper-parameters",
                    f"{got} parameters",
                    "List the hyper-parameters in hyper, and take them in that order.",
                )

    def __repr__(self) -> str:
        settings = ", ".join(f"{key}={value!r}" for key, value in self.settings.items())
        return f"{self.name}({settings})" if settings else self.name


def _is_flat(x: Any) -> bool:
    return type(x) is np.ndarray and x.dtype == np.float64 and x.ndim == 1
