"""What an optimizer updates: parameters, each once, of one dtype, fixed once it is made."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from minidl.autodiff import Tensor
from minidl.core import ArgumentError, DtypeError


class Parameters(tuple[Tensor, ...]):
    """What an optimizer updates: fixed, as its state has a number for each of theirs."""

    __slots__ = ()

    def _refuse(self, *_: Any, **__: Any) -> Any:
        remedy = "Make another optimizer: ml.Adam([*optimizer.parameters, more])."
        culprit, expected = "optimizer.parameters", "to be left as it was made"
        raise ArgumentError(culprit, expected, "a change", remedy)

    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse
    append = extend = insert = pop = remove = clear = reverse = sort = _refuse


def checked_parameters(name: str, parameters: Any) -> Parameters:
    """The parameters, each once, of one dtype."""
    culprit, remedy = f"{name}(parameters=…)", "Write net.parameters()."
    if isinstance(parameters, Tensor) or not isinstance(parameters, Iterable):
        raise ArgumentError(culprit, "a list of Tensors", repr(parameters), remedy)
    checked = list(parameters)
    if not checked:
        raise ArgumentError(culprit, "at least one", "none", remedy)
    for parameter in checked:
        if not isinstance(parameter, Tensor):
            got = f"a {type(parameter).__name__} among them"
            raise ArgumentError(culprit, "a list of Tensors", got, remedy)
        if not parameter.is_parameter:
            got = f"{parameter.name or 'a tensor'}, which never required a gradient"
            if parameter.requires_grad:
                got = f"{parameter.name or 'a tensor'}, the result of an operation"
            making = "Make it with Tensor(…, requires_grad=True), or write net.parameters()."
            raise ArgumentError(culprit, "parameters", got, making)
        if parameter.dtype != checked[0].dtype:
            dtypes = f"{checked[0].dtype} and {parameter.dtype}"
            remedy = "Make one optimizer for each dtype."
            raise DtypeError(culprit, "parameters of one dtype", dtypes, remedy)
    if len({id(parameter) for parameter in checked}) < len(checked):
        remedy = "It would step twice: leave the repetition out."
        raise ArgumentError(culprit, "every parameter once", "one of them again", remedy)
    return Parameters(checked)
