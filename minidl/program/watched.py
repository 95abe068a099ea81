"""Arrays that tell when NumPy computes with them: what a program could not repeat."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.autodiff import recorder

HARMLESS = frozenset(
    (
        "T", "base", "dtype", "flags", "itemsize", "nbytes", "ndim", "ravel", "reshape", "shape",
        "size", "squeeze", "strides", "transpose", "view",
    )
)  # fmt: skip
"""What shows an array's place and shape, and none of its numbers."""


class Watched(np.ndarray):
    """An array that is handed to an operation or optimizer of the user's own while it is recorded.

    Views of it are watched, too. Kernels get it bare; whoever looks at its numbers otherwise, or
    writes into them, is noted with the recorder, and the step is not recorded.
    """

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        _note()
        out = options.pop("out", ())
        if out:
            options["out"] = tuple(map(bare, out))
        return getattr(ufunc, method)(*map(bare, inputs), **options)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        _note()
        return super().__array_function__(function, types, args, kwargs)

    def __getattribute__(self, name: str) -> Any:
        if name not in HARMLESS and not name.startswith("__"):
            _note()
        return super().__getattribute__(name)

    def __getitem__(self, key: Any) -> Any:
        part = super().__getitem__(key)
        if not isinstance(part, Watched):  # a single number
            _note()
        return part

    def __setitem__(self, key: Any, value: Any) -> None:
        _note()
        super().__setitem__(key, value)

    def __iter__(self) -> Any:
        _note()
        return super().__iter__()

    def __float__(self) -> float:
        _note()
        return float(bare(self))

    def __int__(self) -> int:
        _note()
        return int(bare(self))

    def __bool__(self) -> bool:
        _note()
        return bool(bare(self))


def _note() -> None:
    tape = recorder()
    if tape is not None:
        tape.refuse(tape.foreign())


def watched(array: np.ndarray) -> np.ndarray:
    """An array, to be handed to code of the user's own while a step is recorded."""
    return array.view(Watched)


def bare(array: Any) -> Any:
    """The same memory as a plain array, for kernels; what is no array as it is."""
    if isinstance(array, np.ndarray) and type(array) is not np.ndarray:
        return np.ndarray.view(array, np.ndarray)
    return array
