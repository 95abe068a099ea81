"""Which BLAS matrix products run on: chosen once, before the first compiled function runs.

numba's products call the OpenBLAS that scipy brings, through ``scipy.linalg.cython_blas``, which
numba loads together with its first function of all, be there a product in it or not. OpenBLAS
looks at the CPU and the environment while it is loaded. It takes its AVX2 kernels on some CPUs
that have AVX-512, where the others are nearly twice as fast; and with two threads and a busy
neighbour it was seen to take 400 times as long as alone. So minidl loads it itself: with the
AVX-512 kernels where OpenBLAS overlooks them, and with one thread. What is set in the environment
(``OPENBLAS_CORETYPE``, ``OPENBLAS_NUM_THREADS``, ``OMP_NUM_THREADS``) is left as it is, and
``MINIDL_BLAS=as_is`` switches all of it off.
"""

from __future__ import annotations

import functools
import os
import sys
from typing import Any

from minidl.kernels import cpu
from minidl.kernels.forking import build_lock

MODULE = "scipy.linalg.cython_blas"
AVX512 = ("SkylakeX", "Cooperlake", "Sapphirerapids", "SapphireRapids")


@functools.cache
def load() -> str:
    """Load the BLAS; returns what was done about it, for ``minidl info``."""
    with build_lock:
        return _load()


def _load() -> str:
    if os.environ.get("MINIDL_BLAS") == "as_is":
        __import__(MODULE)
        return "as it is (MINIDL_BLAS)"
    early = MODULE in sys.modules
    overlooked = _overlooks_avx512()
    if overlooked and not early:
        os.environ["OPENBLAS_CORETYPE"] = "SkylakeX"
    try:
        __import__(MODULE)
    finally:
        if overlooked and not early:
            os.environ.pop("OPENBLAS_CORETYPE", None)  # two threads may come at once
    _take_one_thread()
    if not overlooked:
        return "OpenBLAS' own choice"
    if early:
        return "AVX2, as scipy.linalg was loaded before: import minidl and train first"
    return "AVX-512, which OpenBLAS had overlooked"


def _overlooks_avx512() -> bool:
    """Whether numpy's OpenBLAS, which is loaded already, runs AVX2 where there is AVX-512."""
    if "OPENBLAS_CORETYPE" in os.environ or not cpu.AVX512:
        return False
    chosen = [one["architecture"] for one in pools() if one["internal_api"] == "openblas"]
    return bool(chosen) and chosen[0] not in AVX512


def _take_one_thread() -> None:
    if "OPENBLAS_NUM_THREADS" in os.environ or "OMP_NUM_THREADS" in os.environ:
        return
    from threadpoolctl import ThreadpoolController

    for one in ThreadpoolController().lib_controllers:
        if one.user_api == "blas" and "scipy" in os.path.basename(os.path.dirname(one.filepath)):
            one.set_num_threads(1)


def pools() -> list[dict[str, Any]]:
    """The BLAS libraries in this process, as threadpoolctl tells them."""
    from threadpoolctl import threadpool_info

    return [one for one in threadpool_info() if one["user_api"] == "blas"]
