"""Machine code on disk: one file for a kernel and the types of its operands.

numba's own cache stops the program where no folder can be written to, where the disk is full, and
where a file is damaged. This one never does: a file appears whole or not at all, begins with a
digest of its name and contents, and is made again where that does not hold; a file that cannot be
written is done without. What went wrong with the folder is said once, to the logger ``minidl``,
which writes to standard error unless told otherwise: a warning might be turned into an error.

The files are pickle, which can run anything. So they are read only from folders that nobody else
can write to, as far as minidl chooses the folder.
"""

from __future__ import annotations

import functools
import hashlib
import logging
import os
import pickle
import re
import stat
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numba
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps
from numba.misc.appdirs import AppDirs

from minidl.kernels.interrupts import uninterrupted

REMEDY = "Set NUMBA_CACHE_DIR to a folder that you can write to"

_log = logging.getLogger("minidl")


def _places() -> Iterator[Path]:
    """Where machine code may be kept, best first; numba's own choices, so that one setting does."""
    if numba.config.CACHE_DIR:
        yield Path(numba.config.CACHE_DIR, "minidl").absolute()
    yield Path(__file__).parent / "__pycache__"
    home = Path(AppDirs("numba", appauthor=False).user_cache_dir, "minidl")
    if home.is_absolute():  # else it begins with ~: this user has no home
        yield home


def _temporary() -> Path:
    """A folder for this user alone, which the next process finds again."""
    user = os.geteuid() if hasattr(os, "geteuid") else "kernels"
    return Path(tempfile.gettempdir(), f"minidl-{user}")


def _is_private(place: Path) -> bool:
    """Whether it is a folder of this user's that nobody else can write to.

    Anybody may have made one under this name, or a link, where all users share a temporary folder.
    """
    if not hasattr(os, "geteuid"):  # Windows gives every user a temporary folder of their own
        return True
    state = os.lstat(place)
    others_write = state.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return stat.S_ISDIR(state.st_mode) and state.st_uid == os.geteuid() and not others_write


def _takes_files(place: Path) -> bool:
    try:
        place.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=place).close()
    except OSError:
        return False
    return True


@dataclass(frozen=True)
class Folder:
    """Where machine code is kept, and whether others may lay a folder of theirs in its place."""

    path: Path
    is_temporary: bool = False

    def read(self, name: str, identity: bytes) -> Any:
        """What was written under a name, if it is that, whole."""
        if self.is_temporary and not _is_private(self.path):
            raise PermissionError(self.path)
        contents = (self.path / name).read_bytes()
        digest, data = contents[:32], contents[32:]
        if digest != hashlib.sha256(identity + data).digest():
            raise ValueError(name)
        return pickle.loads(data)  # noqa: S301 - this class wrote it, where only this user can

    def write(self, name: str, identity: bytes, data: bytes) -> None:
        """Have a file appear, whole or not at all; the folder may have been cleared away."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished = self.path / f"{name}.{uuid.uuid4().hex[:16]}"
        try:
            unfinished.write_bytes(hashlib.sha256(identity + data).digest() + data)
            unfinished.replace(self.path / name)
        finally:
            unfinished.unlink(missing_ok=True)


@functools.cache
def folder() -> Folder | None:
    """Where this process keeps machine code; None if there is no such place."""
    places = list(_places())
    for place in places:
        if _takes_files(place):
            return Folder(place)
    unwritable = f"minidl: no folder for compiled kernels can be written to: not {places[0]}"
    try:
        place = _temporary()
        place.mkdir(mode=0o700, exist_ok=True)
        if _is_private(place) and _takes_files(place):
            _log.warning("%s. They are kept in %s. %s.", unwritable, place, REMEDY)
            return Folder(place, is_temporary=True)
    except OSError:
        pass  # not even there
    _log.warning("%s. Every process compiles them anew. %s.", unwritable, REMEDY)
    return None


@functools.cache
def _say_that_nothing_is_kept(place: Path) -> None:
    """Once, for the first file; the reason is that of the exception being handled."""
    reason = getattr(sys.exception(), "strerror", None) or sys.exception()
    _log.warning(
        "minidl: compiled kernels cannot be kept in %s (%s): every process compiles them anew. %s.",
        *(place, reason, REMEDY),
    )


class KernelCache:
    """What numba asks for one function's machine code, and hands it to when it was compiled.

    Parameters
    ----------
    function : function
        Its qualified name ends in a digest of all that the machine code is made from.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    @property
    def cache_path(self) -> str | None:
        """The folder, as numba's statistics have it."""
        place = folder()
        return str(place.path) if place else None

    def load_overload(self, types: Any, target: Any) -> Any:
        """The machine code for operands of these types, or None: then numba compiles it."""
        target.refresh()
        place = folder()
        if place is None:
            return None
        try:
            identity = self._identity(types, target.codegen())
            return CompileResult._rebuild(target, *place.read(self._name(identity), identity))
        except Exception:  # there is no such file, or it is of no use: it will be made again
            return None

    def save_overload(self, types: Any, compiled: Any) -> None:
        """Keep what was compiled; a folder or disk that does not take it is done without."""
        place = folder()
        if place is None or compiled.library.has_dynamic_globals:  # addresses: good for this run
            return
        try:
            identity = self._identity(types, compiled.codegen)
            place.write(self._name(identity), identity, dumps(compiled._reduce()))
        except Exception:  # mostly a full disk; whatever it is, the machine code is there
            _say_that_nothing_is_kept(place.path)

    def _identity(self, types: Any, codegen: Any) -> bytes:
        """What the machine code depends on: function, types, CPU, numba, Python."""
        cells = tuple(cell.cell_contents for cell in self.function.__closure__ or ())
        parts = (
            self.function.__qualname__,
            repr(types),
            codegen.magic_tuple(),
            hashlib.sha256(dumps(cells)).hexdigest(),
            numba.__version__,
            sys.implementation.cache_tag,
            getattr(sys, "abiflags", ""),
        )
        return repr(parts).encode()

    def _name(self, identity: bytes) -> str:
        """A file's name: the function's, as far as file systems bear it, and a digest."""
        shown = re.sub(r"\W", "_", self.function.__name__, flags=re.ASCII)[:60]
        return f"{shown}-{hashlib.sha256(identity).hexdigest()[:32]}.nbc"


def keep(
    compiled: Any, function: Callable[..., Any], before: Callable[..., None] | None = None
) -> Any:
    """Have numba's dispatcher or callback for this function keep its machine code here.

    ``before`` is called with the types of the operands before machine code is made or read.
    """
    compiled._cache = KernelCache(function)
    make = uninterrupted(compiled.compile)
    if before is None:
        compiled.compile = make
    else:

        def prepared(types: Any) -> Any:
            before(types)
            return make(types)

        compiled.compile = prepared
    return compiled
