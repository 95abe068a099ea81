"""What minidl runs on here: CPU, its instructions, and where compiled kernels are kept."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping

import numpy as np

from minidl.kernels import cache, cpu, tiles
from minidl.kernels.jit import JIT

FEATURES = ("avx2", "fma", "avx512f")


def info() -> Mapping[str, str]:
    """Facts that speed and last bits depend on, by name.

    Returns
    -------
    mapping of str to str

    Examples
    --------
    >>> "matrix products" in info()
    True
    """
    import numba
    import scipy

    facts = {
        "Python, numpy": f"{platform.python_version()}, {np.__version__}",
        "numba, scipy": f"{numba.__version__}, {scipy.__version__}",
        "CPU": f"{cpu.name()}, {os.cpu_count()} cores",
        "CPU features": ", ".join(name for name in FEATURES if name in cpu.FEATURES)
        or f"none of {', '.join(FEATURES)}",
        "matrix products": _products(),
        "kernels": "compiled" if JIT else "plain Python (NUMBA_DISABLE_JIT)",
    }
    return facts | _cache()


def _products() -> str:
    if not JIT:
        return "NumPy's"
    vectors = f"minidl's own, in vectors of {8 * tiles.VECTOR_BYTES} bits"
    if cpu.FUSES:
        return f"{vectors}, to the same bits on every CPU with fused multiply-adds"
    return f"{vectors}, multiplied and added in two steps: to other bits than where they are fused"


def _cache() -> dict[str, str]:
    if not JIT:
        return {}
    folder = cache.folder()
    if folder is None:
        return {"cache": f"none: no folder can be written to. {cache.REMEDY}"}
    sizes = [path.stat().st_size for path in folder.path.glob("*.nbc")]
    return {"cache": f"{folder.path} ({len(sizes)} files, {sum(sizes) / 1e6:.1f} MB)"}
