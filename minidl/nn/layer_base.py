"""What every layer has in common: it finds its parts, names them, and is applied to a batch."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from inspect import signature
from types import MappingProxyType
from typing import Any

import numpy as np

from minidl.autodiff import Tensor, listener, listeners
from minidl.core import ArgumentError, MissingError, defined_by_minidl, refuse_former_names
from minidl.nn.assignment import ASSIGNED, CALLED, REPLACE, numbers_for


class Layer:
    """Something a network applies to a batch: subclass it and write ``forward``.

    Parameters (Tensors made with ``requires_grad=True``) and layers are found where you keep them:
    in attributes, or in lists, tuples and dicts in attributes, however deep. They are trained with
    the network and named after their attribute (``residual1.inner.weight``, ``gate1.experts.a``,
    the second of a list ``block1.scales2``). Other Tensors, such as running means, are your own.

    An array assigned to a parameter (``layer.weight = array``) is written into it, after a look at
    its shape; so are the numbers of a Tensor of your own, once the layer is in a network.

    What ``forward`` does with Tensor operations is recorded like everything else. One that decides
    by looking at a number, or changes anything of its own from call to call (an attribute, an entry
    of a container, a random generator), is trained eagerly, which is slower, and ``fit`` says so. A
    global variable that it reads, the clock and files are not looked at: train with
    ``record=False`` where they decide.

    Files hold no code: a network with layers of your own can be saved where ``@ml.layer`` stands
    above their classes, and ``config`` says what they are built from.

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

    >>> from minidl.nn import Dense
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

    _fixed: tuple[str, ...] = ()  # attributes that are decided when it is built

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        refuse_former_names(cls, {"begin": "_begin", "rename": "_rename"})
        if "kind" not in cls.__dict__:
            cls.kind = cls.__name__.lower()
        try:
            signature(cls.forward).bind(None, None, False)
        except TypeError as error:
            got, remedy = f"{signature(cls.forward)}", "Write def forward(self, x, training):."
            culprit, expected = f"{cls.__name__}.forward", "to take a batch and whether it trains"
            raise ArgumentError(culprit, expected, got, remedy) from error

    def __setattr__(self, name: str, value: Any) -> None:
        current = vars(self).get(name)
        if isinstance(current, Tensor) and current.is_parameter:
            if value is not current:
                self._assign(name, current, value)
        else:
            self._check_new(name, value)
            if isinstance(value, Tensor) and value.is_parameter:
                value._is_held = True
            super().__setattr__(name, value)

    @property
    def _called(self) -> str:
        return self.name or "net"

    def _assign(self, name: str, current: Tensor, value: Any) -> None:
        """Write numbers into a parameter; exchange it while the layer is still being built."""
        building = current._home is None and name not in self._fixed
        is_new = getattr(value, "is_parameter", False) and not value._is_held
        if building and (value is None or is_new):
            vars(self).pop(name)
            setattr(self, name, value)
        else:
            current.data = numbers_for(f"{self._called}.{name}", current, value)

    def _check_new(self, name: str, value: Any) -> None:
        """Refuse what would be taken without a word, and do nothing, or hide a method."""
        if callable(getattr(Layer, name, None)) and not callable(value):
            remedy = f"Call it {name}_, say: every layer has a method {name}()."
            raise ArgumentError(
                f"{self._called}.{name} = …", "a name of its own", "a method's", remedy
            )
        if name in self._fixed and name in vars(self):
            raise ArgumentError(
                f"{self._called}.{name} = …",
                "what was decided when the layer was built",
                "something else",
                f"Build another layer in its place: {REPLACE}.",
            )
        if name in ASSIGNED and (defined_by_minidl(self) or name == "requires_grad"):
            has = f"what a {type(self).__name__} has"
            raise ArgumentError(f"{self._called}.{name} = …", has, name, ASSIGNED[name])

    def __delattr__(self, name: str) -> None:
        current = vars(self).get(name)
        fixed = isinstance(current, Tensor) and current.is_parameter and current._home is not None
        if fixed or name in self._fixed:
            remedy = f"Build another network: {REPLACE}."
            raise ArgumentError(f"del {self._called}.{name}", "what the layer needs", name, remedy)
        super().__delattr__(name)

    def __getattr__(self, name: str) -> Any:
        if name in CALLED:
            has = f"what a {type(self).__name__} has"
            raise MissingError(f"{self._called}.{name}", has, name, CALLED[name])
        return super().__getattribute__(name)  # says what is missing, also inside a property

    def __call__(self, x: Any, training: bool = False) -> Tensor:
        """Apply the layer to a batch of shape (rows, features); the result has its name."""
        if listeners and (listening := listener()) is not None:
            listening.entered(self)
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
        for key, part in self._kept():
            if isinstance(part, Layer) or part.is_parameter:
                yield key, part

    def _all_layers(self) -> Iterator[Layer]:
        """It and the layers that it holds, the innermost too."""
        yield self
        for _, part in self.parts():
            if isinstance(part, Layer):
                yield from part._all_layers()

    def _tensors(self) -> Iterator[Tensor]:
        """Every tensor that it keeps, anywhere: parameters, and those that are not learned."""
        for _, part in self._kept():
            yield from part._tensors() if isinstance(part, Layer) else [part]

    def _kept(self) -> Iterator[tuple[str, Layer | Tensor]]:
        for key, value in vars(self).items():
            kind = type(value)
            if kind is Tensor:  # told fast: this is asked at every eager step
                yield key, value
            elif kind in _PLAIN:
                continue
            elif isinstance(value, (Layer, Tensor)):
                yield key, value
            elif isinstance(value, _HOLDERS):
                yield from _parts(key, value)

    def parameters(self) -> list[Tensor]:
        """What is learned here, frozen or not, each tensor once."""
        learned: dict[int, Tensor] = {}
        try:
            for _, part in self._kept():
                if isinstance(part, Layer):
                    learned |= {id(parameter): parameter for parameter in part.parameters()}
                elif part.is_parameter:
                    learned[id(part)] = part
        except RecursionError as error:
            expected, got = "layers inside of layers", "one that is inside of itself"
            remedy = "Keep a weakref.ref of the outer layer in the inner one."
            raise ArgumentError(self._called, expected, got, remedy) from error
        return list(learned.values())

    @property
    def trainable(self) -> bool:
        """Whether anything in it is trained; False freezes its parameters, True thaws them.

        What is frozen is still listed, counted and saved, and nothing moves it.

        Examples
        --------
        >>> from minidl.nn import Dense
        >>> layer = Dense(2, 3)
        >>> layer.trainable = False
        >>> [parameter.requires_grad for parameter in layer.parameters()]
        [False, False]
        """
        return any(parameter.requires_grad for parameter in self.parameters())

    @trainable.setter
    def trainable(self, value: Any) -> None:
        if not isinstance(value, bool | np.bool_):
            culprit, remedy = f"{self._called}.trainable = …", "Write layer.trainable = False."
            raise ArgumentError(culprit, "True or False", repr(value), remedy)
        for parameter in self.parameters():
            parameter.requires_grad = bool(value)

    def _begin(self, seed: int, streams: Iterator[int]) -> None:
        """Let every layer in it that was given no seed take a random stream of its own."""
        for _, part in self.parts():
            if isinstance(part, Layer):
                part._begin(seed, streams)

    @property
    def function(self) -> Any:
        """The activation that the layer ends in, or None."""
        return None

    def config(self) -> dict[str, Any]:
        """What ``__init__`` is called with to build the layer again, as plain data, for files.

        Registered layers write it, unless ``__init__`` takes nothing; see ``ml.layer``.
        """
        arguments = [*signature(type(self)).parameters]
        if arguments:
            raise ArgumentError(
                f"save: {self._called}",
                f"a config() with what {type(self).__name__}({', '.join(arguments)}) takes",
                "none",
                f"Write def config(self): return {{{arguments[0]!r}: self.{arguments[0]}, …}}.",
            )
        return {}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name})"

    def _rename(self, name: str) -> None:
        """Give the layer a name, and its parts names below it."""
        self.name = name
        for key, part in reversed([*self.parts()]):  # what is shared keeps its first name
            if isinstance(part, Layer):
                part._rename(f"{name}.{key}")
            else:
                part.name = f"{name}.{key}"


class Layers(tuple[Layer, ...]):
    """The layers of a network, in a row; another network is made of them, not this one changed."""

    __slots__ = ()

    def _refuse(self, *_: Any, **__: Any) -> Any:
        raise ArgumentError(
            "net.layers", "to be left as it was built", "a change", f"Write {REPLACE}."
        )

    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse
    append = extend = insert = pop = remove = clear = reverse = sort = _refuse


_PLAIN = frozenset({bool, int, float, str, type(None), np.ndarray, np.dtype})

_HOLDERS = (dict, list, tuple, deque, MappingProxyType, set, frozenset)


def _parts(name: str, value: Any, holders: tuple[Any, ...] = ()) -> Iterator[tuple[str, Any]]:
    """The layers and tensors in an attribute, however deep in lists, tuples and dicts.

    ``weights2`` is the second of a list, ``weights2.1`` the first of a list that comes second,
    ``experts.a`` what a dict keeps under "a".
    """
    if isinstance(value, (Layer, Tensor)):
        yield name, value
        return
    if any(value is holder for holder in holders):
        raise ArgumentError(name, "a list or dict of parts", "one in itself", "Take it out.")
    parts: Iterable[tuple[Any, Any]]
    if isinstance(value, (dict, MappingProxyType)):
        inner, parts = f"{name}.", value.items()
    else:
        nested = holders and not isinstance(holders[-1], (dict, MappingProxyType))
        inner, parts = f"{name}." if nested else name, enumerate(value, start=1)
    for key, part in parts:
        if isinstance(part, (Layer, Tensor, *_HOLDERS)):
            for each in _parts(f"{inner}{key}", part, (*holders, value)):
                if isinstance(value, (set, frozenset)):
                    remedy = "Keep them in a list: what has no order has no names and no seeds."
                    raise ArgumentError(name, "layers and parameters in order", "a set", remedy)
                yield each
