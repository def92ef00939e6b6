"""Alarms on price levels as lines over a chart, which are dragged to other prices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
from PyQt6.QtCore import QObject, QPointF, QRectF, Qt, pyqtSlot
from PyQt6.QtGui import QColor, QPen

from ..alarm_rules.rules import Alarm, Crossing, PriceLevel
from ..base.icons import icon
from ..base.price_format import price_text, tick_size
from ..base.text import tr
from ..base.theme import colours_of
from ..base.tokens import BOLD_STROKE, STROKE, space
from .words import crossing_text

if TYPE_CHECKING:
    from decimal import Decimal

    from PyQt6.QtGui import QPainter
    from PyQt6.QtWidgets import QMenu

    from ..chart.frame import Frame
    from ..chart.panel import ChartWidget
    from ..chart.view import ChartView
    from .keeper import AlarmKeeper

__all__ = ["AlarmLines"]


@dataclass(slots=True)
class _Hold:
    alarm: Alarm
    price: Decimal


class AlarmLines(QObject):
    """Lies over a chart's candles: a line for each alarm on a price of its market.

    A line is dragged to another price, which sets the alarm anew; or L chooses one, ↑ and ↓ move it by a tick, Delete
    removes it, Esc lets go. Alt+A, and the chart's menu, set an alarm where the mouse points, or at the last price.

    Example:
        >>> keeper, chart = AlarmKeeper(service), ChartWidget(service, "KRW-BTC")
        >>> lines = AlarmLines(chart, keeper)

    Args:
        chart: over which; it owns the lines.
        keeper: whose alarms.
    """

    def __init__(self, chart: ChartWidget, keeper: AlarmKeeper) -> None:
        super().__init__(chart)
        self._chart, self._keeper = chart, keeper
        self._chosen = ""
        self._hold: _Hold | None = None
        chart.view.overlays.append(self)
        chart.menuRequested.connect(self._on_menu)
        keeper.changed.connect(self._on_changed)

    @property
    def alarms(self) -> list[Alarm]:
        """Those that have a line here, oldest first."""
        market = self._chart.symbol
        return [
            each for each in self._keeper.alarms if each.market == market and isinstance(each.condition, PriceLevel)
        ]

    @property
    def chosen(self) -> Alarm | None:
        """The alarm whose line was chosen last."""
        return next((each for each in self.alarms if each.id == self._chosen), None)

    def add(self) -> Alarm | None:
        """Set an alarm where the mouse points, or at the last price; None where there is no price."""
        view = self._chart.view
        price = view.pointed_price
        if price is None and len(view.series):
            price = view.series.bars[-1].close
        if price is None:
            return None
        alarm = self._keeper.new_alarm(PriceLevel(price), view.symbol)
        try:
            self._keeper.put(alarm)
        except ValueError:  # there are as many as there may be; the panel says so
            return None
        self._chosen = alarm.id
        return alarm

    @pyqtSlot()
    def _on_changed(self) -> None:
        self._chart.view.update()

    @pyqtSlot("QMenu*")
    def _on_menu(self, menu: QMenu) -> None:
        price = self._chart.view.pointed_price
        menu.addSeparator()
        text = tr("Alarm at {price}", price=price_text(self._chart.symbol, price)) if price else tr("Alarm here")
        menu.addAction(text, self.add)

    # -- mouse and keys -----------------------------------------------------------------------------------------------
    def press(self, view: ChartView, frame: Frame, place: QPointF) -> bool:
        """Take hold of a line."""
        self._chosen = ""
        drawing = self._chart.drawing
        if drawing.tool is not None or drawing.measures or frame.pane_at(place) is not frame.price:
            return False
        for alarm in reversed(self.alarms):
            price = _price_of(alarm)
            if abs(frame.price.scale.y(float(price)) - place.y()) <= view.measures.near:
                self._chosen, self._hold = alarm.id, _Hold(alarm, price)
                return True
        return False

    def move(self, view: ChartView, frame: Frame, place: QPointF, *, held: bool) -> bool:
        """Drag the line."""
        if not held or self._hold is None:
            return False
        price = view.tradable(frame.price.scale.value(place.y()))
        if price > 0:
            self._hold.price = price
        return True

    def release(self, view: ChartView, frame: Frame, place: QPointF) -> bool:
        """Leave the line where it is, and its alarm with it."""
        hold, self._hold = self._hold, None
        if hold is None:
            return False
        if hold.price != _price_of(hold.alarm):
            self._set(hold.alarm, hold.price)
        return True

    def key(self, view: ChartView, key: int, modifiers: Qt.KeyboardModifier) -> bool:
        """Take the keys that the class names."""
        if key == Qt.Key.Key_A and modifiers == Qt.KeyboardModifier.AltModifier:
            return self.add() is not None
        if key == Qt.Key.Key_L and not modifiers and self.alarms:
            keys = [each.id for each in self.alarms]
            self._chosen = keys[(keys.index(self._chosen) + 1) % len(keys)] if self._chosen in keys else keys[0]
            return True
        chosen = self.chosen
        if chosen is None or modifiers:
            return False
        match key:
            case Qt.Key.Key_Up | Qt.Key.Key_Down:
                price = _price_of(chosen)
                tick = tick_size(view.symbol, price)
                moved = price + (tick if key == Qt.Key.Key_Up else -tick)
                if moved > 0:
                    self._set(chosen, moved)
            case Qt.Key.Key_Delete | Qt.Key.Key_Backspace:
                self._keeper.remove(chosen.id)
            case Qt.Key.Key_Escape:
                self._chosen = ""
            case _:
                return False
        return True

    def _set(self, alarm: Alarm, price: Decimal) -> None:
        """Move an alarm; one that has fired is set again by that."""
        now = self._keeper.alarm(alarm.id)
        if now is not None and isinstance(now.condition, PriceLevel):
            condition = PriceLevel(price, now.condition.crossing)
            self._keeper.put(msgspec.structs.replace(now, condition=condition, on=True))

    # -- painting -----------------------------------------------------------------------------------------------------
    def paint(self, painter: QPainter, view: ChartView, frame: Frame) -> None:
        """Paint the lines, with their prices at the left edge."""
        rect, measures = frame.price.rect, view.measures
        for alarm in self.alarms:
            price = self._shown_price(alarm)
            y = frame.price.scale.y(float(price))
            if not rect.top() <= y <= rect.bottom():
                continue
            colours = colours_of(view.palette())
            ink = QColor(colours.warn if alarm.on else colours.muted)
            chosen = alarm.id == self._chosen
            painter.setPen(QPen(ink, BOLD_STROKE if chosen else STROKE, Qt.PenStyle.DashLine))
            painter.drawLine(QPointF(rect.left(), y), QPointF(rect.right(), y))
            text, side = self.text(alarm), space().icon
            width = view.fontMetrics().horizontalAdvance(text) + side + 3 * measures.air
            box = QRectF(rect.left() + measures.air, y - measures.tag / 2, width, measures.tag)
            painter.fillRect(box, QColor(colours.base))
            painter.setPen(QPen(ink, STROKE))
            painter.drawRect(box)
            picture = icon("bell", view.palette(), ink.name()).pixmap(side, side)
            painter.drawPixmap(QPointF(box.left() + measures.air, box.center().y() - side / 2), picture)
            words = box.adjusted(side + 2 * measures.air, 0, 0, 0)
            painter.drawText(words, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)

    def text(self, alarm: Alarm) -> str:
        """Return what stands at a line."""
        condition = alarm.condition
        text = price_text(alarm.market, self._shown_price(alarm))
        if isinstance(condition, PriceLevel) and condition.crossing is not Crossing.EITHER:
            text += f" {crossing_text(condition.crossing)}"
        return text if alarm.on else f"{text} ({tr('off')})"

    def _shown_price(self, alarm: Alarm) -> Decimal:
        hold = self._hold
        return hold.price if hold is not None and hold.alarm.id == alarm.id else _price_of(alarm)


def _price_of(alarm: Alarm) -> Decimal:
    assert isinstance(alarm.condition, PriceLevel)
    return alarm.condition.price
