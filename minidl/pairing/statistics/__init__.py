"""What scores of a study show: pure functions on arrays, in the order a report asks.

``scores`` (the table, and how a failure counts) → ``planning`` (what the design can show) →
``planned`` (which comparisons, corrected how) → ``signedrank`` over families and ``paired`` on one
dataset, put together in ``comparison``, which all claims come from → what describes besides:
``ranks``, ``aggregate``, ``variance``, ``ranking``, ``sensitivity`` → ``sentences``.

A larger score is better everywhere. Nothing here knows of networks, files or reports.
"""

from minidl.pairing.statistics.aggregate import (
    Difference,
    Estimate,
    differences_on_datasets,
    interquartile_mean,
    interquartile_means,
)
from minidl.pairing.statistics.comparison import (
    Comparison,
    PairwiseMatrix,
    compare,
    compare_on_datasets,
    compare_over_families,
    pairwise_matrix,
)
from minidl.pairing.statistics.paired import bca_interval, sign_flip_test
from minidl.pairing.statistics.planned import ALPHA, holm, planned_pairs
from minidl.pairing.statistics.planning import Design, detectable_difference, fewest_observations
from minidl.pairing.statistics.ranking import Ranked, corrected_ranking
from minidl.pairing.statistics.ranks import RankSummary, bars, critical_difference, rank_summary
from minidl.pairing.statistics.scores import DIGITS, Scores, failures_counted
from minidl.pairing.statistics.sensitivity import RateSensitivity, rate_sensitivity
from minidl.pairing.statistics.sentences import CLAIM, headlines, how_many, sentence
from minidl.pairing.statistics.signedrank import (
    signed_rank_test,
    typical_difference,
    typical_interval,
)
from minidl.pairing.statistics.variance import Share, crossed, decompose, ranks_within

__all__ = [
    "Scores",
    "failures_counted",
    "DIGITS",
    "ALPHA",
    "Design",
    "detectable_difference",
    "fewest_observations",
    "planned_pairs",
    "holm",
    "Comparison",
    "compare",
    "compare_over_families",
    "compare_on_datasets",
    "signed_rank_test",
    "typical_difference",
    "typical_interval",
    "sign_flip_test",
    "bca_interval",
    "PairwiseMatrix",
    "pairwise_matrix",
    "RankSummary",
    "rank_summary",
    "critical_difference",
    "bars",
    "Difference",
    "differences_on_datasets",
    "Estimate",
    "interquartile_mean",
    "interquartile_means",
    "Share",
    "crossed",
    "decompose",
    "ranks_within",
    "Ranked",
    "corrected_ranking",
    "RateSensitivity",
    "rate_sensitivity",
    "CLAIM",
    "how_many",
    "sentence",
    "headlines",
]
