"""What scores of a study show: pure functions on arrays, in the order a report asks.

``scores`` (the table, and how a failure counts) → ``planning`` (what the design can show) →
``planned`` (which comparisons, corrected how) → ``signedrank`` over families and ``paired`` on one
dataset, put together in ``comparison``, which all claims come from → what describes besides:
``ranks``, ``aggregate``, ``variance``, ``ranking``, ``sensitivity`` → ``sentences``.

A larger score is better everywhere. Nothing here knows of networks, files or reports.
"""

from minidl.pairing.statistics.aggregate import Difference as Difference
from minidl.pairing.statistics.aggregate import Estimate as Estimate
from minidl.pairing.statistics.aggregate import differences_on_datasets as differences_on_datasets
from minidl.pairing.statistics.aggregate import interquartile_mean as interquartile_mean
from minidl.pairing.statistics.aggregate import interquartile_means as interquartile_means
from minidl.pairing.statistics.comparison import Comparison as Comparison
from minidl.pairing.statistics.comparison import PairwiseMatrix as PairwiseMatrix
from minidl.pairing.statistics.comparison import compare as compare
from minidl.pairing.statistics.comparison import compare_on_datasets as compare_on_datasets
from minidl.pairing.statistics.comparison import compare_over_families as compare_over_families
from minidl.pairing.statistics.comparison import pairwise_matrix as pairwise_matrix
from minidl.pairing.statistics.paired import bca_interval as bca_interval
from minidl.pairing.statistics.paired import sign_flip_test as sign_flip_test
from minidl.pairing.statistics.planned import ALPHA as ALPHA
from minidl.pairing.statistics.planned import holm as holm
from minidl.pairing.statistics.planned import planned_pairs as planned_pairs
from minidl.pairing.statistics.planning import Design as Design
from minidl.pairing.statistics.planning import detectable_difference as detectable_difference
from minidl.pairing.statistics.planning import fewest_observations as fewest_observations
from minidl.pairing.statistics.ranking import Ranked as Ranked
from minidl.pairing.statistics.ranking import corrected_ranking as corrected_ranking
from minidl.pairing.statistics.ranks import RankSummary as RankSummary
from minidl.pairing.statistics.ranks import bars as bars
from minidl.pairing.statistics.ranks import critical_difference as critical_difference
from minidl.pairing.statistics.ranks import rank_summary as rank_summary
from minidl.pairing.statistics.scores import DIGITS as DIGITS
from minidl.pairing.statistics.scores import Scores as Scores
from minidl.pairing.statistics.scores import failures_counted as failures_counted
from minidl.pairing.statistics.sensitivity import RateSensitivity as RateSensitivity
from minidl.pairing.statistics.sensitivity import rate_sensitivity as rate_sensitivity
from minidl.pairing.statistics.sentences import CLAIM as CLAIM
from minidl.pairing.statistics.sentences import headlines as headlines
from minidl.pairing.statistics.sentences import how_many as how_many
from minidl.pairing.statistics.sentences import sentence as sentence
from minidl.pairing.statistics.signedrank import signed_rank_test as signed_rank_test
from minidl.pairing.statistics.signedrank import typical_difference as typical_difference
from minidl.pairing.statistics.signedrank import typical_interval as typical_interval
from minidl.pairing.statistics.variance import Share as Share
from minidl.pairing.statistics.variance import crossed as crossed
from minidl.pairing.statistics.variance import decompose as decompose
from minidl.pairing.statistics.variance import ranks_within as ranks_within
