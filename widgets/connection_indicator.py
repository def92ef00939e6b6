"""The small form of the monitor: state, score and the course of the last minute, for any status bar."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from PyQt6 import sip
from PyQt6.QtCore import QEvent, QPointF, QSize, Qt, pyqtSlot
from PyQt6.QtGui import QColor, QIcon, QPainter, QPalette, QPen, QPixmap, QPolygonF
from PyQt6.QtWidgets import QToolButton

from upbit_ws_qt import ConnectionState, WebSocketType

from .base.labels import tip_text
from .base.line_state import line_board, line_name
from .base.text import tr
from .base.theme import HEALTH_SHAPES, colours_of, number_font
from .base.tokens import HAIRLINE, SPARK_SIZE, STROKE

if TYPE_CHECKING:
    from PyQt6.QtGui import QHideEvent, QShowEvent
    from PyQt6.QtWidgets import QWidget

    from upbit_ws_qt import HistorySeries, WebSocketService

    from .base.line_state import LineState

__all__ = ["ConnectionIndicator"]

SPARK = QSize(*SPARK_SIZE)
SPARK_SECONDS = 60.0
_RANK = ("idle", "good", "warn", "bad")


class ConnectionIndicator(QToolButton):
    """Shows how a connection does, or all together, in one line:

        window.statusBar().addWidget(ConnectionIndicator(service))

    A sign and a word for the state, the score, the last round trip, and the course of the score over the last minute.
    It says what the monitor says at the same moment, because both are told by the same look. It costs nothing while
    nobody can see it. A click does what is connected to `clicked`.

    Args:
        service: whose connections are shown.
        parent: of the button.
        ws_type: the connection; None for all: it then speaks of the one that does worst.
    """  # noqa: D415 - an example follows

    def __init__(
        self, service: WebSocketService, parent: QWidget | None = None, *, ws_type: WebSocketType | None = None
    ) -> None:
        super().__init__(parent)
        self._service = service
        self._ws_type = ws_type
        self._board = line_board(service)
        self._is_brief = False
        self._looks = False
        self._shown: tuple[object, ...] = ()
        self._kind: tuple[ConnectionState, bool] | None = None
        self.setAutoRaise(True)
        self.setFont(number_font(self.font()))
        self.setIconSize(SPARK)
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.refresh()

    @property
    def state(self) -> LineState:
        """What is shown: the state of the connection, or of the one that does worst."""
        states = self._board.states
        if self._ws_type is not None:
            return states[self._ws_type]
        return max(states.values(), key=_badness)

    @property
    def whole_text(self) -> str:
        """All that is said where there is room for it."""
        state = self.state
        rate = "" if state.rate is None else f"  {max(0.0, state.rate):.0f}/s"
        return f"{HEALTH_SHAPES[state.level]} {line_name(state.ws_type)}  {state.text}{rate}"

    def set_brief(self, brief: bool) -> None:
        """Say only what is most important, where there is little room; the tool tip says it all anyway."""
        if brief != self._is_brief:
            self._is_brief = brief
            self.refresh()

    @pyqtSlot()
    def refresh(self) -> None:
        """Show the present figures."""
        state = self.state
        text = _brief_text(state) if self._is_brief else self.whole_text
        if self._kind != (state.state, self._is_brief):
            self._kind = (state.state, self._is_brief)
            self.setMinimumWidth(0)
        scores = self._service.history("score", state.ws_type, SPARK_SECONDS)
        newest = int(scores.times[-1]) if len(scores.times) else 0
        colours = colours_of(self.palette())
        shown = (text, state.text, state.level, newest, colours.dark, self.devicePixelRatioF())
        if shown != self._shown:
            self._shown = shown
            self.setText(text)
            colour = QColor(colours.health(state.level))
            self.setIcon(_spark(scores, colour, QColor(colours.grid), self.devicePixelRatioF()))
            if not self._is_brief:  # while a state lasts nothing may jitter
                self.setMinimumWidth(max(self.minimumWidth(), self.sizeHint().width()))
            self.setAccessibleName(f"{line_name(state.ws_type)} {state.text}")
            palette = QPalette(self.palette())  # a style sheet would colour the tool tip too
            palette.setColor(QPalette.ColorRole.ButtonText, colour)
            self.setPalette(palette)
        hint = tr("State, health of 100, round trip, messages a second; the course of the health over a minute.")
        self.setToolTip(tip_text("\n".join(part for part in (state.cause, state.reasons, hint) if part)))

    def showEvent(self, event: QShowEvent | None) -> None:
        """Look, now that somebody sees it."""
        super().showEvent(event)
        if not self._looks:
            self._looks = True
            self._board.changed.connect(self.refresh)
        self.refresh()

    def hideEvent(self, event: QHideEvent | None) -> None:
        """Rest."""
        super().hideEvent(event)
        if self._looks:
            self._looks = False
            if not sip.isdeleted(self._board):  # it may be, where the QApplication is deleted early
                self._board.changed.disconnect(self.refresh)

    def changeEvent(self, event: QEvent | None) -> None:
        """Take another language or theme over."""
        super().changeEvent(event)
        kinds = (QEvent.Type.LanguageChange, QEvent.Type.FontChange, QEvent.Type.PaletteChange)
        if event is not None and event.type() in kinds and hasattr(self, "_kind") and self._is_other(event):
            self._shown = ()
            self.setMinimumWidth(0)
            self.refresh()

    def _is_other(self, event: QEvent) -> bool:
        """Whether the language, or the theme and not only the colour of its own text, changed."""
        return event.type() != QEvent.Type.PaletteChange or (
            bool(self._shown) and colours_of(self.palette()).dark is not self._shown[4]
        )


def _badness(state: LineState) -> tuple[int, int]:
    return _RANK.index(state.level), -(100 if state.score is None else state.score)


def _brief_text(state: LineState) -> str:
    what = state.word.partition("(")[0].strip()
    if state.state is ConnectionState.CONNECTED:
        what = "" if state.rtt is None else f"{state.rtt * 1000:.0f} ms"
    return f"{HEALTH_SHAPES[state.level]} {line_name(state.ws_type)} {what}".rstrip()


def _spark(scores: HistorySeries, colour: QColor, ground: QColor, ratio: float) -> QIcon:
    """Return the course of a score, 0 at the foot and 100 at the top; broken where nothing was known."""
    picture = QPixmap(SPARK * ratio)
    picture.setDevicePixelRatio(ratio)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    width, height = SPARK.width(), SPARK.height()
    painter.setPen(QPen(ground, HAIRLINE))
    painter.drawLine(QPointF(0, height - 0.5), QPointF(width, height - 0.5))
    painter.setPen(QPen(colour, STROKE))
    now = time.time()
    part = QPolygonF()
    for at, value in (*zip(scores.times, scores.values, strict=True), (now, math.nan)):
        if math.isnan(value):
            if part.count():
                painter.drawPolyline(part)
            part = QPolygonF()
            continue
        x = width * (1 - (now - at) / SPARK_SECONDS)
        part.append(QPointF(x, 1 + (height - 3) * (1 - value / 100)))
    painter.end()
    return QIcon(picture)
