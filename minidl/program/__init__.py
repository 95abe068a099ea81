"""A training step as a list of instructions: recorded once, then run, stepped and listed.

Data flows from ``tape`` (the kernel calls of one step) over ``layout`` (which memory they work
in) and ``record`` (both, checked on two batches) to ``program``, which runs it: a step as ``code``
for the machine, a dataset in ``epochs``; ``listing`` reads it.
"""

from minidl.program.instruction import SETTINGS as SETTINGS
from minidl.program.instruction import Instruction as Instruction
from minidl.program.places import address as address
from minidl.program.places import place as place
from minidl.program.printing import listing as listing
from minidl.program.program import Kept as Kept
from minidl.program.program import Program as Program
from minidl.program.program import RunInstruction as RunInstruction
from minidl.program.recording import record as record
from minidl.program.recording import record_training as record_training
from minidl.program.recording import workspace as workspace
from minidl.program.state import State as State
