"""Formulas as books print them, evaluated at as many digits as they lose.

An entry's ``formula`` is read by sympy, its slope is sympy's derivative of it, and mpmath does
the arithmetic where long doubles (``enclosures.py``) leave a doubt. Nothing here looks at a
kernel. Where a formula has a kink, the pinned slope is that of the side the formula's own
condition gives the point to; of max(0, u), it is the 0's.
"""

import functools
import math

import mpmath
import numpy as np
import sympy
from enclosures import one_plus_erf, settled
from sympy.codegen.cfunctions import expm1, log1p

LINKS = {"sigmoid": "1/(1 + exp(-x))", "exp": "exp(x)"}
MOST_DIGITS = 900
IN_DIGITS = {
    "expm1": mpmath.expm1,
    "log1p": mpmath.log1p,
    "one_plus_erf": lambda x: mpmath.erfc(-x),
}


def digits(*numbers):
    """How many decimal digits a naive formula needs, so that some 50 are left of them."""
    most = 60.0
    for number in map(float, numbers):
        size = abs(number)
        need = 60.0 + (2 * abs(math.log10(size)) if size else 0.0)
        need += 2 * 0.4343 * size + (0.2172 * size * size if size < 45.0 else 0.0)
        most = max(most, need)
    return int(min(most, MOST_DIGITS + 1))


def maximum(*parts):
    """max as a case distinction; 0 wins a tie, and its slope is 0."""
    *others, last = sorted(parts, key=lambda part: part != 0)
    for other in others:
        last = sympy.Piecewise((last, last > other), (other, True))
    return last


def symbol(name):
    return sympy.Symbol(name, real=True)


@functools.cache
def expression(formula, names):
    """The formula with exact numbers and real symbols."""
    known = {name: symbol(name) for name in names}
    known["Sum"] = sympy.Function("Sum")
    return sympy.sympify(formula, locals=known, rational=True)


def _sum_without_cancellation(expr):
    """c + c·erf(u), c·eᵘ − c, (1 + u)² − 1 and 1 − 1/(1 + u), without the difference."""
    constant, rest = expr.as_coeff_Add()
    factor, term = rest.as_coeff_Mul()
    if constant and factor == constant and term.func is sympy.erf:
        return constant * one_plus_erf(term.args[0])
    if constant and factor == -constant:
        if term.func is sympy.exp:
            return factor * expm1(term.args[0])
        if term.is_Pow and term.base.is_Add:
            one, u = term.base.as_coeff_Add()
            if one == 1 and term.exp == 2:
                return factor * u * (u + 2)
            if one == 1 and term.exp == -1:
                flipped = 1 / (1 + sympy.exp(-u.args[0])) if u.func is sympy.exp else u / term.base
                return constant * flipped
    return expr


def _log_of_cosh(d):
    """Near 0, cosh d = 1 + (eᵈ − 1)²/(2eᵈ); far away, cosh d = (1 + e^−2|d|) e^|d|/2."""
    d = sympy.Abs(d)
    near = log1p(expm1(d) ** 2 * sympy.exp(-d) / 2)
    return sympy.Piecewise((d - sympy.log(2) + log1p(sympy.exp(-2 * d)), d > 1), (near, True))


def _log_without_cancellation(expr):
    [inside] = expr.args
    if inside.is_Pow and inside.exp == -1:
        return -_log_without_cancellation(sympy.log(inside.base, evaluate=False))
    d = sympy.Wild("d")
    cosh = inside.match(sympy.exp(d) / 2 + sympy.exp(-d) / 2)
    if cosh:
        return _log_of_cosh(cosh[d])
    one, u = inside.as_coeff_Add()
    if one != 1:
        return expr
    if u.func is sympy.exp:
        z = u.args[0]
        return sympy.Piecewise((z + log1p(sympy.exp(-z)), z > 0), (log1p(u), True))
    return log1p(u)


def _share_without_overflow(expr):
    """eᵃ/Σeᵇ as 1/(1 + Σ e^(b − a)), and a − log Σeᵇ as minus its logarithm."""
    for part in expr.args:
        total = sympy.Integer(1)
        if expr.is_Mul and part.is_Pow and part.exp == -1:
            total = part.base
        elif expr.is_Add and (-part).func is sympy.log:
            total = (-part).args[0]
        if total.is_Add and all(term.func is sympy.exp or term == 1 for term in total.args):
            for own in expr.args:
                a = own if expr.is_Add else own.args[0] if own.func is sympy.exp else None
                if a is not None and sympy.exp(a) in total.args:
                    others = (term for term in total.args if term != sympy.exp(a))
                    u = sympy.Add(*(sympy.exp(sympy.log(term) - a) for term in others))
                    if expr.is_Add:
                        return expr - own - part - log1p(u)
                    return expr / own / part / (1 + u)
    return expr


def _without_overflow(expr, x):
    """A rational function of eˣ, on the right as one of e⁻ˣ; anything else as it is."""
    e = sympy.Dummy("e", positive=True)
    plain = expr.replace(lambda part: part.func is sympy.exp, lambda part: _as_power(part, x, e))
    if plain == expr or not plain.is_rational_function(*plain.free_symbols):
        return expr
    left = sympy.factor(plain).subs(e, sympy.exp(x))
    right = sympy.factor(plain.subs(e, 1 / e)).subs(e, sympy.exp(-x))
    return sympy.Piecewise((right, x > 0), (left, True))


def _as_power(exponential, x, e):
    times = exponential.args[0] / x
    return e**times if times.is_Integer else exponential


def without_cancellation(expr, x=None):
    """An equal expression for whoever has fewer digits; what it does not know stays as it is."""
    if x is not None:
        expr = _without_overflow(expr, x)
    expr = expr.replace(lambda part: part.is_Add or part.is_Mul, _share_without_overflow)
    expr = expr.replace(lambda part: part.is_Add, _sum_without_cancellation)
    return expr.replace(lambda part: part.func is sympy.log, _log_without_cancellation)


def compile_formula(expr, names):
    """A sympy expression as a function of mpmath numbers, in the order of the names."""
    return sympy.lambdify([symbol(name) for name in names], expr, [IN_DIGITS, "mpmath"])


class Reference:
    """An expression, as printed and in a form that keeps its digits, and how to evaluate both."""

    def __init__(self, expr, names, sharp=None):
        self.names = names
        self.expr = expr.replace(sympy.Max, maximum)
        x = symbol("p" if "p" in names else names[0])
        sharp = without_cancellation(expr if sharp is None else sharp, x)
        self.sharp = sharp.replace(sympy.Max, maximum)

    @functools.cached_property
    def _functions(self):
        return [compile_formula(expr, self.names) for expr in (self.expr, self.sharp)]

    def exactly(self, point):
        """The value at one point, at as many digits as the printed formula loses.

        Where no number of digits would do, at e^800 + 1 say, that is the other form's.
        """
        need = digits(*point)
        hopeless = need > MOST_DIGITS
        with mpmath.workdps(MOST_DIGITS if hopeless else need):
            return self._functions[hopeless](*(mpmath.mpf(float(x)) for x in point))


@functools.cache
def scalar_references(formula, names, link=None):
    """The value, then the slope in each of the first two names; through a link in the last."""
    expr = expression(formula, names)
    if link is not None:
        x, p = symbol("x"), symbol("p")
        expr = expr.subs(p, expression(LINKS[link], ("x",)).subs(x, p))
    smooth = expr.replace(sympy.Max, maximum)
    sharp = without_cancellation(expr).replace(sympy.Max, maximum)
    slopes = (
        Reference(sympy.diff(smooth, symbol(name)), names, sympy.diff(sharp, symbol(name)))
        for name in names[:2]
    )
    return Reference(expr, names), *slopes


def _spread_sums(expr, xs):
    """Sum(f(x_j)) written out over the columns."""
    index = symbol("x_j")
    return expr.replace(
        sympy.Function("Sum"), lambda body: sympy.Add(*(body.subs(index, x) for x in xs))
    )


def row_values(formula, columns):
    """A row's outputs, each a sympy expression in x0, x1, …"""
    xs = [symbol(f"x{j}") for j in range(columns)]
    expr = _spread_sums(expression(formula, ("x_i", "x_j")), xs)
    return [expr.subs(symbol("x_i"), x) for x in xs]


@functools.cache
def row_references(formula, columns):
    """The outputs of a row in x0, x1, …, and the gradients in them for gradients g0, g1, …"""
    names = tuple(f"x{j}" for j in range(columns))
    both = names + tuple(f"g{j}" for j in range(columns))
    values = [Reference(value, names) for value in row_values(formula, columns)]

    def pulled(forms, name):
        slopes = [sympy.diff(form, symbol(name)) for form in forms]
        return sympy.Add(*(symbol(f"g{i}") * slope for i, slope in enumerate(slopes)))

    forms = [value.expr for value in values], [value.sharp for value in values]
    return values, [Reference(pulled(forms[0], x), both, pulled(forms[1], x)) for x in names]


def spacing(reference, dtype):
    """The distance of neighbouring floats where the reference lies."""
    info = np.finfo(dtype)
    if reference == 0:
        exponent = info.minexp
    else:
        exponent = min(max(mpmath.frexp(reference)[1] - 1, info.minexp), info.maxexp - 1)
    return mpmath.ldexp(1, int(exponent) - info.nmant)


def ulps(y, reference, dtype):
    """How far y is from the reference, in units of the last place of the reference's binade."""
    y = float(y)
    if math.isnan(y) or mpmath.isnan(reference):
        return mpmath.inf
    top = mpmath.ldexp(1, int(np.finfo(dtype).maxexp))
    with mpmath.workdps(60):
        reference = max(-top, min(top, mpmath.mpf(reference)))
        number = math.copysign(1, y) * top if math.isinf(y) else mpmath.mpf(y)
        return abs(number - reference) / spacing(reference, dtype)


def check(y, reference, evaluation, dtype, bound, near=0.0, what="value"):
    """Every y within ``bound`` ULP of the reference, or within ``near`` of it."""
    assert y.ndim == 1
    assert y.size > 0
    nears = np.broadcast_to(near, y.shape)
    points = [np.broadcast_to(evaluation.operands[name], y.shape) for name in reference.names]
    for i in np.flatnonzero(~settled(y, evaluation(reference.sharp), dtype, bound, near)):
        point = [float(part[i]) for part in points]
        want = reference.exactly(point)
        off = ulps(y[i], want, dtype)
        with mpmath.workdps(60):
            close = math.isfinite(y[i]) and abs(mpmath.mpf(float(y[i])) - want) <= nears[i]
        assert close or off <= bound, (
            f"{what} at {dict(zip(reference.names, point, strict=True))}: {y[i]!r} is "
            f"{mpmath.nstr(off, 4)} ULP from {mpmath.nstr(want, 20)}; {bound} allowed"
        )


def check_slope(slopes, reference, evaluation, dtype, size=1.0):
    """Every slope within 8 ULP, or within 4 eps of the gradient that came in."""
    near = 4 * float(np.finfo(dtype).eps) * np.asarray(size)
    check(slopes, reference, evaluation, dtype, 8, near, "slope")
