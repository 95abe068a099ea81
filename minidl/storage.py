"""Named arrays and plain data in a safetensors file: nothing in it is ever run."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from minidl.errors import FileError

FORMAT = "minidl-1"


def write(path: Any, arrays: dict[str, np.ndarray], header: dict[str, Any]) -> None:
    """Write arrays and a JSON header; the file appears whole or not at all.

    The same content is the same bytes.

    Raises
    ------
    FileError
        If the folder cannot be written.
    """
    from safetensors.numpy import save

    metadata = {"format": FORMAT, "header": json.dumps(header, default=_plain)}
    write_whole(path, _ordered(save(arrays, metadata=metadata)))


def write_whole(path: Any, content: bytes) -> None:
    """Write a file that appears whole or not at all.

    Raises
    ------
    FileError
        If the folder cannot be written.
    """
    path = Path(path)
    # A name beside it, so that nothing is lost half-way; opened plainly, so that umask counts.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with open(temporary, "xb") as file:
            file.write(content)
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise FileError(
            str(path),
            f"a file that can be written in the folder {path.parent}",
            error.strerror or str(error),
            "Make the folder, or choose another.",
        ) from error
    except BaseException:  # Ctrl-C too
        temporary.unlink(missing_ok=True)
        raise


@contextmanager
def output_folder(folder: Path) -> Iterator[None]:
    """A folder of a command's files, made if there is none.

    Raises
    ------
    FileError
        If it cannot be made, or something in it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:  # FileError, too
        got = getattr(error, "got", None) or error.strerror or str(error)
        expected = "a folder that can be written"
        raise FileError(str(folder), expected, got, "Write --out DIR.") from error


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
    FileError
        If there is no such file, or if it is damaged or foreign.
    """
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    if not path.is_file():
        raise FileError(
            str(path), "a saved network", "no such file", "Check the path, or net.save() it first."
        )
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
