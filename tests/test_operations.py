"""How operations are called: operands, hyper-parameters, missing numbers, entries of one's own."""

import numpy as np
import pytest
from operands import NAN, grad

import minidl as ml
from minidl import Tensor
from minidl.autodiff.op import BinaryElementwise
from minidl.core.errors import ArgumentError
from minidl.nn.criterion import Loss
from minidl.program import record

# ── operands and hyper-parameters ─────────────────────────────────────────────────────────────


@pytest.mark.parametrize("shape", [(), (1,), (1, 1), (3,), (2, 1)], ids=str)
def test_a_broadcast_alpha_gets_the_sum_of_its_gradients(shape):
    x, alpha = grad(-np.arange(6.0).reshape(2, 3), "float64"), grad(np.full(shape, 0.5), "float64")
    ml.prelu(x, alpha).sum().backward()
    whole = np.broadcast_to(np.zeros(shape), (2, 3)).shape
    want = x.numpy()
    for axis in [i for i, n in enumerate((1,) * (2 - len(shape)) + shape) if n == 1]:
        want = want.sum(axis=axis, keepdims=True)
    assert whole == (2, 3)
    assert alpha.grad.shape == shape
    np.testing.assert_array_equal(alpha.grad.reshape(-1), want.reshape(-1))
    np.testing.assert_array_equal(x.grad, [[0.5] * 3] * 2)


def test_no_gradient_is_ever_written_beyond_its_array():
    class Product(BinaryElementwise):
        name = "product"
        value = staticmethod(lambda a, b: a * b)
        slope_a = staticmethod(lambda a, b: b)
        slope_b = staticmethod(lambda a, b: a)

    memory = np.zeros(64, np.float32)
    dx, op = memory[:1], Product()
    xs = [np.ones(32, np.float32), np.ones(1, np.float32)]
    op.backward(np.ones(32, np.float32), np.ones(32, np.float32), xs, [None, dx])
    np.testing.assert_array_equal(memory, [32, *[0] * 63])


def test_hyper_parameters_alone_give_what_has_them():
    leaky, huber = ml.leaky_relu(alpha=0.25), ml.huber(delta=2.0)
    assert (repr(leaky), repr(huber)) == ("leaky_relu(alpha=0.25)", "huber(delta=2.0)")
    assert leaky(-4.0) == -1.0
    assert leaky(-4.0, alpha=0.5) == -2.0
    assert huber([0.0], [2.0]) == 2.0
    net = ml.mlp([2, 3, 1], hidden=leaky, seed=0)
    assert "loss" in ml.fit(net, np.ones((4, 2)), np.ones(4), loss=huber, epochs=1)


def test_python_numbers_take_the_arrays_dtype():
    array = np.array([1.0, -1.0])
    for dtype in (np.float32, np.float64):
        x = array.astype(dtype)
        for y in (ml.maximum(x, 0.0), ml.minimum(0, x), ml.where(x > 0, x, 0.0), ml.prelu(x, 0.25),
                  ml.concatenate([x, [1.0]])):  # fmt: skip
            assert y.dtype == dtype
    np.testing.assert_array_equal(ml.maximum(array, 0.0), [1, 0])
    assert ml.maximum([1.0], 0.0).dtype == np.float64  # as NumPy has it


# ── ranges and kinks that follow a hyper-parameter ────────────────────────────────────────────


def test_range_and_kinks_follow_alpha():
    for entry, alpha, low, kinks in (
        (ml.elu, 1.0, -1.0, ()), (ml.elu, 2.0, -2.0, (0.0,)), (ml.elu, 0.0, 0.0, (0.0,)),
        (ml.elu, -1.0, 0.0, (0.0,)), (ml.leaky_relu, 0.1, -np.inf, (0.0,)),
        (ml.leaky_relu, 0.0, 0.0, (0.0,)), (ml.leaky_relu, -0.5, 0.0, (0.0,)),
    ):  # fmt: skip
        changed = entry(alpha=alpha)
        assert (changed.range.low, changed.kinks) == (low, kinks)
        y = changed(np.linspace(-50, 50, 101))
        assert all(float(value) in changed.range.closure() for value in y)
        assert low in y or low < 0
    assert ml.hinge.kinks
    assert not ml.squared_hinge.kinks


# ── NaN and weights ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("name", ["mse", "binary_crossentropy", "kl_divergence", "cce", "focal"])
def test_a_weight_of_0_silences_a_target_that_is_missing(name, reduction):
    t = np.array([[0.5, 0.5], [NAN, 0.5]])
    p = grad([[0.25, 0.75], [0.5, 0.5]], "float64")
    options = {"sample_weight": [1.0, 0.0], "reduction": reduction}
    value = ml.losses[name](t, p, **options)
    value.backward(np.ones(value.shape))
    clean = ml.losses[name](t[:1], p[:1].detach(), reduction=reduction)
    assert np.isfinite(value.numpy()).all()
    np.testing.assert_allclose(value.numpy().sum(), clean.numpy().sum())
    np.testing.assert_array_equal(p.grad[1], [0, 0])
    assert np.all(p.grad[0] != 0)


def test_the_gradient_of_a_maximum_goes_to_its_nan():
    x = grad([1.0, NAN, 3.0])
    x.max().backward()
    np.testing.assert_array_equal(x.grad, [0, 1, 0])


# ── entries of one's own ──────────────────────────────────────────────────────────────────────


def test_an_entry_without_a_name_is_refused():
    class Nameless(ml.ActivationFunction):
        value = staticmethod(lambda x: x)
        slope = staticmethod(lambda x: 1.0)

    with pytest.raises(ArgumentError, match="name = 'nameless'"):
        ml.activation(Nameless)


def test_any_number_of_hyper_parameters():
    class Polynomial(ml.ActivationFunction):
        name = "polynomial"
        hyper = {"a": 1.0, "b": 2.0, "c": 3.0, "d": 4.0}
        value = staticmethod(lambda x, a, b, c, d: ((a * x + b) * x + c) * x + d)
        slope = staticmethod(lambda x, a, b, c, d: (3.0 * a * x + 2.0 * b) * x + c)

    x = grad([2.0])
    y = Polynomial()(x, d=0.5)
    y.backward()
    assert (y.item(), x.grad.item()) == (22.5, 23.0)


def test_formulas_must_take_what_is_listed():
    class Short(ml.ActivationFunction):
        name = "short"
        value = staticmethod(lambda x, alpha: alpha * x)
        slope = staticmethod(lambda x, alpha: alpha)

    class Long(Loss):
        name = "long"
        hyper = {"delta": 1.0}
        value = staticmethod(lambda t, p: p - t)
        slope = staticmethod(lambda t, p, delta: 1.0)

    for made, culprit in ((Short, "short.value"), (Long, "long.value")):
        with pytest.raises(ArgumentError) as caught:
            made()
        assert caught.value.culprit == culprit


def test_every_movement_can_be_recorded():
    w = grad(np.arange(12.0).reshape(3, 4) / 10, "float64")
    optimizer = ml.SGD([w], learning_rate=0.1)
    alpha = grad([0.3], "float64")

    def step(x):
        y = ml.prelu(x @ w, alpha).T[::-1, [0, 2, 1]].reshape(2, -1)
        y = ml.concatenate([y[:, :3], y[:, 2:] * y.mean(axis=0)[2:]], axis=1)
        loss = y.max(axis=1).sum() + (y**2).sum(axis=0).mean()
        optimizer.zero_grad()
        alpha.grad = None
        loss.backward()
        optimizer.step()
        return loss

    x, start = np.random.default_rng(0).normal(size=(3, 3)), w.numpy().copy()
    eager, after = step(Tensor(x)).item(), w.numpy().copy()
    w[:] = start
    assert record(step, x, dtype="float64")(x) == eager
    np.testing.assert_array_equal(w.numpy(), after)


def test_tables_of_pandas_are_arrays_to_operations_and_losses():
    """They have an ``apply``, as a Tensor has."""
    from pandas import DataFrame, Series

    x, t = np.array([[0.5, -1.0], [2.0, 0.0]]), np.array([1, 0])
    for name in ("tanh", "softmax"):
        activation = ml.activations[name]
        np.testing.assert_array_equal(activation(DataFrame(x)), activation(x))
    assert ml.mse(Series(t), Series(x[0])) == ml.mse(t, x[0])
    cce = ml.losses["cce"]
    assert cce(Series(t), DataFrame(x), from_logits=True) == cce(t, x, from_logits=True)
    tensor = Tensor(x[0], requires_grad=True)
    ml.mse(Series(t), tensor * Series([1.0, 2.0])).backward()
    np.testing.assert_array_equal(tensor.grad, [-0.5, -4.0])


KINDS = {
    "exp": lambda x: ml.exp(x),
    "log": lambda x: ml.log(x),
    "sqrt": lambda x: ml.sqrt(x),
    "absolute": lambda x: ml.absolute(x),
    "clip": lambda x: ml.clip(x, 0.0, 1.0),
    "maximum": lambda x: ml.maximum(x, x),
    "minimum, a number": lambda x: ml.minimum(x, 1.0),
    "where": lambda x: ml.where(np.array([True, False]), x, 0.0),
    "concatenate": lambda x: ml.concatenate([x, x]),
    "stack": lambda x: ml.stack([x, x]),
    "matmul": lambda x: ml.matmul(x, x),
    "relu": lambda x: ml.relu(x),
    "softmax": lambda x: ml.softmax(x),
}


@pytest.mark.parametrize("name", KINDS)
def test_what_comes_back_is_of_the_kind_that_was_given(name):
    apply, numbers = KINDS[name], [0.5, 2.0]
    for dtype in (np.float32, np.float64):
        array = apply(np.array(numbers, dtype))
        tensor = apply(ml.Tensor(numbers, dtype=np.dtype(dtype).name))
        assert isinstance(tensor, ml.Tensor)
        assert not isinstance(array, ml.Tensor)
        assert array.dtype == tensor.dtype == dtype
        np.testing.assert_array_equal(array, tensor.numpy())
    listed = apply(numbers)
    assert listed.dtype == np.float64
    np.testing.assert_array_equal(listed, apply(np.array(numbers)))
