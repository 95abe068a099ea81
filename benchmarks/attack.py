"""1,000 hostile attempts on programs and optimizers, each in a process of its own.

Random sequences of unusual calls from the public API: wrong sizes, states replaced and resized,
threads, orders and targets changed meanwhile, copies, nonsense in settings, freezing, Ctrl-C.
An attempt is *the same* as eager code to the bit, *refused* by a MinidlError, or *ran* where
there is nothing to compare. It fails by a crash, a hang, an exception of another kind, or if it
silently does something else than eager code.

    python benchmarks/attack.py                # 1,000: some minutes
    python benchmarks/attack.py --seed 17      # this one, in this process
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import os
import random
import select
import signal
import sys
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, NamedTuple

import attack_scenes as _scenes  # noqa: F401  # registers them
import numpy as np
from attack_cases import ACTIONS, SCENES, Different, Own, Side, compared

import minidl as ml

KINDS = [*ACTIONS, *SCENES]
FINE = ("same", "refused", "ran", "user's own error")
LIMIT = 20.0
"""Seconds after which an attempt hangs."""


class Outcome(NamedTuple):
    """How an attempt ended, and what it said."""

    kind: str
    name: str
    end: str
    told: str = ""


def attempt(seed: int) -> Outcome:
    """One attempt, in this process."""
    rng = random.Random(seed)
    kind = KINDS[seed % len(KINDS)]
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        if kind in SCENES:
            deed = rng.choice(SCENES[kind])
            return _judged(kind, deed.__name__, lambda: deed(seed, rng))
        kinds = [kind if rng.random() < 0.8 else rng.choice([*ACTIONS]) for _ in range(3)]
        deeds = [rng.choice(ACTIONS[kind]) for kind in kinds]
        return on_both_sides(kind, seed, deeds[: rng.randrange(1, 4)])


def _judged(kind: str, name: str, deed: Any) -> Outcome:
    """What becomes of a deed, told by what it raises."""
    try:
        return Outcome(kind, name, deed())
    except ml.MinidlError as error:
        return Outcome(kind, name, "refused", f"{type(error).__name__}: {error}")
    except Own:
        return Outcome(kind, name, "user's own error")
    except Different as error:
        return Outcome(kind, name, "DIFFERENT", str(error))
    except BaseException:  # an attempt may end in anything
        return Outcome(kind, name, "RAW ERROR", traceback.format_exc(limit=-3))


def on_both_sides(kind: str, seed: int, deeds: Sequence[Any]) -> Outcome:
    """A few actions between trainings, by a program and then by eager code."""
    sides = Side(seed, True), Side(seed, False)
    name = " ".join(deed.__name__ for deed in deeds)
    mine, eager = (_judged(kind, name, partial(_acted, side, deeds, seed)) for side in sides)
    if mine.end not in FINE or (mine.end != "ran" and eager.end in FINE):
        return mine
    if eager.end == "ran":
        return _judged(kind, name, lambda: compared(*sides))
    end = "DIFFERENT" if eager.end in FINE else eager.end
    return Outcome(kind, name, end, f"eagerly: {eager.end} {eager.told}")


def _acted(side: Side, deeds: Iterable[Any], seed: int) -> str:
    rng = random.Random(seed)
    side.train()
    for deed in deeds:
        deed(side, rng)
        side.train()
    return "ran"


# ── processes ─────────────────────────────────────────────────────────────────────────────────


class Child:
    """An attempt in a process of its own, forked from this one, which has all kernels ready."""

    def __init__(self, seed: int) -> None:
        self.seed, self.began = seed, time.monotonic()
        self.pipe, end = os.pipe()
        sys.stdout.flush()
        self.pid = os.fork()
        if not self.pid:
            self._run(end)
        os.close(end)
        self.said = b""

    def _run(self, end: int) -> None:
        os.dup2(end, 2)  # what a crash has to say comes last
        faulthandler.enable(2)
        outcome = attempt(self.seed)
        os.write(end, json.dumps(outcome).encode() + b"\n")
        os._exit(0)

    def ended(self) -> Outcome | None:
        """Its outcome, if there is one."""
        hangs = time.monotonic() - self.began > LIMIT
        if hangs:
            os.kill(self.pid, signal.SIGKILL)
        while select.select([self.pipe], [], [], 0)[0] and (part := os.read(self.pipe, 65536)):
            self.said += part
        pid, status = os.waitpid(self.pid, 0 if hangs else os.WNOHANG)
        if not pid:
            return None
        while part := os.read(self.pipe, 65536):
            self.said += part
        os.close(self.pipe)
        return self._outcome(hangs, status)

    def _outcome(self, hangs: bool, status: int) -> Outcome:
        kind, said = KINDS[self.seed % len(KINDS)], self.said.decode(errors="replace")
        if hangs:
            return Outcome(kind, "?", "HANGS", said)
        for line in reversed(said.splitlines()):
            if status == 0 and line.startswith("["):
                return Outcome(*json.loads(line))
        return Outcome(kind, "?", "CRASH", f"status {status}: {said}")


def outcomes(seeds: Iterable[int], workers: int) -> Iterable[tuple[int, Outcome]]:
    """Every attempt's, as they end."""
    waiting, running = iter(seeds), list[Child]()
    while True:
        while len(running) < workers and (seed := next(waiting, None)) is not None:
            running.append(Child(seed))
        if not running:
            return
        time.sleep(0.002)
        for child in [*running]:
            if (outcome := child.ended()) is not None:
                running.remove(child)
                yield child.seed, outcome


def warm_up() -> None:
    """Have kernels loaded before the first fork."""
    for seed in range(40):
        for recorded in (True, False):
            Side(seed, recorded).train()


def main() -> None:
    """The table of ends by kind; the failures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("attempts", nargs="?", type=int, default=1000)
    parser.add_argument("--seed", type=int, help="run this one attempt, here")
    parser.add_argument("--kind", choices=KINDS, help="only attempts of this kind")
    options = parser.parse_args()
    if options.seed is not None:
        outcome = attempt(options.seed)
        print(*outcome, sep="\n")
        sys.exit(outcome.end not in FINE)
    warm_up()
    began, ends, failures = time.monotonic(), Counter[tuple[str, str]](), 0
    kinds = [options.kind] if options.kind else KINDS
    seeds = [seed for seed in range(options.attempts) if KINDS[seed % len(KINDS)] in kinds]
    for seed, outcome in outcomes(seeds, os.cpu_count() or 1):
        ends[outcome.kind, outcome.end] += 1
        if outcome.end not in FINE:
            failures += 1
            print(f"--seed {seed}: {outcome.kind}, {outcome.name}: {outcome.end}\n{outcome.told}\n")
    print(f"{'':<12}{'attempts':>9}{'same':>7}{'refused':>9}{'own':>6}{'ran':>6}{'FAILED':>8}")
    for kind in kinds:
        row = [ends[kind, end] for end in ("same", "refused", "user's own error", "ran")]
        total = sum(count for (name, _), count in ends.items() if name == kind)
        print(
            f"{kind:<12}{total:>9}{row[0]:>7}{row[1]:>9}{row[2]:>6}{row[3]:>6}{total - sum(row):>8}"
        )
    print(f"\n{len(seeds)} attempts in {time.monotonic() - began:.0f} s, {failures} failed")
    sys.exit(failures > 0)


if __name__ == "__main__":
    main()
