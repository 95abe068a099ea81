"""What networks are built from: Dense, Activation, Dropout."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import arithmetic as ops
from minidl.activations import Linear, get_activation
from minidl.errors import ArgumentError, ShapeError
from minidl.initializers import get_initializer
from minidl.op import FLOATS, as_float
from minidl.tensor import Tensor, at_the_door


class Layer:
    """Something a network applies to a batch.

    Attributes
    ----------
    name : str
        What messages, listings and saved files call it; ``Sequential`` numbers the layers.
    """

    kind = "layer"
    name = "layer"
    in_features: int | None = None
    out_features: int | None = None

    def __call__(self, x: Any, training: bool = False) -> Tensor:
        """Apply the layer to a batch of shape (rows, features); the result has its name."""
        y = self.forward(x, training)
        if y is not x:
            y.name = self.name
        return y

    def forward(self, x: Any, training: bool) -> Tensor:
        """What the layer does; subclasses write it."""
        raise NotImplementedError

    def parameters(self) -> list[Tensor]:
        """What is learned here."""
        return []

    def config(self) -> dict[str, Any]:
        """What the layer is built from, as plain data: ``build_layer`` reads it."""
        return {}

    def rename(self, name: str) -> None:
        """Give the layer a name, and its parameters names below it."""
        self.name, self._sums = name, f"{name}.sums"
        for parameter in self.parameters():
            parameter.name = f"{name}.{(parameter.name or '').rpartition('.')[2]}"


class Activation(Layer):
    """An activation as a layer.

    Parameters
    ----------
    activation : str or activation
        ``"relu"``, ``ml.relu``, or a class of your own.
    units : int, optional
        For ``prelu``: one learned slope for each unit; one for all if left out.
    dtype : str
        Of learned slopes.
    **hyper
        Hyper-parameters: ``Activation("leaky_relu", alpha=0.2)``.

    Examples
    --------
    >>> Activation("relu")(Tensor([-1.0, 2.0])).numpy()
    array([0., 2.], dtype=float32)
    """

    kind = "activation"

    def __init__(
        self, activation: Any, units: int | None = None, dtype: str = "float32", **hyper: Any
    ) -> None:
        self.activation = get_activation(activation)
        if hyper:
            self.activation = self.activation.with_settings(**hyper)
        self.name, self.units = self.activation.name, units
        self.alpha: Tensor | None = None
        if self.activation.learned:
            start = np.full((units or 1,), 0.25)
            self.alpha = Tensor(start, requires_grad=True, dtype=dtype, name=f"{self.name}.alpha")
        self.in_features = self.out_features = units

    def forward(self, x: Any, training: bool) -> Tensor:
        if self.alpha is None:
            return self.activation(x)
        return self.activation(x, self.alpha.broadcast_to(x.shape))

    def parameters(self) -> list[Tensor]:
        return [] if self.alpha is None else [self.alpha]

    def config(self) -> dict[str, Any]:
        return {
            "activation": self.activation.name,
            "units": self.units,
            **self.activation.settings,
        }


class Dense(Layer):
    """Every output is a weighted sum of every input, plus a bias.

    Parameters
    ----------
    in_features, out_features : int
        Widths; weights are stored (in_features, out_features).
    activation : str or activation, optional
        Applied to the sums.
    init : str
        ``"auto"``: He for the ReLU family, LeCun normal for SELU, Glorot uniform otherwise.
        Biases start at zero.
    seed, stream : int
        Decide the weights; ``mlp`` counts layers in ``stream``.
    dtype : {"float32", "float64"}
        Of the parameters, and so of all that is computed.

    Raises
    ------
    ArgumentError
        For a width below 1.

    Examples
    --------
    >>> layer = Dense(3, 2, activation="relu")
    >>> layer.weight.shape, layer.bias.shape
    ((3, 2), (2,))
    """

    kind = "dense"

    def __init__(
        self,
        in_features: int,
        out_features: int,
        activation: Any = None,
        *,
        init: str = "auto",
        seed: int = 0,
        stream: int = 0,
        dtype: str = "float32",
    ) -> None:
        for name, width in (("in_features", in_features), ("out_features", out_features)):
            if int(width) != width or width < 1:
                raise ArgumentError(
                    f"Dense({name}=…)", "a whole number of at least 1", str(width), "Write 16, say."
                )
        if np.dtype(dtype) not in FLOATS:
            raise ArgumentError(
                "Dense(dtype=…)", "'float32' or 'float64'", repr(dtype), "Write dtype='float32'."
            )
        self.in_features, self.out_features, self.init = int(in_features), int(out_features), init
        self.activation = Activation(activation, units=self.out_features, dtype=dtype)
        weights = get_initializer(init, self.activation.activation.init)(
            (self.in_features, self.out_features), seed, stream
        )
        self.weight = Tensor(weights, requires_grad=True, dtype=dtype, name="dense.weight")
        self.bias = Tensor(
            np.zeros(out_features), requires_grad=True, dtype=dtype, name="dense.bias"
        )
        self.rename("dense")

    def forward(self, x: Any, training: bool) -> Tensor:
        z = self.pre_activation(x)
        if type(self.activation.activation) is Linear:
            return z
        z.name = self._sums
        return self.activation.forward(z, training)

    def pre_activation(self, x: Any) -> Tensor:
        """The sums before the activation."""
        shape = np.shape(x)
        if not shape or shape[-1] != self.in_features:
            raise ShapeError(
                self.name,
                f"{self.in_features} features in the last axis",
                f"shape {shape}",
                f"Give it (rows, {self.in_features}), or build the layer for {shape[-1:]}.",
            )
        return Tensor.apply(ops.dense, x, self.weight, self.bias)

    def parameters(self) -> list[Tensor]:
        return [self.weight, self.bias, *self.activation.parameters()]

    def config(self) -> dict[str, Any]:
        return {
            "in_features": self.in_features,
            "out_features": self.out_features,
            "activation": self.activation.config(),
            "init": self.init,
        }


class Dropout(Layer):
    """While training, silence a random share of the units; else do nothing.

    Parameters
    ----------
    rate : float
        The share that is silenced, in [0, 1); the rest is scaled up by 1 / (1 − rate).
    seed : int
        Decides the masks, together with the number of masks drawn so far.

    Raises
    ------
    ArgumentError
        For a rate outside [0, 1).
    """

    kind = "dropout"

    def __init__(self, rate: float, seed: int = 0) -> None:
        if not 0 <= rate < 1:
            raise ArgumentError("Dropout(rate=…)", "a share in [0, 1)", str(rate), "Write 0.5.")
        self.rate = float(rate)
        self.counter = np.array([seed, 0], np.int64)  # the seed, and how many masks it has drawn
        self.name = "dropout"

    def forward(self, x: Any, training: bool) -> Tensor:
        if not training or self.rate == 0.0:
            return x
        return ops.Dropout(self.rate, self.counter)(x)

    def config(self) -> dict[str, Any]:
        seed, drawn = self.counter.tolist()
        return {"rate": self.rate, "seed": seed, "drawn": drawn}


def enter(x: Any, dtype: np.dtype) -> Tensor:
    """A batch as a tensor of the network's dtype; a tensor of another dtype is an error."""
    if isinstance(x, Tensor):
        return at_the_door(ops.negative, (x, Tensor._of(np.empty(0, dtype))))[0]
    return Tensor._of(as_float(x, dtype))


def build_layer(kind: str, config: dict[str, Any], dtype: str) -> Layer:
    """A layer from what ``config()`` said; for saved networks."""
    config = dict(config)
    if kind == "dense":
        inner = dict(config.pop("activation"))
        name, _ = inner.pop("activation"), inner.pop("units")
        activation = get_activation(name).with_settings(**inner)
        return Dense(**config, activation=activation, dtype=dtype)
    if kind == "activation":
        return Activation(**config, dtype=dtype)
    if kind == "dropout":
        layer = Dropout(config["rate"], config["seed"])
        layer.counter[1] = config["drawn"]
        return layer
    raise ArgumentError("layer", "dense, activation or dropout", repr(kind), "Update minidl.")
