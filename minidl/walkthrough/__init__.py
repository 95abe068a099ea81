"""A training step walked through: every number shown, every gradient proved.

Data flows from ``reading`` (the instructions of a recorded program, run one by one) to ``steps``
(plain data), from there by ``expansion`` to the equations of single numbers, and to renderings:
``text``. ``proof`` takes the differences; ``expressions``, ``calculus`` and ``digits`` know
formulas, their derivatives, and how many digits make an equation come out.
"""

from minidl.walkthrough.make import explain
from minidl.walkthrough.walkthrough import Walkthrough

__all__ = ["Walkthrough", "explain"]
