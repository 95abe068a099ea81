"""Random training steps: eager = recorded = by fit = finite differences, or all refuse alike.

Each step comes from a seed (tests/steps_at_random.py) and is computed from the same fresh state
eagerly, by a program batch by batch and through a table, again between guard words around every
operand of every kernel, and by ``fit``; its gradients meet central finite differences in float64.

    python benchmarks/fuzz.py                  # 300 steps
    python benchmarks/fuzz.py --full           # 5,000
    python benchmarks/fuzz.py --seed 17        # this one: its source, and what came of it
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "support"))

from compared_steps import Comparison
from steps_at_random import step_at_random

ROWS = (
    "steps", "same", "both refused", "RecordError", "fits compared", "gradients checked",
    "kinks", "guarded kernel runs", "guard words", "guard words touched", "differences",
)  # fmt: skip
PART = 25
"""Steps that a worker is given at once."""


def compared(seeds: range) -> tuple[Counter[str], dict[int, list[str]]]:
    """The counts of some steps, and the differences of those that have any."""
    counts, differences = Counter[str](), dict[int, list[str]]()
    for seed in seeds:
        comparison = Comparison(step_at_random(seed)).compare()
        counts += comparison.counts
        if comparison.differences:
            differences[seed] = comparison.differences
    return counts, differences


def show(seed: int, differences: list[str]) -> None:
    """A step that failed, so that it can be run again."""
    print(f"\n{step_at_random(seed)}\n")
    for difference in differences:
        print(f"--seed {seed}: {difference}")


def main() -> None:
    """One table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("steps", nargs="?", type=int, default=300)
    parser.add_argument("--full", action="store_true", help="5,000 steps")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="one step, shown")
    options = parser.parse_args()
    if options.seed is not None:
        counts, differences = compared(range(options.seed, options.seed + 1))
        show(options.seed, differences.get(options.seed, []))
        print(dict(counts))
        sys.exit(bool(differences))
    last, began = options.first + (5000 if options.full else options.steps), time.monotonic()
    parts = [range(i, min(i + PART, last)) for i in range(options.first, last, PART)]
    counts, failed = Counter[str](), 0
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for more, differences in pool.map(compared, parts):
            counts += more
            for seed, words in differences.items():
                failed += 1
                show(seed, words)
    counts["differences"] = failed
    print()
    for row in ROWS:
        print(f"{row:<22}{counts[row]:>14,}")
    seconds = time.monotonic() - began
    print(f"\n{counts['steps'] / seconds:.0f} steps a second")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
