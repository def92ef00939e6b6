"""The candles that alarms are judged on: history and live, for as many markets and units as are wanted."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

from PyQt6.QtCore import QObject, QTimer, pyqtSignal, pyqtSlot

from upbit_ws_qt import CandleEvent, DataType, GapReport, Priority, RestCandle

from ..alarm_rules.seen import Basis
from ..base.asking import Question
from ..chart.data import CandleSeries, bar_of, bars_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from upbit_ws_qt import CandleUnit, RestClient, Subscription, WebSocketClientProxy, WebSocketService

__all__ = ["CandleFeed"]

JUDGE_MS = 100  # changes of a candle that come together are judged together
RETRY_MS = 15_000
_PAGE = 200  # candles; the exchange's most
_Key = tuple[str, str]


class CandleFeed(QObject):
    """Keeps the newest candles of some markets.

    Args:
        service: where they come from.
        proxy: by which they are wanted.
        parent: of the object.

    Signals:
        changed(str, str, object): the candles of a market and unit; and the Basis of the newest change.
    """

    changed = pyqtSignal(str, str, object)

    def __init__(self, service: WebSocketService, proxy: WebSocketClientProxy, parent: QObject) -> None:
        super().__init__(parent)
        self._service, self._proxy = service, proxy
        self._needs: dict[_Key, int] = {}
        self._series: dict[_Key, CandleSeries] = {}
        self._whole: set[_Key] = set()
        self._asked: dict[_Key, Question] = {}
        self._wishes: dict[str, Subscription] = {}
        self._dirty: dict[_Key, Basis] = {}
        self._soon = self._timer(JUDGE_MS, self._on_soon)
        self._retry = self._timer(RETRY_MS, self._on_retry)
        service.gapHealed.connect(self._on_healed)

    def _timer(self, milliseconds: int, slot: Callable[[], None]) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(milliseconds)
        timer.timeout.connect(slot)
        return timer

    def series(self, market: str, unit: str) -> CandleSeries | None:
        """Return the candles; None until there is a history."""
        key = (market, unit)
        return self._series[key] if key in self._whole else None

    def unserved(self, unit: str) -> frozenset[str]:
        """Return the markets of which the exchange sends no candles of this unit."""
        wish = self._wishes.get(unit)
        return frozenset() if wish is None else frozenset(stream.symbol for stream in wish.unserved)

    def want(self, needs: Mapping[_Key, int]) -> None:
        """Want so many candles for each (market, unit), and no others."""
        for key in self._series.keys() - needs.keys():
            del self._series[key]
            self._forget(key)
        longer = {key for key, count in needs.items() if count > self._needs.get(key, 0)}
        self._needs = dict(needs)
        for key in longer:  # asked for with the next live candle, so that there is no seam
            self._series.setdefault(key, CandleSeries())
            self._forget(key)
        for unit in {unit for _, unit in self._needs} | self._wishes.keys():
            self._wish(unit)

    def _forget(self, key: _Key) -> None:
        self._whole.discard(key)
        self._dirty.pop(key, None)
        question = self._asked.pop(key, None)
        if question is not None:
            question.cancel()

    def _wish(self, unit: str) -> None:
        markets = sorted(market for market, each in self._needs if each == unit)
        wish = self._wishes.get(unit)
        if not markets:
            self._wishes.pop(unit).close()
        elif wish is None:
            live = cast("CandleUnit", unit)
            self._wishes[unit] = self._proxy.subscribe_candle(markets, self._on_candle, unit=live, backfill=True)
        elif list(wish.symbols) != markets:
            wish.set_symbols(markets)

    def _on_candle(self, event: CandleEvent) -> None:
        key = (event.code, event.unit)
        series = self._series.get(key)
        if series is None:
            return
        series.take(bar_of(event))
        if key not in self._whole:
            if key not in self._asked:
                self._ask(key)
            return
        if len(series) > 2 * self._needs[key]:
            series.keep_newest(self._needs[key])
        if event.recovered:
            self._dirty[key] = Basis.RECOVERED
        else:
            self._dirty.setdefault(key, Basis.LIVE)
        if not self._soon.isActive():
            self._soon.start()

    @pyqtSlot()
    def _on_soon(self) -> None:
        dirty, self._dirty = self._dirty, {}
        for (market, unit), basis in dirty.items():
            self.changed.emit(market, unit, basis)

    # -- history ------------------------------------------------------------------------------------------------------
    def _ask(self, key: _Key) -> None:
        rest = self._service.rest.at(Priority.LOW)
        question = self._asked[key] = Question(_history(rest, *key, self._needs[key]), self)
        question.done.connect(lambda candles: self._on_history(key, candles))
        question.failed.connect(lambda _error: self._on_failed(key))

    def _on_history(self, key: _Key, candles: tuple[RestCandle, ...]) -> None:
        self._asked.pop(key, None)
        series = self._series.get(key)
        if series is not None:
            series.merge(bars_of(candles))
            self._whole.add(key)
            self.changed.emit(*key, Basis.LIVE)

    def _on_failed(self, key: _Key) -> None:
        """Ask again later; until then there is no candle to judge."""
        self._asked.pop(key, None)
        self._retry.start()

    @pyqtSlot()
    def _on_retry(self) -> None:
        for key in self._needs.keys() - self._whole - self._asked.keys():
            if len(self._series[key]):
                self._ask(key)

    @pyqtSlot(GapReport)
    def _on_healed(self, report: GapReport) -> None:
        """Ask anew for candles that were missed and did not come by themselves."""
        lost = {(each.stream.symbol, each.stream.data_type) for each in report.unrecoverable}
        for key in self._needs:
            if (key[0], DataType.candle(key[1])) in lost and key not in self._asked:
                self._ask(key)


async def _history(rest: RestClient, market: str, unit: str, count: int) -> tuple[RestCandle, ...]:
    """Return so many candles, or all there are."""
    found: list[RestCandle] = []
    to: datetime | None = None
    while len(found) < count:
        page = await rest.candles(market, unit, to, _PAGE)
        found += page
        if len(page) < _PAGE:
            break
        to = min(candle.start for candle in page).astimezone(UTC)
    return tuple(found)
