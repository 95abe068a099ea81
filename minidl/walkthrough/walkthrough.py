"""A walkthrough that shows itself: printed, as a page, in Markdown, drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO, Any

from minidl.core import printable, read_text, storage
from minidl.document import put, to_markdown
from minidl.walkthrough.graph import svg
from minidl.walkthrough.rendering import framed, markdown_page, page, plain_text, text_lines
from minidl.walkthrough.walkthrough_data import WalkthroughData


@dataclass(frozen=True)
class Walkthrough(WalkthroughData):
    """One training step, every number of it shown and proved; ``minidl.explain`` makes it.

    Attributes
    ----------
    schema : int
        Of the data; see ``steps.SCHEMA``.
    problem : Problem
        The network, the loss, the optimizer, in words.
    start : tuple of Array
        What is there before the first step: batch, parameters, the optimizer's state.
    steps : tuple of Step
    verdicts : tuple of Verdict
        For every number of every gradient.
    digits : int
        How many significant digits results are printed with.

    Examples
    --------
    >>> import minidl as ml
    >>> net = ml.mlp([2, 2, 1], hidden="tanh", output="sigmoid", seed=0)
    >>> walkthrough = ml.explain(net, [[0.5, -1.0]], [1], loss="bce", optimizer="sgd")
    >>> walkthrough.verify()
    ()
    >>> {verdict.verdict for verdict in walkthrough.verdicts}
    {'pass'}
    >>> Walkthrough.from_json(walkthrough.to_json()) == walkthrough
    True
    """

    def save(self, path: Any) -> None:
        """Write the JSON to a file, which appears whole or not at all.

        Raises
        ------
        FileError
            If it cannot be written.
        """
        storage.write_whole(path, self.to_json().encode())

    @classmethod
    def load(cls, path: Any) -> Walkthrough:
        """A walkthrough from the file that ``save`` wrote.

        Raises
        ------
        FileError
            If it cannot be read, or is something else.
        """
        return cls.from_json(read_text(path, "a saved walkthrough", "Check the path."))

    def show(self, file: IO[str] | None = None, full: bool = False) -> None:
        """Print it: in colour on a terminal, plain elsewhere.

        ``full`` works out every number, not one of each array.
        """
        put(text_lines(self, full), file)

    def to_html(self) -> str:
        """One offline page: forwards and backwards by keys, the graph beside each step."""
        return page(self)

    def _repr_html_(self) -> str:
        """The page in a frame, so that a notebook shows several without their getting mixed up."""
        return framed(self)

    def to_markdown(self) -> str:
        """Every step in Markdown, formulas in LaTeX between dollar signs."""
        return to_markdown(markdown_page(self))

    def to_svg(self, step: int | None = None, row: int = 0) -> str:
        """The network as a graph in SVG, as it stands after a step (the last if left out).

        Parameters
        ----------
        step : int, optional
        row : int
            Of the batch: whose numbers stand at the nodes.

        Raises
        ------
        ArgumentError
            If there is no such step or row.
        """
        return svg(self, step, row)

    def __str__(self) -> str:
        return printable(plain_text(self))

    def __repr__(self) -> str:
        return f"Walkthrough({self.problem.title}, {len(self.steps)} steps)"
