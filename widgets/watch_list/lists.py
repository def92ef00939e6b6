"""What a user keeps about markets: lists of their own, tags, notes, and a figure of their own; plain data, no Qt."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from upbit_ws_qt import is_market_code, safe_text

__all__ = [
    "LONGEST_FIGURE",
    "LONGEST_NAME",
    "LONGEST_NOTE",
    "MOST_LISTS",
    "MOST_TAGS",
    "Watched",
    "watched_from",
    "watched_to_plain",
]

MOST_LISTS = 20
MOST_CODES = 500
LONGEST_NAME = 20
MOST_TAGS = 6
LONGEST_TAG = 16
LONGEST_NOTE = 200
LONGEST_FIGURE = 100
MOST_MARKED = 2000
"""Markets that may have tags, and that may have a note."""
USUAL_FIGURE = "RSI(14, 1h)"


@dataclass(frozen=True, slots=True)
class Watched:
    """All of it; each change returns another one.

    Attributes:
        lists: (name, market codes), in their order.
        tags: (code, tags).
        notes: (code, note).
        figure: what the column of one's own shows, as an expression.
    """

    lists: tuple[tuple[str, tuple[str, ...]], ...] = ()
    tags: tuple[tuple[str, tuple[str, ...]], ...] = ()
    notes: tuple[tuple[str, str], ...] = ()
    figure: str = USUAL_FIGURE

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the lists."""
        return tuple(name for name, _ in self.lists)

    def codes_of(self, name: str) -> tuple[str, ...]:
        """Return the markets of a list; none where there is no such list."""
        return dict(self.lists).get(name, ())

    def tags_of(self, code: str) -> tuple[str, ...]:
        """Return a market's tags."""
        return dict(self.tags).get(code, ())

    def note_of(self, code: str) -> str:
        """Return a market's note; empty where it has none."""
        return dict(self.notes).get(code, "")

    def can_be_called(self, name: str) -> bool:
        """Whether a further list may have this name."""
        return bool(_name(name)) and _name(name) not in self.names and len(self.lists) < MOST_LISTS

    def with_list(self, name: str) -> Watched:
        """Add an empty list; nothing is changed by a name that cannot be used."""
        return replace(self, lists=(*self.lists, (_name(name), ()))) if self.can_be_called(name) else self

    def without_list(self, name: str) -> Watched:
        """Drop a list."""
        return replace(self, lists=tuple(each for each in self.lists if each[0] != name))

    def renamed(self, name: str, other: str) -> Watched:
        """Call a list otherwise; nothing is changed by a name that cannot be used."""
        other = _name(other)
        if not other or other in self.names:
            return self
        return replace(
            self, lists=tuple((other, codes) if each == name else (each, codes) for each, codes in self.lists)
        )

    def toggled(self, name: str, code: str) -> Watched:
        """Put a market on a list, or take it off."""
        codes = self.codes_of(name)
        changed = tuple(each for each in codes if each != code) if code in codes else (*codes, code)[:MOST_CODES]
        return replace(self, lists=tuple((each, changed if each == name else had) for each, had in self.lists))

    def with_tags(self, code: str, words: str) -> Watched:
        """Give a market other tags: words with commas or spaces between them; a # before one is left out."""
        found = (safe_text(word.lstrip("#")[:LONGEST_TAG], LONGEST_TAG) for word in words.replace(",", " ").split())
        tags = tuple(dict.fromkeys(tag for tag in found if tag))[:MOST_TAGS]
        rest = tuple(each for each in self.tags if each[0] != code)
        return replace(self, tags=(*rest, (code, tags))[-MOST_MARKED:] if tags else rest)

    def with_note(self, code: str, note: str) -> Watched:
        """Write a market's note anew; an empty one is none."""
        note = safe_text(note, LONGEST_NOTE).strip()
        rest = tuple(each for each in self.notes if each[0] != code)
        return replace(self, notes=(*rest, (code, note))[-MOST_MARKED:] if note else rest)


def watched_to_plain(watched: Watched) -> dict[str, Any]:
    """Return what can be written as JSON."""
    return {
        "lists": [{"name": name, "codes": list(codes)} for name, codes in watched.lists],
        "tags": {code: list(tags) for code, tags in watched.tags},
        "notes": dict(watched.notes),
        "figure": watched.figure,
    }


def watched_from(plain: dict[str, Any]) -> Watched:
    """Read it back; what cannot be used is left out. Never raises."""
    watched = Watched()
    lists = plain.get("lists")
    for each in lists[:MOST_LISTS] if isinstance(lists, list) else ():
        name, codes = (each.get("name"), each.get("codes")) if isinstance(each, dict) else (None, None)
        if isinstance(name, str) and watched.can_be_called(name):
            known = [code for code in codes if _is_code(code)] if isinstance(codes, list) else []
            watched = replace(watched, lists=(*watched.lists, (_name(name), tuple(dict.fromkeys(known))[:MOST_CODES])))
    tags, notes, figure = plain.get("tags"), plain.get("notes"), plain.get("figure")
    for code, words in list(tags.items())[:MOST_MARKED] if isinstance(tags, dict) else ():
        if _is_code(code) and isinstance(words, list) and all(isinstance(word, str) for word in words):
            watched = watched.with_tags(code, " ".join(words[:MOST_TAGS]))
    for code, note in list(notes.items())[:MOST_MARKED] if isinstance(notes, dict) else ():
        if _is_code(code) and isinstance(note, str):
            watched = watched.with_note(code, note)
    if isinstance(figure, str) and 0 < len(figure) <= LONGEST_FIGURE:
        watched = replace(watched, figure=figure)
    return watched


def _name(name: str) -> str:
    return safe_text(name, LONGEST_NAME).strip()


def _is_code(code: object) -> bool:
    return isinstance(code, str) and is_market_code(code)
