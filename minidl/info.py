"""What minidl runs on here: CPU, BLAS, threads, and where compiled kernels are kept."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from minidl.kernels import blas
from minidl.kernels.elementwise import copy
from minidl.kernels.jit import JIT

FEATURES = ("avx2", "fma", "avx512f")


def info() -> Mapping[str, str]:
    """Facts that speed and last bits depend on, by name.

    Returns
    -------
    mapping of str to str

    Examples
    --------
    >>> "BLAS" in info()
    True
    """
    import llvmlite.binding as llvm
    import numba
    import scipy

    done = blas.load()
    has = llvm.get_host_cpu_features()
    facts = {
        "Python, numpy": f"{platform.python_version()}, {np.__version__}",
        "numba, scipy": f"{numba.__version__}, {scipy.__version__}",
        "CPU": f"{llvm.get_host_cpu_name()}, {os.cpu_count()} cores",
        "CPU features": ", ".join(name for name in FEATURES if has.get(name)) or "none of these",
        "BLAS": f"{_blas()}; {done}",
        "kernels": "compiled" if JIT else "plain Python (NUMBA_DISABLE_JIT)",
    }
    return facts | _cache()


def _blas() -> str:
    return "; ".join(
        f"{one['internal_api']} {one['version']} {one.get('architecture', '')}, "
        f"{one['num_threads']} thread{'s' if one['num_threads'] != 1 else ''} "
        f"({'products' if 'scipy' in Path(one['filepath']).parent.name else 'numpy'})"
        for one in blas.pools()
    )


def _cache() -> dict[str, str]:
    if not JIT:
        return {}
    copy(np.zeros(1), np.zeros(1))  # so that there is a folder
    folder = Path(copy.ready().stats.cache_path)
    files = list(folder.glob("*.nb?"))
    size = sum(path.stat().st_size for path in files)
    return {"cache": f"{folder} ({len(files)} files, {size / 1e6:.1f} MB)"}
