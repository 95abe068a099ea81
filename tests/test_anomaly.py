"""``detect_anomaly`` names what made the first number that is not finite, and leaves no trace."""

import json
import math
import pickle
import threading

import numpy as np
import pytest
from anomalies import T, X, caught, diverging, tensor, told

import minidl as ml
from minidl.autodiff.op import Op
from minidl.autodiff.trace import listeners
from minidl.core.errors import AnomalyError, RecordError
from minidl.nn import activations

# ── one operation ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("compute", "got"),
    [
        (lambda x: ml.log(x), "log(0) = -inf at [1]"),
        (lambda x: 1.0 / x, "divide(1, 0) = inf at [1]"),
        (lambda x: x / (x * 1.0), "divide(0, 0) = nan at [1]"),
        (lambda x: ml.exp(100.0 * x), "exp(200) = inf at [0]"),
        (lambda x: ml.sqrt(x - 1.0), "sqrt(-1) = nan at [1]"),
        (lambda x: x**-1.0, "power(0, -1) = inf at [1]"),
        (lambda x: (x * 3e38).reshape(2, 1) * 3.0, "multiply(2, 3e+38) = inf at [0]"),
        (lambda x: ml.mse([0.0, 0.0], x * 1e30), "mse(0, 2e+30) = inf at [0]"),
    ],
)
def test_an_operation_is_shown_with_the_numbers_that_it_was_given(compute, got):
    error = caught(compute, tensor(2.0, 0.0))
    assert error.got == got
    assert error.phase == ("loss" if error.operation == "mse" else "forward")
    assert not error.foreign
    assert not math.isfinite(error.value)
    assert error.index == tuple(json.loads(got.rpartition(" at ")[2]))


def test_the_place_is_counted_in_the_shape_that_the_tensor_has():
    x = tensor([[1.0, 1.0, 1.0], [1.0, 1.0, 0.0]], name="shares")
    error = caught(ml.log, x)
    assert (error.index, error.shape) == ((0, 1, 2), (1, 2, 3))
    assert error.operands == {"shares[0, 1, 2]": 0.0}


def test_of_operands_of_another_shape_the_largest_is_shown():
    a, b = tensor([1.0, 1e30], [1.0, 2.0], name="a"), tensor([1.0, 0.0], [-1e20, 1.0], name="b")
    error = caught(lambda: a @ b)
    assert error.operands == {"a[0, 1]": np.float32(1e30), "b[1, 0]": np.float32(-1e20)}
    assert "a[0, 1] = 1e+30 (the largest), b[1, 0] = -1e+20 (the largest)" in error.got
    assert error.got.startswith("y[0, 0] = -inf, made from")


def test_a_slope_without_bound_is_found_on_the_way_back():
    def backward():
        ml.sqrt(tensor(4.0, 0.0, name="x")).sum().backward()

    error = caught(backward)
    assert told(error) == ("sqrt", "backward", "sqrt")
    assert error.got == "∂x[1] = inf, made from sqrt[1] = 0, ∂sqrt[1] = 1"
    assert "ml.maximum" in error.remedy


def test_gradients_that_add_up_to_infinity_are_found():
    def backward():
        y = tensor(0.25) * 1.0
        (y * 3e38 + y * 2e38).sum().backward()

    error = caught(backward)
    assert error.phase == "backward"
    assert error.value == math.inf
    assert all(map(math.isfinite, error.operands.values()))


def test_numbers_that_were_not_finite_before_are_not_blamed_on_the_operation():
    error = caught(ml.relu, tensor([1.0, np.nan], name="x"))
    assert error.foreign
    assert error.expected == "finite operands"
    assert error.got == "x[0, 1] = nan, which no operation in here has made"
    assert "look at the data" in error.remedy
    weights = tensor([np.inf], name="w", grad=False)
    error = caught(lambda: tensor([1.0]) @ weights)
    assert error.got.startswith("w[0, 0] = inf")
    assert caught(lambda: ml.softmax(tensor([1.0, np.nan]))).foreign
    assert caught(lambda: tensor([1.0], [np.nan]).T * 1.0).operation == "transpose"


def test_infinity_that_an_operation_takes_and_does_not_hand_on_is_let_through():
    with ml.detect_anomaly():
        assert ml.exp(tensor(-np.inf)).item() == 0
        assert ml.maximum(tensor(-np.inf), 0.0).item() == 0


def test_what_lies_beside_a_part_that_was_written_is_not_looked_at():
    with ml.detect_anomaly():
        for size in range(4, 200):
            garbage = np.full(2 * size, np.nan, np.float32)  # where the next array may lie
            del garbage
            part = tensor(*[1.0] * size)
            assert np.isfinite(ml.concatenate([part, part]).numpy()).all()
    error = caught(lambda: ml.concatenate([tensor(1.0), tensor(np.nan, name="late")]))
    assert error.got.startswith("late[0] = nan")


class Halve(Op):
    """An operation of one's own that computes with NumPy."""

    name = "halve"

    def shape(self, *shapes):
        return shapes[0]

    def forward(self, y, *xs):
        with np.errstate(all="ignore"):
            y[...] = xs[0] / (2 * np.abs(xs[0]))

    def backward(self, dy, y, xs, dxs):
        dxs[0][...] = np.where(xs[0] == 7, np.nan, dy)


def test_operations_of_ones_own_are_looked_at_too():
    assert told(caught(Halve(), tensor(1.0, 0.0))) == ("halve", "forward", None)
    error = caught(lambda: (Halve()(tensor(1.0, 7.0, name="x")) * 1.0).sum().backward())
    assert told(error) == ("halve", "backward", "halve")
    assert error.index == (1,)


def test_operations_on_arrays_go_by_their_kernels():
    error = caught(lambda: activations["relu"](np.array([np.nan])))
    assert error.operation == "relu_forward"


# ── the context ───────────────────────────────────────────────────────────────────────────────


def zero():
    return ml.log(tensor(0.0))


def test_outside_nothing_is_looked_at():
    assert zero().item() == -math.inf
    with ml.detect_anomaly():
        pass
    assert zero().item() == -math.inf
    assert not listeners


def test_it_can_be_nested_and_left_by_an_error():
    with ml.detect_anomaly():
        with ml.detect_anomaly():
            ml.log(tensor(1.0))
        with pytest.raises(AnomalyError):
            zero()
        with pytest.raises(ZeroDivisionError), ml.detect_anomaly():
            raise ZeroDivisionError
        with pytest.raises(AnomalyError):
            zero()
    assert not listeners
    assert zero().item() == -math.inf


def test_other_threads_are_left_alone():
    found = []
    with ml.detect_anomaly():
        thread = threading.Thread(target=lambda: found.append(zero().item()))
        thread.start()
        thread.join()
    assert found == [-math.inf]

    def inside():
        found.append(told(caught(zero)))

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    assert found[1] == ("log", "forward", None)
    assert not listeners


def test_a_step_that_looks_for_anomalies_itself_is_not_recorded(refused):
    def step(x):
        with ml.detect_anomaly():
            return (x * 2.0).sum()

    with refused(RecordError, "detect_anomaly()", "outside", "inside", "program.run"):
        ml.record(step, X[:4])
    assert not listeners


def test_what_is_computed_under_no_grad_is_looked_at():
    with ml.no_grad():
        assert caught(zero).operation == "log"


def test_the_error_can_be_sent_to_another_process():
    net, optimizer = diverging()
    error = caught(ml.fit, net, X, T, loss="mse", optimizer=optimizer, epochs=5)
    twin = pickle.loads(pickle.dumps(error))
    assert str(twin) == str(error)
    assert vars(twin) == vars(error)


def test_a_diagnosis_can_be_made_inside():
    net = ml.mlp([3, 6, 1], seed=0)
    outside = ml.diagnose(net, X, T, loss="mse", optimizer="adam")
    with ml.detect_anomaly():
        assert ml.diagnose(net, X, T, loss="mse", optimizer="adam") == outside
