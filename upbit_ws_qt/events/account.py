"""Events of the private line: own orders, own assets, announcements."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar

import msgspec

from upbit_ws_qt.events.base import BaseWebSocketEvent, Milliseconds, utc
from upbit_ws_qt.events.names import AskBid, OrderState, SideName
from upbit_ws_qt.types import WebSocketType

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["AnnouncementEvent", "MyAssetEvent", "MyAssetItem", "MyOrderEvent"]

_ZERO = Decimal(0)
_FINAL_STATES = frozenset({OrderState.DONE, OrderState.CANCEL})


class MyOrderEvent(BaseWebSocketEvent, frozen=True, gc=False):
    """What became of an own order.

    Attributes:
        uuid: of the order; `trade_uuid` of the fill that this message reports, None where it reports none.
        ask_bid: see AskBid.
        order_type: see OrderType.
        state: see OrderState; a new one passes through.
        price: limit, or the amount of money of a market buy; the price of the fill in state "trade"; None where
            the order has none.
        avg_price: over all fills so far; None where there is none.
        volume: ordered, or of the fill in state "trade"; None where the order has none.
        trades_count: fills so far.
        locked: money or coins bound by the order.
        executed_funds: of all fills so far, in the quote currency.
        time_in_force: see TimeInForce.
        trade_fee: of this fill; None outside state "trade", as is `is_maker`.
        identifier: what the order was given by its owner.
        smp_type: see SmpType; None in messages from before November 2026.
        prevented_volume: what self-match prevention took off the order so far; `prevented_locked` the money or coins
            that this released.
        trade_timestamp: of the fill, ms; None where there is none.
        order_timestamp: of the order, ms.
    """

    websocket_type: ClassVar[WebSocketType] = WebSocketType.PRIVATE

    uuid: str
    ask_bid: SideName
    order_type: str
    state: str
    trade_uuid: str | None = None
    price: Decimal | None = None
    avg_price: Decimal | None = None
    volume: Decimal | None = None
    remaining_volume: Decimal | None = None
    executed_volume: Decimal = _ZERO
    trades_count: int = 0
    reserved_fee: Decimal = _ZERO
    remaining_fee: Decimal = _ZERO
    paid_fee: Decimal = _ZERO
    locked: Decimal = _ZERO
    executed_funds: Decimal = _ZERO
    time_in_force: str | None = None
    trade_fee: Decimal | None = None
    is_maker: bool | None = None
    identifier: str | None = None
    smp_type: str | None = None
    prevented_volume: Decimal | None = None
    prevented_locked: Decimal | None = None
    trade_timestamp: Milliseconds | None = None
    order_timestamp: Milliseconds | None = None

    @property
    def is_bid(self) -> bool:
        """Whether the order buys."""
        return self.ask_bid == AskBid.BID

    @property
    def is_fill(self) -> bool:
        """Whether this message reports a fill."""
        return self.state == OrderState.TRADE

    @property
    def is_final(self) -> bool:
        """Whether nothing more will come of the order.

        One that self-match prevention has reduced goes on with what is left of it.
        """
        reduced_to_nothing = self.state == OrderState.PREVENTED and self.remaining_volume == 0
        return reduced_to_nothing or self.state in _FINAL_STATES

    @property
    def filled_ratio(self) -> Decimal | None:
        """Executed part of the whole order, 0 to 1; None where the volume is not known (market buys)."""
        if self.remaining_volume is None:
            return None
        whole = self.executed_volume + self.remaining_volume + (self.prevented_volume or _ZERO)
        return self.executed_volume / whole if whole else None

    @property
    def ordered_at(self) -> datetime | None:
        """When the order was placed, aware, in UTC."""
        return None if self.order_timestamp is None else utc(self.order_timestamp)

    @property
    def traded_at(self) -> datetime | None:
        """When the fill happened, aware, in UTC; None where there is none."""
        return None if self.trade_timestamp is None else utc(self.trade_timestamp)


class MyAssetItem(msgspec.Struct, frozen=True, gc=False):
    """One currency of the account, exact to its 20 decimals.

    Attributes:
        balance: free to use.
        locked: bound by open orders or withdrawals.
    """

    currency: str
    balance: Decimal
    locked: Decimal


class MyAssetEvent(BaseWebSocketEvent, frozen=True, gc=False):
    """The currencies of the account that changed; `code` is empty.

    Attributes:
        asset_timestamp: of the change, ms.
    """

    websocket_type: ClassVar[WebSocketType] = WebSocketType.PRIVATE

    asset_uuid: str
    assets: tuple[MyAssetItem, ...]
    asset_timestamp: Milliseconds

    def get(self, currency: str) -> MyAssetItem | None:
        """Return the entry of a currency such as "KRW", or None where it did not change."""
        return next((item for item in self.assets if item.currency == currency), None)


class AnnouncementEvent(BaseWebSocketEvent, frozen=True, gc=False):
    """An announcement was published or changed; `code` is empty. Text from outside: show it as plain text.

    Attributes:
        event_type: see AnnouncementEventType.
        category: see AnnouncementCategory; any other passes through.
        first_listed_at: ISO 8601 with offset; `listed_at` is that of the latest change.
        body: only where asked for with `include_body`, and null even then at times.
    """

    websocket_type: ClassVar[WebSocketType] = WebSocketType.PRIVATE

    event_type: str
    uuid: str
    title: str
    category: str
    url: str
    first_listed_at: str
    listed_at: str
    body: str | None = None
