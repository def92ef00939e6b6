"""The table of connections: one row each, every figure in a column of fixed width."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt, pyqtSignal
from PyQt6.QtGui import QBrush, QColor
from PyQt6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QToolButton, QWidget

from upbit_ws_qt import ConnectionMetrics, HealthStatus, WebSocketType
from widgets.base.text import mark, tr
from widgets.base.theme import HEALTH_SHAPES, colours_of, number_font
from widgets.monitor.words import (
    NOTHING,
    bytes_text,
    count_text,
    duration,
    line_name,
    milliseconds,
    reasons_text,
    seconds_text,
    share,
    state_text,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PyQt6.QtGui import QPalette

__all__ = ["LINES", "LineRow", "LineTable", "LinesModel"]

LINES = tuple(WebSocketType)

_ROLE = Qt.ItemDataRole
# Header, its explanation, and the widest text that the column is made for.
_COLUMNS = (
    (mark("conn"), mark("Connection"), "▲ 비공개 계정"),
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
    (mark("gaps"), mark("Changes of line behind which something may be missing"), "9999"),
    (mark("drops"), mark("Frames given up because this program could not keep up, of all"), "999/999,999 (99.9 %)"),
    ("", mark("Reconnect"), "⟳ "),
)
CELL_MARGIN = 5
_LEFT = frozenset({0, 1})
_BUTTON = len(_COLUMNS) - 1
_COUNTED = (
    "message_count",
    "reconnect_count",
    "bytes_received",
    "bytes_inflated",
    "bytes_spared",
    "gap_count",
    "dropped",
)


@dataclass(frozen=True, slots=True)
class LineRow:
    """One connection as it is shown.

    Attributes:
        texts: of the columns.
        level: of its health: "good", "warn", "bad" or "idle".
        reasons: why, one a line.
    """

    texts: tuple[str, ...]
    level: str
    reasons: str


class LinesModel(QAbstractTableModel):
    """Plain data; `show` replaces it once a second."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: tuple[LineRow, ...] = ()
        self._metrics: Mapping[WebSocketType, ConnectionMetrics] = {}
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
    ) -> None:
        """Show these figures; `missing` says why there can be no line."""
        self._metrics = metrics
        rows = tuple(self._row(metrics[line], health, missing.get(line, "")) for line in LINES)
        if not self._rows:
            self.beginResetModel()
            self._rows = rows
            self.endResetModel()
        elif rows != self._rows:
            self._rows = rows
            self.dataChanged.emit(self.index(0, 0), self.index(len(rows) - 1, _BUTTON))

    def reset_counters(self) -> None:
        """Count from here on: messages, reconnects, bytes, gaps and drops."""
        self._since = dict(self._metrics)

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
            side = Qt.AlignmentFlag.AlignLeft if column in _LEFT else Qt.AlignmentFlag.AlignRight
            return side | Qt.AlignmentFlag.AlignVCenter
        if role == _ROLE.ForegroundRole and column in (0, 2):
            return self._colours.get(row.level)
        if role == _ROLE.ToolTipRole:
            return row.reasons or None
        if role == _ROLE.AccessibleTextRole:
            return f"{tr(_COLUMNS[column][1])}: {row.texts[column]}"
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = _ROLE.DisplayRole) -> Any:
        """Titles, and what they mean as tool tips."""
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == _ROLE.DisplayRole:
            return tr(_COLUMNS[section][0]) if _COLUMNS[section][0] else ""
        if role == _ROLE.ToolTipRole:
            return tr(_COLUMNS[section][1])
        return None

    def _row(self, metrics: ConnectionMetrics, health: HealthStatus, missing: str) -> LineRow:
        line = health.connections.get(metrics.ws_type)
        level = "idle" if line is None or missing else str(line.level)
        score = NOTHING if level == "idle" else f"{metrics.health_score:.0f}"
        counts = self._counted(metrics)
        up = metrics.is_connected
        plain = counts["bytes_inflated"] + counts["bytes_spared"]
        saved = 1 - counts["bytes_received"] / plain if plain else 0.0
        texts = (
            f"{HEALTH_SHAPES[level]} {line_name(metrics.ws_type)}",
            state_text(metrics, health, missing=missing),
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
            f"{max(0.0, saved):.0%}".replace("%", " %") if counts["bytes_received"] else NOTHING,
            f"{counts['gap_count']}",
            share(counts["dropped"], counts["message_count"]),
            "",
        )
        return LineRow(texts, level, reasons_text(health, metrics.ws_type))

    def _counted(self, metrics: ConnectionMetrics) -> dict[str, int]:
        since = self._since.get(metrics.ws_type)
        return {name: getattr(metrics, name) - (0 if since is None else getattr(since, name)) for name in _COUNTED}


class LineTable(QTableView):
    """Shows a LinesModel, with a button in each row.

    Signals:
        reconnectRequested: a connection's button was pressed.
    """

    reconnectRequested = pyqtSignal(WebSocketType)

    def __init__(self, model: LinesModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setModel(model)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
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
            text = tr(title) if title else ""
            widest = max(metrics.horizontalAdvance(sample), metrics.horizontalAdvance(text))
            self.setColumnWidth(column, widest + metrics.horizontalAdvance("0") + CELL_MARGIN)
        rows.setDefaultSectionSize(int(metrics.height() * 1.7))
        bar = self.horizontalScrollBar()
        extra = 0 if bar is None else bar.sizeHint().height()
        self.setFixedHeight(header.sizeHint().height() + 3 * rows.defaultSectionSize() + extra + 4)

    def retranslate(self) -> None:
        """Say everything in the language in force."""
        self.setAccessibleName(tr("Connections"))
        for ws_type, button in self.buttons.items():
            button.setToolTip(tr("Replace this connection: the new one is up before the old one goes"))
            button.setAccessibleName(tr("Reconnect {name}", name=line_name(ws_type)))
        self.apply_font()

    def set_reconnectable(self, ws_type: WebSocketType, possible: bool) -> None:
        """Enable or disable a row's button."""
        if ws_type in self.buttons:
            self.buttons[ws_type].setEnabled(possible)

    def _add_buttons(self) -> None:
        model = self.model()
        assert model is not None
        for row, ws_type in enumerate(LINES[: model.rowCount()]):
            button = QToolButton(self)
            button.setText("⟳")
            button.setAutoRaise(True)
            button.setProperty("line", ws_type)
            button.clicked.connect(self._on_button_clicked)
            self.setIndexWidget(model.index(row, _BUTTON), button)
            self.buttons[ws_type] = button
        self.retranslate()

    def _on_button_clicked(self) -> None:
        sender = self.sender()
        if sender is not None:
            self.reconnectRequested.emit(sender.property("line"))
