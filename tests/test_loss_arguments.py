"""What losses accept and refuse: reductions, weights, targets, logits behind a prediction."""

import re

import numpy as np
import pytest
from operands import check_refusal

import minidl as ml
from minidl import Tensor
from minidl.core.errors import ArgumentError, DomainError, DtypeError, GradientError, ShapeError
from minidl.nn import activations, get_loss, losses

sigmoid, softmax = activations["sigmoid"], activations["softmax"]
bce, cce, mse = losses["bce"], losses["cce"], losses["mse"]
RNG = np.random.default_rng(0)
T, P = RNG.normal(size=(6, 3)), RNG.normal(size=(6, 3))
LABELS = np.array([0, 1, 2, 2, 1, 0])


def pull(loss, t, p, **options):
    tensor = Tensor(p, requires_grad=True)
    value = loss(t, tensor, **options)
    value.backward(np.ones(value.shape))
    return value.numpy(), tensor.grad


def test_reductions():
    each, slope = pull(mse, T, P, reduction="none")
    np.testing.assert_allclose(each, (P - T) ** 2, rtol=1e-15)
    total, total_slope = pull(mse, T, P, reduction="sum")
    mean, mean_slope = pull(mse, T, P)
    assert total == pytest.approx(each.sum(), rel=1e-15)
    assert mean == pytest.approx(each.mean(), rel=1e-15)
    np.testing.assert_array_equal(total_slope, slope)
    np.testing.assert_allclose(mean_slope, slope / 18, rtol=1e-15)
    rows, _ = pull(cce, LABELS, P, reduction="none", from_logits=True)
    assert rows.shape == (6,)
    assert cce(LABELS, P, from_logits=True) == pytest.approx(rows.mean(), rel=1e-15)
    assert isinstance(mse(T, P), float), "arrays in, a number out"


def test_sample_and_class_weights_multiply_and_divide_by_their_sum():
    weights, of_class = np.array([0.0, 1, 2, 3, 0.5, 1]), {0: 1.0, 1: 5.0, 2: 0.25}
    both = weights * np.array([of_class[label] for label in LABELS])
    rows, _ = pull(cce, LABELS, P, reduction="none", from_logits=True)
    options = {"sample_weight": weights, "class_weight": of_class, "from_logits": True}
    value, slope = pull(cce, LABELS, P, **options)
    assert value == pytest.approx((both * rows).sum() / both.sum(), rel=1e-15)
    np.testing.assert_array_equal(slope[0], np.zeros(3))
    none, _ = pull(cce, LABELS, P, reduction="none", **options)
    np.testing.assert_allclose(none, both * rows, rtol=1e-15)
    total, _ = pull(cce, LABELS, P, reduction="sum", **options)
    assert total == pytest.approx((both * rows).sum(), rel=1e-15)
    hot, _ = pull(cce, np.eye(3)[LABELS], P, **options)
    assert hot == value
    elements, slope = pull(mse, T, P, sample_weight=weights)
    assert elements == pytest.approx(np.average(((P - T) ** 2).mean(1), weights=weights), rel=1e-14)
    np.testing.assert_allclose(
        slope, 2 * (P - T) * weights[:, None] / (3 * weights.sum()), rtol=1e-14
    )


def test_weights_that_sum_to_nothing_give_loss_and_gradient_0():
    for loss, t in ((mse, T), (losses["categorical_hinge"], LABELS)):
        value, slope = pull(loss, t, P, sample_weight=np.zeros(6))
        assert value == 0
        np.testing.assert_array_equal(slope, np.zeros((6, 3)))


@pytest.mark.parametrize("name", ["cce", "categorical_focal", "categorical_hinge"])
def test_class_numbers_are_one_hot_rows(name):
    loss = losses[name]
    for from_logits in (False, True)[: 1 + (loss.link is not None)]:
        p = P if from_logits or loss.link is None else softmax(P)
        for kind in (np.int64, np.uint8, np.float32):
            one = pull(loss, LABELS.astype(kind), p, from_logits=from_logits, reduction="none")
            hot = pull(loss, np.eye(3)[LABELS], p, from_logits=from_logits, reduction="none")
            np.testing.assert_array_equal(one[0], hot[0])
            np.testing.assert_allclose(one[1], hot[1], rtol=1e-14, atol=1e-16)
            assert np.ptp(one[0]) > 0


@pytest.mark.parametrize("name", ["cce", "categorical_focal"])
def test_label_smoothing_mixes_in_the_uniform_distribution(name):
    soft = 0.9 * np.eye(3)[LABELS] + 0.1 / 3
    for options in ({"from_logits": True}, {}):
        p = P if options else softmax(P)
        want = pull(losses[name], soft, p, reduction="none", **options)
        for t in (LABELS, np.eye(3)[LABELS]):
            got = pull(losses[name], t, p, reduction="none", label_smoothing=0.1, **options)
            np.testing.assert_allclose(got[0], want[0], rtol=1e-14)
            np.testing.assert_allclose(got[1], want[1], rtol=1e-12, atol=1e-15)


MOVES = {
    "straight": lambda x: x,
    "reshape": lambda x: x.reshape(-1),
    "transpose": lambda x: x.T,
    "indexing": lambda x: x[1:, ::2],
    "all of them": lambda x: x.T.reshape(2, -1)[:, [0, 2, 1]].T,
}


def from_behind(loss, link, t, z, move):
    """The loss of a link's moved output, which is that of the moved logits, gradient and all."""
    one, other = Tensor(z, requires_grad=True), Tensor(z, requires_grad=True)
    behind = loss(t, move(link(one)))
    straight = loss(t, move(other), from_logits=True)
    assert behind.item() == straight.item()
    behind.backward()
    straight.backward()
    np.testing.assert_array_equal(one.grad, other.grad)
    with ml.no_grad():
        assert loss(t, move(link(one))).item() == straight.item()
    return straight.item()


@pytest.mark.parametrize("move", MOVES.values(), ids=MOVES)
def test_a_loss_looks_behind_a_sigmoid(move):
    z = np.array([[60.0, -60, 800, -800], [0, 3, -3, 40], [37.43, -37.43, 1e30, -1]])
    labels = (np.arange(12).reshape(3, 4) % 2).astype(float)
    t = move(Tensor(labels)).numpy()
    straight = from_behind(bce, sigmoid, t, z, move)
    with ml.no_grad():
        assert bce(t, move(sigmoid(Tensor(z)))).item() == straight
    assert bce(t, move(sigmoid(Tensor(z)))).item() == straight
    numbers = bce(t, move(sigmoid(Tensor(z))).numpy())
    assert numbers != straight, "mere numbers have nothing behind them"


def test_a_loss_looks_behind_a_softmax_whose_rows_stay_whole():
    z = np.array([[900.0, -900, 0], [1, 2, 3], [0, 0, 50], [3, -2, 1]])
    for move in (lambda x: x, lambda x: x.reshape(2, 2, 3), lambda x: x[[3, 0]]):
        t = np.ones(move(z).shape[:-1], int)
        from_behind(cce, softmax, t, z, move)
    broken = softmax(Tensor(z[:3]))[:, [1, 0, 2]]
    assert broken._logits_behind() is None
    assert cce(np.ones(3, int), broken).item() == cce(np.ones(3, int), broken.numpy())


def test_a_loss_does_not_mistake_another_link():
    z = Tensor(P, requires_grad=True)
    assert mse(T, sigmoid(z)).item() == mse(T, sigmoid(P))
    assert bce(LABELS[:, None] * np.ones(3) / 2, softmax(z)).item() == pytest.approx(
        bce(LABELS[:, None] * np.ones(3) / 2, softmax(P))
    )


def grad(x):
    return Tensor(x, requires_grad=True)


N, N1, UNIT = np.zeros(4), np.zeros((4, 1)), np.full((6, 3), 0.5)
HUBER, POISSON, HINGE = losses["huber"], losses["poisson"], losses["hinge"]
BAD = {
    "(n,) and (n, 1)": (lambda: mse(N, N1), ShapeError, "mse(y_true=…)", "(4, 1)", "(4,)",
                        "y_true.reshape(-1, 1)"),
    "(n, 1) and (n,)": (lambda: mse(N1, N), ShapeError, "mse(y_true=…)", "(4,)", "(4, 1)",
                        "y_true.reshape(-1)"),
    "unlike shapes": (lambda: mse(T, P[:1]), ShapeError, "mse(y_true=…)", "(1, 3)", "(6, 3)",
                      "Nothing is broadcast"),
    "widths": (lambda: cce(np.eye(4), np.ones((4, 3)) / 3), ShapeError,
               "categorical_crossentropy(y_true=…)", "(4, 3) rows", "(4, 4)", "3 columns"),
    "one column": (lambda: cce(N, N1), ShapeError, "categorical_crossentropy(y_pred=…)",
                   "at least two", "(4, 1)", "binary_crossentropy"),
    "one unit": (lambda: softmax(grad(N1)), ShapeError, "softmax", "at least two units",
                 "(4, 1)", "sigmoid"),
    "class numbers for kl": (lambda: losses["kld"](LABELS, UNIT), ShapeError,
                             "kl_divergence(y_true=…)", "(6, 3)", "(6,)", "3 columns"),
    "class too high": (lambda: cce(LABELS + 1, UNIT), DomainError,
                       "categorical_crossentropy(y_true=…)", "0 to 2", "3 in row 2", "from 0"),
    "class −1": (lambda: cce(LABELS - 1, UNIT), DomainError,
                 "categorical_crossentropy(y_true=…)", "0 to 2", "-1 in row 0", "LabelEncoder"),
    "class ½": (lambda: cce(LABELS / 2, UNIT), DomainError,
                "categorical_crossentropy(y_true=…)", "0 to 2", "0.5 in row 1", "LabelEncoder"),
    "labels −1 and 1": (lambda: bce(-UNIT, UNIT), DomainError, "binary_crossentropy(y_true=…)",
                        "[0, 1]", "-0.5 at (0, 0)", "(y + 1) / 2"),
    "labels 0 and 1": (lambda: HINGE(N, N), DomainError, "hinge(y_true=…)", "{−1, 1}",
                       "0 at (0,)", "2 * y - 1"),
    "negative count": (lambda: POISSON(N - 1, N), DomainError, "poisson(y_true=…)", "[0, ∞)",
                       "-1 at (0,)", "Look at the data"),
    "soft targets": (lambda: losses["categorical_hinge"](UNIT, P), DomainError,
                     "categorical_hinge(y_true=…)", "{0, 1}", "0.5 at", "another loss"),
    "no probability": (lambda: bce(UNIT, UNIT + 1), DomainError, "binary_crossentropy(y_pred=…)",
                       "[0, 1]", "1.5 at (0, 0)", "End the network in 'sigmoid'"),
    "no probabilities": (lambda: cce(LABELS, P), DomainError,
                         "categorical_crossentropy(y_pred=…)", "[0, 1]", " at (",
                         "from_logits=True"),
    "negative rate": (lambda: POISSON(N, N - 1), DomainError, "poisson(y_pred=…)", "[0, ∞)",
                      "-1 at (0,)", "from_logits=True"),
    "swapped": (lambda: mse(grad(T), T), GradientError, "mse(y_true=…)", "targets",
                "requires one", "swap the two"),
    "targets to be learned": (lambda: mse(grad(T), grad(P)), GradientError, "mse(y_true=…)",
                              "targets", "requires one", "y_true.detach()"),
    "reduction": (lambda: mse(T, P, reduction="average"), ArgumentError, "mse(reduction=…)",
                  "'mean', 'sum' or 'none'", "'average'", "reduction='mean'"),
    "logits of nothing": (lambda: mse(T, P, from_logits=True), ArgumentError,
                          "mse(from_logits=…)", "no link", "True", "Leave from_logits out"),
    "sigmoid twice": (lambda: bce(UNIT, sigmoid(grad(P)), from_logits=True), ArgumentError,
                      "binary_crossentropy(from_logits=True)", "logits", "output of sigmoid",
                      "linear"),
    "softmax twice": (lambda: cce(LABELS, softmax(Tensor(P)), from_logits=True), ArgumentError,
                      "categorical_crossentropy(from_logits=True)", "logits", "softmax", "linear"),
    "weights": (lambda: mse(T, P, sample_weight=np.ones(3)), ShapeError,
                "mse(sample_weight=…)", "(6,)", "(3,)", "each row"),
    "negative weight": (lambda: mse(T, P, sample_weight=-np.ones(6)), DomainError,
                        "mse(sample_weight=…)", "[0, ∞)", "-1 at (0,)", "≥ 0"),
    "class without weight": (lambda: cce(LABELS, UNIT, class_weight={0: 1, 2: 2}), ArgumentError,
                             "categorical_crossentropy(class_weight=…)", "every class",
                             "class 1", "Add 1: 1.0"),
    "hyper-parameter": (lambda: HUBER(N, N, slack=1), ArgumentError, "huber(slack=…)", "delta",
                        "'slack'", "or leave it out"),
    "no loss": (lambda: get_loss(3), DtypeError, "loss", "name of a loss", "3", "loss='mse'"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD.values(), ids=BAD)
def test_bad_inputs_are_refused_with_a_remedy(case):
    check_refusal(*case)


@pytest.mark.parametrize("name", [loss.name for loss in losses if not loss.rowwise])
def test_what_is_advised_for_class_numbers_is_accepted(name):
    numbers, p = np.array([0, 3, 1]), np.full((3, 4), 0.25)
    with pytest.raises(ShapeError, match="Give y_true a column for each of 4") as caught:
        losses[name](numbers, p)
    remedy = caught.value.remedy
    if name == "poisson":  # counts are no classes
        assert remedy == "Give y_true a column for each of 4."
        return
    columns, other = re.search(r"4: (.*) for classes, or use (\w+),", remedy).groups()
    assert np.isfinite(losses[name](eval(columns, {"np": np, "y_true": numbers}), p))
    assert np.isfinite(losses[other](numbers, p))


def test_class_weight_wants_one_class_a_row():
    with pytest.raises(ml.MinidlError, match="one class a row"):
        ml.binary_crossentropy([[1.0, 1.0]], [[0.5, 0.5]], class_weight={0: 1, 1: 2})


def test_a_weight_that_is_no_number_is_refused():
    with pytest.raises(ml.MinidlError, match="finite numbers"):
        ml.mse([0.0], [1.0], sample_weight=[float("nan")])


def test_the_range_of_elu_follows_alpha():
    wide = ml.elu.with_settings(alpha=2.0)
    assert (wide.range.low, ml.elu.range.low) == (-2.0, -1.0)


@pytest.mark.parametrize(
    ("name", "t", "p"), [("cce", [0.0, 0.0, 1.0], [0.1, 0.2, 0.7]), ("mse", 2.0, 3.0)]
)
@pytest.mark.parametrize("weights", [{"sample_weight": [1.0]}, {"class_weight": "balanced"}])
def test_weights_want_rows(name, t, p, weights):
    with pytest.raises(ShapeError, match="rows to weigh"):
        losses[name](np.array(t), np.array(p), **weights)
