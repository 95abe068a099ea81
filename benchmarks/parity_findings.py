"""How far off each library is, who is right, and the table that says so."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np
from mpmath import mpf
from parity_exact import BEYOND


def off(y: float, exact: Any, dtype: Any) -> Any:
    """The distance to the exact result in ULP; overflow counts as the next power of two."""
    if math.isnan(y) or mpmath.isnan(exact):
        return mpf(0) if math.isnan(y) and mpmath.isnan(exact) else mpmath.inf
    info = np.finfo(dtype)
    top = mpmath.ldexp(1, int(info.maxexp))
    exact = max(-top, min(top, mpf(exact)))
    number = math.copysign(1, y) * top if math.isinf(y) else mpf(y)
    exponent = int(mpmath.frexp(exact)[1]) - 1 if exact else int(info.minexp)
    exponent = min(max(exponent, int(info.minexp)), int(info.maxexp) - 1)
    return abs(number - exact) / mpmath.ldexp(1, exponent - int(info.nmant))


@dataclass
class Finding:
    """One number where a side is beyond the contract."""

    case: str
    dtype: str
    kind: str
    point: str
    ours: float
    theirs: float
    exact: Any
    verdict: str
    size: Any


class Comparison:
    """Collects what is beyond the contract."""

    def __init__(self) -> None:
        self.compared, self.findings = 0, list[Finding]()

    def judge(
        self, case: str, dtype: Any, sort: str, point: str, ours: float, theirs: float, exact: Any,
        bound: float, near: Any = 0, negative: bool | None = None,
    ) -> None:  # fmt: skip
        """Hold both to ``bound`` ULP or ``near``; ``negative`` is the sign a zero must have."""
        self.compared += 1
        distances = [off(y, exact, dtype) for y in (ours, theirs)]
        right = []
        for y, distance in zip((ours, theirs), distances, strict=True):
            close = math.isfinite(y) and mpmath.isfinite(exact) and abs(mpf(y) - exact) <= near
            right.append(distance <= bound or bool(close))
        if negative is not None and all(right):
            zero = [y != 0 or (math.copysign(1, y) < 0) == negative for y in (ours, theirs)]
            if not all(zero):
                right, sort = zero, f"{sort}, sign of 0"
        if all(right):
            return
        who = {(True, False): "minidl", (False, True): "PyTorch"}.get(tuple(right), "neither")
        special = sort.startswith(("±inf", "kink", "bounded")) or "sign of 0" in sort
        same = ours == theirs or (math.isnan(ours) and math.isnan(theirs))
        if who == "minidl" and special:
            who = "convention"
        if who == "neither" and same and sort in ("±inf", "overflow"):
            who = "unpinned"  # what is pinned nowhere follows PyTorch, here to no exact result
        name = np.dtype(dtype).name
        self.findings.append(
            Finding(case, name, sort, point, ours, theirs, exact, who, max(distances))
        )

    def unpinned(self, case: str, dtype: Any, point: str, ours: float, theirs: float) -> None:
        """A slope at NaN: note where the two differ."""
        self.compared += 1
        if not (ours == theirs or (math.isnan(ours) and math.isnan(theirs))):
            name = np.dtype(dtype).name
            self.findings.append(
                Finding(case, name, "NaN", point, ours, theirs, mpmath.nan, "unpinned", mpf(0))
            )


def report(found: Comparison) -> int:
    """Print one table and a last line; the exit code."""
    groups: dict[tuple[str, ...], list[Finding]] = {}
    for one in found.findings:
        groups.setdefault((one.case, one.dtype, one.kind, one.verdict), []).append(one)
    head = ("function", "dtype", "input kind", "right", "count", "minidl", "PyTorch", "exact")
    form = "{:<18} {:<8} {:<16} {:<11}{:>6}  {:<17} {:<17} {:<17} {}"
    print(form.format(*head, "worst input"))
    for (case, dtype, sort, verdict), members in groups.items():
        worst = max(members, key=lambda one: one.size)
        exact = mpmath.nstr(worst.exact, 10)
        if sort == "NaN" and verdict == "unpinned":
            exact = "–"
        elif worst.exact and abs(worst.exact) < mpf(10) ** -330:
            exact = "0"
        elif mpmath.isfinite(worst.exact) and abs(worst.exact) >= BEYOND / 10**9:
            exact = "inf" if worst.exact > 0 else "-inf"
        shown = f"{worst.ours:.10g}", f"{worst.theirs:.10g}"
        print(form.format(case, dtype, sort, verdict, len(members), *shown, exact, worst.point))
    count = {
        who: sum(one.verdict == who for one in found.findings)
        for who in ("minidl", "PyTorch", "neither", "convention", "unpinned")
    }
    wrong = count["PyTorch"] + count["neither"]
    print(
        f"\n{found.compared} numbers compared: minidl beyond its contract at {wrong}, PyTorch alone"
        f" at {count['minidl']}; {count['convention']} conventions, {count['unpinned']} unpinned."
    )
    return int(wrong > 0)
