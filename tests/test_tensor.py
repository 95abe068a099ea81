"""Tensors remember how they were made and forget it in time; what they refuse, how they look."""

import gc
import weakref

import numpy as np
import pytest

import minidl as ml
from minidl import Tensor
from minidl.core.errors import ArgumentError, DtypeError, GradientError, ShapeError
from minidl.nn import activations


def test_a_chain_of_100_000_operations():
    x = Tensor([1.0, -2.0], requires_grad=True, dtype="float64")
    y = x
    for _ in range(50_000):
        y = (y + 1e-5) * 1.00001
    watched = weakref.ref(y._inputs[0])
    y.sum().backward()
    np.testing.assert_allclose(x.grad, 1.00001**50_000, rtol=1e-9)
    del y
    assert watched() is None


def test_the_graph_goes_with_the_loss():
    def left():
        w = Tensor(np.eye(3) + 0.5, requires_grad=True)
        hidden = activations["tanh"](w @ w)
        loss = (hidden * hidden).mean()
        loss.backward()
        watched = [weakref.ref(hidden), weakref.ref(loss), weakref.ref(hidden._array)]
        del hidden, loss
        return w, [reference() is None for reference in watched]

    left()  # numba, while it compiles, keeps what it was called with
    gc.disable()
    try:
        w, gone = left()
        assert gone == [True] * 3
    finally:
        gc.enable()
    assert w.grad is not None
    assert w._op is None


def test_backward_twice_accumulates():
    x = Tensor([1.0, 2.0], requires_grad=True)
    y = (x * x).sum()
    y.backward()
    y.backward()
    np.testing.assert_array_equal(x.grad, [4, 8])
    x.grad = None
    middle = (x * 3).retain_grad()
    (middle * middle).sum().backward()
    np.testing.assert_array_equal(middle.grad, [6, 12])
    np.testing.assert_array_equal(x.grad, [18, 36])
    x.backward(np.array([1.0, 1.0]))
    np.testing.assert_array_equal(x.grad, [19, 37])


def test_writing_into_what_backward_needs_is_an_error():
    x, w = Tensor([1.0, 2.0]), Tensor([3.0, 4.0], requires_grad=True, name="w")
    for write in (lambda: w.__setitem__(0, 5.0), lambda: setattr(w, "data", [1.0, 1.0])):
        y = (x * w * w).sum()
        write()
        with pytest.raises(GradientError, match="w as it was when multiply ran") as caught:
            y.backward()
        assert "Call backward() before" in caught.value.remedy
        assert w.grad is None, "nothing was carried halfway"
    y = (x + w).sum()
    w[:] = Tensor([7.0, 8.0])
    y.backward()
    np.testing.assert_array_equal(w.grad, [1, 1])  # an addition needs neither
    y = w.exp()
    with pytest.raises(GradientError, match="writing into the result of exp"):
        y[0] = 1.0
    with ml.no_grad():
        y[0] = 1.0
    with pytest.raises(GradientError, match=r"backward.. through exp"):
        y.sum().backward()
    with pytest.raises(GradientError, match=r"detach") as caught:
        x[0] = w.sum()
    assert caught.value.culprit == "assignment"
    y = (x * w).sum()
    x.detach()[0] = 100.0
    with pytest.raises(GradientError, match="written to since"):
        y.backward()
    with ml.no_grad():
        w[0] = 1.0
    assert x[:1].detach().detach().shape == (1,)
    free = x.detach()
    y = (free * w).sum()
    x[0] = 5.0
    with pytest.raises(GradientError, match="written to since"):
        y.backward()


def test_no_grad_and_detach_forget():
    x = Tensor([1.0, 2.0], requires_grad=True)
    with ml.no_grad():
        inside = x * 2
    for forgotten in (inside, x.detach(), x.detach() * 2, Tensor([1.0])):
        assert not forgotten.requires_grad
        with pytest.raises(GradientError) as caught:
            forgotten.backward()
        assert caught.value.culprit == "backward()"
    assert (x * 2).requires_grad
    with pytest.raises(ZeroDivisionError), ml.no_grad():
        raise ZeroDivisionError
    assert (x * 2).requires_grad, "an error inside switches recording on again"


BAD = {
    "two dtypes": (lambda x: x + Tensor(x, dtype="float64"), DtypeError, "add",
                   "float32 and float64", "dtype='float32'"),
    "whole numbers": (lambda x: Tensor(np.arange(3)) * 2, DtypeError, "multiply", "int64",
                      "dtype='float32'"),
    "int gradient": (lambda x: Tensor([1, 2], requires_grad=True), DtypeError,
                     "Tensor(requires_grad=True)", "int64", "dtype='float32'"),
    "text": (lambda x: Tensor(["a"]), DtypeError, "Tensor(data)", "<U1", "numbers"),
    "no broadcast": (lambda x: x + np.ones(4), ShapeError, "add", "(2, 3) and (4,)", "Reshape"),
    "matrices": (lambda x: x @ x, ShapeError, "matmul", "(2, 3) @ (2, 3)", "a @ b.T"),
    "numbers @": (lambda x: x @ Tensor(2.0), ShapeError, "matmul", "(2, 3) @ ()", "a * b"),
    "reshape": (lambda x: x.reshape(4, 2), ShapeError, "reshape", "(4, 2)", "−1"),
    "not one number": (lambda x: (x * 2).backward(), GradientError, "backward()", "(2, 3)",
                       "loss.mean()"),
    "gradient's shape": (lambda x: (x * 2).backward(np.ones(2)), ShapeError, "backward(gradient)",
                         "(2,)", "each"),
    "item": (lambda x: x.item(), ShapeError, "item()", "(2, 3)", "Index"),
    "axis": (lambda x: x.sum(axis=2), ArgumentError, "sum(axis=…)", "2", "axis=1"),
    "grad": (lambda x: setattr(x, "grad", np.ones(2)), ShapeError, "grad", "(2,)", "Reshape"),
    "nothing to stack": (lambda x: ml.stack([]), ArgumentError, "stack", "none", "list"),
    "unlike stack": (lambda x: ml.stack([x, x[0]]), ShapeError, "stack", "(3,)", "Reshape"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD.values(), ids=BAD)
def test_mistakes_are_told_with_a_remedy(case):
    call, error, culprit, got, remedy = case
    with pytest.raises(error) as caught:
        call(Tensor(np.ones((2, 3), np.float32), requires_grad=True))
    assert caught.value.culprit == culprit
    assert got in caught.value.got
    assert remedy in caught.value.remedy
    assert caught.value.expected


def test_numpy_and_tensors_mix():
    x = Tensor(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array = np.array([10.0, 20.0])
    for mixed in (array + x, x + array, np.float32(array) + x, x + array.tolist()):
        assert isinstance(mixed, Tensor)
        np.testing.assert_array_equal(mixed.numpy(), array + x.numpy())
    assert isinstance(np.float64(2) * x, Tensor)
    assert (array.astype(np.float32) - x).dtype == x.dtype == np.float64
    assert isinstance(activations["relu"](array), np.ndarray)
    np.testing.assert_array_equal(np.asarray(x), x.numpy())
    np.testing.assert_array_equal(np.sum(x.numpy()), x.sum().item())
    strided = np.asfortranarray(np.arange(12.0).reshape(3, 4))[:, ::2]
    strided.flags.writeable = False
    np.testing.assert_array_equal((Tensor(strided[0]) * strided).numpy(), strided[0] * strided)
    assert float(x[0, 1]) == 2.0
    assert bool(x[0, 0] < x[0, 1])
    assert len(x) == 2
    assert (x > 1.5).numpy().tolist() == [[False, True], [True, True]]
    assert Tensor([1, 2]).dtype.kind == "i"
    assert Tensor([1.0]).dtype == np.float32


def test_repr_says_what_it_is():
    w = Tensor([0.5, 1.25], requires_grad=True, name="dense1.weight")
    assert repr(w) == (
        "Tensor([0.5 , 1.25], shape=(2,), dtype=float32, name='dense1.weight', requires_grad=True)"
    )
    assert repr(w * 2) == "Tensor([1. , 2.5], shape=(2,), dtype=float32, from multiply)"
    assert repr(Tensor([1])) == "Tensor([1], shape=(1,), dtype=int64)"


def test_behind_finds_link_and_logits():
    z = Tensor([[0.5, -1, 2], [3, -4, 0]], requires_grad=True)
    link, logits = activations["sigmoid"](z)._logits_behind()
    assert (link, logits) == ("sigmoid", z) or logits is z
    link, logits = activations["sigmoid"](z).T[1:].reshape(-1)._logits_behind()
    assert link == "sigmoid"
    np.testing.assert_array_equal(logits.numpy(), z.numpy().T[1:].reshape(-1))
    assert activations["softmax"](z)._logits_behind()[0] == "softmax"
    assert activations["softmax"](z).T._logits_behind() is None
    assert activations["softmax"](z)[:, :2]._logits_behind() is None
    for plain in (z, z * 2, z.T, activations["tanh"](z), activations["sigmoid"](z) * 1):
        assert plain._logits_behind() is None


def test_an_optimizer_step_is_seen_through_a_detached_twin():
    w = ml.Tensor([1.0], requires_grad=True)
    x = ml.Tensor([2.0], requires_grad=True)
    loss = (w.detach() * x).sum()
    w.grad = [1.0]
    ml.SGD([w]).step()
    with pytest.raises(ml.MinidlError):
        loss.backward()
