"""A ledger: results to the bit, places that tell all apart, and whatever can befall a file."""

import ast
import json
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
import threading
from contextlib import closing
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

import minidl
from minidl.activations import Activation, activation, activations
from minidl.criterion import Loss
from minidl.data import load
from minidl.errors import ArgumentError, FileError
from minidl.initializers import Initializer, initializers
from minidl.losses import losses
from minidl.pairing import Cell, Ledger, Pairing, Result, Setting, Study, Trial, ledger, run
from minidl.pairing import environment as environments
from minidl.pairing.environment import Environment, fingerprint, keys
from minidl.pairing.export import export

STUDY = Study(
    datasets=["xor"],
    hidden=["relu"],
    heads=["sigmoid+bce"],
    learning_rates=[0.01],
    repetitions=2,
    epochs=2,
)
CELL = Cell("xor", Pairing.parse("relu/sigmoid+bce"))
HERE = Environment("numbers", "libraries", "blas")
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(minidl.__file__).parent.parent)}


def trials(n=3, **facts):
    return [Trial(CELL, 0.01, r, **facts) for r in range(n)]


def begun(path):
    with Ledger(path) as opened:
        opened.begin(STUDY, HERE)
    return path


# --------------------------------------------------------------------------------- results


def full(score=0.5):
    return Result(
        score=score,
        losses=np.array([np.pi, np.inf, np.nan, -0.0, 5e-324]),
        scores=np.array([0.1, 1 / 3]),
        outputs=np.array([[np.pi, -0.0], [np.nan, 1e-45]], np.float32),
        health={"dead": [0.1, float("nan")], "update_ratio": [1 / 3]},
        seconds=1 / 7,
        host="an ü",
    )


RESULTS = [
    full(),
    replace(full(), score=np.nan, status="diverged", reason='"quoted"\n∞', outputs=None),
    Result(),
    Result("failed", "why", outputs=np.empty((0, 3), np.float32)),
    replace(full(1 / 3), outputs=np.arange(6, dtype=np.float32).reshape(3, 2).T),
    replace(full(-np.inf), scores=np.empty(0)),
]


@pytest.mark.parametrize("given", RESULTS)
def test_a_result_comes_back_to_the_bit(tmp_path, given):
    path = begun(tmp_path / "study.sqlite")
    [trial] = trials(1)
    with Ledger(path) as opened:
        opened.add([("place", trial, given)])
    with Ledger(path, write=False) as opened:
        back = opened.results(["place", "elsewhere"])["place"]
    for name in ("losses", "scores", "outputs"):
        one, other = getattr(given, name), getattr(back, name)
        if one is None:
            assert other is None
        else:
            assert (one.dtype, one.shape) == (other.dtype, other.shape)
            assert one.tobytes() == other.tobytes()
    for name in ("status", "reason", "score", "health", "seconds", "host"):
        assert repr(getattr(given, name)) == repr(getattr(back, name))  # repr: NaN equals NaN


def test_what_is_there_stays(tmp_path):
    [trial] = trials(1)
    with Ledger(tmp_path / "study.sqlite") as opened:
        for score in (0.25, 0.75):
            opened.add([("place", trial, Result(score=score))])
        opened.add([])
        assert opened.results(["place"])["place"].score == 0.25
        assert opened.count() == {"ok": 1}


def test_a_ledger_lists_what_it_has(tmp_path):
    with Ledger(tmp_path / "study.sqlite") as opened:
        assert opened.count() == {}
        assert opened.results([]) == {}
        assert opened.done(["a"]) == set()
        statuses = ["ok", "diverged", "ok"]
        found = zip("abc", trials(), statuses, strict=True)
        opened.add([(key, trial, Result(status)) for key, trial, status in found])
        assert opened.count() == {"diverged": 1, "ok": 2}
        assert opened.done(["a", "z"]) == {"a"}


def test_claims_are_kept_from_others_until_they_are_done(tmp_path):
    path = begun(tmp_path / "study.sqlite")
    [trial] = trials(1)
    with Ledger(path) as one, Ledger(path) as other:
        assert one.claim(["a", "b"]) == ["a", "b"]
        assert one.claim(["a", "b"]) == ["a", "b"]  # its own: a worker died
        assert other.claim(["a", "b", "c"]) == ["c"]
        one.add([("a", trial, Result())])
        assert other.claim(["a", "b"], firmly=True) == ["b"]
        assert one.claim(["a", "b", "c"]) == []
        other.begin(STUDY, HERE)  # who was killed claims nothing for ever
        assert one.claim(["b", "c"]) == ["b", "c"]


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
        place(environment=replace(HERE, blas="other")),
    }
    assert len(found) == 4


STEEPNESS = 2.0


def made(formula, slope=lambda x: 1.0, **facts):
    """Register an activation called "mine" in place of another."""
    if "mine" in activations:
        activations.unregister("mine")
    body = {"value": staticmethod(formula), "slope": staticmethod(slope), "source": "this test"}
    activation(type("Mine", (Activation,), {"name": "mine", "formula": "x", **body, **facts}))


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


def imported_by(module, package=Path(minidl.__file__).parent):
    """The files of minidl that a file imports, and those that they import."""
    waiting, found = [module], {}
    while waiting:
        name = waiting.pop()
        path = package.parent.joinpath(*name.split("."))
        path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        if name in found or not path.is_file():  # the latter is what a module defines
            continue
        found[name] = path
        if name in ("minidl", "minidl.pairing"):  # they name everything, and compute nothing
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("minidl"):
                waiting += [node.module, *(f"{node.module}.{one.name}" for one in node.names)]
    return found


def test_numerics_are_the_files_that_a_trial_runs():
    needed = imported_by("minidl.pairing.trainer")
    assert len(needed) > 50
    told = set(environments.sources())
    assert {n for n, path in needed.items() if path not in told} <= {"minidl.pairing"}
    assert {path.name for path in told if path.parent.name == "pairing"} == {
        Path(path).name for n, path in needed.items() if n.startswith("minidl.pairing.")
    }
    assert not {path for path in told if path.parent.name in ("statistics", "cli", "literature")}


# ------------------------------------------------------------------------ what is no ledger


def contents(path):
    """All that a reader may ask for."""
    with Ledger(path, write=False) as opened:
        return opened.study, opened.environment, opened.count(), opened.results(["place"])


def filled(path, n=40):
    """A ledger of several pages, folded into one file."""
    begun(path)
    with Ledger(path) as opened:
        opened.add([(f"place{i}", trials(1)[0], full(i)) for i in range(n)])
        opened.add([("place", trials(1)[0], full())])
    return path


def refusal(ask, *given):
    """The error that a file gives, or None; anything else is a failure."""
    try:
        ask(*given)
    except FileError as error:
        return error
    return None


@pytest.mark.parametrize("write", [True, False])
@pytest.mark.parametrize(
    ("content", "got"),
    [
        (b"name,score\nrelu,0.9\n" * 100, "not a database"),
        (b"SQLite format 3\0" + bytes(range(256)) * 40, "not a database"),
    ],
)
def test_a_file_of_another_kind_is_refused_and_left_alone(tmp_path, content, got, write, refused):
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with refused(FileError, "table.csv", "a whole ledger", got, "--ledger FILE"):
        Ledger(path, write)
    assert path.read_bytes() == content
    assert os.listdir(tmp_path) == ["table.csv"]


@pytest.mark.parametrize("write", [True, False])
def test_a_database_of_others_is_refused_and_left_alone(tmp_path, write, refused):
    path = tmp_path / "cookies.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE trials (key TEXT)")
    before = path.read_bytes()
    with refused(FileError, "cookies", "ledger of minidl", "another program's", "--ledger FILE"):
        Ledger(path, write)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["cookies.sqlite"]


@pytest.mark.parametrize("write", [True, False])
def test_a_ledger_of_another_version_is_refused_and_left_alone(tmp_path, write, refused):
    path = begun(tmp_path / "study.sqlite")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {ledger.VERSION + 1}")
    before = path.read_bytes()
    got = f"one of version {ledger.VERSION + 1}"
    with refused(FileError, "study.sqlite", f"version {ledger.VERSION}", got, "--ledger FILE"):
        Ledger(path, write)
    assert path.read_bytes() == before


def test_a_damaged_file_is_a_clear_error_or_still_whole(tmp_path):
    path = filled(tmp_path / "study.sqlite")
    whole = path.read_bytes()
    random = np.random.default_rng(0)
    refusals = 0
    for _ in range(60):
        damaged = bytearray(whole)
        start = int(random.integers(len(whole)))
        length = int(random.choice([1, 64, 4096]))
        if random.random() < 0.3:
            del damaged[start:]
        else:
            damaged[start : start + length] = random.bytes(length)
        path.write_bytes(damaged)
        error = refusal(contents, path)
        if error is not None:
            refusals += bool(damaged)
            assert "study.sqlite" in error.culprit
            assert error.expected
            assert error.got
            assert error.remedy
    assert refusals > 10


def change(path, question, *values):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(question, values)
        connection.commit()


@pytest.mark.parametrize(
    ("question", "value"),
    [
        ("UPDATE about SET value = ? WHERE name = 'study'", "{"),
        ("UPDATE about SET value = ? WHERE name = 'study'", "[1]"),
        ("UPDATE about SET value = ? WHERE name = 'environment'", '{"other": 1}'),
        ("UPDATE trials SET losses = ?", b"12345"),
        ("UPDATE trials SET outputs = ?", b"\0" * 12),
        ("UPDATE trials SET health = ?", "{"),
        ("DROP TABLE trials -- ?", ""),
    ],
)
def test_a_table_with_other_things_in_it_is_a_clear_error(tmp_path, question, value, refused):
    path = filled(tmp_path / "study.sqlite", 1)
    change(path, question, *([value] if "--" not in question else []))
    with refused(FileError, "study.sqlite", "a whole ledger", " ", "--ledger FILE"):
        contents(path)


def test_an_empty_ledger_has_no_study_yet(tmp_path, refused):
    path = tmp_path / "study.sqlite"
    Ledger(path).close()
    with Ledger(path, write=False) as opened:
        assert opened.count() == {}
        assert opened.environment == Environment.here()
        with refused(FileError, "study.sqlite", "was begun", "an empty ledger", "--ledger"):
            opened.study  # noqa: B018
        with pytest.raises(FileError, match="was begun"):
            export(opened, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_empty_file_becomes_a_ledger_but_is_none_yet(tmp_path, refused):
    path = tmp_path / "study.sqlite"
    path.touch()
    with refused(FileError, "study.sqlite", "a ledger", "another program's", "--ledger"):
        Ledger(path, write=False)
    begun(path)
    assert contents(path)[0] == STUDY


def test_who_looks_leaves_one_file_and_changes_nothing(tmp_path):
    """Also what a killed process left beside the file goes into it."""
    with Ledger(filled(tmp_path / "full.sqlite", 1)) as opened:
        opened.add([("later", trials(1)[0], full(0.25))])  # in the log, while it is open
        for name in ("full.sqlite", "full.sqlite-wal"):
            (tmp_path / name.replace("full", "study")).write_bytes((tmp_path / name).read_bytes())
    found = contents(tmp_path / "study.sqlite")[2]
    assert found == {"ok": 3}
    assert sorted(os.listdir(tmp_path)) == ["full.sqlite", "study.sqlite"]
    before = (tmp_path / "study.sqlite").read_bytes()
    with Ledger(tmp_path / "study.sqlite", write=False) as opened:
        with pytest.raises(FileError, match="readonly"):
            opened.add([("more", trials(1)[0], full())])
        assert opened.count() == found
    assert (tmp_path / "study.sqlite").read_bytes() == before


# --------------------------------------------------------------- what a disk does not allow


def test_where_nothing_can_be_is_a_clear_error(tmp_path, refused):
    for path, got in ((tmp_path / "none.sqlite", "no such file"), (tmp_path, "no such file")):
        with refused(FileError, path.name, "can be read", got, "pair run STUDY --ledger FILE"):
            Ledger(path, write=False)
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    for path, got in ((tmp_path / "file" / "study.sqlite", "e"), (tmp_path, "unable to open")):
        with refused(FileError, path.name, "written", got, "--ledger FILE"):
            Ledger(path)


BEFORE = """
import os, resource
import numpy as np
from minidl.errors import FileError
from minidl.pairing import Cell, Ledger, Pairing, Result, Trial
trial = Trial(Cell("xor", Pairing.parse("relu/sigmoid+bce")), 0.01, 0)
os.getuid() or (os.setgid(65534), os.setuid(65534))
"""


def as_nobody(folder, code):
    """Run Python as a user whom permissions bind: root is above them."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", BEFORE + code],
        cwd=folder,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.fixture
def folder():
    """A folder that somebody else may enter, unlike pytest's."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        yield Path(name)


OPEN = """
for write in (True, False):
    try:
        with Ledger("study.sqlite", write) as opened:
            print("opened", write, opened.study.name, opened.count())
    except FileError as error:
        print("refused", write, error.expected, "|", error.got, "|", error.remedy)
"""


def test_a_folder_that_cannot_be_written(folder):
    said = as_nobody(folder, OPEN)
    assert "refused True a file that can be written | unable to open" in said
    assert "refused False a file that can be read | no such file" in said
    assert os.listdir(folder) == []


def test_a_ledger_in_a_folder_that_cannot_be_written_is_read_all_the_same(folder):
    path = filled(folder / "study.sqlite", 1)
    before = path.read_bytes()
    said = as_nobody(folder, OPEN)
    assert "refused True a file that can be written | attempt to write a readonly" in said
    assert "opened False study {'ok': 2}" in said
    path.chmod(0o600)
    said = as_nobody(folder, OPEN)
    assert "refused True a file that can be written | unable to open" in said
    assert "refused False a file that can be read | unable to open" in said
    assert path.read_bytes() == before
    assert os.listdir(folder) == ["study.sqlite"]


def test_a_ledger_in_use_in_a_folder_that_cannot_be_written(folder):
    path = filled(folder / "study.sqlite", 1)
    with Ledger(path) as opened:
        opened.add([("last", trials(1)[0], Result())])
        said = as_nobody(folder, OPEN)
    assert "refused True a file that can be written" in said
    assert "opened False study {'ok': 3}" in said or "refused False a file that can be read" in said


def test_a_full_disk_loses_nothing(tmp_path, refused):
    path = filled(tmp_path / "study.sqlite")
    with Ledger(path) as opened:
        pages = opened._connection.execute("PRAGMA page_count").fetchone()[0]
        opened._connection.execute(f"PRAGMA max_page_count = {pages + 2}")
        lots = replace(full(), outputs=np.zeros((10_000, 1), np.float32))
        with refused(FileError, "study.sqlite", "space on the disk", "full", "minidl pair resume"):
            opened.add([(f"new{i}", trials(1)[0], lots) for i in range(3)])
        assert opened.done(["new0", "new1", "place"]) == {"place"}  # all of it or none
        opened._connection.execute("PRAGMA max_page_count = 1000000")
        opened.add([("new0", trials(1)[0], lots)])
    assert contents(path)[2] == {"ok": 42}


FULL = """
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
opened = Ledger("study.sqlite")
try:
    for i in range(1000):
        opened.add([(f"place{i}", trial, Result(outputs=np.zeros((1000, 1), "f4")))])
except FileError as error:
    print("refused after", i, error)
opened.close()
"""


def test_a_file_system_that_takes_no_more(folder):
    """A limit on the size of files, which SQLite meets where it writes its log."""
    folder.chmod(0o777)
    said = as_nobody(folder, FULL)
    assert "refused after" in said
    assert "minidl pair resume" in said
    written = int(said.split("refused after")[1].split()[0])
    assert 10 < written < 200
    with Ledger(folder / "study.sqlite") as opened:
        assert opened.count() == {"ok": written}
        opened.begin(STUDY, HERE)


def test_a_ledger_that_another_process_holds(tmp_path, monkeypatch, refused):
    monkeypatch.setattr(ledger, "PATIENCE", 0.1)
    path = begun(tmp_path / "study.sqlite")
    with closing(sqlite3.connect(path, isolation_level=None)) as other, Ledger(path) as opened:
        other.execute("BEGIN EXCLUSIVE")
        for ask in (
            lambda: opened.claim(["a"]),
            lambda: opened.add([("a", trials(1)[0], Result())]),
            lambda: opened.begin(STUDY, HERE),
            lambda: Ledger(path),
        ):
            with refused(FileError, "study.sqlite", "its turn within 0.1 s", "locked", "End what"):
                ask()
        other.execute("COMMIT")
        assert opened.claim(["a"]) == ["a"]


# --------------------------------------------------------------------------- another numerics


@pytest.mark.parametrize("part", ["numerics", "libraries", "blas"])
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
    other = Environment("code of last year", "libraries", "blas")
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
    assert "threads: " in here.blas
    assert Environment(**json.loads(json.dumps(asdict(here)))) == here


# ------------------------------------------------------------------------------- many at once


def test_threads_share_a_ledger(tmp_path):
    """Whoever has room claims: in a callback of joblib's, on any thread."""
    path, errors, claimed = begun(tmp_path / "study.sqlite"), [], []
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with Ledger(path) as opened:

            def work(number):
                try:
                    for i in range(40):
                        key = f"{number}-{i}"
                        claimed.extend(opened.claim([key]))
                        opened.add([(key, trials(1)[0], full(i))])
                        assert opened.results([key])[key].score == i
                        assert opened.claim([key]) == []
                        opened.count()
                except BaseException as error:
                    errors.append(error)

            threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert errors == []
            assert opened.count() == {"ok": 320}
    finally:
        sys.setswitchinterval(usual)
    assert len(set(claimed)) == 320


MANY = """
import sys
from minidl.pairing import *
trial = Trial(Cell("xor", Pairing.parse("relu/sigmoid+bce")), 0.01, 0)
print("ready", flush=True)
sys.stdin.readline()
claimed = 0
for turn in range(20):
    with Ledger(sys.argv[1]) as opened:
        free = opened.claim([f"{turn}-{i}" for i in range(5)])
        claimed += len(free)
        opened.add([(key, trial, Result(score=0.5)) for key in free])
print("claimed", claimed)
"""


def test_processes_share_a_ledger_from_its_first_moment(tmp_path):
    path = tmp_path / "study.sqlite"
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", MANY, str(path)],
            env=ENVIRONMENT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    seen = 0
    while seen < 100 and any(process.poll() is None for process in processes):
        error = refusal(contents, path)  # a reader among writers
        if error is None:
            now = sum(contents(path)[2].values())
            assert now >= seen
            seen = now
        else:
            assert seen == 0  # before the first had made its tables
            assert re.search("no such|another|readonly|begun", str(error))
    said = [process.communicate(timeout=60)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], said
    assert sum(int(text.split("claimed ")[1]) for text in said) == 100
    with Ledger(path, write=False) as opened:
        assert opened.count() == {"ok": 100}
