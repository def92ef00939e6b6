"""Figures and states in words: always the same width for the same kind of figure, so that nothing jitters."""

from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from ..base.line_state import line_name
from ..base.text import COMPONENTS, Language, current_language, mark, said, tr
from ..base.units import unit_text

if TYPE_CHECKING:
    from upbit_ws_qt import HealthStatus, LineEvent, PerformanceMetrics, SketchSummary, StreamKey, WebSocketType

__all__ = [
    "KST",
    "NOTHING",
    "alert_figure",
    "bytes_text",
    "clock",
    "component_name",
    "count_text",
    "duration",
    "event_text",
    "group_text",
    "heading_text",
    "kind_text",
    "line_name",
    "milliseconds",
    "program_text",
    "reasons_text",
    "seconds_text",
    "share",
    "slot_time",
    "stream_name",
    "what_text",
]

KST = timezone(timedelta(hours=9), "KST")
NOTHING = "—"

_PANELS = frozenset(
    {
        mark("watch list"),
        mark("order book"),
        mark("tape"),
        mark("chart"),
        mark("my orders"),
        mark("my assets"),
        mark("announcements"),
        mark("indicators"),
        mark("key check"),
        mark("whole market"),
    }
)
"""The names by which the panels of this program subscribe."""
_CHANNEL = "channel "
_STREAMS = {
    "ticker": mark("tickers"),
    "trade": mark("trades"),
    "orderbook": mark("order books"),
    "myOrder": mark("own orders"),
    "myAsset": mark("own assets"),
    "announcement": mark("announcements"),
    "indicator": mark("indicators"),
    "indicatorSignal": mark("signals"),
}
_GROUPS = {
    "market": mark("markets"),
    "candle": mark("candles"),
    "default": mark("account and the rest"),
}
"""What the exchange counts questions by, beside the streams' names."""
_WHAT = {
    # advice
    "slow_consumer": mark("slow consumer"),
    "lossy_consumer": mark("lossy consumer"),
    "dead_stream": mark("dead stream"),
    "hot_symbol": mark("hot symbol"),
    "growing_queue": mark("growing queue"),
    "bottleneck": mark("bottleneck"),
    "failure": mark("failure"),
    # what lines do to each other
    "flood": mark("flood"),
    "lag": mark("lag"),
    "drops": mark("drops"),
    "reconnects": mark("reconnects"),
    "frozen": mark("frozen"),
    # what was given up under load
    "low_by_frame": mark("minor ones by the frame"),
    "book_depth_15": mark("books of 15"),
    "book_depth_5": mark("books of 5"),
    "half_frames": mark("half the frames"),
    "quarter_frames": mark("a quarter of the frames"),
    # stages
    "network": mark("network"),
    "decode": mark("decode"),
    "dispatch": mark("dispatch"),
    "slot": mark("slot"),
    "paint": mark("paint"),
    # independence levels
    "basic": mark("basic"),
    "enhanced": mark("enhanced"),
    "isolated": mark("isolated"),
}


def reasons_text(health: HealthStatus, ws_type: WebSocketType | None = None) -> str:
    """Return the reasons that lower a line's score, or the whole's, one a line; "" for none."""
    line = None if ws_type is None else health.connections.get(ws_type)
    reasons = health.reasons if ws_type is None else () if line is None else line.reasons
    return "\n".join(
        said(reason.text)
        if ws_type is not None or reason.ws_type is None
        else f"{line_name(reason.ws_type)}: {said(reason.text)}"
        for reason in reasons
    )


def program_text(metrics: PerformanceMetrics, health: HealthStatus) -> tuple[str, str]:
    """Return how the program itself does in a line, and the reasons that lower its score, one a line."""
    text = tr(
        "program {score:.0f} · loop {lag} ms · CPU {cpu:.0f} % · {memory} · {waiting} frames wait",
        score=health.program_score,
        lag=milliseconds(metrics.loop_lag),
        cpu=metrics.cpu_share * 100,
        memory=bytes_text(metrics.memory_usage),
        waiting=metrics.drain_backlog,
    )
    return text, "\n".join(said(reason.text) for reason in health.reasons if reason.ws_type is None)


def heading_text(title: str) -> str:
    """Return what stands above a column, beginning as a sentence does; a figure such as p95 as it is written."""
    text = tr(title) if title else ""
    begins = current_language() is Language.ENGLISH and text[:2].isalpha()
    return text[:1].upper() + text[1:] if begins else text


def component_name(component_id: str) -> str:
    """Return the name of a panel or channel of this program in the language in force; anybody else's is as it is."""
    if component_id.startswith(_CHANNEL):  # the service names a channel so
        kind, _, market = component_id.removeprefix(_CHANNEL).partition(" ")
        return tr("channel {stream}", stream=f"{kind_text(kind)} {market}".rstrip())
    return tr(component_id) if component_id in COMPONENTS else component_id


def stream_name(key: StreamKey) -> str:
    """Return the name of a stream in the language in force; with neither symbol nor variant that of its kind."""
    return " ".join(part for part in (kind_text(key.data_type.value), key.symbol, key.variant) if part)


def kind_text(kind: str) -> str:
    """Return the name of what the exchange calls "orderbook" or "candle.1m"; one that nobody knows is as it is."""
    if kind.startswith("candle."):
        return tr("candles {unit}", unit=unit_text(kind.removeprefix("candle.")))
    return tr(_STREAMS[kind]) if kind in _STREAMS else kind


def group_text(group: str) -> str:
    """Return the name of a group of questions in the language in force; one that nobody knows is as it is."""
    return tr(_GROUPS[group]) if group in _GROUPS else kind_text(group)


def what_text(kind: str) -> str:
    """Return the name of a kind of advice, interference or adaptation, of a stage or of a level."""
    return tr(_WHAT[kind]) if kind in _WHAT else kind


def alert_figure(kind: str, value: float) -> str:
    """Return the figure of an alert with its unit; "" for kinds that have none."""
    if kind in ("quarantined", "maintenance"):
        return ""
    if kind in ("errors", "rate_limit"):
        return f"{value * 100:.1f} %"
    if kind == "memory":
        return bytes_text(value)
    if kind in ("reconnecting_often", "unserved", "skipped"):
        return f"{value:,.0f}"
    return f"{value * 1000:.0f} ms" if value < 1 else tr("{seconds} s", seconds=f"{value:,.1f}")


def event_text(event: LineEvent) -> str:
    """Return what happened to a line, in one line of text."""
    name = line_name(event.ws_type)
    at = clock(event.at)
    epochs = f"e{event.old_epoch}→e{event.new_epoch}"
    if event.kind == "lost":
        return tr("{at} {name} lost: {what}", at=at, name=name, what=_why_text(event) or NOTHING)
    restored = tr("{part}/{whole} restored", part=event.restored, whole=event.restorable)
    if event.kind == "restored":
        down = tr("down {seconds:.1f} s", seconds=event.down_seconds)
    else:
        down = tr("renewed without a break")
    parts = (_why_text(event), down, restored)
    return f"{at} {name} {epochs}, " + ", ".join(part for part in parts if part)


def _why_text(event: LineEvent) -> str:
    """Return the cause and the close code of a loss."""
    code = "" if event.close_code is None else tr("close {code}", code=event.close_code)
    return ", ".join(part for part in (said(event.cause), code) if part)


def clock(at: float) -> str:
    """Return a time of day in Korea."""
    return datetime.fromtimestamp(at, KST).strftime("%H:%M:%S")


def milliseconds(seconds: float | None) -> str:
    """Return a short time in ms, without its unit."""
    if seconds is None or math.isnan(seconds):
        return NOTHING
    value = seconds * 1000
    return f"{value:.1f}" if value < 10 else f"{value:,.0f}"


def slot_time(times: SketchSummary) -> str:
    """Return the p95 of a component's callbacks in ms, without its unit; a dash before one was measured."""
    return f"{times.p95 * 1000:.2f}" if times.count else NOTHING


def seconds_text(seconds: float | None) -> str:
    """Return an age."""
    if seconds is None:
        return NOTHING
    return tr("{seconds} s", seconds=f"{seconds:.1f}") if seconds < 100 else duration(seconds)


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
    """Return "n/total (%)", large ones shortened: 12/812k (<0.1 %)."""
    percent = 100 * part / whole if whole else 0.0
    if 0 < percent < 0.05:
        return f"{_short(part)}/{_short(whole)} (<0.1 %)"
    return f"{_short(part)}/{_short(whole)} ({percent:.{1 if 0 < percent < 9.95 else 0}f} %)"


def _short(count: int) -> str:
    """Return a count in five characters at most."""
    if count < 10_000:
        return f"{count:,}"
    value, unit = count / 1000, "k"
    for bigger in ("M", "G", "T"):
        if value < 999.5:
            break
        value, unit = value / 1000, bigger
    return f"{value:.0f}{unit}" if value >= 99.95 or unit == "k" else f"{value:.1f}{unit}"
