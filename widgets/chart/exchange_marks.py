"""The exchange's own indicators and signals, over the candles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import QColor, QPen, QPolygonF

from ..base.ink import CURVE_COLOURS, curve_colour
from ..base.theme import colours_of
from ..base.tokens import STROKE
from ..base.units import unit_text
from ..indicators.choice import trigger_text, type_text
from .frame import index_of_time
from .scale import unit_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PyQt6.QtGui import QPainter

    from upbit_ws_qt import IndicatorSignalEvent

    from ..base.exchange_values import ExchangeValues, Point, ValueKey
    from .frame import Frame, Pane
    from .view import ChartView

__all__ = ["ExchangeMarks"]

_PRICES = frozenset({"value", "ma_short", "ma_long", "bb_upper", "bb_middle", "bb_lower"})
_ELSEWHERE = {"rsi": "rsi", "macd": "macd", "macd_signal": "macd", "histogram": "macd"}
"""Values that are no prices, and the formula in whose pane they are drawn, where the chart has that."""


class ExchangeMarks:
    """Lies over a chart's candles (an Overlay); the mouse goes through it.

    What is a price is drawn as small squares over the candles, at the end of the candle that it is the value of. RSI
    and MACD are drawn in the pane of the chart's own, beside its curve. A signal is a flag, with its name.

    Args:
        known: what the exchange has said; an `IndicatorsWidget` of the same service tells it.
    """

    def __init__(self, known: ExchangeValues) -> None:
        self._known = known

    def texts(self, view: ChartView) -> list[str]:
        """Return what is said of curves and signals, oldest first."""
        if not view.choice.exchange:
            return []
        curves = [self._name(key) for key, _, _ in self._curves(view)]
        return curves + [_signal_text(event) for event in self._known.signals_of(view.symbol)]

    def paint(self, painter: QPainter, view: ChartView, frame: Frame) -> None:
        """Paint curves and flags."""
        if not view.choice.exchange:
            return
        lines = 0
        for number, (key, points, pane_name) in enumerate(self._curves(view)):
            pane = frame.pane(pane_name)
            if pane is not None:
                colour = curve_colour(CURVE_COLOURS - 2 - number % (CURVE_COLOURS - 1), colours_of(view.palette()))
                self._paint_points(painter, view, frame, pane, points, key, colour)
                if pane is frame.price:
                    self._paint_name(painter, view, frame, f"▪ {self._name(key)}", colour, lines)
                    lines += 1
        for event in self._known.signals_of(view.symbol):
            self._paint_flag(painter, view, frame, event)

    def _curves(self, view: ChartView) -> Iterator[tuple[ValueKey, tuple[Point, ...], str]]:
        """Yield each curve that has a place in this chart, with the name of its pane."""
        content = view.content()
        panes = {} if content is None else {each.chosen.name: each.pane for each in content.reckoned}
        for key, points in self._known.values_of(view.symbol).items():
            pane = "price" if key.name in _PRICES else panes.get(_ELSEWHERE.get(key.name, ""), "")
            if pane:
                yield key, points, pane

    @staticmethod
    def _name(key: ValueKey) -> str:
        name = f"{type_text(key.indicator)} {key.params}".rstrip()
        return f"{name} · {unit_text(key.timeframe)}"

    @staticmethod
    def _x(view: ChartView, frame: Frame, start: int, timeframe: str) -> float:
        """Return where the last candle is that belongs to a candle of another length."""
        seconds, unit = _seconds(timeframe), unit_seconds(view.unit)
        return frame.x(index_of_time(view.series.columns.start, start + max(0, seconds - unit), unit))

    def _paint_points(
        self, painter: QPainter, view: ChartView, frame: Frame, pane: Pane, points: tuple[Point, ...], key: ValueKey,
        colour: QColor,
    ) -> None:  # fmt: skip
        size = view.measures.mark
        painter.setPen(QPen(QColor(colours_of(view.palette()).base), STROKE / 2))
        painter.setBrush(colour)
        for point in points:
            x, y = self._x(view, frame, point.start, key.timeframe), pane.scale.y(point.value)
            if frame.plot.left() <= x <= frame.plot.right() and pane.rect.top() <= y <= pane.rect.bottom():
                painter.drawRect(QRectF(x - size, y - size, 2 * size, 2 * size))

    def _paint_name(
        self, painter: QPainter, view: ChartView, frame: Frame, text: str, colour: QColor, line: int
    ) -> None:
        measures, rect = view.measures, frame.price.rect
        width = view.fontMetrics().horizontalAdvance(text)
        box = QRectF(
            rect.right() - width - measures.air, rect.bottom() - (line + 1) * measures.line, width, measures.line
        )
        painter.fillRect(box, QColor(colours_of(view.palette()).base))
        painter.setPen(colour)
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)

    def _paint_flag(self, painter: QPainter, view: ChartView, frame: Frame, event: IndicatorSignalEvent) -> None:
        x = self._x(view, frame, int(event.start.timestamp()), event.timeframe)
        rect, measures, colours = frame.price.rect, view.measures, colours_of(view.palette())
        if not rect.left() <= x <= rect.right():
            return
        size, foot = measures.near, rect.bottom() - measures.half
        painter.setPen(QPen(QColor(colours.accent), STROKE))
        painter.drawLine(QPointF(x, foot), QPointF(x, foot - 3 * size))
        painter.setBrush(QColor(colours.accent))
        painter.drawPolygon(
            QPolygonF([QPointF(x, foot - 3 * size), QPointF(x + 1.5 * size, foot - 2.4 * size),
                       QPointF(x, foot - 1.8 * size)])
        )  # fmt: skip
        text = _signal_text(event)
        width = view.fontMetrics().horizontalAdvance(text)
        left = min(x + measures.half, rect.right() - width - measures.half)
        box = QRectF(left, foot - 3 * size - measures.line, width, measures.line)
        painter.fillRect(box, QColor(colours.base))
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, text)

    def press(self, view: ChartView, frame: Frame, place: QPointF) -> bool:
        """Let the mouse through."""
        return False

    def move(self, view: ChartView, frame: Frame, place: QPointF, *, held: bool) -> bool:
        """Let the mouse through."""
        return False

    def release(self, view: ChartView, frame: Frame, place: QPointF) -> bool:
        """Let the mouse through."""
        return False

    def key(self, view: ChartView, key: int, modifiers: Qt.KeyboardModifier) -> bool:
        """Let keys through."""
        return False


def _signal_text(event: IndicatorSignalEvent) -> str:
    return f"{type_text(event.indicator)} · {trigger_text(event.trigger)} ({unit_text(event.timeframe)})"


def _seconds(timeframe: str) -> int:
    """Return the length of "5m" or "1d"."""
    number, kind = timeframe[:-1], timeframe[-1:]
    if not (number.isascii() and number.isdigit()):
        return 0
    return int(number) * {"m": 60, "h": 3600, "d": 86_400}.get(kind, 0)
