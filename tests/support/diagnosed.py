"""The rows that the tests of ``diagnose`` look at."""

import numpy as np

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 8))
T = (X[:, :1] * X[:, 1:2] > 0).astype(float)
