"""Arrays that remember how they were made, and carry gradients back.

An operation (``op``) works on arrays; ``arithmetic`` and ``shapes`` hold those of minidl's own.
A ``node`` is an array in the graph that operations leave behind, ``backward`` walks that graph;
``tensor`` is what users hold, ``functions`` are operations by name, ``numpy_protocol`` NumPy's.
``block`` is a network's one piece of memory.
"""

from minidl.autodiff.backward import ancestors, gradients
from minidl.autodiff.block import Block, stretches
from minidl.autodiff.functions import (
    absolute,
    clip,
    concatenate,
    exp,
    log,
    matmul,
    maximum,
    minimum,
    sqrt,
    stack,
    where,
)
from minidl.autodiff.node import Node, no_grad, remembers
from minidl.autodiff.op import (
    OUTPUT,
    Arrays,
    BinaryElementwise,
    Elementwise,
    Op,
    ScalarOp,
    Shape,
)
from minidl.autodiff.shapes import Sum, broadcast, reduction, weighted_mean
from minidl.autodiff.tensor import Tensor, at_the_door
from minidl.autodiff.trace import Listener, handed_to, listener, listeners, recorder, watcher

__all__ = [
    "Listener",
    "handed_to",
    "listener",
    "listeners",
    "recorder",
    "watcher",
    "Arrays",
    "Block",
    "Elementwise",
    "BinaryElementwise",
    "Node",
    "OUTPUT",
    "Op",
    "ScalarOp",
    "Shape",
    "Sum",
    "Tensor",
    "absolute",
    "ancestors",
    "at_the_door",
    "broadcast",
    "clip",
    "concatenate",
    "exp",
    "gradients",
    "log",
    "matmul",
    "maximum",
    "minimum",
    "no_grad",
    "reduction",
    "remembers",
    "sqrt",
    "stack",
    "stretches",
    "weighted_mean",
    "where",
]
