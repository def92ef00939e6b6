"""Events made by hand, for tests that say themselves what a market does."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, TypeVar

from msgspec.structs import replace

from tests.frames import DEFAULT_FRAMES
from upbit_ws_qt import OrderbookEvent, OrderbookUnit, TickerEvent, TradeEvent
from upbit_ws_qt.wire import decode
from widgets.base.market_catalog import Market

__all__ = ["book", "market", "ticker", "trade"]

_E = TypeVar("_E")


def _sample(kind: type[_E]) -> _E:
    found = [message for frame in DEFAULT_FRAMES for message in decode(frame) if isinstance(message, kind)]
    return found[0]


def market(code: str, name: str = "") -> Market:
    """Return a market of that code."""
    return Market(code, name or code, name or code)


def ticker(code: str, price: str = "1000", value: str = "1", **changes: Any) -> TickerEvent:
    """Return a ticker: its price, and what was traded in 24 hours."""
    usual: dict[str, Any] = {
        "code": code, "trade_price": Decimal(price), "acc_trade_price_24h": Decimal(value), "delisting_date": None,
        "market_warning": "NONE", "market_state": "ACTIVE", "is_trading_suspended": False,
    }  # fmt: skip
    return replace(_sample(TickerEvent), **{**usual, **changes})


def trade(code: str, number: int, price: str = "1000", volume: str = "1", **changes: Any) -> TradeEvent:
    """Return a trade; its number is its id, and its second."""
    usual: dict[str, Any] = {
        "code": code, "trade_price": Decimal(price), "trade_volume": Decimal(volume), "sequential_id": number,
        "trade_timestamp": 1_700_000_000_000 + number * 1000,
    }  # fmt: skip
    return replace(_sample(TradeEvent), **{**usual, **changes})


def book(code: str, price: str, tick: str, sizes: tuple[str, ...], **changes: Any) -> OrderbookEvent:
    """Return a book whose best bid is `price`, a tick between its prices, with the same sizes on both sides."""
    best, step = Decimal(price), Decimal(tick)
    units = tuple(
        OrderbookUnit(
            ask_price=best + step * (place + 1),
            bid_price=max(best - step * place, step),
            ask_size=Decimal(size),
            bid_size=Decimal(size),
        )
        for place, size in enumerate(sizes)
    )
    return replace(_sample(OrderbookEvent), code=code, orderbook_units=units, **changes)
