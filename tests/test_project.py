"""What holds for the whole: the public door, light imports, the README, and numba's cache."""

import ast
import importlib
import inspect
import os
import re
import subprocess
import sys
import types
from pathlib import Path

import numba
import numpy as np
import pytest

import minidl as ml
from minidl.core import MissingError
from minidl.kernels.digests import digest

CHECKOUT = Path(__file__).parents[1]


def python(code, **environment):
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_all_names_are_there_and_documented():
    assert len(set(ml.__all__)) == len(ml.__all__)
    for name in ml.__all__:
        assert getattr(ml, name).__doc__, name


def test_dir_shows_public_names_only():
    assert set(dir(ml)) == {*ml.__all__, "__version__"}


def test_a_name_of_before_says_what_it_is_now():
    with pytest.raises(MissingError, match=r"minidl\.unsound: .* Write ml\.why_incompatible"):
        _ = ml.unsound


def test_every_registered_entry_is_a_public_name():
    for registry in (ml.activations, ml.losses):
        for entry in registry:
            assert getattr(ml, entry.name) is entry


@pytest.mark.parametrize("name", ml.activations.names() + ml.losses.names())
def test_every_entry_carries_its_facts(name):
    entry = (ml.activations if name in ml.activations else ml.losses)[name]
    for fact in ("formula", "latex", "properties", "good_for", "source", "__doc__"):
        assert getattr(entry, fact), fact
    assert entry.derivative or entry.slope_formula


def test_importing_brings_numpy_and_numba_only():
    heavy = ["sklearn", "scipy.linalg", "matplotlib", "rich", "typer", "safetensors", "jinja2"]
    code = f"import minidl, sys; print([name for name in {heavy} if name in sys.modules])"
    assert python(code) == "[]\n"


def test_info_tells_what_bits_depend_on():
    code = "import minidl; minidl.relu([1.0]); from minidl.cli import app; app(['info'])"
    told, plain = python(code), python(code, NUMBA_DISABLE_JIT="1")
    cache = Path(re.search(r"cache +(.*) \(\d+ files, [\d.]+ MB\)", told)[1])
    assert list(cache.glob("*.nbc"))
    for fact in ("CPU ", "CPU features", "matrix products", "bits on every CPU"):
        assert fact in told
    assert "NumPy's" in plain


def test_the_map_names_every_file():
    """minidl/README.md, by the first words of each docstring."""
    command = [sys.executable, str(CHECKOUT / ".ci" / "map.py"), "--check"]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


def test_rooms_are_reached_through_their_doors():
    """By the names that an ``__init__`` passes on; the modules of kernels are namespaces."""
    root = CHECKOUT / "minidl"
    around = []
    for path in root.rglob("*.py"):
        home = [*path.relative_to(CHECKOUT).parts[:-1]]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ImportFrom) or not node.module:
                continue
            *packages, _ = parts = node.module.split(".")
            inside = parts[0] == "minidl" and not CHECKOUT.joinpath(*parts).is_dir()
            if inside and "kernels" not in parts and packages != home[: len(packages)]:
                around.append(f"{path.relative_to(root)}: {node.module}")
    assert not around


def _names_passed_on(init):
    """What an ``__init__`` imports for others."""
    body = ast.parse(init.read_text(encoding="utf-8")).body
    imports = [node for node in body if isinstance(node, ast.ImportFrom)]
    return {alias.asname or alias.name for node in imports for alias in node.names}


def test_no_name_that_a_room_passes_on_hides_a_module():
    hidden = []
    for init in (CHECKOUT / "minidl").rglob("__init__.py"):
        room = ".".join(init.parent.relative_to(CHECKOUT).parts)
        door = importlib.import_module(room)
        inner = {path.stem for path in init.parent.iterdir() if path.suffix in ("", ".py")}
        passed = inner.intersection(_names_passed_on(init))
        values = {name: getattr(door, name) for name in passed}
        hidden += [f"{room}.{x}" for x in values if not isinstance(values[x], types.ModuleType)]
    assert not hidden


def test_readme_code_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", (CHECKOUT / "README.md").read_text(), re.S)
    assert len(blocks) == 11
    names = {}
    for block in blocks:
        if "import minidl" in block:  # else it goes on where the last one stopped
            names = {"__name__": "readme"}
        exec(block, names)
    assert (tmp_path / "moons.safetensors").is_file()


TRAIN = """
import minidl as ml, numpy as np

@ml.activation
class Twice(ml.ActivationFunction):
    "A user's own."
    name = "twice"
    value = staticmethod(lambda x: FACTOR * x)
    slope = staticmethod(lambda x: FACTOR)

net = ml.mlp([3, 4, 2], hidden="twice", output="softmax", seed=0)
X = np.random.default_rng(0).normal(size=(8, 3))
ml.fit(net, X, [0, 1] * 4, loss="cce", epochs=1)
print(float(ml.activations["twice"](1.0)))
"""


def test_a_second_process_compiles_nothing_and_an_edit_is_seen(tmp_path):
    script = tmp_path / "train.py"

    def run(factor):
        script.write_text(f"FACTOR = {factor}\n{TRAIN}")
        code = f"import runpy; runpy.run_path({str(script)!r})"
        shown = python(code, NUMBA_CACHE_DIR=str(tmp_path / "cache"))
        return float(shown), sorted(p.name for p in (tmp_path / "cache").rglob("*.nb?"))

    first, files = run(2.0)
    assert first == 2.0
    assert files
    assert run(2.0) == (2.0, files)
    changed, more = run(3.0)
    assert changed == 3.0
    assert set(files) < set(more)


def test_the_digest_sees_constants_closures_and_callees():
    def made(constant, inner):
        def function(x):
            return inner(x) * constant

        return function

    def one(x):
        return x + 1.0

    def two(x):
        return x + 2.0

    digests = {digest(made(1.0, one)), digest(made(2.0, one)), digest(made(1.0, two))}
    assert len(digests) == 3
    assert digest(made(1.0, one)) == digest(made(1.0, one))


def test_the_digest_sees_arrays_defaults_and_constants_of_modules():
    def made(source):
        settings = types.ModuleType("settings")
        exec(source, vars(settings))
        scope = {"settings": settings, "np": np}
        code = "def f(x, k=K):\n    return TABLE[0] * x + settings.RATE * k + settings.g(x)"
        exec(code.replace("K", str(settings.DEFAULT)), scope)
        scope["TABLE"] = settings.TABLE
        return scope["f"]

    plain = "import numpy as np\nRATE = 1.0\nDEFAULT = 2.0\ndef g(x): return x\n"
    tables = [f"TABLE = np.array([1.0000000000{i}] * 5000)" for i in (1, 2)]
    sources = [
        plain + tables[0],
        plain + tables[1],
        plain.replace("RATE = 1.0", "RATE = 1.5") + tables[0],
        plain.replace("DEFAULT = 2.0", "DEFAULT = 3.0") + tables[0],
        plain.replace("return x", "return -x") + tables[0],
    ]
    assert len({digest(made(source)) for source in sources}) == len(sources)
    assert digest(made(sources[0])) == digest(made(sources[0]))


def test_the_digest_of_a_function_that_numba_compiled_is_that_of_its_python():
    def made(function):
        return lambda x: function(x)

    def inner(x):
        return x + 1.0

    assert digest(made(numba.njit(inner))) == digest(made(numba.njit(inner)))


def test_a_typo_is_answered():
    with pytest.raises(ml.MinidlError) as caught:
        ml.activations["leakyrelu"]
    assert caught.value.remedy == "Did you mean 'leaky_relu'?"


SIGNATURES = {
    "huber": "delta=1.0",
    "focal": "gamma=2.0, alpha=0.25",
    "leaky_relu": "x, /, *, alpha=0.01",
    "mse": "class_weight: 'ClassWeight | None' = None",
    "Adam": "beta1=0.9, beta2=0.999, epsilon=1e-08, weight_decay=0.0",
    "SGD": "momentum=0.0, nesterov=False",
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_signatures_show_settings(name):
    shown = str(inspect.signature(getattr(ml, name)))
    assert SIGNATURES[name] in shown
    assert "*" not in shown.replace(" *,", "").replace("(*,", "")
