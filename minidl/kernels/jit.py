"""The one place where numba is configured.

Three decorators make everything compiled: ``scalar`` for a formula on single numbers, ``kernel``
for a loop over arrays, ``question`` for a loop that answers with a number. They put a digest of
what the machine code depends on into the function's name, which ``cache`` goes by: an edit in any
file below leads to new code, and an unchanged formula is always found again, also one that was
typed into a notebook.

No fastmath flag is ever set: sums and rounding stay as they are written (law 9 of the design).
"""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from inspect import signature
from pathlib import Path
from threading import get_ident
from types import CellType, CodeType, FunctionType, ModuleType
from typing import Any

import numba
import numpy as np
from numba import float32
from numba.core.errors import NumbaError, UnsupportedBytecodeError
from numba.extending import overload

from minidl.core import ArgumentError, ShapeError
from minidl.kernels import blas, cache

JIT = not numba.config.DISABLE_JIT

_INLINED = {"forceinline": True, "error_model": "numpy"}

_SOURCES = hashlib.sha256(
    b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))
    + numba.__version__.encode()
).digest()


def _ingredients(value: Any, seen: set[int], names: tuple[str, ...] = ()) -> list[bytes]:
    """What machine code is made from, as bytes in a fixed order: nothing that holds an address."""
    value = getattr(value, "py_func", value)  # of a function that numba.njit has compiled
    if isinstance(value, FunctionType):
        return _of_function(value, seen)
    if isinstance(value, tuple):
        return [part for item in value for part in _ingredients(item, seen, names)]
    if isinstance(value, np.ndarray):
        return [str(value.dtype).encode(), str(value.shape).encode(), value.tobytes()]
    if isinstance(value, ModuleType):  # of a module, whatever the code may take from it
        taken = [getattr(value, name, None) for name in names]
        own = [item for item in taken if _is_data(item) or _is_own(item)]
        return [part for item in own for part in _ingredients(item, seen)]
    return [repr(value).encode()] if _is_data(value) else [type(value).__qualname__.encode()]


def _is_data(value: Any) -> bool:
    return isinstance(value, int | float | complex | str | bytes | np.ndarray | np.generic)


def _is_own(value: Any) -> bool:
    """Whether it is a function that neither numpy nor numba brings."""
    home = getattr(value, "__module__", None) or "numba"
    function = isinstance(value, FunctionType) or hasattr(value, "py_func")
    return function and home.partition(".")[0] not in ("numpy", "numba", "math")


def _of_function(function: FunctionType, seen: set[int]) -> list[bytes]:
    """Bytecode, constants, defaults, and all that it refers to."""
    if id(function) in seen:
        return []
    seen.add(id(function))
    found: list[bytes] = []

    def read(code: CodeType) -> None:
        found.append(code.co_code)
        for constant in code.co_consts:
            if isinstance(constant, CodeType):
                read(constant)
            else:
                found.append(repr(constant).encode())
        for name in code.co_names:
            found.append(name.encode())
            found.extend(_ingredients(function.__globals__.get(name), seen, code.co_names))

    read(function.__code__)
    for default in function.__defaults__ or ():
        found.extend(_ingredients(default, seen))
    for cell in function.__closure__ or ():
        found.extend(_ingredients(cell.cell_contents, seen))
    return found


def digest(function: Callable[..., Any]) -> str:
    """Fingerprint of all that a function's machine code is made from."""
    parts = [_SOURCES, *_ingredients(function, set())]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:12]


def scalar(function: Callable[..., Any]) -> Any:
    """Make a formula on numbers callable, and inlined, inside kernels.

    It calculates in the type of what it is given. As in NumPy, a Python float in it takes the type
    of the numbers it meets: among float32 it is float32.
    """
    return by_type(function, function)(function) if JIT else function


def by_type(single: Callable[..., Any], double: Callable[..., Any]) -> Any:
    """A scalar with a formula of its own for float32 and for float64.

    What is decorated runs without the JIT. With it, a copy is returned that lives in this module
    under a name that ends in a digest: a kernel's cache is keyed by pickling what the kernel
    closes over, and a function that is found by name is pickled as that name.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        if not JIT:
            return function
        assert isinstance(function, FunctionType)
        parts = b"\0".join(digest(each).encode() for each in (function, single, double))
        copy = FunctionType(
            function.__code__,
            function.__globals__,
            f"{function.__name__}_{hashlib.sha256(parts).hexdigest()[:12]}",
            function.__defaults__,
            function.__closure__,
        )
        copy.__qualname__, copy.__module__ = copy.__name__, __name__
        copy.__doc__ = function.__doc__
        globals()[copy.__name__] = copy
        in_single = functools.cache(lambda: _copied(single, _narrowed))
        in_double = functools.cache(lambda: _copied(double, lambda value: value))

        def implementation(*arguments: Any) -> Callable[..., Any]:
            narrow = any(getattr(kind, "dtype", kind) is float32 for kind in arguments)
            return in_single() if narrow else in_double()

        overload(copy, jit_options=_INLINED, strict=False)(implementation)
        return copy

    return decorate


def _narrowed(value: Any) -> Any:
    """A constant as float32 arrays want it: numba would take a Python float as float64."""
    return np.float32(value) if type(value) is float else value


def _copied(function: Any, constant: Callable[[Any], Any]) -> FunctionType:
    """A copy with its constants changed.

    It lives in this module: numba notes the module in the cache, and one of the user's own need
    not be there when the machine code is loaded again.
    """
    code, home = function.__code__, function.__globals__
    known = {name: constant(home[name]) for name in code.co_names if name in home}
    copy = FunctionType(
        code.replace(co_consts=tuple(map(constant, code.co_consts))),
        {**home, **known},
        function.__name__,
        function.__defaults__,
        tuple(CellType(constant(cell.cell_contents)) for cell in function.__closure__ or ()),
    )
    copy.__module__ = __name__
    return copy


class Listener:
    """Who is handed the kernel calls of a thread, and told what they are part of.

    A recorder writes calls down; anybody else has to run them.
    """

    records = False
    computes = True
    """Whether kernels are run, so that there are numbers."""

    def called(self, kernel: Kernel, arguments: tuple[Any, ...]) -> None:
        """One call: it is the listener's to run, or not."""
        raise NotImplementedError

    def met(self, parameter: Any) -> None:
        """A parameter is about to be used, or its gradient to be cleared."""

    def entered(self, part: Any) -> None:
        """A layer is about to be applied."""

    def forward(self, op: Any, inputs: Sequence[Any]) -> None:
        """An operation is about to run."""

    def made(self, result: Any) -> None:
        """An operation has run; its result, as a tensor."""

    def precomputed_gradients(self, gradients: Iterable[tuple[Any, np.ndarray]]) -> None:
        """Gradients are there that an operation found on its way forward."""

    def backward(self, node: Any, dy: np.ndarray, dxs: Sequence[np.ndarray | None]) -> None:
        """An operation is about to go backward."""

    def filled(self, arrays: Iterable[np.ndarray | None]) -> None:
        """An operation has gone backward; its operands' gradients."""

    def follow(self, optimizer: Any) -> None:
        """An optimizer is about to update."""

    def step(self, instruction: Any) -> None:
        """An instruction of a program is about to run."""

    def handed(self, owner: Any, arrays: Iterable[Any]) -> list[Any]:
        """Arrays that an operation or optimizer is about to work on, as it shall see them."""
        return list(arrays)


listeners: dict[int, Listener] = {}
"""By thread."""


def _listen_alone() -> None:
    """In a forked child: other threads are not there, and their numbers are given out again."""
    for thread in set(listeners) - {get_ident()}:
        del listeners[thread]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_listen_alone)


@contextmanager
def handed_to(listener: Listener) -> Iterator[None]:
    """While this lasts, kernel calls on this thread go to a listener; then as they went before."""
    thread = get_ident()
    before = listeners.get(thread)
    listeners[thread] = listener
    try:
        yield
    finally:
        if before is None:
            del listeners[thread]
        else:
            listeners[thread] = before


def listener() -> Any:
    """Who listens on this thread, or None."""
    return listeners.get(get_ident()) if listeners else None


def recorder() -> Any:
    """Who writes down what happens on this thread, or None; there are no numbers meanwhile."""
    found = listener()
    return found if found is not None and found.records else None


def watcher() -> Any:
    """Who looks at every kernel call on this thread while it is run, or None."""
    found = listener()
    return found if found is not None and not found.records else None


class Refused(Exception):  # noqa: N818  # a signal; users see the error that it is made into
    """What a kernel raises where its operands' sizes or numbers are not what it works on.

    It raises the class alone, before it has read or written anything out of place. Called from
    Python that is an exception; in a program, the status at which the machine stops.
    """


FAILURES = (Refused, NumbaError, UnsupportedBytecodeError, TypeError, NotImplementedError)
"""What running a kernel raises: it refuses its operands, or there is no machine code for them."""


class Kernel:
    """A loop over arrays, compiled once per dtype, kept on disk and run without the GIL.

    Parameters
    ----------
    function : callable
        Writes into arrays it is given, returns nothing, and raises ``Refused`` before it would
        read or write beside them.
    writes : sequence of str
        The parameters that are written to; none for a check, which may refuse its operands.
    name : str
        For the disk cache, listings and messages.
    aligned : bool
        Whether number i of what it writes is made of number i of what it reads, or of the only one.
    partial : bool
        Whether it may leave a part of what it writes to as it was.
    allocates : bool
        Whether it takes memory of its own, or calls what returns arrays. One that does not may be
        compiled without counts of references, which are a third of the time of a small ReLU.
    """

    def __init__(
        self,
        function: FunctionType,
        writes: Sequence[str],
        name: str,
        aligned: bool = False,
        partial: bool = False,
        allocates: bool = True,
    ) -> None:
        self.aligned, self.partial = aligned, partial
        self.name, self.parameters = name, tuple(signature(function).parameters)
        self.writes = tuple(self.parameters.index(parameter) for parameter in writes)
        self._compiled = _compiled(function, name, allocates)
        self.run = self._first

    def _first(self, *given: Any) -> None:
        self.compiled()(*given)

    def compiled(self) -> Any:
        """The compiled function; numba loads its BLAS with the first, whether that calls it or not.

        So the BLAS is chosen before.
        """
        blas.load()
        self.run = self._compiled
        return self._compiled

    def __call__(self, *arguments: Any) -> None:
        if listeners and (listening := listeners.get(get_ident())) is not None:
            listening.called(self, arguments)
            return
        try:  # as in execute: a call less, for eager code
            self.run(*arguments)
        except FAILURES as error:
            raise self._failed(error, arguments) from None

    def execute(self, *arguments: Any) -> None:
        """Run it, whoever listens; operands that do not fit are a ``ShapeError``.

        A check's ``Refused`` is left to its caller, who knows what is wrong with the numbers.
        """
        try:
            self.run(*arguments)
        except FAILURES as error:
            raise self._failed(error, arguments) from None

    def _failed(self, error: Exception, arguments: Sequence[Any]) -> Exception:
        """The error for a call that was refused, or that numba has no machine code for."""
        if isinstance(error, Refused):
            return self.misfit(arguments) if self.writes else error
        sound = len(arguments) == len(self.parameters) and all(map(_is_operand, arguments))
        return _uncompiled(self.name, error) if sound else self.misfit(arguments)

    def misfit(self, arguments: Sequence[Any]) -> ShapeError:
        """The error for operands that do not fit each other."""
        shown = ", ".join(
            f"{name} {x.shape if _is_operand(x) and isinstance(x, np.ndarray) else repr(x)[:30]}"
            for name, x in zip(self.parameters, arguments, strict=False)
        )
        return ShapeError(
            f"kernel {self.name}",
            "operands whose sizes and indices fit each other",
            shown,
            "Put back what was replaced: an array of a layer, an optimizer or an operation now "
            "has another size, or holds an index that is not there.",
        )

    def __repr__(self) -> str:
        return f"{self.name}({', '.join(self.parameters)})"


def _is_operand(x: Any) -> bool:
    """Whether there can be machine code for it."""
    return isinstance(x, int | float) or (isinstance(x, np.ndarray) and x.dtype.char in "fdl?")


@contextmanager
def compiling(kernel: Kernel) -> Iterator[None]:
    """What numba cannot compile, in a few lines: its own are a hundred, and end in the loop."""
    try:
        yield
    except (NumbaError, UnsupportedBytecodeError, NotImplementedError) as error:
        raise _uncompiled(kernel.name, error) from None


def _uncompiled(name: str, error: Exception) -> ArgumentError:
    text = repr(error) if isinstance(error, NotImplementedError) else str(error)
    lines = [line.strip() for line in text.splitlines()]
    begins = [place + 1 for place, line in enumerate(lines) if "nopython mode pipeline" in line]
    place = getattr(error, "loc", None)
    # A loop of minidl's is sound: where it fails itself, it cannot use what the formula returned.
    if len(begins) == 1 and place and Path(place.filename).parent == Path(__file__).parent:
        got, remedy = "one that returns something else", "End it in return and one real number."
        return ArgumentError(name, "a formula that returns a number", got, remedy)
    said = lines[begins[-1] if begins else 0].removesuffix(" Raised from None").rstrip(".:")
    return ArgumentError(
        name,
        "a formula that numba can compile",
        f"one of which it says: {said}",
        "Use arithmetic, minidl.kernels.vecmath, math or numpy; above a function of your own "
        "that it calls put @minidl.kernels.jit.scalar.",
    )


def kernel(
    writes: str,
    name: str | None = None,
    *,
    aligned: bool = False,
    partial: bool = False,
    allocates: bool = True,
) -> Callable[[Any], Kernel]:
    """Make a function a kernel that writes to the parameters named in ``writes``."""
    return lambda function: Kernel(
        function, writes.split(), name or function.__name__, aligned, partial, allocates
    )


def question(function: Any) -> Any:
    """Compile a loop that answers with a number; it belongs to no program."""
    compiled = _compiled(function, function.__name__)

    @functools.wraps(function)
    def ask(*arguments: Any) -> Any:
        blas.load()
        return compiled(*arguments)

    return ask


def _compiled(function: FunctionType, name: str, allocates: bool = True) -> Any:
    """Machine code; with ``NUMBA_DISABLE_JIT=1`` the function, as deaf to warnings as that is."""
    if not JIT:
        return np.errstate(all="ignore")(function)
    function.__name__ = name
    function.__qualname__ = f"{name}_{digest(function)}"
    options = {"nogil": True, "error_model": "numpy", "_nrt": allocates}
    compiled = numba.njit(**options, no_cfunc_wrapper=True)(function)  # nobody calls it from C
    return cache.keep(compiled, function)
