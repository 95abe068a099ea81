"""What minidl runs on here: CPU, BLAS, threads, and where compiled kernels are kept."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from minidl.kernels import blas, cache, cpu
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
    import numba
    import scipy

    done = blas.load()
    facts = {
        "Python, numpy": f"{platform.python_version()}, {np.__version__}",
        "numba, scipy": f"{numba.__version__}, {scipy.__version__}",
        "CPU": f"{cpu.name()}, {os.cpu_count()} cores",
        "CPU features": ", ".join(name for name in FEATURES if name in cpu.FEATURES)
        or f"none of {', '.join(FEATURES)}",
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
    folder = cache.folder()
    if folder is None:
        return {"cache": f"none: no folder can be written to. {cache.REMEDY}"}
    sizes = [path.stat().st_size for path in folder.path.glob("*.nbc")]
    return {"cache": f"{folder.path} ({len(sizes)} files, {sum(sizes) / 1e6:.1f} MB)"}
