"""One epoch after the other: by a recorded program where that gives the same bits, else eagerly."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl.autodiff import Tensor, watcher
from minidl.core import AnomalyError, ArgumentError, MinidlError, RecordError, defined_by_minidl
from minidl.data import Batches
from minidl.nn import Loss, Network
from minidl.optim import Optimizer
from minidl.program import Kept, Program, record_training
from minidl.training.callbacks import Callback


def step(
    net: Network,
    x: Any,
    t: Any,
    loss: Loss,
    optimizer: Optimizer,
    from_logits: bool = False,
    weights: Any = None,
) -> Tensor:
    """One update from one batch; returns the batch's loss before it."""
    value: Tensor = loss(t, net(x, training=True), from_logits=from_logits, sample_weight=weights)
    for parameter in net.parameters():  # also those that the optimizer leaves alone
        parameter.grad = None
    if value.requires_grad:  # a callback may have frozen everything, for a while
        value.backward()
    optimizer.step()
    return value


class Runner:
    """Runs a network's epochs: by a recorded program if it can, else eagerly; to the same bits.

    Parameters
    ----------
    net : Sequential
        With its optimizer.
    data : sequence of arrays
        Inputs, targets, and weights if there are any.
    loss : Loss
    from_logits : bool
    batch_size : int
    watchers : sequence of Callback
    record : "auto" or bool
        See ``fit``.
    """

    def __init__(
        self,
        net: Network,
        data: Sequence[np.ndarray],
        loss: Loss,
        from_logits: bool,
        batch_size: int,
        watchers: Sequence[Callback],
        record: str | bool,
    ) -> None:
        if record not in ("auto", True, False):
            expected, remedy = "'auto', True or False", "Leave it out."
            raise ArgumentError("fit(record=…)", expected, repr(record), remedy)
        optimizer = net.optimizer
        assert optimizer is not None
        self.net, self.data, self.watchers, self.record = net, data, watchers, record
        self.loss, self.from_logits, self.optimizer = loss, from_logits, optimizer
        self.batches = Batches(len(data[0]), min(batch_size, len(data[0])))
        self.layers = [*net._all_layers()]
        functions = [layer.function for layer in self.layers if layer.function is not None]
        parts = [*self.layers, *functions, loss, optimizer]
        self.foreign = not all(map(defined_by_minidl, parts))
        self.watched = not all(map(defined_by_minidl, watchers))
        self.batch_by_batch = [
            w for w in watchers if type(w).on_batch_end is not Callback.on_batch_end
        ]
        self.program: Program | None = None
        # Whoever looks for anomalies looks at eager steps, which know layers and rows.
        self.recorded = record is not False and not self.batch_by_batch and watcher() is None

    def step(self, x: Any, t: Any, weights: Any = None) -> Tensor:
        """One update from one batch."""
        return step(self.net, x, t, self.loss, self.optimizer, self.from_logits, weights)

    def prepare(self, order: np.ndarray) -> None:
        """Before an epoch: write the step down; if that fails, go on eagerly and say so."""
        if not self.recorded:
            return
        try:
            if self.program is None or not self._is_valid(self.program):
                self.program = None
                self.program = self._kept() or self._record(order)
        except RecordError as error:
            if self.record is True:
                raise
            self.recorded = False
            warnings.warn(f"training eagerly, which is slower: {error}", stacklevel=4)
        except Exception:  # the eager epoch says what is wrong, if it is
            pass

    def _is_valid(self, program: Program) -> bool:
        """Whether the step still is what was recorded; a callback may have changed it."""
        try:
            program.check_memory()
            if self.foreign or self.watched:
                program.confirm()
        except RecordError:
            return False
        return True

    def _record(self, order: np.ndarray) -> Program:
        batch = [part[order[: self.batches.size]] for part in self.data]
        program = record_training(self._plain_step(), batch, self.net.parameters())
        if rest := self.batches.rest:
            program.of_rows(rest)  # here, where a step that cannot be recorded is trained eagerly
        return program

    def _plain_step(self) -> Any:
        """The step without this runner, so that a program that is kept holds no data."""
        net, loss, optimizer, from_logits = self.net, self.loss, self.optimizer, self.from_logits
        return lambda x, t, w=None: step(net, x, t, loss, optimizer, from_logits, w)

    # ── programs that are kept ────────────────────────────────────────────────────────────────

    def _kept(self) -> Program | None:
        """The program of the network's last training, if this one has the same steps."""
        kept = self.net._last_program
        if self.foreign or self.watched or kept is None or not _equal(kept.key, self._key()):
            return None
        try:
            kept.program.rebind(self.optimizer)
            kept.program.check_memory()
        except RecordError:
            return None
        return kept.program

    def keep(self) -> None:
        """Leave the program with the network, without any data, for the next training."""
        if self.program is None or self.foreign or self.watched:
            self.net._last_program = None
            return
        self.program.forget()
        if self.net._last_program is None or self.net._last_program.program is not self.program:
            self.net._last_program = Kept(self._key(), self.program)

    def _key(self) -> list[Any]:
        """All that a program's instructions depend on, but for where the optimizer's state lies."""
        loss, optimizer = self.loss, self.optimizer
        key: list[Any] = [self.batches.size, self.batches.rest, self.from_logits, self.net.dtype]
        key += [type(loss), type(loss).__call__]
        key += [part.shape[1:] for part in self.data]
        key += [*loss.settings.items(), type(optimizer), optimizer.clip_norm, optimizer.clip_value]
        key += [*optimizer.parameters, *(p._wants for p in optimizer.parameters)]
        for layer in self.layers:
            key.append(layer)
            if layer is not self.net:
                key.extend(vars(layer).values())
            key.append(type(layer).forward)
            if layer.function is not None:
                key.append(layer.function.hyper_values)
        return key

    # ── an epoch ──────────────────────────────────────────────────────────────────────────────

    def epoch(self, order: np.ndarray) -> float:
        """Every batch once, in this order; the running mean of their losses."""
        if self.program is not None:
            losses: Any = self.program.run(*self.data, order=order, confirm=False)
        else:
            losses = [self._batch(i, order[part]) for i, part in enumerate(self.batches)]
        weights = self.data[2][order] if len(self.data) > 2 else None
        return float(self.batches.mean(losses, weights))

    def _batch(self, number: int, rows: np.ndarray) -> float:
        count = self.optimizer._count
        before = count[0]
        try:
            value = float(self.step(*(part[rows] for part in self.data)).item())
            count[0] += count[0] == before  # an optimizer with a step of its own may not count
        except MinidlError as error:
            error.found_in(number, rows)
            if isinstance(error, AnomalyError):
                ahead = error.phase in ("forward", "loss") and not error.foreign
                if ahead and error.shape[:1] == rows.shape:
                    error.row = int(rows[error.index[0]])
            raise
        for callback in self.batch_by_batch:
            callback.on_batch_end(self.net, value)
        return value


def _equal(a: Sequence[Any], b: Sequence[Any]) -> bool:
    """Whether two keys are the same: objects by identity, plain values by what they are."""
    plain = (bool, int, float, str, tuple, np.dtype)
    return len(a) == len(b) and all(
        x is y or (type(x) is type(y) and isinstance(x, plain) and x == y)
        for x, y in zip(a, b, strict=True)
    )
