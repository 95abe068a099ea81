"""Whatever is handed to an entrance is taken, or refused by an error of minidl's own."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from entrances import X, Y, assigned, graded, gradient, network, trained

import minidl as ml


class Raises:
    """What has numbers, and raises an error of its own when asked for them."""

    def __array__(self, dtype=None, copy=None):
        raise KeyError("not now")


class NoArray:
    """What says that it is an array, and is none."""

    def __array__(self, dtype=None, copy=None):
        return "no array"


class NoFloat:
    """What says that it is a number, and is none."""

    def __float__(self):
        raise KeyError("not now")


STRANGE = {
    "None": None,
    "text": "abc",
    "bytes": b"10",
    "a byte array": bytearray(b"10"),
    "a set": {1, 2},
    "a dict": {0: 1},
    "a function": len,
    "an array that raises": Raises(),
    "an array that is none": NoArray(),
    "numbers that raise": [[NoFloat(), 1.0]] * 12,
    "decimals": [[Decimal("1.5"), Decimal("NaN")]] * 12,
    "too long": [[10**400, 1]] * 12,
    "complex": X * 1j,
    "complex objects": [[1j, None]] * 12,
    "dates": [[datetime(2020, 1, 1), 1.0]] * 12,
    "NumPy's dates": np.array([["2020", "2021"]] * 12, "M8[D]"),
    "nothing": [],
    "no columns": np.empty((12, 0)),
    "fields": np.zeros(12, "f8, f8"),
    "fields with masks": np.ma.zeros(12, "f8, f8"),
    "text with masks": np.ma.array(["a", "b"]),
    "variable text": np.array([["a", "b"]] * 12, dtype=np.dtypes.StringDType()),
    "beyond float64": np.full((12, 3), np.longdouble("1e4000")),
    "infinite": np.full((12, 3), np.inf),
    "ragged": [[1], [1, 2]] * 6,
    "ragged arrays": [np.ones(2), np.ones(3)] * 6,
    "text and numbers": [[1, "a"]] * 12,
    "periods": pd.Series(pd.period_range("2020", periods=12, freq="D")),
    "two columns of one name": pd.DataFrame([["a", 1.0, "b"]] * 12, columns=["a", "a", "b"]),
    "an empty table": pd.DataFrame(),
}

TAKERS = {
    "fit X": lambda given: ml.fit(network(), given, Y, loss="bce", epochs=1),
    "fit y": lambda given: ml.fit(network(), X, given, loss="bce", epochs=1),
    "validation": lambda given: ml.fit(
        network(), X, Y, loss="bce", epochs=1, validation_data=(given, Y)),
    "sample_weight": lambda given: trained(X, Y, given),
    "class_weight": lambda given: trained(X, Y, None, class_weight=given),
    "predict": lambda given: network().predict(given),
    "a network": lambda given: network()(given),
    "evaluate X": lambda given: ml.evaluate(network(), given, Y, loss="bce"),
    "evaluate y": lambda given: ml.evaluate(network(), X, given, loss="bce", metrics="accuracy"),
    "explain": lambda given: ml.explain(network(), given, Y, loss="bce"),
    "Tensor": ml.Tensor,
    "an activation": ml.relu,
    "a row's activation": ml.softmax,
    "clip": lambda given: ml.clip(given, 0, 1),
    "add": lambda given: ml.Tensor(X) + given,
    "a product": lambda given: ml.Tensor(X) @ given,
    "less": lambda given: ml.Tensor(X) < given,
    "where": lambda given: ml.where(given, ml.Tensor(X), 0.0),
    "concatenate": lambda given: ml.concatenate([ml.Tensor(X), given]),
    "stack": lambda given: ml.stack([ml.Tensor(X), given]),
    "index": lambda given: ml.Tensor(X)[given],
    "targets": lambda given: ml.mse(given, ml.Tensor(X)),
    "predictions": lambda given: ml.mse(X, given),
    "data": assigned,
    "grad": graded,
    "backward": gradient,
    "batches": lambda given: ml.data.batches(given, Y),
    "check_finite": lambda given: ml.data.check_finite("X", given),
    "Dataset": lambda given: ml.data.Dataset(
        "a", given, Y.ravel(), "regression", "a", ("x",), (), "r2"),
}  # fmt: skip


@pytest.mark.parametrize("strange", STRANGE)
def test_whatever_comes_is_taken_or_refused_by_name(strange):
    for taker, call in TAKERS.items():
        if taker == "index" and strange == "an array that raises":
            continue  # NumPy asks it, and its own error comes through
        with suppress(ml.MinidlError):
            call(STRANGE[strange])
