"""What a published claim is here: a statement, its source, a rule that was set before looking.

A rule is a list of bounds on figures. It is printed as it is checked, so that what is read and
what decides cannot part.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf

from minidl.core import ArgumentError, Registry

Figures = Mapping[str, float]
"""What a study measured: numbers by name."""


@dataclass(frozen=True)
class Source:
    """Where a claim was published.

    Examples
    --------
    >>> print(Source("A. Author", "A title", "a venue", 2020, arxiv="2001.00001"))
    A. Author, A title, a venue, 2020, arXiv:2001.00001
    """

    authors: str
    title: str
    venue: str
    year: int
    arxiv: str = ""

    @property
    def short(self) -> str:
        """Authors and year, as in a running text: ``A. Author et al. 2020``."""
        first, *others = self.authors.split(", ")
        named = f"{first} et al." if len(others) > 1 else " and ".join((first, *others))
        return f"{named} {self.year}"

    def __str__(self) -> str:
        preprint = f", arXiv:{self.arxiv}" if self.arxiv else ""
        return f"{self.authors}, {self.title}, {self.venue}, {self.year}{preprint}"


@dataclass(frozen=True)
class Bound:
    """One condition of a rule: where a figure must lie.

    Parameters
    ----------
    figure : str
        The figure's name, in the words that are printed.
    least, most : float
        Both belong to what is allowed; a figure that is NaN never holds.

    Examples
    --------
    >>> bound = Bound("accuracy", least=0.9)
    >>> print(bound, bound.holds({"accuracy": 0.95}), bound.holds({"accuracy": float("nan")}))
    accuracy ≥ 0.9 True False
    """

    figure: str
    least: float = -inf
    most: float = inf

    def holds(self, figures: Figures) -> bool:
        """Whether the figure lies where it must."""
        return self.least <= figures[self.figure] <= self.most

    @property
    def wanted(self) -> str:
        """The bound without the figure's name: ``≥ 0.9``, ``in [0, 1]``."""
        if self.least == -inf:
            return f"≤ {self.most:.3g}"
        if self.most == inf:
            return f"≥ {self.least:.3g}"
        return f"in [{self.least:.3g}, {self.most:.3g}]"

    def __str__(self) -> str:
        return f"{self.figure} {self.wanted}"


@dataclass(eq=False)
class Claim:
    """A published claim, and the study that looks whether it holds here.

    Parameters
    ----------
    name, statement : str
        What to call it, and what it says.
    source : Source
    rule : tuple of Bound
        The first is the heart of the claim: without it nothing is reproduced.
    exact : bool
        Whether nothing is trained: mathematics and fresh networks, quick enough for tests.
    measure : callable
        Gives the figures. Its arguments have defaults; what is trained takes ``workers``.

    Examples
    --------
    >>> claims["bce_gradient"].reproduce().verdict
    'reproduced'
    """

    name: str
    statement: str
    source: Source
    rule: tuple[Bound, ...]
    exact: bool
    measure: Callable[..., Figures]
    aliases: tuple[str, ...] = ()

    def judge(self, figures: Figures) -> str:
        """Reproduced if all bounds hold, not if the first does not, partly otherwise."""
        holds = [bound.holds(figures) for bound in self.rule]
        if not holds[0]:
            return "not"
        return "reproduced" if all(holds) else "partly"

    def reproduce(self, workers: int = 1) -> Finding:
        """Run the study; the figures do not depend on the number of workers."""
        measured = self.measure() if self.exact else self.measure(workers=workers)
        figures = {name: float(figure) for name, figure in measured.items()}
        return Finding(self, figures, self.judge(figures))


@dataclass(frozen=True)
class Finding:
    """What came of a claim's study.

    Parameters
    ----------
    claim : Claim
    figures : mapping of str to float
        Those of the rule, and perhaps others that help to understand them.
    verdict : {"reproduced", "partly", "not"}
    """

    claim: Claim
    figures: Figures
    verdict: str


claims: Registry[Claim] = Registry("claim", listing="minidl reproduce --list")


def claim(
    *, source: Source, rule: tuple[Bound, ...], exact: bool = False
) -> Callable[[Callable[..., Figures]], Callable[..., Figures]]:
    """Register a study under its function's name; its docstring begins with the statement."""

    def register(measure: Callable[..., Figures]) -> Callable[..., Figures]:
        name = measure.__name__
        words = name.replace("_", " ") if sys.flags.optimize > 1 else ""  # -OO strips docstrings
        statement = " ".join((measure.__doc__ or words).split("\n\n")[0].split())
        if not (statement and rule):
            remedy = "Write it in the function's docstring, and a rule in @claim."
            raise ArgumentError(f"claim {name!r}", "a statement and a rule", "none", remedy)
        claims.register(Claim(name, statement, source, rule, exact, measure))
        return measure

    return register
