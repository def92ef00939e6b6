"""초성 search: ㅂㅌ finds 비트코인."""

from __future__ import annotations

import unicodedata

__all__ = ["initials", "matches"]

_INITIALS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
_FIRST, _LAST = 0xAC00, 0xD7A3
_PER_INITIAL = 21 * 28  # vowels × finals


def initials(text: str) -> str:
    """Return the text with each syllable replaced by its first consonant; anything else stays."""
    return "".join(
        _INITIALS[(ord(letter) - _FIRST) // _PER_INITIAL] if _FIRST <= ord(letter) <= _LAST else letter
        for letter in text
    )


def matches(query: str, text: str) -> bool:
    """Whether `text` contains `query`, by letters, or syllable by syllable where the query has only first consonants.

    A query may mix both: 비ㅌ finds 비트코인. Case and the way Hangul is composed do not matter.
    """
    wanted, found = _plain(query), _plain(text)
    if not wanted:
        return True
    if wanted in found:
        return True
    if not any(letter in _INITIALS for letter in wanted):
        return False
    first = initials(found)
    return any(
        all(wanted[i] in (found[start + i], first[start + i]) for i in range(len(wanted)))
        for start in range(len(found) - len(wanted) + 1)
    )


def _plain(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold().replace(" ", "")
