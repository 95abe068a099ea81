"""The tests' own oracle: enclosures hold the exact result, and nothing wrong is ever settled."""

import mpmath
import numpy as np
import pytest
from enclosures import LONG, Enclosure, Evaluation, settled
from oracle import scalar_references

from minidl.nn import activations, losses

FORMULAS = [
    (entry.formula, ("x", *entry.settings), None, entry.settings)
    for entry in activations
    if hasattr(type(entry), "value") and entry.name != "prelu"
] + [
    (loss.formula, ("p", "t", *loss.settings), link, {**loss.settings, "t": t})
    for loss in losses
    if not loss.rowwise
    for link in dict.fromkeys((None, loss.link))
    for t in (1.0, 0.3)
]


def to_digits(number):
    """A long double as mpmath has it, to the last bit."""
    fraction, exponent = np.frexp(number)
    return mpmath.ldexp(int(np.ldexp(fraction, 113)), int(exponent) - 113)


@pytest.mark.parametrize(("formula", "names", "link", "fixed"), FORMULAS)
def test_the_exact_result_lies_within(formula, names, link, fixed):
    rng = np.random.default_rng(1)
    signs = rng.choice([-1, 1], 40)
    x = [
        rng.normal(size=40) * 3,
        rng.uniform(-44, 44, 40),
        signs * 2.0 ** rng.uniform(-900, 5.4, 40),
    ]
    x = np.concatenate(x)
    if names[0] == "p" and link is None and "log" in formula and "exp" not in formula:
        x = np.abs(x)[np.abs(x) < 1]
    known = Evaluation({names[0]: x, **fixed})
    told = 0
    for reference in scalar_references(formula, names, link)[:2]:
        enclosure = known(reference.sharp)
        middles, radii = (
            np.broadcast_to(part, x.shape) for part in (enclosure.middle, enclosure.radius)
        )
        for number, middle, radius in zip(x, middles, radii, strict=True):
            if np.isfinite(middle) and np.isfinite(radius):
                exact = reference.exactly([number, *(fixed[name] for name in names[1:])])
                with mpmath.workdps(900):
                    assert abs(to_digits(middle) - exact) <= to_digits(radius), number
                told += 1
    assert told > x.size


def test_what_is_settled_is_right():
    one = Enclosure(np.array([LONG(1)] * 6), np.array([0, 0, 0, 1e-7, np.nan, np.inf], LONG))
    y = 1 + np.array([0, 3, 5, 0, 0, 0]) * np.finfo(np.float32).eps
    kept = settled(y.astype(np.float32), one, np.float32, 4)
    np.testing.assert_array_equal(kept, [True, True, False, True, False, False])
    assert not settled(np.array([np.nan, np.inf]), Enclosure(LONG(1), LONG(0)), np.float64, 4).any()
    overflow = Enclosure(LONG(np.inf), LONG(0))
    np.testing.assert_array_equal(
        settled(np.array([np.inf, -np.inf, 1e300]), overflow, np.float64, 4), [True, False, False]
    )
