"""minidl: small networks, trained fast, seen through, and paired with the right loss.

Here is what a training script writes; everything else is in its room. Activations and losses are
here by their names, as the registries have them: ``ml.relu``, ``ml.mse``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from minidl import data
from minidl.autodiff import (
    Tensor,
    absolute,
    clip,
    concatenate,
    exp,
    log,
    matmul,
    maximum,
    minimum,
    no_grad,
    sqrt,
    stack,
    where,
)
from minidl.core import AnomalyError, MinidlError, MissingError
from minidl.diagnostics import Diagnosis, LayerHealth, detect_anomaly, diagnose
from minidl.figures import plot
from minidl.model import Sequential, load, mlp
from minidl.nn import (
    Activation,
    ActivationFunction,
    Dense,
    Dropout,
    Layer,
    Loss,
    activation,
    activations,
    layer,
    loss,
    losses,
    why_incompatible,
)
from minidl.optim import (
    SGD,
    Adam,
    AdamW,
    Constant,
    Cosine,
    Optimizer,
    RMSprop,
    Schedule,
    StepDecay,
    WarmUp,
    optimizer,
    optimizers,
)
from minidl.program import Program, record
from minidl.training import Callback, EarlyStopping, History, evaluate, fit

if TYPE_CHECKING:
    from minidl.walkthrough import (
        Marks,
        Walkthrough,
        Worksheet,
        XRay,
        explain,
        grade,
        worksheet,
        xray,
    )

__version__ = "0.1.0"

globals().update({entry.name: entry for registry in (activations, losses) for entry in registry})
globals().update({entry.cls.__name__: entry.cls for entry in optimizers})

_LATER = dict.fromkeys(
    ["Marks", "Walkthrough", "Worksheet", "XRay", "explain", "grade", "worksheet", "xray"],
    "minidl.walkthrough",
)
"""What training never needs, and where it is found when somebody asks for it."""

_RENAMED = {"unsound": "ml.why_incompatible", "errors": "minidl.core"}
"""What minidl 0.1 had, and where it is now."""

__all__ = [
    "absolute",
    "Activation",
    "activation",
    "ActivationFunction",
    "activations",
    "Adam",
    "AdamW",
    "AnomalyError",
    "Callback",
    "clip",
    "concatenate",
    "Constant",
    "Cosine",
    "data",
    "Dense",
    "detect_anomaly",
    "diagnose",
    "Diagnosis",
    "Dropout",
    "EarlyStopping",
    "evaluate",
    "exp",
    "explain",
    "fit",
    "grade",
    "History",
    "Layer",
    "layer",
    "LayerHealth",
    "load",
    "log",
    "Loss",
    "loss",
    "losses",
    "Marks",
    "matmul",
    "maximum",
    "MinidlError",
    "minimum",
    "mlp",
    "no_grad",
    "Optimizer",
    "optimizer",
    "optimizers",
    "plot",
    "Program",
    "record",
    "RMSprop",
    "Schedule",
    "Sequential",
    "SGD",
    "sqrt",
    "stack",
    "StepDecay",
    "Tensor",
    "Walkthrough",
    "WarmUp",
    "where",
    "why_incompatible",
    "Worksheet",
    "worksheet",
    "XRay",
    "xray",
    *activations.names(),
    *losses.names(),
]
__all__ += [entry.cls.__name__ for entry in optimizers if entry.cls.__name__ not in __all__]


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(import_module(_LATER[name]), name)
    if name in _RENAMED:
        expected, remedy = "a name that is still there", f"Write {_RENAMED[name]}."
        raise MissingError(f"minidl.{name}", expected, "one that was changed", remedy)
    raise AttributeError(f"module 'minidl' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
