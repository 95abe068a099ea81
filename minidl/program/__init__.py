"""A training step as a list of instructions: recorded once, then run, stepped and listed.

Data flows from ``tape`` (the kernel calls of one step) over ``layout`` (which memory they work
in) and ``record`` (both, checked on two batches) to ``program``, which runs it: a step as ``code``
for the machine, a dataset in ``epochs``; ``listing`` reads it.
"""

from minidl.program.instruction import SETTINGS, Instruction
from minidl.program.places import address, place
from minidl.program.printing import listing
from minidl.program.program import Kept, Program, RunInstruction
from minidl.program.recording import record, record_training, workspace
from minidl.program.state import State

__all__ = [
    "SETTINGS",
    "Instruction",
    "Kept",
    "Program",
    "State",
    "RunInstruction",
    "address",
    "listing",
    "place",
    "record",
    "record_training",
    "workspace",
]
