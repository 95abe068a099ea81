"""The contract of every operation: shapes, forward, backward.

The letters are the same everywhere: ``x`` in, ``y`` out, ``dy`` and ``dx`` the loss's gradient
with respect to them. An op works on arrays and writes into arrays it is given; only ``Tensor``
knows tensors. Arrays are contiguous, of one dtype (float32 or float64), and flat where a kernel
does not care for their shape.
"""

from __future__ import annotations

import reprlib
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from minidl.errors import ArgumentError, DataError, ShapeError
from minidl.kernels import elementwise, movement
from minidl.kernels.forking import making
from minidl.kernels.jit import scalar
from minidl.settings import Settings

OUTPUT = -1
"""In ``Op.saves``: the output itself is needed to go backward."""

FLOATS = (np.dtype(np.float32), np.dtype(np.float64))
"""What can be calculated with."""

Shape = tuple[int, ...]
Arrays = Sequence[np.ndarray]


_REMEDIES = {
    "c": "Give real and imaginary parts as two numbers: .real and .imag.",
    "m": "Divide by a unit: x / np.timedelta64(1, 's').",
    "M": "Count from the first: (x - x.min()) / np.timedelta64(1, 'D').",
    "V": "Give each field as a column: numpy.lib.recfunctions.structured_to_unstructured(x).",
}
"""For what holds no numbers, by numpy's kind of dtype."""

_TEXT = "Turn text into numbers first: sklearn's LabelEncoder and OneHotEncoder do."


def as_numbers(culprit: str, x: Any) -> np.ndarray:
    """Data as an array of numbers; text, ragged rows and what is missing are refused.

    Numbers keep their dtype; objects that are numbers, as in a table of mixed columns, become
    float64.
    """
    try:
        array = np.asarray(x)
    except ValueError as error:
        got, remedy = "rows of several lengths", "Fill the short ones up, or leave them out."
        raise DataError(culprit, "rows of one length", got, remedy) from error
    kind = array.dtype.kind
    if kind == "O":
        return _of_objects(culprit, array)
    if kind not in "fiub":
        remedy = _REMEDIES.get(kind, _TEXT)
        raise DataError(culprit, "numbers", f"an array of {array.dtype}", remedy)
    return array


def _of_objects(culprit: str, objects: np.ndarray) -> np.ndarray:
    for x in objects.flat:
        if not _is_number(x):
            remedy = "Give an array of numbers: fill in what is missing, turn text into numbers."
            raise DataError(culprit, "numbers", reprlib.repr(x), remedy)
    return objects.astype(np.float64)


def _is_number(x: Any) -> bool:
    """Whether it is one that float64 holds; of None numpy would make NaN, and text it reads."""
    if x is None or isinstance(x, str | bytes):
        return False
    try:
        float(x)
    except (TypeError, ValueError, OverflowError):
        return False
    return True


def narrowed(culprit: str, array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Numbers in a network's dtype; those that are too large for it are refused."""
    with np.errstate(over="ignore"):
        made = np.asarray(array, dtype, order="C")  # one number stays one, without axes
    if made.dtype == array.dtype:
        return made
    lost = np.isinf(made)
    if lost.any() and (lost := lost & np.isfinite(array)).any():
        first = array[lost][0]
        remedy = "Scale them, or build the network with dtype='float64'."
        expected = f"numbers up to {np.finfo(dtype).max:.2g}, which is all that {dtype} holds"
        raise DataError(culprit, expected, f"{first:g}", remedy)
    return made


def is_float(x: Any) -> bool:
    """Whether it is a number or an array that can be calculated with as it is: told fast."""
    return type(x) is float or (type(x) is np.ndarray and x.dtype in FLOATS)


def as_float(array: Any, dtype: Any = None, culprit: str = "an operand") -> np.ndarray:
    """An array as kernels want it: contiguous, writable, float32 or float64."""
    if not is_float(array):
        array = as_numbers(culprit, array)
    array = np.asarray(array, dtype)
    if array.dtype not in FLOATS:
        array = array.astype(np.float64)
    flags = array.flags
    if flags.c_contiguous and flags.aligned and flags.writeable:
        return array
    return np.require(array, requirements=["C", "A", "W"])


def common_dtype(operands: Sequence[Any], otherwise: Any) -> np.dtype:
    """The floating dtype that arrays agree on; Python numbers and lists have none to say."""
    found = [
        x.dtype if x.dtype in FLOATS else np.dtype(np.float64)
        for x in operands
        if isinstance(x, np.ndarray | np.generic)
    ]
    return np.result_type(*found) if found else np.dtype(otherwise)


class Tracked:
    """What remembers the operations on it: a Tensor, which floors above this one make."""

    _array: np.ndarray
    apply: Any
    broadcast_to: Any


class Op(Settings):
    """Something that can be done to arrays, and undone for gradients.

    Attributes
    ----------
    takes : tuple of str
        What its operands are called; empty where any number will do.
    saves : tuple of int
        The operands that going backward needs as they were, ``OUTPUT`` for the result.
    link : str or None
        For a sigmoid or softmax: the name by which a loss knows how to look behind it.
    """

    takes: tuple[str, ...] = ("x",)
    saves: tuple[int, ...] = ()
    link: str | None = None
    is_loss = False

    def shape(self, *shapes: Shape) -> Shape:
        """The output's shape; an error where the inputs do not fit."""
        raise NotImplementedError

    def forward(self, y: np.ndarray, *xs: np.ndarray) -> None:
        """Write the result into ``y``."""
        raise NotImplementedError

    def backward(self, dy: np.ndarray, y: np.ndarray, xs: Arrays, dxs: Sequence[Any]) -> None:
        """Write each input's gradient into ``dxs``; None stands where none is wanted."""
        raise NotImplementedError

    def ready(self) -> Sequence[np.ndarray | None]:
        """The inputs' gradients for an output gradient of 1, if going forward has found them.

        An op that does keeps them itself: a loss, which is made anew for every call.
        """
        return ()

    def paired(self, operands: tuple[Any, ...]) -> tuple[Any, ...]:
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
        if len(operands) != len(self.takes) and self.takes:
            raise op._miscounted(operands)
        operands = op.paired(operands)
        for operand in operands:
            if isinstance(operand, Tracked):
                return operand.apply(op, *operands)
        dtype = common_dtype(operands, np.float64)
        arrays = [as_float(operand, dtype, op.name) for operand in operands]
        y = np.empty(op.shape(*(array.shape for array in arrays)), dtype)
        op.forward(y, *arrays)
        return y if y.ndim else y[()]

    def _miscounted(self, operands: Sequence[Any]) -> ArgumentError:
        wanted, extra = ", ".join(self.takes), operands[len(self.takes) :]
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
    wide : bool
        Of the class: whether float32 numbers are worked on in float64, where the formula would
        lose too much.
    """

    slopes: ClassVar[tuple[str, ...]] = ()
    wide = False
    _loops: ClassVar[tuple[Any, ...]] = ()

    def __init__(self, **hyper: Any) -> None:
        super().__init__(**hyper)
        self.check_parameters(len(self.takes), "value", *self.slopes)

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls._loops = ()  # a subclass may have another value

    @classmethod
    def loops(cls) -> tuple[Any, ...]:
        """The compiled loops, made once a class: forward, then a backward for each slope."""
        if not cls._loops:
            with making:
                if not cls._loops:
                    cls._loops = cls._made()
        return cls._loops

    @classmethod
    def _made(cls) -> tuple[Any, ...]:
        one = len(cls.slopes) == 1
        value: Any = getattr(cls, "value")  # noqa: B009
        count = value.__code__.co_argcount - len(cls.takes)
        forward = elementwise.forward_unary if one else elementwise.forward_binary
        backward = elementwise.backward_unary if one else elementwise.backward_binary
        name = cls.name or cls.__name__
        slopes = (
            backward(f"{name}_{slope}", scalar(getattr(cls, slope)), count, cls.wide)
            for slope in cls.slopes
        )
        return forward(name, scalar(value), count, cls.wide), *slopes


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
            cls.saves = (OUTPUT,) if of_output else (0,)

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

    The operands have one shape, or are broadcast to one; one of a single number goes with any
    shape as it is, and gets the sum of the gradients of all places.
    """

    slopes = ("slope_a", "slope_b")
    takes = ("a", "b")
    saves: tuple[int, ...] = (0, 1)

    def paired(self, operands: tuple[Any, ...]) -> tuple[Any, ...]:
        shapes = [x.shape if hasattr(x, "shape") else np.shape(x) for x in operands]
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
        kernel(xs[0].reshape(-1), xs[1].reshape(-1), y.reshape(-1), self.reals)

    def backward(self, dy: np.ndarray, y: np.ndarray, xs: Arrays, dxs: Sequence[Any]) -> None:
        kernels = (self._loops or self.loops())[1:]
        a, b, dy = xs[0].reshape(-1), xs[1].reshape(-1), dy.reshape(-1)
        for kernel, dx in zip(kernels, dxs, strict=True):
            if dx is None:
                continue
            single = dx.size != dy.size
            each = np.empty(dy.size, dy.dtype) if single else dx.reshape(-1)
            kernel(a, b, dy, each, self.reals)
            if single:
                movement.total(each, dx.reshape(-1), 1.0)


SINGLE: tuple[Shape, ...] = ((), (1,))
"""Shapes of one number, which goes with any other shape as it is."""


def _broadcast(x: Any, shape: Shape) -> Any:
    return x.broadcast_to(shape) if isinstance(x, Tracked) else np.broadcast_to(x, shape)
