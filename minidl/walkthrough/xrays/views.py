"""What one head makes of a network's logits: plain data."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import groupby


@dataclass(frozen=True)
class Logit:
    """One number before the output activation, and what a head makes of it.

    Attributes
    ----------
    row, unit : int
    z, target, prediction : float
        Where it stands, what it should become (as the head encodes it), what it is.
    upstream : float
        ∂L/∂p, in float64.
    slope : float
        p′(z); of a softmax ∂pₖ/∂zₖ.
    gradient : float
        ∂L/∂z, as the instruction left it.
    z_after, prediction_after : float
        After one update of the whole network.
    saturated : bool
        Whether the output is flat here: p′(z) is at most 5 % of the steepest that it can be, and
        the activation's range has an end.
    """

    row: int
    unit: int
    z: float
    target: float
    prediction: float
    upstream: float
    slope: float
    gradient: float
    z_after: float
    prediction_after: float
    saturated: bool

    @property
    def weakened(self) -> float:
        """1/p′(z): how many times smaller p′(z) makes what comes back; ∞ where nothing does.

        Not of a softmax, where every ∂L/∂p of the row comes back to this logit.
        """
        return 1.0 / abs(self.slope) if self.slope else float("inf")


@dataclass(frozen=True)
class View:
    """What one head sees.

    Attributes
    ----------
    head : str
        As it was asked for: ``sigmoid+bce``.
    loss, loss_after : float
        Before and after one update.
    cancels : bool
        Whether the loss looks behind the output activation, so that p′(z) cancels.
    mixes : bool
        Whether each prediction depends on its whole row, as of a softmax: p′(z) is a matrix.
    short : str
        ∂L/∂z without the common factor where it is as short as that: ``σ(z) − t``.
    logits : tuple of Logit
        Row by row.
    """

    head: str
    loss: float
    loss_after: float
    cancels: bool
    mixes: bool
    short: str
    logits: tuple[Logit, ...]

    @property
    def finding(self) -> str:
        """What stands between the loss and the logits, in a sentence."""
        worst = max(self.logits, key=lambda logit: logit.weakened)
        place = f"z = {worst.z:.4g}".replace("-", "−")
        if self.short:
            return f"p′(z) cancels: ∂L/∂z = ({self.short})/n."
        if self.cancels:
            return "p′(z) cancels against ∂L/∂p; a factor of the loss's own stays."
        if self.mixes:
            row, share = self._shortest()
            left = f"{share:.1%} of ∂L/∂p's length"
            return f"p′(z) is a matrix, and stays: in row {row} it leaves {left}."
        if all(logit.slope == 1.0 and logit.prediction == logit.z for logit in self.logits):
            return "Nothing to cancel: the prediction is z itself."
        if worst.slope == 0.0:
            return f"p′(z) stays, and is 0 at {place}: nothing comes back."
        return f"p′(z) stays: at {place} it divides ∂L/∂p by {worst.weakened:.1f}."

    def _shortest(self) -> tuple[int, float]:
        """The row in which ∂L/∂z is shortest beside ∂L/∂p, both as vectors; its share of that."""
        shares = {}
        for row, own in groupby(self.logits, lambda logit: logit.row):
            back = [(logit.upstream, logit.gradient) for logit in own]
            above, below = (math.hypot(*numbers) for numbers in zip(*back, strict=True))
            shares[row] = below / above if above else 1.0
        return min(shares.items(), key=lambda share: share[1])
