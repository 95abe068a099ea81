"""No kernel reads or writes beside its operands, and nothing belongs to two threads at once."""

import functools
import threading

import numpy as np
import pytest
from steps import HEADS, T, X, Y, classifier, hand_written, training_step

import minidl as ml
from minidl.core.errors import ArgumentError, ConcurrencyError, DomainError, RecordError, ShapeError
from minidl.core.intervals import SIGNS
from minidl.kernels import rows, update
from minidl.kernels.jit import Refused
from minidl.program import record

GUARD = 0x5A


def guarded(arrays):
    """Copies that lie between guard words; those that share memory go on sharing it."""
    copies = {}
    for array in arrays:
        if isinstance(array, np.ndarray):
            key = array.__array_interface__["data"][0], array.nbytes
            if key not in copies:
                memory = np.full(array.nbytes + 128, GUARD, np.uint8)
                memory[64 : 64 + array.nbytes] = array.reshape(-1).view(np.uint8)
                copies[key] = memory
    places = []
    for array in arrays:
        if isinstance(array, np.ndarray):
            memory = copies[array.__array_interface__["data"][0], array.nbytes]
            inner = memory[64 : 64 + array.nbytes]
            places.append(inner.view(array.dtype).reshape(array.shape))
        else:
            places.append(array)
    return places, list(copies.values())


def run_guarded(line):
    """An instruction on guarded copies; what it writes is put where the plain run would have."""
    operands, memories = guarded(line.operands)
    line.kernel.run(*operands)
    for memory in memories:
        assert (memory[:64] == GUARD).all(), line
        assert (memory[-64:] == GUARD).all(), line
    return [operands[i].copy() for i in line.kernel.writes]


def programs():
    for head in HEADS:
        step, _, _ = hand_written(head, losses_added=True)
        yield record(step, X[:8], Y[:8], keep=True), (X[:8], Y[:8])
    one_hot = np.eye(3)[np.arange(8) % 3]
    for loss in ml.losses:
        net = ml.mlp([3, 4, 3], seed=0)
        optimizer = ml.Adam(net.parameters(), clip_norm=1.0, clip_value=0.5)
        targets = 2 * one_hot - 1 if loss.target == SIGNS else one_hot
        for logits in {False, loss.link is not None}:
            predict = net if logits else lambda x, net=net: ml.softmax(net(x)) * 1.0
            own = functools.partial(loss, from_logits=logits)
            step = training_step(net, optimizer, predict, own)
            yield record(step, X[:8], targets), (X[:8], targets)


def test_no_instruction_touches_the_words_beside_its_operands():
    seen = set()
    for program, batch in programs():
        program._load(batch)
        program._prepare(1)
        for line in program.instructions:
            wanted = run_guarded(line)
            line.kernel.run(*line.operands)
            for array, i in zip(wanted, line.kernel.writes, strict=True):
                np.testing.assert_array_equal(array, line.operands[i])
            seen.add(line.kernel.name)
    assert len(seen) > 60


def test_the_guard_words_tell():
    class Line:
        operands = (np.zeros(3, np.float32),)

        class kernel:
            writes = (0,)

            @staticmethod
            def run(x):
                memory = x
                while memory.base is not None:
                    memory = memory.base
                memory[64 + x.nbytes] = 0  # one byte too far

    with pytest.raises(AssertionError):
        run_guarded(Line)


# ── numbers that a step works out itself are checked where they are used ───────────────────────


def reshaped(t):
    return t.reshape(-1)


def indexed(t):
    return t[:, 0]


def computed(t):
    return (t * 2.0)[:, 0] - t[:, 0]


@pytest.mark.parametrize("targets", [reshaped, indexed, computed])
@pytest.mark.parametrize("wrong", [1e8, 3.0, -1.0, 0.5])
@pytest.mark.parametrize("loss", ["categorical_crossentropy", "categorical_hinge"])
def test_class_numbers_from_inside_a_step(targets, wrong, loss):
    classes = np.zeros((40, 1))
    classes[21] = wrong

    def attempt(run):
        net = ml.mlp([3, 8, 3], output="softmax" if "entropy" in loss else None, seed=0)
        optimizer = ml.Adam(net.parameters())
        step = training_step(net, optimizer, loss=lambda t, p: ml.losses[loss](targets(t), p))
        with pytest.raises(DomainError, match="class numbers from 0 to 2") as caught:
            run(step)
        if run is recorded:
            assert (caught.value.batch, caught.value.row) == (2, 21)
        return net.block.values.tobytes(), optimizer.steps, caught.value.got

    def eagerly(step):
        for i in range(0, 40, 8):
            step(ml.Tensor(X[i : i + 8]), ml.Tensor(classes[i : i + 8].astype("f4")))

    def recorded(step):
        record(step, X[:8], classes[:8]).run(X, classes)

    assert attempt(eagerly) == attempt(recorded)


def test_predictions_outside_the_domain_stop_a_program():
    def attempt(run):
        net = ml.mlp([3, 1], seed=0)
        net[0].weight.data = [[0.1], [0.0], [0.0]]
        net[0].bias.data = [0.5]
        optimizer = ml.SGD(net.parameters(), learning_rate=1e-4)
        inputs = X.copy()
        inputs[:, 0], inputs[30, 0] = 0.1, 90.0
        step = training_step(net, optimizer, lambda x: net(x) * 1.0, ml.binary_crossentropy)
        with pytest.raises(DomainError, match=r"y_pred=…\): expected numbers in \[0, 1\]"):
            run(step, inputs)
        return net.block.values.tobytes(), optimizer.steps

    def eagerly(step, inputs):
        for i in range(0, 40, 8):
            step(ml.Tensor(inputs[i : i + 8]), ml.Tensor(T[i : i + 8]))

    eager = attempt(eagerly)
    assert eager == attempt(lambda step, x: record(step, x[:8], T[:8]).run(x, T))
    assert eager[1] == 3


def test_weights_worked_out_in_a_step_are_checked_too():
    net = ml.mlp([3, 1], seed=0)
    step = training_step(
        net, ml.SGD(net.parameters()), loss=lambda t, p: ml.mse(t, p, sample_weight=t[:, 0] * 1.0)
    )
    program, wrong = record(step, X[:8], T[:8]), T.copy()
    wrong[13] = -1.0
    with pytest.raises(DomainError, match=r"sample_weight=…\): expected numbers") as caught:
        program.run(X, wrong)
    assert (caught.value.batch, caught.value.row) == (1, 13)


# ── what belongs to somebody else ─────────────────────────────────────────────────────────────


def test_reals_that_were_cut_short():
    op = ml.leaky_relu.with_settings(alpha=0.1)
    op.hyper_values = np.zeros(0)
    with pytest.raises(ShapeError, match="leaky_relu_forward"):
        op([1.0, -1.0])


def test_optimizer_state_that_was_replaced():
    net, optimizer, step = classifier()
    program = record(step, X[:8], T[:8])
    optimizer.state["m"] = np.zeros(3, np.float32)
    with pytest.raises(RecordError, match="state that was replaced"):
        program.run(X, T)
    with pytest.raises(ShapeError, match="adam"):
        step(ml.Tensor(X[:8]), ml.Tensor(T[:8]))
    assert np.isfinite(net.block.values).all()


NO_ARRAYS = {
    "None": lambda o: o.state.update(m=None),
    "a list": lambda o: o.state.update(m=[0.0] * 41),
    "text": lambda o: o.state.update(m="zero"),
    "half precision": lambda o: o.state.update(m=np.zeros(41, np.float16)),
    "one missing": lambda o: o.state.pop("m"),
    "one more": lambda o: o.state.update(z=np.zeros(41, np.float32)),
    "no states": lambda o: setattr(o, "state", None),
    "no settings": lambda o: setattr(o, "settings", None),
    "other parameters": lambda o: setattr(o, "parameters", "abc"),
}


@pytest.mark.parametrize("change", NO_ARRAYS)
def test_what_is_no_array_is_refused_in_words(change):
    for recorded in (False, True):
        net, optimizer, step = classifier()
        program = record(step, X[:8], T[:8])
        train = eager_step(step)
        if recorded:
            train = lambda program=program: program.run(X, T, confirm=False)  # noqa: E731
        before = net.block.values.copy()
        with pytest.raises(ml.MinidlError, match="adam|state"):
            set_and_train(NO_ARRAYS[change], optimizer, train)
        np.testing.assert_array_equal(net.block.values, before)


def test_reals_that_are_no_array():
    op = ml.leaky_relu.with_settings(alpha=0.1)
    for hyper_values in ([0.1], None, "abc", np.zeros((1, 1)), np.zeros(1, np.float32)):
        with pytest.raises(ArgumentError, match=r"leaky_relu\.hyper_values"):
            op.hyper_values = hyper_values
    np.testing.assert_allclose(op([-1.0, 2.0]), [-0.1, 2.0])


def test_more_rows_than_there_can_be():
    _, _, step = classifier()
    program = record(step, X[:8], T[:8])
    for count in (10**12, 10**10):
        with pytest.raises(ArgumentError, match="of_rows"):
            program.of_rows(count)


def test_a_program_made_before_freezing_refuses_also_unasked():
    net, _, step = classifier()
    program = record(step, X[:8], T[:8])
    net[0].weight.requires_grad = False
    for confirm in (True, False):
        with pytest.raises(RecordError, match="frozen"):
            program.run(X, T, confirm=confirm)


SETTINGS = {
    "no steps": lambda o: setattr(o, "steps", -10),
    "half a step": lambda o: setattr(o, "steps", 2.5),
    "more steps than can be counted": lambda o: setattr(o, "steps", 2**63),
    "no rate": lambda o: setattr(o, "learning_rate", None),
    "a negative rate": lambda o: setattr(o, "learning_rate", -1.0),
    "NaN": lambda o: o.settings.update(beta1=float("nan")),
    "None": lambda o: o.settings.update(epsilon=None),
    "an array": lambda o: o.settings.update(beta2=np.array([0.9, 0.9])),
    "a setting there is not": lambda o: o.settings.update(momentum=0.9),
    "a norm of 0": lambda o: setattr(o, "clip_norm", 0.0),
    "a bound in words": lambda o: setattr(o, "clip_value", "1"),
    "a schedule below 0": lambda o: setattr(o, "learning_rate", lambda n: 0.1 - n),
    "a schedule of None": lambda o: setattr(o, "learning_rate", lambda n: None),
    "a schedule of NaN": lambda o: setattr(o, "learning_rate", lambda n: float("nan")),
}


@pytest.mark.parametrize("setting", SETTINGS)
def test_settings_changed_to_nonsense_are_refused_by_name(setting):
    net, optimizer, step = classifier()
    program = record(step, X[:8], T[:8])
    program.run(X, T)
    before = net.block.values.copy()
    for train in (eager_step(step), lambda: program.run(X, T, confirm=False)):
        with pytest.raises(ArgumentError, match="adam"):
            set_and_train(SETTINGS[setting], optimizer, train)
    np.testing.assert_array_equal(net.block.values, before)


def eager_step(step):
    return lambda: step(ml.Tensor(X[:8]), ml.Tensor(T[:8]))


def set_and_train(change, optimizer, train):
    change(optimizer)  # refused here, or before the next update
    train()


SCHEDULES = {
    "count": lambda net, optimizer: setattr(optimizer, "steps", 10**8),
    "clip": lambda net, optimizer: setattr(optimizer, "clip_norm", 1e-3),
    "setting": lambda net, optimizer: optimizer.settings.update(beta1=0.5),
    "frozen": lambda net, optimizer: setattr(net[0].weight, "requires_grad", False),
    "weights": lambda net, optimizer: setattr(net[0].weight, "data", 0.0),
    "state": lambda net, optimizer: optimizer.state.update(m=np.zeros(41, np.float32)),
}


@pytest.mark.parametrize("what", SCHEDULES)
def test_a_schedule_that_changes_what_is_trained(what):
    net, optimizer, step = classifier()

    def schedule(steps):
        if steps == 3:
            SCHEDULES[what](net, optimizer)
        return 0.1

    program = record(step, X[:8], T[:8])
    optimizer.learning_rate = schedule
    with pytest.raises(ArgumentError, match="only tells a rate"):
        program.run(X, T, confirm=False)
    net, optimizer, step = classifier()
    optimizer.learning_rate = schedule
    train = eager_step(step)
    with pytest.raises(ArgumentError, match="only tells a rate"):
        often(train, 5)()


def test_tables_of_rates_and_orders_are_not_read_outside():
    rates, ahead, step_numbers = np.full(4, 0.1), np.array([0]), np.zeros(4)
    for count in (-1, 4, 2**62):
        with pytest.raises(ShapeError):
            update.begin(rates, ahead, np.array([count]), step_numbers)
    data, batch = np.zeros((3, 2), np.float32), np.zeros((2, 2), np.float32)
    for order, begin in (([0, 3], 0), ([0, -1], 0), ([0, 1], 1), ([0, 1], -1)):
        with pytest.raises(ShapeError):
            rows.take(data, np.array(order), np.array([begin, 0]), batch)
    with pytest.raises(Refused):
        rows.take.run(data, np.array([0, 5]), np.array([0, 0]), batch)


# ── threads ───────────────────────────────────────────────────────────────────────────────────


def together(*works):
    """Run functions at once; what each raised, or None."""
    raised = [None] * len(works)
    barrier = threading.Barrier(len(works))

    def run(i, work):
        barrier.wait()
        try:
            work()
        except Exception as error:
            raised[i] = error

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def often(run, times=60):
    """Repeat until somebody is refused."""

    def work():
        for _ in range(times):
            run()

    return work


LONG = np.tile(X, (200, 1)), np.tile(T, (200, 1))


def test_one_program_on_two_threads():
    net, _, step = classifier()
    program = record(step, X[:8], T[:8])
    raised = together(*[often(lambda: program.run(*LONG, confirm=False))] * 2)
    assert any(isinstance(error, ConcurrencyError) for error in raised)
    assert all(error is None or isinstance(error, ConcurrencyError) for error in raised)
    assert np.isfinite(net.block.values).all()


def test_two_programs_with_one_optimizer_on_two_threads():
    net, _, step = classifier()
    programs = [record(step, X[:n], T[:n]) for n in (8, 16)]
    works = [often(lambda p=p: p.run(*LONG, confirm=False)) for p in programs]
    raised = together(*works)
    assert any(isinstance(error, ConcurrencyError) for error in raised)
    assert np.isfinite(net.block.values).all()


def test_one_network_trained_on_two_threads():
    net = ml.mlp([3, 8, 1], output="sigmoid", seed=0)
    raised = together(*[lambda: ml.fit(net, *LONG, loss="bce", epochs=40)] * 2)
    assert [isinstance(error, ConcurrencyError) for error in raised].count(True) == 1
    assert "Train it on one thread" in str(next(error for error in raised if error))


def test_training_beside_training_changes_nothing_of_it():
    net, optimizer, errors = ml.mlp([3, 8, 1], output="sigmoid", seed=0), [], []

    class Beside(ml.Callback):
        def on_epoch_end(self, trained, epoch, measured):
            optimizer.append(trained.optimizer)
            errors.extend(together(lambda: ml.fit(net, X, T, loss="bce", epochs=1)))
            optimizer.append(trained.optimizer)

    ml.fit(net, X, T, loss="bce", epochs=1, callbacks=[Beside()])
    assert isinstance(errors[0], ConcurrencyError)
    assert optimizer[0] is optimizer[1] is net.optimizer


def test_recording_beside_training_is_refused():
    net, optimizer, step = classifier()
    errors, left = [], []

    class Record(ml.Callback):
        def on_epoch_end(self, trained, epoch, measured):
            left.append(net.block.values.copy())
            errors.extend(together(lambda: record(step, X[:8], T[:8])))
            left.append(net.block.values.copy())

    ml.fit(net, X, T, loss="bce", epochs=1, callbacks=[Record()], record=False)
    assert isinstance(errors[0], ConcurrencyError)
    np.testing.assert_array_equal(*left)
    assert optimizer.steps == 0


def test_predicting_beside_training_is_allowed():
    net = ml.mlp([3, 8, 1], output="sigmoid", seed=0)
    raised = together(
        lambda: ml.fit(net, *LONG, loss="bce", epochs=20), often(lambda: net.predict(X), 300)
    )
    assert raised == [None, None]


def test_targets_changed_by_another_thread_reach_no_memory():
    net = ml.mlp([3, 8, 3], output="softmax", seed=0)
    optimizer = ml.Adam(net.parameters())
    step = training_step(net, optimizer, loss=ml.categorical_crossentropy)
    inputs, classes = np.tile(X, (500, 1)), np.zeros(20_000, np.float32)
    program = record(step, inputs[:8], classes[:8])

    def spoil():
        for _ in range(2000):
            classes[:] = 1e9

    raised, _ = together(often(lambda: program.run(inputs, classes, confirm=False), 5), spoil)
    assert isinstance(raised, DomainError | ShapeError)
