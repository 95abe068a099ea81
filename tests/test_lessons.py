"""The notebooks among the examples run from top to bottom, and are kept without outputs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import minidl

LESSONS = sorted((Path(__file__).resolve().parent.parent / "examples").glob("[0-9]*.ipynb"))

RUN = """
import sys
import nbformat
from nbclient import NotebookClient

lesson = nbformat.read(sys.argv[1], as_version=4)
NotebookClient(lesson, timeout=100, kernel_name="python3").execute()
printed = [o for cell in lesson.cells for o in cell.get("outputs", [])]
assert not [o for o in printed if o.get("name") == "stderr"], printed
print(len(printed))
"""
"""In a process of its own: the warnings of a kernel's libraries are not ours."""


def test_there_are_three():
    assert [path.name[:2] for path in LESSONS] == ["12", "13", "14"]


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_lesson(lesson, tmp_path):
    home = str(Path(minidl.__file__).resolve().parent.parent)
    done = subprocess.run(
        [sys.executable, "-c", RUN, lesson],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": home, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 3


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_lesson_is_kept_without_outputs(lesson):
    cells = json.loads(lesson.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert len(code) > 4
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
