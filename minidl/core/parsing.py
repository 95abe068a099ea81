"""Text files as plain data: JSON and TOML, or one error that says which file is none."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from minidl.core.errors import ArgumentError, FileError

DEPTH = 100
"""How deep lists and mappings may lie in each other in a file."""


def as_path(path: Any) -> Path:
    """The path of a file.

    Raises
    ------
    ArgumentError
        If it is none.
    """
    try:
        return Path(path)
    except TypeError as error:
        remedy = 'Write "net.safetensors", say.'
        raise ArgumentError("path", "the name of a file", repr(path), remedy) from error


def read_text(path: Any, expected: str, remedy: str, encoding: str = "utf-8") -> str:
    """The text in a file.

    Raises
    ------
    ArgumentError
        If the path is none.
    FileError
        If the file cannot be read, or holds no text.
    """
    path = as_path(path)
    try:
        return path.read_text(encoding=encoding)
    except (OSError, ValueError) as error:  # ValueError: no UTF-8, or a name no file can have
        got = getattr(error, "strerror", None)
        got = got or f"no text in {encoding.removesuffix('-sig').upper()} ({error})"
        raise FileError(str(path), expected, got, remedy) from error


def parse_json(
    text: str, culprit: str, expected: str, remedy: str, *, allow_nan: bool = False
) -> Any:
    """Plain data from JSON.

    Raises
    ------
    FileError
        If it is something else, lies deeper than ``DEPTH``, or has halves of characters, or NaN,
        which JSON has not.

    Examples
    --------
    >>> parse_json("[" * 10**5, "a.json", "JSON of answers", "Write it anew.")
    Traceback (most recent call last):
    minidl.core.errors.FileError: a.json: expected JSON of answers, got something else (more than
    100 lists in each other). Write it anew.
    """
    constant = float if allow_nan else _refuse_constant

    def parse(text: str) -> Any:
        data = json.loads(text, parse_constant=constant)
        if "\\u" in text:  # half of a character can be read, and written nowhere
            json.dumps(data, ensure_ascii=False).encode()
        return data

    return _parse(parse, text, culprit, expected, remedy)


def parse_toml(text: str, culprit: str, expected: str, remedy: str) -> dict[str, Any]:
    """Plain data from TOML.

    Raises
    ------
    FileError
        If it is something else, or lies deeper than ``DEPTH``.
    """
    data: dict[str, Any] = _parse(tomllib.loads, text, culprit, expected, remedy)
    return data


def _parse(parse: Callable[[str], Any], text: str, culprit: str, expected: str, remedy: str) -> Any:
    # ValueError: the syntax, or a number of more than 4,300 digits, which Python does not read.
    try:
        data = parse(text)
        _check_depth(data)
    except (ValueError, RecursionError) as error:
        deep = isinstance(error, RecursionError)
        reason = f"more than {DEPTH} lists in each other" if deep else error
        raise FileError(culprit, expected, f"something else ({reason})", remedy) from error
    return data


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no number in JSON")


def _check_depth(data: Any) -> None:
    """Raise ``RecursionError`` for what could not be walked through by recursion."""
    level: list[Any] = [data]
    for _ in range(DEPTH):
        level = [part for each in level for part in _parts(each)]
        if not level:
            return
    raise RecursionError


def _parts(data: Any) -> Iterable[Any]:
    if isinstance(data, dict):
        return data.values()
    return data if isinstance(data, list) else ()
