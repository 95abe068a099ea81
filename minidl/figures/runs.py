"""Pictures of training: curves of a history, layers of a diagnosis, layers over epochs."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from minidl.core import ArgumentError
from minidl.diagnostics import Diagnosis, LayerHealth
from minidl.training import History


def plot(shown: Any, axes: Any = None) -> Any:
    """Draw what training measured, with matplotlib.

    A ``History``: every curve against the epoch. A ``Diagnosis``: dead and saturated units and
    gradients, layer by layer. ``LayerHealth``: the same over epochs, a line a layer.

    Parameters
    ----------
    shown : History, Diagnosis or LayerHealth
    axes : matplotlib axes, optional
        For a history one, else a pair: shares of units go into the first, norms into the second.

    Returns
    -------
    axes
        What was drawn into.

    Raises
    ------
    ArgumentError
        For anything else.

    Examples
    --------
    >>> import minidl as ml
    >>> history = ml.History()
    >>> history.add({"loss": 0.5})
    >>> ml.plot(history).get_xlabel()
    'epoch'
    """
    for kind, draw, rows in DRAWN_BY:
        if isinstance(shown, kind):
            if axes is None:
                import matplotlib.pyplot as plt

                axes = plt.subplots(rows, 1, sharex=True, layout="constrained")[1]
            draw(shown, axes)
            return axes
    expected, got = "a History, a Diagnosis or a LayerHealth", type(shown).__name__
    raise ArgumentError("plot", expected, got, "Write ml.plot(ml.fit(…)), say.")


def _curves(history: History, axes: Any) -> None:
    for name, values in history.items():
        axes.plot(range(1, len(values) + 1), values, label=name)
    axes.set_xlabel("epoch")
    axes.legend()


def _layers(diagnosis: Diagnosis, axes: Any) -> None:
    layers = diagnosis.layers
    names, below = [layer.name for layer in layers], [0.0] * len(layers)
    for what, color in (("dead", "0.2"), ("saturated", "0.65")):
        shares = [(getattr(layer, what) or 0) / layer.units for layer in layers]
        axes[0].bar(names, shares, bottom=below, color=color, label=what)
        below = shares
    for what, label in (("sums_gradient_norm", "sums"), ("gradient_norm", "parameters")):
        norms = [getattr(layer, what) or math.nan for layer in layers]
        axes[1].plot(names, norms, marker="o", label=f"gradient of {label}")
    _label(axes)


def _layers_over_epochs(health: LayerHealth, axes: Any) -> None:
    epochs = sorted(health.diagnoses)
    if not epochs:
        remedy = "Train first: ml.fit(…, callbacks=[watcher])."
        raise ArgumentError("plot", "a LayerHealth that watched training", "an empty one", remedy)
    over = [health.diagnoses[epoch].layers for epoch in epochs]
    for layers in zip(*over, strict=True):
        shares = [((at.dead or 0) + (at.saturated or 0)) / at.units for at in layers]
        norms = [at.gradient_norm or at.sums_gradient_norm or math.nan for at in layers]
        axes[0].plot([epoch + 1 for epoch in epochs], shares, marker="o", label=layers[0].name)
        axes[1].plot([epoch + 1 for epoch in epochs], norms, marker="o", label=layers[0].name)
    _label(axes)
    axes[0].set_ylabel("dead or saturated units")
    axes[1].set(xlabel="epoch", ylabel="norm of the gradient")


def _label(axes: Any) -> None:
    axes[0].set(ylabel="share of units", ylim=(0, 1))
    axes[1].set(yscale="log", ylabel="norm")
    for each in axes:
        each.legend()


DRAWN_BY: tuple[tuple[type, Callable[[Any, Any], None], int], ...] = (
    (History, _curves, 1),
    (Diagnosis, _layers, 2),
    (LayerHealth, _layers_over_epochs, 2),
)
"""What can be drawn, by which function, into how many axes."""
