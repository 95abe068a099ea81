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
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from inspect import signature
from pathlib import Path
from threading import get_ident
from types import CellType, FunctionType
from typing import Any

import numba
import numpy as np
from numba import float32
from numba.core.errors import NumbaError, UnsupportedBytecodeError
from numba.extending import overload

from minidl.core import ArgumentError, ShapeError
from minidl.kernels import cache
from minidl.kernels.calls import listeners
from minidl.kernels.digests import digest

JIT = not numba.config.DISABLE_JIT

_INLINED = {"forceinline": True, "error_model": "numpy"}


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
    calls : callable, optional
        Loads the machine code of a dtype that the loop calls by its symbol.
    """

    def __init__(
        self,
        function: FunctionType,
        writes: Sequence[str],
        name: str,
        aligned: bool = False,
        partial: bool = False,
        allocates: bool = True,
        calls: Callable[[Any], None] | None = None,
    ) -> None:
        self.aligned, self.partial = aligned, partial
        self.name, self.parameters = name, tuple(signature(function).parameters)
        self.writes = tuple(self.parameters.index(parameter) for parameter in writes)
        self.compiled = _compiled(function, name, allocates, calls)
        self.run = self.compiled

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
    calls: Callable[[Any], None] | None = None,
) -> Callable[[Any], Kernel]:
    """Make a function a kernel that writes to the parameters named in ``writes``."""
    return lambda function: Kernel(
        function, writes.split(), name or function.__name__, aligned, partial, allocates, calls
    )


def question(function: Any) -> Any:
    """Compile a loop that answers with a number; it belongs to no program."""
    return _compiled(function, function.__name__)


def _compiled(
    function: FunctionType,
    name: str,
    allocates: bool = True,
    calls: Callable[[Any], None] | None = None,
) -> Any:
    """Machine code; with ``NUMBA_DISABLE_JIT=1`` the function, as deaf to warnings as that is."""
    if not JIT:
        return np.errstate(all="ignore")(function)
    function.__name__ = name
    function.__qualname__ = f"{name}_{digest(function)}"
    options = {"nogil": True, "error_model": "numpy", "_nrt": allocates}
    compiled = numba.njit(**options, no_cfunc_wrapper=True)(function)  # nobody calls it from C
    before = None if calls is None else lambda types: calls(types[0].dtype)
    return cache.keep(compiled, function, before)
