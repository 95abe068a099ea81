"""How many units in the last place minidl, NumPy and PyTorch are off, over the whole line.

Elementary functions, activations and losses of single numbers: values, and slopes (``silu′``).
In float32 every 61st of all bit patterns, infinities and NaN among them, beside references in
float64; in float64 some two million numbers of every size, many where a piece of some function
ends, beside references in long double (in mpmath, and fewer, where that is no wider). References
are held against mpmath first.

A line of the table has the largest error of each library and the bound that is minidl's contract.
An error counts in units of the exact result's last place; that of a slope below ½ in units of
½'s, and that of a difference at most in units of its terms': these are the 4 eps that the contract
grants there. ``inf`` is NaN in place of a number. What is beyond the bound is listed below the
table: who, at how many of the numbers, and the worst; ``parity.py`` tells which of it is another
convention, at a kink or where logarithms are bounded.

    python benchmarks/accuracy.py                      # some minutes
    python benchmarks/accuracy.py --all                # all 2^32 numbers of float32: hours
    python benchmarks/accuracy.py --all --alone --function exp --function silu

Exit code 1 if minidl is beyond the contract anywhere, else 0.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import time
import warnings
from dataclasses import dataclass, field
from typing import Any

import joblib
import numpy as np

if importlib.util.find_spec("torch") is None:
    print("PyTorch is not installed, nothing can be compared: pip install 'minidl[bench]'")
    sys.exit(1)

import torch
from accuracy_cases import Case, cases
from accuracy_numbers import LONG, SLACK, doubles, exact, inside, singles, trusted
from ulps import distances

Array = np.ndarray[Any, Any]
LIBRARIES = ("minidl", "NumPy", "PyTorch")
DTYPES = ("float32", "float64")
SLOPE_BOUND = 8.0


@dataclass
class Worst:
    """The largest error of one library, and at how many numbers it is beyond the bound."""

    off: float = -1.0
    beyond: int = 0
    point: str = ""
    got: float = np.nan
    wanted: float = np.nan

    def see(self, operands: list[Array], y: Array, off: Array, wanted: Array, bound: float) -> None:
        """Take note of results; an error this close to the bound may be the reference's own."""
        i = int(off.argmax())
        self.beyond += int(np.count_nonzero(off > bound + SLACK))
        if off[i] > self.off:
            self.off, self.got, self.wanted = float(off[i]), float(y[i]), float(wanted[i])
            names = ("x",) if len(operands) == 1 else ("t", "p")
            numbers = zip(names, operands, strict=True)
            self.point = ", ".join(f"{name}={operand[i]:.9g}" for name, operand in numbers)


@dataclass
class Row:
    """A line of the table."""

    name: str
    dtype: str
    bound: float
    points: int = 0
    libraries: dict[str, Worst] = field(default_factory=dict)


def measure(name: str, dtype: str, stride: int, alone: bool) -> list[Row]:
    """Value and slope of one function in one type, in all libraries."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    [case] = (one for one in cases() if one.name == name)
    rows = [Row(name, dtype, case.bounds[dtype == "float64"])]
    if case.has_slope:
        rows.append(Row(f"{name}′", dtype, SLOPE_BOUND))
    with np.errstate(all="ignore"):
        check_references(case, dtype)
        chunks = singles(stride) if dtype == "float32" else doubles(2_000_000 if LONG else 20_000)
        for chunk in chunks:
            if (x := inside(chunk, case.domain)).size:
                for target in case.targets:
                    see([x] if target is None else [np.full_like(x, target), x], case, rows, alone)
    return rows


def check_references(case: Case, dtype: str) -> None:
    few = singles(2**18) if dtype == "float32" else doubles(20_000)
    x = inside(np.concatenate(list(few)), case.domain)
    for target in case.targets:
        trusted(case, x, target)


def see(operands: list[Array], case: Case, rows: list[Row], alone: bool) -> None:
    """Run all libraries on some numbers."""
    libraries = {"minidl": case.ours, **({} if alone else case.peers)}
    results = {library: run(*operands) for library, run in libraries.items()}
    for i, (wanted, unit, rest) in enumerate(exact(case, operands)):
        row = rows[i]
        row.points += wanted.size
        for library, result in results.items():
            y = result[i]
            if y is not None:
                off = distances(y, wanted, unit, rest)
                if i == 1:
                    off[np.isnan(operands[-1])] = 0.0  # a slope at NaN is pinned nowhere
                worst = row.libraries.setdefault(library, Worst())
                worst.see(operands, y, off, wanted, row.bound)


FORM = "{:<18} {:<8} {:>14} {:>6} {:>9} {:>9} {:>9}  {}"


def show(row: Row) -> None:
    found = [row.libraries.get(library) for library in LIBRARIES]
    offs = ["–" if worst is None else f"{worst.off:.3g}" for worst in found]
    at = row.libraries["minidl"].point
    print(FORM.format(row.name, row.dtype, f"{row.points:,}", f"{row.bound:g}", *offs, at))


def show_beyond(rows: list[Row], library: str) -> int:
    """List where a library is beyond minidl's bounds; at how many functions."""
    beyond = [row for row in rows if library in row.libraries and row.libraries[library].beyond]
    form = "{:<18} {:<8} {:>12} {:>10}  {:<24} {:<24} {}"
    print(f"\n{library} beyond the bound of: {len(beyond)}")
    if beyond:
        print(form.format("function", "dtype", "numbers", "worst ULP", "result", "exact", "at"))
    for row in beyond:
        worst = row.libraries[library]
        digits = 9 if row.dtype == "float32" else 17
        numbers = [f"{number:.{digits}g}" for number in (worst.got, worst.wanted)]
        print(
            form.format(
                row.name, row.dtype, f"{worst.beyond:,}", f"{worst.off:.3g}", *numbers, worst.point
            )
        )
    return len(beyond)


def main() -> int:
    """Measure, print, and tell whether the contract holds."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [case.name for case in cases()]
    parser.add_argument("--all", action="store_true", help="all numbers of float32, and only those")
    parser.add_argument("--alone", action="store_true", help="minidl without the others")
    parser.add_argument("--function", action="append", choices=names, help="only this, or these")
    parser.add_argument("--jobs", type=int, default=2, help="processes (2)")
    asked = parser.parse_args()
    began, stride, dtypes = time.time(), 1 if asked.all else 61, DTYPES[: 2 - asked.all]
    work = [
        joblib.delayed(measure)(name, dtype, stride, asked.alone)
        for name in asked.function or names
        for dtype in dtypes
    ]
    print(FORM.format("function", "dtype", "numbers", "bound", *LIBRARIES, "minidl's worst at"))
    rows: list[Row] = []
    for made in joblib.Parallel(n_jobs=asked.jobs, return_as="generator")(work):
        rows += made
        for row in made:
            show(row)
            sys.stdout.flush()
    wrong, *_ = [show_beyond(rows, library) for library in LIBRARIES]
    print(f"\n{len(rows)} lines in {time.time() - began:.0f} s")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
