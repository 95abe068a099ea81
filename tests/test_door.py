"""Arrays as people bring them: however they lie in memory they are the same numbers, or refused.

What NumPy would do in silence (drop masks, read text as numbers, lose what float32 cannot hold)
is an error that says what to write.
"""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from entrances import ENTRANCES, WEIGHTS, X, Y, assigned, graded, gradient, network, trained

import minidl as ml
from minidl.core.checks import text_number
from minidl.core.errors import DataError, DtypeError, ShapeError


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

    def on_epoch_end(self, net, epoch, measured):
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
