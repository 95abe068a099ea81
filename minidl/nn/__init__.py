"""What networks are made of: activations, losses, layers, and the weights they begin with.

``nonlinearity``, ``criterion`` and ``layer`` say what every activation, loss and layer has in
common; ``activation_functions``, ``regression_losses``, ``classification_losses``,
``distribution_losses`` and ``layers`` hold minidl's own, ``registries`` know them by name.
``domains`` says whether numbers and activations suit a loss.
"""

# In the order in which lists show them.
from minidl.nn import regression_losses, classification_losses, distribution_losses  # isort: skip  # noqa: F401
from minidl.nn.criterion import Loss
from minidl.nn.domains import unfit, why_incompatible
from minidl.nn.initialization import get_initializer, initializers
from minidl.nn.layer_base import Layer, Layers
from minidl.nn.layer_files import layer_kinds
from minidl.nn.layer_numbers import layer_state, restore_layers
from minidl.nn.layer_registry import (
    AGAIN,
    build_layer,
    describe_layer,
    layer,
    parameter_shapes,
    unsaved,
)
from minidl.nn.layers import Activation, Dense, Dropout, as_layer, enter
from minidl.nn.network import Network
from minidl.nn.nonlinearity import ActivationFunction, Facts, RowActivation
from minidl.nn.registries import activation, activations, get_loss, loss, losses
from minidl.nn.weighting import ClassWeight, class_weights, row_weights

__all__ = [
    "AGAIN",
    "Activation",
    "ActivationFunction",
    "ClassWeight",
    "Dense",
    "Dropout",
    "Facts",
    "Layer",
    "Layers",
    "Loss",
    "Network",
    "RowActivation",
    "activation",
    "activations",
    "as_layer",
    "build_layer",
    "class_weights",
    "describe_layer",
    "enter",
    "get_initializer",
    "get_loss",
    "initializers",
    "layer",
    "layer_kinds",
    "layer_state",
    "loss",
    "losses",
    "parameter_shapes",
    "restore_layers",
    "row_weights",
    "unfit",
    "unsaved",
    "why_incompatible",
]
