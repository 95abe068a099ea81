"""What a finding says in words, and never more than that.

A sentence claims a difference ("scores higher") only where a planned, corrected test shows one.
All others describe, and say what they rest on.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatch

import numpy as np

from minidl.pairing.statistics.comparison import Comparison
from minidl.pairing.statistics.planning import Design, fewest_observations
from minidl.pairing.statistics.ranking import Ranked
from minidl.pairing.statistics.ranks import RankSummary

CLAIM = "scores higher than"
"""The words of a claim; in no other sentence."""


@singledispatch
def sentence(finding: object) -> str:
    """A finding in words: of a comparison, a design, ranks or a ranking.

    Differences are in points, hundredths of a score.

    Parameters
    ----------
    finding : Comparison, Design, RankSummary or Ranked

    Examples
    --------
    >>> found = Comparison(
    ...     "relu", "sigmoid", None, 0.012, 0.004, 0.03, 9, 1, 0, p_value=0.004, adjusted=0.008,
    ...     comparisons=2,
    ... )
    >>> print(sentence(found))
    relu scores higher than sigmoid over dataset families: typically by 1.2 points, higher in
    9 of 10, lower in 0 (Wilcoxon's signed-rank test, p = 0.008 after Holm's correction for 2
    comparisons).
    """
    raise TypeError(f"{type(finding).__name__} is no finding")


@sentence.register
def _(finding: Comparison) -> str:
    if finding.shown:
        return _claim(finding)
    where = f"on {finding.dataset}" if finding.dataset else "over dataset families"
    pair = f"{finding.first} and {finding.second}"
    if not finding.possible:
        unit = "family" if finding.dataset is None else "repetition"
        needed = fewest_observations(finding.comparisons, finding.alpha)
        return (
            f"Whether {pair} differ {where} cannot be shown with "
            f"{how_many(finding.observations, unit)}: "
            f"{how_many(finding.comparisons, 'comparison')} "
            f"{_need(finding.comparisons)} at least {needed}."
        )
    return (
        f"No difference between {pair} is shown {where}: {_difference(finding)} ({_test(finding)})."
    )


def _claim(finding: Comparison) -> str:
    higher, lower = finding.first, finding.second
    wins, losses = finding.wins, finding.losses
    if finding.direction < 0:
        higher, lower, wins, losses = lower, higher, losses, wins
    count = f"higher in {wins} of {finding.observations}, lower in {losses}"
    size = _points(abs(finding.difference))
    if finding.dataset is None:
        where, size = "over dataset families", f"typically by {size}"
    else:
        where, size = f"on {finding.dataset}", f"on average by {size}"
        count += " repetitions"
    return f"{higher} {CLAIM} {lower} {where}: {size}, {count} ({_test(finding)})."


def _difference(finding: Comparison) -> str:
    """A difference that is not shown, and what it may be."""
    estimate = "typically" if finding.dataset is None else "on average"
    text = f"{estimate} {_signed(finding.difference)} points"
    if not np.isfinite([finding.low, finding.high]).all():
        return text
    level = "simultaneous 95 % interval" if finding.dataset is None else "95 % interval by itself"
    if finding.dataset is None and finding.alpha != 0.05:
        level = f"simultaneous {100 * (1 - finding.alpha):g} % interval"
    return f"{text}, {level} {_signed(finding.low)} to {_signed(finding.high)}"


def _test(finding: Comparison) -> str:
    name = "Wilcoxon's signed-rank" if finding.dataset is None else "sign-flip permutation"
    comparisons = how_many(finding.comparisons, "comparison")
    return f"{name} test, {_p(finding.adjusted)} after Holm's correction for {comparisons}"


@sentence.register
def _(finding: Design) -> str:
    compared = how_many(finding.comparisons, "comparison")
    families = (
        f"{compared} over dataset families {_need(finding.comparisons)} at least "
        f"{finding.fewest_families} families; this study has {finding.families}"
    )
    if finding.scope == "families":
        return f"{families}.{_detectable(finding)}"
    tests = finding.comparisons * finding.datasets
    single = (
        f"{how_many(tests, 'test')} on single datasets {_need(tests)} at least "
        f"{finding.fewest_repetitions} repetitions"
    )
    if finding.scope == "datasets":
        return (
            f"{families}, so claims are about single datasets: {single}, and it has "
            f"{finding.repetitions}.{_detectable(finding)}"
        )
    return (
        f"This design cannot show any difference: {families}, and {single}; it has "
        f"{finding.repetitions}."
    )


def _detectable(finding: Design) -> str:
    if finding.spread is None:
        return ""
    return (
        f" A true difference of {_points(finding.detectable)} is found in 80 of 100 such studies, "
        f"if differences spread by {_points(finding.spread)}."
    )


@sentence.register
def _(finding: RankSummary) -> str:
    best = finding.pairings[int(finding.mean_ranks.argmin())]
    text = (
        f"{best} has the lowest mean rank, {finding.mean_ranks.min():.1f} of "
        f"{len(finding.pairings)}, over {how_many(finding.families, 'dataset family')}"
    )
    if np.isnan(finding.p_value):
        return f"{text}."
    return (
        f"{text}. That all rank alike has {_p(finding.p_value)} by Friedman's test; which "
        "pairings differ is said by the planned comparisons only."
    )


@sentence.register
def _(finding: Ranked) -> str:
    return (
        f"{finding.pairing} is in place {finding.place} with a mean score of "
        f"{100 * finding.score:.1f} points; {100 * finding.corrected:.1f} without the luck of "
        f"having been chosen. With other repetitions of the same study it takes places "
        f"{finding.best_place} to {finding.worst_place}, and comes first in "
        f"{100 * finding.first:.0f} of 100."
    )


def headlines(comparisons: Sequence[Comparison], design: Design) -> list[str]:
    """What a study shows, largest differences first; or in one sentence that it shows nothing.

    Examples
    --------
    >>> print(headlines([], Design(pairings=3, datasets=2, families=2, repetitions=3))[0])
    This design cannot show any difference: 2 comparisons over dataset families need at least 7
    families; this study has 2, and 4 tests on single datasets need at least 8 repetitions; it
    has 3.
    """
    if design.scope == "nothing":
        return [sentence(design)]
    shown = [comparison for comparison in comparisons if comparison.shown]
    if not shown:
        return [
            f"No difference is shown by any of {how_many(len(comparisons), 'comparison')}; that is "
            "no proof that there is none."
        ]
    largest = sorted(shown, key=lambda comparison: abs(comparison.difference), reverse=True)
    return [sentence(comparison) for comparison in largest]


def _points(difference: float) -> str:
    return (
        f"{100 * difference:.2g} points"
        if abs(difference) < 0.01
        else f"{100 * difference:.1f} points"
    )


def _signed(difference: float) -> str:
    return f"{100 * difference:+.1f}".replace("-", "−")


def _p(p_value: float) -> str:
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.3g}"


def _need(number: int) -> str:
    return "needs" if number == 1 else "need"


def how_many(number: int, what: str) -> str:
    """So many of something, in words.

    Examples
    --------
    >>> how_many(1, "family"), how_many(2, "family"), how_many(3000, "test")
    ('1 family', '2 families', '3,000 tests')
    """
    if number == 1:
        return f"1 {what}"
    return f"{number:,} {what[:-1]}ies" if what.endswith("y") else f"{number:,} {what}s"
