"""Fit the polynomials of ``minidl/kernels/coefficients.py``, and print that file.

Each is the minimax polynomial of its function: Remez' exchange in 60 digits (mpmath), the error
weighed as the kernel's result feels it, the coefficients then rounded to the format that
calculates with them.

    python benchmarks/coefficients.py > minidl/kernels/coefficients.py
    python benchmarks/coefficients.py --errors     # the largest error of each, as a power of 2
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import mpmath
import numpy as np
from mpmath import mpf

Function = Callable[[mpf], mpf]
DIGITS = 60
POINTS = 40
"""Of the search for extremes, in each stretch between two points of the exchange."""

HEADER = '''"""Minimax polynomials, lowest power first, as ``benchmarks/coefficients.py`` fits them.

``SINGLE`` are for float32 arithmetic, ``DOUBLE`` for float64.
"""

from __future__ import annotations
'''


@dataclass(frozen=True)
class Fit:
    """A polynomial that stands for ``function`` on [low, high].

    What is bounded is |polynomial − function| · weight: the error of the kernel's result.
    """

    name: str
    meaning: str
    function: Function
    weight: Function
    low: mpf
    high: mpf
    degree: int
    dtype: type[np.floating]

    def polynomial(self) -> list[mpf]:
        """Remez' exchange.

        The errors at degree + 2 points are made equal, and the points moved to where the error
        is largest, until both agree.
        """
        count = self.degree + 2
        middle, half = (self.high + self.low) / 2, (self.high - self.low) / 2
        nodes = [middle - half * mpmath.cos(mpmath.pi * k / (count - 1)) for k in range(count)]
        for _ in range(30):
            coefficients, level = self._levelled(nodes)
            nodes, worst = self._extremes(coefficients, nodes)
            if worst <= abs(level) * mpf("1.001"):
                break
        return coefficients

    def _levelled(self, nodes: list[mpf]) -> tuple[list[mpf], mpf]:
        """The polynomial whose weighted errors at the nodes are ±level in turn."""
        count = len(nodes)
        matrix, right = mpmath.matrix(count), mpmath.matrix(count, 1)
        for i, x in enumerate(nodes):
            for k in range(count - 1):
                matrix[i, k] = x**k
            matrix[i, count - 1] = (-1) ** i / self.weight(x)
            right[i] = self.function(x)
        solution = mpmath.lu_solve(matrix, right)
        return list(solution)[:-1], solution[count - 1]

    def _extremes(self, coefficients: list[mpf], nodes: list[mpf]) -> tuple[list[mpf], mpf]:
        """Where the error is largest between its changes of sign, and the largest of all."""
        grid = [self.low]
        for left, right in pairwise(nodes):
            grid += [left + (right - left) * k / POINTS for k in range(1, POINTS + 1)]
        grid.append(self.high)
        errors = [self.error(coefficients, x) for x in grid]
        found: list[tuple[mpf, mpf]] = []
        for x, error in zip(grid, errors, strict=True):
            if found and (error > 0) == (found[-1][1] > 0):
                if abs(error) > abs(found[-1][1]):
                    found[-1] = x, error
            else:
                found.append((x, error))
        while len(found) > len(nodes):  # the smaller end goes
            found.pop(0 if abs(found[0][1]) < abs(found[-1][1]) else -1)
        worst = max(abs(error) for _, error in found)
        return ([x for x, _ in found] if len(found) == len(nodes) else nodes), worst

    def error(self, coefficients: list[mpf], x: mpf) -> mpf:
        """The weighted error at one place."""
        return (mpmath.polyval(coefficients[::-1], x) - self.function(x)) * self.weight(x)

    def rounded(self) -> list[float]:
        """The coefficients as the kernel has them."""
        return [float(self.dtype(float(c))) for c in self.polynomial()]

    def largest_error(self) -> mpf:
        """Of the rounded coefficients, on a grid of 1,000 places."""
        coefficients = [mpf(c) for c in self.rounded()]
        places = (self.low + (self.high - self.low) * k / 1000 for k in range(1001))
        return max(abs(self.error(coefficients, x)) for x in places)


def exponential(r: mpf) -> mpf:
    """(eʳ − 1 − r) / r²."""
    terms = (r**k / mpmath.factorial(k + 2) for k in range(40))
    return mpmath.fsum(terms)


def logarithm(z: mpf) -> mpf:
    """(log((1 + s)/(1 − s)) − 2s) / s³ with z = s²."""
    return mpmath.fsum(2 * z**k / (2 * k + 3) for k in range(60))


def logarithm_plus_one(f: mpf) -> mpf:
    """(log(1 + f) − f) / f²."""
    if abs(f) < mpf("0.01"):
        return mpmath.fsum((-1) ** (k + 1) * f**k / (k + 2) for k in range(60))
    return (mpmath.log1p(f) - f) / f**2


def log_cosh(z: mpf) -> mpf:
    """(log cosh x − ½ x²) / x⁴ with z = x²."""
    if z < mpf("1e-10"):
        return -mpf(1) / 12 + z / 45 - 17 * z**2 / 2520
    return (mpmath.log(mpmath.cosh(mpmath.sqrt(z))) - z / 2) / z**2


def normal_tail(pole: int) -> Function:
    """(a + K) Φ(−a) / e^(−a²/2) with a = K (1 + u)/(1 − u)."""

    def function(u: mpf) -> mpf:
        a = pole * (1 + u) / (1 - u)
        return (a + pole) * mpmath.erfc(a / mpmath.sqrt(2)) * mpmath.exp(a * a / 2) / 2

    return function


def relative(function: Function) -> Function:
    """The weight under which an error is a share of the function."""
    return lambda u: 1 / function(u)


def fits() -> Iterator[Fit]:
    """Every polynomial of the kernels."""
    third, half = mpmath.log(2) / 2 * mpf("1.0001"), mpf("0.5")
    edge = ((mpmath.sqrt(2) - 1) / (mpmath.sqrt(2) + 1)) ** 2 * mpf("1.0001")
    for prefix, dtype, exp, log, log1p, pole, tail, far in (
        ("SINGLE", np.float32, 4, 2, 9, 4, 9, mpf("14.6")),
        ("DOUBLE", np.float64, 10, 6, 20, 5, 22, mpf(39)),
    ):
        yield Fit(
            f"{prefix}_EXP", "(eʳ − 1 − r) / r², |r| ≤ ½ ln 2",
            exponential, lambda r: r**2 / mpmath.exp(r) + mpf("1e-30"), -third, third, exp, dtype,
        )  # fmt: skip
        yield Fit(
            f"{prefix}_LOG", "(log((1 + s)/(1 − s)) − 2s) / s³ in s², |s| ≤ (√2 − 1)/(√2 + 1)",
            logarithm, lambda z: z + mpf("1e-30"), mpf(0), edge, log, dtype,
        )  # fmt: skip
        yield Fit(
            f"{prefix}_LOG1P", "(log(1 + f) − f) / f², −¼ ≤ f ≤ ½",
            logarithm_plus_one, lambda f: abs(f) + mpf("1e-3"), mpf("-0.25"), half, log1p, dtype,
        )  # fmt: skip
        yield Fit(
            f"{prefix}_NORMAL_TAIL",
            f"(a + {pole}) Φ(−a) e^(a²/2) in (a − {pole})/(a + {pole}), 0 ≤ a ≤ {far}",
            normal_tail(pole), relative(normal_tail(pole)),
            mpf(-1), (far - pole) / (far + pole), tail, dtype,
        )  # fmt: skip
    yield Fit(
        "DOUBLE_LOG_COSH", "(log cosh x − ½ x²) / x⁴ in x², |x| ≤ 1",
        log_cosh, lambda z: z + mpf("1e-30"), mpf(0), mpf(1), 13, np.float64,
    )  # fmt: skip


def source() -> str:
    """The file of the kernels' coefficients, formatted."""
    parts = [HEADER.rstrip()]
    with mpmath.workdps(DIGITS):
        for fit in fits():
            numbers = "".join(f"    {number!r},\n" for number in fit.rounded())
            parts.append(f'{fit.name} = (\n{numbers})\n"""{fit.meaning}."""')
    return "\n\n".join(parts) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--errors", action="store_true")
    if not parser.parse_args().errors:
        print(source(), end="")
        return
    with mpmath.workdps(DIGITS):
        for fit in fits():
            error = mpmath.log(fit.largest_error(), 2)
            print(f"{fit.name:<20} degree {fit.degree:>2}   2^{float(error):.1f}")


if __name__ == "__main__":
    main()
