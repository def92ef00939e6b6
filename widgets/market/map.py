"""The market map: each market a box as large as what is traded in it, coloured by its change."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from PyQt6.QtCore import QEvent, QPointF, QRectF, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QFont, QHelpEvent, QPainter, QPen, QPixmap
from PyQt6.QtWidgets import QComboBox, QToolTip, QVBoxLayout, QWidget

from upbit_ws_qt import Phrase

from ..base.focus import paint_focus_frame
from ..base.labels import contained
from ..base.look import blend, legible
from ..base.market_marks import market_marks, marks_hint
from ..base.price_format import price_text, short_money_text
from ..base.spacing import spaced
from ..base.text import Language, current_language, mark, tr
from ..base.theme import number_font
from ..base.tokens import BOLD_STROKE, CHART_LEAST, HAIRLINE, space
from .board import Wish
from .board_panel import BoardPanel, QuoteBox
from .movers import SPAN_TITLES, change_over
from .rows import change_text
from .treemap import Box, treemap

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from PyQt6.QtGui import QKeyEvent, QMouseEvent, QPaintEvent, QResizeEvent

    from upbit_ws_qt import TickerEvent, WebSocketService

    from ..base.market_catalog import Market, MarketCatalog
    from ..base.theme import Colours, MarketColours

__all__ = ["MarketMapWidget", "Tile", "ground_of"]

_FULL = {0: 0.05, 60: 0.02, 5: 0.01, 1: 0.005}
"""The change at which a colour is at its strongest, by minutes."""
_LEAST_WEIGHT, _MOST_WEIGHT = 0.1, 0.52
_MOVES = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}
_LARGEST_TYPE = 2.4  # times the usual size


class Tile(NamedTuple):
    """One market of the map; `change` is None where it is not known."""

    market: Market
    event: TickerEvent
    change: Decimal | None
    hint: str


def ground_of(change: Decimal | None, full: float, market: MarketColours, colours: Colours) -> QColor:
    """Return the colour of a box.

    Args:
        change: 0.01 is 1 %; None where it is not known.
        full: at and beyond which change the colour is at its strongest.
        market: the colours of rising and falling.
        colours: the theme.
    """
    if not change:
        return blend(colours.muted, colours.base, _LEAST_WEIGHT)
    weight = _LEAST_WEIGHT + (_MOST_WEIGHT - _LEAST_WEIGHT) * min(1.0, abs(float(change)) / full)
    return blend(market.up if change > 0 else market.down, colours.base, weight)


class _MapView(QWidget):
    """Paints tiles; the mouse and the arrow keys choose one."""

    chosen = pyqtSignal(str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._tiles: Sequence[Tile] = ()
        self._boxes: list[Box] = []
        self._full = _FULL[0]
        self._linked = self._current = ""
        self._dimmed = False
        self._colours: tuple[MarketColours, Colours] | None = None
        self._picture: QPixmap | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(*CHART_LEAST)
        self.setFont(number_font(self.font()))

    @property
    def tiles(self) -> Sequence[Tile]:
        """What is shown, the largest first."""
        return self._tiles

    @property
    def current(self) -> str:
        """The market that the keyboard is at."""
        return self._current

    def show_tiles(self, tiles: Sequence[Tile], full: float, linked: str) -> None:
        """Show other tiles; `linked` is the market that the panels show."""
        self._tiles, self._full, self._linked = tiles, full, linked
        self._lay_out()

    def take_colours(self, market: MarketColours, colours: Colours, *, dimmed: bool) -> None:
        """Take colours over."""
        self._colours, self._dimmed = (market, colours), dimmed
        self._picture = None
        self.update()

    def box_of(self, code: str) -> QRectF:
        """Return where a market is; empty where it is not shown."""
        place = self._place_of(code)
        return QRectF() if place < 0 else QRectF(*self._boxes[place])

    def _lay_out(self) -> None:
        area = Box(0.0, 0.0, float(self.width()), float(self.height()))
        self._boxes = treemap([float(tile.event.acc_trade_price_24h) for tile in self._tiles], area)
        self._picture = None
        self.update()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Fill the new room."""
        super().resizeEvent(event)
        self._lay_out()

    # -- painting -----------------------------------------------------------------------------------------------------
    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint the tiles from a picture of them, and what is marked over it."""
        del event
        if self._colours is None:
            return
        ratio = self.devicePixelRatioF()
        if self._picture is None or self._picture.devicePixelRatioF() != ratio:
            self._picture = self._drawn(*self._colours, ratio)
        colours = self._colours[1]
        painter = QPainter(self)
        painter.drawPixmap(QPointF(), self._picture)
        for code, ink, stroke in (
            (self._linked, colours.accent, 2 * BOLD_STROKE),
            (self._current if self.hasFocus() else "", colours.text, BOLD_STROKE),
        ):
            box = self.box_of(code)
            if not box.isEmpty():
                painter.setPen(QPen(QColor(ink), stroke))
                half = stroke / 2
                painter.drawRect(box.adjusted(half, half, -half, -half))
        painter.end()
        paint_focus_frame(self)

    def _drawn(self, market: MarketColours, colours: Colours, ratio: float) -> QPixmap:
        picture = QPixmap(self.size() * ratio)
        picture.setDevicePixelRatio(ratio)
        picture.fill(QColor(colours.base))
        painter = QPainter(picture)
        for tile, box in zip(self._tiles, self._boxes, strict=True):
            change = None if self._dimmed else tile.change
            ground = ground_of(change, self._full, market, colours)
            rect = QRectF(*box).adjusted(0, 0, -HAIRLINE, -HAIRLINE)
            painter.fillRect(rect, ground)
            self._write(
                painter, rect, tile, legible(colours.muted if self._dimmed else colours.text, colours.text, ground)
            )
        painter.end()
        return picture

    def _write(self, painter: QPainter, rect: QRectF, tile: Tile, ink: QColor) -> None:
        """Write the coin as large as its box allows, and below it its change, where there is room."""
        inside = rect.adjusted(space().tiny, space().tiny, -space().tiny, -space().tiny)
        base, metrics = tile.market.base, self.fontMetrics()
        width = metrics.horizontalAdvance(base)
        share = min(inside.width() / max(1, width), inside.height() / metrics.height(), _LARGEST_TYPE) * 0.8
        if min(share, 1.0) * metrics.height() > inside.height() or share < 0.75:
            return
        font = QFont(self.font())
        font.setPointSizeF(max(font.pointSizeF() * min(max(share, 0.8), _LARGEST_TYPE * 0.8), 1.0))
        font.setBold(True)
        font.setItalic(self._dimmed)
        painter.setFont(font)
        painter.setPen(ink)
        line = painter.fontMetrics().height()
        more = change_text(tile.change)
        both = line + metrics.height() <= inside.height() and metrics.horizontalAdvance(more) <= inside.width()
        top = QRectF(inside)
        if both:
            top.setHeight((inside.height() + line - metrics.height()) / 2)
            painter.drawText(top, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignBottom, base)
            painter.setFont(self.font())
            below = QRectF(inside.left(), top.bottom(), inside.width(), inside.bottom() - top.bottom())
            painter.drawText(below, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop, more)
        else:
            painter.drawText(inside, Qt.AlignmentFlag.AlignCenter, base)

    # -- mouse and keyboard -------------------------------------------------------------------------------------------
    def _place_of(self, code: str) -> int:
        return next((place for place, tile in enumerate(self._tiles) if tile.market.code == code), -1)

    def _tile_at(self, place: QPointF) -> Tile | None:
        found = (tile for tile, box in zip(self._tiles, self._boxes, strict=True) if QRectF(*box).contains(place))
        return next(found, None)

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Point at a tile."""
        tile = None if event is None else self._tile_at(event.position())
        if tile is not None:
            self._point_at(tile)

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:
        """Choose a tile."""
        tile = None if event is None else self._tile_at(event.position())
        if tile is not None:
            self.chosen.emit(tile.market.code)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Arrows go to the next tile that way, Enter chooses the one they are at."""
        if event is None or not self._tiles:
            return
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._place_of(self._current) >= 0:
            self.chosen.emit(self._current)
        elif event.key() in _MOVES:
            self._step(*_MOVES[Qt.Key(event.key())])
        else:
            super().keyPressEvent(event)

    def _step(self, right: int, down: int) -> None:
        here = self.box_of(self._current)
        if here.isEmpty():
            self._point_at(self._tiles[0])
            return
        centre = here.center()
        best: tuple[float, Tile] | None = None
        for tile, box in zip(self._tiles, self._boxes, strict=True):
            way = QRectF(*box).center() - centre
            along, across = way.x() * right + way.y() * down, abs(way.x() * down) + abs(way.y() * right)
            if along > 0 and tile.market.code != self._current:
                far = along + 2 * across
                if best is None or far < best[0]:
                    best = far, tile
        if best is not None:
            self._point_at(best[1])

    def _point_at(self, tile: Tile) -> None:
        self._current = tile.market.code
        self.setAccessibleDescription(tile.hint.replace("\n", ". "))
        self.update()

    def event(self, event: QEvent | None) -> bool:
        """Tell beside the mouse what a tile is."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            tile = self._tile_at(QPointF(event.pos()))
            if tile is not None:
                QToolTip.showText(event.globalPos(), tile.hint, self)
            else:
                QToolTip.hideText()
            return True
        return super().event(event)


class MarketMapWidget(BoardPanel):
    """All markets of a currency at once, as boxes: the area is the value traded in 24 hours, the colour the change.

    Example:
        >>> market_map = MarketMapWidget(service, MarketCatalog(service.rest))
        >>> market_map.set_span(60)
        >>> market_map.symbolSelected.connect(print)

    Args:
        service: where the data come from.
        catalog: which markets there are.
        parent: of the widget.

    Signals:
        symbolSelected(str): a box was double-clicked, or Enter pressed on it.
    """

    def __init__(self, service: WebSocketService, catalog: MarketCatalog, parent: QWidget | None = None) -> None:
        super().__init__(service, catalog, parent)
        self._marks = market_marks(service)
        self.quotes = QuoteBox(service.config.region, self)
        self.spans = contained(QComboBox(self))
        for minutes in SPAN_TITLES:
            self.spans.addItem("", minutes)
        self.view = _MapView(self.body)
        self.view.chosen.connect(self.symbolSelected)
        for box in (self.spans, self.quotes):
            box.currentIndexChanged.connect(self.rewish)
            self.tools.addWidget(box)
        self.tools.addStretch()
        layout = QVBoxLayout(self.body)
        spaced(layout)
        layout.addWidget(self.view)
        self.begin_at(self.view)
        self.retranslate()
        self.restyle()

    def set_span(self, minutes: int) -> None:
        """Colour by the change over so many minutes (1, 5, 60), or (0) of the day; any other number changes nothing."""
        place = self.spans.findData(minutes)
        if place >= 0:
            self.spans.setCurrentIndex(place)

    # -- hooks --------------------------------------------------------------------------------------------------------
    def wish(self) -> Wish:
        """Want tickers, and for a short span what was in the last hour."""
        codes = [market.code for market in self.markets_of(self.quotes.currentText())]
        return Wish.of(codes, hour=bool(self.spans.currentData()))

    def refresh(self) -> None:
        """Lay the boxes out, the largest first."""
        minutes, now = int(self.spans.currentData()), self.board.now
        tiles = []
        for market in self.markets_of(self.quotes.currentText()):
            figures = self.board.of(market.code)
            if figures.event is not None and figures.event.acc_trade_price_24h > 0:
                change = change_over(figures, minutes, now)
                tiles.append(Tile(market, figures.event, change, self._hint(market, figures.event, change)))
        tiles.sort(key=lambda tile: tile.event.acc_trade_price_24h, reverse=True)
        self.view.show_tiles(tiles, _FULL[minutes], self.linked)

    def _hint(self, market: Market, event: TickerEvent, change: Decimal | None) -> str:
        korean = current_language() is Language.KOREAN
        value = short_money_text(event.acc_trade_price_24h, korean=korean)
        lines = [
            f"{market.name} · {market.code}",
            f"{price_text(market.code, event.trade_price)}  {change_text(change)}",
            tr("24 h value ({currency})", currency=market.quote) + f" {value}",
        ]
        marks = self._marks.of(market.code)
        if marks:
            lines.append(marks_hint(marks))
        if market.code == self.linked:
            lines.append(tr("The panels show this market."))
        return "\n".join(lines)

    def retranslate(self) -> None:
        """Say everything anew."""
        self.setAccessibleName(tr("Market map"))
        self.view.setAccessibleName(tr("Market map"))
        for place, title in enumerate(SPAN_TITLES.values()):
            self.spans.setItemText(place, tr(title))
        self.spans.setAccessibleName(tr("Over which time"))
        self.spans.setToolTip(tr("Over which time"))
        self.quotes.say()
        if not self.had_data:
            self.show_loading(Phrase(mark("Waiting for the connection…")))
        self.refresh()

    def restyle(self) -> None:
        """Take colours over."""
        if hasattr(self, "view"):
            self.view.take_colours(self.market_colours, self.colours, dimmed=self.dimmed)
