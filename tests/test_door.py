"""Arrays as people bring them: however they lie in memory they are the same numbers, or refused.

What NumPy would do in silence (drop masks, read text as numbers, lose what float32 cannot hold)
is an error that says what to write.
"""

from __future__ import annotations

import io
from contextlib import suppress
from datetime import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
import scipy.sparse

import minidl as ml
from minidl.errors import (
    ArgumentError,
    DataError,
    DomainError,
    DtypeError,
    GradientError,
    ShapeError,
)
from minidl.foreign import text_number

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 3)).astype(np.float32)
Y = (X[:, :1] > 0).astype(np.float32)
WEIGHTS = RNG.uniform(0.5, 2.0, 12).astype(np.float32)


class Sub(np.ndarray):
    """An array of a class of somebody's own."""


def unaligned(array):
    """The same numbers one byte beside where a number may begin."""
    raw = np.zeros(array.nbytes + 1, np.uint8)[1:]
    raw[:] = np.frombuffer(np.ascontiguousarray(array).tobytes(), np.uint8)
    shifted = raw.view(array.dtype).reshape(array.shape)
    assert not shifted.flags.aligned
    return shifted


def strided(array):
    wide = np.repeat(np.repeat(array, 2, axis=0), 3, axis=-1) if array.ndim > 1 else array.repeat(3)
    return wide[::2, ::3] if array.ndim > 1 else wide[::3]


def backwards(array):
    return np.ascontiguousarray(array[::-1])[::-1]


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


LAYOUTS = {
    "unaligned": unaligned,
    "unaligned float64": lambda array: unaligned(array.astype(np.float64)),
    "big-endian": lambda array: array.astype(">f4"),
    "big-endian float64": lambda array: array.astype(">f8"),
    "big-endian unaligned": lambda array: unaligned(array.astype(">f4")),
    "strided": strided,
    "backwards": backwards,
    "Fortran": np.asfortranarray,
    "read-only": read_only,
    "a subclass": lambda array: array.view(Sub),
    "a masked array without masks": lambda array: np.ma.array(array, mask=False),
    "long double": lambda array: array.astype(np.longdouble),
    "objects": lambda array: array.astype(object),
    "lists": lambda array: array.tolist(),
    "a Tensor": ml.Tensor,
}


def network():
    return ml.mlp([3, 4, 1], hidden="tanh", output="sigmoid", seed=0)


def trained(X, Y, weights, **settings):
    net = network()
    history = ml.fit(net, X, Y, loss="bce", epochs=2, batch_size=5, seed=0, sample_weight=weights,
                     validation_data=(X, Y), **settings)  # fmt: skip
    return [*history["loss"], *history["val_loss"], *net.block.values.tolist()]


def run(X, Y):
    """A recorded step on rows in an order."""
    net = network()
    optimizer = ml.SGD(net.parameters(), 0.1)

    def step(x, t):
        loss = ml.binary_crossentropy(t, net(x))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return [*ml.record(step, X, Y).run(X, Y), *net.block.values.tolist()]


def gradient(values):
    x = ml.Tensor(np.ones((12, 3), np.float32), requires_grad=True)
    (x * 2.0).backward(values)
    return x.grad


def assigned(values):
    x = ml.Tensor(np.ones((12, 3), np.float32))
    x.data = values
    return x.numpy()


def graded(values):
    x = ml.Tensor(np.ones((12, 3), np.float32), requires_grad=True)
    x.grad = values
    return x.grad


ENTRANCES = {
    "fit": lambda lay: trained(lay(X), lay(Y), lay(WEIGHTS)),
    "fit eagerly": lambda lay: trained(lay(X), lay(Y), lay(WEIGHTS), record=False),
    "predict": lambda lay: network().predict(lay(X)),
    "evaluate": lambda lay: ml.evaluate(network(), lay(X), lay(Y), loss="bce")["loss"],
    "a network": lambda lay: network()(lay(X)).numpy(),
    "record": lambda lay: run(lay(X), lay(Y)),
    "a loss": lambda lay: ml.mse(lay(Y), ml.Tensor(Y + 1)).numpy(),
    "weights of a loss": lambda lay: ml.mse(
        Y, ml.Tensor(Y + X[:, :1]), sample_weight=lay(WEIGHTS)).numpy(),
    "an operation": lambda lay: (ml.Tensor(X) * lay(X)).numpy(),
    "a product": lambda lay: (ml.Tensor(X) @ lay(np.ascontiguousarray(X.T))).numpy(),
    "Tensor": lambda lay: ml.Tensor(lay(X), dtype="float32").numpy(),
    "data": lambda lay: assigned(lay(X)),
    "grad": lambda lay: graded(lay(X)),
    "backward": lambda lay: gradient(lay(X)),
    "batches": lambda lay: np.concatenate(
        [np.hstack(part) for part in ml.data.batches(lay(X), lay(Y), 5)]).astype(np.float32),
}  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("entrance", ENTRANCES)
def test_arrays_are_the_same_numbers_however_they_lie(entrance, layout):
    call = ENTRANCES[entrance]
    plain, other = call(np.ascontiguousarray), call(LAYOUTS[layout])
    np.testing.assert_array_equal(np.asarray(other), np.asarray(plain))


@pytest.mark.parametrize("order", [">i4", "<i2", "u1", object])
def test_orders_are_the_same_rows_however_they_lie(order):
    net = network()
    program = ml.record(lambda x, t: ml.mse(t, net(x)), X[:4], Y[:4])
    rows = np.array([7, 2, 11, 0])
    if order is object:
        with pytest.raises(ShapeError, match="row numbers"):
            program.run(X, Y, order=rows.astype(object))
    else:
        given = unaligned(rows.astype(order)) if order != "u1" else rows.astype(order)
        assert program.run(X, Y, order=given) == program.run(X, Y, order=rows)


@pytest.mark.parametrize("dtype", [">f4", "<f4", ">f8", "<f8"])
def test_byte_orders_keep_their_precision(dtype):
    given = np.array([0.5, -2.0], dtype)
    native = np.dtype(dtype).newbyteorder("=")
    assert ml.Tensor(given).dtype == ml.relu(given).dtype == native
    assert ml.mse(given, given).dtype == native


# ── masks ─────────────────────────────────────────────────────────────────────────────────────


def masked(array):
    mask = np.zeros(np.shape(array), bool)
    mask.flat[1] = True
    return np.ma.array(array, mask=mask)


@pytest.mark.parametrize("entrance", ENTRANCES)
def test_masked_numbers_are_refused(entrance):
    with pytest.raises(DataError, match="1 masked") as caught:
        ENTRANCES[entrance](masked)
    assert ".filled(0.0)" in caught.value.remedy


def test_masks_in_lists_and_elsewhere_are_seen():
    row = np.ma.array([1.0, 2.0, 3.0], mask=[0, 1, 0])
    for given in ([row, row], [[1.0, np.ma.masked, 3.0]], [[1.0, 2.0, 3.0], row]):
        with pytest.raises(DataError, match="masked"):
            network().predict(given)
    with pytest.raises(DataError, match="1 masked"):
        ml.data.check_finite("X", masked(X))
    net = network()
    program = ml.record(lambda x, t: ml.mse(t, net(x)), X, Y)
    with pytest.raises(DataError, match=r"order: .* masked"):
        program.run(X, Y, order=masked(np.arange(12)))


# ── text ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("text", ["1_0", "10", "١٠", "nan", "inf", "1e400", " 1 ", "0x10", "True"])
def test_text_is_no_number_in_an_array(text):
    for given in ([text], np.array([text]), np.array([text, 1.0], object), [text.encode()]):
        with pytest.raises(DtypeError):
            ml.Tensor(given, dtype="float32")
        with pytest.raises(DtypeError):
            ml.Tensor(given)
        for call in (ml.relu, gradient, assigned, graded, lambda x: ml.mse(x, x),
                     lambda x: ml.Tensor([1.0]) + x,
                     lambda x: trained(X, Y, x)):  # fmt: skip
            with pytest.raises(DataError, match="numbers"):
                call(given)


@pytest.mark.parametrize("text", ["1_0", "a", "١"])
def test_text_is_no_setting(text):
    net = network()
    for call in (
        lambda: ml.clip([1.0], text, 3.0),
        lambda: ml.leaky_relu(alpha=text),
        lambda: ml.Adam(net.parameters(), learning_rate=text),
        lambda: ml.fit(net, X, Y, loss="bce", class_weight={"0": 1.0, text: 2.0}),
        lambda: ml.fit(net, X, Y, loss="bce", class_weight={0: 1.0, 1: text}),
    ):
        with pytest.raises(ml.MinidlError, match="number"):
            call()
    weights = {"0": 1.0, "1": 3.0}
    plain = trained(X, Y, None, class_weight={0: 1.0, 1: 3.0})
    assert trained(X, Y, None, class_weight=weights) == plain  # JSON knows no other keys


NUMBERS = {"1": 1.0, " -2.5e1 ": -25.0, "+.5": 0.5, "5.": 5.0, "1e400": np.inf, "-INF": -np.inf}
TEXTS = ["1_0", "1,000", "١٠", "１", "0x10", "True", "nan", "", "1 0", "−5", "1e", ".", "0b1",
         "1.2.3", "1e5_0", "infinite", "1\u200a0"]  # fmt: skip


@pytest.mark.parametrize("text", [*NUMBERS, *TEXTS])
def test_numbers_in_text_are_what_pandas_reads(text):
    assert text_number(text) == NUMBERS.get(text)
    read = pd.read_csv(io.StringIO(f'a,b\n"{text}",0\n'), keep_default_na=False)["a"]
    assert (read.dtype.kind in "iuf") == (text in NUMBERS)


# ── what float32 cannot tell apart ────────────────────────────────────────────────────────────


def fit(X, y=None, dtype="float32"):
    width = np.shape(X)[1]
    net = ml.mlp([width, 1], seed=0, dtype=dtype)
    y = np.arange(len(X)) % 2.0 if y is None else y
    return ml.fit(net, X, y, loss="mse", epochs=1, learning_rate=0.0)


TIMES = 1.7e9 + np.arange(100.0)


@pytest.mark.parametrize(
    "times",
    [TIMES, TIMES * 1000, TIMES.astype(np.int64), -TIMES[::-1]],
    ids=["seconds", "milliseconds", "whole", "before"],
)
def test_times_that_float32_cannot_tell_apart_are_refused(times):
    table = np.column_stack([np.arange(100), times])
    with pytest.raises(DataError, match="column 1") as caught:
        fit(table)
    assert "float32 can tell apart" in caught.value.expected
    assert "made of 100" in caught.value.got
    assert "Subtract the first" in caught.value.remedy
    with pytest.raises(DataError, match="column 'time'"):
        fit(pd.DataFrame({"a": np.arange(100.0), "time": times}))
    with pytest.raises(DataError, match="^y: "):
        fit(table[:, :1], times)
    fit(table, dtype="float64")
    fit(table - table[0])


def test_nanoseconds_in_float64_are_refused():
    nanoseconds = 1_700_000_000_000_000_000 + np.arange(100).reshape(-1, 1)
    with pytest.raises(DataError, match="float64 can tell apart"):
        fit(nanoseconds, dtype="float64")


@pytest.mark.parametrize(
    "column",
    [
        np.full(300, 0.1),  # constant: nothing is lost
        np.full(300, 1.7e9),
        np.where(np.arange(300) == 200, 0.0, 1.7e9),
        np.where(np.arange(300) == 200, 5.0, 0.0),
        0.1 + np.arange(300) % 9 * 1.4e-17,  # rounding errors alone
        np.arange(300) * 3600.0 + 1.7e9,  # hours
        np.arange(300) * 128.0 + 1.7e9,  # just what float32 holds
        np.linspace(0, 1, 300),
        np.linspace(1e-30, 2e-30, 300),
        2000.0 + np.arange(300) % 25,
        np.arange(300) % 2 == 0,
        np.arange(300) + 2**20,
    ],
)
def test_columns_that_float32_holds_are_taken(column):
    fit(column.reshape(-1, 1))


def test_a_column_is_looked_at_between_the_rows_that_are_sampled():
    """Rows of which a few are looked at: one that differs elsewhere makes the span, or is lost."""
    column = np.full((6400, 1), 1.7e9)
    column[17] += 3.0
    with pytest.raises(DataError, match="1 number made of 2"):
        fit(column)


def test_few_rows_to_predict_may_lie_close():
    """A network trained on a wide span is asked about times in one minute."""
    net = ml.mlp([1, 1], seed=0)
    rows = TIMES[:5].reshape(-1, 1)
    assert net.predict(rows).shape == (5, 1)
    assert "loss" in ml.evaluate(net, rows, np.zeros(5), loss="mse")


# ── data that change while they are used ──────────────────────────────────────────────────────


class Spoil(ml.Callback):
    """Writes into the arrays that fit was given."""

    def __init__(self, *arrays):
        self.arrays = arrays

    def epoch_ended(self, net, epoch, measured):
        for array in self.arrays:
            array[...] = 1e9


@pytest.mark.parametrize("record", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_a_callback_writes_into_the_data_is_not_trained_on(dtype, record):
    def spoiled(spoil):
        arrays = [part.astype(dtype) for part in (X, Y, X[:4], Y[:4])]
        weights = WEIGHTS.astype(dtype)
        net = network()
        history = ml.fit(net, *arrays[:2], loss="bce", epochs=4, validation_data=tuple(arrays[2:]),
                         sample_weight=weights, record=record,
                         callbacks=[Spoil(*arrays, weights)] if spoil else [])  # fmt: skip
        return history["loss"], history["val_loss"], net.block.values.tolist()

    assert spoiled(True) == spoiled(False)


# ── tensors and NumPy ─────────────────────────────────────────────────────────────────────────


def test_an_array_of_a_result_does_not_lose_its_gradient():
    x = ml.Tensor([1.0, 2.0], requires_grad=True)
    y = x * 2.0
    for call in (np.asarray, np.array, lambda t: np.array([t, t]), lambda t: ml.relu([t, t]),
                 lambda t: ml.Tensor([t, t])):  # fmt: skip
        with pytest.raises(GradientError) as caught:
            call(y)
        assert all(word in caught.value.remedy for word in ("x.numpy()", "x.detach()"))
    for seen in (y.detach(), y.numpy(), (x.detach() * 2.0)):
        np.testing.assert_array_equal(np.asarray(seen), [2.0, 4.0])
    with ml.no_grad():
        np.testing.assert_array_equal(np.asarray(x * 2.0), [2.0, 4.0])
    np.testing.assert_array_equal(np.asarray(x), [1.0, 2.0])  # a parameter: nothing to carry back
    assert np.allclose(y, y)
    assert np.zeros_like(y).tolist() == [0.0, 0.0]
    assert np.shape(y) == (2,)


def test_a_tensor_of_one_number_is_formatted_and_rounded_like_it():
    loss = ml.Tensor([[2.34375]], requires_grad=True).mean()
    assert f"{loss:.2f} {loss:>8.1e} {loss:g}" == f"{2.34375:.2f} {2.34375:>8.1e} {2.34375:g}"
    assert (int(loss), round(loss), round(loss, 1), complex(loss)) == (2, 2, 2.3, 2.34375 + 0j)
    assert f"{loss}" == str(loss) == repr(loss)
    assert ["a", "b"][ml.Tensor(1)] == "b"
    assert list(range(ml.Tensor([3]))) == [0, 1, 2]


TWO = ml.Tensor([1.0, 2.0])


REFUSED = {
    "many formatted": (lambda: f"{TWO:.2f}", ShapeError),
    "many to int": (lambda: int(TWO), ShapeError),
    "many rounded": (lambda: round(TWO), ShapeError),
    "a float for an index": (lambda: [0, 1][TWO[0]], DtypeError),
    "many for an index": (lambda: [0, 1][ml.Tensor([0, 1])], ShapeError),
    "NaN to int": (lambda: int(ml.Tensor(np.nan)), DomainError),
    "infinity to int": (lambda: int(ml.Tensor(np.inf)), DomainError),
    "infinity rounded": (lambda: round(ml.Tensor(np.inf)), DomainError),
    "a format for whole numbers": (lambda: f"{TWO[0]:d}", ArgumentError),
    "no dtype": (lambda: ml.Tensor([1.0], dtype="spam"), DtypeError),
    "complex": (lambda: ml.Tensor([1.0], dtype=complex), DtypeError),
    "text among numbers": (lambda: ml.Tensor([1.0, "a"]), DtypeError),
    "ragged": (lambda: ml.Tensor([[1.0], [1.0, 2.0]]), DataError),
    "too large": (lambda: ml.Tensor([1e300]), DataError),
    "too large a factor": (lambda: TWO * 1e300, DataError),
    "too large an array": (lambda: TWO * np.array([1e300, 1.0]), DataError),
    "too large to write": (lambda: assigned(np.full((12, 3), 1e300)), DataError),
    "too large a gradient": (lambda: graded(np.full((12, 3), 1e300)), DataError),
    "too large weights": (lambda: trained(X, Y, np.full(12, 1e300)), DataError),
    "too large a class's weight": (
        lambda: trained(X, Y, None, class_weight={0: 1.0, 1: 1e300}), DataError),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_numbers_that_cannot_be_had_are_refused_by_name(case):
    call, error = REFUSED[case]
    with pytest.raises(error) as caught:
        call()
    assert caught.value.remedy


@pytest.mark.parametrize("low", [-np.inf, -1.0, 2.0, np.inf])
@pytest.mark.parametrize("high", [-np.inf, 1.0, 3.0, np.inf])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_clip_is_that_of_numpy_also_where_bounds_are_crossed(low, high, dtype):
    x = np.array([1.0, 3.0, 0.0, -2.0, np.inf, -np.inf, np.nan, 2.0], dtype)
    np.testing.assert_array_equal(ml.clip(x, low, high), np.clip(x, low, high))
    tensor = ml.Tensor(x[:4], requires_grad=True)
    tensor.clip(low, high).sum().backward()
    inside = (x[:4] >= low) & (x[:4] <= high)  # PyTorch's rule
    assert tensor.grad.tolist() == inside.tolist()


# ── tables and hints ──────────────────────────────────────────────────────────────────────────

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


# ── anything at all ───────────────────────────────────────────────────────────────────────────


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
