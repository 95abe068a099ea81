"""Which operation it is: by the kernel that it reads, or by the key that a step keeps of it."""

from __future__ import annotations

from typing import Any

import minidl.walkthrough.operations.products  # noqa: F401  # registers its operations
from minidl.nn import Loss, losses
from minidl.optim import Optimizer, optimizers
from minidl.walkthrough.operations.activations import (
    ElementwiseGradient,
    ElementwiseValue,
    RowValue,
    is_row_kernel,
    scalar_op,
)
from minidl.walkthrough.operations.movement import ShownAsItIs
from minidl.walkthrough.operations.objective import EachLoss
from minidl.walkthrough.operations.operation import Operation, by_kernel, registry
from minidl.walkthrough.operations.updates import Update
from minidl.walkthrough.steps import Step


def find(kernel: Any, loss: Loss | None = None) -> Operation | None:
    """The operation whose kernel this is; None of a kernel of one's own.

    The walkthrough's ``loss`` need not be registered.

    Examples
    --------
    >>> from minidl.kernels import linear
    >>> find(linear.dense).key
    'dense'
    """
    if _of_loss(kernel, [loss] if loss is not None else losses):
        return registry[EachLoss.key]
    if kernel in by_kernel:
        return by_kernel[kernel]
    for entry in optimizers:
        if kernel is entry.cls.update_kernel and _states_formulas(entry.cls):
            return _update(entry.cls)
    if is_row_kernel(kernel):
        return registry[RowValue.key]
    if (cls := scalar_op(kernel)) is not None:
        forward = cls._loops.index(kernel) == 0
        return registry[(ElementwiseValue if forward else ElementwiseGradient).key]
    return None


def operation_for(kernel: Any, loss: Loss) -> Operation:
    """The operation that reads a kernel's instructions, whoever wrote the kernel."""
    return find(kernel, loss) or registry[ShownAsItIs.key]


def operation_of(step: Step) -> Operation:
    """The operation of a step."""
    if step.expansion in registry:
        return registry[step.expansion]
    if step.expansion in optimizers:
        return _update(optimizers[step.expansion].cls)
    return registry[ShownAsItIs.key]


def _update(cls: Any) -> Update:
    """Of several optimizers with one kernel the first: it states what is common to all."""
    first = next(e.cls for e in optimizers if e.cls.update_kernel is cls.update_kernel)
    return Update(first)


def _states_formulas(cls: type[Optimizer]) -> bool:
    return cls.formulas.__func__ is not Optimizer.formulas.__func__  # type: ignore[attr-defined]


def _of_loss(kernel: Any, among: Any) -> bool:
    return any(
        kernel is loss.kernel(logits)
        for loss in among
        for logits in ((False, True) if loss.link else (False,))
    )
