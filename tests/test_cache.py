"""Machine code on disk: no folder, a full one and a damaged file stop nobody, and are said once."""

import ctypes
import logging
import os
import pickle
import resource
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest

from minidl.kernels import cache
from minidl.kernels.jit import JIT

CHECKOUT = Path(__file__).parents[1]
NOBODY = 65534
FIT = """
import numpy as np
import minidl as ml
net = ml.mlp([2, 3, 1], output="sigmoid", seed=0)
print(ml.fit(net, np.ones((4, 2)), [0, 1, 0, 1], loss="bce", epochs=2)["loss"])
"""
SHOW = "import minidl as ml; print(ml.relu([-1.0, 2.0]), ml.tanh([0.0]))"

pytestmark = pytest.mark.skipif(not JIT, reason="nothing is compiled then")


def python(code, folder=None, **options):
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT), **options.pop("env", {})}
    environment.pop("NUMBA_CACHE_DIR", None)
    if folder is not None:
        environment["NUMBA_CACHE_DIR"] = str(folder)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        **options,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr.splitlines()


# ------------------------------------------------------------------------- one file, in a process


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where this test's machine code is kept."""
    place = cache.Folder(tmp_path / "kept")
    monkeypatch.setattr(cache, "folder", lambda: place)
    cache._say_that_nothing_is_kept.cache_clear()
    return place.path


def add(x, y):
    return x + 2 * y


def compiled(function=add):
    """A function that numba has compiled, or loaded."""
    dispatcher = cache.keep(numba.njit(function), function)
    dispatcher.compile((numba.float64, numba.float64))
    assert dispatcher(1.0, 2.0) == function(1.0, 2.0)
    return dispatcher


def came_from_disk(dispatcher):
    return sum(dispatcher.stats.cache_hits.values()) == 1


def test_what_was_compiled_is_found_again(folder):
    assert not came_from_disk(compiled())
    assert len(list(folder.iterdir())) == 1
    assert came_from_disk(compiled())
    assert compiled().stats.cache_path == str(folder)


def half(contents):
    return contents[: len(contents) // 2]


def flipped(contents):
    """One bit, in the middle of the machine code."""
    place = len(contents) // 2
    return contents[:place] + bytes([contents[place] ^ 16]) + contents[place + 1 :]


DAMAGE = {
    "empty": lambda contents: b"",
    "cut in half": half,
    "cut in its digest": lambda contents: contents[:10],
    "its digest alone": lambda contents: contents[:32],
    "longer": lambda contents: contents + b"\0",
    "one bit flipped": flipped,
    "noise": lambda contents: np.random.default_rng(0).bytes(len(contents)),
    "another pickle": lambda contents: pickle.dumps({"a": 1}),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_made_again(damage, folder, caplog):
    compiled()
    [path] = folder.iterdir()
    whole = path.read_bytes()
    path.write_bytes(DAMAGE[damage](whole))
    assert not came_from_disk(compiled())
    assert [*folder.iterdir()] == [path]
    assert came_from_disk(compiled())
    assert caplog.records == []


def test_the_file_of_another_function_is_not_taken(folder):
    def subtract(x, y):
        return x - y

    compiled()
    [path] = folder.iterdir()
    compiled(subtract)
    [other] = set(folder.iterdir()) - {path}
    shutil.copy(path, other)
    assert not came_from_disk(compiled(subtract))


def test_a_folder_that_vanishes_is_made_again(folder):
    compiled()
    shutil.rmtree(folder)
    assert not came_from_disk(compiled())
    assert came_from_disk(compiled())
    assert stat.S_IMODE(folder.stat().st_mode) & 0o077 == 0


def test_what_cannot_be_kept_is_said_once(folder, caplog):
    folder.write_text("a file in its place")
    with caplog.at_level(logging.WARNING, "minidl"):
        for _ in range(2):
            assert not came_from_disk(compiled())
    [record] = caplog.records
    assert str(folder) in record.message
    assert "File exists" in record.message
    assert "NUMBA_CACHE_DIR" in record.message


# --------------------------------------------------------------------------- where files are kept


@pytest.fixture
def unwritable(tmp_path, monkeypatch):
    """No folder but the temporary one can be written to."""
    monkeypatch.setattr(cache, "_places", lambda: iter([tmp_path / "none" / "kernels"]))
    (tmp_path / "none").write_text("no folder")
    monkeypatch.setattr(cache.tempfile, "tempdir", str(tmp_path))
    cache.folder.cache_clear()
    yield tmp_path
    cache.folder.cache_clear()


def test_the_temporary_folder_is_this_users_alone(unwritable, caplog):
    place = cache.folder()
    assert place.path.parent == unwritable
    assert place.is_temporary
    assert stat.S_IMODE(place.path.stat().st_mode) == 0o700
    assert cache.folder() is place
    cache.folder.cache_clear()
    assert cache.folder() == place, "the next process finds it"
    place.write("name", b"identity", pickle.dumps(7))
    assert place.read("name", b"identity") == 7
    assert all(str(place.path) in record.message for record in caplog.records)
    place.path.chmod(0o770)
    with pytest.raises(PermissionError):
        place.read("name", b"identity")


def of_another(path):
    path.mkdir(mode=0o700)
    os.chown(path, NOBODY, NOBODY)


TRAPS = {
    "others may write": lambda path: path.mkdir() or path.chmod(0o777),
    "its group may write": lambda path: path.mkdir() or path.chmod(0o770),
    "a link": lambda path: path.symlink_to(path.parent),
    "a file": lambda path: path.touch(),
}
if os.geteuid() == 0:
    TRAPS["another user's"] = of_another


@pytest.mark.parametrize("trap", TRAPS)
def test_a_temporary_folder_that_somebody_else_could_fill_is_not_read(trap, unwritable, caplog):
    """Its files are pickle: they can run anything."""
    TRAPS[trap](cache._temporary())
    assert cache.folder() is None
    [record] = caplog.records
    assert "compiles them anew" in record.message


# ----------------------------------------------------------------------------- processes, for real


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """What the fit gives where nothing is amiss."""
    told, complaints = python(FIT, tmp_path_factory.mktemp("sound"))
    assert complaints == []
    return told


def give_up_root():
    """As root: go on without the right to write where permissions forbid it."""
    if os.geteuid() == 0:
        PR_CAPBSET_DROP, CAP_DAC_OVERRIDE = 24, 1
        assert ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, 0, 0, 0) == 0


@pytest.fixture
def installed(tmp_path):
    """A package and a home that their own user cannot write to."""
    site = tmp_path / "site"
    skip = shutil.ignore_patterns("__pycache__")
    for part in ("minidl", "datasets"):
        shutil.copytree(CHECKOUT / part, site / part, ignore=skip)
    (tmp_path / "home").mkdir()
    (tmp_path / "tmp").mkdir()
    for path in (*site.rglob("*"), site, tmp_path / "home"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    yield tmp_path
    for path in (site, *site.rglob("*"), tmp_path / "home"):
        path.chmod(0o755)


def test_a_read_only_package_and_home_stop_nobody(installed, expected):
    environment = {
        "PYTHONPATH": str(installed / "site"),
        "HOME": str(installed / "home"),
        "TMPDIR": str(installed / "tmp"),
    }
    for _ in range(2):
        told, [complaint] = python(FIT, env=environment, cwd="/", preexec_fn=give_up_root)
        assert told == expected
        assert str(installed / "site/minidl/kernels/__pycache__") in complaint
        assert "NUMBA_CACHE_DIR" in complaint
    [kept] = (installed / "tmp").glob("minidl-*")
    assert str(kept) in complaint
    assert list(kept.glob("*.nbc"))


def test_a_full_disk_stops_nobody(tmp_path, expected):
    """Files end at 8 kB here, as if the disk did."""

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))

    for _ in range(2):
        told, [complaint] = python(FIT, tmp_path, preexec_fn=limit)
        assert told == expected
        assert "File too large" in complaint
        assert "NUMBA_CACHE_DIR" in complaint
        kept = [path.stat().st_size for path in (tmp_path / "minidl").iterdir()]
        assert kept
        assert max(kept) <= 8192
        assert all(path.suffix == ".nbc" for path in (tmp_path / "minidl").iterdir())


def test_two_processes_at_once_fill_one_folder(tmp_path):
    command = [sys.executable, "-W", "error", "-c", SHOW]
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(CHECKOUT)}
    both = [
        subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    assert [process.communicate() for process in both] == [("[0. 2.] [0.]\n", "")] * 2
    files = sorted(path.name for path in (tmp_path / "minidl").iterdir())
    assert len([name for name in files if "forward" in name]) == 2
    assert python(SHOW, tmp_path) == ("[0. 2.] [0.]\n", [])
    assert sorted(path.name for path in (tmp_path / "minidl").iterdir()) == files
