"""A training step walked through: every number shown, every gradient proved.

Data flows from the instructions of a recorded program, run one by one by ``make``, to ``steps``
(plain data), from there to the equations of single numbers (``walkthrough_data``), and to what is
shown (``walkthrough``): by ``rendering`` in a terminal, in Markdown or in a browser, by ``graph``
as a drawing. What an operation is, in all of these, is said once, by its class in ``operations``.
``formulas`` are read, derived, printed with as many digits as make them come out, and written as
LaTeX; ``proof`` takes the differences.

Beside it: ``xrays`` hold several heads over the same network; ``practice`` makes worksheets, and
marks them by what classical mistakes would have given.
"""

from minidl.walkthrough.examples import EXAMPLES as EXAMPLES
from minidl.walkthrough.make import explain as explain
from minidl.walkthrough.practice import SHEET as SHEET
from minidl.walkthrough.practice import Marks as Marks
from minidl.walkthrough.practice import Worksheet as Worksheet
from minidl.walkthrough.practice import grade as grade
from minidl.walkthrough.practice import read_answers as read_answers
from minidl.walkthrough.practice import worksheet as worksheet
from minidl.walkthrough.walkthrough import Walkthrough as Walkthrough
from minidl.walkthrough.xrays import XRay as XRay
from minidl.walkthrough.xrays import xray as xray
