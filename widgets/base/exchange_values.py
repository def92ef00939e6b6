"""What the exchange's own indicators have said, kept for the charts over a service: values and signals by market."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

from PyQt6.QtCore import QObject, pyqtSignal

if TYPE_CHECKING:
    from upbit_ws_qt import IndicatorEvent, IndicatorSignalEvent, WebSocketService

__all__ = ["ExchangeValues", "Point", "ValueKey", "exchange_values"]

MOST_POINTS = 500
MOST_MARKETS = 50


class ValueKey(NamedTuple):
    """A curve of an indicator: of which one, with which parameters, over which candles, and which of its values."""

    indicator: str
    params: str
    timeframe: str
    name: str


class Point(NamedTuple):
    """A value of a curve; `start` of its candle in seconds since 1970."""

    start: int
    value: float


class _OfMarket:
    def __init__(self) -> None:
        self.values: dict[ValueKey, deque[Point]] = {}
        self.signals: deque[IndicatorSignalEvent] = deque(maxlen=MOST_POINTS)


class ExchangeValues(QObject):
    """Is told by whoever listens to the exchange's indicators, and remembers the newest; made by `exchange_values`.

    Signals:
        changed(str): there is something new of a market.
    """

    changed = pyqtSignal(str)

    def __init__(self, service: WebSocketService) -> None:
        super().__init__(service)
        self._markets: dict[str, _OfMarket] = {}

    def note_value(self, event: IndicatorEvent) -> None:
        """Note a value; the same one may be told by several."""
        known = self._of(event.code)
        told = sorted(_there(event.params).values(), key=lambda each: not isinstance(each, str))  # "EMA/5"
        params = "/".join(map(str, told))
        start = int(event.start.timestamp())
        news = False
        for name, value in _there(event.value).items():
            points = known.values.setdefault(
                ValueKey(event.indicator, params, event.timeframe, name), deque(maxlen=MOST_POINTS)
            )
            if not points or start > points[-1].start:
                points.append(Point(start, float(value)))
                news = True
        if news:
            self.changed.emit(event.code)

    def note_signal(self, event: IndicatorSignalEvent) -> None:
        """Note a signal; the same one may be told by several."""
        signals = self._of(event.code).signals
        told = (event.start, event.indicator, event.trigger, event.timeframe, event.params, event.event_params)
        if not any(
            told == (each.start, each.indicator, each.trigger, each.timeframe, each.params, each.event_params)
            for each in signals
        ):
            signals.append(event)
            self.changed.emit(event.code)

    def values_of(self, code: str) -> dict[ValueKey, tuple[Point, ...]]:
        """Return the values of a market by curve, oldest first."""
        known = self._markets.get(code)
        return {} if known is None else {key: tuple(points) for key, points in known.values.items()}

    def signals_of(self, code: str) -> tuple[IndicatorSignalEvent, ...]:
        """Return the signals of a market, oldest first."""
        known = self._markets.get(code)
        return () if known is None else tuple(known.signals)

    def _of(self, code: str) -> _OfMarket:
        known = self._markets.pop(code, None) or _OfMarket()
        self._markets[code] = known  # at the end: those that nobody has told of for longest go first
        if len(self._markets) > MOST_MARKETS:
            del self._markets[next(iter(self._markets))]
        return known


def exchange_values(service: WebSocketService) -> ExchangeValues:
    """Return the one memory of a service; it ends with the service."""
    found = service.findChildren(ExchangeValues)
    return found[0] if found else ExchangeValues(service)


def _there(record: object) -> dict[str, Any]:
    """Return the fields of a record that are there."""
    names: tuple[str, ...] = getattr(record, "__struct_fields__", ())
    return {name: value for name in names if (value := getattr(record, name)) is not None}
