"""Training and what it is worth: ``fit`` over epochs, ``evaluate``, callbacks, the history.

``fitting`` checks and loops over epochs, ``runner`` runs one: by a recorded program or eagerly.
``validation`` measures rows that were kept aside, ``evaluation`` any rows.
"""

from minidl.training.callbacks import Callback, EarlyStopping
from minidl.training.evaluation import check_data, evaluate
from minidl.training.fitting import fit
from minidl.training.history import History
from minidl.training.metrics import decide, score_predictions
from minidl.training.runner import step

__all__ = [
    "Callback",
    "EarlyStopping",
    "History",
    "check_data",
    "decide",
    "evaluate",
    "fit",
    "score_predictions",
    "step",
]
