"""What every layer has in common: it finds its parts, names them, and is applied to a batch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from minidl.errors import ArgumentError
from minidl.tensor import Tensor


class Layer:
    """Something a network applies to a batch: subclass it and write ``forward``.

    Tensors that require a gradient, and layers, are found where you keep them: in attributes, or
    in lists in attributes. They are trained with the network and named after their attribute
    (``residual1.inner.weight``). What ``forward`` does with Tensor operations is recorded like
    everything else; what decides by looking at a number is trained eagerly, which is slower.
    A network with layers of your own cannot be saved, as files hold no code.

    Attributes
    ----------
    name : str
        What messages, listings and saved files call it; ``Sequential`` numbers the layers.
    kind : str
        What is numbered: the class's name in small letters unless you set it.
    in_features, out_features : int or None
        Widths, where they are fixed; ``Sequential`` checks that they meet.
    keeps_width : bool
        Whether the output is as wide as the input, whatever that is.

    Examples
    --------
    A residual block:

    >>> from minidl.layers import Dense
    >>> from minidl.model import Sequential
    >>> class Residual(Layer):
    ...     keeps_width = True
    ...     def __init__(self, width):
    ...         self.inner = Dense(width, width, "tanh")
    ...         self.scale = Tensor([0.1], requires_grad=True)
    ...     def forward(self, x, training):
    ...         return x + self.scale * self.inner(x)
    >>> net = Sequential(Dense(3, 8), Residual(8), Dense(8, 1))
    >>> [parameter.name for parameter in net[1].parameters()]
    ['residual1.inner.weight', 'residual1.inner.bias', 'residual1.scale']
    """

    kind = "layer"
    name = "layer"
    in_features: int | None = None
    out_features: int | None = None
    keeps_width = False

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "kind" not in cls.__dict__:
            cls.kind = cls.__name__.lower()

    def __call__(self, x: Any, training: bool = False) -> Tensor:
        """Apply the layer to a batch of shape (rows, features); the result has its name."""
        y: Any = self.forward(x, training)
        if not isinstance(y, Tensor):
            got, remedy = f"{y!r:.60}", "End it in return, and make it of Tensor operations."
            raise ArgumentError(f"{self.name}.forward", "a Tensor", got, remedy)
        if y is not x:
            y.name = self.name
        return y

    def forward(self, x: Any, training: bool) -> Tensor:
        """What the layer does; subclasses write it."""
        raise NotImplementedError(f"{type(self).__name__} has no forward(self, x, training)")

    def parts(self) -> Iterator[tuple[str, Layer | Tensor]]:
        """The layers and learned tensors it holds, with what it calls them."""
        for key, value in vars(self).items():
            many = isinstance(value, list | tuple)
            for i, part in enumerate(value if many else [value], start=1):
                learned = isinstance(part, Tensor) and part.requires_grad and part._op is None
                if learned or isinstance(part, Layer):
                    yield (f"{key}{i}" if many else key), part

    def parameters(self) -> list[Tensor]:
        """What is learned here, each tensor once."""
        found: dict[int, Tensor] = {}
        for _, part in self.parts():
            for parameter in part.parameters() if isinstance(part, Layer) else [part]:
                found[id(parameter)] = parameter
        return list(found.values())

    def begin(self, seed: int, streams: Iterator[int]) -> None:
        """Let every layer in it that was given no seed take a random stream of its own."""
        for _, part in self.parts():
            if isinstance(part, Layer):
                part.begin(seed, streams)

    @property
    def function(self) -> Any:
        """The activation that the layer ends in, or None."""
        return None

    def config(self) -> dict[str, Any]:
        """What the layer is built from, as plain data: ``build_layer`` reads it."""
        raise ArgumentError(
            f"save: {self.name or type(self).__name__}",
            "layers of minidl's own (Dense, Activation, Dropout), as files hold no code",
            f"a {type(self).__name__}",
            "Save the numbers: np.savez(path, *(p.numpy() for p in net.parameters())).",
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name})"

    def rename(self, name: str) -> None:
        """Give the layer a name, and its parts names below it."""
        self.name = name
        for key, part in self.parts():
            if isinstance(part, Layer):
                part.rename(f"{name}.{key}")
            else:
                part.name = f"{name}.{key}"
