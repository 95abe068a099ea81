"""One study's findings in a terminal, as a page, as Markdown and as a picture.

``comparing`` and ``describing`` put findings into sections of words, tables and charts
(``minidl.document``), which register themselves (``section``); ``writing`` puts them on disk.
``text`` is for the terminal.
"""

from importlib import import_module
from pkgutil import iter_modules

from minidl.pairing.report.text import show as show
from minidl.pairing.report.writing import sections as sections
from minidl.pairing.report.writing import write as write

for module in iter_modules(__path__):  # whichever has sections registers them
    import_module(f"{__name__}.{module.name}")
