"""The contract of every operation: shapes, forward, backward.

The letters are the same everywhere: ``x`` in, ``y`` out, ``dy`` and ``dx`` the loss's gradient
with respect to them. An op works on arrays and writes into arrays it is given; only ``Tensor``
knows tensors. Arrays are contiguous, of one dtype (float32 or float64), and flat where a kernel
does not care for their shape.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from minidl.core import (
    ArgumentError,
    Configurable,
    ShapeError,
    Tracked,
    as_float,
    as_numbers,
    common_dtype,
    defined_by_minidl,
)
from minidl.kernels import elementwise, movement
from minidl.kernels.forking import build_lock
from minidl.kernels.jit import scalar

OUTPUT = -1
"""In ``Op.saved_for_backward``: the output itself is needed to go backward."""

Shape = tuple[int, ...]
Arrays = Sequence[np.ndarray]


class Op(Configurable):
    """Something that can be done to arrays, and undone for gradients.

    Attributes
    ----------
    operand_names : tuple of str
        What its operands are called; empty where any number will do.
    saved_for_backward : tuple of int
        The operands that going backward needs as they were, ``OUTPUT`` for the result.
    link : str or None
        For a sigmoid or softmax: the name by which a loss knows how to look behind it.
    """

    operand_names: tuple[str, ...] = ("x",)
    saved_for_backward: tuple[int, ...] = ()
    link: str | None = None
    is_loss = False
    gives_truth = False
    """Whether its results are truth values."""

    def shape(self, *shapes: Shape) -> Shape:
        """The output's shape; an error where the inputs do not fit."""
        raise NotImplementedError

    def forward(self, y: np.ndarray, *xs: np.ndarray) -> None:
        """Write the result into ``y``."""
        raise NotImplementedError

    def backward(self, dy: np.ndarray, y: np.ndarray, xs: Arrays, dxs: Sequence[Any]) -> None:
        """Write each input's gradient into ``dxs``; None stands where none is wanted."""
        raise NotImplementedError

    def precomputed_gradients(self) -> Sequence[np.ndarray | None]:
        """The inputs' gradients for an output gradient of 1, if going forward has found them.

        An op that does keeps them itself: a loss, which is made anew for every call.
        """
        return ()

    def broadcast_operands(self, operands: tuple[Any, ...]) -> tuple[Any, ...]:
        """Operands brought to shapes that fit each other."""
        return operands

    def __call__(self, *operands: Any, **hyper: Any) -> Any:
        """Apply to Tensors or to arrays; what comes back is of the same kind.

        Hyper-parameters alone give the op that has them: ``ml.leaky_relu(alpha=0.2)``.
        """
        op = self
        if hyper:
            op = self.with_settings(**hyper)
            if not operands:
                return op
        if len(operands) != len(self.operand_names) and self.operand_names:
            raise op._miscounted(operands)
        operands = op.broadcast_operands(operands)
        for operand in operands:
            if isinstance(operand, Tracked):
                return operand.apply(op, *operands)
        dtype = common_dtype(operands, np.float64)
        arrays = [as_float(operand, dtype, op.name) for operand in operands]
        kind = bool if op.gives_truth else dtype
        y = np.empty(op.shape(*(array.shape for array in arrays)), kind)
        op.forward(y, *arrays)
        return y if y.ndim else y[()]

    def _miscounted(self, operands: Sequence[Any]) -> ArgumentError:
        wanted, extra = ", ".join(self.operand_names), operands[len(self.operand_names) :]
        remedy = f"Write {self.name}({wanted})."
        if extra and self.hyper and isinstance(extra[0], int | float):
            remedy = f"Write {next(iter(self.hyper))}={extra[0]}."
        return ArgumentError(self.name, f"operands {wanted}", f"{len(operands)} of them", remedy)


class ScalarOp(Op):
    """An op whose loops are made of scalars: a ``value``, and a slope for each of ``slopes``.

    They are plain Python on floats that numba compiles; a function of your own that they call
    must be made one of theirs with ``minidl.kernels.jit.scalar``.

    Attributes
    ----------
    formula : str
        The value on the operands in Python's syntax, as a book prints it; empty if not stated.
    compute_in_float64 : bool
        Of the class: whether float32 numbers are worked on in float64, where the formula would
        lose too much.
    """

    slopes: ClassVar[tuple[str, ...]] = ()
    formula: str = ""
    compute_in_float64 = False
    _loops: ClassVar[tuple[Any, ...]] = ()

    def __init__(self, **hyper: Any) -> None:
        super().__init__(**hyper)
        self.check_parameters(len(self.operand_names), "value", *self.slopes)

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls._loops = ()  # a subclass may have another value

    @classmethod
    def loops(cls) -> tuple[Any, ...]:
        """The compiled loops, made once a class: forward, then a backward for each slope."""
        if not cls._loops:
            with build_lock:
                if not cls._loops:
                    cls._loops = cls._made()
        return cls._loops

    @classmethod
    def _made(cls) -> tuple[Any, ...]:
        one = len(cls.slopes) == 1
        value: Any = getattr(cls, "value")  # noqa: B009
        count = value.__code__.co_argcount - len(cls.operand_names)
        forward = elementwise.forward_unary if one else elementwise.forward_binary
        backward = elementwise.backward_unary if one else elementwise.backward_binary
        name = cls.name or cls.__name__
        allocates = not defined_by_minidl(cls)  # a user's formula may
        slopes = (
            backward(
                f"{name}_{slope}",
                scalar(getattr(cls, slope)),
                count,
                cls.compute_in_float64,
                allocates,
            )
            for slope in cls.slopes
        )
        return forward(name, scalar(value), count, cls.compute_in_float64, allocates), *slopes


class Elementwise(ScalarOp):
    """One number in, one number out, at every place: give ``value`` and ``slope``.

    Both are static methods on single numbers followed by the hyper-parameters. A slope whose
    first parameter is called ``y`` is computed from the output, otherwise from the input ``x``.
    """

    slopes = ("slope",)

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "slope" in cls.__dict__:
            formula = getattr(cls.slope, "__code__", None)  # type: ignore[attr-defined]
            of_output = formula is not None and formula.co_varnames[:1] == ("y",)
            cls.saved_for_backward = (OUTPUT,) if of_output else (0,)

    def shape(self, *shapes: Shape) -> Shape:
        return shapes[0]

    def forward(self, y: np.ndarray, *xs: np.ndarray) -> None:
        (self._loops or self.loops())[0](xs[0].reshape(-1), y.reshape(-1), self.hyper_values)

    def backward(self, dy: np.ndarray, y: np.ndarray, xs: Arrays, dxs: Sequence[Any]) -> None:
        saved = y if self.saved_for_backward[0] == OUTPUT else xs[0]
        (self._loops or self.loops())[1](
            saved.reshape(-1), dy.reshape(-1), dxs[0].reshape(-1), self.hyper_values
        )


class BinaryElementwise(ScalarOp):
    """Two numbers in, one out: give ``value(a, b)``, ``slope_a`` and ``slope_b``.

    The operands have one shape, or are broadcast to one; one of a single number goes with any
    shape as it is, and gets the sum of the gradients of all places.
    """

    slopes = ("slope_a", "slope_b")
    operand_names = ("a", "b")
    saved_for_backward: tuple[int, ...] = (0, 1)

    def broadcast_operands(self, operands: tuple[Any, ...]) -> tuple[Any, ...]:
        shapes = [self._shape_of(x) for x in operands]
        if shapes[0] == shapes[1]:
            return operands
        try:
            shape = np.broadcast_shapes(*shapes)
        except ValueError as error:
            got = " and ".join(map(str, shapes))
            wanted, remedy = "two shapes that broadcast", "Reshape one of them."
            raise ShapeError(self.name, wanted, got, remedy) from error
        a, b = (
            x if own in (shape, *SINGLE) else _broadcast(x, shape)
            for x, own in zip(operands, shapes, strict=True)
        )
        return a, b

    def _shape_of(self, x: Any) -> Shape:
        if type(x) is float or type(x) is int:
            return ()
        shape: Shape = x.shape if hasattr(x, "shape") else as_numbers(self.name, x).shape
        return shape

    def shape(self, *shapes: Shape) -> Shape:
        a, b = shapes
        if a == b or b == () or (b == (1,) and a != ()):
            return a
        if a in SINGLE:
            return b
        raise ShapeError(
            self.name, f"two operands of shape {a}", f"{a} and {b}", "Broadcast first."
        )

    def forward(self, y: np.ndarray, *xs: np.ndarray) -> None:
        kernel = (self._loops or self.loops())[0]
        kernel(xs[0].reshape(-1), xs[1].reshape(-1), y.reshape(-1), self.hyper_values)

    def backward(self, dy: np.ndarray, y: np.ndarray, xs: Arrays, dxs: Sequence[Any]) -> None:
        kernels = (self._loops or self.loops())[1:]
        a, b, dy = xs[0].reshape(-1), xs[1].reshape(-1), dy.reshape(-1)
        for kernel, dx in zip(kernels, dxs, strict=True):
            if dx is None:
                continue
            single = dx.size != dy.size
            each = np.empty(dy.size, dy.dtype) if single else dx.reshape(-1)
            kernel(a, b, dy, each, self.hyper_values)
            if single:
                movement.total(each, dx.reshape(-1), 1.0)


SINGLE: tuple[Shape, ...] = ((), (1,))
"""Shapes of one number, which goes with any other shape as it is."""


def _broadcast(x: Any, shape: Shape) -> Any:
    return x.broadcast_to(shape) if isinstance(x, Tracked) else np.broadcast_to(x, shape)
