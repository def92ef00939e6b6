from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from PyQt6 import sip
from PyQt6.QtCore import QObject, pyqtSignal, pyqtSlot

from tests.qt.serving import config_for, emitted, running_service, served, wanted
from tests.waiting import until
from upbit_ws_qt.errors import RecoveryStrategy, SubscriptionError
from upbit_ws_qt.events import (
    AnnouncementEvent,
    BaseWebSocketEvent,
    CandleEvent,
    MyAssetEvent,
    MyOrderEvent,
    OrderbookEvent,
    TickerEvent,
    TradeEvent,
)
from upbit_ws_qt.exchange import ExchangeSettings
from upbit_ws_qt.qt import Subscription, SubscriptionState, WebSocketClientProxy, WebSocketService
from upbit_ws_qt.specs import IndicatorSpec, SubscriptionSpec
from upbit_ws_qt.types import ConnectionState, DataType, Delivery, Priority, WebSocketType

if TYPE_CHECKING:
    from upbit_ws_qt.exchange import EmbeddedExchange


class Widget(QObject):
    relayed = pyqtSignal(TickerEvent)

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Any] = []

    def on_event(self, event: Any) -> None:
        self.seen.append(event)

    @pyqtSlot(TickerEvent)
    def on_relayed(self, event: TickerEvent) -> None:
        self.seen.append(event)

    async def on_async(self, event: Any) -> None:
        await asyncio.sleep(0)
        self.seen.append(event)


@served()
async def test_await_returns_when_the_exchange_serves_it(exchange: EmbeddedExchange, service: WebSocketService) -> None:
    widget = Widget()
    proxy = WebSocketClientProxy("watch", widget, service=service)
    subscription = proxy.subscribe_ticker(["krw-btc", "KRW-ETH"], widget.on_event)
    assert state_of(subscription) is SubscriptionState.PENDING
    assert await subscription is subscription
    assert state_of(subscription) is SubscriptionState.ACTIVE
    assert wanted(exchange) == {("ticker", "KRW-BTC"), ("ticker", "KRW-ETH")}
    await until(lambda: {event.code for event in widget.seen} == {"KRW-BTC", "KRW-ETH"})
    assert all(isinstance(event, TickerEvent) for event in widget.seen)


@served()
async def test_awaiting_starts_a_service_that_was_not_started(exchange: EmbeddedExchange) -> None:
    service = WebSocketService(config_for(exchange))
    async with WebSocketClientProxy("watch", service=service) as proxy:
        await proxy.subscribe_ticker("KRW-BTC", print_nothing)
        await until(lambda: service.connection_state(WebSocketType.PUBLIC) is ConnectionState.CONNECTED)
    await service.stop()


@served()
async def test_a_code_the_exchange_does_not_know_is_a_subscription_error_that_names_it(
    service: WebSocketService,
) -> None:
    proxy = WebSocketClientProxy("watch", service=service)
    subscription = proxy.subscribe_ticker(["KRW-BTC", "KRW-NOSUCH"], print_nothing)
    failed: list[Any] = []
    subscription.failed.connect(failed.append)
    with pytest.raises(SubscriptionError, match="KRW-NOSUCH"):
        await subscription
    await until(lambda: failed)
    assert state_of(subscription) is SubscriptionState.FAILED
    assert [stream.symbol for stream in subscription.unserved] == ["KRW-NOSUCH"]
    assert isinstance(failed[0], SubscriptionError)
    subscription.set_symbols("KRW-BTC")
    await subscription
    assert state_of(subscription) is SubscriptionState.ACTIVE


@served()
async def test_activated_and_failed_signals_tell_how_it_went(service: WebSocketService) -> None:
    proxy = WebSocketClientProxy("watch", service=service)
    good = proxy.subscribe_ticker("KRW-BTC", print_nothing)
    await emitted(good.activated)
    bad = proxy.subscribe_trade("KRW-NOSUCH", print_nothing)
    (error,) = await emitted(bad.failed)
    assert error.codes == ("KRW-NOSUCH",)


@served(ExchangeSettings(markets=20, prepare=False, scopes=("view_assets",), connects_per_second=None))
async def test_a_refusal_is_told_once_and_in_the_same_words_wherever_it_is_heard_of(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    proxy = WebSocketClientProxy("orders", service=service)
    errors: list[Any] = []
    failed: list[Any] = []
    service.errorOccurred.connect(errors.append)
    assets = proxy.subscribe_my_asset(print_nothing)
    await assets
    orders = proxy.subscribe_my_order(print_nothing, ["KRW-BTC", "KRW-ETH", "KRW-XRP"])
    orders.failed.connect(failed.append)
    with pytest.raises(SubscriptionError) as awaited:
        await orders
    await until(lambda: len(orders.unserved) == 3 and failed)
    told = [error for error in errors if isinstance(error, SubscriptionError)]
    assert len(told) == len(failed) == 1
    assert told[0] is failed[0]  # one object: the listener of the service can tell it from the next refusal
    assert str(awaited.value) == str(failed[0])
    assert failed[0].recovery is RecoveryStrategy.RESUBSCRIBE
    assert (failed[0].component_id, failed[0].spec) == ("orders", str(orders.specs[0]))
    assert failed[0].codes == orders.symbols
    assert state_of(orders) is SubscriptionState.FAILED
    await assets
    await proxy.cleanup()


@pytest.mark.parametrize("symbols", ["KRWBTC", "", ["KRW-BTC", "x"], [7], ()])
@served()
async def test_a_malformed_wish_is_refused_at_once_and_leaves_nothing(service: WebSocketService, symbols: Any) -> None:
    before = len(service.children())
    proxy = WebSocketClientProxy("watch", service=service)
    with pytest.raises(SubscriptionError):
        proxy.subscribe_ticker(symbols, print_nothing)
    assert len(service.children()) == before + 1  # the proxy's own lifetime
    assert proxy.subscriptions == ()
    await proxy.cleanup()


@served()
async def test_every_callback_style_is_served(service: WebSocketService) -> None:
    widget, plain = Widget(), Widget()
    widget.relayed.connect(widget.on_relayed)
    relay = Widget()
    relay.relayed.connect(relay.on_relayed)
    functions: list[Any] = []
    tagged: list[Any] = []
    loose: list[Any] = []

    async def coroutine(event: TickerEvent) -> None:
        await asyncio.sleep(0)
        loose.append(event)

    proxy = WebSocketClientProxy("watch", widget, service=service)
    asynchronous = Widget()
    sinks: dict[str, list[Any]] = {
        "function": functions,
        "owner's method": widget.seen,
        "other's method": plain.seen,
        "partial": tagged,
        "coroutine function": loose,
        "coroutine method": asynchronous.seen,
        "signal's emit": relay.seen,
    }
    proxy.subscribe_ticker("KRW-BTC", lambda event: functions.append(event))
    proxy.subscribe_ticker("KRW-BTC", widget.on_event)
    proxy.subscribe_ticker("KRW-BTC", plain.on_event)
    proxy.subscribe_ticker("KRW-BTC", partial(_append, tagged))
    proxy.subscribe_ticker("KRW-BTC", coroutine)
    proxy.subscribe_ticker("KRW-BTC", asynchronous.on_async)
    proxy.subscribe_ticker("KRW-BTC", relay.relayed.emit)
    proxy.subscribe_ticker("KRW-BTC", widget.relayed)
    by_signal = proxy.subscribe_ticker("KRW-BTC")
    received: list[Any] = []
    by_signal.received.connect(received.append)
    await until(lambda: all(len(sink) > 3 for sink in [*sinks.values(), received]))
    for name, sink in sinks.items():
        assert all(isinstance(event, TickerEvent) for event in sink), name
    await proxy.cleanup()


@served()
async def test_a_relay_ends_with_the_object_whose_signal_it_is(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    relay = Widget()
    proxy = WebSocketClientProxy("watch", service=service)
    subscription = proxy.subscribe_ticker("KRW-BTC", relay.relayed.emit)
    await subscription
    relay.deleteLater()
    await until(lambda: proxy.subscriptions == ())
    assert subscription.state is SubscriptionState.CLOSED
    await until(lambda: wanted(exchange) == set())


@served()
async def test_set_symbols_changes_the_wish_atomically_so_that_a_chart_can_follow_a_click(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    widget = Widget()
    proxy = WebSocketClientProxy("chart", widget, service=service)
    subscription = await proxy.subscribe_candle(["KRW-BTC", "KRW-ETH"], widget.on_event, unit="1s")
    subscription.set_symbols("krw-xrp")
    assert subscription.symbols == ("KRW-XRP",)
    await subscription
    assert wanted(exchange) == {("candle.1s", "KRW-XRP")}
    await until(lambda: any(event.code == "KRW-XRP" for event in widget.seen))
    with pytest.raises(SubscriptionError):
        subscription.set_symbols("nonsense")
    assert subscription.symbols == ("KRW-XRP",)
    subscription.close()
    with pytest.raises(SubscriptionError, match="closed"):
        subscription.set_symbols("KRW-BTC")


@served()
async def test_every_public_type_arrives_typed(service: WebSocketService) -> None:
    kinds = (TickerEvent, TradeEvent, OrderbookEvent, CandleEvent)
    seen: set[type] = set()

    def count(event: BaseWebSocketEvent) -> None:
        seen.update(kind for kind in kinds if isinstance(event, kind))

    async with WebSocketClientProxy("all", service=service) as proxy:
        await proxy.subscribe_ticker("KRW-BTC", count)
        await proxy.subscribe_trade("KRW-BTC", count)
        await proxy.subscribe_orderbook("KRW-BTC", count, level=10_000, depth=5)
        await proxy.subscribe_candle("KRW-BTC", count, unit="1m")
        await until(lambda: seen == set(kinds))


@served()
async def test_private_types_arrive_typed(exchange: EmbeddedExchange, service: WebSocketService) -> None:
    orders: list[MyOrderEvent] = []
    assets: list[MyAssetEvent] = []
    news: list[AnnouncementEvent] = []
    async with WebSocketClientProxy("account", service=service, priority=Priority.CRITICAL) as proxy:
        await proxy.subscribe_my_order(orders.append)
        await proxy.subscribe_my_asset(assets.append)
        await proxy.subscribe_announcement(news.append, include_body=True)
        book = exchange.world.orderbook_instruments(["KRW-BTC"])
        assert book
        exchange.place_order("KRW-BTC", "BID", "limit", price=1_000, volume=6)
        exchange.publish_announcement(title="hello", category="notice", body="text")
        await until(lambda: orders and assets and news)
    assert type(orders[0]) is MyOrderEvent
    assert type(assets[0]) is MyAssetEvent
    assert news[0].body == "text"


@served()
async def test_private_data_without_credentials_is_refused_at_once(exchange: EmbeddedExchange) -> None:
    async with running_service(exchange, credentials=None) as service:
        proxy = WebSocketClientProxy("account", service=service)
        assert not proxy.is_private_available
        with pytest.raises(SubscriptionError, match="credentials"):
            proxy.subscribe_my_order(print_nothing)
        with pytest.raises(SubscriptionError, match="credentials"):
            service.my_asset()
        await proxy.cleanup()


@served()
async def test_indicators_can_be_subscribed(exchange: EmbeddedExchange, service: WebSocketService) -> None:
    async with WebSocketClientProxy("info", service=service) as proxy:
        rsi = IndicatorSpec.of("rsi", {"period": 14})
        cross = IndicatorSpec.of("ma_crossover", {"type": "SMA", "short": 5, "long": 20}, trigger="golden_cross")
        del cross
        await proxy.subscribe_indicator("KRW-BTC", print_nothing, timeframe="5m", indicators=rsi)
        assert wanted(exchange, "info") == {("indicator", "KRW-BTC")}
        signal = IndicatorSpec.of("rsi", {"period": 14}, trigger="overbought", event_params={"threshold": 70})
        await proxy.subscribe_indicator_signal("KRW-BTC", print_nothing, timeframe="5m", indicators=[signal])
        assert ("indicator_signal", "KRW-BTC") in wanted(exchange, "info")


@served()
async def test_frame_delivery_hands_out_the_newest_only(service: WebSocketService) -> None:
    every, frame = Widget(), Widget()
    async with WebSocketClientProxy("watch", service=service) as proxy:
        proxy.subscribe_orderbook("KRW-BTC", every.on_event)
        proxy.subscribe_orderbook("KRW-BTC", frame.on_event, delivery=Delivery.FRAME)
        await until(lambda: len(every.seen) > 20 and frame.seen and frame.seen[-1] is every.seen[-1])
        assert len(frame.seen) <= len(every.seen)
        assert all(any(shown is event for event in every.seen) for shown in frame.seen[1:])


@served()
async def test_snapshots_come_once_and_leave_running_streams_alone(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    async with WebSocketClientProxy("watch", service=service) as proxy:
        await proxy.subscribe_ticker("KRW-BTC", print_nothing)
        tickers = await proxy.get_ticker_snapshot(["KRW-ETH", "krw-xrp"])
        assert set(tickers) == {"KRW-ETH", "KRW-XRP"}
        assert isinstance(tickers["KRW-ETH"], TickerEvent)
        trades = await proxy.get_trade_snapshot("KRW-ETH")
        books = await proxy.get_orderbook_snapshot("KRW-ETH", depth=5)
        candles = await proxy.get_candle_snapshot("KRW-ETH", unit="1m")
        assert isinstance(trades["KRW-ETH"], TradeEvent)
        assert len(books["KRW-ETH"].orderbook_units) == 5
        assert candles["KRW-ETH"].unit == "1m"
        assert wanted(exchange) == {("ticker", "KRW-BTC")}


@served()
async def test_async_with_ends_everything(exchange: EmbeddedExchange, service: WebSocketService) -> None:
    async with WebSocketClientProxy("watch", service=service) as proxy:
        first = await proxy.subscribe_ticker("KRW-BTC", print_nothing)
        channel = proxy.trade("KRW-BTC")
        await until(lambda: ("trade", "KRW-BTC") in wanted(exchange))
    assert proxy.ended
    assert first.state is SubscriptionState.CLOSED
    await until(lambda: wanted(exchange) == set())
    await proxy.cleanup()
    with pytest.raises(SubscriptionError, match="ended"):
        proxy.subscribe_ticker("KRW-BTC", print_nothing)
    assert not channel.has_received_listeners


@served()
async def test_unsubscribe_ends_one(exchange: EmbeddedExchange, service: WebSocketService) -> None:
    async with WebSocketClientProxy("watch", service=service) as proxy:
        first = await proxy.subscribe_ticker("KRW-BTC", print_nothing)
        second = await proxy.subscribe_ticker("KRW-ETH", print_nothing)
        proxy.unsubscribe(first)
        proxy.unsubscribe(first)
        assert proxy.subscriptions == (second,)
        await until(lambda: wanted(exchange) == {("ticker", "KRW-ETH")})
        with pytest.raises(SubscriptionError, match="closed"):
            await first


@served()
async def test_a_proxy_is_picky_about_its_owner(service: WebSocketService) -> None:
    with pytest.raises(TypeError, match="QObject"):
        WebSocketClientProxy("x", "not an object", service=service)  # type: ignore[arg-type]


@served()
async def test_availability_follows_the_lines(service: WebSocketService) -> None:
    async with WebSocketClientProxy("watch", service=service) as proxy:
        assert proxy.is_public_available
        assert proxy.is_private_available
        await proxy.subscribe_ticker("KRW-BTC", print_nothing)
        assert proxy.is_public_available
        await service.stop()
        assert not proxy.is_public_available


@served()
async def test_the_specs_carry_what_was_asked_for(service: WebSocketService) -> None:
    async with WebSocketClientProxy("watch", service=service, priority=Priority.HIGH) as proxy:
        mine = proxy.subscribe_ticker("KRW-BTC", print_nothing, delivery=Delivery.FRAME)
        other = proxy.subscribe_trade("KRW-BTC", print_nothing, priority=Priority.LOW, only_realtime=True)
        assert mine.specs == (
            SubscriptionSpec(DataType.TICKER, "KRW-BTC", priority=Priority.HIGH, delivery=Delivery.FRAME),
        )
        assert other.specs[0].priority is Priority.LOW
        assert other.specs[0].only_realtime


def state_of(subscription: Subscription) -> SubscriptionState:
    """Return its state now; a type checker would believe that it stays what it was."""
    return subscription.state


def print_nothing(event: object) -> None:
    """Take an event and do nothing with it."""


def _append(sink: list[Any], event: Any) -> None:
    sink.append(event)


@served()
async def test_a_picture_brings_a_closed_subscription_back_into_its_proxy_and_it_dies_with_it(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    owner = Widget()
    proxy = WebSocketClientProxy("panel", owner, service=service)
    books: list[Any] = []
    owned = await proxy.subscribe_ticker("KRW-BTC", owner.on_event)
    listed = await proxy.subscribe_orderbook("KRW-BTC", books.append)
    by_signal = await proxy.subscribe_trade("KRW-BTC")
    proxy.ticker("KRW-ETH").received.connect(books.append)
    await until(lambda: len(wanted(exchange)) == 4)
    picture = service.capture_state()
    owned.close()
    listed.set_symbols("KRW-XRP")
    await until(lambda: wanted(exchange) == {("orderbook", "KRW-XRP"), ("trade", "KRW-BTC"), ("ticker", "KRW-ETH")})
    owner.seen.clear()
    result = await service.restore_state(picture)
    assert result.restored == ("panel",)
    assert listed.symbols == ("KRW-BTC",)
    assert len(proxy.subscriptions) == 3
    await until(lambda: owner.seen)
    await until(lambda: len(wanted(exchange)) == 4)
    by_signal.close()
    refused = await service.restore_state(picture)
    assert "ended with it" in str(refused.failed["panel"])
    sip.delete(owner)
    assert service.manager.get_active_subscriptions() == {}
    await until(lambda: wanted(exchange) == set())
    assert "owner is gone" in str((await service.restore_state(picture)).failed["panel"])
    assert service.manager.get_active_subscriptions() == {}


@served()
async def test_a_proxy_knows_of_its_quarantine_and_can_end_it(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    proxy = WebSocketClientProxy("panel", service=service)
    seen: list[Any] = []

    def fail_for_long(event: object) -> None:
        seen.append(event)
        if len(seen) <= service.config.quarantine_after:
            raise ValueError("as ever")

    subscription = proxy.subscribe_ticker("KRW-BTC", fail_for_long)
    channel = proxy.orderbook("KRW-BTC")
    channel.received.connect(print_nothing)
    assert not proxy.is_quarantined
    await until(lambda: proxy.is_quarantined)
    await until(lambda: wanted(exchange) == set())
    assert subscription.state is SubscriptionState.QUARANTINED
    assert set(service.quarantined()) == {"panel"}
    assert proxy.resume() is True
    assert proxy.resume() is False
    await subscription
    before, count = channel.latest, len(seen)
    await until(lambda: channel.latest is not before and len(seen) > count)
    await until(lambda: subscription.state is SubscriptionState.ACTIVE)
    await proxy.cleanup()
    await until(lambda: wanted(exchange) == set())


@served(cleanup_interval=3600.0)
async def test_the_service_cleans_up_after_owners_that_died_without_a_word(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    owner = QObject()
    proxy = WebSocketClientProxy("unannounced", owner, service=service)
    await proxy.subscribe_trade("KRW-BTC", print_nothing)
    assert await service.force_cleanup_dead_references() == 0
    owner.destroyed.disconnect()
    sip.delete(owner)
    assert await service.force_cleanup_dead_references() == 1
    assert proxy.ended
    await until(lambda: wanted(exchange) == set())
