"""Where arrays lie: whose memory an array is, and which part of it."""

from __future__ import annotations

import numpy as np

Place = tuple[int, int, int]
"""Where an array lies: whose memory it is (an id), how far into it, how many bytes."""


def root(array: np.ndarray) -> np.ndarray:
    """The array that owns the memory of a view."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def address(array: np.ndarray) -> int:
    """Where an array begins in this process's memory."""
    return int(array.__array_interface__["data"][0])


def offset(array: np.ndarray, owner: np.ndarray) -> int:
    """How many bytes into its owner's memory an array begins."""
    return 0 if array.nbytes == owner.nbytes else address(array) - address(owner)


def place(array: np.ndarray) -> Place:
    """Where an array lies, as a key; good for as long as somebody holds the array."""
    owner = root(array)
    return id(owner), offset(array, owner), array.nbytes
