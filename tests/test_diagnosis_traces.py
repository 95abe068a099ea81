"""A diagnosis leaves no trace in the network, and refuses what it cannot look at."""

import numpy as np
import pytest
from diagnosed import T, X

import minidl as ml
from minidl.core.errors import ArgumentError, DataError, GradientError
from minidl.optim.update_rules import optimizers

# ── it leaves no trace ────────────────────────────────────────────────────────────────────────


def state(net, optimizer):
    """All that a diagnosis could change, as bytes and identities."""
    arrays = [p.numpy() for p in net.parameters()]
    arrays += [net.block.gradients, net[1].counter]
    arrays += [*optimizer.state.values(), *optimizer._memory().values()]
    nodes = [(id(p._grad), id(p._home), p._retains, p._current_version()) for p in net.parameters()]
    return [array.tobytes() for array in arrays], nodes, id(net.optimizer), optimizer.steps


@pytest.mark.parametrize("graded", [True, False])
@pytest.mark.parametrize("kind", [entry.cls for entry in optimizers], ids=lambda cls: cls.name)
def test_nothing_of_the_network_changes(kind, graded):
    net = ml.mlp([8, 6, 1], hidden="relu", output="sigmoid", dropout=0.3, seed=1)
    ml.fit(net, X, T, loss="bce", optimizer=kind, epochs=2)
    if not graded:
        net.optimizer.zero_grad()
    before = state(net, net.optimizer)
    ml.diagnose(net, X, T, loss="bce")
    assert state(net, net.optimizer) == before
    net[0].weight.data[0, 0] = np.nan
    before = state(net, net.optimizer)
    ml.diagnose(net, X, T, loss="bce")
    assert state(net, net.optimizer) == before


def test_training_goes_on_to_the_same_bits_while_it_is_watched():
    def train(*callbacks, record="auto"):
        net = ml.mlp([8, 6, 1], hidden="relu", output="sigmoid", dropout=0.3, seed=1)
        history = ml.fit(net, X, T, loss="bce", epochs=7, callbacks=callbacks, record=record)
        return history["loss"], net.block.values.tobytes()

    watcher = ml.LayerHealth(X, T, loss="bce", every=3)
    assert train(watcher) == train() == train(watcher, record=False)
    assert sorted(watcher.diagnoses) == [0, 3, 6]
    losses = [each.loss for each in watcher.diagnoses.values()]
    assert losses[0] > losses[1] > losses[2]


def test_a_failure_on_the_way_back_leaves_no_trace():
    class Broken(ml.Loss):
        name = "broken"
        value = staticmethod(lambda t, p: p)
        slope = staticmethod(lambda t, p: 1.0)

    class Stuck(ml.Layer):
        keeps_width = True

        def forward(self, x, training):
            twice = x * x
            twice._count_write()  # what the next operation saved is no longer there
            result = twice * twice
            twice._count_write()
            return result

    net = ml.Sequential(ml.Dense(8, 1), Stuck())
    before = [(id(p._grad), id(p._home)) for p in net.parameters()]
    with pytest.raises(GradientError):
        ml.diagnose(net, X, T, loss=Broken())
    assert [(id(p._grad), id(p._home)) for p in net.parameters()] == before


# ── what is refused ───────────────────────────────────────────────────────────────────────────


def test_what_cannot_be_diagnosed_is_refused(refused):
    net = ml.mlp([8, 1], seed=0)
    with ml.no_grad(), refused(GradientError, "diagnose", "gradients", "no_grad()", "outside"):
        ml.diagnose(net, X, T, loss="mse")
    with refused(DataError, "X", "finite", "nan", "fill"):
        ml.diagnose(net, np.full((2, 8), np.nan), T[:2], loss="mse")
    other = ml.SGD(ml.mlp([8, 1], seed=0).parameters(), 0.1)
    with refused(ArgumentError, "optimizer", "this network's", "others", "ml.Adam"):
        ml.diagnose(net, X, T, loss="mse", optimizer=other)
    with refused(ArgumentError, "LayerHealth(every=…)", "at least 1", "0", "10"):
        ml.LayerHealth(X, T, loss="mse", every=0)
