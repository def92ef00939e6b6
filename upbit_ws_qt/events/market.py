"""Events of the public line: ticker, trade, orderbook, candle."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from upbit_ws_qt.events.base import BaseWebSocketEvent, Milliseconds, utc
from upbit_ws_qt.events.names import ChangeName, SideName  # noqa: TC001 -- msgspec reads the annotations

__all__ = ["CandleEvent", "OrderbookEvent", "OrderbookUnit", "TickerEvent", "TradeEvent"]


class TickerEvent(BaseWebSocketEvent, frozen=True, gc=False):
    """The present state of a market.

    Attributes:
        change: against the previous close at 00:00 UTC; see Change.
        change_price: size of the change without a sign; `signed_change_price` has one, the rates likewise.
        acc_trade_volume: since 00:00 UTC, in the base currency; `acc_trade_price` in the quote currency.
        trade_date: of the last trade, yyyyMMdd in UTC; `trade_time` is HHmmss.
        trade_timestamp: of the last trade, ms.
        ask_bid: side of the last trade's taker; see AskBid.
        highest_52_week_date: yyyy-MM-dd.
        market_state: see MarketState.
        is_trading_suspended: deprecated by the exchange; None where it is not sent.
        delisting_date: where one is announced.
        market_warning: deprecated by the exchange; None where it is not sent.
    """

    opening_price: Decimal
    high_price: Decimal
    low_price: Decimal
    trade_price: Decimal
    prev_closing_price: Decimal
    change: ChangeName
    change_price: Decimal
    signed_change_price: Decimal
    change_rate: Decimal
    signed_change_rate: Decimal
    trade_volume: Decimal
    acc_trade_volume: Decimal
    acc_trade_volume_24h: Decimal
    acc_trade_price: Decimal
    acc_trade_price_24h: Decimal
    trade_date: str
    trade_time: str
    trade_timestamp: Milliseconds
    ask_bid: SideName
    acc_ask_volume: Decimal
    acc_bid_volume: Decimal
    highest_52_week_price: Decimal
    highest_52_week_date: str
    lowest_52_week_price: Decimal
    lowest_52_week_date: str
    market_state: str
    is_trading_suspended: bool | None = None
    delisting_date: str | None = None
    market_warning: str | None = None

    @property
    def traded_at(self) -> datetime:
        """Time of the last trade, aware, in UTC."""
        return utc(self.trade_timestamp)


class TradeEvent(BaseWebSocketEvent, frozen=True, gc=False):
    """One trade.

    Attributes:
        ask_bid: side of the taker; see AskBid.
        trade_date: yyyy-MM-dd in UTC; `trade_time` is HH:mm:ss.
        sequential_id: unique per code, but no order; larger than a float or JavaScript number can hold.
        best_ask_price: of the book after the trade; the four `best_…` are None in old captures.
    """

    trade_price: Decimal
    trade_volume: Decimal
    ask_bid: SideName
    prev_closing_price: Decimal
    change: ChangeName
    change_price: Decimal
    trade_date: str
    trade_time: str
    trade_timestamp: Milliseconds
    sequential_id: int
    best_ask_price: Decimal | None = None
    best_ask_size: Decimal | None = None
    best_bid_price: Decimal | None = None
    best_bid_size: Decimal | None = None

    @property
    def traded_at(self) -> datetime:
        """Time of the trade, aware, in UTC."""
        return utc(self.trade_timestamp)

    @property
    def funds(self) -> Decimal:
        """What changed hands, price × volume in the quote currency, at decimal's context precision."""
        return self.trade_price * self.trade_volume


class OrderbookUnit(msgspec.Struct, frozen=True, gc=False):
    """One row of the book: the n-th best ask beside the n-th best bid."""

    ask_price: Decimal
    bid_price: Decimal
    ask_size: Decimal
    bid_size: Decimal


class OrderbookEvent(BaseWebSocketEvent, frozen=True, gc=False):
    """The whole book, best rows first; thin books are padded with rows of zero price and zero size.

    Attributes:
        orderbook_units: up to 30 rows, padding included.
        level: price grouping in KRW; 0 for none and in old captures, which do not carry it.
    """

    total_ask_size: Decimal
    total_bid_size: Decimal
    orderbook_units: tuple[OrderbookUnit, ...]
    level: Decimal = Decimal(0)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields by their names on the wire; see BaseWebSocketEvent."""
        for unit in self.orderbook_units:
            _ = (
                unit.ask_price
            )  # one of another event may be unread still (wire/unread.py), and msgspec would not see it
        return BaseWebSocketEvent.to_dict(self)

    @property
    def asks(self) -> tuple[tuple[Decimal, Decimal], ...]:
        """(price, size) of the asks, best (lowest) first, without padding."""
        return tuple((unit.ask_price, unit.ask_size) for unit in self.orderbook_units if unit.ask_price)

    @property
    def bids(self) -> tuple[tuple[Decimal, Decimal], ...]:
        """(price, size) of the bids, best (highest) first, without padding."""
        return tuple((unit.bid_price, unit.bid_size) for unit in self.orderbook_units if unit.bid_price)

    @property
    def best_ask(self) -> Decimal | None:
        """The lowest ask price, or None where nobody sells."""
        return next((unit.ask_price for unit in self.orderbook_units if unit.ask_price), None)

    @property
    def best_bid(self) -> Decimal | None:
        """The highest bid price, or None where nobody buys."""
        return next((unit.bid_price for unit in self.orderbook_units if unit.bid_price), None)

    @property
    def spread(self) -> Decimal | None:
        """Best ask minus best bid, or None where a side is empty."""
        ask, bid = self.best_ask, self.best_bid
        return None if ask is None or bid is None else ask - bid

    @property
    def mid(self) -> Decimal | None:
        """The middle between best ask and best bid, or None where a side is empty."""
        ask, bid = self.best_ask, self.best_bid
        return None if ask is None or bid is None else (ask + bid) / 2


class CandleEvent(BaseWebSocketEvent, frozen=True, gc=False):
    """One candle as it stands; the same start comes many times and the last one counts.

    Attributes:
        type: "candle.1s" … "candle.240m"; a unit nobody knows yet passes through.
        candle_date_time_utc: start, yyyy-MM-ddTHH:mm:ss; the decoder vouches that it can be parsed.
        trade_price: the close so far.
    """

    candle_date_time_utc: str
    candle_date_time_kst: str
    opening_price: Decimal
    high_price: Decimal
    low_price: Decimal
    trade_price: Decimal
    candle_acc_trade_volume: Decimal
    candle_acc_trade_price: Decimal

    @property
    def unit(self) -> str:
        """The unit as in the type: 1s, 1m, … 240m."""
        return self.type.removeprefix("candle.")

    @property
    def start(self) -> datetime:
        """Start of the candle, aware, in UTC."""
        return datetime.fromisoformat(self.candle_date_time_utc).replace(tzinfo=UTC)
