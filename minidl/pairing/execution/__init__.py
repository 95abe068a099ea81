"""How a study is trained: every trial once, on every core, its result kept in a ledger.

``trainer`` trains one network after the other, ``workers`` many of them, ``runner`` all trials of a
study; ``ledger`` is where results stay, under keys that name the ``environment``. ``tuning`` says
which learning rate a cell is reported with, ``exporting`` writes everything as files.
"""

from minidl.pairing.execution.environment import (
    Environment,
)
from minidl.pairing.execution.exporting import (
    export,
    write_results,
)
from minidl.pairing.execution.ledger import (
    Ledger,
)
from minidl.pairing.execution.runner import (
    run,
)
from minidl.pairing.execution.trainer import (
    Trainer,
    checkpoints,
    parts,
)
from minidl.pairing.execution.tuning import (
    rate_scores,
    trained,
)

__all__ = [
    "Environment",
    "Ledger",
    "Trainer",
    "checkpoints",
    "export",
    "parts",
    "rate_scores",
    "run",
    "trained",
    "write_results",
]
