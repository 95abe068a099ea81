"""Networks: layers in a row over one block of memory."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np

from minidl.autodiff import Tensor, no_grad
from minidl.core import (
    SHARE,
    ArgumentError,
    RecordError,
    number,
    printable,
    storage,
    whole_number,
)
from minidl.document import Listing, ruled
from minidl.nn import (
    AGAIN,
    Activation,
    Dense,
    Dropout,
    Layer,
    Network,
    describe_layer,
    get_loss,
    unsaved,
)
from minidl.optim import Optimizer, describe_optimizer
from minidl.program import State, workspace
from minidl.training import evaluate, fit


class Sequential(Network):
    """Layers applied one after the other.

    Parameters
    ----------
    *layers : Layer, activation, str, or lists and networks of them
        At least one; widths that do not meet are refused here. An activation, or its name,
        becomes a layer; of another network its layers are taken.
    seed : int
        Decides the weights and masks of layers that were given no seed, each by its place.

    Attributes
    ----------
    layers : tuple of Layer
        Another network is made of them: ``ml.Sequential(*net.layers[:-1], ml.Dense(8, 5))`` keeps
        the weights of all but the last, in the memory where they are.
    optimizer : Optimizer or None
        The one that ``fit`` used last; saved, copied and pickled with the network.
    block : Block
        The memory of the parameters. A layer that is used again, here or in a second network,
        keeps its memory, so its weights are shared.

    Raises
    ------
    ShapeError
        Where two layers' widths do not meet.
    DtypeError
        Where two layers have parameters of different dtypes.
    ArgumentError
        For what is no layer.

    Examples
    --------
    >>> net = Sequential(Dense(2, 3), "tanh", Dense(3, 1, "sigmoid"))
    >>> [parameter.name for parameter in net.parameters()]
    ['dense1.weight', 'dense1.bias', 'dense2.weight', 'dense2.bias']
    """

    fit, evaluate = fit, evaluate  # net.fit(X, y, …) is ml.fit(net, X, y, …)

    def summary(self, batch_size: int | None = None, loss: Any = "mse") -> str:
        """A table of layers, output shapes and numbers of parameters, each counted once.

        Parameters
        ----------
        batch_size : int, optional
            Tells also how much memory training in such batches takes beside the dataset.
        loss : str or loss
            The one trained with: it adds a little to the workspace.

        Raises
        ------
        ArgumentError
            If ``batch_size`` is given and the network takes rows of any width.

        Examples
        --------
        >>> print(Sequential(Dense(2, 3, "tanh"), Dense(3, 1)).summary(32))
        layer            output     parameters
        ──────────────────────────────────────
        dense1 (tanh)    (rows, 3)           9
        dense2 (linear)  (rows, 1)           4
        ──────────────────────────────────────
        total                               13
        training in batches of 32: 1,920 bytes of workspace
        """
        rows = self._summary_rows()
        columns = ("layer", "output", "parameters")
        table = Listing("", columns, rows, download=False, words=(0, 1))
        lines = ruled(table, before=len(self.layers))
        if batch_size is not None:
            memory = self._workspace(whole_number("batch_size", batch_size, example=32), loss)
            needed = f"{memory:,} bytes of workspace" if memory else "eagerly, no fixed workspace"
            lines.append(f"training in batches of {batch_size}: {needed}")
        return printable("\n".join(lines))

    def _summary_rows(self) -> list[tuple[str, str, str]]:
        """A line for each layer, and the totals."""
        self._renumber()
        rows = []
        left = {id(parameter): parameter.size for parameter in self.parameters()}
        for layer, width in zip(self.layers, self._widths, strict=True):
            number = sum(left.pop(id(parameter), 0) for parameter in layer.parameters())
            label = layer.name if layer.function is None else f"{layer.name} ({layer.function!r})"
            rows.append((label, f"(rows, {width or '?'})", f"{number:,}"))
        total = sum(parameter.size for parameter in self.parameters())
        rows.append(("total", "", f"{total:,}"))
        frozen = sum(p.size for p in self.parameters() if p.is_frozen)
        if frozen:
            rows.append(("of which frozen", "", f"{frozen:,}"))
        return rows

    def _output_shape(self) -> tuple[int, ...]:
        """What one row becomes; layers of the user's own are as they were afterwards."""
        state = State(self)
        try:
            with no_grad():
                return self(np.zeros((1, self.in_features or 1), self.dtype)).shape[1:]
        finally:
            state.restore()

    def _workspace(self, rows: int, loss: Any) -> int:
        """Bytes that a batch takes on its way forward and backward; 0 if that is not recorded."""
        if self.in_features is None:
            expected = "a network that knows the width of its input"
            got = f"{self.layers[0].name} first, which takes any"
            raise ArgumentError("summary(batch_size=…)", expected, got, "Put a Dense first.")
        loss = get_loss(loss)
        output = (self.out_features,) if self.out_features else self._output_shape()

        def step(x: Tensor, t: Tensor) -> Tensor:
            value: Tensor = loss(t, self(x, training=True))
            for parameter in self.parameters():
                parameter.grad = None
            if value.requires_grad:
                value.backward()
            return value

        shapes = [(rows, self.in_features), (rows, *output)]
        batch = sum(prod(shape) for shape in shapes) * self.dtype.itemsize
        try:
            return workspace(step, *shapes, dtype=self.dtype) + batch
        except RecordError:  # it is trained eagerly
            return 0

    def save(self, path: Any, optimizer: Optimizer | bool | None = None) -> None:
        """Write the network to a safetensors file: data, never code, with a digest.

        The file is read back before it replaces anything: what was there before stays until the
        new one is whole and on the disk.

        Parameters
        ----------
        path : str or path
        optimizer : Optimizer or bool, optional
            Saved beside it; the one that ``fit`` used last if left out, none if False.

        Raises
        ------
        ArgumentError
            For what a file of data cannot hold: layers, activations, optimizers and schedules of
            your own that are not registered.
        FileError
            If the file cannot be written.
        """
        if type(self).forward is not Sequential.forward:
            raise unsaved(self)  # a forward of your own is code
        self._rename("")  # another network that shares layers may have numbered them otherwise
        arrays = {f"parameter/{p.name}": p.numpy() for p in self.parameters()}
        header: dict[str, Any] = {"dtype": str(self.dtype), "layers": self._describe()}
        if frozen := [p.name for p in self.parameters() if p.is_frozen]:
            header["frozen"] = frozen
        if optimizer in (None, True):
            optimizer = self.optimizer
        if isinstance(optimizer, Optimizer):
            arrays |= {f"state/{name}": state for name, state in optimizer.state.items()}
            header["optimizer"] = self._describe_optimizer(optimizer)
        storage.write(path, arrays, header)

    def _describe(self) -> list[dict[str, Any]]:
        described: list[dict[str, Any]] = []
        places: dict[int, int] = {}  # where a layer, or the weights of a Dense, come first
        for i, layer in enumerate(self.layers):
            if (place := places.setdefault(id(layer), i)) != i:
                described.append({"kind": AGAIN, "place": place})
                continue
            if "forward" in vars(layer):
                got, remedy = "one that was replaced", "Write a layer of your own instead."
                raise ArgumentError(f"save: {layer.name}", "its own forward", got, remedy)
            described.append(describe_layer(layer))
            if type(layer) is Dense and (tied := places.setdefault(id(layer._stored), i)) != i:
                described[i]["tied"] = tied
            else:
                _check_unshared(layer)
        return described

    def _describe_optimizer(self, optimizer: Optimizer) -> dict[str, Any]:
        ids = {id(parameter) for parameter in self.parameters()}
        if not ids.issuperset(map(id, optimizer.parameters)):
            raise ArgumentError(
                "save(optimizer=…)",
                "one made on this network's parameters",
                "one made on others",
                "Save it with the network that it trains.",
            )
        names = [parameter.name for parameter in optimizer.parameters]
        return {**describe_optimizer(optimizer), "parameters": names}

    def __repr__(self) -> str:
        return self.summary()


def _check_unshared(layer: Layer) -> None:
    """An error if a parameter of another layer is in it, which a file does not say."""
    for parameter in layer.parameters():
        if "." in layer.name or not f"{parameter.name}".startswith(f"{layer.name}."):
            raise ArgumentError(
                f"save: {layer.name}",
                "parameters of its own, or those of a Dense, shared as Dense(…, weight=…)",
                f"{parameter.name}",
                "Save the numbers: np.savez(path, *(p.numpy() for p in net.parameters())).",
            )


def mlp(
    widths: Sequence[int],
    hidden: Any = "relu",
    output: Any = None,
    *,
    init: str = "auto",
    dropout: float = 0.0,
    seed: int = 0,
    dtype: str = "float32",
) -> Sequential:
    """A multi-layer perceptron: Dense layers from width to width.

    Parameters
    ----------
    widths : sequence of int
        Inputs, hidden widths, outputs: ``[2, 16, 16, 1]``.
    hidden, output : str or activation
        Activations of hidden layers and of the last; ``output=None`` is linear.
    init : str
        See ``Dense``.
    dropout : float
        Share of each hidden layer's units that Dropout silences in training.
    seed : int
        Decides the weights and the dropout masks.
    dtype : {"float32", "float64"}

    Examples
    --------
    >>> print(mlp([2, 3, 1], output="sigmoid").summary())
    layer             output     parameters
    ───────────────────────────────────────
    dense1 (relu)     (rows, 3)           9
    dense2 (sigmoid)  (rows, 1)           4
    ───────────────────────────────────────
    total                                13
    """
    seed = whole_number("mlp(seed=…)", seed, low=0, example=0)
    if not isinstance(widths, list | tuple | np.ndarray) or len(widths) < 2:
        raise ArgumentError(
            "mlp(widths=…)", "inputs and outputs at least", str(widths), "Write [2, 16, 1]."
        )
    Activation(hidden)  # an error for a name that nobody knows, also where no layer is hidden
    dropout = number("mlp(dropout=…)", dropout, SHARE, example=0.5)
    layers: list[Layer] = []
    for i, (inputs, outputs) in enumerate(pairwise(widths)):
        last = i == len(widths) - 2
        activation = output if last else hidden
        layers.append(
            Dense(inputs, outputs, activation, init=init, seed=seed, stream=i, dtype=dtype)
        )
        if dropout and not last:
            layers.append(Dropout(dropout, seed=seed, stream=i))
    return Sequential(*layers)
