"""Write the list of files in minidl/README.md anew, from the first words of their docstrings.

python .ci/map.py           # writes it
python .ci/map.py --check   # says whether it is as it would be written
"""

import ast
import sys
from pathlib import Path

MAP = Path(__file__).resolve().parent.parent / "minidl" / "README.md"
BEGIN = "## Files\n"


def told(path):
    """What a file says of itself, in its first paragraph."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return " ".join(text.partition("\n\n")[0].split()).rstrip(".")


def rooms(folder):
    """The packages in a folder."""
    return sorted(path.parent for path in folder.glob("*/__init__.py"))


def table(folder):
    """A line for each file of a package."""
    files = sorted(path for path in folder.glob("*.py") if path.name != "__init__.py")
    rows = [f"| `{path.name}` | {told(path)} |" for path in files]
    return ["| file | what it holds |", "|---|---|", *rows, ""] if rows else []


def files():
    """The whole section."""
    lines = [BEGIN]
    for room in rooms(MAP.parent):
        lines += [f"### `{room.name}/`: {told(room / '__init__.py')}", "", *table(room)]
        for inner in rooms(room):
            heading = f"`{room.name}/{inner.name}/`: {told(inner / '__init__.py')}."
            lines += [heading, "", *table(inner)]
    return "\n".join(lines).rstrip() + "\n"


before = MAP.read_text(encoding="utf-8")
after = before[: before.index(BEGIN)] + files()
if "--check" not in sys.argv:
    MAP.write_text(after, encoding="utf-8")
elif before != after:
    raise SystemExit("minidl/README.md: the files are others by now: python .ci/map.py")
