"""An array in a graph of operations: its numbers, its gradient, and how it was made.

A node notes the op that made it, the inputs, and their versions: that is all that ``backward``
needs. What can be computed with it is the Tensor's, which stands above.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from math import isfinite
from typing import Any, Self

import numpy as np

from minidl.autodiff.op import Op
from minidl.autodiff.trace import listener, listeners, recorder
from minidl.core import (
    FLOATS,
    ArgumentError,
    DataError,
    DomainError,
    DtypeError,
    Exclusive,
    GradientError,
    MinidlError,
    RecordError,
    ShapeError,
    Tracked,
    as_float,
    as_numbers,
    is_float,
)
from minidl.kernels.elementwise import accumulate, copy


class _Mode(threading.local):
    """Each thread's own: one may predict while another trains."""

    remembers = True


_mode = _Mode()


@contextmanager
def no_grad() -> Iterator[None]:
    """Compute without remembering how: nothing inside can be carried backward.

    Other threads go on remembering.

    Examples
    --------
    >>> from minidl.autodiff import Tensor
    >>> w = Tensor([1.0], requires_grad=True)
    >>> with no_grad():
    ...     y = w * 2
    >>> y.requires_grad
    False
    """
    before, _mode.remembers = _mode.remembers, False
    try:
        yield
    finally:
        _mode.remembers = before


def remembers() -> bool:
    """Whether results note how they were made, on this thread."""
    return _mode.remembers


class Node(Tracked):
    """An array, how it was made, and its gradient: what a Tensor is to its graph."""

    # Defaults of the class: an intermediate result sets only what differs.
    _wants = False  # whether it requires a gradient
    name: str | None = None
    _op: Op | None = None
    _inputs: tuple[Node, ...] = ()
    _seen: tuple[int, ...] = ()  # the inputs' versions when the op ran
    _linked = False  # whether it is what a sigmoid or softmax gave, moved about at most
    _age = 0
    _version = 0
    _writes: list[int] | None = None  # counted together with detached twins: one memory
    _grad: np.ndarray | None = None
    _home: np.ndarray | None = None  # where a parameter's gradient lives in its network's block
    # How often parameters of one memory were frozen, thawed or moved; None: it is no parameter.
    _changes: list[int] | None = None
    _training: Exclusive | None = None  # who trains the network whose block it lies in
    _start = 0  # where in that block it begins
    _is_held = False  # whether a layer keeps it as a parameter in one of its attributes
    _turned: Node | None = None  # the parameter that it is the transpose of, as .T made it
    _compared: np.dtype | None = None  # of truth values: the dtype of what was compared
    _retains = False
    _at_step: tuple[str, int] | None = None  # while a step is recorded: its phase, and its number

    @property
    def requires_grad(self) -> bool:
        """Whether ``backward`` carries a gradient here, or through here.

        Whatever required one once is a parameter, and stays one: False freezes it, so that no
        optimizer, decay or program moves it, and True thaws it.
        """
        return self._wants

    @requires_grad.setter
    def requires_grad(self, value: Any) -> None:
        if not isinstance(value, bool | np.bool_):
            culprit, remedy = f"{self.name or 'a tensor'}.requires_grad", "Write True or False."
            raise ArgumentError(culprit, "True or False", f"{value!r:.40}", remedy)
        if value and self._array.dtype not in FLOATS:
            raise DtypeError(
                f"Tensor(requires_grad=True){f' {self.name!r}' if self.name else ''}",
                "float32 or float64, as only floats have gradients",
                str(self._array.dtype),
                "Write dtype='float32'.",
            )
        if self._turned is not None and bool(value) is not self._wants:
            name = self._turned.name or "the parameter"
            expected, got = f"{name} itself", "its transpose, which is another array"
            remedy = f"Write {name}.requires_grad = {bool(value)}."
            raise GradientError("requires_grad = …", expected, got, remedy)
        before, self._wants = self._wants, bool(value)
        if self._changes is not None:
            self._changes[0] += before is not self._wants
        elif self._wants and self._op is None:
            self._changes = [0]

    @property
    def is_parameter(self) -> bool:
        """Whether it is learned, now or when it is thawed; never the result of an operation."""
        return self._changes is not None

    @property
    def is_frozen(self) -> bool:
        """Whether it is a parameter that stays as it is: its ``requires_grad`` is False."""
        return self._changes is not None and not self._wants

    # ── its numbers and its gradient ────────────────────────────────────────────────────────────

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
            listening.parameter_used(self)
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

    def retain_grad(self) -> Self:
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

    # ── as a Python number ─────────────────────────────────────────────────────────────────────

    def item(self) -> float:
        """The one number it holds, as a Python number."""
        return self._number("item()")

    def _number(self, how: str) -> float:
        if self.size != 1:
            raise ShapeError(how, "one number", f"shape {self.shape}", "Index it first.")
        return self._seen_by(how).reshape(-1)[0].item()

    def __float__(self) -> float:
        return float(self._number("float()"))

    def __int__(self) -> int:
        return int(self._finite("int()"))

    def __index__(self) -> int:
        if self._array.dtype.kind not in "iu":
            remedy = "Write int(x), which cuts what is behind the point."
            raise DtypeError("an index", "a tensor of whole numbers", str(self.dtype), remedy)
        return int(self._number("an index"))

    def __round__(self, digits: int | None = None) -> float:
        return round(self._finite("round()") if digits is None else self._number("round()"), digits)

    def _finite(self, how: str) -> float:
        number = self._number(how)
        if not isfinite(number):
            remedy = "Ask np.isfinite(x.numpy()) first; ml.detect_anomaly() says where it began."
            raise DomainError(how, "a finite number", str(number), remedy)
        return number

    def __format__(self, spec: str) -> str:
        if not spec:
            return str(self)
        how = f"format(x, {spec!r})"
        number = self._number(how)
        try:
            return format(number, spec)
        except ValueError as error:
            got = f"one of which Python says: {error}"
            raise ArgumentError(how, "a format for numbers", got, "Write '.4f', say.") from error

    def __bool__(self) -> bool:
        return bool(self._number("bool(), as in if and while"))

    # ── writing ─────────────────────────────────────────────────────────────────────────────────

    def _current_version(self) -> int:
        """How often this memory was written to."""
        return self._version + (self._writes[0] if self._writes else 0)

    def _count_write(self, times: int = 1) -> None:
        """Count writes, for every tensor of this memory."""
        if self._writes is None:
            self._version += times
        else:
            self._writes[0] += times

    def _ensure_gradient_home(self) -> None:
        """Give its gradient a place to stay, where optimizers and programs find it."""
        if self._home is None:
            self._home = np.zeros_like(self._array)
            if self._grad is not None:
                self._home[...] = self._grad
                self._grad = self._home

    def _accumulate_grad(self, gradient: np.ndarray) -> None:
        """Add a gradient to the one that is here."""
        if self._grad is not None:
            if gradient is not self._grad:
                accumulate(self._grad.reshape(-1), gradient.reshape(-1))
        elif self._home is not None and gradient is not self._home:
            copy(gradient.reshape(-1), self._home.reshape(-1))
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
        given = value._array if isinstance(value, Node) else value
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
        self._write(key._array if isinstance(key, Node) else key, value)
