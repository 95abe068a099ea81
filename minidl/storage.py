"""Files, whole or not at all; named arrays and plain data in safetensors, of which nothing runs."""

from __future__ import annotations

import json
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from minidl.errors import ArgumentError, FileError

FORMAT = "minidl-1"


def write(path: Any, arrays: dict[str, np.ndarray], header: dict[str, Any]) -> None:
    """Write arrays and a JSON header; the file appears whole or not at all.

    The same content is the same bytes.

    Raises
    ------
    ArgumentError, FileError
        As ``write_whole``.
    """
    from safetensors.numpy import save

    metadata = {"format": FORMAT, "header": json.dumps(header, default=_plain)}
    write_whole(path, _ordered(save(arrays, metadata=metadata)))


def write_whole(path: Any, content: bytes) -> None:
    """Write a file that appears whole or not at all.

    Raises
    ------
    ArgumentError
        If the path is none.
    FileError
        If the file cannot be written.
    """
    path = _path(path)
    wanted = "a file that can be written"
    if os.path.isdir(path):  # "" is one, too: the folder one is in
        raise FileError(str(path), wanted, "a folder", "Name a file in it, or move it away.")
    try:
        _replace(path, content)
    except (OSError, ValueError) as error:  # ValueError: a name no file can have
        there = os.path.isdir(path.parent)
        raise FileError(
            str(path),
            f"{wanted} in the folder {path.parent}",
            getattr(error, "strerror", None) or str(error),
            "Choose another folder or name." if there else "Make the folder, or choose another.",
        ) from error


def _replace(path: Path, content: bytes) -> None:
    # A name beside it, so that nothing is lost half-way; opened plainly, so that umask counts.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with open(temporary, "xb") as file:
            file.write(content)
        os.replace(temporary, path)
    except BaseException:  # Ctrl-C too
        with suppress(OSError, ValueError):  # there may be none; the first error is what matters
            temporary.unlink()
        raise


def _path(path: Any) -> Path:
    try:
        return Path(path)
    except TypeError as error:
        remedy = 'Write "net.safetensors", say.'
        raise ArgumentError("path", "the name of a file", repr(path), remedy) from error


def make_folder(folder: Path) -> None:
    """Make the folder for a command's files, if there is none.

    Raises
    ------
    FileError
        If it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        got = "a file" if folder.is_file() else error.strerror or str(error)
        remedy = "Choose another name, in a folder that you may write to."
        raise FileError(str(folder), "a folder that can be written", got, remedy) from error


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


def read(path: Any) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Arrays and header of a file that ``write`` made.

    Raises
    ------
    ArgumentError
        If the path is none.
    FileError
        If there is no such file, or if it is damaged or foreign.
    """
    from safetensors import SafetensorError, safe_open

    path = _path(path)
    if not os.path.isfile(path):
        got = "a folder" if os.path.isdir(path) else "no such file"
        remedy = "Check the path, or net.save() it first."
        raise FileError(str(path), "a saved network", got, remedy)
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            arrays = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, TypeError, ValueError) as error:
        raise FileError(
            str(path), "a safetensors file", str(error), "It is damaged or foreign: save it again."
        ) from error
    if metadata.get("format") != FORMAT:
        raise FileError(
            str(path),
            f"a network saved by minidl ({FORMAT})",
            f"format {metadata.get('format')!r}",
            "Load it with what wrote it.",
        )
    try:
        header = json.loads(metadata["header"])
    except (KeyError, ValueError) as error:
        raise FileError(
            str(path), "a readable header", str(error), "It is damaged: save it again."
        ) from error
    return arrays, header
