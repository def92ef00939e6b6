"""How events are asked for by `async for`: the same methods on a proxy and, without Qt, on a SimpleWebSocketClient."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

from upbit_ws_qt.specs import SubscriptionSpec
from upbit_ws_qt.types import DataType

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

    from upbit_ws_qt.events import CandleEvent, OrderbookEvent, TickerEvent, TradeEvent
    from upbit_ws_qt.manager.event_stream import EventStream
    from upbit_ws_qt.specs import HowAsked, HowContinued
    from upbit_ws_qt.types import BookDepth, CandleUnit

__all__ = ["EventSource"]


class EventSource:
    """One method per type of public data; what is malformed raises SubscriptionError at once, and nothing else happens.

    What each returns is for one `async for`, see EventStream; nothing begins before it is iterated.
    """

    def events(self, spec: SubscriptionSpec) -> EventStream[Any]:
        """Return what a wish is about, of any type; how it is delivered is up to who takes the events."""
        raise NotImplementedError

    def tickers(self, symbols: str | Iterable[str], **how: Unpack[HowAsked]) -> EventStream[TickerEvent]:
        """Return the tickers of some markets."""
        return self.events(SubscriptionSpec(DataType.TICKER, symbols, **how))

    def trades(self, symbols: str | Iterable[str], **how: Unpack[HowContinued]) -> EventStream[TradeEvent]:
        """Return the trades of some markets; with `since` those of the past first."""
        return self.events(SubscriptionSpec(DataType.TRADE, symbols, **how))

    def orderbooks(
        self,
        symbols: str | Iterable[str],
        *,
        level: Decimal | int | str = 0,
        depth: BookDepth = 30,
        **how: Unpack[HowAsked],
    ) -> EventStream[OrderbookEvent]:
        """Return the order books of some markets, grouped by `level` KRW (0: not), with `depth` units per side."""
        return self.events(SubscriptionSpec(DataType.ORDERBOOK, symbols, level=level, depth=depth, **how))

    def candles(
        self, symbols: str | Iterable[str], *, unit: CandleUnit, **how: Unpack[HowContinued]
    ) -> EventStream[CandleEvent]:
        """Return the candles of some markets, of a unit such as "1m"; with `since` those of the past first."""
        return self.events(SubscriptionSpec(DataType.candle(unit), symbols, **how))
