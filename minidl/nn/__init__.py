"""What networks are made of: activations, losses, layers, and the weights they begin with.

``nonlinearity``, ``criterion`` and ``layer`` say what every activation, loss and layer has in
common; ``activation_functions``, ``regression_losses``, ``classification_losses``,
``distribution_losses`` and ``layers`` hold minidl's own, ``registries`` know them by name.
``domains`` says whether numbers and activations suit a loss.
"""

from minidl.nn.criterion import Loss as Loss
from minidl.nn.domains import unfit as unfit
from minidl.nn.domains import why_incompatible as why_incompatible
from minidl.nn.initialization import get_initializer as get_initializer
from minidl.nn.initialization import initializers as initializers
from minidl.nn.layer_base import Layer as Layer
from minidl.nn.layer_files import layer_kinds as layer_kinds
from minidl.nn.layer_numbers import layer_state as layer_state
from minidl.nn.layer_numbers import restore_layers as restore_layers
from minidl.nn.layer_registry import AGAIN as AGAIN
from minidl.nn.layer_registry import build_layer as build_layer
from minidl.nn.layer_registry import describe_layer as describe_layer
from minidl.nn.layer_registry import layer as layer
from minidl.nn.layer_registry import parameter_shapes as parameter_shapes
from minidl.nn.layer_registry import unsaved as unsaved
from minidl.nn.layers import Activation as Activation
from minidl.nn.layers import Dense as Dense
from minidl.nn.layers import Dropout as Dropout
from minidl.nn.network import Network as Network
from minidl.nn.nonlinearity import ActivationFunction as ActivationFunction
from minidl.nn.nonlinearity import Facts as Facts
from minidl.nn.nonlinearity import RowActivation as RowActivation
from minidl.nn.registries import activation as activation
from minidl.nn.registries import activations as activations
from minidl.nn.registries import get_loss as get_loss
from minidl.nn.registries import loss as loss
from minidl.nn.registries import losses as losses
from minidl.nn.weighting import ClassWeight as ClassWeight
from minidl.nn.weighting import class_weights as class_weights
from minidl.nn.weighting import row_weights as row_weights

# In the order in which lists show them: importing a file registers its losses.
from minidl.nn import regression_losses as regression_losses
from minidl.nn import classification_losses as classification_losses
from minidl.nn import distribution_losses as distribution_losses
