"""Files, whole or not at all; named arrays and plain data in safetensors, of which nothing runs."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import secrets
import stat
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from minidl.core.errors import FileError
from minidl.core.parsing import as_path, parse_json

if sys.platform != "win32":
    import fcntl

FORMAT = "minidl-2"
EARLIER = "minidl-1"
"""The format before files had a digest."""
DIGEST = "sha256"
KINDS = ("F32", "F64", "I64")
"""What safetensors calls the numbers that minidl saves."""
LONGEST = 2**23
"""Characters of a header at most: data in JSON takes some twenty times its memory."""

# ----------------------------------------------------------------------------------- whole files


def write_whole(path: Any, content: bytes, check: Callable[[Path], object] | None = None) -> None:
    """Write a file that appears whole or not at all, and stays after a power cut.

    What was there before is replaced when the new file lies beside it, on the disk, and ``check``
    has not refused it. Where a symbolic link points is written, and the link stays; so do mode
    and owner. What killed processes have left beside it goes. Only a pipe or a device, which has
    no content to lose, is written to directly.

    Parameters
    ----------
    path : str or path
    content : bytes
    check : callable, optional
        Takes the path of the new file before anything is replaced, and raises if it is not whole.

    Raises
    ------
    ArgumentError
        If the path is none.
    FileError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_whole(Path(folder, "notes.txt"), b"whole")
    ...     print(os.listdir(folder))
    ['notes.txt']
    """
    path = as_path(path)
    expected = "a file that can be written"
    if os.path.isdir(path):  # "" is one, too: the folder one is in
        raise FileError(str(path), expected, "a folder", "Name a file in it, or move it away.")
    try:
        _write(path, content, check)
    except FileError as error:
        remedy = "Look at the disk, and save again: what was there before is kept."
        raise FileError(str(path), "a file that reads back whole", error.got, remedy) from error
    except (OSError, ValueError) as error:  # ValueError: a name no file can have
        there = os.path.isdir(path.parent)
        raise FileError(
            str(path),
            f"{expected} in the folder {path.parent}",
            getattr(error, "strerror", None) or str(error),
            "Choose another folder or name." if there else "Make the folder, or choose another.",
        ) from error


def _write(path: Path, content: bytes, check: Callable[[Path], object] | None) -> None:
    if path.exists() and not path.is_file():
        path.write_bytes(content)
        return
    target = Path(os.path.realpath(path))
    if target.is_symlink():  # still: it leads round in a circle
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    _remove_abandoned(target)
    temporary, file = _beside(target)
    try:
        with file:
            _take_mode(file, target)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            if check is not None:
                check(temporary)
            if sys.platform == "win32":
                file.close()  # an open file cannot be renamed there
            os.replace(temporary, target)
    except BaseException:  # Ctrl-C too
        with suppress(OSError):  # the first error is what matters
            temporary.unlink()
        raise
    _sync(target.parent)


def _beside(target: Path) -> tuple[Path, BinaryIO]:
    """A new file in the same folder, locked for as long as it is open."""
    while True:
        temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
        file = open(temporary, "xb")  # noqa: SIM115 - plainly, so that umask counts
        if sys.platform == "win32":
            return temporary, file
        with suppress(OSError):  # a file system without locks
            fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(file.fileno()).st_nlink:
            return temporary, file
        file.close()  # taken for an abandoned one before it was locked


def _remove_abandoned(target: Path) -> None:
    """Remove the temporary files of killed processes: those that nobody has locked."""
    if sys.platform == "win32":
        return
    name = re.compile(rf"\.{re.escape(target.name)}\.[0-9a-f]{{8}}")
    with suppress(OSError), os.scandir(target.parent) as entries:
        for entry in [e for e in entries if name.fullmatch(e.name) and e.is_file()]:
            with suppress(OSError), open(entry, "rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.unlink(entry)


def _take_mode(file: BinaryIO, target: Path) -> None:
    """Give a new file the owner and the mode of the one that it will replace."""
    if sys.platform == "win32" or not target.exists():
        return
    known = target.stat()
    for owner in ((known.st_uid, -1), (-1, known.st_gid)):
        with suppress(OSError):  # only root gives files away
            os.fchown(file.fileno(), *owner)
    os.fchmod(file.fileno(), stat.S_IMODE(known.st_mode))


def _sync(folder: Path) -> None:
    """Have a new name on the disk, too, where folders can be synchronised."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Make the folder for a command's files, if there is none.

    Raises
    ------
    FileError
        If it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:  # ValueError: a name no folder can have
        reason = getattr(error, "strerror", None) or str(error)
        got = "a file" if os.path.isfile(folder) else reason
        remedy = "Choose another name, in a folder that you may write to."
        raise FileError(str(folder), "a folder that can be written", got, remedy) from error


# ---------------------------------------------------------------------------------- named arrays


def write(path: Any, arrays: dict[str, np.ndarray], header: dict[str, Any]) -> None:
    """Write arrays and a JSON header; the file appears whole or not at all, and can be read.

    The same content is the same bytes.

    Raises
    ------
    ArgumentError, FileError
        As ``write_whole``.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write(Path(folder, "a.safetensors"), {"x": np.ones(2)}, {"by": "hand"})
    ...     read(Path(folder, "a.safetensors"))
    ({'x': array([1., 1.])}, {'by': 'hand'})
    """
    from safetensors.numpy import save

    text = json.dumps(header, default=_plain)
    metadata = {"format": FORMAT, "header": text, DIGEST: _digest(arrays, text)}
    # Read before it replaces anything: what is on the disk, and can be loaded again.
    write_whole(path, _ordered(save(arrays, metadata=metadata)), check=read)


def _ordered(content: bytes) -> bytes:
    """The same file with its metadata in order: safetensors shuffles them."""
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # arrays begin at a multiple of 8
    return len(text).to_bytes(8, "little") + text + content[end:]


def _plain(value: Any) -> Any:
    """NumPy's numbers as Python's."""
    return value.tolist()


def _digest(arrays: dict[str, np.ndarray], header: str) -> str:
    """Of all that is read from a file: header, names, dtypes, shapes, numbers."""
    digest = hashlib.sha256(json.dumps(header).encode())
    for name, array in sorted(arrays.items()):
        digest.update(json.dumps([name, str(array.dtype), array.shape]).encode())
        digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def read(path: Any) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Arrays and header of a file that ``write`` made.

    Raises
    ------
    ArgumentError
        If the path is none.
    FileError
        If there is no such file, or if it is damaged or foreign.
    """
    path = as_path(path)
    culprit, remedy = str(path), "It is damaged or foreign: save it again."
    if not os.path.isfile(path):
        got = "a folder" if os.path.isdir(path) else "no such file"
        raise FileError(culprit, "a saved network", got, "Check the path, or net.save() it first.")
    try:
        metadata, arrays = _contents(culprit)
    except Exception as error:  # safetensors raises of many kinds
        raise FileError(culprit, "a safetensors file", str(error), remedy) from error
    form, text = metadata.get("format"), metadata.get("header", "")
    if form not in (FORMAT, EARLIER):
        expected, got = f"a network saved by minidl ({FORMAT})", f"format {form!r}"
        raise FileError(culprit, expected, got, "Load it with what wrote it.")
    # A new file whose mark was damaged has a digest still, under whatever name: an old one none.
    others = {*metadata} - {"format", "header"}
    if others != ({DIGEST} if form == FORMAT else set()):
        expected = f"the metadata of {form}"
        raise FileError(culprit, expected, ", ".join(sorted(metadata)), remedy)
    if form == FORMAT and metadata[DIGEST] != _digest(arrays, text):
        expected = f"a content of the {DIGEST} that was saved with it"
        raise FileError(culprit, expected, "another", "It is damaged: take a copy, or save again.")
    if len(text) > LONGEST:
        expected, got = f"a header of at most {LONGEST:,} characters", f"{len(text):,}"
        raise FileError(culprit, expected, got, "Save a smaller network.")
    header = parse_json(text, culprit, "a readable header", remedy)
    if not isinstance(header, dict):
        raise FileError(culprit, "a readable header", type(header).__name__, remedy)
    return arrays, header


def _contents(path: str) -> tuple[dict[str, str], dict[str, np.ndarray]]:
    """Metadata and arrays; an error for numbers of a kind that minidl does not save."""
    from safetensors import safe_open

    arrays = {}
    with safe_open(path, framework="numpy") as file:
        for name in file.keys():  # noqa: SIM118 - it is no mapping
            kind = file.get_slice(name).get_dtype()
            if kind not in KINDS:
                raise ValueError(f"{name} has numbers of kind {kind}, not {', '.join(KINDS)}")
            arrays[name] = file.get_tensor(name)
        return file.metadata() or {}, arrays
