"""The word over each panel of a replay, so that no picture of one can be taken for the present."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import QEvent, QObject, Qt
from PyQt6.QtGui import QColor, QFontMetricsF, QPainter
from PyQt6.QtWidgets import QWidget

from ..base.text import tr
from ..base.theme import colours_of
from ..base.tokens import WATERMARK_SHARE, WATERMARK_WEIGHT

if TYPE_CHECKING:
    from PyQt6.QtGui import QPaintEvent

__all__ = ["Watermark"]


class Watermark(QWidget):
    """Lies over a widget, as large as it; mouse and keyboard go through."""

    def __init__(self, over: QWidget) -> None:
        super().__init__(over)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAccessibleName(tr("REPLAY"))
        over.installEventFilter(self)
        self._fit()

    def _fit(self) -> None:
        over = self.parentWidget()
        if over is not None:
            self.setGeometry(over.rect())
            self.raise_()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Stay as large as what lies below, and above whatever comes later."""
        if event is not None and event.type() in (QEvent.Type.Resize, QEvent.Type.Show, QEvent.Type.ChildPolished):
            self._fit()
        return super().eventFilter(watched, event)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Write the word across."""
        del event
        painter, text = QPainter(self), tr("REPLAY")
        font = self.font()
        font.setBold(True)
        wide = QFontMetricsF(font).horizontalAdvance(text)
        room = min(self.width() * WATERMARK_SHARE, self.height() * len(text) * WATERMARK_SHARE)
        if wide and room > wide:
            font.setPointSizeF(font.pointSizeF() * room / wide)
        colour = QColor(colours_of(self.palette()).replay)
        colour.setAlphaF(WATERMARK_WEIGHT)
        painter.setFont(font)
        painter.setPen(colour)
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, text)
        painter.end()

    def changeEvent(self, event: QEvent | None) -> None:
        """Be said in another language."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.LanguageChange:
            self.setAccessibleName(tr("REPLAY"))
            self.update()
