"""Times of the exchange as Korean clock time; the whole program shows KST."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

__all__ = ["KST", "kst_clock", "kst_exact", "kst_file_stamp", "kst_stamp"]

KST = timezone(timedelta(hours=9), "KST")
_OFFSET_SECONDS = 9 * 3600
_DAY_SECONDS = 24 * 3600


def kst_clock(milliseconds: int) -> str:
    """Return ms since 1970 UTC as "HH:MM:SS" in Korea; cheap enough for every trade."""
    seconds = (milliseconds // 1000 + _OFFSET_SECONDS) % _DAY_SECONDS
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def kst_stamp(milliseconds: int) -> str:
    """Return ms since 1970 UTC as "MM-DD HH:MM:SS" in Korea."""
    return (
        (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds))
        .astimezone(KST)
        .strftime("%m-%d %H:%M:%S")
    )


def kst_exact(milliseconds: int) -> str:
    """Return ms since 1970 UTC with date and milliseconds, in Korea, as a table in a file has it."""
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
    return at.astimezone(KST).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def kst_file_stamp() -> str:
    """Return now as it can stand in a file's name: "20261130-214501", in Korea."""
    return datetime.now(KST).strftime("%Y%m%d-%H%M%S")
