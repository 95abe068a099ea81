"""A pairing seen through: the same weights and rows under several heads, side by side."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from minidl.autodiff import Tensor
from minidl.core import SIGNS, ArgumentError, as_numbers, printable, storage
from minidl.diagnostics import SLOPE, SUMS, levels_off
from minidl.document import Page, put, to_html, to_lines, to_markdown, to_text
from minidl.model import Sequential
from minidl.nn import Activation, Dense, Dropout, activations, losses
from minidl.optim import Rate
from minidl.pairing import Head, encode_labels
from minidl.walkthrough.document import Document
from minidl.walkthrough.formulas import parse, shown
from minidl.walkthrough.make import explain
from minidl.walkthrough.operations import operation_of
from minidl.walkthrough.steps import Array
from minidl.walkthrough.walkthrough import Walkthrough
from minidl.walkthrough.xrays.views import Logit, View
from minidl.walkthrough.xrays.xray_page import xray_page

SCHEMA = 4
"""Of an x-ray's JSON; older files are refused."""

BINARY_HEADS = ("sigmoid+bce", "sigmoid+mse", "linear+mse")
CLASS_HEADS = ("softmax+cce", "softmax+mse", "sigmoid+bce")
NUMBER_HEADS = ("linear+mse", "linear+huber", "linear+mae")
"""The heads that are compared unless others are named: for one label, for several, for numbers."""


@dataclass(frozen=True)
class XRay(Document):
    """The same weights and rows under several heads; ``minidl.xray`` makes it.

    Attributes
    ----------
    schema : int
    title, optimizer : str
        The network and the batch; what makes the update.
    given : tuple of Array
        The rows and the parameters, before the update.
    views : tuple of View
        One a head.

    Examples
    --------
    >>> import minidl as ml
    >>> net = ml.mlp([1, 1], seed=0)
    >>> net[0].weight.data = [[1.0]]
    >>> seen = ml.xray(net, [[4.0]], [0], ["sigmoid+bce", "sigmoid+mse"])
    >>> [view.finding for view in seen.views]
    ['p′(z) cancels: ∂L/∂z = (σ(z) − t)/n.',
     'p′(z) stays: at z = 4 it divides ∂L/∂p by 56.6.']
    """

    schema: int
    title: str
    optimizer: str
    given: tuple[Array, ...]
    views: tuple[View, ...]

    _what = "an x-ray"
    _schema = SCHEMA
    _remedy = "Make it anew: xray.to_json() writes one."

    @property
    def page(self) -> Page:
        """What is shown of it."""
        return xray_page(self.title, self.optimizer, self.given, self.views)

    def to_markdown(self) -> str:
        """Tables and findings as Markdown."""
        return to_markdown(self.page)

    def to_html(self) -> str:
        """One page that needs nothing else."""
        return to_html(self.page)

    def save(self, path: Any) -> None:
        """Write a file, which appears whole or not at all: .html, .md or .json.

        Raises
        ------
        ArgumentError
            For another ending.
        FileError
            If it cannot be written.
        """
        renderings = {".html": self.to_html, ".md": self.to_markdown, ".json": self.to_json}
        ending = Path(path).suffix
        if ending not in renderings:
            wanted = f"a name that ends in {', '.join(renderings)}"
            raise ArgumentError("XRay.save", wanted, str(path), "Write xray.html.")
        storage.write_whole(path, renderings[ending]().encode())

    def show(self, file: IO[str] | None = None) -> None:
        """Print the tables: in colour on a terminal, plain elsewhere."""
        put(to_lines(self.page), file)

    def __str__(self) -> str:
        return printable(to_text(self.page))

    def _repr_markdown_(self) -> str:
        """In a notebook."""
        return self.to_markdown()


def xray(
    net: Sequential,
    x: Any,
    y: Any,
    heads: Sequence[str] | None = None,
    *,
    optimizer: Any = "sgd",
    learning_rate: Rate | None = None,
) -> XRay:
    """See what each head would teach the same network: its gradient at the logits, one update.

    The last layer's activation is replaced by each head's; weights and rows stay. Labels from 0 are
    encoded as each head wants them (one-hot, −1 and 1). Dropout is switched off.

    Parameters
    ----------
    net : Sequential
        It is not changed. Its last layer is a ``Dense`` or an ``Activation``.
    x : array of shape (rows, features)
        A few rows.
    y : array
        Labels from 0, or what every head takes as it is.
    heads : sequence of str, optional
        ``["sigmoid+bce", "sigmoid+mse"]``: an output activation and a loss. Left out, three that
        suit the targets.
    optimizer, learning_rate
        As in ``explain``: they make the update.

    Returns
    -------
    XRay

    Raises
    ------
    UnknownNameError
        For an output activation or a loss that nobody registered.
    ArgumentError
        For what is no head, and for one that these outputs cannot feed.
    MinidlError
        Where data, network and head do not fit each other.

    Examples
    --------
    >>> import minidl as ml
    >>> net = ml.mlp([2, 3, 2], hidden="tanh", seed=0)
    >>> seen = ml.xray(net, [[0.5, -1.0]], [1], ["softmax+cce", "sigmoid+bce"])
    >>> [(view.head, view.short) for view in seen.views]
    [('softmax+cce', 'p − t'), ('sigmoid+bce', 'σ(z) − t')]
    """
    if isinstance(heads, str):
        raise ArgumentError("xray(heads=…)", "a list of heads", repr(heads), f"Write [{heads!r}].")
    targets = as_numbers("y", y)
    asked = tuple(heads or _usual(net, targets))
    views, walkthrough = [], None
    for text in asked:
        head = Head.parse(text)
        twin, updater = copy.deepcopy((net, optimizer))
        _crown(twin, head)
        t = _encoded(head, targets, twin)
        walkthrough = explain(twin, x, t, loss=head.loss, optimizer=updater,
                              learning_rate=learning_rate)  # fmt: skip
        views.append(_view(text, head, twin, walkthrough))
    assert walkthrough is not None
    problem = walkthrough.problem
    given = tuple(array for array in walkthrough.start if array.name != "t")
    return XRay(SCHEMA, problem.title, problem.optimizer, given, tuple(views))


def _usual(net: Sequential, y: np.ndarray) -> tuple[str, ...]:
    if not _are_labels(y):
        return NUMBER_HEADS
    return CLASS_HEADS if (net.out_features or 1) > 1 else BINARY_HEADS


def _are_labels(y: np.ndarray) -> bool:
    return bool(y.size and (y == np.floor(y)).all() and y.min() >= 0)


def _crown(net: Sequential, head: Head) -> None:
    """Replace the last activation, and switch dropout off."""
    output, last = activations[head.activation], net[-1]
    if output.learned:
        remedy = "Take sigmoid, softmax, tanh or linear."
        raise ArgumentError("head", "an output activation", f"{output.name}, which learns", remedy)
    if not isinstance(last, Dense | Activation):
        wanted = "a last layer whose activation can be replaced: Dense or Activation"
        raise ArgumentError(last.name, wanted, last.kind, "End the network in ml.Dense(…).")
    if net.out_features == 1 and not hasattr(output, "value"):
        wanted = f"several outputs for {head.name}"
        raise ArgumentError(last.name, wanted, "one", "Write sigmoid+bce, or add an output.")
    # What a layer fixes when it is built: this network is a copy that nobody else has.
    if isinstance(last, Dense):
        vars(last).update(activation=Activation(output))
    else:
        vars(last).update(activation=output, alpha=None)
    for layer in net:
        if isinstance(layer, Dropout):
            layer.rate = 0.0


def _encoded(head: Head, y: np.ndarray, net: Sequential) -> np.ndarray:
    """Targets as a head wants them; numbers that are no labels stay as they are."""
    loss, width = losses[head.loss], net.out_features or 1
    if not _are_labels(y):
        return y
    if y.ndim == 1 or y.shape[-1] == 1:
        classes = y.reshape(-1).astype(np.int64)
        if width > 1 and classes.max() >= width:
            wanted = f"labels from 0 to {width - 1}, as {net[-1].name} has {width} outputs"
            raise ArgumentError("y", wanted, str(classes.max()), "Give the network more outputs.")
        return encode_labels(classes, loss, width)
    return 2 * y - 1 if loss.target == SIGNS else y


def _view(text: str, head: Head, net: Sequential, walkthrough: Walkthrough) -> View:
    steps = walkthrough.steps
    back = next(step for step in steps if operation_of(step).is_loss_gradient)
    summed = [step for step in steps if step.phase == "forward" and operation_of(step).has_bias][-1]
    name = summed.writes[0].name
    end = walkthrough.after(len(steps) - 1)
    z, gradient = end[name].numbers, end[f"∂{name}"].numbers
    targets = end["t"].numbers
    for parameter in net.parameters():
        parameter.data = end[str(parameter.name)].numbers
    p_after = net.predict(end["x"].numbers).reshape(z.shape)
    _crown(net, Head("linear", head.loss))
    z_after = net.predict(end["x"].numbers).reshape(z.shape)
    p, slope, upstream = _through(head, z, targets)
    if targets.size < z.size:  # class numbers
        targets = np.eye(z.shape[-1])[targets.astype(np.int64).reshape(-1)]
    table = (z, targets.reshape(z.shape), p, upstream, slope, gradient, z_after, p_after)
    cells = np.stack([numbers.reshape(-1) for numbers in table], axis=1).tolist()
    flat = _flat(head, slope).reshape(-1).tolist()
    logits = (
        Logit(*[*divmod(i, z.shape[-1]), *numbers, level])
        for i, (numbers, level) in enumerate(zip(cells, flat, strict=True))
    )
    cancelled = back.formulas["cancels"]
    before, after = (
        float(a[()]) for a in (end[walkthrough.problem.loss_name], steps[-1].writes[0])
    )
    return View(
        head=text,
        loss=before,
        loss_after=after,
        cancels=bool(back.formulas["link"]),
        mixes=not hasattr(activations[head.activation], "value"),
        short=shown(parse(cancelled), {}) if cancelled else "",
        logits=tuple(logits),
    )


def _through(head: Head, z: np.ndarray, t: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Prediction, ∂pₖ/∂zₖ and ∂L/∂p, in float64."""
    output, loss = activations[head.activation], losses[head.loss]
    slope = np.stack([_slope(output, z, k) for k in range(z.shape[-1])], axis=-1)
    prediction = Tensor(output(z.copy()), requires_grad=True, dtype="float64")
    loss(t, prediction).backward()
    return prediction.numpy(), slope, np.asarray(prediction.grad)


def _slope(output: Any, z: np.ndarray, k: int) -> np.ndarray:
    """∂pₖ/∂zₖ of every row, in float64."""
    logits = Tensor(z, requires_grad=True, dtype="float64")
    output(logits)[:, k].sum().backward()
    return np.asarray(logits.grad)[:, k]


def _flat(head: Head, slope: np.ndarray) -> np.ndarray:
    """Where an output is saturated; a softmax is steepest in one logit where the others are 0."""
    output = activations[head.activation]
    z = np.zeros((len(SUMS), slope.shape[-1]))
    z[:, 0] = SUMS
    flat: np.ndarray = abs(slope) <= SLOPE * abs(_slope(output, z, 0)).max()
    return flat & levels_off(output)
