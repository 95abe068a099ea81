"""Print the lowest versions that pyproject.toml declares, as constraints for pip.

Of what the package itself and its extra ``cluster`` require: tools for tests are the newest.
"""

import re
import tomllib
from pathlib import Path

project = tomllib.loads(
    (Path(__file__).resolve().parent.parent / "pyproject.toml").read_text(encoding="utf-8")
)["project"]
extras = project["optional-dependencies"]
for requirement in [*project["dependencies"], *extras["cluster"]]:
    found = re.match(r"([\w.-]+)(?:\[[\w,]+\])?>=([\d.]+)", requirement)
    if found is None:
        raise SystemExit(f"pyproject.toml: no lowest version in {requirement!r}")
    print("==".join(found.groups()))
