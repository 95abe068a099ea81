"""How far results are off, in units in the last place, on whole arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def places(wanted: Array, dtype: Any, least: Any = 0.0) -> Array:
    """A unit in the last place of ``dtype`` where the exact results lie.

    That of the binade, no less than the subnormal numbers' spacing, and no less than ``least``.
    """
    info = np.finfo(dtype)
    if wanted.dtype == np.float64:
        power = (np.ascontiguousarray(wanted).view(np.int64) & 0x7FF0000000000000).view(np.float64)
    else:
        power = np.ldexp(wanted.dtype.type(1), np.frexp(wanted)[1] - 1)
    low, high = (np.ldexp(wanted.dtype.type(1), int(e)) for e in (info.minexp, info.maxexp - 1))
    return np.maximum(np.clip(power, low, high) * info.eps, least)


def distances(y: Array, wanted: Array, units: Array, rest: Any = 0.0) -> Array:
    """How far results are off, in those units; overflow counts as the next power of two.

    0 where both are NaN, infinite where only one is. The exact result is ``wanted + rest · units``.
    """
    top = _end(y.dtype, wanted.dtype)
    gap = np.clip(y.astype(wanted.dtype), -top, top) - np.clip(wanted, -top, top)
    off = np.abs(gap / units - rest)
    if np.isnan(off).any():
        off = np.where(np.isnan(off), np.where(np.isnan(y) & np.isnan(wanted), 0, np.inf), off)
    return off


def _end(dtype: Any, wide: Any) -> Any:
    """The power of two above all finite numbers, or the largest number if that is too much."""
    if dtype == wide:
        return np.finfo(wide).max
    return np.ldexp(wide.type(1), int(np.finfo(dtype).maxexp))
