"""One block of memory a network: parameters side by side, and so their gradients.

A parameter Tensor is a view of its network's block, so eager code, optimizers, saving and
several programs of one network always see the same weights, and an optimizer updates a whole
network in one call.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from minidl.autodiff.tensor import Tensor
from minidl.core import Exclusive


class Block:
    """Parameters and their gradients in two arrays that are never moved.

    A parameter that has a place already stays there: networks that share layers share their
    memory, and what is recorded or optimized goes on working. A copy, also by way of a pickle,
    has memory of its own.

    Parameters
    ----------
    parameters : iterable of Tensor
        Moved into the block, in this order; each keeps its numbers.

    Attributes
    ----------
    values, gradients : ndarray
    changes : list of int
        One number: how often one of the parameters was frozen or thawed. The parameters share the
        list, so who holds it, and the number it held, sees whether they still are what they were.
    training : Exclusive
        Held by the thread that trains the parameters.

    Examples
    --------
    >>> w, b = Tensor([1.0, 2.0], requires_grad=True), Tensor([3.0], requires_grad=True)
    >>> block = Block([w, b])
    >>> w[0] = 9.0
    >>> block.values
    array([9., 2., 3.], dtype=float32)
    >>> b.requires_grad = False
    >>> block.changes
    [1]
    """

    def __init__(self, parameters: Iterable[Tensor]) -> None:
        self._move([parameter for parameter in parameters if parameter._home is None])

    def _move(self, parameters: list[Tensor]) -> None:
        self.parameters, self.changes = parameters, [0]
        self.training = Exclusive("the network", "Train it on one thread, or a copy on each.")
        dtype = parameters[0].dtype if parameters else np.dtype(np.float32)
        size = sum(parameter.size for parameter in parameters)
        self.values, self.gradients = np.empty(size, dtype), np.zeros(size, dtype)
        start = 0
        for parameter in parameters:
            stop = start + parameter.size
            values = self.values[start:stop].reshape(parameter.shape)
            values[...] = parameter._array
            home = self.gradients[start:stop].reshape(parameter.shape)
            if parameter._grad is not None:
                home[...] = parameter._grad
                parameter._grad = home
            if parameter._changes is not None:  # whoever counts on its old memory sees it go
                parameter._changes[0] += 1
            parameter._array, parameter._home = values, home
            parameter._changes, parameter._training = self.changes, self.training
            parameter._start, start = start, stop

    def __getstate__(self) -> dict[str, list[Tensor]]:
        return {"parameters": self.parameters}

    def __setstate__(self, state: dict[str, list[Tensor]]) -> None:
        self._move(state["parameters"])


def stretches(
    parameters: Sequence[Tensor], starts: Sequence[int]
) -> list[tuple[np.ndarray, np.ndarray, slice]]:
    """Values, gradients and place in an optimizer's state, joined where all three lie together.

    A whole network is one stretch, and what is frozen parts it. A parameter of no block gets a
    home for its gradient.

    Parameters
    ----------
    parameters : sequence of Tensor
    starts : sequence of int
        Where the state of each begins.
    """
    runs: list[list[Tensor]] = []
    places: list[slice] = []
    for parameter, start in zip(parameters, starts, strict=True):
        parameter._ensure_gradient_home()
        stop = start + parameter.size
        if runs and places[-1].stop == start and _follows(runs[-1][-1], parameter):
            runs[-1].append(parameter)
            places[-1] = slice(places[-1].start, stop)
        else:
            runs.append([parameter])
            places.append(slice(start, stop))
    return [
        (*_joined(run, place.stop - place.start), place)
        for run, place in zip(runs, places, strict=True)
    ]


def _follows(first: Tensor, second: Tensor) -> bool:
    """Whether the second lies right behind the first, in one block."""
    assert first._home is not None
    assert second._home is not None
    return (
        first._training is second._training is not None
        and first._array.base is second._array.base is not None  # copies may lie apart
        and first._home.base is second._home.base is not None
        and first._start + first.size == second._start
    )


def _joined(run: list[Tensor], size: int) -> tuple[np.ndarray, np.ndarray]:
    first = run[0]
    assert first._home is not None
    if len(run) == 1:
        return first._array.reshape(-1), first._home.reshape(-1)
    values, gradients = first._array.base, first._home.base
    assert values is not None
    assert gradients is not None
    place = slice(first._start, first._start + size)
    return values[place], gradients[place]
