"""Formulas as books print them, evaluated at as many digits as they lose.

An entry's ``formula`` is read by sympy, its slope is sympy's derivative of it, and mpmath does
the arithmetic. Nothing here looks at a kernel. Where a formula has a kink, the pinned slope is
that of the side the formula's own condition gives the point to; of max(0, u), it is the 0's.
"""

import functools
import math

import mpmath
import numpy as np
import sympy

LINKS = {"sigmoid": "1/(1 + exp(-x))", "exp": "exp(x)"}
MOST_DIGITS = 900


def digits(*numbers):
    """How many decimal digits a naive formula needs, so that some 50 are left of them."""
    most = 60.0
    for number in map(float, numbers):
        size = abs(number)
        need = 60.0 + (2 * abs(math.log10(size)) if size else 0.0)
        need += 2 * 0.4343 * size + (0.2172 * size * size if size < 45.0 else 0.0)
        most = max(most, need)
    return int(min(most, MOST_DIGITS))


def _maximum(*parts):
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


def compile_formula(expr, names):
    """A sympy expression as a function of mpmath numbers, in the order of the names."""
    expr = expr.replace(sympy.Max, _maximum)
    return sympy.lambdify([symbol(name) for name in names], expr, "mpmath")


@functools.cache
def scalar_functions(formula, names, link=None):
    """The value, then the slope in each of the first two names; through a link in the last."""
    expr = expression(formula, names)
    if link is not None:
        x, p = symbol("x"), symbol("p")
        expr = expr.subs(p, expression(LINKS[link], ("x",)).subs(x, p))
    smooth = expr.replace(sympy.Max, _maximum)
    wanted = (expr, *(sympy.diff(smooth, symbol(name)) for name in names[:2]))
    return tuple(compile_formula(part, names) for part in wanted)


def exactly(function, points, *fixed):
    """A function of mpmath numbers at float points, each with enough digits."""
    results = []
    for point in points:
        with mpmath.workdps(digits(*point)):
            results.append(function(*(mpmath.mpf(float(x)) for x in (*point, *fixed))))
    return results


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
def row_functions(formula, columns):
    """The outputs of a row, and the matrix of their slopes."""
    names = tuple(f"x{j}" for j in range(columns))
    values = row_values(formula, columns)
    slopes = [[sympy.diff(value, symbol(name)) for name in names] for value in values]
    return compile_formula(sympy.Matrix(values), names), compile_formula(
        sympy.Matrix(slopes), names
    )


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


def check_values(ys, references, bound, dtype, points, what="value"):
    """Every y within ``bound`` ULP; returns the worst."""
    assert len(ys) == len(references) > 0
    worst = mpmath.mpf(0)
    for y, reference, point in zip(ys, references, points, strict=True):
        off = ulps(y, reference, dtype)
        worst = max(worst, off)
        assert off <= bound, (
            f"{what} at {point}: {y!r} is {mpmath.nstr(off, 4)} ULP from "
            f"{mpmath.nstr(reference, 20)}; {bound} allowed"
        )
    return worst


def check_slopes(slopes, references, dtype, points, size=1.0):
    """Every slope within 8 ULP, or within 4 eps of the gradient that came in."""
    assert len(slopes) == len(references) > 0
    near = 4 * float(np.finfo(dtype).eps)
    sizes = np.broadcast_to(size, len(slopes))
    for slope, reference, point, one in zip(slopes, references, points, sizes, strict=True):
        with mpmath.workdps(60):
            absolute = math.isfinite(slope) and abs(mpmath.mpf(float(slope)) - reference)
        close = math.isfinite(slope) and absolute <= near * float(one)
        assert close or ulps(slope, reference, dtype) <= 8, (
            f"slope at {point}: {slope!r}, the formula's is {mpmath.nstr(reference, 20)}"
        )
