"""What the exchange's REST interface answers, as frozen structs with exact decimals; fields are named as on the wire.

Protocol sheet, "Quotation" and "Exchange": market data writes amounts as JSON numbers, account data as decimal strings.
Both are read digit by digit. Fields that are missing or unknown cost nothing where the documents call them optional.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Annotated

import msgspec

__all__ = [
    "ChanceAccount",
    "ChanceMarket",
    "ChanceSide",
    "MarketWarnings",
    "RestAccount",
    "RestApiKey",
    "RestCandle",
    "RestInstrument",
    "RestMarket",
    "RestOrder",
    "RestOrderChance",
    "RestOrderTrade",
    "RestOrderbook",
    "RestOrderbookUnit",
    "RestTicker",
    "RestTrade",
]

Milliseconds = Annotated[int, msgspec.Meta(ge=0, le=253_402_300_799_999)]
_START = datetime(1970, 1, 1, tzinfo=UTC)


class MarketWarnings(msgspec.Struct, frozen=True, gc=False):
    """What the exchange warns of.

    Attributes:
        warning: whether the market is designated as an investment warning.
        cautions: why to be careful, as the exchange names it: "PRICE_FLUCTUATIONS", "TRADING_VOLUME_SOARING",
            "DEPOSIT_AMOUNT_SOARING", "GLOBAL_PRICE_DIFFERENCES", "CONCENTRATION_OF_SMALL_ACCOUNTS", or a new one.
    """

    warning: bool = False
    cautions: tuple[str, ...] = ()


class RestMarket(msgspec.Struct, frozen=True, gc=False):
    """A market that is traded.

    Attributes:
        market: the code, quote currency first: "KRW-BTC".
        market_event: None where details were not asked for or are not given.
    """

    market: str
    korean_name: str
    english_name: str
    market_event: MarketWarnings | None = None


class RestTicker(msgspec.Struct, frozen=True, gc=False):
    """Today's figures of a market; `change_price` and `change_rate` are without sign, dates and times are UTC."""

    market: str
    trade_date: str
    trade_time: str
    trade_date_kst: str
    trade_time_kst: str
    trade_timestamp: Milliseconds
    opening_price: Decimal
    high_price: Decimal
    low_price: Decimal
    trade_price: Decimal
    prev_closing_price: Decimal
    change: str
    change_price: Decimal
    change_rate: Decimal
    signed_change_price: Decimal
    signed_change_rate: Decimal
    trade_volume: Decimal
    acc_trade_price: Decimal
    acc_trade_price_24h: Decimal
    acc_trade_volume: Decimal
    acc_trade_volume_24h: Decimal
    highest_52_week_price: Decimal
    highest_52_week_date: str
    lowest_52_week_price: Decimal
    lowest_52_week_date: str
    timestamp: Milliseconds


class RestTrade(msgspec.Struct, frozen=True, gc=False):
    """One trade; the same as the line's of this `sequential_id`.

    Attributes:
        timestamp: of the trade, ms since 1970 UTC: what the line calls `trade_timestamp`.
        change_price: against the close of the day before, with its sign; the line tells it without.
        ask_bid: "ASK" where a seller took a bid, "BID" where a buyer took an ask.
        sequential_id: unique; that it grows with time is not promised.
    """

    market: str
    trade_date_utc: str
    trade_time_utc: str
    timestamp: Milliseconds
    trade_price: Decimal
    trade_volume: Decimal
    prev_closing_price: Decimal
    change_price: Decimal
    ask_bid: str
    sequential_id: int

    @property
    def time(self) -> datetime:
        """`timestamp` as an aware datetime in UTC."""
        return _START + timedelta(milliseconds=self.timestamp)


class RestCandle(msgspec.Struct, frozen=True, gc=False):
    """A candle of any unit; one in which nothing was traded does not exist.

    Attributes:
        candle_date_time_utc: its start, "2026-11-29T20:45:00".
        timestamp: of its last change, ms since 1970 UTC.
        unit: minutes, None for the other units.
        prev_closing_price, change_price, change_rate: of days only; with sign.
        converted_trade_price: of days only, where it was asked for and is given.
        first_day_of_period: of weeks, months and years, "2026-11-23".
    """

    market: str
    candle_date_time_utc: str
    candle_date_time_kst: str
    opening_price: Decimal
    high_price: Decimal
    low_price: Decimal
    trade_price: Decimal
    timestamp: Milliseconds
    candle_acc_trade_price: Decimal
    candle_acc_trade_volume: Decimal
    unit: int | None = None
    prev_closing_price: Decimal | None = None
    change_price: Decimal | None = None
    change_rate: Decimal | None = None
    converted_trade_price: Decimal | None = None
    first_day_of_period: str | None = None

    @property
    def start(self) -> datetime:
        """`candle_date_time_utc` as an aware datetime in UTC."""
        return datetime.fromisoformat(self.candle_date_time_utc).replace(tzinfo=UTC)

    @property
    def first_day(self) -> date | None:
        """`first_day_of_period` as a date."""
        return None if self.first_day_of_period is None else date.fromisoformat(self.first_day_of_period)


class RestOrderbookUnit(msgspec.Struct, frozen=True, gc=False):
    """One step of a book: the best ask and the best bid that are left at this depth."""

    ask_price: Decimal
    bid_price: Decimal
    ask_size: Decimal
    bid_size: Decimal


class RestOrderbook(msgspec.Struct, frozen=True, gc=False):
    """A book, best prices first; `level` is the grouping, 0 for none."""

    market: str
    timestamp: Milliseconds
    total_ask_size: Decimal
    total_bid_size: Decimal
    orderbook_units: tuple[RestOrderbookUnit, ...]
    level: Decimal = Decimal(0)


class RestInstrument(msgspec.Struct, frozen=True, gc=False):
    """In which steps a market's prices move, and by which its book can be grouped; 0 is no grouping."""

    market: str
    quote_currency: str
    tick_size: Decimal
    supported_levels: tuple[Decimal, ...]


class RestAccount(msgspec.Struct, frozen=True, gc=False):
    """A balance.

    Attributes:
        balance: free for orders.
        locked: bound by open orders.
        avg_buy_price: in `unit_currency`.
        avg_buy_price_modified: whether the owner changed that by hand.
    """

    currency: str
    balance: Decimal
    locked: Decimal
    avg_buy_price: Decimal
    avg_buy_price_modified: bool
    unit_currency: str


class RestOrderTrade(msgspec.Struct, frozen=True, gc=False):
    """A fill of an order; `trend` is "up" or "down", `funds` price times volume."""

    market: str
    uuid: str
    price: Decimal
    volume: Decimal
    funds: Decimal
    side: str
    created_at: datetime
    trend: str | None = None


class RestOrder(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """An order as it stands.

    Attributes:
        side: "ask" or "bid".
        ord_type: "limit", "price", "market" or "best".
        state: "wait", "watch", "done" or "cancel".
        price: of one piece; the total for a market buy; None for a market sell.
        volume: None for a market buy.
        time_in_force: "fok", "ioc", "post_only" or None.
        identifier: the owner's own name for it, None where there is none.
        trades: its fills where one order was asked for, otherwise empty; `trades_count` tells how many there are.
    """

    market: str
    uuid: str
    side: str
    ord_type: str
    state: str
    created_at: datetime
    trades_count: int
    remaining_volume: Decimal | None = None
    executed_volume: Decimal
    reserved_fee: Decimal
    remaining_fee: Decimal
    paid_fee: Decimal
    locked: Decimal
    prevented_volume: Decimal | None = None
    prevented_locked: Decimal | None = None
    price: Decimal | None = None
    volume: Decimal | None = None
    time_in_force: str | None = None
    identifier: str | None = None
    smp_type: str | None = None
    trades: tuple[RestOrderTrade, ...] = ()


class ChanceSide(msgspec.Struct, frozen=True, gc=False):
    """The currency of one side of a market and the smallest total of an order in it."""

    currency: str
    min_total: Decimal


class ChanceMarket(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What orders a market takes."""

    id: str
    name: str
    order_sides: tuple[str, ...] = ()
    bid_types: tuple[str, ...] = ()
    ask_types: tuple[str, ...] = ()
    bid: ChanceSide
    ask: ChanceSide
    max_total: Decimal | None = None
    state: str | None = None


class ChanceAccount(msgspec.Struct, frozen=True, gc=False):
    """A balance beside the fees; as RestAccount, but the unit may be missing."""

    currency: str
    balance: Decimal
    locked: Decimal
    avg_buy_price: Decimal
    avg_buy_price_modified: bool
    unit_currency: str | None = None


class RestOrderChance(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """With what fees, limits and balances orders can be placed in a market."""

    bid_fee: Decimal
    ask_fee: Decimal
    maker_bid_fee: Decimal | None = None
    maker_ask_fee: Decimal | None = None
    market: ChanceMarket
    bid_account: ChanceAccount
    ask_account: ChanceAccount


class RestApiKey(msgspec.Struct, frozen=True, gc=False):
    """A key of the account and until when it holds."""

    access_key: str
    expire_at: datetime

    def __repr__(self) -> str:
        return f"RestApiKey(access_key='…{self.access_key[-4:]}', expire_at={self.expire_at.isoformat()})"
