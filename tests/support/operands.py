"""Operands that several test files hand to operations, and how a refusal of them is checked."""

import numpy as np
import pytest

from minidl import Tensor

X = Tensor(np.ones((2, 3), np.float32), requires_grad=True)
NAN = float("nan")


def grad(x, dtype="float32"):
    return Tensor(x, requires_grad=True, dtype=dtype)


def check_refusal(call, error, culprit, expected, got, remedy):
    """The kind of an error, its culprit to the letter, and words of its other parts."""
    with pytest.raises(error) as caught:
        call()
    assert type(caught.value) is error
    assert caught.value.culprit == culprit
    for part, words in (("expected", expected), ("got", got), ("remedy", remedy)):
        assert words in getattr(caught.value, part)
