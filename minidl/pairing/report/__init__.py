"""One study's findings in a terminal, as a page, as Markdown and as a picture.

``comparing`` and ``describing`` put findings into sections of words, tables and charts
(``minidl.document``); ``writing`` puts them on disk. ``text`` is for the terminal.
"""

from minidl.pairing.report.text import show
from minidl.pairing.report.writing import sections, write

__all__ = ["sections", "show", "write"]
