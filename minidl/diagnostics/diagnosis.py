"""See how a network is doing, layer by layer, without changing anything in it."""

from __future__ import annotations

import copy
import math
from collections import Counter
from collections.abc import Container, Mapping, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np

from minidl.autodiff import Block, Node, Tensor, ancestors, gradients, remembers
from minidl.core import GradientError, whole_number
from minidl.diagnostics.health import ROWS, Diagnosis, LayerReport
from minidl.diagnostics.saturation import idle, levels_off, slopes
from minidl.nn import Facts, Network, RowActivation, get_loss
from minidl.optim import Optimizer, Rate, get_optimizer
from minidl.training import Callback, check_data


def diagnose(
    net: Network,
    X: Any,
    y: Any,
    *,
    loss: Any,
    from_logits: bool = False,
    optimizer: Any = None,
    learning_rate: Rate | None = None,
) -> Diagnosis:
    """Measure every layer on one pass forward and back; nothing of the network changes.

    Dropout rests. What dead and saturated mean is said in
    ``minidl.diagnostics.health.LayerReport``, and computed from an activation's own slope and
    range, so it holds for one of your own, too.

    Parameters
    ----------
    net : Sequential
    X : array of shape (rows, features)
        A few hundred rows tell enough; dead means dead for these.
    y : array
        Targets, as in ``fit``.
    loss : str or loss
    from_logits : bool
        As in the loss.
    optimizer : str, class or Optimizer, optional
        Whose next update is measured, on a copy: the network's own if left out, and a plain step
        against the gradient if only a learning rate is given.
    learning_rate : float or Schedule, optional
        As in ``fit``.

    Returns
    -------
    Diagnosis
        Its ``update_ratio`` is None without optimizer and learning rate.

    Raises
    ------
    MinidlError
        Where data, network and loss do not fit each other.
    GradientError
        Inside ``no_grad()``.

    References
    ----------
    Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural
    networks", AISTATS 2010: saturation, means, and gradients layer by layer. Lu, Shin, Su and
    Karniadakis, "Dying ReLU and Initialization", Commun. Comput. Phys. 28, 2020: dead units.
    Karpathy, Stanford's CS231n notes: updates of about 1e-3 of the weights.

    Examples
    --------
    >>> from minidl.model import mlp
    >>> net = mlp([1, 4, 1], seed=0)
    >>> net.parameters()[1].data = [-9.0, 0.0, 0.0, -9.0]
    >>> X = np.linspace(-1, 1, 64).reshape(-1, 1)
    >>> for sentence in diagnose(net, X, X ** 2, loss="mse").findings:
    ...     print(sentence)
    2 of 4 units of dense1 are dead: they give 0 for every row and no gradient reaches them; lower
    the learning rate or use leaky_relu.
    """
    loss = get_loss(loss)
    X, y = check_data(net, X, y, loss, from_logits)
    net._renumber()
    if not remembers():
        expected, remedy = "gradients to be remembered", "Call it outside no_grad()."
        raise GradientError("diagnose", expected, "no_grad() around it", remedy)
    # The input wants a gradient too: else layers without parameters would not be remembered.
    output = net(Tensor(X, requires_grad=True))
    value: Tensor = loss(y, output, from_logits=from_logits)
    with np.errstate(all="ignore"):  # what overflows here has overflowed in the network
        layers, update_ratio = _read(net, value, output, optimizer, learning_rate)
    ends = [layer.sums_gradient_norm for layer in layers if layer.weight_norm is not None]
    gradient_ratio = _ratio(ends[0], ends[-1]) if ends else None
    return Diagnosis(value.item(), len(X), layers, gradient_ratio, update_ratio)


def _read(
    net: Network, value: Tensor, output: Tensor, optimizer: Any, rate: Rate | None
) -> tuple[tuple[LayerReport, ...], float | None]:
    """Every layer's numbers, and the update's share of all weights."""
    outputs, parameters = _outputs(net, value, output), net.parameters()
    sums = [node._inputs[0] if _activation(node) else node for node in outputs]
    grads = gradients(value, [*sums, *parameters])
    steps = _next_update(net, parameters, grads[len(sums) :], optimizer, rate)
    weights = {
        id(parameter): _Weights(parameter._array, gradient, step, parameter.is_frozen)
        for parameter, gradient, step in zip(parameters, grads[len(sums) :], steps, strict=True)
    }
    borders = set(map(id, outputs))
    reached = {id(node) for node in ancestors(value)}
    names = _unique([node.name or _activation(node).name for node in outputs])
    layers = []
    for node, name, gradient in zip(outputs, names, grads, strict=False):
        of_layer = [weights[i] for i in _owned(node, borders, weights)]
        layers.append(
            LayerReport(
                name,
                repr(_activation(node)) if _activation(node) else None,
                _units(node._array),
                float(node._array.mean(dtype=np.float64)),
                float(node._array.var(dtype=np.float64)),
                **(_slope_facts(node) if id(node) in reached else {}),
                sums_gradient_norm=_norm([gradient]),
                **_norms(of_layer),
            )
        )
    moving = [each for each in weights.values() if not each.frozen]
    return tuple(layers), _norms(moving)["update_ratio"]


class _Weights(NamedTuple):
    """A parameter's numbers, their gradient, the next step they would make; whether they stay."""

    values: np.ndarray
    gradient: np.ndarray | None
    step: np.ndarray | None
    frozen: bool


def _outputs(net: Network, *roots: Tensor) -> list[Node]:
    """What each layer and each activation gave, in the order in which it was made.

    Two roots: a loss that looks behind a sigmoid or softmax was not made from its output.
    """
    names = {layer.name for layer in net._all_layers() if layer is not net}
    nodes = {id(node): node for root in roots if root._op for node in ancestors(root)}
    return [
        node
        for node in sorted(nodes.values(), key=attrgetter("_age"))
        if node.name in names or _activation(node)
    ]


def _activation(node: Node) -> Any:
    """The activation that made a tensor, or None."""
    op: Any = node._op
    return op if isinstance(op, Facts) else None


def _unique(names: Sequence[str]) -> list[str]:
    """A layer that is used again is called ``dense1#2``, as in listings."""
    seen: Counter[str] = Counter()
    unique = []
    for name in names:
        seen[name] += 1
        unique.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return unique


def _owned(node: Node, borders: Container[int], parameters: Container[int]) -> list[int]:
    """The parameters, by id, that an output was made from since the outputs before it."""
    met, waiting = {id(node)}, [node]
    while waiting:
        for x in waiting.pop()._inputs:
            if id(x) not in met:
                met.add(id(x))
                if id(x) not in borders:
                    waiting.append(x)
    return [i for i in met if i in parameters]


def _next_update(
    net: Network,
    parameters: Sequence[Tensor],
    gradients: Sequence[np.ndarray | None],
    optimizer: Any,
    rate: Rate | None,
) -> list[np.ndarray | None]:
    """What an optimizer would add to each parameter, found on copies of it and of them."""
    if optimizer is None:
        optimizer = "sgd" if rate is not None else net.optimizer
    if optimizer is None:
        return [None] * len(parameters)
    twins = [Tensor(parameter._array, requires_grad=True) for parameter in parameters]
    Block(twins)
    if isinstance(optimizer, Optimizer):
        get_optimizer(optimizer, parameters, rate)  # an error if it is another network's
        copied = copy.deepcopy(optimizer, dict(zip(map(id, parameters), twins, strict=True)))
    else:
        copied = get_optimizer(optimizer, twins, rate)
    for twin, gradient in zip(twins, gradients, strict=True):
        twin.grad = gradient
    copied.step()
    return [twin._array - p._array for twin, p in zip(twins, parameters, strict=True)]


def _slope_facts(node: Node) -> dict[str, Any]:
    """How many units are active, dead and saturated, from the slope at each of their sums."""
    op, y, xs = _activation(node), node._array, [x._array for x in node._inputs]
    if op is None or isinstance(op, RowActivation):
        return {}
    units = _units(y)
    flat, slope = (measure(op, y, xs).reshape(-1, units) for measure in (idle, slopes))
    y = y.reshape(-1, units)
    dead = ~slope.any(axis=0) & (y == y[0]).all(axis=0)
    saturated = (flat.mean(axis=0) > 1 - ROWS) & ~dead & levels_off(op)
    given = np.unique(y[0, dead])
    return {
        "active": 1 - float(flat.mean()),
        "dead": int(dead.sum()),
        "saturated": int(saturated.sum()),
        "stuck_at": float(given[0]) if len(given) == 1 else None,
    }


def _units(y: np.ndarray) -> int:
    return y.shape[-1] if y.ndim > 1 else 1


def _norms(parameters: Sequence[_Weights]) -> dict[str, Any]:
    weights = _norm([each.values for each in parameters])
    frozen = sum(each.values.size for each in parameters if each.frozen)
    return {
        "frozen": frozen / max(1, sum(each.values.size for each in parameters)),
        "weight_norm": weights,
        "gradient_norm": _norm([each.gradient for each in parameters]),
        "update_ratio": _ratio(_norm([each.step for each in parameters]), weights),
    }


def _norm(arrays: Sequence[np.ndarray | None]) -> float | None:
    """The Euclidean norm of all numbers together, added up in float64; None if there are none."""
    flat = [array.reshape(-1).astype(np.float64) for array in arrays if array is not None]
    return math.sqrt(sum(float(x @ x) for x in flat)) if flat else None


def _ratio(part: float | None, whole: float | None) -> float | None:
    return part / whole if part is not None and whole else None


class LayerHealth(Callback):
    """Watch a network's layers while it trains: a diagnosis every so many epochs.

    Parameters
    ----------
    X, y : arrays
        Rows to look at, as in ``diagnose``.
    loss : str or loss
        The one trained with.
    every : int
        Epochs from one diagnosis to the next; the first comes after the first epoch.
    from_logits : bool
        As in the loss.

    Attributes
    ----------
    diagnoses : dict of int to Diagnosis
        By epoch, from 0.

    Examples
    --------
    >>> from minidl.model import mlp
    >>> from minidl.training import fit
    >>> X = np.linspace(-1, 1, 64).reshape(-1, 1)
    >>> watcher = LayerHealth(X, X, loss="mse", every=10)
    >>> history = fit(mlp([1, 8, 1], seed=0), X, X, loss="mse", epochs=25, callbacks=[watcher])
    >>> sorted(watcher.diagnoses)
    [0, 10, 20]
    """

    def __init__(
        self, X: Any, y: Any, *, loss: Any, every: int = 10, from_logits: bool = False
    ) -> None:
        self.X, self.y, self.loss, self.from_logits = X, y, get_loss(loss), from_logits
        self.every = whole_number("LayerHealth(every=…)", every, example=10)
        self.diagnoses: dict[int, Diagnosis] = {}

    def on_training_begin(self, net: Any, curves: Sequence[str] = ()) -> None:
        """Forget what another training left."""
        self.diagnoses = {}

    def on_epoch_end(self, net: Any, epoch: int, measured: Mapping[str, float]) -> bool | None:
        """Look, if it is time to."""
        if epoch % self.every == 0:
            self.diagnoses[epoch] = diagnose(
                net, self.X, self.y, loss=self.loss, from_logits=self.from_logits
            )
        return None
