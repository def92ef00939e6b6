"""Text for people: from outside, made safe to show; and our own, in parts, so that it can be said in any language."""

from __future__ import annotations

import unicodedata

__all__ = ["Phrase", "safe_text"]


class Phrase(str):
    """An English sentence that remembers its parts.

    It is the English text, for logs and for whoever treats it as any other; a program that speaks another language
    looks its template up and puts the values in.

    Attributes:
        template: the text with {places}, as for `str.format`; the key of its translations.
        values: for the places: numbers; phrases, which are translated too; other texts, which are said as they are;
            and tuples of these, which are said as a list.
    """

    __slots__ = ("template", "values")
    template: str
    values: dict[str, object]

    def __new__(cls, template: str, /, **values: object) -> Phrase:
        """Make the sentence of a template and what belongs in its places; without values nothing is replaced."""
        plain = {name: _listed(value) for name, value in values.items()}
        phrase = super().__new__(cls, template.format(**plain) if values else template)
        phrase.template = template
        phrase.values = values
        return phrase


def _listed(value: object) -> object:
    return ", ".join(str(part) for part in value) if isinstance(value, tuple) else value


def safe_text(raw: bytes | bytearray | memoryview | str, limit: int = 500) -> str:
    """Return `raw` as one line of printable text, at most `limit` characters long (plus "…" where cut).

    Bytes are read as UTF-8; what is not UTF-8, and every character that could move a cursor, turn the
    direction of the text or break a line, is shown as a backslash escape. A text that is good already is returned as
    it is, so that a phrase stays one.
    """
    if isinstance(raw, str) and len(raw) <= limit and raw.isprintable():
        return raw
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
