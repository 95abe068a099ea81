"""``python -m minidl.cli``: the command line without the script."""

import sys

from minidl.cli import app

sys.exit(app())
