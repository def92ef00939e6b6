"""Text from outside, made safe for logs, errors and widgets."""

from __future__ import annotations

import re

__all__ = ["safe_text"]

# Control characters (ANSI escapes begin with one), bidirectional overrides, zero-width and line separators.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff\ufff9-\ufffb]"
)


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
    text = _UNSAFE.sub(lambda match: match.group().encode("unicode_escape").decode("ascii"), text[:limit])
    return text[:limit] + "…" if cut or len(text) > limit else text
