"""Random steps: the same bits eagerly, recorded and by fit, or the same error; no word beside."""

import importlib

import numpy as np
import pytest
from compared_steps import Comparison
from finite_differences import Slopes
from guarded import Guarded, Touched
from own_pieces import Bump
from steps_at_random import OWN, Step, step_at_random

import minidl as ml
from minidl.autodiff.trace import handed_to
from minidl.kernels.jit import kernel

record = importlib.import_module("minidl.program.recording")
PARTS = 6


@pytest.mark.parametrize("part", range(PARTS))
def test_random_steps(part):
    for seed in range(part * 10, part * 10 + 10):
        comparison = Comparison(step_at_random(seed)).compare()
        assert not comparison.differences, f"{step_at_random(seed)}\n{comparison.differences}"


def test_the_steps_are_spread_out():
    texts = [step_at_random(seed).text for seed in range(600)]
    parts = "sample_weight from_logits nan hold Twice Adagrad transpose concatenate clip_norm where"
    for words in (*ml.losses.names(), *parts.split(), "requires_grad = False"):
        assert any(words in text for text in texts), words
    kinds = [step_at_random(seed) for seed in range(60)]
    assert {step.dtype for step in kinds} == {"float32", "float64"}
    assert {step.rows for step in kinds} == {1, 2, 3, 4, 5, 8}


# ── that it would notice ──────────────────────────────────────────────────────────────────────


def one_too_far(x, y):
    """What a kernel that misses its bounds does: in Python, so that it can reach beside ``y``."""
    beyond = np.lib.stride_tricks.as_strided(y, (y.size + 1,))
    beyond[:] = x[0]


def reads_beside(x, y):
    y[:] = np.lib.stride_tricks.as_strided(x, (x.size + 1,))[-1]


def writes_into_what_it_reads(x, y):
    x[:] = y[:] = 1.0


@pytest.mark.parametrize(
    ("loop", "told"),
    [
        (one_too_far, "wrote beside its operands"),
        (reads_beside, "depends on what lies beside"),
        (writes_into_what_it_reads, "wrote into x"),
    ],
)
def test_a_kernel_that_leaves_its_operands_is_found(loop, told):
    sound = kernel("y", "copied")(lambda x, y: None)
    sound.run = loop
    memory = np.arange(64.0)
    with pytest.raises(Touched, match=told), handed_to(Guarded()):
        sound(memory[8:12], memory[24:28])


def test_a_sound_kernel_is_let_through():
    x = ml.Tensor(np.arange(6.0), requires_grad=True)
    guards = Guarded()
    with handed_to(guards):
        (x * x + 1.0).sum().backward()
    np.testing.assert_array_equal(x.grad, 2 * np.arange(6.0))
    assert guards.words > guards.runs > 0


PLAIN = Step(
    seed=0,
    dtype="float64",
    rows=3,
    text="""
class Body(ml.Layer):
    def __init__(self):
        self.scale = ml.Tensor([0.7, 1.2], requires_grad=True, dtype=DTYPE)
    def forward(self, x, training):
        return Bump()(x * self.scale)
net = ml.Sequential(Body(), ml.Dense(2, 1, "sigmoid", seed=2, dtype=DTYPE))
optimizer = ml.SGD(net.parameters(), 0.5)
LOSS, WEIGHED = ml.binary_crossentropy, False
def loss_of(x, t, w):
    return LOSS(t * 1.0, net(x, training=True))
def step(x, t, w):
    loss = loss_of(x, t, w)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss
X, T, W = numbers(0, 7, 2), np.array([[0, 1, 1, 0, 0, 1, 0.5]]).T, np.ones(7)
ORDER = np.arange(7)
""",
)
REFUSED = Step(0, "float64", 3, PLAIN.text + "T[4] = 7.0")


def differences(step):
    return Comparison(step).compare().differences


def leave_out(monkeypatch, calls):
    """Have programs made without some of their calls."""
    needed = record.needed
    monkeypatch.setattr(record, "needed", lambda *a: [c for c in needed(*a) if not calls(c)])


def test_a_program_that_leaves_work_out_is_found(monkeypatch):
    assert not differences(PLAIN)
    leave_out(monkeypatch, lambda call: call.kernel.name == "dense_db")
    monkeypatch.setattr(record, "_verify", lambda *_: None)  # else it would not be recorded
    assert differences(PLAIN)


def test_a_check_that_a_program_leaves_out_is_found(monkeypatch):
    assert not differences(REFUSED)
    leave_out(monkeypatch, lambda call: call.refusal is not None)
    assert differences(REFUSED)


def test_a_wrong_slope_is_found(monkeypatch):
    class Wrong(Bump):
        slope = staticmethod(lambda x: 2.1 * x / ((1.0 + x * x) * (1.0 + x * x)))

    assert not Slopes(PLAIN, np.arange(3)).check().wrong
    monkeypatch.setitem(OWN, "Bump", Wrong)
    assert Slopes(PLAIN, np.arange(3)).check().wrong
