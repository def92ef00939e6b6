"""What many sentences have in common: durations, causes and lists of names, as phrases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upbit_ws_qt.text import Phrase, safe_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from upbit_ws_qt.connection import ConnectionFigures

__all__ = ["cause_of", "duration", "names_of"]

CAUSE_CHARACTERS = 120
NAME_CHARACTERS = 60


def duration(seconds: float) -> Phrase:
    """Return a duration as people read it: "412 ms", "2.3 s", "1 min 35 s", "2 h 10 min"."""
    if seconds < 1:
        return Phrase("{ms:.0f} ms", ms=seconds * 1000)
    if seconds < 60:
        return Phrase("{seconds:.1f} s", seconds=seconds)
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return Phrase("{minutes} min {seconds} s", minutes=minutes, seconds=rest)
    return Phrase("{hours} h {minutes} min", hours=minutes // 60, minutes=minutes % 60)


def cause_of(connection: ConnectionFigures) -> Phrase:
    """Return why a line is down, in a few words."""
    cause = safe_text(connection.close_cause, CAUSE_CHARACTERS)
    if not cause:
        return Phrase("no cause known")
    return cause if isinstance(cause, Phrase) else Phrase(cause)


def names_of(names: Iterable[str], shown: int) -> tuple[str, ...]:
    """Return some names for people, `shown` of them at most and how many more there are."""
    found = [safe_text(name, NAME_CHARACTERS) for name in names]
    more = len(found) - shown
    return (*found[:shown], Phrase("and {count} more", count=more)) if more > 0 else tuple(found)
