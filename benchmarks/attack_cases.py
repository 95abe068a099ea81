"""What is tried on programs and optimizers: hostile or merely unusual calls, by kind.

``ACTIONS`` are done to a side, recorded and eager alike, between trainings; the ``SCENES`` of
attack_scenes.py need threads, signals or copies, and judge themselves.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np

import minidl as ml

ROWS, TOTAL = 4, 18


class Own(Exception):  # noqa: N818  # the user's, who may raise what they like
    """An exception of the user's own."""


class Different(AssertionError):  # noqa: N818  # a verdict
    """The program did something else than eager code, without a word."""


class Side:
    """A network in training: by a program, or eagerly; all of it decided by a seed."""

    def __init__(self, seed: int, recorded: bool) -> None:
        rng = random.Random(seed)
        self.recorded, self.dtype = recorded, rng.choice(["float32", "float64"])
        head = rng.choice(["sigmoid", "softmax", None])
        out = {"sigmoid": 1, "softmax": 3, None: 2}[head]
        hidden = rng.choice(["relu", "leaky_relu", "tanh"])
        layers: list[Any] = [ml.Dense(2, 4, hidden, seed=1, dtype=self.dtype)]
        layers += [ml.Dropout(0.3, seed=2)] if rng.random() < 0.5 else []
        self.net = ml.Sequential(*layers, ml.Dense(4, out, head, seed=3, dtype=self.dtype))
        kinds = {
            "sgd": lambda p: ml.SGD(p, 0.05, momentum=0.5),
            "adam": lambda p: ml.Adam(p, 0.02, clip_norm=1.0),
            "adamw": lambda p: ml.AdamW(p, ml.Cosine(0.02, 50)),
            "rmsprop": lambda p: ml.RMSprop(p, 0.01, clip_value=0.5),
        }
        self.optimizer = kinds[rng.choice(list(kinds))](self.net.parameters())
        self.loss = {"sigmoid": ml.binary_crossentropy, "softmax": ml.categorical_crossentropy,
                     None: ml.huber}[head]  # fmt: skip
        numbers = np.random.default_rng(seed)
        self.X = numbers.normal(size=(TOTAL, 2)).astype(self.dtype)
        classes = numbers.integers(0, 3, TOTAL)
        self.T = {"sigmoid": classes[:, None] % 2, "softmax": classes,
                  None: numbers.normal(size=(TOTAL, 2))}[head].astype(self.dtype)  # fmt: skip
        self.program: Any = None

    def step(self, x: Any, t: Any) -> Any:
        """What a user writes."""
        loss = self.loss(t, self.net(x, training=True))
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss

    def record(self) -> Any:
        """The step as a program, recorded at first use."""
        if self.program is None:
            self.program = ml.record(self.step, self.X[:ROWS], self.T[:ROWS], dtype=self.dtype)
        return self.program

    def train(self, order: Any = None, data: Any = None) -> None:
        """Once through the data."""
        X, T = data or (self.X, self.T)
        if self.recorded:
            self.record().run(X, T, order=order)
            return
        order = np.arange(len(X)) if order is None else np.asarray(order)
        if not order.size:
            return
        for epoch in order.reshape(-1, order.shape[-1]):
            for i in range(0, len(epoch), ROWS):
                rows = epoch[i : i + ROWS]
                self.step(*(ml.Tensor(part[rows], dtype=self.dtype) for part in (X, T)))

    def numbers(self) -> dict[str, bytes]:
        """All that training changes."""
        numbers = {str(p.name): p.numpy().tobytes() for p in self.net.parameters()}
        numbers |= {name: array.tobytes() for name, array in self.optimizer.state.items()}
        counters = [layer.counter for layer in self.net if isinstance(layer, ml.Dropout)]
        return numbers | {"steps": bytes(str(self.optimizer.steps), "ascii"),
                          "counters": np.array(counters).tobytes()}  # fmt: skip


def compared(mine: Side, eager: Side) -> str:
    """An error if the two differ."""
    theirs = eager.numbers()
    for name, number in mine.numbers().items():
        if number != theirs[name]:
            raise Different(f"{name} is not what it is in eager code")
    return "same"


Action = Callable[[Side, random.Random], Any]
Scene = Callable[[int, random.Random], str]
ACTIONS: dict[str, list[Action]] = {}
SCENES: dict[str, list[Scene]] = {}


def action(kind: str) -> Callable[[Action], Action]:
    """Register what is done between trainings."""
    return lambda function: ACTIONS.setdefault(kind, []).append(function) or function


def scene(kind: str) -> Callable[[Scene], Scene]:
    """Register what judges itself."""
    return lambda function: SCENES.setdefault(kind, []).append(function) or function


ODD: list[Any] = [
    None, float("nan"), float("inf"), -1, 0, 1, 2**62, 2**63, 10**30, "3", True, [], 0.5, -0.0,
    np.float32(0.5), np.array([1.0, 2.0]), 10**8, 1e308, {}, b"1",
]  # fmt: skip
"""What settings are set to."""

# ── sizes ─────────────────────────────────────────────────────────────────────────────────────


@action("sizes")
def batches_of_any_size(side: Side, rng: random.Random) -> None:
    rows = rng.choice([0, 1, 3, ROWS, ROWS + 1, TOTAL])
    x, t = side.X[:rows], side.T[: rng.choice([rows, rows, 2])]
    x = rng.choice([x, x, x[:, :1], x.T, x[None], np.hstack([x, x])])
    if side.recorded:
        side.record()(x, t)
    else:
        side.step(ml.Tensor(x), ml.Tensor(t))


@action("sizes")
def programs_of_other_rows(side: Side, rng: random.Random) -> None:
    rows = rng.choice([1, 2, 7, 33, *ODD, 10**12, -(10**30)])
    if isinstance(rows, int) and rows > 10**6 and rows < 10**10:
        return
    if side.recorded:
        side.record().of_rows(rows)


@action("sizes")
def orders_of_any_kind(side: Side, rng: random.Random) -> None:
    rows = [rng.randrange(TOTAL) for _ in range(rng.randrange(40))]
    order = rng.choice([
        rows, rows, [], [-1], [TOTAL], [10**9], [2**63], [[0, 1, 2], [2, 1, 0]], [0.0, 1.0], [[]],
        np.zeros((2, 3, 4), int), np.arange(TOTAL) % 2 == 0, "abc", 3, np.empty((0, 5), int),
        [0] * 5000, np.empty((3, 0), int), np.array([1, 2], np.uint64), np.arange(TOTAL)[::-2],
        np.array([2**64 - 1], np.uint64), [None], np.arange(12, dtype=np.int8).reshape(3, 4),
    ])  # fmt: skip
    whole = np.asarray(order)
    right = whole.dtype.kind in "iu" and whole.ndim in (1, 2) and whole.size
    right = right and (whole.astype(object) >= 0).all() and (whole.astype(object) < TOTAL).all()
    if side.recorded or right:
        side.train(order)


@action("sizes")
def data_of_any_kind(side: Side, rng: random.Random) -> None:
    X = side.X
    X = rng.choice([
        X.astype(float), np.asfortranarray(X), X[::-1], X.tolist(), X.astype(object), None, 3.0,
        X.astype("U9"), X[:, :1], X[:0], np.broadcast_to(X[:1], X.shape), X.astype(complex),
    ])  # fmt: skip
    if side.recorded:
        side.train(data=(X, side.T))
    elif np.shape(X) == side.X.shape and np.asarray(X).dtype.kind in "fO":
        side.train(data=(np.asarray(X, side.dtype), side.T))


# ── states ────────────────────────────────────────────────────────────────────────────────────


@action("states")
def state_resized(side: Side, rng: random.Random) -> None:
    state = side.optimizer.state
    if state:
        _resized(state[rng.choice(sorted(state))], rng.choice([0, 1, 5, 10**5]))


def _resized(array: np.ndarray, *shape: int) -> None:
    try:
        array.resize(shape, refcheck=False)
    except ValueError as error:  # NumPy's own refusal, of what a recorder holds by a weak reference
        raise Own("NumPy does not resize it") from error


@action("states")
def state_replaced(side: Side, rng: random.Random) -> None:
    state = side.optimizer.state
    for name in sorted(state):
        size = state[name].size
        state[name] = rng.choice([
            np.zeros(size, side.dtype), np.zeros(size + 1, side.dtype), np.zeros(0, side.dtype),
            np.zeros(size, np.int64), np.zeros(size, np.float16), None, "zero", [0.0] * size,
            np.zeros((size, 1), side.dtype), np.zeros(2 * size, side.dtype)[::2],
            np.broadcast_to(np.zeros(1, side.dtype), size), state[name].copy(),
        ])  # fmt: skip


@action("states")
def state_by_name(side: Side, rng: random.Random) -> None:
    state = side.optimizer.state
    if rng.random() < 0.3:
        side.optimizer.state = rng.choice(
            [{}, None, dict(state), {"more": np.zeros(3, side.dtype)}]
        )
    elif rng.random() < 0.5 and state:
        del state[rng.choice(sorted(state))]
    else:
        state["more"] = np.zeros(rng.choice([1, 1000]), side.dtype)


@action("states")
def layers_given_arrays(side: Side, rng: random.Random) -> None:
    layer, name = rng.choice([side.net[0], side.net[-1]]), rng.choice(["weight", "bias"])
    shape = getattr(layer, name).shape
    value = rng.choice([np.zeros(shape), np.ones(100_000, "f4"), None, 0.0, np.zeros(shape, int),
                        ml.Tensor(np.ones(100_000, "f4"), requires_grad=True), [1.0], "w",
                        ml.Tensor(np.ones(shape, side.dtype)), np.full(shape, np.nan)])  # fmt: skip
    if rng.random() < 0.5:
        setattr(layer, name, value)
    else:
        getattr(layer, name).data = value


@action("states")
def settings_of_operations(side: Side, rng: random.Random) -> None:
    thing = rng.choice([side.net[0].function, side.loss, side.net[-1].function])
    thing.hyper_values = rng.choice([
        np.zeros(0), np.zeros(5), np.zeros(1, "f4"), [0.1], None, np.zeros((1, 1)),
        np.full(1, np.nan), np.array([0.1]),
    ])  # fmt: skip


@action("states")
def counters_of_dropout(side: Side, rng: random.Random) -> None:
    for layer in side.net:
        if isinstance(layer, ml.Dropout):
            way = rng.randrange(3)
            if way == 0:
                layer.counter = rng.choice([
                    np.zeros(0, np.int64), np.zeros(2), None, [0, 0], np.zeros(5, np.int64),
                    np.zeros(2, np.int32), np.zeros(4, np.int64)[::2], 3,
                ])  # fmt: skip
            elif way == 1:
                _resized(layer.counter, rng.choice([0, 1, 100]))
            else:
                layer.counter[...] = rng.choice([-1, 2**62, 7])


@action("states")
def other_parameters(side: Side, rng: random.Random) -> None:
    more = ml.Tensor(np.ones(1000), requires_grad=True, dtype=side.dtype)
    more.grad = np.ones(1000)
    given = [*side.optimizer.parameters]
    side.optimizer.parameters = rng.choice([
        [*given, more], given[1:], [more], [], None, given[::-1], (*given,), given[:1] * 3, "abc",
    ])  # fmt: skip


@action("states")
def gradients_set(side: Side, rng: random.Random) -> None:
    parameter = rng.choice(side.net.parameters())
    shape = parameter.shape
    parameter.grad = rng.choice(
        [None, np.ones(shape), np.full(shape, np.nan), np.ones(3), 1.0, "g"]
    )


# ── targets ───────────────────────────────────────────────────────────────────────────────────


@action("targets")
def targets_changed_in_place(side: Side, rng: random.Random) -> None:
    rows = rng.randrange(len(side.T) or 1)
    if not len(side.T) or not side.T.flags.writeable:
        return
    side.T[rows] = rng.choice([1e9, np.nan, -1.0, 0.5, 3.0, np.inf, -np.inf, 1.0, 1e30])
    if rng.random() < 0.5:
        side.X[rows] = rng.choice([np.nan, np.inf, 1e30, 0.0])


@action("targets")
def targets_of_other_memory(side: Side, rng: random.Random) -> None:
    wide = np.repeat(side.T, 2, axis=0)
    side.T = rng.choice([wide[::2], side.T[::-1], np.asfortranarray(side.T), side.T.copy(),
                         np.broadcast_to(side.T[:1], side.T.shape)])  # fmt: skip
    if rng.random() < 0.5:
        side.T.flags.writeable = False


@action("targets")
def data_resized(side: Side, rng: random.Random) -> None:
    size = rng.choice([0, 4, 1000])
    _resized(side.X, size, 2)
    _resized(side.T, size, *side.T.shape[1:])


# ── settings ──────────────────────────────────────────────────────────────────────────────────


@action("settings")
def steps_set(side: Side, rng: random.Random) -> None:
    side.optimizer.steps = rng.choice(ODD)


@action("settings")
def setting_set(side: Side, rng: random.Random) -> None:
    optimizer, value = side.optimizer, rng.choice(ODD)
    name = rng.choice(["clip_norm", "clip_value", "learning_rate", *sorted(optimizer.settings)])
    if name in optimizer.settings and rng.random() < 0.7:
        optimizer.settings[name] = value
    else:
        setattr(optimizer, name, value)


@action("settings")
def settings_by_name(side: Side, rng: random.Random) -> None:
    settings = side.optimizer.settings
    if rng.random() < 0.5:
        del settings[rng.choice(sorted(settings))]
    else:
        side.optimizer.settings = rng.choice([{}, None, {**settings, "more": 1.0}, dict(settings)])


@action("settings")
def schedules(side: Side, rng: random.Random) -> None:
    optimizer, answer, at = side.optimizer, rng.choice([*ODD, 0.01, 0.01]), rng.randrange(12)

    def meddle() -> None:
        raise Own("a schedule of the user's own")

    parameter = rng.choice(side.net.parameters())
    state = next(iter(optimizer.state.values()), np.zeros(1))
    deeds: list[Callable[[], Any]] = [
        lambda: answer, lambda: answer, meddle,
        lambda: setattr(optimizer, "steps", 10**8), lambda: setattr(optimizer, "clip_norm", 1e-3),
        lambda: setattr(optimizer, "learning_rate", 0.5), lambda: setattr(optimizer, "state", {}),
        lambda: _resized(state, 0), lambda: setattr(parameter, "requires_grad", False),
        lambda: setattr(parameter, "data", 0.0), lambda: side.train(), lambda: optimizer.reset(),
        lambda: optimizer.step(), lambda: side.net.save("/dev/null/x"),
    ]  # fmt: skip
    deed = rng.choice(deeds)

    done: list[int] = []

    def schedule(n: int) -> Any:
        if n < at or done:
            return 0.01
        done.append(n)
        given = deed()
        return answer if given is answer else 0.01

    optimizer.learning_rate = schedule


# ── freezing ──────────────────────────────────────────────────────────────────────────────────


@action("freezing")
def frozen_or_thawed(side: Side, rng: random.Random) -> None:
    for parameter in rng.sample(side.net.parameters(), rng.randrange(1, 5)):
        parameter.requires_grad = rng.random() < 0.5


@action("freezing")
def layers_frozen(side: Side, rng: random.Random) -> None:
    rng.choice(side.net.layers).trainable = rng.choice([True, False, False, None, 1])


@action("freezing")
def recorded_again(side: Side, rng: random.Random) -> None:
    side.program = None


# ── anomalies ─────────────────────────────────────────────────────────────────────────────────


@action("anomalies")
def trained_in_detect_anomaly(side: Side, rng: random.Random) -> None:
    if rng.random() < 0.5:
        side.net.parameters()[0].data[0] = rng.choice([np.nan, np.inf, 1e30, 0.0])
    with ml.detect_anomaly():
        side.train()
