"""A training step as a list of instructions: recorded once, then run, stepped and listed.

Data flows from ``tape`` (the kernel calls of one step) over ``layout`` (which memory they work
in) and ``record`` (both, checked on two batches) to ``program``, which runs it: a step as ``code``
for the machine, a dataset in ``epochs``; ``listing`` reads it.
"""

from minidl.program.program import Kept, Program, Step
from minidl.program.record import record, record_training

__all__ = ["Kept", "Program", "Step", "record", "record_training"]
