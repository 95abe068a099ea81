"""What networks are built from: Dense, Activation, Dropout; and what they accept."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np

from minidl.autodiff import Tensor, at_the_door
from minidl.autodiff import arithmetic as ops
from minidl.core import (
    FLOATS,
    SHARE,
    ArgumentError,
    ShapeError,
    as_float,
    number,
    seeds,
    whole_number,
)
from minidl.nn.activation_functions import Linear
from minidl.nn.initialization import get_initializer
from minidl.nn.layer_base import Layer
from minidl.nn.registries import activations, get_activation, is_registered


class Activation(Layer):
    """An activation as a layer.

    Parameters
    ----------
    activation : str or activation
        ``"relu"``, ``ml.relu``, or a class of your own.
    units : int, optional
        For ``prelu``: one learned slope for each unit; one for all if left out.
    dtype : {"float32", "float64"}
        Of learned slopes.
    **hyper
        Hyper-parameters: ``Activation("leaky_relu", alpha=0.2)``.

    Raises
    ------
    ArgumentError
        For what is no activation, and for hyper-parameters that it does not have.
    UnknownNameError
        For a name that nobody registered.

    Examples
    --------
    >>> Activation("relu")(Tensor([-1.0, 2.0])).numpy()
    array([0., 2.], dtype=float32)
    """

    keeps_width = True
    _fixed = ("activation", "units", "alpha")

    def __init__(
        self, activation: Any, units: int | None = None, dtype: str = "float32", **hyper: Any
    ) -> None:
        given = _activation(activation)
        self.activation = given.with_settings(**hyper) if hyper else given
        self.name = self.activation.name
        self.units = None if units is None else whole_number("Activation(units=…)", units)
        self.alpha = self._slopes(_float(dtype, "Activation"))
        if self.units is not None and not self.activation.learned:
            self.activation.shape((1, self.units))  # one unit is no row for a softmax
        self.in_features = self.out_features = self.units

    def _slopes(self, dtype: str) -> Tensor | None:
        if not self.activation.learned:
            return None
        start = np.full((self.units or 1,), 0.25)
        return Tensor(start, requires_grad=True, dtype=dtype, name=f"{self.name}.alpha")

    @property
    def function(self) -> Any:
        return self.activation

    def forward(self, x: Any, training: bool) -> Tensor:
        if self.alpha is None:
            return self.activation(x)
        slopes = self.alpha.broadcast_to(x.shape)
        slopes.name = f"{self.alpha.name}.each"  # for listings: not "broadcast"
        return self.activation(x, slopes)

    def config(self) -> dict[str, Any]:
        name = self.activation.name
        if not is_registered(self.activation):
            raise ArgumentError(
                f"save: {self.name}",
                "registered activations, as files hold their names and no code",
                type(self.activation).__name__,
                "Write @ml.activation above the class, and give it a name of its own; where "
                "another formula was registered since, build the network anew.",
            )
        return {"activation": name, "units": self.units, **self.activation.settings}


class Dense(Layer):
    """Every output is a weighted sum of every input, plus a bias.

    Parameters
    ----------
    in_features, out_features : int
        Widths, at least 1; weights are stored (in_features, out_features).
    activation : str or activation, optional
        Applied to the sums.
    init : str
        ``"auto"``: He for the ReLU family, LeCun normal for SELU, Glorot uniform otherwise.
        Biases start at zero.
    seed : int, optional
        Decides the weights; left out, ``Sequential`` gives each layer a stream of its own.
    stream : int
        Tells layers of one seed apart; ``mlp`` counts layers in it.
    dtype : {"float32", "float64"}
        Of the parameters, and so of all that is computed.
    weight : Tensor, optional
        A parameter of another layer to share, or its transpose: ``weight=other.weight.T``. It
        stays that layer's: one set of numbers with one gradient, listed and saved once, in its
        dtype; ``init`` and ``seed`` have no say.

    Raises
    ------
    ArgumentError
        For a width below 1, and for a ``weight`` that is no parameter.
    ShapeError
        For a ``weight`` that is not (in_features, out_features).

    Examples
    --------
    >>> layer = Dense(3, 2, activation="relu")
    >>> layer.weight.shape, layer.bias.shape
    ((3, 2), (2,))
    >>> tied = Dense(2, 3, weight=layer.weight.T)
    >>> layer.weight.data[0, 1] = 7.0
    >>> float(tied.weight.numpy()[1, 0])
    7.0
    """

    _fixed = ("in_features", "out_features", "weight", "bias", "activation")

    def __init__(
        self,
        in_features: int,
        out_features: int,
        activation: Any = None,
        *,
        init: str = "auto",
        seed: int | None = None,
        stream: int = 0,
        dtype: str = "float32",
        weight: Tensor | None = None,
    ) -> None:
        self.in_features = whole_number("Dense(in_features=…)", in_features)
        self.out_features = whole_number("Dense(out_features=…)", out_features)
        self._shape = self.in_features, self.out_features
        dtype = _float(dtype, "Dense") if weight is None else str(self._source(weight).dtype)
        self.init, self.seed = init, seed
        activated = Activation(activation, units=self.out_features, dtype=dtype)
        self._start = get_initializer(init, activated.function.init).name
        self._is_tied, self._is_turned = weight is not None, False
        if weight is None:
            weights = self._draw(0 if seed is None else seed, stream)
            self.weight = Tensor(weights, requires_grad=True, dtype=dtype)
        else:
            self.weight, self._is_turned = self._source(weight), weight._turned is not None
        self.bias = Tensor(np.zeros(self.out_features), requires_grad=True, dtype=dtype)
        self.activation = activated
        self._rename("dense")

    def _source(self, weight: Any) -> Tensor:
        """The parameter that is shared: this one, or the one that this is the transpose of."""
        turned = getattr(weight, "_turned", None)
        source = weight if turned is None else turned
        if not isinstance(source, Tensor) or not source.is_parameter:
            raise ArgumentError(
                "Dense(weight=…)",
                "a parameter of another layer, or its transpose",
                f"{weight!r:.60}",
                "Write weight=other.weight.T; for numbers of your own layer.weight = array.",
            )
        if weight.shape != self._shape:
            got, remedy = f"shape {weight.shape}", "Write weight=other.weight.T, or other widths."
            raise ShapeError("Dense(weight=…)", f"shape {self._shape}", got, remedy)
        return source

    @property
    def _stored(self) -> Tensor:
        """The parameter behind ``weight``: of another shape where that is its transpose."""
        weight: Tensor = vars(self)["weight"]
        return weight

    @property
    def weight(self) -> Tensor:
        """The weights, (in_features, out_features); of a layer tied to it, another's transpose."""
        if not self._is_turned:
            return self._stored
        turned = self._stored.T
        turned.name = f"{self.name}.weight"
        return turned

    @weight.setter
    def weight(self, value: Tensor) -> None:
        vars(self)["weight"] = value  # where ``parts`` looks

    def _assign(self, name: str, current: Tensor, value: Any) -> None:
        if name == "weight" and self._is_turned:
            raise ArgumentError(
                f"{self.name}.weight = …",
                f"the transpose of {current.name}, which the layer is tied to",
                "something else",
                "Assign to the weight of that layer.",
            )
        super()._assign(name, current, value)

    def _draw(self, seed: int, stream: int) -> np.ndarray:
        seed = whole_number("Dense(seed=…)", seed, low=0, example=0)
        stream = whole_number("Dense(stream=…)", stream, low=0, example=0)
        return get_initializer(self._start)(self._shape, seed, stream)

    def _begin(self, seed: int, streams: Iterator[int]) -> None:
        """Draw the weights anew if nobody gave them a seed or touched them."""
        if self.seed is not None or self._is_tied:
            return
        stream, self.seed = next(streams), seed
        untouched = self._draw(0, 0).astype(self.weight.dtype)
        if np.array_equal(self.weight.numpy(), untouched):
            self.weight.data = self._draw(seed, stream)

    @property
    def function(self) -> Any:
        return self.activation.function

    def forward(self, x: Any, training: bool) -> Tensor:
        z = self.pre_activation(x)
        if type(self.function) is Linear:
            return z
        z.name = self._sums
        return self.activation.forward(z, training)

    def pre_activation(self, x: Any) -> Tensor:
        """The sums before the activation."""
        shape = x.shape if hasattr(x, "shape") else np.shape(x)
        if not shape or shape[-1] != self.in_features:
            remedy = f"Give it (rows, {self.in_features}), or build the layer for {shape[-1:]}."
            if len(shape) > 2:  # images, most often
                remedy = f"Write X.reshape(len(X), -1) for rows of {prod(shape[1:])} features."
            expected = f"{self.in_features} features in the last axis"
            raise ShapeError(self.name, expected, f"shape {shape}", remedy)
        return Tensor.apply(ops.dense, x, self.weight, self.bias)

    def _rename(self, name: str) -> None:
        """Give the layer a name, and its parameters names below it."""
        super()._rename(name)
        self.activation._rename(name)  # a learned slope is dense1.alpha
        self._sums = f"{name}.sums"

    def config(self) -> dict[str, Any]:
        return {
            "in_features": self.in_features,
            "out_features": self.out_features,
            "activation": self.activation.config(),
            "init": self.init,
            **({"turned": True} if self._is_turned else {}),
        }


class Dropout(Layer):
    """While training, silence a random share of the units; else do nothing.

    Parameters
    ----------
    rate : float
        The share that is silenced, in [0, 1); the rest is scaled up by 1 / (1 − rate).
    seed : int, optional
        Decides the masks, together with the number of masks drawn so far; left out,
        ``Sequential`` gives each layer another.
    stream : int
        Tells layers of one seed apart; ``mlp`` counts layers in it.

    Raises
    ------
    ArgumentError
        For a rate outside [0, 1).

    References
    ----------
    Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, JMLR 2014.

    Examples
    --------
    >>> layer, x = Dropout(0.5, seed=0), Tensor([1.0, 1.0, 1.0, 1.0])
    >>> sorted(set(layer(x, training=True).numpy().tolist()))
    [0.0, 2.0]
    >>> layer(x) is x
    True
    """

    keeps_width = True

    def __init__(self, rate: float, seed: int | None = None, *, stream: int = 0) -> None:
        self.rate = rate
        # The number of its stream, and how many masks were drawn from it; kernels count there.
        self.counter = np.zeros(2, np.int64)
        self._draw_from(0 if seed is None else seed, stream)
        self.seed, self.name = seed, "dropout"

    def _draw_from(self, seed: int, place: int) -> None:
        seed = whole_number("Dropout(seed=…)", seed, low=0, example=0)
        place = whole_number("Dropout(stream=…)", place, low=0, example=0)
        self.counter[0] = seeds.stream("mask", seed, place)

    @property
    def rate(self) -> float:
        """The share that is silenced."""
        rate: float = vars(self)["rate"]
        return rate

    @rate.setter
    def rate(self, rate: float) -> None:
        vars(self)["rate"] = number("Dropout(rate=…)", rate, SHARE, example=0.5)

    def _begin(self, seed: int, streams: Iterator[int]) -> None:
        """Take a seed if nobody gave one."""
        if self.seed is None:
            self.seed = seed
            self._draw_from(seed, next(streams))

    def forward(self, x: Any, training: bool) -> Tensor:
        if not training or self.rate == 0.0:
            return x
        return ops.DropoutOp(self.rate, self.counter)(x)

    def config(self) -> dict[str, Any]:
        number, drawn = self.counter.tolist()
        return {"rate": self.rate, "seed": number, "drawn": drawn}


def as_layer(given: Any) -> Layer:
    """A layer as it is; an activation, or its name, as a layer."""
    if isinstance(given, Layer):
        return given
    if isinstance(given, str) or hasattr(given, "learned"):
        return Activation(given)
    raise ArgumentError(
        "Sequential",
        "layers, activations or their names",
        repr(given),
        "Write ml.Dense(2, 16), 'relu', or a subclass of ml.Layer.",
    )


def _activation(given: Any) -> Any:
    function = get_activation(given)
    if not hasattr(function, "learned"):
        name = getattr(given, "__name__", "relu")
        raise ArgumentError(
            "activation",
            "the name of an activation, or a subclass of ml.ActivationFunction",
            repr(given),
            f"Write {name if name in activations else 'relu'!r}.",
        )
    return function


def _float(dtype: Any, culprit: str) -> str:
    """The name of a dtype that can be calculated with."""
    try:
        known = np.dtype(dtype)
    except TypeError:
        known = np.dtype(object)
    if known not in FLOATS:
        expected, remedy = "'float32' or 'float64'", "Write dtype='float32'."
        raise ArgumentError(f"{culprit}(dtype=…)", expected, repr(dtype), remedy)
    return str(known)


def enter(x: Any, dtype: np.dtype) -> Tensor:
    """A batch as a tensor of the network's dtype; a tensor of another dtype is an error."""
    if isinstance(x, Tensor):
        return at_the_door(ops.negative, (x, Tensor._of(np.empty(0, dtype))), "net(x)")[0]
    return Tensor._of(as_float(x, dtype, "x"))
