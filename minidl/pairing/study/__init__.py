"""What a study trains: which pairings, on which datasets, tuned how.

``grid`` holds heads and pairings, ``trial`` one network (what decides it, what came of it),
``study`` the grid of all of them, also from a file.
"""

from minidl.pairing.study.grid import Head as Head
from minidl.pairing.study.grid import Pairing as Pairing
from minidl.pairing.study.grid import encode_labels as encode_labels
from minidl.pairing.study.grid import heads as heads
from minidl.pairing.study.grid import hidden_activations as hidden_activations
from minidl.pairing.study.study import ALL_PAIRINGS as ALL_PAIRINGS
from minidl.pairing.study.study import Study as Study
from minidl.pairing.study.study import is_file as is_file
from minidl.pairing.study.trial import TUNING as TUNING
from minidl.pairing.study.trial import Cell as Cell
from minidl.pairing.study.trial import Result as Result
from minidl.pairing.study.trial import Setting as Setting
from minidl.pairing.study.trial import Trial as Trial
