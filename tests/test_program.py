"""The program: what is recorded, what cannot be, how it is run, stepped and listed."""

import signal
import subprocess
import sys
import threading
from itertools import product

import numpy as np
import pytest
from numba.core import event
from steps import HEADS, T, X, Y, classifier, hand_written

import minidl as ml
from minidl.autodiff import arithmetic
from minidl.autodiff import shapes as axes
from minidl.autodiff.op import Op
from minidl.core.errors import DomainError, RecordError, ShapeError
from minidl.kernels import elementwise, linear, movement
from minidl.program import record
from minidl.program.instruction import Instruction
from minidl.program.layout import arena
from minidl.program.program import Program
from minidl.program.tape import place, root


def bits(parameters, optimizer):
    state = [array.tobytes() for array in optimizer.state.values()]
    return [p.numpy().tobytes() for p in parameters], state, optimizer.steps


@pytest.mark.parametrize("added", [False, True])
@pytest.mark.parametrize("head", HEADS)
def test_hand_written_steps_are_recorded_to_the_bit(head, added):
    step, parameters, optimizer = hand_written(head, added)
    eager = [step(X[i : i + 8], Y[i : i + 8]).item() for i in range(0, 40, 8)]
    wanted = bits(parameters, optimizer)
    for keep in (False, True):
        step, parameters, optimizer = hand_written(head, added)
        program = record(step, X[:8], Y[:8], keep=keep)
        losses = program.run(X, Y)
        assert losses.tolist() == eager
        assert bits(parameters, optimizer) == wanted


def test_programs_and_eager_code_share_the_weights():
    net, optimizer, step = classifier()
    weight, held = net.parameters()[0], net.parameters()[0].data
    first, second = record(step, X[:8], T[:8]), record(step, X[:16], T[:16])
    for train in (lambda: first.run(X, T), lambda: second.run(X, T), lambda: step(X, T)):
        before = held.copy()
        train()
        assert weight.data is held
        assert not np.array_equal(before, held)
    assert optimizer.steps == 5 + 3 + 1
    assert np.shares_memory(first._epochs._tables[0], X)  # the dataset is read where it lies


def test_the_dtype_is_that_of_the_parameters():
    _, _, step = classifier("float64")
    program = record(step, X[:8], T[:8])
    program.run(X, T)
    assert program.loss.dtype == np.float64


def test_data_are_checked_where_they_enter():
    _, _, step = classifier()
    program = record(step, X[:8], T[:8])
    with pytest.raises(DomainError, match="y_true"):
        program.run(X, 2 * T)
    with pytest.raises(ShapeError, match=r"\(rows, 1\)"):
        program.run(X, Y)
    with pytest.raises(ShapeError, match="order"):
        program.run(X, T, order=[0, 40])
    with pytest.raises(ShapeError, match="of_rows"):
        program(X, T)


BROKEN = {
    "sizes": (elementwise.copy, [np.zeros(3), np.zeros(4)]),
    "inner widths": (linear.dense_dx, [np.zeros((3, 2)), np.zeros((5, 3)), np.zeros((5, 3))]),
    "an index beyond": (movement.gather, [np.zeros(3), np.array([0, 3]), np.zeros(2)]),
    "an index below": (movement.scatter_add, [np.zeros(2), np.array([0, -1]), np.zeros(3)]),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_operands_that_do_not_fit_are_refused_by_the_kernel(kind):
    kernel, operands = BROKEN[kind]
    with pytest.raises(ShapeError, match="fit each other"):
        kernel(*operands)
    broken = Instruction(kernel, operands, list(kernel.parameters))
    program = Program([broken], inputs=[np.zeros((1, 1))], loss=np.zeros(1))
    with pytest.raises(ShapeError, match="fit each other"):
        program(np.zeros((1, 1)))


def test_an_operand_in_pieces_makes_no_instruction():
    broken = Instruction(elementwise.copy, [np.zeros(8)[::2], np.zeros(4)], ["x", "y"])
    with pytest.raises(RecordError, match="in one piece"):
        Program([broken], inputs=[np.zeros((1, 1))], loss=np.zeros(1))


def test_workspace_is_reused_and_no_two_that_live_at_once_overlap():
    blocks = [(64, 0, 1), (128, 1, 2), (64, 2, 3), (32, 0, 3), (256, 3, 3)]
    offsets, total = arena(blocks, keep=False)
    for i, (size, begin, end) in enumerate(blocks):
        for j, (other, start, stop) in enumerate(blocks[:i]):
            apart = offsets[i] + size <= offsets[j] or offsets[j] + other <= offsets[i]
            assert apart or end < start or stop < begin
    assert total < sum(size for size, _, _ in blocks)
    _, _, step = classifier(widths=(3, 64, 64, 64, 1))
    assert record(step, X[:8], T[:8]).workspace < record(step, X[:8], T[:8], keep=True).workspace


def test_a_new_network_compiles_nothing():
    def train(widths, rows, hidden, loss, optimizer):
        net = ml.mlp(widths, hidden=hidden, output="sigmoid", seed=0)
        x, t = np.ones((rows, widths[0])), np.ones(rows)
        ml.fit(net, x, t, loss=loss, optimizer=optimizer, epochs=2, batch_size=8)

    train([3, 4, 1], 20, "relu", "bce", "adam")
    train([3, 4, 1], 20, "tanh", "mse", "sgd")
    with event.install_recorder("numba:compile") as compiled:
        for parts in product(("relu", "tanh"), ("bce", "mse"), ("adam", "sgd")):
            train([7, 30, 20, 10, 1], 77, *parts)
            train([2, 5, 1], 3, *parts)
    assert compiled.buffer == []


def test_ctrl_c_is_answered_in_the_middle_of_a_long_epoch():
    """Also in a network's first epoch, when nobody knows yet how long a step takes."""
    x = np.ones((60_000, 64), np.float32)
    net = ml.mlp([64, 1000, 1000, 1], seed=0)
    ml.fit(net, x[:400], x[:400, :1], loss="mse", epochs=1, batch_size=200)  # it keeps its program
    before = net.optimizer.steps
    timer = threading.Timer(0.3, signal.raise_signal, [signal.SIGINT])
    timer.start()
    history = ml.fit(net, x, x[:, :1], loss="mse", epochs=100, batch_size=200)
    assert history.stopped == "interrupted"
    assert before == 2
    assert 0 < net.optimizer.steps < 300


def test_two_programs_in_two_threads():
    def left(together):
        made = [classifier(widths=(3, width, 1)) for width in (16, 32)]
        programs = [record(step, X[:8], T[:8]) for _, _, step in made]

        def train(program):
            for _ in range(50):
                program.run(X, T, confirm=False)

        threads = [threading.Thread(target=train, args=(program,)) for program in programs]
        for thread in threads:
            thread.start()
            if not together:
                thread.join()
        for thread in threads:
            thread.join()
        return [net.block.values.tobytes() for net, _, _ in made]

    assert left(together=True) == left(together=False)


def test_stepping_is_running():
    net, _, step = classifier()
    program = record(step, X[:8], T[:8], keep=True)
    start = net.block.values.copy()
    twin, _, twin_step = classifier()
    value = record(twin_step, X[:8], T[:8])(X[:8], T[:8])
    program.step(X[8:16], T[8:16])
    program.step()
    steps = [program.step(X[:8], T[:8])]  # starts again
    while len(steps) < len(program):
        steps.append(program.step())
    assert net.block.values.tobytes() == twin.block.values.tobytes()
    assert float(program.loss) == value
    np.testing.assert_array_equal(steps[-1].before["parameters"], start)
    np.testing.assert_array_equal(steps[-1].wrote["parameters"], net.block.values)
    first = steps[0]
    np.testing.assert_array_equal(first.read["x"], X[:8])
    np.testing.assert_allclose(
        first.wrote["dense1.sums"], X[:8] @ first.read["dense1.weight"], rtol=1e-5, atol=1e-6
    )


def test_a_kernel_writes_what_it_says_and_nothing_else():
    seen = set()
    for head in HEADS:
        step, _, _ = hand_written(head, losses_added=True)
        program = record(step, X[:8], Y[:8], keep=True)
        program._load((X[:8], Y[:8]))
        program._prepare(1)
        for line in program.instructions:
            before = [np.copy(operand) for operand in line.operands]
            line.kernel.run(*line.operands)
            for i, (old, new) in enumerate(zip(before, line.operands, strict=True)):
                assert i in line.kernel.writes or np.array_equal(old, new, equal_nan=True), line
            seen.add(line.kernel.name)
    assert len(seen) > 40


def test_every_operation_has_instructions():
    """Each operation of tensors, forward and backward, is in one of the steps above."""
    steps = [classifier()[-1], *(hand_written(head, losses_added=True)[0] for head in HEADS)]
    seen = set()
    for step in steps:
        target = T if step is steps[0] else Y
        lines = record(step, X[:8], target[:8], keep=True).instructions
        seen |= {(line.title, line.phase) for line in lines}
    ops = [op for module in (arithmetic, axes) for op in vars(module).values()]
    ops = [op for op in ops if isinstance(op, type) and issubclass(op, Op) and op.name]
    assert len(ops) > 25
    for op in ops:
        assert (op.name, "forward") in seen or (op.name, "loss") in seen
        assert (op.name, "backward") in seen or issubclass(
            op, (arithmetic.Relation, arithmetic.Count)
        )


def test_the_listing_names_what_a_learner_knows():
    _, _, step = classifier()
    lines = str(record(step, X[:8], T[:8])).splitlines()
    assert lines[0].split() == [
        "0", "forward", "dense", "dense1.sums[8×8]", "←", "x[8×3],",
        "dense1.weight[3×8],", "dense1.bias[8]",
    ]  # fmt: skip
    assert any("∂dense1.weight" in line and line.endswith("of 0") for line in lines)
    assert "parameters[41]" in lines[-1]


def test_the_last_batch_works_in_the_same_memory():
    net = ml.mlp([3, 4, 2], seed=0)
    program = record(lambda x, t: ml.mse(t, net(x)), X[:16], Y[:16])
    small = program.of_rows(8)
    assert small.workspace < program.workspace
    assert np.shares_memory(root(small.loss), root(program.loss))


TRAIN_LARGE = """
import resource
import numpy as np
import minidl as ml

def peak():
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

def train(width, rows, batch):
    net = ml.mlp([16, width, width, 1], hidden="tanh", seed=0)
    X = np.ones((rows, 16), np.float32)
    before = peak()
    ml.fit(net, X, X[:, :1].copy(), loss="mse", batch_size=batch, epochs=1, shuffle=False)
    return peak() - before, net

train(8, 48, 32)  # what any training loads
used, net = train(512, 12000, 8000)
weights = 4 * 4 * net.block.values.size  # and gradients, and Adam's two moments
workspace = int(net.summary(8000).split(": ")[1].split(" ")[0].replace(",", ""))
print(used, workspace, weights)
"""


def test_training_takes_the_memory_that_summary_says():
    done = subprocess.run(
        [sys.executable, "-c", TRAIN_LARGE], capture_output=True, text=True, check=True
    )
    used, workspace, weights = map(int, done.stdout.split())
    assert workspace > 60e6
    assert used < 1.05 * (workspace + weights) + 8e6


def test_no_two_arrays_are_called_alike():
    """Two networks of the same layers, a frozen parameter among them, tensors without a name."""
    nets = [ml.mlp([3, 4, 3], seed=seed) for seed in (0, 1)]
    nets[0][0].bias.requires_grad = False
    loose = [ml.Tensor(np.ones((3, 3), np.float32), requires_grad=True) for _ in range(2)]
    optimizers = [
        ml.Adam([*net.parameters(), w], clip_norm=1.0) for net, w in zip(nets, loose, strict=True)
    ]

    def step(x, t):
        y = ml.relu(nets[0](x) @ loose[0])
        loss = ml.mse(t, (nets[1](y + x) @ loose[1] + y)[:, :2])
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
        return loss

    program = record(step, X[:8], Y[:8], keep=True)
    found = {}
    for line in program.instructions:
        for name, own, array in zip(line.names, line.kernel.parameters, line.operands, strict=True):
            if isinstance(array, np.ndarray) and name != own:
                assert found.setdefault(name, place(array)) == place(array), name
        for i in line.kernel.writes:
            assert found[line.names[i]] == place(line.operands[i]), "memory of one place, one name"
    for name in ("dense1.bias", "dense1.bias#2", "tensor#2", "∂tensor", "adam.m1#2", "+∂relu"):
        assert name in found
