"""The history up to a moment: what was on the screen when the view was frozen."""

from __future__ import annotations

import time
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

from msgspec.structs import replace

if TYPE_CHECKING:
    from upbit_ws_qt import HistorySeries, LineEvent, WebSocketService, WebSocketType

__all__ = ["DAY", "FINE", "events_until", "history_until"]

FINE = 900.0
"""Seconds of which the service keeps a point a second; beyond, one every ten."""
DAY = 86_400.0


def history_until(
    service: WebSocketService, metric: str, ws_type: WebSocketType | None, seconds: float, until: float | None
) -> HistorySeries:
    """Return a figure over the `seconds` before `until` (seconds since 1970), None for now."""
    if until is None:
        return service.history(metric, ws_type, seconds)
    since = max(0.0, time.time() - until)
    series = service.history(metric, ws_type, min(seconds + since, FINE if seconds <= FINE else DAY))
    first, last = bisect_left(series.times, until - seconds), bisect_right(series.times, until)
    return replace(series, times=series.times[first:last], values=series.values[first:last])


def events_until(service: WebSocketService, seconds: float, until: float | None) -> tuple[LineEvent, ...]:
    """Return what happened to the lines in the `seconds` before `until`, None for now."""
    if until is None:
        return service.line_events(seconds)
    return tuple(event for event in service.line_events(DAY) if until - seconds <= event.at <= until)
