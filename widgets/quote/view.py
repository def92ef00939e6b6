"""Paints a quote: the price, then one figure beside the other with its name above it, in as many rows as it takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PyQt6.QtCore import QEvent, QRectF, QSize, Qt
from PyQt6.QtGui import QColor, QFont, QFontMetrics, QHelpEvent, QPainter
from PyQt6.QtWidgets import QSizePolicy, QToolTip, QWidget

from ..base.focus import paint_focus_frame
from ..base.labels import tip_text
from ..base.look import legible
from ..base.theme import MarketColours, colours_of, number_font
from ..base.tokens import STROKE, space

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PyQt6.QtGui import QPaintEvent

__all__ = ["Figure", "Quote", "QuoteView"]

_LARGE = 1.6  # times the usual type
_RANGE_EMS = 12
_MARK_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with its name.

    Attributes:
        share: where the price stands between two ends, 0 to 1, for a figure that is a range; else None.
        hint: more about it.
    """

    name: str
    value: str
    share: float | None = None
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Quote:
    """What is shown; `rises` is None for a price that has not changed."""

    price: str
    change: str
    rises: bool | None
    figures: tuple[Figure, ...]


class QuoteView(QWidget):
    """Shows one quote; what does not fit into its width goes into the next row."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._quote = Quote("", "", None, ())
        self._market: MarketColours | None = None
        self._dimmed = False
        self._places: list[tuple[QRectF, Figure]] = []
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # so that a screen reader comes by
        self.setFont(number_font(self.font()))

    @property
    def quote(self) -> Quote:
        """What is shown."""
        return self._quote

    def show_quote(self, quote: Quote) -> None:
        """Show another one."""
        if quote == self._quote:
            return
        grows = [figure.name for figure in quote.figures] != [figure.name for figure in self._quote.figures]
        self._quote = quote
        told = [quote.price, quote.change, *(f"{each.name} {each.value}" for each in quote.figures)]
        self.setAccessibleDescription(", ".join(part for part in told if part))
        if grows:
            self.updateGeometry()
        self.update()

    def take_colours(self, market: MarketColours, *, dimmed: bool) -> None:
        """Take colours over; what is out of date is grey and in italics."""
        self._market, self._dimmed = market, dimmed
        self.update()

    def shown_figures(self) -> list[str]:
        """Return the names of the figures that there is room for."""
        return [figure.name for rect, figure in self._laid_out(self.width()) if rect.bottom() <= self.height() + 1]

    # -- where things are ---------------------------------------------------------------------------------------------
    def sizeHint(self) -> QSize:
        """Return two rows of usual length."""
        width = self.fontMetrics().horizontalAdvance("m") * _RANGE_EMS * 4
        return QSize(width, self.heightForWidth(width))

    def minimumSizeHint(self) -> QSize:
        """Return room for the price."""
        return QSize(int(self._head_width()), int(self._row_height()))

    def hasHeightForWidth(self) -> bool:
        """Say that it is higher where it is narrower."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Return the height of all figures."""
        bottoms = [rect.bottom() for rect, _ in self._laid_out(width)]
        return int(max(bottoms, default=0.0) + 1) if bottoms else int(self._row_height())

    def _large(self) -> QFont:
        font = QFont(self.font())
        font.setPointSizeF(font.pointSizeF() * _LARGE)
        font.setBold(True)
        font.setItalic(self._dimmed)
        return font

    def _row_height(self) -> float:
        line = self.fontMetrics().height()
        head = QFontMetrics(self._large()).height() + line
        return float(max(head, 2 * line + space().tiny) + space().small)

    def _head_width(self) -> float:
        price = QFontMetrics(self._large()).horizontalAdvance(self._quote.price or "000,000,000")
        return float(max(price, self.fontMetrics().horizontalAdvance(self._quote.change)) + space().large)

    def _laid_out(self, width: int) -> Iterator[tuple[QRectF, Figure]]:
        metrics, x, y = self.fontMetrics(), self._head_width(), 0.0
        for figure in self._quote.figures:
            need = float(max(metrics.horizontalAdvance(figure.name), metrics.horizontalAdvance(figure.value)))
            if figure.share is not None:
                need = max(need, float(metrics.horizontalAdvance("m") * _RANGE_EMS))
            if x + need > width and x > 0:
                x, y = (0.0, y + self._row_height()) if y or x > self._head_width() else (0.0, self._row_height())
            yield QRectF(x, y, need, self._row_height() - space().tiny), figure
            x += need + space().large

    # -- painting -----------------------------------------------------------------------------------------------------
    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw everything."""
        del event
        colours, market, quote = colours_of(self.palette()), self._market, self._quote
        painter = QPainter(self)
        ink = QColor(colours.text)
        if market is not None and quote.rises is not None and not self._dimmed:
            ink = legible(market.up if quote.rises else market.down, colours.text, colours.window)
        elif self._dimmed:
            ink = QColor(colours.muted)
        large = self._large()
        height = QFontMetrics(large).height()
        painter.setFont(large)
        painter.setPen(ink)
        painter.drawText(QRectF(0, 0, self.width(), height), Qt.AlignmentFlag.AlignVCenter, quote.price)
        font = QFont(self.font())
        font.setItalic(self._dimmed)
        painter.setFont(font)
        line = self.fontMetrics().height()
        painter.drawText(QRectF(0, height, self.width(), line), Qt.AlignmentFlag.AlignVCenter, quote.change)
        self._places = list(self._laid_out(self.width()))
        for rect, figure in self._places:
            painter.setPen(QColor(colours.muted))
            painter.drawText(QRectF(rect.left(), rect.top(), rect.width(), line), 0, figure.name)
            if figure.share is not None:
                self._paint_range(painter, rect, figure.share)
            painter.setPen(QColor(colours.muted if self._dimmed else colours.text))
            place = QRectF(rect.left(), rect.top() + line + space().tiny, rect.width(), line)
            painter.drawText(place, 0, figure.value)
        painter.end()
        paint_focus_frame(self)

    def _paint_range(self, painter: QPainter, rect: QRectF, share: float) -> None:
        """Paint a bar from the lowest to the highest price, with a mark where the present one is."""
        colours = colours_of(self.palette())
        line = self.fontMetrics().height()
        begin = rect.left() + self.fontMetrics().horizontalAdvance("m") * _RANGE_EMS / 2
        bar = QRectF(begin, rect.top() + line / 2 - STROKE / 2, rect.right() - begin, STROKE)
        painter.fillRect(bar, QColor(colours.border))
        size = line * _MARK_SHARE
        x = bar.left() + min(max(share, 0.0), 1.0) * (bar.width() - size)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colours.accent))
        painter.drawEllipse(QRectF(x, rect.top() + line / 2 - size / 2, size, size))

    def event(self, event: QEvent | None) -> bool:
        """Tell more about a figure beside the mouse."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            for rect, figure in self._places:
                if figure.hint and rect.contains(event.pos().toPointF()):
                    QToolTip.showText(event.globalPos(), tip_text(figure.hint), self)
                    return True
            QToolTip.hideText()
            return True
        return super().event(event)
