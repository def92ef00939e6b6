"""The table of connections: one row each, every figure in a column of fixed width."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import QAbstractTableModel, QEvent, QModelIndex, QObject, Qt, pyqtSignal, pyqtSlot
from PyQt6.QtGui import QBrush, QColor
from PyQt6.QtWidgets import QAbstractItemView, QHeaderView, QToolButton, QWidget

from upbit_ws_qt import ConnectionMetrics, ConnectionState, HealthStatus, WebSocketType

from ..base.icons import icon
from ..base.labels import tip_text
from ..base.line_state import line_state
from ..base.panel_table import ColouredDelegate, PanelTable
from ..base.text import mark, tr
from ..base.theme import HEALTH_SHAPES, colours_of, number_font
from ..base.tokens import FRAME, space
from .words import (
    NOTHING,
    bytes_text,
    count_text,
    duration,
    heading_text,
    line_name,
    milliseconds,
    seconds_text,
    share,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PyQt6.QtGui import QPalette, QResizeEvent
    from PyQt6.QtWidgets import QMenu

    from ..base.line_state import LineState

    _Shown = tuple[
        Mapping[WebSocketType, ConnectionMetrics],
        HealthStatus,
        Mapping[WebSocketType, str],
    ]

__all__ = ["LINES", "LineRow", "LineTable", "LinesModel"]

LINES = tuple(WebSocketType)

_ROLE = Qt.ItemDataRole
# Header, its explanation, and the widest text that the column is made for.
_COLUMNS = (
    (mark("conn"), mark("Connection"), "▲ private_"),
    (mark("state"), mark("State of the connection"), "Attempt 99, in 30 s"),
    (mark("score"), mark("Health, 0 to 100"), "100"),
    (mark("RTT"), mark("Last round trip of a ping, ms"), "9,999"),
    (mark("avg"), mark("Mean round trip of five minutes, ms"), "9,999"),
    (mark("p95"), mark("95 of 100 round trips of five minutes were quicker than this, ms"), "9,999"),
    (mark("msg/s"), mark("Frames received a second"), "99,999"),
    (mark("frame"), mark("Age of the last frame"), "10:00:00"),
    (mark("pong"), mark("Age of the last pong"), "99.9 s"),
    (mark("epoch"), mark("How many lines to this endpoint there have been"), "9999"),
    (mark("rec"), mark("Reconnects that nobody asked for"), "9999"),
    (mark("uptime"), mark("Time since the line was opened"), "99:59:59"),
    (mark("bytes"), mark("Received on the wire"), "999.9 MiB"),
    (mark("saved"), mark("Share of bytes that short names (SIMPLE) and compression saved"), "100 %"),
    (
        mark("gaps"),
        mark("Changes of line behind which trades, orders or assets may be missing, of all changes"),
        "99/99 (100 %)",
    ),
    (mark("drops"), mark("Frames given up because this program could not keep up, of all"), "9,999/999k (9.9 %)"),
    ("", mark("Reconnect"), "⟳ "),
)
_LEFT = frozenset({0, 1})
_SAVED, _GAPS, _DROPS, _BUTTON = range(len(_COLUMNS) - 4, len(_COLUMNS))
_COUNTED = (
    "message_count",
    "reconnect_count",
    "bytes_received",
    "gap_count",
    "lossy_gap_count",
    "dropped",
)


@dataclass(frozen=True, slots=True)
class LineRow:
    """One connection as it is shown.

    Attributes:
        texts: of the columns.
        level: of its health: "good", "warn", "bad" or "idle".
        reasons: why, one a line.
        hints: by column, what a figure stands for, where that is more than the reasons.
    """

    texts: tuple[str, ...]
    level: str
    reasons: str
    hints: Mapping[int, str]


class LinesModel(QAbstractTableModel):
    """Plain data; `show` replaces it once a second."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: tuple[LineRow, ...] = ()
        self._shown: _Shown = ({}, HealthStatus(), {})
        self._since: dict[WebSocketType, ConnectionMetrics] = {}
        self._colours: dict[str, QBrush] = {}

    @property
    def rows(self) -> tuple[LineRow, ...]:
        """What is shown."""
        return self._rows

    def show(
        self,
        metrics: Mapping[WebSocketType, ConnectionMetrics],
        health: HealthStatus,
        missing: Mapping[WebSocketType, str],
        states: Mapping[WebSocketType, LineState] | None = None,
    ) -> None:
        """Show these figures.

        Args:
            metrics: of each line.
            health: of all.
            missing: why there can be no line, in English.
            states: what is said of the lines now, where that may be otherwise than in the figures.
        """
        known = states or {line: line_state(metrics[line], health) for line in LINES}
        self._shown = (metrics, health, missing)
        rows = tuple(self._row(metrics[line], known[line], missing.get(line, "")) for line in LINES)
        if not self._rows:
            self.beginResetModel()
            self._rows = rows
            self.endResetModel()
        elif rows != self._rows:
            self._rows = rows
            self.dataChanged.emit(self.index(0, 0), self.index(len(rows) - 1, _BUTTON))

    def retranslate(self) -> None:
        """Say the same in the language in force."""
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, _BUTTON)
        if self._rows:
            self.show(*self._shown)

    def reset_counters(self) -> None:
        """Count from what is shown on: messages, reconnects, bytes, gaps and drops."""
        self._since = dict(self._shown[0])
        if self._rows:
            self.show(*self._shown)

    def apply_palette(self, palette: QPalette) -> None:
        """Take the health colours of a palette."""
        colours = colours_of(palette)
        self._colours = {level: QBrush(QColor(colours.health(level))) for level in HEALTH_SHAPES}
        if self._rows:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._rows) - 1, _BUTTON))

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """One row per connection."""
        return 0 if parent is not None and parent.isValid() else len(self._rows)

    def columnCount(self, parent: QModelIndex | None = None) -> int:
        """The same for all."""
        return 0 if parent is not None and parent.isValid() else len(_COLUMNS)

    def data(self, index: QModelIndex, role: int = _ROLE.DisplayRole) -> Any:
        """Text, alignment, colour, reasons."""
        row, column = self._rows[index.row()], index.column()
        if role == _ROLE.DisplayRole:
            return row.texts[column]
        if role == _ROLE.TextAlignmentRole:
            return _side(column)
        if role == _ROLE.ForegroundRole and column in (0, 2):
            return self._colours.get(row.level)
        if role == _ROLE.ToolTipRole:
            return tip_text(row.hints.get(column) or row.reasons) or None
        if role == _ROLE.AccessibleTextRole:
            return f"{tr(_COLUMNS[column][1])}: {row.texts[column]}"
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = _ROLE.DisplayRole) -> Any:
        """Titles, and what they mean as tool tips."""
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == _ROLE.DisplayRole:
            return heading_text(_COLUMNS[section][0])
        if role == _ROLE.ToolTipRole:
            return tr(_COLUMNS[section][1])
        if role == _ROLE.TextAlignmentRole:
            return _side(section)
        return None

    def _row(self, metrics: ConnectionMetrics, state: LineState, missing: str) -> LineRow:
        level = "idle" if missing else state.level
        score = NOTHING if missing or state.score is None else str(state.score)
        counts = self._counted(metrics)
        up = metrics.is_connected and state.state is ConnectionState.CONNECTED
        texts = (
            f"{HEALTH_SHAPES[level]} {line_name(metrics.ws_type)}",
            tr(missing) if missing else state.word,
            score,
            milliseconds(metrics.rtt_last) if up else NOTHING,
            milliseconds(metrics.rtt_average) if up else NOTHING,
            milliseconds(metrics.rtt_p95) if up else NOTHING,
            count_text(metrics.messages_per_second) if up else NOTHING,
            seconds_text(metrics.last_message_age) if up else NOTHING,
            seconds_text(metrics.last_pong_age) if up else NOTHING,
            str(metrics.epoch) if metrics.epoch else NOTHING,
            f"{counts['reconnect_count']}",
            duration(metrics.uptime_seconds) if up else NOTHING,
            bytes_text(counts["bytes_received"]),
            _saved_text(metrics),
            share(counts["lossy_gap_count"], counts["gap_count"]),
            share(counts["dropped"], counts["message_count"]),
            "",
        )
        hints = {
            _SAVED: _saved_hint(metrics),
            _GAPS: tr("{count:,} of {all:,} changes of line", count=counts["lossy_gap_count"], all=counts["gap_count"]),
            _DROPS: tr("{count:,} of {all:,} frames", count=counts["dropped"], all=counts["message_count"]),
        }
        return LineRow(texts, level, state.reasons, hints)

    def _counted(self, metrics: ConnectionMetrics) -> dict[str, int]:
        since = self._since.get(metrics.ws_type)
        if since is not None and since.message_count > metrics.message_count:
            since = None  # the service was started anew, and so were its counters
        return {name: getattr(metrics, name) - (0 if since is None else getattr(since, name)) for name in _COUNTED}


def _side(column: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignLeft if column in _LEFT else Qt.AlignmentFlag.AlignRight
    return side | Qt.AlignmentFlag.AlignVCenter


def _saved_text(metrics: ConnectionMetrics) -> str:
    """Return the share that was saved since the start: what SIMPLE spared is reckoned every few seconds only."""
    plain = metrics.bytes_inflated + metrics.bytes_spared
    return f"{100 * max(0.0, 1 - metrics.bytes_received / plain):.0f} %" if plain else NOTHING


def _saved_hint(metrics: ConnectionMetrics) -> str:
    """Return what short names and what compression saved."""
    deflated = metrics.bytes_inflated - metrics.bytes_received
    names, packed = bytes_text(max(0, metrics.bytes_spared)), bytes_text(max(0, deflated))
    return tr("short names (SIMPLE): {names}, compression: {packed}", names=names, packed=packed)


class LineTable(PanelTable):
    """Shows a LinesModel, with a button in each row; the three lines keep their places.

    Signals:
        reconnectRequested: a connection's button was pressed.
    """

    reconnectRequested = pyqtSignal(WebSocketType)

    def __init__(self, model: LinesModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("connections")
        self.setModel(model)
        self.setItemDelegate(ColouredDelegate(self))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.rowMenuRequested.connect(self._on_row_menu)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setWordWrap(False)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        header, rows = self.horizontalHeader(), self.verticalHeader()
        assert header is not None
        assert rows is not None
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setHighlightSections(False)
        rows.hide()
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.buttons: dict[WebSocketType, QToolButton] = {}
        model.modelReset.connect(self._add_buttons)
        self.apply_font()

    def apply_font(self) -> None:
        """Set widths and heights for the font in force."""
        self.setFont(number_font(self.font()))
        metrics, header, rows = self.fontMetrics(), self.horizontalHeader(), self.verticalHeader()
        assert header is not None
        assert rows is not None
        for column, (title, _, sample) in enumerate(_COLUMNS):
            text = heading_text(title)
            widest = max(metrics.horizontalAdvance(sample), metrics.horizontalAdvance(text))
            self.setColumnWidth(column, widest + 2 * space().small + FRAME)
        rows.setDefaultSectionSize(metrics.height() + space().list_row + space().tiny)
        self._fit_height()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Have room for a scroll bar only where one is needed."""
        super().resizeEvent(event)
        self._fit_height()

    def refit(self) -> None:
        """Show the columns that are wanted."""
        super().refit()
        self._fit_height()

    def _fit_height(self) -> None:
        header, rows, bar = self.horizontalHeader(), self.verticalHeader(), self.horizontalScrollBar()
        assert header is not None
        assert rows is not None
        assert bar is not None
        frame = 2 * self.frameWidth()
        extra = bar.sizeHint().height() if header.length() > self.width() - frame else 0
        self.setFixedHeight(header.sizeHint().height() + len(LINES) * rows.defaultSectionSize() + extra + frame)

    def retranslate(self) -> None:
        """Say everything in the language in force."""
        self.setAccessibleName(tr("Connections"))
        for ws_type, button in self.buttons.items():
            button.setToolTip(tr("Replace this connection: the new one is up before the old one goes"))
            button.setAccessibleName(tr("Reconnect {name}", name=line_name(ws_type)))
            button.setIcon(icon("reset", self.palette()))
        self.apply_font()

    def changeEvent(self, event: QEvent | None) -> None:
        """Draw the signs in the colours in force."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.PaletteChange and hasattr(self, "buttons"):
            for button in self.buttons.values():
                button.setIcon(icon("reset", self.palette()))

    def set_reconnectable(self, ws_type: WebSocketType, possible: bool) -> None:
        """Enable or disable a row's button."""
        if ws_type in self.buttons:
            self.buttons[ws_type].setEnabled(possible)

    def _add_buttons(self) -> None:
        model = self.model()
        assert model is not None
        for row, ws_type in enumerate(LINES[: model.rowCount()]):
            button = QToolButton(self)
            button.setAutoRaise(True)
            button.setProperty("line", ws_type)
            button.clicked.connect(self._on_button_clicked)
            self.setIndexWidget(model.index(row, _BUTTON), button)
            self.buttons[ws_type] = button
        self.retranslate()

    @pyqtSlot("QMenu*", "QModelIndex")
    def _on_row_menu(self, menu: QMenu, index: QModelIndex) -> None:
        ws_type = LINES[index.row()] if index.isValid() else None
        if ws_type is not None:
            words = tr("Reconnect {name}", name=line_name(ws_type))
            action = menu.addAction(words, lambda: self.reconnectRequested.emit(ws_type))
            if action is not None:
                action.setEnabled(self.buttons[ws_type].isEnabled())

    def _on_button_clicked(self) -> None:
        sender = self.sender()
        if sender is not None:
            self.reconnectRequested.emit(sender.property("line"))
