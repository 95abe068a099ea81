"""Networks: layers in a row over one block of memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from minidl import storage
from minidl.autograd import no_grad
from minidl.block import Block
from minidl.errors import ArgumentError, FileError, MinidlError, ShapeError
from minidl.layers import Dense, Dropout, Layer, build_layer, enter
from minidl.optimizers import Optimizer, build_optimizer
from minidl.tensor import Tensor


class Sequential:
    """Layers applied one after the other.

    Parameters
    ----------
    *layers : Layer
        At least one; widths that do not meet are refused here. Their parameters move into one
        block of memory, so make optimizers after the network.

    Raises
    ------
    ShapeError
        Where two layers' widths do not meet.

    Examples
    --------
    >>> net = Sequential(Dense(2, 3, "tanh"), Dense(3, 1, "sigmoid"))
    >>> [parameter.name for parameter in net.parameters()]
    ['dense1.weight', 'dense1.bias', 'dense2.weight', 'dense2.bias']
    """

    def __init__(self, *layers: Layer) -> None:
        if not layers:
            raise ArgumentError("Sequential", "at least one layer", "none", "Give it a Dense.")
        self.layers = list(layers)
        self.optimizer: Optimizer | None = None
        counts: dict[str, int] = {}
        for layer in layers:
            counts[layer.kind] = counts.get(layer.kind, 0) + 1
            layer.rename(f"{layer.kind}{counts[layer.kind]}")
        self._check_widths()
        self.block = Block(self.parameters())

    def _check_widths(self) -> None:
        last: Layer | None = None
        for layer in self.layers:
            if layer.in_features is None:
                continue
            if last is not None and last.out_features != layer.in_features:
                raise ShapeError(
                    layer.name,
                    f"{last.out_features} inputs, as {last.name} has {last.out_features} outputs",
                    f"in_features={layer.in_features}",
                    f"Write Dense({last.out_features}, {layer.out_features}).",
                )
            last = layer

    def __call__(self, x: Any, training: bool = False) -> Tensor:
        """The network's output for a batch of shape (rows, features)."""
        x = enter(x, self.dtype)
        for layer in self.layers:
            x = layer(x, training)
        return x

    def __getitem__(self, i: int) -> Layer:
        return self.layers[i]

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[Layer]:
        return iter(self.layers)

    @property
    def dtype(self) -> np.dtype:
        """The dtype of the parameters, and of all that is computed."""
        return self.block.values.dtype if hasattr(self, "block") else np.dtype(np.float32)

    @property
    def output_activation(self) -> Any:
        """The activation whose output is the network's; None where Dropout comes last."""
        last = self.layers[-1]
        inner = getattr(last, "activation", None)
        return getattr(inner, "activation", inner)

    @property
    def out_features(self) -> int | None:
        """The width of the output, where a layer tells it."""
        return next((n for n in (layer.out_features for layer in self.layers[::-1]) if n), None)

    def parameters(self) -> list[Tensor]:
        """What is learned, each with a name such as ``dense1.weight``."""
        return [parameter for layer in self.layers for parameter in layer.parameters()]

    def predict(self, X: Any, batch_size: int = 4096) -> np.ndarray:
        """The output for each row of ``X``, as an array; Dropout rests.

        Parameters
        ----------
        X : array of shape (rows, features)
        batch_size : int
            How many rows go through at once.
        """
        X = np.asarray(X, self.dtype)
        with no_grad():
            parts = [self(X[i : i + batch_size]).numpy() for i in range(0, len(X), batch_size)]
        if not parts:
            raise ShapeError("predict(X)", "at least one row", "none", "Check the data.")
        return np.concatenate(parts)

    def summary(self) -> str:
        """A table of layers, output shapes and numbers of parameters."""
        rows, width = [("layer", "output", "parameters")], None
        for layer in self.layers:
            width = layer.out_features or width
            count = sum(parameter.size for parameter in layer.parameters())
            inner = getattr(getattr(layer, "activation", None), "activation", None)
            label = f"{layer.name} ({inner!r})" if inner is not None else layer.name
            rows.append((label, f"(rows, {width or '?'})", f"{count:,}"))
        total = sum(parameter.size for parameter in self.parameters())
        rows.append(("total", "", f"{total:,}"))
        widths = [max(len(row[i]) for row in rows) for i in range(3)]
        lines = [
            f"{row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]:>{widths[2]}}" for row in rows
        ]
        rule = "─" * len(lines[0])
        return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1]])

    def save(self, path: Any, optimizer: Optimizer | None = None) -> None:
        """Write the network to a safetensors file: data, never code.

        Parameters
        ----------
        path : str or path
        optimizer : Optimizer, optional
            Saved beside it; the one that ``fit`` used last if left out.
        """
        optimizer = optimizer or self.optimizer
        arrays = {f"parameter/{p.name}": p.numpy() for p in self.parameters()}
        layers = [{"kind": layer.kind, **layer.config()} for layer in self.layers]
        header: dict[str, Any] = {"dtype": str(self.dtype), "layers": layers}
        if optimizer is not None:
            arrays |= {f"state/{name}": state for name, state in optimizer.state.items()}
            header["optimizer"] = optimizer.config()
        storage.write(path, arrays, header)

    def __repr__(self) -> str:
        return self.summary()


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
    if len(widths) < 2:
        raise ArgumentError(
            "mlp(widths=…)", "inputs and outputs at least", str(list(widths)), "Write [2, 16, 1]."
        )
    layers: list[Layer] = []
    for i, (inputs, outputs) in enumerate(pairwise(widths)):
        last = i == len(widths) - 2
        activation = output if last else hidden
        layers.append(
            Dense(inputs, outputs, activation, init=init, seed=seed, stream=i, dtype=dtype)
        )
        if dropout and not last:
            layers.append(Dropout(dropout, seed=seed + i))
    return Sequential(*layers)


def load(path: Any) -> Sequential:
    """A network from a file that ``net.save`` wrote, with its optimizer in ``net.optimizer``.

    Training goes on from here as if it had never stopped:
    ``ml.fit(net, …, optimizer=net.optimizer)``.

    Raises
    ------
    FileError
        If the file is missing, damaged, foreign, or does not fit itself.
    """
    arrays, header = storage.read(path)
    try:
        layers = [dict(layer) for layer in header["layers"]]
        dtype = header["dtype"]
        net = Sequential(*(build_layer(layer.pop("kind"), layer, dtype) for layer in layers))
        for parameter in net.parameters():
            _restore(parameter.numpy(), arrays[f"parameter/{parameter.name}"])
        if "optimizer" in header:
            net.optimizer = build_optimizer(header["optimizer"], net.parameters())
            for name, state in net.optimizer.state.items():
                _restore(state, arrays[f"state/{name}"])
    except (KeyError, TypeError, ValueError, AttributeError, MinidlError) as error:
        raise FileError(
            str(path), "a whole network", f"{error!r}", "The file is damaged: save it again."
        ) from error
    return net


def _restore(place: np.ndarray, saved: np.ndarray) -> None:
    if place.shape != saved.shape or place.dtype != saved.dtype:
        raise ValueError(f"{saved.dtype}{saved.shape} where {place.dtype}{place.shape} belongs")
    place[...] = saved
