"""The contract of every operation: shapes, forward, backward.

The letters are the same everywhere: ``x`` in, ``y`` out, ``dy`` and ``dx`` the loss's gradient
with respect to them. An op works on arrays and writes into arrays it is given; only ``Tensor``
knows tensors. Arrays are contiguous, of one dtype (float32 or float64), and flat where a kernel
does not care for their shape.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from minidl.errors import ShapeError
from minidl.kernels import elementwise
from minidl.kernels.jit import scalar
from minidl.registry import with_defaults

OUTPUT = -1
"""In ``Op.saves``: the output itself is needed to go backward."""

FLOATS = (np.dtype(np.float32), np.dtype(np.float64))
"""What can be calculated with."""

Shape = tuple[int, ...]
Arrays = Sequence[np.ndarray]


def as_float(array: Any, dtype: Any = None) -> np.ndarray:
    """An array as kernels want it: contiguous, writable, float32 or float64."""
    array = np.asarray(array, dtype)
    if array.dtype not in FLOATS:
        array = array.astype(np.float64)
    flags = array.flags
    if flags.c_contiguous and flags.aligned and flags.writeable:
        return array
    return np.require(array, requirements=["C", "A", "W"])


class Op:
    """Something that can be done to arrays, and undone for gradients.

    Hyper-parameters are class attributes listed in ``hyper`` with their defaults; an instance may
    have others: ``LeakyReLU(alpha=0.2)``. Kernels get them as float64 in ``reals``.
    """

    name: str = ""
    aliases: tuple[str, ...] = ()
    saves: tuple[int, ...] = ()
    is_loss = False
    hyper: ClassVar[dict[str, Any]] = {}

    def __init__(self, **hyper: Any) -> None:
        self.settings: dict[str, Any] = with_defaults(self.name, self.hyper, hyper)
        self.reals = np.array(self.constants(), np.float64)

    def constants(self) -> list[float]:
        """The numbers a kernel gets in ``reals``."""
        return [float(value) for value in self.settings.values()]

    def with_settings(self, **hyper: Any) -> Op:
        """The op with other hyper-parameters; itself if none are given."""
        return type(self)(**{**self.settings, **hyper}) if hyper else self

    def shape(self, *shapes: Shape) -> Shape:
        """The output's shape; an error where the inputs do not fit."""
        raise NotImplementedError

    def forward(self, y: np.ndarray, *xs: np.ndarray) -> None:
        """Write the result into ``y``."""
        raise NotImplementedError

    def backward(self, dy: np.ndarray, y: np.ndarray, xs: Arrays, dxs: Sequence[Any]) -> None:
        """Write each input's gradient into ``dxs``; None stands where none is wanted."""
        raise NotImplementedError

    def __call__(self, *operands: Any, **hyper: Any) -> Any:
        """Apply to Tensors or to arrays; what comes back is of the same kind."""
        op = self.with_settings(**hyper)
        for operand in operands:
            if hasattr(operand, "apply"):
                return operand.apply(op, *operands)
        arrays = [as_float(operand) for operand in operands]
        dtype = np.result_type(*arrays)
        arrays = [as_float(array, dtype) for array in arrays]
        y = np.empty(op.shape(*(array.shape for array in arrays)), dtype)
        op.forward(y, *arrays)
        return y if y.ndim else y[()]

    def __repr__(self) -> str:
        settings = ", ".join(f"{key}={value!r}" for key, value in self.settings.items())
        return f"{self.name}({settings})" if settings else self.name


class ScalarOp(Op):
    """An op whose loops are made of scalars: a ``value``, and a slope for each of ``slopes``."""

    slopes: ClassVar[tuple[str, ...]] = ()
    _loops: ClassVar[tuple[Any, ...]] = ()

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls._loops = ()  # a subclass may have another value

    @classmethod
    def loops(cls) -> tuple[Any, ...]:
        """The compiled loops, made once a class: forward, then a backward for each slope."""
        if not cls._loops:
            one = len(cls.slopes) == 1
            value: Any = getattr(cls, "value")  # noqa: B009
            count = len(inspect.signature(value).parameters) - (1 if one else 2)
            forward = elementwise.forward_unary if one else elementwise.forward_binary
            backward = elementwise.backward_unary if one else elementwise.backward_binary
            name = cls.name or cls.__name__
            slopes = (
                backward(f"{name}_{slope}", scalar(getattr(cls, slope)), count)
                for slope in cls.slopes
            )
            cls._loops = (forward(name, scalar(value), count), *slopes)
        return cls._loops


class Elementwise(ScalarOp):
    """One number in, one number out, at every place: give ``value`` and ``slope``.

    Both are static methods on single numbers followed by the hyper-parameters. A slope whose
    first parameter is called ``y`` is computed from the output, otherwise from the input ``x``.
    """

    slopes = ("slope",)

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "slope" in cls.__dict__:
            first = next(iter(inspect.signature(cls.slope).parameters))  # type: ignore[attr-defined]
            cls.saves = (OUTPUT,) if first == "y" else (0,)

    def shape(self, *shapes: Shape) -> Shape:
        return shapes[0]

    def forward(self, y: np.ndarray, *xs: np.ndarray) -> None:
        (self._loops or self.loops())[0](xs[0].reshape(-1), y.reshape(-1), self.reals)

    def backward(self, dy: np.ndarray, y: np.ndarray, xs: Arrays, dxs: Sequence[Any]) -> None:
        saved = y if self.saves[0] == OUTPUT else xs[0]
        (self._loops or self.loops())[1](
            saved.reshape(-1), dy.reshape(-1), dxs[0].reshape(-1), self.reals
        )


class Elementwise2(ScalarOp):
    """Two numbers in, one out: give ``value(a, b)``, ``slope_a`` and ``slope_b``.

    The operands have one shape; a constant of one element may go with any shape.
    """

    slopes = ("slope_a", "slope_b")
    saves: tuple[int, ...] = (0, 1)

    def shape(self, *shapes: Shape) -> Shape:
        a, b = shapes
        if a == b or b == () or (b == (1,) and a != ()):
            return a
        if a in ((), (1,)):
            return b
        raise ShapeError(
            self.name, f"two operands of shape {a}", f"{a} and {b}", "Broadcast first."
        )

    def forward(self, y: np.ndarray, *xs: np.ndarray) -> None:
        kernel = (self._loops or self.loops())[0]
        kernel(xs[0].reshape(-1), xs[1].reshape(-1), y.reshape(-1), self.reals)

    def backward(self, dy: np.ndarray, y: np.ndarray, xs: Arrays, dxs: Sequence[Any]) -> None:
        kernels = (self._loops or self.loops())[1:]
        a, b, dy = xs[0].reshape(-1), xs[1].reshape(-1), dy.reshape(-1)
        for kernel, dx in zip(kernels, dxs, strict=True):
            if dx is not None:
                kernel(a, b, dy, dx.reshape(-1), self.reals)
