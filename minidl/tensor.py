"""An array that remembers how it was made, so that gradients can be carried back through it.

Every operation goes through ``Tensor.apply``: it runs the op on arrays and notes the op and its
inputs on the result. ``backward`` walks these notes in the opposite order. Nothing else in minidl
knows how to differentiate a network.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from operator import attrgetter
from typing import Any

import numpy as np

from minidl import arithmetic as ops
from minidl.errors import ArgumentError, DtypeError, GradientError, ShapeError
from minidl.kernels.elementwise import accumulate
from minidl.op import OUTPUT, Op

FLOATS = (np.dtype(np.float32), np.dtype(np.float64))

_ages = itertools.count()
_recording = [True]


@contextmanager
def no_grad() -> Iterator[None]:
    """Compute without remembering how: nothing inside can be carried backward.

    Examples
    --------
    >>> w = Tensor([1.0], requires_grad=True)
    >>> with no_grad():
    ...     y = w * 2
    >>> y.requires_grad
    False
    """
    _recording.append(False)
    try:
        yield
    finally:
        _recording.pop()


class Tensor:
    """An array of numbers that gradients can reach.

    Parameters
    ----------
    data : array-like
        Python numbers and lists of them become float32; arrays keep their dtype.
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

    # Defaults of the class: an intermediate result sets only what differs.
    requires_grad: bool = False
    name: str | None = None
    _array: np.ndarray
    _op: Op | None = None
    _inputs: tuple[Tensor, ...] = ()
    _seen: tuple[int, ...] = ()  # the inputs' versions when the op ran
    _age = 0
    _version = 0
    _writes: list[int] | None = None  # counted together with detached twins: one memory
    _grad: np.ndarray | None = None
    _home: np.ndarray | None = None  # where a parameter's gradient lives in its network's block
    _retains = False
    __array_priority__ = 1000  # array + tensor asks the tensor

    def __init__(
        self,
        data: Any,
        requires_grad: bool = False,
        dtype: Any = None,
        name: str | None = None,
    ) -> None:
        if isinstance(data, Tensor):
            data = data._array
        array = np.array(data, dtype=dtype, order="C")
        if dtype is None and not isinstance(data, np.ndarray | np.generic) and array.dtype == float:
            array = array.astype(np.float32)
        if array.dtype.kind not in "fiub":
            raise DtypeError(
                "Tensor(data)", "numbers", f"{array.dtype}", "Turn text into numbers first."
            )
        if array.dtype.kind == "f" and array.dtype not in FLOATS:
            array = array.astype(np.float32 if array.dtype.itemsize < 4 else np.float64)
        if requires_grad and array.dtype not in FLOATS:
            raise DtypeError(
                f"Tensor(requires_grad=True){f' {name!r}' if name else ''}",
                "float32 or float64, as only floats have gradients",
                str(array.dtype),
                "Write dtype='float32'.",
            )
        self._array, self.requires_grad, self.name = array, requires_grad, name

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
        return self._array

    @data.setter
    def data(self, value: Any) -> None:
        self._write(..., value)

    @property
    def grad(self) -> np.ndarray | None:
        """The gradient that ``backward`` left here, or None."""
        return self._grad

    @grad.setter
    def grad(self, value: Any) -> None:
        if value is not None:
            value = np.asarray(value, self._array.dtype)
            if value.shape != self.shape:
                raise ShapeError(
                    "grad", f"shape {self.shape}", f"shape {value.shape}", "Reshape it."
                )
            if self._home is not None:
                self._home[...] = value
                value = self._home
        self._grad = value

    @property
    def shape(self) -> tuple[int, ...]:
        """Its length along each axis."""
        return self._array.shape

    @property
    def ndim(self) -> int:
        """How many axes it has."""
        return self._array.ndim

    @property
    def size(self) -> int:
        """How many numbers it holds."""
        return self._array.size

    @property
    def dtype(self) -> np.dtype:
        """float32 or float64; whole numbers and truth values for what is not calculated with."""
        return self._array.dtype

    @property
    def T(self) -> Tensor:  # noqa: N802
        """The axes turned round."""
        return self.transpose()

    def numpy(self) -> np.ndarray:
        """The numbers as an array (the same memory)."""
        return self._array

    def item(self) -> float:
        """The one number it holds, as a Python number."""
        if self.size != 1:
            raise ShapeError("item()", "one number", f"shape {self.shape}", "Index it first.")
        return self._array.reshape(-1)[0].item()

    def detach(self) -> Tensor:
        """The same numbers (the same memory), forgetting how they were made."""
        if self._writes is None:
            self._writes = [0]
        twin = Tensor._of(self._array)
        twin._writes = self._writes
        return twin

    def retain_grad(self) -> Tensor:
        """Keep this intermediate result's gradient in ``grad`` during ``backward``."""
        self._retains = True
        return self

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self._array, dtype=dtype, copy=copy)

    def __len__(self) -> int:
        return len(self._array)

    def __float__(self) -> float:
        return float(self.item())

    def __bool__(self) -> bool:
        return bool(self.item())

    def __iter__(self) -> Iterator[Tensor]:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
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
        inputs = _at_the_door(op, operands)
        arrays = [tensor._array for tensor in inputs]
        y = np.empty(op.shape(*[array.shape for array in arrays]), arrays[0].dtype)
        op.forward(y, *arrays)
        result = Tensor._of(y)
        if _recording[-1]:
            for tensor in inputs:
                if tensor.requires_grad:
                    result.requires_grad = True
                    break
        if result.requires_grad or _leads_behind(op):
            result._op, result._inputs, result._age = op, inputs, next(_ages)
            result._seen = tuple(
                [t._version if t._writes is None else t._current_version() for t in inputs]
            )
        return result

    def behind(self) -> tuple[str, Tensor] | None:
        """The link (sigmoid, softmax) this comes straight from, and the logits before it.

        Looks through reshape, transpose and indexing, which are then done to the logits; None if
        there is no such thing, or if a row of a softmax did not stay whole.
        """
        moves: list[ops.Move] = []
        tensor = self
        while isinstance(tensor._op, ops.Move):
            moves.append(tensor._op)
            tensor = tensor._inputs[0]
        link = getattr(tensor._op, "link", None)
        if link is None:
            return None
        logits = tensor._inputs[0]
        whole_rows = getattr(tensor._op, "rows_sum_to_one", False)
        for move in reversed(moves):
            if whole_rows and not move.keeps_rows(logits.shape):
                return None
            logits = move(logits)
        return link, logits

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
            raise GradientError(
                "backward()",
                "a single number, or a gradient",
                f"shape {self.shape}",
                "Reduce it first: loss.mean().backward().",
            )
        seed = np.ones_like(self._array)
        if gradient is not None:
            gradient = np.asarray(gradient, self.dtype)
            if gradient.shape != self.shape:
                raise ShapeError(
                    "backward(gradient)",
                    f"shape {self.shape}",
                    f"shape {gradient.shape}",
                    "Give one number for each of the tensor's.",
                )
            seed = gradient.copy()
        order = _ancestors(self)
        for tensor in order:
            tensor._check_versions()
        gradients = {id(self): seed}
        for tensor in order:
            dy = gradients.pop(id(tensor))
            if tensor._retains:
                tensor._take(dy.copy())
            _step_back(tensor, dy, gradients)
        if self._op is None:
            self._take(seed)

    def _current_version(self) -> int:
        return self._version + (self._writes[0] if self._writes else 0)

    def _check_versions(self) -> None:
        op = self._op
        assert op is not None
        for saved in op.saves:
            tensor = self if saved == OUTPUT else self._inputs[saved]
            expected = 0 if saved == OUTPUT else self._seen[saved]
            if tensor._current_version() != expected:
                what = tensor.name or f"a tensor of shape {tensor.shape}"
                raise GradientError(
                    f"backward() through {op.name}",
                    f"{what} as it was when {op.name} ran",
                    "one that was written to since",
                    "Call backward() before changing it (optimizer.step() changes weights), "
                    "or compute the loss again.",
                )

    def _take(self, gradient: np.ndarray) -> None:
        """Add a gradient to the one that is here."""
        if self._grad is not None:
            if gradient is not self._grad:
                accumulate(self._grad.reshape(-1), gradient.reshape(-1))
        elif self._home is not None and gradient is not self._home:
            self._home[...] = gradient
            self._grad = self._home
        else:
            self._grad = gradient

    def _write(self, key: Any, value: Any) -> None:
        if getattr(value, "requires_grad", False):
            raise GradientError(
                "assignment",
                "numbers, as what is written in place is not remembered",
                "a Tensor that requires a gradient",
                "Use ml.where, or write value.detach().",
            )
        if self.requires_grad and self._op is not None and _recording[-1]:
            raise GradientError(
                f"writing into the result of {self._op.name}",
                "a tensor that no gradient runs through",
                "one in the middle of a computation",
                "Use ml.where, or write into a copy: Tensor(t.numpy().copy()).",
            )
        if value is not self._array:
            self._array[key] = value._array if isinstance(value, Tensor) else value
        self._written()

    def _written(self) -> None:
        """Count a write, for every tensor of this memory."""
        if self._writes is None:
            self._version += 1
        else:
            self._writes[0] += 1

    # ── arithmetic ────────────────────────────────────────────────────────────────────────────

    def __add__(self, other: Any) -> Tensor:
        return _both(ops.add, self, other)

    def __radd__(self, other: Any) -> Tensor:
        return _both(ops.add, other, self)

    def __sub__(self, other: Any) -> Tensor:
        return _both(ops.subtract, self, other)

    def __rsub__(self, other: Any) -> Tensor:
        return _both(ops.subtract, other, self)

    def __mul__(self, other: Any) -> Tensor:
        return _both(ops.multiply, self, other)

    def __rmul__(self, other: Any) -> Tensor:
        return _both(ops.multiply, other, self)

    def __truediv__(self, other: Any) -> Tensor:
        return _both(ops.divide, self, other)

    def __rtruediv__(self, other: Any) -> Tensor:
        return _both(ops.divide, other, self)

    def __pow__(self, other: Any) -> Tensor:
        return _both(ops.power, self, other)

    def __rpow__(self, other: Any) -> Tensor:
        return _both(ops.power, other, self)

    def __neg__(self) -> Tensor:
        return self.apply(ops.negative, self)

    def __abs__(self) -> Tensor:
        return self.apply(ops.absolute, self)

    def __matmul__(self, other: Any) -> Tensor:
        return matmul(self, other)

    def __rmatmul__(self, other: Any) -> Tensor:
        return matmul(other, self)

    def _compare(self, compare: Any, other: Any) -> Tensor:
        return Tensor._of(np.asarray(compare(self._array, getattr(other, "_array", other))))

    def __lt__(self, other: Any) -> Tensor:
        return self._compare(np.less, other)

    def __le__(self, other: Any) -> Tensor:
        return self._compare(np.less_equal, other)

    def __gt__(self, other: Any) -> Tensor:
        return self._compare(np.greater, other)

    def __ge__(self, other: Any) -> Tensor:
        return self._compare(np.greater_equal, other)

    def __eq__(self, other: object) -> Tensor:  # type: ignore[override]
        return self._compare(np.equal, other)

    def __ne__(self, other: object) -> Tensor:  # type: ignore[override]
        return self._compare(np.not_equal, other)

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

    def sum(self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Tensor:
        """The sum along axes, added up in float64."""
        return self.apply(ops.reduction(ops.Sum, axis, keepdims), self)

    def mean(self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Tensor:
        """The mean along axes, added up in float64."""
        return self.apply(ops.reduction(ops.Mean, axis, keepdims), self)

    def max(self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Tensor:
        """The largest along axes; ties share the gradient evenly."""
        return self.apply(ops.reduction(ops.Max, axis, keepdims), self)

    def min(self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Tensor:
        """The smallest along axes; ties share the gradient evenly."""
        return self.apply(ops.reduction(ops.Min, axis, keepdims), self)

    def reshape(self, *shape: int | tuple[int, ...]) -> Tensor:
        """The same numbers under another shape; one −1 is worked out."""
        wanted = shape[0] if len(shape) == 1 and isinstance(shape[0], tuple | list) else shape
        try:
            return self.apply(ops.reshape(tuple(wanted)), self)  # type: ignore[arg-type]
        except ValueError as error:
            raise ShapeError(
                "reshape", f"a shape of {self.size} numbers", str(wanted), "Write −1 for one axis."
            ) from error

    def transpose(self, *axes: int) -> Tensor:
        """The axes in another order; turned round if none is given."""
        return self.apply(ops.transpose(axes or None), self)

    def broadcast_to(self, shape: tuple[int, ...]) -> Tensor:
        """Repeated along axes of length 1, and along new ones in front."""
        return self.apply(ops.broadcast(tuple(shape)), self)

    def __getitem__(self, key: Any) -> Tensor:
        if isinstance(key, Tensor):
            key = key._array
        elif isinstance(key, tuple):
            key = tuple(part._array if isinstance(part, Tensor) else part for part in key)
        if self._array.dtype not in FLOATS:
            return Tensor._of(np.asarray(self._array[key], order="C"))
        return self.apply(ops.take(key), self)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._write(key._array if isinstance(key, Tensor) else key, value)


def _leads_behind(op: Op) -> bool:
    """Whether a loss may want to look behind the result, gradient or not."""
    return isinstance(op, ops.Move) or getattr(op, "link", None) is not None


def _alike(operands: Sequence[Any]) -> bool:
    """Whether all are float tensors of one dtype already: the common case, told fast."""
    first = operands[0]
    if type(first) is not Tensor or first._array.dtype not in FLOATS:
        return False
    dtype = first._array.dtype
    for operand in operands:
        if type(operand) is not Tensor or operand._array.dtype is not dtype:
            return False
    return True


def _at_the_door(op: Op, operands: Sequence[Any]) -> tuple[Tensor, ...]:
    """Operands as tensors of one floating dtype."""
    dtype = None
    if _alike(operands):
        return tuple(operands)
    for operand in operands:
        if isinstance(operand, Tensor):
            if dtype is None:
                dtype = operand._array.dtype
            elif operand._array.dtype != dtype and operand._array.dtype.kind != "b":
                raise DtypeError(
                    op.name,
                    "tensors of one dtype",
                    f"{dtype} and {operand._array.dtype}",
                    f"Make one like the other: Tensor(x, dtype='{dtype}').",
                )
            if dtype.kind == "b":
                dtype = None
    if dtype not in FLOATS:
        raise DtypeError(
            op.name, "float32 or float64", str(dtype), "Write Tensor(x, dtype='float32')."
        )
    return tuple(
        [
            operand
            if isinstance(operand, Tensor) and operand._array.dtype == dtype
            else Tensor._of(
                np.ascontiguousarray(getattr(operand, "_array", operand), dtype).reshape(
                    np.shape(getattr(operand, "_array", operand))
                )
            )
            for operand in operands
        ]
    )


def _both(op: Op, a: Any, b: Any) -> Tensor:
    """Two operands brought to one shape; a constant of one element rides along as it is."""
    shape_a, shape_b = np.shape(a), np.shape(b)
    if shape_a != shape_b:
        a, b = _spread(op, a, b, shape_a, shape_b)
    return Tensor.apply(op, a, b)


def _spread(op: Op, a: Any, b: Any, *shapes: tuple[int, ...]) -> tuple[Any, Any]:
    try:
        shape = np.broadcast_shapes(*shapes)
    except ValueError as error:
        raise ShapeError(
            op.name,
            "two shapes that broadcast",
            " and ".join(map(str, shapes)),
            "Reshape one of them.",
        ) from error
    spread = []
    for operand, own in zip((a, b), shapes, strict=True):
        number = own in ((), (1,)) and not getattr(operand, "requires_grad", False)
        if own == shape or number:
            spread.append(operand)
        elif isinstance(operand, Tensor):
            spread.append(operand.broadcast_to(shape))
        else:
            spread.append(np.broadcast_to(operand, shape))
    return spread[0], spread[1]


def _ancestors(root: Tensor) -> list[Tensor]:
    """Everything with an op that the root was made from, newest first; no recursion."""
    found = {id(root): root} if root._op is not None else {}
    waiting = list(found.values())
    while waiting:
        for tensor in waiting.pop()._inputs:
            if tensor.requires_grad and tensor._op is not None and id(tensor) not in found:
                found[id(tensor)] = tensor
                waiting.append(tensor)
    return sorted(found.values(), key=attrgetter("_age"), reverse=True)


def _step_back(tensor: Tensor, dy: np.ndarray, gradients: dict[int, np.ndarray]) -> None:
    """One op backward: its inputs' gradients go home, or wait for their own turn."""
    inputs, op = tensor._inputs, tensor._op
    assert op is not None
    dxs: list[np.ndarray | None] = []
    for x in inputs:
        if not x.requires_grad:
            dxs.append(None)
        elif x._home is not None and x._grad is None:
            x._grad = x._home
            dxs.append(x._home)
        else:
            dxs.append(np.empty(x._array.shape, x._array.dtype))
    op.backward(dy, tensor._array, [x._array for x in inputs], dxs)
    for x, dx in zip(inputs, dxs, strict=True):
        if dx is None:
            continue
        if x._op is None:
            x._take(dx)
        elif id(x) in gradients:
            accumulate(gradients[id(x)].reshape(-1), dx.reshape(-1))
        else:
            gradients[id(x)] = dx


def matmul(a: Any, b: Any) -> Tensor:
    """The matrix product of tensors or arrays, with stacks of matrices broadcast."""
    a, b = (
        x if isinstance(x, Tensor) else Tensor(np.asarray(x), dtype=_other(a, b)) for x in (a, b)
    )
    if not a.ndim or not b.ndim:
        raise ShapeError(
            "matmul", "vectors or matrices", f"{a.shape} @ {b.shape}", "Write a * b for numbers."
        )
    left, right = a.ndim == 1, b.ndim == 1
    a = a.reshape(1, -1) if left else a
    b = b.reshape(-1, 1) if right else b
    stack = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a = a if a.shape[:-2] == stack else a.broadcast_to(stack + a.shape[-2:])
    b = b if b.shape[:-2] == stack else b.broadcast_to(stack + b.shape[-2:])
    y = Tensor.apply(ops.matmul, a, b)
    if left or right:
        kept = stack + (() if left else y.shape[-2:-1]) + (() if right else y.shape[-1:])
        y = y.reshape(kept)
    return y


def _other(a: Any, b: Any) -> Any:
    return (a if isinstance(a, Tensor) else b).dtype


def _tensor(x: Any) -> Tensor:
    return x if isinstance(x, Tensor) else Tensor(x)


def exp(x: Any) -> Any:
    """eˣ of a tensor or an array."""
    return ops.exp(x)


def log(x: Any) -> Any:
    """The natural logarithm of a tensor or an array."""
    return ops.log(x)


def sqrt(x: Any) -> Any:
    """The square root of a tensor or an array."""
    return ops.sqrt(x)


def absolute(x: Any) -> Any:
    """The size of each number of a tensor or an array."""
    return ops.absolute(x)


def clip(x: Any, low: float = -np.inf, high: float = np.inf) -> Any:
    """A tensor or array limited to [low, high]."""
    return ops.Clip(low=low, high=high)(x)


def maximum(a: Any, b: Any) -> Tensor:
    """The larger of two at each place; a tie shares the gradient evenly."""
    return _both(ops.maximum, *_one_tensor(a, b))


def minimum(a: Any, b: Any) -> Tensor:
    """The smaller of two at each place; a tie shares the gradient evenly."""
    return _both(ops.minimum, *_one_tensor(a, b))


def _one_tensor(a: Any, b: Any) -> tuple[Any, Any]:
    return (a, b) if isinstance(a, Tensor) or isinstance(b, Tensor) else (Tensor(a), b)


def where(condition: Any, a: Any, b: Any) -> Tensor:
    """``a`` where the condition holds, ``b`` elsewhere; the gradient goes to the one chosen."""
    condition = np.asarray(getattr(condition, "_array", condition))
    a, b = _one_tensor(a, b)
    dtype = _other(a, b)
    shape = np.broadcast_shapes(condition.shape, np.shape(a), np.shape(b))
    a, b = (x if isinstance(x, Tensor) else Tensor(x, dtype=dtype) for x in (a, b))
    a, b = (x if x.shape == shape else x.broadcast_to(shape) for x in (a, b))
    return Tensor.apply(ops.where, np.broadcast_to(condition != 0, shape), a, b)


def concatenate(tensors: Sequence[Any], axis: int = 0) -> Tensor:
    """Tensors one after the other along an axis they have."""
    if not len(tensors):
        raise ArgumentError("concatenate", "at least one tensor", "none", "Give it a list.")
    return Tensor.apply(ops.Concatenate(axis=axis), *_one_dtype(tensors))


def stack(tensors: Sequence[Any], axis: int = 0) -> Tensor:
    """Tensors of one shape side by side along a new axis."""
    if not len(tensors):
        raise ArgumentError("stack", "at least one tensor", "none", "Give it a list.")
    tensors = _one_dtype(tensors)
    shape = tensors[0].shape
    for tensor in tensors:
        if tensor.shape != shape:
            raise ShapeError(
                "stack", f"tensors of one shape {shape}", f"shape {tensor.shape}", "Reshape it."
            )
    axis = axis % (len(shape) + 1)
    grown = (*shape[:axis], 1, *shape[axis:])
    return concatenate([tensor.reshape(grown) for tensor in tensors], axis)


def _one_dtype(tensors: Sequence[Any]) -> list[Tensor]:
    dtype = next((t.dtype for t in tensors if isinstance(t, Tensor)), None)
    return [t if isinstance(t, Tensor) else Tensor(t, dtype=dtype) for t in tensors]
