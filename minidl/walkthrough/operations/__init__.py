"""The operations of a training step, each in one class; see ``operation``.

``finding`` looks one up, ``reading`` makes steps of a program with them, ``scene`` is where they
work out a single number.
"""

from minidl.walkthrough.operations.activations import ElementwiseValue as ElementwiseValue
from minidl.walkthrough.operations.activations import keys_of as keys_of
from minidl.walkthrough.operations.finding import operation_for as operation_for
from minidl.walkthrough.operations.finding import operation_of as operation_of
from minidl.walkthrough.operations.heads import bounded as bounded
from minidl.walkthrough.operations.objective import Beginning as Beginning
from minidl.walkthrough.operations.objective import LossAfterwards as LossAfterwards
from minidl.walkthrough.operations.operation import Operation as Operation
from minidl.walkthrough.operations.operation import Question as Question
from minidl.walkthrough.operations.reading import Reader as Reader
from minidl.walkthrough.operations.scene import Scene as Scene
from minidl.walkthrough.operations.updates import states_used as states_used
