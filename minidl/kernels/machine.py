"""Run kernels by address: a list of instructions in one compiled call, no Python inside.

An instruction is three numbers: a trampoline, a kernel's machine code, and where its operands
lie. Operands are words of 64 bits, four for each parameter: an array's address and its shape, or
a number. A trampoline turns words back into arrays; there is one for each signature, not for
each kernel, so that the program runs the very machine code that eager calls run.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.core.ccallback import CFunc
from numba.extending import intrinsic
from numba.np import arrayobj

from minidl.kernels import cache
from minidl.kernels.digests import digest
from minidl.kernels.forking import build_lock
from minidl.kernels.jit import JIT, Kernel, compiling

WORDS = 4
"""Of 64 bits, for each operand: an address and up to three lengths."""

_ARRAYS = {"f": types.float32, "d": types.float64, "l": types.int64, "b": types.boolean}
_NUMBERS = {"F": types.float64, "I": types.int64}
_WORD = ir.IntType(64)


def kind(operand: Any) -> str:
    """One operand's part of a signature: ``f1`` is a flat float32 array, ``F`` a real number."""
    if isinstance(operand, np.ndarray):
        letter = "b" if operand.dtype == bool else operand.dtype.char
        return f"{letter}{operand.ndim}"
    return "F" if isinstance(operand, float) else "I"


def words(operand: Any) -> list[int]:
    """An operand as the machine reads it."""
    if isinstance(operand, np.ndarray):
        integers = [operand.__array_interface__["data"][0], *operand.shape]
    else:
        number = np.float64(operand) if isinstance(operand, float) else np.int64(operand)
        integers = [int(number.view(np.int64))]
    return integers + [0] * (WORDS - len(integers))


def _types(kinds: Sequence[str]) -> tuple[Any, ...]:
    return tuple(
        _NUMBERS[k] if k in _NUMBERS else types.Array(_ARRAYS[k[0]], int(k[1:]), "C") for k in kinds
    )


def addresses(kernel: Kernel, operands: Sequence[Any]) -> tuple[int, int]:
    """The trampoline for these operands, and the kernel's machine code for their types."""
    kinds = tuple(map(kind, operands))
    with (
        build_lock
    ):  # a second trampoline would take the place of the first, whose address is in use
        return trampoline(" ".join(kinds)).address, _machine_code(kernel, kinds)


@functools.cache
def _machine_code(kernel: Kernel, kinds: tuple[str, ...]) -> int:
    signature, function = _types(kinds), kernel.compiled
    if signature not in function.overloads:
        with compiling(kernel):
            function.compile(signature)
    compiled = function.overloads[signature]
    return int(compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name))


@functools.cache
def trampoline(kinds: str) -> Any:
    """Compiled once for a signature, kept on disk under its name."""

    def jump(function, operands):
        return _jump(function, operands, kinds)

    jump.__name__ = f"jump_{kinds.replace(' ', '_')}"
    jump.__qualname__ = f"{jump.__name__}_{digest(jump)}"
    signature = types.int64(types.int64, types.int64)
    compiled = cache.keep(CFunc(jump, (signature.args, signature.return_type), {}, {}), jump)
    compiled.compile()
    return compiled


@intrinsic(prefer_literal=True)
def _jump(typing, function, operands, kinds):
    """Call machine code with operands read from memory; 1 if the kernel refused them, else 0."""
    parameters = _types(kinds.literal_value.split())

    def generate(context, builder, signature, arguments):
        function, operands, _ = arguments
        memory = builder.inttoptr(operands, _WORD.as_pointer())
        values = []
        for i, parameter in enumerate(parameters):
            places = [ir.Constant(_WORD, WORDS * i + j) for j in range(WORDS)]
            read = [builder.load(builder.gep(memory, [place])) for place in places]
            values.append(_value(context, builder, parameter, read))
        convention = context.call_conv
        pointer = convention.get_function_type(types.none, parameters).as_pointer()
        code = builder.inttoptr(function, pointer)
        status, _ = convention.call_function(builder, code, types.none, parameters, values)
        return builder.zext(status.is_error, _WORD)

    return types.int64(types.int64, types.int64, kinds), generate


def _value(context: Any, builder: Any, parameter: Any, read: list[Any]) -> Any:
    """An operand's words as the machine's array, or number."""
    if parameter is types.int64:
        return read[0]
    if parameter is types.float64:
        return builder.bitcast(read[0], ir.DoubleType())
    element = context.get_data_type(parameter.dtype)
    size = context.get_constant(types.intp, context.get_abi_sizeof(element))
    shape = read[1 : 1 + parameter.ndim]
    strides: list[Any] = []
    stride = size
    for length in reversed(shape):
        strides.insert(0, stride)
        stride = builder.mul(stride, length)
    array = context.make_array(parameter)(context, builder)
    arrayobj.populate_array(
        array,
        data=builder.inttoptr(read[0], element.as_pointer()),
        shape=cgutils.pack_array(builder, shape),
        strides=cgutils.pack_array(builder, strides),
        itemsize=size,
        meminfo=None,
    )
    return array._getvalue()


@intrinsic
def _call(typing, jump, function, operands):
    """Call a trampoline by its address; what it returns."""

    def generate(context, builder, signature, arguments):
        pointer = ir.FunctionType(_WORD, [_WORD, _WORD]).as_pointer()
        return builder.call(builder.inttoptr(arguments[0], pointer), arguments[1:])

    return types.int64(types.int64, types.int64, types.int64), generate


def _run(code, segments):
    for k in range(segments.shape[0]):
        for _ in range(segments[k, 2]):
            for i in range(segments[k, 0], segments[k, 1]):
                if _call(code[i, 0], code[i, 1], code[i, 2]) != 0:
                    return i
    return -1


def _ready() -> Any:
    _run.__qualname__ = f"run_{digest(_run)}"
    compiled = cache.keep(njit(nogil=True)(_run), _run)
    compiled.compile("int64(int64[:, ::1], int64[:, ::1])")
    compiled.disable_compile()
    return compiled


run: Any = _ready() if JIT else None
"""Instructions ``first`` to ``last``, so many times, for each (first, last, times) in turn.

It stops behind a kernel that refuses its operands, and returns which instruction that was; −1
where none did.
"""
