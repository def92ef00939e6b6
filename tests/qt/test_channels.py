from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from typing import TYPE_CHECKING, Any

import pytest
from PyQt6.QtCore import QEventLoop, QObject, QTimer, pyqtSlot

from tests.qt.serving import SETTINGS, served, wanted
from tests.waiting import until
from upbit_ws_qt.errors import SubscriptionError
from upbit_ws_qt.events import TickerEvent
from upbit_ws_qt.exchange import ExchangeSettings
from upbit_ws_qt.qt import (
    AnnouncementChannel,
    CandleChannel,
    IndicatorChannel,
    IndicatorSignalChannel,
    MyAssetChannel,
    MyOrderChannel,
    OrderbookChannel,
    TickerChannel,
    TradeChannel,
    WebSocketClientProxy,
    WebSocketService,
)
from upbit_ws_qt.specs import IndicatorSpec
from upbit_ws_qt.types import WebSocketType

if TYPE_CHECKING:
    from upbit_ws_qt.exchange import EmbeddedExchange


class Listener(QObject):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[TickerEvent] = []
        self.stale: list[bool] = []

    @pyqtSlot(TickerEvent)
    def on_ticker(self, event: TickerEvent) -> None:
        self.seen.append(event)

    def on_ticker_undecorated(self, event: TickerEvent) -> None:
        self.seen.append(event)

    @pyqtSlot(bool)
    def on_stale(self, stale: bool) -> None:
        self.stale.append(stale)


@served()
async def test_a_listener_makes_the_wish_and_its_end_ends_it(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    listener = Listener()
    service.ticker("krw-btc").received.connect(listener.on_ticker)
    await until(lambda: len(listener.seen) >= 3)
    assert wanted(exchange) == {("ticker", "KRW-BTC")}
    assert all(isinstance(event, TickerEvent) for event in listener.seen)
    service.ticker("KRW-BTC").received.disconnect(listener.on_ticker)
    await until(lambda: wanted(exchange) == set())


@served()
async def test_equal_wishes_share_one_channel_and_it_goes_when_nobody_refers_to_it(service: WebSocketService) -> None:
    channel = service.orderbook("KRW-BTC", level="10000", depth=5)
    assert service.orderbook("krw-btc", level=10_000, depth=5) is channel
    assert service.orderbook("KRW-BTC") is not channel
    gone = weakref.ref(channel)
    del channel
    await until(lambda: gone() is None)


@served()
async def test_a_channel_that_nobody_listens_to_wants_nothing(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    kept = service.ticker("KRW-BTC")
    other = Listener()
    service.ticker("KRW-ETH").received.connect(other.on_ticker)
    await until(lambda: other.seen)
    assert wanted(exchange) == {("ticker", "KRW-ETH")}
    assert kept.latest is None


@served()
async def test_each_listening_again_wants_again(exchange: EmbeddedExchange, service: WebSocketService) -> None:
    channel = service.ticker("KRW-BTC")
    for _ in range(3):
        listener = Listener()
        connection = channel.received.connect(listener.on_ticker)
        await until(lambda listener=listener: listener.seen)  # type: ignore[misc]
        channel.received.disconnect(connection)
        await until(lambda: wanted(exchange) == set())


@served()
async def test_frame_brings_the_newest_only_and_received_everything(service: WebSocketService) -> None:
    every: list[Any] = []
    frames: list[Any] = []
    channel = service.orderbook("KRW-BTC")
    channel.received.connect(every.append)
    channel.frame.connect(frames.append)
    await until(lambda: len(every) > 10 and frames and frames[-1] is every[-1])
    assert len(frames) <= len(every)
    assert channel.latest is every[-1]
    channel.received.disconnect()
    channel.frame.disconnect()


@served()
async def test_every_type_has_its_class(service: WebSocketService) -> None:
    rsi = IndicatorSpec.of("rsi", {"period": 14})
    signal = IndicatorSpec.of("rsi", {"period": 14}, trigger="oversold", event_params={"threshold": 30})
    assert type(service.ticker("KRW-BTC")) is TickerChannel
    assert type(service.trade("KRW-BTC")) is TradeChannel
    assert type(service.orderbook("KRW-BTC")) is OrderbookChannel
    assert type(service.candle("KRW-BTC", "1m")) is CandleChannel
    assert type(service.my_order()) is MyOrderChannel
    assert type(service.my_order("KRW-BTC")) is MyOrderChannel
    assert type(service.my_asset()) is MyAssetChannel
    assert type(service.announcement(categories="notice")) is AnnouncementChannel
    assert type(service.indicator("KRW-BTC", rsi, timeframe="5m")) is IndicatorChannel
    assert type(service.indicator_signal("KRW-BTC", signal, timeframe="5m")) is IndicatorSignalChannel


@served()
async def test_a_wish_that_cannot_be_is_refused_where_the_channel_is_asked_for(service: WebSocketService) -> None:
    with pytest.raises(SubscriptionError):
        service.ticker("nonsense")
    with pytest.raises(SubscriptionError):
        service.candle("KRW-BTC", "7m")  # type: ignore[arg-type]  # as an editor says, too
    with pytest.raises(SubscriptionError):
        service.indicator(
            "KRW-BTC",
            IndicatorSpec.of("rsi", {"period": 14}),
            timeframe="7m",  # type: ignore[arg-type]
        )


@served()
async def test_a_wrong_type_of_event_cannot_be_emitted(service: WebSocketService) -> None:
    channel = service.ticker("KRW-BTC")
    with pytest.raises(TypeError):
        channel.received.emit("not a ticker")  # type: ignore[arg-type]  # as a type checker says, too


@served()
async def test_a_proxys_channel_is_wanted_for_as_long_as_the_proxy(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    owner = Listener()
    proxy = WebSocketClientProxy("panel", owner, service=service)
    channel = proxy.ticker("KRW-BTC")
    await until(lambda: channel.latest is not None)  # nobody listens, and it flows
    channel.received.connect(owner.on_ticker)
    await until(lambda: owner.seen)
    channel.received.disconnect(owner.on_ticker)
    seen = channel.latest
    await until(lambda: channel.latest is not seen)
    owner.deleteLater()
    await until(lambda: wanted(exchange) == set())
    assert proxy.ended


@served()
async def test_a_stream_is_wanted_until_the_last_of_two_proxies_ends(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    first = WebSocketClientProxy("one", service=service)
    second = WebSocketClientProxy("two", service=service)
    first.ticker("KRW-BTC")
    channel = second.ticker("KRW-BTC")
    assert second.ticker("KRW-BTC") is channel
    await until(lambda: wanted(exchange) == {("ticker", "KRW-BTC")})
    await first.cleanup()
    seen = channel.latest
    await until(lambda: channel.latest is not seen)
    await second.cleanup()
    await until(lambda: wanted(exchange) == set())


@served()
async def test_listeners_that_die_end_the_wish(exchange: EmbeddedExchange, service: WebSocketService) -> None:
    listeners = [Listener(), Listener(), Listener()]
    service.ticker("KRW-BTC").received.connect(listeners[0].on_ticker)
    service.ticker("KRW-ETH").received.connect(listeners[1].on_ticker_undecorated)
    service.ticker("KRW-XRP").received.connect(listeners[2].on_ticker)
    await until(lambda: all(listener.seen for listener in listeners))
    listeners[2].deleteLater()
    listeners.clear()  # an undecorated slot is noticed with the next event
    await until(lambda: wanted(exchange) == set())


@served()
async def test_connecting_from_another_thread_is_looked_after_in_the_services(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    channel, listener = service.ticker("KRW-BTC"), Listener()
    await asyncio.sleep(0)
    thread = threading.Thread(target=channel.received.connect, args=(listener.on_ticker,))
    thread.start()
    thread.join()
    await until(lambda: listener.seen)
    channel.received.disconnect(listener.on_ticker)
    await until(lambda: wanted(exchange) == set())


@served()
async def test_a_lost_line_makes_channels_stale_and_the_proof_makes_them_fresh(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    listener = Listener()
    public, private = service.ticker("KRW-BTC"), service.my_order()
    public.received.connect(listener.on_ticker)
    private.received.connect(print_nothing)
    public.staleChanged.connect(listener.on_stale)
    quiet: list[bool] = []
    private.staleChanged.connect(quiet.append)
    await until(lambda: public.latest is not None and exchange.subscribed("private"))
    await until(lambda: not service.subscription_statistics()[WebSocketType.PRIVATE].unserved)
    await until(lambda: service.connection_state(WebSocketType.PRIVATE) == "connected")
    exchange.faults.inject("drop")
    await until(lambda: listener.stale == [True] and quiet == [True])
    exchange.faults.clear()
    await until(lambda: listener.stale == [True, False] and quiet == [True, False])
    assert not public.stale
    assert not private.stale
    public.received.disconnect(listener.on_ticker)
    private.received.disconnect(print_nothing)


@served(ExchangeSettings(markets=3, rate=600), busy_silence_timeout=0.5, compression=False)
async def test_a_busy_stream_that_falls_silent_is_stale_although_the_line_is_up(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    channel = service.ticker("KRW-BTC")
    stale: list[bool] = []
    channel.received.connect(print_nothing)
    channel.staleChanged.connect(stale.append)
    quiet = service.my_asset()
    quiet.received.connect(print_nothing)
    while not stale:  # on a machine that stutters it may take more than one try until it is known to be busy
        seen = channel.latest
        for _ in range(30):
            await asyncio.sleep(0.05)
        await until(lambda seen=seen: channel.latest is not seen)  # type: ignore[misc]
        exchange.stop_time()
        for _ in range(20):
            await asyncio.sleep(0.05)
        if not stale:
            exchange.continue_time()
    assert stale[0]
    exchange.continue_time()
    await until(lambda: stale[:2] == [True, False])
    assert not quiet.stale
    channel.received.disconnect(print_nothing)
    quiet.received.disconnect(print_nothing)


@served()
async def test_a_dialog_about_the_lost_line_keeps_no_other_channel_from_being_stale_or_fresh_again(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    channels = [service.ticker(code) for code in ("KRW-BTC", "KRW-ETH", "KRW-XRP")]
    told: list[list[bool]] = [[] for _ in channels]
    dialogs: list[bool] = []

    def ask(stale: bool) -> None:
        """Have a dialog open from the loss of the line until all the others are fresh again."""
        if stale and not dialogs:
            dialogs.append(True)
            assert all(channel.stale for channel in channels)
            dialog, watch = QEventLoop(), QTimer()
            watch.timeout.connect(lambda: dialog.quit() if all(len(each) == 2 for each in told[1:]) else None)
            watch.start(1)
            QTimer.singleShot(60_000, dialog.quit)
            exchange.faults.clear()
            dialog.exec()
            dialogs.append(all(each == [True, False] for each in told[1:]))

    for channel, notes in zip(channels, told, strict=True):
        channel.received.connect(print_nothing)
        channel.staleChanged.connect(notes.append)
    channels[0].staleChanged.connect(ask)
    await until(lambda: all(channel.latest is not None for channel in channels))
    await until(lambda: service.connection_state(WebSocketType.PUBLIC) == "connected")
    exchange.faults.inject("drop")
    await until(lambda: len(dialogs) == 2)
    assert dialogs == [True, True]
    await until(lambda: not any(channel.stale for channel in channels))
    for channel in channels:
        channel.received.disconnect(print_nothing)


@served()
async def test_the_end_of_the_service_makes_channels_stale_and_leaves_none(service: WebSocketService) -> None:
    channel, stale = service.ticker("KRW-BTC"), Listener()
    channel.received.connect(stale.on_ticker)
    channel.staleChanged.connect(stale.on_stale)
    await until(lambda: stale.seen)
    await service.stop()
    assert stale.stale == [True]
    gone = weakref.ref(channel)
    del channel
    gc.collect()
    assert gone() is None


@served(SETTINGS)
async def test_a_thousand_connections_cost_one_request(exchange: EmbeddedExchange, service: WebSocketService) -> None:
    codes = [market.market for market in exchange.world.markets]
    sinks = [Listener() for _ in codes]
    for code, sink in zip(codes, sinks, strict=True):
        for _ in range(50):  # the same channel again and again
            service.ticker(code).received.connect(sink.on_ticker)
    await until(lambda: all(sink.seen for sink in sinks))
    assert len(exchange.connections[0].requests) <= 3  # the union, and the proof
    assert len(sinks[0].seen) % 50 == 0
    for sink in sinks:
        sink.deleteLater()
    await until(lambda: wanted(exchange) == set())


def print_nothing(event: object) -> None:
    """Take an event and do nothing with it."""
