"""minidl's matrix products against OpenBLAS, and against the CPU's peak: one table of ratios.

python benchmarks/products.py            # the shapes of layers, then 200 random ones
python benchmarks/products.py --quick    # a few of each

For each shape three products: y = x w + b, dx = dy wᵀ, dw = xᵀ dy; rows x inputs x outputs. *BLAS*
is OpenBLAS' time (scipy's, called from compiled code as numba does, on one thread, with the kernels
it chose) over minidl's; *peak* the share of fused multiply-adds per second that a loop of nothing
else reaches in the same run. Medians of interleaved rounds of processor time.
"""

import argparse
import os
import time

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from minidl.kernels.linear import dense, dense_dw, dense_dx
from minidl.kernels.tiles import VECTOR_BYTES, _Lanes

LAYERS = [
    (32, 2, 16), (32, 16, 16), (32, 16, 1), (64, 64, 64), (128, 64, 128), (128, 128, 128),
    (128, 128, 10), (128, 784, 512), (128, 512, 512), (128, 512, 10), (32, 784, 128),
    (256, 1024, 1024), (1, 784, 512), (2, 784, 512), (3, 784, 512), (1, 64, 128),
]  # fmt: skip
CHAINS = 12
ROUNDS = 9


@njit(nogil=True, error_model="numpy")
def blas_y(x, w, b, y):
    np.dot(x, w, y)
    for row in y:
        for j in range(b.size):
            row[j] += b[j]


@njit(nogil=True, error_model="numpy")
def blas_dx(w, dy, dx):
    np.dot(dy, w.T, dx)


@njit(nogil=True, error_model="numpy")
def blas_dw(x, dy, dw):
    np.dot(x.T, dy, dw)


@intrinsic
def _multiply_adds(typing, numbers, times):
    """So many fused multiply-adds in each of a few independent vectors."""

    def generate(context, builder, signature, arguments):
        lanes = _Lanes(context, builder, numbers.dtype)
        base = context.make_array(numbers)(context, builder, arguments[0]).data
        vectors = [lanes.load(base, lanes.constant(i * lanes.count)) for i in range(CHAINS + 2)]
        factor, term = vectors[CHAINS:]
        cells = [cgutils.alloca_once_value(builder, vector) for vector in vectors[:CHAINS]]
        with cgutils.for_range(builder, arguments[1]):
            for cell in cells:
                builder.store(lanes.fmuladd(builder.load(cell), factor, term), cell)
        for i, cell in enumerate(cells):
            lanes.store(builder.load(cell), base, lanes.constant(i * lanes.count))
        return ir.Constant(ir.IntType(64), 0)

    return types.int64(numbers, types.intp), generate


@njit(nogil=True)
def multiply_adds(numbers, times):
    return _multiply_adds(numbers, times)


def peak(dtype):
    """Floating-point operations per second of a loop of fused multiply-adds."""
    lanes, times = VECTOR_BYTES // np.dtype(dtype).itemsize, 2_000_000
    numbers = np.random.default_rng(0).uniform(0.5, 0.6, (CHAINS + 2) * lanes).astype(dtype)
    multiply_adds(numbers, 1)
    best = min(timed(multiply_adds, (numbers, times), 1) for _ in range(5))
    return 2 * times * CHAINS * lanes / best


def timed(function, operands, times):
    """Processor time of one call."""
    start = time.thread_time()
    for _ in range(times):
        function(*operands)
    return (time.thread_time() - start) / times


def compared(shape, dtype, rng):
    """For each of the three products: seconds of minidl's, and of OpenBLAS'."""
    n, k, m = shape
    x, w, dy = (rng.standard_normal(s).astype(dtype) for s in ((n, k), (k, m), (n, m)))
    b = rng.standard_normal(m).astype(dtype)
    y, dx, dw = np.empty_like(dy), np.empty_like(x), np.empty_like(w)
    pairs = (
        (dense.compiled, blas_y, (x, w, b, y)),
        (dense_dx.compiled, blas_dx, (w, dy, dx)),
        (dense_dw.compiled, blas_dw, (x, dy, dw)),
    )
    times = max(1, int(1e7 / max(2 * n * k * m, 2e4)))
    for own, blas, operands in pairs:
        own(*operands), blas(*operands)
        seconds = [[timed(f, operands, times) for f in (own, blas)] for _ in range(ROUNDS)]
        yield np.median(seconds, axis=0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a few shapes of each kind")
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    number = 10 if options.quick else 200
    for dtype in ("float32", "float64"):
        fastest = peak(dtype)
        print(f"{dtype}: peak {fastest / 1e9:.0f} GFLOP/s\n")
        print(f"{'rows x in x out':18}" + "".join(f"{c:>6} BLAS  peak" for c in ("y", "dx", "dw")))
        for shape in LAYERS[:: 4 if options.quick else 1]:
            cells = ""
            for own, blas in compared(shape, dtype, rng):
                share = 2 * np.prod(shape, dtype=float) / own / fastest
                cells += f"{blas / own:11.2f} {share:5.0%}"
            print(f"{' x '.join(map(str, shape)):18}{cells}")
        shapes = rng.integers(1, 601, (number, 3))
        ratios = np.array([[blas / own for own, blas in compared(s, dtype, rng)] for s in shapes])
        print(f"\n{number} random shapes of 1 to 600: BLAS' time over minidl's")
        for name, column in zip(("y", "dx", "dw"), ratios.T, strict=True):
            worst = " x ".join(map(str, shapes[column.argmin()]))
            print(
                f"  {name:3} median {np.median(column):.2f}, least {column.min():.2f} ({worst}), "
                f"below 0.9: {np.mean(column < 0.9):.1%}"
            )
        print()


if __name__ == "__main__":
    main()
