"""Which activation goes with which loss: a grid of small networks, trained alike and compared.

Data flows from ``grid`` (what is trained) over ``trial`` (one network) and ``runner`` (all of
them) to ``report`` (what came out); ``standing`` reads results for the last two. ``statistics``
says what the scores of a whole study show.
"""

from minidl.pairing.grid import Head, heads, hidden_activations
from minidl.pairing.report import show
from minidl.pairing.runner import Plan, run
from minidl.pairing.standing import rows, standings
from minidl.pairing.trial import Result, Trial, train

__all__ = [
    "Head",
    "Plan",
    "Result",
    "Trial",
    "heads",
    "hidden_activations",
    "run",
    "train",
    "rows",
    "standings",
    "show",
]
