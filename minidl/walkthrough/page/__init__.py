"""A walkthrough as one offline page: a stepper with the graph, the arithmetic and its proof.

``stepper`` renders ``stepper.html.j2`` with its style and script inside; ``content`` is what
the script is told: formulas once each, and of every number that is shown the digits of its
equations.
"""

from minidl.walkthrough.page.stepper import framed, page

__all__ = ["framed", "page"]
