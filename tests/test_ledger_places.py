"""Where results lie: places and environments that tell apart all that decides a bit."""

import json
import shutil
import subprocess
import sys
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from ledgers import CELL, HERE, STUDY, VARIABLES, contents, trials

import minidl
from minidl.core.errors import ArgumentError
from minidl.data import load
from minidl.nn import ActivationFunction, activation, activations, losses
from minidl.nn.criterion import Loss
from minidl.nn.initialization import Initializer, initializers
from minidl.pairing import Ledger, Pairing, Setting, run
from minidl.pairing.execution import environment as environments
from minidl.pairing.execution.environment import Environment, fingerprint, keys
from minidl.pairing.execution.exporting import export

# ---------------------------------------------------------------------------------- places


def place(trial=None, data=None, environment=HERE):
    [key] = keys([trial or trials(1)[0]], data or load("xor"), environment)
    return key


def test_a_place_tells_every_fact_apart():
    base = trials(1)[0]
    other = [
        replace(base, cell=replace(CELL, pairing=Pairing.parse("tanh/sigmoid+bce"))),
        replace(base, cell=replace(CELL, pairing=Pairing.parse("relu/sigmoid+mse"))),
        replace(base, cell=replace(CELL, pairing=Pairing.parse("relu/tanh+mse"))),
        replace(base, cell=replace(CELL, dataset="moons")),
        *(
            replace(base, cell=replace(CELL, setting=setting))
            for setting in (
                Setting((16,)),
                Setting((16, 16, 16)),
                Setting((1, 616)),
                Setting(init="he_normal"),
                Setting(optimizer="sgd"),
            )
        ),
        replace(base, learning_rate=0.010000000000000002),
        replace(base, repetition=1),
        replace(base, tuning=True),
        replace(base, epochs=51),
        replace(base, batch_size=33),
    ]
    found = [place(trial) for trial in (base, *other)]
    assert len(set(found)) == len(found)
    assert place(base) == place(trials(1)[0])


def test_a_place_tells_datasets_apart():
    data = load("xor")
    flipped, moved = data.y.copy(), data.X.copy()
    flipped[0] = 1 - flipped[0]
    moved[-1, -1] = np.nextafter(moved[-1, -1], 9.0)
    other = [
        replace(data, X=moved),
        replace(data, y=flipped),
        replace(data, X=data.X.reshape(-1, 1), y=np.repeat(data.y, 2)),
        replace(data, metric="f1"),
        replace(data, classes=("no", "yes")),
        replace(data, name="other"),
        replace(data, task="regression", y=data.y.astype(float)),
    ]
    found = [fingerprint(one) for one in (data, *other)]
    assert len(set(found)) == len(found)
    assert fingerprint(load("xor")) == fingerprint(data)


def test_a_place_tells_environments_apart():
    found = {
        place(environment=HERE),
        place(environment=replace(HERE, numerics="other")),
        place(environment=replace(HERE, libraries="other")),
    }
    assert len(found) == 3


STEEPNESS = 2.0


def made(formula, slope=lambda x: 1.0, **facts):
    """Register an activation called "mine" in place of another."""
    if "mine" in activations:
        activations.unregister("mine")
    body = {"value": staticmethod(formula), "slope": staticmethod(slope), "source": "this test"}
    activation(
        type("Mine", (ActivationFunction,), {"name": "mine", "formula": "x", **body, **facts})
    )


@pytest.fixture
def mine():
    yield lambda: place(replace(trials(1)[0], cell=replace(CELL, pairing=Pairing.parse(PAIR))))
    if "mine" in activations:
        activations.unregister("mine")


PAIR = "mine/sigmoid+bce"


def test_a_place_tells_formulas_of_ones_own_apart(mine, monkeypatch):
    found = []

    def note(*formula, **facts):
        made(*formula, **facts)
        found.append(mine())

    note(lambda x: 2.0 * x)
    note(lambda x: 3.0 * x)
    note(lambda x: 2.0 * x, slope=lambda x: 2.0)
    note(lambda x: STEEPNESS * x)
    monkeypatch.setitem(globals(), "STEEPNESS", 4.0)
    note(lambda x: STEEPNESS * x)
    note(lambda x: 2.0 * x, init="he_normal")
    note(lambda x, k: k * x, lambda x, k: k, hyper={"k": 2.0})
    note(lambda x, k: k * x, lambda x, k: k, hyper={"k": 3.0})
    assert len(set(found)) == len(found)
    made(lambda x: 2.0 * x)
    assert mine() == found[0]


def test_using_an_activation_does_not_move_its_trials(mine):
    made(lambda x: 2.0 * x)
    before = mine()
    environments._formulas.cache_clear()
    activations["mine"](np.ones(3))
    minidl.fit(
        minidl.mlp([2, 3, 1], hidden="mine"), np.ones((4, 2)), np.ones(4), loss="mse", epochs=1
    )
    assert mine() == before


def test_a_place_tells_losses_and_initializers_of_ones_own_apart():
    found = []
    for power in (2.0, 4.0):
        body = {
            "name": "mine_too",
            "source": "this test",
            "value": staticmethod((lambda k: lambda t, p: abs(p - t) ** k)(power)),
            "slope": staticmethod((lambda k: lambda t, p: k * abs(p - t) ** (k - 1.0))(power)),
        }
        losses.register(type("Mine", (Loss,), body)())
        initializers.register(Initializer("mine_three", lambda i, o, k=power: k / i, False, ""))
        trial = trials(1)[0]
        try:
            pairing = Pairing.parse("relu/linear+mine_too")
            found.append(place(replace(trial, cell=replace(CELL, pairing=pairing))))
            setting = Setting(init="mine_three")
            found.append(place(replace(trial, cell=replace(CELL, setting=setting))))
        finally:
            losses.unregister("mine_too")
            initializers.unregister("mine_three")
    assert len(set(found)) == 4


IMPORTED = """
import importlib, re, sys, types
from pathlib import Path

class Door(types.ModuleType):  # imports what it is asked for, and nothing else
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        text = (Path(self.__path__[0]) / "__init__.py").read_text(encoding="utf-8")
        door = r"^from (minidl[.\\w]+) import (\\([^)]*\\)|.*)$"
        for home, names in re.findall(door, text, re.M):
            if name in re.findall(r"\\w+", names):
                return getattr(importlib.import_module(home), name)
        return importlib.import_module(f"{self.__name__}.{name}")

root = Path(sys.argv[1])
for init in sorted(root.rglob("__init__.py")):
    name = ".".join(["minidl", *init.parent.relative_to(root).parts])
    sys.modules[name] = Door(name)
    sys.modules[name].__path__ = [str(init.parent)]
import minidl.pairing.execution.trainer
print(*(module.__file__ for name, module in sys.modules.items() if name.startswith("minidl.")
        and not isinstance(module, Door)), sep="\\n")
"""


def test_numerics_are_the_files_that_the_trainer_imports():
    """Looked up in Python, which has imported them."""
    command = [sys.executable, "-c", IMPORTED, str(Path(minidl.__file__).parent)]
    told = subprocess.run(command, env=VARIABLES, capture_output=True, text=True, check=True)
    imported = {Path(line) for line in told.stdout.split()}
    sources = set(environments.sources())
    assert len(imported) > 50
    assert imported <= sources
    assert {path.name for path in sources - imported} == {"machine.py"}  # when a program runs


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A copy of minidl that may be edited, whose sources are looked at instead."""
    home, copy = Path(minidl.__file__).parent, tmp_path / "minidl"
    shutil.copytree(home, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(
        environments, "__file__", str(copy / "pairing" / "execution" / "environment.py")
    )
    yield copy
    environments._trees.cache_clear()


def numerics():
    environments._trees.cache_clear()
    return environments._numerics()


def edit(package, name, before, after):
    path = package / name
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after, 1), encoding="utf-8")


WORDS = (
    ("core/registry.py", "from __future__", "# a comment\nfrom __future__"),
    ("core/registry.py", '"""', '"""Otherwise. '),
    ("nn/registries.py", '"""Register', '"""Take in'),
    ("optim/optimizer_base.py", '"""For how many', '"""For so many'),
    ("optim/optimizer_base.py", "AHEAD = 1024", "AHEAD = (\n    1_024\n)"),
    ("walkthrough/formulas/digits.py", "import", "import math\nimport"),
    ("pairing/execution/ledger.py", "LOCK_SECONDS = 60.0", "LOCK_SECONDS = 61.0"),
)
"""Comments, docstrings of modules, functions and constants, layout; what no trial imports."""
NUMBERS = {
    "a constant": ("optim/optimizer_base.py", "AHEAD = 1024", "AHEAD = 1025"),
    "a default": ("optim/update_rules.py", '"beta2": 0.999', '"beta2": 0.9990000000000001'),
    "a kernel": ("kernels/update.py", "import", "import math\nimport"),
    "a sign": ("nn/activation_functions.py", "return 0.0 if x <= 0.0", "return 0.0 if x < 0.0"),
}


def test_words_cost_nobody_a_study(package):
    for words in WORDS:
        edit(package, *words)
    assert numerics() == Environment.here().numerics


@pytest.mark.parametrize("case", NUMBERS)
def test_whatever_computes_makes_another_place(package, case):
    edit(package, *NUMBERS[case])
    assert numerics() != Environment.here().numerics


# --------------------------------------------------------------------------- another numerics


@pytest.mark.parametrize("part", ["numerics", "libraries"])
def test_another_environment_is_refused_with_the_reason(tmp_path, part, refused):
    path = tmp_path / "study.sqlite"
    other = replace(Environment.here(), **{part: "of another machine"})
    with Ledger(path) as opened:
        opened.begin(STUDY, other)
    mine = getattr(Environment.here(), part)
    expected = "of another machine, as the ledger has"
    with refused(ArgumentError, f"this process: {part}", expected, mine, "begin another ledger"):
        run(replace(STUDY, name="other"), path, workers=1)
    assert contents(path)[:3] == (STUDY, other, {})


def test_a_ledger_of_another_environment_is_still_read(tmp_path, monkeypatch):
    path = tmp_path / "study.sqlite"
    other = Environment("code of last year", "libraries")
    with monkeypatch.context() as then:
        then.setattr(Environment, "here", lambda: other)
        assert run(STUDY, path, workers=1)
    with Ledger(path, write=False) as opened:
        assert opened.environment == other
        export(opened, tmp_path)
    lines = (tmp_path / "results.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1 + STUDY.repetitions


def test_an_environment_names_code_libraries_and_kernels():
    here = Environment.here()
    assert here.numerics.startswith(f"minidl {version('minidl')}, code ")
    assert f"numpy {np.__version__}" in here.libraries
    assert "fused" not in here.numerics
    assert Environment(**json.loads(json.dumps(asdict(here)))) == here
