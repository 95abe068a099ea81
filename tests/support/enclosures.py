"""Formulas on whole arrays in long doubles, each result with a bound on its own error.

Fifty digits cost 100 µs a number; long doubles cost next to nothing and settle most numbers.
Every rounding, and whatever cancellation makes of it, is counted into a radius: the exact result
lies within ``radius`` of ``middle``. Where that is too wide to tell, or a case distinction cannot
be decided, the radius is large, infinite or NaN, and mpmath is asked. So what is settled here is
settled; only the number of questions left for mpmath depends on how clever this is.
"""

import functools
from dataclasses import dataclass

import numpy as np
import sympy
from sympy.codegen.cfunctions import expm1, log1p

LONG = np.longdouble
EPS = np.finfo(LONG).eps  # twice the rounding error of one operation
TINY = np.finfo(LONG).tiny
SLACK = 16 * EPS  # C libraries promise 5 units in the last place, and keep better
VANISHED = -11400  # e to this is below TINY
# A middle of ∞ with a radius of 0 stands for "beyond HUGE", which exponentials soon are.
BEYOND, HUGE = 11300, LONG(10) ** 4900


class one_plus_erf(sympy.Function):
    """1 + erf(x) = erfc(−x), which sympy would turn back into 2 − erfc(x)."""

    def fdiff(self, argindex=1):
        return 2 / sympy.sqrt(sympy.pi) * sympy.exp(-(self.args[0] ** 2))


@dataclass(frozen=True)
class Enclosure:
    """Arrays of intervals: middles and radii."""

    middle: np.ndarray
    radius: np.ndarray

    def __add__(self, other):
        total = rounded(self.middle + other.middle, self.radius + other.radius)
        small = [x.huge() | (abs(x.middle) + x.radius < HUGE**0.8) for x in (self, other)]
        return total.made_huge((self.huge() | other.huge()) & small[0] & small[1])

    def __mul__(self, other):
        a, b = abs(self.middle), abs(other.middle)
        radius = a * other.radius + b * self.radius + self.radius * other.radius
        product = rounded(self.middle * other.middle, radius)
        large = [x.huge() | (x.middle - x.radius >= 1) for x in (self, other)]
        return product.made_huge((self.huge() | other.huge()) & large[0] & large[1])

    def huge(self):
        return (self.middle == np.inf) & (self.radius == 0)

    def made_huge(self, where):
        return self.replaced(where, np.inf, 0)

    def replaced(self, where, middle, radius):
        return Enclosure(np.where(where, middle, self.middle), np.where(where, radius, self.radius))

    def __neg__(self):
        return Enclosure(-self.middle, self.radius)

    def least(self):
        """The smallest size of a number inside."""
        return np.maximum(abs(self.middle) - self.radius, LONG(0))


def rounded(middle, radius, slack=EPS):
    """What one operation gave; its own rounding, and the radius's, are added."""
    return Enclosure(middle, (radius + slack * abs(middle) + TINY) * LONG(1.0001))


def _reciprocal(x):
    inverse = rounded(1 / x.middle, x.radius / (abs(x.middle) * x.least()))
    return inverse.replaced(x.huge(), 0, 1 / HUGE)


def _grown(x):
    """How far the exponential moves within the radius."""
    steep = np.where(x.radius < 0.5, 2 * x.radius * np.exp(x.middle), np.inf)
    return np.where(x.middle + x.radius < VANISHED, LONG(0), steep)


def _exp(x):
    grown = rounded(np.exp(x.middle), _grown(x), SLACK)
    return grown.made_huge(x.middle - x.radius > BEYOND)


def _expm1(x):
    return rounded(np.expm1(x.middle), _grown(x), SLACK)


def _log(x):
    return rounded(np.log(x.middle), x.radius / np.maximum(x.middle - x.radius, 0), SLACK)


def _log1p(x):
    least = np.maximum(1 + x.middle - x.radius - EPS, 0)
    return rounded(np.log1p(x.middle), x.radius / least, SLACK)


def _one_plus_erf(x):
    a = _magnitude(x)
    square = a * a
    decay = _exp(-square)
    scale = _number(2 / sympy.sqrt(sympy.pi))
    # erf(a) = 2/√π e^(−a²) Σ 2ⁿ a^(2n+1) / (2n+1)!!: nothing cancels
    term = total = a
    for n in range(1, 61):
        term = term * square * _number(sympy.Rational(2, 2 * n + 1))
        total = total + term
    total = Enclosure(total.middle, total.radius + term.middle + term.radius)  # of all the rest
    inner = scale * decay * total
    # erfc(a) = e^(−a²)/√π / (a + ½/(a + 1/(a + …))): two depths have the limit between them
    shallow, deep = (_reciprocal(_fraction(a, depth)) for depth in (80, 81))
    fraction = Enclosure(
        deep.middle, deep.radius + shallow.radius + abs(deep.middle - shallow.middle)
    )
    outer = scale * _number(sympy.Rational(1, 2)) * decay * fraction
    one, left, near = _number(sympy.Integer(1)), x.middle < 0, a.middle + a.radius < 2.5
    parts = [one + inner, one + -inner, one + one + -outer, outer]
    where = [near & ~left, near & left, ~near & ~left, ~near & left]
    return Enclosure(
        np.select(where, [part.middle for part in parts]),
        np.select(where, [part.radius for part in parts]),
    )


def _fraction(a, depth):
    f = a
    for k in range(depth, 0, -1):
        f = a + _number(sympy.Rational(k, 2)) * _reciprocal(f)
    return f


def _magnitude(x):
    return Enclosure(abs(x.middle), x.radius)


def _sign(x):
    return Enclosure(np.sign(x.middle), np.where(abs(x.middle) > x.radius, LONG(0), np.nan))


FUNCTIONS = {
    sympy.exp: _exp,
    sympy.log: _log,
    expm1: _expm1,
    log1p: _log1p,
    one_plus_erf: _one_plus_erf,
    sympy.Abs: _magnitude,
    sympy.sign: _sign,
}


def _whole_power(base, exponent):
    if exponent < 0:
        return _reciprocal(_whole_power(base, -exponent))
    return functools.reduce(Enclosure.__mul__, [base] * exponent)


def _power(base, exponent):
    """A positive base to any exponent."""
    relative = base.radius / base.middle
    twist = abs(exponent.middle) * relative + abs(np.log(base.middle)) * exponent.radius
    value = np.power(base.middle, exponent.middle)
    sure = (base.middle > 0) & (relative < 1e-3) & (twist < 0.1)
    result = rounded(value, np.where(sure, 2 * twist * value, np.nan), SLACK)
    rising, falling = (exponent.middle * sign > exponent.radius for sign in (1, -1))
    # Near 0 all that is known is that the power is no larger than that of the far end.
    least = (abs(exponent.middle) - exponent.radius) * LONG(0.999)
    result = result.replaced(
        ~sure & rising & (abs(base.middle) + base.radius < 1),
        0,
        np.power(abs(base.middle) + base.radius, least),
    )
    return result.replaced(base.huge() & falling, 0, np.power(HUGE, -least))


def _unknown(*parts):
    """What there is no enclosure for: everything is left open."""
    return Enclosure(parts[0].middle, np.full_like(parts[0].middle, np.nan))


def _number(expr):
    if expr.is_Integer and abs(expr) < 2**53:
        return Enclosure(LONG(int(expr)), LONG(0))
    middle = LONG(str(sympy.N(expr, 30)))
    return Enclosure(middle, EPS * abs(middle))


JOINS = {sympy.And: np.logical_and, sympy.Or: np.logical_or, sympy.ITE: np.where}


class Evaluation:
    """Expressions with numbers in place of symbols; what occurs twice is worked out once."""

    def __init__(self, operands):
        self.operands = operands
        self.known = {
            name: Enclosure(np.asarray(x, LONG), np.zeros(np.shape(x), LONG))
            for name, x in operands.items()
        }
        self.memory = {}

    def __call__(self, expr):
        with np.errstate(all="ignore"):
            return self._enclose(expr)

    def _enclose(self, expr):
        if expr not in self.memory:
            self.memory[expr] = self._work_out(expr)
        return self.memory[expr]

    def _work_out(self, expr):
        if expr.is_number:
            return _number(expr)
        if expr.is_Symbol:
            return self.known[expr.name]
        if expr.is_Piecewise:
            return self._choose(expr.args)
        if expr.is_Mul and expr.args[0] == -1:  # nothing to round
            return -self._enclose(expr / -1)
        if expr.is_Pow and expr.exp.is_Integer:
            return _whole_power(self._enclose(expr.base), int(expr.exp))
        parts = [self._enclose(part) for part in expr.args]
        if expr.is_Add:
            return functools.reduce(Enclosure.__add__, parts)
        if expr.is_Mul:
            return functools.reduce(Enclosure.__mul__, parts)
        return _power(*parts) if expr.is_Pow else FUNCTIONS.get(expr.func, _unknown)(*parts)

    def _choose(self, branches):
        """The last branch is for what none of the others' conditions holds for."""
        *others, (result, _) = branches
        chosen = self._enclose(result)
        for result, condition in reversed(others):
            branch, (holds, sure) = self._enclose(result), self._decide(condition)
            radius = np.where(holds, branch.radius, chosen.radius)
            middle = np.where(holds, branch.middle, chosen.middle)
            chosen = Enclosure(middle, np.where(sure, radius, np.nan))
        return chosen

    def _decide(self, condition):
        """Whether a condition holds, and whether that is sure."""
        if condition.func in JOINS:
            holds, sure = zip(*(self._decide(part) for part in condition.args), strict=True)
            return JOINS[condition.func](*holds), functools.reduce(np.logical_and, sure)
        assert isinstance(condition, sympy.Gt | sympy.Ge | sympy.Lt | sympy.Le), condition
        gap = self._enclose(condition.gts) + -self._enclose(condition.lts)
        return gap.middle > 0, abs(gap.middle) > gap.radius


def settled(y, enclosure, dtype, ulps, near=0.0):
    """Where y is surely within ``ulps`` ULP, or ``near``, of every number in the enclosure."""
    info = np.finfo(dtype)
    with np.errstate(all="ignore"):
        top = np.ldexp(LONG(1), int(info.maxexp))
        least = np.clip(enclosure.least(), LONG(info.tiny), top)  # below, they stay as close
        exponent = np.minimum(np.frexp(least)[1] - 1, int(info.maxexp) - 1)
        spacing = np.ldexp(LONG(1), exponent - int(info.nmant))
        number = np.clip(y.astype(LONG), -top, top)  # as far as a float reaches, on both sides
        radius = np.where(
            enclosure.radius == 0, LONG(0), enclosure.radius + EPS * abs(enclosure.middle)
        )
        ends = (np.clip(enclosure.middle + side * radius, -top, top) for side in (-1, 1))
        off = functools.reduce(np.maximum, [abs(number - end) for end in ends]) * (1 + 4 * EPS)
        close = (off <= near) & np.isfinite(y)
        return np.isfinite(off) & (close | (off <= ulps * spacing))
