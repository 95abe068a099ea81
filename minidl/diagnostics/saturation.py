"""Where an activation is flat: its slope beside the steepest that it can have.

The one definition of "saturated": of diagnoses, of a walkthrough's graph, of x-rays.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl.core import REALS

SLOPE = 0.05
"""A unit is active in a row where its slope is above this share of the steepest it can have."""

SUMS = np.linspace(-10.0, 10.0, 401)
"""Where an activation's steepest slope is looked for."""


def levels_off(op: Any) -> bool:
    """Whether an activation can be flat for good: its range has an end.

    Examples
    --------
    >>> from minidl.nn import activations
    >>> [name for name in ("tanh", "relu", "leaky_relu") if levels_off(activations[name])]
    ['tanh', 'relu']
    """
    return bool(op.range != REALS)


def slopes(op: Any, y: np.ndarray, xs: Sequence[np.ndarray]) -> np.ndarray:
    """An activation's slopes with respect to its first operand, by its own way back.

    Examples
    --------
    >>> from minidl.nn import activations
    >>> x = np.array([[-1.0, 3.0]])
    >>> slopes(activations["relu"], np.maximum(x, 0.0), [x])
    array([[0., 1.]])
    """
    dx = np.empty_like(xs[0])
    op.backward(np.ones_like(y), y, xs, [dx, *(None for _ in xs[1:])])
    return dx


def idle(op: Any, y: np.ndarray, xs: Sequence[np.ndarray]) -> np.ndarray:
    """Where the slope is at most ``SLOPE`` (5 %) of the steepest that the unit can have.

    Parameters
    ----------
    op : ElementwiseActivation
    y : array of shape (…, units)
        Its outputs.
    xs : sequence of arrays of that shape
        Its sums, and what it has learned.

    Returns
    -------
    array of bool of that shape

    Examples
    --------
    >>> from minidl.nn import activations
    >>> x = np.array([[0.0, 2.0, 3.0]])
    >>> idle(activations["tanh"], np.tanh(x), [x])
    array([[False, False,  True]])
    """
    units = y.shape[-1] if y.ndim > 1 else 1
    steepness = np.abs(slopes(op, y, xs)).reshape(-1, units)
    mask: np.ndarray = (steepness <= SLOPE * _steepest(op, xs, units)).reshape(y.shape)
    return mask


def _steepest(op: Any, xs: Sequence[np.ndarray], units: int) -> np.ndarray:
    """The largest slope that each unit can have; what is learned is as in the first row."""
    if len(xs) == 1:
        return _steepest_alone(op, xs[0].dtype)
    return _steepest_of(op, xs[0].dtype, [x.reshape(-1, units)[:1] for x in xs[1:]], units)


@functools.lru_cache(maxsize=64)
def _steepest_alone(op: Any, dtype: np.dtype) -> np.ndarray:
    return _steepest_of(op, dtype, [], 1)


def _steepest_of(op: Any, dtype: np.dtype, learned: list[np.ndarray], units: int) -> np.ndarray:
    shape = (len(SUMS), units)
    grid = [np.array(np.broadcast_to(x, shape), dtype) for x in (SUMS[:, None], *learned)]
    y = np.empty_like(grid[0])
    op.forward(y, *grid)
    steepest: np.ndarray = np.abs(slopes(op, y, grid)).max(axis=0)
    return steepest
