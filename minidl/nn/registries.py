"""Which activations and losses there are, by name, and how one of the user's own is added."""

from __future__ import annotations

from typing import Any, TypeVar

from minidl.core import DtypeError, Registry
from minidl.kernels.digests import digest
from minidl.nn.criterion import Loss
from minidl.nn.nonlinearity import ActivationFunction, Facts

A = TypeVar("A", bound=type[Facts])

activations: Registry[Any] = Registry("activation")
losses: Registry[Loss] = Registry("loss")


def activation(cls: A) -> A:
    """Register an activation class under its ``name``.

    Examples
    --------
    >>> @activation
    ... class Square(ActivationFunction):
    ...     name = "square"
    ...     value = staticmethod(lambda x: x * x)
    ...     slope = staticmethod(lambda x: 2.0 * x)
    >>> activations["square"]([1.0, 3.0])
    array([1., 9.])
    >>> activations.unregister("square")
    """
    activations.register_class(cls, Facts, "ml.ActivationFunction")
    return cls


def loss(cls: type[Loss]) -> type[Loss]:
    """Register a loss class under its ``name``.

    Examples
    --------
    >>> @loss
    ... class Quartic(Loss):
    ...     name = "quartic"
    ...     value = staticmethod(lambda t, p: (p - t) ** 4)
    ...     slope = staticmethod(lambda t, p: 4.0 * (p - t) ** 3)
    >>> float(losses["quartic"]([0.0], [2.0]))
    16.0
    >>> losses.unregister("quartic")
    """
    losses.register_class(cls, Loss, "ml.Loss")
    return cls


def get_activation(activation: Any) -> Any:
    """An activation from its name, its class, or itself; None is linear."""
    if activation is None:
        return activations["linear"]
    if isinstance(activation, str):
        return activations[activation]
    return activation() if isinstance(activation, type) else activation


def is_registered(activation: Any) -> bool:
    """Whether its name brings it back: the class registered under it is its own, or computes alike.

    A notebook's cell that is run again registers the class anew, and networks have the old one.
    """
    name, cls = activation.name, type(activation)
    if name not in activations:
        return False
    there = type(activations[name])
    if there is cls:
        return True
    if (there.__module__, there.__qualname__) != (cls.__module__, cls.__qualname__):
        return False
    if (
        not issubclass(cls, ActivationFunction)
        or cls.compute_in_float64 != there.compute_in_float64
    ):
        return False
    parts = ("value", *cls.slopes)
    return all(digest(getattr(cls, part)) == digest(getattr(there, part)) for part in parts)


def get_loss(loss: Any) -> Loss:
    """A loss from its name, its class, or itself."""
    if isinstance(loss, str):
        return losses[loss]
    if isinstance(loss, type) and issubclass(loss, Loss):
        return loss()
    if isinstance(loss, Loss):
        return loss
    remedy = "Write loss='mse'; one of your own is a class made from ml.Loss, under @ml.loss."
    raise DtypeError("loss", "the name of a loss, or a loss", repr(loss), remedy)
