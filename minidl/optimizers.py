"""From gradients to better weights: SGD, Adam, AdamW, RMSprop.

An optimizer's state is plain named arrays, one number a parameter, laid out as the parameters
are; an update is one compiled call for each stretch of memory, which is one for a network.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from minidl.block import stretches
from minidl.errors import ArgumentError
from minidl.kernels import update
from minidl.kernels.jit import listener
from minidl.registry import Registry, with_defaults
from minidl.schedules import Schedule, build_schedule
from minidl.tensor import Tensor

AHEAD = 1024
"""For how many updates learning rates are looked up at once."""


class Optimizer:
    """Common to all: parameters, state, learning rate, clipping.

    Parameters
    ----------
    parameters : list of Tensor
        What to update: ``net.parameters()``.
    learning_rate : float or Schedule
    weight_decay : float
        Added to the gradient times the weight (L2); AdamW takes it from the weight itself.
    clip_norm : float, optional
        Scale all gradients down together when their common norm is above this.
    clip_value : float, optional
        Limit each number of the gradients to ±this.

    Raises
    ------
    ArgumentError
        For settings that make no sense; the message names the setting.
    """

    name = ""
    aliases: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    defaults: ClassVar[dict[str, Any]] = {}

    def __init__(
        self,
        parameters: Sequence[Tensor],
        learning_rate: float | Schedule | None = None,
        *,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        **settings: Any,
    ) -> None:
        self.parameters = list(parameters)
        if not self.parameters:
            raise ArgumentError(
                f"{self.name}(parameters=…)", "at least one", "none", "Write net.parameters()."
            )
        self.settings: dict[str, Any] = with_defaults(self.name, self.defaults, settings)
        if learning_rate is not None:
            self.settings["learning_rate"] = learning_rate
        self.clip_norm, self.clip_value = clip_norm, clip_value
        self._check()
        size = sum(parameter.size for parameter in self.parameters)
        dtype = self.parameters[0].dtype
        self.state = {name: np.zeros(size, dtype) for name in self.states}
        self._rates = np.zeros(AHEAD, np.float64)
        self._count = np.zeros(2, np.int64)  # updates made, and the one that rates[0] is for
        self._reals = np.zeros(2 + len(self.constants()), np.float64)
        self._arrays: list[np.ndarray] = []
        self._stretches()

    def _check(self) -> None:
        for key, value in (*self.settings.items(), ("clip_norm", self.clip_norm)):
            if isinstance(value, int | float) and not isinstance(value, bool) and not value >= 0:
                raise ArgumentError(
                    f"{self.name}({key}=…)",
                    "a number of at least 0",
                    str(value),
                    "Write 0.01, say.",
                )

    @property
    def steps(self) -> int:
        """How many updates were made."""
        return int(self._count[0])

    @steps.setter
    def steps(self, steps: int) -> None:
        self._count[0] = steps

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next update."""
        rate = self.settings["learning_rate"]
        return float(rate(self.steps) if callable(rate) else rate)

    @learning_rate.setter
    def learning_rate(self, rate: float | Schedule) -> None:
        self.settings["learning_rate"] = rate

    def prepare(self, updates: int) -> None:
        """Put the numbers of the next updates, at most ``AHEAD``, where kernels read them."""
        rate, made = self.settings["learning_rate"], self.steps
        rates = [rate(made + i) for i in range(updates)] if callable(rate) else rate
        self._rates[:updates] = rates
        self._count[1] = made
        self._reals[2:] = self.constants()

    def memory(self) -> dict[str, np.ndarray]:
        """What an update works on, by name: for listings."""
        named = {f"{self.name}.{name}": state for name, state in self.state.items()}
        for values, gradients, _ in self._runs:
            named |= {"parameters": values, "∂parameters": gradients}
        own = {"rates": self._rates, "count": self._count, "reals": self._reals}
        return named | {f"{self.name}.{name}": array for name, array in own.items()}

    def zero_grad(self) -> None:
        """Forget the gradients, so that the next ``backward`` starts afresh."""
        for parameter in self.parameters:
            parameter._grad = None

    def step(self) -> None:
        """Update every parameter that has a gradient; those without are left alone."""
        if (recorder := listener()) is None:
            self.prepare(1)
        else:
            recorder.follow(self)
        runs = self._stretches()
        self.clip([gradient for _, gradient, _ in runs])
        update.begin(self._rates, self._count, self._reals)
        for values, gradients, place in runs:
            self.kernel(values, gradients, *(s[place] for s in self.state.values()), self._reals)
        for parameter in self.parameters:
            if parameter._grad is not None:
                parameter.written()

    def _stretches(self) -> list[tuple[np.ndarray, np.ndarray, slice]]:
        arrays = [parameter._array for parameter in self.parameters]
        if [*map(id, arrays)] != [*map(id, self._arrays)]:
            self._arrays, self._runs = arrays, stretches(self.parameters)
            self._squares = np.zeros(len(arrays), np.float64)
        if all(p._grad is not None and p._grad is p._home for p in self.parameters):
            return self._runs
        runs, start = [], 0
        for parameter in self.parameters:
            stop = start + parameter.size
            if parameter._grad is not None:
                gradient = parameter._grad.reshape(-1)
                runs.append((parameter._array.reshape(-1), gradient, slice(start, stop)))
            start = stop
        return runs

    def clip(self, gradients: list[np.ndarray]) -> None:
        """Limit gradients as ``clip_value`` and ``clip_norm`` say."""
        if self.clip_value is not None:
            for gradient in gradients:
                update.limit(gradient, float(self.clip_value))
        if self.clip_norm is not None:
            squares = self._squares[: len(gradients)]
            for i, gradient in enumerate(gradients):
                update.square_sum(gradient, squares[i : i + 1])
            for gradient in gradients:
                update.shrink_to(gradient, squares, float(self.clip_norm))

    def constants(self) -> list[float]:
        """The numbers the kernel gets after the learning rate and the update's number."""
        raise NotImplementedError

    def kernel(self, *arrays: np.ndarray) -> None:
        """Update one stretch: values, gradients, states, reals."""
        raise NotImplementedError

    def config(self) -> dict[str, Any]:
        """Settings and number of steps as plain data; ``build_optimizer`` reads it."""
        settings = {
            key: value.config() if isinstance(value, Schedule) else value
            for key, value in self.settings.items()
        }
        return {
            "name": self.name,
            "steps": self.steps,
            "clip_norm": self.clip_norm,
            "clip_value": self.clip_value,
            "settings": settings,
        }

    def __repr__(self) -> str:
        settings = ", ".join(f"{key}={value!r}" for key, value in self.settings.items())
        return f"{self.name}({settings}, steps={self.steps})"


optimizers: Registry[Any] = Registry("optimizer")


class _OptimizerEntry:
    def __init__(self, cls: type[Optimizer]) -> None:
        self.name, self.aliases, self.cls = cls.name, cls.aliases, cls


def optimizer(cls: type[Optimizer]) -> type[Optimizer]:
    """Register an optimizer class under its ``name``."""
    optimizers.register(_OptimizerEntry(cls))
    return cls


@optimizer
class SGD(Optimizer):
    """Step against the gradient, with momentum if asked for (PyTorch's form, also Nesterov's)."""

    name = "sgd"
    states = ("velocity",)
    defaults = {"learning_rate": 1e-2, "momentum": 0.0, "nesterov": False, "weight_decay": 0.0}

    def constants(self) -> list[float]:
        s = self.settings
        return [s["momentum"], float(s["nesterov"]), s["weight_decay"]]

    def kernel(self, *arrays: np.ndarray) -> None:
        update.sgd(*arrays)


@optimizer
class Adam(Optimizer):
    """A step of about the learning rate for every weight: m̂ / (√v̂ + ε) (Kingma and Ba, 2015)."""

    name = "adam"
    states = ("m", "v")
    defaults = {
        "learning_rate": 1e-3,
        "beta1": 0.9,
        "beta2": 0.999,
        "epsilon": 1e-8,
        "weight_decay": 0.0,
    }

    def decays(self) -> tuple[float, float]:
        """What is added to the gradient, and what is taken from the weight."""
        return self.settings["weight_decay"], 0.0

    def constants(self) -> list[float]:
        s = self.settings
        return [s["beta1"], s["beta2"], s["epsilon"], *self.decays()]

    def kernel(self, *arrays: np.ndarray) -> None:
        update.adam(*arrays)


@optimizer
class AdamW(Adam):
    """Adam with weight decay taken from the weights themselves (Loshchilov and Hutter, 2019)."""

    name = "adamw"
    defaults = {**Adam.defaults, "weight_decay": 1e-2}

    def decays(self) -> tuple[float, float]:
        """What is added to the gradient, and what is taken from the weight."""
        return 0.0, self.settings["weight_decay"]


@optimizer
class RMSprop(Optimizer):
    """Divide each step by the gradient's recent size (Tieleman and Hinton, 2012)."""

    name = "rmsprop"
    states = ("v",)
    defaults = {"learning_rate": 1e-2, "rho": 0.99, "epsilon": 1e-8, "weight_decay": 0.0}

    def constants(self) -> list[float]:
        s = self.settings
        return [s["rho"], s["epsilon"], s["weight_decay"]]

    def kernel(self, *arrays: np.ndarray) -> None:
        update.rmsprop(*arrays)


def get_optimizer(
    optimizer: Any,
    parameters: Sequence[Tensor],
    learning_rate: float | Schedule | None = None,
    **settings: Any,
) -> Optimizer:
    """An optimizer on these parameters, from its name or class; one already made continues."""
    if isinstance(optimizer, Optimizer):
        if {id(p) for p in optimizer.parameters} - {id(p) for p in parameters}:
            raise ArgumentError(
                "optimizer",
                "one made on this network's parameters",
                "one made on others",
                "Write ml.Adam(net.parameters()).",
            )
        if learning_rate is not None or settings:
            raise ArgumentError(
                "learning_rate",
                "to be set where the optimizer is made",
                f"{learning_rate!r} beside an optimizer that has its own",
                "Write optimizer.learning_rate = … instead.",
            )
        return optimizer
    cls = optimizers[optimizer].cls if isinstance(optimizer, str) else optimizer
    made: Optimizer = cls(parameters, learning_rate, **settings)
    return made


def build_optimizer(config: dict[str, Any], parameters: Sequence[Tensor]) -> Optimizer:
    """An optimizer from what ``config()`` said; for saved networks."""
    settings = {
        key: build_schedule(value) if isinstance(value, dict) else value
        for key, value in config["settings"].items()
    }
    clipping = {key: config[key] for key in ("clip_norm", "clip_value")}
    made: Optimizer = optimizers[config["name"]].cls(parameters, **clipping, **settings)
    made.steps = config["steps"]
    return made
