"""Every activation: formula, value and slope side by side, and the facts about it.

This is the one place to add one. Write a class with ``@activation``; training, the command line,
the pairing grid, plots and tests find it by themselves. ``formula`` is read by the tests (as
sympy reads it) and must be what a book would print, not what the code does: it is the oracle.
"""

from __future__ import annotations

from math import inf
from typing import Any

from minidl.autodiff import BinaryElementwise
from minidl.core import NON_NEGATIVE, REALS, Interval
from minidl.kernels import rowwise, vecmath
from minidl.nn.nonlinearity import ActivationFunction, Facts, RowActivation
from minidl.nn.registries import activation, activations

SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805
SELU_SCALE_ALPHA = 1.7580993408473768  # rounded once; the product of the two above is not


@activation
class ReLU(ActivationFunction):
    """Keep what is positive, silence the rest."""

    name = "relu"
    formula = "Max(0, x)"
    latex = r"\max(0, x)"
    derivative = "1 for x > 0, 0 for x ≤ 0"
    range = NON_NEGATIVE
    kinks = (0.0,)
    init = "he_normal"
    properties = (
        "does not saturate for positive x",
        "half of the units are active when pre-activations are symmetric about 0",
        "a unit that is never positive gets no gradient: it is dead",
    )
    good_for = (
        "the default hidden activation",
        "deep and convolutional networks",
        "computer vision",
    )
    source = "Nair and Hinton, ICML 2010"

    @staticmethod
    def value(x: float) -> float:
        return 0.0 if x <= 0.0 else x  # NaN goes through

    @staticmethod
    def slope(x: float) -> float:
        return 0.0 if x <= 0.0 else 1.0


@activation
class LeakyReLU(ActivationFunction):
    """ReLU that lets a little of the negative side through, so that no unit dies."""

    name = "leaky_relu"
    hyper = {"alpha": 0.01}
    limits = {"alpha": REALS}
    formula = "Piecewise((x, x > 0), (alpha*x, True))"
    latex = r"\begin{cases} x & x > 0 \\ \alpha x & x \le 0 \end{cases}"
    derivative = "1 for x > 0, α for x ≤ 0"
    init = "he_normal"
    properties = (
        "no dead units",
        "a gradient on the negative side, too",
        "α can be learned: prelu",
    )
    good_for = (
        "ReLU networks in which units die",
        "deep networks",
        "data whose negative values mean something",
    )
    source = "Maas, Hannun and Ng, ICML 2013"

    def __init__(self, **hyper: Any) -> None:
        super().__init__(**hyper)
        alpha = self.settings["alpha"]
        self.range = REALS if alpha > 0 else NON_NEGATIVE
        self.kinks = () if alpha == 1 else (0.0,)

    @staticmethod
    def value(x: float, alpha: float) -> float:
        return alpha * x if x <= 0.0 else x

    @staticmethod
    def slope(x: float, alpha: float) -> float:
        return 1.0 if x > 0.0 else alpha


@activation
class PReLU(Facts, BinaryElementwise):
    """Leaky ReLU whose leak is learned, one for each unit or one for all."""

    name = "prelu"
    operand_names = ("x", "alpha")
    formula = "Piecewise((x, x > 0), (alpha*x, True))"
    latex = r"\begin{cases} x & x > 0 \\ \alpha x & x \le 0 \end{cases}"
    derivative = "1 for x > 0, the learned α for x ≤ 0"
    kinks = (0.0,)
    init = "he_normal"
    learned = True
    properties = ("the slope of the negative side is a parameter, 0.25 at first",)
    good_for = ("large data sets, where the extra parameters are paid for",)
    source = "He, Zhang, Ren and Sun, ICCV 2015"

    @staticmethod
    def value(a: float, b: float) -> float:
        return b * a if a <= 0.0 else a

    @staticmethod
    def slope_a(a: float, b: float) -> float:
        return 1.0 if a > 0.0 else b

    @staticmethod
    def slope_b(a: float, b: float) -> float:
        return 0.0 if a > 0.0 else a  # NaN goes through


@activation
class Sigmoid(ActivationFunction):
    """Squash to (0, 1): a probability."""

    name = "sigmoid"
    aliases = ("logistic",)
    formula = "1/(1 + exp(-x))"
    latex = r"\frac{1}{1 + e^{-x}}"
    derivative = "y (1 − y), at most ¼"
    slope_formula = "y*(1 - y)"
    range = Interval(0, 1)
    link = "sigmoid"
    properties = ("saturates on both sides: gradients vanish", "not centred: its mean is above 0")
    good_for = (
        "the output of binary and multi-label classifiers",
        "probabilities",
        "gates of recurrent units: LSTM, GRU",
    )
    source = "Rumelhart, Hinton and Williams, Nature 1986"

    @staticmethod
    def value(x: float) -> float:
        return vecmath.sigmoid(x)

    @staticmethod
    def slope(y: float) -> float:
        return y * (1.0 - y)


@activation
class Tanh(ActivationFunction):
    """Squash to (−1, 1), centred on zero."""

    name = "tanh"
    formula = "(exp(x) - exp(-x))/(exp(x) + exp(-x))"
    latex = r"\frac{e^{x} - e^{-x}}{e^{x} + e^{-x}}"
    slope_formula = "1 - y**2"
    range = Interval(-1, 1)
    properties = ("centred on zero", "a steeper slope at 0 than the sigmoid's", "saturates")
    good_for = (
        "hidden layers of shallow networks",
        "recurrent states, and language models built on them",
        "outputs scaled to lie about 0",
    )
    source = "LeCun, Bottou, Orr and Müller, Efficient BackProp, 1998"

    @staticmethod
    def value(x: float) -> float:
        return vecmath.tanh(x)

    @staticmethod
    def slope(y: float) -> float:
        return (1.0 - y) * (1.0 + y)


@activation
class Softmax(RowActivation):
    """Turn a row of scores into probabilities that sum to one."""

    name = "softmax"
    formula = "exp(x_i)/Sum(exp(x_j))"
    latex = r"\frac{e^{x_i}}{\sum_j e^{x_j}}"
    derivative = "yᵢ (δᵢⱼ − yⱼ)"
    slope_formula = "y_i*(delta_i_j - y_j)"
    range = Interval(0, 1)
    rows_sum_to_one = True
    link = "softmax"
    properties = (
        "each row sums to 1",
        "keeps the order",
        "adding a constant changes nothing",
        "the largest stands out: a lead of d makes a factor of e^d",
    )
    good_for = (
        "the output of classifiers with several classes",
        "attention",
        "policies in reinforcement learning: a probability for each action",
    )
    source = "Bridle, 1990"
    kernels = (rowwise.softmax, rowwise.softmax_backward)


@activation
class LogSoftmax(RowActivation):
    """The logarithm of softmax, without ever forming the softmax."""

    name = "log_softmax"
    formula = "x_i - log(Sum(exp(x_j)))"
    latex = r"x_i - \log \sum_j e^{x_j}"
    derivative = "δᵢⱼ − e^yⱼ"
    slope_formula = "delta_i_j - exp(y_j)"
    range = Interval(-inf, 0)
    properties = ("keeps its digits where the softmax has rounded to 0",)
    good_for = ("log-probabilities of classes",)
    source = "Goodfellow, Bengio and Courville, Deep Learning, 2016, section 6.2.2"
    kernels = (rowwise.log_softmax, rowwise.log_softmax_backward)


@activation
class ELU(ActivationFunction):
    """ReLU with a smooth negative side that levels off at −α."""

    name = "elu"
    hyper = {"alpha": 1.0}
    limits = {"alpha": REALS}
    formula = "Piecewise((x, x > 0), (alpha*(exp(x) - 1), True))"
    latex = r"\begin{cases} x & x > 0 \\ \alpha (e^{x} - 1) & x \le 0 \end{cases}"
    derivative = "1 for x > 0, α eˣ for x ≤ 0"
    range = Interval(-1, inf)
    init = "he_normal"
    properties = ("smooth at 0 for α = 1", "mean activation nearer to 0 than ReLU's")
    good_for = (
        "deep networks that want smooth gradients",
        "data whose negative values mean something",
        "networks that do without batch normalisation",
    )
    source = "Clevert, Unterthiner and Hochreiter, ICLR 2016"

    def __init__(self, **hyper: Any) -> None:
        super().__init__(**hyper)
        alpha = self.settings["alpha"]
        self.range = Interval(-alpha, inf) if alpha > 0 else NON_NEGATIVE
        self.kinks = () if alpha == 1 else (0.0,)

    @staticmethod
    def value(x: float, alpha: float) -> float:
        return alpha * vecmath.expm1(x) if x <= 0.0 else x

    @staticmethod
    def slope(x: float, alpha: float) -> float:
        return alpha * vecmath.exp(x) if x <= 0.0 else 1.0


@activation
class SELU(ActivationFunction):
    """ELU scaled so that layer after layer keeps mean 0 and variance 1."""

    name = "selu"
    formula = (
        "1.0507009873554804934193349852946*"
        "Piecewise((x, x > 0), (1.6732632423543772848170429916717*(exp(x) - 1), True))"
    )
    latex = r"\lambda \begin{cases} x & x > 0 \\ \alpha (e^{x} - 1) & x \le 0 \end{cases}"
    derivative = "λ for x > 0, λα eˣ for x ≤ 0 (λ = 1.0507…, α = 1.6733…)"
    range = Interval(-SELU_SCALE_ALPHA, inf)
    kinks = (0.0,)
    init = "lecun_normal"
    properties = (
        "self-normalising with LeCun-normal weights",
        "pulls a mean and a variance that drifted back to 0 and 1",
        "levels off at −λα = −1.758",
    )
    good_for = (
        "deep networks without batch normalisation",
        "training that must stay stable, where normalising layers cost too much",
    )
    source = "Klambauer, Unterthiner, Mayr and Hochreiter, NeurIPS 2017"

    @staticmethod
    def value(x: float) -> float:
        return SELU_SCALE_ALPHA * vecmath.expm1(x) if x <= 0.0 else SELU_SCALE * x

    @staticmethod
    def slope(x: float) -> float:
        return SELU_SCALE_ALPHA * vecmath.exp(x) if x <= 0.0 else SELU_SCALE


@activation
class Linear(ActivationFunction):
    """Leave everything as it is."""

    name = "linear"
    aliases = ("identity", "none")
    formula = "x"
    latex = "x"
    slope_formula = "1"
    properties = ("layers of it collapse into one",)
    good_for = ("the output of regressors", "scores for a loss that takes logits")
    source = "Widrow and Hoff, 1960"

    @staticmethod
    def value(x: float) -> float:
        return x

    @staticmethod
    def slope(x: float) -> float:
        return 1.0


@activation
class Softplus(ActivationFunction):
    """A smooth ReLU, always positive."""

    name = "softplus"
    formula = "log(1 + exp(x))"
    latex = r"\log(1 + e^{x})"
    derivative = "the sigmoid"
    range = Interval(0, inf)
    init = "he_normal"
    properties = ("smooth everywhere", "never zero")
    good_for = ("outputs that must be positive: rates, variances",)
    source = "Dugas et al., NIPS 2000"

    @staticmethod
    def value(x: float) -> float:
        return vecmath.softplus(x)

    @staticmethod
    def slope(x: float) -> float:
        return vecmath.sigmoid(x)


@activation
class Softsign(ActivationFunction):
    """Squash to (−1, 1) with slow tails."""

    name = "softsign"
    formula = "x/(1 + Abs(x))"
    latex = r"\frac{x}{1 + |x|}"
    slope_formula = "1/(1 + Abs(x))**2"
    range = Interval(-1, 1)
    properties = ("saturates polynomially, where tanh does exponentially",)
    good_for = ("a gentler tanh",)
    source = "Glorot and Bengio, AISTATS 2010"

    @staticmethod
    def value(x: float) -> float:
        return (1.0 if x > 0.0 else -1.0) if abs(x) == inf else x / (1.0 + abs(x))

    @staticmethod
    def slope(x: float) -> float:
        share = 1.0 / (1.0 + abs(x))
        return share * share


@activation
class GELU(ActivationFunction):
    """Weigh x by how much of a normal distribution lies below it."""

    name = "gelu"
    formula = "x*(1 + erf(x/sqrt(2)))/2"
    latex = r"x\,\Phi(x)"
    derivative = "Φ(x) + x φ(x)"
    range = Interval(-0.16997120747990369, inf, includes_low=True)
    init = "he_normal"
    properties = ("smooth", "dips below 0, to −0.17 at x = −0.75")
    good_for = ("transformers",)
    source = "Hendrycks and Gimpel, 2016"

    @staticmethod
    def value(x: float) -> float:
        return vecmath.times_normal_cdf(x)

    @staticmethod
    def slope(x: float) -> float:
        return vecmath.times_normal_cdf_slope(x)


@activation
class SiLU(ActivationFunction):
    """Weigh x by its own sigmoid."""

    name = "silu"
    aliases = ("swish",)
    formula = "x/(1 + exp(-x))"
    latex = r"x\,\sigma(x)"
    derivative = "σ(x) (1 + x σ(−x))"
    slope_formula = "sigmoid(x)*(1 + x*sigmoid(-x))"
    range = Interval(-0.27846454276107379, inf, includes_low=True)
    init = "he_normal"
    properties = ("smooth", "dips below 0, to −0.28 at x = −1.28")
    good_for = ("a smooth ReLU for deep networks",)
    source = "Elfwing, Uchibe and Doya, 2017; Ramachandran, Zoph and Le, 2017"

    @staticmethod
    def value(x: float) -> float:
        return vecmath.times_sigmoid(x, x)

    @staticmethod
    def slope(x: float) -> float:
        z = vecmath.exp(-abs(x))
        share, bounded = 1.0 / (1.0 + z), x if z > 0.0 else 0.0
        if x < 0.0:
            return share * (1.0 + bounded * share) * z
        return share * (1.0 + bounded * z * share)


@activation
class Mish(ActivationFunction):
    """Weigh x by the tanh of its softplus."""

    name = "mish"
    formula = "x*((1 + exp(x))**2 - 1)/((1 + exp(x))**2 + 1)"
    latex = r"x \tanh(\log(1 + e^{x}))"
    derivative = "tanh s + x (1 − tanh² s) σ(x), s = log(1 + eˣ)"
    range = Interval(-0.30884341301725121, inf, includes_low=True)
    init = "he_normal"
    properties = ("smooth", "dips below 0, to −0.31 at x = −1.19")
    good_for = ("a smooth ReLU for deep networks",)
    source = "Misra, BMVC 2020"

    @staticmethod
    def value(x: float) -> float:
        z = vecmath.exp(-abs(x))
        if x < 0.0:
            return vecmath.times_exp(x * (z + 2.0) / (z * (z + 2.0) + 2.0), -abs(x), 0.0)
        return x * ((1.0 + 2.0 * z) / (1.0 + 2.0 * z * (1.0 + z)))

    @staticmethod
    def slope(x: float) -> float:
        z = vecmath.exp(-abs(x))
        bounded = x if z > 0.0 else 0.0
        if x < 0.0:
            d = z * (z + 2.0) + 2.0
            return ((z + 2.0) * d + 4.0 * bounded * (1.0 + z)) / (d * d) * z
        d = 1.0 + 2.0 * z * (1.0 + z)
        return ((1.0 + 2.0 * z) * d + bounded * (4.0 * z * z * (1.0 + z))) / (d * d)


activations.protect_entries()
