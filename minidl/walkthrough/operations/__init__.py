"""The operations of a training step, each in one class; see ``operation``.

``finding`` looks one up, ``reading`` makes steps of a program with them, ``scene`` is where they
work out a single number.
"""

from minidl.walkthrough.operations.activations import ElementwiseValue, keys_of
from minidl.walkthrough.operations.finding import operation_for, operation_of
from minidl.walkthrough.operations.heads import bounded
from minidl.walkthrough.operations.objective import Beginning, LossAfterwards
from minidl.walkthrough.operations.operation import Operation, Question
from minidl.walkthrough.operations.reading import Reader
from minidl.walkthrough.operations.scene import Scene
from minidl.walkthrough.operations.updates import states_used

__all__ = [
    "Beginning",
    "ElementwiseValue",
    "LossAfterwards",
    "Operation",
    "Question",
    "Reader",
    "Scene",
    "bounded",
    "keys_of",
    "operation_for",
    "operation_of",
    "states_used",
]
