"""How operations are called and refused: operands, hyper-parameters, NumPy, empty and odd input."""

import gc
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import minidl as ml
from minidl import Tensor, axes, functions, operators
from minidl.criterion import Loss
from minidl.errors import (
    ArgumentError,
    DomainError,
    DtypeError,
    GradientError,
    ShapeError,
)
from minidl.kernels import elementwise
from minidl.op import Elementwise2
from minidl.program import record
from minidl.tensor import at_the_door

X = Tensor(np.ones((2, 3), np.float32), requires_grad=True)
NAN = float("nan")


def grad(x, dtype="float32"):
    return Tensor(x, requires_grad=True, dtype=dtype)


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
    class Product(Elementwise2):
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
    assert ml.maximum([1.0], 0.0).dtype == np.float32


# ── what is refused ───────────────────────────────────────────────────────────────────────────

EMPTY, F32, F64 = np.zeros((0, 3)), grad([1.0]), grad([1.0], "float64")
P = np.full((2, 3), 1 / 3)
BAD = {
    "alone": (lambda: ml.prelu(X), ArgumentError, "prelu", "x, alpha", "1 of them",
              "prelu(x, alpha)"),
    "alpha by place": (lambda: ml.leaky_relu(X, 0.2), ArgumentError, "leaky_relu", "operands x",
                       "2", "Write alpha=0.2."),
    "too many": (lambda: ml.relu(X, X), ArgumentError, "relu", "operands x", "2", "relu(x)"),
    "no prediction": (lambda: ml.mse([1.0]), ArgumentError, "mse", "y_true and y_pred",
                      "no y_pred", "mse(y_true, y_pred)"),
    "int gradient": (lambda: setattr(Tensor([1]), "requires_grad", True), DtypeError,
                     "Tensor(requires_grad=True)", "float32", "int64", "dtype='float32'"),
    "two dtypes": (lambda: ml.mse(F64.detach(), F32), DtypeError, "mse(y_true=…)", "float32",
                   "float64", "dtype='float32'"),
    "door": (lambda: at_the_door(ml.relu, (F32, F64), "net"), DtypeError, "net", "one dtype",
             "float32 and float64", "Make one"),
    "two masks": (lambda: (F32 > 0) * (F32 < 1), DtypeError, "multiply", "float32", "bool",
                  "dtype='float32'"),
    "empty mse": (lambda: ml.mse(EMPTY, EMPTY), ShapeError, "mse(y_pred=…)", "at least one row",
                  "(0, 3)", "Leave"),
    "empty cce": (lambda: ml.categorical_crossentropy(np.zeros(0), EMPTY), ShapeError,
                  "categorical_crossentropy(y_pred=…)", "at least one row", "(0, 3)", "Leave"),
    "empty max": (lambda: Tensor([]).max(), ShapeError, "max", "at least one", "(0,)", "empty"),
    "empty mean": (lambda: Tensor(EMPTY).mean(axis=0), ShapeError, "mean", "at least one",
                   "(0, 3)", "empty"),
    "stack's axis": (lambda: ml.stack([X, X], axis=5), ArgumentError, "stack(axis=…)", "3", "5",
                     "axis=2"),
    "twice": (lambda: X.mean(axis=(0, -2)), ArgumentError, "mean(axis=…)", "once", "(0, -2)", ""),
    "no axis": (lambda: X.sum().sum(axis=0), ArgumentError, "sum(axis=…)", "0", "0", "no axis"),
    "transpose": (lambda: X.transpose(0, 0), ShapeError, "transpose", "(2, 3)", "(0, 0)",
                  "x.transpose(1, 0)"),
    "broadcast_to": (lambda: X.broadcast_to((3, 3)), ShapeError, "broadcast", "(2, 3)", "(3, 3)",
                     "agree"),
    "stacks": (lambda: Tensor(np.ones((2, 3, 4))) @ np.ones((5, 4, 2)), ShapeError, "matmul",
               "stacks", "(2, 3, 4) @ (5, 4, 2)", "Reshape"),
    "unlike axes": (lambda: ml.concatenate([X, X[:, 0]], axis=1), ShapeError, "concatenate",
                    "alike", "(2, 3) and (2,)", "Reshape"),
    "where": (lambda: ml.where([True, False], X, 0.0), ShapeError, "where", "broadcast", "(2,)",
              "Reshape"),
    "delta": (lambda: ml.huber(delta=-1.0), ArgumentError, "huber(delta=…)", "[0, ∞)", "-1.0",
              "delta=1.0"),
    "gamma": (lambda: ml.focal([1.0], [0.5], gamma=-1), ArgumentError, "focal(gamma=…)", "[0, ∞)",
              "-1", "gamma=2.0"),
    "focal alpha": (lambda: ml.focal(alpha=2), ArgumentError, "focal(alpha=…)", "[0, 1]", "2",
                    "alpha=0.25"),
    "smoothing": (lambda: ml.categorical_crossentropy(label_smoothing=1.5), ArgumentError,
                  "categorical_crossentropy(label_smoothing=…)", "[0, 1]", "1.5", "0.0"),
    "alpha": (lambda: ml.elu(alpha=NAN), ArgumentError, "elu(alpha=…)", "reals", "nan", "1.0"),
    "no number": (lambda: ml.leaky_relu(alpha=None), ArgumentError, "leaky_relu(alpha=…)",
                  "reals", "None", "0.01"),
    "negative rate": (lambda: ml.poisson([1.0], [-1.0]), DomainError, "poisson(y_pred=…)",
                      "[0, ∞)", "-1", "'softplus', or write from_logits=True"),
    "column of classes": (lambda: ml.categorical_crossentropy([[0], [1]], P), ShapeError,
                          "categorical_crossentropy(y_true=…)", "(2,) class numbers", "(2, 1)",
                          "y_true.reshape(-1)"),
    "kl": (lambda: ml.kl_divergence([0, 1], P), ShapeError, "kl_divergence(y_true=…)", "(2, 3)",
           "(2,)", "one column."),
    "one axis more": (lambda: ml.mse(np.ones((2, 1, 1)), np.ones((2, 1))), ShapeError,
                      "mse(y_true=…)", "(2, 1)", "(2, 1, 1)", "y_true.reshape(2, 1)"),
    "swapped shapes": (lambda: ml.categorical_crossentropy(P, [0, 1]), ShapeError,
                       "categorical_crossentropy(y_true=…)", "class numbers", "(2, 3)", "swap"),
    "swapped outputs": (lambda: ml.binary_crossentropy(ml.sigmoid(Tensor([0.0])), [1.0]),
                        GradientError, "binary_crossentropy(y_true=…)", "targets", "sigmoid",
                        "swap"),
    "two classes a row": (lambda: ml.categorical_hinge([[1, 1, 0], [1, 0, 0]], P), DomainError,
                          "categorical_hinge(y_true=…)", "one 1 a row", "2 in row 0", "class"),
    "no class": (lambda: ml.categorical_hinge([[1, 0, 0], [0, 0, 0]], P), DomainError,
                 "categorical_hinge(y_true=…)", "one 1 a row", "0 in row 1", "class"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD.values(), ids=BAD)
def test_mistakes_are_told_with_a_remedy(case):
    call, error, culprit, expected, got, remedy = case
    with pytest.raises(error) as caught:
        call()
    assert type(caught.value) is error
    assert caught.value.culprit == culprit
    for part, whole in (("expected", expected), ("got", got), ("remedy", remedy)):
        assert whole in getattr(caught.value, part)


def test_swapped_outputs_are_seen_in_no_grad_and_a_teacher_is_no_mistake():
    with ml.no_grad():
        p = ml.sigmoid(Tensor([0.5]))
        with pytest.raises(GradientError, match="swap"):
            ml.binary_crossentropy(p, [1.0])
    teacher = ml.softmax(Tensor([[1.0, 2.0]]))
    student = ml.softmax(grad([[1.0, 1.0]]))
    assert ml.kl_divergence(teacher, student).item() > 0
    assert ml.kl_divergence(teacher.detach(), np.array([[0.5, 0.5]])) > 0


def test_shapes_that_are_fine():
    assert X.transpose((1, 0)).shape == X.transpose([1, 0]).shape == (3, 2)
    assert X.sum(axis=[0, 1]).item() == 6
    assert ml.stack([X, X], axis=-1).shape == (2, 3, 2)
    a, b = grad(np.zeros((0, 3))), grad(np.ones((3, 2)))
    (a @ b).sum().backward()
    assert a.grad.shape == (0, 3)
    np.testing.assert_array_equal(b.grad, np.zeros((3, 2)))
    assert Tensor([]).sum().item() == 0
    assert Tensor(np.zeros((2, 0)))[:, None].T.shape == (0, 1, 2)
    assert X[True].shape == (1, 2, 3)
    assert X[np.int64(1), -1].shape == ()


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
    assert all(hasattr(ml, name) for name in operators.FUNCTIONS)
    public = {
        n for n, f in vars(functions).items() if getattr(f, "__module__", "") == functions.__name__
    }
    assert public <= set(operators.FUNCTIONS)


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
        assert ml.sigmoid(Tensor(np.ones(4))).reshape(2, 2).T.behind()[0] == "sigmoid"


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
