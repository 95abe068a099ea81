"""Generators of tables with quantities, for cards whose rows scikit-learn does not make.

Each takes a random generator first, and the card's parameters by name. It returns features
(rows, columns) and targets (rows,).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def sine(
    generator: np.random.Generator,
    rows: int,
    noise: float,
    periods: int = 1,
    share: float = 0.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Sample a sine around 0, and push a share of the targets up by 3 to 6.

    Examples
    --------
    >>> X, y = sine(np.random.default_rng(0), rows=10, noise=0.0, share=0.2)
    >>> np.flatnonzero(y - np.sin(X[:, 0]) > 1).size
    2
    """
    X = generator.uniform(-np.pi * periods, np.pi * periods, (rows, 1))
    y = np.sin(X[:, 0]) + generator.normal(0.0, noise, rows)
    pushed = generator.choice(rows, round(share * rows), replace=False)
    y[pushed] += generator.uniform(3.0, 6.0, pushed.size)
    return X, y


def growing_noise(generator: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Sample one period of a sine whose noise grows threefold along the way.

    Examples
    --------
    >>> X, y = growing_noise(np.random.default_rng(0), rows=9000)
    >>> error = y - 2.0 * np.sin(2.0 * np.pi * X[:, 0])
    >>> [round(float(error[abs(X[:, 0] - x) < 0.1].std()), 1) for x in (0.1, 0.9)]
    [0.6, 1.4]
    """
    X = generator.uniform(0.0, 1.0, (rows, 1))
    noise = (0.5 + X[:, 0]) * generator.normal(0.0, 1.0, rows)
    return X, 2.0 * np.sin(2.0 * np.pi * X[:, 0]) + noise


def steps(
    generator: np.random.Generator, rows: int, levels: Sequence[float], noise: float
) -> tuple[np.ndarray, np.ndarray]:
    """Sample a staircase on [0, 1): stairs of one width, on these levels.

    Examples
    --------
    >>> X, y = steps(np.random.default_rng(0), rows=4, levels=[0.0, 5.0], noise=0.0)
    >>> bool((y == np.where(X[:, 0] < 0.5, 0.0, 5.0)).all())
    True
    """
    X = generator.uniform(0.0, 1.0, (rows, 1))
    stair = np.floor(X[:, 0] * len(levels)).astype(np.int64)
    return X, np.array(levels)[stair] + generator.normal(0.0, noise, rows)


def heavy_tails(
    generator: np.random.Generator, rows: int, features: int, degrees: float
) -> tuple[np.ndarray, np.ndarray]:
    """Add the features up, and add noise that follows Student's t.

    Examples
    --------
    >>> X, y = heavy_tails(np.random.default_rng(0), rows=1000, features=5, degrees=2.0)
    >>> error = y - X.sum(axis=1)
    >>> bool(abs(error).max() > 20 * np.median(abs(error)))
    True
    """
    X = generator.normal(0.0, 1.0, (rows, features))
    return X, X.sum(axis=1) + generator.standard_t(degrees, rows)


def counts(generator: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Count events that come at a rate of exp(½ + x₁ + cos πx₂); x₃ means nothing.

    Examples
    --------
    >>> X, y = counts(np.random.default_rng(0), rows=1000)
    >>> y.min(), round(float(y.mean()))
    (np.int64(0), 2)
    """
    X = generator.uniform(-1.0, 1.0, (rows, 3))
    return X, generator.poisson(np.exp(0.5 + X[:, 0] + np.cos(np.pi * X[:, 1])))


def production(generator: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Make goods from labour and capital, both lognormal, with chance as a third factor.

    Examples
    --------
    >>> X, y = production(np.random.default_rng(0), rows=1000)
    >>> round(float(np.log(y / (X[:, 0] ** 0.75 * X[:, 1] ** 0.25)).std()), 1)
    0.3
    """
    X = generator.lognormal(0.0, 1.0, (rows, 2))
    chance = generator.lognormal(0.0, 0.3, rows)
    return X, X[:, 0] ** 0.75 * X[:, 1] ** 0.25 * chance


def arm(
    generator: np.random.Generator, rows: int, joints: int, noise: float
) -> tuple[np.ndarray, np.ndarray]:
    """Bend every joint of a robot's arm, and see how far forward its hand is.

    Links have length 1; an angle is measured from the link before.

    Examples
    --------
    >>> X, y = arm(np.random.default_rng(0), rows=3, joints=2, noise=0.0)
    >>> np.allclose(y, np.cos(X[:, 0]) + np.cos(X[:, 0] + X[:, 1]))
    True
    """
    X = generator.uniform(-np.pi, np.pi, (rows, joints))
    reach = np.cos(X.cumsum(axis=1)).sum(axis=1)
    return X, reach + generator.normal(0.0, noise, rows)


def mackey_glass(
    generator: np.random.Generator, rows: int, ahead: int
) -> tuple[np.ndarray, np.ndarray]:
    """Forecast a chaotic series from what it was now and 6, 12 and 18 steps ago.

    Examples
    --------
    >>> X, y = mackey_glass(np.random.default_rng(0), rows=100, ahead=6)
    >>> bool((X[6:, 1] == X[:-6, 0]).all()), bool((X[6:, 0] == y[:-6]).all())
    (True, True)
    """
    delay, settling = 17, 300
    series = list(generator.uniform(0.5, 1.3, delay + 1))
    while len(series) < settling + rows + ahead:
        past = series[-1 - delay]
        series.append(0.9 * series[-1] + 0.2 * past / (1.0 + past**10))
    x = np.array(series)
    now = np.arange(settling, settling + rows)
    return np.column_stack([x[now - ago] for ago in (0, 6, 12, 18)]), x[now + ahead]


GENERATORS = (sine, growing_noise, steps, heavy_tails, counts, production, arm, mackey_glass)
