"""Figures and states in words: always the same width for the same kind of figure, so that nothing jitters."""

from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from upbit_ws_qt import ConnectionState, WebSocketType
from widgets.text import Language, current_language, mark, tr

if TYPE_CHECKING:
    from upbit_ws_qt import ConnectionMetrics, HealthStatus, LineEvent

__all__ = [
    "KST",
    "NOTHING",
    "bytes_text",
    "clock",
    "count_text",
    "duration",
    "event_text",
    "line_name",
    "milliseconds",
    "reasons_text",
    "seconds_text",
    "share",
    "state_text",
]

KST = timezone(timedelta(hours=9), "KST")
NOTHING = "—"

_LINES = {
    WebSocketType.PUBLIC: mark("public"),
    WebSocketType.PRIVATE: mark("private"),
    WebSocketType.INFO: mark("info"),
}
_STATES = {
    ConnectionState.DISCONNECTED: mark("Offline"),
    ConnectionState.CONNECTING: mark("Connecting"),
    ConnectionState.SYNCING: mark("Syncing"),
    ConnectionState.CONNECTED: mark("Connected"),
    ConnectionState.RECONNECTING: mark("Reconnecting"),
    ConnectionState.STOPPED: mark("Stopped"),
    ConnectionState.FAILED: mark("Given up"),
}
_LAGGING = frozenset({"rtt", "late", "no_pong", "silent"})
# Reasons come with a kind and a figure, so that they can be said in any language; these figures are seconds.
_REASONS = {
    "lost": mark("lost for {value:.1f} s"),
    "failed": mark("given up"),
    "connecting": mark("connecting"),
    "syncing": mark("subscriptions are being proved"),
    "reconnects": mark("{value:.0f} reconnects in 10 min"),
    "rtt": mark("RTT p95 {ms:.0f} ms"),
    "late": mark("data {ms:.0f} ms old"),
    "no_pong": mark("no pong for {value:.0f} s"),
    "silent": mark("silent for {value:.0f} s"),
    "unreadable": mark("{percent:.1f} % of frames unreadable"),
    "errors": mark("errors: {percent:.1f} % of messages"),
    "drops": mark("{percent:.1f} % of frames dropped"),
    "unserved": mark("streams that do not come"),
    "loop_lag": mark("this program is {ms:.0f} ms late"),
    "backlog": mark("{value:.1f} s of work waits"),
    "quarantined": mark("components put aside"),
    "cpu": mark("{percent:.0f} % of a core in use"),
}


def line_name(ws_type: WebSocketType) -> str:
    """Return a line's name."""
    return tr(_LINES[ws_type])


def state_text(metrics: ConnectionMetrics, health: HealthStatus, *, missing: str = "") -> str:
    """Return a line's state in words; `missing` says why there can be no line at all."""
    if missing:
        return missing
    state = metrics.state
    if state is ConnectionState.RECONNECTING:
        wait = metrics.next_attempt_in
        if wait is None:
            return tr("Reconnecting, attempt {number}", number=max(1, metrics.attempts))
        return tr("Attempt {number}, in {seconds:.0f} s", number=metrics.attempts + 1, seconds=wait)
    if state is ConnectionState.SYNCING:
        return tr("Syncing {live}/{all}", live=metrics.live_subscriptions, all=metrics.current_subscriptions)
    if state is ConnectionState.CONNECTED:
        line = health.connections.get(metrics.ws_type)
        if line is not None and any(reason.kind in _LAGGING for reason in line.reasons):
            return tr("Lagging")
        if metrics.ws_type is not WebSocketType.PUBLIC and not metrics.messages_per_second:
            return tr("Idle (normal)")
    return tr(_STATES[state])


def reasons_text(health: HealthStatus, ws_type: WebSocketType | None = None) -> str:
    """Return the reasons that lower a line's score, or the whole's, one a line; "" for none."""
    line = None if ws_type is None else health.connections.get(ws_type)
    reasons = health.reasons if ws_type is None else () if line is None else line.reasons
    texts = []
    for reason in reasons:
        template = _REASONS.get(reason.kind)
        value = reason.value
        said = template is not None and current_language() is not Language.ENGLISH
        text = tr(template or "", value=value, ms=value * 1000, percent=value * 100) if said else reason.text
        texts.append(text if ws_type is not None or reason.ws_type is None else f"{line_name(reason.ws_type)}: {text}")
    return "\n".join(texts)


def event_text(event: LineEvent) -> str:
    """Return what happened to a line, in one line of text."""
    name = line_name(event.ws_type)
    at = clock(event.at)
    epochs = f"e{event.old_epoch}→e{event.new_epoch}"
    if event.kind == "lost":
        code = "" if event.close_code is None else tr("close {code}", code=event.close_code)
        what = ", ".join(part for part in (event.cause, code) if part)
        return tr("{at} {name} lost: {what}", at=at, name=name, what=what or NOTHING)
    restored = tr("{part}/{whole} restored", part=event.restored, whole=event.restorable)
    if event.kind == "restored":
        template = mark("{at} {name} {epochs}, down {seconds:.1f} s, {restored}")
    else:
        template = mark("{at} {name} {epochs}, renewed without a break, {restored}")
    return tr(template, at=at, name=name, epochs=epochs, seconds=event.down_seconds, restored=restored)


def clock(at: float) -> str:
    """Return a time of day in Korea."""
    return datetime.fromtimestamp(at, KST).strftime("%H:%M:%S")


def milliseconds(seconds: float | None) -> str:
    """Return a short time in ms, without its unit."""
    if seconds is None or math.isnan(seconds):
        return NOTHING
    value = seconds * 1000
    return f"{value:.1f}" if value < 10 else f"{value:,.0f}"


def seconds_text(seconds: float | None) -> str:
    """Return an age."""
    if seconds is None:
        return NOTHING
    return f"{seconds:.1f} s" if seconds < 100 else duration(seconds)


def duration(seconds: float) -> str:
    """Return a long time as 1:02:03."""
    whole = int(seconds)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes:02d}:{whole % 60:02d}"


def bytes_text(count: float) -> str:
    """Return a number of bytes."""
    value, unit = float(count), "B"
    for bigger in ("KiB", "MiB", "GiB", "TiB"):
        if value < 1000:
            break
        value, unit = value / 1024, bigger
    return f"{value:.0f} B" if unit == "B" else f"{value:.1f} {unit}"


def count_text(count: float) -> str:
    """Return a count or a rate."""
    return f"{count:,.1f}" if 0 < count < 10 else f"{count:,.0f}"


def share(part: int, whole: int) -> str:
    """Return "n/total (%)"."""
    percent = 100 * part / whole if whole else 0.0
    return f"{part:,}/{whole:,} ({percent:.1f} %)"
