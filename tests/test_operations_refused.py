"""What operations refuse, with which remedy; and odd shapes that they take."""

import numpy as np
import pytest
from operands import NAN, X, check_refusal, grad

import minidl as ml
from minidl import Tensor
from minidl.autodiff.tensor import at_the_door
from minidl.core.errors import ArgumentError, DomainError, DtypeError, GradientError, ShapeError

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
    "two masks": (lambda: Tensor([True]) * Tensor([False]), DtypeError, "multiply", "float32",
                  "bool", "dtype='float32'"),
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
    check_refusal(*case)


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
