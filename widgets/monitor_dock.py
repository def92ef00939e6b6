"""The connection monitor: how every connection does, live, in a dock for any QMainWindow."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace
from PyQt6 import sip
from PyQt6.QtCore import QBuffer, QEvent, QIODevice, QStandardPaths, Qt, QTimer, pyqtSignal, pyqtSlot
from PyQt6.QtWidgets import QApplication, QDockWidget, QFileDialog, QWidget

from upbit_ws_qt import ConnectionState, GlobalManagerState, HealthStatus, PerformanceMetrics, WebSocketType

from .base.line_state import line_board
from .base.text import mark, said, tr
from .monitor.bar import WINDOWS
from .monitor.bundle import PARTS, BundleDialog, BundlePart, frames_text, incidents_text, settings_text, write_bundle
from .monitor.chronicle import chronicle_of
from .monitor.diagnostics import csv_of_history, diagnostics
from .monitor.extra import EXTRAS
from .monitor.panel import MonitorPanel, PanelScroll
from .monitor.past import DAY, FINE, events_until, history_until
from .monitor.plots import METRICS
from .monitor.words import clock, event_text, program_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from upbit_ws_qt import ConnectionMetrics, HistorySeries, PaintMeter, WebSocketService

    from .base.line_state import LineState

__all__ = ["ConnectionMonitorDock"]

PLOT_INTERVAL = 250
STILL = 5.0
"""Seconds without a reading from which on a person is told."""
ANSWERED = 5.0
"""Seconds for which the answer to a button stands at the foot."""
_HORIZONTAL = Qt.Orientation.Horizontal
_UNUSED = frozenset({GlobalManagerState.INITIALIZING, GlobalManagerState.STOPPING, GlobalManagerState.STOPPED})
_GONE = frozenset({ConnectionState.DISCONNECTED, ConnectionState.STOPPED})


class ConnectionMonitorDock(QDockWidget):
    """Shows a row, three plots and the marks of every connection; two lines are enough:

        dock = ConnectionMonitorDock(service)
        window.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, dock)

    While nobody can see it, it costs nothing. It works on the service it is given and neither starts nor stops it.

    Args:
        service: whose connections are shown.
        parent: of the dock.
        record: a file in which incidents and uptimes outlive the program (SQLite; at most 2,000 incidents, 90 days);
            None keeps them in memory. A file that cannot be used is left as it is, and the Timeline tab says so.
        control: where an embedded exchange takes faults (`python -m upbit_ws_qt.exchange --control`, its `/control`);
            outages can be tried on it then. None for any other exchange.

    Signals:
        exportFailed: a file could not be written; the reason in words.
        panelRequested: the panel whose data come by this component is to be shown.
    """  # noqa: D415 - an example follows

    exportFailed = pyqtSignal(str)
    panelRequested = pyqtSignal(str)

    def __init__(
        self,
        service: WebSocketService,
        parent: QWidget | None = None,
        *,
        record: str | Path | None = None,
        control: str | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("connection_monitor")
        self._service = service
        self._chronicle = chronicle_of(service)
        if record is not None:
            self._chronicle.keep_in(Path(record))
        self._series: dict[tuple[str, WebSocketType], HistorySeries] = {}
        self._extra: tuple[HistorySeries, ...] = ()
        self._folder = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
        self._span: tuple[float, float] | None = None
        self._read_at = -1
        self._paused_at: float | None = None
        self._uptime_then = 0.0
        self._answered_at = -ANSWERED
        self._drawn = (0.0, 0.0)
        self._paint: PaintMeter | None = None
        self.panel = MonitorPanel(service, self)
        self.setWidget(PanelScroll(self.panel, self))
        self._plot_timer = QTimer(self)
        self._plot_timer.setInterval(PLOT_INTERVAL)
        self._plot_timer.timeout.connect(self._on_plot_timer)
        self._board = line_board(service)
        self._looks = False
        panel = self.panel
        panel.seenChanged.connect(self._on_seen_changed)
        panel.components.panelRequested.connect(self.panelRequested)
        panel.windows.idClicked.connect(self._on_window_chosen)
        panel.table.reconnectRequested.connect(self._on_reconnect)
        panel.tabs.currentChanged.connect(self._on_tab_changed)
        panel.plots.spanChosen.connect(self.zoom_to)
        panel.plots.spanLeft.connect(self.leave_zoom)
        panel.bar.extraChosen.connect(self._on_extra)
        panel.buttons["pause"].toggled.connect(self.set_paused)
        panel.buttons["reset"].clicked.connect(self.reset_counters)
        panel.buttons["csv"].clicked.connect(self._on_csv)
        panel.buttons["png"].clicked.connect(self._on_png)
        panel.buttons["copy"].clicked.connect(self.copy_diagnostics)
        panel.buttons["report"].clicked.connect(self.show_report)
        self._retranslate()
        self.more_parts: Callable[[], Sequence[BundlePart]] = tuple
        """What else a report holds; by default nothing."""
        if control is not None:
            self.offer_drill(control)

    # -- what a person does ---------------------------------------------------------------------------------------
    @property
    def window_seconds(self) -> float:
        """The span of time that the plots show."""
        return WINDOWS[max(0, self.panel.windows.checkedId())][0]

    def set_window_seconds(self, seconds: float) -> None:
        """Show another span: 60, 300, 900 or 86,400 seconds; anything else is a ValueError."""
        number = [span for span, _, _ in WINDOWS].index(seconds)
        button = self.panel.windows.button(number)
        assert button is not None
        button.setChecked(True)
        self._on_window_chosen()

    @property
    def paused(self) -> bool:
        """Whether the view is frozen."""
        return self._paused_at is not None

    def set_paused(self, paused: bool) -> None:
        """Freeze the view, or go on at the present; the recording goes on all the time."""
        if paused == self.paused:
            return
        self._paused_at = time.time() if paused else None
        self._span = None
        self._uptime_then = self._uptime()
        self.panel.buttons["pause"].setChecked(paused)
        self.panel.news.setText("")
        self.refresh()

    def zoom_to(self, since: float, until: float) -> None:
        """Freeze the view and show a span of what is there, in seconds since 1970; ValueError where it is empty."""
        if not until > since:
            raise ValueError(f"until must be above since: {since!r}, {until!r}")
        self.set_paused(True)
        self._span = (since, until)
        self.panel.plots.show_window(since, until)
        self._show_heat()

    def leave_zoom(self) -> None:
        """Show the present again, where a span was zoomed to."""
        if self._span is not None:
            self.set_paused(False)

    def reset_counters(self) -> None:
        """Count reconnects, bytes, gaps and drops from now on; the service's own counters go on."""
        self.panel.lines.reset_counters()

    def export_csv(self, path: str | Path) -> None:
        """Write the figures of the shown window; OSError where that fails."""
        figures = csv_of_history(self._service, self.window_seconds, self._paused_at)
        Path(path).write_text(figures, encoding="utf-8-sig", newline="")

    def export_png(self, path: str | Path) -> None:
        """Write a picture of the monitor; OSError where that fails."""
        if not self.panel.grab().save(str(path), "PNG"):
            raise OSError(f"the picture could not be written to {path}")

    def diagnostics(self) -> str:
        """Return everything that somebody who helps needs to know; no keys, tokens or balances."""
        lines, usable = self.panel.lines, self._is_usable()
        headers = [str(lines.headerData(column, _HORIZONTAL)) for column in range(lines.columnCount())]
        return diagnostics(
            self._service.performance_metrics() if usable else PerformanceMetrics(),
            self._service.health_status() if usable else HealthStatus(),
            [row.texts for row in lines.rows],
            headers,
            self._service.line_events(DAY),
            [said(alert.message) for alert in self._service.alerts(cleared=False)],
        )

    def report_parts(self) -> tuple[BundlePart, ...]:
        """Return what a report holds: names of files, what is in them, and their contents."""
        picture = QBuffer()
        picture.open(QIODevice.OpenModeFlag.WriteOnly)
        self.panel.grab().save(picture, "PNG")
        figures = csv_of_history(self._service, self.window_seconds, self._paused_at)
        data = {
            "diagnostics.txt": self.diagnostics().encode(),
            "incidents.txt": incidents_text(self._chronicle.entries()).encode(),
            "figures.csv": figures.encode("utf-8-sig"),
            "monitor.png": bytes(picture.data().data()),
            "frames.txt": frames_text(self.panel.frames.kept()).encode(),
            "settings.txt": settings_text(self._service.config).encode(),
        }
        parts = tuple(BundlePart(name, what, data[name]) for name, what in PARTS.items())
        return parts + tuple(self.more_parts())

    def export_report(self, path: str | Path) -> None:
        """Write all that somebody who helps needs into one zip, without keys; OSError where that fails."""
        write_bundle(path, self.report_parts())

    def show_component(self, component_id: str) -> None:
        """Go to the row of a component."""
        self.panel.tabs.setCurrentWidget(self.panel.components)
        self._on_text()
        self.panel.components.choose(component_id)

    def offer_drill(self, control: str) -> None:
        """Have outages tried on the embedded exchange whose control path (an HTTP address) this is."""
        self.panel.offer_drill(control)

    def copy_diagnostics(self) -> None:
        """Put the diagnostics on the clipboard."""
        clipboard = QApplication.clipboard()
        if clipboard is not None:
            clipboard.setText(self.diagnostics())
            self._answer(tr("The diagnostics are on the clipboard."))

    def refresh(self) -> None:
        """Show the present now, without waiting for the timers."""
        self._read_at = -1
        self._on_plot_timer()
        self._board.refresh()
        if not self._looks:
            self._on_text()

    # -- life -----------------------------------------------------------------------------------------------------
    def changeEvent(self, event: QEvent | None) -> None:
        """Follow language and palette."""
        super().changeEvent(event)
        if event is None or not hasattr(self, "panel"):
            return
        if event.type() == QEvent.Type.LanguageChange:
            self._retranslate()
        elif event.type() == QEvent.Type.PaletteChange:
            self._read_at = -1  # what is painted by hand is drawn anew
            if self.paused:
                self._on_window_chosen()

    def _on_seen_changed(self, seen: bool) -> None:
        if seen:
            self._plot_timer.start()
            if not self._looks:
                self._looks = True
                self._board.changed.connect(self._on_text)
            if self._paint is None:
                self._paint = self._service.measure_painting()
            self.refresh()
        else:
            self._plot_timer.stop()
            if self._looks:
                self._looks = False
                if not sip.isdeleted(self._board):  # it may be, where the QApplication is deleted early
                    self._board.changed.disconnect(self._on_text)
            if self._paint is not None:
                self._paint.close()
                self._paint = None
        self._look_at_frames()

    def _on_tab_changed(self) -> None:
        self._look_at_frames()
        self._on_text()
        self._show_heat()

    def _look_at_frames(self) -> None:
        panel = self.panel
        panel.frames.look(panel.isVisible() and panel.tabs.currentWidget() is panel.frames)

    # -- plots, four times a second -------------------------------------------------------------------------------
    def _on_plot_timer(self) -> None:
        if not self.paused and not self._is_minimized():
            self._draw(time.time())

    def _draw(self, now: float) -> None:
        seconds = self.window_seconds
        fresh = self._read_series(now, seconds)
        if fresh:
            events = events_until(self._service, seconds, self._paused_at)
            self.panel.plots.show_data(self._series, events, now, self._extra)
        since = now - seconds
        if seconds > FINE:
            starts = [series.times[0] for series in self._series.values() if len(series.times)]
            since = min(max(since, min(starts, default=now)), now - WINDOWS[0][0])
        # Nothing new, and less than half a pixel further: nobody would see the difference.
        pixel = (now - since) / max(100, self.panel.plots.width())
        if fresh or now - self._drawn[1] >= pixel / 2 or abs(now - since - (self._drawn[1] - self._drawn[0])) > pixel:
            self._drawn = (since, now)
            self.panel.plots.show_window(since, now)

    def _read_series(self, now: float, seconds: float) -> bool:
        """Read the history where it has a new point; return whether it had."""
        step = 1.0 if seconds <= FINE else 10.0
        if int(now / step) == self._read_at:
            return False
        self._read_at = int(now / step)
        self._series = {
            (metric, ws_type): history_until(self._service, metric, ws_type, seconds, self._paused_at)
            for metric in METRICS
            for ws_type in WebSocketType
        }
        extra = self.panel.plots.extra
        self._extra = () if extra is None else tuple(self._extra_series(extra, seconds))
        return True

    def _extra_series(self, metric: str, seconds: float) -> Iterator[HistorySeries]:
        lines = tuple(WebSocketType) if EXTRAS[metric].by_line else (None,)
        for ws_type in lines:
            yield history_until(self._service, metric, ws_type, seconds, self._paused_at)

    # -- text, once a second --------------------------------------------------------------------------------------
    @pyqtSlot()
    def _on_text(self) -> None:
        if self._paint is not None:
            for window in QApplication.topLevelWidgets():
                self._paint.watch(window)
        if self._is_minimized():
            return
        if self._paused_at is not None:
            new = max(0, int(self._uptime() - self._uptime_then))
            self.panel.news.setText(tr("%n new", new))
            at = clock(self._paused_at)
            self.panel.hint.setText(tr("Paused at {time}: nothing here moves on; recording goes on.", time=at))
            self.panel.hint.show()
            return
        self._show_text()

    def _show_text(self) -> None:
        service, panel = self._service, self.panel
        rows = self._board.metrics
        missing = {ws_type: reason for ws_type in rows if (reason := self._missing(ws_type))}
        if not self._is_usable():
            self._show_stopped(rows, missing)
            return
        metrics, health = service.performance_metrics(), self._board.health
        panel.lines.show(rows, health, missing, self._board.states)
        for ws_type in rows:
            panel.table.set_reconnectable(ws_type, service.connection_state(ws_type) not in _GONE)
        panel.show_alert_count(panel.alerts.refresh(metrics.alerts_suppressed))
        panel.show_program(*program_text(metrics, health))
        self._show_hint(self._board.states.values(), time.time() - health.at if health.at else 0.0)
        events = service.line_events(DAY)
        if time.monotonic() - self._answered_at >= ANSWERED:
            panel.show_last(tr("last: {event}", event=event_text(events[-1])) if events else "")
        shown = panel.tabs.currentWidget()
        if shown is panel.components:
            panel.components.show_metrics(metrics)
        elif shown is panel.advice:
            panel.advice.refresh(metrics)
        elif shown is panel.incidents:
            panel.incidents.show_entries(self._chronicle.entries())
        elif shown is panel.timeline:
            entries, uptime = self._chronicle.entries(), self._chronicle.uptime()
            panel.timeline.show_days(entries, uptime, said(self._chronicle.problem))
        elif shown is panel.heat:
            self._show_heat()
        elif shown is panel.events:
            panel.events.show_events(events)
        elif shown is panel.rest:
            panel.rest.show_metrics(metrics)
        elif shown is panel.frames:
            panel.frames.refresh()

    def _show_heat(self) -> None:
        """Show the span of the plots as a heat map too, where that can be seen."""
        panel = self.panel
        if panel.isVisible() and panel.tabs.currentWidget() is panel.heat and self._is_usable():
            panel.heat.refresh(*(self._span or panel.plots.x_range))

    def _show_stopped(
        self, rows: Mapping[WebSocketType, ConnectionMetrics], missing: Mapping[WebSocketType, str]
    ) -> None:
        """Show what was counted, and that nothing is up: the last reading was made while everything was."""
        panel = self.panel
        state = ConnectionState.DISCONNECTED
        if self._service.state is not GlobalManagerState.INITIALIZING:
            state = ConnectionState.STOPPED
        ended = {ws_type: replace(row, state=state, is_connected=False) for ws_type, row in rows.items()}
        panel.lines.show(ended, HealthStatus(), missing)
        for ws_type in rows:
            panel.table.set_reconnectable(ws_type, False)
        panel.show_program("", "")
        panel.components.show_metrics(PerformanceMetrics())
        panel.hint.setText(tr("The service is stopped, or was not started yet."))
        panel.hint.show()

    def _show_hint(self, states: Iterable[LineState], age: float) -> None:
        hint = ""
        if age > max(STILL, 3 * self._service.config.metrics_interval):
            hint = tr("The figures are {seconds:.0f} s old: readings have stopped; the log tells why.", seconds=age)
        elif all(each.state in _GONE for each in states):
            hint = tr("Nothing is subscribed: a connection is opened when the first panel wants data.")
        self.panel.hint.setText(hint)
        self.panel.hint.setVisible(bool(hint))

    def _missing(self, ws_type: WebSocketType) -> str:
        config = self._service.config
        if config.url(ws_type) is None:
            return mark("Not in this region")
        if ws_type is not WebSocketType.PUBLIC and config.credentials is None:
            return mark("No API key")
        return ""

    def _is_usable(self) -> bool:
        return self._service.state not in _UNUSED

    def _uptime(self) -> float:
        """Return seconds of recording: by the loop's clock, which nobody sets."""
        return self._service.performance_metrics().uptime_seconds if self._is_usable() else self._uptime_then

    def _is_minimized(self) -> bool:
        window = self.window()
        return window is not None and window.isMinimized()

    # -- buttons --------------------------------------------------------------------------------------------------
    def _on_window_chosen(self) -> None:
        self._read_at = -1
        self._span = None
        self._draw(self._paused_at or time.time())
        self._show_heat()

    def _on_extra(self, metric: str) -> None:
        self.panel.plots.set_extra(metric or None)
        span = self._span
        self._on_window_chosen()
        if span is not None:
            self.zoom_to(*span)

    def _on_reconnect(self, ws_type: WebSocketType) -> None:
        if self._is_usable():
            self._service.reconnect(ws_type)

    def _on_csv(self) -> None:
        self._ask(tr("Save figures"), "monitor.csv", tr("Tables (*.csv)"), self.export_csv)

    def _on_png(self) -> None:
        self._ask(tr("Save picture"), "monitor.png", tr("Pictures (*.png)"), self.export_png)

    def show_report(self) -> None:
        """Show what a report of this moment would hold; its user decides whether, and where, it is written."""
        dialog = BundleDialog(self.report_parts(), self)
        # What is written is what was listed, not what has become of it since.
        dialog.saveRequested.connect(
            lambda parts: self._ask(
                tr("Save report"), "report.zip", tr("Reports (*.zip)"), lambda path: write_bundle(path, parts)
            )
        )
        dialog.open()

    def _ask(self, title: str, name: str, kind: str, write: Callable[[str], None]) -> None:
        dialog = QFileDialog(self, title, self._folder, kind)
        dialog.selectFile(name)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix(Path(name).suffix.lstrip("."))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(lambda path: self._write(write, path))
        dialog.open()

    def _write(self, write: Callable[[str], None], path: str) -> None:
        self._folder = str(Path(path).parent)
        try:
            write(path)
        except OSError as error:
            self._answer(tr("Not saved: {reason}", reason=error))
            self.exportFailed.emit(str(error))
        else:
            self._answer(tr("Saved: {path}", path=path))

    def _answer(self, text: str) -> None:
        self._answered_at = time.monotonic()
        self.panel.show_last(text)

    def _retranslate(self) -> None:
        self.setWindowTitle(tr("Connection monitor"))
        self.setAccessibleName(tr("Connection monitor"))
        self.panel.retranslate()
        if self.panel.isVisible():
            self._on_text()
