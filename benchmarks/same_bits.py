"""Whether training gives the same bits on another CPU, and eagerly: a table of digests.

python benchmarks/same_bits.py          # 65 networks
python benchmarks/same_bits.py --quick  # 10

Networks of every activation under five heads, with odd sizes, in float32 and float64, and products
alone; on this CPU, on one as it was in 2013 (AVX2, FMA), and with vectors of 128 bits, as on ARM.
Ends with status 1 where any digest differs. A CPU without fused multiply-adds has other bits.
"""

import argparse
import hashlib
import itertools
import os
import subprocess
import sys
import tempfile
from pathlib import Path

KINDS = {
    "this CPU": {},
    "AVX2": {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": ""},
    "vectors of 128 bits": {"NARROW": "1"},
}
HEADS = (
    ("sigmoid", "bce", 1), ("softmax", "cce", 3), ("linear", "huber", 2), ("tanh", "hinge", 1),
    ("softplus", "poisson", 1),
)  # fmt: skip
OPTIMIZERS = "sgd", "adam", "adamw", "rmsprop"
SHAPES = (300, 700, 40), (1, 784, 512), (2, 515, 33), (3, 257, 8), (128, 300, 10), (4, 4, 4)


def narrow():
    """Have minidl imported anew, as if the CPU had no vectors of 256 bits."""
    from minidl.kernels import cpu

    cpu.AVX = cpu.AVX512 = False
    for name in [name for name in sys.modules if name.startswith("minidl")]:
        if name != cpu.__name__:
            del sys.modules[name]


def networks(quick):
    """A digest of trained networks, eager and recorded alike."""
    import numpy as np

    import minidl as ml

    X = np.random.default_rng(0).normal(size=(75, 5))
    signs = X[:, :1] > 0
    targets = {"bce": signs, "hinge": 2.0 * signs - 1, "huber": X[:, :2]}
    targets["poisson"] = 3.0 * signs
    targets["cce"] = signs[:, 0] + (X[:, 1] > 0)
    hidden = [name for name in ml.activations.names() if name not in ("linear", "log_softmax")]
    digest = hashlib.sha256()
    cases = [*itertools.product(["relu", "gelu"] if quick else hidden, HEADS)]
    for i, (activation, (output, loss, width)) in enumerate(cases):
        left = set()
        for record in (True, False):
            net = ml.mlp(
                [5, 37 + i % 5, 13, width],
                hidden=activation,
                output=output,
                dtype="float64" if i % 3 == 0 and not quick else "float32",
                seed=i,
            )
            ml.fit(
                net,
                X,
                targets[loss],
                loss=loss,
                optimizer=OPTIMIZERS[i % 4],
                learning_rate=0.01,
                epochs=2,
                batch_size=(1, 3, 32, 75)[i // 5 % 4],
                record=record,
                seed=i,
            )
            left.add(net.block.values.tobytes())
        if len(left) > 1:
            raise SystemExit(f"{activation} under {loss}: eager and recorded differ")
        digest.update(left.pop())
    return f"{len(cases)} networks", digest.hexdigest()


def products():
    """A digest of matrix products and their gradients."""
    import numpy as np

    import minidl as ml

    rng, digest = np.random.default_rng(1), hashlib.sha256()
    for (n, k, m), dtype in itertools.product(SHAPES, ("float32", "float64")):
        a, b = (rng.normal(size=s).astype(dtype) for s in ((n, k), (k, m)))
        a, b = ml.Tensor(a, requires_grad=True), ml.Tensor(b, requires_grad=True)
        c = a @ b
        c.backward(rng.normal(size=c.shape))
        for array in (c.numpy(), a.grad, b.grad):
            digest.update(array.tobytes())
    return f"{len(SHAPES)} products, float32 and float64", digest.hexdigest()


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="10 networks instead of 65")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.here:
        if "NARROW" in os.environ:
            narrow()
        print(*networks(options.quick), *products(), sep="\n")
        return
    quick = ["--quick"] if options.quick else []
    with tempfile.TemporaryDirectory() as folder:
        running = {}
        for kind, settings in KINDS.items():
            environment = {**os.environ, **settings}
            if settings:  # machine code of another CPU's is no use to anybody later on
                environment["NUMBA_CACHE_DIR"] = str(Path(folder, kind))
            running[kind] = subprocess.Popen(
                [sys.executable, __file__, "--here", *quick],
                env=environment,
                stdout=subprocess.PIPE,
                text=True,
            )
        said = {kind: process.communicate()[0].split("\n") for kind, process in running.items()}
    if any(process.returncode for process in running.values()):
        raise SystemExit("not every process ended well")
    differ = False
    for line in (0, 2):
        digests = {kind: lines[line + 1] for kind, lines in said.items()}
        same = len(set(digests.values())) == 1
        differ |= not same
        print(f"{said['this CPU'][line]}: {'the same bits' if same else 'OTHER BITS'}")
        for kind, digest in digests.items():
            print(f"  {kind:20} {digest[:16]}")
    sys.exit(differ)


if __name__ == "__main__":
    main()
