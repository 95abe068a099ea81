"""What a step may change beside the numbers that kernels write: Python state of the user's own.

A program repeats kernel calls and no Python. A step whose layers, losses, optimizers or closures
change an attribute, an entry of a container, or a random generator would go on without that, so
such state is looked at before and after the step is run for recording, and put back.
"""

from __future__ import annotations

import random
import sys
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from types import BuiltinFunctionType, CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any, NamedTuple

import numpy as np

from minidl.autodiff import Node
from minidl.core import Configurable, RecordError, defined_by_minidl
from minidl.nn import Layer
from minidl.optim import Optimizer

LARGE = 2**24
"""Bytes of an array that a function names or closes over, above which it is taken for data."""

PLAIN = (bool, int, float, complex, str, bytes, type(None))
"""What never changes by itself."""

_IGNORED = (ModuleType, BuiltinFunctionType, np.generic, np.dtype, *PLAIN)


class Held(NamedTuple):
    """A holder of state: how it reads now, what it held, and how that is put back."""

    name: str
    read: Callable[[], dict[Any, Any]]
    before: dict[Any, Any]
    write: Callable[[dict[Any, Any]], None]


class State:
    """The Python state that a step can reach, as it is now.

    Attributes of minidl's own objects are walked through but not compared: they hold caches.

    Parameters
    ----------
    *roots : Any
        The step, or what an earlier walk from it found: ``state.foreign``.
    deep : bool
        Whether to walk through minidl's own objects as well, and to look at the random generators
        that all modules share.

    Attributes
    ----------
    foreign : list
        The user's own objects, which are where a later walk begins.
    arrays : list of (str, ndarray)
        Arrays that were found, with the names of what holds them.
    unseen : str or None
        The name of something whose state cannot be looked at: an iterator.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> counter = SimpleNamespace(calls=0)
    >>> state = State(counter)
    >>> counter.calls += 1
    >>> state.changed()
    'SimpleNamespace.calls'
    >>> state.restore()
    >>> counter.calls
    0
    """

    def __init__(self, *roots: Any, deep: bool = True) -> None:
        self._deep = deep
        self.foreign: list[Any] = []
        self.arrays: list[tuple[str, np.ndarray]] = []
        self.unseen: str | None = None
        self._held: list[Held] = []
        self._random: list[tuple[str, Any, Any]] = []
        self._seen: dict[int, Any] = {}  # holds what it has seen, so that no id comes again
        for root in roots:
            self.include(root)
        if deep and self.foreign:  # what every module shares
            for name, shared in (("np.random", np.random.mtrand._rand), ("random", random._inst)):
                self._random.append((name, shared, _random_state(shared)))

    def include(self, root: Any) -> list[tuple[str, np.ndarray]]:
        """Take in what can be reached from here, as it is now; the arrays that are new."""
        known, waiting = len(self.arrays), [("the step", root, False)]
        while waiting:
            name, value, own = waiting.pop()
            if isinstance(value, _IGNORED) or id(value) in self._seen:
                continue
            self._seen[id(value)] = value
            waiting.extend(reversed(list(self._walk(name, value, own))))
        return self.arrays[known:]

    def _walk(self, name: str, value: Any, own: bool) -> Iterator[tuple[str, Any, bool]]:
        """Take note of one value; yields what it holds: name, value, whether a user's object."""
        if isinstance(value, Optimizer):
            self.arrays.append((f"{value.name}.steps", value._count))
        if isinstance(value, Node):
            if self._deep:
                self._hold(name, partial(_public, value), partial(_put_public, value))
            self.arrays.append((name, value._array))
            if value._home is not None:
                self.arrays.append((f"∂{name}", value._home))
        elif isinstance(value, np.ndarray):
            if own or value.nbytes <= LARGE:
                self.arrays.append((name, value))
            if value.dtype == object:
                yield from ((name, item, own) for item in value.flat)
        elif isinstance(value, np.random.Generator | np.random.BitGenerator):
            bits: Any = getattr(value, "bit_generator", value)
            self._hold(name, lambda: {"state": repr(bits.state)}, _putting(bits, "state"))
        elif isinstance(value, np.random.RandomState | random.Random):
            self._random.append((name, value, _random_state(value)))
        elif isinstance(value, dict):
            yield from self._items(name, value, own)
        elif isinstance(value, list | deque | bytearray):
            yield from self._sequence(name, value, own)
        elif isinstance(value, set):
            self._hold(name, lambda: dict.fromkeys(value), lambda b, v=value: _refill(v, b))
        elif isinstance(value, tuple | frozenset):
            yield from ((name, item, own) for item in value)
        else:
            yield from self._objects(name, value, own)

    def _objects(self, name: str, value: Any, own: bool) -> Iterator[tuple[str, Any, bool]]:
        if isinstance(value, partial):
            yield from ((name, part, False) for part in (value.func, value.args, value.keywords))
        elif isinstance(value, MethodType):
            yield from ((name, part, False) for part in (value.__self__, value.__func__))
        elif isinstance(value, FunctionType):
            yield from self._closure(value)
        elif isinstance(value, type):
            if not defined_by_minidl(value):
                yield from self._class(value)
        elif defined_by_minidl(type(value)):
            if self._deep and isinstance(value, Layer | Optimizer | Configurable):
                label = value.name or type(value).__name__
                self._hold(label, partial(_public, value), partial(_put_public, value))
                yield from ((f"{label}.{key}", x, False) for key, x in _public(value).items())
        elif type(value).__module__.partition(".")[0] not in _LIBRARIES:
            yield from self._own(value)
        elif hasattr(value, "__next__") or (own and not _is_harmless(value)):
            self.unseen = self.unseen or name  # an iterator, a file, a table of a library

    def _own(self, value: Any) -> Iterator[tuple[str, Any, bool]]:
        """An object of the user's own: its attributes, and those of its class."""
        self.foreign.append(value)
        layer = isinstance(value, Layer | Optimizer | Configurable)
        label = (value.name if layer else "") or type(value).__name__
        if hasattr(value, "__dict__"):
            yield from self._items(label, vars(value), True, type(value))
        slots = [slot for cls in type(value).__mro__ for slot in vars(cls).get("__slots__", ())]
        for slot in slots:
            if hasattr(value, slot) and not slot.startswith("__"):
                self._hold(label, lambda s=slot: {s: getattr(value, s)}, _putting(value, slot))
                yield f"{label}.{slot}", getattr(value, slot), True
        for cls in type(value).__mro__:
            if not defined_by_minidl(cls) and cls.__module__ != "builtins":
                yield f"{cls.__name__}", cls, True

    def _class(self, cls: type) -> Iterator[tuple[str, Any, bool]]:
        """What the instances of a class share."""

        def read() -> dict[str, Any]:
            return {
                key: value
                for key, value in vars(cls).items()
                if not (key.startswith("__") or callable(value) or hasattr(type(value), "__get__"))
                and not _is_cache(cls, key)
            }

        def write(before: dict[str, Any]) -> None:
            for key in read().keys() - before.keys():
                delattr(cls, key)
            for key, value in before.items():
                if vars(cls).get(key) is not value:
                    setattr(cls, key, value)

        self._hold(cls.__name__, read, write)
        yield from ((f"{cls.__name__}.{key}", value, True) for key, value in read().items())
        for key, value in vars(cls).items():
            if isinstance(value, FunctionType):  # what a method closes over, and its defaults
                yield f"{cls.__name__}.{key}", value, True

    def _closure(self, function: FunctionType) -> Iterator[tuple[str, Any, bool]]:
        """What a function closes over, its defaults, and the globals that it names."""
        own, names = not defined_by_minidl(function), function.__code__.co_freevars
        if own:
            self.foreign.append(function)
            name = function.__qualname__
            yield name, function.__defaults__ or (), True
            yield name, tuple((function.__kwdefaults__ or {}).values()), True
            yield from self._items(name, function.__dict__, True)
            for name in _names(function.__code__):
                yield name, function.__globals__.get(name), False
        for name, cell in zip(names, function.__closure__ or (), strict=True):
            if _is_empty(cell):
                continue
            if own:
                self._hold("", partial(_contents, name, cell), partial(_refill_cell, cell))
            yield name, cell.cell_contents, False

    def _items(
        self, name: str, value: dict[Any, Any], own: bool, cls: type = dict
    ) -> Iterator[tuple[str, Any, bool]]:
        def read() -> dict[Any, Any]:
            if cls is dict:
                return dict(value)
            return {key: item for key, item in value.items() if not _is_cache(cls, key)}

        def write(before: dict[Any, Any]) -> None:
            for key in read().keys() - before.keys():
                del value[key]
            value.update(before)

        self._hold(name, read, write)
        yield from ((_path(name, key), item, own) for key, item in read().items())

    def _sequence(self, name: str, value: Any, own: bool) -> Iterator[Any]:
        def write(before: dict[Any, Any]) -> None:
            value.clear()
            value.extend(before.values())

        self._hold(name, lambda: dict(enumerate(value)), write)
        if not isinstance(value, bytearray):
            yield from ((f"{name}[{i}]", item, own) for i, item in enumerate(list(value)))

    def _hold(self, name: str, read: Any, write: Any) -> None:
        self._held.append(Held(name, read, read(), write))

    def changed(self) -> str | None:
        """The name of the first thing that is no longer as it was; None if there is none."""
        for held in self._held:
            now = held.read()
            for key in {**held.before, **now}:
                if key not in now or key not in held.before:
                    return _path(held.name, key)
                if not _same(held.before[key], now[key]):
                    return _path(held.name, key)
        for name, generator, before in self._random:
            if _random_state(generator) != before:
                return name
        return None

    def restore(self) -> None:
        """Put everything back that is no longer as it was."""
        for held in self._held:
            now = held.read()
            same = now.keys() == held.before.keys()
            if not same or any(now[key] is not value for key, value in held.before.items()):
                held.write(held.before)
        for _, generator, before in self._random:
            if _random_state(generator) != before:
                _set_random_state(generator, before)


_LIBRARIES = (sys.stdlib_module_names - {"types", "collections"}) | {
    "numpy", "numba", "scipy", "sklearn", "pandas", "polars", "matplotlib", "rich", "torch", "jax"
}  # fmt: skip
"""Whose objects are not looked into."""

_HARMLESS = frozenset(
    (
        "builtins", "numpy", "numba", "re", "pathlib", "decimal", "fractions", "datetime", "enum",
        "logging", "_thread", "abc", "functools", "operator", "weakref", "typing", "inspect",
    )
)  # fmt: skip
"""Those of them whose objects do not change, or only by the way: locks, loggers."""


def _names(code: CodeType) -> set[str]:
    """The global names in a function, also those in functions within it."""
    inner = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return set(code.co_names).union(*map(_names, inner))


def _is_cache(cls: type, key: str) -> bool:
    """Whether an attribute is minidl's own, in a class of the user's: kernels made at first use."""
    return key.startswith("_") and any(defined_by_minidl(c) and key in vars(c) for c in cls.__mro__)


def _is_empty(cell: CellType) -> bool:
    try:
        return cell.cell_contents is cell
    except ValueError:  # a name that has no value yet
        return True


def _public(value: Any) -> dict[str, Any]:
    """What users set on an object of minidl's; a tensor's flag among it."""
    known = {key: x for key, x in vars(value).items() if not key.startswith("_") and key != "name"}
    return known | {"requires_grad": value._wants} if isinstance(value, Node) else known


def _put_public(value: Any, before: dict[str, Any]) -> None:
    for key in _public(value).keys() - before.keys():
        del vars(value)[key]
    for key, x in before.items():
        if key == "requires_grad":
            value.requires_grad = x
        else:
            vars(value)[key] = x


def _is_harmless(value: Any) -> bool:
    """Whether an object of a library holds no state that a step could change."""
    return type(value).__module__.partition(".")[0] in _HARMLESS


def _path(name: str, key: Any) -> str:
    if not name:
        return str(key)
    return f"{name}.{key}" if isinstance(key, str) and key.isidentifier() else f"{name}[{key!r}]"


def _putting(value: Any, attribute: str) -> Callable[[dict[str, Any]], None]:
    before = getattr(value, attribute)
    return lambda _: setattr(value, attribute, before)


def _contents(name: str, cell: CellType) -> dict[str, Any]:
    return {name: cell.cell_contents}


def _refill_cell(cell: CellType, before: dict[str, Any]) -> None:
    (cell.cell_contents,) = before.values()


def _refill(value: set[Any], before: dict[Any, Any]) -> None:
    value.clear()
    value.update(before)


def _random_state(generator: Any) -> Any:
    """The state of Python's or NumPy's Mersenne Twister, as something that can be compared."""
    if isinstance(generator, random.Random):
        return generator.getstate()
    name, words, *rest = generator.get_state()
    return name, words.tobytes(), *rest


def _set_random_state(generator: Any, state: Any) -> None:
    if isinstance(generator, random.Random):
        generator.setstate(state)
    else:
        name, words, *rest = state
        generator.set_state((name, np.frombuffer(words, np.uint32), *rest))


def _same(a: Any, b: Any) -> bool:
    """Whether a value is what it was; containers are looked into by themselves."""
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if isinstance(a, tuple):
        return len(a) == len(b) and all(map(_same, a, b))
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, (*PLAIN, np.generic)):
        return bool(a == b) or (a != a and b != b)
    return False


def check_seen(state: State) -> None:
    """An error, before anything has run, if there is state that could not be put back."""
    if state.unseen is not None:
        raise RecordError(
            f"the step, at {state.unseen}",
            "a step whose state can be looked at and put back",
            "one that holds an iterator, a file or an object of a library",
            "Keep numbers, arrays, lists and dicts; or write fit(record=False).",
        )
