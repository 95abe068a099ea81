"""Generators of tables with classes, for cards whose rows scikit-learn does not make.

Each takes a random generator first, and the card's parameters by name. It returns features
(rows, columns) and class numbers (rows,).
"""

from __future__ import annotations

import numpy as np


def xor(
    generator: np.random.Generator, rows: int, noise: float, features: int = 2, cells: int = 2
) -> tuple[np.ndarray, np.ndarray]:
    """Colour the cells of a board by turns, in any number of dimensions, and move each point.

    Two features in two cells each are the exclusive or, more features a parity, more cells a
    chessboard.

    Examples
    --------
    >>> X, y = xor(np.random.default_rng(0), rows=4, noise=0.0)
    >>> bool(((X[:, 0] * X[:, 1] < 0) == y).all())
    True
    """
    X = generator.uniform(-1.0, 1.0, (rows, features))
    cell = np.floor((X + 1.0) * cells / 2.0).astype(np.int64)
    return X + generator.normal(0.0, noise, X.shape), cell.sum(axis=1) % 2


def spirals(
    generator: np.random.Generator, rows: int, turns: float, noise: float
) -> tuple[np.ndarray, np.ndarray]:
    """Wind two arms around each other; the second is the first, turned by half a circle.

    Examples
    --------
    >>> X, y = spirals(np.random.default_rng(0), rows=6, turns=1.0, noise=0.0)
    >>> np.bincount(y)
    array([3, 3])
    """
    y = generator.permutation(rows) % 2
    # The root spreads the points evenly along the arm, whose length grows as radius².
    radius = np.sqrt(generator.uniform(0.01, 1.0, rows))
    angle = 2.0 * np.pi * turns * radius + np.pi * y
    X = radius[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    return X + generator.normal(0.0, noise, X.shape), y


def imbalanced(
    generator: np.random.Generator, negatives: int, positives: int, distance: float, spread: float
) -> tuple[np.ndarray, np.ndarray]:
    """Hide a small dense cloud of positives in the rim of a large one of negatives.

    Examples
    --------
    >>> X, y = imbalanced(np.random.default_rng(0), 100, 2, distance=2.0, spread=0.5)
    >>> np.bincount(y)
    array([100,   2])
    """
    large = generator.normal(0.0, 1.0, (negatives, 2))
    small = generator.normal(distance / np.sqrt(2.0), spread, (positives, 2))
    order = generator.permutation(negatives + positives)
    return np.concatenate([large, small])[order], (order >= negatives).astype(np.int64)


def waveform(generator: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Mix two of three triangular waves in a random proportion, and add noise.

    Examples
    --------
    >>> X, y = waveform(np.random.default_rng(0), rows=6)
    >>> X.shape, np.bincount(y)
    ((6, 21), array([2, 2, 2]))
    """
    y = generator.permutation(rows) % 3
    share = generator.uniform(0.0, 1.0, (rows, 1))
    peaks = np.array([[11.0], [15.0], [7.0]])
    waves = np.maximum(6.0 - np.abs(np.arange(1.0, 22.0) - peaks), 0.0)
    first, second = waves[[0, 0, 1]][y], waves[[1, 2, 2]][y]
    noise = generator.normal(0.0, 1.0, (rows, 21))
    return share * first + (1.0 - share) * second + noise, y


def led(generator: np.random.Generator, rows: int, faults: float) -> tuple[np.ndarray, np.ndarray]:
    """Show digits on seven segments, each of which is wrong with a probability of ``faults``.

    Examples
    --------
    >>> X, y = led(np.random.default_rng(0), rows=10, faults=0.0)
    >>> X[y == 8], X[y == 1].sum()
    (array([[1, 1, 1, 1, 1, 1, 1]]), np.int64(2))
    """
    # From top to bottom, left before right.
    digits = "1110111 0010010 1011101 1011011 0111010 1101011 1101111 1010010 1111111 1111011"
    segments = np.array([list(map(int, digit)) for digit in digits.split()])
    y = generator.permutation(rows) % 10
    return segments[y] ^ (generator.uniform(size=(rows, 7)) < faults), y


def control_charts(
    generator: np.random.Generator, rows: int, points: int
) -> tuple[np.ndarray, np.ndarray]:
    """Record a process that is steady, cyclic, rising, falling, or jumps up or down once.

    Examples
    --------
    >>> X, y = control_charts(np.random.default_rng(0), rows=12, points=60)
    >>> X.shape, np.bincount(y)
    ((12, 60), array([2, 2, 2, 2, 2, 2]))
    """

    def each(low: float, high: float) -> np.ndarray:
        return generator.uniform(low, high, (rows, 1))

    y = generator.permutation(rows) % 6
    time = np.arange(1.0, points + 1.0)
    cycle = each(10.0, 15.0) * np.sin(2.0 * np.pi * time / each(10.0, 15.0))
    trend = each(0.2, 0.5) * time
    jump = each(7.5, 20.0) * (time >= each(points / 3.0, 2.0 * points / 3.0))
    patterns = np.stack([np.zeros_like(cycle), cycle, trend, -trend, jump, -jump])
    noise = 2.0 * generator.uniform(-3.0, 3.0, (rows, points))
    return 30.0 + patterns[y, np.arange(rows)] + noise, y


def balance(generator: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Hang a weight on each arm of a balance, and see which side sinks, if any.

    All weights and distances from 1 to 5 are 625 rows; fewer are drawn from them.

    Examples
    --------
    >>> X, y = balance(np.random.default_rng(0), rows=625)
    >>> np.bincount(y)
    array([288,  49, 288])
    """
    every = np.indices((5, 5, 5, 5)).reshape(4, -1).T + 1
    X = generator.choice(every, rows, replace=False)
    left, right = X[:, 0] * X[:, 1], X[:, 2] * X[:, 3]
    return X, np.sign(right - left) + 1


def monks(generator: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Ask of six attributes whether exactly two of them have their first value.

    All attributes are 432 rows; fewer are drawn from them.

    Examples
    --------
    >>> X, y = monks(np.random.default_rng(0), rows=432)
    >>> np.bincount(y)
    array([290, 142])
    """
    every = np.indices((3, 3, 2, 3, 4, 2)).reshape(6, -1).T + 1
    X = generator.choice(every, rows, replace=False)
    return X, ((X == 1).sum(axis=1) == 2).astype(np.int64)


def photographs(
    generator: np.random.Generator, rows: int, side: int
) -> tuple[np.ndarray, np.ndarray]:
    """Cut square patches out of two photographs, in grey from 0 to 1; the class is the photograph.

    Examples
    --------
    >>> X, y = photographs(np.random.default_rng(0), rows=4, side=5)
    >>> X.shape, np.bincount(y)
    ((4, 25), array([2, 2]))
    """
    from sklearn.datasets import load_sample_image  # here: it takes 0.7 s; Pillow is matplotlib's

    names = ("china.jpg", "flower.jpg")
    pictures = np.stack([load_sample_image(name).mean(axis=2) / 255.0 for name in names])
    patches = np.lib.stride_tricks.sliding_window_view(pictures, (side, side), axis=(1, 2))
    y = generator.permutation(rows) % 2
    top, left = (generator.integers(0, size, rows) for size in patches.shape[1:3])
    return patches[y, top, left].reshape(rows, -1), y


GENERATORS = (xor, spirals, imbalanced, waveform, led, control_charts, balance, monks, photographs)
