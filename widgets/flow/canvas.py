"""What the pictures of order flow have in common: colours, a pointer by mouse and keyboard, a frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import QPointF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QPainter, QPen
from PyQt6.QtWidgets import QSizePolicy, QWidget

from ..base.look import market_colours_of
from ..base.theme import colours_of, number_font
from ..base.tokens import FLOW_LEAST, FRAME

if TYPE_CHECKING:
    from PyQt6.QtCore import QEvent
    from PyQt6.QtGui import QFocusEvent, QMouseEvent, QPaintEvent

    from ..base.theme import Colours, MarketColours

__all__ = ["FlowCanvas"]


class FlowCanvas(QWidget):
    """A picture that is painted by hand; `told` says what is under the pointer.

    Signals:
        told(str): what is under the pointer now, in the language in force; "" for nothing.
    """

    told = pyqtSignal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setFont(number_font(self.font()))
        self.dimmed = False
        self.pointer: QPointF | None = None

    @property
    def colours(self) -> Colours:
        """The theme in force."""
        return colours_of(self.palette())

    @property
    def market(self) -> MarketColours:
        """The colours of buyers and sellers."""
        return market_colours_of(self.palette())

    def sizeHint(self) -> QSize:
        """Take what there is."""
        return QSize(*FLOW_LEAST) * 2

    def minimumSizeHint(self) -> QSize:
        """Stand in the way of nothing."""
        return QSize(*FLOW_LEAST)

    # -- hooks --------------------------------------------------------------------------------------------------------
    def draw(self, painter: QPainter) -> None:
        """Paint the picture."""
        raise NotImplementedError

    def tell(self) -> str:
        """Say what is under the pointer."""
        return ""

    # -- inside -------------------------------------------------------------------------------------------------------
    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint ground, picture, and where the keyboard is."""
        del event
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(self.colours.base))
        if self.dimmed:
            painter.setOpacity(0.5)
        self.draw(painter)
        painter.setOpacity(1.0)
        if self.hasFocus():
            painter.setPen(QPen(QColor(self.colours.accent), FRAME))
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()

    def point_at(self, place: QPointF | None) -> None:
        """Tell about another place; None for none."""
        self.pointer = place
        words = "" if place is None else self.tell()
        self.setAccessibleDescription(words)
        self.told.emit(words)
        self.update()

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Tell about what is under the mouse."""
        if event is not None:
            self.point_at(event.position())

    def leaveEvent(self, event: QEvent | None) -> None:
        """Tell about nothing."""
        super().leaveEvent(event)
        self.point_at(None)

    def focusInEvent(self, event: QFocusEvent | None) -> None:
        """Show that keys come here."""
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent | None) -> None:
        """Show that they do not."""
        super().focusOutEvent(event)
        self.update()
