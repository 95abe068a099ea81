"""What a study trains: which pairings, on which datasets, tuned how.

``grid`` holds heads and pairings, ``trial`` one network (what decides it, what came of it),
``study`` the grid of all of them, also from a file.
"""

from minidl.pairing.study.grid import (
    Head,
    Pairing,
    encode_labels,
    heads,
    hidden_activations,
)
from minidl.pairing.study.study import (
    ALL_PAIRINGS,
    Study,
    is_file,
)
from minidl.pairing.study.trial import (
    TUNING,
    Cell,
    Result,
    Setting,
    Trial,
)

__all__ = [
    "Cell",
    "ALL_PAIRINGS",
    "Head",
    "Pairing",
    "Result",
    "Setting",
    "Study",
    "TUNING",
    "Trial",
    "encode_labels",
    "heads",
    "hidden_activations",
    "is_file",
]
