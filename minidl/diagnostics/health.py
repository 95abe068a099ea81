"""How a network is doing, layer by layer: plain numbers, a table, a picture, what stands out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NoReturn

from minidl.core import MissingError, printable
from minidl.diagnostics.saturation import SLOPE
from minidl.document import Listing, ruled
from minidl.nn import losses

ROWS = 0.05
"""A unit is saturated if it is active in less than this share of the rows."""

MANY_SATURATED = 0.25
"""The share of a layer's units of which saturation stands out."""
VANISHED, EXPLODED = 1e-3, 1e3
"""The first layer's gradient beside the last's: where it stands out."""
SLOW, FAST = 1e-6, 1e-1
"""An update beside the weights: where it stands out. About 1e-3 is usual."""

SMALLER = "scale the inputs or start from smaller weights"
TRACE = "train inside ml.detect_anomaly() to see where that begins."


@dataclass(frozen=True)
class LayerReport:
    """What was measured of one layer.

    ``active``, ``dead`` and ``saturated`` are None where no gradient passes through a slope of
    the unit's own: without an activation, for a softmax, whose units depend on each other, and
    for an output whose loss is computed from the logits behind it.

    Attributes
    ----------
    name : str
        The layer's; an activation that a layer of your own applies goes by its own name.
    activation : str or None
    units : int
    mean, variance : float
        Of the outputs, over all rows and units.
    active : float or None
        The share, in [0, 1], of outputs whose slope is above ``saturation.SLOPE`` (5 %) of the
        steepest that the activation can have.
    dead : int or None
        Units whose slope is 0 in every row and whose output is the same in every row: no gradient
        reaches their weights (of ReLU: Lu, Shin, Su and Karniadakis 2020).
    saturated : int or None
        Units, not dead ones, that are active in less than ``ROWS`` (5 %) of the rows, of an
        activation whose range has an end where it can level off (of sigmoid and tanh: Glorot and
        Bengio 2010).
    stuck_at : float or None
        What the dead units give, if they all give the same.
    weight_norm, gradient_norm : float or None
        Euclidean norms of the layer's parameters taken together, and of their gradient.
    sums_gradient_norm : float or None
        Of the gradient with respect to what enters the activation; to the outputs without one.
    update_ratio : float or None
        The norm of the parameters' next update, divided by ``weight_norm``.
    frozen : float
        The share, in [0, 1], of its parameters' numbers that are frozen.
    """

    name: str
    activation: str | None
    units: int
    mean: float
    variance: float
    active: float | None = None
    dead: int | None = None
    saturated: int | None = None
    stuck_at: float | None = None
    weight_norm: float | None = None
    gradient_norm: float | None = None
    sums_gradient_norm: float | None = None
    update_ratio: float | None = None
    frozen: float = 0.0

    def findings(self, is_output: bool = False) -> Iterator[str]:
        """One sentence for each thing that stands out.

        Parameters
        ----------
        is_output : bool
            Whether the loss is computed from its outputs, and so passes through their slope.
        """
        if not math.isfinite(self.mean):
            yield f"{self.name} gives numbers that are not finite; {TRACE}"
        if self.dead:
            they, them = ("it gives", "it") if self.dead == 1 else ("they give", "them")
            given = "the same" if self.stuck_at is None else f"{self.stuck_at:g}"
            remedy = (
                "lower the learning rate or use leaky_relu"
                if self.stuck_at == 0
                else self._remedy(is_output)
            )
            yield (
                f"{self._some(self.dead)} dead: {they} {given} for every row and no gradient "
                f"reaches {them}; {remedy}."
            )
        if self.saturated and self.saturated >= MANY_SATURATED * self.units:
            yield (
                f"{self._some(self.saturated)} saturated: for more than {1 - ROWS:.0%} of the rows "
                f"the slope is below {SLOPE:.0%} of the steepest; {self._remedy(is_output)}."
            )

    def _remedy(self, is_output: bool) -> str:
        """What helps against a slope that is flat."""
        linked = [loss.name for loss in losses if is_output and loss.link == self.activation]
        if linked and self.activation:
            return f"train it with {linked[0]}, whose gradient skips that slope"
        return SMALLER

    def _some(self, count: int) -> str:
        are = "is" if count == 1 else "are"
        return f"{count} of {self.units} units of {self.name} {are}"


@dataclass(frozen=True)
class Diagnosis:
    """A network's layers at one moment; ``minidl.diagnose`` makes it.

    Printed, it is a table, and a sentence for each thing that stands out. It holds plain numbers
    only: ``dataclasses.asdict`` gives them all, ``summary`` the few that a study keeps.

    Attributes
    ----------
    loss : float
    rows : int
        How many were looked at.
    layers : tuple of LayerReport
        From the input to the output.
    gradient_ratio : float or None
        ``sums_gradient_norm`` of the first layer with parameters divided by that of the last.
    update_ratio : float or None
        The norm of the next update of all parameters that are not frozen, divided by theirs.

    Examples
    --------
    >>> dead = LayerReport("dense1", "relu", units=4, mean=0.1, variance=0.2, dead=1, saturated=0)
    >>> found = Diagnosis(0.5, rows=64, layers=(dead,), gradient_ratio=1.0, update_ratio=None)
    >>> found.share_dead
    0.25
    """

    loss: float
    rows: int
    layers: tuple[LayerReport, ...]
    gradient_ratio: float | None
    update_ratio: float | None

    @property
    def share_dead(self) -> float | None:
        """The share of units that are dead, among those with a slope of their own."""
        return self._share([layer.dead for layer in self.layers])

    @property
    def share_saturated(self) -> float | None:
        """The share of units that are saturated, among those with a slope of their own."""
        return self._share([layer.saturated for layer in self.layers])

    def _share(self, counts: Sequence[int | None]) -> float | None:
        pairs = zip(counts, self.layers, strict=True)
        known = [(count, layer.units) for count, layer in pairs if count is not None]
        return sum(n for n, _ in known) / sum(units for _, units in known) if known else None

    def summary(self) -> dict[str, float | None]:
        """The numbers that a study keeps; None for what is not there, or not finite."""
        names = ("loss", "share_dead", "share_saturated", "gradient_ratio", "update_ratio")
        numbers = {name: getattr(self, name) for name in names}
        return {
            name: value if value is not None and math.isfinite(value) else None
            for name, value in numbers.items()
        }

    @property
    def findings(self) -> tuple[str, ...]:
        """One sentence for each thing that stands out; none if all is well."""
        texts = (text for r in self.layers for text in r.findings(is_output=r is self.layers[-1]))
        return (*self._general(), *texts)

    def _general(self) -> Iterator[str]:
        if not math.isfinite(self.loss):
            yield f"the loss is {self.loss:g}; {TRACE}"
        names = [layer.name for layer in self.layers if layer.weight_norm is not None]
        ratio = self.gradient_ratio
        if ratio is not None and ratio < VANISHED:
            yield (
                f"the gradient vanishes on its way back: at {names[0]} it is {ratio:.1g} times "
                f"that at {names[-1]}; use relu or selu, or fewer layers."
            )
        if ratio is not None and ratio > EXPLODED:
            yield (
                f"the gradient explodes on its way back: at {names[0]} it is {ratio:.1g} times "
                f"that at {names[-1]}; start from smaller weights, or clip_norm=1.0."
            )
        update = self.update_ratio
        if update is not None and update > FAST:
            yield (
                f"the next update is {update:.0%} of the weights, where 0.1% is usual: lower the "
                "learning rate."
            )
        if update is not None and update < SLOW:
            yield (
                f"the next update is {update:.0e} of the weights: training has ended, or the "
                "learning rate is too low."
            )

    def __str__(self) -> str:
        where = f"loss {self.loss:.4g} on {self.rows} rows"
        ratios = f"gradient first/last {_shown(self.gradient_ratio)}"
        updates = f"update/weights {_shown(self.update_ratio)}"
        head = f"{where}, {ratios}, {updates}"
        return printable("\n".join([head, *ruled(layer_table(self.layers)), *self.findings]))

    @property
    def plot(self) -> NoReturn:
        """Refused: it is ``ml.plot(diagnosis)``."""
        remedy = "Write ml.plot(diagnosis)."
        raise MissingError("diagnosis.plot", "numbers of layers", "plot", remedy)


COLUMNS = {
    "mean": "mean",
    "variance": "variance",
    "active": "active",
    "dead": "dead",
    "saturated": "saturated",
    "gradient_norm": "‖∂weights‖",
    "sums_gradient_norm": "‖∂sums‖",
    "update_ratio": "update/weights",
}


def layer_table(layers: Sequence[LayerReport]) -> Listing:
    """A row a layer."""
    rows = []
    for layer in layers:
        name = layer.name if layer.activation is None else f"{layer.name} ({layer.activation})"
        if layer.frozen:
            name += ", frozen" if layer.frozen == 1 else ", partly frozen"
        rows.append((name, str(layer.units), *(_shown(getattr(layer, key)) for key in COLUMNS)))
    return Listing("", ("layer", "units", *COLUMNS.values()), rows, download=False)


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"
