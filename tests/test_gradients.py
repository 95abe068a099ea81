"""Every operation of a Tensor: its gradient is what centred differences measure."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import minidl as ml
from minidl import Tensor

STEP = 1e-5  # centred differences in float64: errors of some 1e-10


def check_gradient(function, *arrays):
    """The gradients of function(*tensors), contracted with fixed weights, are the differences."""
    tensors = [Tensor(array, requires_grad=True) for array in arrays]
    y = function(*tensors)
    weights = np.cos(np.arange(y.size, dtype=float)).reshape(y.shape) + 0.1
    y.backward(weights)

    def contracted(position, index, step):
        moved = [array.copy() for array in arrays]
        moved[position][index] += step
        return float((function(*map(Tensor, moved)).numpy() * weights).sum())

    for position, (tensor, array) in enumerate(zip(tensors, arrays, strict=True)):
        assert tensor.grad is not None
        assert tensor.grad.shape == array.shape
        numeric = np.empty_like(array)
        for index in np.ndindex(array.shape):
            ahead, behind = (contracted(position, index, step) for step in (STEP, -STEP))
            numeric[index] = (ahead - behind) / (2 * STEP)
        np.testing.assert_allclose(tensor.grad, numeric, rtol=1e-6, atol=1e-7)


def spaced(shape, seed=0):
    """Numbers of both signs, none near 0 or another one: no kink within a step."""
    rng = np.random.default_rng(seed)
    size = int(np.prod(shape))
    values = (np.arange(size) + 1 + rng.random(size) / 2) / 4
    return np.array(rng.permutation(values) * rng.choice([-1, 1], size)).reshape(shape)


UNARY = {
    "negative": lambda x: -x,
    "abs": abs,
    "abs()": lambda x: x.abs(),
    "exp": lambda x: (x / 4).exp(),
    "log": lambda x: abs(x).log(),
    "sqrt": lambda x: abs(x).sqrt(),
    "clip": lambda x: x.clip(-1.1, 2.3),
    "functions": lambda x: ml.exp(-ml.sqrt(ml.absolute(x))) + ml.log(ml.clip(x, 1e-3, 1.9)),
    "number first": lambda x: 2 - 3 / x + 1.5 * x,
    "number last": lambda x: x / 3 - 1 + x * np.float64(2) + np.float64(2) * x,
    "power": lambda x: x**3 + x**-1 + abs(x) ** 0.5 + 2.0**x,
    "sum": lambda x: x.sum(),
    "sum of an axis": lambda x: x.sum(axis=1),
    "sum of axes": lambda x: x.sum(axis=(0, -1), keepdims=True),
    "mean": lambda x: x.mean(),
    "mean of an axis": lambda x: x.mean(axis=0, keepdims=True) * x,
    "max": lambda x: x.max(),
    "max of an axis": lambda x: x.max(axis=-1),
    "min": lambda x: x.min(axis=(0, 1)),
    "min kept": lambda x: x.min(axis=0, keepdims=True) - x,
    "reshape": lambda x: x.reshape(4, -1) * np.arange(6.0),
    "reshape by tuple": lambda x: x.reshape((6, 4)).exp(),
    "transpose": lambda x: x.transpose(2, 0, 1) * x.transpose(2, 0, 1),
    "T": lambda x: x.T * 2,
    "broadcast": lambda x: x.broadcast_to((2, *x.shape)) * x,
    "index": lambda x: x[1],
    "slices": lambda x: x[:, ::-2, 1:] ** 2,
    "ellipsis": lambda x: x[..., None, 0],
    "list with repeats": lambda x: x[[0, 0, 1]] * x[[1, 0, 0]],
    "arrays": lambda x: x[np.array([0, 1, 1]), np.array([2, 2, 2])],
    "mask": lambda x: x[x.numpy() > 0],
    "Tensor mask": lambda x: x[x > 0] * 3,
    "Tensor index": lambda x: x[0, Tensor(np.array([2, 0, 2]))],
    "iteration": lambda x: ml.stack([part * i for i, part in enumerate(x)]),
    "one used twice": lambda x: x * x + x,
    "where": lambda x: ml.where(x > 0, x * x, 3.0 * x),
    "array first": lambda x: np.arange(4.0) - x + np.arange(4.0) * x,
}


@pytest.mark.parametrize("function", UNARY.values(), ids=UNARY)
def test_gradient(function):
    check_gradient(function, spaced((2, 3, 4)))


BINARY = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / b,
    "power": lambda a, b: abs(a) ** (b / 4),
    "maximum": lambda a, b: ml.maximum(a, b),
    "minimum": lambda a, b: ml.minimum(a, b),
    "where": lambda a, b: ml.where((a.numpy() > b.numpy()), a, b),
}


@pytest.mark.parametrize("function", BINARY.values(), ids=BINARY)
@given(
    shapes=hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3),
    seed=st.integers(0, 99),
)
@settings(max_examples=15, deadline=None)
def test_gradient_with_broadcasting(function, shapes, seed):
    first, second = shapes.input_shapes
    a, b = spaced(first, seed), np.array(spaced(second, seed + 1) + 0.0625)
    check_gradient(function, a, b)
    assert function(Tensor(a), Tensor(b)).shape == shapes.result_shape


@given(shape=hnp.array_shapes(max_dims=3, max_side=4), data=st.data())
@settings(max_examples=30, deadline=None)
def test_gradient_along_axes(shape, data):
    axis = data.draw(st.none() | st.integers(-len(shape), len(shape) - 1))
    keepdims, x = data.draw(st.booleans()), spaced(shape)
    for name in ("sum", "mean", "max", "min"):
        check_gradient(lambda t, name=name: getattr(t, name)(axis=axis, keepdims=keepdims), x)
        ours = getattr(Tensor(x), name)(axis=axis, keepdims=keepdims).numpy()
        np.testing.assert_allclose(ours, getattr(x, name)(axis=axis, keepdims=keepdims), rtol=1e-14)


MATRICES = [((3,), (3,)), ((3,), (3, 2)), ((2, 3), (3,)), ((2, 3), (3, 4)), ((2, 2, 3), (3, 4)),
            ((3,), (2, 3, 2)), ((2, 1, 2, 3), (3, 3, 1)), ((2, 2, 3), (3,))]  # fmt: skip


@pytest.mark.parametrize("shapes", MATRICES, ids=str)
def test_gradient_of_products(shapes):
    a, b = spaced(shapes[0], 1), spaced(shapes[1], 2)
    check_gradient(lambda x, y: x @ y, a, b)
    for product in (Tensor(a) @ b, a @ Tensor(b), ml.matmul(Tensor(a), Tensor(b))):
        np.testing.assert_allclose(product.numpy(), a @ b, rtol=1e-13)
        assert product.shape == (a @ b).shape


def test_gradient_of_joining():
    a, b = spaced((2, 3)), spaced((2, 3), 1)
    for axis in (0, 1, -1):
        check_gradient(lambda x, y, axis=axis: ml.concatenate([x, y, x], axis), a, b)
        check_gradient(lambda x, y, axis=axis: ml.stack([x, y], axis) ** 2, a, b)
        joined = ml.stack([Tensor(a), b], axis).numpy()
        np.testing.assert_array_equal(joined, np.stack([a, b], axis))
    check_gradient(lambda x, y: ml.concatenate([x, y[:, :1]], axis=1), a, b)


def test_ties_share_evenly():
    x, y = Tensor([2.0, 1, 2, 2], requires_grad=True), Tensor([2.0, 3, 0, 2], requires_grad=True)
    (x.max() * 3).backward()
    assert x[0].shape == x.reshape(2, 2)[1, 1].shape == x.reshape(4)[:1].reshape(()).shape == ()
    np.testing.assert_array_equal(x.grad, [1, 0, 1, 1])
    for function, want in ((ml.maximum, [0.5, 0, 1, 0.5]), (ml.minimum, [0.5, 1, 0, 0.5])):
        x.grad = y.grad = None
        function(x, y).sum().backward()
        np.testing.assert_array_equal(x.grad, np.float32(want))
        np.testing.assert_array_equal(y.grad, 1 - np.float32(want))
    x = Tensor([-1.0, 0, 1], requires_grad=True)
    (abs(x).sum() + x.clip(-1, 1).sum()).backward()
    np.testing.assert_array_equal(x.grad, [0, 1, 2])
