"""What the graph remembers and forgets: beside NumPy, threads, writes and moved views."""

import gc
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from operands import X, grad

import minidl as ml
from minidl import Tensor
from minidl.autodiff import functions, numpy_protocol
from minidl.autodiff import shapes as axes
from minidl.core.errors import GradientError
from minidl.kernels import elementwise

# ── NumPy ─────────────────────────────────────────────────────────────────────────────────────

CUTS = {
    "exp": (lambda w: np.exp(w), "Write ml.exp."),
    "maximum": (lambda w: np.maximum(w, 0), "Write ml.maximum."),
    "where": (lambda w: np.where(w > 1, w, 0.0), "Write ml.where."),
    "concatenate": (lambda w: np.concatenate([w, w]), "Write ml.concatenate."),
    "mean": (lambda w: np.mean(w), "Write x.mean(…)."),
    "cos": (lambda w: np.cos(w), "x.detach()"),
    "add": (lambda w: np.add.reduce(w), "x.detach()"),
    "out": (lambda w: np.add(w, 1.0, out=np.zeros(2)), "x.detach()"),
}


@pytest.mark.parametrize("name", CUTS)
def test_numpy_may_not_cut_the_graph(name):
    call, remedy = CUTS[name]
    w = grad([1.0, 2.0], "float64")
    with pytest.raises(GradientError) as caught:
        call(w)
    assert caught.value.culprit == f"np.{name}" or name == "out"
    assert remedy in caught.value.remedy
    with ml.no_grad():
        np.testing.assert_array_equal(call(w), call(w.numpy().copy()))
    np.testing.assert_array_equal(call(w.detach()), call(w.numpy().copy()))


def test_numpy_operators_keep_the_graph():
    w, array = grad([1.0, 2.0], "float64"), np.array([3.0, 4.0])
    y = array * w + np.multiply(w, array) + array @ w + np.float64(2) * w
    y.sum().backward()
    np.testing.assert_array_equal(w.grad, 2 * array + 2 * array + 2)
    assert (array > w).numpy().tolist() == [True, True]
    assert (np.shape(w), np.ndim(w), np.array_equal(w, [1, 2])) == ((2,), 1, True)
    np.testing.assert_array_equal(w, [1, 2])
    np.testing.assert_array_equal(np.asarray(w.detach()), [1, 2])


def test_every_name_that_is_advised_exists():
    assert all(hasattr(ml, name) for name in numpy_protocol.FUNCTIONS)
    public = {
        n for n, f in vars(functions).items() if getattr(f, "__module__", "") == functions.__name__
    }
    public = {name for name in public if not name.startswith("_")}
    assert public <= set(numpy_protocol.FUNCTIONS)


# ── what is remembered ────────────────────────────────────────────────────────────────────────


def test_another_thread_may_predict_meanwhile():
    inside, done = threading.Event(), threading.Event()

    def predict():
        with ml.no_grad():
            inside.set()
            done.wait(10)

    thread = threading.Thread(target=predict)
    thread.start()
    assert inside.wait(10)
    try:
        assert (X * 2).requires_grad
        with ml.no_grad():
            assert not (X * 2).requires_grad
    finally:
        done.set()
        thread.join()


@pytest.mark.parametrize("kind", ["activation", "loss"])
def test_two_threads_make_one_kernel(kind, monkeypatch):
    """A recorder tells kernels apart by identity."""
    maker = {"activation": "forward_unary", "loss": "comparison"}[kind]
    make, start = getattr(elementwise, maker), threading.Barrier(2)

    def slowly(*given):
        time.sleep(0.05)  # the other thread arrives meanwhile
        return make(*given)

    class Same(ml.ActivationFunction if kind == "activation" else ml.Loss):
        name = "same"
        value = staticmethod((lambda x: x) if kind == "activation" else (lambda t, p: p - t))
        slope = staticmethod((lambda x: 1.0) if kind == "activation" else (lambda t, p: 1.0))

    def kernel(entry):
        start.wait()
        return entry.loops()[0] if kind == "activation" else entry.kernel(from_logits=False)

    monkeypatch.setattr(elementwise, maker, slowly)
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(kernel, [Same()] * 2)
    assert first is second


def test_a_write_breaks_the_way_to_the_logits():
    def loss(write):
        z = Tensor([[0.0]])
        p = ml.sigmoid(z)
        moved = p.reshape(1)
        write(z, p, moved)
        return ml.binary_crossentropy([1.0], moved).item()

    def nothing(z, p, moved):
        pass

    assert loss(nothing) == pytest.approx(np.log(2), rel=1e-6)
    assert loss(lambda z, p, moved: moved.__setitem__(0, 0.9)) == pytest.approx(-np.log(0.9))
    assert loss(lambda z, p, moved: moved.detach().__setitem__(0, 0.9)) == pytest.approx(
        -np.log(0.9)
    )
    for write in (lambda z, p, moved: p.__setitem__((0, 0), 0.9),
                  lambda z, p, moved: z.__setitem__((0, 0), 9.0)):  # fmt: skip
        assert loss(write) == pytest.approx(np.log(2), rel=1e-6), "moved has its own numbers"
    z = grad([[0.0]])
    p = ml.sigmoid(z)
    z[0, 0] = 9.0
    value = ml.binary_crossentropy([[1.0]], p)
    assert value.item() == pytest.approx(np.log(2), rel=1e-6)
    value.backward()
    np.testing.assert_allclose(z.grad, [[-0.5]])


def test_moves_without_a_gradient_forget_what_they_came_from():
    for start in (Tensor(np.ones(4)), grad(np.ones(4)).reshape(2, 2)):
        with ml.no_grad():
            first = start.reshape(2, 2)
            watched, kept = weakref.ref(first), first.T
            del first
        gc.collect()
        assert watched() is None
        assert kept.shape == (2, 2)
    with ml.no_grad():
        assert ml.sigmoid(Tensor(np.ones(4))).reshape(2, 2).T._logits_behind()[0] == "sigmoid"


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


def test_movements_keep_no_maps_as_large_as_the_array():
    x = Tensor(np.ones((1000, 1000)))
    before = resident()
    for i in range(30):
        for y in (x[i:, 2:], x[: 800 + i].sum(axis=0), x[: 700 + i].reshape(-1, 10), x[i:].T):
            assert y.size
    assert resident() - before < 100e6, "each map would take 8 MB"


def test_views_are_what_numpy_shows():
    places = np.arange(120).reshape(2, 3, 4, 5)
    array = places + 0.5
    for look in (
        lambda x: x[1, ::-1, 1:3, ::2], lambda x: x[..., -1], lambda x: x[:, 2:0:-1, None, 3],
        lambda x: x.transpose(3, 1, 0, 2), lambda x: x[:, :, :0], lambda x: x[1, 2, 3, 4],
        lambda x: x[::-1, ::-1, ::-1, ::-1],
    ):  # fmt: skip
        tensor = grad(array, "float64")
        seen = look(tensor)
        np.testing.assert_array_equal(seen.numpy(), look(array))
        assert seen.shape == look(array).shape
        (seen * np.arange(1.0, seen.size + 1).reshape(seen.shape)).sum().backward()
        want = np.zeros_like(array)
        np.add.at(want.reshape(-1), look(places), np.arange(1.0, seen.size + 1).reshape(seen.shape))
        np.testing.assert_array_equal(tensor.grad, want)
    assert axes.take((0, slice(None))).keeps_rows((2, 3, 4))
    assert not axes.take((slice(None), 0)).keeps_rows((3, 4))
    assert axes.take(np.array([2, 0])).keeps_rows((3, 4))
    assert not axes.transpose(None).keeps_rows((4, 4))
