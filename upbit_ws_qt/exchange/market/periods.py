"""Weeks, months and years of the exchange: they begin at 00:00 UTC, a week on a Monday."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from .candles import DAY_MS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST = {"days": 1, "weeks": 7, "months": 31, "years": 366}
PERIODS = tuple(_LONGEST)


def period_start(period: str, ms: int) -> int:
    """Return where the period that holds the epoch millisecond `ms` begins."""
    day = ms // DAY_MS
    if period == "days":
        return day * DAY_MS
    if period == "weeks":
        return (day - (day + 3) % 7) * DAY_MS  # the epoch began on a Thursday
    moment = _EPOCH + timedelta(days=day)
    first = moment.replace(day=1) if period == "months" else moment.replace(month=1, day=1)
    return (first - _EPOCH).days * DAY_MS


def period_end(period: str, start_ms: int) -> int:
    """Return where the period that begins at `start_ms` ends."""
    return period_start(period, start_ms + _LONGEST[period] * DAY_MS)
