"""One random step computed in every way that must come to the same: eager, recorded, by fit."""

import re
import warnings
from collections import Counter
from dataclasses import dataclass

import numpy as np
from finite_differences import Slopes
from guarded import Guarded, Touched

import minidl as ml
from minidl.autodiff.trace import handed_to
from minidl.core.errors import DomainError, RecordError

BY_NUMPY = ("Centre", "Switch", "Noise", "Looks", "Outside")
"""Layers of the user's own through which no gradient is known, or that change from run to run."""

EAGERLY = "training eagerly, which is slower"


@dataclass
class Left:
    """What a run has left: numbers by name, its losses, its error."""

    numbers: dict
    losses: list
    error: Exception | None = None

    def difference(self, other, gradients=True):
        """The name of the first thing that is not the same to the bit; None if all is."""
        for name in {**self.numbers, **other.numbers}:
            mine, theirs = self.numbers.get(name), other.numbers.get(name)
            if (gradients or not name.startswith("∂")) and not _same(mine, theirs):
                return f"{name}: {mine!r:.150} and {theirs!r:.150}"
        return None


def _same(a, b):
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and a.dtype == b.dtype and a.tobytes() == b.tobytes()
    return type(a) is type(b) and a == b


def numbers_of(names):
    """All that lasts beyond a step: weights, gradients, state, counters, attributes."""
    net, optimizer, numbers = names["net"], names["optimizer"], {}
    for parameter in net.parameters():
        numbers[parameter.name] = parameter.numpy().copy()
        numbers[f"∂{parameter.name}"] = None if parameter.grad is None else parameter.grad.copy()
    numbers |= {f"state {name}": array.copy() for name, array in optimizer.state.items()}
    numbers["steps"] = optimizer.steps
    for i, layer in enumerate(net):
        for key, value in vars(layer).items():
            if isinstance(value, ml.Tensor) and not value.is_parameter:
                numbers[f"{i}.{key}"] = value.numpy().copy()
            elif isinstance(value, int | np.ndarray):
                numbers[f"{i}.{key}"] = np.copy(value)
            elif isinstance(value, np.random.Generator):
                numbers[f"{i}.{key}"] = repr(value.bit_generator.state)
    return numbers


class Comparison:
    """One step compared: ``counts`` of what was looked at, ``differences`` in words."""

    def __init__(self, step):
        self.step, self.counts, self.differences = step, Counter(steps=1), []
        self.guards = Guarded()
        names = step.built()
        total, rows = len(names["X"]), step.rows
        self.order = names["ORDER"]
        self.batches = [self.order[i : i + rows] for i in range(0, total, rows)]
        self.data = [names["X"], names["T"], names["W"]]

    def compare(self):
        """Compute it in every way."""
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            self.eager = self._eager(self.batches)
            recorded = self._recorded()
            try:
                if recorded:
                    self._compare_programs()
            except RecordError as error:
                self._differ(f"what was recorded once is not recorded again: {error!r}")
            if not recorded or self.step.seed % 5 == 0:
                self._compare_fits()
            if self.eager.losses and not set(BY_NUMPY) & set(re.findall(r"\w+", self.step.text)):
                self._compare_slopes()
        return self

    def _differ(self, what):
        self.differences.append(what)

    # ── eagerly ───────────────────────────────────────────────────────────────────────────────

    def _batch(self, rows):
        return [ml.Tensor(part[rows], dtype=self.step.dtype) for part in self.data]

    def _eager(self, batches):
        names, losses, error = self.step.built(), [], None
        try:
            for rows in batches:
                loss = names["step"](*self._batch(rows))
                losses.append(loss.item())  # those before an error count
        except Exception as caught:  # compared with others'
            error = caught
            if not isinstance(error, ml.MinidlError):
                self._differ(f"eager code raises {error!r}")
        return Left(numbers_of(names), losses, error)

    # ── as a program ──────────────────────────────────────────────────────────────────────────

    def _record(self, names):
        first = [part[self.batches[0]] for part in self.data]
        return ml.record(names["step"], *first, dtype=self.step.dtype)

    def _recorded(self):
        """Whether the step can be recorded; everything must be as it was after trying."""
        names = self.step.built()
        before = Left(numbers_of(names), [])
        try:
            self._record(names)
        except RecordError:
            self.counts["RecordError"] += 1
            recorded = False
        except Exception as error:
            self._compare_refusal(error)
            recorded = False
        else:
            recorded = True
        if left := Left(numbers_of(names), []).difference(before):
            self._differ(f"recording leaves a change: {left}")
        return recorded

    def _compare_refusal(self, error):
        """Recording computes the step on a batch, then on its rows in reverse order."""
        first = self.batches[0]
        eager = self._eager([first, first[::-1]])
        if _told(error) != _told(eager.error):
            self._differ(f"record raises {error!r}, eager code {eager.error!r}")
        self.counts["both refused"] += 1

    def _compare_programs(self):
        names = self.step.built()
        program, losses, error, eager = self._record(names), [], None, self.eager
        try:
            for rows in self.batches:
                program = program.of_rows(len(rows))
                losses.append(program(*(part[rows] for part in self.data)))
        except Exception as caught:
            error = caught
        left = Left(numbers_of(names), losses, error)
        if error is not None and left.difference(eager, gradients=False):
            # The batch was refused before the step began: as an input, or recording so many rows.
            done = self._eager(self.batches[: len(losses)])
            eager = Left(done.numbers, done.losses, eager.error)
        self._compare("program(x, t, w)", left, eager)
        if not self.differences:
            self._compare("program.run", self._run(confirm=False), self.eager)
            self._guarded_run()
        self.counts["both refused" if self.eager.error else "same"] += 1

    def _run(self, confirm=True):
        names = self.step.built()
        program, losses, error = self._record(names), [], None
        self.before = Left(numbers_of(names), [])
        try:
            losses = program.run(*self.data, order=self.order, confirm=confirm).tolist()
        except Exception as caught:
            error = caught
        return Left(numbers_of(names), losses, error)

    def _guarded_run(self):
        try:
            with handed_to(self.guards):
                self._compare("program.run between guard words", self._run(), self.eager)
        except Touched as touched:
            self.counts["guard words touched"] += 1
            self._differ(str(touched))
        self.counts["guarded kernel runs"] += self.guards.runs
        self.counts["guard words"] += self.guards.words

    def _compare(self, what, left, eager):
        """Both give the same bits, or both raise the same; a whole table may be refused before."""
        error, table = left.error, what.startswith("program.run")
        if isinstance(error, Touched):
            raise error
        if isinstance(error, RecordError) and eager.error is None:  # of so many rows, it cannot be
            self.counts["RecordError"] += 1
            eager = self._eager(self.batches[: len(left.losses)])
        elif table and error is not None and _is_before_all(error, eager.error):
            eager = self.before
        elif _told(error) != _told(eager.error) and not _is_an_inputs(error, eager.error):
            self._differ(f"{what} raises {error!r}, eager code {eager.error!r}")
        elif table and error is not None and error.batch != len(eager.losses):
            self._differ(f"{what}: batch {error.batch}, not {len(eager.losses)}")
        elif error is None and repr(left.losses) != repr(eager.losses):
            self._differ(f"{what}: losses {left.losses}, eager code {eager.losses}")
        self._compare_numbers(what, eager, left)

    def _compare_numbers(self, what, wanted, left):
        if difference := left.difference(wanted, gradients=left.error is None):
            self._differ(f"{what}, {difference}")

    def _compare_slopes(self):
        try:
            slopes = Slopes(self.step, self.batches[0]).check()
        except ml.MinidlError:  # some parameter is at the edge of where the loss is defined
            self.counts["edges"] += 1
            return
        self.counts["gradients checked"] += slopes.checked
        self.counts["kinks"] += slopes.kinks
        self.differences += slopes.wrong

    # ── by fit ────────────────────────────────────────────────────────────────────────────────

    def _compare_fits(self):
        auto, plain = (self._fit(record) for record in ("auto", False))
        self.counts["fits compared"] += 1
        if _told(auto.error) != _told(plain.error):
            self._differ(f"fit raises {auto.error!r}, with record=False {plain.error!r}")
        if repr(auto.losses) != repr(plain.losses):
            self._differ(f"fit: losses {auto.losses}, with record=False {plain.losses}")
        if difference := auto.difference(plain, gradients=plain.error is None):
            self._differ(f"fit, {difference}")

    def _fit(self, record):
        names, losses, error = self.step.built(), [], None
        X, T, W = self.data
        kind = names["LOSS"]
        classes = kind.rowwise and not kind.needs_distributions
        y = T[:, 0] if classes else T[:, 1:]
        optimizer = names["optimizer"]
        whole = len(optimizer.parameters) == len(names["net"].parameters())
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                losses = ml.fit(
                    names["net"], X, y, loss=kind, optimizer=optimizer if whole else "adam",
                    epochs=2, batch_size=self.step.rows, record=record,
                    sample_weight=W if names["WEIGHED"] else None,
                )["loss"]  # fmt: skip
            except Exception as failure:
                error = failure
        if sum(EAGERLY in str(warning.message) for warning in caught) > 1:
            self._differ("fit warns more than once of training eagerly")
        names["optimizer"] = names["net"].optimizer or optimizer
        return Left(numbers_of(names), losses, error)


def _is_an_inputs(error, eager):
    """Whether a batch has two faults, of which a program tells that of an input first."""
    both = isinstance(error, DomainError) and isinstance(eager, DomainError)
    return both and any(name in error.culprit for name in ("(y_true=", "(sample_weight="))


def _is_before_all(error, eager):
    """Whether an input was refused before any batch, which eager code refuses in its batch."""
    same = type(error) is type(eager) and error.culprit == eager.culprit
    return error.batch is None and (same or _is_an_inputs(error, eager))


def _told(error):
    """What an error says, without where it happened."""
    if error is None:
        return None
    told = re.sub(r"^(?:(?:epoch|batch|row) \d+(?:, )?)+: ", "", str(error))
    return type(error).__name__, told
