"""An array that remembers how it was made, so that gradients can be carried back through it.

Every operation goes through ``Tensor.apply``: it runs the op on arrays and notes the op and its
inputs on the result. ``backward`` walks these notes in the opposite order. Nothing else in minidl
knows how to differentiate a network.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, cast

import numpy as np

from minidl.autodiff import shapes as axes
from minidl.autodiff.backward import carry_back, remembers
from minidl.autodiff.op import Op, Shape
from minidl.autodiff.operators import Operators
from minidl.autodiff.trace import listener, listeners, recorder
from minidl.core import (
    FLOATS,
    ArgumentError,
    DataError,
    DtypeError,
    GradientError,
    MinidlError,
    RecordError,
    ShapeError,
    as_float,
    as_numbers,
    cast_checked,
    common_dtype,
    is_float,
    kept_dtype,
)
from minidl.kernels.elementwise import copy

TRUTH = np.dtype(bool)

_ages = itertools.count()


class Tensor(Operators):
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
    def data(self) -> np.ndarray:
        """The numbers themselves. NumPy writes through it are not seen by the version counter."""
        return self._seen_by("data")

    @data.setter
    def data(self, value: Any) -> None:
        self._write(..., value)

    @property
    def grad(self) -> np.ndarray | None:
        """The gradient that ``backward`` left here, or None.

        A parameter's is the same memory after every ``backward``: copy it to keep it.
        """
        if self._grad is not None:
            self._seen_by("grad")
        return self._grad

    @grad.setter
    def grad(self, value: Any) -> None:
        if listeners and (listening := listener()) is not None:
            listening.met(self)
        if value is not None:
            self._seen_by("setting grad")
            value = as_float(value, self._array.dtype, "grad")
            if value.shape != self.shape:
                raise ShapeError(
                    "grad", f"shape {self.shape}", f"shape {value.shape}", "Reshape it."
                )
            if self._home is not None:
                self._home[...] = value
                value = self._home
        self._grad = value

    @property
    def T(self) -> Tensor:  # noqa: N802
        """The axes turned round."""
        if self._turned is not None:
            return cast(Tensor, self._turned)
        turned = self.transpose()
        if self.is_parameter:
            turned._turned = self
        return turned

    def numpy(self) -> np.ndarray:
        """The numbers as an array (the same memory)."""
        return self._seen_by("numpy()")

    def _seen_by(self, how: str) -> np.ndarray:
        """The numbers, for somebody outside; while a step is recorded there are none yet."""
        if listeners and (tape := recorder()) is not None:
            raise tape.refuse(self._looked_at(how))
        return self._array

    def _looked_at(self, how: str) -> RecordError:
        return RecordError(
            f"{self.name or 'a tensor'}: {how}",
            "a step made of Tensor operations alone",
            "one that looks at a number while it is recorded",
            "Return the loss and look at it afterwards, use ml.where for a choice, "
            "or train with fit(record=False).",
        )

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
            listening.forward(_count, (self,))
        copy(self._array.reshape(-1), y.reshape(-1))
        result = Tensor._of(y)
        if listening is not None:
            listening.made(result)
        return result

    def retain_grad(self) -> Tensor:
        """Keep this intermediate result's gradient in ``grad`` during ``backward``."""
        self._retains = True
        return self

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        array = self._seen_by("an array of it")
        if self._op is not None and self._wants and remembers():
            raise GradientError(
                f"an array of what {self._op.name} gave",
                "a tensor that requires no gradient, as an array does not carry it back",
                f"{self.name or f'one of shape {self.shape}'}, which requires one",
                "Write x.numpy() for its numbers, x.detach() for a tensor that forgets, "
                "ml.stack([…]) for one tensor made of several.",
            )
        return np.array(array, dtype=dtype, copy=copy)

    def __len__(self) -> int:
        return len(self._array)

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
            listening.made(result)
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

    def _write(self, key: Any, value: Any) -> None:
        if getattr(value, "requires_grad", False):
            raise GradientError(
                "assignment",
                "numbers, as what is written in place is not remembered",
                "a Tensor that requires a gradient",
                "Use ml.where, or write value.detach().",
            )
        if self._turned is not None or (self._wants and self._op is not None and remembers()):
            raise GradientError(
                f"writing into the result of {self._op.name if self._op else 'transpose'}",
                "a tensor that no gradient runs through",
                "one in the middle of a computation",
                "Use ml.where, or write into a copy: Tensor(t.numpy().copy()).",
            )
        if value is not self._array:
            self._put(key, value)
        self._count_write()

    def _put(self, key: Any, value: Any) -> None:
        target = self._seen_by("writing into it")
        given = value._array if isinstance(value, Tensor) else value
        if self._array.dtype in FLOATS:
            given = as_float(given, self._array.dtype, self._writing)
        elif not is_float(given):
            given = as_numbers(self._writing, given)
        try:
            target[key] = given
        except (ValueError, OverflowError) as error:
            raise self._unwritten(target, key, given) from error

    def _unwritten(self, target: np.ndarray, key: Any, given: Any) -> MinidlError:
        """Why these numbers cannot be written there."""
        if not target.flags.writeable:
            expected, remedy = "memory to write to", "Write into a copy: Tensor(t)."
            return ArgumentError(self._writing, expected, "a read-only array", remedy)
        if type(given) is float:  # which has any shape
            expected, remedy = f"a number that {self.dtype} holds", "Write into a float tensor."
            return DataError(self._writing, expected, repr(given), remedy)
        expected = f"shape {target[key].shape}, or what broadcasts to it"
        return ShapeError(self._writing, expected, f"shape {np.shape(given)}", "Reshape it.")

    @property
    def _writing(self) -> str:
        return f"writing into {self.name or 'a tensor'}"

    def __setitem__(self, key: Any, value: Any) -> None:
        self._write(key._array if isinstance(key, Tensor) else key, value)


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


class _Count(Op):
    """Truth values as numbers, 1 and 0."""

    name = "count"

    def shape(self, *shapes: Shape) -> Shape:
        return shapes[0]


_count = _Count()


def as_tensors(*operands: Any) -> list[Tensor]:
    """Operands as tensors; what is none takes the dtype of the tensors, or else of the arrays."""
    dtype = next((x.dtype for x in operands if isinstance(x, Tensor)), None)
    dtype = dtype or common_dtype(operands, np.float64)
    return [x if isinstance(x, Tensor) else Tensor(x, dtype=dtype) for x in operands]
