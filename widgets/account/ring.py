"""A ring that shows what the account's value consists of."""

from __future__ import annotations

from math import atan2, tau
from typing import TYPE_CHECKING, NamedTuple

from PyQt6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PyQt6.QtGui import QColor, QHelpEvent, QPainter, QPen
from PyQt6.QtWidgets import QSizePolicy, QToolTip, QWidget

from ..base.focus import paint_focus_frame
from ..base.ink import CURVE_COLOURS, curve_colour
from ..base.labels import tip_text
from ..base.theme import colours_of, number_font
from ..base.tokens import STROKE, space

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PyQt6.QtGui import QPaintEvent

__all__ = ["AllocationRing", "Share"]

_HOLE = 0.6  # of the outer radius
_TURN = 360 * 16  # Qt's degrees
_TOP = 90 * 16
_LEAST_EMS = 8
_USUAL_EMS = 11


class Share(NamedTuple):
    """One part: what it is, its share of the whole (0 to 1), and what stands beside the mouse."""

    name: str
    part: float
    hint: str


class AllocationRing(QWidget):
    """Shows shares as parts of a ring, the largest first, with their names beside it; none is told by colour alone.

    Example:
        >>> ring = AllocationRing()
        >>> ring.show_shares([Share("BTC", 0.75, "BTC 75.0%"), Share("KRW", 0.25, "KRW 25.0%")])
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shares: tuple[Share, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Expanding)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # so that a screen reader comes by
        self.setFont(number_font(self.font()))

    @property
    def shares(self) -> tuple[Share, ...]:
        """What is shown."""
        return self._shares

    def show_shares(self, shares: Sequence[Share]) -> None:
        """Show other shares, largest first; as many as there are colours."""
        shown = tuple(shares[:CURVE_COLOURS])
        if shown != self._shares:
            self._shares = shown
            self.setAccessibleDescription(", ".join(share.hint for share in shown))
            self.update()

    def sizeHint(self) -> QSize:
        """Return room for the ring, and the names below it."""
        em = self.fontMetrics().horizontalAdvance("m")
        return QSize(em * _USUAL_EMS, em * _USUAL_EMS)

    def minimumSizeHint(self) -> QSize:
        """Return room for a small ring."""
        em = self.fontMetrics().horizontalAdvance("m")
        return QSize(em * _LEAST_EMS, em * _LEAST_EMS)

    def share_at(self, place: QPointF) -> Share | None:
        """Return the share whose part or name is at a place; None where none is."""
        for rect, share in self._names():
            if rect.contains(place):
                return share
        ring, turned = self._ring(), 0.0
        offset = place - ring.center()
        radius = (offset.x() ** 2 + offset.y() ** 2) ** 0.5
        if not ring.width() / 2 * _HOLE <= radius <= ring.width() / 2:
            return None
        angle = (atan2(offset.x(), -offset.y()) % tau) / tau  # from the top, clockwise
        for share in self._shares:
            turned += share.part
            if angle <= turned:
                return share
        return None

    def _ring(self) -> QRectF:
        gap = space().small
        side = max(1.0, min(self.width() - 2 * gap, self.height() - self._legend_height() - 2 * gap))
        return QRectF((self.width() - side) / 2, gap, side, side)

    def _legend_height(self) -> float:
        """Return what the names take: as many lines as there are shares, and half of the height at most."""
        line = self.fontMetrics().height() + space().tiny
        return min(float(line * len(self._shares)), self.height() / 2)

    def _names(self) -> list[tuple[QRectF, Share]]:
        line = self.fontMetrics().height() + space().tiny
        top = self._ring().bottom() + space().small
        fit = max(0, int((self.height() - top) / line))
        rects = (QRectF(space().small, top + at * line, self.width() - space().small, line) for at in range(fit))
        return list(zip(rects, self._shares, strict=False))

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw the ring and the names."""
        del event
        colours = colours_of(self.palette())
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ring, base = self._ring(), QColor(colours.base)
        if ring.width() > space().large:
            begin = _TOP
            for number, share in enumerate(self._shares):
                span = -round(share.part * _TURN)
                painter.setPen(QPen(base, STROKE))
                painter.setBrush(curve_colour(number, colours))
                painter.drawPie(ring, begin, span)
                begin += span
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self.palette().window())
            inset = ring.width() / 2 * (1 - _HOLE)
            painter.drawEllipse(ring.adjusted(inset, inset, -inset, -inset))
        side = self.fontMetrics().ascent()
        for number, (rect, share) in enumerate(self._names()):
            painter.fillRect(
                QRectF(rect.left(), rect.center().y() - side / 2, side, side), curve_colour(number, colours)
            )
            painter.setPen(QColor(colours.text))
            room = rect.adjusted(side + space().small, 0, 0, 0)
            text = self.fontMetrics().elidedText(
                f"{share.name} {share.part * 100:.1f}%", Qt.TextElideMode.ElideRight, int(room.width())
            )
            painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)
        painter.end()
        paint_focus_frame(self)

    def event(self, event: QEvent | None) -> bool:
        """Say beside the mouse what it points at."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            share = self.share_at(QPointF(event.pos()))
            if share is None:
                QToolTip.hideText()
            else:
                QToolTip.showText(event.globalPos(), tip_text(share.hint), self)
            return True
        return super().event(event)
