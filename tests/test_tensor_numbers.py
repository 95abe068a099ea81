"""A tensor as NumPy and Python see it: an array, a number, an index; and clip."""

from __future__ import annotations

import numpy as np
import pytest
from entrances import X, Y, assigned, graded, trained

import minidl as ml
from minidl.core.errors import (
    ArgumentError,
    DataError,
    DomainError,
    DtypeError,
    GradientError,
    ShapeError,
)


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
