"""What the scores vary with: dataset, seed, activation, loss, and how they go together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np

from minidl.core import ArgumentError, ShapeError
from minidl.pairing.statistics.scores import DIGITS, Scores

FACTORS = ("activation", "loss", "dataset")


@dataclass(frozen=True)
class Share:
    """What one source contributes to the variation between scores.

    Parameters
    ----------
    source : str
        ``"activation × loss"`` is what neither alone explains: pairing.
    squares : float
        Sum of squares.
    freedom : int
        Degrees of freedom.
    share : float
        Of the total sum of squares; the shares of all sources add up to 1.
    by_chance : float
        The share that so many degrees of freedom would have if there were noise only (what is
        left over, per degree of freedom). NaN if nothing is left to tell noise by.
    """

    source: str
    squares: float
    freedom: int
    share: float
    by_chance: float


def crossed(scores: Scores, parts: Mapping[str, tuple[str, str]]) -> np.ndarray:
    """Scores with failures counted, as activation × loss × dataset × repetition.

    Parameters
    ----------
    scores : Scores
    parts : mapping of pairing to (activation, loss)
        Every activation with every loss.

    Raises
    ------
    ArgumentError
        If a combination is missing: a balanced design has them all.

    Examples
    --------
    >>> names = ("relu+mse", "relu+mae", "tanh+mse", "tanh+mae")
    >>> scores = Scores(np.arange(4.0).reshape(4, 1, 1), names, ("xor",), ("plane",))
    >>> crossed(scores, {name: tuple(name.split("+")) for name in names})[..., 0, 0]
    array([[0., 1.],
           [2., 3.]])
    """
    rows = {parts[pairing]: row for row, pairing in enumerate(scores.pairings)}
    activations = list(dict.fromkeys(activation for activation, _ in rows))
    losses = list(dict.fromkeys(loss for _, loss in rows))
    for activation, loss in product(activations, losses):
        if (activation, loss) not in rows:
            got = f"no {activation} with {loss}"
            remedy = "Select activations and losses that all go together."
            raise ArgumentError("scores", "every activation with every loss", got, remedy)
    order = [[rows[activation, loss] for loss in losses] for activation in activations]
    table: np.ndarray = scores.counted[order]
    return table


def decompose(values: np.ndarray) -> list[Share]:
    """Sums of squares of the balanced design activation × loss × dataset × repetition.

    Repetitions are nested in datasets: repetition 3 of one dataset has nothing in common with
    repetition 3 of another, and "seed" is how much splits and starts move all pairings of a
    dataset together. What is left over is how they move pairings apart. The sums describe these
    activations, losses and datasets; they are no test.

    Parameters
    ----------
    values : array of shape (activations, losses, datasets, repetitions)
        Finite: with failures counted (``Scores.counted``). One failure that counts as −10⁶ is
        nearly all the variation; compare with that of ``ranks_within`` where that happens.

    Returns
    -------
    shares : list of Share
        activation, loss, dataset, their interactions, seed, left over.

    Raises
    ------
    ShapeError
        If there are not four axes.

    Examples
    --------
    >>> values = np.zeros((2, 2, 2, 2))
    >>> values[0, 0] = values[1, 1] = 1.0          # neither alone says anything
    >>> [(s.source, s.share) for s in decompose(values) if s.share]
    [('activation × loss', 1.0)]
    """
    if values.ndim != 4:
        expected = "4 axes: activation, loss, dataset, repetition"
        raise ShapeError("values", expected, str(values.shape), "Use crossed(scores, …).")
    effects, freedom = _effects(values)
    squares = {
        source: float((effect**2).sum() * (values.size / effect.size))  # over all scores
        for source, effect in effects.items()
    }
    total = sum(squares.values())
    left = freedom["left over"]
    per_freedom = squares["left over"] / left if left else np.nan
    return [
        Share(
            source,
            squares[source],
            freedom[source],
            squares[source] / total if total else 0.0,
            freedom[source] * per_freedom / total if total else 0.0,
        )
        for source in squares
    ]


def _effects(values: np.ndarray) -> tuple[dict[str, np.ndarray], dict[str, int]]:
    """What each source adds to the scores, the mean aside, and its degrees of freedom."""
    effects: dict[str, np.ndarray] = {}
    freedom: dict[str, int] = {}
    explained = np.zeros_like(values)
    for size in (1, 2, 3):
        for axes in combinations(range(3), size):
            source = " × ".join(FACTORS[axis] for axis in axes)
            effects[source] = _effect(values, axes)
            explained = explained + effects[source]
            freedom[source] = int(np.prod([values.shape[axis] - 1 for axis in axes]))
    effects["seed"] = _effect(values, (3,)) + _effect(values, (2, 3))
    freedom["seed"] = values.shape[2] * (values.shape[3] - 1)
    effects["left over"] = values - values.mean() - explained - effects["seed"]
    freedom["left over"] = values.size - 1 - sum(freedom.values())
    return effects, freedom


def ranks_within(values: np.ndarray) -> np.ndarray:
    """Ranks of all pairings within each dataset and repetition, 1 the highest score.

    Parameters
    ----------
    values : array of shape (activations, losses, datasets, repetitions)

    Returns
    -------
    ranks : array of the same shape
        Those who tie share the mean of their ranks.

    Examples
    --------
    >>> ranks_within(np.array([[0.5, 0.9], [0.7, 0.5]]).reshape(2, 2, 1, 1))[..., 0, 0]
    array([[3.5, 1. ],
           [2. , 3.5]])
    """
    from scipy.stats import rankdata

    flat = np.round(values, DIGITS).reshape(-1, *values.shape[2:])
    ranks: np.ndarray = rankdata(-flat, axis=0).reshape(values.shape)
    return ranks


def _effect(values: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """What these axes explain beyond any part of them: their means, doubly centred."""
    others = tuple(axis for axis in range(values.ndim) if axis not in axes)
    effect: np.ndarray = values.mean(axis=others, keepdims=True)
    for axis in axes:
        effect = effect - effect.mean(axis=axis, keepdims=True)
    return effect
