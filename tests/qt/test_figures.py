"""What a monitor can ask of the service: nothing before it was used, and what each stream brings afterwards."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from PyQt6.QtCore import QObject

from tests.qt.serving import served
from tests.waiting import until
from upbit_ws_qt import SubscriptionSpec, WebSocketClientProxy, WebSocketService, WebSocketType

if TYPE_CHECKING:
    from PyQt6.QtWidgets import QApplication

    from upbit_ws_qt.exchange import EmbeddedExchange


def test_before_it_was_used_everything_is_empty(qapp: QApplication) -> None:
    service = WebSocketService()
    assert (service.line_events(60), service.alerts(), service.issues(), service.interference()) == ((), (), (), ())
    assert (service.adaptations(), service.stream_metrics(), service.trace_frames()) == ((), (), None)
    assert service.subscription_metrics() == ()
    assert service.predict_resource_usage() is None
    assert len(service.history("score", None, 60).values) == 0
    assert not service.acknowledge(1)
    assert not service.undo_adaptation()
    assert not service.resume("nobody")
    meter = service.measure_painting()
    meter.watch(QObject())
    meter._on_painted(0.5) if meter._on_painted is not None else None
    meter.close()


@served()
async def test_each_stream_has_its_rate_bytes_and_age(service: WebSocketService, exchange: EmbeddedExchange) -> None:
    proxy = WebSocketClientProxy("panel", service=service)
    markets = sorted(exchange.world.codes)[:5]
    proxy.subscribe_ticker(markets, lambda event: None)
    await until(lambda: sum(stream.messages_per_second > 0 for stream in service.stream_metrics()) >= 3)
    streams = service.stream_metrics()
    assert {stream.key.symbol for stream in streams} == set(markets)
    rates = [stream.messages_per_second for stream in streams]
    assert rates == sorted(rates, reverse=True)
    assert streams[0].bytes_per_second > 100 * streams[0].messages_per_second
    assert streams[0].last_event_age is not None
    await until(lambda: service.connection_metrics(WebSocketType.PUBLIC).current_subscriptions == 5)
    expected = service.predict_resource_usage()
    assert expected is not None
    assert expected.streams == 5
    assert expected.messages_per_second > 0
    fewer = service.predict_resource_usage([SubscriptionSpec("ticker", markets[:2])])
    assert fewer is not None
    assert fewer.streams == 2
    await proxy.cleanup()


@served()
async def test_each_stream_of_a_component_has_its_rate_and_its_slot_time(
    service: WebSocketService, exchange: EmbeddedExchange
) -> None:
    assert service.subscription_metrics() == ()
    first, second = "KRW-BTC", "KRW-ETH"  # busy ones
    seen: Counter[str] = Counter()
    proxy = WebSocketClientProxy("panel", service=service)
    proxy.subscribe_ticker((first, second), lambda event: seen.update([event.code]))
    channel = service.ticker(first)
    channel.received.connect(lambda event: None)
    await until(lambda: sum(one.messages_per_second > 0 for one in service.subscription_metrics("panel")) == 2)
    for one in service.subscription_metrics("panel"):
        assert 0 < one.delivered <= seen[one.key.symbol]
        assert one.slot_longest >= one.slot_mean > 0
        assert one.bytes_per_second > 100 * one.messages_per_second
    assert {one.key.symbol for one in service.subscription_metrics("panel")} == {first, second}
    assert {one.component_id for one in service.subscription_metrics()} == {"panel", f"channel ticker {first}"}
    channel.received.disconnect()
    await proxy.cleanup()
