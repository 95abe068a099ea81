"""A network as users hold it: layers in a row, saved to a file and loaded from one."""

from minidl.model.loading import load
from minidl.model.sequential import Sequential, mlp

__all__ = [
    "Sequential",
    "load",
    "mlp",
]
