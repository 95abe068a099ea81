"""What a CPU can do in one instruction and Python has no word for, on float32 and float64.

Each works on single numbers inside compiled code and is vectorised with the loop around it. The
integer arithmetic on the bits of a float stays in here: numba would widen it to 64 bits.

Without the JIT only ``widest_vectors``, ``larger`` and ``local_array`` are called, and have
stand-ins: what else uses these has a twin in NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np import arrayobj

from minidl.kernels.cpu import AVX512
from minidl.kernels.jit import JIT

_FRACTION = {types.float32: 23, types.float64: 52}
_BIAS = {types.float32: 127, types.float64: 1023}


def _widest_vectors(typing):
    """Let the loops of the kernel that calls this use 512 bits at a time.

    On many CPUs that could, LLVM keeps to 256, for the sake of code that seldom calculates.
    """

    def generate(context, builder, signature, arguments):
        if AVX512:
            set.add(builder.function.attributes, '"prefer-vector-width"="512"')
        return context.get_dummy_value()

    return types.void(), generate


widest_vectors: Any = intrinsic(_widest_vectors) if JIT else lambda: None


def _call(builder: Any, name: str, *arguments: Any) -> Any:
    """An LLVM intrinsic whose arguments, the exponent of ldexp apart, are of one type."""
    kind = arguments[0].type
    kinds = [argument.type for argument in arguments]
    overloaded = list(dict.fromkeys(map(str, kinds)))
    of = [next(k for k in kinds if str(k) == text) for text in overloaded]
    function = builder.module.declare_intrinsic(name, of, ir.FunctionType(kind, kinds))
    return builder.call(function, arguments)


def _bits(builder: Any, value: Any, kind: Any) -> Any:
    width = 32 if kind is types.float32 else 64
    return builder.bitcast(value, ir.IntType(width))


@intrinsic
def fmuladd(typing, x, y, z):
    """x · y + z, rounded once where the CPU can, and in two steps elsewhere."""

    def generate(context, builder, signature, arguments):
        return _call(builder, "llvm.fmuladd", *arguments)

    return x(x, x, x), generate


@intrinsic
def copysign(typing, x, sign):
    """|x| with the sign of the second."""

    def generate(context, builder, signature, arguments):
        return _call(builder, "llvm.copysign", *arguments)

    return x(x, x), generate


def polynomial(coefficients: Sequence[float]) -> Any:
    """c₀ + c₁ x + c₂ x² + …, by Horner's rule."""

    @intrinsic
    def evaluate(typing, x):
        def generate(context, builder, signature, arguments):
            [value] = arguments
            *rest, result = (ir.Constant(value.type, c) for c in coefficients)
            for constant in reversed(rest):
                result = _call(builder, "llvm.fmuladd", result, value, constant)
            return result

        return x(x), generate

    return evaluate


def _whole(builder: Any, shifted: Any, kind: Any) -> Any:
    """The whole number n in a float 1.5 · 2^fraction + n."""
    bits = _bits(builder, shifted, kind)
    magic = ir.Constant(shifted.type, math.ldexp(1.5, _FRACTION[kind]))
    return builder.sub(bits, _bits(builder, magic, kind))


def _power_of_two(builder: Any, n: Any, kind: Any, like: Any) -> Any:
    """2ⁿ for an exponent that a normal float has."""
    raised = builder.add(n, ir.Constant(n.type, _BIAS[kind]))
    return builder.bitcast(builder.shl(raised, ir.Constant(n.type, _FRACTION[kind])), like)


@intrinsic
def power_of_two(typing, shifted):
    """2ⁿ, normal, for the n in 1.5 · 2^fraction + n."""

    def generate(context, builder, signature, arguments):
        n = _whole(builder, arguments[0], shifted)
        return _power_of_two(builder, n, shifted, arguments[0].type)

    return shifted(shifted), generate


@intrinsic
def scaled(typing, y, shifted):
    """y · 2ⁿ, rounded once, for the n in 1.5 · 2^fraction + n; n may be twice a float's least.

    Two factors in turn where the CPU has no instruction for it: to the same bits.
    """

    def generate(context, builder, signature, arguments):
        value, float_type = arguments[0], arguments[0].type
        n = _whole(builder, arguments[1], y)
        if AVX512:
            narrow = n if y is types.float32 else builder.trunc(n, ir.IntType(32))
            return _call(builder, "llvm.ldexp", value, narrow)
        half = builder.ashr(n, ir.Constant(n.type, 1))
        rest = builder.sub(n, half)
        value = builder.fmul(value, _power_of_two(builder, half, y, float_type))
        return builder.fmul(value, _power_of_two(builder, rest, y, float_type))

    return y(y, y), generate


def _split(builder: Any, x: Any, kind: Any) -> tuple[Any, Any]:
    """Bits of x counted from those of √½, and those of √½."""
    root = _bits(builder, ir.Constant(x.type, math.sqrt(0.5)), kind)
    return builder.sub(_bits(builder, x, kind), root), root


@intrinsic
def exponent(typing, x):
    """The n, as a float, for which x / 2ⁿ lies in [√½, √2); x is normal and above 0."""

    def generate(context, builder, signature, arguments):
        offset, _ = _split(builder, arguments[0], x)
        n = builder.ashr(offset, ir.Constant(offset.type, _FRACTION[x]))
        if x is types.float64:
            n = builder.trunc(n, ir.IntType(32))
        return builder.sitofp(n, arguments[0].type)

    return x(x), generate


@intrinsic
def mantissa(typing, x):
    """x / 2ⁿ in [√½, √2); x is normal and above 0."""

    def generate(context, builder, signature, arguments):
        offset, root = _split(builder, arguments[0], x)
        mask = ir.Constant(offset.type, (1 << _FRACTION[x]) - 1)
        bits = builder.add(builder.and_(offset, mask), root)
        return builder.bitcast(bits, arguments[0].type)

    return x(x), generate


def _larger(typing, x, y):
    """The larger of two; a number beats NaN. Unlike a comparison, it is vectorised as a maximum."""

    def generate(context, builder, signature, arguments):
        return _call(builder, "llvm.maxnum", *arguments)

    return x(x, x), generate


larger: Any = intrinsic(_larger) if JIT else np.fmax


def _local_array(typing, length, dtype):
    """A flat array on the stack of the kernel that asks for it, not filled."""
    kind = types.Array(dtype.dtype, 1, "C")

    def generate(context, builder, signature, arguments):
        count, element = length.literal_value, context.get_data_type(dtype.dtype)
        memory = cgutils.alloca_once(builder, ir.ArrayType(element, count))
        size = context.get_constant(types.intp, context.get_abi_sizeof(element))
        array = context.make_array(kind)(context, builder)
        arrayobj.populate_array(
            array,
            data=builder.bitcast(memory, element.as_pointer()),
            shape=[context.get_constant(types.intp, count)],
            strides=[size],
            itemsize=size,
            meminfo=None,
        )
        return array._getvalue()

    return kind(length, dtype), generate


local_array: Any = intrinsic(prefer_literal=True)(_local_array) if JIT else np.empty
