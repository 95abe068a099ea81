"""What is tried with threads, copies and Ctrl-C: each scene judges itself."""

from __future__ import annotations

import copy
import os
import pickle
import random
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from attack_cases import ROWS, TOTAL, Different, Side, compared, scene

import minidl as ml


def together(*deeds: Callable[[], Any]) -> list[Exception | None]:
    """Each on a thread of its own, at once; their errors. Those of no MinidlError are raised."""
    errors: list[Exception | None] = [None] * len(deeds)
    barrier = threading.Barrier(len(deeds))

    def run(k: int) -> None:
        try:
            barrier.wait()
            deeds[k]()
        except Exception as error:
            errors[k] = error

    threads = [threading.Thread(target=run, args=(k,)) for k in range(len(deeds))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for error in errors:
        if error is not None and not isinstance(error, ml.MinidlError):
            raise error
    return errors


def trained(side: Side, times: int) -> Callable[[], None]:
    """So many times through the data; an order of many epochs keeps the machine at work."""
    order = np.tile(np.arange(TOTAL), (times, 1))
    return lambda: side.train(order)


def finite(side: Side) -> None:
    """An error if weights are no numbers: what two threads make of one step."""
    for parameter in side.net.parameters():
        if not np.isfinite(parameter.numpy()).all():
            raise Different(f"{parameter.name} is not finite")


# ── threads ───────────────────────────────────────────────────────────────────────────────────


@scene("threads")
def one_program_on_two_threads(seed: int, rng: random.Random) -> str:
    side, eager = Side(seed, True), Side(seed, False)
    side.record()
    errors = together(trained(side, 200), trained(side, 200))
    runs = errors.count(None)
    eager.train(np.tile(np.arange(TOTAL), (200 * runs, 1)))  # one after the other, or one alone
    compared(side, eager)
    return "same" if runs == 2 else "refused"


@scene("threads")
def two_programs_with_one_optimizer(seed: int, rng: random.Random) -> str:
    side, other = Side(seed, True), Side(seed, True)
    other.net, other.optimizer = side.net, side.optimizer
    side.record(), other.record()
    errors = together(trained(side, 300), trained(other, 300))
    finite(side)
    eager = Side(seed, False)
    eager.train(np.tile(np.arange(TOTAL), (300 * errors.count(None), 1)))
    compared(side, eager)
    return "refused" if any(errors) else "same"


@scene("threads")
def eager_steps_beside_a_program(seed: int, rng: random.Random) -> str:
    side, other = Side(seed, True), Side(seed, False)
    other.net, other.optimizer = side.net, side.optimizer
    side.record()
    errors = together(trained(side, 300), trained(other, 20))
    finite(side)
    return "refused" if any(errors) else "ran"


@scene("threads")
def fit_on_two_threads(seed: int, rng: random.Random) -> str:
    sides, same = [Side(seed, True), Side(seed + 1, True)], rng.random() < 0.5
    if same:
        sides[1] = sides[0]
    fits = [lambda s=s: fitted(s, True) for s in sides]
    errors = together(*fits)
    eager = [Side(seed, False), Side(seed + 1, False)][: 1 if same else 2]
    for mine, theirs in zip(sides, eager, strict=False):
        for _ in range(errors.count(None) if same else 1):
            fitted(theirs, False)
        compared(mine, theirs)
    return "refused" if any(errors) else "same"


def fitted(side: Side, record: bool, epochs: int = 30) -> Any:
    """By ``fit``, with the side's own optimizer."""
    return ml.fit(side.net, side.X, side.T, loss=side.loss, optimizer=side.optimizer, epochs=epochs,
                  batch_size=ROWS, record=record, verbose=False)  # fmt: skip


@scene("threads")
def predicting_beside_training(seed: int, rng: random.Random) -> str:
    side, eager = Side(seed, True), Side(seed, False)
    side.record()

    def predict() -> None:
        for _ in range(200):
            if not np.isfinite(side.net.predict(side.X)).all():
                raise Different("predictions are not finite")

    errors = together(trained(side, 300), predict)
    if any(errors):
        raise Different(f"predicting beside training is refused: {errors}")
    trained(eager, 300)()
    return compared(side, eager)


@scene("threads")
def recording_beside_training(seed: int, rng: random.Random) -> str:
    side, other = Side(seed, True), Side(seed + 1, True)
    mine, theirs = Side(seed, False), Side(seed + 1, False)
    side.record()

    def record() -> None:
        for _ in range(5):
            other.program = None
            other.train()

    errors = together(trained(side, 300), record)
    if any(errors):
        raise Different(f"recording beside another's training is refused: {errors}")
    trained(mine, 300)(), trained(theirs, 5)()
    compared(other, theirs)
    return compared(side, mine)


@scene("threads")
def recording_a_network_in_training(seed: int, rng: random.Random) -> str:
    side, eager = Side(seed, True), Side(seed, False)
    side.record()
    again = lambda: [ml.record(side.step, side.X[:ROWS], side.T[:ROWS]) for _ in range(5)]  # noqa: E731
    errors = together(trained(side, 300), again)
    if errors[0] is None:
        trained(eager, 300)()
    compared(side, eager)
    return "refused" if any(errors) else "same"


@scene("threads")
def orders_changed_meanwhile(seed: int, rng: random.Random) -> str:
    side = Side(seed, True)
    side.record()
    order = np.tile(np.arange(TOTAL), (2000, 1))
    wrong = rng.choice([10**9, -1, -(10**15), TOTAL])

    def change() -> None:
        time.sleep(rng.random() * 0.003)
        order[...] = wrong

    errors = together(lambda: side.train(order), change)
    finite(side)
    return "refused" if any(errors) else "ran"


@scene("threads")
def targets_changed_meanwhile(seed: int, rng: random.Random) -> str:
    side, wrong = Side(seed, True), rng.choice([1e9, -1.0, np.nan, np.inf, 2.5])
    by_fit = rng.random() < 0.5
    side.record()

    def change() -> None:
        time.sleep(rng.random() * 0.01)
        side.T[...] = wrong

    deed = (lambda: fitted(side, True, 300)) if by_fit else trained(side, 2000)
    errors = together(deed, change)
    return "refused" if any(errors) else "ran"


@scene("threads")
def state_resized_meanwhile(seed: int, rng: random.Random) -> str:
    """NumPy refuses to resize what others look at; refcheck=False is what it says."""
    side = Side(seed, True)
    side.record()
    frozen = rng.choice(side.net.parameters())

    def change() -> None:
        time.sleep(rng.random() * 0.005)
        frozen.requires_grad = False
        side.optimizer.clip_norm = rng.choice([None, 0.0, 1.0])

    errors = together(trained(side, 1000), change)
    finite(side)
    return "refused" if any(errors) else "ran"


# ── copies ────────────────────────────────────────────────────────────────────────────────────

WAYS = (copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x)))  # noqa: S301


@scene("copies")
def copies_of_a_program(seed: int, rng: random.Random) -> str:
    side, eager = Side(seed, True), Side(seed, False)
    side.train()
    eager.train()
    thing = rng.choice([side.program, [side.program], side.program.instructions, side.program.code])
    try:
        twin = rng.choice(WAYS)(thing)
    except ml.MinidlError:
        side.train(), eager.train()
        compared(side, eager)
        return "refused"
    if isinstance(twin, ml.Program):
        twin.run(side.X, side.T)
    side.train(), eager.train()
    return compared(side, eager)


@scene("copies")
def copies_of_a_network(seed: int, rng: random.Random) -> str:
    """The copy trains on its own; the first goes on as if nothing had been."""
    way, by_fit = rng.choice(WAYS), rng.random() < 0.5
    left = []
    for recorded in (True, False):
        side, twin = Side(seed, recorded), Side(seed, recorded)
        fitted(side, recorded, 2) if by_fit else side.train()
        if way is copy.copy:
            twin.net, twin.optimizer = way(side.net), way(side.optimizer)
        else:
            twin.net, twin.optimizer = way((side.net, side.optimizer))
        for each in (twin, side, twin):
            fitted(each, recorded, 2) if by_fit else each.train()
        left += [side, twin]
    compared(left[0], left[2])
    return compared(left[1], left[3])


@scene("copies")
def copies_in_the_middle(seed: int, rng: random.Random) -> str:
    """A schedule that copies network and optimizer while a program runs."""
    left = []
    for recorded in (True, False):
        side, copies = Side(seed, recorded), []

        def schedule(n: int, side: Side = side, copies: list[Any] = copies) -> float:
            if n == 3 and not copies:
                copies.append(copy.deepcopy((side.net, side.optimizer)))
            return 0.01

        side.optimizer.learning_rate = schedule
        side.train(), side.train()
        left.append(side)
    return compared(*left)


# ── Ctrl-C ────────────────────────────────────────────────────────────────────────────────────

LATEST = 5.0
"""Seconds after which an interrupt was swallowed."""


def press_later(seconds: float) -> None:
    """Ctrl-C, so much later."""
    signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGINT))
    signal.setitimer(signal.ITIMER_REAL, seconds)


@scene("Ctrl-C")
def interrupted(seed: int, rng: random.Random) -> str:
    """So many steps were made as the optimizer says, and nothing else."""
    side, eager, after = Side(seed, True), Side(seed, False), rng.random() * 0.02
    side.record()
    end = time.monotonic() + LATEST
    try:
        press_later(0.001 + after)
        while time.monotonic() < end:
            side.train(np.tile(np.arange(TOTAL), (rng.choice([1, 2000]), 1)))
    except KeyboardInterrupt:
        end = 0.0
    if end:
        raise Different("Ctrl-C was swallowed")
    batches = -(-TOTAL // ROWS)
    epochs, rest = divmod(side.optimizer.steps, batches)
    if epochs > 500:  # too long for eager code
        finite(side)
        return "ran"
    if epochs:
        trained(eager, epochs)()
    for i in range(0, rest * ROWS, ROWS):
        rows = np.arange(i, min(i + ROWS, TOTAL))
        eager.step(*(ml.Tensor(part[rows], dtype=eager.dtype) for part in (eager.X, eager.T)))
    compared(side, eager)
    side.train(), eager.train()
    return compared(side, eager)


@scene("Ctrl-C")
def fit_interrupted(seed: int, rng: random.Random) -> str:
    side = Side(seed, True)
    try:
        press_later(0.002 + rng.random() * 0.4)
        history = fitted(side, True, 20_000)
    except KeyboardInterrupt:  # before its first epoch, or after its last
        return "ran"
    if history.stopped not in ("interrupted", "diverged"):
        raise Different(f"fit says {history.stopped}: Ctrl-C was swallowed")
    fitted(side, True, 2)
    return "ran"
