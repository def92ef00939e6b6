"""The tabs under the plots: components, alerts, advice, events."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from upbit_ws_qt import Alert, BudgetUsage, ComponentMetrics, LineEvent, Priority

from ..base.labels import plain_label
from ..base.panel_board import panel_board
from ..base.spacing import spaced
from ..base.text import mark, said, tr
from ..base.theme import HEALTH_SHAPES
from .table import Column, RecordTable
from .words import (
    alert_figure,
    bytes_text,
    clock,
    component_name,
    count_text,
    duration,
    event_text,
    group_text,
    line_name,
    slot_time,
    what_text,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from PyQt6.QtCore import QModelIndex
    from PyQt6.QtWidgets import QMenu

    from upbit_ws_qt import PerformanceMetrics, WebSocketService

    from ..base.panel_board import Standing

__all__ = ["AdviceTab", "AlertsTab", "ComponentsTab", "EventsTab", "RestTab"]

EVENTS_SHOWN = 200
STEPS_SHOWN = 50
_PRIORITIES = {
    Priority.CRITICAL: mark("critical"),
    Priority.HIGH: mark("important"),
    Priority.NORMAL: mark("ordinary"),
    Priority.LOW: mark("minor"),
}
_SEVERITY_LEVELS = {"critical": "bad", "warning": "warn", "info": "good"}
Record = TypeVar("Record")


class _ListTab(QWidget, Generic[Record]):
    """A table, and below it a note on the left and what can be done on the right."""

    def __init__(
        self,
        columns: Sequence[Column[Record]],
        key: Callable[[Record], Hashable],
        name: str,
        empty: str,
        parent: QWidget | None,
    ) -> None:
        super().__init__(parent)
        self.table = RecordTable(columns, key, name, empty, self)
        self.note = plain_label("", self)
        self._row = QHBoxLayout()
        self._row.addWidget(self.note, 1)
        layout = QVBoxLayout(self)
        spaced(layout)
        layout.addWidget(self.table)
        layout.addLayout(self._row)

    def _add_button(self, act: Callable[[], None], possible: Callable[[], bool]) -> QPushButton:
        """Return a button that does something; enabled where it is `possible`, asked at each change of selection."""
        button = QPushButton(self)
        button.clicked.connect(act)
        self._row.addWidget(button)
        self.table.rowMenuRequested.connect(lambda menu, _index: _offer(menu, button, act))
        selection = self.table.selectionModel()
        assert selection is not None
        selection.selectionChanged.connect(lambda: button.setEnabled(possible()))
        button.setEnabled(False)
        return button


class _Served(NamedTuple):
    """A component, and how its panel stands; None for one that is no panel."""

    figures: ComponentMetrics
    panel: Standing | None


class ComponentsTab(_ListTab[_Served]):
    """Who is served, how fast, who is put aside, and which panels show old data or less than was asked for.

    Signals:
        panelRequested(str): the panel of a component is to be shown.
    """

    panelRequested = pyqtSignal(str)

    def __init__(self, service: WebSocketService, parent: QWidget | None = None) -> None:
        columns: list[Column[_Served]] = [
            Column(mark("component"), lambda row: component_name(row.figures.component_id)),
            Column(
                mark("its panel shows"),
                _shown_text,
                "▲ 12 s",
                level=lambda row: None if row.panel is None else row.panel.level,
                figure=_standing_rank,
            ),
            Column(
                mark("state"),
                lambda row: f"✖ {tr('put aside')}" if row.figures.quarantined else f"● {tr('served')}",
                "✖ put aside",
                level=lambda row: "bad" if row.figures.quarantined else "good",
            ),
            Column(mark("priority"), lambda row: tr(_PRIORITIES[row.figures.priority]), "critical", figure=_rank),
            Column(
                mark("streams"),
                lambda row: f"{row.figures.subscriptions:,}",
                "9,999",
                right=True,
                figure=lambda row: row.figures.subscriptions,
            ),
            Column(
                mark("events/s"),
                lambda row: count_text(row.figures.messages_per_second),
                "99,999",
                right=True,
                figure=lambda row: row.figures.messages_per_second,
            ),
            Column(
                mark("bytes/s"),
                lambda row: bytes_text(row.figures.bytes_per_second),
                "999.9 MiB",
                right=True,
                figure=lambda row: row.figures.bytes_per_second,
            ),
            Column(mark("slot p95 ms"), lambda row: slot_time(row.figures.slot), "9,999.99", right=True, figure=_slot),
            Column(
                mark("load"),
                lambda row: f"{row.figures.slot_share * 100:.1f} %",
                "100.0 %",
                right=True,
                figure=lambda row: row.figures.slot_share,
            ),
            Column(
                mark("errors"),
                lambda row: f"{row.figures.failures:,}",
                "9,999",
                right=True,
                figure=lambda row: row.figures.failures,
            ),
            Column(
                mark("waiting"),
                lambda row: f"{row.figures.pending:,}",
                "9,999",
                right=True,
                figure=lambda row: row.figures.pending,
            ),
            Column(
                mark("lost"),
                lambda row: f"{row.figures.dropped:,}",
                "99,999",
                right=True,
                figure=lambda row: row.figures.dropped,
            ),
        ]
        super().__init__(
            columns, lambda row: row.figures.component_id, mark("Components"), mark("Nobody wants data."), parent
        )
        self._service = service
        self.resume = self._add_button(self._on_resume, self._is_possible)
        self.table.activated.connect(self._on_activated)
        self.table.rowMenuRequested.connect(self._on_row_menu)
        self.retranslate()

    def show_metrics(self, metrics: PerformanceMetrics) -> None:
        """Show these figures, those that are put aside first."""
        board = panel_board(self._service)
        rows = [_Served(each, board.standing_of(each.component_id)) for each in metrics.components]
        self.table.show_records(sorted(rows, key=_worst_first))
        self.resume.setEnabled(self._is_possible())

    def retranslate(self) -> None:
        """Say everything in the language in force."""
        self.resume.setText(tr("Serve again"))
        self.resume.setToolTip(tr("Serve a component again that was put aside for failing or blocking"))

    def _is_possible(self) -> bool:
        return any(row.figures.quarantined for row in self.table.selected_records())

    def _on_resume(self) -> None:
        for row in self.table.selected_records():
            if row.figures.quarantined:
                self._service.resume(row.figures.component_id)

    def choose(self, component_id: str) -> None:
        """Mark a component's row; nothing where it has none."""
        for place, row in enumerate(self.table.records.records):
            if row.figures.component_id == component_id:
                self.table.selectRow(place)

    def _on_activated(self, index: QModelIndex) -> None:
        row = self.table.records.records[index.row()]
        if row.panel is not None:
            self.panelRequested.emit(row.figures.component_id)

    def _on_row_menu(self, menu: QMenu, index: QModelIndex) -> None:
        row = self.table.records.records[index.row()] if index.isValid() else None
        if row is not None and row.panel is not None:
            menu.addAction(tr("Show the panel"), lambda: self.panelRequested.emit(row.figures.component_id))


class AlertsTab(_ListTab[Alert]):
    """What a person should know."""

    def __init__(self, service: WebSocketService, parent: QWidget | None = None) -> None:
        columns: list[Column[Alert]] = [
            Column("", lambda alert: HEALTH_SHAPES[_alert_level(alert)], "▲▲", level=_alert_level),
            Column(
                mark("since"), lambda alert: clock(alert.raised_at), "00:00:00", figure=lambda alert: alert.raised_at
            ),
            Column(mark("what"), lambda alert: said(alert.message)),
            Column(
                mark("figure"),
                lambda alert: alert_figure(alert.kind, alert.value),
                "9,999 MiB",
                right=True,
                figure=lambda alert: alert.value,
            ),
            Column(
                mark("raised from"),
                lambda alert: alert_figure(alert.kind, alert.threshold),
                "9,999 MiB",
                right=True,
                figure=lambda alert: alert.threshold,
            ),
            Column(mark("over at"), _over_at, "9,999 MiB", right=True),
            Column(mark("until"), _until, "00:00:00", figure=lambda alert: alert.cleared_at),
            Column(mark("line"), lambda alert: "" if alert.ws_type is None else line_name(alert.ws_type), "private"),
            Column(mark("seen"), lambda alert: "✓" if alert.acknowledged else "", "✓"),
        ]
        empty = mark("There was no alert.")
        super().__init__(columns, lambda alert: alert.alert_id, mark("Alerts"), empty, parent)
        self._service = service
        self.acknowledge = self._add_button(self._on_acknowledge, self._is_possible)
        self.retranslate()

    def refresh(self, suppressed: int = 0) -> int:
        """Show the alerts of now, and how many there was no room for; return how many last and were not seen."""
        self.note.setText(tr("%n more were not listed: 500 last already", suppressed) if suppressed else "")
        alerts = self._service.alerts()
        self.table.show_records(alerts)
        self.acknowledge.setEnabled(self._is_possible())
        return sum(alert.cleared_at is None and not alert.acknowledged for alert in alerts)

    def retranslate(self) -> None:
        """Say everything in the language in force."""
        self.acknowledge.setText(tr("Mark as seen"))

    def _is_possible(self) -> bool:
        return any(alert.cleared_at is None and not alert.acknowledged for alert in self.table.selected_records())

    def _on_acknowledge(self) -> None:
        for alert in self.table.selected_records():
            if alert.cleared_at is None and not alert.acknowledged:
                self._service.acknowledge(alert.alert_id)
        self.refresh()


class _Advice(NamedTuple):
    """One line of the advice tab; `about` tells it from others of its kind."""

    kind: str
    about: str
    level: str
    text: str
    advice: str


class AdviceTab(_ListTab[_Advice]):
    """What costs speed, what the lines do to each other, and what was given up under load."""

    def __init__(self, service: WebSocketService, parent: QWidget | None = None) -> None:
        columns: list[Column[_Advice]] = [
            Column("", lambda row: HEALTH_SHAPES[row.level], "▲▲", level=lambda row: row.level),
            Column(mark("kind"), lambda row: what_text(row.kind), "a quarter of the frames"),
            Column(mark("what"), lambda row: row.text),
            Column(mark("advice"), lambda row: row.advice),
        ]
        empty = mark("Nothing costs speed, the lines leave each other alone, and nothing was given up.")
        super().__init__(columns, lambda row: (row.kind, row.about), mark("Advice"), empty, parent)
        self._service = service
        self._given_up = False
        self.undo = self._add_button(self._on_undo, lambda: self._given_up)
        self.retranslate()

    def refresh(self, metrics: PerformanceMetrics) -> None:
        """Show what is advised now."""
        service = self._service
        rows = [
            _Advice(issue.kind, issue.subject, "warn", said(issue.text), said(issue.advice))
            for issue in service.issues()
        ]
        for found in service.interference():
            level = "" if found.remedy is None else tr("independence level {level}", level=what_text(found.remedy))
            rows.append(_Advice(found.kind, " ".join(found.lines), "warn", said(found.text), level))
        adaptations = service.adaptations()
        for step in reversed(adaptations[-STEPS_SHOWN:]):
            template = mark("given up: {why}") if step.applied else mark("taken back: {why}")
            what, level = tr(template, why=said(step.because)), "warn" if step.applied else "good"
            rows.append(_Advice(step.kind, str(step.at), level, what, ""))
        self.table.show_records(rows)
        self._given_up = any({step.kind: step.applied for step in adaptations}.values())
        self.undo.setEnabled(self._given_up)
        stages = sorted(metrics.stage_shares.items(), key=lambda item: -item[1])
        shares = " · ".join(f"{what_text(stage)} {100 * share:.1f} %" for stage, share in stages)
        lines = [tr("work, of a core: {shares}", shares=shares)] if stages else []
        expected = service.predict_resource_usage()
        if expected is not None and expected.streams:
            lines.append(
                tr(
                    "usual for {streams} streams: {messages:,.0f} messages/s, {bytes}/s, {cpu:.1f} % of a core",
                    streams=expected.streams,
                    messages=expected.messages_per_second,
                    bytes=bytes_text(expected.bytes_per_second),
                    cpu=100 * expected.cpu_share,
                )
            )
        self.note.setText("\n".join(lines))

    def retranslate(self) -> None:
        """Say everything in the language in force."""
        self.undo.setText(tr("Take back the latest"))
        self.undo.setToolTip(tr("Serve in full again what was given up last; it is not given up again for ten minutes"))

    def _on_undo(self) -> None:
        self._service.undo_adaptation()


class EventsTab(_ListTab[LineEvent]):
    """Losses, restorations and renewals as text: what the marks in the plots say."""

    def __init__(self, parent: QWidget | None = None) -> None:
        columns: list[Column[LineEvent]] = [
            Column("", lambda event: "✖" if event.kind == "lost" else "●", "▲▲", level=_event_level),
            Column(mark("what happened"), event_text),
        ]
        empty = mark("No line was lost, restored or renewed.")
        super().__init__(columns, lambda event: (event.at, event.ws_type, event.kind), mark("Events"), empty, parent)
        self.note.hide()

    def show_events(self, events: tuple[LineEvent, ...]) -> None:
        """Show these, the newest first."""
        self.table.show_records(events[: -EVENTS_SHOWN - 1 : -1])


class RestTab(_ListTab[BudgetUsage]):
    """How much of its budget each group of the REST interface uses, and what waits."""

    def __init__(self, parent: QWidget | None = None) -> None:
        columns: list[Column[BudgetUsage]] = [
            Column(mark("group"), lambda row: group_text(row.group)),
            Column(
                mark("in use"),
                lambda row: f"{row.in_use}/{row.per_second}",
                "30/30",
                right=True,
                figure=lambda row: row.in_use,
            ),
            Column(
                mark("waiting"), lambda row: f"{row.waiting:,}", "9,999", right=True, figure=lambda row: row.waiting
            ),
            Column(mark("asked"), lambda row: f"{row.asked:,}", "999,999", right=True, figure=lambda row: row.asked),
            Column(
                mark("refused"), lambda row: f"{row.refused:,}", "9,999", right=True, figure=lambda row: row.refused
            ),
            Column(mark("state"), _budget_state, "✖ blocked 0:59:59", level=_budget_level),
        ]
        empty = mark("Nothing was asked of the REST interface.")
        super().__init__(columns, lambda row: row.group, mark("REST"), empty, parent)
        self.note.hide()

    def show_metrics(self, metrics: PerformanceMetrics) -> None:
        """Show these figures."""
        self.table.show_records(metrics.rest)


def _offer(menu: QMenu, button: QPushButton, act: Callable[[], None]) -> None:
    """Have a menu do what a button does, as far as that can do it now."""
    action = menu.addAction(button.text(), act)
    if action is not None:
        action.setEnabled(button.isEnabled())


def _rank(row: _Served) -> int:
    return list(Priority).index(row.figures.priority)


def _slot(row: _Served) -> float | None:
    return row.figures.slot.p95 if row.figures.slot.count else None


def _shown_text(row: _Served) -> str:
    return "" if row.panel is None else f"{HEALTH_SHAPES[row.panel.level]} {row.panel.text}"


def _standing_rank(row: _Served) -> int | None:
    return None if row.panel is None else ("bad", "warn", "good", "idle").index(row.panel.level)


def _worst_first(row: _Served) -> tuple[bool, bool, str]:
    suffers = row.panel is not None and row.panel.level in ("bad", "warn")
    return not row.figures.quarantined, not suffers, row.figures.component_id


def _budget_state(row: BudgetUsage) -> str:
    if row.blocked_for > 0:
        return f"✖ {tr('blocked')} {duration(math.ceil(row.blocked_for))}"
    return f"▲ {tr('waiting')}" if row.waiting else f"● {tr('free')}"


def _budget_level(row: BudgetUsage) -> str:
    return "bad" if row.blocked_for > 0 else "warn" if row.waiting else "good"


def _alert_level(alert: Alert) -> str:
    return "idle" if alert.cleared_at is not None else _SEVERITY_LEVELS.get(alert.severity, "warn")


def _over_at(alert: Alert) -> str:
    return tr("Connected") if alert.kind == "connection_lost" else alert_figure(alert.kind, alert.clear_at)


def _until(alert: Alert) -> str:
    return tr("now") if alert.cleared_at is None else clock(alert.cleared_at)


def _event_level(event: LineEvent) -> str:
    return "bad" if event.kind == "lost" else "good"
