"""When alerts are quiet: from one time of the day until another, which may be of the next day."""

from __future__ import annotations

import re

__all__ = ["CLOCK", "is_clock", "is_quiet"]

CLOCK = "HH:mm"
"""How a time of the day is written."""
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


def is_clock(text: object) -> bool:
    """Whether it is a time of the day."""
    return isinstance(text, str) and _CLOCK.fullmatch(text) is not None


def is_quiet(begin: str, end: str, now: str) -> bool:
    """Whether `now` lies between `begin` and `end`, all as "HH:mm"; where the two are one time it is never quiet.

    Example:
        >>> is_quiet("22:00", "07:00", "23:30"), is_quiet("22:00", "07:00", "07:00")
        (True, False)
    """
    if begin <= end:
        return begin <= now < end
    return now >= begin or now < end
