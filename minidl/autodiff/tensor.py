"""An array that remembers how it was made, so that gradients can be carried back through it.

Every operation goes through ``Tensor.apply``: it runs the op on arrays and notes the op and its
inputs on the result. ``backward`` walks these notes in the opposite order. Nothing else in minidl
knows how to differentiate a network.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import numpy as np

from minidl.autodiff import arithmetic as ops
from minidl.autodiff import shapes as axes
from minidl.autodiff.backward import carry_back
from minidl.autodiff.node import Node, remembers
from minidl.autodiff.numpy_protocol import COMPARISONS, call_function, call_ufunc
from minidl.autodiff.op import Op
from minidl.autodiff.trace import listener, listeners, recorder
from minidl.core import (
    FLOATS,
    ArgumentError,
    DtypeError,
    GradientError,
    MinidlError,
    ShapeError,
    as_float,
    as_numbers,
    cast_checked,
    check_unmasked,
    kept_dtype,
    short,
)
from minidl.kernels.elementwise import copy

_Operator = Callable[["Tensor", Any], "Tensor"]

Axis = int | tuple[int, ...] | list[int] | None

TRUTH = np.dtype(bool)

_ages = itertools.count()


def _operators(op: Op) -> tuple[_Operator, _Operator]:
    """An op as two operators: with the tensor on the left, and on the right."""
    return lambda self, other: op(self, other), lambda self, other: op(other, self)


def _comparison(ufunc: np.ufunc) -> Any:
    return lambda self, other: ufunc(self, other)


def _in_place(op: Op) -> Any:
    """``w -= …``: written into a parameter, if no gradient is wanted; else another tensor.

    With gradients it would give the name another tensor, and leave the parameter as it was.
    """

    def change(self: Any, other: Any) -> Any:
        if not self.is_parameter:
            return NotImplemented  # Python then writes x = x − …
        if remembers():
            culprit = f"{self.name or 'a parameter'}, changed in place"
            remedy = "Write it inside ml.no_grad(), or p.data -= …."
            raise ArgumentError(culprit, "no gradient to be wanted", "a step to remember", remedy)
        self[...] = op(self, other)
        return self

    return change


class Tensor(Node):
    """An array of numbers that gradients can reach.

    Parameters
    ----------
    data : array-like
        Python floats and lists of them become float32, whole numbers int64; arrays keep their
        dtype.
    requires_grad : bool
        Whether ``backward`` should leave a gradient here; floats only.
    dtype : str or dtype, optional
        ``"float32"`` or ``"float64"`` for anything that is calculated with.
    name : str, optional
        What messages and listings call it: ``dense1.weight``.

    Attributes
    ----------
    grad : ndarray or None
        The gradient, of the tensor's shape, after ``backward``; it adds up until it is cleared.

    Raises
    ------
    DtypeError
        For text, objects, and whole numbers that ask for a gradient.

    Examples
    --------
    >>> x = Tensor([1.0, 2.0, 3.0], requires_grad=True)
    >>> loss = (x * x).sum()
    >>> loss.backward()
    >>> x.grad
    array([2., 4., 6.], dtype=float32)
    """

    _inputs: tuple[Tensor, ...] = ()

    def __init__(
        self,
        data: Any,
        requires_grad: bool = False,
        dtype: Any = None,
        name: str | None = None,
    ) -> None:
        if isinstance(data, Tensor):
            data = data._seen_by("a copy")
        array = as_numbers("Tensor(data)", data, DtypeError)
        if dtype is None and not isinstance(data, np.ndarray | np.generic) and array.dtype == float:
            dtype = np.float32
        kept = kept_dtype(array.dtype if dtype is None else dtype)
        self._array, self.name = cast_checked("Tensor(data)", array, kept, copy=True), name
        self.requires_grad = requires_grad

    @classmethod
    def _of(cls, array: np.ndarray) -> Tensor:
        """A tensor around an array that is known to be well-formed."""
        tensor = cls.__new__(cls)
        tensor._array = array
        return tensor

    # ── what it is ────────────────────────────────────────────────────────────────────────────

    @property
    def T(self) -> Tensor:  # noqa: N802
        """The axes turned round."""
        if self._turned is not None:
            return cast(Tensor, self._turned)
        turned = self.transpose()
        if self.is_parameter:
            turned._turned = self
        return turned

    def detach(self) -> Tensor:
        """The same numbers (the same memory), forgetting how they were made."""
        if self._writes is None:
            self._writes = [0]
        twin = Tensor._of(self._array)
        twin._writes, twin._compared = self._writes, self._compared
        return twin

    def _counted(self, dtype: np.dtype) -> Tensor:
        """Truth values as numbers, 1 and 0, by a kernel: they may be others next time."""
        y = np.empty(self.shape, dtype)
        listening = listener() if listeners else None
        if listening is not None:
            listening.forward(ops.count, (self,))
        copy(self._array.reshape(-1), y.reshape(-1))
        result = Tensor._of(y)
        if listening is not None:
            listening.forward_done(result)
        return result

    def __iter__(self) -> Iterator[Tensor]:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        if (tape := recorder()) is not None:
            tape.refuse(self._looked_at("print"))  # no error here: another's message may show it
            numbers = "…"
        else:
            numbers = np.array2string(self._array, precision=4, separator=", ", prefix="Tensor(")
        parts = [numbers, f"shape={self.shape}", f"dtype={self.dtype}"]
        if self.name:
            parts.append(f"name={self.name!r}")
        if self._op is not None:
            parts.append(f"from {self._op.name}")
        elif self.requires_grad:
            parts.append("requires_grad=True")
        return f"Tensor({', '.join(parts)})"

    # ── with NumPy ────────────────────────────────────────────────────────────────────────────

    def __array_ufunc__(self, ufunc: Any, method: str, *operands: Any, **options: Any) -> Any:
        if ufunc is np.matmul and method == "__call__" and not options:
            return ops.product(*map(self._like, operands))
        result = call_ufunc(ufunc, method, operands, options)
        return self._of(result) if ufunc in COMPARISONS and type(result) is np.ndarray else result

    def __array_function__(self, function: Any, types: Any, operands: Any, options: Any) -> Any:
        return call_function(function, operands, options)

    # ── arithmetic ────────────────────────────────────────────────────────────────────────────

    __add__, __radd__ = _operators(ops.add)
    __sub__, __rsub__ = _operators(ops.subtract)
    __mul__, __rmul__ = _operators(ops.multiply)
    __truediv__, __rtruediv__ = _operators(ops.divide)
    __pow__, __rpow__ = _operators(ops.power)
    __iadd__, __isub__ = _in_place(ops.add), _in_place(ops.subtract)
    __imul__, __itruediv__ = _in_place(ops.multiply), _in_place(ops.divide)

    def __neg__(self) -> Tensor:
        return self.apply(ops.negative, self)

    def __abs__(self) -> Tensor:
        return self.apply(ops.absolute, self)

    def __matmul__(self, other: Any) -> Tensor:
        return ops.product(self, self._like(other))

    def __rmatmul__(self, other: Any) -> Tensor:
        return ops.product(self._like(other), self)

    def _like(self, other: Any) -> Tensor:
        return other if isinstance(other, Tensor) else self._of(as_float(other, self.dtype))

    __lt__, __le__ = _comparison(np.less), _comparison(np.less_equal)
    __gt__, __ge__ = _comparison(np.greater), _comparison(np.greater_equal)
    __eq__, __ne__ = _comparison(np.equal), _comparison(np.not_equal)
    __hash__ = object.__hash__

    def exp(self) -> Tensor:
        """eˣ of each number."""
        return self.apply(ops.exp, self)

    def log(self) -> Tensor:
        """The natural logarithm of each number."""
        return self.apply(ops.log, self)

    def sqrt(self) -> Tensor:
        """The square root of each number."""
        return self.apply(ops.sqrt, self)

    def abs(self) -> Tensor:
        """The size of each number; its slope at 0 is 0."""
        return self.apply(ops.absolute, self)

    def clip(self, low: float = -np.inf, high: float = np.inf) -> Tensor:
        """Each number limited to [low, high]; no gradient passes outside."""
        return self.apply(ops.Clip(low=low, high=high), self)

    # ── along axes, and into other shapes ─────────────────────────────────────────────────────

    def sum(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        """The sum along axes, added up in float64."""
        return self._reduced(axes.Sum, axis, keepdims)

    def mean(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        """The mean along axes, added up in float64."""
        return self._reduced(axes.Mean, axis, keepdims)

    def max(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        """The largest along axes; ties share the gradient evenly."""
        return self._reduced(axes.Max, axis, keepdims)

    def min(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        """The smallest along axes; ties share the gradient evenly."""
        return self._reduced(axes.Min, axis, keepdims)

    def _reduced(self, kind: Any, axis: Axis, keepdims: bool) -> Tensor:
        axis = tuple(axis) if isinstance(axis, list) else axis
        return self.apply(axes.reduction(kind, axis, keepdims), self)

    def reshape(self, *shape: int | Sequence[int]) -> Tensor:
        """The same numbers under another shape; one −1 is worked out."""
        return self.apply(axes.Reshape(_one_tuple(shape)), self)

    def transpose(self, *order: int | Sequence[int]) -> Tensor:
        """The axes in another order; turned round if none is given."""
        return self.apply(axes.transpose(_one_tuple(order) or None), self)

    def broadcast_to(self, shape: Sequence[int]) -> Tensor:
        """Repeated along axes of length 1, and along new ones in front."""
        return self.apply(axes.broadcast(tuple(shape)), self)

    def __getitem__(self, key: Any) -> Tensor:
        try:
            return self._taken(key)
        except (IndexError, TypeError, ValueError) as error:
            if isinstance(error, MinidlError):
                raise
            got = f"{short(key)}, of which NumPy says: {str(error).rstrip('.')}"
            remedy = "Give whole numbers from 0, slices, or a mask of the tensor's shape."
            raise ArgumentError("an index", f"places in shape {self.shape}", got, remedy) from error

    def _taken(self, key: Any) -> Tensor:
        check_unmasked("an index", key)
        if isinstance(key, Node):
            key = key.numpy()
        elif isinstance(key, tuple):
            key = tuple(part.numpy() if isinstance(part, Node) else part for part in key)
        if self._array.dtype not in FLOATS and self._compared is None:
            return self._of(np.asarray(self._array[key], order="C"))
        return self.apply(axes.take(key), self)

    # ── how it was made ───────────────────────────────────────────────────────────────────────

    @staticmethod
    def apply(op: Op, *operands: Any) -> Tensor:
        """Run an op on tensors, arrays and numbers, and remember it on the result.

        Arrays and numbers take the tensors' dtype; tensors of two dtypes are an error.
        """
        inputs = at_the_door(op, operands)
        arrays = [tensor._array for tensor in inputs]
        kind = TRUTH if op.gives_truth else arrays[0].dtype
        y = np.empty(op.shape(*[array.shape for array in arrays]), kind)
        listening = listener() if listeners else None
        if listening is None:
            op.forward(y, *arrays)
        else:
            listening.forward(op, inputs)
            op.forward(*listening.handed(op, (y, *arrays)))
        result = Tensor._of(y)
        if remembers():
            for tensor in inputs:
                if tensor._wants:
                    result._wants = True
                    break
        if op.gives_truth:
            result._compared = arrays[0].dtype
        # A loss may want to look behind a link's output, gradient or not.
        if op.link is not None or (inputs[0]._linked and isinstance(op, axes.Move)):
            result._linked = True
        if result._wants or result._linked:
            result._op, result._inputs, result._age = op, inputs, next(_ages)
            result._seen = tuple(
                [t._version if t._writes is None else t._current_version() for t in inputs]
            )
        if listening is not None:
            listening.forward_done(result)
        return result

    def _logits_behind(self) -> tuple[str, Tensor] | None:
        """The link (sigmoid, softmax) this comes straight from, and the logits before it.

        Looks through reshape, transpose and indexing, which are then done to the logits; None if
        there is no such thing, if a row of a softmax did not stay whole, or if any of them was
        written to since.
        """
        if not self._linked:
            return None
        moves: list[axes.Move] = []
        tensor = self
        while True:
            op, logits = tensor._op, tensor._inputs[0]
            if tensor._current_version() or logits._current_version() != tensor._seen[0]:
                return None
            if not isinstance(op, axes.Move):
                break
            moves.append(op)
            tensor = logits
        assert op is not None
        assert op.link is not None
        for move in reversed(moves):
            if getattr(op, "rows_sum_to_one", False) and not move.keeps_rows(logits.shape):
                return None
            logits = move(logits)
        return op.link, logits

    def backward(self, gradient: Any = None) -> None:
        """Carry the gradient back to everything that requires one.

        Parameters
        ----------
        gradient : array, optional
            The gradient with respect to this tensor; 1 if it holds a single number.

        Raises
        ------
        GradientError
            If nothing here requires a gradient, if this is not a single number and no gradient
            is given, or if an array that is needed was written to since.
        """
        if not self.requires_grad:
            raise GradientError(
                "backward()",
                "a tensor made from one with requires_grad=True",
                "one that remembers nothing",
                "Was it made inside no_grad(), or from detached tensors?",
            )
        if gradient is None and self.size != 1:
            expected, remedy = "a single number, or a gradient", "Write loss.mean().backward()."
            raise GradientError("backward()", expected, f"shape {self.shape}", remedy)
        if gradient is None:
            carry_back(self)
            return
        gradient = as_float(gradient, self.dtype, "backward(gradient)")
        if gradient.shape != self.shape:
            got, remedy = f"shape {gradient.shape}", "Give one number for each of the tensor's."
            raise ShapeError("backward(gradient)", f"shape {self.shape}", got, remedy)
        carry_back(self, gradient.copy())


def _alike(operands: tuple[Any, ...]) -> bool:
    """Whether all are float tensors of one dtype already: the common case, told fast."""
    first = operands[0]
    if type(first) is not Tensor or first._array.dtype not in FLOATS:
        return False
    dtype = first._array.dtype
    for operand in operands:
        if type(operand) is not Tensor or operand._array.dtype is not dtype:
            return False
    return True


def at_the_door(
    op: Op, operands: tuple[Any, ...], culprit: str | None = None
) -> tuple[Tensor, ...]:
    """Operands as tensors of one floating dtype, which arrays, numbers and truth values take.

    Where they cannot, ``culprit`` is to blame, or the op.
    """
    if _alike(operands):
        return operands
    dtypes = dict.fromkeys(x._compared or x._array.dtype for x in operands if isinstance(x, Tensor))
    if len(dtypes) > 1:
        dtypes.pop(TRUTH, None)
    if len(dtypes) != 1:
        remedy = f"Make one like the other: Tensor(x, dtype='{next(iter(dtypes), 'float32')}')."
        got = " and ".join(map(str, dtypes))
        raise DtypeError(culprit or op.name, "tensors of one dtype", got, remedy)
    (dtype,) = dtypes
    if dtype not in FLOATS:
        remedy = "Write Tensor(x, dtype='float32')."
        raise DtypeError(culprit or op.name, "float32 or float64", str(dtype), remedy)
    name = culprit or op.name
    return tuple([x if _is_of(x, dtype) else _converted(x, dtype, name) for x in operands])


def _is_of(x: Any, dtype: np.dtype) -> bool:
    return isinstance(x, Tensor) and x._array.dtype == dtype


def _converted(x: Any, dtype: np.dtype, culprit: str) -> Tensor:
    if isinstance(x, Tensor) and x._array.dtype == TRUTH:
        return x._counted(dtype)
    return Tensor._of(as_float(x._array if isinstance(x, Tensor) else x, dtype, culprit))


def _one_tuple(given: tuple[Any, ...]) -> tuple[int, ...]:
    """Numbers, or one tuple or list of them: ``reshape(2, 3)`` and ``reshape((2, 3))``."""
    return tuple(given[0]) if len(given) == 1 and isinstance(given[0], tuple | list) else given
