"""What holds for every compiled loop: the same bits anywhere, packed arithmetic, no stale code."""

import json
import os
import platform
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import kernel_calls
import numpy as np
import pytest

from minidl.kernels.intrinsics import AVX512

X86 = platform.machine() in ("x86_64", "AMD64")
CHECKOUT = Path(__file__).parents[1]
OFFSETS = range(71)
LENGTHS = (1, 2, 5, 15, 16, 17, 63, 64, 65, 100)
DTYPES = (np.float32, np.float64)
AVX2 = {
    "NUMBA_CPU_NAME": "haswell",
    "NUMBA_CPU_FEATURES": "+sse4.2,+avx,+avx2,+fma,+bmi,+bmi2,+popcnt",
}
CODE = """
import json
import kernel_calls
from minidl.kernels.intrinsics import AVX512
print(json.dumps([AVX512, CALLS, kernel_calls.packed()]))
"""


def started(folder, calls, **environment):
    """A process that compiles every kernel into an empty cache folder."""
    paths = os.pathsep.join(map(str, (CHECKOUT, CHECKOUT / "tests" / "support")))
    return subprocess.Popen(
        [sys.executable, "-c", CODE.replace("CALLS", calls)],
        env={**os.environ, "PYTHONPATH": paths, "NUMBA_CACHE_DIR": str(folder), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="module")
def compiling(tmp_path_factory):
    """Processes that compile for this CPU and for one without AVX-512, while other tests run."""
    folder = tmp_path_factory.mktemp("compiled")
    processes = {}
    if X86:  # nothing but the code is needed of this CPU's own
        own, other = (f"kernel_calls.digests(double={double})" for double in (False, True))
        processes["this CPU"] = started(folder / "own", own)
        processes["AVX2"] = started(folder / "avx2", other, **AVX2)
    yield processes
    for process in processes.values():
        process.kill()
        process.communicate()


pytestmark = pytest.mark.usefixtures("compiling")


def names_of(calls):
    return [name for name, *_ in calls]


@pytest.mark.parametrize("name", names_of(kernel_calls.elementwise(np.float32, 1)))
def test_a_number_gives_the_same_bits_at_every_place(name):
    """Whether it falls into a vector, or into what is left over behind the last."""
    for dtype in DTYPES:
        total = OFFSETS[-1] + LENGTHS[-1]
        calls = {n: rest for n, *rest in kernel_calls.elementwise(dtype, total)}
        kernel, operands = calls[name]
        kernel.run(*operands)
        expected = [operands[place].copy() for place in kernel.writes]
        assert all(np.unique(y[np.isfinite(y)]).size > 1 for y in expected)
        for offset in OFFSETS:
            for length in LENGTHS:
                part = slice(offset, offset + length)
                given = [o[part] if np.size(o) == total else o for o in operands]
                for place in kernel.writes:
                    given[place][:] = 0.5
                kernel.run(*given)
                for place, whole in zip(kernel.writes, expected, strict=True):
                    assert kernel_calls.bits(given[place]) == kernel_calls.bits(whole[part]), (
                        dtype,
                        offset,
                        length,
                    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("length", sorted({*LENGTHS, *kernel_calls.LENGTHS}))
def test_sums_and_rows_do_not_depend_on_where_they_lie(length, dtype):
    known = kernel_calls.package()
    for calls in (kernel_calls.rows, kernel_calls.others):
        for name, operands in calls(dtype, length):
            kernel = known[name.split()[0]]
            expected = kernel_calls.outcome(kernel, operands)
            for offset in OFFSETS[1:]:
                assert kernel_calls.outcome(kernel, operands, offset) == expected, (name, offset)


@pytest.mark.parametrize("dtype", DTYPES)
def test_two_threads_at_once_get_the_same_bits(dtype):
    """The same kernel on different numbers, long enough for the two to meet inside it."""
    both = zip(kernel_calls.calls(dtype, 20_000), kernel_calls.calls(dtype, 30_000), strict=True)
    with ThreadPoolExecutor(2) as pool:
        for calls in both:
            expected = [kernel_calls.outcome(*call[1:], times=10) for call in calls]
            start = threading.Barrier(2)

            def again(call, start=start):
                start.wait()
                return kernel_calls.outcome(*call[1:], times=10)

            assert list(pool.map(again, calls)) == expected, calls[0][0]


PRODUCTS = "calls the loops of products by their symbol"
MOVES = "moves numbers and calculates nothing"
PLACES = "its numbers meet at places that it looks up"
NOT_PACKED = {
    "linear_forward": MOVES,
    "copy": MOVES,
    "take": MOVES,
    "gather": MOVES,
    "gather_view": PLACES,
    "put_view": MOVES,
    "fill": MOVES,
    "keep": "one number a batch",
    "begin": "one number an update",
    "draw": "one number a step",
    "scatter_add": PLACES,
    "extreme": PLACES,
    "extreme_backward": PLACES,
    "dense": PRODUCTS,
    "dense_dx": PRODUCTS,
    "dense_dw": PRODUCTS,
    "matmul": PRODUCTS,
    "matmul_da": PRODUCTS,
    "matmul_db": PRODUCTS,
    **dict.fromkeys(
        ("inside_interval", "among_choices", "all_classes", "all_one_hot", "all_finite"),
        "a check: it stops at the first number out of place",
    ),
}
"""Kernels without a packed operation, and why."""


ONLY_BY_AVX512 = {"where": "reads from one of two arrays: each number a branch"}


@pytest.mark.skipif(not X86, reason="reads x86-64 code")
def test_every_kernel_is_packed_and_gives_the_same_bits_without_avx512(compiling):
    kernels = {kernel.name for _, kernel, _ in kernel_calls.calls(np.float32, 3)}
    assert set(NOT_PACKED) < kernels
    for cpu, process in compiling.items():
        told, errors = process.communicate()
        assert process.returncode == 0, errors
        has_avx512, digests, packed = json.loads(told)
        assert has_avx512 == (AVX512 and cpu != "AVX2")
        assert set(packed) == kernels
        assert all(packed.values()), "code from a cache cannot be read"
        bare = {name for name, counts in packed.items() if min(counts) == 0}
        bare.add("gather_view")  # which numba 0.62 packs
        assert bare == set(NOT_PACKED) | set(() if has_avx512 else ONLY_BY_AVX512), cpu
        assert cpu == "this CPU" or digests == kernel_calls.digests(double=True)


SHOW = "import minidl as ml, numpy as np; print(ml.sigmoid(np.float32([-1.0, 2.0])).tolist())"


def test_an_edited_coefficient_is_never_ignored(tmp_path):
    skip = shutil.ignore_patterns("__pycache__")
    shutil.copytree(CHECKOUT / "minidl", tmp_path / "minidl", ignore=skip)
    coefficients = tmp_path / "minidl/kernels/coefficients.py"
    plain, cache = coefficients.read_text(), tmp_path / "cache"

    def shown(source):
        coefficients.write_text(source)
        done = subprocess.run(
            [sys.executable, "-B", "-c", SHOW],
            env={**os.environ, "PYTHONPATH": str(tmp_path), "NUMBA_CACHE_DIR": str(cache)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout, sorted(path.name for path in cache.rglob("*.nb?"))

    first, files = shown(plain)
    edited = plain.replace("SINGLE_EXP = (\n    0.49", "SINGLE_EXP = (\n    0.48")
    assert edited != plain
    second, more = shown(edited)
    assert second != first
    assert set(files) < set(more)
    assert shown(plain) == (first, more)
