"""What a type checker, and so an editor, knows of a program that is built on this; checked, not run.

mypy is strict and warns of comments that ignore nothing, so that each mistake below has to be one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, assert_type

from upbit_ws_qt import (
    AnnouncementEvent,
    CandleEvent,
    Delivery,
    GapEvent,
    IndicatorEvent,
    IndicatorSignalEvent,
    IndicatorSpec,
    MyAssetEvent,
    MyOrderEvent,
    SimpleWebSocketClient,
    TickerEvent,
    TradeEvent,
    WebSocketType,
)

if TYPE_CHECKING:
    from upbit_ws_qt import WebSocketClientProxy, WebSocketService


def _ticker(event: TickerEvent) -> None: ...
def _trade(event: TradeEvent) -> None: ...
def _tickers(events: tuple[TickerEvent, ...]) -> None: ...
def _orders(events: tuple[MyOrderEvent, ...]) -> None: ...
def _assets(events: tuple[MyAssetEvent, ...]) -> None: ...
def _announcements(events: tuple[AnnouncementEvent, ...]) -> None: ...
def _indicators(events: tuple[IndicatorEvent, ...]) -> None: ...
def _alarms(events: tuple[IndicatorSignalEvent, ...]) -> None: ...
def _line(line: WebSocketType, epoch: int) -> None: ...
def _three(one: int, two: int, three: int) -> None: ...


def signals(service: WebSocketService, proxy: WebSocketClientProxy) -> None:
    """What signals carry."""
    channel = proxy.ticker("KRW-BTC")
    assert_type(channel.latest, TickerEvent | None)
    assert_type(service.candle("KRW-BTC", "1m").latest, CandleEvent | None)
    channel.received.connect(_ticker)
    channel.frame.connect(lambda: None)
    for code in ("KRW-BTC", "KRW-ETH"):
        proxy.ticker(code).received.connect(lambda event, code=code: print(code, event))
    service.epochChanged.connect(_line)
    service.gapDetected.connect(lambda gap: print(gap))
    channel.received.connect(_trade)  # type: ignore[arg-type]
    service.gapDetected.connect(_three)  # type: ignore[arg-type]
    service.gapDetected.connect(_ticker)  # type: ignore[arg-type]
    service.candle("KRW-BTC", "7m")  # type: ignore[arg-type]
    service.orderbook("KRW-BTC", depth=7)  # type: ignore[arg-type]


def subscriptions(proxy: WebSocketClientProxy) -> None:
    """What callbacks are handed."""
    proxy.subscribe_ticker("KRW-BTC", _ticker)
    proxy.subscribe_ticker("KRW-BTC", _tickers, delivery=Delivery.BATCH, rate=5)
    proxy.subscribe_ticker("KRW-BTC", proxy.ticker("KRW-ETH").received)
    proxy.subscribe_ticker("KRW-BTC", _trade)  # type: ignore[arg-type]
    proxy.subscribe_ticker("KRW-BTC", _tickers)  # type: ignore[arg-type]
    proxy.subscribe_my_order(_orders, "KRW-BTC", delivery=Delivery.BATCH)
    proxy.subscribe_my_asset(_assets, delivery=Delivery.BATCH, rate=2)
    proxy.subscribe_announcement(_announcements, categories="notice", delivery=Delivery.BATCH)
    rsi = IndicatorSpec("rsi")
    proxy.subscribe_indicator("KRW-BTC", _indicators, timeframe="5m", indicators=rsi, delivery=Delivery.BATCH)
    proxy.subscribe_indicator_signal("KRW-BTC", _alarms, timeframe="5m", indicators=rsi, delivery=Delivery.BATCH)
    proxy.subscribe_my_order(_orders)  # type: ignore[arg-type]
    proxy.subscribe_my_asset(_orders, delivery=Delivery.BATCH)  # type: ignore[arg-type]
    proxy.subscribe_candle("KRW-BTC", unit="7m")  # type: ignore[call-overload]


async def loops(proxy: WebSocketClientProxy, client: SimpleWebSocketClient) -> None:
    """What loops are given."""
    async for ticker in proxy.tickers("KRW-BTC"):
        assert_type(ticker, TickerEvent)
    async for trade in client.trades("KRW-BTC"):
        assert_type(trade, TradeEvent)
    async for order in proxy.my_orders():
        assert_type(order, MyOrderEvent)
    async for announcement in proxy.announcements():
        assert_type(announcement, AnnouncementEvent)
    snapshot = await proxy.get_ticker_snapshot("KRW-BTC", timeout=1.0)
    assert_type(snapshot, dict[str, TickerEvent])


def words(trade: TradeEvent, order: MyOrderEvent) -> bool:
    """Which words are known to be all there are."""
    assert_type(trade.change, Literal["RISE", "EVEN", "FALL"])
    assert_type(order.ask_bid, Literal["ASK", "BID"])
    assert_type(order.state, str)
    return trade.ask_bid == "ask"  # type: ignore[comparison-overlap]


def gap_of(gap: GapEvent) -> int | None:
    """What is told of a gap."""
    return gap.since
