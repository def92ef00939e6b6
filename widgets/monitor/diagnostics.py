"""What leaves the monitor: diagnostics as plain text, figures as CSV. No keys, no tokens, no balances."""

from __future__ import annotations

import csv
import io
import math
import platform
import sys
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from PyQt6.QtCore import QT_VERSION_STR

from upbit_ws_qt import WebSocketType

from .past import history_until
from .words import KST, event_text, milliseconds, reasons_text, slot_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from upbit_ws_qt import HealthStatus, LineEvent, PerformanceMetrics, WebSocketService

__all__ = ["CSV_METRICS", "csv_of_history", "diagnostics"]

EVENTS_TOLD = 50
CSV_METRICS = ("score", "rtt", "epoch", "connected", "messages_per_second", "bytes_per_second", "event_age", "pending")
_PACKAGES = ("upbit-ws-qt", "PyQt6", "websockets", "aiohttp", "qasync", "pyqtgraph", "msgspec")


def diagnostics(
    metrics: PerformanceMetrics,
    health: HealthStatus,
    rows: Iterable[Sequence[str]],
    headers: Sequence[str],
    events: Sequence[LineEvent],
    alerts: Iterable[str],
) -> str:
    """Return all that somebody who helps needs to know, as plain text."""
    lines = [f"upbit_ws_qt diagnostics {datetime.now(KST).isoformat(timespec='seconds')}"]
    lines += [f"{package} {_version(package)}" for package in _PACKAGES]
    lines += [
        f"Python {platform.python_version()}, Qt {QT_VERSION_STR}, {platform.system()} {platform.release()}"
        f" {platform.machine()}, {sys.byteorder}",
        "",
        f"health {health.score:.0f} ({health.level})",
        *reasons_text(health).splitlines(),
        *_program_lines(metrics),
        "",
        " | ".join(header for header in headers if header),
        *(" | ".join(text for text in row if text) for row in rows),
        "",
        *(
            f"{item.component_id}: {item.subscriptions} streams, {item.messages_per_second:.1f}/s, "
            f"slot p95 {slot_time(item.slot)} ms, {item.failures} errors, {item.dropped} lost"
            + (", put aside" if item.quarantined else "")
            for item in metrics.components
        ),
        "",
        *alerts,
        "",
        *(event_text(event) for event in events[-EVENTS_TOLD:]),
    ]
    return "\n".join(lines) + "\n"


def _program_lines(metrics: PerformanceMetrics) -> list[str]:
    return [
        f"up {metrics.uptime_seconds:.0f} s, {metrics.messages_processed:,} events, "
        f"{metrics.messages_per_second:.1f} frames/s, latency {milliseconds(metrics.average_latency)} ms, "
        f"loop lag {metrics.loop_lag * 1000:.0f} ms (p95 {metrics.loop_lag_p95 * 1000:.0f} ms), "
        f"backlog {metrics.drain_backlog}, CPU {metrics.cpu_share:.0%}, "
        f"memory {metrics.memory_usage / 1024**2:.0f} MiB",
        f"frames lost to failures: {sum(line.sink_failures for line in metrics.connections.values())} on receipt, "
        f"{metrics.drain_failures} on their way",
        f"alerts not listed for want of room: {metrics.alerts_suppressed}",
        "REST: "
        + (
            ", ".join(
                f"{usage.group} {usage.asked} asked, {usage.refused} refused, {usage.waiting} waiting"
                for usage in metrics.rest
            )
            or "nothing asked"
        ),
        "tasks: "
        + ", ".join(
            f"{task.name} every {task.interval:g} s, {task.runs} runs, {task.failures} failures"
            + ("" if task.running else ", stopped")
            for task in metrics.tasks
        ),
    ]


def csv_of_history(service: WebSocketService, seconds: float, until: float | None = None) -> str:
    """Return every figure of every line over the `seconds` before `until` (seconds since 1970; None for now) as CSV.

    There is one row for each time and line.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(["time", "connection", *CSV_METRICS])
    for ws_type in WebSocketType:
        found = [history_until(service, metric, ws_type, seconds, until) for metric in CSV_METRICS]
        for row, at in enumerate(found[0].times):
            values = (series.values[row] if row < len(series.values) else math.nan for series in found)
            stamp = datetime.fromtimestamp(at, KST).isoformat(timespec="seconds")
            writer.writerow([stamp, ws_type.value, *("" if math.isnan(value) else f"{value:.6g}" for value in values)])
    return text.getvalue()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "(not installed)"
