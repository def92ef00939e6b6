"""Text from outside, made safe for logs, errors and widgets."""

from __future__ import annotations

import unicodedata

__all__ = ["safe_text"]


def safe_text(raw: bytes | bytearray | memoryview | str, limit: int = 500) -> str:
    """Return `raw` as one line of printable text, at most `limit` characters long (plus "…" where cut).

    Bytes are read as UTF-8; what is not UTF-8, and every character that could move a cursor, turn the
    direction of the text or break a line, is shown as a backslash escape.
    """
    if isinstance(raw, str):
        text = raw[: limit + 1]
    else:
        text = bytes(raw[: 4 * (limit + 1)]).decode("utf-8", "backslashreplace")[: limit + 1]
    cut = len(text) > limit
    text = text[:limit]
    if not text.isprintable():
        text = "".join(character if _is_harmless(character) else _escaped(character) for character in text)
    return text[:limit] + "…" if cut or len(text) > limit else text


def _is_harmless(character: str) -> bool:
    # Not printable are controls, format and bidi marks, surrogates, line separators, unassigned code points; and spaces
    # other than " ", which do no harm.
    return character.isprintable() or unicodedata.category(character) == "Zs"


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
