"""The status bar: which exchange this is, how each line does, and what the time is in Korea."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import QEvent, QRectF, QSize, Qt, pyqtSignal, pyqtSlot
from PyQt6.QtGui import QColor, QPainter, QPalette, QPen
from PyQt6.QtWidgets import QStatusBar, QWidget

from upbit_ws_qt import WebSocketType

from ..base.kst import kst_clock
from ..base.labels import PlainLabel, plain_label, tip_text
from ..base.line_state import line_board
from ..base.look import look
from ..base.origin import ExchangeKind
from ..base.replay_watch import replay_watch, wall_clock
from ..base.text import tr
from ..base.theme import colours_of, number_font
from ..base.tokens import RADIUS, STROKE, space
from ..connection_indicator import SPARK, ConnectionIndicator

if TYPE_CHECKING:
    from collections.abc import Iterable

    from PyQt6.QtGui import QResizeEvent

    from upbit_ws_qt import WebSocketService

    from ..base.origin import ExchangeOrigin

__all__ = ["ExchangeBadge", "ServiceStatusBar"]


class ExchangeBadge(PlainLabel):
    """Says which exchange this is: the real one and a replay filled, the embedded one in dashes, any other dotted."""

    def __init__(self, origin: ExchangeOrigin, parent: QWidget | None = None) -> None:
        super().__init__("", parent)
        self._origin = origin
        self._on_look()
        look().changed.connect(self._on_look)
        font = self.font()
        font.setBold(True)
        self.setFont(font)
        self.retranslate()

    @pyqtSlot()
    def _on_look(self) -> None:
        now = space()
        self.setContentsMargins(now.medium, now.tiny, now.medium, now.tiny)

    def retranslate(self) -> None:
        """Say it in the language and the colours in force."""
        self.setText(f"{self._origin.sign} {self._origin.text}")
        self.setAccessibleName(self._origin.text)
        self.setAccessibleDescription(self._origin.hint)
        self.setToolTip(tip_text(self._origin.hint))
        colours = colours_of(self.palette())
        text = {
            ExchangeKind.LIVE: colours.base,
            ExchangeKind.EMBEDDED: colours.embedded,
            ExchangeKind.REPLAY: colours.base,
        }
        palette = QPalette(self.palette())
        palette.setColor(QPalette.ColorRole.WindowText, QColor(text.get(self._origin.kind, colours.text)))
        if palette != self.palette():
            self.setPalette(palette)

    def paint_back(self, painter: QPainter) -> None:
        """Fill or frame it."""
        colours = colours_of(self.palette())
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(self.rect()).adjusted(1.0, 1.0, -1.0, -1.0)
        filled = {ExchangeKind.LIVE: colours.live, ExchangeKind.REPLAY: colours.replay}
        if self._origin.kind in filled:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(filled[self._origin.kind]))
        else:
            embedded = self._origin.kind is ExchangeKind.EMBEDDED
            style = Qt.PenStyle.DashLine if embedded else Qt.PenStyle.DotLine
            painter.setPen(QPen(QColor(colours.embedded if embedded else colours.text), STROKE, style))
        painter.drawRoundedRect(area, RADIUS, RADIUS)
        painter.restore()


class ServiceStatusBar(QStatusBar):
    """An indicator per line, a badge for the exchange, a KST clock.

    Example:
        >>> from upbit_ws_qt.widgets.base.origin import ExchangeOrigin
        >>> window.setStatusBar(ServiceStatusBar(service, ExchangeOrigin.of(service.config, embedded=True)))

    Signals:
        monitorRequested: a line was clicked.
    """

    monitorRequested = pyqtSignal()

    def __init__(self, service: WebSocketService, origin: ExchangeOrigin, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._service = service
        self._board = line_board(service)
        self.badge = ExchangeBadge(origin, self)
        self.addWidget(self.badge)
        self.lines: dict[WebSocketType, ConnectionIndicator] = {}
        for ws_type in WebSocketType:
            button = ConnectionIndicator(service, self, ws_type=ws_type)
            button.clicked.connect(self.monitorRequested)
            self.lines[ws_type] = button
            self.addWidget(button)
        self.clock = plain_label("", self)
        self.clock.setFont(number_font(self.clock.font()))
        self.addPermanentWidget(self.clock)
        self._board.changed.connect(self.refresh)
        replayed = replay_watch(service)
        if replayed is not None:
            replayed.changed.connect(self.refresh)
        self.retranslate()

    @pyqtSlot()
    def refresh(self) -> None:
        """Show the present figures."""
        self.clock.setText(f"{kst_clock(int(wall_clock(self._service) * 1000))} KST")
        brief = self._is_narrow_for(button.whole_text for button in self.lines.values())
        for button in self.lines.values():
            button.set_brief(brief)

    def _is_narrow_for(self, texts: Iterable[str]) -> bool:
        metrics = next(iter(self.lines.values())).fontMetrics()
        needed = sum(metrics.horizontalAdvance(text) + SPARK.width() + space().huge for text in texts)
        return needed + self.badge.sizeHint().width() + self.clock.sizeHint().width() + 2 * space().huge > self.width()

    def minimumSizeHint(self) -> QSize:
        """Stand in the way of no window: a line that loses its connection has more to say than one that has it."""
        return QSize(0, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Say more or less."""
        super().resizeEvent(event)
        self.refresh()

    def retranslate(self) -> None:
        """Say everything anew."""
        self.badge.retranslate()
        self.clock.setAccessibleName(tr("Time in Korea"))
        self.refresh()

    def changeEvent(self, event: QEvent | None) -> None:
        """Take another language or theme over."""
        super().changeEvent(event)
        if event is not None and hasattr(self, "clock"):  # noqa: SIM102 - two reasons
            if event.type() in (QEvent.Type.LanguageChange, QEvent.Type.PaletteChange):
                self.retranslate()
