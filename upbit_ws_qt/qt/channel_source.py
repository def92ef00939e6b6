"""How a channel is asked for: the same methods on the service and on a proxy."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from upbit_ws_qt.specs import SubscriptionSpec
from upbit_ws_qt.types import DataType

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

    from upbit_ws_qt.qt.channel import (
        AnnouncementChannel,
        CandleChannel,
        Channel,
        IndicatorChannel,
        IndicatorSignalChannel,
        MyAssetChannel,
        MyOrderChannel,
        OrderbookChannel,
        TickerChannel,
        TradeChannel,
    )
    from upbit_ws_qt.specs import IndicatorSpec
    from upbit_ws_qt.types import BookDepth, CandleUnit, TimeFrame

__all__ = ["ChannelSource"]


class ChannelSource:
    """One method per type of data; a malformed code or an impossible wish raises SubscriptionError at once."""

    def _channel(self, spec: SubscriptionSpec) -> Channel:
        raise NotImplementedError

    def ticker(self, code: str) -> TickerChannel:
        """Return the channel of a market's ticker."""
        return cast("TickerChannel", self._channel(SubscriptionSpec(DataType.TICKER, code)))

    def trade(self, code: str) -> TradeChannel:
        """Return the channel of a market's trades."""
        return cast("TradeChannel", self._channel(SubscriptionSpec(DataType.TRADE, code)))

    def orderbook(self, code: str, level: Decimal | int | str = 0, depth: BookDepth = 30) -> OrderbookChannel:
        """Return the channel of a market's order book.

        Args:
            code: the market.
            level: price grouping in KRW, 0 for none.
            depth: units per side: 1, 5, 15 or 30.
        """
        spec = SubscriptionSpec(DataType.ORDERBOOK, code, level=level, depth=depth)
        return cast("OrderbookChannel", self._channel(spec))

    def candle(self, code: str, unit: CandleUnit) -> CandleChannel:
        """Return the channel of a market's candles of a unit such as "1m"."""
        return cast("CandleChannel", self._channel(SubscriptionSpec(DataType.candle(unit), code)))

    def my_order(self, code: str | None = None) -> MyOrderChannel:
        """Return the channel of own orders, of every market or of one; needs credentials."""
        return cast("MyOrderChannel", self._channel(SubscriptionSpec(DataType.MY_ORDER, code or ())))

    def my_asset(self) -> MyAssetChannel:
        """Return the channel of own assets; needs credentials."""
        return cast("MyAssetChannel", self._channel(SubscriptionSpec(DataType.MY_ASSET)))

    def announcement(self, *, categories: str | Iterable[str] = (), include_body: bool = False) -> AnnouncementChannel:
        """Return the channel of announcements; needs credentials."""
        spec = SubscriptionSpec(DataType.ANNOUNCEMENT, categories=categories, include_body=include_body)
        return cast("AnnouncementChannel", self._channel(spec))

    def indicator(self, code: str, indicator: IndicatorSpec, *, timeframe: TimeFrame) -> IndicatorChannel:
        """Return the channel of one indicator of a KRW market; needs credentials.

        Args:
            code: the market.
            indicator: which one, as IndicatorSpec.of("rsi", {"period": 14}).
            timeframe: "5m", "15m", "60m", "240m" or "1d".
        """
        spec = SubscriptionSpec(DataType.INDICATOR, code, timeframe=timeframe, indicators=(indicator,))
        return cast("IndicatorChannel", self._channel(spec))

    def indicator_signal(self, code: str, indicator: IndicatorSpec, *, timeframe: TimeFrame) -> IndicatorSignalChannel:
        """Return the channel of one condition on an indicator of a KRW market; needs credentials.

        Args:
            code: the market.
            indicator: with its trigger, as IndicatorSpec.of("macd", {...}, trigger="golden_cross").
            timeframe: "5m", "15m", "60m", "240m" or "1d".
        """
        spec = SubscriptionSpec(DataType.INDICATOR_SIGNAL, code, timeframe=timeframe, indicators=(indicator,))
        return cast("IndicatorSignalChannel", self._channel(spec))
