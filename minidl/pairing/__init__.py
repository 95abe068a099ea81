"""Which activation goes with which loss: studies of small networks, trained alike and compared.

Data flows from ``study`` (what is trained) to ``execution`` (all trials, into a ledger), from there
to ``statistics`` (what scores show), to ``findings`` (all of it, as data), and to ``report``.
"""

from minidl.pairing.execution import Ledger, Trainer, export, run, write_results
from minidl.pairing.findings import Findings, plan, planned_tables, status
from minidl.pairing.study import (
    Cell,
    Head,
    Pairing,
    Result,
    Setting,
    Study,
    Trial,
    encode_labels,
    heads,
    hidden_activations,
    is_file,
)

__all__ = [
    "Cell",
    "Findings",
    "Head",
    "Ledger",
    "Pairing",
    "Result",
    "Setting",
    "Study",
    "Trainer",
    "Trial",
    "export",
    "heads",
    "encode_labels",
    "hidden_activations",
    "is_file",
    "plan",
    "planned_tables",
    "run",
    "status",
    "write_results",
]
