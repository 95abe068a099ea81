"""What a kernel costs, in nanoseconds an element, and how far that is from what could be.

minidl's kernels beside copying (what memory allows), the loop one writes at first in numba, NumPy
and PyTorch on one thread. All take turns within one run, on the same 64-byte-aligned memory, so
that whatever else the machine does meets all alike; the times are minima of many rounds. Ratios
above 1 mean that minidl is faster. A peer that is not installed is left out and named.

    python benchmarks/kernels.py                 # 1e3 … 1e7 elements, float32 and float64
    python benchmarks/kernels.py --quick         # 1e4 and 1e5
    python benchmarks/kernels.py --only gelu     # what has this in its name
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import repeat

import kernels_peers
import numpy as np
from kernels_cases import Case, cases

SPAN = 2e-4
"""Seconds that one timing takes, at least."""
WARM = 2e-3
"""Seconds that a call is repeated before it is timed: as long as caches and a CPU that has just run
narrow code, as the naive loops are, take to be at full speed."""
BUDGET = 0.4
"""Seconds for all rounds of one line."""
SIZES = (10**3, 10**4, 10**5, 10**6, 10**7)
QUICK = (10**4, 10**5)


@dataclass
class Score:
    """How many of the targets were met, and which were not."""

    met: int = 0
    missed: list[str] = field(default_factory=list)


def measure(case: Case) -> dict[str, float]:
    """Nanoseconds an element for every peer: the least of rounds in which they take turns."""
    often: dict[str, int] = {}
    for name, call in case.peers.items():
        call()  # compile, and touch the memory
        began = time.perf_counter()
        call()
        often[name] = max(1, int(SPAN / (time.perf_counter() - began)))
    best = dict.fromkeys(case.peers, float("inf"))
    began, turn = time.perf_counter(), 0
    while turn < 3 or (time.perf_counter() - began < BUDGET and turn < 60):
        for name, call in case.peers.items():
            start = time.perf_counter()
            while time.perf_counter() - start < WARM:
                call()
            start = time.perf_counter()
            for _ in repeat(None, often[name]):
                call()
            best[name] = min(best[name], (time.perf_counter() - start) / often[name])
        turn += 1
    return {name: seconds / case.count * 1e9 for name, seconds in best.items()}


def judged(case: Case, times: dict[str, float], score: Score) -> str:
    """The targets of this line, each with whether it is met."""
    told = []
    for target in case.targets:
        found = target.met(times)
        if found is None:
            continue
        told.append(f"{target.words} {'✓' if found else '✗'}")
        if found:
            score.met += 1
        else:
            score.missed.append(f"{case.dtype} {case.name} {case.size}: {target.words}")
    return "  ".join(told)


def line(case: Case, times: dict[str, float], score: Score) -> str:
    """One row of the table."""
    ours, limit = times["minidl"], times.get(case.limit)
    share = f"{limit / ours:>7.0%}" if limit else f"{'':>7}"
    ratios = [
        f"{times[peer] / ours:>9.2f}" if peer in times else f"{'':>9}"
        for peer in ("PyTorch", "NumPy", "naive")
    ]
    told = judged(case, times, score)
    mark = "a" if case.note == "autograd" else " "
    return (
        f"{case.name:<28}{case.size:>11}{ours:>9.3f}{case.limit:>10}{share}"
        f"{ratios[0]}{mark}{ratios[1]}{ratios[2]}  {told}"
    )


def table(lines: Iterator[Case], score: Score) -> None:
    """One dtype's table, printed while it is measured."""
    print(
        f"{'':<28}{'elements':>11}{'ns each':>9}{'limit':>10}{'of it':>7}"
        f"{'PyTorch':>9} {'NumPy':>9}{'naive':>9}  targets"
    )
    before = ""
    for case in lines:
        if case.name.split(",")[0].split()[0] != before:
            before = case.name.split(",")[0].split()[0]
            print()
        print(line(case, measure(case), score), flush=True)


def machine() -> str:
    """What the figures were taken on."""
    from llvmlite.binding import get_host_cpu_features, get_host_cpu_name

    features = get_host_cpu_features()
    found = [name for name in ("avx2", "fma", "avx512f") if features.get(name)]
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    return f"{get_host_cpu_name()} ({', '.join(found)}), load {load:.1f} at the start"


def main() -> None:
    """One table for each dtype, and what of the targets was missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="1e4 and 1e5 elements only")
    parser.add_argument("--only", default="", help="kernels that have this in their name")
    parser.add_argument("--dtype", choices=("float32", "float64"), help="one dtype only")
    options = parser.parse_args()
    print(machine())
    if kernels_peers.torch is None:
        print("PyTorch is left out: it is not installed")
    print("limit: what memory allows. PyTorch, NumPy, naive: their time ÷ minidl's; a: autograd.")
    score = Score()
    for dtype in [options.dtype] if options.dtype else ["float32", "float64"]:
        print(f"\n== {dtype}")
        sizes = QUICK if options.quick else SIZES
        chosen = (case for case in cases(np.dtype(dtype), sizes) if options.only in case.name)
        table(chosen, score)
    print(f"\n{score.met} targets met, {len(score.missed)} missed")
    for missed in score.missed:
        print(f"  {missed}")


if __name__ == "__main__":
    main()
