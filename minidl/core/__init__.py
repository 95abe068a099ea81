"""What everything else stands on: errors, registries, limits of settings, seeds, files.

Nothing here knows of arrays that are differentiated, or of networks.
"""

from minidl.core.encoding import lenient, printable
from minidl.core.errors import (
    AnomalyError,
    ArgumentError,
    ConcurrencyError,
    DataError,
    DomainError,
    DtypeError,
    FileError,
    GradientError,
    MinidlError,
    MissingError,
    RecordError,
    ShapeError,
    UnknownNameError,
)
from minidl.core.exclusive import Exclusive, Together, distinct
from minidl.core.foreign import as_array, as_written_for, check_unmasked, reshaping, text_number
from minidl.core.intervals import NON_NEGATIVE, REALS, SIGNS, UNIT, Choices, Domain, Interval, point
from minidl.core.parsing import parse_json, parse_toml, read_text
from minidl.core.progress_bar import progress
from minidl.core.registry import ELSEWHERE, ClassEntry, Registry, did_you_mean, with_defaults
from minidl.core.seeds import generator, random_state, stream
from minidl.core.settings import (
    POSITIVE,
    SHARE,
    Configurable,
    named_settings,
    number,
    refuse_former_names,
    short,
    whole_number,
)
from minidl.core.storage import make_folder

__all__ = [
    "ClassEntry",
    "AnomalyError",
    "ArgumentError",
    "Choices",
    "ConcurrencyError",
    "DataError",
    "Domain",
    "DomainError",
    "DtypeError",
    "ELSEWHERE",
    "Exclusive",
    "FileError",
    "GradientError",
    "Interval",
    "MinidlError",
    "MissingError",
    "NON_NEGATIVE",
    "POSITIVE",
    "REALS",
    "RecordError",
    "Registry",
    "SHARE",
    "SIGNS",
    "Configurable",
    "ShapeError",
    "Together",
    "UNIT",
    "UnknownNameError",
    "as_array",
    "as_written_for",
    "check_unmasked",
    "did_you_mean",
    "distinct",
    "generator",
    "lenient",
    "make_folder",
    "named_settings",
    "number",
    "parse_json",
    "parse_toml",
    "point",
    "printable",
    "progress",
    "random_state",
    "read_text",
    "reshaping",
    "refuse_former_names",
    "short",
    "stream",
    "text_number",
    "whole_number",
    "with_defaults",
]
