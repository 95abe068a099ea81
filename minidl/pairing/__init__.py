"""Which activation goes with which loss: studies of small networks, trained alike and compared.

Data flows from ``study`` (the grid, and how it is tuned) over ``trial`` (one network: what decides
it, what came of it) and ``trainer`` (which trains it) to ``runner`` (all of them, on ``workers``)
and ``ledger`` (where results stay). ``statistics`` says what scores show, ``tables`` what is
compared; ``findings`` is all of it, ready for ``report``.
"""

from minidl.pairing.findings import Findings
from minidl.pairing.grid import Head, Pairing, heads, hidden_activations
from minidl.pairing.ledger import Ledger
from minidl.pairing.runner import run
from minidl.pairing.study import Study
from minidl.pairing.trainer import Trainer
from minidl.pairing.trial import Cell, Result, Setting, Trial

__all__ = [
    "Head",
    "Pairing",
    "heads",
    "hidden_activations",
    "Study",
    "Setting",
    "Cell",
    "Trial",
    "Result",
    "Trainer",
    "Ledger",
    "run",
    "Findings",
]
