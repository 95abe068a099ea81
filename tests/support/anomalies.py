"""What the tests of ``detect_anomaly`` share: a diverging network, and what is found in it."""

import numpy as np
import pytest

import minidl as ml
from minidl.core.errors import AnomalyError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(80, 3)).astype(np.float32)
T = RNG.normal(size=(80, 1)).astype(np.float32)


def tensor(*numbers, name=None, grad=True):
    return ml.Tensor(np.array(numbers, np.float32), requires_grad=grad, name=name)


def diverging():
    net = ml.mlp([3, 6, 1], seed=0)
    return net, ml.SGD(net.parameters(), 2e3)


def caught(function, *arguments, **options):
    """What is found while a function runs."""
    with pytest.raises(AnomalyError) as found, ml.detect_anomaly():
        function(*arguments, **options)
    return found.value


def told(error):
    return error.operation, error.phase, error.where
