"""Walkthroughs, worksheets and x-rays as JSON: written, and read again by their types."""

from __future__ import annotations

import json
import math
from dataclasses import MISSING, asdict, fields, is_dataclass
from types import UnionType
from typing import Any, ClassVar, Self, get_args, get_origin, get_type_hints

from minidl.core import FileError, parse_json


class Document:
    """Plain data with a schema; what is of another schema is refused.

    A subclass is a frozen dataclass that says what it is, ``"a walkthrough"``, which schema it
    reads, and what to do about anything else.
    """

    schema: int
    _what: ClassVar[str]
    _schema: ClassVar[int]
    _remedy: ClassVar[str]

    def to_json(self) -> str:
        """The data as JSON text; ``from_json`` gives back an equal object."""
        return _encode(self)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The object from its JSON.

        Raises
        ------
        FileError
            If it is something else, or of another schema.
        """
        culprit, wanted = cls._what.partition(" ")[2], f"JSON of {cls._what}"
        data = parse_json(text, culprit, wanted, cls._remedy)
        try:
            schema = data["schema"]
        except (TypeError, KeyError) as error:
            raise FileError(culprit, wanted, f"something else ({error})", cls._remedy) from error
        if schema != cls._schema:
            own = f"schema {cls._schema}"
            raise FileError(culprit, own, f"schema {schema!r:.60}", cls._remedy)
        try:
            found: Self = _decode(cls, data)
            found.to_markdown()  # parts that do not fit each other come up here, not later
            str(found)
        except Exception as error:  # whatever numbers, lists and names in wrong places lead to
            got = f"damaged data ({error!s:.500})"
            raise FileError(culprit, wanted, got, cls._remedy) from error
        return found

    def to_markdown(self) -> str:
        """All of it in Markdown."""
        raise NotImplementedError

    def _check(self) -> None:
        """Raise ``ValueError`` for another schema, and where parts do not fit each other."""
        if self.schema != self._schema:
            raise ValueError(f"{self._what} of schema {self.schema}, not {self._schema}")


def _encode(data: Any) -> str:
    """Plain frozen data as JSON; floats keep every bit."""
    return json.dumps(asdict(data), ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _decode(kind: Any, data: Any) -> Any:
    """What ``to_json`` made, as ``kind`` again, from parsed JSON.

    Raises
    ------
    TypeError, KeyError, ValueError
        If it is something else, or a document in it is of another schema.
    """
    if isinstance(kind, type) and is_dataclass(kind):
        hints = get_type_hints(kind)
        given = [f.name for f in fields(kind) if f.name in data or f.default is MISSING]
        made = kind(**{name: _decode(hints[name], data[name]) for name in given})
        if isinstance(made, Document):  # also one inside of another
            made._check()
        return made
    origin, inner = get_origin(kind), get_args(kind)
    if origin is tuple:
        return tuple(_decode(inner[0], item) for item in data)
    if origin is dict:
        return {str(key): _decode(inner[1], value) for key, value in data.items()}
    if origin is UnionType:
        return None if data is None else _decode(inner[0], data)
    if kind is float and type(data) is int:
        data = float(data)
    if kind is float and not math.isfinite(data):
        raise ValueError(f"{data} is no number in JSON")
    if type(data) is not kind:
        raise TypeError(f"{kind.__name__} expected, got {data!r}")
    return data
