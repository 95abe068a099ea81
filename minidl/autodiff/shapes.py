"""What is done along axes: reshape, transpose, broadcast, index, concatenate, sum, mean, max, min.

Whatever NumPy shows without copying, a transpose, a slice, a broadcast array, is read through a
``StridedView``: an offset and strides, a few numbers however large the array. Sums over axes write
through one.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minidl.autodiff.op import OUTPUT, Arrays, Op, Shape
from minidl.core import ArgumentError, ShapeError
from minidl.kernels import movement
from minidl.kernels.elementwise import copy

Place = Callable[[np.ndarray], np.ndarray]


class StridedView:
    """How an array of shape ``x`` looks through ``place``, which must not copy.

    ``parts`` is what kernels get: offset, lengths and strides, counted in elements.
    """

    def __init__(self, place: Place, x: Shape) -> None:
        ghost = np.empty(x, np.int8)  # never read: only where its elements would lie counts
        seen = place(ghost)
        self.x, self.shape = x, seen.shape
        offset = seen.__array_interface__["data"][0] - ghost.__array_interface__["data"][0]
        axes = [i for i, n in enumerate(seen.shape) if n != 1]
        lengths = np.array([seen.shape[i] for i in axes] or [1], np.int64)
        strides = np.array([seen.strides[i] for i in axes] or [0], np.int64)
        self.parts = (offset, lengths, strides)

    def keeps_rows(self) -> bool:
        """Whether each row that is seen is a row of the array, whole and in order."""
        if not self.x or self.shape[-1:] != self.x[-1:]:
            return False
        offset, _, strides = self.parts
        return bool(strides[-1] == 1 and all(n % self.x[-1] == 0 for n in (offset, *strides[:-1])))


class Move(Op):
    """Each number of the output is one of the input's."""

    def keeps_rows(self, x: Shape) -> bool:
        """Whether each row of the output is a row of the input, whole and in order."""
        raise NotImplementedError


class Reshape(Move):
    """The same numbers in the same order under another shape; one −1 is worked out."""

    name = "reshape"

    def __init__(self, to: Shape) -> None:
        self.to = to
        super().__init__()

    def shape(self, *shapes: Shape) -> Shape:
        (x,) = shapes
        try:
            return np.empty(x, np.int8).reshape(self.to).shape
        except ValueError as error:
            wanted, remedy = f"a shape of {math.prod(x)} numbers", "Write −1 for one axis."
            raise ShapeError(self.name, wanted, str(self.to), remedy) from error

    def keeps_rows(self, x: Shape) -> bool:
        return bool(x) and self.shape(x)[-1:] == x[-1:]

    def forward(self, y: np.ndarray, *xs: np.ndarray) -> None:
        copy(xs[0].reshape(-1), y.reshape(-1))

    def backward(self, dy: np.ndarray, y: np.ndarray, xs: Arrays, dxs: Sequence[Any]) -> None:
        copy(dy.reshape(-1), dxs[0].reshape(-1))


class ViewOp(Move):
    """What ``place`` makes of an array without copying; ``wanted`` and ``got`` are for errors."""

    _view: StridedView | None = None  # of the shape that came last

    def __init__(self, name: str, place: Place, wanted: str, got: Any, remedy: str) -> None:
        self.name, self.place, self.wanted, self.got, self.remedy = name, place, wanted, got, remedy
        super().__init__()

    def view(self, x: Shape) -> StridedView:
        view = self._view
        if view is None or view.x != x:
            try:
                view = self._view = StridedView(self.place, x)
            except (ValueError, TypeError) as error:
                expected, got = f"{self.wanted} of shape {x}", str(self.got)
                raise ShapeError(self.name, expected, got, self.remedy) from error
        return view

    def shape(self, *shapes: Shape) -> Shape:
        return self.view(shapes[0]).shape

    def keeps_rows(self, x: Shape) -> bool:
        return self.view(x).keeps_rows()

    def forward(self, y: np.ndarray, *xs: np.ndarray) -> None:
        x = xs[0]
        movement.gather_view(x.reshape(-1), *self.view(x.shape).parts, y.reshape(-1), 1.0)

    def backward(self, dy: np.ndarray, y: np.ndarray, xs: Arrays, dxs: Sequence[Any]) -> None:
        parts = self.view(xs[0].shape).parts
        movement.add_view(dy.reshape(-1), *parts, dxs[0].reshape(-1), 1.0)


class Pick(Move):
    """Indexing by lists, arrays and masks: output i is input ``index[i]``."""

    name = "index"
    _index: tuple[Shape, np.ndarray] = ((-1,), np.empty(0, np.int64))  # for the shape before it

    def __init__(self, key: Any) -> None:
        self.key = key
        super().__init__()

    def index(self, x: Shape) -> np.ndarray:
        if self._index[0] != x:
            places = np.arange(math.prod(x), dtype=np.int64).reshape(x)
            self._index = x, np.asarray(places[self.key], order="C")
        return self._index[1]

    def shape(self, *shapes: Shape) -> Shape:
        return self.index(shapes[0]).shape

    def keeps_rows(self, x: Shape) -> bool:
        index = self.index(x)
        if not x or index.shape[-1:] != x[-1:]:
            return False
        rows = index.reshape(-1, x[-1])
        in_order = np.all(rows == rows[:, :1] + np.arange(x[-1]))
        return bool(in_order and np.all(rows[:, 0] % x[-1] == 0))

    def forward(self, y: np.ndarray, *xs: np.ndarray) -> None:
        x = xs[0]
        movement.gather(x.reshape(-1), self.index(x.shape).reshape(-1), y.reshape(-1))

    def backward(self, dy: np.ndarray, y: np.ndarray, xs: Arrays, dxs: Sequence[Any]) -> None:
        index = self.index(xs[0].shape).reshape(-1)
        movement.scatter_add(dy.reshape(-1), index, dxs[0].reshape(-1))


@functools.lru_cache(maxsize=256)
def transpose(axes: Shape | None) -> ViewOp:
    """The axes in another order; None turns it round."""
    remedy = "Name each axis once: x.transpose(1, 0)."
    return ViewOp("transpose", lambda x: x.transpose(axes), "an order of the axes", axes, remedy)


@functools.lru_cache(maxsize=256)
def broadcast(shape: Shape) -> ViewOp:
    """Repeat along axes of length 1, and along new ones in front."""
    remedy = "Lengths must agree or be 1, counted from the last axis."
    return ViewOp(
        "broadcast", lambda x: np.broadcast_to(x, shape), "what broadcasts an array", shape, remedy
    )


def take(key: Any) -> Move:
    """Indexing as NumPy does it."""
    parts = key if isinstance(key, tuple) else (key,)
    if not all(map(_is_basic, parts)):
        return Pick(key)
    # Slices cannot be hashed before Python 3.12.
    frozen = [(x.start, x.stop, x.step) if isinstance(x, slice) else x for x in parts]
    try:
        return _window(tuple(frozen))
    except TypeError:  # an array in a slice
        return _window.__wrapped__(tuple(frozen))


@functools.lru_cache(maxsize=256)
def _window(frozen: tuple[Any, ...]) -> ViewOp:
    parts = tuple(slice(*x) if isinstance(x, tuple) else x for x in frozen)
    if Ellipsis not in parts:
        parts = (*parts, Ellipsis)  # a view even of a single number
    return ViewOp("index", lambda x: x[parts], "an index", parts, "Count its axes.")


def _is_basic(part: Any) -> bool:
    """Whether NumPy answers with a view; True and False are masks."""
    if isinstance(part, bool):
        return False
    return part is None or part is Ellipsis or isinstance(part, int | np.integer | slice)


class Concatenate(Op):
    """Several arrays one after the other along an axis."""

    name = "concatenate"
    operand_names = ()
    hyper = {"axis": 0}

    def shape(self, *shapes: Shape) -> Shape:
        axis = one_axis(self.settings["axis"], len(shapes[0]), self.name)
        for shape in shapes:
            unlike = len(shape) != len(shapes[0])
            if (
                unlike
                or shape[:axis] + shape[axis + 1 :] != shapes[0][:axis] + shapes[0][axis + 1 :]
            ):
                raise ShapeError(
                    self.name,
                    f"shapes alike but for axis {axis}",
                    " and ".join(map(str, shapes)),
                    "Reshape them, or choose another axis.",
                )
        length = sum(shape[axis] for shape in shapes)
        return (*shapes[0][:axis], length, *shapes[0][axis + 1 :])

    def _views(self, y: Shape, xs: Arrays) -> list[StridedView]:
        """Each operand's part of the whole."""
        axis, end, views = int(self.settings["axis"]) % len(y), 0, []
        for x in xs:
            part = (slice(None),) * axis + (slice(end, end := end + x.shape[axis]),)
            views.append(StridedView(lambda whole, part=part: whole[part], y))  # type: ignore[misc]
        return views

    def forward(self, y: np.ndarray, *xs: np.ndarray) -> None:
        for x, view in zip(xs, self._views(y.shape, xs), strict=True):
            movement.put_view(x.reshape(-1), *view.parts, y.reshape(-1))

    def backward(self, dy: np.ndarray, y: np.ndarray, xs: Arrays, dxs: Sequence[Any]) -> None:
        for dx, view in zip(dxs, self._views(dy.shape, xs), strict=True):
            if dx is not None:
                movement.gather_view(dy.reshape(-1), *view.parts, dx.reshape(-1), 1.0)


def one_axis(axis: Any, ndim: int, culprit: str) -> int:
    """An axis counted from 0; an error if there is none of that number."""
    if not isinstance(axis, int | np.integer) or isinstance(axis, bool):
        got, remedy = f"{axis!r:.40}", "Write axis=0, say."
        raise ArgumentError(f"{culprit}(axis=…)", "a whole number", got, remedy)
    if not -ndim <= axis < ndim:
        remedy = f"Write axis={ndim - 1} or less." if ndim else "A single number has no axis."
        raise ArgumentError(f"{culprit}(axis=…)", f"an axis of {ndim}", str(axis), remedy)
    return int(axis) % ndim


class Reduce(Op):
    """Common to what makes one number of many along some axes."""

    hyper = {"axis": None, "keepdims": False}
    of_nothing = False  # whether no numbers at all have one, as a sum has
    _view: StridedView | None = None  # for the shape that came last

    def constants(self) -> list[float]:
        return []

    def shape(self, *shapes: Shape) -> Shape:
        (x,) = shapes
        axes = self.axes(x)
        if not self.of_nothing and not all(x[i] for i in axes):
            remedy = "Leave out what is empty."
            raise ShapeError(self.name, "at least one number along its axes", f"shape {x}", remedy)
        if self.settings["keepdims"]:
            return tuple(1 if i in axes else n for i, n in enumerate(x))
        return tuple(n for i, n in enumerate(x) if i not in axes)

    def axes(self, x: Shape) -> tuple[int, ...]:
        axis = self.settings["axis"]
        if axis is None:
            return tuple(range(len(x)))
        axes = axis if isinstance(axis, tuple) else (axis,)
        places = tuple(one_axis(a, len(x), self.name) for a in axes)
        if len(set(places)) < len(places):
            raise ArgumentError(
                f"{self.name}(axis=…)", "each axis once", str(axis), "Leave it out."
            )
        return places

    def view(self, x: Shape) -> StridedView:
        """The output as it meets the input: repeated along the axes that it has lost."""
        view = self._view
        if view is None or view.shape != x:
            axes = self.axes(x)
            kept = tuple(1 if i in axes else n for i, n in enumerate(x))
            view = self._view = StridedView(lambda y: np.broadcast_to(y, x), kept)
        return view


@functools.lru_cache(maxsize=256)
def reduction(kind: type[Reduce], axis: Any = None, keepdims: bool = False) -> Reduce:
    """The sum, mean, max or min along axes; made once for each."""
    return kind(axis=axis, keepdims=keepdims)


class Sum(Reduce):
    """Σ x along axes."""

    name = "sum"
    of_nothing = True

    def divisor(self, x: Shape) -> float:
        return 1.0

    def forward(self, y: np.ndarray, *xs: np.ndarray) -> None:
        x, divisor = xs[0], self.divisor(xs[0].shape)
        if y.size == 1:
            movement.total(x.reshape(-1), y.reshape(-1), divisor)
        else:
            movement.add_view(x.reshape(-1), *self.view(x.shape).parts, y.reshape(-1), divisor)

    def backward(self, dy: np.ndarray, y: np.ndarray, xs: Arrays, dxs: Sequence[Any]) -> None:
        dx, divisor = dxs[0], self.divisor(xs[0].shape)
        if y.size == 1:
            movement.fill(dy.reshape(-1), dx.reshape(-1), divisor)
        else:
            movement.gather_view(
                dy.reshape(-1), *self.view(dx.shape).parts, dx.reshape(-1), divisor
            )


class Mean(Sum):
    """The mean along axes."""

    name = "mean"
    of_nothing = False

    def divisor(self, x: Shape) -> float:
        return float(math.prod([x[axis] for axis in self.axes(x)]))


class Max(Reduce):
    """The largest along axes; ties share the gradient evenly."""

    name = "max"
    saved_for_backward = (0, OUTPUT)
    sign = 1.0

    def forward(self, y: np.ndarray, *xs: np.ndarray) -> None:
        x = xs[0]
        movement.extreme(x.reshape(-1), *self.view(x.shape).parts, y.reshape(-1), self.sign)

    def backward(self, dy: np.ndarray, y: np.ndarray, xs: Arrays, dxs: Sequence[Any]) -> None:
        x, dx = xs[0].reshape(-1), dxs[0].reshape(-1)
        parts = self.view(xs[0].shape).parts
        movement.extreme_backward(x, y.reshape(-1), *parts, dy.reshape(-1), dx)


class Min(Max):
    """The smallest along axes; ties share the gradient evenly."""

    name = "min"
    sign = -1.0


class WeightedMean(Op):
    """Σ wᵣ vᵣⱼ / (columns · Σ wᵣ), one weight a row; 0 where the weights add up to 0."""

    name = "weighted_mean"
    operand_names = ("losses", "weights")
    saved_for_backward = (1,)

    def shape(self, *shapes: Shape) -> Shape:
        return ()

    def forward(self, y: np.ndarray, *xs: np.ndarray) -> None:
        movement.weighted_mean(xs[0].reshape(-1), xs[1].reshape(-1), y.reshape(-1))

    def backward(self, dy: np.ndarray, y: np.ndarray, xs: Arrays, dxs: Sequence[Any]) -> None:
        movement.weighted_mean_backward(xs[1].reshape(-1), dy.reshape(-1), dxs[0].reshape(-1))


weighted_mean = WeightedMean()
