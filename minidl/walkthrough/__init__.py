"""A training step walked through: every number shown, every gradient proved.

Data flows from ``reading`` (the instructions of a recorded program, run one by one) to ``steps``
(plain data), from there to the equations of single numbers, and to renderings: ``text`` in the
terminal, ``page`` in a browser, ``markdown``, and ``svg``, the network as a graph. What an
operation is, in all of these, is said once, by its class in ``operations``. ``notation`` and
``latex`` write formulas as a book does; ``graph``, ``picture`` and ``tables`` say what of network
and arrays is shown, and how it stands after a step. ``proof`` takes the differences;
``expressions``, ``calculus`` and ``digits`` know formulas, their derivatives, and how many digits
make an equation come out.

Beside it: ``xray`` holds several heads over the same network, ``worksheet`` makes exercises,
``grading`` marks them by what classical ``mistakes`` would have given.
"""

from minidl.walkthrough.examples import EXAMPLES
from minidl.walkthrough.grading import Marks, grade, read_answers
from minidl.walkthrough.make import explain
from minidl.walkthrough.walkthrough import Walkthrough
from minidl.walkthrough.worksheets import SHEET, Worksheet, worksheet
from minidl.walkthrough.xrays import XRay, xray

__all__ = [
    "EXAMPLES",
    "SHEET",
    "Marks",
    "Walkthrough",
    "Worksheet",
    "XRay",
    "explain",
    "grade",
    "read_answers",
    "worksheet",
    "xray",
]
