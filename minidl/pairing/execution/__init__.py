"""How a study is trained: every trial once, on every core, its result kept in a ledger.

``trainer`` trains one network after the other, ``workers`` many of them, ``runner`` all trials of a
study; ``ledger`` is where results stay, under keys that name the ``environment``. ``tuning`` says
which learning rate a cell is reported with, ``exporting`` writes everything as files.
"""

from minidl.pairing.execution.environment import Environment as Environment
from minidl.pairing.execution.exporting import export as export
from minidl.pairing.execution.exporting import write_results as write_results
from minidl.pairing.execution.ledger import Ledger as Ledger
from minidl.pairing.execution.runner import run as run
from minidl.pairing.execution.trainer import Trainer as Trainer
from minidl.pairing.execution.trainer import checkpoints as checkpoints
from minidl.pairing.execution.trainer import parts as parts
from minidl.pairing.execution.tuning import rate_scores as rate_scores
from minidl.pairing.execution.tuning import trained as trained
