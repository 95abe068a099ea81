"""What can be paired: hidden activations, heads, and how a head encodes a dataset's targets.

Nothing here is listed by hand. Heads come from the registries; whether one is sound for a task
is computed from ranges and domains.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from minidl.core import NON_NEGATIVE, REALS, SIGNS, UNIT, ArgumentError, Choices, Domain
from minidl.nn import Loss, activations, losses, why_incompatible

NATURAL = {("sigmoid", "binary_crossentropy"), ("softmax", "categorical_crossentropy"),
           ("linear", "mse"), ("linear", "huber")}  # fmt: skip
"""The pairings that source and textbooks recommend."""


@dataclass(frozen=True)
class Head:
    """An output activation with a loss.

    Examples
    --------
    >>> Head.parse("sigmoid+bce").name
    'sigmoid+binary_crossentropy'
    """

    activation: str
    loss: str

    @classmethod
    def parse(cls, text: str) -> Head:
        """A head from ``"sigmoid+bce"``."""
        output, plus, loss = text.partition("+")
        if not plus:
            raise ArgumentError(
                "--head", "an output activation and a loss", repr(text), "Write sigmoid+bce."
            )
        return cls(activations[output].name, losses[loss].name)

    @property
    def name(self) -> str:
        """Both names: ``sigmoid+binary_crossentropy``."""
        return f"{self.activation}+{self.loss}"

    @property
    def natural(self) -> bool:
        """Whether textbooks recommend it."""
        return (self.activation, self.loss) in NATURAL

    def outputs(self, task: str, classes: int) -> int:
        """How many units the output layer has for a task."""
        if task == "regression":
            return 1
        loss, output = losses[self.loss], activations[self.activation]
        together = loss.rowwise or not hasattr(output, "value")  # a row of one unit is no row
        return classes if together or classes > 2 else 1

    def targets(self, task: str, classes: int) -> Domain:
        """The numbers that a task's targets become under this head."""
        loss = losses[self.loss]
        if task == "regression":
            return REALS
        return SIGNS if loss.target == SIGNS else Choices((0, 1))

    def encode(self, y: np.ndarray, task: str, classes: int) -> np.ndarray:
        """Targets as the loss wants them: class numbers, one-hot, signs, or as they are."""
        if task == "regression":
            return y
        return encode_labels(y, losses[self.loss], self.outputs(task, classes))

    def why_unsound(self, task: str, classes: int) -> str | None:
        """Why the head makes no sense for a task; None if it does."""
        loss, output = losses[self.loss], activations[self.activation]
        if output.learned:
            return f"{output.name} learns its own slope: a hidden activation"
        if reason := _wrong_task(loss, task):
            return reason
        if self.outputs(task, classes) < 2 and not hasattr(output, "value"):
            return f"{output.name} over one unit is always the same"
        return why_incompatible(output, loss, self.targets(task, classes))


def encode_labels(labels: np.ndarray, loss: Loss, outputs: int) -> np.ndarray:
    """Class numbers as a loss wants them of so many outputs: as they are, one-hot, or signs.

    Examples
    --------
    >>> encode_labels(np.array([0, 2]), losses["mse"], outputs=3)
    array([[1., 0., 0.],
           [0., 0., 1.]])
    >>> encode_labels(np.array([0, 1]), losses["hinge"], outputs=1).ravel()
    array([-1.,  1.])
    """
    if loss.rowwise and not loss.needs_distributions:
        return labels
    encoded = np.eye(outputs)[labels] if outputs > 1 else labels.reshape(-1, 1).astype(np.float64)
    return 2 * encoded - 1 if loss.target == SIGNS else encoded


@dataclass(frozen=True)
class Pairing:
    """A hidden activation with a head: what a study compares.

    Examples
    --------
    >>> Pairing.parse("swish/sigmoid+bce").name
    'silu/sigmoid+binary_crossentropy'
    """

    hidden: str
    head: Head

    @classmethod
    def parse(cls, text: str) -> Pairing:
        """A pairing from ``"relu/sigmoid+bce"``."""
        hidden, slash, head = text.partition("/")
        if not slash:
            expected = "a hidden activation and a head"
            raise ArgumentError("pairing", expected, repr(text), "Write relu/sigmoid+bce.")
        return cls(activations[hidden].name, Head.parse(head))

    @property
    def name(self) -> str:
        """All names: ``relu/sigmoid+binary_crossentropy``."""
        return f"{self.hidden}/{self.head.name}"


def _wrong_task(loss: Loss, task: str) -> str | None:
    if task == "regression" and (loss.rowwise or loss.target != REALS):
        return f"targets must be in {loss.target}, these are any real number"
    if task == "classification" and loss.target == NON_NEGATIVE:
        return "for counts, these are classes"
    if task == "classification" and not loss.rowwise and loss.target not in (UNIT, SIGNS, REALS):
        return f"targets must be in {loss.target}, these are classes"
    return None


def heads(task: str, classes: int = 0) -> tuple[list[Head], dict[Head, str]]:
    """Every head for a task: the sound ones, and the others with the reason.

    Examples
    --------
    >>> sound, others = heads("classification", classes=2)
    >>> others[Head("sigmoid", "hinge")]
    'sigmoid gives (0, 1), for a target of −1 the loss is least in [−∞, −1]'
    """
    sound, others = [], {}
    for loss in losses:
        for output in activations:
            head = Head(output.name, loss.name)
            reason = head.why_unsound(task, classes)
            if reason is None:
                sound.append(head)
            else:
                others[head] = reason
    return sound, others


def hidden_activations() -> list[str]:
    """Every activation that treats units by themselves and bends."""
    return [a.name for a in activations if hasattr(a, "value") and a.formula != "x"]
