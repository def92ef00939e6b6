"""Other markets' prices over the candles, each in percent of what it was at the left edge."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
from PyQt6.QtCore import QObject, QPointF, QRectF, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QPainter, QPen

from upbit_ws_qt import Priority

from ..base.asking import Question
from ..base.ink import curve_colour
from ..base.price_format import percent_text
from ..base.theme import colours_of
from ..base.tokens import STROKE
from .arrays import draw_curve
from .choice import CURVE_COLOURS
from .data import CandleSeries, bar_of, bars_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from upbit_ws_qt import CandleEvent, RestCandle, RestClient, WebSocketError

    from ..formulas.candles import Column
    from .frame import Frame
    from .view import ChartView

__all__ = ["Comparison"]

_PAGE = 200


@dataclass(slots=True, eq=False)
class _Compared:
    """One market."""

    code: str
    colour: int
    series: CandleSeries = field(default_factory=CandleSeries)
    answer: Question | None = None


class Comparison(QObject):
    """Lies over a chart's candles (an Overlay); the mouse goes through it.

    History comes as far back as the chart itself shows any.

    Args:
        view: the chart.
        rest: returns what to ask for history, when it is asked.

    Signals:
        failed(str, object): a market's history could not be loaded; the WebSocketError.
    """

    failed = pyqtSignal(str, object)

    def __init__(self, view: ChartView, rest: Callable[[], RestClient]) -> None:
        super().__init__(view)
        self._view, self._rest = view, rest
        self._markets: dict[str, _Compared] = {}
        self._unit = ""

    @property
    def codes(self) -> tuple[str, ...]:
        """The markets, in their order."""
        return tuple(self._markets)

    def compare(self, codes: Iterable[str], unit: str) -> None:
        """Show these markets in this unit; what is known of those that stay is kept."""
        for market in self._markets.values():
            _give_up(market)
        kept = self._markets if unit == self._unit else {}
        self._unit = unit
        self._markets = {}
        for number, code in enumerate(codes):
            known = kept.get(code)
            colour = CURVE_COLOURS - 2 - number  # the usual formulas begin at the other end
            self._markets[code] = known if known is not None else _Compared(code, colour)
        self._view.update()

    def load(self) -> None:
        """Ask for the newest candles of each, and then for all that the chart shows."""
        for market in self._markets.values():
            self._ask(market, None)

    def take(self, event: CandleEvent) -> None:
        """Note a live candle."""
        market = self._markets.get(event.code)
        if market is not None and event.unit == self._unit:
            market.series.take(bar_of(event))

    def load_older(self) -> None:
        """Ask for what the chart shows and a market has not yet."""
        first = self._view.series.oldest
        for market in self._markets.values():
            oldest, series = market.series.oldest, market.series
            if first is not None and oldest is not None and oldest > first and not series.complete:
                self._ask(market, oldest)

    def percentages(self, frame: Frame) -> dict[str, float]:
        """Return the change of each market from the left edge to the right one, as a ratio."""
        found = {}
        for market in self._markets.values():
            values = self._values(market, frame)
            there = values[np.isfinite(values)]
            if len(there):
                found[market.code] = float(there[-1] / there[0] - 1)
        return found

    def prices(self, frame: Frame) -> list[Column]:
        """Return each market's prices as they are drawn: in the shown market's own, equal at the left edge."""
        return [drawn for market in self._markets.values() if (drawn := self._drawn(market, frame)) is not None]

    # -- inside -------------------------------------------------------------------------------------------------------
    def _ask(self, market: _Compared, before: int | None) -> None:
        if market.answer is not None:
            return
        to = None if before is None else datetime.fromtimestamp(before, UTC)
        market.answer = Question(self._rest().at(Priority.NORMAL).candles(market.code, self._unit, to, _PAGE), self)
        market.answer.done.connect(lambda candles: self._on_history(market, before, candles))
        market.answer.failed.connect(lambda error: self._on_failed(market, error))

    def _on_history(self, market: _Compared, before: int | None, candles: tuple[RestCandle, ...]) -> None:
        market.answer = None
        new = market.series.merge(bars_of(candles))
        if before is not None and not new:
            market.series.complete = True
        self._view.update()
        self.load_older()

    def _on_failed(self, market: _Compared, error: WebSocketError) -> None:
        market.answer = None
        self.failed.emit(market.code, error)

    def _values(self, market: _Compared, frame: Frame) -> Column:
        """Return the close of a market at each bar that is seen: the last one before it, where it had none."""
        wanted = self._view.series.columns.start[frame.first : frame.end]
        columns = market.series.columns
        if not len(columns):
            return np.full(len(wanted), np.nan)
        at = np.searchsorted(columns.start, wanted, side="right") - 1
        return np.where(at >= 0, columns.close[np.maximum(at, 0)], np.nan)

    def _drawn(self, market: _Compared, frame: Frame) -> Column | None:
        values = self._values(market, frame)
        there = values[np.isfinite(values)]
        return None if not len(there) or there[0] <= 0 else values / there[0] * frame.base

    # -- an overlay ---------------------------------------------------------------------------------------------------
    def paint(self, painter: QPainter, view: ChartView, frame: Frame) -> None:
        """Paint each market's line, and at its end how far it went."""
        painter.save()
        painter.setClipRect(frame.price.rect)
        colours, measures = colours_of(view.palette()), view.measures
        told = self.percentages(frame)
        x = frame.xs(np.arange(frame.first, frame.end, dtype=np.float64))
        for market in self._markets.values():
            prices = self._drawn(market, frame)
            if prices is None:
                continue
            ink = curve_colour(market.colour, colours)
            y = frame.price.scale.ys(prices)
            painter.setPen(QPen(ink, STROKE))
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            draw_curve(painter, x, y)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
            last = float(y[np.isfinite(y)][-1])
            text = f"{market.code} {percent_text(Decimal(repr(told[market.code])))}"
            width = view.fontMetrics().horizontalAdvance(text) + 2 * measures.air
            box = QRectF(frame.plot.right() - width - measures.air, last - measures.line / 2, width, measures.line)
            painter.fillRect(box, QColor(colours.base))
            painter.setPen(ink)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
        painter.restore()

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


def _give_up(market: _Compared) -> None:
    answer, market.answer = market.answer, None
    if answer is not None:
        answer.cancel()
