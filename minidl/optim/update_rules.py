"""From gradients to better weights: SGD, Adam, AdamW, RMSprop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from minidl.autodiff import Tensor
from minidl.core import SHARE, ArgumentError, ClassEntry, Registry
from minidl.kernels import update
from minidl.optim.optimizer_base import Optimizer
from minidl.optim.schedules import Rate, build_rate, plain

optimizers: Registry[Any] = Registry("optimizer")
C = TypeVar("C", bound=type[Optimizer])


def optimizer(cls: C) -> C:
    """Register an optimizer class under its ``name``: for ``fit``, and for saved networks.

    Examples
    --------
    >>> import numpy as np
    >>> @optimizer
    ... class SignSGD(Optimizer):
    ...     name = "sign_sgd"
    ...     defaults = {"learning_rate": 0.01}
    ...     def kernel(self, p, g, step_numbers):
    ...         p -= step_numbers[0] * np.sign(g)
    >>> get_optimizer("sign_sgd", [Tensor([1.0], requires_grad=True)])
    sign_sgd(learning_rate=0.01, steps=0)
    >>> optimizers.unregister("sign_sgd")
    """
    optimizers.register_class(cls, Optimizer, "ml.Optimizer", ClassEntry, "defaults and kernel")
    return cls


def _with_decay(numbers: Mapping[str, float]) -> dict[str, str]:
    """L2 decay, added to the gradient before all else."""
    return {"g": "g + decay*p"} if numbers["decay"] else {}


@optimizer
class SGD(Optimizer):
    """Step against the gradient, with momentum if asked for (PyTorch's form, also Nesterov's).

    Parameters
    ----------
    parameters, learning_rate, clip_norm, clip_value
        See ``Optimizer``; the learning rate is 0.01 unless told otherwise.
    momentum : float
        In [0, 1): the share of the last step that goes into the next.
    nesterov : bool
        Take the gradient's part as if the momentum's had been made already.
    weight_decay : float
        At least 0; times the weight, it is added to the gradient (L2).

    Raises
    ------
    ArgumentError
        For numbers outside these limits, and for ``nesterov`` without momentum.

    References
    ----------
    Robbins and Monro, 1951; Polyak, 1964; Sutskever, Martens, Dahl and Hinton, ICML 2013.

    Examples
    --------
    >>> w = Tensor([1.0], requires_grad=True)
    >>> optimizer = SGD([w], learning_rate=0.1, momentum=0.5)
    >>> for _ in range(2):
    ...     w.grad = [1.0]
    ...     optimizer.step()
    >>> w.numpy()  # 1 − 0.1 − 0.1 · (1 + 0.5)
    array([0.75], dtype=float32)
    """

    name = "sgd"
    update_kernel = update.sgd
    states = ("velocity",)
    symbols = ("momentum", "nesterov", "decay")
    defaults = {"learning_rate": 1e-2, "momentum": 0.0, "nesterov": False, "weight_decay": 0.0}
    domains = {"momentum": SHARE}

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        if self.settings["nesterov"] and not self.settings["momentum"]:
            raise ArgumentError(
                "sgd(nesterov=True)", "some momentum", "none", "Write momentum=0.9 beside it."
            )

    def constants(self) -> list[float]:
        s = self.settings
        return [s["momentum"], float(s["nesterov"]), s["weight_decay"]]

    @classmethod
    def formulas(cls, numbers: Mapping[str, float]) -> dict[str, str]:
        """The update in symbols: p − η g; with momentum p − η v, and v = μ v + g."""
        if not numbers["momentum"]:
            return _with_decay(numbers) | {"p": "p - eta*g"}
        stride = "(g + momentum*velocity)" if numbers["nesterov"] else "velocity"
        return _with_decay(numbers) | {
            "velocity": "momentum*velocity + g",
            "p": f"p - eta*{stride}",
        }

    @classmethod
    def purpose(cls, numbers: Mapping[str, float]) -> str:
        """Why the update is made so."""
        if numbers["momentum"]:
            return "Steps in a lasting direction add up, those that alternate cancel."
        return "A small step against the gradient: downhill."


@optimizer
class Adam(Optimizer):
    """A step of about the learning rate for every weight: m̂ / (√v̂ + ε).

    The corrections m̂ and v̂ count the optimizer's updates, as Keras does, and not those of each
    parameter: one that was frozen all along starts with longer steps. For layers that are thawed
    late make a new optimizer, as ``fit(optimizer="adam")`` does.

    Parameters
    ----------
    parameters, learning_rate, clip_norm, clip_value
        See ``Optimizer``; the learning rate is 0.001 unless told otherwise.
    beta1, beta2 : float
        In [0, 1): how much of the running means of g and g² stays at each update.
    epsilon : float
        At least 0; keeps the quotient finite.
    weight_decay : float
        At least 0; times the weight, it is added to the gradient (L2).

    Raises
    ------
    ArgumentError
        For numbers outside these limits.

    References
    ----------
    Kingma and Ba, ICLR 2015.

    Examples
    --------
    >>> w = Tensor([1.0, 1.0], requires_grad=True)
    >>> optimizer = Adam([w], learning_rate=0.1)
    >>> w.grad = [100.0, -0.01]
    >>> optimizer.step()
    >>> w.numpy().round(4)
    array([0.9, 1.1], dtype=float32)
    """

    name = "adam"
    update_kernel = update.adam
    states = ("m", "v")
    symbols = ("beta1", "beta2", "epsilon", "decay", "decoupled")
    defaults = {
        "learning_rate": 1e-3,
        "beta1": 0.9,
        "beta2": 0.999,
        "epsilon": 1e-8,
        "weight_decay": 0.0,
    }
    domains = {"beta1": SHARE, "beta2": SHARE}

    def _decays(self) -> tuple[float, float]:
        """What is added to the gradient, and what is taken from the weight."""
        return self.settings["weight_decay"], 0.0

    def constants(self) -> list[float]:
        s = self.settings
        return [s["beta1"], s["beta2"], s["epsilon"], *self._decays()]

    @classmethod
    def formulas(cls, numbers: Mapping[str, float]) -> dict[str, str]:
        """Running means m of g and v of g², both corrected for their start at 0."""
        kept = "p*(1 - eta*decoupled)" if numbers["decoupled"] else "p"
        return _with_decay(numbers) | {
            "m": "beta1*m + (1 - beta1)*g",
            "v": "beta2*v + (1 - beta2)*g**2",
            "m_hat": "m/(1 - beta1**t)",
            "v_hat": "v/(1 - beta2**t)",
            "p": f"{kept} - eta*m_hat/(sqrt(v_hat) + epsilon)",
        }

    @classmethod
    def purpose(cls, numbers: Mapping[str, float]) -> str:
        """Why the update is made so."""
        return "Every weight moves by about the learning rate, however large its gradients are."


@optimizer
class AdamW(Adam):
    """Adam with weight decay taken from the weights themselves.

    Parameters
    ----------
    parameters, learning_rate, beta1, beta2, epsilon, clip_norm, clip_value
        See ``Adam``.
    weight_decay : float
        At least 0, 0.01 unless told otherwise: each update takes learning rate · weight decay of
        the weight away, whatever the gradient.

    References
    ----------
    Loshchilov and Hutter, ICLR 2019.

    Examples
    --------
    >>> w = Tensor([1.0], requires_grad=True)
    >>> optimizer = AdamW([w], learning_rate=0.1, weight_decay=0.5)
    >>> w.grad = [0.0]
    >>> optimizer.step()
    >>> w.numpy()
    array([0.95], dtype=float32)
    """

    name = "adamw"
    defaults = {**Adam.defaults, "weight_decay": 1e-2}

    def _decays(self) -> tuple[float, float]:
        """What is added to the gradient, and what is taken from the weight."""
        return 0.0, self.settings["weight_decay"]


@optimizer
class RMSprop(Optimizer):
    """Divide each step by the gradient's recent size.

    Parameters
    ----------
    parameters, learning_rate, clip_norm, clip_value
        See ``Optimizer``; the learning rate is 0.01 unless told otherwise.
    rho : float
        In [0, 1): how much of the running mean of g² stays at each update.
    epsilon : float
        At least 0; keeps the quotient finite.
    weight_decay : float
        At least 0; times the weight, it is added to the gradient (L2).

    Raises
    ------
    ArgumentError
        For numbers outside these limits.

    References
    ----------
    Tieleman and Hinton, 2012.

    Examples
    --------
    >>> w = Tensor([1.0], requires_grad=True)
    >>> optimizer = RMSprop([w], learning_rate=0.1, rho=0.75)
    >>> w.grad = [8.0]
    >>> optimizer.step()
    >>> w.numpy()  # 1 − 0.1 · 8 / √(0.25 · 64)
    array([0.8], dtype=float32)
    """

    name = "rmsprop"
    update_kernel = update.rmsprop
    states = ("v",)
    symbols = ("rho", "epsilon", "decay")
    defaults = {"learning_rate": 1e-2, "rho": 0.99, "epsilon": 1e-8, "weight_decay": 0.0}
    domains = {"rho": SHARE}

    def constants(self) -> list[float]:
        s = self.settings
        return [s["rho"], s["epsilon"], s["weight_decay"]]

    @classmethod
    def formulas(cls, numbers: Mapping[str, float]) -> dict[str, str]:
        """A running mean v of g²; p − η g / (√v + ε)."""
        return _with_decay(numbers) | {
            "v": "rho*v + (1 - rho)*g**2",
            "p": "p - eta*g/(sqrt(v) + epsilon)",
        }

    @classmethod
    def purpose(cls, numbers: Mapping[str, float]) -> str:
        """Why the update is made so."""
        return "Every step is measured by the size that the gradient has had of late."


optimizers.protect_entries()


def get_optimizer(
    optimizer: Any,
    parameters: Sequence[Tensor],
    learning_rate: Rate | None = None,
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
    if not (isinstance(cls, type) and issubclass(cls, Optimizer)):
        raise ArgumentError(
            "optimizer", "a name, a class or an Optimizer", repr(optimizer), "Write 'adam'."
        )
    built: Optimizer = cls(parameters, learning_rate, **settings)
    return built


def describe_optimizer(optimizer: Optimizer) -> dict[str, Any]:
    """An optimizer's settings as plain data, for a file; an error where they are code."""
    if optimizer.name not in optimizers or optimizers[optimizer.name].cls is not type(optimizer):
        raise ArgumentError(
            "optimizer",
            f"one of {', '.join(optimizers.names())}, as files hold no code",
            type(optimizer).__name__,
            "Write @ml.optimizer above the class, or save the weights alone: "
            "net.save(path, optimizer=False).",
        )
    return {
        "name": optimizer.name,
        "steps": optimizer.steps,
        "clip_norm": optimizer.clip_norm,
        "clip_value": optimizer.clip_value,
        "settings": {key: plain(value) for key, value in optimizer.settings.items()},
    }


def build_optimizer(config: dict[str, Any], parameters: Sequence[Tensor]) -> Optimizer:
    """An optimizer from what ``describe_optimizer`` said."""
    settings = dict(config["settings"])
    settings["learning_rate"] = build_rate(settings["learning_rate"])
    clipping = {key: config[key] for key in ("clip_norm", "clip_value")}
    built: Optimizer = optimizers[config["name"]].cls(parameters, **clipping, **settings)
    built.steps = config["steps"]
    return built
