"""What errors say to write, for tables and arrays as people have them, and for names."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from entrances import RNG, X, Y, network

import minidl as ml

IMAGES = RNG.random((12, 8, 8))
LABELS = Y.reshape(-1)
PEOPLE = pd.DataFrame({"age": np.arange(12.0), "city": list("abcabcabcabc"), "sex": list("mf" * 6)})


def fitted(X, y=LABELS, widths=(3, 1)):
    return ml.fit(ml.mlp([*widths], seed=0), X, y, loss="mse", epochs=1)


class Torch:
    """What a torch.Tensor does when NumPy asks for its numbers, without the time torch takes."""

    __module__ = "torch"

    def __init__(self, error):
        self.error = error

    def __array__(self, dtype=None, copy=None):
        raise self.error


WANTS = RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy()")
HALF = TypeError("Got unsupported ScalarType BFloat16")


HINTS = {
    "images": (lambda: fitted(IMAGES, widths=(64, 1)), "X.reshape(len(X), -1)", "(12, 8, 8)"),
    "images for another network": (
        lambda: fitted(IMAGES), "X.reshape(len(X), -1)", "(12, 8, 8)"),
    "images to predict": (
        lambda: ml.mlp([64, 1]).predict(IMAGES), "X.reshape(len(X), -1)", "(12, 8, 8)"),
    "sparse": (lambda: fitted(scipy.sparse.csr_matrix(X)), "X.toarray()", "sparse csr_matrix"),
    "sparse to predict": (
        lambda: network().predict(scipy.sparse.coo_array(X)), "X.toarray()", "coo_array"),
    "sparse targets": (
        lambda: fitted(X, scipy.sparse.csr_array(Y)), "y.toarray()", "sparse csr_array"),
    "a Series": (
        lambda: fitted(pd.Series(LABELS), widths=(1, 1)), "X.to_frame()", "shape (12,)"),
    "a Series for rows of 3": (
        lambda: fitted(pd.Series(X.ravel())), "X.to_numpy().reshape(-1, 3)", "shape (36,)"),
    "a Series to predict": (
        lambda: network().predict(pd.Series(LABELS)), "X.to_numpy().reshape(-1, 1)", "(12,)"),
    "a Series for a target": (
        lambda: ml.mse(pd.Series(LABELS), Y), "y_true.to_numpy().reshape(-1, 1)", "(12,)"),
    "text in a table": (
        lambda: fitted(PEOPLE), "drop(columns=['city', 'sex'])", "'a' in row 0 of column 'city'"),
    "text in a table to predict": (
        lambda: network().predict(PEOPLE), "get_dummies(X, columns=['city', 'sex']", "'sex'"),
    "a gap in a table": (
        lambda: fitted(PEOPLE.assign(city=None, sex=0.0)), "X.fillna(", "None in row 0"),
    "dates in a table": (
        lambda: fitted(PEOPLE.assign(city=pd.Timestamp("2020-01-01"), sex=0.0)),
        "X['city'].min()", "column 'city'"),
    "a dict of columns": (lambda: fitted({"a": [1.0]}), "pandas.DataFrame(X)", "{'a': [1.0]}"),
    "a generator": (lambda: fitted(row for row in X), "list(X)", "generator"),
    "torch that wants a gradient": (
        lambda: fitted(Torch(WANTS)), "X.detach().cpu().numpy()", "torch"),
    "torch of half precision": (
        lambda: fitted(Torch(HALF)), ".float().cpu().numpy()", "BFloat16"),
    "ReLU": (lambda: ml.mlp([1, 2, 1], hidden="ReLU"), "Did you mean 'relu'?", "'ReLU'"),
    "LeakyReLU": (lambda: ml.mlp([1, 1], output="LeakyReLU"), "'leaky_relu'?", "'LeakyReLU'"),
    "MSE": (lambda: ml.fit(network(), X, Y, loss="MSE"), "'mse'?", "'MSE'"),
    "Adam": (lambda: ml.fit(network(), X, Y, loss="mse", optimizer="Adam"), "'adam'?", "'Adam'"),
    "He": (lambda: ml.mlp([1, 1], init="He_Normal"), "'he_normal'?", "'He_Normal'"),
    "Moons": (lambda: ml.data.load("Moons"), "'moons'?", "'Moons'"),
    "Accuracy": (
        lambda: ml.evaluate(network(), X, Y, loss="bce", metrics=["Accuracy"]), "'accuracy'?",
        "'Accuracy'"),
    "rleu without a hidden layer": (lambda: ml.mlp([1, 1], hidden="rleu"), "'relu'?", "'rleu'"),
    "a rate without a hidden layer": (lambda: ml.mlp([1, 1], dropout=7), "Write 0.5", "7"),
}  # fmt: skip


@pytest.mark.parametrize("hint", HINTS)
def test_hints_say_what_to_write(hint):
    call, remedy, got = HINTS[hint]
    with pytest.raises(ml.MinidlError) as caught:
        call()
    assert remedy in caught.value.remedy
    assert got in caught.value.got


def test_hints_are_right():
    """What they say to write runs."""
    fitted(IMAGES.reshape(len(IMAGES), -1), widths=(64, 1))
    fitted(scipy.sparse.csr_matrix(X).toarray())
    fitted(pd.Series(LABELS).to_frame(), widths=(1, 1))
    encoded = pd.get_dummies(PEOPLE, columns=["city", "sex"], dtype=float)
    fitted(encoded, widths=(encoded.shape[1], 1))
