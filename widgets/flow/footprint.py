"""Footprint candles: what takers bought and sold at each price, its average by volume, its sums and its profile."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from PyQt6.QtCore import QPointF, QRectF, Qt, QTimer, pyqtSlot
from PyQt6.QtGui import QColor, QPainter, QPen, QPolygonF
from PyQt6.QtWidgets import QComboBox, QPushButton, QVBoxLayout

from ..base.kst import kst_clock
from ..base.look import blend
from ..base.market_panel import MarketPanel
from ..base.panel import plain_label
from ..base.price_format import brief_text, full_text, price_text, tick_size, volume_decimals, volume_text
from ..base.spacing import Step, spaced
from ..base.text import mark, tr
from ..base.tokens import (
    BAR_WEIGHT,
    BOLD_STROKE,
    FLOW_COLUMN,
    FLOW_DELTA,
    FLOW_PROFILE,
    FRAME,
    HAIRLINE,
    STROKE,
    TINT_WEIGHT,
    space,
)
from ..base.units import unit_text
from .canvas import FlowCanvas
from .feed import TradeFeed
from .volume import Footprints, Row, VolumeProfile

if TYPE_CHECKING:
    from collections.abc import Iterable

    from PyQt6.QtGui import QKeyEvent, QMouseEvent, QWheelEvent
    from PyQt6.QtWidgets import QWidget

    from upbit_ws_qt import Channel, Subscription, TradeEvent, WebSocketService

    from .trades import FlowTrade
    from .volume import Bar

__all__ = ["FootprintWidget"]

_PACE_MS = 100
UNIT_SECONDS = {"1m": 60, "3m": 180, "5m": 300, "15m": 900, "60m": 3600}
STEPS = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
"""Ticks in a row; 0 chooses so many that the rows can be read."""
_BANDS = (1, 2)
"""Deviations from the average at which lines are drawn."""
_RANGES = (mark("Profile: visible"), mark("Profile: all"))
_CELL_DIGITS = 3
"""Digits of a volume in a cell; the line below has all of them."""
_ZOOM = 1.25
_SHIFTS = {Qt.Key.Key_Left: 1, Qt.Key.Key_Right: -1, Qt.Key.Key_PageUp: 10, Qt.Key.Key_PageDown: -10}


class FootprintWidget(MarketPanel):
    """Candles of what was sold × bought at each price: imbalance, point of control, delta and its sum, VWAP, profile.

    All sums are exact; the trades are the live ones and, before them, those that REST has (in a replay: the recording),
    and the panel says which part is from where. By keyboard the arrows scroll, + and - zoom, Home goes to the newest.

    Example:
        >>> footprint = FootprintWidget(service, "KRW-BTC")
        >>> footprint.set_unit("5m")
        >>> footprint.show()

    Args:
        service: where the trades come from.
        symbol: market code; None waits for `set_symbol`.
        parent: of the widget.
    """

    def __init__(self, service: WebSocketService, symbol: str | None = None, parent: QWidget | None = None) -> None:
        super().__init__(service, symbol, "footprint", parent)
        self.feed = TradeFeed(service, self)
        self.canvas = _FootprintCanvas(self.body)
        self.units, self.steps, self.range = (QComboBox(self) for _ in range(3))
        for unit in UNIT_SECONDS:
            self.units.addItem("", unit)
        for step in STEPS:
            self.steps.addItem("", step)
        for _ in _RANGES:
            self.range.addItem("")
        self.earlier = QPushButton(self)
        self.units.activated.connect(lambda place: self.set_unit(self.units.itemData(place)))
        self.steps.activated.connect(lambda place: self.canvas.set_ticks(self.steps.itemData(place)))
        self.range.activated.connect(lambda place: self.canvas.set_whole_profile(bool(place)))
        self.earlier.clicked.connect(lambda: self.feed.ask_earlier())
        self.tools.addStretch()
        for tool in (self.units, self.steps, self.range, self.earlier):
            self.tools.addWidget(tool)
        self.note = plain_label("", self.body)
        layout = QVBoxLayout(self.body)
        spaced(layout, Step.TINY)
        layout.addWidget(self.canvas, 1)
        layout.addWidget(self.note)
        self.begin_at(self.canvas)
        self._pace = QTimer(self)
        self._pace.setSingleShot(True)
        self._pace.setInterval(_PACE_MS)
        self._pace.timeout.connect(self._on_pace)
        self.feed.added.connect(self._on_added)
        self.feed.cleared.connect(self.canvas.clear)
        self.feed.changed.connect(self._on_feed)
        self.canvas.told.connect(lambda _words: self._show_note())
        self.retranslate()
        self.restyle()

    @property
    def unit(self) -> str:
        """Length of a candle."""
        return self.canvas.unit

    def set_unit(self, unit: str) -> None:
        """Show candles of another length, "1m" to "60m"; any other is a ValueError."""
        if unit not in UNIT_SECONDS:
            raise ValueError(f"unit must be one of {', '.join(UNIT_SECONDS)}, not {unit!r:.20}")
        self.units.setCurrentIndex(list(UNIT_SECONDS).index(unit))
        self.canvas.set_unit(unit, self.feed.trades.all)

    # -- hooks --------------------------------------------------------------------------------------------------------
    def subscribe(self) -> Iterable[Subscription]:
        """Want each trade; what went before is asked for when the first has come."""
        self.canvas.set_market(self.symbol)
        self.feed.begin(self.symbol)
        yield self.proxy.subscribe_trade(self.symbol, self._on_trade)

    def main_channel(self) -> Channel:
        """Be about the trades."""
        return self.service.trade(self.symbol)

    def forget(self) -> None:
        """Begin without trades."""
        self.canvas.set_market(self.symbol)
        self.feed.begin(self.symbol)

    def _on_trade(self, event: TradeEvent) -> None:
        if event.code == self.symbol:
            self.feed.take(event)
            self.arrived(event)

    @pyqtSlot(object)
    def _on_added(self, trades: list[FlowTrade]) -> None:
        self.canvas.add(trades)
        if not self._pace.isActive():
            self._pace.start()

    @pyqtSlot()
    def _on_feed(self) -> None:
        self.earlier.setEnabled(not self.feed.is_asking and not self.feed.is_complete)
        self._show_note()

    @pyqtSlot()
    def _on_pace(self) -> None:
        self.canvas.update()
        self._show_note()

    def _show_note(self) -> None:
        """Say what is under the pointer, or else which trades these are."""
        told = "" if self.canvas.pointer is None else self.canvas.tell()
        self.note.setText(told or self.feed.words())

    # -- looks --------------------------------------------------------------------------------------------------------
    def retranslate(self) -> None:
        """Name everything."""
        self.setAccessibleName(tr("Footprint"))
        self.canvas.setAccessibleName(tr("Footprint of {symbol}", symbol=self.symbol))
        for place, unit in enumerate(UNIT_SECONDS):
            self.units.setItemText(place, unit_text(unit))
        for place, step in enumerate(STEPS):
            self.steps.setItemText(place, tr("%n ticks", step) if step else tr("Rows to be read"))
        for place, words in enumerate(_RANGES):
            self.range.setItemText(place, tr(words))
        self.units.setAccessibleName(tr("Candle unit"))
        self.steps.setAccessibleName(tr("Height of a row"))
        self.range.setAccessibleName(tr("Range of the profile"))
        self.earlier.setText(tr("Earlier"))
        self.earlier.setToolTip(tr("Load earlier trades"))
        self._show_note()

    def restyle(self) -> None:
        """Take colours and dimming over."""
        if hasattr(self, "canvas"):
            self.canvas.dimmed = self.dimmed
            self.canvas.update()


class _Layout(NamedTuple):
    """Where everything is in a picture.

    Attributes:
        bars: with their places among all, those that can be seen, oldest first.
        low: lower edge of the lowest row.
        step: of a row.
        rows: how many.
        row: height of one, in points.
        left: of the first bar.
        foot: lower edge of the bars.
    """

    bars: list[tuple[int, Bar]]
    low: Decimal
    step: Decimal
    rows: int
    row: float
    left: float
    foot: float

    def y_of(self, price: Decimal | float) -> float:
        """Return how far down the lower edge of a price is."""
        return self.foot - float((Decimal(price) - self.low) / self.step) * self.row


class _FootprintCanvas(FlowCanvas):
    """Draws bars, averages, the sum of deltas below and the profile at the right."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.unit = "1m"
        self.footprints = Footprints(60)
        self.profile = VolumeProfile()
        self._code = ""
        self._ticks = 0
        self._whole = False
        self._column = float(FLOW_COLUMN[1])
        self._back = 0  # bars that the newest shown one lies behind the newest
        self._drag: tuple[float, int] | None = None
        self._changed = True
        self._lines: tuple[list[Decimal], list[tuple[Decimal, Decimal]]] = ([], [])

    # -- what is drawn ------------------------------------------------------------------------------------------------
    def set_market(self, code: str) -> None:
        """Draw another market."""
        self._code = code

    def clear(self) -> None:
        """Draw nothing."""
        self.footprints, self.profile = Footprints(UNIT_SECONDS[self.unit]), VolumeProfile()
        self._back, self._changed = 0, True
        self.update()

    def set_unit(self, unit: str, trades: Iterable[FlowTrade]) -> None:
        """Draw bars of another length."""
        self.unit = unit
        self.clear()
        self.add(trades)

    def add(self, trades: Iterable[FlowTrade]) -> None:
        """Take trades in, in whatever order; painted when `update` is called next."""
        before = len(self.footprints.bars)
        newest = self.footprints.bars[-1].start if before else 0
        for trade in trades:
            self.footprints.take(trade)
            self.profile.take(trade)
        if self._back:  # who looks at the past goes on to look at it
            self._back += sum(bar.start > newest for bar in self.footprints.bars[-10:]) if newest else 0
        self._changed = True
        self.update()

    def set_ticks(self, ticks: int) -> None:
        """Put so many ticks into a row; 0 for as many as can be read."""
        self._ticks = ticks
        self.update()

    def set_whole_profile(self, whole: bool) -> None:
        """Draw the profile of all that is known, or of what can be seen."""
        self._whole = whole
        self.update()

    def layout_now(self) -> _Layout | None:
        """Return where everything is; None where there is nothing to draw."""
        bars = self.footprints.bars
        room = self.width() - FLOW_PROFILE - self._axis_width
        count = max(1, int(room // self._column))
        self._back = min(self._back, max(0, len(bars) - 1))
        end = len(bars) - self._back
        shown = list(enumerate(bars))[max(0, end - count) : end]
        if not shown:
            return None
        high, low = max(bar.high for _, bar in shown), min(bar.low for _, bar in shown)
        foot = float(self.height() - FLOW_DELTA - 2 * self.fontMetrics().height())
        tick = tick_size(self._code, high)
        step = tick * (self._ticks or self._fitting(float((high - low) / tick) + 1, foot))
        edge = low // step * step
        rows = int((high - edge) / step) + 1
        height = min(foot / rows, 2.0 * self.fontMetrics().height())
        foot -= (foot - rows * height) / 2
        return _Layout(shown, edge, step, rows, height, room - len(shown) * self._column, foot)

    def _fitting(self, ticks: float, room: float) -> int:
        most = max(1.0, room / self.fontMetrics().height())
        return next((step for step in STEPS[1:] if ticks / step <= most), STEPS[-1])

    @property
    def _axis_width(self) -> float:
        widest = price_text(self._code, self.footprints.bars[-1].high) if self.footprints.bars else ""
        return self.fontMetrics().horizontalAdvance(widest) + 2.0 * space().small

    def draw(self, painter: QPainter) -> None:
        """Draw everything."""
        layout = self.layout_now()
        if layout is None:
            return
        if self._changed:
            self._changed = False
            self._lines = self.footprints.cumulative(), self.footprints.averages()
        rows = {number: bar.rows(layout.step) for number, bar in layout.bars}
        most = max((row.cell.total for each in rows.values() for row in each), default=Decimal(1)) or Decimal(1)
        self._draw_axis(painter, layout)
        for place, (number, bar) in enumerate(layout.bars):
            self._draw_bar(painter, layout, layout.left + place * self._column, bar, rows[number], most)
        self._draw_average(painter, layout)
        self._draw_delta(painter, layout)
        self._draw_profile(painter, layout)

    def _draw_axis(self, painter: QPainter, layout: _Layout) -> None:
        left = self.width() - self._axis_width
        every = max(1, round(2 * self.fontMetrics().height() / layout.row))
        for number in range(0, layout.rows, every):
            price = layout.low + layout.step * number
            y = layout.y_of(price)
            painter.setPen(QColor(self.colours.grid))
            painter.drawLine(QPointF(0, y), QPointF(left, y))
            painter.setPen(QColor(self.colours.muted))
            area = QRectF(left, y - layout.row, self._axis_width - space().small, layout.row)
            painter.drawText(
                area, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextDontClip,
                price_text(self._code, price),
            )  # fmt: skip

    def _draw_bar(self, painter: QPainter, layout: _Layout, x: float, bar: Bar, rows: list[Row], most: Decimal) -> None:
        up, down, base = self.market.up, self.market.down, self.colours.base
        width, air = self._column - space().tiny, space().tiny
        control = VolumeProfile.control(rows)
        readable = layout.row >= self.fontMetrics().height() * 0.9
        half = width / 2
        for row in rows:
            top = layout.y_of(row.price) - layout.row
            for value, is_buy in ((row.cell.sold, False), (row.cell.bought, True)):
                share = float(value / most) ** 0.5  # small ones are told apart, too
                colour = blend(up if is_buy else down, base, TINT_WEIGHT + share * 2 * BAR_WEIGHT)
                area = QRectF(x + half * is_buy, top, half, layout.row - FRAME)
                painter.fillRect(area, colour)
                text = brief_text(value, _CELL_DIGITS)
                ahead = row.buyers_ahead if is_buy else row.sellers_ahead
                if ahead:
                    painter.setPen(QPen(QColor(up if is_buy else down), HAIRLINE))
                    painter.drawLine(area.topLeft(), area.bottomLeft()) if not is_buy else painter.drawLine(
                        area.topRight(), area.bottomRight()
                    )
                if value and readable and self.fontMetrics().horizontalAdvance(text) <= half - 2 * air:
                    side = Qt.AlignmentFlag.AlignLeft if is_buy else Qt.AlignmentFlag.AlignRight
                    painter.setPen(QColor(self.colours.text))
                    painter.drawText(area.adjusted(air, 0, -air, 0), side | Qt.AlignmentFlag.AlignVCenter, text)
            if row is control:
                painter.setPen(QPen(QColor(self.colours.accent), STROKE))
                painter.drawRect(QRectF(x, top, width, layout.row - FRAME))
        colour = QColor(up if bar.close >= bar.opening else down)
        painter.setPen(QPen(colour, BOLD_STROKE))
        middle = layout.row / 2
        painter.drawLine(QPointF(x, layout.y_of(bar.opening) - middle), QPointF(x, layout.y_of(bar.close) - middle))
        text = kst_clock(bar.start * 1000)[:5]
        if self.fontMetrics().horizontalAdvance(text) <= width:
            painter.setPen(QColor(self.colours.muted))
            line = self.fontMetrics().height()
            painter.drawText(QRectF(x, self.height() - line, width, line), Qt.AlignmentFlag.AlignCenter, text)

    def _draw_average(self, painter: QPainter, layout: _Layout) -> None:
        averages = self._lines[1]
        for times in (0, *_BANDS, *(-each for each in _BANDS)):
            points = []
            for place, (number, _) in enumerate(layout.bars):
                price, deviation = averages[number]
                y = layout.y_of(price + times * deviation) - layout.row / 2
                points.append(QPointF(layout.left + (place + 0.5) * self._column, y))
            style = Qt.PenStyle.DashLine if times else Qt.PenStyle.SolidLine
            painter.setPen(QPen(QColor(self.colours.warn), STROKE if not times else HAIRLINE, style))
            painter.save()
            painter.setClipRect(QRectF(0, 0, self.width() - self._axis_width, layout.foot + layout.row))
            painter.drawPolyline(QPolygonF(points))
            painter.restore()

    def _draw_delta(self, painter: QPainter, layout: _Layout) -> None:
        """Draw each bar's delta as a column and the sum of all since the first as a line."""
        line = self.fontMetrics().height()
        top, foot = float(self.height() - FLOW_DELTA - line), float(self.height() - line)
        totals = [self._lines[0][number] for number, _ in layout.bars]
        low, high = min(Decimal(0), *totals), max(Decimal(0), *totals)
        span = (high - low) or Decimal(1)
        most = max(abs(bar.whole.delta) for _, bar in layout.bars) or Decimal(1)
        points = []
        for place, (_, bar) in enumerate(layout.bars):
            x, delta = layout.left + place * self._column, bar.whole.delta
            height = float(abs(delta) / most) * (foot - top) / 2
            middle = (top + foot) / 2
            colour = blend(self.market.up if delta >= 0 else self.market.down, self.colours.base, 2 * BAR_WEIGHT)
            area = QRectF(x, middle - height if delta >= 0 else middle, self._column - space().tiny, height)
            painter.fillRect(area, colour)
            y = foot - float((totals[place] - low) / span) * (foot - top)
            points.append(QPointF(x + self._column / 2, y))
            text = volume_text(delta, volume_decimals(self._code, bar.close))
            if self.fontMetrics().horizontalAdvance(text) <= self._column:
                painter.setPen(QColor(self.colours.text))
                whole = QRectF(x, top, self._column - space().tiny, foot - top)
                painter.drawText(whole, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop, text)
        painter.setPen(QPen(QColor(self.colours.accent), STROKE))
        painter.drawPolyline(QPolygonF(points))

    def _draw_profile(self, painter: QPainter, layout: _Layout) -> None:
        profile = self.shown_profile(layout)
        rows = profile.rows(layout.step)
        control, area = VolumeProfile.control(rows), VolumeProfile.value_area(rows)
        if control is None or area is None:
            return
        left = self.width() - self._axis_width - FLOW_PROFILE
        most = control.cell.total or Decimal(1)
        for row in rows:
            top = layout.y_of(row.price) - layout.row
            if top + layout.row < 0 or top > layout.foot:
                continue
            weight = 2 * BAR_WEIGHT if area[0] <= row.price <= area[1] else BAR_WEIGHT
            x = left
            for value, colour in ((row.cell.bought, self.market.up), (row.cell.sold, self.market.down)):
                length = float(value / most) * (FLOW_PROFILE - space().small)
                painter.fillRect(QRectF(x, top, length, layout.row - FRAME), blend(colour, self.colours.base, weight))
                x += length
            if row.price == control.price:
                painter.setPen(QPen(QColor(self.colours.accent), STROKE))
                painter.drawLine(QPointF(left, top + layout.row / 2), QPointF(x, top + layout.row / 2))

    def shown_profile(self, layout: _Layout) -> VolumeProfile:
        """Return the profile that is drawn: of all, or of the bars that can be seen."""
        if self._whole:
            return self.profile
        found = VolumeProfile()
        for _, bar in layout.bars:
            for price, cell in bar.cells.items():
                before = found.cells.get(price)
                found.cells[price] = cell if before is None else before.plus(cell)
        return found

    # -- hands --------------------------------------------------------------------------------------------------------
    def tell(self) -> str:
        """Say what was traded in the cell under the pointer, or of the profile, with all digits."""
        layout, place = self.layout_now(), self.pointer
        if layout is None or place is None:
            return ""
        price = layout.low + layout.step * int((layout.foot - place.y()) // layout.row)
        column = int((place.x() - layout.left) // self._column)
        if 0 <= column < len(layout.bars):
            bar = layout.bars[column][1]
            rows, head = bar.rows(layout.step), kst_clock(bar.start * 1000)[:5]
        elif place.x() >= self.width() - self._axis_width - FLOW_PROFILE:
            rows, head = self.shown_profile(layout).rows(layout.step), tr("Profile")
            bar = None
        else:
            return ""
        found = next((row.cell for row in rows if row.price == price), None)
        if found is None and bar is None:
            return ""
        whole = (
            ""
            if bar is None
            else " · "
            + tr("all {total}, delta {delta}", total=full_text(bar.whole.total), delta=full_text(bar.whole.delta))
        )
        if found is None:
            return head + whole
        cell = tr("{price}: sold {sold} × bought {bought}", price=price_text(self._code, price),
                  sold=full_text(found.sold), bought=full_text(found.bought))  # fmt: skip
        return f"{head} {cell}{whole}"

    def _scroll(self, bars: int) -> None:
        self._back = max(0, min(self._back + bars, len(self.footprints.bars) - 1))
        self.update()

    def _zoom(self, factor: float) -> None:
        self._column = min(max(self._column * factor, float(FLOW_COLUMN[0])), float(FLOW_COLUMN[2]))
        self.update()

    @property
    def back(self) -> int:
        """How many bars the newest shown one lies behind the newest."""
        return self._back

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Scroll and zoom."""
        key = Qt.Key.Key_unknown if event is None else Qt.Key(event.key())
        if key in _SHIFTS:
            self._scroll(_SHIFTS[key])
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self._zoom(_ZOOM)
        elif key == Qt.Key.Key_Minus:
            self._zoom(1 / _ZOOM)
        elif key == Qt.Key.Key_Home:
            self._scroll(-len(self.footprints.bars))
        else:
            super().keyPressEvent(event)

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        """Zoom."""
        if event is not None:
            self._zoom(_ZOOM if event.angleDelta().y() > 0 else 1 / _ZOOM)

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Begin to scroll."""
        if event is not None and event.button() is Qt.MouseButton.LeftButton:
            self._drag = event.position().x(), self._back

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Scroll, or tell about what is under the mouse."""
        if event is not None and self._drag is not None and event.buttons() & Qt.MouseButton.LeftButton:
            begin, back = self._drag
            self._back = back
            self._scroll(round((event.position().x() - begin) / self._column))
        else:
            super().mouseMoveEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        """Scroll no more."""
        self._drag = None
        super().mouseReleaseEvent(event)
