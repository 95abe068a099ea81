"""Training and what it is worth: ``fit`` over epochs, ``evaluate``, callbacks, the history.

``fitting`` checks and loops over epochs, ``runner`` runs one: by a recorded program or eagerly.
``validation`` measures rows that were kept aside, ``evaluation`` any rows.
"""

from minidl.training.callbacks import Callback as Callback
from minidl.training.callbacks import EarlyStopping as EarlyStopping
from minidl.training.evaluation import check_data as check_data
from minidl.training.evaluation import evaluate as evaluate
from minidl.training.fitting import fit as fit
from minidl.training.history import History as History
from minidl.training.metrics import decide as decide
from minidl.training.metrics import score_predictions as score_predictions
from minidl.training.runner import step as step
