"""The tabs under the plots: components, alerts, advice, events, raw frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from PyQt6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QLineEdit, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from upbit_ws_qt import Alert, FrameRecord, LineEvent, Priority, WebSocketType
from widgets.monitor.table import Column, RecordTable
from widgets.monitor.words import NOTHING, bytes_text, clock, count_text, event_text, line_name
from widgets.text import mark, tr
from widgets.theme import HEALTH_SHAPES

if TYPE_CHECKING:
    from upbit_ws_qt import FrameTrace, PerformanceMetrics, WebSocketService

__all__ = ["AdviceTab", "AlertsTab", "ComponentRow", "ComponentsTab", "EventsTab", "FramesTab"]

EVENTS_SHOWN = 200
_PRIORITIES = {
    Priority.CRITICAL: mark("critical"),
    Priority.HIGH: mark("important"),
    Priority.NORMAL: mark("ordinary"),
    Priority.LOW: mark("minor"),
}
_SEVERITY_LEVELS = {"critical": "bad", "warning": "warn", "info": "good"}


class ComponentRow(NamedTuple):
    """One component as it is shown; figures as in ComponentMetrics."""

    component_id: str
    priority: Priority
    subscriptions: int
    messages_per_second: float
    bytes_per_second: float
    slot_p95: float
    slot_share: float
    failures: int
    pending: int
    lost: int
    quarantined: bool


class ComponentsTab(QWidget):
    """Who is served, how fast, and who is put aside."""

    def __init__(self, service: WebSocketService, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._service = service
        columns: list[Column[ComponentRow]] = [
            Column(mark("component"), lambda row: row.component_id),
            Column(mark("priority"), lambda row: tr(_PRIORITIES[row.priority]), "critical"),
            Column(mark("streams"), lambda row: f"{row.subscriptions:,}", "9,999", right=True),
            Column(mark("events/s"), lambda row: count_text(row.messages_per_second), "99,999", right=True),
            Column(mark("bytes/s"), lambda row: bytes_text(row.bytes_per_second), "999.9 MiB", right=True),
            Column(mark("slot p95 ms"), lambda row: f"{row.slot_p95 * 1000:.2f}", "9,999.99", right=True),
            Column(mark("load"), lambda row: f"{row.slot_share * 100:.1f} %", "100.0 %", right=True),
            Column(mark("errors"), lambda row: f"{row.failures:,}", "9,999", right=True),
            Column(mark("waiting"), lambda row: f"{row.pending:,}", "9,999", right=True),
            Column(mark("lost"), lambda row: f"{row.lost:,}", "99,999", right=True),
            Column(
                mark("state"),
                lambda row: f"✖ {tr('put aside')}" if row.quarantined else f"● {tr('served')}",
                "✖ put aside",
                level=lambda row: "bad" if row.quarantined else "good",
            ),
        ]
        self.table = RecordTable(columns, lambda row: row.component_id, mark("Components"), self)
        self.resume = QPushButton(self)
        self.resume.clicked.connect(self._on_resume)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.table)
        row = QHBoxLayout()
        row.addStretch()
        row.addWidget(self.resume)
        layout.addLayout(row)
        selection = self.table.selectionModel()
        assert selection is not None
        selection.selectionChanged.connect(self._show_possible)
        self.retranslate()
        self._show_possible()

    def show_metrics(self, metrics: PerformanceMetrics) -> None:
        """Show these figures."""
        rows = [
            ComponentRow(
                item.component_id,
                item.priority,
                item.subscriptions,
                round(item.messages_per_second, 1),
                round(item.bytes_per_second),
                item.slot.p95,
                round(item.slot_share, 3),
                item.failures,
                item.pending,
                item.dropped,
                item.quarantined,
            )
            for item in metrics.components
        ]
        self.table.show_records(sorted(rows, key=lambda row: (not row.quarantined, row.component_id)))
        self._show_possible()

    def retranslate(self) -> None:
        """Say everything in the language in force."""
        self.resume.setText(tr("Serve again"))
        self.resume.setToolTip(tr("Serve a component again that was put aside for failing or blocking"))

    def _show_possible(self) -> None:
        selected = self.table.selected()
        self.resume.setEnabled(selected is not None and selected.quarantined)

    def _on_resume(self) -> None:
        selected = self.table.selected()
        if selected is not None:
            self._service.resume(selected.component_id)


class AlertsTab(QWidget):
    """What a person should know."""

    def __init__(self, service: WebSocketService, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._service = service
        columns: list[Column[Alert]] = [
            Column("", _alert_shape, "▲▲", level=_alert_level),
            Column(mark("since"), lambda alert: clock(alert.raised_at), "00:00:00"),
            Column(mark("until"), lambda alert: _until(alert), "00:00:00"),
            Column(mark("line"), lambda alert: "" if alert.ws_type is None else line_name(alert.ws_type), "private"),
            Column(mark("what"), lambda alert: alert.message),
            Column(mark("figure"), lambda alert: f"{alert.value:,.4g}", "9,999.99", right=True),
            Column(mark("raised from"), lambda alert: f"{alert.threshold:,.4g}", "9,999.99", right=True),
            Column(mark("seen"), lambda alert: "✓" if alert.acknowledged else "", "✓"),
        ]
        self.table = RecordTable(columns, lambda alert: alert.alert_id, mark("Alerts"), self)
        self.acknowledge = QPushButton(self)
        self.acknowledge.clicked.connect(self._on_acknowledge)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.table)
        row = QHBoxLayout()
        row.addStretch()
        row.addWidget(self.acknowledge)
        layout.addLayout(row)
        selection = self.table.selectionModel()
        assert selection is not None
        selection.selectionChanged.connect(self._show_possible)
        self.retranslate()
        self._show_possible()

    def refresh(self) -> int:
        """Show the alerts of now; return how many last and were not seen."""
        alerts = self._service.alerts()
        self.table.show_records(alerts)
        self._show_possible()
        return sum(alert.cleared_at is None and not alert.acknowledged for alert in alerts)

    def retranslate(self) -> None:
        """Say everything in the language in force."""
        self.acknowledge.setText(tr("Mark as seen"))

    def _show_possible(self) -> None:
        selected = self.table.selected()
        self.acknowledge.setEnabled(selected is not None and selected.cleared_at is None and not selected.acknowledged)

    def _on_acknowledge(self) -> None:
        selected = self.table.selected()
        if selected is not None:
            self._service.acknowledge(selected.alert_id)
            self.refresh()


class _Advice(NamedTuple):
    """One line of the advice tab."""

    kind: str
    level: str
    text: str
    advice: str


class AdviceTab(QWidget):
    """What costs speed, what the lines do to each other, and what was given up under load."""

    def __init__(self, service: WebSocketService, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._service = service
        columns: list[Column[_Advice]] = [
            Column("", lambda row: HEALTH_SHAPES[row.level], "▲▲", level=lambda row: row.level),
            Column(mark("kind"), lambda row: row.kind, "book_depth_15 quarantined"),
            Column(mark("what"), lambda row: row.text),
            Column(mark("advice"), lambda row: row.advice),
        ]
        self.table = RecordTable(columns, lambda row: (row.kind, row.text), mark("Advice"), self)
        self.bottleneck = QLabel(self)
        self.undo = QPushButton(self)
        self.undo.clicked.connect(self._on_undo)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.table)
        row = QHBoxLayout()
        row.addWidget(self.bottleneck)
        row.addStretch()
        row.addWidget(self.undo)
        layout.addLayout(row)
        self.retranslate()

    def refresh(self, metrics: PerformanceMetrics) -> None:
        """Show what is advised now."""
        rows = [_Advice(issue.kind, "warn", issue.text, issue.advice) for issue in self._service.issues()]
        for found in self._service.interference():
            remedy = "" if found.remedy is None else tr("independence level {level}", level=found.remedy)
            rows.append(_Advice(found.kind, "warn", found.text, remedy))
        adaptations = self._service.adaptations()
        for step in reversed(adaptations[-50:]):
            what = (
                tr("given up: {why}", why=step.because) if step.applied else tr("taken back: {why}", why=step.because)
            )
            rows.append(_Advice(step.kind, "warn" if step.applied else "good", what, ""))
        self.table.show_records(rows)
        given_up = sum(1 if step.applied else -1 for step in adaptations)
        self.undo.setEnabled(given_up > 0)
        stages = metrics.stage_shares
        busiest = max(stages, key=lambda stage: stages[stage], default="")
        self.bottleneck.setText(
            tr("most work: {stage}, {percent:.1f} % of a core", stage=busiest, percent=100 * stages[busiest])
            if busiest
            else ""
        )

    def retranslate(self) -> None:
        """Say everything in the language in force."""
        self.undo.setText(tr("Take back the latest"))
        self.undo.setToolTip(tr("Serve in full again what was given up last; it is not given up again for ten minutes"))

    def _on_undo(self) -> None:
        self._service.undo_adaptation()


class EventsTab(QWidget):
    """Losses, restorations and renewals as text: what the marks in the plots say."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        columns: list[Column[LineEvent]] = [
            Column("", lambda event: "✖" if event.kind == "lost" else "●", "▲▲", level=_event_level),
            Column(mark("what happened"), event_text),
        ]
        self.table = RecordTable(columns, lambda event: (event.at, event.ws_type, event.kind), mark("Events"), self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.table)

    def show_events(self, events: tuple[LineEvent, ...]) -> None:
        """Show these, the newest first."""
        self.table.show_records(events[: -EVENTS_SHOWN - 1 : -1])


class FramesTab(QWidget):
    """The last raw frames, kept only while this tab is looked at; private ones are masked."""

    def __init__(self, service: WebSocketService, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._service = service
        self._trace: FrameTrace | None = None
        columns: list[Column[FrameRecord]] = [
            Column(mark("time"), lambda frame: clock(frame.at), "00:00:00"),
            Column(mark("line"), lambda frame: line_name(frame.ws_type), "private"),
            Column("", lambda frame: "→" if frame.sent else "←", "→→"),
            Column(
                mark("kind"),
                lambda frame: frame.kind or (tr("request") if frame.sent else NOTHING),
                "orderbook KRW-DOGE",
            ),
            Column(mark("size"), lambda frame: f"{frame.size:,}", "999,999", right=True),
            Column(mark("contents"), _contents),
        ]
        self.table = RecordTable(columns, lambda frame: frame.number, mark("Raw frames"), self)
        self.filter = QLineEdit(self)
        self.filter.setClearButtonEnabled(True)
        self.line = QComboBox(self)
        self.direction = QComboBox(self)
        self.details = QPlainTextEdit(self)
        self.details.setReadOnly(True)
        self.details.setMaximumHeight(80)
        self.details.setTabChangesFocus(True)
        row = QHBoxLayout()
        for control in (self.line, self.direction, self.filter):
            row.addWidget(control)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row)
        layout.addWidget(self.table)
        layout.addWidget(self.details)
        self.retranslate()
        self.filter.textChanged.connect(self.refresh)
        self.line.currentIndexChanged.connect(self.refresh)
        self.direction.currentIndexChanged.connect(self.refresh)
        selection = self.table.selectionModel()
        assert selection is not None
        selection.selectionChanged.connect(self._show_details)

    def look(self, looking: bool) -> None:
        """Begin to keep frames, or stop."""
        if looking and self._trace is None:
            self._trace = self._service.trace_frames()
        elif not looking and self._trace is not None:
            self._trace.close()
            self._trace = None

    def refresh(self) -> None:
        """Show what was kept and passes the filter, the newest first."""
        if self._trace is None:
            return
        line, direction, text = self.line.currentData(), self.direction.currentData(), self.filter.text().casefold()
        self.table.show_records(
            [
                frame
                for frame in reversed(self._trace.frames())
                if (line is None or frame.ws_type == line)
                and (direction is None or frame.sent == direction)
                and (not text or text in frame.kind.casefold() or text in frame.text.casefold())
            ]
        )

    def retranslate(self) -> None:
        """Say everything in the language in force."""
        for box, name, choices in (
            (self.line, tr("Connection"), [(tr("all lines"), None), *((line_name(w), w) for w in WebSocketType)]),
            (
                self.direction,
                tr("Direction"),
                [(tr("both ways"), None), (tr("received ←"), False), (tr("sent →"), True)],
            ),
        ):
            chosen = max(0, box.currentIndex())
            blocked = box.blockSignals(True)
            box.clear()
            for text, value in choices:
                box.addItem(text, value)
            box.setCurrentIndex(chosen)
            box.blockSignals(blocked)
            box.setAccessibleName(name)
        self.filter.setPlaceholderText(tr("Filter, for example KRW-BTC"))
        self.filter.setAccessibleName(tr("Filter"))
        self.details.setAccessibleName(tr("Contents of the selected frame"))

    def _show_details(self) -> None:
        selected = self.table.selected()
        self.details.setPlainText("" if selected is None else _contents(selected))


def _kind(frame: FrameRecord) -> str:
    return frame.kind or (tr("request") if frame.sent else NOTHING)


def _contents(frame: FrameRecord) -> str:
    return tr("(private, masked)") if frame.ws_type is WebSocketType.PRIVATE else frame.text


def _alert_level(alert: Alert) -> str:
    return "idle" if alert.cleared_at is not None else _SEVERITY_LEVELS.get(alert.severity, "warn")


def _alert_shape(alert: Alert) -> str:
    return HEALTH_SHAPES[_alert_level(alert)]


def _until(alert: Alert) -> str:
    return tr("now") if alert.cleared_at is None else clock(alert.cleared_at)


def _event_level(event: LineEvent) -> str:
    return "bad" if event.kind == "lost" else "good"
