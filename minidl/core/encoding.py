"""Text for streams that cannot show every character: something stands for σ, ≤ or a rule there.

Where the output is a file or a pipe, Windows encodes it as cp1252, which has no Greek; ASCII has
neither × nor ². What such an encoding lacks is written in plain letters: ``sigma``, ``<=``, ``-``.
"""

from __future__ import annotations

import codecs
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from typing import IO

HANDLER = "minidl"
"""What Python's ``errors=`` calls this."""

_PLAIN = {
    "−": "-", "–": "-", "—": "-", "·": ".", "×": "x", "÷": "/", "±": "+-", "≤": "<=", "≥": ">=",
    "≠": "!=", "→": "->", "←": "<-", "∂": "d", "√": "sqrt", "∞": "inf", "∧": "and", "⊙": "*",
    "⌊": "floor(", "⌋": ")", "⟨": "<", "⟩": ">", "′": "'", "‖": "||", "…": "...", "“": '"',
    "”": '"', "ℓ": "l", "★": "*", "✓": "+", "✗": "x", "▲": "^", "▼": "v", "▸": ">", "◂": "<",
    "§": "section ",
}  # fmt: skip


def _plain(character: str) -> str:
    """What stands for one character in ASCII."""
    if character in _PLAIN:
        return _PLAIN[character]
    name = unicodedata.name(character, "")
    if name.startswith("BOX DRAWINGS"):
        horizontal = name.endswith("HORIZONTAL")
        return "-" if horizontal else "|" if name.endswith("VERTICAL") else "+"
    words = name.split()
    if words[:1] == ["GREEK"] and words[2:3] == ["LETTER"]:
        letter = "LAMBDA" if words[3] == "LAMDA" else words[3]
        return letter.lower() if words[1] == "SMALL" else letter.capitalize()
    raised = unicodedata.decomposition(character).startswith("<super>")
    simple = unicodedata.normalize("NFKD", character).translate({0x2044: "/", 0x2212: "-"})
    kept = "".join(c if c.isascii() else _PLAIN.get(c, "") for c in simple)
    if not kept and not unicodedata.combining(character):
        return _plain(simple) if simple != character else "?"
    return f"^{kept}" if raised else kept


def _stand_in(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = ""
    for character in error.object[error.start : error.end]:
        plain = _plain(character)
        apart = len(plain) > 1 and plain[0].isalpha() and text[-1:].isalpha()
        text += f" {plain}" if apart else plain  # λα: lambda alpha
    return text, error.end


codecs.register_error(HANDLER, _stand_in)


def printable(text: str) -> str:
    """Text as standard output can show it, for ``print``.

    Examples
    --------
    >>> "∂w₁ ≤ 2σ²".encode("ascii", HANDLER)
    b'dw1 <= 2sigma^2'
    """
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        return text.encode(encoding, HANDLER).decode(encoding)
    except (LookupError, UnicodeError):  # a stream of somebody's own, with an encoding of its own
        return text


@contextmanager
def lenient(*streams: IO[str] | None) -> Iterator[None]:
    """While this lasts, streams show what they can, and something for the rest."""
    changed = [(s, s.errors or "strict") for s in streams if isinstance(s, TextIOWrapper)]
    for stream, _ in changed:
        stream.reconfigure(errors=HANDLER)
    try:
        yield
    finally:
        for stream, errors in changed:
            if not stream.closed:
                stream.reconfigure(errors=errors)
