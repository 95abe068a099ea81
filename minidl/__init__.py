"""minidl: small networks, trained fast, seen through, and paired with the right loss.

The public names, in the order in which a training run meets them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from minidl import data
from minidl.nn import ActivationFunction
from minidl.nn import activation, activations
from minidl.training import Callback, EarlyStopping
from minidl.core import AnomalyError, MinidlError
from minidl.training import evaluate
from minidl.training import History
from minidl.nn import Activation, Dense, Dropout, Layer
from minidl.nn import Loss
from minidl.nn import why_incompatible
from minidl.nn import loss, losses
from minidl.model import Sequential, mlp
from minidl.model import load

from minidl.optim import SGD, Adam, AdamW, Optimizer, RMSprop, optimizers
from minidl.program import Program, record
from minidl.diagnostics import detect_anomaly
from minidl.optim import Constant, Cosine, Schedule, StepDecay, WarmUp
from minidl.autodiff import no_grad
from minidl.autodiff import (
    absolute,
    clip,
    concatenate,
    exp,
    log,
    matmul,
    maximum,
    minimum,
    sqrt,
    stack,
    where,
)
from minidl.autodiff import Tensor
from minidl.training import fit
from minidl.diagnostics import LayerHealth, diagnose
from minidl.diagnostics import Diagnosis
from minidl.figures import plot

if TYPE_CHECKING:
    from minidl.walkthrough import Marks, grade
    from minidl.walkthrough import explain
    from minidl.walkthrough import Walkthrough
    from minidl.walkthrough import Worksheet, worksheet
    from minidl.walkthrough import XRay, xray

__version__ = "0.1.0"

relu = activations["relu"]
leaky_relu = activations["leaky_relu"]
prelu = activations["prelu"]
sigmoid = activations["sigmoid"]
tanh = activations["tanh"]
softmax = activations["softmax"]
log_softmax = activations["log_softmax"]
elu = activations["elu"]
selu = activations["selu"]
linear = activations["linear"]
softplus = activations["softplus"]
softsign = activations["softsign"]
gelu = activations["gelu"]
silu = activations["silu"]
mish = activations["mish"]

mse = losses["mse"]
mae = losses["mae"]
huber = losses["huber"]
log_cosh = losses["log_cosh"]
binary_crossentropy = losses["binary_crossentropy"]
categorical_crossentropy = losses["categorical_crossentropy"]
focal = losses["focal"]
categorical_focal = losses["categorical_focal"]
hinge = losses["hinge"]
squared_hinge = losses["squared_hinge"]
categorical_hinge = losses["categorical_hinge"]
poisson = losses["poisson"]
kl_divergence = losses["kl_divergence"]

_LATER = dict.fromkeys(
    ["Marks", "Walkthrough", "Worksheet", "XRay", "explain", "grade", "worksheet", "xray"],
    "minidl.walkthrough",
)
"""What training never needs, and where it is found when somebody asks for it."""


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(import_module(_LATER[name]), name)
    raise AttributeError(f"module 'minidl' has no attribute {name!r}")


__all__ = [
    "SGD",
    "Activation",
    "ActivationFunction",
    "Adam",
    "AdamW",
    "AnomalyError",
    "Callback",
    "Constant",
    "Cosine",
    "Dense",
    "Diagnosis",
    "Dropout",
    "EarlyStopping",
    "History",
    "Layer",
    "LayerHealth",
    "plot",
    "Loss",
    "Marks",
    "MinidlError",
    "Optimizer",
    "Program",
    "RMSprop",
    "Schedule",
    "Sequential",
    "StepDecay",
    "Tensor",
    "Walkthrough",
    "WarmUp",
    "Worksheet",
    "XRay",
    "absolute",
    "activation",
    "activations",
    "binary_crossentropy",
    "categorical_crossentropy",
    "categorical_focal",
    "categorical_hinge",
    "clip",
    "concatenate",
    "data",
    "detect_anomaly",
    "diagnose",
    "elu",
    "evaluate",
    "exp",
    "explain",
    "fit",
    "focal",
    "gelu",
    "grade",
    "hinge",
    "huber",
    "kl_divergence",
    "leaky_relu",
    "linear",
    "load",
    "log",
    "log_cosh",
    "log_softmax",
    "loss",
    "losses",
    "mae",
    "matmul",
    "maximum",
    "minimum",
    "mish",
    "mlp",
    "mse",
    "no_grad",
    "optimizers",
    "poisson",
    "prelu",
    "record",
    "relu",
    "selu",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "softsign",
    "sqrt",
    "squared_hinge",
    "stack",
    "tanh",
    "why_incompatible",
    "where",
    "worksheet",
    "xray",
]
