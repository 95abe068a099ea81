"""What is done along axes: reshape, transpose, broadcast, index, concatenate, sum, mean, max, min.

Movements are all one operation: output i is input ``index[i]``. A sum is that backwards.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minidl.errors import ArgumentError, ShapeError
from minidl.kernels import movement
from minidl.op import OUTPUT, Arrays, Op, Shape


class Move(Op):
    """Output i is input ``index[i]``: reshape, transpose, broadcast, indexing.

    ``place`` maps an array of positions to where they go; ``key`` names it for the cache.
    """

    def __init__(self, name: str, place: Callable[[np.ndarray], np.ndarray], key: Any) -> None:
        self.name, self.place, self.key = name, place, key
        super().__init__()

    def index(self, x: Shape) -> np.ndarray:
        try:
            return _index(_Placed(self.name, self.key, self.place), x)
        except TypeError:  # an array is no key for a cache
            return self.place(_positions(x))

    def shape(self, *shapes: Shape) -> Shape:
        return self.index(shapes[0]).shape

    def keeps_rows(self, x: Shape) -> bool:
        """Whether each row of the output is a row of the input, whole and in order."""
        index = self.index(x)
        if not x or not index.ndim or index.shape[-1] != x[-1]:
            return False
        rows = index.reshape(-1, x[-1])
        return bool(
            np.all(rows == rows[:, :1] + np.arange(x[-1])) and np.all(rows[:, 0] % x[-1] == 0)
        )

    def forward(self, y: np.ndarray, *xs: np.ndarray) -> None:
        x = xs[0]
        movement.gather(x.reshape(-1), self.index(x.shape).reshape(-1), y.reshape(-1), 1.0)

    def backward(self, dy: np.ndarray, y: np.ndarray, xs: Arrays, dxs: Sequence[Any]) -> None:
        index = self.index(xs[0].shape).reshape(-1)
        movement.scatter_add(dy.reshape(-1), index, dxs[0].reshape(-1), 1.0)


class _Placed:
    """A movement as a key of the cache: equal if name and key are."""

    def __init__(self, name: str, key: Any, place: Callable[[np.ndarray], np.ndarray]) -> None:
        self.identity, self.place = (name, key), place

    def __hash__(self) -> int:
        return hash(self.identity)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Placed) and self.identity == other.identity


def _positions(shape: Shape) -> np.ndarray:
    return np.arange(int(np.prod(shape)), dtype=np.int64).reshape(shape)


@functools.lru_cache(maxsize=256)
def _index(placed: _Placed, shape: Shape) -> np.ndarray:
    return np.asarray(placed.place(_positions(shape)), order="C")


def reshape(shape: Shape) -> Move:
    """The same numbers in the same order under another shape; one −1 is worked out."""
    return Move("reshape", lambda positions: positions.reshape(shape), shape)


def transpose(axes: Shape | None) -> Move:
    """The axes in another order; None turns it round."""
    return Move("transpose", lambda positions: positions.transpose(axes), axes)


def broadcast(shape: Shape) -> Move:
    """Repeat along axes of length 1, and along new ones in front."""
    return Move("broadcast", lambda positions: np.broadcast_to(positions, shape), shape)


def take(key: Any) -> Move:
    """Indexing as NumPy does it."""
    named = repr(key) if _is_basic(key) else [key]  # a list is no key: not cached
    return Move("index", lambda positions: np.asarray(positions[key]), named)


def _is_basic(key: Any) -> bool:
    parts = key if isinstance(key, tuple) else (key,)
    return all(part is None or part is Ellipsis or isinstance(part, int | slice) for part in parts)


class Concatenate(Op):
    """Several arrays one after the other along an axis."""

    name = "concatenate"
    hyper = {"axis": 0}

    def shape(self, *shapes: Shape) -> Shape:
        axis = _axis(int(self.settings["axis"]), len(shapes[0]), self.name)
        for shape in shapes:
            if shape[:axis] + shape[axis + 1 :] != shapes[0][:axis] + shapes[0][axis + 1 :]:
                raise ShapeError(
                    self.name,
                    f"shapes alike but for axis {axis}",
                    " and ".join(map(str, shapes)),
                    "Reshape them, or choose another axis.",
                )
        length = sum(shape[axis] for shape in shapes)
        return (*shapes[0][:axis], length, *shapes[0][axis + 1 :])

    def _indices(self, y: np.ndarray, xs: Arrays) -> list[np.ndarray]:
        axis = int(self.settings["axis"])
        ends = np.cumsum([x.shape[axis] for x in xs])[:-1]
        return [part.reshape(-1) for part in np.split(_positions(y.shape), ends, axis=axis)]

    def forward(self, y: np.ndarray, *xs: np.ndarray) -> None:
        for x, index in zip(xs, self._indices(y, xs), strict=True):
            movement.put(x.reshape(-1), index, y.reshape(-1))

    def backward(self, dy: np.ndarray, y: np.ndarray, xs: Arrays, dxs: Sequence[Any]) -> None:
        for dx, index in zip(dxs, self._indices(dy, xs), strict=True):
            if dx is not None:
                movement.gather(dy.reshape(-1), index, dx.reshape(-1), 1.0)


def _axis(axis: int, ndim: int, culprit: str) -> int:
    if not -ndim <= axis < ndim:
        raise ArgumentError(
            f"{culprit}(axis=…)", f"an axis of {ndim}", str(axis), f"Write axis={ndim - 1} or less."
        )
    return axis % ndim


class Reduce(Op):
    """Common to what makes one number of many along some axes."""

    hyper = {"axis": None, "keepdims": False}

    def constants(self) -> list[float]:
        return []

    def shape(self, *shapes: Shape) -> Shape:
        if self.settings["axis"] is None and not self.settings["keepdims"]:
            return ()
        axes = self.axes(shapes[0])
        if self.settings["keepdims"]:
            return tuple(1 if i in axes else n for i, n in enumerate(shapes[0]))
        return tuple(n for i, n in enumerate(shapes[0]) if i not in axes)

    def axes(self, x: Shape) -> tuple[int, ...]:
        axis = self.settings["axis"]
        if axis is None:
            return tuple(range(len(x)))
        axes = axis if isinstance(axis, tuple) else (axis,)
        return tuple(_axis(int(a), len(x), self.name) for a in axes)

    def index(self, x: Shape) -> np.ndarray:
        """For each input, the output it goes to."""
        return _targets(x, self.axes(x))


@functools.lru_cache(maxsize=256)
def _targets(x: Shape, axes: tuple[int, ...]) -> np.ndarray:
    kept = tuple(1 if i in axes else n for i, n in enumerate(x))
    return np.ascontiguousarray(np.broadcast_to(_positions(kept), x)).reshape(-1)


@functools.lru_cache(maxsize=256)
def reduction(kind: type[Reduce], axis: Any = None, keepdims: bool = False) -> Reduce:
    """The sum, mean, max or min along axes; made once for each."""
    return kind(axis=axis, keepdims=keepdims)


class Sum(Reduce):
    """Σ x along axes."""

    name = "sum"

    def divisor(self, x: Shape) -> float:
        return 1.0

    def forward(self, y: np.ndarray, *xs: np.ndarray) -> None:
        x, divisor = xs[0], self.divisor(xs[0].shape)
        if y.size == 1:
            movement.total(x.reshape(-1), y.reshape(-1), divisor)
        else:
            movement.scatter_add(x.reshape(-1), self.index(x.shape), y.reshape(-1), divisor)

    def backward(self, dy: np.ndarray, y: np.ndarray, xs: Arrays, dxs: Sequence[Any]) -> None:
        dx, divisor = dxs[0], self.divisor(xs[0].shape)
        if y.size == 1:
            movement.fill(dy.reshape(-1), dx.reshape(-1), divisor)
        else:
            movement.gather(dy.reshape(-1), self.index(dx.shape), dx.reshape(-1), divisor)


class Mean(Sum):
    """The mean along axes."""

    name = "mean"

    def divisor(self, x: Shape) -> float:
        axes = range(len(x)) if self.settings["axis"] is None else self.axes(x)
        return float(math.prod([x[axis] for axis in axes]))


class Max(Reduce):
    """The largest along axes; ties share the gradient evenly."""

    name = "max"
    saves = (0, OUTPUT)
    sign = 1.0

    def forward(self, y: np.ndarray, *xs: np.ndarray) -> None:
        x = xs[0]
        movement.extreme(x.reshape(-1), self.index(x.shape), y.reshape(-1), self.sign)

    def backward(self, dy: np.ndarray, y: np.ndarray, xs: Arrays, dxs: Sequence[Any]) -> None:
        index = self.index(xs[0].shape)
        flat = (array.reshape(-1) for array in (xs[0], y))
        movement.extreme_backward(*flat, index, dy.reshape(-1), dxs[0].reshape(-1))


class Min(Max):
    """The smallest along axes; ties share the gradient evenly."""

    name = "min"
    sign = -1.0


class WeightedMean(Op):
    """Σ wᵣ vᵣⱼ / (columns · Σ wᵣ), one weight a row; 0 where the weights add up to 0."""

    name = "weighted_mean"
    saves = (1,)

    def shape(self, *shapes: Shape) -> Shape:
        return ()

    def forward(self, y: np.ndarray, *xs: np.ndarray) -> None:
        movement.weighted_mean(xs[0].reshape(-1), xs[1].reshape(-1), y.reshape(-1))

    def backward(self, dy: np.ndarray, y: np.ndarray, xs: Arrays, dxs: Sequence[Any]) -> None:
        movement.weighted_mean_backward(xs[1].reshape(-1), dy.reshape(-1), dxs[0].reshape(-1))


weighted_mean = WeightedMean()
