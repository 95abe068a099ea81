"""Walkthroughs, worksheets and x-rays as JSON: written, and read again by their types."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import ClassVar, Self

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
        # Floats keep every bit.
        return json.dumps(asdict(self), ensure_ascii=False, allow_nan=False, separators=(",", ":"))  # type: ignore[call-overload]

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
            expected = f"schema {cls._schema}"
            raise FileError(culprit, expected, f"schema {schema!r:.60}", cls._remedy)
        from msgspec import convert  # here: only files need it

        try:
            document: Self = convert(data, cls)
            document.to_markdown()  # parts that do not fit each other come up here, not later
            str(document)
        except Exception as error:  # whatever numbers, lists and names in wrong places lead to
            damage = f"damaged data ({error!s:.500})"
            raise FileError(culprit, wanted, damage, cls._remedy) from error
        return document

    def to_markdown(self) -> str:
        """All of it in Markdown."""
        raise NotImplementedError

    def __post_init__(self) -> None:
        """Raise ``ValueError`` for another schema, and where parts do not fit each other."""
        if self.schema != self._schema:
            raise ValueError(f"{self._what} of schema {self.schema}, not {self._schema}")
