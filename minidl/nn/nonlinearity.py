"""What every activation has in common: the facts that are known of it, and its shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from minidl.autodiff import OUTPUT, Arrays, Elementwise, Op, Shape
from minidl.core import REALS, Interval, ShapeError


class Facts:
    """What is known of an activation; tests, pages, plots and grids read it.

    Attributes
    ----------
    formula, slope_formula : str
        Value and slope as a book prints them, in Python's syntax; the slope may mention the value
        itself, as y.
    derivative : str
        The slope in words, where these say more than ``slope_formula``.
    """

    formula: str = ""
    latex: str = ""
    derivative: str = ""
    slope_formula: str = ""
    range: Interval = REALS
    rows_sum_to_one: bool = False
    link: str | None = None
    kinks: tuple[float, ...] = ()
    init: str = "glorot_uniform"
    learned: bool = False
    properties: tuple[str, ...] = ()
    good_for: tuple[str, ...] = ()
    source: str = ""


class ActivationFunction(Facts, Elementwise):
    """An activation that treats every number by itself: write ``value`` and ``slope``.

    Both are plain Python on floats, which numba compiles. A function of your own that they call
    must be one that numba knows as well: put ``@minidl.kernels.jit.scalar`` above it. Machine code
    does not look at indices: a formula that reads a table of yours beyond its ends reads other
    memory, or ends the process. Bound the index yourself.

    Examples
    --------
    >>> class Square(ActivationFunction):
    ...     name = "square"
    ...     value = staticmethod(lambda x: x * x)
    ...     slope = staticmethod(lambda x: 2.0 * x)
    >>> Square()([1.0, 3.0])
    array([1., 9.])
    """


class RowActivation(Facts, Op):
    """An activation of a whole row; ``kernels`` go forward and, from the output, backward."""

    saved_for_backward = (OUTPUT,)
    kernels: ClassVar[tuple[Any, Any]]

    def shape(self, *shapes: Shape) -> Shape:
        (x,) = shapes
        if not x or x[-1] < 2:
            raise ShapeError(
                self.name,
                "at least two units in a row",
                f"shape {x}",
                "One unit alone would always come out as 1: write 'sigmoid' for two classes.",
            )
        return x

    def forward(self, y: np.ndarray, *xs: np.ndarray) -> None:
        self.kernels[0](xs[0].reshape(-1), y.reshape(-1), y.shape[-1])

    def backward(self, dy: np.ndarray, y: np.ndarray, xs: Arrays, dxs: Sequence[Any]) -> None:
        self.kernels[1](y.reshape(-1), dy.reshape(-1), dxs[0].reshape(-1), y.shape[-1])
