"""Which instructions machine code made here may use: asked of numba's target, in one place.

That need not be the CPU at hand: ``NUMBA_CPU_NAME``, ``NUMBA_CPU_FEATURES`` and
``NUMBA_ENABLE_AVX`` choose another. LLVM ends the process where code asks for an instruction that
the target has not, and so does the CPU where the target has more than itself.
"""

from __future__ import annotations

import re

import llvmlite.binding as llvm
from numba.core.registry import cpu_target

from minidl.core import ArgumentError

_MADE_OF = {"avx": "%ymm", "avx2": r"vpaddd\s+%ymm", "fma": "vfmadd", "avx512f": "%zmm"}
"""What shows in machine code that a feature is there."""
_PROBE = """
define <16 x float> @fused(<16 x float> %x) "min-legal-vector-width"="512" {
  %y = call <16 x float> @llvm.fma.v16f32(<16 x float> %x, <16 x float> %x, <16 x float> %x)
  ret <16 x float> %y
}
define <8 x i32> @whole(<8 x i32> %x) {
  %y = add <8 x i32> %x, %x
  ret <8 x i32> %y
}
declare <16 x float> @llvm.fma.v16f32(<16 x float>, <16 x float>, <16 x float>)
"""

_target = cpu_target.target_context.codegen()


def name() -> str:
    """The CPU that machine code is made for, as LLVM calls it."""
    return str(_target._get_host_cpu_name())


def features(cpu: str, flags: str) -> frozenset[str]:
    """What a target has, seen in what LLVM makes for it: a feature brings or takes others along."""
    target = llvm.Target.from_default_triple()
    machine = target.create_target_machine(cpu=cpu, features=flags)
    code = machine.emit_assembly(llvm.parse_assembly(_PROBE))
    return frozenset(feature for feature, sign in _MADE_OF.items() if re.search(sign, code))


def _of_target() -> frozenset[str]:
    here = llvm.get_host_cpu_features()
    host_features = frozenset(feature for feature in _MADE_OF if here.get(feature))
    cpu, flags = name(), _target._get_host_cpu_features()
    if (cpu, flags) == (llvm.get_host_cpu_name(), here.flatten()):
        return host_features
    chosen = features(cpu, flags)
    if missing := sorted(chosen - host_features):
        raise ArgumentError(
            "NUMBA_CPU_NAME, NUMBA_CPU_FEATURES",
            "instructions that this CPU has",
            f"{cpu!r} with {', '.join(missing)}, which it lacks",
            "Unset them: numba finds out what this CPU can do.",
        )
    return chosen


FEATURES = _of_target()

AVX = "avx" in FEATURES
AVX512 = "avx512f" in FEATURES
"""Then y · 2ⁿ is one instruction; elsewhere LLVM would leave the loop to do it."""
FUSES = "fma" in FEATURES
"""Then x · y + z is rounded once, and what a product lost can be had by it."""
