"""Another CPU than the one at hand, chosen by numba's settings: it works, or is refused by name."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from minidl.core.errors import ArgumentError
from minidl.kernels import cpu
from minidl.kernels.jit import JIT

FIT = """
import numpy as np
import minidl as ml
from minidl.kernels import cpu
net = ml.mlp([2, 3, 1], hidden="gelu", output="sigmoid", seed=0)
losses = ml.fit(net, np.eye(2), [0, 1], loss="bce", epochs=2)["loss"]
print(*sorted(cpu.FEATURES), *losses)
"""
CHOSEN = {
    "generic": ({"NUMBA_CPU_NAME": "generic"}, []),
    "a CPU without AVX": ({"NUMBA_CPU_NAME": "nehalem", "NUMBA_CPU_FEATURES": ""}, []),
    "this one": ({}, None),
}

pytestmark = pytest.mark.skipif(
    not JIT or platform.machine() not in ("x86_64", "AMD64"), reason="looks at x86-64 code"
)


@pytest.fixture(scope="module")
def fits(tmp_path_factory):
    """A fit on each CPU, in an empty cache: (features, losses)."""
    folder, home = tmp_path_factory.mktemp("cache"), str(Path(__file__).parents[1])
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(folder), "PYTHONPATH": home}
    started = {
        case: subprocess.Popen(
            [sys.executable, "-c", FIT],
            env=environment | settings,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for case, (settings, _) in CHOSEN.items()
    }
    told = {case: process.communicate() for case, process in started.items()}
    for case, (_, errors) in told.items():
        assert started[case].returncode == 0, errors
    words = {case: output.split() for case, (output, _) in told.items()}
    return {case: (said[:-2], np.array(said[-2:], float)) for case, said in words.items()}


@pytest.mark.parametrize("case", CHOSEN)
def test_a_fit_runs_on_a_cpu_that_numba_was_told_of(case, fits):
    """LLVM ends the process at an instruction that its target has not."""
    features, losses = fits[case]
    expected = CHOSEN[case][1]
    assert features == (sorted(cpu.FEATURES) if expected is None else expected)
    # With and without fused products, losses of float32 part by their last bits.
    np.testing.assert_allclose(losses, fits["this one"][1], rtol=1e-5)


TARGETS = {
    ("generic", ""): set(),
    ("nehalem", ""): set(),
    ("sandybridge", ""): {"avx"},
    ("haswell", ""): {"avx", "avx2", "fma"},
    ("haswell", "-avx"): set(),
    ("haswell", "-avx,+fma"): {"avx", "fma"},  # which FMA builds upon
    ("skylake-avx512", ""): {"avx", "avx2", "fma", "avx512f"},
    ("skylake-avx512", "-avx512f"): {"avx", "avx2", "fma"},
    ("generic", "+avx512f"): {"avx", "avx2", "fma", "avx512f"},
}


@pytest.mark.parametrize(("name", "flags"), TARGETS)
def test_features_are_those_of_the_code_that_is_made(name, flags):
    """As Intel's manuals have it: Nehalem without AVX, Sandy Bridge with it, Haswell with FMA."""
    assert cpu.features(name, flags) == TARGETS[name, flags]


class Target:
    """What numba says of its target."""

    def __init__(self, name, flags):
        self._get_host_cpu_name, self._get_host_cpu_features = lambda: name, lambda: flags


def test_a_target_that_can_more_than_the_cpu_is_refused(monkeypatch, refused):
    """Its code would end the process with an illegal instruction."""
    here = cpu.llvm.FeatureMap(avx=True, avx2=True, fma=True, avx512f=False)
    monkeypatch.setattr(cpu.llvm, "get_host_cpu_features", lambda: here)
    monkeypatch.setattr(cpu, "_target", Target("skylake-avx512", ""))
    with refused(ArgumentError, "NUMBA_CPU_NAME", "this CPU has", "avx512f", "Unset"):
        cpu._of_target()
    monkeypatch.setattr(cpu, "_target", Target("skylake-avx512", "-avx512f"))
    assert cpu._of_target() == {"avx", "avx2", "fma"}


@pytest.mark.skipif("fma" not in cpu.FEATURES, reason="other bits, as minidl info says")
def test_every_cpu_with_fused_products_gives_the_same_bits(tmp_path):
    """Of trained networks, eager and recorded, with odd sizes; and of products alone."""
    script = Path(__file__).parents[1] / "benchmarks" / "same_bits.py"
    command = [sys.executable, str(script), "--quick"]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr
    assert told.stdout.count("the same bits") == 2, told.stdout
