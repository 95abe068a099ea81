"""Print the command in README.md's code block after <!-- NAME -->: readme_command.py NAME."""

import re
import sys
from pathlib import Path

name = sys.argv[1]
readme = Path(__file__).resolve().parent.parent / "README.md"
block = rf"^<!-- {re.escape(name)} -->\n+```console\n(.*?)^```$"
found = re.findall(block, readme.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
if len(found) != 1:
    sys.exit(f"README.md: expected one ```console block after <!-- {name} -->, found {len(found)}")
print(re.sub(r"^\$ ", "", found[0], flags=re.MULTILINE).strip())
