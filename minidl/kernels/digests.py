"""A digest of all that a function's machine code is made from: what its place on disk goes by."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numba
import numpy as np

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
        attributes = [getattr(value, name, None) for name in names]
        hashed = [item for item in attributes if _is_data(item) or _is_own(item)]
        return [part for item in hashed for part in _ingredients(item, seen)]
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
    parts: list[bytes] = []

    def read(code: CodeType) -> None:
        parts.append(code.co_code)
        for constant in code.co_consts:
            if isinstance(constant, CodeType):
                read(constant)
            else:
                parts.append(repr(constant).encode())
        for name in code.co_names:
            parts.append(name.encode())
            parts.extend(_ingredients(function.__globals__.get(name), seen, code.co_names))

    read(function.__code__)
    for default in function.__defaults__ or ():
        parts.extend(_ingredients(default, seen))
    for cell in function.__closure__ or ():
        parts.extend(_ingredients(cell.cell_contents, seen))
    return parts


def digest(function: Callable[..., Any]) -> str:
    """Fingerprint of all that a function's machine code is made from."""
    parts = [_SOURCES, *_ingredients(function, set())]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:12]
