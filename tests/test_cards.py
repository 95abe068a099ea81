"""Cards: sound ones, damaged ones, and where they are found."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
import sklearn.datasets

from minidl import data
from minidl.core.errors import FileError
from minidl.data.cards import cards_folder, read_card

CHECKOUT = Path(__file__).parents[1]

CARD = """
name = "mine"
title = "Mine"
task = "classification"
family = "mine"
source = "me"
loader = "minidl:xor"
metric = "accuracy"
teaches = "nothing"

[parameters]
rows = 8
noise = 0.0
"""


def write_card(folder: Path, old: str = "", new: str = "") -> Path:
    assert old in CARD
    path = folder / "mine.toml"
    path.write_text(CARD.replace(old, new), encoding="utf-8")
    return path


def test_a_sound_card(tmp_path):
    card = read_card(write_card(tmp_path, 'family = "mine"', 'family = "f"\naliases = ["my"]'))
    assert (card.name, card.family, card.aliases) == ("mine", "f", ("my",))
    assert card.parameters == {"rows": 8, "noise": 0.0}
    assert card.table(seed=0).X.shape == (8, 2)


@pytest.mark.parametrize(
    ("old", "new", "expected", "got", "remedy"),
    [
        ('title = "Mine"', "title = ", "TOML", "line 3", "Correct the file"),
        ('teaches = "nothing"', "", "teaches", "no 'teaches'", 'Add teaches = "…"'),
        ("[parameters]\nrows = 8\nnoise = 0.0", "", "fields", "'parameters'", "[parameters]"),
        ('source = "me"', 'source = "me"\nalias = []', "fields", "'alias'", "mean 'aliases'"),
        ('source = "me"', 'source = "me"\nzzz = 1', "fields", "'zzz' besides", "Remove it"),
        ('title = "Mine"', "title = 3", "title to be text", "3", 'title = "…"'),
        ('title = "Mine"', 'title = ""\naliases = "a"', "a list", "'a'", 'aliases = ["…"]'),
        ('source = "me"', 'source = "me"\ncut = "2"', "cut to be a number", "'2'", "cut = 1.5"),
        ("[parameters]", "classes = []\n[parameters]", "classes to be a table", "[]", "[classes]"),
        ('task = "classification"', 'task = "ranking"', "classification or", "ranking", "two"),
        ('name = "mine"', 'name = "yours"', "name of its file", "'yours'", "name = 'mine'"),
    ],
)
def test_a_damaged_card(tmp_path, old, new, expected, got, remedy, refused):
    path = write_card(tmp_path, old, new)
    with refused(FileError, str(path), expected, got, remedy):
        read_card(path)


def test_a_card_that_is_not_text(tmp_path, refused):
    path = tmp_path / "mine.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with refused(FileError, str(path), "a card in TOML", "0xff", "restore"):
        read_card(path)


@pytest.mark.parametrize(
    "loader",
    [
        "os.system",
        "sklearn.datasets.load_moons",
        "minidl:moons",
        "sklearn.datasets.clear_data_home",
        "xor",
    ],
)
def test_a_card_calls_nothing_but_loaders(tmp_path, loader, refused):
    card = read_card(write_card(tmp_path, "minidl:xor", loader))
    with refused(FileError, "mine.toml", "a loader that exists", repr(loader), "minidl:xor"):
        card.table(seed=0)


@pytest.mark.parametrize(
    ("old", "new", "got"),
    [
        ("noise = 0.0", "loudness = 0.0", "'loudness'"),
        ("noise = 0.0", "noise = -1.0", "scale < 0"),
    ],
)
def test_a_card_with_wrong_parameters(tmp_path, old, new, got, refused):
    card = read_card(write_card(tmp_path, old, new))
    with refused(FileError, "mine.toml", "parameters of minidl:xor", got, "parameters"):
        card.table(seed=0)


@pytest.mark.parametrize(
    ("renamed", "classes"),
    [("", ("0", "1")), ("\n[classes]\nhigh = 1\nlow = [0]\n", ("high", "low"))],
)
def test_a_card_makes_another_task_of_a_table(tmp_path, renamed, classes):
    """Wine's alcohol, cut in two."""
    path = write_card(tmp_path, "rows = 8\nnoise = 0.0\n", renamed)
    text = path.read_text(encoding="utf-8").replace("minidl:xor", "sklearn.datasets.load_wine")
    text = text.replace('source = "me"', 'source = "me"\ntarget = "alcohol"\ncut = 13.05')
    path.write_text(text, encoding="utf-8")
    table = read_card(path).table(seed=0)
    wine = sklearn.datasets.load_wine()
    assert table.classes == classes
    assert table.feature_names == tuple(wine.feature_names[1:])
    np.testing.assert_array_equal(table.X, wine.data[:, 1:])
    above = wine.data[:, 0] > 13.05  # in six rows it is just that
    np.testing.assert_array_equal(table.y, ~above if renamed else above)


@pytest.mark.parametrize(
    ("added", "expected", "got", "remedy"),
    [
        ("\n[classes]\nno = 0", "number from 0 to 1 once", "[0]", "[classes]"),
        ("\n[classes]\nno = [0, 1]\nyes = 1", "number from 0 to 1 once", "[0, 1, 1]", "[classes]"),
        ("\n[classes]\nno = 0\nyes = 2", "number from 0 to 1 once", "[0, 2]", "[classes]"),
        ('\n[classes]\nno = 0\nyes = "1"', "number from 0 to 1 once", "[0, '1']", "[classes]"),
    ],
)
def test_a_card_with_classes_that_are_not_the_tables(
    tmp_path, added, expected, got, remedy, refused
):
    card = read_card(write_card(tmp_path, "noise = 0.0\n", f"noise = 0.0\n{added}\n"))
    with refused(FileError, "mine.toml", expected, got, remedy):
        card.table(seed=0)


@pytest.mark.parametrize(
    ("target", "remedy"), [("x11", "Did you mean 'x1'?"), ("zzz", "one of them")]
)
def test_a_card_with_a_target_that_is_no_column(tmp_path, target, remedy, refused):
    changed = f'source = "me"\ntarget = "{target}"'
    card = read_card(write_card(tmp_path, 'source = "me"', changed))
    with refused(FileError, "mine.toml", "a column: x1, x2", repr(target), remedy):
        card.table(seed=0)


def test_in_a_checkout_the_cards_lie_beside_the_package(tmp_path):
    (tmp_path / "datasets").mkdir()
    write_card(tmp_path / "datasets")
    assert cards_folder(tmp_path / "minidl") == tmp_path / "datasets"


def test_the_cards_inside_the_package_come_first(tmp_path):
    for folder in (tmp_path / "datasets", tmp_path / "minidl" / "datasets"):
        folder.mkdir(parents=True)
        write_card(folder)
    assert cards_folder(tmp_path / "minidl") == tmp_path / "minidl" / "datasets"


def test_no_cards_at_all(tmp_path, refused):
    (tmp_path / "datasets").mkdir()  # somebody else's: it holds no cards
    with refused(
        FileError, str(tmp_path), "*.toml", "none", "pip install --force-reinstall minidl"
    ):
        cards_folder(tmp_path / "minidl")


def run(code: str, folder: Path) -> str:
    """Run code in a new process, in which ``minidl`` is the one in ``folder``."""
    program = f"import sys; sys.path.insert(0, {str(folder)!r})\n{code}"
    done = subprocess.run(
        [sys.executable, "-I", "-c", program],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_wheel_holds_the_cards_where_they_are_looked_for(tmp_path):
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    for package in wheel["packages"]:
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(CHECKOUT / package, tmp_path / package, ignore=ignore)
    for source, place in wheel["force-include"].items():
        shutil.copytree(CHECKOUT / source, tmp_path / place)
    code = "from minidl import data; print(data.datasets['xor'].path); print([data.load('xor')])"
    path, _, description = run(code, tmp_path).partition("\n")
    assert Path(path) == tmp_path / "minidl" / "datasets" / "xor.toml"
    assert description.startswith("[Dataset('xor': 500 rows, 2 features, 2 classes)")


def test_importing_brings_no_heavy_package():
    # scipy itself takes 9 ms: numba looks at its version. Its parts are what takes long.
    heavy = ["sklearn", "pandas", "matplotlib", "rich", "typer", "scipy.linalg", "scipy.sparse"]
    code = "import {}; print([name for name in {} if name in sys.modules])"
    assert run(code.format("minidl.data", heavy), CHECKOUT) == "[]"
    # So that the line above can fail: the same question where the answer is known.
    found = run(code.format("sklearn.datasets", heavy), CHECKOUT)
    assert "'sklearn'" in found
    assert "'scipy.sparse'" in found


def test_the_public_door():
    assert {name for name in data.__all__ if hasattr(data, name)} == set(data.__all__)
    with pytest.raises(AttributeError, match=r"'minidl\.data' has no attribute 'dataset_names'"):
        data.dataset_names  # noqa: B018
