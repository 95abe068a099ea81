"""A network as users hold it: layers in a row, saved to a file and loaded from one."""

from minidl.model.loading import load as load
from minidl.model.sequential import Sequential as Sequential
from minidl.model.sequential import mlp as mlp
