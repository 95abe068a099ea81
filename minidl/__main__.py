"""``python -m minidl``: the command line without the script."""

import sys

from minidl.cli import app

if __name__ == "__main__":
    sys.exit(app(prog_name="python -m minidl"))
